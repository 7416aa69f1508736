//! The test vectors of the specification, made by another program for another site: a browser's client data.

use super::*;

pub(super) const FILE: &str = include_str!("../../../../tests/vectors/webauthn/specification.txt");
/// Those that a site like ours accepts.
pub(super) const GOOD: [&str; 4] = ["none.ES256", "packed-self.ES256", "packed.ES256", "packed.EdDSA"];

pub(super) fn challenge(name: &str, purpose: Purpose) -> Challenge {
    let what = if purpose == Purpose::Create { "create-challenge" } else { "get-challenge" };
    let relying_party = RelyingParty::of_site("example.org").unwrap();
    let fresh = Secret::new(hex(vector(FILE, name, what)));
    let challenge = Challenge::new(purpose, &relying_party, &fresh).unwrap();
    Challenge { origin: "https://example.org".into(), ..challenge }
}

pub(super) fn attested(name: &str) -> Attested {
    Attested {
        client_data: vector(FILE, name, "create-client-data").into(),
        authenticator_data: hex(vector(FILE, name, "create-authenticator-data")),
        format: vector(FILE, name, "format").into(),
        statement: hex(vector(FILE, name, "statement")),
        u2f: false,
    }
}

pub(super) fn assertion(name: &str) -> Assertion {
    Assertion {
        credential: Vec::new(),
        client_data: vector(FILE, name, "get-client-data").into(),
        authenticator_data: hex(vector(FILE, name, "get-authenticator-data")),
        signature: hex(vector(FILE, name, "signature")),
    }
}

pub(super) fn makers() -> Makers {
    Makers::new(&[hex(vector(FILE, "root", "certificate"))]).unwrap()
}

pub(super) fn registered(name: &str, demand: &Demand<'_>) -> Result<Credential, Unacceptable> {
    register(&challenge(name, Purpose::Create), &attested(name), demand)
}

#[test]
fn what_the_specification_registers_is_registered_and_its_logins_are_right() {
    for name in GOOD {
        let credential = registered(name, &any_key(&Makers::nobody())).unwrap();
        let told = name.starts_with("packed");
        assert_eq!((credential.counter, credential.u2f, credential.aaguid.is_some()), (0, false, told), "{name}");
        let (asked, mut answer) = (challenge(name, Purpose::Get), assertion(name));
        assert_eq!(verdict(&credential, &asked, &answer), Ok(0), "{name}");
        answer.credential = credential.id.as_bytes().to_vec();
        assert_eq!(verdict(&credential, &asked, &answer), Ok(0), "{name}");
    }
}

#[test]
fn what_was_asked_in_a_frame_of_another_site_is_refused() {
    for name in ["none.ES256.crossOrigin", "none.ES256.topOrigin"] {
        assert_eq!(registered(name, &any_key(&Makers::nobody())), Err(Unacceptable::OtherOrigin));
        // The signature itself is right.
        let data = hex(vector(FILE, name, "create-authenticator-data"));
        let new = authenticator_data::AuthenticatorData::parse(&data, Purpose::Create).unwrap().attested.unwrap();
        let said = assertion(name);
        let hash = <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(&said.client_data));
        let signed = [said.authenticator_data.as_slice(), &hash].concat();
        assert!(new.key.holds(&signed, &said.signature));
        let relying_party = RelyingParty::of_site("example.org").unwrap();
        let credential = Credential { id: new.id, key: new.key, relying_party, counter: 0, aaguid: None, u2f: false };
        let refused = verdict(&credential, &challenge(name, Purpose::Get), &said);
        assert_eq!(refused, Err(Unacceptable::OtherOrigin));
    }
}

#[test]
fn a_maker_that_is_trusted_vouches_for_its_keys_and_no_other_does() {
    let trusted = makers();
    let demand = any_key(&trusted);
    for name in ["packed.ES256", "packed.EdDSA"] {
        assert!(registered(name, &demand).is_ok(), "{name}");
        let long_ago = Demand { now: Time(1_704_067_199), ..demand };
        assert_eq!(registered(name, &long_ago), Err(Unacceptable::OtherMaker), "before the certificate begins");
        let never = Demand { now: Time(-1), ..demand };
        assert_eq!(registered(name, &never), Err(Unacceptable::OtherMaker));
    }
    assert_eq!(registered("packed-self.ES256", &demand), Err(Unacceptable::OtherMaker));
    assert_eq!(registered("none.ES256", &demand), Err(Unacceptable::ModelUntold));
    let others = real_keys::makers();
    assert_eq!(registered("packed.ES256", &Demand { makers: &others, ..demand }), Err(Unacceptable::OtherMaker));
    // A maker may publish the very certificate that its keys sign with.
    let leaf = real_keys::certificate_in(&attested("packed.ES256").statement);
    let leaf = Makers::new(&[leaf]).unwrap();
    assert!(registered("packed.ES256", &Demand { makers: &leaf, ..demand }).is_ok());
    assert_eq!(registered("packed.EdDSA", &Demand { makers: &leaf, ..demand }), Err(Unacceptable::OtherMaker));
}

