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

#[test]
fn a_key_that_another_program_holds_is_waited_for_and_is_busy_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("turn");
    let other = File::create(&path).unwrap();
    flock(&other, FlockOperation::LockExclusive).unwrap();
    let wire = || {
        let (io, _) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        Wire { io, turn: Some(File::open(&path).unwrap()), numbered: false }
    };
    let (caller, _open) = UnixStream::pair().unwrap();
    let caller: Arc<OwnedFd> = Arc::new(caller.into());
    let watch = |time| Watch::new(Within { until: Instant::now() + time, caller: caller.clone() });
    assert_eq!(Line::take(wire(), &watch(SHORT)).err(), Some(Failure::Busy));
    let waiting = thread::spawn({
        let (wire, watch) = (wire(), watch(LONG));
        move || Line::take(wire, &watch).is_ok()
    });
    drop(other);
    assert!(waiting.join().unwrap());
}
