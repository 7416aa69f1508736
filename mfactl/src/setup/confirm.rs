//! What setup has done stays: said with the code from the first terminal, in a login that began after the change and
//! came in through what was changed.

use super::moment::seconds;
use super::session::Session;
use super::stacks::WINDOWS;
use super::state::{Stage, State};
use super::store::{FOLDER, StateError, Store};
use super::world::{ThisMachine, World, disarm_all};
use std::fmt;
use std::path::Path;

/// Services through which somebody logs in, beside login windows; others are for somebody who is in.
const LOGINS: [&str; 2] = ["sshd", "login"];

/// Why it is not confirmed. It goes back by itself, still.
#[derive(Debug)]
pub(crate) enum ConfirmError {
    /// Nothing waits.
    Nothing,
    /// The time is over.
    TooLate,
    /// Not the code.
    WrongCode,
    /// This is the login in which setup was run, or one from before, or its prompt was.
    OldLogin,
    /// It came in by something that was not changed.
    OtherService { came: String, changed: Vec<String> },
    /// Which login this is cannot be told.
    NoLogin,
    /// The state cannot be used.
    State(StateError),
}

impl fmt::Display for ConfirmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str(
                "Nothing waits to be confirmed: it was confirmed, or everything is as it was before. See: mfactl setup \
                 status",
            ),
            Self::TooLate => f.write_str(
                "The time is over, and everything goes back by itself. At once: mfactl setup undo. To begin again: \
                 mfactl setup",
            ),
            Self::WrongCode => f.write_str("That is not the code. It stands where setup was run."),
            Self::OldLogin => f.write_str(
                "This login, or the prompt that let it in, is older than the change and proves nothing. Log in anew, \
                 from another terminal and not through a connection that is shared (tmux, screen and ssh's \
                 ControlMaster keep the old login), and confirm there. At a console or a login window, log out first: \
                 that brings a new prompt.",
            ),
            Self::OtherService { came, changed } => write!(
                f,
                "This login came in by {came}, which was not changed. Log in by {} and confirm there.",
                changed.join(" or ")
            ),
            Self::NoLogin => f.write_str(
                "This does not run in a login session, so it proves nothing. Log in as you always do, from another \
                 terminal, and confirm there with sudo or su, not from a service, a container or cron.",
            ),
            Self::State(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ConfirmError {}

impl From<StateError> for ConfirmError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

/// Confirms what waits.
///
/// # Errors
/// [`ConfirmError`]
pub(crate) fn confirm(code: &str) -> Result<(), ConfirmError> {
    confirm_in(&ThisMachine, Path::new(FOLDER), code, Session::own())
}

fn confirm_in(world: &dyn World, folder: &Path, code: &str, session: Option<Session>) -> Result<(), ConfirmError> {
    let store = Store::open(folder)?;
    let mut state = store.pending()?.ok_or(ConfirmError::Nothing)?;
    weigh(&state, code, session)?;
    state.stage = Stage::Confirmed { at: seconds() };
    // From here on it stays, whatever happens to this process.
    store.keep(&state)?;
    store.put_away(&state)?;
    disarm_all(world);
    Ok(())
}

fn weigh(state: &State, code: &str, session: Option<Session>) -> Result<(), ConfirmError> {
    let Stage::Waiting { until, since, .. } = &state.stage else { return Err(ConfirmError::TooLate) };
    if until.left().is_none() {
        return Err(ConfirmError::TooLate);
    }
    if code.trim() != state.code {
        return Err(ConfirmError::WrongCode);
    }
    let session = session.ok_or(ConfirmError::NoLogin)?;
    if !session.is_later_than(*since) || state.session.as_ref() == Some(&session.name) {
        return Err(ConfirmError::OldLogin);
    }
    let is_login = |service: &&String| LOGINS.iter().chain(&WINDOWS).any(|login| login == service);
    let changed: Vec<String> = state.services.iter().filter(is_login).cloned().collect();
    match session.service {
        Some(came) if !changed.is_empty() && !changed.contains(&came) => {
            Err(ConfirmError::OtherService { came, changed })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::back::back_in;
    use crate::setup::made_up::{MINUTE, MadeUp, plan};
    use std::time::Duration;

    /// A login that began then, by the kernel's clock and by logind's.
    fn login(name: &str, began: u64, opened: u64, service: &str) -> Option<Session> {
        Some(Session { name: name.into(), began, opened: Some(opened), service: Some(service.into()) })
    }

    /// A login by ssh that begins later.
    fn new_login() -> Option<Session> {
        login("8", u64::MAX, u64::MAX, "sshd")
    }

    /// A setup that waits, and its code.
    fn waiting(within: Duration) -> (MadeUp, String) {
        let machine = MadeUp::new();
        let code = machine.apply(&plan(&machine), Some(within)).unwrap().code;
        (machine, code)
    }

    fn tried(machine: &MadeUp, code: &str, session: Option<Session>) -> Result<(), ConfirmError> {
        confirm_in(machine, &machine.state(), code, session)
    }

    #[test]
    fn a_new_login_through_what_was_changed_confirms_and_it_stays() {
        let (machine, code) = waiting(MINUTE);
        let mut done = machine.tree();
        // The old texts need not lie beside the files any more.
        done.retain(|path, _| !path.to_string_lossy().ends_with("mfa-setup-old"));
        tried(&machine, &code, new_login()).unwrap();
        assert!(back_in(&machine, &machine.state()).unwrap().files.is_empty());
        assert_eq!(machine.tree(), done);
        assert!(machine.armed().is_empty());
        assert!(matches!(tried(&machine, &code, new_login()), Err(ConfirmError::Nothing)));
    }

    #[test]
    fn nothing_else_confirms_and_it_goes_on_waiting() {
        let (machine, code) = waiting(MINUTE);
        type Expected = fn(&ConfirmError) -> bool;
        let cases: [(&str, Option<Session>, Expected); 6] = [
            ("1", new_login(), |error| matches!(error, ConfirmError::WrongCode)),
            ("", new_login(), |error| matches!(error, ConfirmError::WrongCode)),
            (&code, None, |error| matches!(error, ConfirmError::NoLogin)),
            (&code, login("3", u64::MAX, 1, "sshd"), |error| matches!(error, ConfirmError::OldLogin)),
            // The prompt stood there before the change, whenever the password was typed.
            (&code, login("3", 1, u64::MAX, "sshd"), |error| matches!(error, ConfirmError::OldLogin)),
            (&code, login("8", u64::MAX, u64::MAX, "login"), |error| {
                matches!(error, ConfirmError::OtherService { .. })
            }),
        ];
        for (code, session, expected) in cases {
            let error = tried(&machine, code, session).unwrap_err();
            assert!(expected(&error), "{error}");
        }
        tried(&machine, &code, new_login()).unwrap();
    }

    #[test]
    fn when_its_time_is_over_it_is_too_late() {
        let (machine, code) = waiting(Duration::ZERO);
        assert!(matches!(tried(&machine, &code, new_login()), Err(ConfirmError::TooLate)));
        assert!(!back_in(&machine, &machine.state()).unwrap().files.is_empty());
    }
}
