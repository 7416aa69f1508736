//! Success as a value: only a committed match becomes a proof, and only in this folder.

use crate::account::{FactorId, Ticket};
use crate::factor::{Kind, Match};

/// A factor was verified and what it uses up was committed, by the commit of this ticket.
#[derive(Debug, PartialEq, Eq)]
pub struct Proof {
    kind: Kind,
    factor: Option<FactorId>,
    ticket: Ticket,
    generation: i64,
}

impl Proof {
    pub(super) fn committed(matched: &Match, ticket: Ticket, generation: i64) -> Self {
        Self { kind: matched.kind(), factor: matched.factor(), ticket, generation }
    }

    /// An app was confirmed by a code, and what that makes of the account was committed.
    pub(super) fn enrolled(factor: FactorId, ticket: Ticket, generation: i64) -> Self {
        Self { kind: Kind::Totp, factor: Some(factor), ticket, generation }
    }

    /// By which kind of factor.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// By which factor, if it is one of several.
    #[must_use]
    pub fn factor(&self) -> Option<FactorId> {
        self.factor
    }

    /// The account's `factor_generation` when it was proved: under another one the proof says nothing.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// The commit that made it true. Whoever lets somebody in compares it with the store's receipt.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }
}
