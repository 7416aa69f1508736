//! The targets, one a file.

pub mod conversation;
pub mod frames;
pub mod imports;
pub mod letters;
pub mod license;
pub mod module_arguments;
pub mod otpauth;
pub mod parameters;
pub mod policy;
pub mod security_key;
pub mod ssh_auth;
