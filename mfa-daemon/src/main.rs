//! The daemon that decides about second factors: it keeps the secrets, the policy and the record of what happened.
//!
//! It runs as a user of its own, without network, devices or capabilities, and is talked to over two sockets. What
//! cannot be had at the start (a valid policy, the store, its key) makes it answer that it cannot decide, so that no
//! login passes and whoever asks is told; it does not make it end.
#![forbid(unsafe_code)]

mod accounts;
mod admin;
mod arguments;
mod arrival;
mod audit;
mod break_glass;
mod clock;
mod config;
mod conversation;
mod daemon;
mod desk;
mod due;
mod enrollment;
mod given;
mod history;
mod import;
mod journal;
mod keep;
mod keys;
mod license;
mod listen;
mod login;
mod mail;
mod master_key;
mod meters;
mod metrics;
mod own_keys;
mod own_mail;
mod pace;
mod policy;
mod reach;
mod rotation;
mod scene;
mod setting;
mod staff;
mod store;
mod trust;
mod upkeep;

use accounts::Logind;
use arguments::Arguments;
use clap::Parser;
use daemon::{Daemon, Ways};
use journal::Level;
use listen::Sockets;
use sd_notify::NotifyState;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;
use store::Source;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::LocalSet;

/// How long the end waits for threads that are not done.
const LAST_LOOKS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // No core is written, not even to a program that ignores the unit's limit, and no other process of this user looks
    // inside, where the master key is.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let arguments = Arguments::parse();
    if arguments.check {
        return check(&arguments);
    }
    // One thread: a login is two messages and one write, and two cores do more of them when nothing is handed around.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(64).build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = LocalSet::new().block_on(&runtime, serve(&arguments));
            // Who still looks at the store ends, and closes it. A lookup that hangs in the name service has a thread that
            // never ends; it is left behind.
            runtime.shutdown_timeout(LAST_LOOKS);
            ended
        }
        Err(error) => Err(format!("the runtime cannot be started: {error}")),
    };
    if let Err(sentence) = &ended {
        journal::operation(Level::Alert, sentence);
    }
    journal::finish();
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `--check`: whether the configuration could be put in force.
fn check(arguments: &Arguments) -> ExitCode {
    match config::load(&arguments.config) {
        Ok(config) => {
            for warning in &config.warnings {
                journal::operation(Level::Warning, &warning.to_string());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            journal::operation(Level::Error, &error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: &Arguments) -> Result<(), String> {
    journal::start().map_err(|error| format!("the log cannot be written: {error}"))?;
    let sockets = Sockets::open(arguments.listen.as_deref()).map_err(|error| error.to_string())?;
    let (mut hang_up, mut terminate) = (handler(SignalKind::hangup())?, handler(SignalKind::terminate())?);
    let mut interrupt = handler(SignalKind::interrupt())?;
    let descriptors = raise_descriptors();
    let source = Source::new(arguments.state.clone(), arguments.master_key.clone());
    let ways = Ways {
        mail: mail::Line(arguments.mail.clone()),
        keys: keys::Line(arguments.key.clone()),
        logind: Logind::new(&arguments.logind),
    };
    let daemon = Rc::new(Daemon::new(arguments.config.clone(), source, ways));
    for problem in daemon.problems() {
        journal::operation(Level::Alert, &problem);
    }
    let (stop, stopped) = watch::channel(false);
    let mut serving = tokio::task::spawn_local(listen::run(Rc::clone(&daemon), sockets, stopped, descriptors));
    let to_the_end = |error| format!("the sockets were not served to the end: {error}");
    tell_systemd(&[NotifyState::Ready]);
    let upkeep = tokio::task::spawn_local(upkeep::run(Rc::clone(&daemon)));
    let rotation = tokio::task::spawn_local(rotation::run(Rc::clone(&daemon)));
    let post = tokio::task::spawn_local(mail::run(Rc::clone(&daemon)));
    loop {
        tokio::select! {
            _ = hang_up.recv() => tokio::select! {
                () = upkeep::hung_up(&daemon) => {}
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            },
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            // It never ends before it is told to, but by an error of this program; then systemd starts it anew.
            ended = &mut serving => return ended.map_err(to_the_end),
        }
    }
    tell_systemd(&[NotifyState::Stopping]);
    let _ = stop.send(true);
    upkeep.abort();
    rotation.abort();
    post.abort();
    let served = serving.await.map_err(to_the_end);
    upkeep::stopped(&daemon).await;
    served
}

/// As many descriptors as this process may have: every connection is one. How many that is.
fn raise_descriptors() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Under systemd the unit's limit holds already, and this is refused.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn handler(kind: SignalKind) -> Result<Signal, String> {
    signal(kind).map_err(|error| format!("signals cannot be taken: {error}"))
}

/// Tells systemd, if it started this; it is nothing to fail over.
fn tell_systemd(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}
