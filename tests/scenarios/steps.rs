//! Steps that sessions have in common, and the people in them.

use std::path::Path;

use harness::{Ended, Failure, Knock, Lab, LabBuilder, Outcome, Release, Service, Stack, Terminal};
use serde_json::Value;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse";

/// How the question for a code ends.
pub(crate) const CODE: &str = "Verification code: ";

/// A service with the module alone in it, for programs that log in by themselves. [`policy`] covers it.
pub(crate) const CODES: Service = Service::Named("codes");

/// A lab in which alice and bob log in over ssh with password and code.
pub(crate) fn web(release: Release) -> LabBuilder {
    people(release).pam(Service::Sshd, Stack::password_then_code())
}

/// A lab with alice and bob, in which [`CODES`] alone asks for a code.
pub(crate) fn people(release: Release) -> LabBuilder {
    Lab::builder(release)
        .user("alice", PASSWORD)
        .user("bob", PASSWORD)
        .pam(CODES, Stack::code_alone())
        .policy(&policy("if-enrolled", ""))
}

/// A policy that requires a factor in that way unless one of the rules says otherwise.
pub(crate) fn policy(require: &str, rules: &str) -> String {
    let services = "services = [\"@ssh\", \"@login\", \"@sudo\", \"@su\", \"codes\"]";
    format!("[defaults]\n{services}\nrequire = \"{require}\"\n{rules}")
}

/// An ssh login that has been given the password.
pub(crate) fn password_given(lab: &Lab, user: &str) -> Outcome<Terminal> {
    let mut login = lab.ssh(user)?;
    login.answer("Password: ", PASSWORD)?;
    Ok(login)
}

/// Logs in over ssh with password and code.
pub(crate) fn log_in(lab: &Lab, user: &str, code: &str) -> Outcome<Terminal> {
    let mut login = password_given(lab, user)?;
    login.answer(CODE, code)?;
    login.expect_shell()?;
    Ok(login)
}

/// Tries a password and a code over ssh, and is asked again; returns what was said.
pub(crate) fn be_refused(lab: &Lab, user: &str, code: &str) -> Outcome<String> {
    let mut login = password_given(lab, user)?;
    login.answer(CODE, code)?;
    Ok(login.expect(CODE)?)
}

/// Lets all of them log in to a service at the same moment, as root's applications do it.
pub(crate) fn all_at_once(lab: &Lab, service: &str, knocks: &[Knock<'_>]) -> Outcome<Vec<Ended>> {
    lab.all_at_once(service, knocks)
}

/// Puts the programs `crowd`, `frames` and `post` into the lab.
pub(crate) fn bring_programs(lab: &Lab) -> Outcome {
    for program in [env!("CARGO_BIN_EXE_crowd"), env!("CARGO_BIN_EXE_frames"), env!("CARGO_BIN_EXE_post")] {
        lab.install(Path::new(program))?;
    }
    Ok(())
}

/// Has the lab talk to virtual keys, mfa-key's unit and mfa-enroll alike. `lab.security_key("blue", Model::default())`
/// plugs one in then.
pub(crate) fn virtual_keys(lab: &Lab) -> Outcome {
    Ok(lab.talk_to_keys_by(Path::new(env!("CARGO_BIN_EXE_key-in-labs")))?)
}

/// Has OpenSSH in the lab, and clients outside, use virtual keys; returns the provider's path in the lab.
pub(crate) fn ssh_provider(lab: &Lab) -> Outcome<String> {
    // Cargo has built it beside this program.
    Ok(lab.key_provider(&std::env::current_exe()?.with_file_name("libvirtual_key_ssh.so"))?)
}

/// All that `mfactl user` knows of an account.
pub(crate) fn account(lab: &Lab, user: &str) -> Outcome<Value> {
    Ok(lab.run(["mfactl", "user", user, "--json"])?.json()?)
}

/// Lines of the daemon's log that begin with that word and are about that user.
pub(crate) fn logged(lab: &Lab, word: &str, user: &str) -> Outcome<Vec<String>> {
    let of_user = format!("{word} user={user} ");
    Ok(all_lines(lab, word)?.into_iter().filter(|line| line.starts_with(&of_user)).collect())
}

/// Lines of the daemon's log that begin with that word.
pub(crate) fn all_lines(lab: &Lab, word: &str) -> Outcome<Vec<String>> {
    let journal = lab.journal(Some("mfa-daemon"))?;
    let begins = format!("{word} user=");
    Ok(journal.lines().filter(|line| line.starts_with(&begins)).map(str::to_owned).collect())
}

/// The text, or a failure that shows it and says what is missing in it.
pub(crate) fn must_hold(text: &str, parts: &[&str]) -> Outcome {
    match parts.iter().find(|part| !text.contains(**part)) {
        None => Ok(()),
        Some(part) => Err(Failure::new(format!("{part:?} is not in: {text}"))),
    }
}
