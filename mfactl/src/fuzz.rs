//! For `tests/fuzz`: the readers of other programs' files. Never built into what ships.

use crate::import;
use crate::import::found::{Found, Thing};
use data_encoding::BASE32_NOPAD;
use mfa_cli::printable;

/// What can be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are called as they are on the wire")]
pub enum Taken {
    App { secret: Vec<u8>, digits: u8, period: u8 },
    Key { id: Vec<u8>, algorithm: &'static str, public_key: Vec<u8>, u2f: bool },
}

/// Whose, what or why not, and the notes: each as it is printed.
pub type Read = (String, Result<Taken, String>, Vec<String>);

/// A `.google_authenticator` of alice's.
#[must_use]
pub fn google(text: &str) -> Vec<Read> {
    let state = import::google::parse(text);
    vec![read(Found { user: "alice".into(), from: "f".into(), thing: state.app.map(Thing::App), notes: state.notes })]
}

/// A `users.oath`.
#[must_use]
pub fn oath(text: &str) -> Vec<Read> {
    import::oath::parse(text, "f").map(read).collect()
}

/// A `u2f_keys`, of everybody or of one.
#[must_use]
pub fn u2f(text: &str, only: Option<&str>) -> Vec<Read> {
    import::u2f::parse(text, "f", only).map(read).collect()
}

fn read(found: Found) -> Read {
    let thing = match found.thing {
        Ok(Thing::App(app)) => Ok(Taken::App {
            secret: BASE32_NOPAD.decode(app.secret.expose().as_bytes()).unwrap_or_default(),
            digits: app.digits,
            period: app.period,
        }),
        Ok(Thing::Key(key)) => {
            Ok(Taken::Key { id: key.id, algorithm: key.algorithm, public_key: key.public_key, u2f: key.u2f })
        }
        Err(why) => Err(printable::line(&why.to_string())),
    };
    (found.user, thing, found.notes.iter().map(|note| printable::line(note)).collect())
}
