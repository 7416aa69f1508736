//! The answer of a line, `{"reply":"…"}`: taken out of its escapes here, since a reader of JSON does that in a buffer of its
//! own, which nobody wipes.

use mfa_proto::Secret;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::str::Chars;
use zeroize::Zeroizing;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer<'a> {
    #[serde(borrow)]
    reply: Option<&'a RawValue>,
}

/// What was answered; `None` if it hangs up, or is no answer.
#[must_use]
pub fn answer_of(line: &[u8]) -> Option<Secret> {
    let answer: Answer<'_> = serde_json::from_slice(line).ok()?;
    text_of(answer.reply?.get()).map(Secret::from)
}

/// The text of a string of JSON's, in room that it does not outgrow: no escape is shorter than what it stands for.
fn text_of(json: &str) -> Option<Zeroizing<String>> {
    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = Zeroizing::new(String::with_capacity(inside.len()));
    let mut rest = inside.chars();
    while let Some(c) = rest.next() {
        text.push(if c == '\\' { escaped(&mut rest)? } else { c });
    }
    Some(text)
}

/// What stands behind a backslash.
fn escaped(rest: &mut Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return utf16(rest),
        itself @ ('"' | '\\' | '/') => itself,
        _ => return None,
    })
}

/// Four digits of a unit of UTF-16, and those of a second one where it takes two.
fn utf16(rest: &mut Chars<'_>) -> Option<char> {
    let first = unit(rest)?;
    if let Some(c) = char::from_u32(first.into()) {
        return Some(c);
    }
    let (Some('\\'), Some('u')) = (rest.next(), rest.next()) else { return None };
    char::decode_utf16([first, unit(rest)?]).next()?.ok()
}

fn unit(rest: &mut Chars<'_>) -> Option<u16> {
    (0..4).try_fold(0, |unit: u16, _| Some((unit << 4) | u16::try_from(rest.next()?.to_digit(16)?).ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on fails

    use super::*;

    fn said(line: &str) -> Option<String> {
        answer_of(line.as_bytes()).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn an_answer_is_what_was_written_whatever_is_in_it() {
        for text in ["", "plain", "a\"b\\c/d\n\r\t\u{8}\u{c}\u{1}", "é€", "\u{1f511} key", "\u{7f}\u{2028}"] {
            let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect::<Vec<_>>().concat();
            for json in [serde_json::to_string(text).unwrap(), format!("\"{escaped}\"")] {
                assert_eq!(said(&format!("{{\"reply\": {json} }}")).as_deref(), Some(text), "{json}");
            }
        }
        assert_eq!(said("{\"reply\":\"\\/\"}").as_deref(), Some("/"));
    }

    #[test]
    fn what_is_no_answer_hangs_up() {
        for line in [
            "{\"reply\":null}",
            "{}",
            "{\"reply\":7}",
            "{\"reply\":[\"a\"]}",
            "{\"reply\":\"a\",\"more\":1}",
            "{\"reply\":\"\\ud83d\"}",
            "{\"reply\":\"\\ud83d\\u0041\"}",
            "{\"reply\":\"\\x\"}",
            "{\"reply\":\"open",
            "",
        ] {
            assert_eq!(said(line), None, "{line}");
        }
    }

    #[test]
    fn the_room_for_an_answer_is_not_outgrown() {
        for json in ["\"\\u00e9\\u20ac\\ud83d\\udd11\"", "\"plain\""] {
            let text = text_of(json).unwrap();
            assert!(text.capacity() >= text.len() && text.capacity() <= json.len(), "{json}");
        }
    }
}
