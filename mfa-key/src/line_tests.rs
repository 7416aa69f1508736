//! A line whose other end is in our hands.

use super::*;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use std::os::unix::net::UnixStream;
use std::thread;

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(20);

/// A line that may be used that long, the key's end of it, the caller's end of the connection.
fn line(time: Duration) -> (Line, OwnedFd, UnixStream, Watch) {
    let (ours, keys) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)
            .unwrap();
    let (caller, other) = UnixStream::pair().unwrap();
    let watch = Watch::new(Within { until: Instant::now() + time, caller: Arc::new(caller.into()) });
    let line = Line::take(Wire { io: ours, turn: None, numbered: false }, &watch).unwrap();
    (line, keys, other, watch)
}

/// A report of that channel; what follows is its command, two bytes of length, and data.
fn report(channel: [u8; 4], rest: &[u8]) -> [u8; REPORT] {
    let mut report = [0; REPORT];
    report[..4].copy_from_slice(&channel);
    report[4..4 + rest.len()].copy_from_slice(rest);
    report
}

fn numbered(report: &[u8]) -> Vec<u8> {
    [&[0], report].concat()
}

fn send(keys: &OwnedFd, report: &[u8]) {
    assert_eq!(rustix::io::write(keys, report).unwrap(), report.len());
}

#[test]
fn a_report_goes_out_without_its_number_unless_the_port_wants_it() {
    let (mut line, keys, _caller, _) = line(LONG);
    let hello = report([1, 2, 3, 4], &[0x83, 0, 1, 9]);
    assert_eq!(line.write(&numbered(&hello)), Some(REPORT + 1));
    let mut heard = [0; 128];
    assert_eq!(rustix::io::read(&keys, &mut heard).unwrap(), REPORT);
    assert_eq!(heard[..REPORT], hello);
    line.wire.numbered = true;
    line.write(&numbered(&hello));
    assert_eq!(rustix::io::read(&keys, &mut heard).unwrap(), REPORT + 1);
}

#[test]
fn what_belongs_to_another_channel_is_passed_over() {
    let (mut line, keys, _caller, _) = line(LONG);
    line.write(&numbered(&report([1, 1, 1, 1], &[0x90, 0, 1, 4])));
    let answer = report([1, 1, 1, 1], &[0x90, 0, 1, 0]);
    send(&keys, &report([2, 2, 2, 2], &[0x90, 0, 1, 0x27]));
    send(&keys, &answer);
    let mut read = [0; REPORT];
    assert_eq!(line.read(&mut read), Some(REPORT));
    assert_eq!(read, answer);
}

#[test]
fn the_answer_to_somebody_elses_init_is_passed_over() {
    let (mut line, keys, _caller, _) = line(LONG);
    line.write(&numbered(&report([0xff; 4], &[INIT, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])));
    let ours = report([0xff; 4], &[INIT, 0, 17, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 7]);
    send(&keys, &report([0xff; 4], &[INIT, 0, 17, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 6]));
    send(&keys, &ours);
    let mut read = [0; REPORT];
    assert_eq!(line.read(&mut read), Some(REPORT));
    assert_eq!(read, ours);
}

#[test]
fn a_silent_key_is_waited_for_until_the_time_is_up_and_can_still_be_told_to_stop() {
    let (mut line, _keys, _caller, watch) = line(SHORT);
    assert_eq!(line.read(&mut [0; REPORT]), None);
    assert_eq!(watch.trouble(), Some(Trouble::Late));
    assert!(line.write(&numbered(&report([1; 4], &[0x91]))).is_some());
}

#[test]
fn a_flood_for_others_ends_when_the_time_is_up() {
    let (mut line, keys, _caller, watch) = line(SHORT);
    let flood = thread::spawn(move || {
        // Until nobody listens any more.
        while rustix::io::write(&keys, &report([9; 4], &[0x90])) != Err(Errno::PIPE) {}
    });
    assert_eq!(line.read(&mut [0; REPORT]), None);
    assert_eq!(watch.trouble(), Some(Trouble::Late));
    drop(line);
    flood.join().unwrap();
}

