//! `mfactl export` and `mfactl restore`: a sealed copy of everybody and what they have, and back.
//!
//! A copy is there whole or not at all, and never in place of another. Nothing is put back before all of it was read
//! and found whole.

mod age;
mod lines;

use crate::Desk;
use crate::progress::Progress;
use age::Seal;
use lines::{FORMAT, Header, Line, bad};
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, Terminal, moment, printable};
use mfa_proto::keep::{
    EXPORT, EXPORT_DONE, Export, ExportDone, Exported, KeptAccount, RESTORE_ACCOUNTS, RESTORE_BEGIN, RESTORE_FINISH,
    RestoreAccounts, RestoreBegin, RestoreFinish, Restored,
};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::de::IgnoredAny;
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;
use zeroize::Zeroizing;

/// Bytes of accounts in a message.
const MESSAGE: usize = 40 * 1024;
/// The word for a copy that age did not take to its end.
const NO_MORE: &str = "age_ended";
/// How much longer the last step may take: everybody is put in place at once.
const LAST_STEP: Duration = Duration::from_secs(600);

/// Write a sealed copy of everybody and what they have
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl export /root/mfa.age --passphrase
  mfactl export mfa.age --recipient ~/.ssh/id_ed25519.pub

The copy holds every secret, sealed by age (apt install age). Backup codes,
invitations and the like are not in it: they are void after a restore.")]
pub(crate) struct ExportArgs {
    /// The file to write; one that is there is not replaced
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Sealed with a passphrase, which is asked for
    #[arg(long, required_unless_present = "recipient", conflicts_with = "recipient")]
    passphrase: bool,
    /// Sealed for an SSH or age key: the key, or a file with some
    #[arg(long, value_name = "KEY")]
    recipient: Option<String>,
}

/// Put a sealed copy back
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl restore /root/mfa.age
  mfactl restore mfa.age --identity ~/.ssh/id_ed25519 --replace

Afterwards all backup codes, invitations and remembered devices are void, and
codes by app count from the next one on. Factors removed since the copy was
made are back: look at mfactl audit --since.")]
pub(crate) struct RestoreArgs {
    /// The sealed file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The SSH or age key that opens it, if not a passphrase
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Put it in the place of what is there
    #[arg(long)]
    replace: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) fn export(args: &ExportArgs, desk: &mut Desk) -> Result<Exit, Failure> {
    let beside = beside(&args.file)?;
    let part = Part::create(&beside, &args.file)?;
    let how = args.recipient.as_deref().map_or(Seal::Passphrase, Seal::Key);
    let mut age = age::seal(how, part.file()?)?;
    let written = write_all(&mut age, desk);
    let sealed = age.wait().map_err(|error| failed("age did not end", &error))?;
    // When age ends early, what it says is the reason, and not that it took no more. The daemon's refusals come first.
    match written {
        Err(failure) if failure.code != NO_MORE => return Err(failure),
        _ if !sealed.success() => {
            return Err(Failure::refused("not_sealed", "age did not seal the copy; nothing was written."));
        }
        _ => {}
    }
    let accounts = written?;
    part.finish(&args.file)?;
    let _: IgnoredAny = desk.daemon.call(EXPORT_DONE, &ExportDone { accounts })?;
    if desk.json {
        desk.screen.json(&json!({ "accounts": accounts }))?;
    } else {
        let text =
            format!("Done: {} in {}.", counted(accounts, "account"), printable::line(&args.file.to_string_lossy()));
        desk.screen.line(&printable::wrap(&text))?;
    }
    Ok(Exit::Done)
}

/// Every line of the copy, to `age`.
fn write_all(age: &mut Child, desk: &mut Desk) -> Result<u64, Failure> {
    let mut pipe = age.stdin.take().ok_or_else(|| failed("age takes nothing", &"no pipe"))?;
    let mut progress = Progress::begin();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    put(&mut pipe, &Line::MfaCopy(Header { format: FORMAT, host, made: moment::now() }))?;
    let (mut accounts, mut after) = (0u64, None);
    loop {
        let page: Exported = desk.daemon.call(EXPORT, &Export { after })?;
        for account in page.accounts {
            put(&mut pipe, &Line::Account(account))?;
            accounts += 1;
        }
        progress.tell(usize::try_from(accounts).unwrap_or(usize::MAX), "accounts");
        match page.next {
            None => break,
            // Pages that do not advance would never end.
            Some(next) if after.is_some_and(|after| next <= after) => {
                return Err(Failure::refused(
                    "protocol",
                    "The mfa daemon's pages do not end. Restart it, then try again.",
                ));
            }
            next => after = next,
        }
    }
    put(&mut pipe, &Line::End(accounts))?;
    Ok(accounts)
}

fn put(pipe: &mut impl Write, line: &Line) -> Result<(), Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * MESSAGE));
    serde_json::to_writer(&mut *bytes, line).map_err(|error| failed("The copy cannot be written", &error))?;
    bytes.push(b'\n');
    pipe.write_all(&bytes).map_err(|error| Failure { code: NO_MORE.to_owned(), ..failed("age took no more", &error) })
}

/// The file while it is being written; gone if it is not finished.
struct Part<'a>(&'a Path, bool);

