//! `lab [RELEASE] [--plain]`: boots a lab and opens root's shell in it, to look around by hand. It ends with the shell.
//! With `--guest` it is a machine of its own. With something other than a terminal for input it says `up`, and ends with the input.

use std::io::{IsTerminal, Read, stdin};
use std::process::ExitCode;

use harness::{Failure, Lab, Outcome, Release};

const USAGE: &str = "usage: lab [bookworm|trixie] [--plain] [--guest]
  --plain   without the product
  --guest   a machine in software, with Debian's own kernel";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match Wanted::parse(&args).map(Wanted::open) {
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

struct Wanted {
    release: Release,
    plain: bool,
    guest: bool,
}

impl Wanted {
    fn parse(args: &[String]) -> Option<Self> {
        let mut wanted = Self { release: Release::Bookworm, plain: false, guest: false };
        for word in args {
            match word.as_str() {
                "--plain" => wanted.plain = true,
                "--guest" => wanted.guest = true,
                name => wanted.release = Release::named(name)?,
            }
        }
        Some(wanted)
    }

    fn open(self) -> Outcome {
        let mut builder = Lab::builder(self.release);
        if self.plain {
            builder = builder.without_product();
        }
        if self.guest {
            let guest = builder.boot_guest()?;
            return look_around(&guest, self.release);
        }
        look_around(&builder.boot()?, self.release)
    }
}

fn look_around(lab: &Lab, release: Release) -> Outcome {
    if stdin().is_terminal() {
        println!("A {release} lab. Its end is the end of this shell.");
        let left = lab.shell().status()?;
        return left.code().map(|_| ()).ok_or_else(|| Failure::new("the shell was killed"));
    }
    println!("up {}", lab.leader());
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
