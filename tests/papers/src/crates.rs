//! What is linked into the programs: every crate that a build for Linux takes, as cargo says, and what other crates
//! bring along that is not Rust.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A crate, ours or another's.
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licenses, as SPDX says it.
    pub license: String,
    /// SHA-256 of what was downloaded; none for ours.
    pub checksum: Option<String>,
    /// The folder of its sources.
    pub folder: PathBuf,
    /// What it is linked with: positions in the same list.
    pub needs: Vec<usize>,
}

impl Crate {
    /// Whether it is part of this project.
    pub fn is_ours(&self) -> bool {
        self.checksum.is_none()
    }
}

/// Every crate that is linked into a program that ships, ours first, then by name.
///
/// # Errors
/// Cargo does not say.
pub fn linked() -> io::Result<Vec<Crate>> {
    let told = metadata()?;
    let nodes = needs(&told);
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = array(&told["workspace_members"]).filter_map(Value::as_str).collect();
    while let Some(id) = next.pop() {
        if reached.insert(id) {
            next.extend(nodes.get(id).into_iter().flatten());
        }
    }
    let mut packages: Vec<&Value> =
        array(&told["packages"]).filter(|package| reached.contains(text(&package["id"]))).collect();
    packages.sort_by_key(|package| (!package["source"].is_null(), text(&package["name"]), text(&package["version"])));
    let places: BTreeMap<&str, usize> =
        packages.iter().enumerate().map(|(at, package)| (text(&package["id"]), at)).collect();
    let checksums = checksums()?;
    let one = |package: &&Value| {
        let (name, version) = (text(&package["name"]).to_owned(), text(&package["version"]).to_owned());
        let ids = nodes.get(text(&package["id"])).into_iter().flatten();
        Crate {
            license: text(&package["license"]).replace('/', " OR "),
            checksum: checksums.get(&(name.clone(), version.clone())).cloned(),
            folder: Path::new(text(&package["manifest_path"])).parent().unwrap_or(Path::new("/")).to_owned(),
            needs: ids.filter_map(|id| places.get(id).copied()).collect(),
            name,
            version,
        }
    };
    Ok(packages.iter().map(one).collect())
}

/// For each crate, those it is linked with: neither what it is only built or tested with, nor macros.
fn needs(told: &Value) -> BTreeMap<&str, Vec<&str>> {
    let is_macro = |id: &str| {
        let package = array(&told["packages"]).find(|package| text(&package["id"]) == id);
        package.is_some_and(|package| array(&package["targets"]).any(|target| target["kind"][0] == "proc-macro"))
    };
    let linked = |dependency: &&Value| array(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null());
    let below = |node| array(node).filter(linked).map(|one| text(&one["pkg"])).filter(|id| !is_macro(id)).collect();
    array(&told["resolve"]["nodes"]).map(|node| (text(&node["id"]), below(&node["deps"]))).collect()
}

fn metadata() -> io::Result<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &target])
        .current_dir(root())
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(io::Error::other)
}

/// As the lock file has them, by name and version.
fn checksums() -> io::Result<BTreeMap<(String, String), String>> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock"))?;
    let entries = lock.split("[[package]]").filter_map(|entry| {
        let field = |name: &str| {
            let line = entry.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))?;
            Some(line.trim_matches('"').to_owned())
        };
        Some(((field("name")?, field("version")?), field("checksum")?))
    });
    Ok(entries.collect())
}

/// The folder of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
