//! Security keys in a login: one that is plugged into this machine is found without a touch, then touched.
//!
//! ```text
//!   begin, k, Enter                found               no PIN needed                    signed
//!  ─────────────────▶ Searching ───────────▶ (which?) ───────────────▶ Touching ───────────────▶ Committing ─▶ Pass
//!                        │                      │  │                   ▲   │                          │
//!                        │ none, no answer      │  └▶ Asking Pin ──────┤   │ no touch in time,        │ wrong, or its
//!                        │                      │  PIN │   ▲ wrong     │   │ denied, unplugged, …     │ counter is back
//!                        │                      │      │   └───────────┼───┤                          │
//!                        │                      └─▶ Asking Ready ──────┘   │                          │
//!                        │                          (no text shown)  Enter │                          │
//!                        └─────────────┬───────────────────────────────────┴──────────────────────────┘
//!                                      ▼
//!                     Asking Code, or Asking Plug where nothing but a key would do
//! ```
//!
//! A key is touched only here: by whoever sits at this machine, for something that was on the screen before it blinked,
//! and for this dialog's own challenge. Nothing is believed of a key but what its signature says.

use super::asked_key::{KeyEvent, KeyTrouble, Plugged, Search, Sign, Signed, Wanted};
use super::state::{Again, Question, State, Then};
use super::{Denial, Dialog, Effect, Front, Next, Note, Step, Turn, key_text as text};
use crate::At;
use crate::account::{FactorId, Record, Seen, What, Write};
use crate::factor::Kind;
use crate::factor::security_key::{self, Assertion, Challenge, Credential, Finding, Purpose};
use crate::policy::Plan;
use crate::throttle::{Caller, Gate, Guess};
use zeroize::Zeroizing;

/// Times that a dialog looks for keys.
const SEARCHES: u8 = 5;
/// Touches that a dialog waits for.
const TOUCHES: u8 = 4;
/// PINs that a dialog sends.
const PINS: u8 = 2;
/// Seconds that looking for keys may take.
const SEARCH: u32 = 3;
/// Seconds for a touch, below which it is not begun.
const SHORTEST: u32 = 3;
/// Seconds for a touch in a program of the user's own.
const LONGEST_PLAIN: u32 = 30;
/// Seconds beyond the touch's own within which its end is known.
const GRACE: u32 = 5;
/// With no more tries of its PIN left, a key is sent none.
const LAST_TRIES: u8 = 3;
/// Bytes of a PIN (CTAP 2.1, section 6.5.1).
const PIN: std::ops::RangeInclusive<usize> = 4..=63;

/// What a dialog knows of keys.
#[derive(Default)]
pub(super) struct Keys {
    searches: u8,
    touches: u8,
    pins: u8,
    /// Whether somebody sat at this machine earlier in this dialog.
    sat_here: bool,
    /// The key that was found.
    found: Option<Plugged>,
    /// What it has signed, until that is committed or refused.
    signed: Option<(Touching, Assertion)>,
}

/// A touch that is waited for.
#[derive(Debug)]
pub(super) struct Touching {
    challenge: Challenge,
    /// Whether the key was told to check who touches it.
    verify_user: bool,
    /// How long it is waited for.
    seconds: u32,
}

impl Dialog {
    /// Whether this account has a key that could be touched in this login, throttled or not.
    pub(super) fn has_key_here(&self) -> bool {
        self.setting.at_the_machine && self.has_key()
    }

    fn has_key(&self) -> bool {
        self.setting.interactive
            && self.setting.front != Front::Combined
            && self.may(Kind::SecurityKey)
            && self.keys_that_do().next().is_some()
    }

    /// Whether one would be tried now.
    pub(super) fn key_helps(&self, at: &At) -> bool {
        self.setting.at_the_machine && self.key_may_help(at)
    }

    /// Whether one would be tried now, or when whoever sat here is back.
    pub(super) fn key_may_help(&self, at: &At) -> bool {
        (self.setting.at_the_machine || self.keys.sat_here)
            && self.has_key()
            && self.gate(Guess::Key, at) == Gate::Open
            && self.keys.searches < SEARCHES
            && self.keys.touches < TOUCHES
    }

