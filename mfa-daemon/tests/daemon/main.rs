//! The daemon as a stranger, an attacker and bad luck meet it: the real program, its real sockets, one file a subject.
//!
//! As root the tests are two peers, root and somebody else; as an ordinary user they are the one peer there is, and
//! say which rows they left out.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // a test that cannot go on fails
#![allow(clippy::print_stderr)] // a row that was left out is said

mod anything;
mod changing;
mod clock;
mod configuration;
mod disk;
mod enrolling;
mod frames;
mod helpdesk;
mod identity;
mod killed;
mod leaving;
mod lingering;
mod mailed_codes;
mod name_service;
mod own_keys;
mod power;
mod remains;
mod screen;
mod scripted_key;
mod secrets;
mod service;
mod sockets;
mod soft_key;
mod steps;
mod stopping;
mod store;
mod struck;
mod support;
mod told;
mod touching;
mod unwritable;
mod wire;
