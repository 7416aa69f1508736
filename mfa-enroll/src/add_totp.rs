//! `mfa-enroll add totp`: a secret, shown until a code of the app confirms it, and never again.

use crate::backup_codes::{self, Keep};
use crate::confirm::{confirm, not_yet};
use crate::picture::{self, PictureFile};
use crate::private_file::PrivateFile;
use crate::session::Session;
use crate::sheet::{Sheet, SheetFile, in_groups};
use mfa_cli::printable::{self, Visible};
use mfa_cli::{Exit, Failure, InputError, moment};
use mfa_proto::Secret;
use mfa_proto::enrollment::{ADD_TOTP, AddTotp, Confirmation, Confirmed, PendingTotp};
use mfa_qr::{Ink, Qr};
use std::path::PathBuf;
use std::time::Instant;

/// Add an authenticator app, on a phone or elsewhere
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfa-enroll add totp
  mfa-enroll add totp --name tablet --print page.html
  mfa-enroll add totp --ascii             where the picture comes out broken
  mfa-enroll add totp --json              for scripts; then: confirm ID CODE")]
pub(crate) struct Args {
    /// What to call it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Draw the QR code with plain characters
    #[arg(long)]
    ascii: bool,
    /// Write the QR code to a new file, too: .svg or .png
    #[arg(long, value_name = "FILE")]
    qr_file: Option<PictureFile>,
    /// Write a page to print, with QR code, secret and backup codes: .html or .txt
    #[arg(long, value_name = "FILE")]
    print: Option<SheetFile>,
    /// Write the backup codes to a new file that only you can read
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// What is wanted of a guided enrollment.
#[derive(Default)]
pub(crate) struct Wishes {
    pub(crate) name: Option<String>,
    pub(crate) ascii: bool,
    pub(crate) keep: Keep,
}

pub(crate) fn run(args: Args, session: &mut Session) -> Result<Exit, Failure> {
    if session.json() && (args.print.is_some() || args.save.is_some()) {
        return Err(Failure::usage(
            "With --json there are no codes to write yet. They come with: mfa-enroll confirm ID CODE --json --save FILE",
        ));
    }
    let picture = args.qr_file.as_ref().map(|file| PrivateFile::reserve(&file.path).map(|taken| (taken, file.kind)));
    let picture = picture.transpose()?;
    let keep = Keep::reserve(args.save.as_deref(), args.print.as_ref())?;
    let pending = begin(session, args.name.clone(), false)?;
    let qr = Qr::of(pending.uri.expose()).map_err(no_picture)?;
    if let Some((file, kind)) = picture {
        file.write(&picture::draw(&qr, kind)?)?;
    }
    if session.json() {
        session.screen.json(&pending)?;
        return Ok(Exit::Done);
    }
    Guide::new(session, pending, qr, Wishes { name: args.name, ascii: args.ascii, keep }).run()
}

/// The guided enrollment from its beginning.
pub(crate) fn guide(session: &mut Session, wishes: Wishes) -> Result<Exit, Failure> {
    let pending = begin(session, wishes.name.clone(), false)?;
    let qr = Qr::of(pending.uri.expose()).map_err(no_picture)?;
    Guide::new(session, pending, qr, wishes).run()
}

fn begin(session: &mut Session, name: Option<String>, fresh: bool) -> Result<PendingTotp, Failure> {
    session.change(ADD_TOTP, &AddTotp { user: session.user(), name, fresh })
}

/// A secret on the screen, waiting for its first code.
struct Guide<'a> {
    session: &'a mut Session,
    pending: PendingTotp,
    begun: Instant,
    qr: Qr,
    wishes: Wishes,
    ink: Ink,
}

/// What a person may type instead of a code.
enum Typed {
    Code(Secret),
    Key(char),
    Neither,
}

impl<'a> Guide<'a> {
    fn new(session: &'a mut Session, pending: PendingTotp, qr: Qr, mut wishes: Wishes) -> Self {
        wishes.ascii |= !session.screen.is_utf8();
        let ink = if session.screen.has_colours() { Ink::Painted } else { Ink::Light };
        Self { session, pending, begun: Instant::now(), qr, wishes, ink }
    }

    fn run(mut self) -> Result<Exit, Failure> {
        self.show()?;
        let Some(confirmed) = self.until_confirmed()? else {
            let later =
                format!("Not finished, so nothing has changed. The secret waits for {}: mfa-enroll", self.left());
            self.session.screen.line(&printable::wrap(&later))?;
            return Ok(Exit::Refused);
        };
        self.session.screen.line(&format!("\n{CONFIRMED}"))?;
        let enrolled = self.session.status()?;
        let app = Some((&self.pending, &self.qr));
        let sheet = Sheet { enrolled: &enrolled, app, codes: &confirmed.backup_codes };
        backup_codes::hand_over(self.session, &sheet, self.wishes.keep)?;
        Ok(Exit::Done)
    }

    fn show(&self) -> Result<(), Failure> {
        let screen = &self.session.screen;
        let account = printable::line(&format!("{}: {}", self.pending.issuer, self.pending.label));
        if self.pending.resumed {
            screen.line(&printable::wrap(&format!(
                "You began this before: the secret is the same, and waits for {} more. If somebody else may have seen \
                 it, make a new one with n.",
                self.left()
            )))?;
        }
        screen.line(&printable::wrap(&format!(
            "Add an account in your app and scan this (Microsoft Authenticator: \"Other account\"). It will be \
             called {account}."
        )))?;
        self.draw()
    }