impl<'a> Part<'a> {
    fn create(beside: &'a Path, target: &Path) -> Result<Self, Failure> {
        if fs::symlink_metadata(target).is_ok() {
            let text = format!(
                "{} is there already and stays. Name another file.",
                printable::line(&target.to_string_lossy())
            );
            return Err(Failure::refused("there_already", text));
        }
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside);
        created.map_err(|error| failed(&unwritten(target), &error))?;
        Ok(Self(beside, false))
    }

    fn file(&self) -> Result<File, Failure> {
        let opened = OpenOptions::new().write(true).custom_flags(no_links()).open(self.0);
        opened.map_err(|error| failed(&unwritten(self.0), &error))
    }

    fn finish(mut self, target: &Path) -> Result<(), Failure> {
        let written = || -> io::Result<()> {
            self.file().map_err(io::Error::other)?.sync_all()?;
            renameat_with(CWD, self.0, CWD, target, RenameFlags::NOREPLACE)?;
            let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        written().map_err(|error| failed("The copy cannot be kept", &error))?;
        self.1 = true;
        Ok(())
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if !self.1 {
            let _ = fs::remove_file(self.0);
        }
    }
}

fn unwritten(file: &Path) -> String {
    format!("{} cannot be written", printable::line(&file.to_string_lossy()))
}

fn no_links() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

/// A name in the same folder.
fn beside(target: &Path) -> Result<PathBuf, Failure> {
    let name = target.file_name().ok_or_else(|| Failure::usage("Name a file to write, such as /root/mfa.age"))?;
    let mut part = std::ffi::OsString::from(".");
    part.push(name);
    part.push(format!(".{}.part", std::process::id()));
    Ok(target.with_file_name(part))
}

pub(crate) fn restore(args: &RestoreArgs, desk: &mut Desk) -> Result<Exit, Failure> {
    if args.replace && !args.yes && !agreed(desk)? {
        return Err(Failure::refused("not_confirmed", "Nothing was changed."));
    }
    let file = File::open(&args.file).map_err(|error| failed("The copy cannot be read", &error))?;
    let _: IgnoredAny = desk.daemon.call(RESTORE_BEGIN, &RestoreBegin { replace: args.replace })?;
    let mut age = age::open(file, args.identity.as_deref())?;
    let (accounts, made) = read_all(&mut age, desk)?;
    let finish = RestoreFinish { accounts, made };
    let restored: Restored = desk.daemon.call_within(LAST_STEP, RESTORE_FINISH, &finish)?;
    if desk.json {
        desk.screen.json(&restored)?;
        return Ok(Exit::Done);
    }
    let text = format!(
        "Done: {} with {}, as of {}. Backup codes, invitations and what was remembered are void, and factors that were \
         removed since are back. Look what happened since: mfactl audit --since {}",
        counted(restored.accounts, "account"),
        counted(restored.factors, "factor"),
        moment::date_time(made),
        moment::date(made)
    );
    desk.screen.line(&printable::wrap(&text))?;
    Ok(Exit::Done)
}

fn agreed(desk: &Desk) -> Result<bool, Failure> {
    let mut terminal = Terminal::open();
    if desk.json || !terminal.is_interactive() {
        return Err(Failure::usage("Nobody is here to ask whether this is meant. Say so with --yes"));
    }
    desk.screen.line("Everybody's factors here go, and those of the copy come in their place.")?;
    Ok(terminal.agrees("Replace?")?)
}

/// All that comes out of age, and whether age found the file whole.
fn read_all(age: &mut Child, desk: &mut Desk) -> Result<(u64, i64), Failure> {
    let pipe = age.stdout.take().ok_or_else(|| bad("nothing comes out of age"))?;
    let mut from = BufReader::new(pipe);
    let sent = send_all(&mut from, desk);
    let is_about_the_copy = sent.as_ref().err().is_none_or(|failure| failure.code == lines::BAD);
    if is_about_the_copy {
        // To its end, or age would not come to its own.
        io::copy(&mut from, &mut io::sink()).map_err(|error| failed("The copy cannot be read", &error))?;
    }
    drop(from);
    let opened = age.wait().map_err(|error| failed("age did not end", &error))?;
    // What age finds wrong with the file matters more than what came out of it until then; the daemon's word more still.
    if is_about_the_copy && !opened.success() {
        return Err(bad("age did not open it: a wrong passphrase or key, or a file that was cut off or changed"));
    }
    sent
}

/// All accounts of the copy, to the daemon; how many, and when it was made.
fn send_all(from: &mut impl BufRead, desk: &mut Desk) -> Result<(u64, i64), Failure> {
    let made = match lines::next(from)? {
        Some((Line::MfaCopy(header), _)) if header.format == FORMAT => header.made,
        Some((Line::MfaCopy(header), _)) => return Err(bad(&format!("it has format {}, not {FORMAT}", header.format))),
        _ => return Err(bad("it does not begin as one")),
    };
    let mut progress = Progress::begin();
    let (mut accounts, mut some, mut size) = (0u64, Vec::new(), 0usize);
    loop {
        match lines::next(from)? {
            Some((Line::Account(account), length)) => {
                if size.saturating_add(length) > MESSAGE {
                    send(std::mem::take(&mut some), desk)?;
                    size = 0;
                }
                size = size.saturating_add(length);
                accounts += 1;
                some.push(account);
                progress.tell(usize::try_from(accounts).unwrap_or(usize::MAX), "accounts");
            }
            Some((Line::End(count), _)) if count == accounts => break,
            Some(_) => return Err(bad("its accounts are not as many as it says")),
            None => return Err(bad("its end is missing")),
        }
    }
    if lines::next(from)?.is_some() {
        return Err(bad("something comes after its end"));
    }
    send(some, desk)?;
    Ok((accounts, made))
}

fn send(accounts: Vec<KeptAccount>, desk: &mut Desk) -> Result<(), Failure> {
    if accounts.is_empty() {
        return Ok(());
    }
    let _: IgnoredAny = desk.daemon.call(RESTORE_ACCOUNTS, &RestoreAccounts { accounts })?;
    Ok(())
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::refused("failed", format!("{what}: {error}. Mend that, then try again."))
}
