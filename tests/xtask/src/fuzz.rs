//! `cargo xtask fuzz`: LLVM's fuzzer on what reads bytes from outside, with the stable compiler.

use std::path::{Path, PathBuf};
use std::process::Command as Process;

use crate::cargo::{Workspace, executable, run};
use crate::places::{root, target};
use crate::setup::{FUZZ, setup};
use crate::{Command, Stop, take_flag, take_value};

pub(crate) const COMMAND: Command = Command {
    name: "fuzz",
    summary: "Throw anything at what reads bytes from outside, guided by coverage",
    usage: "usage: cargo xtask fuzz [--for 1m] [--keep] [TARGET…]

  TARGET    only these; all of them otherwise, one after the other (folders of tests/fuzz/corpus)
  --for 1m  how long each is tried: 30s, 5m, 2h
  --keep    adds what reached new code to tests/fuzz/corpus, which `cargo test` replays
What breaks a property is written to target/fuzz; replay it: cargo xtask fuzz TARGET --replay FILE
example: cargo xtask fuzz policy license --for 10m",
    run: |words| {
        let mut words = words.to_vec();
        let keep = take_flag(&mut words, "--keep");
        let seconds = seconds(take_value(&mut words, "--for")?.as_deref().unwrap_or("1m"))?;
        let replay = take_value(&mut words, "--replay")?;
        let targets = chosen(&words)?;
        let fuzzer = build()?;
        match (replay, targets.as_slice()) {
            (Some(file), [one]) => run(fuzzer.on(one).arg(file), one),
            (Some(_), _) => Err(Stop::Usage("--replay wants one target.".into())),
            (None, targets) => fuzz(&fuzzer, targets, seconds, keep),
        }
    },
};

/// What the compiler is told beyond the usual: to count which code is reached, and to show what is compared.
const GUIDED: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// The program, and where it works.
struct Fuzzer {
    program: PathBuf,
}

impl Fuzzer {
    fn on(&self, target: &str) -> Process {
        let mut command = Process::new(&self.program);
        command.env("MFA_FUZZ_TARGET", target).args(["-timeout=20", "-rss_limit_mb=2048", "-max_len=16384"]);
        command.arg(format!("-artifact_prefix={}/{target}-", workplace().display()));
        command
    }
}

/// Where inputs are collected that reached something new, and those that broke something.
fn workplace() -> PathBuf {
    target().join("fuzz")
}

fn corpus() -> PathBuf {
    root().join("tests/fuzz/corpus")
}

/// Every target has a folder; a name that has none is a mistake.
fn chosen(words: &[String]) -> Result<Vec<String>, Stop> {
    let failed = |error| Stop::Failed(format!("{}: {error}", corpus().display()));
    let folders = std::fs::read_dir(corpus()).map_err(failed)?.filter_map(Result::ok);
    let mut all: Vec<String> = folders.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect();
    all.sort();
    match words.iter().find(|word| !all.contains(word)) {
        Some(word) => Err(Stop::Usage(format!("There is no target {word}. There are: {}", all.join(" ")))),
        None if words.is_empty() => Ok(all),
        None => Ok(words.to_vec()),
    }
}

/// `90`, `90s`, `5m`, `2h` in seconds.
fn seconds(text: &str) -> Result<u64, Stop> {
    let (digits, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(digits) => (digits, &text[digits.len()..]),
        None => (text, "s"),
    };
    let each = match unit {
        "h" => 3600,
        "m" => 60,
        _ => 1,
    };
    let number = digits.parse::<u64>().ok().filter(|number| (1..=100_000).contains(number));
    number.map(|number| number * each).ok_or_else(|| Stop::Usage(format!("{text} is no time, such as 30s, 5m or 2h.")))
}

fn build() -> Result<Fuzzer, Stop> {
    setup(&FUZZ)?;
    // With a target named, build scripts and macros are built without the flags: they have nobody who counts.
    let host = host()?;
    let flags = GUIDED.join("\x1f");
    let mut command = Workspace::Tests.cargo("build");
    command.args(["--locked", "--profile", "fuzz", "--package", "fuzz", "--features", "guided", "--target", &host]);
    let program = executable(command.env("CARGO_ENCODED_RUSTFLAGS", flags), "fuzz")?;
    Ok(Fuzzer { program })
}

/// What this compiler builds for, if nothing else is said.
fn host() -> Result<String, Stop> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Process::new(rustc).arg("-vV").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned);
    host.ok_or_else(|| Stop::Failed("rustc -vV does not say for what it builds.".into()))
}

/// Each for so long; what breaks one does not keep the others from being tried.
fn fuzz(fuzzer: &Fuzzer, targets: &[String], seconds: u64, keep: bool) -> Result<(), Stop> {
    let mut broken = Vec::new();
    for target in targets {
        let found = workplace().join(target);
        let made = std::fs::create_dir_all(&found);
        made.map_err(|error| Stop::Failed(format!("{} cannot be made: {error}", found.display())))?;
        println!("\n== {target}, {seconds} s");
        let time = format!("-max_total_time={seconds}");
        let tried = fuzzer
            .on(target)
            .args([&time, "-print_final_stats=1", "-verbosity=1"])
            .arg(&found)
            .arg(corpus().join(target))
            .status();
        if !tried.is_ok_and(|status| status.success()) {
            broken.push(target.as_str());
        } else if keep {
            merge(fuzzer, target, &found)?;
        }
    }
    match broken.as_slice() {
        [] => Ok(()),
        names => Err(Stop::Failed(format!(
            "Broken: {}. The inputs are in {}. When it is mended, put them into tests/fuzz/corpus.",
            names.join(" "),
            workplace().display()
        ))),
    }
}

/// Adds to the corpus what reaches code that nothing in it does, as few and as small as that takes.
fn merge(fuzzer: &Fuzzer, target: &str, found: &Path) -> Result<(), Stop> {
    // How often code is reached makes no input worth keeping: there would be thousands.
    let few = ["-merge=1", "-set_cover_merge=1", "-use_counters=0", "-verbosity=0", "-max_len=1024"];
    run(fuzzer.on(target).args(few).arg(corpus().join(target)).arg(found), target)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_are_written_in_seconds_minutes_or_hours() {
        let times = ["30s", "90", "5m", "2h"].map(|text| seconds(text).ok());
        assert_eq!(times, [Some(30), Some(90), Some(300), Some(7200)]);
        for text in ["", "0", "m", "1d", "-1s", "1.5m"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
