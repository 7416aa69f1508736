//! The machine that is built for: this one, or an arm64, by Debian's cross compiler.

use std::path::PathBuf;
use std::process::Command;

use crate::Stop;
use crate::places::target;

/// What Rust calls the arm64 that is built for.
const ARM64_TARGET: &str = "aarch64-unknown-linux-gnu";

/// A machine to build for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Machine {
    /// One like this, built for by the compiler that is here.
    This,
    /// An arm64, where this is none.
    Arm64,
}

impl Machine {
    /// By the word that Debian has for it.
    pub(crate) fn named(word: &str) -> Result<Self, Stop> {
        match word {
            _ if word == Self::This.debian() => Ok(Self::This),
            "arm64" => Ok(Self::Arm64),
            _ => Err(Stop::Usage(format!("Nothing is built for {word} here; for arm64, and for machines like this."))),
        }
    }

    /// Its processor, by Rust's word.
    pub(crate) fn processor(self) -> &'static str {
        match self {
            Self::This => std::env::consts::ARCH,
            Self::Arm64 => "aarch64",
        }
    }

    /// The same by Debian's word.
    pub(crate) fn debian(self) -> &'static str {
        match self.processor() {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        }
    }

    /// Where cargo puts what it builds for it with that profile.
    pub(crate) fn built(self, profile: &str) -> PathBuf {
        let folder = if profile == "dev" { "debug" } else { profile };
        match self {
            Self::This => target().join(folder),
            Self::Arm64 => target().join(ARM64_TARGET).join(folder),
        }
    }

    /// A tool that reads and writes its programs, such as `strip`.
    pub(crate) fn tool(self, name: &str) -> Command {
        match self {
            Self::This => Command::new(name),
            Self::Arm64 => Command::new(format!("aarch64-linux-gnu-{name}")),
        }
    }

    /// Has cargo build for it.
    pub(crate) fn tell_cargo(self, build: &mut Command) -> Result<(), Stop> {
        if self == Self::This {
            return Ok(());
        }
        rust_knows(ARM64_TARGET)?;
        build.args(["--target", ARM64_TARGET]);
        build.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc");
        build.env("CC_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-gcc");
        Ok(())
    }

    /// Has one of dpkg's tools work for it.
    pub(crate) fn tell_dpkg(self, command: &mut Command) {
        if self == Self::Arm64 {
            command.env("DEB_HOST_ARCH", "arm64");
        }
    }
}

/// Whether Rust's own libraries are there for that target.
fn rust_knows(target: &str) -> Result<(), Stop> {
    let mut ask = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let answer = ask.args(["--print", "target-libdir", "--target", target]).output();
    let folder = answer.map(|output| String::from_utf8_lossy(&output.stdout).trim_end().to_owned()).unwrap_or_default();
    if !folder.is_empty() && PathBuf::from(folder).is_dir() {
        return Ok(());
    }
    Err(Stop::Failed(format!("Rust has no libraries for {target} here. Run: rustup target add {target}")))
}

#[cfg(test)]
mod tests {
    use super::Machine;

    #[test]
    fn a_machine_like_this_is_this_machine_and_an_unknown_one_is_refused() {
        let word = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" };
        assert!(matches!(Machine::named(word), Ok(Machine::This)));
        assert!(Machine::named("sparc").is_err());
        assert_eq!(Machine::This.processor(), std::env::consts::ARCH);
    }

    #[test]
    fn what_is_built_for_another_machine_lies_apart() {
        assert!(Machine::Arm64.built("release").ends_with("aarch64-unknown-linux-gnu/release"));
        assert!(Machine::This.built("dev").ends_with("debug"));
    }
}
