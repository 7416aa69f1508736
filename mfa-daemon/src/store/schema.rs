//! The tables, and how a database of an earlier version becomes one of this.
//!
//! The schema's number is SQLite's `user_version`. Each step leads from one number to the next; all that are missing
//! happen in one transaction, after a copy was made beside the database. A newer database is left alone.

use super::connection::{Role, connect};
use super::home::Home;
use super::{MasterKey, OpenError, StoreError, seal};
use rusqlite::{Connection, OptionalExtension, params};

/// The database's file name.
pub(super) const FILE: &str = "mfa.db";
/// "mfa2" in ASCII, in SQLite's header (PRAGMA application_id).
const APPLICATION_ID: i64 = 0x6d66_6132;
/// What leads from each schema to the next; the first from nothing to 1.
pub(super) const STEPS: &[&str] = &[SCHEMA_1];

/// Every table is STRICT. No id is given twice. Times are seconds since 1970.
const SCHEMA_1: &str = "
-- About this database: one row.
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    node INTEGER NOT NULL,                  -- a random number: whose audit chain is continued here
    epoch INTEGER NOT NULL,                 -- grows when the database was restored from a backup
    newest_time INTEGER NOT NULL,           -- the latest time of any record, whatever the clock says since
    log INTEGER NOT NULL DEFAULT 0,         -- grows with every write-ahead log that is begun beside this file
    last_id INTEGER NOT NULL,               -- of factors, enrollments, sets of codes and letters; none is given twice
    letters_sent INTEGER NOT NULL DEFAULT 0,
    letters_failed INTEGER NOT NULL DEFAULT 0,    -- refused for good, or given up
    letters_dropped INTEGER NOT NULL DEFAULT 0,   -- not kept, because there were too many
    letters_problem TEXT                    -- why the last of those that failed did
) STRICT;

-- The keys that something is sealed with: a known text, sealed, tells the right key from a wrong one.
CREATE TABLE master_key (
    id INTEGER PRIMARY KEY,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL
) STRICT;

-- What an account has is counted here too: a row that was lost elsewhere is an error, and not 'not enrolled'.
CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid INTEGER NOT NULL UNIQUE CHECK (uid BETWEEN 0 AND 4294967295),
    name TEXT NOT NULL UNIQUE CHECK (name <> ''),
    version INTEGER NOT NULL,               -- moves with every change; never one it had before
    created INTEGER NOT NULL,
    grace_began INTEGER,                    -- when its time to enroll began
    address TEXT,                           -- for mail, as its owner has verified it
    invited_only INTEGER NOT NULL DEFAULT 0 CHECK (invited_only IN (0, 1)), -- its first factor takes an invitation
    ever_enrolled INTEGER NOT NULL DEFAULT 0 CHECK (ever_enrolled IN (0, 1)), -- stays through resets
    last_seen INTEGER NOT NULL DEFAULT 0,   -- its last login with a factor, or when it enrolled
    required INTEGER NOT NULL DEFAULT 0 CHECK (required IN (0, 1)), -- whether policy requires a factor, when last looked
    local INTEGER NOT NULL DEFAULT 0 CHECK (local IN (0, 1)),       -- whether it was in this machine's own files then
    told_required INTEGER NOT NULL DEFAULT 0, -- whether its owner was told that a factor is required
    missing_since INTEGER,                  -- since when nothing knows the account
    suspended INTEGER,                      -- since when it takes no seat; NULL while it may
    suspended_why TEXT,
    seat INTEGER GENERATED ALWAYS AS (required AND ever_enrolled AND suspended IS NULL) VIRTUAL,
    factor_generation INTEGER NOT NULL DEFAULT 0, -- moves with every change of factors
    factors INTEGER NOT NULL DEFAULT 0 CHECK (factors >= 0),
    backup_codes INTEGER NOT NULL DEFAULT 0 CHECK (backup_codes >= 0),
    CHECK (factors = 0 OR ever_enrolled)
) STRICT;

