//! What goes with the packages and is made from the code: manual pages and completions of the commands, as their
//! arguments describe them, and the list of everything that is linked into the programs. It changes nothing but the
//! folder it writes into.
#![forbid(unsafe_code)]

pub mod bill;
pub mod completions;
pub mod crates;
pub mod licenses;
pub mod pages;
pub mod settings;
