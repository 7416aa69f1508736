//! What `mfa-key` makes of keys and of whatever can go wrong with them: the answer is right, it comes in time, and what
//! was signed is what the daemon would believe. Each case has keys of its own and runs the program as it ships, but for
//! its ports; cases mostly wait, so they run many at a time.

mod cases;
mod desk;
mod faults;
mod hands;
mod site;
mod turns;
mod two_keys;
