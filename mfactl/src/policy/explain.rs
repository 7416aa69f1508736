//! `mfactl policy explain`: what would be decided about a login, which rule decides, and why each earlier one does not.

use super::draft::Place;
use super::lines::beside;
use super::told::Met;
use crate::Desk;
use mfa_cli::{Exit, Failure, Screen, moment, printable, remembered};
use mfa_proto::policy::{Considered, EXPLAIN, Explanation, Question};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// Say what a login would be asked for, and why
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl policy explain --user alice --service sudo
  mfactl policy explain --user alice --service sshd --from 10.1.2.3
  mfactl policy explain --user ansible --service sshd --from 10.0.0.9 \\
      --ssh-auth publickey
  mfactl policy explain --user root --service su --caller alice
  mfactl policy explain --user alice --service sshd --at '2027-01-15 23:00'

What is not said is not known, and then a rule that asks for more counts,
while one that asks for less does not.")]
pub(crate) struct Args {
    /// The account that is logged in to
    #[arg(long, value_name = "NAME")]
    user: String,
    /// The PAM service: sshd, sudo, su, login, polkit-1, …
    #[arg(long, value_name = "NAME")]
    service: String,
    /// The network address the login comes from; a host name proves nothing
    #[arg(long, value_name = "ADDRESS", conflicts_with = "local")]
    from: Option<String>,
    /// At this machine
    #[arg(long, conflicts_with = "remote")]
    local: bool,
    /// Over the network
    #[arg(long)]
    remote: bool,
    /// What sshd has verified: publickey, password, gssapi-with-mic, …, "" for
    /// nothing; or a file (with / or . in its name) with the text of
    /// SSH_AUTH_INFO_0 or a public key
    #[arg(long, value_name = "METHOD|FILE")]
    ssh_auth: Option<String>,
    /// Whoever is logged in and asks (su, sudo, pkexec)
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// When: 2027-01-15, '2027-01-15 08:00', 08:00
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// By this file of policy, not by what is in force
    #[arg(long = "policy", value_name = "FILE", id = "file")]
    file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: Args, desk: &mut Desk) -> Result<Exit, Failure> {
    if let Some(file) = &args.file {
        args.place.send(file, desk)?;
    }
    let explanation: Explanation = desk.daemon.call(EXPLAIN, &question(args)?)?;
    if desk.json {
        desk.screen.json(&explanation)?;
    } else {
        show(&desk.screen, &explanation)?;
    }
    Ok(Exit::Done)
}

fn question(args: Args) -> Result<Question, Failure> {
    let at = match &args.at {
        Some(text) => Some(moment::parse(text, moment::now()).ok_or_else(|| {
            Failure::usage("--at takes a time such as 2027-01-15, '2027-01-15 08:00' or 08:00, or one with its offset.")
        })?),
        None => None,
    };
    let origin = if args.local { Some("local") } else { args.remote.then_some("remote") };
    let service = service(&args.service).to_owned();
    // Whoever runs sudo becomes somebody else and authenticates as themselves.
    let oneself = || matches!(service.as_str(), "sudo" | "sudo-i" | "doas" | "polkit-1").then(|| args.user.clone());
    Ok(Question {
        caller: args.caller.or_else(oneself),
        user: args.user,
        service,
        rhost: args.from,
        origin: origin.map(str::to_owned),
        ssh_auth: args.ssh_auth.map(|what| verified(&what)).transpose()?,
        at,
    })
}

/// The PAM service that somebody means who says what the policy says.
fn service(word: &str) -> &str {
    match word {
        "ssh" | "@ssh" => "sshd",
        "@login" => "login",
        "@sudo" => "sudo",
        "@su" => "su",
        "@polkit" | "polkit" | "pkexec" => "polkit-1",
        other => other,
    }
}

