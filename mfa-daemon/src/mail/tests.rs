//! Delivery with a store of its own and somebody in the place of `mfa-mail` who does what the test says.

use super::*;
use crate::audit::Context;
use crate::daemon::Ways;
use crate::store::{Snapshot, Source};
use mfa_core::Secret;
use mfa_core::account::{Commit, Identity, NewPending, Record, Seen, Ticket, What, Write};
use mfa_core::factor::totp::Parameters;
use mfa_core::letter::Letter;
use mfa_proto::frame::{Call, Decoder, encode_reply};
use mfa_proto::mail::{self as wire, SEND};
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

const SETTINGS: &str =
    "[mail]\nserver = \"localhost\"\ntls = \"plain\"\nfrom = \"mfa@acme.example\"\naddress = \"{user}@acme.example\"\n";

/// A daemon, and the place where it looks for `mfa-mail`.
struct House {
    daemon: Rc<Daemon>,
    mfa_mail: std::os::unix::net::UnixListener,
    _folder: TempDir,
}

/// A daemon in a folder of its own.
fn house(settings: &str) -> House {
    let folder = tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    std::fs::write(place("policy.toml"), "[defaults]\nrequire = \"if-enrolled\"\n").unwrap();
    std::fs::write(place("mfa.toml"), settings).unwrap();
    std::fs::create_dir(place("state")).unwrap();
    std::fs::set_permissions(place("state"), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(place("key"), [7; 32]).unwrap();
    std::fs::set_permissions(place("key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let source = Source::new(place("state"), Some(place("key")));
    let daemon = Daemon::new(folder.path().to_owned(), source, Ways::below(folder.path()));
    daemon.store().unwrap();
    let mfa_mail = std::os::unix::net::UnixListener::bind(place("mail.sock")).unwrap();
    mfa_mail.set_nonblocking(true).unwrap();
    House { daemon: Rc::new(daemon), mfa_mail, _folder: folder }
}

impl House {
    /// Puts letters about alice into the outbox.
    async fn post(&self, letters: Vec<Letter>) {
        let store = self.daemon.store().unwrap();
        let identity = Identity { uid: 1000, name: "alice".into() };
        let Snapshot::Account(account) = store.snapshot(&identity).unwrap() else { panic!("no account") };
        let seen = account.version.map_or(Seen::Absent, Seen::At);
        let pending = NewPending {
            name: "phone".into(),
            secret: Secret::new(vec![7; 20]),
            parameters: Parameters::default(),
            until: clock::now().plus(600),
        };
        let (writes, record) = (vec![Write::Begin(pending)], Record::of(What::Begun));
        let commit = Commit { ticket: Ticket(1), identity, seen, writes, record, letters, at: clock::now() };
        store.commit(commit, Context::of_daemon()).await.unwrap();
    }

    /// The next letter that is to be sent, and the line on which that is answered.
    async fn next(&self) -> (wire::Letter, UnixStream) {
        let mfa_mail = UnixListener::from_std(self.mfa_mail.try_clone().unwrap()).unwrap();
        let (mut stream, _) = mfa_mail.accept().await.unwrap();
        let (mut inbox, mut piece) = (Decoder::default(), [0u8; 4096]);
        let frame = loop {
            if let Some(frame) = inbox.next_frame() {
                break frame;
            }
            let read = stream.read(&mut piece).await.unwrap();
            assert_ne!(read, 0);
            inbox.push(&piece[..read]).unwrap();
        };
        let call = Call::parse(&frame).unwrap();
        assert_eq!(call.method, SEND);
        (call.parameters().unwrap(), stream)
    }

    async fn is_empty(&self) {
        while self.daemon.store().unwrap().outbox().await.unwrap().waiting > 0 {
            tokio::task::yield_now().await;
        }
    }
}

async fn say(mut stream: UnixStream, outcome: Outcome) {
    let answer = Answer { outcome, detail: "so it is".into() };
    stream.write_all(&encode_reply(&answer).unwrap()).await.unwrap();
}

fn notice() -> Letter {
    Letter::to_owner(Topic::Reset).saying("factor", "everything")
}

fn code() -> Letter {
    let now = clock::now();
    let to = "me@home.example".parse().unwrap();
    Letter::with_code(to, Secret::new(b"49281730".to_vec()), (now, now.plus(600)))
}

/// Runs a test beside the delivery, which ends with it.
fn beside_the_delivery<F: Future<Output = ()>>(house: &House, test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let delivery = run(Rc::clone(&house.daemon));
    tokio::task::LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            () = delivery => panic!("it never ends"),
            done = tokio::time::timeout(Duration::from_secs(60), test) => done.unwrap(),
        }
    });
}

