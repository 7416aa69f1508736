//! Codes of apps: the vectors of RFC 6238, which step a code belongs to, and that a step is used once.

use super::*;
use crate::account::Write;
use proptest::prelude::*;
use std::cell::Cell;

thread_local! {
    /// How often a code was computed and compared.
    pub(super) static COMPARED: Cell<usize> = const { Cell::new(0) };
}

const RFC_4226: &[u8] = b"12345678901234567890";

fn secret(bytes: &[u8]) -> Secret {
    Secret::new(bytes.to_vec())
}

fn app(used: i64) -> Totp {
    Totp { secret: secret(RFC_4226), parameters: Parameters::default(), used: Step(used), replays: 0 }
}

#[test]
fn rfc_4226_appendix_d_counters_0_to_9() {
    let codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
    for (counter, code) in (0i64..).zip(codes) {
        let found = matching_step(&secret(RFC_4226), Parameters::default(), code, Time(counter * 30));
        assert_eq!(found, Some(Step(counter)), "{code}");
    }
}

#[test]
fn rfc_6238_appendix_b_for_all_three_hashes() {
    let secret_256: Vec<u8> = RFC_4226.iter().copied().cycle().take(32).collect();
    let secret_512: Vec<u8> = RFC_4226.iter().copied().cycle().take(64).collect();
    let rows = [
        (59, "94287082", "46119246", "90693936"),
        (1_111_111_109, "07081804", "68084774", "25091201"),
        (1_111_111_111, "14050471", "67062674", "99943326"),
        (1_234_567_890, "89005924", "91819424", "93441116"),
        (2_000_000_000, "69279037", "90698825", "38618901"),
        (20_000_000_000, "65353130", "77737706", "47863826"),
    ];
    for (time, sha1, sha256, sha512) in rows {
        for (algorithm, key, code) in [
            (Algorithm::Sha1, RFC_4226, sha1),
            (Algorithm::Sha256, secret_256.as_slice(), sha256),
            (Algorithm::Sha512, secret_512.as_slice(), sha512),
        ] {
            let parameters = Parameters { algorithm, digits: 8, period: 30 };
            let found = matching_step(&secret(key), parameters, code, Time(time));
            assert_eq!(found, Some(Step(time / 30)), "{algorithm:?} at {time}");
        }
    }
}

#[test]
fn a_step_early_and_a_step_late_are_taken_and_two_are_not() {
    let code = "969429"; // of step 3
    let found: Vec<_> =
        (1..=5).map(|step| matching_step(&secret(RFC_4226), Parameters::default(), code, Time(step * 30))).collect();
    assert_eq!(found, [None, Some(Step(3)), Some(Step(3)), Some(Step(3)), None]);
}

fn found_among(apps: &[(i64, Totp)], code: &str) -> Option<(i64, Option<i64>)> {
    let apps = apps.iter().map(|(id, app)| (FactorId(*id), app));
    match find(apps, code, Time(3 * 30)) {
        Finding::Fresh(found) => match found.uses_up() {
            Write::UseStep { factor, step } => Some((factor.0, Some(step.0))),
            other => panic!("{other:?}"),
        },
        Finding::Used(factor) => Some((factor.0, None)),
        Finding::Wrong => None,
    }
}

#[test]
fn a_used_step_and_all_before_it_are_used() {
    assert_eq!(found_among(&[(1, app(2))], "969429"), Some((1, Some(3))));
    assert_eq!(found_among(&[(1, app(3))], "969429"), Some((1, None)));
    assert_eq!(found_among(&[(1, app(3))], "359152"), Some((1, None)));
    assert_eq!(found_among(&[(1, app(3))], "338314"), Some((1, Some(4))));
    assert_eq!(found_among(&[(1, app(3))], "000000"), None);
}

#[test]
fn a_fresh_code_of_one_app_outweighs_a_used_one_of_another() {
    assert_eq!(found_among(&[(1, app(3)), (2, app(2))], "969429"), Some((2, Some(3))));
}

