//! Every line of `unsafe` in the module, and nothing but what needs it: libpam's side ([`sys`]), its handle as a
//! [`crate::host::Host`] ([`handle`], [`conversation`]), the hooks libpam calls ([`entry`], behind [`guard`]), and where
//! memory comes from ([`memory`]).
//!
//! No policy, no verdict and no text for people is in here.

mod conversation;
mod entry;
mod guard;
mod handle;
mod memory;
mod sys;
