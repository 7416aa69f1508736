//! Security keys in a login: found, touched, and everything that can go wrong with them.

mod alone;
mod pins;
mod weighed;

use super::*;
use crate::factor::security_key::{CoseKey, Credential, CredentialId, RelyingParty};
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

const SITE: &str = "acme.example";

/// A key on somebody's key ring.
#[derive(Clone)]
pub(in super::super) struct TestKey {
    pub(in super::super) id: FactorId,
    signing: SigningKey,
    counter: u32,
    plugged: Plugged,
}

impl TestKey {
    fn new(id: i64) -> Self {
        let bytes = u8::try_from(id).unwrap();
        let signing = SigningKey::from_bytes(&[bytes; 32]);
        let credentials = vec![CredentialId::new(vec![bytes; 16]).unwrap()];
        Self { id: FactorId(id), signing, counter: 1, plugged: Plugged { credentials, ..Plugged::default() } }
    }

    fn with_pin(self, left: u8) -> Self {
        let plugged = Plugged { pin_set: true, pin_left: Some(left), ..self.plugged };
        Self { plugged, ..self }
    }

    fn enrolled(&self) -> Factor {
        let credential = Credential {
            id: self.plugged.credentials[0].clone(),
            key: CoseKey::eddsa(self.signing.verifying_key().as_bytes()).unwrap(),
            relying_party: RelyingParty::of_site(SITE).unwrap(),
            counter: 1,
            aaguid: None,
            u2f: self.plugged.u2f_only,
        };
        let detail = Detail::SecurityKey(credential);
        Factor { id: self.id, name: "key".into(), created: Time(0), last_used: None, detail }
    }

    /// Signs once it is touched; with `verified`, it has checked by whom.
    fn sign(&mut self, sign: &Sign, verified: bool) -> Event {
        self.counter += 1;
        let flags = if verified { 0b101 } else { 0b001 };
        let hash: [u8; 32] = Sha256::digest(SITE).into();
        let said = [&hash[..], &[flags], &self.counter.to_be_bytes()].concat();
        let signature = self.signing.sign(&[&said[..], &sign.client_data_hash].concat()).to_bytes().to_vec();
        let credential = self.plugged.credentials[0].as_bytes().to_vec();
        Event::Key(KeyEvent::Signed(Signed { credential, authenticator_data: said, signature }))
    }
}

impl World {
    /// What is plugged in of what is looked for.
    pub(super) fn look(&mut self, search: Search) -> Event {
        self.searches += 1;
        let held = |key: &&TestKey| search.credentials.iter().any(|one| one.id == key.plugged.credentials[0]);
        Event::Key(match self.jammed {
            Some(trouble) => KeyEvent::Failed(trouble),
            None => KeyEvent::Found(self.port.iter().filter(held).map(|key| key.plugged.clone()).collect()),
        })
    }

    pub(super) fn count(&mut self, factor: FactorId, counter: u32) {
        let factor = self.account.factors.iter_mut().find(|one| one.id == factor).unwrap();
        let Detail::SecurityKey(credential) = &mut factor.detail else { panic!("not a key") };
        assert!(counter > credential.counter, "a counter that does not move on");
        credential.counter = counter;
    }

    /// At the machine, with these keys enrolled and plugged in.
    fn with_keys(keys: &[TestKey]) -> Self {
        let mut world = alice();
        world.at_the_machine = true;
        world.account.factors.extend(keys.iter().map(TestKey::enrolled));
        world.port = keys.to_vec();
        world
    }

    /// Nothing but keys, and no backup codes.
    fn with_keys_alone(keys: &[TestKey]) -> Self {
        let mut world = Self::with_keys(keys);
        world.account.factors.retain(|factor| factor.id != PHONE);
        world.account.backup.codes.clear();
        world
    }

    fn sit_down(&mut self) -> (Dialog, Turn) {
        let step = self.begin(NOW);
        self.drive(step, NOW)
    }

    fn key(&mut self, dialog: Dialog, event: Event) -> (Dialog, Turn) {
        let step = dialog.step(event, &at(NOW));
        self.drive(step, NOW)
    }

    fn fails(&mut self, dialog: Dialog, trouble: KeyTrouble) -> (Dialog, Turn) {
        self.key(dialog, Event::Key(KeyEvent::Failed(trouble)))
    }

    /// The first key is touched.
    fn touch(&mut self, dialog: Dialog, verified: bool) -> (Dialog, Turn) {
        let sign = self.blinks.take().expect("a key blinks");
        let event = self.port[0].sign(&sign, verified);
        self.key(dialog, event)
    }
}

fn said(turn: &Turn) -> String {
    turn.say.iter().map(|note| note.text.as_str()).collect::<Vec<_>>().join("\n")
}

