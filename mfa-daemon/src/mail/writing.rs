//! Makes what is sent out of what waits: the values of the moment, the site's text, a message id.

use crate::config::Settings;
use crate::store::Waiting;
use mfa_core::Time;
use mfa_core::letter::{Address, Topic, Values, Written};
use mfa_proto::Secret;
use mfa_proto::mail::Letter;
use std::fmt::Write as _;

/// Writes a letter for this address.
pub(super) fn letter(waiting: &Waiting, topic: Topic, to: &Address, (settings, host): (&Settings, &str)) -> Letter {
    let mut values = values(waiting, settings, host);
    if let Some(code) = &waiting.code {
        values.insert("code".into(), String::from_utf8_lossy(code.expose()).into_owned());
    }
    let Written { subject, body } = settings.mail.texts.of(topic).write(&values);
    // The subject may hold the code too; the copy in the values is the last one that is not wiped by itself.
    values.values_mut().for_each(zeroize::Zeroize::zeroize);
    let domain = settings.mail.from.as_ref().and_then(|from| from.as_str().split_once('@'));
    let domain = domain.map_or("localhost", |(_, domain)| domain);
    Letter {
        to: to.as_str().to_owned(),
        subject,
        body: Secret::from(body),
        message_id: format!("{}@{domain}", spelled(&waiting.mark)),
        date: waiting.created.0,
    }
}

/// Writes what the webhook is told.
pub(super) fn notice(waiting: &Waiting, topic: Topic, (settings, host): (&Settings, &str)) -> String {
    let values = values(waiting, settings, host);
    let Written { subject, body } = settings.mail.texts.of(topic).write(&values);
    serde_json::json!({
        "id": spelled(&waiting.mark),
        "topic": topic.as_str(),
        "host": host,
        "site": settings.site(host),
        "at": waiting.created.0,
        "subject": subject,
        "text": body.as_str(),
        "values": waiting.values,
    })
    .to_string()
}

fn values(waiting: &Waiting, settings: &Settings, host: &str) -> Values {
    let mut values = waiting.values.clone();
    let common = [
        ("user", waiting.about.name.clone()),
        ("host", host.to_owned()),
        ("site", settings.site(host).to_owned()),
        ("support", settings.support.clone()),
        ("when", when(waiting.created)),
    ];
    values.extend(common.map(|(name, value)| (name.to_owned(), value)));
    values
}

/// As people here read the time: `2027-01-15 09:00 CET`.
fn when(at: Time) -> String {
    let moment = jiff::Timestamp::from_second(at.0).unwrap_or_default();
    let local = moment.to_zoned(jiff::tz::TimeZone::system());
    local.strftime("%Y-%m-%d %H:%M %Z").to_string()
}

fn spelled(mark: &[u8]) -> String {
    mark.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A letter that never was in the store.
pub(super) fn test(mark: [u8; 16]) -> Waiting {
    let now = crate::clock::now();
    Waiting {
        id: 0,
        mark,
        about: mfa_core::account::Identity { uid: 0, name: "root".to_owned() },
        to: crate::store::Recipient::Owner,
        verified: None,
        topic: Some(Topic::Test),
        values: Values::new(),
        created: now,
        until: now,
        tries: 0,
        code: None,
    }
}
