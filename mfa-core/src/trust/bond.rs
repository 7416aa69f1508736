//! To what trust is bound, and how the store spells it.

use crate::Time;
use crate::policy::Fingerprint;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Seconds between a proved factor and the session that the login opens; accounts and passwords may be asked about
/// meanwhile.
const OPENING: i64 = 120;

/// To what a trust is bound. Never to an address alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bond {
    /// An SSH key, from anywhere: the user chose to be remembered.
    Key(Fingerprint),
    /// An SSH key from one address.
    KeyFrom(Fingerprint, IpAddr),
    /// One login session.
    Session(Session),
    /// The login session that was opened right afterwards, with one of these processes as its leader: when a login
    /// asks, its session has no number yet.
    OpenedBy([u32; 2]),
}

impl Bond {
    /// Whether the user chose it (`remember`); all else is silent (`ask_again`).
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        matches!(self, Self::Key(_))
    }
}

/// A login session, as the login manager knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The kernel's audit session.
    pub number: u32,
    /// When it began, in microseconds since 1970. Numbers are given again after a reboot, moments are not.
    pub began: u64,
    /// The process that opened it.
    pub leader: u32,
    /// Who logged in.
    pub uid: u32,
}

impl Session {
    /// Whether it is that one.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        (self.number, self.began, self.uid) == (other.number, other.began, other.uid)
    }

    /// Whether it is the one that a login opened which passed at that time in one of these processes.
    #[must_use]
    pub fn was_opened_by(&self, processes: [u32; 2], passed: Time) -> bool {
        let began = i64::try_from(self.began / 1_000_000).unwrap_or(i64::MAX);
        processes.contains(&self.leader) && (0..=OPENING).contains(&Time(began).since(passed))
    }
}

/// As the store keeps it: `key SHA256:…`, `key SHA256:… from 192.0.2.7`, `session 7 1000 4711 1700000000000000` (number,
/// uid, leader, beginning), `opened-by 4711 4710`.
impl fmt::Display for Bond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "key {key}"),
            Self::KeyFrom(key, address) => write!(f, "key {key} from {address}"),
            Self::Session(Session { number, began, leader, uid }) => {
                write!(f, "session {number} {uid} {leader} {began}")
            }
            Self::OpenedBy([first, second]) => write!(f, "opened-by {first} {second}"),
        }
    }
}

/// Not what [`Bond`] spells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotABond;

impl FromStr for Bond {
    type Err = NotABond;

    fn from_str(text: &str) -> Result<Self, NotABond> {
        fn number<T: FromStr>(text: &str) -> Result<T, NotABond> {
            text.parse().map_err(|_| NotABond)
        }
        let words: Vec<&str> = text.split(' ').collect();
        Ok(match words[..] {
            ["key", key] => Self::Key(number(key)?),
            ["key", key, "from", address] => Self::KeyFrom(number(key)?, number(address)?),
            ["session", name, uid, leader, began] => Self::Session(Session {
                number: number(name)?,
                began: number(began)?,
                leader: number(leader)?,
                uid: number(uid)?,
            }),
            ["opened-by", first, second] => Self::OpenedBy([number(first)?, number(second)?]),
            _ => return Err(NotABond),
        })
    }
}
