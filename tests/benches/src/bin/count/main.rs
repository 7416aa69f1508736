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
use stage::Stage;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use valgrind::Count;

const USAGE: &str = "usage: count --daemon FILE --module FILE --surroundings FILE --kept FILE [--renew] [--calls]

  --daemon FILE        mfa-daemon, as it ships
  --module FILE        pam_mfa.so, as it ships
  --surroundings FILE  tests/fakes/surroundings.c, compiled, with libnss_fake.so.2 beside it
  --kept FILE          the counts that were kept, to compare with
  --renew              keep these instead
  --calls              say which system calls there are";

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
    programs: Programs,
    kept: PathBuf,
    renew: bool,
    calls: bool,
}

impl Options {
    fn parse(words: &[String]) -> Outcome<Self> {
        let value = |name: &str| {
            let at = words.iter().position(|word| word == name);
            let value = at.and_then(|at| words.get(at + 1));
            value.map(PathBuf::from).ok_or_else(|| Failure::new(format!("{name} is missing.\n\n{USAGE}")))
        };
        let flag = |name: &str| words.iter().any(|word| word == name);
        let programs = Programs {
            daemon: value("--daemon")?.canonicalize()?,
            module: value("--module")?.canonicalize()?,
            surroundings: value("--surroundings")?.canonicalize()?,
        };
        Ok(Self { programs, kept: value("--kept")?, renew: flag("--renew"), calls: flag("--calls") })
    }
}

/// Whether nothing costs more than was kept.
fn count(options: &Options) -> Outcome<bool> {
    let folder = Folder::new()?;
    let rows = rows(&options.programs, &folder.0)?;
    print!("{}", kept::table(&rows, options.calls));
    if options.renew {
        std::fs::write(&options.kept, kept::text(&rows))?;
        println!("Kept in {}.", options.kept.display());
        return Ok(true);
    }
    let complaints = Kept::parse(&std::fs::read_to_string(&options.kept)?)?.complaints(&rows);
    complaints.iter().for_each(|complaint| println!("{complaint}"));
    Ok(complaints.is_empty())
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
    let daemons = || -> Outcome<[Count; 3]> {
        Ok([daemon("d-few", few)?, daemon("d-right", right)?, daemon("d-wrong", wrong)?])
    };
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
        { let applications = applications(); (beside.join(), applications) }
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

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("mfa-count-{}", std::process::id()));
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::env::var_os("COUNT_KEEP").is_none() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
