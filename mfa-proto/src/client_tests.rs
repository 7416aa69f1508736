//! The blocking client, against listeners that are slow, wrong, or somebody else's.

use super::*;
use crate::frame::{encode_error, encode_reply};
use crate::service::RefusalCode;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::thread;

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(300)
}

fn serve(answer: impl FnOnce(UnixStream) + Send + 'static) -> (tempfile::TempDir, Client) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mfa.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || answer(listener.accept().unwrap().0));
    let client = Client::connect(&path, Instant::now() + Duration::from_secs(5)).unwrap();
    (dir, client)
}

fn read_request(stream: &mut UnixStream) {
    let mut byte = [1u8];
    while byte != [0] {
        stream.read_exact(&mut byte).unwrap();
    }
}

#[test]
fn a_missing_socket_is_nothing_listens() {
    let dir = tempfile::tempdir().unwrap();
    let error = Client::connect(&dir.path().join("none.sock"), soon()).err();
    assert!(matches!(error, Some(ConnectError::NothingListens)), "{error:?}");
}

#[test]
fn a_socket_nobody_holds_any_more_is_nothing_listens() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mfa.sock");
    drop(UnixListener::bind(&path).unwrap());
    let error = Client::connect(&path, soon()).err();
    assert!(matches!(error, Some(ConnectError::NothingListens)), "{error:?}");
}

#[test]
fn a_plain_file_in_place_of_the_socket_is_nothing_listens_and_a_loop_of_links_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("loop");
    std::os::unix::fs::symlink(&path, &path).unwrap();
    assert!(matches!(Client::connect(&path, soon()).err(), Some(ConnectError::Io(_))));
}

#[test]
fn a_full_backlog_ends_at_the_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mfa.sock");
    let listener = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let mut held = Vec::new();
    let error = loop {
        match Client::connect(&path, soon()) {
            Ok(client) => held.push(client),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ConnectError::TimedOut), "{error:?}");
}

#[test]
fn an_answer_comes_back_typed() {
    let (_dir, mut client) = serve(|mut stream| {
        read_request(&mut stream);
        stream.write_all(&encode_reply(&7).unwrap()).unwrap();
    });
    assert_eq!(client.call::<_, i32>("a.b.C", &()).unwrap(), 7);
}

#[test]
fn a_refusal_carries_its_sentence() {
    let refusal = Refusal { code: RefusalCode::Busy, message: "Too many dialogs. Try again in a minute.".into() };
    let sent = refusal.clone();
    let (_dir, mut client) = serve(move |mut stream| {
        read_request(&mut stream);
        stream.write_all(&encode_error(service::REFUSED, &sent).unwrap()).unwrap();
    });
    match client.call::<_, i32>("a.b.C", &()) {
        Err(CallError::Refused(got)) => assert_eq!(got, refusal),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_peer_that_sends_a_byte_at_a_time_does_not_stretch_the_deadline() {
    let (_dir, mut client) = serve(|mut stream| {
        while stream.write_all(b" ").is_ok() {
            thread::yield_now();
            if stream.peer_addr().is_err() {
                break;
            }
        }
    });
    client.set_deadline(soon());
    let error = client.call::<_, i32>("a.b.C", &()).unwrap_err();
    assert!(matches!(error, CallError::TimedOut | CallError::Frame(FrameError::TooBig)), "{error:?}");
}

#[test]
fn silence_ends_at_the_deadline_and_a_hang_up_at_once() {
    let (_dir, mut client) = serve(|stream| {
        let mut until_closed = stream;
        let _ = io::copy(&mut until_closed, &mut io::sink());
    });
    client.set_deadline(soon());
    assert!(matches!(client.call::<_, i32>("a.b.C", &()), Err(CallError::TimedOut)));
    let (_dir, mut client) = serve(drop);
    assert!(matches!(client.call::<_, i32>("a.b.C", &()), Err(CallError::HungUp)));
}

#[test]
fn an_answer_with_more_behind_it_is_no_answer() {
    let (_dir, mut client) = serve(|mut stream| {
        read_request(&mut stream);
        let mut two = encode_reply(&1).unwrap().to_vec();
        two.extend_from_slice(&encode_reply(&2).unwrap());
        stream.write_all(&two).unwrap();
        let _ = stream.read(&mut [0]);
    });
    assert!(matches!(client.call::<_, i32>("a.b.C", &()), Err(CallError::Frame(_))));
}
