//! `mfactl import`: takes over what another module keeps, so that nobody has to enroll again.
//!
//! It looks first: without `--apply` nothing is changed. Homes are read as their owners. What cannot be taken is said,
//! with the reason. A second run adds nothing.

pub(crate) mod found;
pub(crate) mod google;
pub(crate) mod oath;
mod pattern;
pub(crate) mod u2f;

use crate::Desk;
use crate::directory::{self, Person};
use crate::owned_file::{self, FileError, Owner};
use crate::progress::Progress;
use found::{App, Found, Outcome, Thing, Why};
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, printable};
use mfa_proto::admin::{IMPORT, IMPORT_KEY, Import, ImportKey, ImportOutcome, Imported};
use pattern::Pattern;
use std::path::Path;

/// So many users in a row for whom the daemon can do nothing: it can do nothing for anybody.
const MOST_BROKEN: u32 = 3;
/// What an app that was taken over is called.
const NAME: &str = "phone (imported)";

/// Take over what another module keeps; looks only, without --apply
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl import google-authenticator           who has what, nothing changes
  mfactl import google-authenticator --apply   take it over
  mfactl import google-authenticator --from '/var/ga/${USER}' --read-as root
  mfactl import oath --from /etc/users.oath --user alice --apply
  mfactl import u2f --apply                    keys of pam_u2f, with its own origin

An app goes on as it is: the phone that made codes for the other module makes
them for this one. The code it shows just now is void, the next one counts.
A security key goes on working in both places, for the origin it was made for.
Remove the other module's line from the stack when everybody is taken over.
Who has a factor already gets another one only if named: --user NAME

Exit code 1: something was found that cannot be taken.")]
pub(crate) struct Args {
    /// The module to import from
    #[arg(value_enum)]
    module: Module,
    /// Where it keeps its state; ${HOME} and ${USER} stand for each user's
    #[arg(long, value_name = "PATH", alias = "secret")]
    from: Option<String>,
    /// Only these users
    #[arg(long, value_name = "NAME")]
    user: Vec<String>,
    /// Who owns the files, if not each user their own (the module's user=)
    #[arg(long, value_name = "NAME")]
    read_as: Option<String>,
    /// The origin= of pam_u2f, for which its keys were made; this host's if it has none: pam://HOST
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
    /// Take it over; without this, only look
    #[arg(long)]
    apply: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Module {
    /// pam_google_authenticator: a file in each home
    GoogleAuthenticator,
    /// pam_oath: one file
    Oath,
    /// pam_u2f: one file, and one in each home
    U2f,
}

pub(crate) fn run(args: &Args, desk: &mut Desk) -> Result<Exit, Failure> {
    let mut import = Importing { args, desk, outcomes: Vec::new(), progress: Progress::begin(), broken: 0 };
    let done = match args.module {
        Module::GoogleAuthenticator => import.google_authenticator(),
        Module::Oath => import.oath(),
        Module::U2f => import.u2f(),
    };
    // What was done until something stopped it is told all the same.
    match done {
        Err(failure) if import.outcomes.is_empty() => Err(failure),
        Err(failure) => import.finish().and(Err(failure)),
        Ok(()) => import.finish(),
    }
}

struct Importing<'a> {
    args: &'a Args,
    desk: &'a mut Desk,
    outcomes: Vec<Outcome>,
    progress: Progress,
    /// Users, one after the other, for whom the daemon could do nothing.
    broken: u32,
}

