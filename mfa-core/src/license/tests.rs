//! Licenses: real ones, with what ssh-keygen signed; and what a signed text may say.

use super::*;
use crate::seats::Room;
use proptest::prelude::*;

const FILE: &[u8] = include_bytes!("../../tests/vectors/license.toml");
const SIGNATURE: &[u8] = include_bytes!("../../tests/vectors/ed25519.sig");
const NOON: i64 = 12 * 3600;

fn issuers() -> AllowedSigners {
    AllowedSigners::parse(include_bytes!("../../tests/vectors/issuers")).unwrap()
}

fn noon(year: i16, month: i8, day: i8) -> Time {
    midnight(Date::constant(year, month, day)).plus(NOON)
}

fn license() -> License {
    License::read(FILE, SIGNATURE, &issuers(), noon(2026, 12, 1)).unwrap()
}

/// What comes of a text that is signed.
fn signed(text: &str) -> Result<License, LicenseError> {
    read::content(text, license().signer)
}

const TEXT: &str = "format = 1\nid = \"A-1\"\ncustomer = \"ACME\"\nseats = 3\nissued = 2026-11-22\nends = 2027-11-30\n";

#[test]
fn a_license_says_what_its_issuer_signed() {
    let license = license();
    assert_eq!((license.id.as_str(), license.customer.as_str()), ("ACME-2026-0001", "ACME Ltd · Zürich"));
    assert_eq!((license.seats, license.grace_days), (500, 30));
    assert_eq!((license.issued, license.ends), (Date::constant(2026, 11, 22), Date::constant(2027, 11, 30)));
    assert_eq!(license.signer.principals.to_string(), "vendor@example.com");
    assert_eq!(signed(TEXT).unwrap().grace_days, 0);
}

#[test]
fn a_license_that_was_edited_is_worth_nothing() {
    let mut file = FILE.to_vec();
    for at in 0..file.len() {
        file[at] ^= 1;
        let installed = Installed::read(Some(&file), Some(SIGNATURE), &issuers(), noon(2026, 12, 1));
        assert!(matches!(installed, Installed::NotValid(LicenseError::Signature(_))));
        assert_eq!(installed.seats(7, noon(2026, 12, 1)), Seats { total: FREE_SEATS, used: 7, open: true });
        file[at] ^= 1;
    }
    let crlf = String::from_utf8(file).unwrap().replace('\n', "\r\n");
    let refused = License::read(crlf.as_bytes(), SIGNATURE, &issuers(), noon(2026, 12, 1)).unwrap_err();
    assert!(refused.to_string().contains("byte for byte"), "{refused}");
}

#[test]
fn a_license_needs_a_signature_by_an_issuer_and_for_a_license() {
    let now = noon(2026, 12, 1);
    assert_eq!(Installed::read(None, Some(SIGNATURE), &issuers(), now), Installed::None);
    let told = |signature: Option<&[u8]>, issuers| {
        let installed = Installed::read(Some(FILE), signature, &issuers, now);
        assert_eq!(installed.state(0, now), State::NotValid);
        installed.sentence(now)
    };
    assert!(told(None, issuers()).contains("no signature"));
    assert!(told(Some(b"not one"), issuers()).contains("not a signature"));
    assert!(told(Some(SIGNATURE), AllowedSigners::default()).contains("in no license-issuers file"));
    let for_files = include_bytes!("../../tests/vectors/ed25519-file.sig");
    assert!(told(Some(for_files), issuers()).contains("made for `file`, not for a license"));
    let ended = AllowedSigners::parse(
        format!("vendor valid-before=\"20261130Z\" {}", include_str!("../../tests/vectors/ed25519.pub")).as_bytes(),
    );
    assert!(told(Some(SIGNATURE), ended.unwrap()).contains("no longer sign"));
    let long = vec![b'#'; 64 * 1024 + 1];
    assert_eq!(License::read(&long, SIGNATURE, &issuers(), now), Err(LicenseError::TooLong));
}

