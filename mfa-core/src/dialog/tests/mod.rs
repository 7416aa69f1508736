//! A world for dialogs to play in: an account, a policy, and commits that happen under their condition.

mod at_once;
mod enroll;
mod front;
mod given_codes;
mod key;
mod login;
mod mail;
mod ssh_key;
mod trust;

use super::*;
use crate::Secret;
use crate::account::{
    BackupCode, BackupSet, Commit, Detail, Factor, FactorId, Identity, NewPending, Pending, Ticket, Totp, Version,
    Write,
};
use crate::factor::totp::{Parameters, Step as TotpStep};
use crate::factor::{Kinds, backup_code};
use crate::given::{self, Given, NewGiven, Purpose};
use crate::letter::Letter;
use crate::policy::Ask;
use crate::seats::Claim;
use crate::throttle::Caller;
use crate::trust::{Ties, Trust, TrustId};
use zeroize::Zeroizing;

pub(super) const NOW: i64 = 1_600_000_000 / 30 * 30;
pub(super) const PHONE: FactorId = FactorId(1);

/// An account as the store would keep it: applies commits under their condition.
pub(super) struct World {
    pub(super) account: Account,
    pub(super) plan: Plan,
    pub(super) records: Vec<Record>,
    pub(super) codes: Vec<String>,
    pub(super) interactive: bool,
    pub(super) front: Front,
    pub(super) caller: Caller,
    pub(super) temp_codes: bool,
    pub(super) welcome: Welcome,
    pub(super) ties: Ties,
    pub(super) mails: bool,
    pub(super) letters: Vec<Letter>,
    pub(super) at_the_machine: bool,
    pub(super) pin_typed: bool,
    pub(super) shows_text: bool,
    pub(super) ssh: Option<Ssh>,
    /// The keys that are plugged in.
    pub(super) port: Vec<key::TestKey>,
    /// Why they cannot be looked at, if so.
    pub(super) jammed: Option<KeyTrouble>,
    /// What a key was asked to sign last.
    pub(super) blinks: Option<Sign>,
    pub(super) searches: u32,
}

pub(super) fn welcome() -> Welcome {
    let rules = crate::enrollment::Rules {
        confirm_codes: 1,
        parameters: Parameters::default(),
        kinds: Kinds::ALL.without(Kind::BackupCode),
        required: true,
        by_invitation: false,
        seat: Claim::NotNeeded,
        own_addresses: true,
        mail_first: false,
    };
    let (site, issuer, label) = ("ACME".into(), "ACME".into(), "alice@web1".into());
    Welcome { site, issuer, label, terminal: true, rules }
}

pub(super) fn fresh(length: usize) -> Vec<u8> {
    (0u32..).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).take(length).collect()
}

pub(super) fn at(now: i64) -> At {
    // Other bytes at another time.
    let turned = now.wrapping_mul(-7_046_029_254_386_353_131).to_be_bytes();
    let bytes = fresh(At::FRESH).into_iter().zip(turned.iter().cycle()).map(|(byte, turned)| byte ^ turned).collect();
    At { now: Time(now), fresh: Secret::new(bytes) }
}

pub(super) fn factors(kinds: Kinds) -> Plan {
    Plan::Factors(Ask { kinds, verify_user: false, ask_again: 0, remember: 0 })
}

/// Alice, with a phone and ten backup codes.
pub(super) fn alice() -> World {
    let identity = Identity { uid: 1000, name: "alice".into() };
    let set = backup_code::new_set(&Secret::new(fresh(200))).unwrap();
    let codes = (10i64..).zip(&set.digests).map(|(id, digest)| BackupCode { id, digest: *digest }).collect();
    let app = Totp {
        secret: Secret::new(b"12345678901234567890".to_vec()),
        parameters: Parameters::default(),
        used: TotpStep(0),
        replays: 0,
    };
    let mut account = Account::absent(identity);
    account.version = Some(Version(1));
    account.backup = BackupSet { salt: set.salt, codes };
    account.factors.push(Factor {
        id: PHONE,
        name: "phone".into(),
        created: Time(0),
        last_used: None,
        detail: Detail::Totp(app),
    });
    let codes = set.codes.iter().map(|code| code.to_string()).collect();
    World {
        account,
        plan: factors(Kinds::ALL),
        records: Vec::new(),
        codes,
        interactive: true,
        front: Front::Terminal,
        caller: Caller::Root,
        temp_codes: true,
        welcome: welcome(),
        ties: Ties { latest: Time(NOW), ..Ties::default() },
        mails: true,
        letters: Vec::new(),
        at_the_machine: false,
        pin_typed: false,
        shows_text: true,
        ssh: None,
        port: Vec::new(),
        jammed: None,
        blinks: None,
        searches: 0,
    }
}

