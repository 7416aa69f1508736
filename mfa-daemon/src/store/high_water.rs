//! How far the database had come, remembered in a file beside it: an older database that was put in its place is
//! noticed at the next start, and a new epoch begins.
//!
//! The file is never ahead of what is on disk, and it is a minute behind at most, or as far as it was when the process
//! was killed. A folder that was put back as a whole has the older file too: that is not noticed here.

use super::apply::{Halt, Transaction};
use super::home::Home;
use super::{MasterKey, OpenError, Store, StoreError, copy};
use crate::audit::{Context, Head, Site, SiteRecord};
use crate::journal::{self, Level};
use mfa_core::Time;
use rusqlite::{Connection, OptionalExtension};

/// Beside the database and its lock.
const FILE: &str = "how-far";
/// While it is written.
const NEW: &str = "how-far.new";
/// Seconds for which `mfactl status` says it.
const TOLD_FOR: i64 = 86_400;

/// A place in the chain of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HighWater {
    node: i64,
    seq: i64,
}

impl HighWater {
    fn parse(text: &str) -> Option<Self> {
        let (node, seq) = text.strip_suffix('\n')?.split_once(' ')?;
        Some(Self { node: node.parse().ok()?, seq: seq.parse().ok()? })
    }
}

/// Begins a new epoch if the database had come further than it has now.
pub(super) fn compare(connection: &Connection, key: &MasterKey, home: &Home, at: Time) -> Result<(), OpenError> {
    let head = super::writer::head_of(connection)?;
    let further = home.read(FILE)?.and_then(|text| HighWater::parse(&text));
    // A file that says nothing, or of another database, is written anew.
    let Some(further) = further.filter(|further| further.node == head.node && further.seq > head.seq) else {
        return Ok(());
    };
    let lost = further.seq.saturating_sub(head.seq);
    begin_anew(connection, key, lost, at)?;
    let text = format!(
        "an OLDER DATABASE was put back: {lost} audit records that it had are not in it. Backup codes and all else that \
         is good once are void; removed factors may be back: mfactl audit"
    );
    journal::operation(Level::Alert, &text);
    Ok(())
}

/// Whatever was good once is void, on record.
fn begin_anew(connection: &Connection, key: &MasterKey, lost: i64, at: Time) -> Result<(), StoreError> {
    let transaction = connection.unchecked_transaction()?;
    copy::new_epoch(connection, at)?;
    let head = super::writer::head_of(connection)?;
    let tally = super::seats::tally(connection)?;
    let newest = super::admin::newest_time(connection)?;
    let mut writing = Transaction { connection, key, head, letters: false, tally, newest };
    match writing.site(&SiteRecord::of(Site::OlderDatabase).with("lost", lost), at, &Context::of_daemon()) {
        Ok(()) => {
            connection.execute("UPDATE meta SET newest_time = max(newest_time, ?1)", [at.0])?;
            Ok(transaction.commit()?)
        }
        Err(Halt::Failed(error)) => Err(error),
        Err(Halt::Stale) => Err(StoreError::Failed("a record of the site was stale".to_owned())),
    }
}

/// When an older database was last put back.
pub(super) fn last_put_back(connection: &Connection) -> Result<Option<Time>, StoreError> {
    let select = "SELECT at FROM audit WHERE what = ?1 ORDER BY at DESC LIMIT 1";
    let mut statement = connection.prepare(select)?;
    Ok(statement.query_row([Site::OlderDatabase.as_str()], |row| row.get(0)).optional()?.map(Time))
}

/// What `mfactl status` says of it.
pub(super) fn problem(put_back: Option<Time>, now: Time) -> Option<String> {
    let text = "an older database was put back: backup codes are void, and factors that were removed may be there \
                again. Look what is: mfactl audit, mfactl users";
    put_back.filter(|at| now.since(*at) < TOLD_FOR).map(|_| text.to_owned())
}

/// Remembers that the database has come as far as this, which must be on disk.
pub(super) fn remember(home: &Home, head: &Head) -> Result<(), OpenError> {
    if head.seq == 0 {
        return Ok(());
    }
    let text = format!("{} {}\n", head.node, head.seq);
    if home.read(FILE)?.is_some_and(|before| before == text) {
        return Ok(());
    }
    home.write(NEW, text.as_bytes())?;
    home.rename(NEW, FILE)
}

impl Store {
    /// Remembers outside of the database how far it has come; waits for the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn remember_how_far(&self) -> Result<(), OpenError> {
        let head = *self.inner.heads.borrow();
        remember(&self.inner.home, &head)
    }
}
