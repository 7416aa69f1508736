//! All the ways through a stack: what comes out of it if the password is right or wrong, and our module says yes, no or
//! nothing.
//!
//! It follows libpam's own dispatcher step by step (`_pam_dispatch_aux`): an impression, which a no makes bad for good;
//! jumps; substacks that end by themselves. Of other modules both answers are tried, but where the answer is known. In
//! `account` there is a third one, "the password has expired", which applications take for a yes, and have it changed.

use super::{Action, Module, Outcome, Phase, Place, Step};
use std::collections::BTreeSet;

/// What becomes of a login at a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// It passes.
    Passes,
    /// It is refused.
    Refused,
}

/// What our module said on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mfa {
    /// It was not asked.
    NotReached,
    /// A factor was proved.
    Passed,
    /// Nothing is asked of this login.
    Skipped,
    /// It says no.
    Denied,
    /// The daemon does not run.
    Unavailable,
}

/// What a first factor, such as the password, said on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Primary {
    /// There was none.
    NotReached,
    /// One was right.
    Right,
    /// None was right.
    Wrong,
}

/// One way through.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    /// Where it ends.
    pub(crate) ending: Ending,
    /// Our module's word.
    pub(crate) mfa: Mfa,
    /// What was known of the first factor when our module was asked; at the end, if it was not.
    pub(crate) before: Primary,
    /// What is known of the first factor at the end.
    pub(crate) primary: Primary,
    /// The modules that said yes where they had a choice, by name.
    pub(crate) by: BTreeSet<String>,
    /// The line that ended it early, if one did.
    pub(crate) ended_at: Option<Place>,
}

/// More states than any real stack has; tests look at no longer ones.
const MOST: usize = if cfg!(test) { 5_000 } else { 200_000 };

/// Every way through these steps of a phase, without repetition; `None` if there are too many to look at.
pub(crate) fn paths(steps: &[Step], phase: Phase) -> Option<BTreeSet<Path>> {
    let mut program = Vec::new();
    flatten(steps, 0, &mut program);
    let mut seen = BTreeSet::new();
    let mut waiting = vec![State::at_the_first_line(phase)];
    let mut found = BTreeSet::new();
    while let Some(state) = waiting.pop() {
        if seen.len() > MOST {
            return None;
        }
        if !seen.insert(state.clone()) {
            continue;
        }
        match program.get(state.at) {
            None => {
                found.insert(state.path(None));
            }
            Some(line) => line.follow(state, &program, &mut waiting, &mut found),
        }
    }
    Some(found)
}

/// A line of the flattened stack.
struct Line<'a> {
    level: usize,
    module: Option<&'a Module>,
}