#[test]
fn a_license_goes_from_valid_over_grace_to_its_end() {
    let license = license();
    for (now, standing) in [
        (noon(2026, 11, 20), Standing::NotYet),
        (noon(2026, 11, 22), Standing::Valid { days_left: 374 }),
        (noon(2027, 10, 31), Standing::Valid { days_left: 31 }),
        (noon(2027, 11, 1), Standing::EndsSoon { days_left: 30 }),
        (noon(2027, 11, 30), Standing::EndsSoon { days_left: 1 }),
        (noon(2027, 12, 1), Standing::InGrace { days_left: 30 }),
        (noon(2027, 12, 30), Standing::InGrace { days_left: 1 }),
        (noon(2027, 12, 31), Standing::Ended),
    ] {
        assert_eq!(license.standing(now), standing, "{now:?}");
    }
    assert_eq!(license.standing(license.end()), Standing::InGrace { days_left: 30 });
    let without_grace = signed(TEXT).unwrap();
    assert_eq!(without_grace.standing(without_grace.end().plus(-1)), Standing::EndsSoon { days_left: 1 });
    assert_eq!(without_grace.standing(without_grace.end()), Standing::Ended);
}

#[test]
fn a_day_is_a_day_wherever_on_earth_it_is_read() {
    let license = license();
    let day = |year, month, day| midnight(Date::constant(year, month, day));
    // Auckland in summer, 22 November, just after midnight; Honolulu, 30 November, just before it.
    assert_ne!(license.standing(day(2026, 11, 22).plus(-13 * 3600)), Standing::NotYet);
    assert_eq!(license.standing(day(2027, 12, 1).plus(10 * 3600 - 1)), Standing::EndsSoon { days_left: 1 });
}

#[test]
fn the_state_is_the_word_that_matters_most() {
    let installed = Installed::License(license());
    for (used, now, word) in [
        (0, noon(2026, 11, 1), "not valid"),
        (499, noon(2026, 12, 1), "valid"),
        (499, noon(2027, 11, 15), "ends soon"),
        (499, noon(2027, 12, 15), "in grace"),
        (500, noon(2026, 12, 1), "full"),
        (500, noon(2027, 12, 15), "full"),
        (501, noon(2026, 12, 1), "over"),
        (0, noon(2028, 1, 1), "ended"),
        (501, noon(2028, 1, 1), "ended"),
    ] {
        assert_eq!(installed.state(used, now).as_str(), word, "{used} at {now:?}");
    }
    let word = |used| Installed::None.state(used, Time(0)).as_str();
    assert_eq!((word(24), word(25), word(26)), ("none", "full", "over"));
}

#[test]
fn an_ended_license_takes_nobody_new_and_still_counts() {
    let seats = Installed::License(license()).seats(7, noon(2028, 1, 1));
    assert_eq!(seats, Seats { total: 500, used: 7, open: false });
    assert_eq!(seats.free(), 0);
    let newcomer = crate::seats::Claimant { required: true, ever_enrolled: false, privileged: false };
    assert_eq!(crate::seats::room(seats, newcomer), Room::None);
    let early = Installed::License(license()).seats(7, noon(2026, 11, 1));
    assert_eq!(early, Seats { total: FREE_SEATS, used: 7, open: true });
}

#[test]
fn what_is_told_says_what_to_do() {
    let installed = Installed::License(license());
    let told = |now| installed.sentence(now);
    assert_eq!(told(noon(2026, 12, 1)), "License ACME-2026-0001 for ACME Ltd · Zürich, 500 seats, until 2027-11-30.");
    assert!(told(noon(2026, 11, 1)).ends_with("begins on 2026-11-22, which is still to come: is the clock right?"));
    assert!(told(noon(2027, 11, 30)).ends_with("in 1 day. Renew it: mfactl license request."));
    assert!(told(noon(2027, 12, 15)).contains("It goes on for 16 days."));
    assert!(told(noon(2028, 1, 1)).contains("Who is enrolled is asked as before."));
    assert_eq!(Installed::None.sentence(Time(0)), "No license: 25 seats.");
    let unreadable = Installed::NotValid(LicenseError::Unreadable("permission denied".to_owned()));
    assert_eq!(
        unreadable.sentence(Time(0)),
        "No valid license: 25 seats. The license cannot be read: permission denied."
    );
}

