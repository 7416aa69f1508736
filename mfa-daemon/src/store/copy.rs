//! A copy of everybody and what they have: read out a page at a time, and put back as a whole.
//!
//! What comes back is laid aside first, sealed, and takes the place of what is there in one transaction at the very
//! end: until then every login sees the old state, and a copy that breaks off changes nothing. Whatever is good once
//! is void afterwards, since nobody knows what was used after the copy was made.

use super::apply::{Halt, Transaction};
use super::queue::Work;
use super::read;
use super::seal::{Place, Sealed};
use super::{MasterKey, Store, StoreError, detail, seats};
use crate::audit::{Context, Site, SiteRecord};
use data_encoding::BASE32_NOPAD;
use mfa_core::enrollment::{LONGEST_NAME, MOST_FACTORS};
use mfa_core::factor::Kind;
use mfa_core::factor::totp::Step as TotpStep;
use mfa_core::{Secret, Time};
use mfa_proto::keep::{Exported, KeptAccount, KeptFactor, Restored};
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, params, params_from_iter};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// Columns of an account that are made anew, or are told apart from the rest of its record.
const OWN: [&str; 7] = ["id", "uid", "name", "version", "factor_generation", "factors", "backup_codes"];
/// Accounts that are looked at for a page.
const LOOK_AHEAD: u32 = 200;

/// A step of putting a copy back, and what it came to.
#[derive(Debug)]
pub(crate) struct Restoring {
    step: Step,
    outcome: Mutex<Option<Restored>>,
}

/// What is to be done.
#[derive(Debug)]
enum Step {
    /// What was laid aside before is dropped.
    Begin(Ticket),
    /// Some accounts are laid aside.
    Stage(Ticket, Vec<KeptAccount>),
    /// They take the place of what is there.
    Finish { ticket: Ticket, accounts: u64, made: i64 },
}

/// Which restore it is: another that begins meanwhile ends this one.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    number: String,
    /// Whether it may take the place of accounts that are there.
    replace: bool,
}

impl Ticket {
    /// Of a restore that begins.
    ///
    /// # Errors
    /// The kernel gives no random numbers.
    pub(crate) fn fresh(replace: bool) -> Result<Self, StoreError> {
        let mut number = [0; 8];
        getrandom::fill(&mut number).map_err(|error| StoreError::Failed(format!("no random numbers: {error}")))?;
        Ok(Self { number: u64::from_be_bytes(number).to_string(), replace })
    }
}

/// Where the number of the restore that is under way is kept.
const UNDER_WAY: &str = "restoring";

impl Store {
    /// The next accounts, in about so many bytes.
    ///
    /// # Errors
    /// The database cannot be read, or a row does not open.
    pub(crate) async fn export(&self, after: Option<i64>, most: usize) -> Result<Exported, StoreError> {
        let key = Arc::clone(&self.inner.key);
        self.look(move |connection| page(connection, &key, after.unwrap_or(0), most)).await
    }

    /// Begins to put a copy back, in place of what was laid aside for another.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`], or as [`Store::commit`].
    pub(crate) async fn begin_restore(&self, ticket: &Ticket, at: Time) -> Result<(), StoreError> {
        self.restoring(Step::Begin(ticket.clone()), at, Context::of_daemon()).await.map(drop)
    }

    /// Lays accounts aside.
    ///
    /// # Errors
    /// [`StoreError::BadCopy`], or as [`Store::commit`].
    pub(crate) async fn stage(&self, ticket: &Ticket, some: Vec<KeptAccount>, at: Time) -> Result<(), StoreError> {
        self.restoring(Step::Stage(ticket.clone(), some), at, Context::of_daemon()).await.map(drop)
    }

    /// Puts what was laid aside in the place of what is there.
    ///
    /// # Errors
    /// [`StoreError::BadCopy`] if it is not that many accounts, [`StoreError::NotEmpty`], or as [`Store::commit`].
    pub(crate) async fn finish_restore(
        &self,
        ticket: Ticket,
        (accounts, made): (u64, i64),
        at: Time,
        context: Context,
    ) -> Result<Restored, StoreError> {
        let finished = self.restoring(Step::Finish { ticket, accounts, made }, at, context).await?;
        finished.ok_or(StoreError::Stopped)
    }