fn flatten<'a>(steps: &'a [Step], level: usize, program: &mut Vec<Line<'a>>) {
    for step in steps {
        match step {
            Step::Module(module) => program.push(Line { level, module: Some(module) }),
            Step::Substack { steps, .. } => {
                program.push(Line { level, module: None });
                flatten(steps, level + 1, program);
            }
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Impression {
    #[default]
    None,
    /// With what was found first that is no success, if anything was.
    Good(Outcome),
    Bad,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    phase: Phase,
    at: usize,
    impression: Impression,
    /// As it was when each substack around began.
    outer: Vec<Impression>,
    mfa: Mfa,
    before: Primary,
    primary: Primary,
    by: BTreeSet<String>,
}

impl State {
    fn at_the_first_line(phase: Phase) -> Self {
        let (impression, outer, by) = (Impression::None, Vec::new(), BTreeSet::new());
        let (mfa, before, primary) = (Mfa::NotReached, Primary::NotReached, Primary::NotReached);
        Self { phase, at: 0, impression, outer, mfa, before, primary, by }
    }

    fn path(&self, ended_at: Option<Place>) -> Path {
        let passes = match self.impression {
            Impression::Good(Outcome::Success) => true,
            Impression::Good(Outcome::NewAuthtokReqd) => self.phase == Phase::Account,
            Impression::Good(_) | Impression::None | Impression::Bad => false,
        };
        let ending = if passes { Ending::Passes } else { Ending::Refused };
        let before = if self.mfa == Mfa::NotReached { self.primary } else { self.before };
        Path { ending, mfa: self.mfa, before, primary: self.primary, by: self.by.clone(), ended_at }
    }

    fn counts_as_yes(&mut self, outcome: Outcome) {
        if matches!(self.impression, Impression::None | Impression::Good(Outcome::Success)) {
            self.impression = Impression::Good(outcome);
        }
    }
}

impl Line<'_> {
    fn follow(&self, mut state: State, program: &[Line<'_>], waiting: &mut Vec<State>, found: &mut BTreeSet<Path>) {
        state.outer.truncate(self.level);
        let Some(module) = self.module else {
            state.outer.push(state.impression);
            state.at += 1;
            waiting.push(state);
            return;
        };
        for (outcome, mfa, action) in outcomes(module, state.phase) {
            let mut next = state.clone();
            next.note(module, outcome, mfa);
            match self.act(action, outcome, &mut next, program) {
                Some(at) => waiting.push(State { at, ..next }),
                None => {
                    found.insert(next.path(Some(module.place.clone())));
                }
            }
        }
    }

    /// The line after this one; `None` if the stack ends.
    fn act(&self, action: Action, outcome: Outcome, state: &mut State, program: &[Line<'_>]) -> Option<usize> {
        let at = state.at;
        match action {
            Action::Ignore => {}
            Action::Ok | Action::Done => {
                if outcome != Outcome::Ignore {
                    state.counts_as_yes(outcome);
                }
                if action == Action::Done && matches!(state.impression, Impression::Good(_)) {
                    return self.end(at, program);
                }
            }
            Action::Bad => state.impression = Impression::Bad,
            Action::Die => {
                state.impression = Impression::Bad;
                return self.end(at, program);
            }
            Action::Reset => state.impression = state.outer.last().copied().unwrap_or_default(),
            Action::Jump(steps) => return Some(self.jump(at, steps, state, program)),
        }
        Some(at + 1)
    }

    /// A decision ends the stack, or the substack it is made in.
    fn end(&self, at: usize, program: &[Line<'_>]) -> Option<usize> {
        if self.level == 0 {
            return None;
        }
        let rest = program.iter().enumerate().skip(at + 1);
        Some(rest.into_iter().find(|(_, line)| line.level < self.level).map_or(program.len(), |(index, _)| index))
    }

    /// Leaves out steps of this level, each with the substack under it. Beyond the last one the stack fails.
    fn jump(&self, at: usize, steps: usize, state: &mut State, program: &[Line<'_>]) -> usize {
        let mut left = steps;
        for (index, line) in program.iter().enumerate().skip(at + 1) {
            if line.level < self.level {
                break;
            }
            if line.level > self.level {
                continue;
            }
            if left == 0 {
                return index;
            }
            left -= 1;
        }
        if left > 0 {
            state.impression = Impression::Bad;
        }
        self.end(at, program).unwrap_or(program.len())
    }
}

impl State {
    fn note(&mut self, module: &Module, outcome: Outcome, mfa: Mfa) {
        if module.is_ours() {
            if self.mfa == Mfa::NotReached {
                self.before = self.primary;
            }
            // Of two lines of ours the later one's word counts, unless it was a no before.
            if self.mfa != Mfa::Denied {
                self.mfa = mfa;
            }
        } else if is_first_factor(module) {
            match outcome {
                Outcome::Success | Outcome::NewAuthtokReqd => {
                    self.primary = Primary::Right;
                    self.by.insert(module.name().to_owned());
                }
                _ if self.primary == Primary::NotReached => self.primary = Primary::Wrong,
                _ => {}
            }
        } else if matches!(outcome, Outcome::Success | Outcome::NewAuthtokReqd) && has_a_choice(module) {
            self.by.insert(module.name().to_owned());
        }
    }
}

/// What a module can return, as far as it matters, our own module's word with it, and what its line does then.
fn outcomes(module: &Module, phase: Phase) -> Vec<(Outcome, Mfa, Action)> {
    let on = |outcome: Outcome, mfa: Mfa| (outcome, mfa, module.control.on(outcome));
    let of = |outcomes: &[Outcome]| outcomes.iter().map(|outcome| on(*outcome, Mfa::NotReached)).collect::<Vec<_>>();
    // A no is a no, however it is called; a line may treat some of them otherwise, also that the module is not there.
    let refusals =
        |mfa: Mfa| module.control.on_refusals().into_iter().map(move |action| (Outcome::Default, mfa, action));
    if module.is_ours() {
        let skipped = if module.has("exempt=success") { Outcome::Success } else { Outcome::Ignore };
        let unavailable = if module.has("unavailable=allow") { Outcome::Ignore } else { Outcome::AuthinfoUnavail };
        let said = [on(Outcome::Success, Mfa::Passed), on(skipped, Mfa::Skipped), on(unavailable, Mfa::Unavailable)];
        return said.into_iter().chain(refusals(Mfa::Denied)).collect();
    }
    let with_refusals = |outcomes: &[Outcome]| of(outcomes).into_iter().chain(refusals(Mfa::NotReached)).collect();
    match module.name() {
        "pam_deny" => of(&[Outcome::AuthErr]),
        "pam_permit" => of(&[Outcome::Success]),
        // They do something, and their failing is the machine's.
        "pam_env" | "pam_faildelay" | "pam_cap" | "pam_keyinit" | "pam_warn" | "pam_gnome_keyring" | "pam_kwallet5"
        | "pam_group" | "pam_umask" | "pam_motd" | "pam_mail" | "pam_lastlog" | "pam_limits" => of(&[Outcome::Success]),
        "pam_echo" => of(&[Outcome::Ignore]),
        // pam_unix, pam_sss and their like, of an account whose password is too old; and who knows which others.
        _ if phase == Phase::Account => with_refusals(&[Outcome::Success, Outcome::NewAuthtokReqd, Outcome::Ignore]),
        _ if is_first_factor(module) => with_refusals(&[Outcome::Success]),
        _ => with_refusals(&[Outcome::Success, Outcome::Ignore]),
    }
}

/// Whether its yes says who somebody is.
fn is_first_factor(module: &Module) -> bool {
    const KNOWN: [&str; 17] = [
        "pam_unix",
        "pam_sss",
        "pam_ldap",
        "pam_krb5",
        "pam_winbind",
        "pam_systemd_home",
        "pam_ldapd",
        "pam_himmelblau",
        "pam_fprintd",
        "pam_pkcs11",
        "pam_u2f",
        "pam_authd",
        "pam_kanidm",
        "pam_howdy",
        "pam_userdb",
        "pam_pwdfile",
        "pam_oo7",
    ];
    KNOWN.contains(&module.name())
}

/// Whether it may let somebody in, or past a module, who has shown nothing.
fn has_a_choice(module: &Module) -> bool {
    outcomes(module, Phase::Auth).len() > 1
}
