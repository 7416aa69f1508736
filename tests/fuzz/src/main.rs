//! The fuzzer: LLVM's, on the target that the variable `MFA_FUZZ_TARGET` names. `cargo xtask fuzz` starts it.
#![no_main]

use fuzz::Target;
use std::sync::OnceLock;

/// The target is chosen once.
static CHOSEN: OnceLock<&Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let target = CHOSEN.get_or_init(|| {
        let name = std::env::var("MFA_FUZZ_TARGET").unwrap_or_default();
        Target::of(&name).expect("MFA_FUZZ_TARGET names no target; start it as: cargo xtask fuzz")
    });
    if data.len() <= target.longest {
        (target.try_it)(data);
    }
});
