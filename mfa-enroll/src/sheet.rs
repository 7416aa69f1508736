//! The page to print and keep: QR code, secret and backup codes, as HTML or as text. It makes text and writes no file.
//!
//! The page loads nothing from anywhere, and every value on it is escaped: names come from people.

use crate::picture::{ending, svg};
use mfa_cli::moment;
use mfa_cli::printable::{self, Visible};
use mfa_proto::Secret;
use mfa_proto::enrollment::{Enrolled, PendingTotp};
use mfa_qr::{Ink, Qr};
use std::fmt::Write;
use std::path::PathBuf;
use std::str::FromStr;
use zeroize::Zeroizing;

/// Room for a whole page, so that it never moves and leaves a copy behind.
const ROOM: usize = 64 * 1024;
const STYLE: &str = include_str!("sheet.css");

/// What a page shows.
pub(crate) struct Sheet<'a> {
    pub(crate) enrolled: &'a Enrolled,
    /// The app's secret, while it is known: before and right after it is confirmed.
    pub(crate) app: Option<(&'a PendingTotp, &'a Qr)>,
    pub(crate) codes: &'a [Secret],
}

/// Where a page goes, and of which kind it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SheetFile {
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
}

/// The two kinds of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Html,
    Text,
}

impl FromStr for SheetFile {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let path = PathBuf::from(name);
        let kind = match ending(&path).as_str() {
            "html" | "htm" => Kind::Html,
            "txt" => Kind::Text,
            _ => return Err("the name must end in .html or .txt"),
        };
        Ok(Self { path, kind })
    }
}

/// A secret as people copy it: in groups of four.
pub(crate) fn in_groups(secret: &Secret) -> Zeroizing<String> {
    let mut groups = Zeroizing::new(String::with_capacity(secret.expose().len() * 2 + 1));
    for (at, letter) in secret.expose().chars().filter(char::is_ascii_alphanumeric).enumerate() {
        if at > 0 && at % 4 == 0 {
            groups.push(' ');
        }
        groups.push(letter);
    }
    groups
}

/// The page, dated today.
pub(crate) fn page(sheet: &Sheet<'_>, kind: Kind) -> Zeroizing<String> {
    let today = moment::date(moment::now());
    match kind {
        Kind::Html => html(sheet, &today),
        Kind::Text => text(sheet, &today),
    }
}

fn html(sheet: &Sheet<'_>, today: &str) -> Zeroizing<String> {
    let mut page = Zeroizing::new(String::with_capacity(ROOM));
    let (site, account) = (escaped(&sheet.enrolled.site), escaped(&account(sheet.enrolled)));
    let _ = write!(
        *page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Second factor of {account}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>Second factor</h1><p><b>{account}</b> at {site}<br>made on {today}</p></header>\n"
    );
    if let Some((pending, qr)) = sheet.app {
        html_of_app(&mut page, pending, qr);
    }
    if !sheet.codes.is_empty() {
        page.push_str(
            "<section>\n<h2>Backup codes</h2>\n<p>When the phone is not there, one of these is typed instead \
                       of its code. Each works once: tick it off.</p>\n<ol class=\"codes\">\n",
        );
        for code in sheet.codes {
            page.push_str("<li><span class=\"box\"></span><code>");
            push_escaped(&mut page, code.expose().chars().filter(char::is_ascii_graphic));
            page.push_str("</code></li>\n");
        }
        page.push_str("</ol>\n</section>\n");
    }
    let _ = write!(
        *page,
        "<footer><p><b>Keep this page where you keep your passport; whoever has it has your second factor.</b> {}</p>\
         <p>{}</p></footer>\n</body>\n</html>\n",
        escaped(AFTER_PRINTING),
        escaped(&if_lost(sheet)),
    );
    page
}

fn html_of_app(page: &mut Zeroizing<String>, pending: &PendingTotp, qr: &Qr) {
    page.push_str("<section class=\"app\">\n<div class=\"qr\">");
    page.push_str(&svg(qr));
    let _ = write!(
        **page,
        "</div>\n<div>\n<h2>Authenticator app</h2>\n<p>For a new phone: add an account in the app and scan this, or \
         type the secret.</p>\n<dl><dt>Account</dt><dd>{}: {}</dd>\n<dt>Secret</dt><dd><code>",
        escaped(&pending.issuer),
        escaped(&pending.label)
    );
    push_escaped(page, in_groups(&pending.secret).chars());
    page.push_str("</code></dd></dl>\n</div>\n</section>\n");
}

fn text(sheet: &Sheet<'_>, today: &str) -> Zeroizing<String> {
    let mut page = Zeroizing::new(String::with_capacity(ROOM));
    let site = printable::line(&sheet.enrolled.site);
    let head = format!("Second factor of {} at {site}, made on {today}", account(sheet.enrolled));
    let _ = writeln!(*page, "{}\n", printable::wrap(&head));
    if let Some((pending, qr)) = sheet.app {
        let account = format!("{}: {}", pending.issuer, pending.label);
        page.push_str(
            "AUTHENTICATOR APP\nFor a new phone: add an account in the app and scan this, or type the secret.\n\n",
        );
        page.push_str(&qr.in_ascii(Ink::Dark));
        let _ = writeln!(*page, "\n{}", printable::wrap(&format!("Account  {}", printable::line(&account))));
        let _ = writeln!(*page, "Secret   {}\n", *in_groups(&pending.secret));
    }
    if !sheet.codes.is_empty() {
        page.push_str("BACKUP CODES\nEach works once, instead of the code on the phone. Tick off what you used.\n\n");
        for (at, code) in sheet.codes.iter().enumerate() {
            let _ = writeln!(*page, "{:>3}  [ ]  {}", at + 1, Visible(code));
        }
        page.push('\n');
    }
    let keep = "Keep this page where you keep your passport; whoever has it has your second factor.";
    for paragraph in [keep, AFTER_PRINTING, &if_lost(sheet)] {
        let _ = writeln!(*page, "{}", printable::wrap(paragraph));
    }
    page
}

const AFTER_PRINTING: &str = "Not in the bag with the phone, not as a photo, not on this computer: delete the file \
                              once it is printed.";

fn if_lost(sheet: &Sheet<'_>) -> String {
    let support = printable::line(&sheet.enrolled.support);
    let help = if support.is_empty() { String::new() } else { format!(" (help: {support})") };
    let mend = match sheet.app {
        Some(_) => "add the app anew, remove the old one and make new codes, all with: mfa-enroll",
        None => "make new codes at once with: mfa-enroll codes",
    };
    format!("If this page is lost or was seen by others, {mend}{help}")
}

fn account(enrolled: &Enrolled) -> String {
    printable::line(&format!("{}@{}", enrolled.user, enrolled.host))
}

fn escaped(text: &str) -> String {
    let mut safe = String::new();
    push_escaped(&mut safe, printable::line(text).chars());
    safe
}

fn push_escaped(page: &mut String, text: impl Iterator<Item = char>) {
    for c in text {
        match c {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            c => page.push(c),
        }
    }
}

#[cfg(test)]
#[path = "sheet_tests.rs"]
mod tests;