#[test]
fn a_notice_goes_to_its_owner_and_is_gone_when_it_is_taken() {
    let house = house(SETTINGS);
    beside_the_delivery(&house, async {
        house.post(vec![notice()]).await;
        let (letter, line) = house.next().await;
        assert_eq!(letter.to, "alice@acme.example");
        assert!(letter.message_id.ends_with("@acme.example"));
        assert_eq!(house.daemon.store().unwrap().outbox().await.unwrap().waiting, 1);
        say(line, Outcome::Taken).await;
        house.is_empty().await;
        assert_eq!(house.daemon.store().unwrap().outbox().await.unwrap().sent, 1);
    });
}

#[test]
fn a_code_passes_notices_of_which_the_server_is_slow_to_speak() {
    let house = house(SETTINGS);
    beside_the_delivery(&house, async {
        house.post((0..6).map(|_| notice()).collect()).await;
        let (_first, _second) = (house.next().await, house.next().await);
        house.post(vec![code()]).await;
        let (letter, line) = house.next().await;
        assert_eq!(letter.to, "me@home.example");
        assert!(String::from_utf8_lossy(letter.body.expose().as_bytes()).contains("4928"));
        say(line, Outcome::Taken).await;
    });
}

#[test]
fn a_code_of_which_nobody_knows_whether_it_was_taken_is_never_sent_again() {
    let house = house(SETTINGS);
    beside_the_delivery(&house, async {
        house.post(vec![code()]).await;
        let (_, line) = house.next().await;
        drop(line); // mfa-mail died with it
        house.is_empty().await;
        assert_eq!(house.daemon.store().unwrap().outbox().await.unwrap().failed, 1);
    });
}

#[test]
fn a_code_that_surely_was_not_taken_is_tried_again_soon() {
    let house = house(SETTINGS);
    beside_the_delivery(&house, async {
        house.post(vec![code()]).await;
        let (first, line) = house.next().await;
        say(line, Outcome::Later).await;
        let (second, line) = house.next().await;
        assert_eq!(second.message_id, first.message_id);
        say(line, Outcome::Taken).await;
        house.is_empty().await;
    });
}

#[test]
fn a_notice_under_way_when_the_daemon_dies_comes_again_with_its_message_id() {
    let house = house(SETTINGS);
    let mut before = String::new();
    beside_the_delivery(&house, async {
        house.post(vec![notice()]).await;
        before = house.next().await.0.message_id;
    });
    // As after a restart: nothing is left of the delivery but what is in the store.
    beside_the_delivery(&house, async {
        let (letter, line) = house.next().await;
        assert_eq!(letter.message_id, before);
        say(line, Outcome::Taken).await;
        house.is_empty().await;
    });
}

#[test]
fn what_a_server_refuses_is_given_up_and_whoever_has_no_address_is_not_written_to() {
    let house = house(SETTINGS);
    beside_the_delivery(&house, async {
        house.post(vec![notice()]).await;
        say(house.next().await.1, Outcome::Refused).await;
        house.is_empty().await;
        assert_eq!(house.daemon.store().unwrap().outbox().await.unwrap().failed, 1);
    });
    let no_address = self::house("[mail]\nserver = \"localhost\"\ntls = \"plain\"\nfrom = \"mfa@acme.example\"\n");
    beside_the_delivery(&no_address, async {
        no_address.post(vec![notice()]).await;
        no_address.is_empty().await;
        assert_eq!(no_address.daemon.store().unwrap().outbox().await.unwrap().sent, 0);
    });
}
