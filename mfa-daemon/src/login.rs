//! A dialog on a connection: performs what the core says, and reports to it what became of that.
//!
//! Commit, then record, then answer: a pass leaves only with the store's receipt for the very commit that made it true.

use crate::accounts::{Lane, Presence};
use crate::arrival::{Arrival, arrive};
use crate::audit::Context;
use crate::clock;
use crate::conversation::Conversation;
use crate::daemon::Daemon;
use crate::journal::{self, Level, Quoted};
use crate::keys::{Asker, Touch};
use crate::listen::{Answer, Failure, Subject, refuse};
use crate::scene::{Purpose, Scene, Trouble, Weighed};
use crate::setting::{self, LONGEST, Manner, Surroundings};
use crate::store::{Committed, Receipt};
use mfa_core::At;
use mfa_core::account::{Commit, What};
use mfa_core::dialog::{Denial, Dialog, Effect, Event, Front, KeyEvent, KeyTrouble, Next, Step, Turn, Verdict};
use mfa_core::policy::Plan;
use mfa_proto::enrollment::Authorize;
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::login::{self as wire, Outcome, Phase};
use mfa_proto::service::RefusalCode;
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// Seconds a change of factors may take to be authorized.
const AUTHORIZING: u32 = 300;

/// A dialog that is not over yet.
pub(crate) struct Login {
    dialog: Option<Dialog>,
    scene: Scene,
    context: Context,
    epoch: u64,
    /// Whether a commit has happened since the account was read.
    outdated: bool,
    receipt: Option<Receipt>,
    /// Whether it began with somebody who must enroll.
    enrolling: bool,
    /// For whom a key would be asked.
    asker: Asker,
    /// The key whose touch is waited for.
    touch: Option<Touch>,
    until: Instant,
}

/// `io.mfa.Login.Begin`
pub(crate) async fn begin(conversation: &mut Conversation, whose: Subject, call: &Call<'_>) -> Result<Answer, Failure> {
    let Arrival { scene, context, begin } = arrive(conversation, whose, call).await?;
    // Who typed nothing behind the password cannot be asked either.
    let interactive = begin.phase == Phase::Auth && begin.combined != Some(wire::Combined::Nothing);
    let front = if begin.combined.is_some() { Front::Combined } else { Front::of(&begin.service) };
    let seconds = begin.timeout.clamp(1, LONGEST);
    start(conversation, scene, context, Manner { interactive, front, keys: true, seconds }).await
}

/// `io.mfa.Enrollment.Authorize`
pub(crate) async fn authorize(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let Authorize { code_at_hand, trial, .. } = call.parameters()?;
    let lane = if conversation.peer().is_root() { Lane::Root } else { Lane::Plain };
    let name = whose.name.clone();
    let scene = Scene {
        lane,
        target: Some(whose.known()?),
        name,
        purpose: if trial { Purpose::Trial } else { Purpose::Change },
    };
    let context = Context { service: Some("mfa-enroll".into()), ..conversation.context() };
    let how = Manner { interactive: true, front: Front::Terminal, keys: !code_at_hand, seconds: AUTHORIZING };
    start(conversation, scene, context, how).await
}

/// `io.mfa.Login.Answer`
pub(crate) async fn answer(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::Answer { answer } = call.parameters()?;
    let Some(mut login) = conversation.dialog.take_if(|login| !login.waits_for_touch()) else {
        return Err(refuse(RefusalCode::Invalid, "Nothing was asked on this connection."));
    };
    let daemon = Rc::clone(conversation.daemon());
    let turn = login.happened(&daemon, Event::Answer(answer.into_inner())).await;
    finish(conversation, login, turn)
}

/// `io.mfa.Login.Wait`
pub(crate) async fn wait(conversation: &mut Conversation, _: &Call<'_>) -> Result<Answer, Failure> {
    let Some(mut login) = conversation.dialog.take_if(|login| login.waits_for_touch()) else {
        return Err(refuse(RefusalCode::Invalid, "Nothing is waited for on this connection."));
    };
    let daemon = Rc::clone(conversation.daemon());
    let turn = login.waited(&daemon).await;
    finish(conversation, login, turn)
}

