//! Several keys at once: the right one blinks, and no other learns anything.

use mfa_core::factor::security_key::{Finding, Makers};
use mfa_proto::key::Failure;
use virtual_key::{Fault, Finger, Flash, Model, Moment, SocketPort, Trouble, VirtualKey};

use crate::cases::each;
use crate::desk::{AMPLE, How, Kind, begin, enroll, find, finding, make, make_by, sign, sign_unproven};
use crate::site::Site;

const PIN: &str = "314159";

#[test]
fn of_two_keys_the_one_that_holds_the_credential_blinks_and_no_pin_reaches_the_other() {
    let pairs = Kind::ALL.into_iter().flat_map(|ours| Kind::ALL.map(|other| (ours, other)));
    let cases = pairs.flat_map(|pair| ["first", "second"].map(|place| (pair, place))).collect();
    each(cases, |&((ours, other), place)| {
        let site = Site::new();
        let (here, there) = if place == "first" { ("a", "b") } else { ("b", "a") };
        let key = site.key(here, ours.model());
        let credential = enroll(&site, &key, ours);
        let another = site.key(there, other.model());
        for one in [&key, &another] {
            one.set_pin(Some(PIN)).unwrap();
            one.always(Some(Finger::Touch));
        }
        let typed = (ours != Kind::U2f).then_some(PIN);
        let how = How { pin: typed, verify_user: typed.is_some(), ..How::within(AMPLE) };
        assert_eq!(sign(&site, &[&credential], &how), Ok(()));
        assert_eq!(key.seen().pins, u32::from(typed.is_some()));
        assert_eq!((another.seen().pins, another.seen().asked, another.seen().touched), (0, 0, 0));
        assert_eq!(another.pin_tries_left(), 8);
        assert_eq!(find(&site, &[&credential], AMPLE).unwrap().plugged_in, 2);
    });
}

#[test]
fn a_key_that_lies_about_holding_the_credential_gets_no_pin_and_the_real_one_beside_it_is_used() {
    let cases = [Kind::Es256, Kind::EdDsa].into_iter().flat_map(|kind| [("a", "b"), ("b", "a")].map(|at| (kind, at)));
    each(cases.collect(), |&(kind, (ours, others))| {
        let site = Site::new();
        let key = site.key(ours, kind.model());
        let credential = enroll(&site, &key, kind);
        key.set_pin(Some(PIN)).unwrap();
        // It knows all that the real one knows, and says yes to everything; only sign it cannot.
        let memory = site.folder.join("liar.flash");
        key.save(&memory).unwrap();
        let liar =
            VirtualKey::new(kind.model(), Flash::in_file(&memory).unwrap(), SocketPort::new(site.folder.join(others)));
        liar.plug().unwrap();
        liar.fault(Some(Fault { trouble: Trouble::RubbishSignature, from: Moment::Command }));
        for one in [&key, &liar] {
            one.always(Some(Finger::Touch));
        }
        let how = How { pin: Some(PIN), verify_user: true, ..How::within(AMPLE) };
        let found = find(&site, &[&credential], AMPLE).unwrap();
        assert_eq!((found.plugged_in, found.matches.len()), (2, 1));
        assert_eq!(sign(&site, &[&credential], &how), Ok(()));
        key.unplug();
        assert_eq!(sign(&site, &[&credential], &how), Err(Failure::NotHere));
        assert_eq!((key.seen().pins, liar.seen().pins), (1, 0));
        assert_eq!((liar.seen().touched, liar.pin_tries_left()), (0, 8));
        assert!(liar.seen().asserted > 0, "it was asked, and lied");
    });
}

#[test]
fn a_pin_for_a_credential_whose_public_key_nobody_knows_is_sent_to_no_key() {
    let site = Site::new();
    let key = site.key("blue", Model::default());
    let credential = enroll(&site, &key, Kind::Es256);
    key.set_pin(Some(PIN)).unwrap();
    key.always(Some(Finger::Touch));
    let how = How { pin: Some(PIN), verify_user: true, ..How::within(AMPLE) };
    assert_eq!(sign_unproven(&site, &credential, &how), Err(Failure::Unsupported));
    assert_eq!(key.seen().pins, 0);
    assert_eq!(sign_unproven(&site, &credential, &How::within(AMPLE)), Ok(()));
}

#[test]
fn a_wrong_pin_costs_a_try_of_the_right_key_alone() {
    let site = Site::new();
    let key = site.key("ours", Model::default());
    let credential = enroll(&site, &key, Kind::Es256);
    let another = site.key("another", Model::default());
    for one in [&key, &another] {
        one.set_pin(Some(PIN)).unwrap();
    }
    let how = How { pin: Some("271828"), verify_user: true, ..How::within(AMPLE) };
    assert_eq!(sign(&site, &[&credential], &how), Err(Failure::PinWrong { tries_left: Some(7) }));
    assert_eq!((key.pin_tries_left(), another.pin_tries_left()), (7, 8));
}

