//! `mfactl doctor`: what on this machine lets somebody in past the second factor, locks somebody out, or is about to;
//! each with the place and the mend. It looks and changes nothing.
//!
//! A check is a row of [`CHECKS`]: a name, a sentence, and a function from what is known to findings.

mod account;
mod finding;
mod machine;
mod matches;
mod next_start;
mod options;
mod root;
mod site;
mod ssh_keys;
mod sshd;
mod stacks;
mod windows;

use crate::pam::{self, Service};
use crate::sshd::{Effective, Line, lines};
use crate::system::{Machine, System};
use crate::{Shared, break_glass, connect, license};
use finding::{Examined, show};
pub(crate) use finding::{Finding, Severity};
use mfa_cli::{Exit, Failure, Screen};
use mfa_proto::admin::{List, Page, STATUS, Status, Summary};
use mfa_proto::policy::{EXPLAIN, Explanation, Question};
use serde_json::json;
use std::collections::BTreeMap;

/// Find what is wrong or dangerous on this machine, and how to mend it
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sudo mfactl doctor
  sudo mfactl doctor --json | jq '.findings[].what'
  mfactl doctor --list            what is looked at

It reads PAM's stacks, sshd's configuration, sockets, units, permissions, the
clock, the policy and the license, and changes nothing. Exit code 1 if
something fails; warnings alone leave it at 0.")]
pub(crate) struct Args {
    /// Show what is looked at, and look at nothing
    #[arg(long)]
    list: bool,
}

/// What a check looks at.
pub(crate) struct Scene<'a> {
    system: &'a dyn System,
    /// Every service with what it goes through.
    services: Vec<Service>,
    /// What sshd has in force; nothing where there is none.
    sshd: Option<Effective>,
    sshd_lines: Vec<Line>,
    /// What it has in force for those whom a `Match` is about.
    matched: Vec<matches::Matched>,
    site: Site,
    is_root: bool,
}

/// What the daemon tells.
#[derive(Default)]
pub(crate) struct Site {
    /// How it stands; why it cannot be asked.
    status: Option<Result<Status, String>>,
    license: Option<license::Status>,
    /// Break-glass codes that nobody has used; `None` if that cannot be seen.
    break_glass: Option<usize>,
    accounts: Vec<Summary>,
    /// Services outside of every class that somebody would be asked at.
    asked_elsewhere: Vec<(String, String)>,
    /// What is asked at sshd of root, and of those who have an SSH key alone.
    at_sshd: BTreeMap<String, ssh_keys::AtSshd>,
}

impl Scene<'_> {
    /// Whether logins go through our module anywhere.
    fn is_in_use(&self) -> bool {
        self.services.iter().any(|service| !service.ours(pam::Phase::Auth).is_empty())
    }

    fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The service that sshd asks PAM for.
    fn ssh_service(&self) -> &str {
        self.sshd.as_ref().map_or("sshd", Effective::service)
    }

    /// Whether a service's `auth` goes through our module.
    fn reaches(&self, name: &str) -> bool {
        self.service(name).is_some_and(|service| !service.ours(pam::Phase::Auth).is_empty())
    }
}