async fn start(
    conversation: &mut Conversation,
    scene: Scene,
    context: Context,
    how: Manner,
) -> Result<Answer, Failure> {
    if conversation.dialog.is_some() {
        return Err(refuse(RefusalCode::Busy, "A dialog is under way on this connection. Finish it first."));
    }
    let daemon = Rc::clone(conversation.daemon());
    let weighed = match scene.weigh(&daemon).await {
        Ok(weighed) => weighed,
        Err(trouble) => {
            tell(&scene, &context, &trouble);
            return Ok(encode_reply(&spoken(&undecided(&trouble)))?);
        }
    };
    let Some(loaded) = daemon.loaded() else { return Ok(encode_reply(&spoken(&broken()))?) };
    let Surroundings { setting, seconds, presence } =
        setting::of(conversation, &loaded, (&scene, &context, &weighed), how);
    let enrolling = matches!(weighed.plan, Plan::Enroll(_));
    let Weighed { plan, account, rule, epoch, .. } = weighed;
    // A code may be mailed at once.
    let at = if account.mailbox.is_some() { fresh() } else { clock::bare() };
    let asker = Asker { lane: scene.lane, whose: account.identity.uid, presence };
    let (dialog, effect) = Dialog::begin(plan, account, setting, &at);
    let mut login = Box::new(Login {
        dialog: None,
        scene,
        context: Context { rule: Some(rule), ..context },
        epoch,
        outdated: false,
        receipt: None,
        enrolling,
        asker,
        touch: None,
        until: Instant::now() + Duration::from_secs(seconds.into()),
    });
    let turn = login.perform(&daemon, (dialog, effect)).await;
    finish(conversation, login, turn)
}

/// Keeps a dialog that goes on, and what a passed one has earned.
fn finish(conversation: &mut Conversation, login: Box<Login>, turn: Turn) -> Result<Answer, Failure> {
    let turn = login.checked(turn);
    let mut spoken = spoken(&turn);
    let waits = login.enrolling || login.dialog.as_ref().is_some_and(Dialog::waits_for_mail);
    spoken.patience = waits.then_some(LONGEST);
    match (turn.next, &login.scene) {
        (Next::Ask { .. } | Next::Wait { .. }, _) => conversation.dialog = Some(login),
        (Next::Done(Verdict::Pass(proof)), Scene { purpose: Purpose::Change, target: Some(entry), .. }) => {
            conversation.proved(entry.identity.clone(), proof, clock::now());
        }
        (Next::Done(_), _) => {}
    }
    Ok(encode_reply(&spoken)?)
}

impl Login {
    /// Until when it may say nothing.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// The user hung up, the time is up, or the daemon stops.
    pub(crate) fn abandoned(self: Box<Self>) {
        self.say(Level::Info, "abandoned", "");
    }

    /// Whether it waits for a key to be touched.
    pub(crate) fn waits_for_touch(&self) -> bool {
        self.touch.is_some()
    }

    /// Comes back when it is known what became of the touch that is waited for; at once if none is.
    pub(crate) async fn settled(&mut self) {
        if let Some(touch) = &mut self.touch {
            touch.settled().await;
        }
    }

    async fn waited(&mut self, daemon: &Daemon) -> Turn {
        match self.touch.take() {
            Some(touch) => {
                let event = touch.outcome().await;
                self.happened(daemon, Event::Key(event)).await
            }
            None => broken(),
        }
    }

    /// What the user, or their key, has done is weighed on what is kept now, and by the policy of now.
    async fn happened(&mut self, daemon: &Daemon, event: Event) -> Turn {
        let Some(mut dialog) = self.dialog.take() else { return broken() };
        // Whoever enrolls is let in, or shown a secret, by what is kept now and not by what was when they came.
        if self.outdated || self.enrolling || self.moved(daemon) {
            match Box::pin(self.scene.weigh(daemon)).await {
                Ok(Weighed { plan, account, epoch, .. }) => {
                    dialog.refresh(plan, account);
                    (self.epoch, self.outdated) = (epoch, false);
                }
                Err(trouble) => return self.stop(trouble),
            }
        }
        let event = if Instant::now() < self.until { event } else { Event::Deadline };
        let step = self.step(daemon, dialog, event);
        self.perform(daemon, step).await
    }

