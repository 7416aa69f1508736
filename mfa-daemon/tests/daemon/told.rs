//! What an account's owner was told, and so what must be true of the account whatever happened to the daemon since.
//!
//! An act that was answered has happened; one that was not has happened as a whole or not at all; and a code lets in
//! once, whoever was killed in between.

use crate::support::{Daemon, Place};
use crate::wire::{Phone, Wire, beginning, outcome, strings};
use serde_json::{Value, json};

/// What an owner does, or an administrator with the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Begin,
    Confirm,
    Right,
    Wrong,
    Replay,
    BackupCode,
    NewBackupCodes,
    Reset,
}

impl Act {
    pub(crate) const ALL: [Self; 8] = [
        Self::Begin,
        Self::Confirm,
        Self::Right,
        Self::Wrong,
        Self::Replay,
        Self::BackupCode,
        Self::NewBackupCodes,
        Self::Reset,
    ];
}

/// What can be seen of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) enrolled: bool,
    pub(crate) pending: bool,
    pub(crate) backup_codes: u64,
    pub(crate) failures: u64,
    /// The number of the newest record about it.
    pub(crate) newest: i64,
}

impl State {
    pub(crate) fn of(wire: &mut Wire, user: &str) -> Self {
        let account = wire.ask("io.mfa.Admin.Account", json!({ "user": user }));
        let records = wire.ask("io.mfa.Audit.Records", json!({ "user": user, "newest_first": true }));
        Self {
            enrolled: !account["factors"].as_array().unwrap().is_empty(),
            pending: account["pending"].as_bool().unwrap(),
            backup_codes: account["backup_codes"].as_u64().unwrap(),
            failures: account["failures"].as_u64().unwrap(),
            newest: records["records"][0]["seq"].as_i64().unwrap_or(0),
        }
    }

    /// How it is after an act; its records aside.
    fn after(self, act: Act) -> Self {
        match act {
            Act::Begin => Self { pending: true, ..self },
            Act::Confirm => Self { enrolled: true, pending: false, backup_codes: 10, ..self },
            Act::Right => Self { failures: 0, ..self },
            Act::Wrong => Self { failures: self.failures + 1, ..self },
            Act::Replay => self,
            Act::BackupCode => Self { failures: 0, backup_codes: self.backup_codes - 1, ..self },
            Act::NewBackupCodes => Self { backup_codes: 10, ..self },
            Act::Reset => Self { newest: self.newest, ..Self::default() },
        }
    }
}