impl World {
    pub(super) fn begin(&self, now: i64) -> Step {
        let setting = Setting {
            caller: self.caller,
            interactive: self.interactive,
            front: self.front,
            until: Time(now + 120),
            temp_codes: self.temp_codes,
            utc_offset: 0,
            support: "helpdesk@acme.example".into(),
            welcome: self.welcome.clone(),
            ties: Ties { latest: self.ties.latest.max(Time(now)), ..self.ties.clone() },
            mails: self.mails,
            occasion: "sudo on web1 as alice".into(),
            at_the_machine: self.at_the_machine,
            pin_typed: self.pin_typed,
            touch_wait: 15,
            shows_text: self.shows_text,
            ssh: self.ssh.clone(),
        };
        Dialog::begin(self.plan.clone(), self.account.clone(), setting, &at(now))
    }

    pub(super) fn code(&self, step: i64) -> String {
        let app = totp_rs::Builder::new().with_secret(b"12345678901234567890".to_vec()).build_noncompliant();
        app.generate(u64::try_from(step * 30).unwrap()).to_string()
    }

    pub(super) fn commit(&mut self, commit: &Commit) -> bool {
        let current = match commit.seen {
            Seen::Anything => {
                assert!(commit.writes.is_empty(), "unconditional writes");
                true
            }
            Seen::Absent => self.account.version.is_none(),
            Seen::At(version) => self.account.version == Some(version),
        };
        if !current {
            return false;
        }
        self.records.push(commit.record.clone());
        self.letters.extend(commit.letters.iter().cloned());
        if !commit.writes.is_empty() {
            self.account.version = Some(Version(self.account.version.map_or(1, |version| version.0 + 1)));
        }
        for write in &commit.writes {
            self.write(write);
        }
        true
    }

    pub(super) fn write(&mut self, write: &Write) {
        match write {
            Write::Throttle(bucket, throttle) => self.account.throttles.set(*bucket, *throttle),
            Write::UseStep { step, .. } => {
                let Detail::Totp(app) = &mut self.account.factors[0].detail else { panic!("not an app") };
                assert!(*step > app.used, "a step used twice");
                (app.used, app.replays) = (*step, 0);
            }
            Write::CountReplay { replays, .. } => {
                let Detail::Totp(app) = &mut self.account.factors[0].detail else { panic!("not an app") };
                app.replays = *replays;
            }
            Write::UseBackupCode { id } => {
                let before = self.account.backup.codes.len();
                self.account.backup.codes.retain(|code| code.id != *id);
                assert_eq!(self.account.backup.codes.len(), before - 1, "a backup code used twice");
            }
            Write::BeginGrace(began) => self.account.grace_began = Some(*began),
            Write::Begin(NewPending { name, secret, parameters, until }) => {
                let (name, secret) = (name.clone(), secret.clone());
                let (parameters, until) = (*parameters, *until);
                self.account.pending = Some(Pending { id: PHONE, name, secret, parameters, until });
            }
            Write::Confirm { factor, step } => {
                let Pending { id, name, secret, parameters, .. } = self.account.pending.take().unwrap();
                assert_eq!(id, *factor);
                let detail = Detail::Totp(Totp { secret, parameters, used: *step, replays: 0 });
                self.account.factors.push(Factor { id, name, created: Time(0), last_used: None, detail });
            }
            Write::NewBackupCodes { salt, digests } => {
                let codes = (10i64..).zip(digests).map(|(id, digest)| BackupCode { id, digest: *digest }).collect();
                self.account.backup = BackupSet { salt: *salt, codes };
            }
            Write::Give(new) => self.give(new),
            Write::Spend { id, purpose } => {
                let given = self.given(*purpose).as_mut().filter(|given| given.id == *id && given.left > 0);
                given.expect("a given code that is there and has something left").left -= 1;
            }
            Write::EndGiven(purpose) => *self.given(*purpose) = None,
            Write::InvitedOnly(only) => self.account.invited_only = *only,
            Write::EndPending => self.account.pending = None,
            Write::RemoveAll => {
                let identity = self.account.identity.clone();
                let (version, invited_only) = (self.account.version, self.account.invited_only);
                self.account = Account { version, invited_only, ..Account::absent(identity) };
            }
            Write::Trust(earned) => {
                let id = TrustId(1 + self.account.trust.iter().map(|trust| trust.id.0).max().unwrap_or(0));
                let record = i64::try_from(self.records.len()).unwrap();
                let earned = earned.clone();
                self.account.trust.retain(|trust| trust.earned.bond != earned.bond);
                self.account.trust.push(Trust { id, record, service: "sshd".into(), earned });
            }
            Write::ForgetAll => self.account.trust.clear(),
            Write::UseMailedCode { .. } | Write::UseSshKey { .. } => {}
            Write::UseKey { factor, counter } => self.count(*factor, *counter),
            Write::Mailings(caller, sends) => self.account.mailings.set(*caller, *sends),
            other => panic!("a login never writes {other:?}"),
        }
    }

