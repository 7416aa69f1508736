//! The one table of an account's factors.

use crate::words::kind;
use crate::{Failure, Screen, Table, moment};
use mfa_proto::enrollment::FactorInfo;

/// A row a factor; nothing at all when there is none.
///
/// # Errors
/// When it cannot be written.
pub fn show(screen: &Screen, factors: &[FactorInfo]) -> Result<(), Failure> {
    if factors.is_empty() {
        return Ok(());
    }
    let now = moment::now();
    let mut table = Table::new(screen, &["ID", "Name", "Kind", "Added", "Last used"]);
    for factor in factors {
        let used = factor.last_used.map_or_else(|| "never".to_owned(), |used| moment::ago(used, now));
        let (id, added) = (factor.id.to_string(), moment::date(factor.created));
        let name = match factor.address.as_ref().or(factor.fingerprint.as_ref()) {
            Some(detail) => format!("{} ({detail})", factor.name),
            None => factor.name.clone(),
        };
        table.row(&[&id, &name, &kind(&factor.kind), &added, &used])?;
    }
    table.finish()
}
