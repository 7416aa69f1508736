//! Enrolling a user the way a script does: `mfa-enroll … --json` as root in the lab, with a phone that scans the address.

use crate::lab::Lab;
use crate::outcome::{Failure, Outcome};
use crate::phone::Phone;

/// A user who has just been enrolled.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// The factor's id, as `mfa-enroll` names it.
    pub id: String,
    /// The phone. It has used one code already, for the confirmation.
    pub phone: Phone,
    /// The backup codes, as they were shown.
    pub backup_codes: Vec<String>,
}

impl Lab {
    /// Enrolls a phone for that user, confirmed by a code of it.
    pub fn enroll(&self, user: &str) -> Outcome<Enrolled> {
        let added = self.run(["mfa-enroll", "--user", user, "add", "totp", "--json"])?.json()?;
        let text = |name: &str| {
            let value = &added[name];
            let said = value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string()));
            said.ok_or_else(|| Failure::new(format!("`mfa-enroll add totp --json` does not say {name}: {added}")))
        };
        let (id, mut phone) = (text("id")?, Phone::scan(&text("uri")?)?);
        let code = phone.code();
        let confirmed = self.run(["mfa-enroll", "--user", user, "confirm", &id, &code, "--json"])?.json()?;
        let codes = confirmed["backup_codes"].as_array().into_iter().flatten();
        let backup_codes = codes.filter_map(|code| code.as_str().map(str::to_owned)).collect();
        Ok(Enrolled { id, phone, backup_codes })
    }
}
