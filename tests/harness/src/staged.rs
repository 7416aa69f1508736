//! The layer with the product in it: the tree that `cargo xtask stage` made, copied so that a later stage cannot
//! change a lab that is running.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::layer::{Layer, LayerError, LayerName, obtain};

/// Kept this long after its last use.
const KEEP: Duration = Duration::from_secs(24 * 3600);

/// The product as last staged: in the folder `MFA_STAGE` names, else in `target/stage`.
pub(crate) fn staged() -> Result<Layer, LayerError> {
    let tree = std::env::var_os("MFA_STAGE")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/stage")), PathBuf::from);
    if !tree.join("usr").is_dir() {
        let tree = tree.display();
        return Err(LayerError::Build(format!("nothing is staged in {tree}. Run: cargo xtask stage target/stage")));
    }
    let parts = contents(&tree).map_err(|error| LayerError::Cache(tree.clone(), error))?;
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    obtain(&LayerName::new("stage", KEEP, &parts), |folder| copy(&tree, folder))
}

/// Everything that makes one staged tree differ from another: paths, modes, link targets, bytes; in one order.
fn contents(tree: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut parts = Vec::new();
    let mut entries = fs::read_dir(tree)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        let data = fs::symlink_metadata(&path)?;
        parts.push(path.as_os_str().as_encoded_bytes().to_vec());
        parts.push(data.mode().to_le_bytes().to_vec());
        if data.is_symlink() {
            parts.push(fs::read_link(&path)?.as_os_str().as_encoded_bytes().to_vec());
        } else if data.is_dir() {
            parts.extend(contents(&path)?);
        } else {
            parts.push(fs::read(&path)?);
        }
    }
    Ok(parts)
}

/// As a package would install it: owned by root, whoever built it.
fn copy(tree: &Path, folder: &Path) -> Result<(), LayerError> {
    let copied = Command::new("cp").args(["-r", "-P", "--preserve=mode"]).arg(tree.join(".")).arg(folder).output();
    let copied = copied.map_err(|error| LayerError::Cache(tree.to_owned(), error))?;
    if !copied.status.success() {
        return Err(LayerError::Build(String::from_utf8_lossy(&copied.stderr).into_owned()));
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
        .map_err(|error| LayerError::Cache(folder.to_owned(), error))
}
