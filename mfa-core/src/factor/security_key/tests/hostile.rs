//! Bytes that nobody meant well: nothing panics, and nothing is accepted.

use super::specification::{assertion, attested, challenge, registered};
use super::*;
use proptest::prelude::*;

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

/// Some bytes of a right one replaced, put in or taken out.
fn spliced(right: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = right.len();
    (0..=length, 0..20usize, bytes(20)).prop_map(move |(at, gone, new)| {
        let end = right.len().min(at + gone);
        [&right[..at], &new, &right[end..]].concat()
    })
}

/// Anything like JSON.
fn json() -> impl Strategy<Value = Vec<u8>> {
    prop::string::string_regex(r#"[{}\[\]",:a-zA-Z0-9\\ .-]{0,200}"#).unwrap().prop_map(String::into_bytes)
}

proptest! {
    #[test]
    fn any_answer_to_making_is_refused(
        client_data in prop_oneof![bytes(300), json(), spliced(attested("none.ES256").client_data)],
        authenticator_data in prop_oneof![bytes(300), spliced(attested("packed.ES256").authenticator_data)],
        format in prop_oneof!["none", "packed", "fido-u2f", "tpm", ".{0,10}"],
        statement in prop_oneof![bytes(300), spliced(attested("packed.ES256").statement)],
        u2f in any::<bool>(),
    ) {
        let said = Attested { client_data, authenticator_data: authenticator_data.clone(), format, statement, u2f };
        let asked = challenge("packed.EdDSA", Purpose::Create);
        prop_assert!(register(&asked, &said, &any_key(&Makers::nobody())).is_err());
        // With client data that fit, so that all else is reached.
        let said = Attested { client_data: attested("packed.EdDSA").client_data, ..said };
        if let Ok(credential) = register(&asked, &said, &any_key(&Makers::nobody())) {
            prop_assert_eq!(said.format.as_str(), "none");
            prop_assert_eq!(credential.aaguid, None);
        }
    }

    #[test]
    fn any_answer_to_a_login_is_refused(
        credential in bytes(40),
        client_data in prop_oneof![json(), Just(assertion("none.ES256").client_data)],
        authenticator_data in prop_oneof![bytes(80), spliced(assertion("none.ES256").authenticator_data)],
        signature in prop_oneof![bytes(80), spliced(assertion("none.ES256").signature)],
    ) {
        let kept = registered("none.ES256", &any_key(&Makers::nobody())).unwrap();
        let right = assertion("none.ES256");
        let said = Assertion { credential, client_data, authenticator_data, signature };
        let is_right = said.authenticator_data == right.authenticator_data && said.signature == right.signature;
        prop_assume!(!is_right);
        prop_assert!(verdict(&kept, &challenge("none.ES256", Purpose::Get), &said).is_err());
    }

    #[test]
    fn bytes_are_a_key_a_certificate_or_none(bytes in bytes(400)) {
        if let Some(key) = CoseKey::from_cose(&bytes) {
            prop_assert_eq!(key.to_cose(), bytes.clone());
        }
        prop_assert!(certificate::Certificate::parse(&bytes).is_none());
        prop_assert!(Makers::new(std::slice::from_ref(&bytes)).is_err());
        let makers = specification::makers();
        prop_assert!(!makers.vouch(&[bytes], Time(1_795_392_000)));
    }

    #[test]
    fn a_certificate_with_other_bytes_in_it_never_panics(
        der in spliced(real_keys::certificate_in(&attested("packed.ES256").statement)),
    ) {
        let original = real_keys::certificate_in(&attested("packed.ES256").statement);
        prop_assume!(der != original);
        let _ = certificate::Certificate::parse(&der);
        prop_assert!(!specification::makers().vouch(&[der], Time(1_795_392_000)));
    }
}
