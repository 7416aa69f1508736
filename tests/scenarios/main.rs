//! The scenarios: sessions that people play with a Debian that asks for a second factor, and that must end as told.
//! One file a subject; `tests/README.md` says how to write one.

mod first_login;
mod guessing;
mod key_and_code;
mod labs;
mod outages;
mod password_and_code;
mod policy;
mod steps;
