//! Where keys are plugged in. Whoever starts [`crate::serve`] says it by construction: this machine's USB ports, or,
//! in tests, wherever a virtual key is.

use crate::line::Wire;
use std::io;

/// All ports there are.
pub trait Ports: Send + Sync {
    /// Those with a key in them, now.
    ///
    /// # Errors
    /// When they cannot be looked at.
    fn plugged_in(&self) -> io::Result<Vec<Box<dyn Port>>>;
}

/// A port with a key in it.
pub trait Port: Send {
    /// Opens it; taking turns comes after.
    ///
    /// # Errors
    /// `NotFound` and the like when the key is gone.
    fn open(&self) -> io::Result<Wire>;

    /// What the key calls itself on its port; untrusted.
    fn product(&self) -> &str;

    /// Who made it, in its own words; untrusted.
    fn manufacturer(&self) -> &str;
}
