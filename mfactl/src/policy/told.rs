//! What the policy decides, in sentences.

use super::lines::{either, kinds};
use mfa_cli::{moment, printable};
use mfa_proto::policy::Outcome;

/// What somebody meets who has these kinds of factor enrolled.
pub(super) struct Met<'a> {
    /// What is to be done.
    pub(super) outcome: &'a Outcome,
    /// Whose factors it is about.
    pub(super) asked: &'a str,
    /// The kinds that this one has.
    pub(super) enrolled: &'a [String],
    /// Where.
    pub(super) service: &'a str,
    /// `local` or `remote`, if that is known.
    pub(super) origin: Option<&'a str>,
}

impl Met<'_> {
    /// One or more sentences.
    pub(super) fn sentences(&self) -> Vec<String> {
        let (asked, service) = (printable::line(self.asked), printable::line(self.service));
        let reason = self.outcome.reason.as_deref().unwrap_or_default();
        match (self.outcome.what.as_str(), reason) {
            ("skip", "exempt") => vec!["Not asked: the rule says never.".to_owned()],
            ("skip", "not-enrolled") => {
                vec![format!("Not asked: {asked} has enrolled nothing, and only whoever has is asked.")]
            }
            ("skip", "seats-full") => vec![
                "Not asked: all seats are taken, so the first factor alone lets in. \
                 See: mfactl license status"
                    .to_owned(),
            ],
            ("skip", _) => vec![format!("Not asked: nothing in the policy covers {service}.")],
            ("deny", "seats-full") => {
                vec!["REFUSED: nothing is enrolled, and all seats are taken. See: mfactl license status".to_owned()]
            }
            ("deny", "caller-unknown") => {
                vec!["REFUSED: it is not known who asks, and whoever asks would have to show a factor.".to_owned()]
            }
            ("deny", _) => vec![format!(
                "REFUSED, whatever is typed: it takes {}, and {asked} has {}.",
                either(&self.outcome.kinds),
                kinds_or_nothing(self.enrolled)
            )],
            ("enroll", how) => vec![self.enrolling(how)],
            ("factors", _) => self.factors(),
            (what, _) => vec![format!("{}.", printable::line(what))],
        }
    }

    fn enrolling(&self, how: &str) -> String {
        let (asked, accepted) = (printable::line(self.asked), either(&self.outcome.kinds));
        let here = matches!(self.service, "sshd" | "login" | "remote");
        let can = self.outcome.kinds.iter().any(|kind| kind == "totp");
        match how {
            "grace" => {
                let left = u64::try_from(self.outcome.seconds_left.unwrap_or(0)).unwrap_or(0);
                format!(
                    "Goes on without for {}: {asked} has enrolled nothing yet. Then it takes {accepted}.",
                    moment::span(left)
                )
            }
            "at-login" if can && here => {
                format!("Must enroll first, in this login: {asked} has nothing. It takes {accepted}.")
            }
            "at-login" if can => {
                format!("REFUSED until {asked} has run mfa-enroll: nothing is enrolled. It takes {accepted}.")
            }
            "invite" if can => format!(
                "Must enroll first, with a code from an administrator: {asked} has nothing. It takes {accepted}."
            ),
            "at-login" | "invite" => {
                format!("REFUSED: {asked} has nothing, and a login cannot enroll what it takes: {accepted}.")
            }
            _ => format!("REFUSED: {asked} has nothing, and the policy lets nobody enroll in a login."),
        }
    }

    fn factors(&self) -> Vec<String> {
        let of = |wanted: bool, among: &[String], than: &[String]| -> Vec<String> {
            among.iter().filter(|kind| than.contains(kind) == wanted).cloned().collect()
        };
        let (accepted, enrolled) = (&self.outcome.kinds, self.enrolled);
        let mut told = vec![format!("Asked for: {}.", either(&of(true, enrolled, accepted)))];
        let more = of(false, accepted, enrolled);
        if !more.is_empty() {
            told.push(format!("Would do as well, and not enrolled: {}.", kinds(&more)));
        }
        told.extend(self.keys(&of(true, enrolled, accepted)));
        let useless = of(false, enrolled, accepted);
        if !useless.is_empty() {
            told.push(format!("Enrolled, and does not do here: {}.", kinds(&useless)));
        }
        told
    }
}

impl Met<'_> {
    /// What else there is to know of the keys that somebody has and that would do.
    fn keys(&self, usable: &[String]) -> Vec<String> {
        let has = |kind: &str| usable.iter().any(|usable| usable == kind);
        let is_ssh = self.service == "sshd";
        let mut told = Vec::new();
        if has("security-key") {
            match self.origin {
                _ if is_ssh => told.push("Security key: no, the session is remote.".to_owned()),
                Some("remote") => told.push("Security key: no, the session is remote.".to_owned()),
                Some("local") => {}
                _ => told.push("Security key: only for somebody who sits at this machine (--local).".to_owned()),
            }
        }
        if has("ssh-key") {
            told.push(if is_ssh {
                "SSH security key: if sshd has verified it, with a password or another method beside it.".to_owned()
            } else {
                "SSH security key: no, it is shown to sshd alone.".to_owned()
            });
        }
        if self.outcome.verify_user && (has("security-key") || has("ssh-key")) {
            told.push("A touch is not enough: the key must have checked a PIN or a fingerprint.".to_owned());
        }
        told
    }
}