/// What a check comes to.
pub(crate) enum Found {
    /// What it found; nothing if all is well.
    Findings(Vec<Finding>),
    /// It was not made, for this reason.
    NotDone(&'static str),
}

impl From<Vec<Finding>> for Found {
    fn from(findings: Vec<Finding>) -> Self {
        Self::Findings(findings)
    }
}

/// One thing that is looked at.
pub(crate) struct Check {
    name: &'static str,
    about: &'static str,
    probe: fn(&Scene<'_>) -> Found,
}

/// Everything that is looked at, in the order in which it is told.
pub(crate) const CHECKS: &[Check] = &[
    Check { name: "in-use", about: "some stack asks for a second factor", probe: stacks::in_use },
    Check { name: "module-there", about: "every stack that names the module finds it", probe: stacks::missing_module },
    Check { name: "options", about: "the module takes the options it is given", probe: options::taken },
    Check { name: "understood", about: "PAM understands the stacks of logins", probe: stacks::not_understood },
    Check { name: "no-is-no", about: "a refusal of the module refuses the login", probe: stacks::ignored_refusals },
    Check { name: "always-reached", about: "no login passes beside the module", probe: stacks::passed_by },
    Check { name: "after-password", about: "the module stands after the password", probe: stacks::order },
    Check { name: "not-alone", about: "the second factor alone lets nobody in", probe: stacks::alone },
    Check { name: "asked-once", about: "a stack names the module once", probe: stacks::named_twice },
    Check { name: "exempt", about: "exempt=success stands beside require_publickey", probe: stacks::exempt },
    Check { name: "combined", about: "combined=split and combined=verify come as a pair", probe: stacks::combined },
    Check { name: "one-question", about: "programs that ask once take one line", probe: windows::asked_once },
    Check { name: "unavailable", about: "a daemon that is down lets nobody in", probe: stacks::unavailable },
    Check { name: "account-line", about: "an account line stands in sshd's stack alone", probe: account::elsewhere },
    Check {
        name: "account-reached",
        about: "no login by key passes beside the account line",
        probe: account::passed_by,
    },
    Check { name: "environment", about: "users cannot set PAM's environment", probe: stacks::environment },
    Check { name: "ways-to-root", about: "all ways to root ask alike", probe: stacks::ways_to_root },
    Check { name: "other-doors", about: "fingerprints, cards and autologin ask, too", probe: windows::other_doors },
    Check { name: "unintended", about: "services that cannot ask do not", probe: stacks::unintended },
    Check { name: "sshd-answers", about: "sshd takes its own configuration", probe: sshd::answers },
    Check { name: "sshd-pam", about: "sshd asks PAM, and PAM can ask", probe: sshd::uses_pam },
    Check { name: "sshd-password", about: "sshd's password method is off", probe: sshd::password_method },
    Check { name: "sshd-root", about: "root can answer over ssh what root is asked", probe: root::can_answer },
    Check { name: "sshd-keys", about: "an SSH key alone does not pass unasked", probe: sshd::keys_alone },
    Check {
        name: "sshd-factor-only",
        about: "a stack without a password is sshd's second step",
        probe: sshd::factor_only,
    },
    Check { name: "sshd-match", about: "Match blocks ask as the rest does", probe: matches::blocks_ask_alike },
    Check { name: "sshd-grace", about: "sshd waits long enough for a code", probe: sshd::grace_time },
    Check {
        name: "sshd-dns",
        about: "addresses in rules are addresses to sshd, too",
        probe: sshd::names_for_addresses,
    },
    Check { name: "sshd-touch", about: "SSH security keys are touched, or verify, as is said", probe: ssh_keys::touch },
    Check { name: "ssh-key-alone", about: "who has only an SSH key gets in by it", probe: ssh_keys::nothing_beside },
    Check { name: "daemon", about: "the daemon answers and is healthy", probe: site::daemon },
    Check { name: "policy", about: "the policy is taken without a doubt", probe: site::policy },
    Check { name: "mail", about: "mail goes out where it is set up", probe: site::mail },
    Check { name: "license", about: "there are seats for whoever needs one", probe: site::license },
    Check { name: "break-glass", about: "there are codes in the safe", probe: site::break_glass },
    Check { name: "master-key", about: "the master key is sealed", probe: site::master_key },
    Check { name: "next-start", about: "the daemon's next start takes the settings", probe: next_start::settings },
    Check { name: "credentials", about: "systemd can open the master keys", probe: next_start::credentials },
    Check { name: "versions", about: "daemon and commands are of one version", probe: site::versions },
    Check { name: "sockets", about: "both sockets are there, each for whom it is", probe: machine::sockets },
    Check { name: "units", about: "what must run after the next boot is enabled", probe: machine::units },
    Check { name: "permissions", about: "nobody else writes what the daemon believes", probe: machine::permissions },
    Check { name: "clock", about: "the clock is right", probe: machine::clock },
    Check { name: "accounts", about: "accounts come from where the daemon can ask", probe: machine::name_service },
    Check { name: "selinux", about: "SELinux lets programs reach the daemon", probe: machine::selinux },
    Check { name: "apparmor", about: "AppArmor lets programs reach the daemon", probe: machine::apparmor },
];

/// Checks that look at the stacks of PAM alone.
const OF_STACKS: [&str; 14] = [
    "options",
    "understood",
    "no-is-no",
    "always-reached",
    "account-reached",
    "after-password",
    "not-alone",
    "asked-once",
    "exempt",
    "combined",
    "unavailable",
    "environment",
    "ways-to-root",
    "other-doors",
];

pub(crate) fn run(args: &Args, shared: &Shared) -> Result<Exit, Failure> {
    let screen = Screen::open();
    if args.list {
        return list(&screen, shared.json);
    }
    let is_root = rustix::process::geteuid().is_root();
    let scene = Scene { site: site(shared, is_root), ..look(&Machine, is_root) };
    let examined = examine(&scene);
    if shared.json {
        screen.json(&examined)?;
    } else {
        show(&screen, &examined)?;
    }
    Ok(if examined.failed() { Exit::Refused } else { Exit::Done })
}

fn list(screen: &Screen, for_scripts: bool) -> Result<Exit, Failure> {
    if for_scripts {
        let rows: Vec<_> = CHECKS.iter().map(|check| json!({ "name": check.name, "about": check.about })).collect();
        screen.json(&rows)?;
        return Ok(Exit::Done);
    }
    for check in CHECKS {
        screen.line(&format!("{:<17} {}", check.name, check.about))?;
    }
    Ok(Exit::Done)
}

/// What can be seen without the daemon.
fn look(system: &dyn System, is_root: bool) -> Scene<'_> {
    let services = pam::services(system).iter().map(|name| pam::read(system, name)).collect();
    let (sshd, sshd_lines) = (Effective::ask(system, None), lines(system));
    let matched = if sshd.is_some() { matches::matched(system, &sshd_lines) } else { Vec::new() };
    Scene { system, services, sshd, sshd_lines, matched, site: Site::default(), is_root }
}

/// What the daemon tells; whatever it does not is left out, and told as such by the checks.
fn site(shared: &Shared, is_root: bool) -> Site {
    let break_glass = if is_root { break_glass::unused() } else { None };
    let mut daemon = match connect(shared.socket.as_deref()) {
        Ok(daemon) => daemon,
        Err(failure) => return Site { status: Some(Err(failure.message)), break_glass, ..Site::default() },
    };
    if !is_root {
        return Site::default();
    }
    let status: Result<Status, Failure> = daemon.call(STATUS, &json!({}));
    let status = status.map_err(|failure| failure.message);
    let license = daemon.call(mfa_proto::license::STATUS, &json!({})).ok();
    let page: Result<Page, Failure> = daemon.call(mfa_proto::admin::ACCOUNTS, &List::default());
    let accounts = page.map(|page| page.accounts).unwrap_or_default();
    let mut asked_elsewhere = Vec::new();
    for service in stacks::CANNOT_ASK {
        let users = accounts.iter().map(|account| account.user.as_str()).chain(["root"]);
        for user in users.take(20) {
            let question = Question { user: user.to_owned(), service: (*service).to_owned(), ..Question::default() };
            let explained: Result<Explanation, Failure> = daemon.call(EXPLAIN, &question);
            if explained.is_ok_and(|explained| explained.outcome.what != "skip" && !explained.observed) {
                asked_elsewhere.push(((*service).to_owned(), user.to_owned()));
                break;
            }
        }
    }
    let at_sshd = ssh_keys::at_sshd(&accounts, |question| daemon.call(EXPLAIN, question).ok());
    Site { status: Some(status), license, break_glass, accounts, asked_elsewhere, at_sshd }
}

/// What is wrong with the stacks of a machine, or of one as it would be, seen by them alone.
pub(crate) fn of_stacks(system: &dyn System) -> Vec<Finding> {
    of_services(&pam::services(system), system)
}

/// The same, as though these services were all.
pub(crate) fn of_services(names: &[String], system: &dyn System) -> Vec<Finding> {
    let services = names.iter().map(|name| pam::read(system, name)).collect();
    let (sshd_lines, matched, site) = (Vec::new(), Vec::new(), Site::default());
    let scene = Scene { system, services, sshd: None, sshd_lines, matched, site, is_root: true };
    let of_stacks = CHECKS.iter().filter(|check| OF_STACKS.contains(&check.name));
    let found = of_stacks.map(|check| (check.probe)(&scene));
    found.flat_map(|found| if let Found::Findings(findings) = found { findings } else { Vec::new() }).collect()
}

/// Makes every check.
fn examine(scene: &Scene<'_>) -> Examined {
    let mut examined = Examined::default();
    for check in CHECKS {
        match (check.probe)(scene) {
            Found::NotDone(why) => examined.not_done(check.name, why),
            Found::Findings(findings) => examined.add(check.name, findings),
        }
    }
    examined.findings.sort_by_key(|(finding, _)| match finding.severity {
        Severity::Fail => 0,
        Severity::Warn => 1,
        Severity::Note => 2,
    });
    examined
}

#[cfg(test)]
mod tests;
