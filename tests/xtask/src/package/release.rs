//! What a release has beside its packages: the notes, the bill of materials, and the sums of every file.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::deb::maintainer;
use super::order::{Order, answer};
use super::tree::cannot;
use crate::Stop;
use crate::places::root;
use crate::stage::papers;

/// Writes them into the packages' folder.
pub(crate) fn accompany(order: &Order) -> Result<(), Stop> {
    let write = |name: &str, text: &str| {
        let place = order.folder.join(name);
        fs::write(&place, text).map_err(|error| cannot(&place, error))
    };
    let notes = notes(&read(&root().join("CHANGELOG.md"))?, &order.upstream)? + &made_with()?;
    write("RELEASE-NOTES.md", &notes)?;
    write("mfa.cdx.json", &read(&papers().join("doc/mfa.cdx.json"))?)?;
    let sums = "sha256sum -- *.deb *.rpm RELEASE-NOTES.md mfa.cdx.json";
    let sums = answer(Command::new("sh").args(["-c", sums]).current_dir(&order.folder), "sha256sum")?;
    write("SHA256SUMS", &(sums + "\n"))
}

fn read(path: &Path) -> Result<String, Stop> {
    fs::read_to_string(path).map_err(|error| cannot(path, error))
}

/// What somebody else needs to make the same bytes.
fn made_with() -> Result<String, Stop> {
    let rustc = answer(Command::new("rustc").arg("-V").current_dir(root()), "rustc")?;
    let maintainer = match maintainer() {
        Some(name) => format!("Maintainer: {name}"),
        None => "neither DEBFULLNAME nor DEBEMAIL".to_owned(),
    };
    Ok(format!("\nMade with {}, and {maintainer}.\n", rustc.trim()))
}

/// The part of the changelog that is about that version.
fn notes(changelog: &str, version: &str) -> Result<String, Stop> {
    let heading = |line: &str| line.strip_prefix("## ").map(|rest| rest.split([',', ' ']).next() == Some(version));
    let of_it = changelog.lines().skip_while(|line| heading(line) != Some(true));
    let notes: Vec<&str> =
        of_it.enumerate().take_while(|(at, line)| *at == 0 || heading(line).is_none()).map(|(_, line)| line).collect();
    if notes.is_empty() {
        return Err(Stop::Failed(format!("CHANGELOG.md says nothing of {version}: add a heading.")));
    }
    Ok(format!("# mfa {}\n", notes.join("\n").trim_start_matches("## ").trim_end()))
}

#[cfg(test)]
mod tests {
    use super::notes;

    const LOG: &str = "# Changes\n\n## 0.2.0, 2027-01-05\nNews.\n\n- One.\n\n## 0.1.0, 2026-11-22\nThe first.\n";

    #[test]
    fn the_notes_of_a_version_are_its_part_of_the_changelog() {
        assert!(matches!(notes(LOG, "0.2.0").as_deref(), Ok("# mfa 0.2.0, 2027-01-05\nNews.\n\n- One.\n")));
        assert!(matches!(notes(LOG, "0.1.0").as_deref(), Ok("# mfa 0.1.0, 2026-11-22\nThe first.\n")));
        assert!(notes(LOG, "0.1").is_err());
    }
}
