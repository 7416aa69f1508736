//! Examples are from RFC 8949, appendix A, as far as keys write such things.

use super::*;
use data_encoding::HEXLOWER;
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn reads(text: &str) -> bool {
    let bytes = hex(text);
    let mut rest = bytes.as_slice();
    value(&mut rest).is_some() && rest.is_empty()
}

#[test]
fn the_examples_of_the_specification_are_read() {
    for (text, wanted) in [
        ("00", 0),
        ("17", 23),
        ("1818", 24),
        ("1903e8", 1000),
        ("1a000f4240", 1_000_000),
        ("1b000000e8d4a51000", 1_000_000_000_000),
        ("20", -1),
        ("3863", -100),
        ("3903e7", -1000),
    ] {
        assert_eq!(value(&mut hex(text).as_slice()).unwrap().as_number(), Some(wanted), "{text}");
    }
    assert_eq!(value(&mut hex("4401020304").as_slice()), Some(Value::Bytes(&[1, 2, 3, 4])));
    assert_eq!(value(&mut hex("6449455446").as_slice()), Some(Value::Text("IETF")));
    assert_eq!(value(&mut hex("f5").as_slice()), Some(Value::Bool(true)));
    assert_eq!(value(&mut hex("f6").as_slice()), Some(Value::Null));
    let bytes = hex("a201020304");
    let map = whole_map(&bytes).unwrap();
    assert_eq!((map.len(), map.number(1).and_then(Value::as_number)), (2, Some(2)));
    assert_eq!((map.number(3).and_then(Value::as_number), map.number(2)), (Some(4), None));
    let bytes = hex("a26161016162820203");
    let map = whole_map(&bytes).unwrap();
    assert_eq!(map.word("b").and_then(Value::as_array).map(<[_]>::len), Some(2));
}

#[test]
fn a_number_beyond_what_fits_is_none() {
    for text in ["1bffffffffffffffff", "3bffffffffffffffff"] {
        assert_eq!(value(&mut hex(text).as_slice()).unwrap().as_number(), None);
    }
}

#[test]
fn one_value_has_one_spelling() {
    for text in [
        "1817",
        "190017",
        "1900ff",
        "1a0000ffff",
        "1b00000000ffffffff",
        "3817", // not the shortest
        "5801ff",
        "7801ff", // nor these
        "5f42010243030405ff",
        "7f657374726561646d696e67ff",
        "9f01ff",
        "bf01ffff", // without a length
        "a203040102",
        "a201020104", // keys out of order, a key twice
        "c074",
        "c11a514b67b0", // tags
        "f90000",
        "fa47c35000",
        "fb3ff199999999999a",
        "f7",
        "f0",
        "f818",
        "f820",   // floats and what else there is
        "62ff00", // not UTF-8
        "1c",
        "1f",
        "ff",
        "",
    ] {
        assert!(!reads(text), "{text}");
    }
}

#[test]
fn keys_are_in_the_order_of_their_kinds_lengths_and_bytes() {
    assert!(reads("a50a00186400200061620062616100"), "10, 100, -1, b, aa");
    for text in ["a2200001 00", "a262616100616200", "a2616200616100", "a2186400 0a00"] {
        assert!(!reads(&text.replace(' ', "")), "{text}");
    }
}

#[test]
fn what_is_cut_off_too_deep_or_too_long_is_none() {
    for text in ["18", "42ff", "81", "a1", "a101", "9affffffff", "baffffffff", "5affffffff00"] {
        assert!(!reads(text), "{text}");
    }
    assert!(reads("8181818100"));
    assert!(!reads("818181818100"));
    assert_eq!(whole_map(&hex("a000")), None, "a byte too many");
    assert_eq!(whole_map(&hex("80")), None, "no map");
}

proptest! {
    #[test]
    fn any_bytes_are_a_value_or_none_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut rest = bytes.as_slice();
        if value(&mut rest).is_some() {
            prop_assert!(rest.len() < bytes.len());
        }
    }

    #[test]
    fn long_rows_of_nested_heads_end_at_once(head in prop::sample::select(vec![0x81u8, 0xa1, 0x9b, 0xbb, 0x5b])) {
        let bytes = vec![head; 100_000];
        prop_assert_eq!(value(&mut bytes.as_slice()), None);
    }
}
