//! A record as a line: for people a sentence with what they ask about first, for scripts the record as it was written.

use super::place;
use crate::Desk;
use crate::directory;
use crate::policy::beside;
use mfa_cli::words::kind;
use mfa_cli::{Failure, moment, printable};
use mfa_proto::audit::{Place, Record};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Columns of the time before each record.
const COLUMN: usize = 20;
/// The words of records about somebody who wanted in.
const LOGINS: [&str; 6] = ["passed", "skipped", "denied", "wrong", "replayed", "counter-back"];

/// What was told so far.
#[derive(Default)]
pub(super) struct Told {
    count: usize,
    last: Option<Place>,
    names: Names,
}

impl Told {
    /// Tells a record, unless it was told before.
    pub(super) fn tell(&mut self, desk: &Desk, record: &Record) -> Result<(), Failure> {
        let place = place(record);
        if self.last.is_some_and(|last| last.node == place.node && last.seq >= place.seq) {
            return Ok(());
        }
        (self.last, self.count) = (Some(place), self.count + 1);
        let fields = serde_json::from_str::<Map<String, Value>>(&record.record);
        if desk.json {
            return desk.screen.data(&as_json(record, fields.is_ok()));
        }
        let (time, text) = match &fields {
            Ok(fields) => {
                let at = fields.get("at").and_then(Value::as_i64).unwrap_or_default();
                (moment::to_the_second(at), sentence(&Fields(fields), &mut self.names))
            }
            Err(_) => (String::new(), format!("record {} CANNOT BE READ: mfactl audit verify", record.seq)),
        };
        if desk.screen.is_terminal() {
            desk.screen.line(&beside(&time, COLUMN, &text))
        } else {
            desk.screen.line(&format!("{time:COLUMN$}{text}"))
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.count == 0
    }
}

/// The record's own bytes: whoever has the one before can check the hash.
fn as_json(record: &Record, is_whole: bool) -> String {
    let Record { node, seq, hash, record } = record;
    let hash: String = hash.chars().filter(char::is_ascii_hexdigit).collect();
    let record = if is_whole { record.as_str() } else { "null" };
    format!("{{\"node\":{node},\"seq\":{seq},\"hash\":\"{hash}\",\"record\":{record}}}\n")
}

struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn text(&self, field: &str) -> Option<String> {
        self.0.get(field).and_then(Value::as_str).map(printable::line)
    }

    fn number(&self, field: &str) -> Option<i64> {
        self.0.get(field).and_then(Value::as_i64)
    }
}

/// Such as `alice denied at sshd from 10.0.0.9, throttled, phone app`.
fn sentence(fields: &Fields<'_>, names: &mut Names) -> String {
    let what = fields.text("what").unwrap_or_default();
    let mut text = format!("{} {what}", fields.text("user").unwrap_or_else(|| "site:".to_owned()));
    if LOGINS.contains(&what.as_str()) {
        text.push_str(&login(fields, names));
    }
    for part in parts(fields) {
        text.push_str(&format!(", {part}"));
    }
    if !LOGINS.contains(&what.as_str()) {
        text.push_str(&who(fields, names));
    }
    text
}

fn login(fields: &Fields<'_>, names: &mut Names) -> String {
    let mut text = String::new();
    for (word, field) in [("at", "service"), ("from", "rhost")] {
        if let Some(value) = fields.text(field) {
            text.push_str(&format!(" {word} {value}"));
        }
    }
    let (uid, by) = (fields.number("uid"), fields.number("by").unwrap_or_default());
    match fields.number("login_uid").filter(|login| uid != Some(*login)) {
        Some(login) => text.push_str(&format!(", logged in as {}", names.of(login))),
        None if by != 0 && uid != Some(by) => text.push_str(&format!(", asked by {}", names.of(by))),
        None => {}
    }
    text
}

fn parts(fields: &Fields<'_>) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(fields.text("reason"));
    if let Some(factor) = fields.0.get("factor").and_then(Value::as_object).map(Fields) {
        let id = factor.number("id").map(|id| format!(" {id}")).unwrap_or_default();
        parts.push(format!("{}{id}", kind(&factor.text("kind").unwrap_or_default())));
    }
    if let Some(was) = fields.0.get("was").and_then(Value::as_object).map(Fields) {
        let uid = was.number("uid").unwrap_or_default();
        parts.push(format!("before that of {} ({uid})", was.text("user").unwrap_or_default()));
    }
    let details = fields.0.get("details").and_then(Value::as_object);
    for (word, value) in details.into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        parts.push(format!("{} {}", printable::line(word), printable::line(&value)));
    }
    parts.extend(fields.text("rule").filter(|rule| rule != "defaults").map(|rule| format!("rule \"{rule}\"")));
    if fields.0.get("silent").and_then(Value::as_bool) == Some(true) {
        parts.push("non-interactive".to_owned());
    }
    parts
}