    async fn restoring(&self, step: Step, at: Time, context: Context) -> Result<Option<Restored>, StoreError> {
        let restoring = Arc::new(Restoring { step, outcome: Mutex::default() });
        self.submit(Work::Restore(Arc::clone(&restoring), at), context).await?;
        Ok(*restoring.outcome.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn page(connection: &Connection, key: &MasterKey, after: i64, most: usize) -> Result<Exported, StoreError> {
    let columns = columns(connection)?;
    let listed: String = columns.iter().map(|column| format!(", {column}")).collect();
    let select =
        format!("SELECT id, uid, name, backup_codes, factors{listed} FROM account WHERE id > ?1 ORDER BY id LIMIT ?2");
    let mut statement = connection.prepare_cached(&select)?;
    let mut rows = statement.query(params![after, LOOK_AHEAD])?;
    let (mut page, mut size, mut seen, mut last) = (Exported::default(), 0usize, 0, after);
    while let Some(row) = rows.next()? {
        seen += 1;
        let (id, count): (i64, usize) = (row.get(0)?, row.get(4)?);
        let mut record = BTreeMap::new();
        for (place, column) in columns.iter().enumerate() {
            record.insert(column.clone(), told(row.get_ref(place + 5)?));
        }
        let factors = factors(connection, key, id)?;
        if factors.len() != count {
            return Err(StoreError::Damaged(format!("account {id} has lost or gained rows")));
        }
        let account = KeptAccount { user: row.get(2)?, uid: row.get(1)?, record, backup_codes: row.get(3)?, factors };
        size = size.saturating_add(size_of(&account));
        if size > most && !page.accounts.is_empty() {
            page.next = Some(last);
            return Ok(page);
        }
        last = id;
        page.accounts.push(account);
    }
    page.next = (seen == LOOK_AHEAD).then_some(last);
    Ok(page)
}

/// Columns of an account's record that are kept as they are, those that later versions add included.
fn columns(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let select = "SELECT name FROM pragma_table_xinfo('account') WHERE hidden = 0 ORDER BY name";
    let mut statement = connection.prepare(select)?;
    let names = statement.query_map((), |row| row.get::<_, String>(0))?;
    let names: Vec<String> = names.collect::<Result<_, _>>()?;
    Ok(names.into_iter().filter(|name| !OWN.contains(&name.as_str())).collect())
}

fn told(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Value::Null,
    }
}

/// More bytes than it takes in a message, in which a character may take six.
fn size_of(account: &KeptAccount) -> usize {
    let text = |text: &str| text.len().saturating_mul(6);
    let record: usize =
        account.record.iter().map(|(name, value)| name.len() + 24 + value.as_str().map_or(0, text)).sum();
    let factor = |factor: &KeptFactor| 256 + text(&factor.name) + factor.params.len() + factor.secret.expose().len();
    256 + text(&account.user) + record + account.factors.iter().map(factor).sum::<usize>()
}

fn factors(connection: &Connection, key: &MasterKey, account: i64) -> Result<Vec<KeptFactor>, StoreError> {
    let select = "SELECT id, key_id, nonce, sealed, kind, params, name, created, last_used, last_step FROM factor \
                  WHERE account = ?1 ORDER BY id";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query([account])?;
    let mut factors = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, kind, params): (i64, String, String) = (row.get(0)?, row.get(4)?, row.get(5)?);
        let place = Place { table: "factor", account, id, kind: &kind, params: &params };
        let secret = key.open(&place, read::sealed(row)?)?;
        let secret = Zeroizing::new(BASE32_NOPAD.encode(secret.expose())).into();
        let (name, created, last_used, last_step) = (row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?);
        factors.push(KeptFactor { kind, name, created, last_used, params, last_step, secret });
    }
    Ok(factors)
}

