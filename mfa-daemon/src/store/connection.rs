//! A connection to the database that is made when it is needed, and made anew after it failed.
//!
//! A database file that is no longer the one that was opened is never used: what is committed to a removed file is
//! lost, and an empty one in its place would mean that nobody is enrolled.

use super::{StoreError, log};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::cell::Cell;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the writer waits for somebody who looks at the database with other tools.
const PATIENCE_OF_WRITER: Duration = Duration::from_secs(2);
/// How long a reader does. Readers of a login wait on the daemon's one thread, so not long.
const PATIENCE_OF_READER: Duration = Duration::from_millis(20);
/// Statements kept prepared for each connection; more than there are.
const STATEMENTS: usize = 64;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The only one that writes.
    Writer,
    /// The reads of logins.
    Reader,
    /// The scans of administrators.
    Administrator,
}

/// The one place from which a connection is taken.
pub(super) struct Slot {
    path: PathBuf,
    file: (u64, u64),
    role: Role,
    connection: Option<Connection>,
}

impl Slot {
    /// For the file that is there now.
    pub(super) fn new(path: &Path, role: Role) -> Result<Self, StoreError> {
        Ok(Self { path: path.to_owned(), file: number_of(path)?, role, connection: None })
    }

    /// Does something with the connection. After an error that may be the connection's own, the next use has a new one.
    pub(super) fn with<T>(&mut self, act: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if number_of(&self.path)? != self.file {
            self.connection = None;
            return Err(StoreError::Replaced);
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.path, self.role)?,
        };
        let result = act(&connection);
        if result.as_ref().err().is_none_or(StoreError::is_of_one_commit) {
            self.connection = Some(connection);
        }
        result
    }

    /// Closes the connection, until the next use.
    pub(super) fn close(&mut self) {
        self.connection = None;
    }
}

/// Device and inode; two files are the same if they are.
fn number_of(path: &Path) -> Result<(u64, u64), StoreError> {
    let metadata = std::fs::symlink_metadata(path).map_err(|_| StoreError::Replaced)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Opens the database, which must be there, and sets what must not be left to defaults.
pub(super) fn connect(path: &Path, role: Role) -> Result<Connection, StoreError> {
    let access = match role {
        Role::Writer => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Role::Reader | Role::Administrator => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    let patience = if role == Role::Writer { PATIENCE_OF_WRITER } else { PATIENCE_OF_READER };
    connection.busy_timeout(patience)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let distrust = [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ];
    for (setting, value) in distrust {
        connection.set_db_config(setting, value)?;
    }
    connection.execute_batch(
        "PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON;",
    )?;
    match role {
        Role::Writer => prepare_to_write(&connection)?,
        Role::Reader | Role::Administrator => connection.pragma_update(None, "query_only", true)?,
    }
    Ok(connection)
}

fn prepare_to_write(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 16777216;")?;
    PAGES_IN_LOG.set(0);
    connection.wal_hook(Some(|_, pages| {
        PAGES_IN_LOG.set(pages);
        Ok(())
    }));
    Ok(())
}

thread_local! {
    /// How long the write-ahead log has become, as of the last commit on this thread.
    static PAGES_IN_LOG: Cell<i32> = const { Cell::new(0) };
}

/// Pages in the write-ahead log after which they are copied into the database.
const PAGES_UNTIL_CHECKPOINT: i32 = 1000;

/// Copies the write-ahead log into the database once it is long: after commits were answered, not while they wait.
/// The number of the log that the next commit begins, if it does.
pub(super) fn checkpoint_if_due(writer: &mut Slot) -> Result<Option<i64>, StoreError> {
    if PAGES_IN_LOG.get() < PAGES_UNTIL_CHECKPOINT {
        return Ok(None);
    }
    let next = writer.with(log::put_in)?;
    PAGES_IN_LOG.set(0);
    Ok(next)
}
