//! What lintian and rpmlint say of the packages: nothing, but for what `packaging` says why it stays.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Stop;
use crate::cargo::run;
use crate::places::root;

/// Has both look at the packages; a warning is a failure.
pub(crate) fn lint(made: &[PathBuf]) -> Result<(), Stop> {
    let of_kind = |kind: &str| made.iter().filter(move |path| ending(path) == kind).collect::<Vec<_>>();
    let mut lintian = Command::new("lintian");
    run(lintian.args(["--allow-root", "--fail-on", "error,warning"]).args(of_kind("deb")), "lintian")?;
    let mut rpmlint = Command::new("rpmlint");
    rpmlint.arg("--strict").arg("--config").arg(root().join("packaging/rpm/rpmlint.toml")).args(of_kind("rpm"));
    run(&mut rpmlint, "rpmlint")
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or_default()
}
