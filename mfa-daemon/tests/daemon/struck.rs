//! Whatever step the daemon is killed at, or the system fails it at: one after the other, while one owner or four are at
//! it, while it starts and while it stops. `MFA_ROUNDS` says how many (`cargo xtask faults`).

use crate::steps::{Manner, Steps};
use crate::support::{Daemon, Place, SOON, as_root, left_out};
use crate::told::{Act, Owner, State, chain_holds, play};
use rustix::process::Signal;
use serde_json::Value;

/// When a round strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// While something is done.
    Act(Act),
    /// While four owners do something each, this one first.
    Crowd(Act),
    /// While it starts after it was killed.
    Starting,
    /// While it stops as it was told.
    Stopping,
}

/// A round: when, at which step, how.
type Round = (When, i64, Manner);

/// How many rounds: those of `MFA_ROUNDS`, else few.
pub(crate) fn rounds(few: usize) -> usize {
    std::env::var("MFA_ROUNDS").map_or(few, |rounds| rounds.parse().expect("MFA_ROUNDS is a number"))
}

/// A daemon and its owners, through many deaths.
struct Site<'a> {
    steps: Steps<'a>,
    daemon: Option<Daemon<'a>>,
    owners: Vec<Owner>,
}

impl<'a> Site<'a> {
    fn new(place: &'a Place) -> Self {
        let steps = Steps::of(place);
        let daemon = place.start_by(steps.command());
        let owners = (1..=4).map(|number| Owner::new(&format!("ghost{number}"))).collect();
        Self { steps, daemon: Some(daemon), owners }
    }

    fn daemon(&mut self) -> &mut Daemon<'a> {
        self.daemon.as_mut().unwrap()
    }

    /// Who acts in a round, and what.
    fn cast(when: When) -> Vec<(usize, Act)> {
        match when {
            When::Act(act) => vec![(0, act)],
            When::Crowd(act) => {
                let first = Act::ALL.iter().position(|other| *other == act).unwrap();
                (0..4).map(|owner| (owner, Act::ALL[(first + owner * 3) % Act::ALL.len()])).collect()
            }
            When::Starting | When::Stopping => vec![(0, Act::Right)],
        }
    }

    /// What is done while a strike may come, all at once; the answers.
    fn act(&mut self, cast: &[(usize, Act)], strike: (i64, Manner)) -> Vec<Option<Value>> {
        let place = self.steps.place();
        let daemon = self.daemon.as_ref().unwrap();
        for (owner, act) in cast {
            self.owners[*owner].prepare(*act, daemon);
        }
        let calls: Vec<_> = cast.iter().map(|(owner, act)| self.owners[*owner].calls(*act, place)).collect();
        let mut wires: Vec<_> = cast.iter().map(|_| daemon.connect()).collect();
        self.steps.strike(strike.0, strike.1);
        std::thread::scope(|scope| {
            let acting = cast.iter().zip(&calls).zip(&mut wires);
            let acting: Vec<_> =
                acting.map(|(((_, act), calls), wire)| scope.spawn(move || play(*act, calls, wire))).collect();
            acting.into_iter().map(|acting| acting.join().unwrap()).collect()
        })
    }

    /// One round in which it is killed.
    fn dies(&mut self, (when, step, manner): Round) {
        let how = format!("{when:?}, step {step}, {manner:?}");
        let cast = Self::cast(when);
        let at_once = if matches!(when, When::Act(_) | When::Crowd(_)) { step } else { 0 };
        let answers = self.act(&cast, (at_once, manner));
        if when == When::Stopping {
            self.steps.strike(step, manner);
            self.daemon().signal(Signal::TERM);
            self.daemon().wait(SOON);
        }
        self.daemon = None; // whether the strike came or not
        if when == When::Starting {
            self.steps.strike(step, manner);
            drop(self.steps.start_under_strike());
        }
        self.steps.spare();
        self.daemon = Some(self.steps.place().start_by(self.steps.command()));
        self.check(&cast, &answers, &how);
    }

    /// One round in which the system fails it, and then it is killed.
    fn is_failed(&mut self, (when, step, manner): Round) {
        let how = format!("{when:?}, step {step}, {manner:?}");
        let cast = Self::cast(when);
        let answers = self.act(&cast, (step, manner));
        self.steps.spare();
        assert!(self.daemon().is_alive(), "{how}");
        self.check(&cast, &answers, &how);
        // What is in its memory is what is on the disk.
        self.daemon = None;
        self.daemon = Some(self.steps.place().start_by(self.steps.command()));
        for (owner, _) in cast {
            let mut wire = self.daemon().connect();
            let owner = &mut self.owners[owner];
            assert_eq!(State::of(&mut wire, &owner.name), owner.state, "{how}");
            owner.nothing_is_lost(self.daemon.as_ref().unwrap(), &how);
        }
    }

    fn check(&mut self, cast: &[(usize, Act)], answers: &[Option<Value>], how: &str) {
        let daemon = self.daemon.as_ref().unwrap();
        for ((owner, act), answer) in cast.iter().zip(answers) {
            self.owners[*owner].check(*act, answer.as_ref(), daemon, how);
        }
    }

    /// How many steps each takes when nothing comes in its way.
    fn measure(&mut self, whens: &[When]) -> Vec<(When, i64)> {
        let place = self.steps.place();
        whens
            .iter()
            .map(|when| {
                let cast = Self::cast(*when);
                let answers = self.act(&cast, (0, Manner::DiesBefore));
                let mut passed = self.steps.passed();
                if *when == When::Stopping {
                    self.steps.strike(0, Manner::DiesBefore);
                    self.daemon().signal(Signal::TERM);
                    self.daemon().wait(SOON);
                    passed = self.steps.passed();
                }
                self.daemon = None;
                self.steps.strike(0, Manner::DiesBefore);
                self.daemon = Some(place.start_by(self.steps.command()));
                if *when == When::Starting {
                    passed = self.steps.passed();
                }
                self.check(&cast, &answers, "measured");
                (*when, passed)
            })
            .collect()
    }
}