#[test]
fn only_models_of_the_list_are_taken_and_only_from_keys_that_tell() {
    let nobody = Makers::nobody();
    let aaguid: [u8; 16] = hex("876ca4f52071c3e9b25509ef2cdf7ed6").try_into().unwrap();
    let demand = Demand { aaguids: &[[1; 16], aaguid], ..any_key(&nobody) };
    assert_eq!(registered("packed.ES256", &demand).unwrap().aaguid, Some(aaguid));
    assert_eq!(registered("packed.EdDSA", &demand), Err(Unacceptable::OtherModel));
    assert_eq!(registered("packed-self.ES256", &demand), Err(Unacceptable::OtherModel));
    assert_eq!(registered("none.ES256", &demand), Err(Unacceptable::ModelUntold));
    let told = Demand { attestation: true, ..any_key(&nobody) };
    assert_eq!(registered("none.ES256", &told), Err(Unacceptable::ModelUntold));
    assert!(registered("packed-self.ES256", &told).is_ok());
}

#[test]
fn who_touched_it_is_asked_where_that_is_demanded() {
    let nobody = Makers::nobody();
    let demand = Demand { verify_user: true, ..any_key(&nobody) };
    // Of these, by the flags that were published, two have verified their user when they were made.
    let verified: Vec<_> = GOOD.iter().filter(|name| registered(name, &demand).is_ok()).collect();
    assert_eq!(verified, [&"packed-self.ES256", &"packed.ES256"]);
    assert_eq!(registered("none.ES256", &demand), Err(Unacceptable::NotVerified));
    let credential = |name| registered(name, &any_key(&nobody)).unwrap();
    let login = |name| weighed(&credential(name), &challenge(name, Purpose::Get), &assertion(name), true);
    assert_eq!(login("packed.ES256"), Ok(0));
    assert_eq!(login("packed.EdDSA"), Err(Unacceptable::NotVerified));
}

#[test]
fn an_answer_to_one_question_is_none_to_another() {
    let credential = registered("none.ES256", &any_key(&Makers::nobody())).unwrap();
    let answer = assertion("none.ES256");
    let asked = challenge("none.ES256", Purpose::Get);
    let other = challenge("packed.ES256", Purpose::Get);
    assert_eq!(verdict(&credential, &other, &answer), Err(Unacceptable::OtherChallenge));
    let elsewhere = Challenge { origin: "mfa://example.org".into(), ..asked.clone() };
    assert_eq!(verdict(&credential, &elsewhere, &answer), Err(Unacceptable::OtherOrigin));
    let making = Challenge { purpose: Purpose::Create, ..asked.clone() };
    assert_eq!(verdict(&credential, &making, &answer), Err(Unacceptable::OtherPurpose));
    let for_other = Credential { relying_party: RelyingParty::of_site("example.com").unwrap(), ..credential.clone() };
    assert_eq!(verdict(&for_other, &asked, &answer), Err(Unacceptable::OtherRelyingParty));
    // What was said when it was made is no login, and a login makes nothing.
    let made = attested("none.ES256");
    let replayed = Assertion { authenticator_data: made.authenticator_data.clone(), ..answer.clone() };
    assert_eq!(verdict(&credential, &asked, &replayed), Err(Unacceptable::AuthenticatorData));
    let nothing = Attested { authenticator_data: answer.authenticator_data, ..made };
    let refused = register(&challenge("none.ES256", Purpose::Create), &nothing, &any_key(&Makers::nobody()));
    assert_eq!(refused, Err(Unacceptable::AuthenticatorData));
}

#[test]
fn of_several_credentials_the_named_one_signs_and_none_without_a_name() {
    let kept: Vec<_> = GOOD.iter().map(|name| registered(name, &any_key(&Makers::nobody())).unwrap()).collect();
    let all = || (1..).map(FactorId).zip(&kept);
    let (asked, mut answer) = (challenge("packed.ES256", Purpose::Get), assertion("packed.ES256"));
    let found = |answer: &Assertion| match verify(all(), &asked, answer, false) {
        Finding::Right(matched) => Ok(matched.factor()),
        Finding::CounterBack(factor) => panic!("{factor:?}"),
        Finding::Wrong(why) => Err(why),
    };
    assert_eq!(found(&answer), Err(Unacceptable::OtherCredential));
    answer.credential = kept[2].id.as_bytes().to_vec();
    assert_eq!(found(&answer), Ok(Some(FactorId(3))));
    answer.credential = kept[0].id.as_bytes().to_vec();
    assert_eq!(found(&answer), Err(Unacceptable::Signature));
    answer.credential.push(0);
    assert_eq!(found(&answer), Err(Unacceptable::OtherCredential));
    let none = verify(std::iter::empty(), &asked, &assertion("packed.ES256"), false);
    assert!(matches!(none, Finding::Wrong(Unacceptable::OtherCredential)));
}
