//! What a holder of the key could sign, and no key would: put together here, part by part. That the parts are put
//! together rightly, the other vectors show.

use super::*;
use p256::ecdsa::signature::Signer;

const HOST: &str = "web1.acme.example";

fn relying_party() -> RelyingParty {
    RelyingParty::of_site(HOST).unwrap()
}

fn asked(purpose: Purpose) -> Challenge {
    Challenge::new(purpose, &relying_party(), &Secret::new(vec![3; 32])).unwrap()
}

fn kept(counter: u32) -> Credential {
    let id = CredentialId::new(vec![5; 16]).unwrap();
    Credential { id, key: es256(), relying_party: relying_party(), counter, aaguid: None, u2f: false }
}

/// Signed authenticator data with these flags, this counter and more behind.
fn said(flags: u8, counter: u32, more: &[u8]) -> Assertion {
    let data = [&relying_party().hash()[..], &[flags], &counter.to_be_bytes(), more].concat();
    signed(data, asked(Purpose::Get).client_data())
}

fn signed(authenticator_data: Vec<u8>, client_data: Vec<u8>) -> Assertion {
    let hash = <sha2::Sha256 as sha2::Digest>::digest(&client_data);
    let message = [authenticator_data.as_slice(), &hash].concat();
    let signature: p256::ecdsa::DerSignature = SigningKey::from_slice(&[7; 32]).unwrap().sign(&message);
    Assertion { credential: Vec::new(), client_data, authenticator_data, signature: signature.as_bytes().to_vec() }
}

fn weigh(said: &Assertion) -> Result<u32, Unacceptable> {
    verdict(&kept(0), &asked(Purpose::Get), said)
}

#[test]
fn of_all_flags_only_those_of_a_touch_without_a_new_credential_pass() {
    for flags in 0..=u8::MAX {
        let extensions: &[u8] = if flags & 0x80 == 0 { &[] } else { &[0xa0] };
        let readable = flags & 0x40 == 0 && flags & 0x18 != 0x10;
        for verify_user in [false, true] {
            let verdict = weighed(&kept(0), &asked(Purpose::Get), &said(flags, 0, extensions), verify_user);
            let wanted = match (readable, flags & 1 != 0, flags & 4 != 0 || !verify_user) {
                (false, ..) => Err(Unacceptable::AuthenticatorData),
                (true, false, _) => Err(Unacceptable::NotTouched),
                (true, true, false) => Err(Unacceptable::NotVerified),
                (true, true, true) => Ok(0),
            };
            assert_eq!(verdict, wanted, "{flags:#x}, {verify_user}");
        }
    }
}

#[test]
fn extensions_are_read_where_they_are_announced_and_nowhere_else() {
    // {"credProtect": 2, "hmac-secret": true}
    let some = [&[0xa2][..], b"\x6bcredProtect\x02", b"\x6bhmac-secret\xf5"].concat();
    assert_eq!(weigh(&said(0x81, 0, &some)), Ok(0));
    for (flags, more) in [(0x81, &b""[..]), (0x01, &some), (0x81, b"\x01"), (0x81, b"\xa0\x00"), (0x81, b"\xbf\xff")] {
        assert_eq!(weigh(&said(flags, 0, more)), Err(Unacceptable::AuthenticatorData), "{more:?}");
    }
}

#[test]
fn a_counter_grows_or_the_key_does_not_count_at_all() {
    let weigh = |before: u32, now: u32| {
        let kept = kept(before);
        match verify(std::iter::once((KEY, &kept)), &asked(Purpose::Get), &said(1, now, &[]), false) {
            Finding::Right(matched) => {
                let uses = matched.uses_up();
                assert!(
                    matches!(uses, crate::account::Write::UseKey { factor: KEY, counter } if counter == now),
                    "{uses:?}"
                );
                true
            }
            Finding::CounterBack(KEY) => false,
            other => panic!("{other:?}"),
        }
    };
    for (before, now) in [(0, 0), (0, 1), (0, u32::MAX), (1, 2), (7, 9), (u32::MAX - 1, u32::MAX)] {
        assert!(weigh(before, now), "{before} and {now}");
    }
    for (before, now) in [(1, 0), (1, 1), (7, 6), (u32::MAX, u32::MAX), (u32::MAX, 0)] {
        assert!(!weigh(before, now), "{before} and {now}");
    }
}

#[test]
fn whoever_cannot_sign_learns_nothing_of_the_counter() {
    let mut forged = said(1, 0, &[]);
    forged.signature = said(1, 9, &[]).signature;
    assert_eq!(verdict(&kept(7), &asked(Purpose::Get), &forged), Err(Unacceptable::Signature));
}

