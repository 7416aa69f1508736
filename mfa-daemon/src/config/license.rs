//! The license that is installed, and whose signature makes one: read like the policy, and never in its way. What cannot
//! be read is a license that does not count, and no login is refused for it.

use mfa_core::Time;
use mfa_core::license::{Installed, LicenseError};
use mfa_core::sshsig::AllowedSigners;
use mfa_settings::FileError;
use mfa_settings::file::{self, is_absent, trust_folder};
use std::path::{Path, PathBuf};

/// The folder of the license, within the configuration; replaced as a whole.
pub(crate) const FOLDER: &str = "license";
/// The license in its folder; the signature is beside it.
pub(crate) const FILE: &str = "license.toml";
/// The signature.
pub(crate) const SIGNATURE: &str = "license.toml.sig";
/// Who issues licenses, in the configuration; a file of the same name comes with the package.
pub(crate) const ISSUERS: &str = "license-issuers";
/// Where that is.
pub(crate) const SHIPPED: &str = "/usr/share/mfa";

/// What is installed.
pub(crate) fn installed(folder: &Path, now: Time) -> Installed {
    let place = folder.join(FOLDER);
    let read = || -> Result<Installed, LicenseError> {
        let file = optional(&place.join(FILE), &place)?;
        let signature = optional(&place.join(SIGNATURE), &place)?;
        if file.is_none() {
            return Ok(Installed::None);
        }
        let issuers = issuers(folder)?;
        Ok(Installed::read(file.as_deref(), signature.as_deref(), &issuers, now))
    };
    read().unwrap_or_else(Installed::NotValid)
}

/// Who may issue licenses here: what comes with the package, and what the site adds.
///
/// # Errors
/// A file that cannot be read, or not trusted, or not understood. None of it is used then.
pub(crate) fn issuers(folder: &Path) -> Result<AllowedSigners, LicenseError> {
    let mut all = AllowedSigners::default();
    for file in [Path::new(SHIPPED).join(ISSUERS), folder.join(ISSUERS)] {
        let Some(bytes) = optional(&file, file.parent().unwrap_or(&file))? else { continue };
        let wrong = |error| LicenseError::Unreadable(format!("{}, {error}", file.display()));
        all = all.and(AllowedSigners::parse(&bytes).map_err(wrong)?);
    }
    Ok(all)
}

/// A file in a folder, both of which nobody else can have written; `None` if either is not there.
fn optional(path: &Path, folder: &Path) -> Result<Option<Vec<u8>>, LicenseError> {
    if is_absent(folder) || is_absent(path) {
        return Ok(None);
    }
    let read = trust_folder(folder).and_then(|()| file::read(path, file::LARGEST));
    read.map(|text| Some(text.into_bytes())).map_err(unreadable)
}

fn unreadable(error: FileError) -> LicenseError {
    let place = |path: PathBuf| path.display().to_string();
    LicenseError::Unreadable(match error {
        FileError::Unreadable(path, why) => format!("{}, {why}", place(path)),
        FileError::Unsafe(path, why) => format!("{} is not trusted, {why}", place(path)),
    })
}
