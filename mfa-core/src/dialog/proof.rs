//! Success as a value: only a committed match becomes a proof, and only in this folder.

use crate::account::{FactorId, Ticket};
use crate::factor::{Kind, Match};

/// A factor was verified and what it uses up was committed, by the commit of this ticket.
#[derive(Debug, PartialEq, Eq)]
pub struct Proof {
    kind: Kind,
    factor: Option<FactorId>,
    ticket: Ticket,
}

impl Proof {
    pub(super) fn committed(matched: &Match, ticket: Ticket) -> Self {
        Self { kind: matched.kind(), factor: matched.factor(), ticket }
    }

    /// An app was confirmed by a code, and what that makes of the account was committed.
    pub(super) fn enrolled(factor: FactorId, ticket: Ticket) -> Self {
        Self { kind: Kind::Totp, factor: Some(factor), ticket }
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

    /// The commit that made it true. Whoever lets somebody in compares it with the store's receipt.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }
}