/// Methods as they are, the text of a file where a file is named.
fn verified(what: &str) -> Result<String, Failure> {
    if !what.contains(['/', '.']) {
        return Ok(what.to_owned());
    }
    let shown = printable::line(what);
    let failed = |error: std::io::Error| Failure::refused("unreadable", format!("{shown} cannot be read: {error}."));
    let mut text = String::new();
    File::open(what).map_err(failed)?.take(32 * 1024).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn show(screen: &Screen, told: &Explanation) -> Result<(), Failure> {
    screen.line(&screen.strong(&printable::wrap(&heading(told))))?;
    let widest = told.considered.iter().map(|one| printable::width(&printable::line(&one.name))).max();
    let column = widest.unwrap_or(0).min(34) + 7;
    for one in &told.considered {
        let text = rule(one, column);
        screen.line(&if one.decides { screen.strong(&text) } else { text })?;
    }
    if told.left_out > 0 {
        screen.line(&format!("     and {} more that do not decide", told.left_out))?;
    }
    screen.line("")?;
    for sentence in conclusion(told) {
        screen.line(&printable::wrap(&sentence))?;
    }
    silent_login(screen, told)
}

/// Such as `alice at sshd from 10.1.2.3, remote, by publickey, on 2026-11-22 09:14`.
fn heading(told: &Explanation) -> String {
    let is_ssh = told.service == "sshd";
    let mut text = format!("{} at {}", printable::line(&told.user), printable::line(&told.service));
    match told.address.as_deref() {
        Some("none") => {}
        Some(address) => text.push_str(&format!(" from {}", printable::line(address))),
        None => text.push_str(" from an unknown address"),
    }
    if let Some(origin) = &told.origin {
        text.push_str(&format!(", {}", printable::line(origin)));
    }
    match told.ssh_auth.as_str() {
        _ if !is_ssh => {}
        "" => text.push_str(", nothing verified by sshd yet"),
        "unknown" => {}
        methods => text.push_str(&format!(", by {}", printable::line(methods))),
    }
    if let Some(caller) = told.caller.as_ref().filter(|caller| **caller != told.user) {
        text.push_str(&format!(", asked by {}", printable::line(caller)));
    }
    format!("{text}, on {}", moment::date_time(told.at))
}

/// Such as `> 2 admins      yes: always`.
fn rule(one: &Considered, column: usize) -> String {
    let number = one.number.map_or_else(String::new, |number| number.to_string());
    let mark = if one.decides { ">" } else { " " };
    let head = format!("{mark}{number:>3} {}", printable::line(&one.name));
    let word = match one.matched.as_str() {
        "yes" => "yes",
        "no" => "no",
        _ => "perhaps",
    };
    beside(&head, column, &format!("{word}: {}", printable::line(&one.because)))
}

fn conclusion(told: &Explanation) -> Vec<String> {
    let (outcome, asked, enrolled) = (&told.outcome, told.asked.as_str(), told.enrolled.as_slice());
    let met = Met { outcome, asked, enrolled, service: &told.service, origin: told.origin.as_deref() };
    let mut sentences = met.sentences();
    if told.observed {
        let would_be = sentences.join(" ");
        sentences = vec![format!("Not asked, only observed. What is recorded: {would_be}")];
    }
    for one in &told.covered {
        let (until, at) = (moment::date_time(one.until), moment::date_time(one.at));
        let (place, service) = (printable::line(&remembered::place(one)), printable::line(&one.service));
        sentences.push(format!("Now: not asked by {place} until {until}, covered by the login of {at} ({service})."));
    }
    if told.asked != told.user {
        sentences.push(format!("It is {}, who asks, who shows a factor.", printable::line(&told.asked)));
    }
    if !told.certain {
        sentences.push(not_certain(told));
    }
    sentences
}

/// What would have to be known, and how to say it.
fn not_certain(told: &Explanation) -> String {
    let unknown = told.considered.iter().filter(|one| one.matched == "unknown");
    let keys: BTreeSet<&str> = unknown.filter_map(|one| one.condition.as_deref()).collect();
    let hint = |key: &&str| match *key {
        "from" | "not_from" => "the address (--from)",
        "origin" => "whether it is at this machine (--local, --remote)",
        "ssh_auth" | "ssh_key" => "what sshd has verified (--ssh-auth)",
        "who" => "who asks (--caller)",
        "groups" => "a group, which the directory did not tell",
        "hours" | "until" => "the civil time of this machine",
        _ => "something else",
    };
    let hints: BTreeSet<&str> = keys.iter().map(hint).collect();
    let hints: Vec<&str> = hints.into_iter().collect();
    format!("Not certain: it hangs on {}. What is not known is taken as strictly as it may be.", hints.join(" and "))
}

/// The line for the account phase, which decides where a key is enough for sshd.
const ACCOUNT_LINE: &str = "account [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so";

/// For whom a rule exempts: how a client that cannot be asked anything gets in.
fn silent_login(screen: &Screen, told: &Explanation) -> Result<(), Failure> {
    let exempt = |what: Option<&str>, reason: Option<&str>| what == Some("skip") && reason == Some("exempt");
    let Some(silent) = told
        .silent
        .as_ref()
        .filter(|_| exempt(Some(&told.outcome.what), told.outcome.reason.as_deref()) && !told.observed)
    else {
        return Ok(());
    };
    screen.line("")?;
    let Some(block) = &told.match_block else {
        let why = if exempt(Some(&silent.what), silent.reason.as_deref()) {
            "its names cannot be told to sshd"
        } else {
            "where a key is enough for sshd, it does not say what it has verified, so a rule with ssh_auth or ssh_key \
             exempts nobody there"
        };
        let text = format!("Automation (BatchMode, Ansible) would need a rule of another kind: {why}.");
        return screen.line(&printable::wrap(&text));
    };
    screen.line(&printable::wrap(
        "Automation (BatchMode, Ansible) fails where sshd demands keyboard-interactive, even if PAM then asks nothing. \
         sshd lets it in by a key alone with these lines in /etc/ssh/sshd_config.d/00-mfa.conf:",
    ))?;
    screen.line("")?;
    for line in block {
        screen.line(&printable::line(line))?;
    }
    screen.line("")?;
    screen.line(&printable::wrap(
        "The policy still decides about these logins, and refuses those that no rule exempts, with this line before \
         common-account (password-auth) in /etc/pam.d/sshd:",
    ))?;
    screen.line("")?;
    screen.line(ACCOUNT_LINE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_proto::policy::Outcome;

    fn told() -> Explanation {
        let considered = |name: &str, matched: &str, condition: Option<&str>| Considered {
            number: Some(1),
            name: name.into(),
            place: None,
            matched: matched.into(),
            condition: condition.map(str::to_owned),
            because: "it is so".into(),
            decides: matched == "yes",
        };
        Explanation {
            user: "alice".into(),
            service: "sshd".into(),
            address: Some("10.1.2.3".into()),
            origin: Some("remote".into()),
            ssh_auth: "publickey".into(),
            caller: None,
            at: 1_800_000_000,
            considered: vec![considered("net", "unknown", Some("from")), considered("all", "yes", None)],
            left_out: 0,
            rule: "all".into(),
            outcome: Outcome { what: "factors".into(), kinds: vec!["totp".into()], ..Outcome::default() },
            observed: false,
            asked: "alice".into(),
            enrolled: vec!["totp".into()],
            certain: false,
            covered: Vec::new(),
            silent: None,
            match_block: None,
        }
    }

    #[test]
    fn the_login_is_told_as_it_is_understood() {
        assert!(heading(&told()).starts_with("alice at sshd from 10.1.2.3, remote, by publickey, on "));
        let vague = Explanation { address: None, origin: None, ssh_auth: "unknown".into(), ..told() };
        assert!(heading(&vague).starts_with("alice at sshd from an unknown address, on "), "{}", heading(&vague));
        let su = Explanation {
            service: "su".into(),
            address: Some("none".into()),
            origin: None,
            caller: Some("bob\x07".into()),
            ..told()
        };
        assert!(heading(&su).starts_with("alice at su, asked by bob\\u{7}, on "), "{}", heading(&su));
    }

    #[test]
    fn what_is_uncertain_says_how_to_be_certain() {
        let text = conclusion(&told()).join("\n");
        assert!(text.contains("Asked for: phone app."), "{text}");
        assert!(text.contains("hangs on the address (--from)."), "{text}");
        let observed = Explanation { observed: true, certain: true, ..told() };
        assert_eq!(conclusion(&observed), ["Not asked, only observed. What is recorded: Asked for: phone app."]);
    }

    #[test]
    fn what_covers_the_login_is_told_with_its_end() {
        let mut covered = told();
        covered.covered = vec![mfa_proto::enrollment::Remembered {
            id: 3,
            key: Some("SHA256:abc".into()),
            address: None,
            session: None,
            chosen: true,
            service: "sshd".into(),
            at: 1_800_000_000,
            until: 1_800_000_900,
            kind: "totp".into(),
            record: 7,
        }];
        let text = conclusion(&covered).join("\n");
        assert!(text.contains("Now: not asked by SSH key SHA256:abc from anywhere until "), "{text}");
        assert!(text.contains("covered by the login of ") && text.contains("(sshd)."), "{text}");
    }

    #[test]
    fn the_rule_that_decides_is_marked() {
        let text: Vec<String> = told().considered.iter().map(|one| rule(one, 14)).collect();
        assert_eq!(text, ["   1 net      perhaps: it is so", ">  1 all      yes: it is so"]);
    }

    #[test]
    fn words_of_the_policy_name_services() {
        assert_eq!([service("@ssh"), service("pkexec"), service("cups")], ["sshd", "polkit-1", "cups"]);
    }
}
