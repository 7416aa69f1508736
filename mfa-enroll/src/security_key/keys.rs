//! The keys that are plugged in, and the person beside them: asks to plug in, to touch, for the PIN, and again when
//! something can be done about it.

use super::named_after;
use super::program::Program;
use super::told::{self, Next};
use crate::place;
use crate::session::Session;
use mfa_cli::{Failure, printable};
use mfa_proto::Secret;
use mfa_proto::enrollment::{KeyToMake, KeyToProve, KnownKey};
use mfa_proto::key::{self, ASSERT, Assert, Asserted, Can, FIND, Find, Found, LIST, List, MAKE, Made, Make};

/// Seconds for what needs no touch.
const LOOK: u32 = 5;
/// Seconds for a touch.
const TOUCH: u32 = 30;

/// What is known of the keys while one is added.
pub(super) struct Keys {
    program: Program,
    host: String,
    elsewhere: bool,
    /// Of the key that is meant, where there is but one.
    can: Option<Can>,
    pin: Option<Secret>,
}

impl Keys {
    pub(super) fn of(session: &Session, host: &str) -> Self {
        let program = Program::installed(session.programs());
        Self { program, host: host.to_owned(), elsewhere: place::is_elsewhere(), can: None, pin: None }
    }

    /// Waits for a key to be plugged in.
    pub(super) fn until_plugged_in(&mut self, session: &mut Session) -> Result<(), Failure> {
        loop {
            let list = List { models: false, seconds: LOOK };
            let found = self.program.call::<_, key::Keys>(&mut session.terminal, (LIST, &list), LOOK)?;
            let failure = match found {
                Ok(key::Keys { keys }) if !keys.is_empty() => {
                    self.can = if let [only] = &keys[..] { Some(only.can) } else { None };
                    return Ok(());
                }
                Ok(_) => key::Failure::NoKey,
                Err(failure) => failure,
            };
            self.mend(session, &failure)?;
        }
    }

    /// What the one key that is plugged in calls itself; asked only where that was agreed to.
    pub(super) fn product(&mut self, session: &mut Session) -> Result<Option<String>, Failure> {
        let list = List { models: true, seconds: LOOK };
        let found = self.program.call::<_, key::Keys>(&mut session.terminal, (LIST, &list), LOOK)?;
        // Of several nobody knows yet which it will be.
        Ok(match found.map(|found| found.keys).as_deref() {
            Ok([only]) => only.product.as_deref().and_then(named_after),
            _ => None,
        })
    }

    /// Has a key make the credential: the first touch.
    pub(super) fn make(
        &mut self,
        session: &mut Session,
        wanted: &KeyToMake,
        reads_model: bool,
    ) -> Result<Made, Failure> {
        if let Some(can) = self.can.filter(|can| wanted.verify_user && !can.can_verify()) {
            let why = if can.u2f_only { key::Failure::Unsupported } else { key::Failure::PinNotSet };
            return Err(told::over(&why));
        }
        loop {
            // A key with a PIN wants it for this; asked for before, it is touched once.
            if self.pin.is_none() && self.can.is_some_and(|can| can.pin_set && !can.built_in_verification) {
                self.ask_pin(session)?;
            }
            let make = self.to_make(wanted, reads_model);
            session.terminal.say("Touch your security key (1 of 2).\n");
            let failure = match self.program.call(&mut session.terminal, (MAKE, &make), TOUCH)? {
                Ok(made) => return Ok(made),
                Err(failure) => failure,
            };
            if failure == key::Failure::AlreadyThere {
                self.say_which(session, &wanted.exclude)?;
            }
            self.mend(session, &failure)?;
            if may_be_another(&failure) {
                self.pin = None;
                self.until_plugged_in(session)?;
            }
        }
    }