-- What is kept about the site as a whole, by a word each.
CREATE TABLE site (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Confirmed factors; `sealed` is the secret, of mail the address, of a key all of it. An id is that of the enrollment.
CREATE TABLE factor (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER,
    params TEXT NOT NULL,
    last_step INTEGER NOT NULL,             -- an app's newest used step, which is void with all before it; a key's counter
    replays INTEGER NOT NULL,               -- used codes given again since
    key_id INTEGER NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;

-- Enrollments begun and not confirmed, one an account.
CREATE TABLE pending (
    account INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    params TEXT NOT NULL,
    until INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL
) STRICT;

-- Backup codes, a set an account; `sealed` is the set's salt and each code's hash. Bit n of `unused`: code n still
-- works.
CREATE TABLE backup_set (
    account INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    unused INTEGER NOT NULL CHECK (unused BETWEEN 0 AND 4294967295),
    key_id INTEGER NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL
) STRICT;

-- Codes that administrators gave out, one a purpose; `sealed` is the code's salt and hash.
CREATE TABLE given_code (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    id INTEGER NOT NULL,
    until INTEGER NOT NULL,                 -- sealed with it: nobody prolongs it here
    left INTEGER NOT NULL CHECK (left >= 0), -- tries, or uses
    reason TEXT,
    key_id INTEGER NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (account, purpose)
) STRICT, WITHOUT ROWID;

-- A copy that is being put back, until it is whole; its secrets are sealed for the rows they are going to.
CREATE TABLE staged_account (
    id INTEGER PRIMARY KEY,
    uid INTEGER NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL,
    factors INTEGER NOT NULL
) STRICT;
CREATE TABLE staged_factor (
    account INTEGER NOT NULL,
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER,
    params TEXT NOT NULL,
    last_step INTEGER NOT NULL,
    sealed_by INTEGER NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;

-- What a master key that is replaced still has to open.
CREATE INDEX factor_key ON factor (key_id);
CREATE INDEX pending_key ON pending (key_id);
CREATE INDEX backup_set_key ON backup_set (key_id);
CREATE INDEX given_code_key ON given_code (key_id);

-- Failures so far, by bucket; no row means none.
CREATE TABLE throttle (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    bucket INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    in_a_row INTEGER NOT NULL,
    last INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (account, bucket)
) STRICT, WITHOUT ROWID;

-- For counts: the first two hold nobody who only fails now and then.
CREATE INDEX throttle_until ON throttle (until) WHERE until > 0;
CREATE INDEX throttle_off ON throttle (account) WHERE in_a_row >= 100;
CREATE INDEX pending_until ON pending (until);

-- Codes that were mailed lately, by who had them mailed (root's dialogs, a user's own programs); no row means none.
CREATE TABLE mailing (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    caller TEXT NOT NULL,
    hour_began INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    day_began INTEGER NOT NULL,
    day INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (account, caller)
) STRICT, WITHOUT ROWID;

-- What need not be asked again; every change of factors empties it.
CREATE TABLE trust (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    bond TEXT NOT NULL,                     -- to which key, address, session
    kind TEXT NOT NULL,                     -- of the factor that earned it
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    policy BLOB NOT NULL,                   -- a digest of the policy's text; another text voids it
    factor_generation INTEGER NOT NULL,     -- of the account; another one voids it
    record INTEGER NOT NULL,                -- of the login that earned it
    service TEXT NOT NULL,                  -- of that login
    verified INTEGER NOT NULL,              -- 1: by a key that had to check a PIN or a fingerprint
    UNIQUE (account, bond)
) STRICT;

-- What happened, as it was written, and the chain of hashes; the other columns repeat what is looked for. Neither uid
-- nor name: it happened to no account but to the site.
CREATE TABLE audit (
    node INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    uid INTEGER,
    name TEXT,
    what TEXT NOT NULL,
    reason TEXT,
    record BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (node, seq),
    CHECK ((uid IS NULL) = (name IS NULL))
) STRICT, WITHOUT ROWID;
-- Where a chain begins whose oldest records were removed because of their age: the last that was removed. A record
-- `pruned` says the same.
CREATE TABLE anchor (
    node INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    newest INTEGER NOT NULL                 -- the latest time of any of them
) STRICT;
CREATE INDEX audit_name ON audit (name) WHERE name IS NOT NULL;
CREATE INDEX audit_what ON audit (what, at, reason);

-- Letters that wait to be sent. `fields` is never secret; a code is sealed.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    mark BLOB NOT NULL,                     -- random, and the same for every try
    uid INTEGER NOT NULL,                   -- about whom
    name TEXT NOT NULL,
    recipient TEXT NOT NULL,                -- an address, or in a word whose
    topic TEXT NOT NULL,
    fields TEXT NOT NULL,
    created INTEGER NOT NULL,
    until INTEGER NOT NULL,                 -- never sent after
    tries INTEGER NOT NULL DEFAULT 0,
    next_try INTEGER NOT NULL,
    handed_over INTEGER NOT NULL DEFAULT 0, -- a code that may have been sent
    problem TEXT,                           -- why the last try failed
    key_id INTEGER,
    nonce BLOB,
    sealed BLOB
) STRICT;
CREATE INDEX outbox_next_try ON outbox (next_try);
CREATE INDEX outbox_codes ON outbox (next_try) WHERE key_id IS NOT NULL;

-- How many letters of a topic about an account were written since then.
CREATE TABLE letter_pace (
    uid INTEGER NOT NULL,
    topic TEXT NOT NULL,
    since INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (uid, topic)
) STRICT, WITHOUT ROWID;
";

/// Opens the database for writing, made or brought up to date as needed, and checked against the key.
pub(super) fn ready(home: &mut Home, key: &MasterKey, steps: &[&str]) -> Result<Connection, OpenError> {
    let there = home.has(FILE)?;
    let marked = home.is_marked()?;
    if marked && !there {
        return Err(OpenError::Gone(home.file(FILE)));
    }
    home.make(FILE)?;
    let found = connect(&home.file(FILE), Role::Writer).map_err(OpenError::from);
    let found = found.and_then(|connection| Ok((version_of(&connection, home)?, connection)));
    let (version, connection) = found.map_err(|error| match error {
        OpenError::Database(StoreError::Damaged(_)) if !marked => OpenError::NotOurs(home.file(FILE)),
        other => other,
    })?;
    if version == 0 && marked {
        return Err(OpenError::Gone(home.file(FILE)));
    }
    keep_a_log(&connection, home)?;
    match version {
        0 => create(&connection, key, steps)?,
        version => migrate(&connection, version, steps, home)?,
    }
    if !marked {
        home.mark()?;
    }
    check_key(&connection, key)?;
    Ok(connection)
}

/// The schema's number; 0 if nothing was ever put in. A file of another program is refused.
fn version_of(connection: &Connection, home: &Home) -> Result<i64, OpenError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    match (application, version, tables) {
        (0, 0, 0) => Ok(0),
        (APPLICATION_ID, 1.., 1..) => Ok(version),
        _ => Err(OpenError::NotOurs(home.file(FILE))),
    }
}

/// A write-ahead log: readers do not wait for the writer. A copy that was put back has none.
fn keep_a_log(connection: &Connection, home: &Home) -> Result<(), OpenError> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0))?;
    if mode == "wal" { Ok(()) } else { Err(OpenError::Unsuitable(home.file(FILE))) }
}

