//! Ten backup codes, handed over: written where they were wanted, shown once, and one of them asked back.

use crate::private_file::{FileError, PrivateFile};
use crate::session::Session;
use crate::sheet::{self, Sheet, SheetFile};
use mfa_cli::printable::{self, Visible};
use mfa_cli::{Failure, InputError, moment};
use mfa_proto::Secret;
use std::fmt::Write;
use std::path::Path;
use zeroize::Zeroizing;

/// How often the last group is asked for.
const MOST_TRIES: usize = 5;

/// Files that were asked for, taken before there is anything to write into them.
#[derive(Default)]
pub(crate) struct Keep {
    save: Option<PrivateFile>,
    print: Option<(PrivateFile, SheetFile)>,
}

impl Keep {
    pub(crate) fn reserve(save: Option<&Path>, print: Option<&SheetFile>) -> Result<Self, FileError> {
        let save = save.map(PrivateFile::reserve).transpose()?;
        let taken = |file: &SheetFile| PrivateFile::reserve(&file.path).map(|taken| (taken, file.clone()));
        Ok(Self { save, print: print.map(taken).transpose()? })
    }

    /// Writes what there is; returns a sentence for each file.
    pub(crate) fn write(self, sheet: &Sheet<'_>) -> Result<Vec<String>, Failure> {
        let mut told = Vec::new();
        if let Some(file) = self.save {
            let name = printable::line(&file.path().to_string_lossy());
            if sheet.codes.is_empty() {
                told.push(format!("There are no new backup codes, so {name} was not written."));
            } else {
                file.write(list(sheet).as_bytes()).map_err(still_count)?;
                told.push(format!("The backup codes are in {name}. Move it off this computer."));
            }
        }
        if let Some((file, SheetFile { path, kind })) = self.print {
            file.write(sheet::page(sheet, kind).as_bytes()).map_err(still_count)?;
            let name = printable::line(&path.to_string_lossy());
            told.push(format!("The page to print is in {name}. Print it, then delete the file."));
        }
        Ok(told)
    }

    fn is_wanted(&self) -> bool {
        self.save.is_some() || self.print.is_some()
    }
}

/// Shows the codes; a person is asked to type the end of one, and may still save or print them.
pub(crate) fn hand_over(session: &mut Session, sheet: &Sheet<'_>, keep: Keep) -> Result<(), Failure> {
    let was_wanted = keep.is_wanted();
    let told = keep.write(sheet)?;
    if sheet.codes.is_empty() {
        let left = sheet.enrolled.backup_codes;
        session.screen.line(&format!("Your backup codes stay as they are: {left} left."))?;
    } else {
        session.screen.write(&shown(sheet.codes)).map_err(|error| not_shown(&error))?;
    }
    for sentence in &told {
        session.screen.line(&printable::wrap(sentence))?;
    }
    if session.is_interactive() && !sheet.codes.is_empty() {
        acknowledge(session, sheet.codes)?;
        if !was_wanted {
            offer_to_keep(session, sheet)?;
        }
    }
    Ok(())
}

/// Two columns of numbered codes.
fn shown(codes: &[Secret]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(4096));
    text.push_str("\nBackup codes, each works once. Keep them off this computer:\n\n");
    let rows = codes.len().div_ceil(2);
    for row in 0..rows {
        for at in [row, row + rows] {
            if let Some(code) = codes.get(at) {
                let _ = write!(*text, "  {:>2}  {:<24}", at + 1, Visible(code));
            }
        }
        let end = text.trim_end().len();
        text.truncate(end);
        text.push('\n');
    }
    text.push('\n');
    text
}

/// What `--save` writes: a line a code.
fn list(sheet: &Sheet<'_>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(8192));
    let (user, host) = (printable::line(&sheet.enrolled.user), printable::line(&sheet.enrolled.host));
    let _ = writeln!(*text, "# Backup codes of {user}@{host}, made on {}.", moment::date(moment::now()));
    text.push_str("# Each works once, instead of the code on the phone.\n");
    for code in sheet.codes {
        let _ = writeln!(*text, "{}", Visible(code));
    }
    text
}