#[test]
fn after_three_wrong_pins_in_a_row_the_key_is_plugged_in_anew() {
    let site = Site::new();
    let key = site.key("blue", Model::default());
    let credential = enroll(&site, &key, Kind::EdDsa);
    key.set_pin(Some(PIN)).unwrap();
    key.always(Some(Finger::Touch));
    let how = |pin| How { pin: Some(pin), verify_user: true, ..How::within(AMPLE) };
    for tries_left in [7, 6] {
        let wrong = Failure::PinWrong { tries_left: Some(tries_left) };
        assert_eq!(sign(&site, &[&credential], &how("271828")), Err(wrong));
    }
    assert_eq!(sign(&site, &[&credential], &how("271828")), Err(Failure::PinPause));
    assert_eq!(sign(&site, &[&credential], &how(PIN)), Err(Failure::PinPause));
    key.plug().unwrap();
    assert_eq!(sign(&site, &[&credential], &how(PIN)), Ok(()));
    assert_eq!(key.pin_tries_left(), 8);
}

#[test]
fn with_three_tries_left_no_pin_is_sent_any_more() {
    let site = Site::new();
    let key = site.key("blue", Model::default());
    let credential = enroll(&site, &key, Kind::Es256);
    key.set_pin(Some(PIN)).unwrap();
    let how = How { pin: Some(PIN), verify_user: true, ..How::within(AMPLE) };
    for tries_left in [3, 2, 1] {
        key.set_pin_tries_left(tries_left).unwrap();
        assert_eq!(sign(&site, &[&credential], &how), Err(Failure::PinLastTries { tries_left }));
    }
    key.set_pin_tries_left(0).unwrap();
    assert_eq!(sign(&site, &[&credential], &how), Err(Failure::PinBlocked));
    assert_eq!(key.seen().pins, 0);
}

#[test]
fn a_credential_is_made_on_one_key_and_not_on_one_that_has_one() {
    let site = Site::new();
    let how = How::within(AMPLE);
    assert_eq!(make(&site, Kind::Es256, &how, &[]).unwrap_err(), Failure::NoKey);
    let key = site.key("blue", Model::default());
    let credential = enroll(&site, &key, Kind::Es256);
    key.always(Some(Finger::Touch));
    assert_eq!(make(&site, Kind::Es256, &how, std::slice::from_ref(&credential)).unwrap_err(), Failure::AlreadyThere);
    let another = site.key("red", Model::default());
    another.always(Some(Finger::Touch));
    let other = make(&site, Kind::Es256, &how, std::slice::from_ref(&credential)).unwrap();
    assert_eq!((key.seen().touched, another.seen().touched), (1, 1));
    assert_eq!(make(&site, Kind::Es256, &how, &[]).unwrap_err(), Failure::Several { keys: 2 });
    // Either of them may sign now; one does.
    assert_eq!(sign(&site, &[&credential, &other], &how), Ok(()));
    assert_eq!(key.seen().touched + another.seen().touched, 3);
    another.unplug();
    assert_eq!(sign(&site, &[&other], &how), Err(Failure::NotHere));
    key.unplug();
    assert_eq!(sign(&site, &[&credential], &how), Err(Failure::NoKey));
}

#[test]
fn a_key_that_is_plugged_in_anew_is_the_same_key_and_a_step_back_of_a_clone_is_noticed() {
    each(Kind::ALL.to_vec(), |&kind| {
        let site = Site::new();
        let key = site.key("blue", kind.model());
        let mut credential = enroll(&site, &key, kind);
        key.always(Some(Finger::Touch));
        let memory = site.folder.join("clone.flash");
        key.save(&memory).unwrap();
        key.plug().unwrap();
        assert_eq!(sign(&site, &[&credential], &How::within(AMPLE)), Ok(()));
        credential.counter = key.counter();
        key.unplug();
        let flash = Flash::in_file(&memory).unwrap();
        flash.clone().set_counter(1).unwrap();
        let clone = VirtualKey::new(kind.model(), flash, SocketPort::new(site.folder.join("blue")));
        clone.plug().unwrap();
        clone.always(Some(Finger::Touch));
        credential.counter = credential.counter.max(100);
        let how = How::within(AMPLE);
        let found = finding(begin(&site, &[&credential], &how).end(), &[&credential], &how).unwrap();
        assert!(matches!(found, Finding::CounterBack(_)), "{found:?}");
    });
}

#[test]
fn make_and_model_are_told_where_they_are_asked_for_and_their_maker_is_known() {
    let root = include_str!("../../virtual-key/attestation/root.pem");
    let body: String = root.lines().filter(|line| !line.starts_with("-----")).collect();
    let makers = Makers::new(&[data_encoding::BASE64.decode(body.as_bytes()).unwrap()]).unwrap();
    each(vec![Kind::Es256, Kind::U2f], |&kind| {
        let site = Site::new();
        let key = site.key("blue", kind.model());
        key.always(Some(Finger::Touch));
        let asked = How { attestation: true, ..How::within(AMPLE) };
        let credential = make_by(&site, kind, &asked, &[], &makers).unwrap();
        assert_eq!(credential.aaguid, (kind == Kind::Es256).then_some(virtual_key::AAGUID));
        assert_eq!(make(&site, kind, &How::within(AMPLE), &[]).unwrap().aaguid, None);
    });
}

#[test]
fn a_key_that_vouches_for_itself_tells_its_model_and_no_maker() {
    each(vec![Kind::Es256, Kind::EdDsa], |&kind| {
        let site = Site::new();
        let key = site.key("blue", Model { batch_attestation: false, ..kind.model() });
        key.always(Some(Finger::Touch));
        let asked = How { attestation: true, ..How::within(AMPLE) };
        assert_eq!(make(&site, kind, &asked, &[]).unwrap().aaguid, Some(virtual_key::AAGUID));
    });
}
