//! Counts what one login costs: the instructions that the module and the daemon execute for it, and their system calls.
//!
//! A count is the same on a busy machine as on a quiet one, so it is compared with what was kept, and more is a
//! failure. Valgrind does the counting: each program logs in few times and many times, and the difference is divided by
//! the difference in logins, so that starting costs nothing here. No lab: a daemon with a clock that is set by hand, and
//! an application for which a folder is `/run`.
#![forbid(unsafe_code)]

mod application;
mod kept;
mod logins;
mod stage;
mod valgrind;

use harness::{Failure, Outcome};
use kept::{Kept, Row};
use logins::{FEW, Logins, MANY, Programs, of_application, of_daemon};
use stage::{Fakes, Stage};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use valgrind::Count;

const USAGE: &str =
    "usage: count --daemon FILE --module FILE --fakes FOLDER --kept FILE [--renew] [--calls] [--profiles FOLDER]

  --daemon FILE      mfa-daemon, as it ships
  --module FILE      pam_mfa.so, as it ships
  --fakes FOLDER     tests/fakes: what the daemon takes for its surroundings
  --kept FILE        the counts that were kept, to compare with
  --renew            keep these instead
  --calls            say which system calls there are
  --profiles FOLDER  keep what callgrind wrote, for callgrind_annotate";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let ended = match words.split_first() {
        Some((first, words)) if first == "application" => application::run(words).map(|()| true),
        _ => Options::parse(&words).and_then(|options| count(&options)),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// What is counted, and what with.
struct Options {
    daemon: PathBuf,
    module: PathBuf,
    fakes: PathBuf,
    kept: PathBuf,
    profiles: Option<PathBuf>,
    renew: bool,
    calls: bool,
}

impl Options {
    fn parse(words: &[String]) -> Outcome<Self> {
        let given = |name: &str| {
            let at = words.iter().position(|word| word == name)?;
            words.get(at + 1).map(PathBuf::from)
        };
        let value = |name: &str| given(name).ok_or_else(|| Failure::new(format!("{name} is missing.\n\n{USAGE}")));
        let flag = |name: &str| words.iter().any(|word| word == name);
        Ok(Self {
            daemon: value("--daemon")?.canonicalize()?,
            module: value("--module")?.canonicalize()?,
            fakes: value("--fakes")?,
            kept: value("--kept")?,
            profiles: given("--profiles"),
            renew: flag("--renew"),
            calls: flag("--calls"),
        })
    }
}

/// Whether nothing costs more than was kept.
fn count(options: &Options) -> Outcome<bool> {
    let folder = Folder::new(options.profiles.clone())?;
    let fakes = Fakes::compile(&options.fakes, &folder.path)?;
    let programs = Programs { daemon: options.daemon.clone(), module: options.module.clone(), fakes };
    let rows = rows(&programs, &folder.path)?;
    print!("{}", kept::table(&rows, options.calls));
    let compiler = compiler()?;
    if options.renew {
        std::fs::write(&options.kept, kept::text(&rows, &compiler))?;
        println!("Kept in {}.", options.kept.display());
        return Ok(true);
    }
    let kept = Kept::parse(&std::fs::read_to_string(&options.kept)?)?;
    if kept.compiler != compiler {
        println!("Not compared: what was kept was compiled by {}, and this by {compiler}.", kept.compiler);
        return Ok(true);
    }
    let complaints = kept.complaints(&rows);
    complaints.iter().for_each(|complaint| println!("{complaint}"));
    Ok(complaints.is_empty())
}

/// What cargo has compiled these programs with.
fn compiler() -> Outcome<String> {
    let said = Command::new("rustc").arg("-V").output()?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// The rows of the table: module and daemon, right and wrong.
fn rows(programs: &Programs, folder: &Path) -> Outcome<Vec<Row>> {
    let few = Logins { right: FEW, wrong: 0 };
    let right = Logins { right: MANY, ..few };
    let wrong = Logins { wrong: MANY - FEW, ..few };
    let daemon = |name: &str, logins| Stage::new(folder, name).and_then(|stage| of_daemon(programs, stage, logins));
    let application = |name: &str, logins, with_module| {
        Stage::new(folder, name).and_then(|stage| of_application(programs, stage, logins, with_module))
    };
    let daemons =
        || -> Outcome<[Count; 3]> { Ok([daemon("d-few", few)?, daemon("d-right", right)?, daemon("d-wrong", wrong)?]) };
    let applications = || -> Outcome<[Count; 5]> {
        let permit = |name, logins| application(name, logins, false);
        let module = |name, logins| application(name, logins, true);
        Ok([
            permit("p-few", few)?,
            permit("p-many", right)?,
            module("m-few", few)?,
            module("m-right", right)?,
            module("m-wrong", wrong)?,
        ])
    };
    let (of_daemon, of_application) = std::thread::scope(|threads| {
        let beside = threads.spawn(daemons);
        {
            let applications = applications();
            (beside.join(), applications)
        }
    });
    let [few, right, wrong] = of_daemon.map_err(|_| Failure::new("counting panicked"))??;
    let [permit_few, permit_many, module_few, module_right, module_wrong] = of_application?;
    let each = |many: &Count, few: &Count| (many.clone() - few).each_of(MANY - FEW);
    let permit = each(&permit_many, &permit_few);
    Ok(vec![
        Row::new("module, right code", each(&module_right, &module_few) - &permit),
        Row::new("module, wrong code", each(&module_wrong, &module_few) - &permit),
        Row::new("daemon, right code", each(&right, &few)),
        Row::new("daemon, wrong code", each(&wrong, &few)),
    ])
}

/// A folder that is gone afterwards, unless somebody wants what is in it.
struct Folder {
    path: PathBuf,
    wanted: bool,
}

impl Folder {
    fn new(wanted: Option<PathBuf>) -> Outcome<Self> {
        let usual = || std::env::temp_dir().join(format!("mfa-count-{}", std::process::id()));
        let folder = Self { wanted: wanted.is_some(), path: wanted.unwrap_or_else(usual) };
        std::fs::create_dir(&folder.path)?;
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.wanted {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