    /// The keys that can do what the plan wants: one that knows U2F alone cannot tell who touches it.
    fn keys_that_do(&self) -> impl Iterator<Item = (FactorId, &Credential)> {
        let verify_user = self.verifies_user();
        self.account.security_keys().filter(move |(_, key)| !(verify_user && key.u2f))
    }

    fn verifies_user(&self) -> bool {
        self.setting.pin_typed || matches!(&self.plan, Plan::Factors(ask) if ask.verify_user)
    }

    /// `k`: looks for a key, if one would do.
    pub(super) fn search_as_asked(self, at: &At) -> Step {
        if self.key_helps(at) {
            return self.search(true, at);
        }
        let text = match () {
            () if !self.setting.at_the_machine => text::key_elsewhere(self.setting.pin_typed),
            () if !self.has_key_here() => text::no_key_that_does(),
            () => text::keys_tried_enough(),
        };
        self.ask_or_refuse(vec![Note { error: true, text }], at)
    }

    /// Tells who sits at this machine now. A dialog begins with what was true then; who could touch a key is asked anew
    /// before every step.
    pub fn sits_here(&mut self, here: bool) {
        self.keys.sat_here |= self.setting.at_the_machine;
        self.setting.at_the_machine = here;
    }

    /// Looks which keys are plugged in, silently.
    pub(super) fn search(mut self, asked: bool, at: &At) -> Step {
        let credentials = self.keys_that_do().map(|(_, key)| wanted(key)).collect();
        let seconds = self.seconds_left(at).min(SEARCH);
        self.keys.searches += 1;
        self.keys.found = None;
        self.state = State::Searching { asked };
        (self, Effect::Search(Search { credentials, seconds }))
    }

    /// Goes on with the key that was found, or without.
    pub(super) fn searched(mut self, asked: bool, event: KeyEvent, at: &At) -> Step {
        let found = match event {
            KeyEvent::Found(found) => found,
            KeyEvent::Failed(KeyTrouble::NotHere) => Vec::new(),
            KeyEvent::Failed(KeyTrouble::Elsewhere) => return self.without_whoever_left(at),
            KeyEvent::Failed(trouble) => return self.without_key(text::key_trouble(trouble, 0), at),
            KeyEvent::Signed(_) => return self.deny(Denial::Unexpected),
        };
        if !self.setting.at_the_machine {
            return self.without_whoever_left(at);
        }
        if !self.has_key_here() {
            // The policy or the account has changed while it was looked for.
            return self.ask_or_refuse(Vec::new(), at);
        }
        let (key, needs_pin) = match self.choose(found, asked) {
            Ok(chosen) => chosen,
            Err(why) => {
                let say = why.map(|text| Note { error: true, text });
                return self.ask_or_refuse(say.into_iter().collect(), at);
            }
        };
        self.keys.found = Some(key);
        if needs_pin {
            self.ask_for_pin(Vec::new(), at)
        } else if self.setting.shows_text {
            self.touch(None, at)
        } else {
            let prompt = text::ready(&self.setting.occasion, self.can_type(at));
            self.ask_on(Question::Ready, Vec::new(), prompt.into(), false)
        }
    }

    /// The key to go on with, and whether it is to be given its PIN; or why none does, if that is to be said.
    fn choose(&self, found: Vec<Plugged>, asked: bool) -> Result<(Plugged, bool), Option<String>> {
        let (verify_user, pin_typed) = (self.verifies_user(), self.setting.pin_typed);
        let does = |key: &Plugged| if pin_typed { key.pin_set } else { !verify_user || key.can_verify() };
        let needs_pin = |key: &Plugged| pin_typed || key.needs_pin(verify_user);
        // One that needs no PIN is the quicker one; which of two is meant, nobody says.
        match found.into_iter().min_by_key(|key| (!does(key), needs_pin(key))) {
            None => Err(asked.then(|| text::key_trouble(KeyTrouble::NotHere, 0))),
            Some(key) if does(&key) => {
                let needs_pin = needs_pin(&key);
                Ok((key, needs_pin))
            }
            Some(_) if pin_typed => Err(Some(text::no_pin_to_type())),
            Some(_) => Err(Some(text::key_trouble(KeyTrouble::PinNotSet, 0))),
        }
    }

