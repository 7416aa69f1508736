//! What systemd-logind knows of who sits where: its sessions and seats, small files that only root can write.

use super::seats;
use super::sessions::{self, LoginSession};
use mfa_core::policy::Origin;
use mfa_core::trust::Session;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes that are read of a file; they have a few hundred.
const LONGEST: u64 = 16 * 1024;

/// Where logind keeps its files.
#[derive(Clone, Debug)]
pub(crate) struct Logind {
    sessions: PathBuf,
    seats: PathBuf,
}

/// By what somebody is known to sit at this machine. It is asked anew each time before a key is: people leave, and the
/// screen is somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// By nothing: they sit nowhere.
    Nowhere,
    /// By the login session out of which they ask root's application.
    Session {
        /// What logind calls it.
        name: String,
        /// Which.
        session: Session,
    },
    /// By the virtual terminal of this number, at which root's application asks them before there is a session.
    Console(u8),
    /// By the X display of this number, whose login window asks them through root's application before there is a
    /// session: LightDM names no terminal.
    Window(u16),
    /// By the session of theirs that is in front, for a program of their own.
    Own(u32),
    /// The same, for what must not be done for somebody of that name who is far away.
    OwnAlone(u32),
}

impl Logind {
    /// With its files in this folder, `/run/systemd` usually.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { sessions: folder.join("sessions"), seats: folder.join("seats") }
    }

    /// The session of this number of the kernel's; `None` if there is none that is a user's login. It is looked for
    /// under the name of the caller's control group, since logind does not use the kernel's numbers in containers.
    pub(crate) fn session(&self, number: u32, name: Option<&str>) -> Option<LoginSession> {
        sessions::find(&self.sessions, number, name)
    }

    /// Whether they sit here at this moment.
    pub(crate) fn is_here(&self, presence: &Presence) -> bool {
        match presence {
            Presence::Nowhere => false,
            Presence::Session { name, session } => self
                .session(session.number, Some(name))
                .is_some_and(|now| now.session == *session && now.origin == Some(Origin::Local)),
            Presence::Console(number) => seats::has_the_screen(&self.seats, &self.sessions, *number),
            Presence::Window(display) => seats::shows_the_window(&self.seats, &self.sessions, *display),
            Presence::Own(uid) => self.seat_is_taken_by(*uid),
            Presence::OwnAlone(uid) => {
                self.seat_is_taken_by(*uid) && !seats::comes_from_elsewhere(&self.sessions, *uid)
            }
        }
    }

    fn seat_is_taken_by(&self, uid: u32) -> bool {
        seats::is_taken(&self.seats, &self.sessions, uid)
    }
}

