//! Virtual keys for OpenSSH: the library that `ssh` and `ssh-keygen` load as `SecurityKeyProvider`. The keys are those
//! whose socket files lie in the folder that the library itself lies in; nothing else says which.
//!
//! It is C only at its edge (`sk_api`, which is OpenSSH's `sk-api.h`); what talks to the keys is `mfa-key`.

mod key;
pub mod sk_api;