    /// Performs effects until there is something to say.
    async fn perform(&mut self, daemon: &Daemon, (mut dialog, mut effect): Step) -> Turn {
        loop {
            let event = match effect {
                Effect::Turn(turn) => {
                    self.dialog = Some(dialog);
                    return turn;
                }
                Effect::Touch(turn, sign) => match Box::pin(daemon.keys.turn(&self.asker)).await {
                    Some(at_the_keys) => {
                        self.touch = Some(Touch::begin(&daemon.keys, sign, (at_the_keys, self.asker.clone())));
                        self.dialog = Some(dialog);
                        return turn;
                    }
                    None => Event::Key(KeyEvent::Failed(KeyTrouble::Busy)),
                },
                // On the heap, as is all that few logins need and every login would carry around.
                Effect::Search(search) => Event::Key(Box::pin(daemon.keys.search(search, &self.asker)).await),
                Effect::Commit(commit) => match self.commit(daemon, commit).await {
                    Ok(event) => event,
                    Err(trouble) => return self.stop(trouble),
                },
            };
            (dialog, effect) = self.step(daemon, dialog, event);
        }
    }

    /// One step, told who sits at the machine at this moment: whoever sat here when it began may have left since.
    fn step(&self, daemon: &Daemon, mut dialog: Dialog, event: Event) -> Step {
        if self.asker.presence != Presence::Nowhere {
            dialog.sits_here(daemon.logind.is_here(&self.asker.presence));
        }
        let at = moment(&dialog);
        dialog.step(event, &at)
    }

    /// Commits under the policy it was weighed under, or weighs again.
    async fn commit(&mut self, daemon: &Daemon, commit: Commit) -> Result<Event, Trouble> {
        let store = daemon.store().map_err(Trouble::Broken)?;
        let (what, factor, reason) = (commit.record.what, commit.record.factor, commit.record.reason);
        let covered_by = commit.record.covered_by.map(|record| record.to_string()).unwrap_or_default();
        if !self.moved(daemon) {
            match store.commit(commit, self.context.clone()).await {
                Ok(Committed::Done(receipt)) => {
                    self.receipt = Some(receipt);
                    self.outdated = true;
                    let kind = factor.map(|(kind, _)| kind.as_str()).unwrap_or_default();
                    self.say(level_of(what), what.as_str(), &detail(kind, reason.unwrap_or_default(), &covered_by));
                    return Ok(Event::Committed);
                }
                Ok(Committed::Stale) => {}
                Err(error) => {
                    journal::operation(Level::Alert, &format!("a login could not be recorded: {error}"));
                    return Ok(Event::Failed);
                }
            }
        }
        let Weighed { plan, account, epoch, .. } = Box::pin(self.scene.weigh(daemon)).await?;
        self.epoch = epoch;
        Ok(Event::Stale(Box::new((plan, account))))
    }

    /// Whether another policy is in force than the one it was weighed under.
    fn moved(&self, daemon: &Daemon) -> bool {
        daemon.loaded().is_none_or(|loaded| loaded.epoch != self.epoch)
    }

    /// A pass that no receipt covers does not leave, nor does anything else that lets somebody in unrecorded.
    fn checked(&self, turn: Turn) -> Turn {
        if is_covered(&turn, self.receipt.as_ref()) {
            return turn;
        }
        journal::operation(Level::Alert, "a login that was not recorded was about to pass, and was refused");
        broken()
    }

    fn stop(&self, trouble: Trouble) -> Turn {
        tell(&self.scene, &self.context, &trouble);
        undecided(&trouble)
    }

    fn say(&self, level: Level, what: &str, detail: &str) {
        journal::login(level, line(&self.scene.name, &self.context, what, detail));
    }
}

