//! The file of break-glass codes: what `mfactl` writes into it and `pam_mfa` strikes out of it. The daemon never sees
//! it, and nothing is opened or written here.
//!
//! Records of one size, each in a sector of its own, so that striking one out needs no space on the disk and can
//! neither tear nor touch another. A code has 128 random bits, so a salted SHA-256 keeps it: there is nothing that a
//! slow hash would make slower to guess.

mod code;

pub use code::{Code, FRESH, Fresh};

use hmac_sha256::Hash;

/// Root's alone.
pub const FOLDER: &str = "/etc/mfa/break-glass";
/// The file in [`FOLDER`].
pub const FILE: &str = "codes";
/// Bytes of a record.
pub const RECORD: usize = 512;
/// Where in a record it says whether, when and by whom the code was used.
pub const USE_AT: usize = 320;
/// Records that a file may have.
pub const MOST: usize = 256;
/// Bytes that the name of an account may have.
pub const LONGEST_NAME: usize = 64;
/// Bytes that the names of a code's accounts may have together, a byte between two of them.
pub const LONGEST_NAMES: usize = USE_AT - NAMES_AT;

/// Opens every record, and names the layout.
const MARK: &[u8; 16] = b"mfa-break-glass1";
const NAMES_AT: usize = 76;
/// What the first byte at [`USE_AT`] says; zero: nothing has happened to it yet.
const USED: u8 = b'U';
const VOID: u8 = b'V';

/// One code, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number on the page in the safe; no other code of the file has it.
    pub number: u32,
    /// When it was made, seconds since the epoch.
    pub made: i64,
    /// The login names it works for.
    pub accounts: Vec<String>,
    /// What has become of it.
    pub state: State,
    salt: [u8; 16],
    digest: [u8; 32],
}

/// What has become of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It works.
    Unused,
    /// It let somebody in.
    Used(Use),
    /// An administrator voided it, at that time.
    Void(i64),
    /// What is written there cannot be read: it counts as used.
    Unreadable,
}

/// Who was let in by a code. Texts that are too long are cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Seconds since the epoch.
    pub at: i64,
    /// Into which account.
    pub user: String,
    /// By which PAM service.
    pub service: String,
    /// From where; empty if the application did not say.
    pub rhost: String,
}

impl Record {
    /// A code that nobody has used; `None` if the accounts' names are none, too long, too many or odd.
    #[must_use]
    pub fn new(number: u32, made: i64, accounts: &[String], fresh: &Fresh) -> Option<Self> {
        let is_name = |name: &String| {
            (1..=LONGEST_NAME).contains(&name.len()) && !name.chars().any(|c| c.is_control() || c == ':' || c == '/')
        };
        let fits = accounts.join("\n").len() <= LONGEST_NAMES;
        if accounts.is_empty() || !fits || !accounts.iter().all(is_name) {
            return None;
        }
        let digest = digest(&fresh.salt, &fresh.code);
        Some(Self { number, made, accounts: accounts.to_vec(), state: State::Unused, salt: fresh.salt, digest })
    }

    /// Whether it works for this account, by its exact name.
    #[must_use]
    pub fn is_unused_for(&self, user: &str) -> bool {
        self.state == State::Unused && self.accounts.iter().any(|account| account == user)
    }

    /// Whether it is this code. How long that takes says nothing about either.
    #[must_use]
    pub fn is(&self, code: &Code) -> bool {
        let mut hash = Hash::new();
        hash.update(MARK);
        hash.update(self.salt);
        hash.update(code.bytes());
        hash.finalize_verify(&self.digest)
    }

    /// As it is written.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(RECORD);
        bytes.extend_from_slice(MARK);
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.made.to_be_bytes());
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&self.digest);
        bytes.extend_from_slice(self.accounts.join("\n").as_bytes());
        bytes.resize(USE_AT, 0);
        bytes.extend_from_slice(&self.state.to_bytes());
        bytes
    }

    /// Reads a record; `None` if it is damaged, and then it is nobody's code.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; RECORD]) -> Option<Self> {
        let rest = bytes.strip_prefix(MARK)?;
        let (number, rest) = rest.split_first_chunk::<4>()?;
        let (made, rest) = rest.split_first_chunk::<8>()?;
        let (salt, rest) = rest.split_first_chunk::<16>()?;
        let (digest, rest) = rest.split_first_chunk::<32>()?;
        let (names, state) = rest.split_at_checked(LONGEST_NAMES)?;
        let accounts: Vec<String> = text(names)?.split('\n').map(str::to_owned).collect();
        Some(Self {
            number: u32::from_be_bytes(*number),
            made: i64::from_be_bytes(*made),
            accounts: accounts.iter().all(|name| !name.is_empty()).then_some(accounts)?,
            state: State::from_bytes(state),
            salt: *salt,
            digest: *digest,
        })
    }
}

/// Every record of a file, in order; `None` for one that is damaged. Bytes behind the last whole one are left aside.
pub fn records(file: &[u8]) -> impl Iterator<Item = Option<Record>> {
    file.chunks_exact(RECORD).map(|chunk| chunk.first_chunk::<RECORD>().and_then(Record::from_bytes))
}

impl State {
    /// What is written at [`USE_AT`], up to the end of the record.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(RECORD - USE_AT);
        match self {
            Self::Unused => {}
            Self::Used(by) => {
                bytes.push(USED);
                bytes.extend_from_slice(&by.at.to_be_bytes());
                bytes.extend_from_slice(
                    [clipped(&by.user, 64), clipped(&by.service, 48), clipped(&by.rhost, 64)].join("\n").as_bytes(),
                );
            }
            Self::Void(at) => {
                bytes.push(VOID);
                bytes.extend_from_slice(&at.to_be_bytes());
            }
            Self::Unreadable => bytes.push(USED),
        }
        bytes.resize(RECORD - USE_AT, 0);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        if bytes.iter().all(|byte| *byte == 0) {
            return Self::Unused;
        }
        let read = || {
            let (kind, rest) = bytes.split_first()?;
            let (at, rest) = rest.split_first_chunk::<8>()?;
            let at = i64::from_be_bytes(*at);
            match *kind {
                VOID => Some(Self::Void(at)),
                USED => {
                    let mut texts = text(rest)?.split('\n').map(str::to_owned);
                    let (user, service, rhost) = (texts.next()?, texts.next()?, texts.next()?);
                    Some(Self::Used(Use { at, user, service, rhost }))
                }
                _ => None,
            }
        };
        read().unwrap_or(Self::Unreadable)
    }
}

fn digest(salt: &[u8; 16], code: &Code) -> [u8; 32] {
    let mut hash = Hash::new();
    hash.update(MARK);
    hash.update(salt);
    hash.update(code.bytes());
    hash.finalize()
}

/// Text up to the zeros that fill its place; `None` if it is no plain text.
fn text(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, filling) = bytes.split_at_checked(end)?;
    let text = std::str::from_utf8(text).ok()?;
    let plain = !text.chars().any(|c| c.is_control() && c != '\n') && filling.iter().all(|byte| *byte == 0);
    plain.then_some(text)
}

/// On one line, and cut to so many bytes.
fn clipped(text: &str, most: usize) -> String {
    let mut clipped = String::new();
    for character in text.chars().filter(|c| !c.is_control()) {
        if clipped.len().saturating_add(character.len_utf8()) > most {
            break;
        }
        clipped.push(character);
    }
    clipped
}

#[cfg(test)]
mod tests;