#[test]
fn client_data_may_hold_more_and_in_any_order_but_nothing_twice() {
    let data = |text: String| weigh(&signed(said(1, 0, &[]).authenticator_data, text.into_bytes()));
    let challenge = data_encoding::BASE64URL_NOPAD.encode(&[3; 32]);
    let with =
        |more: &str| format!(r#"{{"origin":"mfa://{HOST}", "challenge":"{challenge}" ,{more}"type":"webauthn.get"}}"#);
    assert_eq!(data(with("")), Ok(0));
    assert_eq!(data(with(r#""tokenBinding":{"status":"supported"},"crossOrigin":false,"#)), Ok(0));
    for (more, why) in [
        (r#""crossOrigin":true,"#, Unacceptable::OtherOrigin),
        (r#""topOrigin":"https://example.com","#, Unacceptable::OtherOrigin),
        (r#""crossOrigin":"no","#, Unacceptable::ClientData),
        (r#""type":"webauthn.get","#, Unacceptable::ClientData),
        (r#""origin":"https://evil.example","#, Unacceptable::ClientData),
    ] {
        assert_eq!(data(with(more)), Err(why), "{more}");
    }
    for (from, to, why) in [
        ("webauthn.get", "webauthn.create", Unacceptable::OtherPurpose),
        ("webauthn.get", "payment.get", Unacceptable::OtherPurpose),
        ("mfa://", "https://", Unacceptable::OtherOrigin),
        (HOST, "web1.acme.example.", Unacceptable::OtherOrigin),
        (HOST, "WEB1.acme.example", Unacceptable::OtherOrigin),
        ("AwMD", "AwMDAw==", Unacceptable::ClientData),
        ("AwMDAw", "AwMD", Unacceptable::ClientData),
        ("\"type\"", "\"Type\"", Unacceptable::ClientData),
        ("{", "\u{feff}{", Unacceptable::ClientData),
        ("{", "[{", Unacceptable::ClientData),
    ] {
        assert_eq!(data(with("").replacen(from, to, 1)), Err(why), "{to}");
    }
    assert_eq!(data(format!("{} ", with(""))), Ok(0), "blanks are JSON's");
    assert_eq!(data(with(&" ".repeat(5000))), Err(Unacceptable::ClientData));
    assert_eq!(data(String::new()), Err(Unacceptable::ClientData));
}

#[test]
fn a_signature_over_p256_has_one_spelling_but_for_its_two_halves() {
    let right = said(1, 0, &[]);
    let signature = p256::ecdsa::Signature::from_der(&right.signature).unwrap();
    let (r, s) = signature.split_scalars();
    let other = p256::ecdsa::Signature::from_scalars(*r, -*s).unwrap();
    let with = |signature: Vec<u8>| weigh(&Assertion { signature, ..right.clone() });
    assert_eq!(with(other.to_der().as_bytes().to_vec()), Ok(0), "n − s: keys do not choose");
    let longer = |at: usize| {
        // One idle zero before the number at this place.
        let mut der = right.signature.clone();
        der[1] += 1;
        der[at] += 1;
        der.insert(at + 1, 0);
        der
    };
    for bad in [
        signature.to_bytes().to_vec(),
        longer(3),
        [right.signature.as_slice(), &[0]].concat(),
        [&[0x30, 0x81][..], &right.signature[1..]].concat(),
        Vec::new(),
    ] {
        assert_eq!(with(bad), Err(Unacceptable::Signature));
    }
}

/// A new credential's authenticator data.
fn new(aaguid: [u8; 16], id: &[u8], key: &[u8]) -> Vec<u8> {
    let length = u16::try_from(id.len()).unwrap().to_be_bytes();
    [&relying_party().hash()[..], &[0x41], &[0; 4], &aaguid, &length, id, key].concat()
}

fn made(authenticator_data: Vec<u8>) -> Attested {
    let client_data = asked(Purpose::Create).client_data();
    Attested { client_data, authenticator_data, format: "none".into(), statement: vec![0xa0], u2f: false }
}

fn registered(said: &Attested) -> Result<Credential, Unacceptable> {
    register(&asked(Purpose::Create), said, &any_key(&Makers::nobody()))
}

#[test]
fn a_new_credential_fits_to_the_last_byte() {
    let right = made(new([9; 16], &[1; 64], &es256().to_cose()));
    let credential = registered(&right).unwrap();
    assert_eq!((credential.id.as_bytes(), credential.aaguid, credential.u2f), (&[1; 64][..], None, false));
    assert!(registered(&Attested { u2f: true, ..right.clone() }).unwrap().u2f);
    let longest = made(new([0; 16], &[1; 1023], &eddsa().to_cose()));
    assert_eq!(registered(&longest).unwrap().id.as_bytes().len(), 1023);
    for bad in [
        new([0; 16], &[1; 1024], &es256().to_cose()),
        new([0; 16], &[], &es256().to_cose()),
        new([0; 16], &[1], &[es256().to_cose().as_slice(), &[0]].concat()),
        new([0; 16], &[1], &[]),
        new([0; 16], &[1], &[0xa0]),
    ] {
        assert_eq!(registered(&made(bad)), Err(Unacceptable::AuthenticatorData));
    }
}

#[test]
fn a_format_that_is_not_known_or_does_not_fit_its_statement_is_refused() {
    let right = made(new([9; 16], &[1; 64], &es256().to_cose()));
    for (format, statement) in [
        ("none", &[0xa1, 0x61, 0x61, 0x00][..]),
        ("none", &[]),
        ("none", &[0xa0, 0x00]),
        ("None", &[0xa0]),
        ("", &[0xa0]),
        ("tpm", &[0xa0]),
        ("packed", &[0xa0]),
        ("fido-u2f", &[0xa0]),
    ] {
        let said = Attested { format: format.into(), statement: statement.to_vec(), ..right.clone() };
        assert_eq!(registered(&said), Err(Unacceptable::Attestation), "{format}");
    }
}

#[test]
fn a_key_vouches_for_itself_with_its_own_algorithm() {
    let data = new([9; 16], &[1; 64], &es256().to_cose());
    let signature = signed(data.clone(), asked(Purpose::Create).client_data()).signature;
    let with = |algorithm: u8| {
        let statement = real_keys::statement(Some(algorithm), &signature, &[]);
        registered(&Attested { format: "packed".into(), statement, ..made(data.clone()) })
    };
    assert_eq!(with(0x26).unwrap().aaguid, Some([9; 16]));
    assert_eq!(with(0x27), Err(Unacceptable::AttestationSignature));
}