/// A call, and what its answer says if it has happened.
type Calls = Vec<(&'static str, Value)>;

/// The owner of an account, with phone and paper.
pub(crate) struct Owner {
    pub(crate) name: String,
    pub(crate) state: State,
    phone: Option<Phone>,
    /// The enrollment that was begun.
    pending: Value,
    backup_codes: Vec<String>,
    /// The code that was typed last.
    pub(crate) typed: String,
    wrong: u32,
}

impl Owner {
    pub(crate) fn new(name: &str) -> Self {
        let (name, typed) = (name.to_owned(), String::new());
        let (state, pending) = (State::default(), Value::Null);
        Self { name, state, phone: None, pending, backup_codes: Vec::new(), typed, wrong: 0 }
    }

    /// The secret of the phone, in Base32.
    pub(crate) fn secret(&self) -> Option<String> {
        self.phone.as_ref().and(self.pending["secret"].as_str()).map(str::to_owned)
    }

    /// Brings the account to where the act can be done.
    pub(crate) fn prepare(&mut self, act: Act, daemon: &Daemon<'_>) {
        let mut wire = daemon.connect();
        self.state = State::of(&mut wire, &self.name);
        if self.state.enrolled && matches!(act, Act::Begin | Act::Confirm) {
            self.surely(Act::Reset, &mut wire, daemon.place);
        }
        if !self.state.enrolled && !matches!(act, Act::Begin) && !self.state.pending {
            self.surely(Act::Begin, &mut wire, daemon.place);
        }
        if !self.state.enrolled && !matches!(act, Act::Begin | Act::Confirm) {
            self.surely(Act::Confirm, &mut wire, daemon.place);
        }
        if act == Act::Replay {
            self.surely(Act::Right, &mut wire, daemon.place);
        }
        if act == Act::BackupCode && self.backup_codes.is_empty() {
            self.surely(Act::NewBackupCodes, &mut wire, daemon.place);
        }
        self.state = State::of(&mut wire, &self.name);
    }

    /// An act that nothing comes in the way of.
    pub(crate) fn surely(&mut self, act: Act, wire: &mut Wire, place: &Place) {
        let calls = self.calls(act, place);
        let answer = play(act, &calls, wire).unwrap_or_else(|| panic!("{act:?} of {}", self.name));
        self.learn(act, &answer);
        self.state = State::of(wire, &self.name);
    }

    /// What is sent for an act.
    pub(crate) fn calls(&mut self, act: Act, place: &Place) -> Calls {
        let user = self.name.clone();
        self.typed = match act {
            Act::Right | Act::Confirm => self.phone.as_mut().unwrap().code(place),
            Act::Replay => self.phone.as_ref().unwrap().last_code(),
            Act::BackupCode => self.backup_codes.pop().unwrap(),
            Act::Wrong => {
                self.wrong += 1;
                let phone = self.phone.as_ref().unwrap();
                phone.wrong_codes(place).nth(usize::try_from(self.wrong % 1000).unwrap()).unwrap()
            }
            Act::Begin | Act::NewBackupCodes | Act::Reset => String::new(),
        };
        match act {
            Act::Begin => vec![("io.mfa.Enrollment.AddTotp", json!({ "user": user }))],
            Act::Confirm => vec![("io.mfa.Enrollment.Confirm", self.confirmation())],
            Act::NewBackupCodes => vec![("io.mfa.Enrollment.NewBackupCodes", json!({ "user": user }))],
            Act::Reset => vec![("io.mfa.Admin.Reset", json!({ "user": user }))],
            Act::Right | Act::Wrong | Act::Replay | Act::BackupCode => {
                vec![("io.mfa.Login.Begin", beginning(&user)), ("io.mfa.Login.Answer", json!({ "answer": self.typed }))]
            }
        }
    }

    fn confirmation(&self) -> Value {
        json!({ "user": self.name, "id": self.pending["id"], "codes": [self.typed] })
    }

    /// Keeps what an answer gave.
    pub(crate) fn learn(&mut self, act: Act, answer: &Value) {
        match act {
            Act::Begin => {
                self.phone = Some(Phone::of(answer["secret"].as_str().unwrap()));
                self.pending = answer.clone();
            }
            Act::Confirm | Act::NewBackupCodes => self.backup_codes = strings(&answer["backup_codes"]),
            Act::Reset => (self.phone, self.backup_codes) = (None, Vec::new()),
            Act::Right | Act::Wrong | Act::Replay | Act::BackupCode => {}
        }
    }

    /// Whatever happened meanwhile: what was answered is there, and what was not is there as a whole or not at all.
    pub(crate) fn check(&mut self, act: Act, answer: Option<&Value>, daemon: &Daemon<'_>, how: &str) {
        let how = format!("{how}: {act:?} of {}, answered with {answer:?}", self.name);
        let mut wire = daemon.connect();
        let found = State::of(&mut wire, &self.name);
        let happened = found.newest > self.state.newest;
        assert!(happened || answer.is_none(), "{how}: it was answered and has not happened");
        let expected = if happened { self.state.after(act) } else { self.state };
        assert_eq!(State { newest: found.newest, ..expected }, found, "{how}: it has happened: {happened}");
        let old = self.backup_codes.first().cloned();
        if let Some(answer) = answer {
            self.learn(act, answer);
        }
        match act {
            Act::Begin => self.goes_on(answer, &mut wire, &how),
            Act::Confirm => self.is_confirmed(happened, answer, &mut wire, &how),
            Act::Right | Act::BackupCode => self.is_good_once(act, (happened, answer), daemon, &how),
            Act::Replay => assert_ne!(daemon.connect().login(&self.name, &self.typed), "pass", "{how}"),
            Act::NewBackupCodes => {
                if happened && answer.is_none() {
                    self.backup_codes.clear(); // nobody has seen them
                }
                self.is_one_set(happened, old, daemon, &how);
            }
            Act::Reset if happened => self.is_gone(daemon, &how),
            Act::Wrong | Act::Reset => {}
        }
        self.nothing_is_lost(daemon, &how);
    }

    /// A secret that was shown is the one that is confirmed.
    fn goes_on(&mut self, answer: Option<&Value>, wire: &mut Wire, how: &str) {
        let again = wire.ask("io.mfa.Enrollment.AddTotp", json!({ "user": self.name }));
        if let Some(answer) = answer {
            assert_eq!((&answer["id"], &answer["secret"]), (&again["id"], &again["secret"]), "{how}");
        }
        self.learn(Act::Begin, &again);
    }

    fn is_confirmed(&mut self, happened: bool, answer: Option<&Value>, wire: &mut Wire, how: &str) {
        if happened {
            assert_eq!(wire.refused("io.mfa.Enrollment.Confirm", self.confirmation()), "not_found", "{how}");
            if answer.is_none() {
                self.backup_codes.clear(); // nobody has seen them
            }
        } else {
            let confirmed = wire.ask("io.mfa.Enrollment.Confirm", self.confirmation());
            assert_eq!(confirmed["result"], "done", "{how}: the code was not used up");
            self.learn(Act::Confirm, &confirmed);
        }
        assert_ne!(wire.login(&self.name, &self.typed), "pass", "{how}: it was used to confirm");
    }

    fn is_good_once(&self, act: Act, (happened, answer): (bool, Option<&Value>), daemon: &Daemon<'_>, how: &str) {
        let passes = |_: &i32| daemon.connect().login(&self.name, &self.typed) == "pass";
        let later = (0..2).filter(passes).count();
        let wanted = usize::from(!happened);
        assert_eq!(later, wanted, "{how}: {act:?} again, {}", answer.is_some());
    }

    fn is_one_set(&mut self, happened: bool, old: Option<String>, daemon: &Daemon<'_>, how: &str) {
        if let Some(old) = old {
            let passes = daemon.connect().login(&self.name, &old) == "pass";
            assert_eq!(passes, !happened, "{how}: a code of the set before");
            self.backup_codes.retain(|code| *code != old);
        }
        if happened {
            if let Some(new) = self.backup_codes.pop() {
                assert_eq!(daemon.connect().login(&self.name, &new), "pass", "{how}: a code that was shown");
            }
        }
    }

    fn is_gone(&mut self, daemon: &Daemon<'_>, how: &str) {
        if let Some(phone) = self.phone.take() {
            assert_ne!(daemon.connect().login(&self.name, &phone.last_code()), "pass", "{how}");
        }
        self.backup_codes.clear();
    }

    /// Whoever is enrolled gets in, and starts anew.
    pub(crate) fn nothing_is_lost(&mut self, daemon: &Daemon<'_>, how: &str) {
        let mut wire = daemon.connect();
        self.state = State::of(&mut wire, &self.name);
        if self.state.enrolled {
            let code = self.phone.as_mut().unwrap().code(daemon.place);
            assert_eq!(daemon.connect().login(&self.name, &code), "pass", "{how}: enrolled, with a fresh code");
            assert_ne!(daemon.connect().login(&self.name, &code), "pass", "{how}: twice");
            self.state = State::of(&mut wire, &self.name);
        }
    }
}

/// Makes the calls, one after the other; the answer to the last of them if it says that the act has happened.
pub(crate) fn play(act: Act, calls: &Calls, wire: &mut Wire) -> Option<Value> {
    let mut last = None;
    for (method, parameters) in calls {
        let answer = wire.try_call(method, parameters.clone())?;
        if answer.get("error").is_some() {
            return None;
        }
        last = Some(answer["parameters"].clone());
    }
    last.filter(|answer| match act {
        Act::Right | Act::BackupCode => outcome(answer) == "pass",
        Act::Wrong | Act::Replay => outcome(answer) != "broken",
        Act::Confirm => answer["result"] == "done",
        Act::Begin | Act::NewBackupCodes | Act::Reset => true,
    })
}

/// Every record is there and in its place.
pub(crate) fn chain_holds(daemon: &Daemon<'_>, how: &str) {
    let mut wire = daemon.connect();
    let mut after = Value::Null;
    loop {
        let walked = wire.ask("io.mfa.Audit.Verify", json!({ "after": after }));
        assert_eq!(walked["findings"], json!([]), "{how}");
        after = walked["next"].clone();
        if after.is_null() {
            return;
        }
    }
}