/// So many rounds: nine of ten with one owner, until every step of theirs is struck in every manner, and the others with
/// four; both spread over all that there are.
fn spread(measured: &[(When, i64)], manners: [Manner; 3], rounds: usize) -> Vec<Round> {
    let each = measured.iter().flat_map(|(when, steps)| (1..=*steps).map(move |step| (*when, step)));
    let all = each.flat_map(|(when, step)| manners.map(|manner| (when, step, manner)));
    let (crowd, alone): (Vec<Round>, Vec<Round>) = all.partition(|(when, ..)| matches!(when, When::Crowd(_)));
    let some = |of: &[Round], rounds: usize| -> Vec<Round> {
        (0..rounds).map(|round| of[round * of.len() / rounds]).collect()
    };
    let few = (rounds * 9 / 10).min(alone.len());
    [some(&alone, few), some(&crowd, rounds - few)].concat()
}

fn acts() -> Vec<When> {
    Act::ALL.map(When::Act).into_iter().chain(Act::ALL.map(When::Crowd)).collect()
}

#[test]
fn killed_at_any_step_what_was_answered_has_happened_and_no_code_lets_in_twice() {
    if !as_root() {
        return left_out("accounts of others, looked at by root");
    }
    let place = Place::new();
    let mut site = Site::new(&place);
    let measured = site.measure(&[acts(), vec![When::Starting, When::Stopping]].concat());
    let rounds = spread(&measured, Manner::DEATHS, rounds(40));
    for (number, round) in rounds.iter().enumerate() {
        site.dies(*round);
        place.set_clock(place.clock() + 1000);
        if number % 50 == 0 {
            chain_holds(site.daemon(), &format!("{round:?}"));
        }
    }
    chain_holds(site.daemon(), "at the end");
    eprintln!("{} rounds; steps: {measured:?}", rounds.len());
}

#[test]
fn failed_by_the_system_at_any_step_it_refuses_and_its_memory_is_what_is_on_the_disk() {
    if !as_root() {
        return left_out("accounts of others, looked at by root");
    }
    let place = Place::new();
    let mut site = Site::new(&place);
    let measured = site.measure(&acts());
    let rounds = spread(&measured, Manner::FAILURES, rounds(30));
    for round in &rounds {
        site.is_failed(*round);
        place.set_clock(place.clock() + 1000);
    }
    chain_holds(site.daemon(), "at the end");
}