/// Why a login gets in no longer, in a few words.
pub(super) fn why(outcome: &Outcome, silent: bool) -> String {
    match (outcome.what.as_str(), outcome.reason.as_deref().unwrap_or_default()) {
        ("factors", _) if silent => "a factor is asked for, and nobody can be asked there".to_owned(),
        ("enroll", "deny") => "nothing is enrolled".to_owned(),
        ("enroll", "invite") => "nothing is enrolled, and enrolling takes an invitation".to_owned(),
        ("enroll", _) if silent => "nothing is enrolled, and nobody can be asked there".to_owned(),
        ("enroll", _) => "nothing is enrolled, and it cannot be done there".to_owned(),
        ("deny", "seats-full") => "nothing is enrolled, and all seats are taken".to_owned(),
        ("deny", "caller-unknown") => "it is not known who asks".to_owned(),
        _ => format!("it takes {}", either(&outcome.kinds)),
    }
}

fn kinds_or_nothing(words: &[String]) -> String {
    if words.is_empty() { "nothing".to_owned() } else { kinds(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(what: &str, reason: &str, kinds: &[&str]) -> Outcome {
        let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        Outcome { what: what.into(), reason: Some(reason.into()), kinds, ..Outcome::default() }
    }

    fn told(outcome: &Outcome, enrolled: &[&str], service: &str) -> String {
        let enrolled: Vec<String> = enrolled.iter().map(|kind| (*kind).to_owned()).collect();
        Met { outcome, asked: "alice\x1b", enrolled: &enrolled, service, origin: Some("remote") }.sentences().join(" ")
    }

    #[test]
    fn what_is_asked_names_what_would_do_and_what_does_not() {
        let ask = outcome("factors", "", &["totp", "security-key", "backup-code"]);
        assert_eq!(
            told(&ask, &["totp", "email", "backup-code"], "sshd"),
            "Asked for: phone app or backup code. Would do as well, and not enrolled: security key. Enrolled, and does \
             not do here: mail."
        );
    }

    #[test]
    fn keys_are_told_by_where_they_can_be_shown() {
        let ask = outcome("factors", "", &["totp", "security-key", "ssh-key"]);
        let keys = ["security-key", "ssh-key"];
        let at = |service, origin, outcome: &Outcome| {
            let enrolled = keys.map(str::to_owned);
            Met { outcome, asked: "alice", enrolled: &enrolled, service, origin }.sentences().join(" ")
        };
        let remote = at("sudo", Some("remote"), &ask);
        assert!(
            remote
                .contains("Security key: no, the session is remote. SSH security key: no, it is shown to sshd alone.")
        );
        assert!(!at("sudo", Some("local"), &ask).contains("Security key: "));
        assert!(at("sudo", None, &ask).contains("Security key: only for somebody who sits at this machine (--local)."));
        let ssh = at("sshd", None, &Outcome { verify_user: true, ..ask });
        assert!(
            ssh.contains("SSH security key: if sshd has verified it") && ssh.contains("A touch is not enough"),
            "{ssh}"
        );
    }

    #[test]
    fn a_refusal_says_what_is_missing() {
        let deny = outcome("deny", "no-usable-factor", &["security-key", "ssh-key"]);
        let text = told(&deny, &["totp"], "sshd");
        assert!(text.contains("it takes security key or SSH security key, and alice\\u{1b} has phone app"), "{text}");
        assert!(told(&outcome("enroll", "deny", &[]), &[], "sshd").starts_with("REFUSED: "));
    }

    #[test]
    fn where_to_enroll_depends_on_the_service() {
        let enroll = outcome("enroll", "at-login", &["totp"]);
        assert!(told(&enroll, &[], "sshd").starts_with("Must enroll first, in this login"));
        assert!(told(&enroll, &[], "sudo").contains("run mfa-enroll"));
        assert!(told(&outcome("enroll", "at-login", &["security-key"]), &[], "sshd").starts_with("REFUSED: "));
        let grace = Outcome { seconds_left: Some(13 * 86_400), ..outcome("enroll", "grace", &["totp"]) };
        assert!(told(&grace, &[], "sshd").starts_with("Goes on without for 13 days"));
    }

    #[test]
    fn nobody_is_asked_for_a_reason() {
        assert!(told(&outcome("skip", "exempt", &[]), &[], "sshd").contains("never"));
        assert!(told(&outcome("skip", "service-not-covered", &[]), &[], "cron\x07").contains("covers cron\\u{7}"));
        assert!(told(&outcome("skip", "not-enrolled", &[]), &[], "sshd").contains("enrolled nothing"));
    }

    #[test]
    fn why_a_login_fails_is_told_in_a_few_words() {
        assert!(why(&outcome("factors", "", &["totp"]), true).contains("nobody can be asked"));
        assert_eq!(why(&outcome("deny", "no-usable-factor", &["security-key"]), false), "it takes security key");
    }
}
