//! The audit record: what happened to whom or to the site, who asked, from where and how; one line of JSON each, kept
//! as it was written, and chained by hashes so that a record that was changed or taken out shows.
//!
//! Nothing secret is ever in it: reasons are words of the program's own, and input is clipped and escaped.

mod site;
mod told;

pub(crate) use site::{Detail, Details, Site, SiteRecord};

use crate::journal::Printable;
use mfa_core::Time;
use mfa_core::account::{FactorId, Identity, Record, What};
use mfa_core::factor::Kind;
use mfa_core::policy::Origin;
use serde::{Deserialize, Serialize};
use serde_json::ser::{CompactFormatter, Formatter};
use sha2::{Digest, Sha256};
use std::{fmt, io};

/// Characters of a text from outside that are kept.
const LONGEST: usize = 256;

/// How a request came: what the peer says of the login (believed of root only) and what the kernel says of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    /// The PAM service, or the program that asked.
    pub(crate) service: Option<String>,
    /// The remote host, as the application gave it.
    pub(crate) rhost: Option<String>,
    /// The remote or calling user, as the application gave it.
    pub(crate) ruser: Option<String>,
    /// The terminal.
    pub(crate) tty: Option<String>,
    /// The policy's rule that decided.
    pub(crate) rule: Option<String>,
    /// The peer's uid, from the socket.
    pub(crate) peer_uid: u32,
    /// The kernel's login uid of the caller, if it has one.
    pub(crate) login_uid: Option<u32>,
    /// The kernel's audit session of the caller, if it has one.
    pub(crate) session: Option<u32>,
    /// Whether nobody could be asked anything: the account phase of a login by key alone.
    pub(crate) silent: bool,
    /// What sshd had verified, as [`mfa_core::policy::SshAuth`] spells it; `None` for nothing.
    pub(crate) ssh: Option<String>,
    /// At this machine or not, if that is known.
    pub(crate) origin: Option<Origin>,
    /// The newest logins, where somebody reports one of them.
    pub(crate) logins: Vec<String>,
}

impl Context {
    /// The daemon itself, which was told by nobody it could name: at its start, by a signal, by a timer.
    #[must_use]
    pub(crate) fn of_daemon() -> Self {
        let own = rustix::process::geteuid().as_raw();
        Self { service: Some("mfa-daemon".into()), ..Self::of_peer(own) }
    }

    /// Nothing is known but the peer.
    #[must_use]
    pub(crate) fn of_peer(peer_uid: u32) -> Self {
        Self {
            service: None,
            rhost: None,
            ruser: None,
            tty: None,
            rule: None,
            peer_uid,
            login_uid: None,
            session: None,
            silent: false,
            ssh: None,
            origin: None,
            logins: Vec::new(),
        }
    }
}

/// One record, as it is written and read. Times are seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// When.
    pub(crate) at: i64,
    /// What happened: a word of [`What`] to an account, one of [`Site`] to none.
    pub(crate) what: String,
    /// To whose account; `None`: to the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// Its uid; there is one if there is a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uid: Option<u32>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Why, in an administrator's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<String>,
    /// The number of the record of the login that covers this one, so that nothing was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) covered_by: Option<i64>,
    /// With which factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) factor: Option<Factor>,
    /// Whose record it was before, if it was given to somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) was: Option<Was>,
    /// The PAM service, or the program that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<String>,
    /// The remote host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rhost: Option<String>,
    /// The remote or calling user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ruser: Option<String>,
    /// The terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tty: Option<String>,
    /// The policy's rule that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    /// The peer's uid.
    pub(crate) by: u32,
    /// The kernel's login uid of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) login_uid: Option<u32>,
    /// The kernel's audit session of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<u32>,
    /// Whether nobody could be asked anything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) silent: bool,
    /// What sshd had verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ssh: Option<String>,
    /// `local` or `remote`, if that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<String>,
    /// The newest logins, where somebody reports one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) logins: Vec<String>,
    /// What more is to be said of it.
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub(crate) details: Details,
}

/// The factor of an [`Event`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Factor {
    /// The policy's word for its kind.
    pub(crate) kind: String,
    /// Its id, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<i64>,
}

/// The former owner in an [`Event`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Was {
    /// The login name.
    pub(crate) user: String,
    /// The uid.
    pub(crate) uid: u32,
}

impl Event {
    /// Puts together what happened to an account and how it came.
    #[must_use]
    pub(crate) fn new(whose: &Identity, at: Time, record: &Record, context: &Context) -> Self {
        let factor = |(kind, id): (Kind, Option<FactorId>)| Factor {
            kind: kind.as_str().to_owned(),
            id: id.map(|FactorId(id)| id),
        };
        Self {
            user: Some(clip(&whose.name)),
            uid: Some(whose.uid),
            reason: record.reason.map(clip),
            words: record.words.as_deref().map(clip),
            covered_by: record.covered_by,
            factor: record.factor.map(factor),
            ..Self::bare(at, record.what.as_str(), context)
        }
    }

    /// Puts together what happened to the site and how it came.
    #[must_use]
    pub(crate) fn of_site(at: Time, record: &SiteRecord, context: &Context) -> Self {
        let (reason, details) = (record.reason.map(clip), record.details.clone());
        Self { reason, details, ..Self::bare(at, record.what.as_str(), context) }
    }

