//! Files of allowed signers. What ssh-keygen makes of the same lines is compared in `tests/ssh_keygen.rs`.

use super::*;
use proptest::prelude::*;

fn key() -> &'static str {
    vector!("ed25519.pub").trim_end()
}

/// What comes of the signature by [`key`] if this is the file.
fn with(file: &str, now: Time) -> Result<Signer, SignatureError> {
    let signers = AllowedSigners::parse(file.as_bytes()).unwrap_or_else(|why| panic!("{file:?}: {why}"));
    verify(MESSAGE, vector!("ed25519.sig").as_bytes(), NAMESPACE, &signers, now)
}

fn refused(file: &str) -> String {
    AllowedSigners::parse(file.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_key_that_is_not_listed_may_not_sign() {
    let fingerprint = key().parse::<PublicKey>().unwrap().fingerprint();
    for file in ["", "\n\n", "# nobody\r\n", &format!("vendor {}", vector!("ecdsa.pub"))] {
        assert_eq!(with(file, NOW), Err(SignatureError::UnknownSigner(fingerprint)));
    }
    assert!(AllowedSigners::parse(b"# nobody").unwrap().is_empty());
    let both = AllowedSigners::default().and(AllowedSigners::parse(format!("vendor {}", key()).as_bytes()).unwrap());
    assert!(verify(MESSAGE, GOOD[0].1.as_bytes(), NAMESPACE, &both, NOW).is_ok());
}

#[test]
fn lines_may_be_laid_out_as_people_do() {
    for line in [
        "vendor@example.com KEY",
        "  \tvendor@example.com \t KEY  \t",
        "\"vendor@example.com\" KEY",
        "\"the vendor\",nobody KEY",
        "*@example.com,!guest@example.com namespaces=\"mfa-license\" KEY",
        "vendor NAMESPACES=\"file,mfa-*\" KEY",
        "vendor namespaces=\"mfa-license\",valid-after=\"20200101Z\",valid-before=\"20300101Z\" KEY",
        "vendor valid-before=\"20300101\",valid-after=\"202001010000\" KEY",
        "vendor namespaces=\"with \\\"quotes\\\" and blanks,mfa-license\"\tKEY",
        "# before\n\nvendor KEY\r\n# after",
    ] {
        let line = line.replace("KEY", key());
        let fits = line.starts_with("\"the vendor\",");
        assert_eq!(AllowedSigners::parse(line.as_bytes()).is_ok(), !fits, "{line}");
        if !fits {
            assert!(with(&line, NOW).is_ok(), "{line}");
        }
    }
    assert_eq!(with(&format!("\"the vendor\" {}", key()), NOW).unwrap().principals.to_string(), "the vendor");
}

#[test]
fn a_key_signs_only_for_its_namespaces() {
    let fingerprint = key().parse::<PublicKey>().unwrap().fingerprint();
    for namespaces in ["file", "mfa", "mfa-licenses", "!mfa-license,*", "*,!mfa-*", "MFA-LICENSE", " mfa-license"] {
        let line = format!("vendor namespaces=\"{namespaces}\" {}", key());
        assert_eq!(with(&line, NOW), Err(SignatureError::NotForThis(fingerprint)), "{namespaces}");
    }
}

#[test]
fn a_key_signs_only_in_its_time() {
    let fingerprint = key().parse::<PublicKey>().unwrap().fingerprint();
    let line = format!("vendor valid-after=\"20261201Z\",valid-before=\"20261202Z\" {}", key());
    let (begin, end) = (Time(1_796_083_200), Time(1_796_169_600));
    assert_eq!(with(&line, begin.plus(-1)), Err(SignatureError::NotYet(fingerprint)));
    assert!(with(&line, begin).is_ok() && with(&line, end.plus(-1)).is_ok());
    assert_eq!(with(&line, end), Err(SignatureError::NoLonger(fingerprint)));
    // Without a Z nobody knows whose time it is: the hours that are in doubt do not count.
    let line = format!("vendor valid-after=\"20261201\",valid-before=\"20261203\" {}", key());
    assert_eq!(with(&line, begin.plus(13 * 3600)), Err(SignatureError::NotYet(fingerprint)));
    assert!(with(&line, begin.plus(14 * 3600)).is_ok());
    assert_eq!(with(&line, end.plus(10 * 3600)), Err(SignatureError::NoLonger(fingerprint)));
}

#[test]
fn one_line_that_permits_is_enough() {
    let key = key();
    let file = format!("old valid-before=\"20200101Z\" {key}\nother namespaces=\"file\" {key}\nnew {key}\n");
    assert_eq!(with(&file, NOW).unwrap().principals.to_string(), "new");
}

#[test]
fn a_line_that_is_not_understood_spoils_the_file_and_is_named() {
    let key = key();
    let spoiled = |line: &str| refused(&format!("# first\nvendor {key}\n{}\n", line.replace("KEY", key)));
    for (line, why) in [
        ("vendor cert-authority KEY", "Certificate authorities"),
        ("vendor CERT-AUTHORITY,namespaces=\"mfa-license\" KEY", "Certificate authorities"),
        ("vendor namespaces=\"mfa-license\",cert-authority KEY", "Certificate authorities"),
        ("vendor no-touch-required KEY", "`no-touch-required` is not understood"),
        ("vendor \u{202e}evil=\"1\" KEY", "is not understood"),
        ("vendor namespaces=mfa-license KEY", "not understood"),
        ("vendor namespaces=\"mfa-license KEY", "not understood"),
        ("vendor namespaces=\"mfa-license\", KEY", "not understood"),
        ("vendor namespaces=\"mfa-license\"x KEY", "not understood"),
        ("vendor namespaces=\"\" KEY", "nothing in it"),
        ("vendor namespaces=\"a,,b\" KEY", "nothing between"),
        ("vendor namespaces=\"a\",namespaces=\"b\" KEY", "said twice"),
        ("vendor valid-after=\"tomorrow\" KEY", "is not a time"),
        ("vendor valid-after=\"20260230Z\" KEY", "is not a time"),
        ("vendor valid-after=\"20270101Z\",valid-before=\"20260101Z\" KEY", "not after"),
        ("vendor valid-after=\"20270101Z\",valid-before=\"20270101Z\" KEY", "not after"),
        ("vendor, KEY", "nothing between"),
        ("! KEY", "nothing"),
        ("\"vendor KEY", "not closed"),
        ("\"vendor\"KEY", "not closed"),
        ("ven\"dor KEY", "not closed"),
        ("vendor", "not a public key"),
        ("KEY", "not understood"),
        ("vendor namespaces=\"mfa-license\"", "not a public key"),
        ("vendor ssh-ed25519", "not a public key"),
        ("vendor ssh-ed25519 AAAA", "not a public key"),
        ("vendor ssh-ed25519 %%%%", "not a public key"),
        ("vendor \0KEY", "not text"),
        ("vendor KEY \x1b[2J", "not text"),
    ] {
        let told = spoiled(line);
        assert!(told.starts_with("line 3: ") && told.contains(why), "{line:?}: {told}");
        assert!(!told.contains(|c: char| c.is_control() || c == '\u{202e}'), "{told:?}");
    }
    assert!(spoiled(&format!("vendor {}", vector!("rsa.pub"))).contains("`ssh-rsa` are not taken"));
    assert!(spoiled(&format!("vendor {}", vector!("ed25519-cert.pub"))).contains("Certificates"));
    assert!(AllowedSigners::parse(b"vendor \xff").unwrap_err().to_string().contains("not text"));
    assert!(AllowedSigners::parse(&vec![b'\n'; 256 * 1024 + 1]).unwrap_err().to_string().contains("256 KiB"));
}

#[test]
fn a_file_that_was_cut_off_never_allows_more_than_the_whole() {
    let whole = format!(
        "vendor namespaces=\"file\",valid-before=\"20270101Z\" {}\nother namespaces=\"git\" {}",
        key(),
        vector!("ecdsa.pub")
    );
    for length in (0..whole.len()).filter(|length| whole.is_char_boundary(*length)) {
        if let Ok(signers) = AllowedSigners::parse(&whole.as_bytes()[..length]) {
            let verdict = verify(MESSAGE, GOOD[0].1.as_bytes(), NAMESPACE, &signers, NOW);
            assert!(verdict.is_err(), "{:?}", &whole[..length]);
        }
    }
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(file in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,80}") {
        let _ = AllowedSigners::parse(&file);
        for line in [format!("vendor {text} {}", key()), format!("{text} {}", key()), format!("vendor {text}")] {
            let _ = AllowedSigners::parse(line.as_bytes());
        }
    }

    #[test]
    fn an_option_that_is_not_known_never_counts_as_none(name in "[a-z-]{1,12}", value in "[a-z]{0,5}") {
        prop_assume!(!["namespaces", "ssh-", "sk-", "rsa-", "ecdsa-"].iter().any(|known| name.starts_with(known)));
        let line = format!("vendor {name}=\"{value}\" {}", key());
        prop_assert!(AllowedSigners::parse(line.as_bytes()).is_err());
    }
}