fn create(connection: &Connection, key: &MasterKey, steps: &[&str]) -> Result<(), OpenError> {
    let mut node = [0; 8];
    getrandom::fill(&mut node).map_err(|error| StoreError::Failed(format!("no random numbers: {error}")))?;
    let node = i64::from_be_bytes(node) & i64::MAX;
    let transaction = connection.unchecked_transaction()?;
    run(connection, 0, steps)?;
    let insert = "INSERT INTO meta (id, node, epoch, newest_time, last_id) VALUES (1, ?1, 1, 0, 0)";
    connection.execute(insert, [node])?;
    introduce(connection, key)?;
    transaction.commit()?;
    Ok(())
}

fn migrate(connection: &Connection, version: i64, steps: &[&str], home: &Home) -> Result<(), OpenError> {
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    if version > known {
        return Err(OpenError::Newer { found: version, known });
    }
    if version == known {
        return Ok(());
    }
    copy(connection, version, home)?;
    let transaction = connection.unchecked_transaction()?;
    run(connection, version, steps)?;
    transaction.commit()?;
    Ok(())
}

/// Takes the steps beyond `version` and writes the new number, within the caller's transaction.
fn run(connection: &Connection, version: i64, steps: &[&str]) -> Result<(), OpenError> {
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    for step in steps.iter().skip(done) {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", i64::try_from(steps.len()).unwrap_or(i64::MAX))?;
    Ok(())
}

/// Copies the database to `mfa.db.schema-N`, whole or not at all.
fn copy(connection: &Connection, version: i64, home: &Home) -> Result<(), OpenError> {
    let name = format!("{FILE}.schema-{version}");
    let unfinished = format!("{name}.unfinished");
    home.remove(&unfinished)?;
    home.make(&unfinished)?; // with our mode: SQLite takes an empty file as it is
    let path = home.file(&unfinished);
    let path = path.to_str().ok_or_else(|| StoreError::Failed("the directory's name is not UTF-8".to_owned()))?;
    connection.execute("VACUUM INTO ?1", [path])?;
    home.sync(&unfinished)?;
    home.rename(&unfinished, &name)
}

/// The place of the known text that tells a right key from a wrong one.
fn verifier(key_id: i64) -> seal::Place<'static> {
    seal::Place { table: "master_key", account: 0, id: key_id, kind: "", params: "" }
}