impl Transaction<'_> {
    /// One step.
    pub(super) fn restore(&mut self, restoring: &Restoring, at: Time, context: &Context) -> Result<(), Halt> {
        match &restoring.step {
            Step::Begin(ticket) => {
                self.must_be_empty(ticket.replace)?;
                self.drop_staged()?;
                let replace = "INSERT OR REPLACE INTO site (name, value) VALUES (?1, ?2)";
                self.connection.prepare_cached(replace)?.execute([UNDER_WAY, &ticket.number])?;
                Ok(())
            }
            Step::Stage(ticket, accounts) => {
                self.must_be_under_way(ticket)?;
                let known = columns(self.connection)?;
                accounts.iter().try_for_each(|account| self.stage(account, &known))
            }
            Step::Finish { ticket, accounts, made } => {
                self.must_be_under_way(ticket)?;
                let restored = self.finish(*accounts, ticket.replace, at)?;
                let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
                let record = SiteRecord::of(Site::Restored).with("accounts", number(restored.accounts));
                let record = record.with("replaced", number(restored.replaced)).with("made", *made);
                self.site(&record, at, context)?;
                *restoring.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(restored);
                Ok(())
            }
        }
    }

    fn must_be_under_way(&self, ticket: &Ticket) -> Result<(), Halt> {
        let select = "SELECT count(*) FROM site WHERE name = ?1 AND value = ?2";
        let found: i64 =
            self.connection.prepare_cached(select)?.query_row([UNDER_WAY, &ticket.number], |row| row.get(0))?;
        if found == 1 { Ok(()) } else { Err(StoreError::BadCopy("another restore began meanwhile".to_owned()).into()) }
    }

    fn must_be_empty(&self, replace: bool) -> Result<(), Halt> {
        match self.count("SELECT count(*) FROM account WHERE factors > 0")? {
            0 => Ok(()),
            _ if replace => Ok(()),
            enrolled => Err(StoreError::NotEmpty(enrolled).into()),
        }
    }

    fn drop_staged(&self) -> Result<(), Halt> {
        let drop = "DELETE FROM staged_factor; DELETE FROM staged_account; DELETE FROM site WHERE name = 'restoring';";
        self.connection.execute_batch(drop)?;
        Ok(())
    }

    fn stage(&self, account: &KeptAccount, known: &[String]) -> Result<(), Halt> {
        let bad = |what: &str| Halt::from(StoreError::BadCopy(format!("{what} of uid {}", account.uid)));
        if account.user.is_empty() || account.user.len() > 256 || account.user.chars().any(char::is_control) {
            return Err(bad("the name"));
        }
        if let Some(column) = account.record.keys().find(|column| !known.contains(column)) {
            return Err(bad(&format!("{column:.40}, which this version does not know,")));
        }
        if account.factors.len() > MOST_FACTORS {
            return Err(bad("the number of factors"));
        }
        let record = serde_json::to_string(&account.record).map_err(|_| bad("the record"))?;
        let id = self.new_id()?;
        let insert = "INSERT INTO staged_account (id, uid, name, record, factors) VALUES (?1, ?2, ?3, ?4, ?5)";
        let row = params![id, account.uid, account.user, record, account.factors.len()];
        self.connection.prepare_cached(insert)?.execute(row).map_err(|_| bad("a second record"))?;
        account.factors.iter().try_for_each(|factor| {
            self.stage_factor(id, factor).map_err(|halt| match halt {
                Halt::Failed(StoreError::BadCopy(what)) => bad(&what),
                other => other,
            })
        })
    }

    /// Sealed at once, for the place where it is going to be.
    fn stage_factor(&self, account: i64, factor: &KeptFactor) -> Result<(), Halt> {
        let KeptFactor { kind, name, created, last_used, params, last_step, secret } = factor;
        let bad = |what: &str| Halt::from(StoreError::BadCopy(what.to_owned()));
        let known: Kind = kind.parse().map_err(|_| bad("a factor of an unknown kind"))?;
        if params.contains('\0') || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(bad("the name of a factor"));
        }
        let bytes = BASE32_NOPAD.decode(secret.expose().as_bytes()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| bad("a secret"))?;
        if detail::parse(known, params, Secret::new(bytes.to_vec()), (*last_step, 0)).is_none() {
            return Err(bad("a factor that is none of its kind"));
        }
        let id = self.new_id()?;
        let place = Place { table: "factor", account, id, kind: known.as_str(), params };
        let Sealed { key_id, nonce, bytes } = self.key.seal(&place, &bytes)?;
        let insert = "INSERT INTO staged_factor (account, id, kind, name, created, last_used, params, last_step, \
                      sealed_by, nonce, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let row =
            params![account, id, known.as_str(), name, created, last_used, params, last_step, key_id, nonce, bytes];
        self.connection.prepare_cached(insert)?.execute(row)?;
        Ok(())
    }

    fn finish(&mut self, accounts: u64, replace: bool, at: Time) -> Result<Restored, Halt> {
        self.must_be_empty(replace)?;
        let staged = self.count("SELECT count(*) FROM staged_account")?;
        if staged != accounts {
            return Err(StoreError::BadCopy(format!("{accounts} accounts were announced, {staged} came")).into());
        }
        let replaced = self.count("SELECT count(*) FROM account")?;
        // With them goes all that hangs on them.
        self.connection.execute("DELETE FROM account", ())?;
        self.place_accounts()?;
        self.connection.execute(
            "INSERT INTO factor (account, id, kind, name, created, last_used, params, last_step, replays, key_id, nonce, \
             sealed) SELECT account, id, kind, name, created, last_used, params, last_step, 0, sealed_by, nonce, sealed \
             FROM staged_factor",
            (),
        )?;
        let factors = self.count("SELECT count(*) FROM factor")?;
        self.drop_staged()?;
        new_epoch(self.connection, at)?;
        self.tally = seats::tally(self.connection)?;
        Ok(Restored { accounts, factors, replaced })
    }

    /// Each with a version that no account of its name had before.
    fn place_accounts(&self) -> Result<(), Halt> {
        let version = self.head.seq.saturating_add(1);
        let mut statement = self.connection.prepare("SELECT id, uid, name, record, factors FROM staged_account")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let record: BTreeMap<String, Value> = serde_json::from_str(&row.get::<_, String>(3)?)
                .map_err(|_| StoreError::BadCopy("a record".to_owned()))?;
            let factors: i64 = row.get(4)?;
            let mut values = vec![
                ("id", Sql::from(row.get::<_, i64>(0)?)),
                ("uid", Sql::from(row.get::<_, i64>(1)?)),
                ("name", Sql::from(row.get::<_, String>(2)?)),
                ("version", Sql::from(version)),
                ("factor_generation", Sql::from(version)),
                ("factors", Sql::from(factors)),
            ];
            for (column, value) in &record {
                match value {
                    Value::Null => {}
                    Value::Number(number) => values.push((column, number.as_i64().map_or(Sql::Null, Sql::from))),
                    Value::String(text) => values.push((column, Sql::from(text.clone()))),
                    _ => return Err(StoreError::BadCopy(format!("{column} of an account")).into()),
                }
            }
            let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
            let places: Vec<String> = (1..=values.len()).map(|place| format!("?{place}")).collect();
            let insert = format!("INSERT INTO account ({}) VALUES ({})", names.join(", "), places.join(", "));
            let values = params_from_iter(values.into_iter().map(|(_, value)| value));
            self.connection.prepare_cached(&insert)?.execute(values)?;
        }
        Ok(())
    }

    fn new_id(&self) -> Result<i64, StoreError> {
        let update = "UPDATE meta SET last_id = last_id + 1 RETURNING last_id";
        Ok(self.connection.prepare_cached(update)?.query_row((), |row| row.get(0))?)
    }

    fn count(&self, select: &str) -> Result<u64, StoreError> {
        Ok(self.connection.prepare_cached(select)?.query_row((), |row| row.get(0))?)
    }
}