impl Importing<'_> {
    fn google_authenticator(&mut self) -> Result<(), Failure> {
        let pattern = Pattern::parse(self.args.from.as_deref().unwrap_or("${HOME}/.google_authenticator"))?;
        self.each_home(&pattern, google::LONGEST, |person, from, text| {
            let google::State { app, notes } = google::parse(text);
            vec![Found { user: person.user.clone(), from: from.to_owned(), thing: app.map(Thing::App), notes }]
        })
    }

    fn oath(&mut self) -> Result<(), Failure> {
        let from = self.args.from.as_deref().unwrap_or(oath::FILE);
        let text = self.central(from, oath::LONGEST)?.ok_or_else(|| absent(from))?;
        for found in oath::parse(&text, from) {
            self.take(found)?;
        }
        Ok(())
    }

    fn u2f(&mut self) -> Result<(), Failure> {
        match &self.args.from {
            Some(from) if !from.contains(['$', '%', '~']) => {
                let text = self.central(from, u2f::LONGEST)?.ok_or_else(|| absent(from))?;
                for found in u2f::parse(&text, from, None) {
                    self.take(found)?;
                }
                return Ok(());
            }
            Some(_) => {}
            None => {
                let text = self.central(u2f::CENTRAL, u2f::LONGEST)?.unwrap_or_default();
                for found in u2f::parse(&text, u2f::CENTRAL, None) {
                    self.take(found)?;
                }
            }
        }
        let pattern = Pattern::parse(self.args.from.as_deref().unwrap_or(u2f::PATTERN))?;
        self.each_home(&pattern, u2f::LONGEST, |person, from, text| {
            u2f::parse(text, from, Some(&person.user)).collect()
        })
    }

    /// One file that is root's; `None` if there is none.
    fn central(&self, from: &str, longest: usize) -> Result<Option<zeroize::Zeroizing<String>>, Failure> {
        match owned_file::read(Path::new(from), Owner::of_this_process(), longest) {
            Ok(owned) => Ok(Some(owned.text)),
            Err(FileError::Absent) => Ok(None),
            Err(error) => {
                let from = printable::line(from);
                Err(Failure::refused(error.as_str(), format!("{from} is not read: {error}. It must be root's own.")))
            }
        }
    }

    /// The file of every user, or of those who were named, as far as they have one.
    fn each_home(
        &mut self,
        pattern: &Pattern,
        longest: usize,
        parse: impl Fn(&Person, &str, &str) -> Vec<Found>,
    ) -> Result<(), Failure> {
        let read_as = self.args.read_as.as_deref().map(owner_named).transpose()?;
        for (count, person) in self.people()?.into_iter().enumerate() {
            self.progress.tell(count, "homes");
            let Some(path) = pattern.of(&person) else { continue };
            let owner = read_as.unwrap_or(Owner { uid: person.uid, gid: person.gid });
            let from = path.display().to_string();
            let founds = match owned_file::read(&path, owner, longest) {
                Err(FileError::Absent) => continue,
                Err(error) => {
                    vec![Found { user: person.user.clone(), from, thing: Err(Why::File(error)), notes: Vec::new() }]
                }
                Ok(owned) => {
                    let mut founds = parse(&person, &from, &owned.text);
                    if owned.open_to_others {
                        let note = "other users could read or change its file: have them enroll anew".to_owned();
                        founds.iter_mut().for_each(|found| found.notes.push(note.clone()));
                    }
                    founds
                }
            };
            for found in founds {
                self.take(found)?;
            }
        }
        Ok(())
    }

    fn people(&self) -> Result<Vec<Person>, Failure> {
        if self.args.user.is_empty() {
            return Ok(directory::everybody()?.collect::<Result<_, _>>()?);
        }
        let people = directory::named(self.args.user.iter().map(String::as_str))?;
        match self.args.user.iter().find(|name| !people.iter().any(|person| person.user == **name)) {
            None => Ok(people),
            Some(name) => {
                let text = format!("There is no account {}. Check the name.", printable::line(name));
                Err(Failure::refused("unknown_user", text))
            }
        }
    }

    fn take(&mut self, found: Found) -> Result<(), Failure> {
        if !self.args.user.is_empty() && !self.args.user.contains(&found.user) {
            return Ok(());
        }
        let Found { user, from, thing, notes } = found;
        let done = match thing {
            Ok(thing) => self.ask(&user, thing)?,
            Err(why) => Err(why),
        };
        let (outcome, why) = match done {
            Ok(ImportOutcome::Taken) if self.args.apply => ("taken", None),
            Ok(ImportOutcome::Taken) => ("would-be-taken", None),
            Ok(ImportOutcome::Present) => ("present", None),
            Err(why) => ("cannot-be-taken", Some(why)),
        };
        let (reason, message) = (why.as_ref().map(|why| why.code().to_owned()), why.map(|why| why.to_string()));
        let outcome = Outcome { user, from, outcome, reason, message, notes };
        if !self.desk.json {
            self.progress.end();
            self.desk.screen.line(&told(&outcome))?;
        }
        self.outcomes.push(outcome);
        Ok(())
    }

    /// What the daemon says of it; an error is one that would be the same for everybody.
    fn ask(&mut self, user: &str, thing: Thing) -> Result<Result<ImportOutcome, Why>, Failure> {
        // Several apps of one file belong together; a file that turns up later adds to nobody who was not named.
        let beside = !self.args.user.is_empty() || self.takes_more(user);
        let (user, apply) = (user.to_owned(), self.args.apply);
        let answer = match thing {
            Thing::App(App { secret, digits, period }) => {
                let (name, algorithm) = (NAME.to_owned(), "SHA1".to_owned());
                let import = Import { user, name, secret, algorithm, digits, period, beside, apply };
                self.desk.daemon.call::<_, Imported>(IMPORT, &import)
            }
            Thing::Key(key) => {
                let relying_party = self.origin();
                let (name, algorithm) = (name_of(key.number), key.algorithm.to_owned());
                let (id, public_key, u2f) = (key.id.into(), key.public_key.into(), key.u2f);
                let import = ImportKey { user, name, id, algorithm, public_key, relying_party, u2f, beside, apply };
                self.desk.daemon.call::<_, Imported>(IMPORT_KEY, &import)
            }
        };
        match answer {
            Ok(Imported { outcome }) => {
                self.broken = 0;
                Ok(Ok(outcome))
            }
            Err(failure) if self.is_of_one_user(&failure) => Ok(Err(Why::Daemon(failure.code, failure.message))),
            Err(failure) => Err(failure),
        }
    }

    /// For whom keys of pam_u2f were made: what its `origin=` says, else this host.
    fn origin(&self) -> String {
        let of_host = || format!("pam://{}", rustix::system::uname().nodename().to_string_lossy());
        self.args.origin.clone().unwrap_or_else(of_host)
    }

    /// Whether something of this user was taken over just now.
    fn takes_more(&self, user: &str) -> bool {
        self.outcomes.iter().rev().any(|outcome| outcome.outcome == "taken" && outcome.user == user)
    }

    /// A record that does not open stops nobody else; a daemon that can do nothing for anybody does.
    fn is_of_one_user(&mut self, failure: &Failure) -> bool {
        self.broken = if failure.code == "broken" { self.broken + 1 } else { 0 };
        let of_all = ["permission_denied", "protocol", "usage"];
        failure.exit == Exit::Refused && !of_all.contains(&failure.code.as_str()) && self.broken < MOST_BROKEN
    }

    fn finish(mut self) -> Result<Exit, Failure> {
        self.progress.end();
        let count = |word: &str| self.outcomes.iter().filter(|outcome| outcome.outcome == word).count() as u64;
        let impossible = count("cannot-be-taken");
        if self.desk.json {
            self.desk.screen.json(&self.outcomes)?;
        } else {
            let taken = if self.args.apply { "Taken over" } else { "Would be taken over" };
            let thing = if self.args.module == Module::U2f { "key" } else { "app" };
            let apps = counted(count("taken") + count("would-be-taken"), thing);
            let mut text = if self.outcomes.is_empty() {
                "Nothing was found.".to_owned()
            } else {
                format!("\n{taken}: {apps}. There already: {}. Not possible: {impossible}.", count("present"))
            };
            if !self.args.apply && count("would-be-taken") > 0 {
                text.push_str(" Nothing was changed; do it with: --apply");
            }
            self.desk.screen.line(&printable::wrap(&text))?;
        }
        Ok(if impossible == 0 { Exit::Done } else { Exit::Refused })
    }
}

