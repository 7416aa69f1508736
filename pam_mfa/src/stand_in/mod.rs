//! For the tests: the two that the module stands between.

mod application;
mod daemon;

pub(crate) use application::Application;
pub(crate) use daemon::{Act, CODE, Daemon, asks, ends, question, says_and_asks, says_and_ends};
