//! Records survive their bytes, and what is damaged is nobody's code.

use super::*;
use proptest::prelude::*;

fn fresh(byte: u8) -> Fresh {
    Fresh::new(&[byte; FRESH])
}

fn record(byte: u8) -> Record {
    Record::new(3, 1_700_000_000, &["root".into(), "alice".into()], &fresh(byte)).unwrap()
}

fn read(bytes: &[u8]) -> Option<Record> {
    Record::from_bytes(bytes.first_chunk::<RECORD>().unwrap())
}

fn used() -> State {
    State::Used(Use { at: 1_700_000_100, user: "root".into(), service: "sshd".into(), rhost: "192.0.2.7".into() })
}

proptest! {
    #[test]
    fn a_code_is_read_as_it_was_spelled_and_however_it_is_typed(random: [u8; FRESH]) {
        let fresh = Fresh::new(&random);
        let record = Record::new(1, 0, &["root".into()], &fresh).unwrap();
        let spelled = fresh.code.spell();
        prop_assert_eq!(spelled.len(), 34);
        for typed in [spelled.to_string(), spelled.to_lowercase(), spelled.replace('-', ""), spelled.replace('-', " ")] {
            prop_assert!(record.is(&Code::read(&typed).unwrap()), "{}", typed);
        }
    }

    #[test]
    fn anything_else_that_is_typed_is_no_code_or_another_one(typed in "[2-9A-HJ-NP-Z-]{0,40}") {
        prop_assert!(Code::read(&typed).is_none_or(|code| !record(7).is(&code)));
    }

    #[test]
    fn whatever_bytes_there_are_they_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert_eq!(records(&bytes).count(), bytes.len() / RECORD);
    }

    #[test]
    fn one_changed_byte_makes_no_other_code_valid(place in 0..RECORD, flip in 1..=255u8) {
        let mut bytes = record(7).to_bytes();
        bytes[place] ^= flip;
        let changed = read(&bytes);
        prop_assert!(changed.is_none_or(|changed| !changed.is(&fresh(8).code)));
    }
}

#[test]
fn one_slip_of_a_finger_is_told_from_a_code_that_is_wrong() {
    let spelled = fresh(0x5a).code.spell();
    let mut caught = 0;
    for (place, letter) in spelled.char_indices().filter(|(_, letter)| *letter != '-') {
        let other = if letter == 'A' { "B" } else { "A" };
        let slipped = format!("{}{other}{}", &spelled[..place], &spelled[place + 1..]);
        caught += usize::from(Code::read(&slipped).is_none());
    }
    assert_eq!(caught, 28);
    for none in ["", "492817", "7KQF-2MZT-9XWA", &spelled[..33], &format!("{}2", *spelled), "ß"] {
        assert!(Code::read(none).is_none(), "{none}");
    }
}

#[test]
fn records_survive_their_bytes() {
    for state in [State::Unused, used(), State::Void(5), State::Unreadable] {
        let kept = Record { state, ..record(7) };
        assert_eq!(kept.to_bytes().len(), RECORD);
        assert_eq!(read(&kept.to_bytes()), Some(kept));
    }
}

#[test]
fn a_code_works_for_its_accounts_alone_and_only_unused() {
    let kept = record(7);
    assert!(kept.is_unused_for("root") && kept.is_unused_for("alice"));
    for other in ["bob", "Root", "", "root\nalice", "roo"] {
        assert!(!kept.is_unused_for(other), "{other}");
    }
    for state in [used(), State::Void(5), State::Unreadable] {
        assert!(!Record { state, ..record(7) }.is_unused_for("root"));
    }
    assert!(!kept.is(&fresh(8).code));
}

#[test]
fn any_byte_where_the_use_is_written_makes_a_code_used() {
    for place in USE_AT..RECORD {
        let mut bytes = record(7).to_bytes();
        bytes[place] = 1;
        assert!(!read(&bytes).unwrap().is_unused_for("root"), "{place}");
    }
}

#[test]
fn names_that_cannot_be_kept_make_no_record() {
    let new = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Record::new(1, 0, &names, &fresh(1))
    };
    let long = "x".repeat(LONGEST_NAME);
    assert!(new(&[&long, "root"]).is_some());
    for bad in [&[][..], &[""], &["a\nb"], &["a:b"], &["../x"], &[&format!("{long}x")], &[&long, &long, &long, &long]] {
        assert!(new(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn a_use_with_endless_texts_still_fits_and_stays_on_its_lines() {
    let by = Use { at: 1, user: "ü".repeat(200), service: "s\nt".repeat(99), rhost: "h".repeat(999) };
    let bytes = State::Used(by).to_bytes();
    assert_eq!(bytes.len(), RECORD - USE_AT);
    let State::Used(read) = State::from_bytes(&bytes) else { panic!("not used") };
    assert_eq!((read.user, read.service.len(), read.rhost.len()), ("ü".repeat(32), 48, 64));
}

#[test]
fn a_code_does_not_print_itself() {
    assert_eq!(format!("{:?}", fresh(1).code), "Code(…)");
}
