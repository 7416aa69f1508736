//! The parameters of every method that some program of ours serves.

use super::frames::{has_fraction, places_alone};
use crate::Target;
use mfa_proto::frame::{Call, FrameError, MAX_FRAME, encode_call};
use mfa_proto::{admin, audit, enrollment, keep, key, license, login, mail, metrics, policy, service};
use serde_json::Value;

/// A frame as it comes, read as what its method wants.
pub const TARGET: Target =
    Target { name: "parameters", about: "every method's parameters", longest: MAX_FRAME, try_it };

/// What a reader makes of a call: the same call again, as it would be written.
type Reader = fn(&Call<'_>) -> Result<Option<Vec<u8>>, FrameError>;

macro_rules! methods {
    ($($method:path => $type:ty),* $(,)?) => {
        /// Every method, and how its parameters are read.
        pub const METHODS: &[(&str, Reader)] = &[$(($method, |call| {
            let parameters: $type = call.parameters()?;
            Ok(encode_call($method, &parameters).ok().map(|frame| frame.to_vec()))
        })),*];
    };
}

methods! {
    service::GET_INFO => Value,
    service::GET_INTERFACE_DESCRIPTION => service::Interface,
    login::BEGIN => login::Begin,
    login::DUE => login::Begin,
    login::ANSWER => login::Answer,
    login::WAIT => Value,
    enrollment::STATUS => enrollment::Subject,
    enrollment::AUTHORIZE => enrollment::Authorize,
    enrollment::ADD_TOTP => enrollment::AddTotp,
    enrollment::CONFIRM => enrollment::Confirm,
    enrollment::ADD_EMAIL => enrollment::AddEmail,
    enrollment::CONFIRM_EMAIL => enrollment::ConfirmEmail,
    enrollment::ADD_SECURITY_KEY => enrollment::AddSecurityKey,
    enrollment::SECURITY_KEY_MADE => enrollment::SecurityKeyMade,
    enrollment::CONFIRM_SECURITY_KEY => enrollment::ConfirmSecurityKey,
    enrollment::ADD_SSH_KEY => enrollment::AddSshKey,
    enrollment::CONFIRM_SSH_KEY => enrollment::ConfirmSshKey,
    enrollment::NEW_BACKUP_CODES => enrollment::Subject,
    enrollment::REMOVE => enrollment::FactorOf,
    enrollment::RENAME => enrollment::Rename,
    enrollment::FORGET => enrollment::Forget,
    enrollment::REPORT => enrollment::Subject,
    admin::STATUS => Value,
    admin::INTRODUCE => admin::Introduce,
    admin::ACCOUNTS => admin::List,
    admin::ACCOUNT => admin::Named,
    admin::RESET => admin::Reset,
    admin::UNLOCK => admin::Named,
    admin::INVITE => admin::Invite,
    admin::TEMP_CODE => admin::TempCode,
    admin::REBIND => admin::Named,
    admin::IMPORT => admin::Import,
    admin::IMPORT_KEY => admin::ImportKey,
    admin::BREAK_GLASS => admin::BreakGlassUses,
    admin::TEST_MAIL => admin::TestMail,
    metrics::METRICS => Value,
    audit::RECORDS => audit::Query,
    audit::VERIFY => audit::Verify,
    audit::HASHES => audit::Places,
    keep::MASTER_KEYS => Value,
    keep::EXPORT => keep::Export,
    keep::EXPORT_DONE => keep::ExportDone,
    keep::RESTORE_BEGIN => keep::RestoreBegin,
    keep::RESTORE_ACCOUNTS => keep::RestoreAccounts,
    keep::RESTORE_FINISH => keep::RestoreFinish,
    policy::DRAFT => policy::Draft,
    policy::CHECK => Value,
    policy::RELOAD => Value,
    policy::EXPLAIN => policy::Question,
    policy::PREVIEW => policy::Accounts,
    policy::REPLAY => policy::Replay,
    license::STATUS => Value,
    license::CHECK => license::Files,
    license::RELOAD => Value,
    license::SIGHTED => license::Sightings,
    license::RECONCILE => Value,
    license::BYPASSED => license::Since,
    mail::SEND => mail::Letter,
    mail::NOTIFY => mail::Notice,
    key::LIST => key::List,
    key::FIND => key::Find,
    key::MAKE => key::Make,
    key::ASSERT => key::Assert,
}

/// The first byte names the method, so that each is found; the rest are its parameters.
fn try_it(data: &[u8]) {
    let Some((first, parameters)) = data.split_first() else { return };
    let (method, reader) = METHODS[usize::from(*first) % METHODS.len()];
    let frame = [format!("{{\"method\":\"{method}\",\"parameters\":").as_bytes(), parameters, b"}"].concat();
    let call = match Call::parse(&frame) {
        // Whoever writes a brace of their own may have named another method.
        Ok(call) if call.method == method => call,
        Ok(_) => return,
        Err(error) => return places_alone(&error),
    };
    match reader(&call) {
        Ok(None) => {} // each character may have become its escape
        Ok(Some(_)) if call.parameters::<Value>().is_ok_and(|given| has_fraction(&given)) => {}
        Ok(Some(written)) => {
            let read = Call::parse(written.strip_suffix(&[0]).unwrap_or_default()).expect("what we write, we read");
            assert_eq!(reader(&read).expect("as before"), Some(written), "read and written again it is the same");
        }
        Err(error) => places_alone(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_method_of_every_interface_is_thrown_something_at() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../mfa-proto/interfaces");
        let mut described = BTreeSet::new();
        for entry in fs::read_dir(folder).expect("the interfaces") {
            let path = entry.expect("an interface").path();
            let interface = path.file_stem().expect("a name").to_string_lossy().into_owned();
            for line in fs::read_to_string(&path).expect("its text").lines() {
                if let Some(method) = line.strip_prefix("method ") {
                    let name = method.split(['(', ' ']).next().unwrap_or_default();
                    described.insert(format!("{interface}.{name}"));
                }
            }
        }
        let read: BTreeSet<String> = METHODS.iter().map(|(method, _)| (*method).to_owned()).collect();
        assert_eq!(read, described);
        assert!(METHODS.len() <= 256, "the first byte no longer names each");
    }
}
