//! The board that the firmware runs on: its button, clock, random numbers, flash and USB controller, in software.
//! It only carries; what a command means is the firmware's business.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opensk::api::clock::Clock;
use opensk::api::connection::{HidConnection, RecvStatus, UsbEndpoint};
use opensk::api::crypto::software_crypto::SoftwareCrypto;
use opensk::api::customization::{CustomizationImpl, DEFAULT_CUSTOMIZATION};
use opensk::api::key_store;
use opensk::api::rng::{Rng, rand_core};
use opensk::api::user_presence::{UserPresence, UserPresenceError, UserPresenceWaitResult};
use opensk::ctap::Channel;
use opensk::ctap::status_code::{Ctap2StatusCode, CtapResult};
use opensk::env::Env;

use crate::flash::Flash;
use crate::outside::{Finger, Heard, Outside, Seen};
use crate::port::Packet;
use crate::wire::SharedWire;

/// authenticatorClientPIN and those of its subcommands that bring a PIN (CTAP 2.1, section 6.5.5).
const CLIENT_PIN: u8 = 0x06;
const BRINGS_PIN: [u8; 3] = [0x04, 0x05, 0x09];
const MAKE_CREDENTIAL: u8 = 0x01;
const GET_ASSERTION: u8 = 0x02;

/// See the module.
pub(crate) struct Board {
    outside: Arc<Outside>,
    wire: SharedWire,
    flash: Flash,
    random: Random,
    clock: Wall,
    customization: CustomizationImpl,
}

impl Board {
    /// A board whose credentials are attested by the batch's certificate, or else each by itself.
    pub(crate) fn new(outside: Arc<Outside>, wire: SharedWire, flash: Flash, batch: bool) -> Self {
        let customization = CustomizationImpl { use_batch_attestation: batch, ..DEFAULT_CUSTOMIZATION };
        Self { outside, wire, flash, random: Random, clock: Wall, customization }
    }
}

impl Env for Board {
    type Rng = Random;
    type UserPresence = Self;
    type Persist = Flash;
    type KeyStore = Self;
    type Write = Nowhere;
    type Customization = CustomizationImpl;
    type HidConnection = Self;
    type Clock = Wall;
    type Crypto = SoftwareCrypto;

    fn rng(&mut self) -> &mut Random {
        &mut self.random
    }

    fn user_presence(&mut self) -> &mut Self {
        self
    }

    fn persist(&mut self) -> &mut Flash {
        &mut self.flash
    }

    fn key_store(&mut self) -> &mut Self {
        self
    }

    fn clock(&mut self) -> &mut Wall {
        &mut self.clock
    }

    fn write(&mut self) -> Nowhere {
        Nowhere
    }

    fn customization(&self) -> &CustomizationImpl {
        &self.customization
    }

    fn hid_connection(&mut self) -> &mut Self {
        self
    }

    fn boots_after_soft_reset(&self) -> bool {
        false
    }

    /// Answers nothing, and counts what comes.
    fn process_vendor_command(&mut self, command: &[u8], _: Channel) -> Option<Vec<u8>> {
        self.outside.count(|seen| count(seen, command));
        None
    }
}

fn count(seen: &mut Seen, command: &[u8]) {
    match command {
        [MAKE_CREDENTIAL, ..] => seen.made += 1,
        [GET_ASSERTION, ..] => seen.asserted += 1,
        [CLIENT_PIN, parameters @ ..] if subcommand(parameters).is_some_and(|one| BRINGS_PIN.contains(&one)) => {
            seen.pins += 1;
        }
        _ => {}
    }
}

/// The member 2 of the map that authenticatorClientPIN takes: keys are in order, the first is 1, all values before it
/// are small numbers.
fn subcommand(parameters: &[u8]) -> Option<u8> {
    match parameters {
        [_, 1, _, 2, subcommand, ..] | [_, 2, subcommand, ..] => Some(*subcommand),
        _ => None,
    }
}

impl key_store::Helper for Board {}

