//! What the core says of policies, in the words of the wire.

use mfa_core::factor::Kinds;
use mfa_core::policy::{self, Deny, Enroll, Plan, Snippet};
use mfa_proto::policy as wire;

/// Bytes that the lists of an answer may take together, so that the whole fits a frame.
pub(super) const ROOM: usize = 48 * 1024;
/// Characters of a reason or a message, which may name as many things as a rule does.
const LONGEST: usize = 400;

/// A diagnostic.
pub(super) fn diagnostic(found: &policy::Diagnostic) -> wire::Diagnostic {
    let number = |number: usize| u64::try_from(number).ok();
    let (text, from, width) = match &found.snippet {
        Some(Snippet { text, from, width }) => (Some(text.clone()), number(*from), number(*width)),
        None => (None, None, None),
    };
    wire::Diagnostic {
        file: found.file.clone(),
        line: number(found.line),
        column: text.as_ref().and_then(|_| number(found.column)),
        message: clipped(&found.message),
        hint: found.hint.as_deref().map(clipped),
        text,
        from,
        width,
    }
}

/// A plan, and whether it is only observed.
pub(super) fn outcome(plan: &Plan) -> (wire::Outcome, bool) {
    let told = |what: &str, reason: &str| wire::Outcome {
        what: what.to_owned(),
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        ..wire::Outcome::default()
    };
    let outcome = match plan {
        Plan::Observe(plan) => return (outcome(plan).0, true),
        Plan::Skip(why) => told("skip", why.as_str()),
        Plan::Deny(Deny::NoUsableFactor { needs }) => {
            wire::Outcome { kinds: kinds(*needs), ..told("deny", "no-usable-factor") }
        }
        Plan::Deny(Deny::SeatsFull) => told("deny", "seats-full"),
        Plan::Deny(Deny::CallerUnknown) => told("deny", "caller-unknown"),
        Plan::Enroll(Enroll::AtLogin { kinds: some }) => {
            wire::Outcome { kinds: kinds(*some), ..told("enroll", "at-login") }
        }
        Plan::Enroll(Enroll::Grace { kinds: some, seconds_left }) => {
            wire::Outcome { kinds: kinds(*some), seconds_left: Some(*seconds_left), ..told("enroll", "grace") }
        }
        Plan::Enroll(Enroll::Invite { kinds: some }) => {
            wire::Outcome { kinds: kinds(*some), ..told("enroll", "invite") }
        }
        Plan::Enroll(Enroll::Deny) => told("enroll", "deny"),
        Plan::Factors(ask) => wire::Outcome {
            kinds: kinds(ask.kinds),
            verify_user: ask.verify_user,
            ask_again: Some(ask.ask_again).filter(|seconds| *seconds > 0),
            remember: Some(ask.remember).filter(|seconds| *seconds > 0),
            ..told("factors", "")
        },
    };
    (outcome, false)
}

/// The policy's words for kinds.
pub(super) fn kinds(kinds: Kinds) -> Vec<String> {
    kinds.iter().map(|kind| kind.as_str().to_owned()).collect()
}

/// Not too long.
pub(super) fn clipped(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// A list that grows while there is room for it in an answer.
pub(super) struct Room(usize);

impl Room {
    /// All that an answer has.
    pub(super) fn new() -> Self {
        Self(ROOM)
    }

    /// Whether little of it is left.
    pub(super) fn is_short(&self) -> bool {
        self.0 < ROOM / 8
    }

    /// A part of it.
    pub(super) fn part(bytes: usize) -> Self {
        Self(bytes.min(ROOM))
    }

    /// Takes what this needs; false if there is not so much left.
    pub(super) fn holds<T: serde::Serialize>(&mut self, item: &T) -> bool {
        let needed = serde_json::to_string(item).map_or(usize::MAX, |text| text.len() + 1);
        let holds = needed <= self.0;
        self.0 = self.0.saturating_sub(if holds { needed } else { 0 });
        holds
    }
}
