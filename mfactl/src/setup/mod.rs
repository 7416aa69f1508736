//! `mfactl setup`: the second factor is switched on where and for whom the administrator says, after everything that
//! changes was shown, and so that it goes back by itself unless it is confirmed.

mod automation;
mod diff;
mod people;
mod plan;
mod policy;
mod proposed;
mod ssh;
mod stacks;
mod words;

#[cfg(test)]
mod machines;
