//! `virtual-key`: a security key for tests, as a program. It is no key for anything else: whoever can open its control
//! socket can touch it, and its memory is an open file.

#![forbid(unsafe_code)]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use virtual_key::{Control, Flash, Model, SocketPort, UhidPort, VirtualKey, WORDS, tell};

const HELP: &str = "\
usage: virtual-key uhid NAME --memory FILE --control SOCKET [OPTION…]
       virtual-key socket PATH --memory FILE --control SOCKET [OPTION…]
       virtual-key tell SOCKET WORD…

A security key without hardware, for tests: FIDO2 and U2F, with a button that is touched over a socket.
uhid plugs it into the kernel, which makes a /dev/hidraw of it (needs root and the module uhid); socket makes a file
of sequenced packets. It says \"plugged in\" when it is, and runs until it is told to end.

  --memory FILE          its flash: the same file is the same key, a copy is a clone
  --control SOCKET       where `virtual-key tell` reaches it
  --u2f-only             a key from before FIDO2
  --self-attestation     its credentials are attested by themselves, not by a batch's certificate

virtual-key tell SOCKET …
";

const EXAMPLES: &str = "

examples: virtual-key uhid Blue --memory /tmp/blue.flash --control /tmp/blue &
          virtual-key tell /tmp/blue touch
          virtual-key tell /tmp/blue fault silent from blinking
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        print!("{HELP}{WORDS}{EXAMPLES}");
        return ExitCode::SUCCESS;
    }
    let done = match words.split_first() {
        Some((verb, rest)) if verb == "tell" => say(rest),
        Some((verb, rest)) => Wanted::parse(verb, rest).and_then(run),
        None => Err(Stop::Usage("What shall it do?".into())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Failed(why)) => {
            eprintln!("virtual-key: {why}");
            ExitCode::FAILURE
        }
        Err(Stop::Usage(why)) => {
            eprintln!("virtual-key: {why} See: virtual-key --help");
            ExitCode::from(2)
        }
    }
}

enum Stop {
    Failed(String),
    Usage(String),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

struct Wanted {
    kernel: bool,
    place: String,
    memory: PathBuf,
    control: PathBuf,
    model: Model,
}

impl Wanted {
    fn parse(verb: &str, words: &[String]) -> Result<Self, Stop> {
        let usage = |why: &str| Stop::Usage(why.into());
        let kernel = match verb {
            "uhid" => true,
            "socket" => false,
            _ => return Err(usage("It is uhid, socket or tell.")),
        };
        let (place, rest) = words.split_first().ok_or_else(|| usage("Its name or path is missing."))?;
        let (mut memory, mut control, mut model) = (None, None, Model::default());
        let mut rest = rest.iter();
        while let Some(word) = rest.next() {
            match word.as_str() {
                "--memory" => memory = rest.next(),
                "--control" => control = rest.next(),
                "--u2f-only" => model.u2f_only = true,
                "--self-attestation" => model.batch_attestation = false,
                other => return Err(Stop::Usage(format!("{other} is not understood."))),
            }
        }
        Ok(Self {
            kernel,
            place: place.clone(),
            memory: memory.ok_or_else(|| usage("--memory FILE is missing."))?.into(),
            control: control.ok_or_else(|| usage("--control SOCKET is missing."))?.into(),
            model,
        })
    }
}

fn run(wanted: Wanted) -> Result<(), Stop> {
    let flash = Flash::in_file(&wanted.memory)?;
    let key = if wanted.kernel {
        VirtualKey::new(wanted.model, flash, UhidPort::new(&wanted.place))
    } else {
        VirtualKey::new(wanted.model, flash, SocketPort::new(&wanted.place))
    };
    let key = Arc::new(key);
    let control = Control::listen(&wanted.control)?;
    key.plug()?;
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stdout(), "plugged in");
    control.serve(&key)?;
    Ok(std::fs::remove_file(&wanted.control)?)
}

fn say(words: &[String]) -> Result<(), Stop> {
    let (control, words) = words.split_first().ok_or_else(|| Stop::Usage("SOCKET is missing.".into()))?;
    let said = tell(control.as_ref(), &words.join(" "))?;
    if !said.is_empty() {
        println!("{said}");
    }
    Ok(())
}