    /// How long the secret can still be confirmed, in words.
    fn left(&self) -> String {
        moment::span(u64::from(self.pending.expires_in).saturating_sub(self.begun.elapsed().as_secs()))
    }

    fn draw(&self) -> Result<(), Failure> {
        let screen = &self.session.screen;
        // Below the picture stand the secret, the keys and the question.
        let room = screen.rows().map(|rows| usize::from(rows).saturating_sub(3));
        let ascii = self.wishes.ascii;
        let drawing = if ascii { self.qr.in_ascii(self.ink) } else { self.qr.in_half_blocks(self.ink, room) };
        screen.write(&drawing)?;
        screen.line(&format!("Secret: {}", *in_groups(&self.pending.secret)))?;
        if room.is_some_and(|room| drawing.lines().count() > room) {
            let again = if ascii { 'a' } else { 'b' };
            screen.line(&format!("The window is too low for the picture: make it higher, then type {again}."))?;
        }
        if self.session.is_interactive() {
            screen.line(self.keys())?;
        }
        Ok(())
    }

    fn keys(&self) -> &'static str {
        match (self.ink, self.wishes.ascii) {
            (Ink::Painted, false) => "t = link   a = plain picture   n = new secret   q = later",
            (Ink::Painted, true) => "t = link   b = block picture   n = new secret   q = later",
            (_, false) => "t = link   a = plain picture   i = inverse   n = new secret   q = later",
            (_, true) => "t = link   b = block picture   i = inverse   n = new secret   q = later",
        }
    }

    /// Asks until a code is right; `None` when the person leaves it for later.
    fn until_confirmed(&mut self) -> Result<Option<Confirmed>, Failure> {
        let mut first: Option<Secret> = None;
        let mut last_failure: Option<Failure> = None;
        loop {
            let typed = match self.session.terminal.ask(&self.prompt(first.is_some())) {
                Ok(typed) => understood(typed),
                Err(InputError::End) if self.session.is_interactive() => return Ok(None),
                Err(error) => return Err(last_failure.filter(|_| error == InputError::End).unwrap_or(error.into())),
            };
            match typed {
                Typed::Key('q') => return Ok(None),
                Typed::Key(key) => {
                    first = first.filter(|_| key != 'n');
                    self.press(key)?;
                }
                Typed::Neither => self.say("That is no code: type the digits that your app shows."),
                Typed::Code(code) => {
                    let codes = first.take().into_iter().chain([code.clone()]).collect();
                    let confirmed = confirm(self.session, self.pending.id, codes)?;
                    match confirmed.result {
                        Confirmation::Done => return Ok(Some(confirmed)),
                        Confirmation::OneMore => first = Some(code),
                        _ => {
                            let failure = not_yet(&confirmed);
                            self.say(&failure.message);
                            last_failure = Some(failure);
                        }
                    }
                }
            }
        }
    }

    fn prompt(&self, one_is_right: bool) -> String {
        if one_is_right {
            format!("Right. Now the next code, when it appears (within {} s): ", self.pending.period)
        } else {
            "Verification code: ".to_owned()
        }
    }

    fn press(&mut self, key: char) -> Result<(), Failure> {
        match key {
            't' => self.session.screen.line(&format!("\n{}\n", Visible(&self.pending.uri))),
            'a' | 'b' => {
                self.wishes.ascii = key == 'a';
                self.draw()
            }
            'i' => {
                self.ink = self.ink.inverse();
                self.draw()
            }
            _ => {
                self.pending = begin(self.session, self.wishes.name.clone(), true)?;
                self.begun = Instant::now();
                self.qr = Qr::of(self.pending.uri.expose()).map_err(no_picture)?;
                self.show()
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.session.terminal.say(&format!("{}\n", printable::wrap(text)));
    }
}

const CONFIRMED: &str = "\
Right: your app counts as a second factor from now on. Do not delete the app
or this entry in it before you have added another factor: what is in it cannot
be shown again.";

fn understood(typed: Secret) -> Typed {
    let text = typed.expose();
    let mut letters = text.chars();
    if let (Some(key @ ('t' | 'a' | 'b' | 'i' | 'n' | 'q')), None) = (letters.next(), letters.next()) {
        return Typed::Key(key);
    }
    let is_code = text.chars().any(|c| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == ' ');
    if is_code { Typed::Code(typed) } else { Typed::Neither }
}

fn no_picture(error: mfa_qr::TooLong) -> Failure {
    Failure::refused("qr", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keys_and_everything_else_are_told_apart() {
        for code in ["492817", "492 817", "12345678"] {
            assert!(matches!(understood(Secret::from(code)), Typed::Code(_)), "{code}");
        }
        for key in ["t", "a", "b", "i", "n", "q"] {
            assert!(matches!(understood(Secret::from(key)), Typed::Key(_)), "{key}");
        }
        for neither in ["", " ", "x", "tt", "49281x", "7KQF-2MZT-9XWA"] {
            assert!(matches!(understood(Secret::from(neither)), Typed::Neither), "{neither}");
        }
    }
}
