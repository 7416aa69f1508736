//! Security keys in a login: found, touched, and everything that can go wrong with them.

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
        (KeyTrouble::Busy, "The key is in use by somebody else. Try again: k"),
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
fn a_pin_is_asked_for_where_the_policy_or_the_key_wants_it_and_goes_along() {
    let always = TestKey::new(8).with_pin(8);
    let always = TestKey { plugged: Plugged { always_verifies: true, ..always.plugged.clone() }, ..always };
    for (plan, key) in [(verifying(), TestKey::new(7).with_pin(8)), (factors(Kinds::ALL), always)] {
        let mut world = World::with_keys(&[key]);
        world.plan = plan;
        let (dialog, turn) = world.sit_down();
        assert_eq!(prompt(&turn), "Security key: sudo on web1 as alice\nPIN of your security key (Enter = code): ");
        let (dialog, turn) = world.answer(dialog, " 1234", NOW);
        assert!(matches!(turn.next, Next::Wait { .. }), "{turn:?}");
        assert_eq!(world.blinks.as_ref().unwrap().pin.as_ref().map(|pin| pin.as_str()), Some(" 1234"));
        assert!(passed(&world.touch(dialog, true).1));
    }
    let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
    assert!(matches!(world.sit_down().1.next, Next::Wait { .. }), "a PIN that nobody wants is not asked for");
}

#[test]
fn a_wrong_pin_is_told_and_asked_for_once_more_but_never_with_three_tries_left() {
    let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
    world.plan = verifying();
    let pin = |world: &mut World, dialog, left| {
        let (dialog, turn) = world.answer(dialog, "1234", NOW);
        assert!(matches!(turn.next, Next::Wait { .. }), "{turn:?}");
        world.fails(dialog, KeyTrouble::PinWrong(left))
    };
    let (dialog, _) = world.sit_down();
    let (dialog, turn) = pin(&mut world, dialog, Some(7));
    assert_eq!(said(&turn), "That PIN is wrong, 7 tries left.");
    assert!(prompt(&turn).contains("PIN of your security key"));
    let (_, turn) = pin(&mut world, dialog, Some(6));
    assert_eq!((said(&turn).as_str(), prompt(&turn)), ("That PIN is wrong, 6 tries left.", text::CODE_PROMPT));
    let (dialog, _) = world.sit_down();
    let (_, turn) = pin(&mut world, dialog, Some(3));
    assert_eq!(prompt(&turn), text::CODE_PROMPT);
    world.port = vec![TestKey::new(7).with_pin(3)];
    let (_, turn) = world.sit_down();
    assert!(said(&turn).starts_with("Only 3 tries are left for this key's PIN"), "{turn:?}");
    assert_eq!(prompt(&turn), text::CODE_PROMPT);
}

#[test]
fn each_wrong_pin_is_recorded_and_throttles_nothing_since_the_key_counts_it() {
    let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
    world.plan = verifying();
    let throttles = world.account.throttles;
    let (mut dialog, _) = world.sit_down();
    for left in [7, 6] {
        (dialog, _) = world.answer(dialog, "1234", NOW);
        (dialog, _) = world.fails(dialog, KeyTrouble::PinWrong(Some(left)));
        assert_eq!(last(&world), (What::Wrong, Some((Kind::SecurityKey, None))));
        assert_eq!(world.records.last().unwrap().reason, Some("pin"));
    }
    assert_eq!(world.records.iter().filter(|record| record.what == What::Wrong).count(), 2);
    assert_eq!(world.account.throttles, throttles);
    assert!(!dialog.is_over());
}

