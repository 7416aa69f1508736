//! Where things are: the project's root, what cargo built, what was staged.

use std::path::PathBuf;

/// The folder of the main workspace.
pub(crate) fn root() -> PathBuf {
    // As cargo says now: a checkout that was moved is not built again.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.ancestors().nth(2).unwrap_or(&here).to_owned()
}

/// The manifest of the tests' workspace.
pub(crate) fn tests_manifest() -> PathBuf {
    root().join("tests/Cargo.toml")
}

/// Where cargo puts what it builds, in both workspaces.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Where the tests, the demo and the labs stage the product.
pub(crate) fn staged() -> PathBuf {
    target().join("stage")
}

/// Where the packages are made that the tests install.
pub(crate) fn packed() -> PathBuf {
    target().join("packages-for-labs")
}

/// Whether a program is installed; root's folders count, though a user may not have them in `PATH`.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.any(|folder| folder.join(program).is_file())
}

/// Whether this is an automatic run, where what is missing is a failure.
pub(crate) fn unattended() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true" || value == "1")
}