/// Everything that is good once is void: nobody knows what of it was used since. Codes by app begin after those that
/// could have been seen until now.
pub(super) fn new_epoch(connection: &Connection, at: Time) -> Result<(), StoreError> {
    connection.execute_batch(
        "DELETE FROM pending; DELETE FROM backup_set; DELETE FROM given_code; DELETE FROM trust; \
         DELETE FROM outbox WHERE key_id IS NOT NULL; UPDATE account SET backup_codes = 0; \
         UPDATE meta SET epoch = epoch + 1;",
    )?;
    let mut statement = connection.prepare("SELECT DISTINCT params FROM factor WHERE kind = 'totp'")?;
    let spelled = statement.query_map((), |row| row.get::<_, String>(0))?;
    for params in spelled.collect::<Result<Vec<_>, _>>()? {
        let parameters = read::parse_parameters(&params);
        let parameters = parameters.ok_or_else(|| StoreError::Damaged("a factor has unknown parameters".to_owned()))?;
        let Some(TotpStep(current)) = parameters.step_at(at) else {
            return Err(StoreError::Failed("the clock is before 1970".to_owned()));
        };
        let update =
            "UPDATE factor SET last_step = max(last_step, ?2), replays = 0 WHERE kind = 'totp' AND params = ?1";
        connection.execute(update, params![params, current.saturating_add(1)])?;
    }
    Ok(())
}
