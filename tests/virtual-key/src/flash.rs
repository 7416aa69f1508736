//! A key's memory that lasts: its master key, PIN, counter, certificates. It lies in a file, as lines of a number and
//! what is stored under it in hexadecimal, so that a key that is plugged in again is the same key, and a copy of the
//! file is a clone of the key. The keys of virtual keys protect nothing, so nothing is secret here.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opensk::api::persist::{Attestation, AttestationId, Persist, PersistIter, keys};
use opensk::ctap::PIN_AUTH_LENGTH;
use opensk::ctap::status_code::{Ctap2StatusCode, CtapResult};
use sha2::{Digest, Sha256};

/// What each virtual key says its model is.
pub const AAGUID: [u8; 16] = *b"virtual key for!";

/// Failed PINs that block a key for good (CTAP 2.1, section 6.5.2.2).
const PIN_TRIES: u8 = 8;

const BATCH_KEY: &[u8] = include_bytes!("../attestation/batch.key");
const BATCH_CERTIFICATE: &[u8] = include_bytes!("../attestation/batch.der");

/// See the module. Clones are one memory.
#[derive(Debug, Clone)]
pub struct Flash {
    file: Option<PathBuf>,
    values: Arc<Mutex<BTreeMap<usize, Vec<u8>>>>,
}

impl Flash {
    /// A new key's, gone with this program.
    pub fn in_memory() -> Self {
        let mut flash = Self { file: None, values: Arc::default() };
        // In memory nothing can fail.
        let _ = flash.leave_factory();
        flash
    }

    /// The one in that file; a new key's when there is no such file.
    pub fn in_file(file: impl Into<PathBuf>) -> io::Result<Self> {
        let file = file.into();
        let read = match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            read => Some(parse(&read?).ok_or_else(|| io::Error::other(format!("{}: not a key's", file.display())))?),
        };
        let is_new = read.is_none();
        let mut flash = Self { file: Some(file), values: Arc::new(Mutex::new(read.unwrap_or_default())) };
        if is_new {
            flash.leave_factory().map_err(|_| io::Error::other("the file of the key cannot be written"))?;
        }
        Ok(flash)
    }

    /// Writes a copy: a clone of the key.
    pub fn save(&self, file: &Path) -> io::Result<()> {
        write(file, &self.lock())
    }

    /// Sets a PIN of 4 to 63 characters with all its tries, or takes it away, as no real key would let you.
    pub fn set_pin(&mut self, pin: Option<&str>) -> CtapResult<()> {
        self.reset_pin_retries()?;
        let Some(pin) = pin else { return self.remove(keys::PIN_PROPERTIES) };
        let hash = Sha256::digest(pin.as_bytes());
        let mut kept = [0; PIN_AUTH_LENGTH];
        kept.copy_from_slice(&hash[..PIN_AUTH_LENGTH]);
        let length = pin.chars().count().try_into().map_err(|_| Ctap2StatusCode::CTAP2_ERR_PIN_POLICY_VIOLATION)?;
        Persist::set_pin(self, &kept, length)
    }

    /// Leaves that many tries, of eight, before the PIN is blocked; it is with none.
    pub fn set_pin_tries_left(&mut self, tries: u8) -> CtapResult<()> {
        self.insert(keys::PIN_RETRIES, &[PIN_TRIES.saturating_sub(tries)])
    }

    /// How many tries of the PIN are left.
    pub fn pin_tries_left(&self) -> u8 {
        PIN_TRIES.saturating_sub(self.pin_fails().unwrap_or(PIN_TRIES))
    }

    /// Sets the counter of signatures, back, too. The next signature counts a few on.
    pub fn set_counter(&mut self, counter: u32) -> CtapResult<()> {
        self.insert(keys::GLOBAL_SIGNATURE_COUNTER, &counter.to_ne_bytes())
    }

    /// The counter of signatures.
    pub fn counter(&self) -> u32 {
        self.global_signature_counter().unwrap_or_default()
    }

    /// What is written into each key of a batch before it is sold.
    fn leave_factory(&mut self) -> CtapResult<()> {
        self.set_aaguid(&AAGUID)?;
        let batch = Attestation { wrapped_private_key: BATCH_KEY.to_vec(), certificate: BATCH_CERTIFICATE.to_vec() };
        self.set_attestation(AttestationId::Batch, Some(&batch))
    }

    fn change(&mut self, how: impl FnOnce(&mut BTreeMap<usize, Vec<u8>>)) -> CtapResult<()> {
        let mut values = self.lock();
        how(&mut values);
        let written = self.file.as_ref().map_or(Ok(()), |file| write(file, &values));
        written.map_err(|_| Ctap2StatusCode::CTAP2_ERR_VENDOR_HARDWARE_FAILURE)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Vec<u8>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Persist for Flash {
    fn find(&self, key: usize) -> CtapResult<Option<Vec<u8>>> {
        Ok(self.lock().get(&key).cloned())
    }

    fn insert(&mut self, key: usize, value: &[u8]) -> CtapResult<()> {
        self.change(|values| drop(values.insert(key, value.to_vec())))
    }

    fn remove(&mut self, key: usize) -> CtapResult<()> {
        self.change(|values| drop(values.remove(&key)))
    }

    fn iter(&self) -> CtapResult<PersistIter<'_>> {
        let all: Vec<usize> = self.lock().keys().copied().collect();
        Ok(Box::new(all.into_iter().map(Ok)))
    }
}

/// Beside its place first: a key that is pulled out while it writes keeps what it had.
fn write(file: &Path, values: &BTreeMap<usize, Vec<u8>>) -> io::Result<()> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text: String = values.iter().map(|(key, value)| format!("{key} {}\n", hex(value))).collect();
    let beside = file.with_extension("new");
    std::fs::write(&beside, text)?;
    std::fs::rename(beside, file)
}

fn parse(text: &str) -> Option<BTreeMap<usize, Vec<u8>>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let line = |line: &str| {
        let (key, value) = line.split_once(' ')?;
        Some((key.parse().ok()?, value.as_bytes().chunks(2).map(byte).collect::<Option<_>>()?))
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_remembers_is_there_again_when_its_file_is_read_again() {
        let file = std::env::temp_dir().join(format!("virtual-key-flash-{}", std::process::id()));
        let mut flash = Flash::in_file(&file).unwrap();
        flash.insert(keys::KEY_STORE, &[1, 2, 255]).unwrap();
        flash.insert(keys::ALWAYS_UV, &[]).unwrap();
        flash.set_pin(Some("1234")).unwrap();
        flash.set_pin_tries_left(2).unwrap();
        flash.set_counter(77).unwrap();

        let again = Flash::in_file(&file).unwrap();
        assert_eq!(again.find(keys::KEY_STORE).unwrap().unwrap(), [1, 2, 255]);
        assert!(again.has_always_uv().unwrap());
        assert_eq!(again.pin_hash().unwrap(), flash.pin_hash().unwrap());
        assert_eq!((again.pin_tries_left(), again.counter()), (2, 77));
        assert_eq!(again.aaguid().unwrap(), AAGUID);
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_file_that_is_not_a_keys_is_not_taken_for_a_new_key() {
        let file = std::env::temp_dir().join(format!("virtual-key-other-{}", std::process::id()));
        std::fs::write(&file, "hello\n").unwrap();
        assert!(Flash::in_file(&file).is_err());
        std::fs::remove_file(file).unwrap();
    }
}
