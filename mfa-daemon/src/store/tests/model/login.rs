//! A login, as it goes on beside others: it does what `Login` in `crate::login` does, in the same order; what it does
//! between two steps nobody sees.

use super::key;
use super::process::{Around, Came};
use super::*;
use crate::login::is_covered;
use mfa_core::At;
use mfa_core::dialog::{
    Dialog, Effect, Event, Front, KeyEvent, Next, Setting, Step as Dialogue, Turn, Verdict, Welcome,
};
use mfa_core::enrollment::Rules;
use mfa_core::factor::Kinds;
use mfa_core::policy::Plan;
use mfa_core::seats::Claim;
use mfa_core::throttle::Caller;
use mfa_core::trust::Ties;
use std::rc::Rc;
use zeroize::Zeroizing;

/// What somebody has seen of the account, and under which policy.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) plan: Plan,
    pub(super) account: Rc<Account>,
    pub(super) epoch: usize,
    /// Of all of that.
    pub(super) digest: u64,
}

impl std::hash::Hash for Look {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        self.digest.hash(hasher);
    }
}

/// What a dialog was told, in turn and when; with it, it is what it is.
#[derive(Clone, Hash)]
enum Told {
    Begin(Look),
    Refresh(Look),
    Answer(String),
    /// The key is plugged in.
    Found,
    /// It was touched, and has signed for the so-manieth time.
    Signed(u32),
    Committed,
    Stale(Look),
}

/// What a login does next.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Doing {
    /// Reads the account and weighs the policy.
    Look,
    /// Goes on with its dialog, and hands to the writer what comes out.
    Go,
    /// Waits for the writer.
    Written,
    Over,
}

#[derive(Clone, Hash)]
pub(super) struct Login {
    /// Its place among all.
    who: u8,
    /// What is typed, in turn; `mailed 0` is the code that was mailed for the first process.
    answers: Vec<String>,
    /// What was typed last, as long as nobody has said what became of it.
    unanswered: Option<String>,
    /// Whether it is at the machine, with the key.
    at_the_machine: bool,
    /// Whether the key blinks for it.
    blinks: bool,
    told: Vec<(Told, Time)>,
    doing: Doing,
    look: Option<Look>,
    /// Whether its commit was stale, or found another policy in force.
    stale: bool,
    /// Whether a commit has happened since it looked.
    outdated: bool,
    /// Of its newest commit.
    receipt: Option<u32>,
    /// The policy in force when it handed over its commit.
    handed_under: usize,
}

impl Login {
    pub(super) fn new(answers: Vec<String>) -> Self {
        let (unanswered, told, look, receipt) = Default::default();
        let (at_the_machine, blinks, stale, outdated) = Default::default();
        let (who, doing, handed_under) = (0, Doing::Look, 0);
        Self {
            who,
            answers,
            unanswered,
            at_the_machine,
            blinks,
            told,
            doing,
            look,
            stale,
            outdated,
            receipt,
            handed_under,
        }
    }

    pub(super) fn with_key() -> Self {
        Self { at_the_machine: true, ..Self::new(Vec::new()) }
    }

    pub(super) fn numbered(self, who: usize) -> Self {
        Self { who: u8::try_from(who).unwrap(), ..self }
    }

    pub(super) fn is_over(&self) -> bool {
        self.doing == Doing::Over
    }

    pub(super) fn is_blocked(&self, mail: &[Option<String>]) -> bool {
        let waits = matches!(self.doing, Doing::Look | Doing::Go) && !self.told.is_empty() && !self.stale;
        let from = self.answers.first().and_then(|answer| answer.strip_prefix("mailed ")?.parse::<usize>().ok());
        waits && !self.blinks && from.is_some_and(|from| mail[from].is_none())
    }

    pub(super) fn keeps_to_itself(&self) -> bool {
        self.doing == Doing::Go && !self.blinks
    }

    pub(super) fn handed_under(&self) -> usize {
        self.handed_under
    }