#[test]
fn a_signed_text_that_is_no_license_is_shown_with_the_place() {
    for (from, to, line, why) in [
        ("seats = 3", "seats = 0", 4, "from 1 to 100000000"),
        ("seats = 3", "seats = -3", 4, "from 1 to 100000000"),
        ("seats = 3", "seats = 100000001", 4, "from 1 to 100000000"),
        ("seats = 3", "seats = 9223372036854775808", 4, ""),
        ("seats = 3", "seats = 3.5", 4, "expected i64"),
        ("seats = 3", "seats = \"3\"", 4, "expected i64"),
        ("seats = 3", "seat = 3", 4, "seat"),
        ("seats = 3", "seats = 3\nsite = \"x\"", 5, "unknown field"),
        ("seats = 3", "seats = 3\nseats = 4", 5, "duplicate"),
        ("seats = 3", "seats = 3\ngrace = -1", 5, "from 0 to 366"),
        ("seats = 3", "seats = 3\ngrace = 367", 5, "from 0 to 366"),
        ("seats = 3", "seats = 3\ngrace = \"14d\"", 5, "expected i64"),
        ("\"A-1\"", "\"\"", 2, "one line of 1 to 80"),
        ("\"A-1\"", "\"a\\u001b[2J\"", 2, "one line of 1 to 80"),
        ("\"ACME\"", "\"a\\nb\"", 3, "one line of 1 to 80"),
        ("\"ACME\"", "\"\\u202Ex\"", 3, "one line of 1 to 80"),
        ("2026-11-22", "2026-02-30", 5, ""),
        ("2026-11-22", "2026-11-22T00:00:00Z", 5, "a day"),
        ("2026-11-22", "10:00:00", 5, "a day"),
        ("2026-11-22", "\"2026-11-22\"", 5, ""),
        ("2027-11-30", "2026-11-21", 6, "ends before it begins"),
        ("format = 1", "format = 0", 1, "no such format"),
        ("format = 1", "format = \"1\"", 1, "expected i64"),
        ("ends = 2027-11-30\n", "", 1, "missing field `ends`"),
        ("format = 1\n", "", 1, "missing field `format`"),
        ("ends", "ends ends", 6, ""),
    ] {
        let text = TEXT.replacen(from, to, 1);
        let refused = signed(&text).unwrap_err();
        let LicenseError::Content(diagnostic) = &refused else { panic!("{text}: {refused:?}") };
        assert_eq!(diagnostic.line, line, "{refused}");
        assert!(diagnostic.message.contains(why), "{refused}");
        assert!(!refused.to_string().replace('\n', "").contains(char::is_control));
    }
}

#[test]
fn a_license_of_a_later_format_asks_for_an_upgrade() {
    let later = TEXT.replace("format = 1", "format = 2\nsites = [\"a\"]");
    assert_eq!(signed(&later), Err(LicenseError::Later(2)));
    assert!(LicenseError::Later(2).to_string().contains("upgrade"));
}

proptest! {
    #[test]
    fn time_leads_one_way_only(now in -1_000_000_i64..4_000_000_000, later in 0_i64..1_000_000_000) {
        let rank = |now| match license().standing(now) {
            Standing::NotYet => 0,
            Standing::Valid { .. } => 1,
            Standing::EndsSoon { .. } => 2,
            Standing::InGrace { .. } => 3,
            Standing::Ended => 4,
            other => panic!("{other:?}"),
        };
        prop_assert!(rank(Time(now)) <= rank(Time(now).plus(later)));
    }

    #[test]
    fn days_that_are_left_are_at_least_one(now in any::<i64>()) {
        match license().standing(Time(now)) {
            Standing::Valid { days_left } => prop_assert!(days_left > SOON_DAYS),
            Standing::EndsSoon { days_left } => prop_assert!((1..=SOON_DAYS).contains(&days_left)),
            Standing::InGrace { days_left } => prop_assert!((1..=30).contains(&days_left)),
            _ => {}
        }
    }

    #[test]
    fn no_signed_text_makes_it_panic(text in "\\PC{0,120}", value in "[-0-9T:.Z\"a-z]{0,24}") {
        let _ = signed(&text);
        for key in ["format", "seats", "issued", "ends", "id"] {
            let lines = TEXT.lines().map(|line| match line.split_once(" = ") {
                Some((name, _)) if name == key => format!("{key} = {value}\n"),
                _ => format!("{line}\n"),
            });
            let _ = signed(&lines.collect::<String>());
        }
    }
}
