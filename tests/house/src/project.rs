//! Where the project is and what is in it: its documents, its sources, its crates as cargo tells of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The folder of the main workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the project.
///
/// # Panics
/// When it cannot be read.
pub fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file with this ending, from the root on, in order; what cargo builds and git keeps is left out.
pub fn files(ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root(), "", ending, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, prefix: &str, ending: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && name != "target" && !name.starts_with('.') {
            collect(&entry.path(), &format!("{prefix}{name}/"), ending, found);
        } else if !is_folder && name.ends_with(ending) {
            found.push(format!("{prefix}{name}"));
        }
    }
}

/// What ships, as cargo knows it: the packages of the main workspace.
///
/// # Panics
/// When cargo does not say.
pub fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    told["packages"].as_array().expect("there are packages").clone()
}
