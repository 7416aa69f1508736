//! A second implementation of the policy, for the tests: naive, slow, and written from `packaging/etc/policy.toml` and
//! the manual page alone, so that a mistake in the first is not made again. It knows facts only that are known; what is
//! not known is tried each way it could be.
#![forbid(unsafe_code)]

pub mod second;
