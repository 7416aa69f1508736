//! What fuzzing has found worth keeping, replayed: as fast as any other test, in every run.

use fuzz::{TARGETS, Target};
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

/// Bytes of the whole corpus of a target at the most: it is kept in the repository.
const LARGEST: u64 = 256 * 1024;

fn replayed(name: &str) {
    let target = Target::of(name).expect("a target");
    let folder = target.corpus();
    let mut inputs: Vec<_> =
        fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("an input").path()).collect();
    inputs.sort();
    assert!(inputs.len() >= 3, "{} has no corpus", target.name);
    let sizes: u64 = inputs.iter().filter_map(|path| fs::metadata(path).ok()).map(|found| found.len()).sum();
    assert!(
        sizes <= LARGEST,
        "the corpus of {} has {sizes} bytes: cargo xtask fuzz {} --keep",
        target.name,
        target.name
    );
    for path in inputs {
        let input = fs::read(&path).expect("an input");
        assert!(input.len() <= target.longest, "{} is never tried", path.display());
        assert!(catch_unwind(|| (target.try_it)(&input)).is_ok(), "replaying {}", path.display());
    }
}

macro_rules! replayed {
    ($($name:ident)*) => {
        /// One each, so that a failure names its target.
        const REPLAYED: &[&str] = &[$(stringify!($name)),*];
        mod corpus_of {
            $(#[test] fn $name() { super::replayed(stringify!($name)); })*
        }
    };
}

replayed! {
    frames parameters module_arguments conversation policy license ssh_auth otpauth imports security_key letters
}

#[test]
fn every_target_is_replayed_and_every_folder_is_a_targets() {
    assert_eq!(REPLAYED, TARGETS.each_ref().map(|target| target.name));
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).expect("the corpus") {
        let name = entry.expect("a folder").file_name().to_string_lossy().into_owned();
        assert!(Target::of(&name).is_some(), "corpus/{name} belongs to no target");
    }
}
