//! Who sits at this machine: the users of the sessions that are in front on its seats, as systemd-logind keeps them in
//! `/run/systemd/seats`, which only root can write.
//!
//! What is missing, odd or said twice is nobody, and nobody sits there by it: who asks before there is a session is not
//! at the machine as soon as one file is not understood.

use super::logind::read;
use super::sessions;
use std::io::ErrorKind;
use std::path::Path;

/// Whether this user's own session is in front on a seat of this machine.
pub(super) fn is_taken(seats: &Path, sessions: &Path, uid: u32) -> bool {
    let Ok(seats) = std::fs::read_dir(seats) else { return false };
    seats.flatten().filter_map(|seat| in_front(&read(&seat.path())?).ok()?).any(|front| {
        let sitting = || sessions::sitting(&read(&sessions.join(&front.session))?);
        front.owner == uid && sitting().is_some_and(|one| one.uid == uid && one.here)
    })
}

/// Whether nobody else has a screen of this machine: every session in front, on whichever seat, is known to be on this
/// virtual terminal, or there is none. A key that is plugged in at another seat would blink before whoever sits there.
/// Where there is no logind, there are no sessions.
pub(super) fn has_the_screen(seats: &Path, sessions: &Path, terminal: u8) -> bool {
    let is_on_it = |front: &Front| {
        let text = read(&sessions.join(&front.session))?;
        sessions::value(&text, "VTNR")?.parse::<u8>().ok()
    };
    all_in_front(seats).is_ok_and(|fronts| fronts.iter().all(|front| is_on_it(front) == Some(terminal)))
}

/// Whether the login window of this X display is in front, and nothing else on any seat.
pub(super) fn shows_the_window(seats: &Path, sessions: &Path, display: u16) -> bool {
    let is_it = |front: &Front| {
        read(&sessions.join(&front.session)).is_some_and(|text| sessions::is_window(&text, front.owner, display))
    };
    all_in_front(seats).is_ok_and(|fronts| !fronts.is_empty() && fronts.iter().all(is_it))
}

/// Whether this user is logged in from elsewhere as well, so that a program of theirs may be run from there.
pub(super) fn comes_from_elsewhere(sessions: &Path, uid: u32) -> bool {
    // What cannot be looked at is no reassurance.
    let Ok(sessions) = std::fs::read_dir(sessions) else { return true };
    let files = sessions.flatten().filter(|file| file.file_type().is_ok_and(|kind| kind.is_file()));
    files.filter_map(|file| sessions::sitting(&read(&file.path())?)).any(|one| one.uid == uid && one.elsewhere)
}

/// The session in front on a seat, and whose it is.
struct Front {
    session: String,
    owner: u32,
}

/// What logind would not have written.
struct Odd;

/// Those of all seats. One file that is not understood is reason enough to know nothing.
fn all_in_front(seats: &Path) -> Result<Vec<Front>, Odd> {
    let seats = match std::fs::read_dir(seats) {
        Ok(seats) => seats,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(_) => return Err(Odd),
    };
    let mut fronts = Vec::new();
    for seat in seats {
        let seat = seat.map_err(|_| Odd)?;
        // What logind is writing just now has a dot before its name.
        if !seat.file_name().as_encoded_bytes().starts_with(b".") {
            fronts.extend(in_front(&read(&seat.path()).ok_or(Odd)?)?);
        }
    }
    Ok(fronts)
}

/// The session in front; nothing where the seat has none.
fn in_front(text: &str) -> Result<Option<Front>, Odd> {
    let says = |key: &str| text.lines().any(|line| line.split('=').next() == Some(key));
    if says("IS_SEAT0") && !says("ACTIVE") && !says("ACTIVE_UID") {
        return Ok(None);
    }
    let session = sessions::value(text, "ACTIVE").filter(|session| sessions::is_name(session)).ok_or(Odd)?;
    let owner = sessions::value(text, "ACTIVE_UID").and_then(|owner| owner.parse().ok()).ok_or(Odd)?;
    Ok(Some(Front { session: session.to_owned(), owner }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Debian 12 writes them after a login on the console.
    const SEAT: &str = "# This is private data. Do not parse.\nIS_SEAT0=1\nCAN_MULTI_SESSION=1\nCAN_TTY=1\n\
        CAN_GRAPHICAL=0\nACTIVE=7\nACTIVE_UID=1000\nSESSIONS=7\nUIDS=1000\n";
    const SESSION: &str = "UID=1000\nUSER=alice\nACTIVE=1\nSTATE=active\nREMOTE=0\nTYPE=tty\nCLASS=user\nSEAT=seat0\n\
        TTY=tty1\nSERVICE=login\nVTNR=1\nLEADER=52\nAUDIT=7\nREALTIME=1795333291059462\n";

    fn machine(seat: &str, session: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, file, text) in [("seats", "seat0", seat), ("sessions", "7", session)] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join(file), text).unwrap();
        }
        folder
    }

    fn taken(seat: &str, session: &str, uid: u32) -> bool {
        let folder = machine(seat, session);
        is_taken(&folder.path().join("seats"), &folder.path().join("sessions"), uid)
    }

    #[test]
    fn the_seat_is_taken_by_the_owner_of_the_session_in_front_and_by_nobody_else() {
        assert!(taken(SEAT, SESSION, 1000));
        assert!(!taken(SEAT, SESSION, 1001));
        for (from, to) in [
            ("ACTIVE=7", "ACTIVE=8"),
            ("ACTIVE=7\n", ""),
            ("ACTIVE=7", "ACTIVE=../sessions/7"),
            ("ACTIVE_UID=1000", "ACTIVE_UID=1001"),
            ("ACTIVE_UID=1000\n", ""),
            ("ACTIVE_UID=1000", "ACTIVE_UID=1000\nACTIVE_UID=1000"),
        ] {
            assert!(!taken(&SEAT.replace(from, to), SESSION, 1000), "{to}");
        }
    }

    #[test]
    fn a_session_that_is_not_a_users_own_at_the_seat_takes_none() {
        for (from, to) in [
            ("REMOTE=0", "REMOTE=1"),
            ("REMOTE=0\n", ""),
            ("UID=1000", "UID=1001"),
            ("ACTIVE=1", "ACTIVE=0"),
            ("SEAT=seat0\n", ""),
            ("CLASS=user", "CLASS=greeter"),
            ("CLASS=user", "CLASS=lock-screen"),
        ] {
            assert!(!taken(SEAT, &SESSION.replace(from, to), 1000), "{to}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_taken(&folder.path().join("seats"), &folder.path().join("sessions"), 1000), "no logind");
    }

    #[test]
    fn whoever_is_logged_in_from_elsewhere_too_is_known_to_be() {
        let elsewhere = |session: &str, uid| comes_from_elsewhere(&machine(SEAT, session).path().join("sessions"), uid);
        assert!(!elsewhere(SESSION, 1000));
        let ssh = SESSION.replace("REMOTE=0", "REMOTE=1").replace("SEAT=seat0\n", "");
        assert!(elsewhere(&ssh, 1000) && !elsewhere(&ssh, 1001));
        let remote_desktop = SESSION.replace("SEAT=seat0\n", "");
        assert!(elsewhere(&remote_desktop, 1000), "no seat, so it is not known where");
        assert!(!elsewhere(&SESSION.replace("ACTIVE=1", "ACTIVE=0"), 1000), "on another terminal of this machine");
        assert!(comes_from_elsewhere(Path::new("/nowhere"), 1000), "what cannot be looked at reassures nobody");
    }
}
