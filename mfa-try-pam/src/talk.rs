//! What libpam says to an application, and what it is answered.

use mfa_proto::Secret;
use serde::Serialize;

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// A question whose answer is not shown.
    Hidden,
    /// A question whose answer is shown.
    Shown,
    /// An error, in words.
    Error,
    /// A text.
    Text,
    /// Something that this application does not know.
    Unknown,
}

impl Style {
    pub(crate) fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Hidden,
            2 => Self::Shown,
            3 => Self::Error,
            4 => Self::Text,
            _ => Self::Unknown,
        }
    }

    /// Whether an answer is wanted.
    #[must_use]
    pub fn is_question(self) -> bool {
        matches!(self, Self::Hidden | Self::Shown)
    }
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Message<'a> {
    /// How it is meant.
    pub style: Style,
    /// What it says.
    pub text: &'a str,
}

/// What a message is answered with.
#[derive(Debug)]
pub enum Reply {
    /// Nothing: for what is no question.
    Nothing,
    /// An answer, wiped here once libpam has its copy.
    Text(Secret),
    /// The conversation fails.
    HangUp,
}

/// Whoever speaks for the user.
pub trait Talk {
    /// Hears a message, and answers it.
    fn said(&mut self, message: Message<'_>) -> Reply;
}
