//! Login sessions, as systemd-logind keeps them in `/run/systemd/sessions`: one small file each, named by the kernel's
//! audit session.
//!
//! The files are logind's own, and read the way its library `sd-login` does it. They are its word, which only root
//! could change. What is missing, odd or does not fit the kernel's number is no session: then nothing is known.

use super::logind::read;
use mfa_core::policy::Origin;
use mfa_core::trust::Session;
use std::path::Path;

/// A login session of a user, and where that user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoginSession {
    /// What logind calls it.
    pub(crate) name: String,
    /// Which.
    pub(crate) session: Session,
    /// At this machine or over the network; `None` if that cannot be told.
    pub(crate) origin: Option<Origin>,
}

/// The session of this number of the kernel's; `None` if there is none that is a user's login. It is looked for under
/// the name of the caller's control group, since logind does not use the kernel's numbers in containers.
pub(super) fn find(folder: &Path, number: u32, name: Option<&str>) -> Option<LoginSession> {
    let name = name.map_or_else(|| number.to_string(), str::to_owned);
    let text = is_name(&name).then(|| read(&folder.join(&name)))??;
    let (session, origin) = parse(&text, number)?;
    Some(LoginSession { name, session, origin })
}

/// Whether logind could call a session that.
pub(super) fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whose session it is, and whether they sit at this machine in it, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sitting {
    pub(super) uid: u32,
    /// In front on a seat of this machine.
    pub(super) here: bool,
    /// Not on a seat of this machine, in front or not.
    pub(super) elsewhere: bool,
}

/// What a session's file says of that; `None` if nobody has logged in there.
pub(super) fn sitting(text: &str) -> Option<Sitting> {
    let uid = value(text, "UID")?.parse().ok()?;
    let elsewhere = value(text, "REMOTE") != Some("0") || value(text, "SEAT").is_none_or(str::is_empty);
    is_a_users(text).then(|| Sitting { uid, here: origin(text) == Some(Origin::Local), elsewhere })
}

/// Whether it is a login window of that X display, in front on a seat of this machine, and this user's.
pub(super) fn is_window(text: &str, owner: u32, display: u16) -> bool {
    let says = |key, wanted: String| value(text, key) == Some(wanted.as_str());
    says("CLASS", "greeter".to_owned())
        && says("UID", owner.to_string())
        && says("DISPLAY", format!(":{display}"))
        && origin(text) == Some(Origin::Local)
}

/// What follows `KEY=`; what is said twice is not understood.
pub(super) fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.next().filter(|_| values.next().is_none())
}

/// A greeter, a service of the user manager, a background job: nobody has logged in there.
fn is_a_users(text: &str) -> bool {
    value(text, "CLASS").is_some_and(|class| class == "user" || class.starts_with("user-"))
}

fn parse(text: &str, number: u32) -> Option<(Session, Option<Origin>)> {
    let of_kernel = number;
    let value = |key| value(text, key);
    let number = |key| value(key)?.parse::<u32>().ok();
    if !is_a_users(text) {
        return None;
    }
    // A number that logind gives must be the kernel's; none at all is a container's.
    if text.lines().any(|line| line.starts_with("AUDIT=")) && number("AUDIT") != Some(of_kernel) {
        return None;
    }
    let session = Session {
        number: of_kernel,
        began: value("REALTIME")?.parse().ok().filter(|began| *began > 0)?,
        leader: number("LEADER")?,
        uid: number("UID")?,
    };
    Some((session, origin(text)))
}