#[test]
fn no_more_than_two_pins_are_sent_in_a_dialog_however_often_the_key_is_looked_for() {
    for trouble in [KeyTrouble::PinWrong(Some(7)), KeyTrouble::TimedOut] {
        let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
        world.plan = verifying();
        let (mut dialog, mut turn) = world.sit_down();
        for _ in 0..2 {
            if prompt(&turn) == text::CODE_PROMPT {
                (dialog, turn) = world.answer(dialog, "k", NOW);
            }
            assert!(prompt(&turn).contains("PIN of your security key"), "{turn:?}");
            (dialog, turn) = world.answer(dialog, "1234", NOW);
            assert!(matches!(turn.next, Next::Wait { .. }), "{turn:?}");
            (dialog, turn) = world.fails(dialog, trouble);
        }
        world.blinks = None;
        let searches = world.searches;
        let (_, turn) = world.answer(dialog, "k", NOW);
        assert_eq!(world.searches, searches + 1, "the key is found again");
        assert_eq!(said(&turn), "That is enough of PINs for this login. The key takes its PIN in the next one.");
        assert_eq!(prompt(&turn), text::CODE_PROMPT);
        assert!(world.blinks.is_none());
    }
}

#[test]
fn enter_at_the_pin_asks_for_a_code_and_what_can_be_no_pin_goes_to_no_key() {
    let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
    world.plan = verifying();
    let (dialog, _) = world.sit_down();
    let (dialog, turn) = world.answer(dialog, "123", NOW);
    assert_eq!(said(&turn), "A PIN has 4 to 63 characters. It was not sent.");
    assert!(world.blinks.is_none());
    let (_, turn) = world.answer(dialog, "", NOW);
    assert_eq!(prompt(&turn), text::CODE_PROMPT);
}

#[test]
fn a_key_that_says_only_when_touched_that_it_wants_its_pin_is_given_it() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let (dialog, _) = world.sit_down();
    let (dialog, turn) = world.fails(dialog, KeyTrouble::PinNeeded);
    assert!(prompt(&turn).contains("PIN of your security key"));
    let (dialog, _) = world.answer(dialog, "1234", NOW);
    let (_, turn) = world.fails(dialog, KeyTrouble::PinNeeded);
    assert_eq!(prompt(&turn), text::CODE_PROMPT, "and once only");
}

#[test]
fn a_key_that_cannot_tell_who_touches_it_does_not_do_where_that_is_wanted() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    world.plan = verifying();
    let (_, turn) = world.sit_down();
    assert!(said(&turn).starts_with("A PIN or a fingerprint is wanted here, and this key has none yet."));
    world.port = vec![TestKey::new(7).with_pin(8)];
    let (dialog, _) = world.sit_down();
    let (dialog, _) = world.answer(dialog, "1234", NOW);
    let (_, turn) = world.touch(dialog, false);
    assert_eq!((said(&turn).as_str(), prompt(&turn)), ("That key's answer was not accepted.", text::CODE_PROMPT));
    assert_eq!(last(&world), (What::Wrong, Some((Kind::SecurityKey, None))));
    let key = TestKey::new(9);
    let old = TestKey { plugged: Plugged { u2f_only: true, ..key.plugged.clone() }, ..key };
    let mut world = World::with_keys_alone(std::slice::from_ref(&old));
    assert!(matches!(world.sit_down().1.next, Next::Wait { .. }), "where it is not wanted, it does");
    world.plan = verifying();
    let (_, turn) = world.sit_down();
    assert!(prompt(&turn).starts_with("A PIN or a fingerprint is wanted here, and your security key knows neither."));
}

#[test]
fn of_two_keys_the_one_that_needs_no_pin_blinks_and_no_other() {
    let mut world = World::with_keys(&[TestKey::new(7).with_pin(8), TestKey::new(8)]);
    let always = &mut world.port[0].plugged;
    always.always_verifies = true;
    let (dialog, _) = world.sit_down();
    let sign = world.blinks.take().unwrap();
    assert_eq!(sign.credentials.len(), 1);
    assert_eq!(sign.credentials[0].id, world.port[1].plugged.credentials[0]);
    let event = world.port[1].sign(&sign, false);
    assert!(passed(&world.key(dialog, event).1));
    assert_eq!(last(&world).1, Some((Kind::SecurityKey, Some(FactorId(8)))));
}

