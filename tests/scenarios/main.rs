//! The scenarios: sessions that people play with a Debian that asks for a second factor, and that must end as told.
//! One file a subject; `tests/README.md` says how to write one.

mod guessing;
mod key_and_code;
mod labs;
mod password_and_code;
mod steps;
