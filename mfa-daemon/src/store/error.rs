//! What can go wrong: opening, and afterwards. Each is a sentence for who runs the machine, with a next step; none
//! holds a secret, and none is ever taken for "nothing is enrolled".

use mfa_core::account::Identity;
use rusqlite::ErrorCode;
use std::fmt;
use std::path::PathBuf;

/// Why a read or a commit did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// Too much waits to be committed, or too much of this peer's.
    Busy,
    /// The thread that writes has ended; nothing is committed any more.
    Stopped,
    /// No space left.
    DiskFull,
    /// The file system or the file cannot be written.
    ReadOnly(String),
    /// The file is not the one that was opened.
    Replaced,
    /// What is in the file cannot be right.
    Damaged(String),
    /// A sealed row does not open: moved, changed, or sealed with another key.
    Unsealable {
        /// In which table.
        table: &'static str,
        /// Which row.
        id: i64,
    },
    /// A uid or name is taken by another record that has factors.
    Taken(Identity),
    /// So many accounts are enrolled, in whose place nothing is put unless that is meant.
    NotEmpty(u64),
    /// A copy that cannot be put back: what of it.
    BadCopy(String),
    /// Writes without a condition: an error of this program.
    Unconditional,
    /// A value the schema does not take: an error of this program.
    Constraint(String),
    /// Anything else.
    Failed(String),
}

impl StoreError {
    /// Whether it is about one commit, and the connection is as good as before.
    pub(super) fn is_of_one_commit(&self) -> bool {
        matches!(
            self,
            Self::Unsealable { .. }
                | Self::Taken(_)
                | Self::NotEmpty(_)
                | Self::BadCopy(_)
                | Self::Unconditional
                | Self::Constraint(_)
        )
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("too many requests wait for the database; try again"),
            Self::Stopped => f.write_str("the database is no longer written to; restart the daemon: systemctl restart mfa-daemon"),
            Self::DiskFull => f.write_str("there is no space left for the database; free some on its file system"),
            Self::ReadOnly(why) => write!(f, "the database cannot be written ({why}); check its file system and its owner"),
            Self::Replaced => f.write_str(
                "the database file was removed or replaced while in use; restart the daemon: systemctl restart mfa-daemon",
            ),
            Self::Damaged(what) => write!(f, "the database is damaged ({what}); restore it from a backup"),
            Self::Unsealable { table, id } => write!(
                f,
                "row {id} of {table} does not open with the master key: it was changed, moved, or sealed with another key; \
                 restore the database, or reset the account"
            ),
            Self::Taken(Identity { uid, name }) => {
                write!(f, "the record of {name} ({uid}) is in the way; reset that one first: mfactl reset {name}")
            }
            Self::NotEmpty(enrolled) => write!(
                f,
                "{enrolled} accounts are enrolled here; to put the copy in their place: mfactl restore FILE --replace"
            ),
            Self::BadCopy(what) => {
                write!(f, "the copy cannot be put back ({what}); nothing was changed. Try another copy")
            }
            Self::Unconditional => f.write_str("a change without a condition was refused; please report this"),
            Self::Constraint(what) => write!(f, "the database does not take this value ({what}); please report this"),
            Self::Failed(what) => write!(f, "the database failed ({what}); see the journal of mfa-daemon"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        // SQLite's texts name tables and columns, never values.
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Self::ReadOnly(text),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(text),
            Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) => {
                Self::Constraint(text)
            }
            Some(_) => Self::Failed(text),
            None => match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::QueryReturnedNoRows
                | rusqlite::Error::Utf8Error(..) => Self::Damaged(text),
                rusqlite::Error::SqlInputError { msg, .. } => Self::Failed(msg),
                _ => Self::Failed(text),
            },
        }
    }
}

/// Why the database was not opened. Nobody is let in by a second factor until it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// The directory is not there.
    NoDirectory(PathBuf),
    /// Somebody else could read or change it: owner, mode, kind of file, links.
    Untrusted {
        /// Which file or directory.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another daemon has it open.
    InUse(PathBuf),
    /// There was a database and it is gone or empty. It is never made anew by itself: everybody would be without a
    /// second factor.
    Gone(PathBuf),
    /// A file of another program.
    NotOurs(PathBuf),
    /// Written by a later version of this program.
    Newer {
        /// The schema of the file.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// It was sealed with another master key.
    WrongKey,
    /// Part of it was sealed with a key that was not given.
    MissingKey(u32),
    /// The write-ahead log beside it was written beside another file.
    NotItsLog(PathBuf),
    /// Not a file system to keep it on: no shared memory for the write-ahead log.
    Unsuitable(PathBuf),
    /// Reading or writing failed.
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// The system's word.
        why: String,
    },
    /// Reading or writing the database failed.
    Database(StoreError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDirectory(path) => {
                let path = path.display();
                write!(f, "{path} is not there; make it: install -d -m 0700 -o _mfa -g _mfa {path}")
            }
            Self::Untrusted { path, why } => write!(f, "{} {why}", path.display()),
            Self::InUse(path) => write!(f, "another mfa-daemon uses {}; stop that one first", path.display()),
            Self::Gone(path) => write!(
                f,
                "{0} is gone or empty, but there was a database; restore it from a backup. To start with nobody \
                 enrolled, remove the file \"lock\" beside it",
                path.display()
            ),
            Self::NotOurs(path) => write!(f, "{} is not a database of mfa-daemon; move it away", path.display()),
            Self::Newer { found, known } => write!(
                f,
                "the database has schema {found} and this mfa-daemon knows {known}; install the newer version again, or \
                 put the copy back that it made before: mfa.db.schema-{known}"
            ),
            Self::WrongKey => f.write_str(
                "this master key does not belong to this database; put the key back that was made with it, or restore \
                 both from a backup",
            ),
            Self::MissingKey(id) => {
                write!(f, "part of the database is sealed with master key {id}, which is not here; put it back")
            }
            Self::NotItsLog(path) => write!(
                f,
                "{0} was written beside another database than the one that is there; put that one back. To go on with \
                 an older one, move {0} away: backup codes are void then",
                path.display()
            ),
            Self::Unsuitable(path) => {
                write!(f, "{} is on a file system without shared memory; keep it on a local disk", path.display())
            }
            Self::Io { path, why } => write!(f, "{}: {why}", path.display()),
            Self::Database(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Database(error)
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}
