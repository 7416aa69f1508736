//! What was built for another machine is started once, by QEMU: each program tells its version, and that machine's own
//! loader binds every symbol of the module. It tries no login.

use std::path::Path;
use std::process::Command;

use super::order::{Order, answer};
use crate::Stop;
use crate::stage::machine::Machine;
use crate::stage::table::{Package, Source, System, parcels};

/// QEMU, by the name that Debian's `qemu-user-static` gives it.
const QEMU: &str = "qemu-aarch64-static";

/// That machine's loader, as Debian's `libc6` for it brings it.
const LOADER: &str = "/lib/ld-linux-aarch64.so.1";

/// Starts what is in the .debs; a line for each that runs.
pub(crate) fn try_out(order: &Order) -> Result<(), Stop> {
    if order.machine == Machine::This {
        return Ok(()); // the labs log in with it
    }
    for parcel in parcels(System::Debian, order.machine.processor()) {
        let tree = order.work("deb").join(if parcel.package == Package::Daemon { "mfa" } else { "libpam-mfa" });
        match parcel.from {
            Source::Built(name) if name.ends_with(".so") => loads(&tree.join(&parcel.to), name)?,
            Source::Built(name) => tells_its_version(&tree.join(&parcel.to), name, &order.upstream)?,
            _ => {}
        }
    }
    Ok(())
}

fn tells_its_version(program: &Path, name: &str, version: &str) -> Result<(), Stop> {
    let said = answer(Command::new(QEMU).arg(program).arg("--version"), name)?;
    if said != format!("{name} {version}") {
        return Err(Stop::Failed(format!("{name} for arm64 says {said:?} for its version.")));
    }
    println!("{said}: runs (by QEMU)");
    Ok(())
}

fn loads(module: &Path, name: &str) -> Result<(), Stop> {
    let mut load = Command::new(QEMU);
    for setting in ["LD_TRACE_LOADED_OBJECTS=1", "LD_BIND_NOW=1", "LD_WARN=yes"] {
        load.args(["-E", setting]);
    }
    let output = load.arg(LOADER).arg(module).output().map_err(|error| Stop::Failed(format!("{QEMU}: {error}")))?;
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let is_bound = output.status.success() && said.contains("libpam.so.0 => /");
    if !is_bound || said.contains("undefined symbol") || said.contains("not found") {
        return Err(Stop::Failed(format!("{name} for arm64 cannot be loaded: {said}")));
    }
    println!("{name}: loads, every symbol bound (by QEMU)");
    Ok(())
}
