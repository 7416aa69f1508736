//! sshd's `Match` blocks, each with connections that it is about: real users where it names them or their groups, made-up
//! names and addresses elsewhere. sshd is asked about them and nobody else.

use super::pattern::{self, NOWHERE, has_name, is_plain, wanted};
use super::people::Users;
use super::{ALL, Line};
use crate::pam::Place;
use crate::system::System;

/// This machine's address, where a block does not say it.
const HERE: &str = "192.0.2.2";
/// Who is about to be refused, since there is no such account.
const INVALID_USER: &str = "invalid-user";
/// Criteria that are understood.
const KNOWN: [&str; 8] = ["user", "group", "host", "address", "localaddress", "localport", "rdomain", ALL];
/// Keywords that bear on who is asked.
const BEARING: [&str; 12] = [
    "authenticationmethods",
    "passwordauthentication",
    "kbdinteractiveauthentication",
    "challengeresponseauthentication",
    "skeyauthentication",
    "pubkeyauthentication",
    "pubkeyauthoptions",
    "gssapiauthentication",
    "hostbasedauthentication",
    "kerberosauthentication",
    "pamservicename",
    "usepam",
];

/// A login, as `sshd -T -C` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    user: String,
    host: String,
    address: String,
    here: String,
    port: String,
    domain: Option<String>,
}

impl Connection {
    /// A login of this user from an address of which nothing is said, to the usual port.
    pub(crate) fn of(user: &str) -> Self {
        let [user, host, address, here, port] = [user, NOWHERE, NOWHERE, HERE, "22"].map(str::to_owned);
        Self { user, host, address, here, port, domain: None }
    }

    /// As sshd reads it; `None` where something of it cannot be told in this way.
    pub(crate) fn text(&self) -> Option<String> {
        let Self { user, host, address, here, port, domain } = self;
        let domain = domain.as_ref().map_or_else(String::new, |domain| format!(",rdomain={domain}"));
        let text = format!("user={user},host={host},addr={address},laddr={here},lport={port}{domain}");
        (text.matches('=').count() == 5 + usize::from(!domain.is_empty())).then_some(text)
    }
}

/// A `Match` block that bears on who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Its first line.
    pub(crate) place: Place,
    /// Its criteria, as written.
    pub(crate) criteria: String,
    /// It names users outright, and nothing else.
    pub(crate) names_users: bool,
    /// Logins that it is about, each with its user where the block names them; none if none is known.
    pub(crate) connections: Vec<Connection>,
}

impl Connection {
    /// Whose login it is.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }
}

/// All blocks that bear on who is asked, but those that are about everybody or nobody.
pub(crate) fn blocks(system: &dyn System, lines: &[Line]) -> Vec<Block> {
    let users = Users::new(system);
    let bears = |index: usize, line: &Line| {
        let inside = lines.iter().skip(index + 1).take_while(|line| line.keyword != "match");
        let mut inside = inside.filter(|inner| inner.within.as_deref() == Some(line.value.as_str()));
        inside.any(|inner| BEARING.contains(&inner.keyword.as_str()))
    };
    let matches = lines.iter().enumerate().filter(|(_, line)| line.keyword == "match");
    let bearing = matches.filter(|(index, line)| !line.value.eq_ignore_ascii_case(ALL) && bears(*index, line));
    let block = |(_, line): (usize, &Line)| {
        let criteria = criteria(&line.value);
        let is_nobodys = |(name, _): &(String, String)| name == INVALID_USER;
        if criteria.iter().flatten().any(is_nobodys) {
            return None;
        }
        let connections = criteria.as_deref().and_then(|criteria| connections(&users, criteria));
        let plain = |list: &str| list.split(',').all(is_plain);
        let names_users = matches!(criteria.as_deref(), Some([(name, list)]) if name == "user" && plain(list));
        let (place, criteria) = (line.place.clone(), line.value.clone());
        Some(Block { place, criteria, names_users, connections: connections.unwrap_or_default() })
    };
    bearing.filter_map(block).collect()
}

/// Pairs of criterion, in lower case, and list; `None` if it is not understood.
fn criteria(value: &str) -> Option<Vec<(String, String)>> {
    let mut words = words(value).into_iter();
    let mut criteria = Vec::new();
    while let Some(word) = words.next() {
        if word.starts_with('#') {
            break;
        }
        let name = word.to_ascii_lowercase();
        let list = if [INVALID_USER, ALL].contains(&name.as_str()) { String::new() } else { words.next()? };
        criteria.push((name, list));
    }
    (!criteria.is_empty()).then_some(criteria)
}

/// Words between blanks or a `=`; quotes keep blanks.
fn words(value: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in value.chars().chain([' ']) {
        match letter {
            '"' => quoted = !quoted,
            '=' | ' ' | '\t' if !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            other => word.push(other),
        }
    }
    words
}