#[test]
fn one_touch_lets_in_one_dialog_alone() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let (one, _) = world.sit_down();
    let first = world.blinks.take().unwrap();
    let (other, _) = world.sit_down();
    let second = world.blinks.take().unwrap();
    // Two dialogs at one moment have other random bytes; here they are given the same, so let time go on.
    let later = world.begin(NOW + 1);
    let (other_still, _) = world.drive(later, NOW + 1);
    drop(other);
    let event = world.port[0].sign(&first, false);
    let Event::Key(KeyEvent::Signed(signed)) = event else { panic!() };
    assert!(passed(&world.key(one, Event::Key(KeyEvent::Signed(signed.clone()))).1));
    let step = other_still.step(Event::Key(KeyEvent::Signed(signed)), &at(NOW + 1));
    let (_, turn) = world.drive(step, NOW + 1);
    assert_eq!(said(&turn), "That key's answer was not accepted.");
    assert_eq!(second.client_data_hash, first.client_data_hash);
}

#[test]
fn the_same_answer_is_weighed_again_on_what_is_true_now() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let (dialog, _) = world.sit_down();
    world.account.version = Some(Version(99));
    assert!(passed(&world.touch(dialog, false).1), "something else has changed");
    let (dialog, _) = world.sit_down();
    world.account.version = Some(Version(199));
    world.account.factors.retain(|factor| factor.id == PHONE);
    let (_, turn) = world.touch(dialog, false);
    assert_eq!((said(&turn).as_str(), prompt(&turn)), ("That key's answer was not accepted.", text::CODE_PROMPT));
}

#[test]
fn a_policy_that_changes_while_a_touch_is_waited_for_is_the_one_that_counts() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let plans = [
        (factors(Kinds::ALL.without(Kind::SecurityKey)), None),
        (verifying(), None),
        (Plan::Deny(Deny::NoUsableFactor { needs: Kinds::NONE }), Some(Denial::PolicyChanged)),
        (Plan::Skip(Skip::Exempt), Some(Denial::PolicyChanged)),
    ];
    for (plan, denial) in plans {
        world.plan = factors(Kinds::ALL);
        let (mut dialog, _) = world.sit_down();
        world.plan = plan;
        dialog.refresh(world.plan.clone(), world.account.clone());
        let (_, turn) = world.touch(dialog, false);
        assert_eq!(denied(&turn), denial);
        assert!(!passed(&turn), "{turn:?}");
    }
}

#[test]
fn a_counter_that_went_back_is_recorded_by_its_name_and_does_not_let_in() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let (dialog, _) = world.sit_down();
    assert!(passed(&world.touch(dialog, false).1));
    world.port[0].counter -= 1;
    let (dialog, _) = world.sit_down();
    let (_, turn) = world.touch(dialog, false);
    assert!(said(&turn).contains("there may be a copy of the key"), "{turn:?}");
    assert_eq!(prompt(&turn), text::CODE_PROMPT);
    assert_eq!(last(&world), (What::CounterBack, Some((Kind::SecurityKey, Some(FactorId(7))))));
    assert!(!world.letters.is_empty(), "administrators are told");
}

#[test]
fn rubbish_in_place_of_signatures_has_a_limit_of_its_own() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    for _ in 0..5 {
        let (dialog, turn) = world.sit_down();
        assert!(matches!(turn.next, Next::Wait { .. }));
        let signed = Signed { credential: vec![7; 16], authenticator_data: vec![0; 37], signature: vec![0; 64] };
        world.key(dialog, Event::Key(KeyEvent::Signed(signed)));
    }
    let searches = world.searches;
    let (dialog, turn) = world.sit_down();
    assert_eq!((world.searches, prompt(&turn)), (searches, text::CODE_PROMPT));
    let code = world.code(NOW / 30);
    assert!(passed(&world.answer(dialog, &code, NOW).1), "codes are not throttled by it");
    assert!(matches!(world.sit_down().1.next, Next::Wait { .. }), "and the code makes keys good again");
}

