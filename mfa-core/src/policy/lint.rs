//! What is well-formed and probably not meant. Warnings only: nothing here changes what a policy does.

use super::calendar::End;
use super::condition::{Condition, Truth};
use super::diagnostic::Diagnostic;
use super::model::{Enrolling, Grace, Policy, Requirement, Rule, Settings, Who, rule_services};
use super::service::{Class, Services, caller_is_target};
use crate::Time;
use crate::factor::{Kind, Kinds};

/// Something to tell an administrator.
pub(super) struct Remark {
    /// The rule it is about; `None`: the whole policy.
    pub(super) rule: Option<usize>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// What the date makes odd about a policy: rules that have ended, a time to enroll that is over. Whatever else is odd
/// was among [`super::Parsed::warnings`].
#[must_use]
pub fn lint(policy: &Policy, now: Time) -> Vec<Diagnostic> {
    let over = |end: End| end.is_over(now, None) == Truth::True;
    let grace_over = |settings: &Settings| match settings.grace {
        Grace::By(end) if settings.enroll == Enrolling::Grace && over(end) => Some(end),
        _ => None,
    };
    let late = |file: &str, line, whose: &str, end: End| {
        let message = format!("{whose} say that enrolling can wait, and it can no longer: {end} is over");
        let hint = "write enroll = \"at-login\", or move the date".to_owned();
        Diagnostic::without_text(file, line, message).hint(Some(hint))
    };
    let mut found: Vec<Diagnostic> =
        grace_over(policy.defaults()).map(|end| late("policy.toml", 1, "[defaults]", end)).into_iter().collect();
    for rule in policy.rules() {
        let (file, line) = rule.place();
        for condition in rule.conditions() {
            if let Condition::Until(end) = condition
                && over(*end)
            {
                let message = format!("rule \"{}\" matches nobody any more: {end} is over", rule.name());
                let hint = "remove it, or move its date".to_owned();
                found.push(Diagnostic::without_text(file, line, message).hint(Some(hint)));
            }
        }
        let own = grace_over(rule.settings()).filter(|_| rule.writes("enroll_by") || rule.writes("enroll"));
        found.extend(own.map(|end| late(file, line, &format!("the settings of rule \"{}\"", rule.name()), end)));
    }
    found
}

/// What is odd about a policy where no server takes mail: whoever must give a mailed code gets none.
#[must_use]
pub fn without_mail(policy: &Policy) -> Vec<Diagnostic> {
    let rules = policy.rules().iter().filter(|rule| rule.writes("factors"));
    let rules = rules.map(|rule| (rule.place(), format!("rule \"{}\"", rule.name()), rule.settings()));
    let defaults = (("policy.toml", 1), "[defaults]".to_owned(), policy.defaults());
    let odd = std::iter::once(defaults).chain(rules).filter(|(_, _, settings)| takes_mail_alone(settings));
    let told = odd.map(|((file, line), whose, _)| {
        let message = format!("{whose} will have a mailed code alone, and no mail is sent here: nobody gets one");
        let hint = "write `server` in mfa.toml, [mail], or name \"totp\" among `factors`".to_owned();
        Diagnostic::without_text(file, line, message).hint(Some(hint))
    });
    told.collect()
}

/// What is odd about a policy where nobody has said that sshd demands `verify-required`: an SSH key then counts for a
/// touch, and does not do where a rule has keys verified.
#[must_use]
pub fn without_verified_ssh_keys(policy: &Policy) -> Vec<Diagnostic> {
    let unverified = |rule: &&Rule| {
        let settings = &rule.settings;
        let named = rule.writes("verify_user") || rule.writes("factors");
        let ssh = rule_services(rule).is_some_and(|some| some.iter().any(|one| Class::of(one) == Some(Class::Ssh)));
        named && ssh && settings.verify_user && settings.factors.contains(Kind::SshKey)
    };
    let told = policy.rules().iter().filter(unverified).map(|rule| {
        let (file, line) = rule.place();
        let message = format!("rule \"{}\" wants keys verified, and no SSH key counts as verified here", rule.name());
        let hint = "once sshd has PubkeyAuthOptions verify-required, say so: ssh_verify_required = true in \
                    [security_keys] of mfa.toml";
        Diagnostic::without_text(file, line, message).hint(Some(hint.to_owned()))
    });
    told.collect()
}

fn takes_mail_alone(settings: &Settings) -> bool {
    settings.require != Requirement::Never
        && settings.factors.without(Kind::BackupCode) == Kinds::NONE.with(Kind::Email)
}

/// What is odd about a policy at any time.
pub(super) fn remarks(policy: &Policy) -> Vec<Remark> {
    let mut found = Vec::new();
    for (index, rule) in policy.rules().iter().enumerate() {
        let earlier = policy.rules().get(..index).unwrap_or_default();
        let about = [
            same_name(rule, earlier),
            unreachable(rule, earlier),
            matches_nobody(rule),
            relaxes_for_everybody(rule, policy),
            half_of_a_pair(rule),
            strict_by_address(rule),
            hardware_with_own_factors(rule),
            verification_without_effect(rule),
            keys_out_of_place(rule),
            grace_without_effect(rule),
            caller_without_effect(rule),
            sets_nothing(rule),
        ];
        found.extend(about.into_iter().flatten().map(|(message, hint)| Remark {
            rule: Some(index),
            message,
            hint: Some(hint.to_owned()),
        }));
    }
    found.extend(open_path_to_root(policy));
    found
}

type Finding = Option<(String, &'static str)>;

fn same_name(rule: &Rule, earlier: &[Rule]) -> Finding {
    let twin = earlier.iter().find(|other| other.name() == rule.name())?;
    let (file, line) = twin.place();
    Some((
        format!("another rule is called \"{}\", too, at {file}:{line}", rule.name()),
        "records name the rule that decided",
    ))
}

fn unreachable(rule: &Rule, earlier: &[Rule]) -> Finding {
    let cover = earlier.iter().find(|cover| {
        let same_people = cover.who == rule.who || !names_people(cover);
        same_people && cover.conditions.iter().all(|wide| rule.conditions.iter().any(|narrow| implies(narrow, wide)))
    })?;
    let message = format!("this rule is never reached: \"{}\" matches whoever it would", cover.name());
    Some((message, "rules are tried in order; move it up"))
}

fn names_people(rule: &Rule) -> bool {
    rule.conditions.iter().any(|condition| matches!(condition, Condition::Users(_) | Condition::Groups(_)))
}

/// Whether the second condition holds wherever the first does.
fn implies(narrow: &Condition, wide: &Condition) -> bool {
    match (narrow, wide) {
        (Condition::Services(narrow), Condition::Services(wide)) => narrow.is_subset(wide),
        (Condition::Users(narrow), Condition::Users(wide)) | (Condition::Groups(narrow), Condition::Groups(wide)) => {
            narrow.iter().all(|name| wide.contains(name))
        }
        (Condition::From(narrow), Condition::From(wide)) => narrow.is_subset(wide),
        (Condition::NotFrom(narrow), Condition::NotFrom(wide)) => wide.is_subset(narrow),
        (Condition::SshAuth(narrow), Condition::SshAuth(wide)) => narrow.iter().all(|method| wide.contains(method)),
        (Condition::SshKey(narrow), Condition::SshKey(wide)) => narrow.iter().all(|key| wide.contains(key)),
        _ => narrow == wide,
    }
}

fn matches_nobody(rule: &Rule) -> Finding {
    const NOBODY: &str = "this rule matches nobody";
    let (mut from, mut not_from, mut local, mut ssh) = (None, None, false, false);
    for condition in &rule.conditions {
        match condition {
            Condition::From(networks) => from = Some(networks),
            Condition::NotFrom(networks) => not_from = Some(networks),
            Condition::Origin(origin) => local = *origin == super::Origin::Local,
            Condition::SshAuth(_) | Condition::SshKey(_) => ssh = true,
            _ => {}
        }
    }
    let services = rule_services(rule)?;
    let why = if from.zip(not_from).is_some_and(|(from, not_from)| from.is_subset(not_from)) {
        "every network of `from` is in `not_from`"
    } else if from.is_some() && local {
        "a local login has no network address for `from` to hold"
    } else if ssh && !only(services, |class| class != Some(Class::Ssh)) {
        return None;
    } else if ssh {
        "`ssh_auth` and `ssh_key` hold for SSH only, and its services do not have @ssh"
    } else if from.is_some() && only(services, Class::has_no_address) {
        "none of its services comes with a network address for `from` to hold"
    } else {
        return None;
    };
    Some((NOBODY.to_owned(), why))
}

fn only(services: &Services, test: impl Fn(Option<Class>) -> bool) -> bool {
    services.iter().all(|service| test(Class::of(service)))
}

fn relaxes_for_everybody(rule: &Rule, policy: &Policy) -> Finding {
    let everybody = rule.conditions.iter().all(|condition| matches!(condition, Condition::Services(_)));
    let relaxes = rule.settings.require.rank() < policy.defaults().require.rank();
    let word = rule.settings.require.as_str();
    (everybody && relaxes).then(|| {
        (
            format!("this rule matches everybody and asks for less than [defaults]: \"{word}\""),
            "give it a condition, if not everybody is meant",
        )
    })
}

fn half_of_a_pair(rule: &Rule) -> Finding {
    let services = rule_services(rule).filter(|_| rule.writes("services"))?;
    let pairs = [("sudo", "sudo-i", "@sudo holds both"), ("su", "su-l", "@su holds both")];
    let (has, lacks, hint) =
        pairs.into_iter().find(|(one, other, _)| services.contains(one) != services.contains(other))?;
    let (has, lacks) = if services.contains(has) { (has, lacks) } else { (lacks, has) };
    Some((format!("this rule is for {has} and not for {lacks}, which does the same"), hint))
}

fn strict_by_address(rule: &Rule) -> Finding {
    let by_address = rule.conditions.iter().any(|condition| matches!(condition, Condition::From(_)));
    (by_address && rule.settings.require == Requirement::Always).then(|| {
        let message = "this rule asks only those who come from some networks; by way of another host nobody does";
        (message.to_owned(), "say where it is not needed, with `not_from`, rather than where it is")
    })
}

fn hardware_with_own_factors(rule: &Rule) -> Finding {
    let settings = &rule.settings;
    let hardware = !settings.factors.contains(Kind::Totp) && !settings.factors.contains(Kind::Email);
    (rule.writes("factors") && hardware && settings.own_factors && !rule.writes("own_factors")).then(|| {
        let message = "this rule names keys only, and still takes a code from users who have enrolled an app or mail";
        (message.to_owned(), "write own_factors = false, or own_factors = true if that is meant")
    })
}

fn verification_without_effect(rule: &Rule) -> Finding {
    let settings = &rule.settings;
    let keys = settings.own_factors || settings.factors.iter().any(Kind::is_key);
    (rule.writes("verify_user") && settings.verify_user && !keys).then(|| {
        let message = "`verify_user` has no effect here: the rule takes no key";
        (message.to_owned(), "it is about security-key and ssh-key; leave it out, or name one of them in `factors`")
    })
}

/// A security key is touched at the machine, and an SSH key is shown to sshd: a rule that takes one of them alone, where
/// that cannot be, lets nobody in.
fn keys_out_of_place(rule: &Rule) -> Finding {
    let taken = rule.settings.factors.without(Kind::BackupCode);
    let only = |kind| taken == Kinds::NONE.with(kind) && !rule.settings.own_factors;
    let services = rule_services(rule).filter(|_| rule.settings.require != Requirement::Never)?;
    let has_ssh = services.iter().any(|service| Class::of(service) == Some(Class::Ssh));
    let has_other = services.iter().any(|service| Class::of(service) != Some(Class::Ssh));
    if only(Kind::SecurityKey) && has_ssh {
        let message = "this rule takes nothing but a security key, and over SSH no key of this machine can be touched";
        return Some((message.to_owned(), "add \"ssh-key\" to `factors`, or take @ssh out of `services`"));
    }
    (only(Kind::SshKey) && has_other).then(|| {
        let message =
            "this rule takes nothing but an SSH key, and at some of its services there is no SSH to show it to";
        (message.to_owned(), "add \"security-key\" to `factors`; with ask_again, sudo goes by the login's own key")
    })
}

fn grace_without_effect(rule: &Rule) -> Finding {
    let written = ["grace", "enroll_by"].into_iter().find(|key| rule.writes(key))?;
    (rule.settings.enroll != Enrolling::Grace)
        .then(|| (format!("`{written}` has no effect here"), "it needs enroll = \"grace\""))
}

fn caller_without_effect(rule: &Rule) -> Finding {
    let services = rule_services(rule)?;
    (rule.who == Who::Caller && services.iter().all(caller_is_target)).then(|| {
        let message = "who = \"caller\" has no effect here: at these services people act for themselves";
        (message.to_owned(), "it is for @su, @sudo and @polkit")
    })
}

fn sets_nothing(rule: &Rule) -> Finding {
    let conditions_only = rule.written.iter().all(|key| {
        matches!(*key, "name" | "who" | "services") || rule.conditions.iter().any(|condition| condition.key() == *key)
    });
    conditions_only.then(|| {
        let message = "this rule has conditions and asks nothing of its own: whoever matches gets what [defaults] say";
        (message.to_owned(), "was `require` left out?")
    })
}

/// Some ways to root are covered and others are not.
fn open_path_to_root(policy: &Policy) -> Option<Remark> {
    let paths = ["sudo", "sudo-i", "su", "su-l", "polkit-1"];
    let (covered, open): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| policy.covers(path));
    (!covered.is_empty() && !open.is_empty()).then(|| Remark {
        rule: None,
        message: format!(
            "{} {} to root without a second factor, while {} {} not",
            open.join(", "),
            if open.len() == 1 { "leads" } else { "lead" },
            covered.join(", "),
            if covered.len() == 1 { "does" } else { "do" },
        ),
        hint: Some("name @sudo, @su and @polkit together in `services`".to_owned()),
    })
}