    /// The line broke: the next daemon is told what the last one has not answered, and knows nothing else.
    pub(super) fn begin_anew(&mut self) {
        if !self.is_over() {
            let answers = self.unanswered.take().into_iter().chain(self.answers.drain(..)).collect();
            *self = Self { who: self.who, at_the_machine: self.at_the_machine, ..Self::new(answers) };
        }
    }

    pub(super) fn step(&mut self, around: &mut Around<'_>, look: impl FnOnce() -> Look) -> Came {
        match self.doing {
            Doing::Look => {
                self.look = Some(look());
                self.doing = Doing::Go;
                Came::Nothing
            }
            Doing::Go => self.go(around),
            Doing::Written | Doing::Over => Came::Nothing,
        }
    }

    /// Tells its dialog what it has seen, if it has looked, and what was typed.
    fn go(&mut self, around: &mut Around<'_>) -> Came {
        match self.look.take() {
            Some(look) if self.told.is_empty() => self.told.push((Told::Begin(look), around.now)),
            Some(look) if self.stale => {
                self.stale = false;
                self.told.push((Told::Stale(look), around.now));
            }
            Some(look) => {
                self.outdated = false;
                self.told.push((Told::Refresh(look), around.now));
                return self.act(around);
            }
            None => return self.act(around),
        }
        self.perform(around)
    }

    /// Touches the key that blinks, or types what comes next, or hangs up.
    fn act(&mut self, around: &mut Around<'_>) -> Came {
        if std::mem::take(&mut self.blinks) {
            *around.signatures += 1;
            self.told.push((Told::Signed(*around.signatures), around.now));
            return self.perform(around);
        }
        if self.answers.is_empty() {
            self.doing = Doing::Over;
            return Came::Nothing;
        }
        let answer = self.answers.remove(0);
        let mailed = answer.strip_prefix("mailed ").map(|from| around.mail[from.parse::<usize>().unwrap()].clone());
        let typed = mailed.map_or(answer.clone(), |code| code.expect("it is blocked until then"));
        self.unanswered = Some(answer);
        self.told.push((Told::Answer(typed), around.now));
        self.perform(around)
    }

    /// What comes of what it was told last.
    fn perform(&mut self, around: &Around<'_>) -> Came {
        loop {
            match self.dialogue().1 {
                Effect::Turn(turn) => return self.said(&turn, around),
                Effect::Search(_) => self.told.push((Told::Found, around.now)),
                Effect::Touch(..) => {
                    self.blinks = true;
                    self.asked(around);
                    return Came::Nothing;
                }
                Effect::Commit(_) if self.under() != around.epoch => {
                    (self.stale, self.doing) = (true, Doing::Look);
                    return Came::Nothing;
                }
                Effect::Commit(commit) => {
                    (self.doing, self.handed_under) = (Doing::Written, around.policy);
                    return Came::ToWrite(commit);
                }
            }
        }
    }

    fn said(&mut self, turn: &Turn, around: &Around<'_>) -> Came {
        let receipt = self.receipt.map(|ticket| Receipt { ticket: Ticket(ticket) });
        assert!(is_covered(turn, receipt.as_ref()), "without a receipt: {turn:?}");
        match &turn.next {
            Next::Ask { .. } => {
                self.asked(around);
                Came::Nothing
            }
            Next::Wait { .. } => panic!("a wait without a touch"),
            Next::Done(verdict) => {
                self.doing = Doing::Over;
                let lets_in = matches!(verdict, Verdict::Pass(_) | Verdict::Skipped(_) | Verdict::Remembered);
                if lets_in { Came::Pass } else { Came::Nothing }
            }
        }
    }

    /// It is the user's turn. What they do is weighed on what is kept by then.
    fn asked(&mut self, around: &Around<'_>) {
        self.unanswered = None;
        let acts = self.blinks || !self.answers.is_empty();
        self.doing = if acts && (self.outdated || self.under() != around.epoch) { Doing::Look } else { Doing::Go };
    }

    pub(super) fn written(&mut self, done: Option<Receipt>, around: &mut Around<'_>) -> Came {
        match done {
            Some(receipt) => {
                (self.receipt, self.outdated) = (Some(receipt.ticket().0), true);
                self.told.push((Told::Committed, around.now));
                self.perform(around)
            }
            None => {
                (self.stale, self.doing) = (true, Doing::Look);
                Came::Nothing
            }
        }
    }