/// Who did it: the login that became root, the user, the daemon.
fn who(fields: &Fields<'_>, names: &mut Names) -> String {
    let (by, service) = (fields.number("by").unwrap_or_default(), fields.text("service").unwrap_or_default());
    let with = if matches!(service.as_str(), "" | "root") { String::new() } else { format!(" with {service}") };
    match (service.as_str(), fields.number("login_uid")) {
        ("mfa-daemon", _) => String::new(),
        (_, Some(login)) if login != by => format!(", by {} as {}{with}", names.of(login), names.of(by)),
        _ => format!(", by {}{with}", names.of(by)),
    }
}

/// The names of uids, as the system has them now; each is looked up once.
#[derive(Default)]
struct Names(HashMap<i64, String>);

impl Names {
    fn of(&mut self, uid: i64) -> String {
        let name = self.0.entry(uid).or_insert_with(|| {
            let known = u32::try_from(uid).ok().and_then(|uid| directory::name_of(uid).ok().flatten());
            known.map_or_else(|| format!("uid {uid}"), |name| printable::line(&name))
        });
        name.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(record: &str) -> String {
        let fields = serde_json::from_str(record).unwrap();
        let names = [(0, "root"), (1000, "alice"), (1001, "bob")].map(|(uid, name)| (uid, name.to_owned()));
        sentence(&Fields(&fields), &mut Names(names.into()))
    }

    #[test]
    fn a_login_says_where_from_and_why() {
        let record = r#"{"at":1,"what":"denied","user":"alice","uid":1000,"reason":"throttled","service":"sshd",
            "factor":{"kind":"totp","id":7},"rhost":"10.0.0.9\u001b","rule":"night","by":0}"#;
        assert_eq!(told(record), "alice denied at sshd from 10.0.0.9\\u{1b}, throttled, phone app 7, rule \"night\"");
        let sudo =
            r#"{"what":"passed","user":"root","uid":0,"service":"su","rule":"defaults","by":0,"login_uid":1001}"#;
        assert_eq!(told(sudo), "root passed at su, logged in as bob");
        let forged = r#"{"what":"wrong","user":"alice","uid":1000,"service":"sshd","by":1001}"#;
        assert_eq!(told(forged), "alice wrong at sshd, asked by bob");
    }

    #[test]
    fn a_change_says_who_made_it_and_with_what() {
        let record = r#"{"what":"reset","user":"alice","uid":1000,"service":"mfactl","by":0,"login_uid":1001}"#;
        assert_eq!(told(record), "alice reset, by bob as root with mfactl");
        let own = r#"{"what":"added","user":"alice","uid":1000,"service":"mfa-enroll","by":1000}"#;
        assert_eq!(told(own), "alice added, by alice with mfa-enroll");
        let rebound = r#"{"what":"rebound","user":"al","uid":7,"was":{"user":"alice","uid":1000},"by":0}"#;
        assert_eq!(told(rebound), "al rebound, before that of alice (1000), by root");
    }

    #[test]
    fn what_happened_to_the_site_is_told_with_its_details() {
        let record = r#"{"what":"policy-refused","reason":"old-stays","service":"mfactl","by":0,"login_uid":1001,
            "details":{"problem":"policy.toml:2:1: no such key","rules":5}}"#;
        assert_eq!(
            told(record),
            "site: policy-refused, old-stays, problem policy.toml:2:1: no such key, rules 5, by bob as root with mfactl"
        );
        let started = r#"{"what":"started","service":"mfa-daemon","by":996,"details":{"version":"0.1.0"}}"#;
        assert_eq!(told(started), "site: started, version 0.1.0");
    }

    #[test]
    fn for_scripts_a_record_is_as_it_was_written() {
        let written = r#"{"at":1,"what":"passed","user":"alice","uid":1000,"by":0}"#;
        let record = Record { node: 7, seq: 8, hash: "0a\"".into(), record: written.into() };
        assert_eq!(as_json(&record, true), format!("{{\"node\":7,\"seq\":8,\"hash\":\"0a\",\"record\":{written}}}\n"));
        assert!(as_json(&record, false).ends_with("\"record\":null}\n"));
    }
}
