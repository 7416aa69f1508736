//! CBOR (RFC 8949) as security keys write it: the canonical form of CTAP 2.1, section 8, read off bytes that anybody may
//! have written.
//!
//! One value has one spelling: definite lengths, the shortest head, the keys of a map in order and each once; no tags,
//! no floats. Whatever else there is, deeper than keys go or with bytes left over, is `None`. Nothing is allocated on
//! the word of a length alone.

/// Values within values: what security keys keep to (CTAP 2.1, section 8).
const DEEPEST: usize = 4;

/// A value, and the bytes it borrows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'b> {
    /// A number from 0.
    Unsigned(u64),
    /// A number below 0: `Negative(n)` is −1 − n.
    Negative(u64),
    /// Bytes.
    Bytes(&'b [u8]),
    /// Text in UTF-8.
    Text(&'b str),
    /// Values in a row.
    Array(Vec<Value<'b>>),
    /// Values by their keys.
    Map(Map<'b>),
    /// False or true.
    Bool(bool),
    /// Nothing.
    Null,
}

/// The pairs of a map, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Map<'b>(Vec<(Value<'b>, Value<'b>)>);

/// Reads one value off the front.
pub(super) fn value<'b>(rest: &mut &'b [u8]) -> Option<Value<'b>> {
    read(rest, DEEPEST)
}

/// Reads a map off the front.
pub(super) fn map<'b>(rest: &mut &'b [u8]) -> Option<Map<'b>> {
    match value(rest)? {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

/// Reads a map that is all there is.
pub(super) fn whole_map(mut bytes: &[u8]) -> Option<Map<'_>> {
    let map = map(&mut bytes)?;
    bytes.is_empty().then_some(map)
}

impl<'b> Map<'b> {
    /// The value of a number.
    pub(super) fn number(&self, key: i64) -> Option<&Value<'b>> {
        self.find(&Value::number(key)?)
    }

    /// The value of a word.
    pub(super) fn word(&self, key: &str) -> Option<&Value<'b>> {
        self.find(&Value::Text(key))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn find(&self, key: &Value<'_>) -> Option<&Value<'b>> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }
}

impl<'b> Value<'b> {
    fn number(number: i64) -> Option<Self> {
        match u64::try_from(number) {
            Ok(number) => Some(Self::Unsigned(number)),
            Err(_) => u64::try_from(-1 - number).ok().map(Self::Negative),
        }
    }

    /// The number, if it is one that fits.
    pub(super) fn as_number(&self) -> Option<i64> {
        match self {
            Self::Unsigned(number) => i64::try_from(*number).ok(),
            Self::Negative(number) => i64::try_from(*number).ok().map(|number| -1 - number),
            _ => None,
        }
    }

    /// The bytes, if it is bytes.
    pub(super) fn as_bytes(&self) -> Option<&'b [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The values, if they are in a row.
    pub(super) fn as_array(&self) -> Option<&[Value<'b>]> {
        if let Self::Array(values) = self { Some(values) } else { None }
    }
}

fn read<'b>(rest: &mut &'b [u8], deeper: usize) -> Option<Value<'b>> {
    let (kind, length) = head(rest)?;
    match kind {
        0 => Some(Value::Unsigned(length)),
        1 => Some(Value::Negative(length)),
        2 => bytes(rest, length).map(Value::Bytes),
        3 => std::str::from_utf8(bytes(rest, length)?).ok().map(Value::Text),
        4 => array(rest, length, deeper.checked_sub(1)?).map(Value::Array),
        5 => pairs(rest, length, deeper.checked_sub(1)?).map(Value::Map),
        7 => match length {
            20 => Some(Value::Bool(false)),
            21 => Some(Value::Bool(true)),
            22 => Some(Value::Null),
            _ => None,
        },
        _ => None,
    }
}

/// The kind (RFC 8949, section 3.1) and the number in the shortest head that can hold it.
fn head(rest: &mut &[u8]) -> Option<(u8, u64)> {
    let (first, mut left) = rest.split_first()?;
    let (kind, about) = (first >> 5, first & 0x1f);
    let (width, least) = match about {
        0..24 => (0, 0),
        // Of what is neither number nor length, only those that need no second byte are read.
        24 if kind != 7 => (1, 24),
        25 if kind != 7 => (2, 0x100),
        26 if kind != 7 => (4, 0x1_0000),
        27 if kind != 7 => (8, 0x1_0000_0000),
        _ => return None,
    };
    let number = if width == 0 {
        u64::from(about)
    } else {
        let (digits, after) = left.split_at_checked(width)?;
        left = after;
        digits.iter().fold(0u64, |number, digit| number << 8 | u64::from(*digit))
    };
    *rest = left;
    (number >= least).then_some((kind, number))
}

fn bytes<'b>(rest: &mut &'b [u8], length: u64) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = left;
    Some(taken)
}

fn array<'b>(rest: &mut &'b [u8], length: u64, deeper: usize) -> Option<Vec<Value<'b>>> {
    (0..length).map(|_| read(rest, deeper)).collect()
}

fn pairs<'b>(rest: &mut &'b [u8], length: u64, deeper: usize) -> Option<Map<'b>> {
    let mut pairs = Vec::new();
    let mut last: &[u8] = &[];
    for _ in 0..length {
        let from = *rest;
        let key = read(rest, deeper)?;
        // Heads begin with the kind and then the length, so the order of the bytes is the order of CTAP.
        let spelled = from.get(..from.len().checked_sub(rest.len())?)?;
        if spelled <= last {
            return None;
        }
        last = spelled;
        pairs.push((key, read(rest, deeper)?));
    }
    Some(Map(pairs))
}

#[cfg(test)]
#[path = "cbor_tests.rs"]
mod tests;
