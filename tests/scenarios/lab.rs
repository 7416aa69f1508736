//! `lab [RELEASE] [--plain]`: boots a lab and opens root's shell in it, to look around by hand. It ends with the shell.
//! With something other than a terminal for input it says `up`, and ends with the input.

use std::io::{IsTerminal, Read, stdin};
use std::process::{Command, ExitCode};

use harness::{Failure, Lab, Outcome, Release};

const USAGE: &str = "usage: lab [bookworm|trixie] [--plain]    (--plain: without the product)";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match parse(&args).map(|(release, plain)| open(release, plain)) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(failure)) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(args: &[String]) -> Option<(Release, bool)> {
    let (flags, names): (Vec<&String>, Vec<&String>) = args.iter().partition(|word| word.starts_with("--"));
    let release = match names[..] {
        [] => Release::Bookworm,
        [name] => Release::named(name)?,
        _ => return None,
    };
    flags.iter().all(|flag| *flag == "--plain").then_some((release, !flags.is_empty()))
}

fn open(release: Release, plain: bool) -> Outcome {
    let builder = Lab::builder(release);
    let lab = if plain { builder.without_product() } else { builder }.boot()?;
    if stdin().is_terminal() {
        let leader = lab.leader().to_string();
        println!("A {release} lab. Its end is the end of this shell.");
        let shell = ["--all", "--target", &leader, "--", "env", "HOME=/root", "bash", "--login"];
        let left = Command::new("nsenter").args(shell).status()?;
        return left.code().map(|_| ()).ok_or_else(|| Failure::new("the shell was killed"));
    }
    println!("up {}", lab.leader());
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
