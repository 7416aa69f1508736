//! A login that somebody types before the new stack is live: the administrator's own, with password and code. What is
//! typed goes to libpam, is wiped, and is kept nowhere.
//!
//! It can be left out, and is never wanted of a file of answers. Whoever has no factor yet is not asked for it: they would
//! have to enroll for the sake of a trial.

use super::facts::Facts;
use super::plan::Trial;
use super::trial::TrialError;
use super::try_pam::{Ended, Login, Message, Speaker, attempt};
use mfa_cli::{InputError, Terminal, printable};
use mfa_proto::Secret;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// How long all of it may take before everything goes back.
pub(crate) const LONGEST: Duration = Duration::from_secs(600);
/// How long one login may take, in seconds.
const SECONDS: u64 = 180;
/// What the account phase may say of somebody who gets in: all is well, or the password must be changed.
const GETS_IN: [i64; 2] = [0, 12];
/// These ask whoever calls them, not whoever is logged in to.
const OF_CALLERS: [&str; 2] = ["su", "su-l"];

/// Whoever sits at the terminal.
pub(crate) trait Person {
    /// Shows something.
    fn say(&mut self, text: &str);
    /// Asks; nothing if they are gone or have had enough.
    fn ask(&mut self, prompt: &str, is_hidden: bool) -> Option<Secret>;
}

impl Person for Terminal {
    fn say(&mut self, text: &str) {
        Self::say(self, text);
    }

    fn ask(&mut self, prompt: &str, is_hidden: bool) -> Option<Secret> {
        let typed: Result<Secret, InputError> =
            if is_hidden { self.ask_hidden(prompt) } else { Self::ask(self, prompt) };
        typed.ok()
    }
}

/// A login that is to be typed, and by whom.
pub(crate) struct Typed<'a> {
    pub(crate) trial: &'a Trial,
    pub(crate) person: &'a mut dyn Person,
}

/// What could be typed here: a login of the administrator's own, who is to be asked and can answer.
pub(crate) fn possible<'a>(trials: &'a [Trial], members: &BTreeSet<String>, facts: &Facts<'_>) -> Option<&'a Trial> {
    let own = &facts.administrator;
    let can_answer = members.contains(own) && facts.enrolled.contains(own);
    let is_own = |trial: &&Trial| trial.account == *own && !OF_CALLERS.contains(&trial.stands_for.as_str());
    trials.iter().filter(|_| can_answer).find(is_own)
}

/// Has it typed until it gets in, or whoever types wants no more of it.
///
/// # Errors
/// [`TrialError`], `Refused` if everything is to be taken back.
pub(crate) fn gets_in(typed: &mut Typed<'_>, scratch: &Path) -> Result<(), TrialError> {
    let outcome = played(typed, &|login, speaker| attempt(login, scratch, speaker));
    let _ = std::fs::remove_dir_all(scratch); // it was read
    outcome
}

type Attempt<'a> = &'a dyn Fn(Login<'_>, &mut dyn Speaker) -> Result<Ended, TrialError>;

fn played(Typed { trial, person }: &mut Typed<'_>, attempt: Attempt<'_>) -> Result<(), TrialError> {
    let (service, user) = (trial.stands_for.as_str(), trial.account.as_str());
    person.say(&format!(
        "\nA login of {} in the new stack of {service}. It is not live yet, and\nall goes back if this takes more than \
         {} minutes.\n",
        printable::line(user),
        LONGEST.as_secs() / 60
    ));
    let has_key = trial.stack.contains("require_publickey");
    let login = Login { service, user, stack: &trial.stack, has_key, seconds: SECONDS };
    loop {
        let ended = attempt(login, &mut Typing(&mut **person))?;
        if is_in(&ended) {
            person.say("That works. Its code is used up: the next login takes the next one.\n\n");
            return Ok(());
        }
        let name = ended.account.as_ref().map_or(&ended.name, |(_, name)| name);
        person.say(&format!("It was refused ({}).\n", printable::line(name)));
        let next = person.ask("Enter = once more, s = go on without it, q = take all back: ", false);
        match next.as_ref().map(Secret::expose) {
            Some("") => {}
            Some("s" | "S") => return Ok(()),
            _ => return Err(TrialError::Refused { service: service.to_owned(), account: user.to_owned() }),
        }
    }
}

fn is_in(ended: &Ended) -> bool {
    ended.code == 0 && ended.account.as_ref().is_some_and(|(code, _)| GETS_IN.contains(code))
}

/// Shows what libpam says, and hands on what is typed.
struct Typing<'a>(&'a mut dyn Person);

