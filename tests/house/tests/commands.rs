//! What documents and helps tell people to type is understood: each line goes through the commands' own arguments.

use clap::{Command, error::ErrorKind};
use house::project;

/// The commands, as they describe themselves.
fn ours() -> [Command; 2] {
    [mfactl::command(), mfa_enroll::command()]
}

/// A line's words, as a shell takes them; up to where another command, a file or a remark begins.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '|' | '<' | '>' | ';' | '#' | '…' | '\\') => break,
            (None, '&') if characters.peek() == Some(&'&') => break,
            (None, ' ') => {
                words.extend(word.take());
                // Behind two blanks stands what it does.
                if characters.peek() == Some(&' ') {
                    break;
                }
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The words of a line, if it calls one of ours and says more than its name.
fn call(line: &str) -> Option<Vec<String>> {
    let line = line.trim().trim_start_matches("$ ").trim_start_matches("sudo ");
    ["mfactl ", "mfa-enroll "]
        .iter()
        .any(|name| line.starts_with(name))
        .then(|| words(line))
        .filter(|words| words.len() > 1)
}

/// What its own command says against it, but for what `fits` of that.
fn against(words: &[String], fits: &[ErrorKind]) -> Option<String> {
    let command = ours().into_iter().find(|command| command.get_name() == words[0]).expect("it is one of ours");
    let error = command.try_get_matches_from(words).err()?;
    let shown = [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion];
    (!shown.contains(&error.kind()) && !fits.contains(&error.kind())).then(|| {
        let said = error.to_string();
        format!("{}: {}", words.join(" "), said.lines().next().unwrap_or_default())
    })
}

/// Lines between fences, and what stands between single backticks elsewhere.
fn fenced_and_quoted(document: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut fenced, mut quoted, mut inside) = (Vec::new(), Vec::new(), false);
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            fenced.push(line);
        } else {
            quoted.extend(line.split('`').skip(1).step_by(2));
        }
    }
    (fenced, quoted)
}

/// Every command and what can be told to it, but for what is hidden, with its whole name.
fn all(command: &Command, name: &str, found: &mut Vec<(String, Command)>) {
    found.push((name.to_owned(), command.clone()));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        all(below, &format!("{name} {}", below.get_name()), found);
    }
}

fn commands() -> Vec<(String, Command)> {
    let mut found = Vec::new();
    ours().iter().for_each(|command| all(command, command.get_name(), &mut found));
    found
}

#[test]
fn whatever_a_document_tells_people_to_type_is_understood() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for path in project::files(".md") {
        let text = project::text(&path);
        let (fenced, quoted) = fenced_and_quoted(&text);
        let whole = fenced.iter().filter_map(|line| call(line)).filter_map(|words| {
            tried += 1;
            against(&words, &[])
        });
        wrong.extend(whole.map(|why| format!("{path}: {why}")));
        // In a sentence a command is named, not called: what it needs may be missing, or a word in capitals.
        let named = [
            ErrorKind::MissingRequiredArgument,
            ErrorKind::MissingSubcommand,
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
            ErrorKind::ValueValidation,
            ErrorKind::InvalidValue,
        ];
        let parts = quoted.iter().filter_map(|words| call(words)).filter_map(|words| against(&words, &named));
        wrong.extend(parts.map(|why| format!("{path}: {why}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried >= 40, "{tried}");
}

#[test]
fn every_example_in_a_help_is_understood() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for (name, command) in commands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for words in help.lines().filter(|line| line.starts_with("  ")).filter_map(call) {
            tried += 1;
            wrong.extend(against(&words, &[]).map(|why| format!("{name} --help: {why}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried >= 100, "{tried}");
}

#[test]
fn every_command_has_an_example() {
    let has = |command: &Command| command.get_after_help().is_some_and(|help| help.to_string().starts_with("Example"));
    let bare: Vec<_> = commands().into_iter().filter(|(_, command)| !has(command)).map(|(name, _)| name).collect();
    assert!(bare.is_empty(), "{bare:?}");
}

#[test]
fn a_line_is_read_as_a_shell_reads_it() {
    assert_eq!(words("mfactl user 'a b' --json | jq .").join(","), "mfactl,user,a b,--json");
    assert_eq!(words("mfactl unlock alice     too many").join(","), "mfactl,unlock,alice");
    assert_eq!(call("sudo mfactl status && reboot").map(|words| words.join(",")).as_deref(), Some("mfactl,status"));
    assert_eq!(call("mfactld x"), None);
}