/// What a key that was taken over is called.
fn name_of(number: usize) -> String {
    if number == 1 { "security key (imported)".to_owned() } else { format!("security key {number} (imported)") }
}

fn owner_named(name: &str) -> Result<Owner, Failure> {
    let found = directory::named([name])?.into_iter().find(|person| person.user == name);
    let unknown = || format!("There is no account {} to read as. Check the name.", printable::line(name));
    let person = found.ok_or_else(|| Failure::refused("unknown_user", unknown()))?;
    Ok(Owner { uid: person.uid, gid: person.gid })
}

fn absent(from: &str) -> Failure {
    let from = printable::line(from);
    Failure::refused("absent", format!("There is no {from}. Say where that module keeps its state: --from PATH"))
}

/// Such as `alice: taken over (/home/alice/.google_authenticator). 5 scratch codes left behind.`
fn told(outcome: &Outcome) -> String {
    let (user, from) = (printable::line(&outcome.user), printable::line(&outcome.from));
    let what = match outcome.outcome {
        "taken" => "taken over".to_owned(),
        "would-be-taken" => "can be taken over".to_owned(),
        "present" => "is there already".to_owned(),
        _ => format!("NOT POSSIBLE: {}", printable::line(outcome.message.as_deref().unwrap_or_default())),
    };
    let notes = outcome.notes.iter().map(|note| format!("\n    {}", printable::line(note)));
    printable::wrap(&format!("{user}: {what}  {from}{}", notes.collect::<String>()))
}
