//! How codes look: on the page for the safe, and in `status`. Plain text that prints well.

use mfa_cli::{Failure, Screen, Table, moment, printable};
use mfa_proto::break_glass::{Record, State};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use zeroize::Zeroizing;

/// The page: for whom, the codes, how many older ones still work, and when it was made.
pub(super) fn of(
    accounts: &[String],
    codes: &[(u32, Zeroizing<String>)],
    (older, now): (usize, i64),
) -> Zeroizing<String> {
    let host = printable::line(&rustix::system::uname().nodename().to_string_lossy());
    let whom = listed(accounts);
    let when = printable::wrap(&format!(
        "For {whom}, at a login that says \"The second factor cannot be checked now\". Type one where it asks for a \
         break-glass code, after the password. Each works once; tick it off."
    ));
    let mut page = Zeroizing::new(String::with_capacity(4096));
    let _ = write!(
        page,
        "\nBREAK-GLASS CODES of {host}, made {}\nKeep this page in a safe.\n\n{when}\n\n",
        moment::date(now)
    );
    for (number, code) in codes {
        let _ = writeln!(page, "  [ ] {number:>4}   {}", code.as_str());
    }
    let again = if older == 0 { String::new() } else { format!("{older} older ones go on working. ") };
    let more = format!("{again}Which were used: mfactl break-glass status. Page lost: mfactl break-glass void");
    let _ = writeln!(page, "\n{}", printable::wrap(&more));
    page
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| printable::line(name)).collect::<Vec<_>>().join(" or ")
}

/// How many are left for each account.
pub(super) fn left(records: &[Record]) -> BTreeMap<&str, usize> {
    let mut left = BTreeMap::new();
    for record in records {
        for account in &record.accounts {
            *left.entry(account.as_str()).or_insert(0) += usize::from(record.state == State::Unused);
        }
    }
    left
}

/// What `status` says.
pub(super) fn show(screen: &Screen, records: &[Record]) -> Result<(), Failure> {
    if records.is_empty() {
        return screen.line("There are no break-glass codes. Make some: mfactl break-glass create");
    }
    for (account, left) in left(records) {
        let account = printable::line(account);
        let next = if left == 0 { ". Make new ones: mfactl break-glass create" } else { "" };
        screen.line(&printable::wrap(&format!("{left} left for {account}{next}")))?;
    }
    screen.line("")?;
    let mut table = Table::new(screen, &["code", "for", "made", "state"]);
    for record in records {
        let (number, made) = (record.number.to_string(), moment::date(record.made));
        table.row(&[&number, &record.accounts.join(", "), &made, &state(record)])?;
    }
    table.finish()
}

fn state(record: &Record) -> String {
    match &record.state {
        State::Unused => "unused".to_owned(),
        State::Void(at) => format!("void since {}", moment::date_time(*at)),
        State::Unreadable => "used, and it cannot be read by whom".to_owned(),
        State::Used(by) => {
            let from = if by.rhost.is_empty() { String::new() } else { format!(" from {}", by.rhost) };
            format!("used {} as {}, {}{from}", moment::date_time(by.at), by.user, by.service)
        }
    }
}

/// A code for scripts.
pub(super) fn data(record: &Record) -> Value {
    let mut data = json!({ "number": record.number, "for": record.accounts, "made": record.made });
    let more = match &record.state {
        State::Unused => json!({ "state": "unused" }),
        State::Void(at) => json!({ "state": "void", "at": at }),
        State::Unreadable => json!({ "state": "used" }),
        State::Used(by) => {
            json!({ "state": "used", "at": by.at, "user": by.user, "service": by.service, "rhost": by.rhost })
        }
    };
    if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
        data.extend(more);
    }
    data
}