    fn ask_for_pin(self, say: Vec<Note>, at: &At) -> Step {
        if let Some(left @ ..=LAST_TRIES) = self.keys.found.as_ref().and_then(|key| key.pin_left) {
            return self.without_key(text::key_trouble(KeyTrouble::PinLastTries(left), 0), at);
        }
        if self.keys.pins >= PINS {
            return self.without_key(text::pins_enough(), at);
        }
        let prompt = text::pin(&self.setting.occasion, self.can_type(at));
        self.ask_on(Question::Pin, say, prompt.into(), false)
    }

    /// Enter begins; anything else is some code.
    pub(super) fn weigh_key_line(self, again: Again, at: &At) -> Step {
        match (again.question, again.answer.trim()) {
            (Question::Plug, "") => self.search_as_asked(at),
            (Question::Ready, "") if self.key_helps(at) => self.touch(None, at),
            _ => self.weigh_code_line(again, at),
        }
    }

    /// A PIN goes to the key that was found and nowhere else; an empty line is for a code.
    pub(super) fn weigh_pin(mut self, again: Again, at: &At) -> Step {
        if again.answer.is_empty() || !self.key_helps(at) {
            return self.ask_or_refuse(Vec::new(), at);
        }
        if !PIN.contains(&again.answer.len()) {
            return self.ask_for_pin(vec![Note { error: true, text: text::no_pin() }], at);
        }
        self.keys.pins += 1;
        self.touch(Some(again.answer), at)
    }

    /// Says what the touch is for, and has the key blink.
    fn touch(mut self, pin: Option<Zeroizing<String>>, at: &At) -> Step {
        let of_caller = if self.setting.caller == Caller::Plain { LONGEST_PLAIN } else { u32::MAX };
        let seconds = self.setting.touch_wait.min(of_caller).min(self.seconds_left(at));
        let found = self.keys.found.as_ref();
        let held = |key: &Credential| found.is_some_and(|found| found.credentials.contains(&key.id));
        let keys: Vec<&Credential> = self.keys_that_do().map(|(_, key)| key).filter(|key| held(key)).collect();
        let asked = keys.first().map(|key| &key.relying_party);
        let challenge = asked.and_then(|asked| Challenge::new(Purpose::Get, asked, &at.fresh));
        let Some(challenge) = challenge.filter(|_| seconds >= SHORTEST) else {
            return self.without_key(text::key_trouble(KeyTrouble::Broken, 0), at);
        };
        let credentials = keys.into_iter().map(wanted).collect();
        let (client_data_hash, verify_user) = (challenge.client_data_hash(), self.verifies_user());
        let text = text::touch(&self.setting.occasion, seconds, self.can_type(at));
        self.keys.touches += 1;
        self.state = State::Touching(Touching { challenge, verify_user, seconds });
        let next = Next::Wait { at_most: seconds + GRACE };
        let turn = Turn { say: vec![Note { error: false, text }], next };
        (self, Effect::Touch(turn, Sign { credentials, client_data_hash, pin, verify_user, seconds }))
    }

    /// What became of the touch.
    pub(super) fn touched(mut self, touching: Touching, event: KeyEvent, at: &At) -> Step {
        match event {
            KeyEvent::Signed(Signed { credential, authenticator_data, signature }) => {
                let client_data = touching.challenge.client_data();
                let assertion = Assertion { credential, client_data, authenticator_data, signature };
                self.keys.signed = Some((touching, assertion));
                let again = Again { question: Question::Touched, ..Again::of_nothing(0) };
                self.weigh_touch(again, at)
            }
            KeyEvent::Failed(KeyTrouble::PinWrong(left)) => {
                // The key counts these by itself, so nothing is throttled; that somebody guessed is kept all the same.
                let record = Record::of(What::Wrong).with(Kind::SecurityKey, None).because("pin");
                self.commit(Seen::Anything, Vec::new(), record, (Then::PinWrong(left), None), at)
            }
            // What it is like was found out without a touch; some keys say more only then.
            KeyEvent::Failed(KeyTrouble::PinNeeded) if self.keys.pins == 0 && self.key_helps(at) => {
                self.ask_for_pin(Vec::new(), at)
            }
            KeyEvent::Failed(KeyTrouble::Elsewhere) => self.without_whoever_left(at),
            KeyEvent::Failed(trouble) => {
                let text = text::key_trouble(trouble, touching.seconds);
                self.without_key(text, at)
            }
            KeyEvent::Found(_) => self.deny(Denial::Unexpected),
        }
    }

