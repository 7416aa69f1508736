//! `cargo xtask`: the project's own command. It gets what is needed, builds, stages, tests, shows.
//! It depends on nothing but the standard library, so that it is there a second after the first `cargo xtask`.

mod bench;
mod cargo;
mod demo;
mod faults;
mod fuzz;
mod hostility;
mod lab;
mod mutants;
mod package;
mod places;
mod privilege;
mod scenarios;
mod setup;
mod soak;
mod stage;
mod tally;
mod test;

use std::process::ExitCode;

/// A command: one file each.
pub(crate) struct Command {
    name: &'static str,
    summary: &'static str,
    usage: &'static str,
    run: fn(&[String]) -> Result<(), Stop>,
}

/// Why a command ends early.
pub(crate) enum Stop {
    /// The words on the command line are not of its form.
    Usage(String),
    /// It could not do it; a sentence, and what to do next.
    Failed(String),
    /// It failed, and has said so.
    Told,
}

const COMMANDS: [Command; 13] = [
    setup::COMMAND,
    test::COMMAND,
    demo::COMMAND,
    scenarios::COMMAND,
    lab::COMMAND,
    stage::COMMAND,
    package::COMMAND,
    bench::COMMAND,
    fuzz::COMMAND,
    faults::COMMAND,
    soak::COMMAND,
    mutants::COMMAND,
    hostility::COMMAND,
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = args.split_first().map_or(("--help", &[][..]), |(name, rest)| (name.as_str(), rest));
    if matches!(name, "--help" | "-h" | "help") {
        overview();
        return if args.is_empty() { ExitCode::from(2) } else { ExitCode::SUCCESS };
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("cargo xtask has no command {name}. See: cargo xtask --help");
        return ExitCode::from(2);
    };
    if rest.iter().any(|word| word == "--help" || word == "-h") {
        println!("{}\n\n{}", command.summary, command.usage);
        return ExitCode::SUCCESS;
    }
    match (command.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Usage(sentence)) => {
            eprintln!("{sentence}\n\n{}", command.usage);
            ExitCode::from(2)
        }
        Err(Stop::Failed(sentence)) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
        Err(Stop::Told) => ExitCode::FAILURE,
    }
}

fn overview() {
    println!("usage: cargo xtask COMMAND [WORDS]\n");
    for command in &COMMANDS {
        println!("  {:10} {}", command.name, command.summary);
    }
    println!("\nMore about one: cargo xtask COMMAND --help");
}

/// Says no to any word that the command has not taken.
pub(crate) fn no_more(rest: &[String]) -> Result<(), Stop> {
    rest.first().map_or(Ok(()), |word| Err(Stop::Usage(format!("{word} is not understood here."))))
}

/// Takes `--profile NAME` out of the words; `release` when it is not there.
pub(crate) fn take_profile(words: &mut Vec<String>) -> Result<String, Stop> {
    Ok(take_value(words, "--profile")?.unwrap_or_else(|| "release".into()))
}

/// Takes `NAME VALUE` out of the words.
pub(crate) fn take_value(words: &mut Vec<String>, name: &str) -> Result<Option<String>, Stop> {
    let Some(at) = words.iter().position(|word| word == name) else { return Ok(None) };
    if at + 1 >= words.len() {
        return Err(Stop::Usage(format!("{name} wants a value.")));
    }
    words.remove(at);
    Ok(Some(words.remove(at)))
}

/// Takes a flag out of the words; whether it was there.
pub(crate) fn take_flag(words: &mut Vec<String>, flag: &str) -> bool {
    let before = words.len();
    words.retain(|word| word != flag);
    words.len() < before
}
