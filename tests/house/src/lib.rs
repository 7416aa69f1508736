//! The rules of the house, as tests: the arrows between the crates, and what the documents say of the project.
//! It reads the project and changes nothing, but for the picture that its program draws.

pub mod drawing;
pub mod project;
