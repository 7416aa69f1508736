//! What the programs say to each other: the messages, the frame they travel in, and a blocking client.
//!
//! The framing is Varlink's: one JSON object and a NUL byte a message. The interfaces are described in
//! `interfaces/*.varlink`, and `org.varlink.service` answers with those very texts.
//! Nothing is decided here: this crate knows neither a policy nor a factor.
#![forbid(unsafe_code)]

pub mod admin;
pub mod audit;
pub mod break_glass;
mod bytes;
pub mod client;
pub mod enrollment;
pub mod frame;
pub mod keep;
pub mod key;
pub mod license;
pub mod login;
pub mod mail;
pub mod metrics;
pub mod one_call;
pub mod policy;
mod secret;
pub mod service;

pub use bytes::Bytes;
pub use client::{CallError, Client, ConnectError};
pub use frame::{Call, Decoder, FrameError, Reply};
pub use secret::Secret;

/// The protocol this crate speaks. From the second on, a daemon serves it and the one before.
pub const PROTOCOL: u32 = 1;
/// The socket everybody may connect to (mode 0666).
pub const SOCKET: &str = "/run/mfa/mfa.sock";
/// The socket of root alone (mode 0600), so that no local user can starve root's logins.
pub const ROOT_SOCKET: &str = "/run/mfa/root.sock";