/// A seat is a screen and a keyboard of this machine. Remote desktops have sessions that do not say they are remote, and
/// no seat; a session that is not active is one that nobody sits before now.
fn origin(text: &str) -> Option<Origin> {
    let at_the_seat = value(text, "SEAT").is_some_and(|seat| !seat.is_empty()) && value(text, "ACTIVE") == Some("1");
    match value(text, "REMOTE") {
        Some("1") => Some(Origin::Remote),
        Some("0") if at_the_seat => Some(Origin::Local),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Debian 12 writes it after a login on the console.
    const CONSOLE: &str = "# This is private data. Do not parse.\nUID=1000\nUSER=alice\nACTIVE=1\nIS_DISPLAY=1\n\
        STATE=active\nREMOTE=0\nTYPE=tty\nORIGINAL_TYPE=tty\nCLASS=user\nSCOPE=session-7.scope\n\
        FIFO=/run/systemd/sessions/7.ref\nSEAT=seat0\nTTY=tty1\nTTY_VALIDITY=from-pam\nSERVICE=login\nVTNR=1\n\
        POSITION=1\nLEADER=52\nAUDIT=7\nREALTIME=1795333291059462\nMONOTONIC=13382454291\n";

    fn origin(text: &str) -> Option<Origin> {
        parse(text, 7).unwrap().1
    }

    #[test]
    fn a_session_at_the_seat_is_local_and_one_from_elsewhere_remote() {
        let session = Session { number: 7, began: 1_795_333_291_059_462, leader: 52, uid: 1000 };
        assert_eq!(parse(CONSOLE, 7), Some((session, Some(Origin::Local))));
        let ssh = CONSOLE.replace("REMOTE=0", "REMOTE=1").replace("SEAT=seat0\n", "");
        assert_eq!(origin(&ssh), Some(Origin::Remote));
        assert_eq!(origin(&CONSOLE.replace("REMOTE=0", "REMOTE=1")), Some(Origin::Remote));
    }

    #[test]
    fn a_session_without_a_seat_or_not_active_is_nowhere_in_particular() {
        for (from, to) in [
            ("SEAT=seat0\n", ""),
            ("SEAT=seat0", "SEAT="),
            ("ACTIVE=1", "ACTIVE=0"),
            ("REMOTE=0\n", ""),
            ("REMOTE=0", "REMOTE=no"),
            ("REMOTE=0", "REMOTE=0\nREMOTE=0"),
        ] {
            assert_eq!(origin(&CONSOLE.replace(from, to)), None, "{to}");
        }
    }

    #[test]
    fn what_is_no_login_of_a_user_is_no_session() {
        for (from, to) in [
            ("CLASS=user", "CLASS=greeter"),
            ("CLASS=user", "CLASS=manager"),
            ("CLASS=user", "CLASS=background"),
            ("CLASS=user\n", ""),
            ("AUDIT=7", "AUDIT=8"),
            ("AUDIT=7", "AUDIT=7\nAUDIT=8"),
            ("UID=1000", "UID=-1"),
            ("REALTIME=1795333291059462", "REALTIME=0"),
            ("REALTIME=1795333291059462\n", ""),
            ("LEADER=52", "LEADER="),
        ] {
            assert_eq!(parse(&CONSOLE.replace(from, to), 7), None, "{to}");
        }
        assert!(parse(&CONSOLE.replace("CLASS=user", "CLASS=user-early"), 7).is_some());
    }

    #[test]
    fn a_file_is_the_session_of_its_own_number_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["7", "8"] {
            std::fs::write(folder.path().join(name), CONSOLE).unwrap();
        }
        assert!(find(folder.path(), 7, None).is_some());
        assert_eq!(find(folder.path(), 8, None), None);
        assert_eq!(find(folder.path(), 9, None), None);
        assert_eq!(find(folder.path(), 9, Some("7")), None);
    }

    #[test]
    fn in_a_container_a_session_is_found_by_its_control_group() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("c1"), CONSOLE.replace("AUDIT=7\n", "")).unwrap();
        assert_eq!(find(folder.path(), 3027, Some("c1")).unwrap().session.number, 3027);
        for name in ["", "c2", "../c1", "c1/", "c1.ref", &"c".repeat(40)] {
            assert_eq!(find(folder.path(), 3027, Some(name)), None, "{name:?}");
        }
    }
}
