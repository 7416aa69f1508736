//! From the answers to the plan: every file as it will be, and what is odd about it.

use super::answers::{Answers, Grace};
use super::facts::Facts;
use super::meant::{self, Meant};
use super::plan::{FileChange, Plan};
use super::proposed::Proposed;
use super::ssh::{self, Wish};
use super::words::SshWay;
use super::{policy, stacks};
use crate::pam::Files as _;
use crate::sshd;
use mfa_cli::{Failure, printable};
use std::collections::BTreeSet;

/// A plan, and what is said with it.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    /// The rules, for the daemon to look at before.
    pub(crate) rules: String,
    /// What is odd, a sentence each.
    pub(crate) warnings: Vec<String>,
    /// Who is in the group, and whose key is to be enough all the same.
    pub(crate) exempt: Vec<String>,
}

/// Makes the plan; nothing is written.
///
/// # Errors
/// Exit code 1, with what to do, for what setup does not change.
pub(crate) fn planned(answers: &Answers, facts: &Facts<'_>) -> Result<Planned, Failure> {
    let members = members(answers, facts)?;
    let edits = stacks::edits(&answers.places, answers.way, &facts.tries(&members), facts.system);
    let edits = edits.map_err(|error| Failure::refused("stack", error.to_string()))?;
    let mut warnings: Vec<String> =
        edits.warnings.iter().map(|finding| format!("{}. {}", finding.what, finding.mend)).collect();
    let sshd = if answers.ssh() { of_sshd(answers, &members, facts)? } else { Vec::new() };
    warnings.extend(ssh::exceptions(&sshd, facts.system).into_iter().filter(|_| answers.ssh()));
    let exempt: Vec<String> = answers.automation.iter().filter(|name| members.contains(*name)).cloned().collect();
    warnings.extend(exempt.iter().map(|name| {
        format!("{name} is in the group and in automation: over ssh their key is enough, and they are never asked")
    }));
    let (rules, settings) = site(answers, facts)?;
    let plan = Plan {
        reload_policy: !settings.is_empty(),
        reload_sshd: !sshd.is_empty(),
        logins: if sshd.is_empty() { Vec::new() } else { logins(answers, &members, &sshd, facts) },
        files: [edits.files, sshd, settings].concat(),
        trials: edits.trials,
    };
    Ok(Planned { plan, rules, warnings, exempt })
}

/// Who is in the group.
pub(crate) fn members(answers: &Answers, facts: &Facts<'_>) -> Result<BTreeSet<String>, Failure> {
    let unknown = || {
        let group = printable::line(&answers.group);
        Failure::refused("unknown_group", format!("There is no group {group}. See: getent group"))
    };
    let members = facts.members(&answers.group).ok_or_else(unknown)?;
    match answers.automation.iter().find(|name| !facts.is_somebody(name)) {
        Some(name) => {
            let name = printable::line(name);
            Err(Failure::refused("unknown_user", format!("There is no account {name}. See: getent passwd")))
        }
        None => Ok(members),
    }
}

fn of_sshd(answers: &Answers, members: &BTreeSet<String>, facts: &Facts<'_>) -> Result<Vec<FileChange>, Failure> {
    let grace = match answers.grace {
        Grace::AsIs => None,
        Grace::Seconds(seconds) => Some(u64::from(seconds)),
    };
    let wish = Wish {
        way: answers.way,
        group: &answers.group,
        automation: &answers.automation,
        grace,
        // As shipped the policy asks whoever has a factor, and nobody could be asked behind a key that is enough.
        asks_root: members.contains("root") || (answers.way == SshWay::KeyAndCode && facts.enrolled.contains("root")),
    };
    ssh::changes(&wish, facts.system).map_err(|error| Failure::refused("sshd", error.to_string()))
}

/// What sshd is to say of logins then.
fn logins(answers: &Answers, members: &BTreeSet<String>, sshd: &[FileChange], facts: &Facts<'_>) -> Vec<Meant> {
    let proposed = Proposed { system: facts.system, files: sshd };
    let ours = proposed.text(ssh::DROP_IN).unwrap_or_default();
    meant::logins(&ours, &sshd::lines(&proposed), (&answers.automation, members), facts)
}

/// The policy's rules, and the files of /etc/mfa that change.
fn site(answers: &Answers, facts: &Facts<'_>) -> Result<(String, Vec<FileChange>), Failure> {
    let refused = |error: policy::PolicyError| Failure::refused("policy", error.to_string());
    let rules = policy::rules(&answers.places, &answers.group, &answers.automation, answers.enroll);
    let changes = [
        policy::change(&rules, facts.system).map_err(refused)?,
        policy::settings(answers.on_full, facts.system).map_err(refused)?,
    ];
    Ok((rules, changes.into_iter().flatten().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::machines::bookworm;
    use crate::setup::words::{Enroll, OnFull, SshWay, Where};

    #[test]
    fn whoever_is_to_be_asked_and_is_in_automation_is_named() {
        let machine = bookworm();
        let facts = Facts::seen(&machine, BTreeSet::new(), 0).unwrap();
        let answers = Answers {
            places: vec![Where::Ssh],
            way: SshWay::PasswordAndCode,
            group: "sre".into(),
            automation: vec!["dave".into(), "alice".into()],
            enroll: Enroll::AtLogin,
            on_full: OnFull::SingleFactor,
            grace: Grace::AsIs,
            break_glass: false,
        };
        let listed_nowhere = bookworm().says("getent passwd -- eve", "eve:x:70001:70001::/home/eve:/bin/sh\n");
        let of_a_directory = Answers { automation: vec!["eve".into()], ..answers.clone() };
        assert!(members(&of_a_directory, &facts).is_err());
        assert!(members(&of_a_directory, &Facts::seen(&listed_nowhere, BTreeSet::new(), 0).unwrap()).is_ok());
        let planned = planned(&answers, &facts).unwrap();
        assert_eq!(planned.exempt, ["alice"]);
        let told = "alice is in the group and in automation";
        assert!(planned.warnings.iter().any(|warning| warning.starts_with(told)), "{:?}", planned.warnings);
    }
}
