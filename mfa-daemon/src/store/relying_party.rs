//! For whom security keys are made here, where the settings do not say: this host's name at the first need, and that
//! name ever after, whatever the host is called later. What is enrolled says so itself.

use super::{Committed, Note, Store, StoreError};
use crate::audit::Context;
use mfa_core::Time;
use mfa_core::factor::security_key::RelyingParty;

/// Where the table of the site keeps it.
const RELYING_PARTY: &str = "relying-party";
/// For a host whose name is none.
const NAMELESS: &str = "localhost";

impl Store {
    /// The name that new security keys are made for; this host's, if there is none yet. Nothing is written.
    ///
    /// # Errors
    /// As a read.
    pub(crate) fn relying_party(&self, host: &str) -> Result<RelyingParty, StoreError> {
        if let Some(fixed) = self.fixed_relying_party()? {
            return Ok(fixed);
        }
        let named = RelyingParty::of_site(host).or_else(|_| NAMELESS.parse());
        named.map_err(|error| StoreError::Failed(error.to_string()))
    }

    /// The same, which it stays from now on.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub(crate) async fn fix_relying_party(&self, host: &str, at: Time) -> Result<RelyingParty, StoreError> {
        if let Some(fixed) = self.fixed_relying_party()? {
            return Ok(fixed);
        }
        let named = self.relying_party(host)?;
        let becomes = named.as_str().to_owned();
        let note = Note { name: RELYING_PARTY, was: None, becomes, records: Vec::new(), at };
        match self.note(note, Context::of_daemon()).await? {
            Committed::Done(_) => Ok(named),
            // Somebody else was faster.
            Committed::Stale => self.fixed_relying_party()?.ok_or(StoreError::Stopped),
        }
    }

    fn fixed_relying_party(&self) -> Result<Option<RelyingParty>, StoreError> {
        let kept = self.noted(RELYING_PARTY)?;
        let damaged = |_| StoreError::Damaged("the name that security keys are made for".to_owned());
        kept.map(|kept| kept.parse().map_err(damaged)).transpose()
    }
}
