//! Why a change of factors is not made, in a sentence for whoever wanted it.

use super::NotASecurityKey;
use crate::factor::security_key::Unacceptable;
use crate::sshsig::SignatureError;
use crate::throttle::Gate;
use crate::time::Countdown;
use std::fmt;

/// Why a change is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A factor must be proved first, or it was too long ago.
    ProveFirst,
    /// A mail address takes a factor that is not mail.
    StrongerFirst,
    /// The site says where mail goes.
    SiteAddress,
    /// Not a mail address.
    BadAddress,
    /// So many codes were mailed lately that the next one waits, in seconds.
    TooManyMails(i64),
    /// No such factor, or no such pending enrollment, or it has ended.
    NotFound,
    /// A login here requires a factor, and this is the last one.
    LastRequired,
    /// Nothing is enrolled, so there is nothing to make backup codes for.
    NothingEnrolled,
    /// The policy would not take such a factor.
    NotTaken,
    /// The first factor takes an invitation.
    InvitedOnly,
    /// There is no seat for the account.
    NoSeat,
    /// The account has as many as it may have.
    TooMany,
    /// The account has this very key already.
    AlreadyThere,
    /// A name that is empty, too long, or holds control characters.
    BadName,
    /// Codes that are too few or too many.
    BadCodes,
    /// Too many wrong codes lately, or in a row.
    Throttled(Gate),
    /// An error of this program: too little randomness, a clock before 1970.
    Internal,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Throttled(Gate::Wait(seconds)) => {
                return write!(f, "Too many wrong codes. The next try is in {}.", Countdown(*seconds));
            }
            Self::Throttled(_) => "Too many wrong codes in a row. Ask your administrator: mfactl unlock",
            Self::TooManyMails(seconds) => {
                return write!(f, "Many codes were mailed already. The next one can be in {}.", Countdown(*seconds));
            }
            Self::StrongerFirst => {
                "A mail address is added with another factor of yours. Add an app first, or ask your administrator."
            }
            Self::SiteAddress => "Here the site says where your mail goes. Ask your administrator to change it.",
            Self::BadAddress => "That is no mail address. One looks like name@example.com.",
            Self::ProveFirst => "Prove first that it is you, with a code of yours.",
            Self::NotFound => "There is no such factor, or its enrollment has ended. See: mfa-enroll status",
            Self::LastRequired => "A second factor is required here, and this is your last. Add another one first.",
            Self::NothingEnrolled => "There is nothing to make backup codes for yet. Run: mfa-enroll",
            Self::NotTaken => "The policy here does not take that kind of factor. Ask your administrator.",
            Self::InvitedOnly => {
                "Here the first factor takes an enrollment code: ask your administrator for one, and type it when you \
                 log in, over ssh or at the machine."
            }
            Self::NoSeat => "All seats of the license are taken, so nobody new can enroll. See: mfactl license status",
            Self::TooMany => "There are 20 factors already. Remove one first: mfa-enroll remove ID",
            Self::AlreadyThere => "This key is one of your factors already. See: mfa-enroll status",
            Self::BadName => "A name is 1 to 64 characters long, none of them control characters.",
            Self::BadCodes => "Give as many codes as are asked for, each with all its digits.",
            Self::Internal => "This machine cannot enroll now. Is its clock right? Ask your administrator.",
        })
    }
}

/// Why a key does not become a factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAdded {
    /// It may not.
    Refused(Refusal),
    /// What the security key says is not accepted.
    Unacceptable(Unacceptable),
    /// The SSH key is none that can be a factor.
    Key(NotASecurityKey),
    /// The SSH key's signature does not count.
    Signature(SignatureError),
}

impl fmt::Display for NotAdded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => why.fmt(f),
            Self::Unacceptable(why) => why.fmt(f),
            Self::Key(why) => why.fmt(f),
            Self::Signature(why) => why.fmt(f),
        }
    }
}

impl From<Refusal> for NotAdded {
    fn from(why: Refusal) -> Self {
        Self::Refused(why)
    }
}

impl From<Unacceptable> for NotAdded {
    fn from(why: Unacceptable) -> Self {
        Self::Unacceptable(why)
    }
}

impl From<NotASecurityKey> for NotAdded {
    fn from(why: NotASecurityKey) -> Self {
        Self::Key(why)
    }
}

impl From<SignatureError> for NotAdded {
    fn from(why: SignatureError) -> Self {
        Self::Signature(why)
    }
}