#[test]
fn a_dialog_waits_for_a_few_touches_and_no_more() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let (mut dialog, _) = world.sit_down();
    for _ in 0..3 {
        let (after, _) = world.fails(dialog, KeyTrouble::TimedOut);
        let (after, turn) = world.answer(after, "k", NOW);
        assert!(matches!(turn.next, Next::Wait { .. }));
        dialog = after;
    }
    let (dialog, _) = world.fails(dialog, KeyTrouble::TimedOut);
    let (_, turn) = world.answer(dialog, "k", NOW);
    assert_eq!(said(&turn), "That is enough of keys for now. Try again later.");
}

#[test]
fn where_nothing_but_a_key_would_do_it_is_asked_for() {
    let mut world = World::with_keys_alone(&[TestKey::new(7)]);
    let keys = std::mem::take(&mut world.port);
    let (dialog, turn) = world.sit_down();
    assert_eq!(prompt(&turn), "Press Enter with your security key plugged in: ");
    world.port = keys;
    let (dialog, turn) = world.answer(dialog, "", NOW);
    assert_eq!(said(&turn), "Touch your security key: sudo on web1 as alice (15 s)");
    let (dialog, turn) = world.fails(dialog, KeyTrouble::TimedOut);
    assert_eq!(prompt(&turn), "Press Enter with your security key plugged in: ");
    let (dialog, _) = world.answer(dialog, "", NOW);
    assert!(passed(&world.touch(dialog, false).1));
    let mut with_codes = World::with_keys(&[TestKey::new(7)]);
    with_codes.account.factors.retain(|factor| factor.id != PHONE);
    with_codes.port.clear();
    let (dialog, turn) = with_codes.sit_down();
    assert_eq!(prompt(&turn), "Press Enter with your security key plugged in, or type a backup code: ");
    let code = with_codes.codes[0].clone();
    assert!(passed(&with_codes.answer(dialog, &code, NOW).1));
}

#[test]
fn whoever_has_only_a_key_and_is_elsewhere_is_told_so_before_the_end() {
    let mut world = World::with_keys_alone(&[TestKey::new(7)]);
    world.at_the_machine = false;
    let (dialog, turn) = world.sit_down();
    assert!(prompt(&turn).starts_with("Your security key works only for somebody who sits at this machine.\n"));
    assert!(prompt(&turn).ends_with("Press Enter. "));
    assert_eq!(denied(&world.answer(dialog, "", NOW).1), Some(Denial::KeyNotShown));
    let mut with_codes = World::with_keys(&[TestKey::new(7)]);
    with_codes.at_the_machine = false;
    with_codes.account.factors.retain(|factor| factor.id != PHONE);
    let (dialog, turn) = with_codes.sit_down();
    assert!(prompt(&turn).ends_with("A backup code works as well. Verification code: "), "{turn:?}");
    let code = with_codes.codes[0].clone();
    assert!(passed(&with_codes.answer(dialog, &code, NOW).1));
}

#[test]
fn keys_that_never_answer_end_a_login_that_takes_nothing_else() {
    let mut world = World::with_keys_alone(&[TestKey::new(7)]);
    let (mut dialog, _) = world.sit_down();
    for _ in 0..3 {
        let (after, _) = world.fails(dialog, KeyTrouble::TimedOut);
        (dialog, _) = world.answer(after, "", NOW);
    }
    let (dialog, turn) = world.fails(dialog, KeyTrouble::TimedOut);
    assert!(prompt(&turn).starts_with("The key was not touched within 15 s.\nThis login takes only your security key"));
    assert_eq!(denied(&world.answer(dialog, "", NOW).1), Some(Denial::KeyFailed));
}

