//! Fuzzing: bytes that anybody could send, write or type, thrown at what reads them.
//!
//! A [`Target`] says what must hold whatever the bytes are: never a panic; what is read and written again is the same;
//! a refusal is one sentence with nothing secret in it; no size grows without a bound. `cargo xtask fuzz` has LLVM's
//! fuzzer look for bytes that break one of these, guided by what code they reach; `cargo test` replays what is in
//! `corpus`. Nothing here reads or changes anything of the machine, but for a socket in a folder of its own.
#![forbid(unsafe_code)]

mod feed;
#[path = "../../harness/src/otpauth.rs"]
pub mod otpauth;
pub mod sentence;
pub mod targets;

pub use feed::Feed;

use std::path::{Path, PathBuf};

/// One thing that reads bytes from outside.
pub struct Target {
    /// Its name: on the command line, and of its folder in `corpus`.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// Bytes of an input at the most.
    pub longest: usize,
    /// Panics if something that must hold does not.
    pub try_it: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 11] = [
    targets::frames::TARGET,
    targets::parameters::TARGET,
    targets::module_arguments::TARGET,
    targets::conversation::TARGET,
    targets::policy::TARGET,
    targets::license::TARGET,
    targets::ssh_auth::TARGET,
    targets::otpauth::TARGET,
    targets::imports::TARGET,
    targets::security_key::TARGET,
    targets::letters::TARGET,
];

impl Target {
    /// The target of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Where the inputs are kept that are worth replaying.
    #[must_use]
    pub fn corpus(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(self.name)
    }
}