fn acknowledge(session: &mut Session, codes: &[Secret]) -> Result<(), Failure> {
    let at = any_of(codes.len());
    let Some(code) = codes.get(at) else { return Ok(()) };
    for _ in 0..MOST_TRIES {
        let typed = session.terminal.ask(&format!("Type the last group of code {}: ", at + 1));
        match typed {
            Ok(typed) if ends_alike(code, &typed) => return Ok(()),
            Ok(_) => session.terminal.say(&format!("Code {} does not end so. Look again.\n", at + 1)),
            Err(InputError::End) => break,
            Err(error) => return Err(error.into()),
        }
    }
    session.terminal.say("They count all the same. If you have not kept them: mfa-enroll codes\n");
    Ok(())
}

/// Whether what was typed is the last group, in capitals or not; the whole code will do too.
fn ends_alike(code: &Secret, typed: &Secret) -> bool {
    let code = code.expose();
    let last = code.rsplit('-').next().unwrap_or(code);
    let typed = typed.expose();
    typed.eq_ignore_ascii_case(last) || typed.eq_ignore_ascii_case(code)
}

fn offer_to_keep(session: &mut Session, sheet: &Sheet<'_>) -> Result<(), Failure> {
    loop {
        let choice = match session.terminal.ask("s = save to a file   p = a page to print   Enter = done: ") {
            Ok(choice) => choice,
            Err(InputError::End) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let kept = match choice.expose() {
            "" | "q" => return Ok(()),
            "s" => save_as(session, sheet),
            "p" => print_as(session, sheet),
            _ => continue,
        };
        match kept {
            Ok(told) => session.screen.line(&printable::wrap(&told.join(" ")))?,
            Err(failure) if failure.code == "input" => return Err(failure),
            Err(failure) => session.terminal.say(&format!("{}\n", printable::wrap(&failure.message))),
        }
    }
}

fn save_as(session: &mut Session, sheet: &Sheet<'_>) -> Result<Vec<String>, Failure> {
    let name = session.terminal.ask("Name of the new file: ")?;
    Keep::reserve(Some(Path::new(name.expose())), None)?.write(sheet)
}

fn print_as(session: &mut Session, sheet: &Sheet<'_>) -> Result<Vec<String>, Failure> {
    let name = session.terminal.ask("Name of the new file, ending in .html or .txt: ")?;
    let file = name.expose().parse::<SheetFile>().map_err(|error| Failure::refused("file", format!("No: {error}.")))?;
    Keep::reserve(None, Some(&file))?.write(sheet)
}

fn any_of(count: usize) -> usize {
    let random = getrandom::u32().unwrap_or_default();
    usize::try_from(random).unwrap_or_default().checked_rem(count).unwrap_or_default()
}

fn still_count(error: FileError) -> Failure {
    Failure::refused("file", format!("The new backup codes count, but {error} Make others: mfa-enroll codes"))
}

fn not_shown(error: &Failure) -> Failure {
    Failure::refused(
        "output",
        format!("New backup codes count, but were not shown. {error} Make others: mfa-enroll codes"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes() -> Vec<Secret> {
        (0..10).map(|at| Secret::new(format!("7KQF-2MZT-9XW{at}"))).collect()
    }

    #[test]
    fn all_codes_are_shown_with_their_numbers_within_eighty_columns() {
        let text = shown(&codes());
        for (at, code) in codes().iter().enumerate() {
            assert!(text.contains(&format!("{:>2}  {}", at + 1, code.expose())), "{}", *text);
        }
        assert!(text.lines().all(|line| line.len() <= 80));
    }

    #[test]
    fn the_last_group_is_known_in_small_letters_and_nothing_else_is() {
        let code = Secret::from("7KQF-2MZT-9XWA");
        for right in ["9XWA", "9xwa", "7kqf-2mzt-9xwa"] {
            assert!(ends_alike(&code, &Secret::from(right)), "{right}");
        }
        for wrong in ["", "9XW", "7KQF", "-9XWA"] {
            assert!(!ends_alike(&code, &Secret::from(wrong)), "{wrong}");
        }
    }

    #[test]
    fn the_code_asked_back_is_one_of_them() {
        assert!((0..1000).all(|_| any_of(10) < 10));
        assert_eq!(any_of(0), 0);
    }
}
