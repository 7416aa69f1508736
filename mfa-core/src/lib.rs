//! The decisions of a second factor, as pure functions of their arguments.
//!
//! No I/O, no clock, no randomness, no `unsafe`: time and random bytes are arguments, and what should happen comes
//! back as data that the daemon performs. Whoever wants to know why a login passed needs to read this crate only.
#![forbid(unsafe_code)]

pub mod account;
pub mod dialog;
pub mod enrollment;
pub mod factor;
pub mod given;
pub mod import;
pub mod letter;
pub mod license;
pub mod mailbox;
pub mod policy;
pub mod printed;
pub mod seats;
pub mod secret;
pub mod sshsig;
pub mod throttle;
pub mod time;
pub mod trust;

pub use secret::Secret;
pub use time::{At, Time};
