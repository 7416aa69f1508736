//! The one table of an account's factors.

use crate::printable::cut;
use crate::words::kind;
use crate::{Failure, Screen, Table, moment};
use mfa_proto::enrollment::FactorInfo;

/// Columns of a fingerprint; all of it is in the data for scripts.
const FINGERPRINT: usize = 16;

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
        table.row(&[&id, &name(factor), &kind_of(factor), &added, &used])?;
    }
    table.finish()
}

/// What its owner calls it, and what tells it from others: an address, or the beginning of a fingerprint.
fn name(factor: &FactorInfo) -> String {
    let fingerprint = factor.fingerprint.as_ref().map(|fingerprint| cut(fingerprint, FINGERPRINT));
    match factor.address.clone().or(fingerprint) {
        Some(detail) => format!("{} ({detail})", factor.name),
        None => factor.name.clone(),
    }
}

fn kind_of(factor: &FactorInfo) -> String {
    let kind = kind(&factor.kind);
    if factor.u2f { format!("{kind} (U2F)") } else { kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_ssh_key_as_much_is_shown_as_tells_it_from_others() {
        let text = r#"{"id":3,"kind":"ssh-key","name":"laptop","created":0,
            "fingerprint":"SHA256:Pn7wXv2Zk1cLq0aBdEfGhIjKlMnOpQrStUvWxYz0123"}"#;
        let mut factor: FactorInfo = serde_json::from_str(text).unwrap();
        assert_eq!(name(&factor), "laptop (SHA256:Pn7wXv2Z~)");
        assert_eq!(kind_of(&factor), "SSH security key");
        (factor.kind, factor.u2f) = ("security-key".into(), true);
        assert_eq!(kind_of(&factor), "security key (U2F)");
    }
}
