//! The scenarios: sessions that people play with a Debian that asks for a second factor, and that must end as told.
//! One file a subject; `tests/README.md` says how to write one.

mod administration;
mod at_the_machine;
mod audit;
mod break_glass;
mod copies;
mod doctor;
mod endurance;
mod enrollment;
mod exempt;
mod first_login;
mod given_codes;
mod guessing;
mod import;
mod key_and_code;
mod keys;
mod keys_in_ports;
mod labs;
mod licensing;
mod mail;
mod mailed_codes;
mod name_service;
mod outages;
mod own_processes;
mod package_upgrades;
mod packages;
mod password_and_code;
mod policy;
mod policy_commands;
mod real_keys;
mod rpm_packages;
mod secrets;
mod steps;
mod time;
mod trust;
mod varlink;
