//! The base of a release as a disk that guests read. A folder of this machine that a guest reached into (9p) cost it
//! sixty thousand messages a boot; of a disk the kernel reads ahead and remembers.

use std::process::Command;
use std::time::Duration;

use crate::base::{Kind, base};
use crate::layer::{Layer, LayerError, LayerName, obtain};
use crate::release::Release;

/// Kept this long after its last use.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// A folder with the disk `base` in it: an erofs, read-only by its nature.
pub(crate) fn image(release: Release) -> Result<Layer, LayerError> {
    let base = base(release, Kind::Plain)?;
    let of = base.path.file_name().unwrap_or_default();
    obtain(&LayerName::new("image", KEEP, &[of.as_encoded_bytes()]), |folder| {
        let made = Command::new("mkfs.erofs").arg("--quiet").arg(folder.join("base")).arg(&base.path).output();
        let made = made.map_err(|error| LayerError::Build(format!("mkfs.erofs did not start: {error}")))?;
        if made.status.success() {
            return Ok(());
        }
        Err(LayerError::Build(format!("mkfs.erofs failed.\n{}", String::from_utf8_lossy(&made.stderr))))
    })
}
