//! A key: a device with its line, what it can do, and what it says, with every error told as a [`Failure`].

use crate::failure::{self, because};
use crate::ffi::{Assertion, Code, Creation, Device, Info, Subject};
use crate::line::{Line, Watch, Within};
use crate::pin::Pin;
use crate::port::Port;
use crate::public_key::PublicKey;
use mfa_proto::key::{Can, Credential, Failure};
use std::ffi::CString;
use std::io;
use std::time::Instant;

/// Bytes of a credential's identifier on a key that knows U2F alone, at the most: its length has one byte.
const LONGEST_OF_U2F: usize = 255;

/// A key that is plugged in, open, and ours until it is dropped.
pub(crate) struct Key {
    device: Device,
    watch: Watch,
    /// What it can do.
    pub(crate) can: Can,
    /// Make and model, by number; nothing of a key that knows U2F alone.
    pub(crate) model: Option<Vec<u8>>,
    /// Algorithms it says it knows, in COSE's numbers; empty where it does not say.
    pub(crate) algorithms: Vec<i64>,
}

impl Key {
    /// Opens the port, waits for its turn as long as `within` says, and asks the key what it can do. From then on the
    /// key has until the moment that `silent_until` gives, asked when the turn has come.
    pub(crate) fn open(
        port: &dyn Port,
        within: Within,
        silent_until: impl FnOnce() -> Instant,
    ) -> Result<Self, Failure> {
        let wire = port.open().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::Unplugged,
            kind => Failure::Failed { detail: format!("the key cannot be opened: {kind}") },
        })?;
        let watch = Watch::new(within);
        let line = Line::take(wire, &watch)?;
        watch.set_until(silent_until());
        let told = |code| because(code, watch.trouble());
        let mut device = Device::open(line).map_err(told)?;
        let u2f_only = !device.is_fido2();
        let info = if u2f_only { None } else { Some(device.info().map_err(told)?) };
        let pin_set = device.has_pin();
        let can = Can {
            pin_set,
            always_verifies: info.as_ref().is_some_and(|info| is_on(info, "alwaysUv")),
            pin_left: if pin_set { Some(device.tries().map_err(told)?) } else { None },
            built_in_verification: device.has_built_in_verification(),
            u2f_only,
        };
        let (model, algorithms) = info.map(|info| (info.aaguid, info.algorithms)).unzip();
        Ok(Self { device, watch, can, model, algorithms: algorithms.unwrap_or_default() })
    }

    /// Waits no longer than that.
    pub(crate) fn set_until(&self, until: Instant) {
        self.watch.set_until(until);
    }

    /// Whether it holds the credential, and how that is known. It asks for no touch.
    ///
    /// Where the credential's public key is known, a key that could sign has to: anything else that is plugged in could
    /// say yes, and be given the PIN. What is signed is new each time, so that no signature of before does.
    pub(crate) fn holds(&mut self, credential: &Credential) -> Result<Option<Word>, Failure> {
        if self.can.u2f_only && credential.id.len() > LONGEST_OF_U2F {
            return Ok(None);
        }
        let mut new = [0; 32];
        getrandom::fill(&mut new).map_err(|error| Failure::Failed { detail: format!("no random bytes: {error}") })?;
        let mut assertion = self.assertion(credential, &new, false)?;
        match self.device.sign(&mut assertion, None) {
            Ok(()) => Ok(match &credential.public_key {
                None => Some(Word::Said),
                Some(cose) => {
                    let key = PublicKey::from_cose(cose);
                    key.is_some_and(|key| assertion.is_by(&key)).then_some(Word::Signed)
                }
            }),
            // Keys that know U2F alone sign nothing without a touch; they have no PIN either.
            Err(failure::USER_PRESENCE_REQUIRED) if self.can.u2f_only => Ok(Some(Word::Said)),
            // Whatever the key says but yes: it has none to give.
            Err(failure::USER_PRESENCE_REQUIRED | 1..) => Ok(None),
            Err(code) => Err(because(code, self.watch.trouble())),
        }
    }

    /// Tries of the PIN that are left.
    pub(crate) fn tries(&mut self) -> Result<u8, Failure> {
        self.device.tries().map_err(|code| because(code, self.watch.trouble()))
    }

    /// Signs, with a touch.
    pub(crate) fn sign(&mut self, credential: &Credential, hash: &[u8], how: &How) -> Result<Assertion, Failure> {
        let mut assertion = self.assertion(credential, hash, true)?;
        if how.by_itself {
            assertion.verify_user().map_err(|code| because(code, None))?;
        }
        let signed = self.device.sign(&mut assertion, how.pin.as_ref().map(Pin::as_c_str));
        self.told(signed)?;
        Ok(assertion)
    }

    /// Makes a credential with the first of these algorithms that the key knows, with a touch.
    pub(crate) fn make(
        &mut self,
        subject: &Subject<'_>,
        hash: &[u8],
        algorithms: &[i32],
        how: &How,
    ) -> Result<Creation, Failure> {
        for algorithm in algorithms {
            let mut creation = Creation::new(subject, hash, *algorithm).map_err(|code| because(code, None))?;
            if how.by_itself {
                creation.verify_user().map_err(|code| because(code, None))?;
            }
            match self.device.make(&mut creation, how.pin.as_ref().map(Pin::as_c_str)) {
                // It says so before it asks for a touch.
                Err(failure::UNSUPPORTED_ALGORITHM) => {}
                made => return self.told(made).map(|()| creation),
            }
        }
        Err(Failure::Unsupported)
    }

    fn assertion(&self, credential: &Credential, hash: &[u8], touch: bool) -> Result<Assertion, Failure> {
        let relying_party = c_string(&credential.relying_party)?;
        let assertion = Assertion::new(&relying_party, &credential.id, hash, touch);
        assertion.map_err(|code| because(code, None))
    }

    /// What became of something that waits for a touch. A key that still waits is told to stop; of a wrong PIN it is
    /// asked how many tries are left.
    fn told(&mut self, result: Result<(), Code>) -> Result<(), Failure> {
        let failure = match result {
            Ok(()) => return Ok(()),
            Err(code) => because(code, self.watch.trouble()),
        };
        if self.watch.trouble().is_some() {
            self.device.cancel();
        }
        Err(match failure {
            Failure::PinWrong { .. } => Failure::PinWrong { tries_left: self.device.tries().ok() },
            failure => failure,
        })
    }
}

/// How it is known that a key holds a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// It says so. That is enough for a touch, whose signature is verified, and never for a PIN.
    Said,
    /// It has signed something new with it.
    Signed,
}

/// How the key makes sure of its user, apart from the touch.
#[derive(Default)]
pub(crate) struct How {
    /// By its PIN.
    pub(crate) pin: Option<Pin>,
    /// By itself, with a fingerprint or the like.
    pub(crate) by_itself: bool,
}

fn is_on(info: &Info, option: &str) -> bool {
    info.options.iter().any(|(name, on)| name == option && *on)
}

/// A text as C wants it; a NUL in it is not for a key.
pub(crate) fn c_string(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure::Failed { detail: "a text holds a NUL".into() })
}
