//! What the two halves of the benchmark share: how much is measured, and what was measured. `bench` runs on this
//! machine and shows it, `driver` runs in the lab and measures it.
#![forbid(unsafe_code)]

pub mod figures;
pub mod scale;
pub mod systems;
