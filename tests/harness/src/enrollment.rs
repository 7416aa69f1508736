//! Enrolling users the way a script does: `mfa-enroll … --json` as root in the lab, with phones that scan the address.

use serde_json::Value;

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
        let enrolled = self.enroll_all(&[user])?.pop();
        enrolled.ok_or_else(|| Failure::new(format!("nothing was said about the enrollment of {user}")))
    }

    /// Enrolls a phone for each of them, in one go.
    pub fn enroll_all(&self, users: &[impl AsRef<str>]) -> Outcome<Vec<Enrolled>> {
        let users = users.iter().map(AsRef::as_ref);
        let adds = users.clone().map(|user| format!("mfa-enroll --user {user} add totp --json\n"));
        let mut phones = Vec::new();
        let mut confirms = String::new();
        for (added, user) in answers(&self.sh(&adds.collect::<String>())?)?.iter().zip(users) {
            let (id, mut phone) = (text(added, "id")?, Phone::scan(&text(added, "uri")?)?);
            confirms += &format!("mfa-enroll --user {user} confirm {id} {} --json\n", phone.code());
            phones.push((id, phone));
        }
        let codes = answers(&self.sh(&confirms)?)?;
        let enrolled = phones.into_iter().zip(&codes).map(|((id, phone), confirmed)| {
            let codes = confirmed["backup_codes"].as_array().into_iter().flatten();
            let backup_codes = codes.filter_map(|code| code.as_str().map(str::to_owned)).collect();
            Enrolled { id, phone, backup_codes }
        });
        Ok(enrolled.collect())
    }
}

/// Several JSON values, one after the other.
fn answers(printed: &str) -> Outcome<Vec<Value>> {
    Ok(serde_json::Deserializer::from_str(printed).into_iter().collect::<Result<_, _>>()?)
}

fn text(answer: &Value, name: &str) -> Outcome<String> {
    let value = &answer[name];
    let said = value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string()));
    said.ok_or_else(|| Failure::new(format!("`mfa-enroll add totp --json` does not say {name}: {answer}")))
}
