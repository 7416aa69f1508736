//! Labs for scenarios: a lab is a whole Debian with systemd, sshd, sudo and login in a container of its own,
//! booted in under a second, driven through terminals as a person would, gone when it is dropped.
//!
//! ```no_run
//! use harness::{Lab, Outcome, Release, Service, Stack};
//!
//! fn a_password_and_a_code_open_a_shell() -> Outcome {
//!     let lab = Lab::builder(Release::Bookworm)
//!         .user("alice", "correct horse")
//!         .pam(Service::Sshd, Stack::password_then_code())
//!         .boot()?;
//!     let mut phone = lab.enroll("alice")?.phone;
//!     let mut login = lab.ssh("alice")?;
//!     login.expect("Password: ")?;
//!     login.send_line("correct horse")?;
//!     login.expect("Verification code: ")?;
//!     login.send_line(&phone.code())?;
//!     login.expect_shell()?;
//!     Ok(())
//! }
//! ```
//!
//! It never skips: once the machine can run labs, whatever goes wrong is a failure.

mod base;
mod builder;
mod camera;
mod command;
mod crowd;
mod enrollment;
mod gateway;
mod guest;
mod holds;
mod host;
mod keeper;
mod lab;
mod layer;
mod notices;
mod otpauth;
mod outcome;
mod packages;
mod phone;
mod pty;
mod release;
mod security_key;
mod ssh;
mod stack;
mod staged;
mod terminal;
mod wizard;

pub use builder::LabBuilder;
pub use camera::CameraError;
pub use command::{Output, RunError};
pub use crowd::{Ended, Knock};
pub use enrollment::Enrolled;
pub use guest::{Console, ConsoleError, Guest};
pub use holds::Holds;
pub use keeper::BootError;
pub use lab::Lab;
pub use otpauth::{Otpauth, OtpauthError};
pub use outcome::{Failure, Outcome};
pub use packages::packages;
pub use phone::Phone;
pub use release::Release;
pub use security_key::{KEY_PORTS, SecurityKey};
pub use ssh::Ssh;
pub use stack::{Service, Stack, StackError};
pub use terminal::{Terminal, TerminalError};
/// What security keys are made of.
pub use virtual_key;
pub use wizard::{acknowledge, codes_on};

/// Runs each scenario once on every Debian release: `fn name(release: Release) -> Outcome { … }`
/// becomes the tests `name::on_bookworm` and `name::on_trixie`.
#[macro_export]
macro_rules! on_each_release {
    ($($(#[$meta:meta])* fn $name:ident($release:ident: $kind:ty) -> $outcome:ty $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "a scenario takes what it needs from its file")]
            use super::*;

            fn scenario($release: $kind) -> $outcome $body

            #[test]
            fn on_bookworm() -> $outcome {
                scenario($crate::Release::Bookworm)
            }

            #[test]
            fn on_trixie() -> $outcome {
                scenario($crate::Release::Trixie)
            }
        }
    )+};
}
