//! What reaches a key from outside: packets, fingers, a hand that pulls it out; and what has been seen from there.
//! It is the one thing that the firmware's thread, the link and the test share.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::port::Packet;

/// As long a program may take until it asks for the touch that somebody wants to give.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a finger does when the key blinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finger {
    /// It touches the key.
    Touch,
    /// It presses the key's other button: no. U2F has no word for that; there nothing happens.
    Deny,
}

/// Nobody asked for a touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAsked;

impl std::fmt::Display for NotAsked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "The key was not asked for a touch within {} seconds.", PATIENCE.as_secs())
    }
}

impl std::error::Error for NotAsked {}

/// What has happened to a key since it was made, replugged or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Commands to make a credential (for U2F, to register), each try of them.
    pub made: u32,
    /// Commands to sign an assertion, silent ones included (for U2F, each try of them).
    pub asserted: u32,
    /// Times that a PIN came, right or wrong.
    pub pins: u32,
    /// Times that it began to blink.
    pub asked: u32,
    /// Times that it was touched while it blinked.
    pub touched: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Outside {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    plugged: bool,
    packets: VecDeque<Packet>,
    blinks: bool,
    /// This blinking has had its finger.
    answered: bool,
    finger: Option<Finger>,
    habit: Option<Finger>,
    fault: Option<Fault>,
    seen: Seen,
}

impl State {
    fn due_finger(&self) -> Option<Finger> {
        (self.blinks && !self.answered).then(|| self.finger.or(self.habit)).flatten()
    }
}

/// What ended a wait for a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Packet(Packet),
    Finger,
    Nothing,
    Unplugged,
}

impl Outside {
    /// Adds a packet from a program.
    pub fn packet(&self, packet: Packet) {
        self.change(|state| state.packets.push_back(packet));
    }

    /// Waits until the key blinks, then does what the finger does.
    pub(crate) fn press(&self, finger: Finger) -> Result<(), NotAsked> {
        self.await_blink()?;
        self.change(|state| {
            state.finger = Some(finger);
            state.answered = false;
        });
        Ok(())
    }

    /// Waits until the key blinks and does nothing.
    pub(crate) fn await_blink(&self) -> Result<(), NotAsked> {
        // A finger that is on its way answers another blink than ours.
        let waited = self.wait(PATIENCE, |state| (state.blinks && state.finger.is_none()).then_some(()));
        waited.ok_or(NotAsked)
    }

    /// What a finger does from now on each time that the key blinks, at once; nothing with `None`.
    pub(crate) fn set_habit(&self, habit: Option<Finger>) {
        self.change(|state| state.habit = habit);
    }

    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        self.change(|state| state.fault = fault);
    }

    pub(crate) fn fault(&self) -> Option<Fault> {
        self.lock().fault
    }

    pub(crate) fn seen(&self) -> Seen {
        self.lock().seen
    }

    pub(crate) fn count(&self, what: impl FnOnce(&mut Seen)) {
        what(&mut self.lock().seen);
    }

    pub(crate) fn is_plugged(&self) -> bool {
        self.lock().plugged
    }

    /// A plug that was just put in has heard nothing yet.
    pub(crate) fn set_plugged(&self, plugged: bool) {
        self.change(|state| {
            state.plugged = plugged;
            state.packets.clear();
            state.blinks = false;
            state.finger = None;
        });
    }

    /// Whether the key blinks from now on. A finger belongs to one blinking.
    pub(crate) fn set_blinks(&self, blinks: bool) {
        self.change(|state| {
            if blinks != state.blinks {
                state.seen.asked += u32::from(blinks);
                state.blinks = blinks;
                state.answered = false;
                state.finger = None;
            }
        });
    }

    /// What the finger has done since the key began to blink; once.
    pub(crate) fn finger(&self) -> Option<Finger> {
        let mut state = self.lock();
        let finger = state.due_finger();
        state.finger = None;
        state.answered |= finger.is_some();
        state.seen.touched += u32::from(finger == Some(Finger::Touch));
        finger
    }

    /// The next packet, for which it waits that long; less while the key blinks and a finger comes.
    pub(crate) fn hear(&self, at_most: Duration) -> Heard {
        let heard = self.wait(at_most, |state| {
            if !state.plugged {
                return Some(Heard::Unplugged);
            }
            let finger = state.due_finger().map(|_| Heard::Finger);
            state.packets.pop_front().map(Heard::Packet).or(finger)
        });
        heard.unwrap_or(Heard::Nothing)
    }

    fn wait<T>(&self, at_most: Duration, mut until: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let end = Instant::now() + at_most;
        let mut state = self.lock();
        loop {
            if let Some(value) = until(&mut state) {
                return Some(value);
            }
            let left = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn change(&self, how: impl FnOnce(&mut State)) {
        how(&mut self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    #[test]
    fn a_finger_counts_only_while_the_key_blinks_and_only_once() {
        let outside = Outside::default();
        outside.set_plugged(true);
        outside.set_habit(Some(Finger::Touch));
        assert_eq!(outside.finger(), None);
        outside.set_habit(None);
        outside.set_blinks(true);
        outside.press(Finger::Deny).unwrap();
        assert_eq!(outside.finger(), Some(Finger::Deny));
        assert_eq!(outside.finger(), None);
        outside.press(Finger::Touch).unwrap();
        outside.set_blinks(false);
        outside.set_blinks(true);
        assert_eq!(outside.finger(), None);
        assert_eq!(outside.seen(), Seen { asked: 2, ..Seen::default() });
    }

    #[test]
    fn an_unplugged_key_hears_that_and_nothing_said_before_is_heard_after_it_is_back() {
        let outside = Outside::default();
        assert_eq!(outside.hear(SOON), Heard::Unplugged);
        outside.set_plugged(true);
        outside.packet([1; 64]);
        outside.set_plugged(false);
        assert_eq!(outside.hear(SOON), Heard::Unplugged);
        outside.set_plugged(true);
        assert_eq!(outside.hear(SOON), Heard::Nothing);
        outside.packet([2; 64]);
        assert_eq!(outside.hear(SOON), Heard::Packet([2; 64]));
    }
}
