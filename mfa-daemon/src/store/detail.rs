//! What a factor's verifier needs, as its row keeps it: the kind in the clear, all else sealed.
//!
//! Of an app it is the secret, of mail the address; of a security key its id, public key and relying party, so that
//! nobody who reads the database can tell whose key somebody elsewhere has. What counts up is `last_step`: an app's
//! step, a key's counter.

use super::read::{parse_parameters, sealed, spell_parameters};
use super::seal::Place;
use super::{MasterKey, StoreError};
use data_encoding::BASE64URL_NOPAD;
use mfa_core::Secret;
use mfa_core::account::{Detail, Totp};
use mfa_core::factor::Kind;
use mfa_core::factor::security_key::{CoseKey, Credential, CredentialId};
use mfa_core::factor::ssh_key::SshKey;
use mfa_core::factor::totp::Step;
use rusqlite::Row;
use serde::{Deserialize, Serialize};

/// A factor's detail in the columns of its row.
pub(super) struct Columns {
    pub(super) kind: Kind,
    /// In the clear, and bound to what is sealed.
    pub(super) params: String,
    /// What counts up.
    pub(super) last_step: i64,
    /// To be sealed.
    pub(super) secret: Secret,
}

/// What is sealed of a security key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptCredential {
    /// In base64url, as all bytes here.
    id: String,
    /// COSE_Key.
    key: String,
    relying_party: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aaguid: Option<String>,
    u2f: bool,
}

/// What is sealed of an SSH key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptSshKey {
    /// As in a `.pub` file.
    key: String,
}

/// How a detail is kept.
///
/// # Errors
/// It cannot be spelled, which is an error of this program.
pub(super) fn columns(detail: &Detail) -> Result<Columns, StoreError> {
    let kind = detail.kind();
    Ok(match detail {
        Detail::Totp(Totp { secret, parameters, used: Step(used), .. }) => {
            Columns { kind, params: spell_parameters(parameters), last_step: *used, secret: secret.clone() }
        }
        Detail::Email(address) => bare(kind, address.as_str().as_bytes().to_vec()),
        Detail::SecurityKey(credential) => {
            let kept = KeptCredential {
                id: BASE64URL_NOPAD.encode(credential.id.as_bytes()),
                key: BASE64URL_NOPAD.encode(&credential.key.to_cose()),
                relying_party: credential.relying_party.as_str().to_owned(),
                aaguid: credential.aaguid.map(|aaguid| BASE64URL_NOPAD.encode(&aaguid)),
                u2f: credential.u2f,
            };
            Columns { last_step: credential.counter.into(), ..bare(kind, spelled(&kept)?) }
        }
        Detail::SshKey(SshKey { key }) => bare(kind, spelled(&KeptSshKey { key: key.to_string() })?),
    })
}

fn bare(kind: Kind, secret: Vec<u8>) -> Columns {
    Columns { kind, params: String::new(), last_step: 0, secret: Secret::new(secret) }
}

fn spelled(kept: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(kept).map_err(|error| StoreError::Failed(error.to_string()))
}

/// Reads a row of [`super::read::FACTORS`].
///
/// # Errors
/// It is not what this program writes, or does not open.
pub(super) fn of_row(key: &MasterKey, account: i64, row: &Row<'_>) -> Result<Detail, StoreError> {
    let id = row.get(0)?;
    let damaged = || StoreError::Damaged(format!("row {id} of factor"));
    let (word, params): (String, String) = (row.get(4)?, row.get(5)?);
    let place = Place { table: "factor", account, id, kind: &word, params: &params };
    let secret = key.open(&place, sealed(row)?)?;
    let kind = word.parse().map_err(|_| damaged())?;
    let counts = (row.get(9)?, row.get(10)?);
    parse(kind, &params, secret, counts).ok_or_else(damaged)
}

/// A detail out of its columns: `last_step` and the number of replays are the counts.
pub(super) fn parse(kind: Kind, params: &str, secret: Secret, (last, replays): (i64, u32)) -> Option<Detail> {
    match kind {
        Kind::Totp => {
            let parameters = parse_parameters(params)?;
            Some(Detail::Totp(Totp { secret, parameters, used: Step(last), replays }))
        }
        _ if !params.is_empty() => None,
        Kind::Email => std::str::from_utf8(secret.expose()).ok()?.parse().ok().map(Detail::Email),
        Kind::SecurityKey => credential(&secret, u32::try_from(last).ok()?).map(Detail::SecurityKey),
        Kind::SshKey => {
            let KeptSshKey { key } = serde_json::from_slice(secret.expose()).ok()?;
            Some(Detail::SshKey(SshKey { key: key.parse().ok()? }))
        }
        Kind::BackupCode | Kind::TempCode => None,
    }
}

fn credential(secret: &Secret, counter: u32) -> Option<Credential> {
    let kept: KeptCredential = serde_json::from_slice(secret.expose()).ok()?;
    let bytes = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).ok();
    let aaguid = match &kept.aaguid {
        Some(aaguid) => Some(bytes(aaguid)?.try_into().ok()?),
        None => None,
    };
    Some(Credential {
        id: CredentialId::new(bytes(&kept.id)?)?,
        key: CoseKey::from_cose(&bytes(&kept.key)?)?,
        relying_party: kept.relying_party.parse().ok()?,
        counter,
        aaguid,
        u2f: kept.u2f,
    })
}
