//! What lintian and rpmlint say of the packages: nothing, but for what `packaging` says why it stays.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Stop;
use crate::cargo::run;
use crate::places::root;

/// What is said of packages that are made quickly, for labs, and is meant.
const UNCOMPRESSED: &str = "uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball";

/// Has both look at the packages; a warning is a failure.
pub(crate) fn lint(made: &[PathBuf], for_labs: bool) -> Result<(), Stop> {
    let of_kind = |kind: &str| made.iter().filter(move |path| ending(path) == kind).collect::<Vec<_>>();
    let mut lintian = Command::new("lintian");
    lintian.args(["--allow-root", "--fail-on", "error,warning"]);
    if for_labs {
        lintian.args(["--suppress-tags", UNCOMPRESSED]);
    }
    run(lintian.args(of_kind("deb")), "lintian")?;
    let mut rpmlint = Command::new("rpmlint");
    rpmlint.arg("--strict").arg("--config").arg(root().join("packaging/rpm/rpmlint.toml")).args(of_kind("rpm"));
    run(&mut rpmlint, "rpmlint")
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or_default()
}