    fn bare(at: Time, what: &str, context: &Context) -> Self {
        let clipped = |text: &Option<String>| text.as_deref().map(clip);
        Self {
            at: at.0,
            what: what.to_owned(),
            user: None,
            uid: None,
            reason: None,
            words: None,
            covered_by: None,
            factor: None,
            was: None,
            service: clipped(&context.service),
            rhost: clipped(&context.rhost),
            ruser: clipped(&context.ruser),
            tty: clipped(&context.tty),
            rule: clipped(&context.rule),
            by: context.peer_uid,
            login_uid: context.login_uid,
            session: context.session,
            silent: context.silent,
            ssh: clipped(&context.ssh),
            origin: context.origin.map(|origin| origin.as_str().to_owned()),
            logins: context.logins.iter().map(|login| clip(login)).collect(),
            details: Details::new(),
        }
    }

    /// Whose account it is about; `None`: the site.
    #[must_use]
    pub(crate) fn whose(&self) -> Option<Identity> {
        Some(Identity { uid: self.uid?, name: self.user.clone()? })
    }

    /// With the former owner.
    #[must_use]
    pub(crate) fn formerly(self, was: &Identity) -> Self {
        Self { was: Some(Was { user: clip(&was.name), uid: was.uid }), ..self }
    }

    /// Whether it says that a chain begins after this record, because all up to it were removed.
    #[must_use]
    pub(crate) fn anchors(&self, head: &Head) -> bool {
        let is = |word: &str, value: &Detail| self.details.get(word) == Some(value);
        self.what == Site::Pruned.as_str()
            && self.user.is_none()
            && is("node", &head.node.into())
            && is("seq", &head.seq.into())
            && is("hash", &Detail::Text(head.hash.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The record as it is kept: JSON on one line, in printable ASCII alone.
    ///
    /// # Errors
    /// None that this type can cause; they are serde's.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = Vec::with_capacity(256);
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Ascii))?;
        Ok(bytes)
    }

    /// Reads a kept record; fields it does not know are left aside.
    ///
    /// # Errors
    /// It is not one; also if it has an account's word and no account, or the other way around.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let event: Self = serde_json::from_slice(bytes)?;
        let is_of = |what: &str| event.what == what;
        let whole = match (&event.user, event.uid) {
            (Some(_), Some(_)) => !Site::ALL.into_iter().map(Site::as_str).any(is_of),
            (None, None) => !What::ALL.into_iter().map(What::as_str).any(is_of),
            _ => false,
        };
        if whole { Ok(event) } else { Err(serde::de::Error::custom("neither an account's record nor the site's")) }
    }
}

/// As administrators read it: `wrong at sshd from 10.1.2.3, totp`.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for (word, value) in
            [("at", &self.service), ("from", &self.rhost), ("because", &self.reason), ("because", &self.words)]
        {
            if let Some(value) = value {
                write!(f, " {word} {}", Printable(value))?;
            }
        }
        match &self.factor {
            Some(Factor { kind, id: Some(id) }) => write!(f, ", {kind} {id}")?,
            Some(Factor { kind, id: None }) => write!(f, ", {kind}")?,
            None => {}
        }
        if let Some(seq) = self.covered_by {
            write!(f, ", by record {seq}")?;
        }
        self.details.iter().try_for_each(|(word, detail)| write!(f, ", {} {detail}", Printable(word)))
    }
}

fn clip(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// JSON in printable ASCII: control characters of all kinds, also those serde_json lets through (DEL, C1, marks that
/// turn the direction of writing), come out as `\u` escapes and cannot act on a terminal.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0u16; 2];
        for piece in fragment.split_inclusive(|character| !matches!(character, ' '..='~')) {
            let mut rest = piece.chars();
            let last = rest.next_back().filter(|last| !matches!(last, ' '..='~'));
            let printable = if last.is_some() { rest.as_str() } else { piece };
            CompactFormatter.write_string_fragment(writer, printable)?;
            for unit in last.into_iter().flat_map(|last| last.encode_utf16(&mut units).to_vec()) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

/// SHA-256.
pub(crate) type Hash = [u8; 32];

/// The newest link of a chain of records: what the next one is hashed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Which machine's chain it is.
    pub(crate) node: i64,
    /// Its number in the chain; 0 before the first.
    pub(crate) seq: i64,
    /// Its hash; zeros before the first.
    pub(crate) hash: Hash,
}

impl Head {
    /// Of a chain without records.
    #[must_use]
    pub(crate) fn start(node: i64) -> Self {
        Self { node, seq: 0, hash: [0; 32] }
    }

    /// The link of the next record: its hash is SHA-256 of the previous hash, node and number (64 bits each, big
    /// endian), and the record's bytes.
    #[must_use]
    pub(crate) fn next(&self, record: &[u8]) -> Self {
        let seq = self.seq.saturating_add(1);
        let hash = Sha256::new()
            .chain_update(self.hash)
            .chain_update(self.node.to_be_bytes())
            .chain_update(seq.to_be_bytes())
            .chain_update(record)
            .finalize();
        Self { node: self.node, seq, hash: hash.into() }
    }
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
