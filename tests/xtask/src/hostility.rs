//! `cargo xtask hostility`: a plain user who does to the daemon what a plain user can, and how long root's logins take.

use crate::package::package_for_labs;
use crate::places::staged;
use crate::scenarios::aloud;
use crate::setup::{ALL, setup};
use crate::stage::stage_afresh;
use crate::{Command, no_more, take_flag, take_profile};

pub(crate) const COMMAND: Command = Command {
    name: "hostility",
    summary: "Measure root's logins beside a hostile local user",
    usage: "usage: cargo xtask hostility [--profile release|lab] [--no-stage]

Boots a lab of each release in which a plain user takes all connections, sends a byte a second, never reads, floods, lies
and leaves open files that take an hour to close, and prints how long logins of root's applications take before that and
beside it. That all of them get in is tested; how long they take is for whoever reads it.",
    run: |words| {
        let mut words = words.to_vec();
        let (profile, no_stage) = (take_profile(&mut words)?, take_flag(&mut words, "--no-stage"));
        no_more(&words)?;
        setup(&ALL)?;
        if !no_stage {
            stage_afresh(&staged(), &profile)?;
            package_for_labs(&profile)?;
        }
        aloud("hostility::")
    },
};
