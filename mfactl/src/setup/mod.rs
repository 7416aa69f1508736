//! `mfactl setup`: the second factor is switched on where and for whom the administrator says, after everything that
//! changes was shown, and so that it goes back by itself unless it is confirmed.

mod answers;
mod ask;
mod automation;
mod diff;
mod facts;
mod locked_out;
mod people;
mod plan;
mod planned;
mod policy;
mod proposed;
mod show;
mod ssh;
mod stacks;
mod words;

#[cfg(test)]
mod machines;