    /// Has the new credential sign: the second touch.
    pub(super) fn prove(&mut self, session: &mut Session, wanted: &KeyToProve) -> Result<Asserted, Failure> {
        session.terminal.say("Touch it again to confirm (2 of 2).\n");
        loop {
            let assert = Assert {
                credentials: vec![wanted.credential.clone()],
                client_data_hash: wanted.client_data_hash.clone(),
                pin: self.pin.clone(),
                verify_user: wanted.verify_user,
                seconds: TOUCH,
            };
            match self.program.call(&mut session.terminal, (ASSERT, &assert), TOUCH)? {
                Ok(asserted) => return Ok(asserted),
                // The one that made it is the one that is meant.
                Err(key::Failure::NotHere | key::Failure::NoKey) => self.mend(session, &key::Failure::Unplugged)?,
                Err(failure) => self.mend(session, &failure)?,
            }
            session.terminal.say("Touch it to confirm (2 of 2).\n");
        }
    }

    fn to_make(&self, wanted: &KeyToMake, reads_model: bool) -> Make {
        Make {
            relying_party: wanted.relying_party.clone(),
            site: wanted.site.clone(),
            user_id: wanted.user_id.clone(),
            user_name: wanted.user_name.clone(),
            client_data_hash: wanted.client_data_hash.clone(),
            algorithms: wanted.algorithms.clone(),
            exclude: wanted.exclude.iter().map(|known| known.credential.clone()).collect(),
            pin: self.pin.clone(),
            verify_user: wanted.verify_user,
            attestation: reads_model,
            seconds: TOUCH,
        }
    }

    /// Says under which name the key that is plugged in is enrolled already.
    fn say_which(&self, session: &mut Session, known: &[KnownKey]) -> Result<(), Failure> {
        let find = Find { credentials: known.iter().map(|known| known.credential.clone()).collect(), seconds: LOOK };
        let found = self.program.call::<_, Found>(&mut session.terminal, (FIND, &find), LOOK)?;
        let Ok(Found { matches, .. }) = found else { return Ok(()) };
        let is_there = |known: &&KnownKey| matches.iter().any(|found| found.credentials.contains(&known.credential.id));
        let names: Vec<String> =
            known.iter().filter(is_there).map(|known| format!("\"{}\"", printable::line(&known.name))).collect();
        let text = format!("This key is already enrolled, as {}.", names.join(" and "));
        if !session.is_interactive() {
            return Err(Failure::refused("already_there", text));
        }
        session.terminal.say(&format!("{}\n", printable::wrap(&text)));
        Ok(())
    }

    /// Lets the person do something about it, where that is possible.
    fn mend(&mut self, session: &mut Session, failure: &key::Failure) -> Result<(), Failure> {
        match told::next(failure, (&self.host, self.elsewhere)) {
            Next::Over(failure) => Err(failure),
            // Scripts cannot plug in or touch: they hear what it was.
            Next::Mend(_) if !session.is_interactive() => Err(told::over(failure)),
            Next::Mend(text) => {
                session.terminal.say(&format!("{}\n", printable::wrap(&text)));
                let answer = session.terminal.ask("Enter = go on   q = stop: ")?;
                if answer.expose() == "q" { Err(stopped()) } else { Ok(()) }
            }
            // A wrong PIN of a script is wrong again, and the key's tries are few.
            Next::AskPin(Some(_)) if !session.is_interactive() => Err(told::over(failure)),
            Next::AskPin(text) => {
                if let Some(text) = text {
                    session.terminal.say(&format!("{text}\n"));
                }
                self.ask_pin(session)
            }
        }
    }

    fn ask_pin(&mut self, session: &mut Session) -> Result<(), Failure> {
        let pin = session.terminal.ask_hidden("PIN of your security key: ")?;
        if pin.is_empty() {
            return Err(stopped());
        }
        self.pin = Some(pin);
        Ok(())
    }
}

/// Whether the key that is plugged in next may not be the one whose PIN was typed.
fn may_be_another(failure: &key::Failure) -> bool {
    use key::Failure as F;
    matches!(failure, F::NoKey | F::NotHere | F::AlreadyThere | F::Several { .. } | F::Unplugged | F::PinPause)
}

fn stopped() -> Failure {
    Failure::refused("stopped", "Stopped. Nothing was changed.")
}
