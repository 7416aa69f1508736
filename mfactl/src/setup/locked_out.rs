//! Who could not log in over ssh any more, by what the journal says of how they have come until now. The policy's own
//! preview knows what people have enrolled; it does not know what sshd will demand.

use super::answers::Answers;
use super::automation::Used;
use super::facts::Facts;
use super::words::SshWay;
use mfa_cli::words::counted;
use serde::Serialize;
use std::collections::BTreeSet;

/// Somebody who could not log in, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LockedOut {
    pub(crate) user: String,
    /// As a sentence goes on after the name.
    pub(crate) why: String,
}

/// Everybody whom sshd would refuse. `is_asked` says whether the policy asks this account for something when it comes by
/// key alone.
///
/// # Errors
/// Whatever `is_asked` cannot find out.
pub(crate) fn by_sshd<E>(
    answers: &Answers,
    members: &BTreeSet<String>,
    facts: &Facts<'_>,
    mut is_asked: impl FnMut(&str, &Used) -> Result<bool, E>,
) -> Result<Vec<LockedOut>, E> {
    let mut out = Vec::new();
    for (user, used) in facts.logins.iter().flatten() {
        let is_exempt = answers.automation.contains(user) || facts.people.is_gone(user);
        if !answers.ssh() || is_exempt {
            continue;
        }
        let why = match answers.way {
            SshWay::KeyAndCode => without_a_key(used),
            SshWay::PasswordAndCode if used.silent == 0 => None,
            SshWay::PasswordAndCode if members.contains(user) => {
                let why = "comes by key and has no password to answer with; key-and-code would do";
                facts.people.has_no_password(user).then(|| why.to_owned())
            }
            SshWay::PasswordAndCode => is_asked(user, used)?.then(|| {
                "comes without being asked, and has a second factor that must be asked for; put them into the group"
                    .to_owned()
            }),
        };
        out.extend(why.map(|why| LockedOut { user: user.clone(), why }));
    }
    Ok(out)
}

fn without_a_key(used: &Used) -> Option<String> {
    (used.by_key == 0)
        .then(|| format!("has come without an SSH key ({} in 30 days)", counted(used.silent + used.answered, "login")))
}

/// Programs that are in nobody's list and would be asked questions.
pub(crate) fn unlisted_programs(answers: &Answers, members: &BTreeSet<String>, facts: &Facts<'_>) -> Vec<String> {
    if !answers.ssh() {
        return Vec::new();
    }
    let is_listed = |user: &str| answers.automation.iter().any(|name| name == user);
    let programs = facts.programs(members).into_iter().filter(|(user, _)| !is_listed(user));
    let told = programs.map(|(user, used)| {
        format!("{user} looks like a program ({} by key) and is not in automation", counted(used.by_key, "login"))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::answers::Grace;
    use crate::setup::automation::tests::{accepted, journal};
    use crate::setup::machines::bookworm;
    use crate::setup::words::{Enroll, OnFull, Where};

    fn answers(way: SshWay) -> Answers {
        Answers {
            places: vec![Where::Ssh],
            way,
            group: "sre".into(),
            automation: vec!["root".into()],
            enroll: Enroll::AtLogin,
            on_full: OnFull::SingleFactor,
            grace: Grace::AsIs,
            break_glass: false,
        }
    }

    /// alice, bob (without a password) and carol are in the group; dave is enrolled by choice.
    fn out(way: SshWay) -> Vec<String> {
        let messages = [
            accepted("publickey", "root", 1),
            accepted("publickey", "alice", 1),
            accepted("publickey", "bob", 1),
            accepted("password", "carol", 3),
            accepted("publickey", "dave", 1),
            accepted("password", "erin", 2),
            accepted("password", "gone", 1),
        ];
        let bookworm = bookworm().says("getent shadow", "bob:!:1::::::\n");
        let directory = bookworm.says("getent passwd -- erin gone", "erin:x:70001:70001::/home/erin:/bin/bash\n");
        let machine = journal(directory, &messages.concat());
        let facts = Facts::seen(&machine, ["dave".to_owned()].into(), 0).unwrap();
        let answers = answers(way);
        let members = facts.members("sre").unwrap();
        let is_asked = |user: &str, _: &Used| Ok::<_, ()>(user == "dave");
        let out = by_sshd(&answers, &members, &facts, is_asked).unwrap();
        out.into_iter().map(|out| format!("{} {}", out.user, out.why)).collect()
    }

    #[test]
    fn whoever_has_no_key_is_out_where_a_key_is_demanded() {
        let told = [
            "carol has come without an SSH key (3 logins in 30 days)",
            "erin has come without an SSH key (2 logins in 30 days)",
        ];
        assert_eq!(out(SshWay::KeyAndCode), told, "erin is in a directory that does not list her");
    }

    #[test]
    fn whoever_has_only_a_key_is_out_where_a_password_is_demanded() {
        let out = out(SshWay::PasswordAndCode);
        assert_eq!(out.len(), 2, "{out:?}");
        assert!(out[0].starts_with("bob comes by key and has no password"), "{out:?}");
        assert!(out[1].starts_with("dave comes without being asked"), "{out:?}");
    }

    #[test]
    fn a_program_that_is_not_listed_is_told() {
        let machine = bookworm().says("getent shadow", "dave:!:1::::::\n");
        let machine = journal(machine, &accepted("publickey", "dave", 2));
        let facts = Facts::seen(&machine, BTreeSet::new(), 0).unwrap();
        let mut answers = answers(SshWay::KeyAndCode);
        let expected = "dave looks like a program (2 logins by key) and is not in automation";
        let told = |answers: &Answers, members: &[&str]| {
            let members = members.iter().map(|name| (*name).to_owned()).collect();
            unlisted_programs(answers, &members, &facts)
        };
        assert_eq!(told(&answers, &["alice"]), [expected]);
        assert_eq!(told(&answers, &["alice", "dave"]), [""; 0], "whoever is to be asked is nobody's program");
        answers.automation = vec!["dave".into()];
        assert_eq!(told(&answers, &["alice"]), [""; 0]);
    }
}