#[test]
fn a_caller_that_hangs_up_ends_the_wait() {
    let (mut line, _keys, caller, watch) = line(LONG);
    let began = Instant::now();
    drop(caller);
    assert_eq!(line.read(&mut [0; REPORT]), None);
    assert_eq!(watch.trouble(), Some(Trouble::HungUp));
    assert!(began.elapsed() < LONG);
}

#[test]
fn a_key_that_is_pulled_out_is_gone_and_half_a_report_is_none() {
    let (mut pulled, keys, _caller, watch) = line(LONG);
    drop(keys);
    assert_eq!(pulled.read(&mut [0; REPORT]), None);
    assert_eq!(pulled.write(&numbered(&report([1; 4], &[0x91]))), None);
    assert_eq!(watch.trouble(), Some(Trouble::Gone));

    let (mut torn, keys, _caller, watch) = line(LONG);
    send(&keys, &[0xff; 63]);
    assert_eq!(torn.read(&mut [0; REPORT]), None);
    assert_eq!(watch.trouble(), None);
}

/// A key that another program has locked, and the caller's end of the connection.
struct Held {
    other: File,
    key: OwnedFd,
    ours: OwnedFd,
    turn: File,
    caller: Arc<OwnedFd>,
    callers_end: Option<UnixStream>,
    _folder: tempfile::TempDir,
}

impl Held {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("turn");
        let other = File::create(&path).unwrap();
        flock(&other, FlockOperation::LockExclusive).unwrap();
        let kind = SocketType::SEQPACKET;
        let (ours, key) =
            socketpair(AddressFamily::UNIX, kind, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None).unwrap();
        let (caller, open) = UnixStream::pair().unwrap();
        let (turn, caller) = (File::open(&path).unwrap(), Arc::new(caller.into()));
        Self { other, key, ours, turn, caller, callers_end: Some(open), _folder: folder }
    }

    fn take(&self, time: Duration) -> Result<Line, Failure> {
        let within = Within { until: Instant::now() + time, caller: Arc::clone(&self.caller) };
        let (io, turn) = (self.ours.try_clone().unwrap(), self.turn.try_clone().unwrap());
        Line::take(Wire { io, turn: Some(turn), numbered: false }, &Watch::new(within))
    }
}

#[test]
fn a_key_that_works_for_another_program_is_waited_for_and_is_busy_in_the_end() {
    let held = Held::new();
    assert_eq!(held.take(SHORT).err(), Some(Failure::Busy), "not even a second");
    let keepalive = report([9; 4], &[0xbb, 0, 1, 2]);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| held.take(QUIET * 2).err());
        while !waiting.is_finished() {
            send(&held.key, &keepalive);
            let mut said = [PollFd::new(&held.key, PollFlags::IN)];
            assert_eq!(poll(&mut said, Timespec::try_from(NEXT_TURN).ok().as_ref()), Ok(0), "it is not spoken to");
        }
        assert_eq!(waiting.join().unwrap(), Some(Failure::Busy));
    });
    thread::scope(|scope| {
        // From before the wait begins: passing by a lock that is kept would take all of QUIET.
        let began = Instant::now();
        let waiting = scope.spawn(|| held.take(LONG).is_ok());
        flock(&held.other, FlockOperation::Unlock).unwrap();
        assert!(waiting.join().unwrap());
        assert!(began.elapsed() < QUIET, "{:?}", began.elapsed());
    });
}

#[test]
fn a_lock_with_nobody_at_the_key_is_waited_for_a_second_and_then_passed_by() {
    let held = Held::new();
    let began = Instant::now();
    assert!(held.take(LONG).is_ok());
    assert!((QUIET..LONG).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[test]
fn a_caller_that_hangs_up_and_a_key_that_is_pulled_out_end_the_wait_for_a_turn() {
    let mut held = Held::new();
    drop(held.callers_end.take());
    let hung_up = Failure::Failed { detail: "the caller hung up".into() };
    assert_eq!(held.take(LONG).err(), Some(hung_up));
    let mut held = Held::new();
    held.key = UnixStream::pair().unwrap().0.into();
    assert_eq!(held.take(LONG).err(), Some(Failure::Unplugged));
}
