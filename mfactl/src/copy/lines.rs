//! What is in a copy: a line of JSON that says what it is, one for each account, and one that says that it is whole.

use mfa_cli::Failure;
use mfa_proto::keep::KeptAccount;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read};
use zeroize::Zeroizing;

/// The only format there is.
pub(super) const FORMAT: u32 = 1;
/// The word for a copy that is not whole, or none.
pub(super) const BAD: &str = "bad_copy";
/// More than the line of any account.
const LONGEST: u64 = 128 * 1024;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Line {
    /// The first.
    MfaCopy(Header),
    /// Each of the others.
    Account(KeptAccount),
    /// The last: how many accounts there were.
    End(u64),
}

/// What the copy is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: u32,
    /// Of which machine.
    pub(super) host: String,
    /// When it was made, seconds since the epoch.
    pub(super) made: i64,
}

/// The next line; `None` at the end of the text.
pub(super) fn next(from: &mut impl BufRead) -> Result<Option<(Line, usize)>, Failure> {
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    let read = from.by_ref().take(LONGEST).read_until(b'\n', &mut text);
    read.map_err(|error: io::Error| bad(&format!("reading it failed: {error}")))?;
    if text.is_empty() {
        return Ok(None);
    }
    if text.last() != Some(&b'\n') {
        return Err(bad("a line of it is cut off"));
    }
    // serde's own words could hold a piece of the line.
    let line = serde_json::from_slice(&text).map_err(|_| bad("a line of it is not what mfactl writes"))?;
    Ok(Some((line, text.len())))
}

/// A copy that cannot be put back.
pub(super) fn bad(why: &str) -> Failure {
    Failure::refused(BAD, format!("This copy cannot be put back: {why}. Nothing was changed."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<usize, Failure> {
        let mut from = text.as_bytes();
        let mut count = 0;
        while next(&mut from)?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    #[test]
    fn lines_are_read_as_they_were_written() {
        let header = Line::MfaCopy(Header { format: FORMAT, host: "web1".into(), made: 7 });
        let lines = [header, Line::End(0)].map(|line| serde_json::to_string(&line).unwrap() + "\n").concat();
        assert_eq!(all(&lines), Ok(2));
    }

    #[test]
    fn anything_else_is_refused_and_none_of_it_is_repeated() {
        let long = format!("\"{}\"\n", "x".repeat(200_000));
        for odd in ["{\"end\":1}", "nonsense\n", "{}\n", "{\"end\":\"MY-SECRET\"}\n", "{\"end\":-1}\n", "\0\n", &long] {
            let failure = all(odd).unwrap_err();
            assert_eq!(failure.code, "bad_copy");
            assert!(!failure.message.contains("MY-SECRET"));
        }
    }
}
