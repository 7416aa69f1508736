//! The way from the firmware to the programs. The firmware hears and says everything as ever; what it has said is
//! spoiled here, from a chosen moment of the conversation on. Nothing on the way in is changed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::fault::{Moment, Trouble};
use crate::outside::{Heard, Outside};
use crate::port::{Packet, Plugged};
use crate::spoil;

/// See the module; shared by the board and what the board is put in.
#[derive(Clone)]
pub(crate) struct SharedWire(Arc<Mutex<Wire>>);

impl SharedWire {
    pub(crate) fn new(outside: Arc<Outside>, plugged: Box<dyn Plugged>, u2f_only: bool) -> Self {
        Self(Arc::new(Mutex::new(Wire {
            outside,
            plugged,
            u2f_only,
            moment: Moment::FirstFrame,
            has_blinked: false,
            endless: None,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes next from outside, for which it waits that long; what goes on for ever goes on meanwhile.
    pub(crate) fn hear(&self, outside: &Outside, at_most: Duration) -> Heard {
        let end = Instant::now() + at_most;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let beat = self.lock().next_beat().filter(|beat| *beat < left);
            let heard = outside.hear(beat.unwrap_or(left));
            match (beat, heard) {
                (Some(_), Heard::Nothing) => self.lock().beat(),
                (_, heard) => return heard,
            }
        }
    }
}

/// See the module.
pub(crate) struct Wire {
    outside: Arc<Outside>,
    plugged: Box<dyn Plugged>,
    u2f_only: bool,
    /// What the program is about.
    moment: Moment,
    /// Whether the key has blinked for that.
    has_blinked: bool,
    /// What is sent again and again, and how often.
    endless: Option<(Packet, Duration)>,
}

/// Where the capabilities are in the first frame of the answer to CTAPHID_INIT, and the one for CBOR.
const CAPABILITIES: usize = 7 + 16;
const CAPABILITY_CBOR: u8 = 0x04;

impl Wire {
    /// Looks at a packet on its way in; false when this model has no word for it, which it says itself.
    pub(crate) fn accepts(&mut self, packet: &Packet) -> bool {
        if let Some(moment) = spoil::moment(packet) {
            // A key of U2F blinks between one try of a command and the next.
            self.has_blinked &= moment == Moment::Command;
            self.moment = if self.has_blinked { Moment::Blinking } else { moment };
            // A new question ends what went on for ever; the trouble begins anew with its answer.
            self.endless = None;
        }
        if self.u2f_only && spoil::is_cbor(packet) {
            self.answer(vec![spoil::error(packet, spoil::INVALID_COMMAND)]);
            return false;
        }
        self.outside.count(|seen| spoil::count_u2f(seen, packet));
        true
    }

    /// The key blinks.
    pub(crate) fn blinks(&mut self) {
        self.moment = Moment::Blinking;
        self.has_blinked = true;
    }

    /// Carries an answer.
    pub(crate) fn answer(&mut self, mut packets: Vec<Packet>) {
        if let (true, Some(first)) = (self.u2f_only, packets.first_mut()) {
            if spoil::is_init(first) {
                first[CAPABILITIES] &= !CAPABILITY_CBOR;
            }
        }
        match self.trouble() {
            None => self.send(&packets),
            Some(trouble) => self.spoil(trouble, packets),
        }
    }

    /// Carries what is said before the answer: keepalives, and "busy" to others.
    pub(crate) fn meanwhile(&mut self, packet: &Packet) {
        match self.trouble() {
            Some(Trouble::OthersFrames) => self.send(&[spoil::others(packet), *packet]),
            Some(Trouble::Silent | Trouble::WrongChannel | Trouble::Busy) => {}
            Some(Trouble::Flood) => self.spoil(Trouble::Flood, vec![*packet]),
            _ => self.send(&[*packet]),
        }
    }

    /// Whether the key shall be pulled out now that it blinks.
    pub(crate) fn is_pulled_while_blinking(&self) -> bool {
        self.outside.fault().is_some_and(|fault| fault.trouble == Trouble::Unplugged)
    }

    /// How long it is until something shall be sent again.
    fn next_beat(&self) -> Option<Duration> {
        self.endless.map(|(_, pause)| pause)
    }

    /// Sends it again, as long as the trouble lasts.
    fn beat(&mut self) {
        match (self.endless, self.outside.fault()) {
            (Some((packet, _)), Some(_)) => self.send(&[packet]),
            _ => self.endless = None,
        }
    }

    fn trouble(&self) -> Option<Trouble> {
        self.outside.fault().filter(|fault| self.moment >= fault.from).map(|fault| fault.trouble)
    }

    fn spoil(&mut self, trouble: Trouble, packets: Vec<Packet>) {
        let Some(first) = packets.first().copied() else { return };
        match trouble {
            Trouble::Silent => {}
            Trouble::OthersFrames => packets.iter().for_each(|packet| self.send(&[spoil::others(packet), *packet])),
            Trouble::WrongChannel => self.send(&packets.iter().map(spoil::others).collect::<Vec<_>>()),
            Trouble::Flood => self.for_ever(spoil::others(&first), Duration::from_micros(100)),
            Trouble::WrongSequence => self.send(&spoil::wrong_sequence(packets)),
            Trouble::Truncated => self.send(&[spoil::longer(first, 200)]),
            Trouble::HugeLength => self.send(&[spoil::longer(first, u16::MAX)]),
            Trouble::ShortCbor => self.send(&spoil::short_cbor(packets)),
            Trouble::ShortAuthenticatorData => self.send(&spoil::short_authenticator_data(packets)),
            Trouble::RubbishSignature => self.send(&spoil::rubbish_signature(packets)),
            Trouble::Noise => self.send(&packets.iter().map(spoil::noise).collect::<Vec<_>>()),
            Trouble::KeepaliveForEver => self.for_ever(spoil::keepalive(&first), Duration::from_millis(50)),
            Trouble::Busy => self.send(&[spoil::error(&first, spoil::CHANNEL_BUSY)]),
            Trouble::Unplugged => self.outside.set_plugged(false),
        }
    }

    fn for_ever(&mut self, packet: Packet, pause: Duration) {
        self.send(&[packet]);
        self.endless = Some((packet, pause));
    }

    /// A key that was pulled out says nothing, not even that.
    fn send(&self, packets: &[Packet]) {
        if !self.outside.is_plugged() {
            return;
        }
        packets.iter().for_each(|packet| self.plugged.send(packet));
    }
}
