//! The same bytes again: builds the packages a second time, from a copy of the sources in another place, into another
//! folder, with another umask, language and time zone, and compares.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::order::{Order, answer};
use super::tree::cannot;
use crate::Stop;
use crate::cargo::run;
use crate::places::root;

/// Builds again, and compares with what was made.
pub(crate) fn compare(made: &[PathBuf], order: &Order) -> Result<(), Stop> {
    let elsewhere = std::env::temp_dir().join(format!("mfa-again-{}", std::process::id()));
    let compared = again(&elsewhere, order).and_then(|()| same(made, &elsewhere.join("packages")));
    let _ = fs::remove_dir_all(&elsewhere); // it is only a copy
    compared
}

fn again(elsewhere: &Path, order: &Order) -> Result<(), Stop> {
    let sources = elsewhere.join("sources");
    fs::create_dir_all(&sources).map_err(|error| cannot(&sources, error))?;
    let copy = "tar --create --exclude=./target --exclude=./.git . | tar --extract --directory=\"$0\"";
    answer(Command::new("sh").args(["-c", copy]).arg(&sources).current_dir(root()), "copying the sources")?;
    let build = "umask 027 && exec cargo xtask package \"$0\" --profile \"$1\" --suffix \"$2\" --arch \"$3\"";
    let mut build = clean("sh", &["-c", build]);
    build.arg(elsewhere.join("packages")).args([&order.profile, &order.suffix, order.machine.debian()]);
    build.current_dir(&sources).env("CARGO_TARGET_DIR", elsewhere.join("target"));
    build.envs([("TZ", "Pacific/Auckland"), ("LC_ALL", "tr_TR.UTF-8")]);
    run(&mut build, "building again")
}

/// Without what cargo told this process about its own place.
fn clean(program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_") && name != "CARGO_HOME" {
            command.env_remove(name);
        }
    }
    command
}

fn same(made: &[PathBuf], others: &Path) -> Result<(), Stop> {
    for file in made {
        let other = others.join(file.file_name().unwrap_or_default());
        let read = |path: &Path| fs::read(path).map_err(|error| cannot(path, error));
        if read(file)? != read(&other)? {
            return Err(Stop::Failed(format!("{} is not the same when it is built again.", file.display())));
        }
        println!("{}: the same bytes, built twice", file.file_name().unwrap_or_default().to_string_lossy());
    }
    Ok(())
}
