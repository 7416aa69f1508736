//! Manual pages of the commands: one for each, and one for each of what they can be told to do. What a command's help
//! says under "Examples:" and below becomes sections; what no help says (files, other pages) is added here.

use std::fmt::Write;

use clap::Command;
use clap_mangen::Man;

use crate::settings;

/// One page.
pub struct Page {
    /// Such as `mfactl-audit`.
    pub name: String,
    /// Such as `8`.
    pub section: &'static str,
    /// Its source, for `man`.
    pub text: String,
}

impl Page {
    /// What it is called in its folder.
    pub fn file(&self) -> String {
        format!("{}.{}", self.name, self.section)
    }
}

/// Every page that is made from code.
pub fn all() -> Vec<Page> {
    let mut pages = Vec::new();
    collect(mfactl::command(), "mfactl", "8", &mut pages);
    collect(mfa_enroll::command(), "mfa-enroll", "1", &mut pages);
    pages.push(Page { name: "mfa".into(), section: "1", text: ".so man1/mfa-enroll.1\n".into() });
    pages.push(settings::page(include_str!("../../../packaging/etc/mfa.toml")));
    pages
}

/// A command's page, and those of the commands below it.
fn collect(mut command: Command, name: &str, section: &'static str, pages: &mut Vec<Page>) {
    // Names of commands below it, options of every command: as they are when it runs.
    command.build();
    walk(&command, name, section, None, pages);
}

fn walk(command: &Command, name: &str, section: &'static str, above: Option<&str>, pages: &mut Vec<Page>) {
    let shown = |below: &&Command| !below.is_hide_set() && below.get_name() != "help";
    let below: Vec<&Command> = command.get_subcommands().filter(shown).collect();
    let names: Vec<String> = below.iter().map(|below| format!("{name}-{}", below.get_name())).collect();
    pages.push(Page {
        name: name.to_owned(),
        section,
        text: page(command, name, section, &names)
            + &see_also(name, section, above.into_iter().chain(names.iter().map(String::as_str))),
    });
    for (command, below) in below.into_iter().zip(&names) {
        walk(command, below, section, Some(name), pages);
    }
}

fn page(command: &Command, name: &str, section: &str, below: &[String]) -> String {
    let told = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let command = command.clone().display_name(name.to_owned()).disable_help_subcommand(true);
    let man = Man::new(command.clone()).title(name.to_uppercase()).section(section).source("mfa").manual("mfa");
    let mut text = Vec::new();
    let mut put = |render: &dyn Fn(&Man, &mut Vec<u8>) -> std::io::Result<()>| {
        render(&man, &mut text).unwrap_or_else(|error| unreachable!("memory can be written: {error}"));
    };
    put(&|man, text| man.render_title(text));
    put(&|man, text| man.render_name_section(text));
    put(&|man, text| man.render_synopsis_section(text));
    put(&|man, text| man.render_description_section(text));
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        put(&|man, text| man.render_options_section(text));
    }
    let mut text = String::from_utf8_lossy(&text).into_owned();
    if !below.is_empty() {
        text += &commands(&command, below, section);
    }
    text + &examples(&told)
}

/// What it can be told to do, a line each, with the page that says more.
fn commands(command: &Command, below: &[String], section: &str) -> String {
    let mut text = String::from(".SH COMMANDS\n");
    for page in below {
        let word = page.rsplit_once('-').map_or(page.as_str(), |(_, word)| word);
        let found = command.get_subcommands().find(|one| page.ends_with(&format!("-{}", one.get_name())));
        let about = found.and_then(Command::get_about).map(ToString::to_string).unwrap_or_default();
        let word = found.map_or(word, Command::get_name);
        let _ =
            write!(text, ".TP\n\\fB{}\\fR\n{}: see \\fB{}\\fR({section})\n", plain(word), plain(&about), plain(page));
    }
    text
}

/// What the help says behind its options: examples as they stand, the rest as text.
fn examples(told: &str) -> String {
    let mut text = String::new();
    let mut verbatim = false;
    for line in told.lines() {
        match line.strip_suffix(':').filter(|title| !line.starts_with(' ') && title.starts_with("Example")) {
            Some(_) => text += ".SH EXAMPLES\n.nf\n",
            None if line.starts_with(' ') => text += &format!("{}\n", plain(line)),
            None if line.is_empty() && verbatim => text += ".fi\n.PP\n",
            None if line.is_empty() => text += ".PP\n",
            None if line.starts_with("Exit codes:") => {
                text += &format!(".SH EXIT STATUS\n{}\n", plain(line.trim_start_matches("Exit codes: ")));
            }
            None => text += &format!("{}\n", plain(line)),
        }
        verbatim = line.starts_with(' ');
    }
    if verbatim { text + ".fi\n" } else { text }
}

/// The pages next to it, then those of the family.
fn see_also<'a>(name: &str, section: &str, near: impl Iterator<Item = &'a str>) -> String {
    let near = near.map(|page| (page, section));
    let mut pages: Vec<(&str, &str)> = near.collect();
    for page in [("mfactl", "8"), ("mfa-enroll", "1"), ("mfa-policy.toml", "5"), ("mfa-daemon", "8"), ("pam_mfa", "8")]
    {
        if page.0 != name && !pages.contains(&page) {
            pages.push(page);
        }
    }
    let pages: Vec<String> = pages.iter().map(|(page, section)| format!(".BR {} ({section})", plain(page))).collect();
    format!(".SH SEE ALSO\n{}\n", pages.join(",\n"))
}

/// Text that means nothing else to `man`.
pub(crate) fn plain(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_examples() {
        let pages = all();
        for name in
            ["mfactl", "mfactl-policy-preview", "mfactl-break-glass-create", "mfa-enroll", "mfa-enroll-add-totp"]
        {
            let page = pages.iter().find(|page| page.name == name).unwrap_or_else(|| panic!("{name}"));
            assert!(page.text.contains(".SH SYNOPSIS\n"), "{}", page.text);
            assert!(page.text.contains(".SH EXAMPLES\n.nf\n"), "{name}: {}", page.text);
        }
        assert!(pages.iter().all(|page| !page.name.contains("help")));
    }

    #[test]
    fn what_means_something_to_man_is_plain_text() {
        assert_eq!(plain(".so \\fB a-b"), "\\&.so \\efB a\\-b");
    }
}