impl UserPresence for Board {
    fn check_init(&mut self) {
        self.wire.lock().blinks();
        self.outside.set_blinks(true);
    }

    fn wait_with_timeout(&mut self, packet: &mut Packet, timeout_ms: usize) -> UserPresenceWaitResult {
        let wait = Duration::from_millis(timeout_ms.try_into().unwrap_or(u64::MAX));
        if self.wire.lock().is_pulled_while_blinking() {
            self.outside.set_plugged(false);
        }
        let received = match self.wire.hear(&self.outside, wait) {
            Heard::Unplugged => return Err(Ctap2StatusCode::CTAP2_ERR_VENDOR_HARDWARE_FAILURE),
            Heard::Finger | Heard::Nothing => RecvStatus::Timeout,
            Heard::Packet(heard) => {
                *packet = heard;
                RecvStatus::Received(UsbEndpoint::MainHid)
            }
        };
        let touch = match self.outside.finger() {
            Some(Finger::Touch) => Ok(()),
            Some(Finger::Deny) => Err(UserPresenceError::Declined),
            None => Err(UserPresenceError::Timeout),
        };
        Ok((touch, received))
    }

    fn check_complete(&mut self) {
        self.outside.set_blinks(false);
    }
}

impl HidConnection for Board {
    fn send(&mut self, packet: &Packet, _: UsbEndpoint) -> CtapResult<()> {
        self.wire.lock().meanwhile(packet);
        Ok(())
    }

    /// The firmware itself never waits for packets but while it waits for a touch.
    fn recv(&mut self, _: &mut Packet, _: usize) -> CtapResult<RecvStatus> {
        Err(Ctap2StatusCode::CTAP2_ERR_VENDOR_HARDWARE_FAILURE)
    }
}

/// The time that passes.
pub(crate) struct Wall;

/// No timer is shorter: the one that is would end a message whose next frame is 100 ms late, as frames of programs on a
/// busy machine are.
const PATIENCE: Duration = Duration::from_secs(3);

/// When it is over; one that was never set is.
#[derive(Debug, Default)]
pub(crate) struct Timer(Option<Instant>);

impl Clock for Wall {
    type Timer = Timer;

    fn make_timer(&mut self, milliseconds: usize) -> Timer {
        let wanted = Duration::from_millis(milliseconds.try_into().unwrap_or(u64::MAX));
        Timer(Some(Instant::now() + wanted.max(PATIENCE)))
    }

    fn is_elapsed(&mut self, timer: &Timer) -> bool {
        timer.0.is_none_or(|end| Instant::now() >= end)
    }
}

/// The kernel's random numbers.
pub(crate) struct Random;

impl rand_core::RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_ne_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_ne_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the kernel has random numbers");
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl rand_core::CryptoRng for Random {}

impl Rng for Random {}

/// Where the firmware's own log goes.
pub(crate) struct Nowhere;

impl fmt::Write for Nowhere {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_commands_that_bring_a_pin_count_as_one() {
        let pins = |command: &[u8]| {
            let mut seen = Seen::default();
            count(&mut seen, command);
            seen.pins
        };
        assert_eq!(pins(&[CLIENT_PIN, 0xa2, 1, 2, 2, 1]), 0, "getRetries");
        assert_eq!(pins(&[CLIENT_PIN, 0xa2, 1, 2, 2, 2]), 0, "getKeyAgreement");
        assert_eq!(pins(&[CLIENT_PIN, 0xa1, 2, 1]), 0, "getRetries without a protocol");
        assert_eq!(pins(&[CLIENT_PIN, 0xa4, 1, 2, 2, 5, 3]), 1, "getPinToken");
        assert_eq!(pins(&[CLIENT_PIN, 0xa6, 1, 2, 2, 9, 3]), 1, "getPinUvAuthTokenUsingPinWithPermissions");
        assert_eq!(pins(&[GET_ASSERTION, 0xa6, 1, 2, 2, 9, 3]), 0);
    }
}
