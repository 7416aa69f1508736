//! `mfactl require` and `unrequire`: a rule for a group in a file of its own, previewed first, in force at once or not
//! at all.

use crate::policy::preview::{self, Preview};
use crate::policy_file::{self, PolicyFile};
use crate::setup::words::Enroll;
use crate::{Desk, directory, policy};
use mfa_cli::{Exit, Failure, Terminal, moment, printable};
use mfa_proto::policy::Findings;
use serde_json::json;
use std::path::PathBuf;

/// Require a second factor of everybody in a group
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl require staff                           everywhere the policy covers
  mfactl require sre --services @ssh,@sudo
  mfactl require staff --enroll grace            with time to enroll
  mfactl require admins --enroll invite          with a code from mfactl invite
  mfactl require staff --yes --json              from a script

What that would change is shown first. It is a rule in a file of its own,
/etc/mfa/policy.d/50-require-GROUP.toml; rules before it decide before it.")]
pub(crate) struct Require {
    /// The group's name
    #[arg(value_name = "GROUP")]
    group: String,
    /// Only at these: @ssh, @login, @sudo, @su, @polkit, @desktop, @lock, or
    /// names of PAM services
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    services: Vec<String>,
    /// What becomes of those who have enrolled nothing
    #[arg(long, value_enum, value_name = "HOW")]
    enroll: Option<Enroll>,
    #[command(flatten)]
    common: Common,
}

/// Take back what `mfactl require` did
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl unrequire staff
  mfactl unrequire staff --yes --json

Other rules that ask the group stay: see mfactl policy explain.")]
pub(crate) struct Unrequire {
    /// The group's name
    #[arg(value_name = "GROUP")]
    group: String,
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args)]
struct Common {
    /// Do not ask; refused if somebody would be locked out
    #[arg(long)]
    yes: bool,
    /// The daemon's configuration, for one that was started by hand
    #[arg(long, value_name = "FOLDER", default_value = "/etc/mfa", hide = true)]
    config: PathBuf,
}

pub(crate) fn require(args: &Require, desk: &mut Desk) -> Result<Exit, Failure> {
    let file = PolicyFile::of_group(&args.common.config, &args.group)?;
    if !directory::has_group(&args.group)? {
        let group = printable::line(&args.group);
        return Err(Failure::refused("unknown_group", format!("There is no group {group}. See: getent group")));
    }
    let text = rule(args);
    policy::put(desk, file.name(), &text)?;
    let shown = format!("{} will say:\n\n{text}", printable::line(&file.path().display().to_string()));
    change(&args.common, &file, (Some(&text), &shown), desk)
}

pub(crate) fn unrequire(args: &Unrequire, desk: &mut Desk) -> Result<Exit, Failure> {
    let file = PolicyFile::of_group(&args.common.config, &args.group)?;
    if file.content()?.is_none() {
        let (group, path) = (printable::line(&args.group), printable::line(&file.path().display().to_string()));
        let text = format!("{group} is not required by a file of its own: there is no {path}.");
        return Err(Failure::refused("not_found", text));
    }
    policy::take_out(desk, file.name())?;
    let shown = format!("{} will be removed.\n", printable::line(&file.path().display().to_string()));
    change(&args.common, &file, (None, &shown), desk)
}

/// Shows what that would change, asks, writes, and takes it back if the daemon does not take it.
fn change(
    common: &Common,
    file: &PolicyFile,
    (text, shown): (Option<&str>, &str),
    desk: &mut Desk,
) -> Result<Exit, Failure> {
    let mut terminal = Terminal::open();
    if !common.yes && (desk.json || !terminal.is_interactive()) {
        return Err(Failure::usage("Nobody is here to ask whether this is meant. Say so with --yes"));
    }
    let findings = match policy::all_right(desk)? {
        Ok(findings) => findings,
        Err(findings) => return preview::refused(&findings, desk),
    };
    let preview = Preview::take(desk)?;
    if !desk.json {
        desk.screen.line(shown)?;
        policy::show(&desk.screen, &about(&findings, file.name()))?;
        preview.print(&desk.screen, None)?;
    }
    let locked_out = preview.newly_locked_out();
    if common.yes && !locked_out.is_empty() {
        let message = format!(
            "Nothing was changed: {} would be locked out. Enroll them first, or run it without --yes and decide.",
            policy::names(&locked_out)
        );
        return Err(Failure::refused("locks_out", message));
    }
    if !common.yes && !terminal.agrees("Put this in force?")? {
        return Err(Failure::refused("not_confirmed", "Nothing was changed."));
    }
    put_in_force(file, text, desk)?;
    if desk.json {
        desk.screen.json(&json!({ "file": file.path(), "in_force": true, "preview": preview.data() }))?;
    } else {
        desk.screen.line("Done: in force.")?;
    }
    Ok(Exit::Done)
}

/// Writes or removes the file, and makes the daemon take it; as it was, if the daemon refuses.
fn put_in_force(file: &PolicyFile, text: Option<&str>, desk: &mut Desk) -> Result<(), Failure> {
    let before = file.content()?;
    file.replace(text)?;
    let refused = match policy::in_force(desk) {
        Ok(findings) if findings.errors.is_empty() => return Ok(()),
        Ok(_) => Failure::refused("not_taken", "The daemon did not take it: see mfactl policy check."),
        Err(failure) => failure,
    };
    file.replace(before.as_deref())?;
    // What is in the folder is what was in force; if that is not taken either, status says so.
    let _ = policy::in_force(desk);
    Err(Failure { message: format!("{} Nothing was changed.", refused.message), ..refused })
}

/// What is odd about this file; the other files are no business of this command.
fn about(findings: &Findings, file: &str) -> Findings {
    let warnings = findings.warnings.iter().filter(|warning| warning.file == file).cloned().collect();
    Findings { warnings, left_out: 0, ..findings.clone() }
}

/// The rule, as it is written.
fn rule(args: &Require) -> String {
    let group = policy_file::quoted(&args.group);
    let name = policy_file::quoted(&format!("require {}", args.group).chars().take(80).collect::<String>());
    let mut text = format!(
        "# Written by mfactl require on {}. To take it back: mfactl unrequire\n[[rule]]\nname = {name}\ngroups = \
         [{group}]\n",
        moment::date(moment::now())
    );
    if !args.services.is_empty() {
        let services: Vec<String> = args.services.iter().map(|word| policy_file::quoted(word.trim())).collect();
        text.push_str(&format!("services = [{}]\n", services.join(", ")));
    }
    text.push_str("require = \"always\"\n");
    if let Some(enroll) = args.enroll {
        text.push_str(&format!("enroll = \"{}\"\n", enroll.word()));
    }
    text
}
