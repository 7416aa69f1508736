//! The lab: local accounts, a service for each module, and this machine's disk below everything that is synced.

use benches::figures::Figures;
use benches::scale::Scale;
use benches::systems::System;
use harness::{Failure, Lab, Outcome, Release};
use std::path::PathBuf;
use std::process::Stdio;

/// Where the state of each system lies: the daemon's store, home folders, and what is in `systems`.
const ON_DISK: [&str; 3] = ["/var/lib/mfa", "/home", "/srv"];
/// Where glibc looks for a name service.
const NAME_SERVICE: &str = "/usr/lib/*-linux-gnu/libnss_bench.so.2";

/// A lab with that many accounts, and with the programs in it that measure.
pub(crate) fn boot(scale: &Scale) -> Outcome<Lab> {
    let mut builder = Lab::builder(Release::Bookworm).policy(&policy()).before_boot(&accounts(scale.accounts));
    for folder in ON_DISK {
        builder = builder.on_disk(folder);
    }
    for system in System::ALL {
        builder = builder.file(&format!("/etc/pam.d/{}", system.service()), &system.stack(), 0o644);
    }
    let lab = builder.boot()?;
    for program in ["driver", "libnss_bench.so"] {
        lab.install(&beside(program)?)?;
    }
    let folder = NAME_SERVICE.rsplit_once('/').map_or("", |(folder, _)| folder);
    lab.sh(&format!("cd {folder}\nmv /usr/local/bin/libnss_bench.so libnss_bench.so.2"))?;
    Ok(lab)
}

/// Everybody is asked; the shipped policy would not ask at services of our own.
fn policy() -> String {
    // Whoever enrolls by choice takes no seat of the license, and is asked like everybody else.
    format!("[defaults]\nservices = [\"{}\"]\nrequire = \"if-enrolled\"\n", System::Mfa.service())
}

/// Lines in the files that `useradd` would write, one by one and slowly.
fn accounts(count: usize) -> String {
    format!(
        "awk 'BEGIN {{ for (n = 1; n <= {count}; n++) {{\n\
         printf \"local%04d:x:%d:%d::/home/local%04d:/bin/sh\\n\", n, 10000 + n, 10000 + n, n >>\"/etc/passwd\"\n\
         printf \"local%04d:x:%d:\\n\", n, 10000 + n >>\"/etc/group\"\n\
         printf \"local%04d:!:20000:0:99999:7:::\\n\", n >>\"/etc/shadow\"\n\
         }} }}'"
    )
}

/// What cargo built together with this program.
fn beside(file: &str) -> Outcome<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(file);
    if path.is_file() {
        Ok(path)
    } else {
        Err(Failure::new(format!("{} was not built. Run: cargo xtask bench", path.display())))
    }
}

/// Lets the driver measure; it says on standard error what it is doing.
pub(crate) fn measure(lab: &Lab, scale: &Scale) -> Outcome<Figures> {
    let scale = serde_json::to_string(scale)?;
    let mut command = lab.command(["/usr/local/bin/driver", "measure", &scale]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout)?)
    } else {
        Err(Failure::new(format!("the driver ended with {}", output.status)))
    }
}
