//! Why a file is not a license, in words for the administrator who installs it.

use super::NAMESPACE;
use crate::policy::Diagnostic;
use crate::sshsig::SignatureError;
use std::fmt;

/// Why a file is not a license.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LicenseError {
    /// The system does not let it be read; its words.
    Unreadable(String),
    /// There is no signature beside it.
    Unsigned,
    /// Longer than any license is.
    TooLong,
    /// Its signature does not count.
    Signature(SignatureError),
    /// Signed, but not text.
    NotText,
    /// Signed, but made for a later version of the program: its `format`.
    Later(i64),
    /// Signed, but not as a license is written.
    Content(Box<Diagnostic>),
}

impl fmt::Display for LicenseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "The license cannot be read: {why}."),
            Self::Unsigned => {
                f.write_str("The license has no signature: it is a second file that comes with it, .sig.")
            }
            Self::TooLong => f.write_str("The license is longer than 64 KiB: this is some other file."),
            Self::Signature(SignatureError::Namespace { found, .. }) => {
                write!(f, "The signature was made for {found}, not for a license (-n {NAMESPACE}). Ask for a new one.")
            }
            Self::Signature(SignatureError::Wrong) => f.write_str(
                "The license does not fit its signature: one of the two files was changed or belongs to another. Copy \
                 both again, byte for byte.",
            ),
            Self::Signature(SignatureError::UnknownSigner(key)) => write!(
                f,
                "The license is signed by the key {key}, which is in no license-issuers file. Ask who issued it for \
                 that line."
            ),
            Self::Signature(why) => why.fmt(f),
            Self::NotText => f.write_str("The license is signed, but it is not text. Ask for a new one."),
            Self::Later(format) => {
                write!(f, "The license has format {format}, which this version does not know: upgrade first.")
            }
            Self::Content(diagnostic) => {
                write!(f, "The license is signed, but not written as a license is. Ask for a new one.\n{diagnostic}")
            }
        }
    }
}

impl std::error::Error for LicenseError {}