const KNOWN_TEXT: &[u8] = b"This is the master key.";

pub(super) fn introduce(connection: &Connection, key: &MasterKey) -> Result<(), StoreError> {
    let id = key.current();
    let sealed = key.seal(&verifier(id.into()), KNOWN_TEXT)?;
    let insert = "INSERT INTO master_key (id, nonce, sealed) VALUES (?1, ?2, ?3)";
    connection.execute(insert, params![id, sealed.nonce, sealed.bytes])?;
    Ok(())
}

/// Every key that something is sealed with must be here, and right. A new current key is introduced.
fn check_key(connection: &Connection, key: &MasterKey) -> Result<(), OpenError> {
    let mut statement = connection.prepare("SELECT id, nonce, sealed FROM master_key")?;
    let rows = statement.query_map((), |row| {
        Ok((row.get::<_, u32>(0)?, seal::Sealed { key_id: row.get(0)?, nonce: row.get(1)?, bytes: row.get(2)? }))
    })?;
    let (mut missing, mut any_right) = (None, false);
    for row in rows {
        let (id, sealed) = row?;
        if !key.holds(id) {
            missing = missing.or(Some(id));
            continue;
        }
        let text = key.open(&verifier(id.into()), sealed).map_err(|_| OpenError::WrongKey)?;
        any_right |= text.expose() == KNOWN_TEXT;
    }
    match missing {
        _ if !any_right => Err(OpenError::WrongKey),
        Some(id) => Err(OpenError::MissingKey(id)),
        None => {
            let select = "SELECT 1 FROM master_key WHERE id = ?1";
            let known = connection.query_row(select, [key.current()], |_| Ok(())).optional()?;
            if known.is_none() {
                super::rotation::introduce(connection, key, crate::clock::now())?;
            }
            Ok(())
        }
    }
}
