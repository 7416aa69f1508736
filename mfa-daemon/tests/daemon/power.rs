//! The power is cut while the store is written to: on a disk that lost whatever of what was not synced, the daemon opens
//! its store by itself, and all that clients were told by then has happened.

use crate::disk::{Found, Luck, Record, Recorder, is_possible};
use crate::struck::rounds;
use crate::support::{Daemon, Place, SOON, as_root, left_out};
use crate::told::{Act, Owner, State, chain_holds, play};
use crate::wire::Phone;
use rustix::process::Signal;
use serde_json::{Value, json};

/// An account at a moment, and how much of the disk's record there was when its owner was told.
#[derive(Clone)]
struct Moment {
    entries: usize,
    clock: i64,
    state: State,
    /// The code that was used up, if one was.
    used: Option<String>,
    /// The phone that is enrolled.
    secret: Option<String>,
}

/// What owners were told, in order.
struct History {
    owners: Vec<Owner>,
    moments: Vec<Vec<Moment>>,
}

impl History {
    fn of(owners: usize) -> Self {
        let owners: Vec<_> = (1..=owners).map(|number| Owner::new(&format!("ghost{number}"))).collect();
        let nothing = Moment { entries: 0, clock: 0, state: State::default(), used: None, secret: None };
        let moments = vec![vec![nothing]; owners.len()];
        Self { owners, moments }
    }

    /// Each owner does something, all at once; one begins after the other, so that different things meet.
    fn wave(&mut self, number: usize, daemon: &Daemon<'_>, disk: &Recorder<'_>) {
        let place = daemon.place;
        let cast = |owner: usize| Some(Act::ALL[number.checked_sub(owner * 2)? % Act::ALL.len()]);
        let acts: Vec<_> = (0..self.owners.len()).map_while(cast).collect();
        let calls: Vec<_> = acts.iter().zip(&mut self.owners).map(|(act, owner)| owner.calls(*act, place)).collect();
        let told: Vec<(Value, usize)> = std::thread::scope(|scope| {
            let acting = acts.iter().zip(&calls).map(|(act, calls)| {
                let mut wire = daemon.connect();
                scope.spawn(move || (play(*act, calls, &mut wire).unwrap(), disk.entries()))
            });
            let acting: Vec<_> = acting.collect();
            acting.into_iter().map(|acting| acting.join().unwrap()).collect()
        });
        for (number, (act, (answer, entries))) in acts.into_iter().zip(told).enumerate() {
            let owner = &mut self.owners[number];
            owner.learn(act, &answer);
            owner.state = State::of(&mut daemon.connect(), &owner.name);
            let moment = Moment {
                entries,
                clock: place.clock(),
                state: owner.state,
                used: matches!(act, Act::Confirm | Act::Right | Act::BackupCode).then(|| owner.typed.clone()),
                secret: owner.secret(),
            };
            self.moments[number].push(moment);
        }
    }

    /// What was found after a power cut is what some owner was told last, or later, and as a whole.
    fn is_kept(&self, daemon: &Daemon<'_>, kept: usize, how: &str) {
        for (owner, moments) in self.owners.iter().zip(&self.moments) {
            let sure = moments.iter().rposition(|moment| moment.entries <= kept).unwrap();
            daemon.place.set_clock(moments.last().unwrap().clock);
            let found = State::of(&mut daemon.connect(), &owner.name);
            let at = moments.iter().position(|moment| moment.state == found);
            let at = at.unwrap_or_else(|| panic!("{how}: {found:?} of {} was never told", owner.name));
            assert!(at >= sure, "{how}: {} was told {:?} and has {found:?}", owner.name, moments[sure].state);
            good_once(owner, &moments[..=at], daemon, how);
        }
    }
}

/// No code that was used is good again, and who is enrolled gets in.
fn good_once(owner: &Owner, moments: &[Moment], daemon: &Daemon<'_>, how: &str) {
    let (place, now) = (daemon.place, moments.last().unwrap());
    for (moment, code) in moments.iter().rev().filter_map(|moment| Some((moment, moment.used.as_ref()?))).take(3) {
        place.set_clock(moment.clock);
        let again = daemon.connect().login(&owner.name, code);
        assert_ne!(again, "pass", "{how}: {code} of {} again", owner.name);
    }
    if let Some(secret) = now.secret.as_ref().filter(|_| now.state.enrolled) {
        place.set_clock(now.clock + 120);
        let fresh = Phone::of(secret).code(place);
        assert_eq!(daemon.connect().login(&owner.name, &fresh), "pass", "{how}: {} is locked out", owner.name);
    }
}

/// Numbers that look like chance and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn luck(&mut self) -> Luck {
        match self.roll() % 5 {
            0 | 1 => Luck::Kept,
            2 | 3 => Luck::Lost,
            _ => Luck::Torn(self.roll()),
        }
    }
}

/// Waves of what owners do, with a death and a stop between them; so many that the log is put into the database, too.
fn recorded(place: &Place, history: &mut History, waves: usize) -> Record {
    let disk = Recorder::begin(place);
    let mut daemon = place.start();
    for wave in 0..waves {
        history.wave(wave, &daemon, &disk);
        if wave == waves / 3 {
            daemon.kill();
            drop(daemon);
            daemon = place.start();
        }
        if wave == waves / 2 {
            daemon.signal(Signal::TERM);
            assert!(daemon.wait(SOON).success());
            drop(daemon);
            daemon = place.start();
        }
        if waves > 40 && wave % 8 == 0 {
            for _ in 0..40 {
                assert_ne!(daemon.connect().login("ghost9", "123456"), "pass"); // recorded all the same
            }
        }
    }
    daemon.kill();
    drop(daemon);
    disk.end()
}

#[test]
fn whenever_the_power_is_cut_the_store_opens_by_itself_and_all_that_was_told_is_in_it() {
    if !as_root() || !is_possible() {
        assert!(std::env::var_os("MFA_ROUNDS").is_none(), "it takes root, qemu-storage-daemon, FUSE and loop devices");
        return left_out("a power cut (root, qemu-storage-daemon, FUSE and loop devices)");
    }
    let rounds = rounds(24);
    let mut history = History::of(3);
    let record = recorded(&Place::new(), &mut history, if rounds > 100 { 120 } else { 24 });
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for round in 0..rounds {
        let end = (round + 1) * record.len() / rounds;
        // Some lose nothing but what was never written, some lose what they may.
        let found = if round % 4 == 0 { record.cut(end, || Luck::Kept) } else { record.cut(end, || dice.luck()) };
        let how = format!("cut before entry {end} of {}, round {round}", record.len());
        let place = Place::new();
        let disk = Found::at(&place, &found);
        let daemon = place.start();
        assert_eq!(daemon.errors.count("every login is refused"), 0, "{how}: {:?}", daemon.errors.all());
        let status = daemon.connect().ask("io.mfa.Admin.Status", json!({}));
        assert_eq!(status["problems"], json!([]), "{how}");
        history.is_kept(&daemon, record.kept_before(end), &how);
        chain_holds(&daemon, &how);
        drop((daemon, disk));
    }
    eprintln!("{rounds} power cuts in {} entries", record.len());
}