impl Speaker for Typing<'_> {
    fn hears(&mut self, message: &Message) -> Option<Secret> {
        let text = printable::lines(&message.text);
        if message.is_question() {
            return self.0.ask(&text, message.is_hidden());
        }
        self.0.say(&format!("{text}\n"));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::machines::bookworm;
    use std::cell::RefCell;
    use std::collections::VecDeque;

    #[derive(Default)]
    struct Script {
        types: VecDeque<&'static str>,
        saw: String,
    }

    impl Person for Script {
        fn say(&mut self, text: &str) {
            self.saw.push_str(text);
        }

        fn ask(&mut self, prompt: &str, is_hidden: bool) -> Option<Secret> {
            self.saw.push_str(&format!("{prompt}<{is_hidden}>\n"));
            self.types.pop_front().map(Secret::from)
        }
    }

    fn trial(service: &str) -> Trial {
        Trial { stands_for: service.into(), stack: "auth required pam_mfa.so\n".into(), account: "alice".into() }
    }

    /// A stack that asks for "secret" and ends the account phase so.
    fn play(types: &[&'static str], account: i64) -> (Result<(), TrialError>, Script, usize) {
        let mut script = Script { types: types.iter().copied().collect(), ..Script::default() };
        let tries = RefCell::new(0);
        let attempt = |_: Login<'_>, speaker: &mut dyn Speaker| {
            *tries.borrow_mut() += 1;
            speaker.hears(&Message { style: "text".into(), text: "Hello\u{1b}[2J".into() });
            let typed = speaker.hears(&Message { style: "hidden".into(), text: "Password: ".into() });
            let is_right = typed.is_some_and(|typed| typed.expose() == "secret");
            let (code, name) = if is_right { (0, "PAM_SUCCESS") } else { (7, "PAM_AUTH_ERR") };
            let account = is_right.then(|| (account, "PAM_ACCT_EXPIRED".to_owned()));
            Ok(Ended { questions: 1, code, name: name.into(), account })
        };
        let outcome = played(&mut Typed { trial: &trial("sshd"), person: &mut script }, &attempt);
        (outcome, script, tries.into_inner())
    }

    #[test]
    fn what_is_typed_unseen_gets_in_and_it_is_said_that_its_code_is_used_up() {
        let (outcome, script, _) = play(&["secret"], 0);
        assert!(outcome.is_ok());
        assert!(
            script.saw.contains("Password: <true>") && script.saw.contains("Its code is used up"),
            "{}",
            script.saw
        );
        assert!(!script.saw.contains('\u{1b}'));
        assert!(script.saw.lines().all(|line| line.chars().count() <= 80), "{}", script.saw);
        // A password that must be changed is one that gets in.
        assert!(play(&["secret"], 12).0.is_ok());
    }

    #[test]
    fn whoever_mistypes_tries_again_goes_on_without_or_takes_everything_back() {
        let (outcome, script, tries) = play(&["wrong", "", "secret"], 0);
        assert_eq!((outcome.is_ok(), tries), (true, 2));
        assert!(script.saw.contains("It was refused (PAM_AUTH_ERR)."), "{}", script.saw);
        assert!(play(&["wrong", "s"], 0).0.is_ok());
        // Anything else, and nobody there any more, is no.
        for types in [&["wrong", "q"][..], &["wrong", "x"], &["wrong"], &[]] {
            assert!(matches!(play(types, 0).0, Err(TrialError::Refused { .. })), "{types:?}");
        }
        // Whose account is refused does not get in.
        let (outcome, script, _) = play(&["secret", "q"], 13);
        assert!(outcome.is_err() && script.saw.contains("It was refused (PAM_ACCT_EXPIRED)."), "{}", script.saw);
    }

    #[test]
    fn only_an_own_login_with_a_factor_is_typed_and_none_of_su() {
        let machine = bookworm();
        let mut facts = Facts::seen(&machine, ["alice".to_owned()].into(), 0).unwrap();
        let (members, trials) = (["alice".to_owned()].into(), [trial("su"), trial("sudo"), trial("sshd")]);
        let of = |facts: &Facts<'_>| possible(&trials, &members, facts).map(|trial| trial.stands_for.clone());
        assert_eq!(of(&facts), None, "root is not in the group");
        facts.administrator = "alice".into();
        assert_eq!(of(&facts).as_deref(), Some("sudo"));
        facts.enrolled.clear();
        assert_eq!(of(&facts), None, "it would be an enrollment");
    }
}