fn verifying() -> Plan {
    Plan::Factors(Ask { kinds: Kinds::ALL, verify_user: true, ask_again: 0, remember: 0 })
}

fn last(world: &World) -> (What, Option<(Kind, Option<FactorId>)>) {
    world.records.last().map(|record| (record.what, record.factor)).unwrap()
}

#[test]
fn a_key_that_is_plugged_in_is_touched_for_what_the_screen_says_and_lets_in() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let (dialog, turn) = world.sit_down();
    assert_eq!(said(&turn), "Touch your security key: sudo on web1 as alice (15 s, then a code)");
    assert_eq!(turn.next, Next::Wait { at_most: 20 });
    assert!(dialog.waits_for_key() && dialog.needs_randomness());
    let sign = world.blinks.clone().unwrap();
    assert_eq!((sign.seconds, sign.verify_user, sign.pin), (15, false, None));
    let (dialog, turn) = world.touch(dialog, false);
    assert!(passed(&turn) && dialog.is_over());
    assert_eq!(last(&world), (What::Passed, Some((Kind::SecurityKey, Some(FactorId(7))))));
}

#[test]
fn without_a_key_in_the_port_the_code_is_asked_for_and_k_looks_again() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let keys = std::mem::take(&mut world.port);
    let (dialog, turn) = world.sit_down();
    assert_eq!((prompt(&turn), said(&turn).as_str()), (text::CODE_PROMPT, ""));
    let (dialog, turn) = world.answer(dialog, "k", NOW);
    assert_eq!(said(&turn), "None of your security keys is plugged in here.");
    world.port = keys;
    let (dialog, turn) = world.answer(dialog, "K", NOW);
    assert!(matches!(turn.next, Next::Wait { .. }));
    assert!(passed(&world.touch(dialog, false).1));
}

#[test]
fn from_elsewhere_no_key_is_ever_looked_for() {
    let keys = [TestKey::new(7)];
    for plain in [false, true] {
        let mut world = World::with_keys(&keys);
        world.at_the_machine = false;
        world.caller = if plain { Caller::Plain } else { Caller::Root };
        let (dialog, turn) = world.sit_down();
        assert_eq!(prompt(&turn), text::CODE_PROMPT);
        let (dialog, turn) = world.answer(dialog, "k", NOW);
        assert_eq!(said(&turn), "A security key works only for somebody who sits at this machine.");
        let (_, turn) = world.answer(dialog, "?", NOW);
        assert!(!said(&turn).contains("security key"), "{turn:?}");
        assert_eq!(world.searches, 0);
    }
}

#[test]
fn a_login_that_is_asked_nothing_or_in_one_line_touches_no_key() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    world.front = Front::Combined;
    world.sit_down();
    world.front = Front::Terminal;
    world.interactive = false;
    assert!(matches!(world.sit_down().1.next, Next::Done(Verdict::Denied(Denial::CannotAsk))));
    world.interactive = true;
    world.plan = factors(Kinds::ALL.without(Kind::SecurityKey));
    world.sit_down();
    assert_eq!(world.searches, 0);
}

#[test]
fn whatever_a_key_does_not_do_ends_in_one_sentence_and_the_code() {
    for (trouble, sentence) in [
        (KeyTrouble::TimedOut, "The key was not touched within 15 s."),
        (KeyTrouble::Denied, "The key said no."),
        (KeyTrouble::Unplugged, "The key was unplugged."),
        (KeyTrouble::NotHere, "None of your security keys is plugged in here."),
        (KeyTrouble::Busy, "The key is in use. Try again: k"),
        (KeyTrouble::Unsupported, "This key cannot do what is wanted here."),
        (KeyTrouble::PinBlocked, "This key takes no PIN any more. It must be reset with its maker's tool."),
        (KeyTrouble::PinPause, "The key takes no PIN for now. Unplug it, plug it in, then type k."),
        (KeyTrouble::Broken, "The key cannot be used now."),
    ] {
        let mut world = World::with_keys(&[TestKey::new(7)]);
        let (dialog, _) = world.sit_down();
        let (dialog, turn) = world.fails(dialog, trouble);
        assert_eq!((said(&turn).as_str(), prompt(&turn)), (sentence, text::CODE_PROMPT));
        let code = world.code(NOW / 30);
        assert!(passed(&world.answer(dialog, &code, NOW).1), "{trouble:?}");
    }
}

#[test]
fn a_port_that_cannot_be_looked_at_is_told_once_and_the_code_lets_in() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    world.jammed = Some(KeyTrouble::Broken);
    let (dialog, turn) = world.sit_down();
    assert_eq!((said(&turn).as_str(), prompt(&turn)), ("The key cannot be used now.", text::CODE_PROMPT));
    let code = world.code(NOW / 30);
    assert!(passed(&world.answer(dialog, &code, NOW).1));
}