    /// The policy it has looked under last.
    fn under(&self) -> usize {
        let looks = self.told.iter().rev().find_map(|(told, _)| match told {
            Told::Begin(look) | Told::Refresh(look) | Told::Stale(look) => Some(look.epoch),
            Told::Answer(_) | Told::Found | Told::Signed(_) | Told::Committed => None,
        });
        looks.unwrap_or(0)
    }

    /// The core's dialog, told all that it was told: a proof can be had no other way, and not be copied.
    fn dialogue(&self) -> Dialogue {
        let mut so_far: Option<Dialogue> = None;
        for (place, (told, now)) in self.told.iter().enumerate() {
            let at = moment(*now, (self.who, place));
            so_far = Some(match (told, so_far) {
                (Told::Begin(look), _) => {
                    let account = Account::clone(&look.account);
                    Dialog::begin(look.plan.clone(), account, setting(self.at_the_machine), &at)
                }
                (Told::Refresh(look), Some((mut dialog, effect))) => {
                    dialog.refresh(look.plan.clone(), Account::clone(&look.account));
                    (dialog, effect)
                }
                (Told::Answer(text), Some((dialog, _))) => {
                    dialog.step(Event::Answer(Zeroizing::new(text.clone())), &at)
                }
                (Told::Found, Some((dialog, _))) => dialog.step(Event::Key(KeyEvent::Found(vec![key::plugged()])), &at),
                (Told::Signed(counter), Some((dialog, Effect::Touch(_, sign)))) => {
                    dialog.step(Event::Key(KeyEvent::Signed(key::signed(&sign, *counter))), &at)
                }
                (Told::Committed, Some((dialog, _))) => dialog.step(Event::Committed, &at),
                (Told::Stale(look), Some((dialog, _))) => {
                    let now = (look.plan.clone(), Account::clone(&look.account));
                    dialog.step(Event::Stale(Box::new(now)), &at)
                }
                (Told::Signed(_), Some(_)) | (_, None) => panic!("told what does not fit"),
            });
        }
        so_far.unwrap()
    }
}

/// A dialog that has come to its pass: what it says, by its first commit.
pub(super) fn passed(look: Look, code: &str) -> Turn {
    let at = moment(NOW, (0, 0));
    let (dialog, _) = Dialog::begin(look.plan, Rc::unwrap_or_clone(look.account), setting(false), &at);
    let (dialog, effect) = dialog.step(Event::Answer(Zeroizing::new(code.to_owned())), &at);
    assert!(matches!(effect, Effect::Commit(_)), "not a right code");
    match dialog.step(Event::Committed, &at).1 {
        Effect::Turn(turn) => turn,
        _ => panic!("not over"),
    }
}

/// With bytes that are random in the world: others for each login at each step.
fn moment(now: Time, (who, place): (u8, usize)) -> At {
    At { now, fresh: Secret::new([who, u8::try_from(place).unwrap()].repeat(32)) }
}

/// alice: over ssh with a terminal and nothing else, or at the machine.
fn setting(at_the_machine: bool) -> Setting {
    let (utc_offset, support, ties, occasion) = (0, String::new(), Ties::default(), String::new());
    let rules = Rules {
        confirm_codes: 1,
        parameters: Parameters::default(),
        kinds: Kinds::NONE,
        required: true,
        by_invitation: false,
        seat: Claim::NotNeeded,
        own_addresses: false,
        mail_first: false,
    };
    let (site, issuer, label) = ("lab".to_owned(), "lab".to_owned(), "alice@lab".to_owned());
    Setting {
        caller: Caller::Root,
        interactive: true,
        front: Front::Terminal,
        until: NOW.plus(7200),
        temp_codes: false,
        utc_offset,
        support,
        welcome: Welcome { site, issuer, label, terminal: false, rules },
        ties,
        mails: true,
        occasion,
        at_the_machine,
        touch_wait: 15,
        shows_text: true,
        ssh: None,
        pin_typed: false,
    }
}