/// Logins that fulfil all criteria; `None` if one of them is not understood, or cannot be fulfilled.
fn connections(users: &Users<'_>, criteria: &[(String, String)]) -> Option<Vec<Connection>> {
    if criteria.iter().any(|(name, _)| !KNOWN.contains(&name.as_str())) {
        return None;
    }
    let lists = |name: &str| -> Vec<&str> {
        criteria.iter().filter(|(of, _)| of == name).map(|(_, list)| list.as_str()).collect()
    };
    // What is made up for the first list must be in the others, too; what no criterion is about is as usual.
    let made_up = |name: &str, make: fn(&str) -> Option<String>, has: fn(&str, &str) -> bool| match lists(name)[..] {
        [] => Some(None),
        [first, ref others @ ..] => make(first).filter(|made| others.iter().all(|list| has(list, made))).map(Some),
    };
    let name = |list: &str| pattern::names(list).into_iter().next();
    let address = made_up("address", pattern::address, pattern::has_address)?;
    let host = made_up("host", name, has_name)?.or_else(|| address.clone());
    let here = made_up("localaddress", pattern::address, pattern::has_address)?;
    let port = made_up("localport", port, has_name)?;
    let domain = made_up("rdomain", name, has_name)?;
    let of = |user: String| {
        let usual = Connection::of(&user);
        Connection {
            host: host.clone().unwrap_or(usual.host),
            address: address.clone().unwrap_or(usual.address),
            here: here.clone().unwrap_or(usual.here),
            port: port.clone().unwrap_or(usual.port),
            domain: domain.clone(),
            user,
        }
    };
    Some(users.within(&lists("user"), &lists("group")).into_iter().map(of).collect())
}

fn port(list: &str) -> Option<String> {
    let named = wanted(list).filter(|pattern| is_plain(pattern)).chain(["22", "2222"]);
    named.map(str::to_owned).find(|port| has_name(list, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sshd::{FILE, lines};
    use crate::system::made_up::MadeUp;

    /// The blocks of this configuration, each with the logins that sshd is asked about.
    fn of(config: &str) -> Vec<(String, Vec<String>)> {
        let machine = MadeUp::default()
            .file(FILE, config)
            .says("getent passwd", "root:x:0:0::/:/bin/sh\nalice:x:1:100::/:/bin/sh\nsvc-copy:x:2:200::/:/bin/sh\n")
            .says("getent group", "users:x:100:\nadmins:x:300:alice\nbots:x:200:\n")
            .says("getent group -- admins", "admins:x:300:alice\n")
            .says("getent group -- bots", "bots:x:200:\n")
            .says("getent group -- far", "far:x:400:zoe\n");
        let told = blocks(&machine, &lines(&machine)).into_iter();
        told.map(|block| (block.criteria, block.connections.iter().map(|one| one.text().unwrap()).collect())).collect()
    }

    fn asked(criteria: &str) -> Vec<String> {
        let found = of(&format!("UsePAM yes\nMatch {criteria}\n\tAuthenticationMethods publickey\n"));
        found.into_iter().flat_map(|(_, connections)| connections).collect()
    }

    const ELSEWHERE: &str = "host=192.0.2.1,addr=192.0.2.1,laddr=192.0.2.2,lport=22";

    #[test]
    fn a_login_is_made_up_that_the_block_is_about() {
        let user = |name: &str| vec![format!("user={name},{ELSEWHERE}")];
        assert_eq!(asked("User ansible,backup"), [user("ansible"), user("backup")].concat());
        assert_eq!(asked("User svc-*"), user("svc-copy"));
        assert_eq!(asked("User dep?oy # at night"), user("depxoy"));
        assert_eq!(asked("User *,!root"), [user("alice"), user("svc-copy")].concat());
        assert_eq!(asked("Group admins"), user("alice"));
        assert_eq!(asked("Group bots"), user("svc-copy"));
        assert_eq!(asked("Group \"far\""), user("zoe"));
        assert_eq!(asked("Group *,!admins"), user("svc-copy"));
        assert_eq!(asked("User alice Group=admins"), user("alice"));
        let somebody = |rest: &str| vec![format!("user=mfa-doctor,{rest}")];
        assert_eq!(asked("Address 10.9.0.0/16"), somebody("host=10.9.0.0,addr=10.9.0.0,laddr=192.0.2.2,lport=22"));
        assert_eq!(asked("Host *.example"), somebody("host=.example,addr=192.0.2.1,laddr=192.0.2.2,lport=22"));
        assert_eq!(asked("LocalPort 2222"), somebody("host=192.0.2.1,addr=192.0.2.1,laddr=192.0.2.2,lport=2222"));
        assert_eq!(asked("LocalAddress 10.0.0.1"), somebody("host=192.0.2.1,addr=192.0.2.1,laddr=10.0.0.1,lport=22"));
        assert_eq!(asked("RDomain blue"), somebody(&format!("{ELSEWHERE},rdomain=blue")));
    }

    #[test]
    fn a_block_for_which_no_login_can_be_made_up_is_there_without_one() {
        for criteria in ["Group nobodys", "User alice Group bots", "Exec /bin/true", "User", "Address !10.0.0.0/8"] {
            assert_eq!(of(&format!("Match {criteria}\nPasswordAuthentication yes\n")), [(criteria.to_owned(), vec![])]);
        }
    }

    #[test]
    fn what_bears_on_no_question_or_is_about_everybody_or_nobody_is_left_out() {
        for block in
            ["Group sftp\nForceCommand internal-sftp", "all\nUsePAM yes", "invalid-user\nPasswordAuthentication no"]
        {
            assert_eq!(of(&format!("Match {block}\n")), []);
        }
        let two = of("Match User alice\nX11Forwarding no\nMatch User bob\nPAMServiceName other\n");
        assert_eq!(two.len(), 1);
    }
}
