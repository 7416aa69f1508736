//! Whether the write-ahead log that is found beside the database was written beside this very file. SQLite does not ask:
//! it would lay the pages of the log over whatever file is there, and of an older one, put back after a crash, some
//! accounts would be as they are now and some as they were then, with codes that were used since.
//!
//! So logs are counted, in a row that the first commit of each log changes. The file has that row as of the log that was
//! put into it last; the log beside it is that one or the next, and anything else is not its own.

use super::home::Home;
use super::{OpenError, StoreError, schema};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What SQLite calls the log of our file.
const LOG: &str = "mfa.db-wal";

/// Whose database it is, and the number of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    node: i64,
    log: i64,
}

/// Refuses a log that was written beside another file. To be asked before the database is opened to be written: what is
/// opened so is put together when it is closed.
pub(super) fn belongs(home: &Home) -> Result<(), OpenError> {
    if !home.has(LOG)? {
        return Ok(());
    }
    let path = home.file(schema::FILE);
    // A file that does not tell has nothing in it yet, or was cut off while the log was put into it: the log has it all.
    let (Ok(file), Ok(whole)) = (count(&path, true), count(&path, false)) else { return Ok(()) };
    let ahead = whole.log.checked_sub(file.log);
    if file.node == whole.node && ahead.is_some_and(|ahead| (0..=1).contains(&ahead)) {
        return Ok(());
    }
    Err(OpenError::NotItsLog(home.file(LOG)))
}

/// The count in the file alone, or in the file with its log. Nothing is changed.
fn count(path: &Path, alone: bool) -> Result<Count, StoreError> {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => uri.push(char::from(*byte)),
            // A String takes any text.
            other => write!(uri, "%{other:02x}").unwrap_or_default(),
        }
    }
    if alone {
        uri.push_str("?immutable=1");
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let row = |row: &rusqlite::Row<'_>| Ok(Count { node: row.get(0)?, log: row.get(1)? });
    Ok(connection.query_row("SELECT node, log FROM meta", (), row)?)
}

/// Puts the log into the file, as far as nobody reads it: if all of it is there, the number of the next one, which the
/// next commit begins.
pub(super) fn put_in(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (busy, pages, there) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), row)?;
    if busy != 0 || pages != there {
        return Ok(None);
    }
    let next = connection.query_row("SELECT log + 1 FROM meta", (), |row| row.get(0))?;
    Ok(Some(next))
}

/// Counts another log, in the first commit that is in it; a commit that failed and is there all the same counts none.
pub(super) fn begin(connection: &Connection, number: i64) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE meta SET log = ?1")?.execute([number])?;
    Ok(())
}