#[test]
fn where_no_text_is_shown_the_prompt_says_what_the_touch_is_for() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    (world.shows_text, world.front) = (false, Front::Graphical);
    let (dialog, turn) = world.sit_down();
    assert_eq!(prompt(&turn), "Enter = touch it, or a code: ");
    assert!(world.blinks.is_none(), "nothing blinks before it was read");
    let code = world.code(NOW / 30);
    assert!(passed(&world.answer(dialog, &code, NOW).1));
    let (dialog, _) = world.sit_down();
    let (dialog, turn) = world.answer(dialog, "", NOW);
    assert!(matches!(turn.next, Next::Wait { .. }));
    assert!(passed(&world.touch(dialog, false).1));
}

#[test]
fn a_touch_ends_before_the_dialog_does() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let (dialog, _) = world.sit_down();
    let (mut dialog, _) = world.fails(dialog, KeyTrouble::TimedOut);
    dialog.refresh(world.plan.clone(), world.account.clone());
    let step = dialog.step(typed("k"), &at(NOW + 105));
    let (dialog, turn) = world.drive(step, NOW + 105);
    assert_eq!(turn.next, Next::Wait { at_most: 15 });
    let step = dialog.step(Event::Deadline, &at(NOW + 120));
    assert_eq!(denied(&world.drive(step, NOW + 120).1), Some(Denial::TimedOut));
    let (dialog, _) = world.sit_down();
    let (dialog, _) = world.fails(dialog, KeyTrouble::TimedOut);
    let step = dialog.step(typed("k"), &at(NOW + 114));
    let (_, turn) = world.drive(step, NOW + 114);
    assert_eq!(prompt(&turn), text::CODE_PROMPT, "too late for a touch");
}

#[test]
fn the_question_mark_names_the_key_only_where_it_can_be_touched() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    world.port.clear();
    let (dialog, _) = world.sit_down();
    let (_, turn) = world.answer(dialog, "?", NOW);
    assert!(said(&turn).starts_with("Phone code · k = security key · Backup code"), "{turn:?}");
}

#[test]
fn whoever_leaves_the_machine_has_no_key_looked_for_touched_or_believed_until_they_are_back() {
    let key = TestKey::new(7);
    // Before it is touched.
    let mut world = World::with_keys(std::slice::from_ref(&key));
    let (mut dialog, effect) = world.begin(NOW);
    let Effect::Search(search) = effect else { panic!("{effect:?}") };
    dialog.sits_here(false);
    let found = world.look(search);
    let (dialog, turn) = world.key(dialog, found);
    assert_eq!((said(&turn), prompt(&turn)), (key_text::key_trouble(KeyTrouble::Elsewhere, 0), text::CODE_PROMPT));
    assert!(world.blinks.is_none());
    let (mut dialog, turn) = world.answer(dialog, "k", NOW);
    assert_eq!(said(&turn), key_text::key_elsewhere(false));
    assert_eq!(world.searches, 1);
    // And back.
    dialog.sits_here(true);
    let (mut dialog, turn) = world.answer(dialog, "k", NOW);
    assert!(matches!(turn.next, Next::Wait { .. }));
    // While it blinks: whoever touches it sits before another session.
    dialog.sits_here(false);
    let (dialog, turn) = world.touch(dialog, true);
    assert_eq!((said(&turn), prompt(&turn)), (key_text::key_trouble(KeyTrouble::Elsewhere, 0), text::CODE_PROMPT));
    assert!(!dialog.is_over() && world.records.is_empty());
}

#[test]
fn whoever_has_keys_alone_and_looks_away_is_asked_again_and_not_refused() {
    let mut world = World::with_keys_alone(&[TestKey::new(7)]);
    let (mut dialog, turn) = world.sit_down();
    assert!(matches!(turn.next, Next::Wait { .. }));
    dialog.sits_here(false);
    let (mut dialog, turn) = world.fails(dialog, KeyTrouble::Elsewhere);
    assert_eq!(said(&turn), key_text::key_trouble(KeyTrouble::Elsewhere, 0));
    assert_eq!(prompt(&turn), key_text::plug(false));
    dialog.sits_here(false);
    let (mut dialog, turn) = world.answer(dialog, "", NOW);
    assert_eq!((said(&turn), prompt(&turn)), (key_text::key_elsewhere(false), key_text::plug(false)));
    dialog.sits_here(true);
    let (dialog, turn) = world.answer(dialog, "", NOW);
    assert!(matches!(turn.next, Next::Wait { .. }));
    assert!(passed(&world.touch(dialog, false).1));
}
