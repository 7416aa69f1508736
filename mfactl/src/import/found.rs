//! What was found in another program's file, and what became of it: one line for a person, one object for a script.

use crate::owned_file::FileError;
use data_encoding::BASE32_NOPAD;
use mfa_proto::Secret;
use serde::Serialize;
use std::fmt;
use zeroize::Zeroizing;

/// An app as its program keeps it.
#[derive(Debug)]
pub(crate) struct App {
    /// In Base32 without padding.
    pub(crate) secret: Secret,
    pub(crate) digits: u8,
    pub(crate) period: u8,
}

impl App {
    /// From the bytes of the secret.
    pub(crate) fn new(secret: &[u8], digits: u8, period: u8) -> Self {
        Self { secret: Zeroizing::new(BASE32_NOPAD.encode(secret)).into(), digits, period }
    }
}

/// A security key as its program keeps it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// What the key knows its credential by.
    pub(crate) id: Vec<u8>,
    /// `es256` or `eddsa`.
    pub(crate) algorithm: &'static str,
    /// Of ES256 the point's x and y, of EdDSA 32 bytes.
    pub(crate) public_key: Vec<u8>,
    /// Made as a U2F key.
    pub(crate) u2f: bool,
    /// Which of its owner's it is, from 1.
    pub(crate) number: usize,
}

/// What can be taken over.
#[derive(Debug)]
pub(crate) enum Thing {
    /// An app.
    App(App),
    /// A security key.
    Key(Key),
}

/// Why something is not taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Codes by a counter (HOTP).
    Counter,
    /// A PIN goes before the code.
    Pin,
    /// Codes of so many digits.
    Digits(String),
    /// Codes that live so many seconds.
    Period(String),
    /// The secret is not spelled as it should be.
    BadSecret,
    /// The secret has fewer than 80 bits.
    TooShort,
    /// The file, or the line, is not what that program writes.
    Malformed,
    /// A credential that only the key itself knows (`*`).
    Resident,
    /// A credential of an algorithm that is not taken.
    Algorithm(String),
    /// The file is not read.
    File(FileError),
    /// The daemon says no: its word and its sentence.
    Daemon(String, String),
}

impl Why {
    /// The word for scripts.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Counter => "counter",
            Self::Pin => "pin",
            Self::Digits(_) => "digits",
            Self::Period(_) => "period",
            Self::BadSecret => "bad-secret",
            Self::TooShort => "short-secret",
            Self::Malformed => "malformed",
            Self::Resident => "resident",
            Self::Algorithm(_) => "algorithm",
            Self::File(error) => error.as_str(),
            Self::Daemon(code, _) => code,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counter => {
                f.write_str("codes by a counter (HOTP) are not taken here; enroll an app that goes by the clock")
            }
            Self::Pin => f.write_str("a PIN goes before its codes, which is not done here; enroll anew"),
            Self::Digits(digits) => write!(f, "its codes have {digits} digits; 6 or 8 are taken"),
            Self::Period(seconds) => write!(f, "its codes live {seconds} seconds; 30 or 60 are taken"),
            Self::BadSecret => f.write_str("the secret is not spelled as it should be"),
            Self::TooShort => f.write_str("the secret has fewer than 80 bits; enroll anew"),
            Self::Malformed => f.write_str("this is not what that program writes"),
            Self::Resident => f.write_str(
                "only the key itself knows this credential (it was made with --resident); enroll it anew: mfa-enroll \
                 add security-key",
            ),
            Self::Algorithm(name) => {
                write!(f, "credentials of the type {name} are not taken; enroll anew: mfa-enroll add security-key")
            }
            Self::File(error) => write!(f, "{error}"),
            Self::Daemon(_, sentence) => f.write_str(sentence.trim_end_matches('.')),
        }
    }
}

/// One app or credential of one user.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) user: String,
    /// In which file.
    pub(crate) from: String,
    /// What there is to take, or why there is nothing.
    pub(crate) thing: Result<Thing, Why>,
    /// What else is to be known: what is left behind.
    pub(crate) notes: Vec<String>,
}

/// What became of it.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) user: String,
    pub(crate) from: String,
    /// `taken`, `would-be-taken`, `present` or `cannot-be-taken`.
    pub(crate) outcome: &'static str,
    /// Why it cannot be taken, a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The same as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    pub(crate) notes: Vec<String>,
}