    fn given(&mut self, purpose: Purpose) -> &mut Option<Given> {
        match purpose {
            Purpose::Invite => &mut self.account.invite,
            Purpose::TempCode => &mut self.account.temp_code,
        }
    }

    fn give(&mut self, new: &NewGiven) {
        let NewGiven { purpose, kept, until, left, reason } = new;
        let id = self.account.version.map_or(0, |version| version.0) + 1000;
        let given = Given { id, kept: kept.clone(), until: *until, left: *left, reason: reason.clone() };
        *self.given(*purpose) = Some(given);
    }

    /// Commits what an administrator does; the code that was shown for it.
    pub(super) fn administer(&mut self, giving: Result<given::Giving, given::Refusal>) -> String {
        let (commit, code) = giving.unwrap();
        assert!(self.commit(&commit));
        code.to_string()
    }

    /// Performs effects until something is asked or it is over.
    pub(super) fn drive(&mut self, (mut dialog, mut effect): Step, now: i64) -> (Dialog, Turn) {
        loop {
            let event = match effect {
                Effect::Turn(turn) => return (dialog, turn),
                Effect::Commit(commit) if self.commit(&commit) => Event::Committed,
                Effect::Commit(_) => Event::Stale(Box::new((self.plan.clone(), self.account.clone()))),
                Effect::Search(search) => self.look(search),
                Effect::Touch(turn, sign) => {
                    self.blinks = Some(sign);
                    return (dialog, turn);
                }
            };
            (dialog, effect) = dialog.step(event, &at(now));
        }
    }

    pub(super) fn answer(&mut self, mut dialog: Dialog, answer: &str, now: i64) -> (Dialog, Turn) {
        dialog.refresh(self.plan.clone(), self.account.clone());
        let step = dialog.step(typed(answer), &at(now));
        self.drive(step, now)
    }

    /// A whole login with these answers; whatever is asked beyond them ends it.
    pub(super) fn login(&mut self, answers: &[&str], now: i64) -> Turn {
        let step = self.begin(now);
        let (mut dialog, mut turn) = self.drive(step, now);
        for answer in answers {
            if dialog.is_over() {
                break;
            }
            (dialog, turn) = self.answer(dialog, answer, now);
        }
        turn
    }
}

pub(super) fn typed(answer: &str) -> Event {
    Event::Answer(Zeroizing::new(answer.to_owned()))
}

pub(super) fn passed(turn: &Turn) -> bool {
    matches!(turn.next, Next::Done(Verdict::Pass(_)))
}

pub(super) fn prompt(turn: &Turn) -> &str {
    match &turn.next {
        Next::Ask { prompt, echo: false } => prompt,
        other => panic!("{other:?}"),
    }
}

pub(super) fn denied(turn: &Turn) -> Option<Denial> {
    match turn.next {
        Next::Done(Verdict::Denied(denial)) => Some(denial),
        _ => None,
    }
}
