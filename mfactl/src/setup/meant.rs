//! What sshd is to make of logins once the change is in force: asked of sshd itself, of somebody of each kind, before it
//! takes its new configuration. Whatever else stands in its files has its say there, as it will have.

use super::facts::Facts;
use super::ssh::{canonical, is_plain};
use crate::sshd::{Effective, Line};
use mfa_cli::printable;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// From where somebody comes who has not been seen.
pub(crate) const HERE: &str = "127.0.0.1";
const METHODS: &str = "authenticationmethods";
const ASKS: &str = "kbdinteractiveauthentication";

/// One login, and what sshd is to say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meant {
    pub(crate) user: String,
    /// Who that is, as a sentence has it.
    pub(crate) who: &'static str,
    /// The address that they come from.
    pub(crate) from: String,
    /// By keyword, in lower case, every value that is right. The first one is ours.
    pub(crate) values: BTreeMap<String, Vec<String>>,
}

impl Meant {
    /// The connection, as `sshd -T -C` takes it.
    pub(crate) fn connection(&self) -> String {
        connection(&self.user, &self.from)
    }

    /// How sshd would do otherwise, in a sentence; `None` if it would not.
    pub(crate) fn difference(&self, effective: &Effective) -> Option<String> {
        let told = |keyword: &str| effective.whole(keyword).unwrap_or_else(|| "nothing".to_owned());
        let is_right = |told: &str, right: &[String]| right.iter().any(|value| value.eq_ignore_ascii_case(told));
        let (keyword, right) = self.values.iter().find(|(keyword, right)| !is_right(&told(keyword), right))?;
        Some(format!(
            "A login over ssh of {} ({}) would not be as meant: for them sshd has {keyword} {}, where {} was meant. \
             Another line of sshd's counts before ours; for them it says: sshd -T -C {}",
            printable::line(&self.user),
            self.who,
            printable::line(&told(keyword)),
            right.first().map_or("nothing", String::as_str),
            printable::line(&self.connection()),
        ))
    }
}

/// A connection of that user's from there, with all that a `Match` may ask for: sshd has no answer where something lacks.
pub(crate) fn connection(user: &str, from: &str) -> String {
    format!("user={user},host={from},addr={from},laddr={HERE},lport=22,rdomain=")
}

/// What our file means for somebody of each kind. `lines` are sshd's with the change in them: where somebody else's
/// `Match` counts instead of what we say for everybody, that was told, and is right, too.
pub(crate) fn logins(
    ours: &str,
    lines: &[Line],
    (automation, members): (&[String], &BTreeSet<String>),
    facts: &Facts<'_>,
) -> Vec<Meant> {
    let told = |keyword: &str| {
        let of_it = lines.iter().filter(|line| line.within.is_some() && canonical(&line.keyword) == keyword);
        of_it.map(|line| line.value.clone()).collect::<Vec<_>>()
    };
    let meant = |(who, user): (&'static str, String)| {
        let (everybodys, own) = said(ours, &user, members.contains(&user));
        let is_asked = members.contains(&user) && !automation.contains(&user);
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (keyword, value) in everybodys {
            let is_strict = is_asked && [METHODS, ASKS].contains(&keyword.as_str());
            let others = if is_strict { Vec::new() } else { told(&keyword) };
            values.insert(keyword, [vec![value], others].concat());
        }
        values.extend(own.into_iter().map(|(keyword, value)| (keyword, vec![value])));
        Meant { from: came_from(&user, facts), user, who, values }
    };
    somebody_of_each_kind(automation, members, facts).into_iter().map(meant).collect()
}

/// Root, a program, one who is to be asked, and one of whom nothing was said, as far as there are such.
fn somebody_of_each_kind(
    automation: &[String],
    members: &BTreeSet<String>,
    facts: &Facts<'_>,
) -> Vec<(&'static str, String)> {
    let is_other = |name: &&String| *name != "root" && !automation.contains(name) && is_plain(name);
    let member = Some(&facts.administrator).filter(|name| members.contains(*name)).filter(is_other);
    let member = member.or_else(|| members.iter().find(is_other));
    let seen = facts.logins.iter().flatten().map(|(name, _)| name);
    let is_outside = |name: &&String| !members.contains(*name) && facts.people.is_person(name);
    let outsider = seen.chain(facts.people.names()).filter(is_other).find(is_outside);
    let program = automation.iter().find(|name| *name != "root");
    let root = "root".to_owned();
    let kinds = [
        ("the superuser", Some(&root)),
        ("in automation", program),
        ("in the group", member),
        ("in neither the group nor automation", outsider),
    ];
    kinds.into_iter().filter_map(|(who, user)| Some((who, user?.clone()))).collect()
}

/// What our file says for everybody, and what it says for this one beyond that, by keyword.
fn said(ours: &str, user: &str, is_member: bool) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let (mut everybodys, mut own) = (BTreeMap::new(), BTreeMap::new());
    // Outside of every Match; then in one, which is about this user or not.
    let mut about = None;
    for line in ours.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        if keyword == "Match" {
            about = Some(match value.split_once(' ') {
                Some(("User", names)) => names.split(',').any(|name| name == user),
                Some(("Group", _)) => is_member,
                _ => false,
            });
            continue;
        }
        let said = match about {
            None => &mut everybodys,
            Some(true) => &mut own,
            Some(false) => continue,
        };
        // As sshd has it: the first one counts.
        said.entry(keyword.to_ascii_lowercase()).or_insert_with(|| value.to_owned());
    }
    everybodys.retain(|keyword, _| !own.contains_key(keyword));
    (everybodys, own)
}

