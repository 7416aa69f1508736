//! `mfactl setup`: the second factor is switched on where and for whom the administrator says, after everything that
//! changes was shown, and so that it goes back by itself unless it is confirmed.

mod plan;
