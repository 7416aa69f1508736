//! The policy as its manual tells of it.

use mfa_core::factor::{Kind, Kinds};

/// What `[defaults]` and rules may both say; `None` where a rule leaves it out.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "they are the policy's own words")]
pub struct Says {
    pub services: Option<Vec<&'static str>>,
    pub require: Option<&'static str>,
    pub factors: Option<Vec<Kind>>,
    pub own_factors: Option<bool>,
    pub verify_user: Option<bool>,
    pub enroll: Option<&'static str>,
    pub ask_again: Option<u32>,
    pub remember: Option<u32>,
}

/// A condition of a rule.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "they are the policy's own words")]
pub enum If {
    Users(Vec<&'static str>),
    Groups(Vec<&'static str>),
    From(&'static str, [u8; 2]),
    NotFrom(&'static str, [u8; 2]),
    Origin(&'static str),
    SshAuth(&'static str),
    /// Written so, and whether it holds at the time of the tests.
    Hours(&'static str, bool),
    /// The same.
    Until(&'static str, bool),
}

/// A rule.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "they are the policy's own words")]
pub struct Rule {
    pub caller: bool,
    pub conditions: Vec<If>,
    pub says: Says,
}

/// A policy.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "they are the policy's own words")]
pub struct Policy {
    pub defaults: Says,
    pub rules: Vec<Rule>,
}

/// Somebody, with what they have enrolled.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "they say it")]
pub struct Somebody {
    pub name: &'static str,
    pub groups: Vec<&'static str>,
    pub enrolled: Vec<Kind>,
}

/// A login of which everything is known.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "they say it")]
pub struct Login {
    pub target: Somebody,
    pub caller: Somebody,
    pub service: &'static str,
    pub address: Option<[u8; 4]>,
    pub local: bool,
    pub ssh: &'static str,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Does {
    /// Nothing is asked, for this reason.
    Skips(&'static str),
    /// The same, and what would be is recorded.
    Observes(Box<Does>),
    /// Somebody has something, but nothing of this.
    Refuses(Kinds),
    /// One of these is asked for: kinds, checked user, seconds.
    Asks(Kinds, bool, u32, u32),
    /// Nothing is enrolled: what `enroll` says.
    Enrolls(&'static str),
}

impl Does {
    /// How much is asked: a refusal is more than a factor, that more than to enroll one, that more than nothing.
    #[must_use]
    pub fn strictness(&self) -> u8 {
        match self {
            Self::Skips(_) | Self::Observes(_) => 0,
            Self::Enrolls("grace") => 1,
            Self::Enrolls("at-login") => 2,
            Self::Enrolls("invite") => 3,
            Self::Asks(..) => 4,
            Self::Enrolls(_) | Self::Refuses(_) => 5,
        }
    }
}

/// The services of a word of `services`.
fn services(word: &str) -> &'static [&'static str] {
    match word {
        "@ssh" => &["sshd"],
        "@login" => &["login"],
        "@sudo" => &["sudo", "sudo-i", "doas"],
        "@su" => &["su", "su-l"],
        "@polkit" => &["polkit-1"],
        "@desktop" => &["gdm-password"],
        "@lock" => &["swaylock"],
        "cups" => &["cups"],
        _ => &[],
    }
}

/// In `[defaults]` all classes.
const CLASSES: [&str; 7] = ["@ssh", "@login", "@sudo", "@su", "@polkit", "@desktop", "@lock"];

impl Policy {
    /// What is done about a login, and which rule says so, counted from 0.
    #[must_use]
    pub fn decides(&self, login: &Login) -> (Does, Option<usize>) {
        for (place, rule) in self.rules.iter().enumerate() {
            let about = rule.about(login);
            let held = rule.conditions.iter().all(|condition| condition.holds(login, about));
            if held && covers(rule.says.services.as_ref().or(self.defaults.services.as_ref()), login.service) {
                return (self.does(&rule.says, about), Some(place));
            }
        }
        if covers(self.defaults.services.as_ref(), login.service) {
            return (self.does(&Says::default(), &login.target), None);
        }
        (Does::Skips("service-not-covered"), None)
    }

    /// What a rule leaves out, `[defaults]` say; what they leave out is built in.
    fn does(&self, rule: &Says, about: &Somebody) -> Does {
        let defaults = &self.defaults;
        let require = rule.require.or(defaults.require).unwrap_or("if-enrolled");
        let has = about.enrolled.iter().any(|kind| *kind != Kind::BackupCode);
        match require {
            "never" => Does::Skips("exempt"),
            "if-enrolled" if !has => Does::Skips("not-enrolled"),
            "observe" => Does::Observes(Box::new(self.demands(rule, about, has))),
            _ => self.demands(rule, about, has),
        }
    }

    fn demands(&self, rule: &Says, about: &Somebody, has: bool) -> Does {
        let defaults = &self.defaults;
        let every = [Kind::Totp, Kind::SecurityKey, Kind::SshKey, Kind::Email, Kind::BackupCode];
        let named = rule.factors.clone().or_else(|| defaults.factors.clone()).unwrap_or_else(|| every.to_vec());
        let own = rule.own_factors.or(defaults.own_factors).unwrap_or(true);
        let mut takes = named.clone();
        if own {
            // Backup codes come with other factors and are nobody's own choice.
            takes.extend(about.enrolled.iter().filter(|kind| **kind != Kind::BackupCode));
        }
        if about.enrolled.iter().any(|kind| takes.contains(kind)) {
            let verified = rule.verify_user.or(defaults.verify_user).unwrap_or(false);
            let again = rule.ask_again.or(defaults.ask_again).unwrap_or(0);
            let remember = rule.remember.or(defaults.remember).unwrap_or(0);
            return Does::Asks(takes.into_iter().collect(), verified, again, remember);
        }
        if has {
            return Does::Refuses(named.into_iter().collect());
        }
        Does::Enrolls(rule.enroll.or(defaults.enroll).unwrap_or("at-login"))
    }
}

fn covers(words: Option<&Vec<&'static str>>, service: &str) -> bool {
    let words: &[&str] = words.map_or(&CLASSES, Vec::as_slice);
    words.iter().any(|word| services(word).contains(&service))
}

impl Rule {
    /// `"caller"` is who asks for it, for su, sudo and pkexec; everywhere else one asks for oneself.
    fn about<'l>(&self, login: &'l Login) -> &'l Somebody {
        let for_oneself = matches!(login.service, "sshd" | "login" | "gdm-password" | "swaylock");
        if self.caller && !for_oneself { &login.caller } else { &login.target }
    }
}

impl If {
    fn holds(&self, login: &Login, about: &Somebody) -> bool {
        let within = |net: &[u8; 2]| login.address.is_some_and(|address| address[..2] == net[..]);
        match self {
            Self::Users(names) => names.contains(&about.name),
            Self::Groups(names) => names.iter().any(|name| about.groups.contains(name)),
            Self::From(_, net) => within(net),
            Self::NotFrom(_, net) => !within(net),
            Self::Origin(word) => (*word == "local") == login.local,
            Self::SshAuth(method) => login.ssh.lines().any(|line| line.split(' ').next() == Some(method)),
            Self::Hours(_, holds) | Self::Until(_, holds) => *holds,
        }
    }

    /// As it is written.
    #[must_use]
    pub fn written(&self) -> String {
        match self {
            Self::Users(names) => format!("users = {names:?}"),
            Self::Groups(names) => format!("groups = {names:?}"),
            Self::From(net, _) => format!("from = [{net:?}]"),
            Self::NotFrom(net, _) => format!("not_from = [{net:?}]"),
            Self::Origin(word) => format!("origin = {word:?}"),
            Self::SshAuth(method) => format!("ssh_auth = [{method:?}]"),
            Self::Hours(hours, _) => format!("hours = [{hours:?}]"),
            Self::Until(day, _) => format!("until = {day}"),
        }
    }
}

impl Says {
    /// As it is written, a line each.
    #[must_use]
    pub fn written(&self) -> String {
        let kinds = |kinds: &Vec<Kind>| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>();
        let lines = [
            self.services.as_ref().map(|services| format!("services = {services:?}")),
            self.require.map(|require| format!("require = {require:?}")),
            self.factors.as_ref().map(|factors| format!("factors = {:?}", kinds(factors))),
            self.own_factors.map(|own| format!("own_factors = {own}")),
            self.verify_user.map(|verify| format!("verify_user = {verify}")),
            self.enroll.map(|enroll| format!("enroll = {enroll:?}")),
            self.ask_again.map(|seconds| format!("ask_again = \"{seconds}s\"")),
            self.remember.map(|seconds| format!("remember = \"{seconds}s\"")),
        ];
        lines.into_iter().flatten().map(|line| line + "\n").collect()
    }
}

impl Policy {
    /// The file.
    #[must_use]
    pub fn written(&self) -> String {
        let mut text = format!("[defaults]\n{}", self.defaults.written());
        for rule in &self.rules {
            let who = if rule.caller { "who = \"caller\"\n" } else { "" };
            let conditions: String = rule.conditions.iter().map(|condition| condition.written() + "\n").collect();
            text.push_str(&format!("\n[[rule]]\n{who}{conditions}{}", rule.says.written()));
        }
        text
    }
}
