//! Sockets from systemd: told apart by their addresses, whatever their order; others are refused. They outlive the
//! daemon, so that a login that comes while it restarts waits and is answered.

use crate::support::{Daemon, Place, SOON, as_root, me};
use crate::wire::{Wire, outcome};
use rustix::process::Signal;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, Stdio};

/// The daemon as systemd starts it: sockets from descriptor 3 on, its own number in the environment.
fn activated(place: &Place, sockets: [Option<OwnedFd>; 2]) -> Command {
    let own = place.command_without_sockets();
    let mut command = Command::new("sh");
    let count = sockets.iter().flatten().count();
    let script = format!(
        "exec 3<&0 4<&1 0</dev/null 1>/dev/null; {} LISTEN_FDS={count} LISTEN_PID=$$; export LISTEN_FDS LISTEN_PID; \
         exec \"$0\" \"$@\"",
        if count < 2 { "exec 4<&-;" } else { "" }
    );
    command.args(["-c", &script]).arg(own.get_program()).args(own.get_args());
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let [first, second] = sockets.map(|socket| socket.map_or_else(Stdio::null, Stdio::from));
    command.stdin(first).stdout(second);
    command
}

fn listener(place: &Place, name: &str) -> UnixListener {
    let _ = std::fs::remove_file(place.path(name));
    UnixListener::bind(place.path(name)).unwrap()
}

fn both(place: &Place) -> [UnixListener; 2] {
    [listener(place, "run/mfa.sock"), listener(place, "run/root.sock")]
}

fn works(daemon: &Daemon<'_>) {
    for root in [true, false] {
        if root && !as_root() {
            continue;
        }
        let mut wire = Wire::new(UnixStream::connect(daemon.socket(root)).unwrap());
        assert_eq!(outcome(&wire.begin(&me())), "ask");
    }
}

#[test]
fn both_sockets_are_taken_in_whatever_order_they_come() {
    for swapped in [false, true] {
        let place = Place::new();
        let mut sockets = both(&place).map(|socket| Some(OwnedFd::from(socket)));
        if swapped {
            sockets.reverse();
        }
        works(&place.start_by(activated(&place, sockets)));
    }
}

#[test]
fn a_login_that_comes_while_the_daemon_restarts_is_answered_by_the_next_one() {
    let place = Place::new();
    let sockets = both(&place);
    let handed = || sockets.each_ref().map(|socket| Some(OwnedFd::from(socket.try_clone().unwrap())));
    let mut phone = {
        let mut daemon = place.start_by(activated(&place, handed()));
        let (phone, _) = daemon.connect().enroll(&me(), &place);
        daemon.signal(Signal::TERM);
        assert!(daemon.wait(SOON).success());
        phone
    };
    let socket = place.path(if as_root() { "run/root.sock" } else { "run/mfa.sock" });
    let mut waiting = Wire::new(UnixStream::connect(socket).unwrap());
    let code = phone.code(&place);
    let begin = serde_json::json!({ "method": "io.mfa.Login.Begin", "parameters": crate::wire::beginning(&me()) });
    assert!(waiting.say(&begin.to_string()));
    let _daemon = place.start_by(activated(&place, handed()));
    assert_eq!(outcome(&waiting.receive().unwrap()["parameters"]), "ask");
    assert_eq!(outcome(&waiting.answer(&code)), "pass");
}

#[test]
fn other_sockets_than_the_two_are_refused_with_what_to_look_at() {
    let place = Place::new();
    let elsewhere = || Some(OwnedFd::from(listener(&place, "run/other.sock")));
    let everybody = || Some(OwnedFd::from(listener(&place, "run/mfa.sock")));
    let root = || Some(OwnedFd::from(listener(&place, "run/root.sock")));
    let network = || Some(OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap()));
    let datagrams = || {
        let _ = std::fs::remove_file(place.path("run/root.sock"));
        Some(OwnedFd::from(UnixDatagram::bind(place.path("run/root.sock")).unwrap()))
    };
    let connected = || Some(OwnedFd::from(UnixStream::pair().unwrap().0));
    let file = || Some(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()));
    let wrong: [(&str, [Option<OwnedFd>; 2]); 9] = [
        ("only everybody's", [everybody(), None]),
        ("only root's", [root(), None]),
        ("twice everybody's", [everybody(), everybody()]),
        ("another one", [everybody(), elsewhere()]),
        ("a network socket", [everybody(), network()]),
        ("datagrams", [everybody(), datagrams()]),
        ("a connection", [everybody(), connected()]),
        ("a file", [root(), file()]),
        ("none", [None, None]),
    ];
    for (how, sockets) in wrong {
        let mut command = activated(&place, sockets);
        let ended = command.stderr(Stdio::piped()).output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{how}");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains("socket"), "{how}: {said}");
    }
}
