//! The oldest C library that the programs run with: that of Debian 12. What asks for a newer one would not start there,
//! or, worse, be a module that no stack can load.

use std::path::Path;

use super::order::answer;
use crate::Stop;
use crate::stage::machine::Machine;

/// glibc 2.36, of Debian 12.
const FLOOR: (u32, u32) = (2, 36);

/// That the file, built for that machine, asks for no newer one.
pub(crate) fn check(file: &Path, machine: Machine) -> Result<(), Stop> {
    let symbols = answer(machine.tool("objdump").arg("--dynamic-syms").arg(file), "objdump")?;
    match newest(&symbols) {
        Some(version) if version > FLOOR => Err(Stop::Failed(format!(
            "{} needs glibc {}.{}, and must run with {}.{}: build it on a machine with that one.",
            file.display(),
            version.0,
            version.1,
            FLOOR.0,
            FLOOR.1
        ))),
        _ => Ok(()),
    }
}

/// The newest version of glibc that a symbol is of.
fn newest(symbols: &str) -> Option<(u32, u32)> {
    let versions = symbols.split("GLIBC_").skip(1).filter_map(|rest| {
        let word = rest.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
        let (major, minor) = word.split_once('.')?;
        Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
    });
    versions.max()
}

#[cfg(test)]
mod tests {
    use super::newest;

    #[test]
    fn the_newest_version_is_found_by_number_and_not_by_letter() {
        let symbols = "DF *UND* (GLIBC_2.9) getpwnam\nDF *UND* (GLIBC_2.34) stat\nDF *UND* (GLIBC_2.2.5) free\n";
        assert_eq!(newest(symbols), Some((2, 34)));
        assert_eq!(newest("DF .text main"), None);
    }
}