#[test]
fn before_1970_no_code_is_right_and_nothing_panics() {
    for now in [-1, -30, i64::MIN] {
        assert_eq!(matching_step(&secret(RFC_4226), Parameters::default(), "755224", Time(now)), None);
        assert_eq!(clock_offset(&secret(RFC_4226), Parameters::default(), "755224", Time(now)), None);
    }
    assert_eq!(matching_step(&secret(RFC_4226), Parameters::default(), "755224", Time(i64::MAX)), None);
}

#[test]
fn a_wrong_clock_is_told_with_its_offset() {
    let offset = |now| clock_offset(&secret(RFC_4226), Parameters::default(), "520489", Time(now));
    assert_eq!(offset(9 * 30 + 3600), Some(-3600));
    assert_eq!(offset(9 * 30 - 180), Some(180));
    assert_eq!(offset(9 * 30 + 24 * 3600), None);
}

#[test]
fn links_leave_out_defaults_and_escape_what_is_special() {
    let key = secret(RFC_4226);
    let link = |issuer, parameters| Link { issuer, label: "alice@web1", secret: &key, parameters }.to_string();
    assert_eq!(
        link("ACME", Parameters::default()),
        "otpauth://totp/ACME:alice@web1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ACME"
    );
    let odd = Parameters { algorithm: Algorithm::Sha256, digits: 8, period: 60 };
    assert_eq!(
        link("A:B & Søn", odd),
        "otpauth://totp/A%3AB%20%26%20S%C3%B8n:alice@web1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
         &issuer=A%3AB%20%26%20S%C3%B8n&algorithm=SHA256&digits=8&period=60"
    );
}

proptest! {
    #[test]
    fn only_exactly_the_right_number_of_ascii_digits_is_ever_a_code(text in "\\PC{0,12}", now in 0i64..4_000_000_000) {
        let right = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        if !right {
            prop_assert_eq!(matching_step(&secret(RFC_4226), Parameters::default(), &text, Time(now)), None);
        }
    }

    #[test]
    fn at_most_three_of_a_million_codes_are_right(now in 0i64..4_000_000_000, guesses in prop::collection::hash_set(0u32..1_000_000, 300)) {
        let parameters = Parameters::default();
        let hits = guesses.iter().filter(|guess| matching_step(&secret(RFC_4226), parameters, &format!("{guess:06}"), Time(now)).is_some());
        prop_assert!(hits.count() <= 3);
    }
}

#[test]
fn every_step_of_every_app_is_compared_whatever_is_right_or_wrong_about_a_code() {
    let other = Totp { secret: secret(b"another-secret-of-20"), ..app(0) };
    let apps = [(FactorId(1), app(1_000_000)), (FactorId(2), other), (FactorId(3), app(0))];
    let now = Time(1_000_001 * 30);
    let code_of = |app: &Totp, step: i64| {
        Codes::new(&app.secret, app.parameters).totp.generate(u64::try_from(step * 30).unwrap()).to_string()
    };
    let right = code_of(&apps[2].1, 1_000_001);
    let with_another = |place: usize| {
        let digits = right.bytes().enumerate();
        let changed = digits.map(|(at, digit)| if at == place { (digit - b'0' + 1) % 10 + b'0' } else { digit });
        String::from_utf8(changed.collect()).unwrap()
    };
    let rights = [-1, 0, 1].map(|off| code_of(&apps[2].1, 1_000_001 + off));
    let others = [-1, 0, 1].map(|off| code_of(&apps[1].1, 1_000_001 + off));
    let odd = ["", "1", "12345678", "abcdef", "\u{661}\u{662}\u{663}"].map(str::to_owned);
    let wrong = [with_another(0), with_another(5)];
    for code in rights.iter().chain(&others).chain(&odd).chain(&wrong) {
        COMPARED.set(0);
        find(apps.iter().map(|(id, app)| (*id, app)), code, now);
        assert_eq!(COMPARED.get(), 9, "three steps of three apps: {code}");
    }
}