#[test]
fn while_codes_are_throttled_a_key_works() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let keys = std::mem::take(&mut world.port);
    for _ in 0..2 {
        world.login(&["000000", "000000", "000000"], NOW);
    }
    let (dialog, turn) = world.sit_down();
    assert!(prompt(&turn).contains("A backup code or your security key works now."), "{turn:?}");
    world.port = keys;
    let (dialog, turn) = world.answer(dialog, "k", NOW);
    assert!(matches!(turn.next, Next::Wait { .. }), "{turn:?}");
    assert!(passed(&world.touch(dialog, false).1));
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
fn an_event_that_does_not_fit_ends_in_a_denial() {
    let keys = [TestKey::new(7)];
    let signed = || Signed { credential: vec![], authenticator_data: vec![], signature: vec![] };
    let states: [fn(&mut World) -> Dialog; 4] = [
        |world| world.begin(NOW).0, // looking for keys
        |world| world.sit_down().0, // waiting for a touch
        |world| {
            let (dialog, _) = world.sit_down();
            world.fails(dialog, KeyTrouble::TimedOut).0 // asking for a code
        },
        |world| {
            let (dialog, _) = world.sit_down();
            let sign = world.blinks.take().unwrap();
            dialog.step(world.port[0].sign(&sign, false), &at(NOW)).0 // committing
        },
    ];
    let fits = |place: usize, event: &Event| match event {
        Event::Key(KeyEvent::Found(_)) => place == 0,
        Event::Key(KeyEvent::Signed(_)) => place == 1,
        Event::Key(KeyEvent::Failed(_)) => place < 2,
        Event::Answer(_) => place == 2,
        Event::Committed | Event::Stale(_) | Event::Failed => place == 3,
        Event::Deadline => false,
    };
    for (place, state) in states.iter().enumerate() {
        let mut world = World::with_keys(&keys);
        let stale = Event::Stale(Box::new((world.plan.clone(), world.account.clone())));
        let events = [
            Event::Key(KeyEvent::Found(Vec::new())),
            Event::Key(KeyEvent::Signed(signed())),
            Event::Key(KeyEvent::Failed(KeyTrouble::Denied)),
            typed(&world.code(NOW / 30)),
            Event::Committed,
            stale,
            Event::Failed,
            Event::Deadline,
        ];
        for event in events {
            let (fits, shown) = (fits(place, &event), format!("{place}: {event:?}"));
            let is_commit = matches!(event, Event::Committed);
            let (dialog, effect) = state(&mut world).step(event, &at(NOW));
            let denied = matches!(&effect, Effect::Turn(turn) if denied(turn).is_some());
            let passes = matches!(&effect, Effect::Turn(turn) if passed(turn));
            assert!(fits || (denied && dialog.is_over()), "{shown}: {effect:?}");
            assert_eq!(passes, is_commit && place == 3, "{shown}");
        }
    }
}

#[test]
fn what_a_key_is_asked_is_not_told_with_its_pin() {
    let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
    world.plan = verifying();
    let (dialog, _) = world.sit_down();
    world.answer(dialog, "12345678", NOW);
    assert!(!format!("{:?}", world.blinks).contains("12345678"));
}

#[test]
fn a_touch_is_remembered_for_a_touch_and_not_for_a_pin() {
    let remembers = |verify_user| Plan::Factors(Ask { kinds: Kinds::ALL, verify_user, ask_again: 900, remember: 0 });
    let session = crate::trust::Session { number: 3, began: 1, leader: 50, uid: 1000 };
    for (earned_by, asked_by, covered) in
        [(false, false, true), (false, true, false), (true, true, true), (true, false, true)]
    {
        let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
        world.ties.session = Some(session.clone());
        world.plan = remembers(earned_by);
        let (dialog, turn) = world.sit_down();
        let dialog = if matches!(turn.next, Next::Ask { .. }) { world.answer(dialog, "1234", NOW).0 } else { dialog };
        assert!(passed(&world.touch(dialog, earned_by).1));
        world.plan = remembers(asked_by);
        let (_, turn) = world.sit_down();
        assert_eq!(turn.next == Next::Done(Verdict::Remembered), covered, "{earned_by} {asked_by}");
    }
}
