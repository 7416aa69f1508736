//! A key that can be held in the hand: plugged in and out, touched, cloned, broken.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use opensk::{Ctap, Transport};

use crate::board::Board;
use crate::fault::Fault;
use crate::flash::Flash;
use crate::outside::{Finger, Heard, NotAsked, Outside, Seen};
use crate::port::Port;
use crate::wire::SharedWire;

/// How long the firmware sleeps when nothing comes; it is woken when something does.
const IDLE: Duration = Duration::from_secs(60);

/// How often a key of U2F looks whether it still has to blink.
const BLINK: Duration = Duration::from_millis(100);

/// What kind of key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// A key from before FIDO2: it has no word for CBOR, neither PIN nor credentials of Ed25519.
    pub u2f_only: bool,
    /// Credentials are attested by the certificate of a batch of keys, else each by itself. (U2F knows only the first.)
    pub batch_attestation: bool,
}

impl Default for Model {
    fn default() -> Self {
        Self { u2f_only: false, batch_attestation: true }
    }
}

/// See the module. Dropped, it is pulled out.
pub struct VirtualKey {
    model: Model,
    flash: Flash,
    port: Box<dyn Port>,
    outside: Arc<Outside>,
    firmware: Mutex<Option<JoinHandle<()>>>,
}

impl VirtualKey {
    /// A key with that memory, which is not plugged in yet.
    pub fn new(model: Model, flash: Flash, port: impl Port + 'static) -> Self {
        Self { model, flash, port: Box::new(port), outside: Arc::default(), firmware: Mutex::default() }
    }

    /// Plugs it in. It starts as after any loss of power: nothing but its flash is remembered.
    pub fn plug(&self) -> io::Result<()> {
        self.unplug();
        self.outside.set_plugged(true);
        let plugged = self.port.plug(Arc::clone(&self.outside))?;
        let wire = SharedWire::new(Arc::clone(&self.outside), plugged, self.model.u2f_only);
        let board =
            Board::new(Arc::clone(&self.outside), wire.clone(), self.flash.clone(), self.model.batch_attestation);
        let outside = Arc::clone(&self.outside);
        let name = "firmware".to_owned();
        *self.firmware() = Some(std::thread::Builder::new().name(name).spawn(move || run(&outside, &wire, board))?);
        Ok(())
    }

    /// Pulls it out, and returns when it is gone.
    pub fn unplug(&self) {
        self.outside.set_plugged(false);
        if let Some(firmware) = self.firmware().take() {
            // A panic in the firmware was printed when it happened.
            let _ = firmware.join();
        }
    }

    /// Whether it is plugged in.
    pub fn is_plugged(&self) -> bool {
        self.outside.is_plugged()
    }

    /// Waits until it blinks, 20 seconds at most, then touches it.
    pub fn touch(&self) -> Result<(), NotAsked> {
        self.outside.press(Finger::Touch)
    }

    /// Waits until it blinks, 20 seconds at most, then says no to it.
    pub fn deny(&self) -> Result<(), NotAsked> {
        self.outside.press(Finger::Deny)
    }

    /// Waits until it blinks, 20 seconds at most, and leaves it alone.
    pub fn await_blink(&self) -> Result<(), NotAsked> {
        self.outside.await_blink()
    }

    /// What a finger does each time that it blinks, at once and without being told; nothing with `None`, as at first.
    pub fn always(&self, finger: Option<Finger>) {
        self.outside.set_habit(finger);
    }

    /// What shall go wrong from now on; nothing with `None`.
    pub fn fault(&self, fault: Option<Fault>) {
        self.outside.set_fault(fault);
    }

    /// What has happened to it.
    pub fn seen(&self) -> Seen {
        self.outside.seen()
    }

    /// Sets its PIN of 4 to 63 characters, or takes it away.
    pub fn set_pin(&self, pin: Option<&str>) -> io::Result<()> {
        self.flash.clone().set_pin(pin).map_err(unwritten)
    }

    /// Leaves that many tries of its PIN, of eight.
    pub fn set_pin_tries_left(&self, tries: u8) -> io::Result<()> {
        self.flash.clone().set_pin_tries_left(tries).map_err(unwritten)
    }

    /// How many tries of its PIN are left.
    pub fn pin_tries_left(&self) -> u8 {
        self.flash.pin_tries_left()
    }

    /// Sets its counter of signatures, back, too.
    pub fn set_counter(&self, counter: u32) -> io::Result<()> {
        self.flash.clone().set_counter(counter).map_err(unwritten)
    }

    /// Its counter of signatures.
    pub fn counter(&self) -> u32 {
        self.flash.counter()
    }

    /// Writes all that it remembers into a file: [`Flash::in_file`] makes a clone of it.
    pub fn save(&self, file: &Path) -> io::Result<()> {
        self.flash.save(file)
    }

    fn firmware(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.firmware.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for VirtualKey {
    fn drop(&mut self) {
        self.unplug();
    }
}

impl std::fmt::Debug for VirtualKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VirtualKey").field("model", &self.model).field("plugged", &self.is_plugged()).finish()
    }
}

fn unwritten(_: opensk::ctap::status_code::Ctap2StatusCode) -> io::Error {
    io::Error::other("the key's memory cannot be written")
}

/// The firmware's life from plug to unplug. The wire goes with it, and who has the key open notices.
fn run(outside: &Outside, wire: &SharedWire, board: Board) {
    let mut ctap = Ctap::new(board);
    let mut blinks = false;
    loop {
        let heard = wire.hear(outside, if blinks { BLINK } else { IDLE });
        // U2F does not wait for a touch: it says "not yet" until one came before the question.
        if outside.finger() == Some(Finger::Touch) {
            ctap.u2f_grant_user_presence();
        }
        match heard {
            Heard::Unplugged => return,
            Heard::Packet(packet) if wire.lock().accepts(&packet) => {
                let answer = ctap.process_hid_packet(&packet, Transport::MainHid).collect();
                wire.lock().answer(answer);
            }
            Heard::Packet(_) | Heard::Finger | Heard::Nothing => {}
        }
        blinks = ctap.u2f_needs_user_presence();
        outside.set_blinks(blinks);
        if blinks {
            wire.lock().blinks();
            if wire.lock().is_pulled_while_blinking() {
                outside.set_plugged(false);
            }
        }
    }
}