/// Whether what this turn lets somebody do is on disk, as the newest receipt says.
pub(crate) fn is_covered(turn: &Turn, receipt: Option<&Receipt>) -> bool {
    match (&turn.next, receipt) {
        (Next::Done(Verdict::Pass(proof)), Some(receipt)) => receipt.ticket() == proof.ticket(),
        (Next::Done(Verdict::Pass(_) | Verdict::Skipped(_) | Verdict::Remembered), None) => false,
        (Next::Done(Verdict::Skipped(_) | Verdict::Remembered), Some(_)) => true,
        (Next::Ask { .. } | Next::Wait { .. } | Next::Done(Verdict::Denied(_) | Verdict::Broken), _) => true,
    }
}

/// Now, with random bytes where the dialog may need them. Without any it enrolls nobody.
fn moment(dialog: &Dialog) -> At {
    if dialog.needs_randomness() { fresh() } else { clock::bare() }
}

fn fresh() -> At {
    clock::at().unwrap_or_else(|_| clock::bare())
}

fn level_of(what: What) -> Level {
    match what {
        What::Wrong | What::Denied | What::Replayed => Level::Notice,
        _ => Level::Info,
    }
}

fn detail(kind: &str, reason: &str, covered_by: &str) -> String {
    let mut detail = String::new();
    for (key, value) in [("factor", kind), ("reason", reason), ("covered_by", covered_by)] {
        if !value.is_empty() {
            let _ = write!(detail, " {key}={value}");
        }
    }
    detail
}

/// `wrong user=alice service=sshd rhost=10.1.2.3 factor=totp`: for people, and for programs that watch for guessing.
fn line(user: &str, context: &Context, what: &str, detail: &str) -> String {
    let mut line = format!("{what} user={}", Quoted(user));
    let fields =
        [("service", &context.service), ("rhost", &context.rhost), ("tty", &context.tty), ("rule", &context.rule)];
    for (key, value) in fields {
        if let Some(value) = value {
            let _ = write!(line, " {key}={}", Quoted(value));
        }
    }
    let _ = write!(line, " peer={}{detail}", context.peer_uid);
    line
}

/// Nothing can be decided: said loudly here, and to the caller without details.
pub(crate) fn tell(scene: &Scene, context: &Context, trouble: &Trouble) {
    let (what, why) = match trouble {
        Trouble::Broken(why) => ("broken", why),
        Trouble::Conflict(why) => ("conflict", why),
    };
    let why = format!(" reason=\"{}\"", why.replace('"', "'"));
    journal::login(Level::Alert, line(&scene.name, context, what, &why));
}

/// That the record and the system disagree about one account is no reason to let it in by a code from the safe.
fn undecided(trouble: &Trouble) -> Turn {
    match trouble {
        Trouble::Broken(_) => broken(),
        Trouble::Conflict(_) => Turn { say: Vec::new(), next: Next::Done(Verdict::Denied(Denial::Conflict)) },
    }
}

fn broken() -> Turn {
    Turn { say: Vec::new(), next: Next::Done(Verdict::Broken) }
}

/// The core's turn in the words of the wire.
fn spoken(turn: &Turn) -> wire::Turn {
    let say = turn.say.iter().map(|note| wire::Note {
        style: if note.error { wire::Style::Error } else { wire::Style::Info },
        text: note.text.clone(),
    });
    let done = |outcome, reason: &str| wire::Next::Done(wire::Verdict { outcome, reason: reason.to_owned() });
    let next = match &turn.next {
        Next::Ask { prompt, echo } => wire::Next::Ask(wire::Prompt { text: prompt.to_string(), echo: *echo }),
        Next::Wait { at_most } => wire::Next::Wait { at_most: *at_most },
        Next::Done(Verdict::Pass(proof)) => done(Outcome::Pass, proof.kind().as_str()),
        Next::Done(Verdict::Skipped(why)) => done(Outcome::Skipped, why),
        Next::Done(Verdict::Remembered) => done(Outcome::Remembered, "remembered"),
        Next::Done(Verdict::Denied(denial)) => done(Outcome::Denied, denial.as_str()),
        Next::Done(Verdict::Broken) => done(Outcome::Broken, "broken"),
    };
    wire::Turn { say: say.collect(), next, patience: None }
}