fn came_from(user: &str, facts: &Facts<'_>) -> String {
    let seen = facts.logins.as_ref().and_then(|logins| logins.get(user)).map(|used| used.last_from.as_str());
    seen.filter(|from| from.parse::<IpAddr>().is_ok()).unwrap_or(HERE).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::automation::tests::{accepted, journal};
    use crate::setup::machines::bookworm;
    use crate::setup::proposed::Proposed;
    use crate::setup::ssh::{DROP_IN, Wish, changes};
    use crate::setup::words::SshWay;
    use crate::sshd;
    use crate::system::made_up::MadeUp;

    /// What is meant on that machine, where dave is a program and the group is alice's, bob's and carol's.
    fn meant(machine: &MadeUp, way: SshWay) -> Vec<Meant> {
        let automation = ["dave".to_owned()];
        let wish = Wish { way, group: "sre", automation: &automation, grace: Some(600), asks_root: false };
        let files = changes(&wish, machine).unwrap();
        let facts = Facts::seen(machine, BTreeSet::new(), 0).unwrap();
        let proposed = Proposed { system: machine, files: &files };
        let ours = crate::pam::Files::text(&proposed, DROP_IN).unwrap();
        let members = facts.members("sre").unwrap();
        logins(&ours, &sshd::lines(&proposed), (&automation, &members), &facts)
    }

    fn machine() -> MadeUp {
        let passwd = bookworm().answers.get("getent passwd").unwrap().clone();
        let machine = bookworm().says("getent passwd", &format!("{passwd}erin:x:1004:1004::/home/erin:/bin/bash\n"));
        journal(machine, &accepted("publickey", "dave", 1))
    }

    /// What sshd would say: our lines for that one, with others in their place.
    fn says(meant: &Meant, other: &[(&str, &str)]) -> Effective {
        let ours = meant.values.iter().map(|(keyword, values)| (keyword.as_str(), values[0].as_str()));
        let mut all: BTreeMap<&str, &str> = ours.collect();
        all.extend(other.iter().copied());
        Effective::of(all.iter().map(|(keyword, value)| format!("{keyword} {value}"))).unwrap()
    }

    #[test]
    fn somebody_of_each_kind_is_asked_about_from_where_they_come() {
        let meant = meant(&machine(), SshWay::PasswordAndCode);
        let users: Vec<&str> = meant.iter().map(|login| login.user.as_str()).collect();
        assert_eq!(users, ["root", "dave", "alice", "erin"]);
        assert!(meant[1].connection().starts_with("user=dave,host=10.0.0.9,addr=10.0.0.9,"), "{:?}", meant[1]);
        assert_eq!(meant[3].connection(), "user=erin,host=127.0.0.1,addr=127.0.0.1,laddr=127.0.0.1,lport=22,rdomain=");
        let methods = |at: usize| meant[at].values.get(METHODS).map(|values| values.join("|"));
        let both = "publickey,keyboard-interactive keyboard-interactive".to_owned();
        assert_eq!([1, 2, 3].map(methods), [Some("publickey".into()), Some(both), None]);
        assert_eq!(meant[3].values["logingracetime"], ["600"]);
    }

    #[test]
    fn what_is_as_meant_is_no_difference_and_anything_else_is_told_with_whose_login_it_is() {
        for way in [SshWay::PasswordAndCode, SshWay::KeyAndCode] {
            for login in meant(&machine(), way) {
                assert_eq!(login.difference(&says(&login, &[])), None, "{login:?}");
                for keyword in login.values.keys() {
                    let told = login.difference(&says(&login, &[(keyword, "other")])).unwrap();
                    assert!(told.starts_with(&format!("A login over ssh of {} (", login.user)), "{told}");
                    assert!(told.contains(&format!("sshd has {keyword} other, where ")), "{told}");
                }
                assert!(login.difference(&Effective::of(["port 22".to_owned()]).unwrap()).is_some());
            }
        }
    }

    #[test]
    fn what_somebody_elses_match_says_was_told_unless_the_code_could_not_be_asked_for() {
        let text = "Match Address 10.0.0.0/8\n  PasswordAuthentication yes\n  KbdInteractiveAuthentication no\n";
        let machine = machine().file("/etc/ssh/sshd_config.d/60-x.conf", text);
        let meant = meant(&machine, SshWay::PasswordAndCode);
        let of = |user: &str| meant.iter().find(|login| login.user == user).unwrap();
        let differs = |user: &str, keyword: &str, value: &str| {
            of(user).difference(&says(of(user), &[(keyword, value)])).is_some()
        };
        assert!(
            !differs("erin", "passwordauthentication", "yes") && !differs("alice", "passwordauthentication", "yes")
        );
        assert!(!differs("erin", ASKS, "no") && differs("alice", ASKS, "no"));
        assert!(differs("dave", METHODS, "any") && differs("alice", METHODS, "publickey"));
        assert!(differs("erin", "usepam", "no"));
    }
}
