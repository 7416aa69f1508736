//! The machine's one screen, and who has it in front, as systemd-logind says it in its files.

use crate::support::Place;
use std::fs;

/// Two sessions on the machine's one screen, as logind keeps them.
pub(crate) struct Screen<'p> {
    place: &'p Place,
    users: [u32; 2],
}

impl<'p> Screen<'p> {
    /// Of these two; the first one's is in front.
    pub(crate) fn of(place: &'p Place, users: [u32; 2]) -> Self {
        for name in ["logind/sessions", "logind/seats"] {
            fs::create_dir_all(place.path(name)).unwrap();
        }
        let screen = Self { place, users };
        screen.show(1);
        screen
    }

    /// Switches to the session of this number.
    pub(crate) fn show(&self, front: u32) {
        for (number, uid) in (1..).zip(self.users) {
            let active = u8::from(number == front);
            if active == 1 {
                self.replace("logind/seats/seat0", &format!("ACTIVE={front}\nACTIVE_UID={uid}\n"));
            }
            let text = format!(
                "UID={uid}\nACTIVE={active}\nREMOTE=0\nCLASS=user\nSEAT=seat0\nVTNR={number}\nLEADER={}\nAUDIT={number}\n\
                 REALTIME=179533329105946{number}\n",
                50 + number
            );
            self.replace(&format!("logind/sessions/{number}"), &text);
        }
    }

    /// At once, as logind does it.
    fn replace(&self, name: &str, text: &str) {
        self.place.write("logind/new", text.as_bytes(), 0o644);
        fs::rename(self.place.path("logind/new"), self.place.path(name)).unwrap();
    }
}