/// A file of logind's, if it can be read.
pub(super) fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "UID=1000\nACTIVE=1\nREMOTE=0\nCLASS=user\nSEAT=seat0\nVTNR=1\nLEADER=52\nAUDIT=7\n\
        REALTIME=1795333291059462\n";
    const OTHERS: &str = "UID=1001\nACTIVE=1\nREMOTE=0\nCLASS=user\nSEAT=seat0\nVTNR=2\nLEADER=90\nAUDIT=8\n\
        REALTIME=1795333299000000\n";

    struct Machine(tempfile::TempDir, Logind);

    impl Machine {
        /// With that session of alice's in front.
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for name in ["sessions", "seats"] {
                std::fs::create_dir(folder.path().join(name)).unwrap();
            }
            let logind = Logind::new(folder.path());
            let machine = Self(folder, logind);
            machine.write("sessions/7", SESSION);
            machine.write("seats/seat0", "ACTIVE=7\nACTIVE_UID=1000\n");
            machine
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.0.path().join(name), text).unwrap();
        }

        fn is_here(&self, presence: &Presence) -> bool {
            self.1.is_here(presence)
        }

        /// The screen is switched to somebody else's session.
        fn switch(&self) {
            self.write("sessions/7", &SESSION.replace("ACTIVE=1", "ACTIVE=0"));
            self.write("sessions/8", OTHERS);
            self.write("seats/seat0", "ACTIVE=8\nACTIVE_UID=1001\n");
        }
    }

    #[test]
    fn whoever_sat_here_does_not_any_more_when_the_screen_is_somebody_elses() {
        let machine = Machine::new();
        let LoginSession { name, session, .. } = machine.1.session(7, None).unwrap();
        let alice =
            [Presence::Session { name, session }, Presence::Console(1), Presence::Own(1000), Presence::OwnAlone(1000)];
        assert!(alice.iter().all(|presence| machine.is_here(presence)));
        machine.switch();
        for presence in &alice {
            assert!(!machine.is_here(presence), "{presence:?}");
        }
        assert!(machine.is_here(&Presence::Console(2)) && machine.is_here(&Presence::Own(1001)));
        assert!(!machine.is_here(&Presence::Nowhere));
    }

    #[test]
    fn a_session_that_has_ended_is_not_the_next_one_of_its_name() {
        let machine = Machine::new();
        let LoginSession { name, session, .. } = machine.1.session(7, None).unwrap();
        let presence = Presence::Session { name, session };
        machine.write("sessions/7", &SESSION.replace("LEADER=52", "LEADER=53"));
        assert!(!machine.is_here(&presence));
        std::fs::remove_file(machine.0.path().join("sessions/7")).unwrap();
        assert!(!machine.is_here(&presence));
    }

    #[test]
    fn a_console_is_in_front_as_long_as_no_session_on_another_one_is() {
        let machine = Machine::new();
        assert!(!machine.is_here(&Presence::Console(2)), "alice has the screen");
        machine.write("sessions/7", &SESSION.replace("CLASS=user", "CLASS=greeter"));
        assert!(machine.is_here(&Presence::Console(1)), "the login window that asks");
        assert!(!machine.is_here(&Presence::Console(2)), "somebody else's login window");
        machine.write("seats/seat0", "IS_SEAT0=1\n");
        assert!(machine.is_here(&Presence::Console(2)), "nobody is logged in");
        machine.write("seats/seat0", "ACTIVE=9\nACTIVE_UID=1000\n");
        assert!(!machine.is_here(&Presence::Console(2)), "it is not known where the session in front is");
    }

    #[test]
    fn a_seat_that_is_not_understood_or_another_in_use_leaves_nobody_at_a_console() {
        let machine = Machine::new();
        for odd in ["ACTIVE=7\n", "ACTIVE_UID=1000\n", "ACTIVE=7\nACTIVE=7\nACTIVE_UID=1000\n", "", "ACTIVE=../7\n"] {
            machine.write("seats/seat0", odd);
            assert!(!machine.is_here(&Presence::Console(1)), "{odd:?}");
        }
        machine.write("seats/seat0", "IS_SEAT0=1\n");
        machine.write("seats/.#seat0ab12", "");
        assert!(machine.is_here(&Presence::Console(1)), "what is being written is none yet");
        machine.write("seats/seat1", "IS_SEAT0=0\n");
        assert!(machine.is_here(&Presence::Console(1)), "a further seat, and nobody there either");
        machine.write("seats/seat1", "IS_SEAT0=0\nACTIVE=8\nACTIVE_UID=1001\n");
        machine.write("sessions/8", &OTHERS.replace("VTNR=2\n", "").replace("seat0", "seat1"));
        assert!(!machine.is_here(&Presence::Console(1)), "the key may be plugged in there");
        std::fs::remove_dir_all(machine.0.path().join("seats")).unwrap();
        assert!(machine.is_here(&Presence::Console(1)), "no logind");
        machine.write("seats", "");
        assert!(!machine.is_here(&Presence::Console(1)), "no folder");
    }

    const WINDOW: &str = "UID=112\nUSER=lightdm\nACTIVE=1\nREMOTE=0\nTYPE=x11\nCLASS=greeter\nSEAT=seat0\nDISPLAY=:0\n\
        VTNR=7\nLEADER=700\nREALTIME=1795333291059462\n";

    #[test]
    fn a_login_window_is_here_as_long_as_it_is_in_front() {
        let machine = Machine::new();
        machine.write("sessions/c1", WINDOW);
        assert!(!machine.is_here(&Presence::Window(0)), "a user's session is in front");
        machine.write("seats/seat0", "IS_SEAT0=1\nACTIVE=c1\nACTIVE_UID=112\n");
        assert!(machine.is_here(&Presence::Window(0)));
        assert!(!machine.is_here(&Presence::Window(1)), "another window, on a screen that nobody sees");
        machine.switch();
        assert!(!machine.is_here(&Presence::Window(0)), "the screen is somebody else's now");
    }

    #[test]
    fn a_login_window_that_is_not_understood_or_not_alone_is_nowhere() {
        let machine = Machine::new();
        let front = "IS_SEAT0=1\nACTIVE=c1\nACTIVE_UID=112\n";
        machine.write("seats/seat0", front);
        for (from, to) in [
            ("CLASS=greeter", "CLASS=user"),
            ("CLASS=greeter", "CLASS=greeter\nCLASS=greeter"),
            ("CLASS=greeter\n", ""),
            ("DISPLAY=:0\n", ""),
            ("DISPLAY=:0", "DISPLAY=far:0"),
            ("REMOTE=0", "REMOTE=1"),
            ("ACTIVE=1", "ACTIVE=0"),
            ("SEAT=seat0\n", ""),
            ("UID=112", "UID=113"),
        ] {
            machine.write("sessions/c1", &WINDOW.replace(from, to));
            assert!(!machine.is_here(&Presence::Window(0)), "{to}");
        }
        machine.write("sessions/c1", WINDOW);
        for odd in ["ACTIVE=c1\n", "IS_SEAT0=1\n", "ACTIVE=c2\nACTIVE_UID=112\n", "ACTIVE=c1\nACTIVE_UID=113\n", ""] {
            machine.write("seats/seat0", odd);
            assert!(!machine.is_here(&Presence::Window(0)), "{odd:?}");
        }
        machine.write("seats/seat0", front);
        assert!(machine.is_here(&Presence::Window(0)));
        machine.write("seats/seat1", "ACTIVE=7\nACTIVE_UID=1000\n");
        assert!(!machine.is_here(&Presence::Window(0)), "alice sits at another seat");
        std::fs::remove_dir_all(machine.0.path().join("seats")).unwrap();
        assert!(!machine.is_here(&Presence::Window(0)), "no logind");
    }

    #[test]
    fn somebody_of_the_same_name_far_away_is_alone_nowhere() {
        let machine = Machine::new();
        machine.write("sessions/9", "UID=1000\nACTIVE=1\nREMOTE=1\nCLASS=user\n");
        assert!(machine.is_here(&Presence::Own(1000)) && !machine.is_here(&Presence::OwnAlone(1000)));
    }
}