    /// The key took a wrong PIN, and that is committed.
    pub(super) fn pin_wrong(mut self, left: Option<u8>, at: &At) -> Step {
        let text = text::key_trouble(KeyTrouble::PinWrong(left), 0);
        if self.keys.pins >= PINS || left.is_some_and(|left| left <= LAST_TRIES) || !self.key_helps(at) {
            return self.without_key(text, at);
        }
        if let Some(found) = &mut self.keys.found {
            found.pin_left = left;
        }
        self.ask_for_pin(vec![Note { error: true, text }], at)
    }

    /// Weighs what a key has signed, on the account and by the plan as they are now.
    pub(super) fn weigh_touch(self, again: Again, at: &At) -> Step {
        if !matches!(self.plan, Plan::Factors(_)) {
            return self.deny(Denial::PolicyChanged);
        }
        let Some((touching, assertion)) = &self.keys.signed else { return self.deny(Denial::Unexpected) };
        if !self.setting.at_the_machine {
            // Whoever has touched it sits before another session than the one that this is for.
            return self.without_whoever_left(at);
        }
        if !self.has_key_here() || self.gate(Guess::Key, at) != Gate::Open {
            return self.without_key(text::key_wrong(), at);
        }
        let verify_user = self.verifies_user() || touching.verify_user;
        match security_key::verify(self.keys_that_do(), &touching.challenge, assertion, verify_user) {
            Finding::Right(matched) => self.right(matched, again, at),
            Finding::CounterBack(factor) => self.counter_back(factor, again, at),
            Finding::Wrong(_) => self.wrong(Guess::Key, again, at),
        }
    }

    /// A right answer with a count that has been seen already: there are two of this key, and one of them is a copy.
    fn counter_back(mut self, factor: FactorId, again: Again, at: &At) -> Step {
        let bucket = self.bucket(Guess::Key);
        let throttle = self.account.throttles.get(bucket).failed(at.now);
        self.account.throttles.set(bucket, throttle); // true if it commits; a stale one brings the account anew
        let mut writes = vec![Write::Throttle(bucket, throttle)];
        if !self.account.trust.is_empty() {
            writes.push(Write::ForgetAll);
        }
        let record = Record::of(What::CounterBack).with(Kind::SecurityKey, Some(factor));
        self.commit_writes(writes, record, Then::KeyWrong(text::counter_back()), again, at)
    }

    /// What a key signed was refused, and that is committed.
    pub(super) fn key_wrong(mut self, text: String, at: &At) -> Step {
        self.keys.signed = None;
        self.tries = self.tries.saturating_sub(1);
        if self.tries == 0 { self.deny(Denial::Wrong) } else { self.without_key(text, at) }
    }

    /// Goes on without a key, since whoever sat here is elsewhere, or somebody in their name is.
    fn without_whoever_left(self, at: &At) -> Step {
        let gone = KeyTrouble::Elsewhere;
        let text = if self.setting.pin_typed { text::key_elsewhere(true) } else { text::key_trouble(gone, 0) };
        self.without_key(text, at)
    }

    /// Says why no key does, and asks for something else.
    fn without_key(mut self, text: String, at: &At) -> Step {
        self.keys.signed = None;
        self.keys.found = None;
        self.ask_or_refuse(vec![Note { error: true, text }], at)
    }

    fn seconds_left(&self, at: &At) -> u32 {
        // Whatever the key does, there is a moment left to say so.
        u32::try_from(self.setting.until.since(at.now).saturating_sub(i64::from(GRACE))).unwrap_or(0)
    }

    /// Whether the dialog waits for a key and nobody is asked anything.
    #[must_use]
    pub fn waits_for_key(&self) -> bool {
        matches!(self.state, State::Touching(_))
    }
}

fn wanted(key: &Credential) -> Wanted {
    Wanted { id: key.id.clone(), relying_party: key.relying_party.clone(), public_key: key.key.clone() }
}
