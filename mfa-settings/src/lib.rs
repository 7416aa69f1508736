//! What more than one program reads of `/etc/mfa`: files that only root can have written, and `[mail]` and `[notify]`
//! of `mfa.toml`, which the daemon and `mfa-mail` must understand alike.
//!
//! Nothing is decided here and nothing is written. All other settings are the daemon's own.
#![forbid(unsafe_code)]

pub mod file;
pub mod mail;

pub use file::FileError;
pub use mail::{Mail, Notify, Relay, Tls};
