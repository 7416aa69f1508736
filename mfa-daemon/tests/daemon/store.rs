//! The store as it must not be: gone, damaged, full, somebody else's, of another time. Each is said, and refuses: an
//! account whose factors cannot be read is never one that has none.

use crate::support::{Daemon, NOBODY, Place, SOON, as_root, left_out, me};
use crate::wire::{Phone, outcome};
use rustix::process::Signal;
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::process::Command;

const DATABASE: &str = "state/mfa.db";

/// Whoever is enrolled is asked, and nobody else: a store that is read wrong would let in.
pub(crate) fn place() -> Place {
    let place = Place::new();
    place.policy("[defaults]\nrequire = \"if-enrolled\"\n");
    place
}

/// A place where whoever runs the tests is enrolled, with no daemon running.
pub(crate) fn enrolled() -> (Place, Phone) {
    let place = place();
    let phone = {
        let mut daemon = place.start();
        let (phone, _) = daemon.connect().enroll(&me(), &place);
        daemon.signal(Signal::TERM);
        assert!(daemon.wait(SOON).success());
        phone
    };
    (place, phone)
}

/// Nobody gets in, nothing is said to be absent, nothing can be changed, and it is said why.
pub(crate) fn nothing_is_decided(daemon: &mut Daemon<'_>, phone: &Phone, how: &str) {
    for _ in 0..3 {
        let mut wire = daemon.connect();
        let turn = wire.begin(&me());
        let end = if outcome(&turn) == "ask" { wire.answer(&phone.last_code()) } else { turn };
        assert_eq!(outcome(&end), "broken", "{how}");
    }
    let mut wire = daemon.connect();
    for method in ["Status", "AddTotp", "NewBackupCodes"] {
        assert_eq!(wire.refused(&format!("io.mfa.Enrollment.{method}"), json!({})), "broken", "{how}: {method}");
    }
    if as_root() {
        let status = daemon.connect().ask("io.mfa.Admin.Status", json!({}));
        assert_eq!(status["healthy"], false, "{how}");
        assert!(!status["problems"].as_array().unwrap().is_empty(), "{how}");
    }
    assert!(daemon.is_alive(), "{how}");
}

fn still_enrolled(place: &Place, phone: &mut Phone, how: &str) {
    let daemon = place.start();
    assert_eq!(daemon.connect().status(&me())["factors"].as_array().unwrap().len(), 1, "{how}");
    assert_eq!(daemon.connect().login(&me(), &phone.last_code()), "ask", "{how}: a used code is not forgotten");
    assert_eq!(daemon.connect().login(&me(), &phone.code(place)), "pass", "{how}");
}

fn mode(place: &Place, name: &str, mode: u32) {
    fs::set_permissions(place.path(name), Permissions::from_mode(mode)).unwrap();
}

fn overwrite(place: &Place, at: u64, bytes: &[u8]) {
    let file = fs::OpenOptions::new().write(true).open(place.path(DATABASE)).unwrap();
    file.write_all_at(bytes, at).unwrap();
}

fn truncate(place: &Place, length: u64) {
    fs::OpenOptions::new().write(true).open(place.path(DATABASE)).unwrap().set_len(length).unwrap();
}

fn pipe_at(place: &Place, name: &str) {
    let _ = fs::remove_file(place.path(name));
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(place.path(name)).status().unwrap().success());
}

type Damage = (&'static str, fn(&Place));

/// What may have happened to a store while the daemon did not run.
const DAMAGES: &[Damage] = &[
    ("the folder is gone", |place| fs::rename(place.path("state"), place.path("elsewhere")).unwrap()),
    ("the folder is open to others", |place| mode(place, "state", 0o755)),
    ("the folder is a link", |place| {
        fs::rename(place.path("state"), place.path("elsewhere")).unwrap();
        symlink("elsewhere", place.path("state")).unwrap();
    }),
    ("the folder is a file", |place| {
        fs::rename(place.path("state"), place.path("elsewhere")).unwrap();
        place.write("state", b"", 0o600);
    }),
    ("the folder is a pipe", |place| {
        fs::rename(place.path("state"), place.path("elsewhere")).unwrap();
        pipe_at(place, "state");
    }),
    ("the database is gone", |place| fs::remove_file(place.path(DATABASE)).unwrap()),
    ("the database is open to others", |place| mode(place, DATABASE, 0o640)),
    ("the database has a second name", |place| fs::hard_link(place.path(DATABASE), place.path("second")).unwrap()),
    ("the database is empty", |place| truncate(place, 0)),
    ("the database has no more than its header", |place| truncate(place, 100)),
    ("half of the database is gone", |place| {
        truncate(place, fs::metadata(place.path(DATABASE)).unwrap().len() / 2);
    }),
    ("the database is all zeros", |place| {
        let length = fs::metadata(place.path(DATABASE)).unwrap().len();
        overwrite(place, 0, &vec![0; usize::try_from(length).unwrap()]);
    }),
    ("the database is text", |place| place.write(DATABASE, b"once upon a time\n".repeat(1000).as_slice(), 0o600)),
    ("the database is a folder", |place| {
        fs::remove_file(place.path(DATABASE)).unwrap();
        fs::create_dir(place.path(DATABASE)).unwrap();
    }),
    ("the database is a link to itself, elsewhere", |place| {
        fs::rename(place.path(DATABASE), place.path("elsewhere.db")).unwrap();
        symlink("../elsewhere.db", place.path(DATABASE)).unwrap();
    }),
    ("the database is a pipe", |place| pipe_at(place, DATABASE)),
    ("the log of the database is a folder", |place| fs::create_dir(place.path("state/mfa.db-wal")).unwrap()),
    ("the database is of a later version", |place| overwrite(place, 60, &99u32.to_be_bytes())),
    ("the database is another program's", |place| overwrite(place, 68, &7u32.to_be_bytes())),
    ("the key is another one", |place| place.write("key", &[8; 32], 0o600)),
    ("the key is gone", |place| fs::remove_file(place.path("key")).unwrap()),
    ("the key is too short", |place| place.write("key", &[7; 31], 0o600)),
    ("the key can be read by others", |place| mode(place, "key", 0o644)),
    ("the key can be read by its group", |place| mode(place, "key", 0o640)),
    ("the key is a pipe", |place| pipe_at(place, "key")),
    ("the key is a link", |place| {
        fs::rename(place.path("key"), place.path("elsewhere.key")).unwrap();
        symlink("elsewhere.key", place.path("key")).unwrap();
    }),
];

/// A copy of the store and its key, to be put back.
struct Safe<'a> {
    place: &'a Place,
    files: Vec<(std::ffi::OsString, Vec<u8>)>,
}

impl<'a> Safe<'a> {
    fn of(place: &'a Place) -> Self {
        let listing = fs::read_dir(place.path("state")).unwrap().map(Result::unwrap);
        Self { place, files: listing.map(|file| (file.file_name(), fs::read(file.path()).unwrap())).collect() }
    }

    fn put_back(&self) {
        for name in ["state", "elsewhere", "second", "elsewhere.db", "key", "elsewhere.key"] {
            let path = self.place.path(name);
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        }
        fs::create_dir(self.place.path("state")).unwrap();
        mode(self.place, "state", 0o700);
        for (name, bytes) in &self.files {
            self.place.write(&format!("state/{}", name.to_str().unwrap()), bytes, 0o600);
        }
        self.place.write("key", &[7; 32], 0o600);
    }
}

#[test]
fn a_store_that_is_not_as_it_was_left_lets_nobody_in_and_what_was_enrolled_is_not_lost() {
    let (place, mut phone) = enrolled();
    let safe = Safe::of(&place);
    for (how, damage) in DAMAGES {
        damage(&place);
        let mut daemon = place.start();
        nothing_is_decided(&mut daemon, &phone, how);
        drop(daemon);
        safe.put_back();
    }
    still_enrolled(&place, &mut phone, "put back");
}

#[test]
fn a_store_of_somebody_else_is_not_used() {
    if !as_root() {
        return left_out("a store that belongs to somebody else");
    }
    for name in ["state", DATABASE, "key"] {
        let (place, mut phone) = enrolled();
        std::os::unix::fs::chown(place.path(name), Some(NOBODY), None).unwrap();
        nothing_is_decided(&mut place.start(), &phone, name);
        std::os::unix::fs::chown(place.path(name), Some(0), None).unwrap();
        still_enrolled(&place, &mut phone, name);
    }
}

#[test]
fn a_store_that_may_not_be_read_or_written_is_not_an_empty_one() {
    if !as_root() {
        return left_out("a daemon that may not read its store");
    }
    for (name, modes) in [("state", [0o000, 0o500]), (DATABASE, [0o000, 0o400]), ("key", [0o000, 0o000])] {
        for mode_of_it in modes {
            let place = place();
            let mut daemon = place.start_by(place.command_as(NOBODY));
            let (mut phone, _) = daemon.connect().enroll("root", &place);
            daemon.signal(Signal::TERM);
            assert!(daemon.wait(SOON).success());
            drop(daemon);
            let usual = if name == "state" { 0o700 } else { 0o600 };
            mode(&place, name, mode_of_it);
            let mut daemon = place.start_by(place.command_as(NOBODY));
            nothing_is_decided(&mut daemon, &phone, &format!("{name} {mode_of_it:o}"));
            drop(daemon);
            mode(&place, name, usual);
            let daemon = place.start_by(place.command_as(NOBODY));
            assert_eq!(daemon.connect().login("root", &phone.code(&place)), "pass", "{name} {mode_of_it:o}");
        }
    }
}

#[test]
fn no_byte_that_changes_makes_an_enrolled_account_one_without_factors() {
    let (place, phone) = enrolled();
    let safe = Safe::of(&place);
    let database = fs::read(place.path(DATABASE)).unwrap();
    // The header, the beginning of each page, and places all over, none of them twice.
    let pages = (0..database.len()).step_by(4096).flat_map(|page| [page, page + 3, page + 5, page + 8]);
    let spread = (1u64..30).map(|n| usize::try_from(n * 2_654_435_761 % database.len() as u64).unwrap());
    let mut broken = 0;
    for place_of_change in (16..100).step_by(9).chain(pages).chain(spread) {
        overwrite(&place, place_of_change as u64, &[database[place_of_change] ^ 0x55]);
        let mut daemon = place.start();
        let turn = daemon.connect().begin(&me());
        match outcome(&turn).as_str() {
            "broken" => broken += 1,
            "ask" => assert_ne!(daemon.connect().login(&me(), &phone.code_of(1)), "pass"),
            other => panic!("byte {place_of_change}: {other}"),
        }
        assert!(daemon.is_alive());
        drop(daemon);
        safe.put_back();
    }
    assert!(broken > 10, "{broken}");
}

#[test]
fn two_daemons_do_not_share_a_store_nor_take_each_others_sockets() {
    let (place, mut phone) = enrolled();
    let mut first = place.start();
    // The same folder for the sockets: the second does not start, and the first is not disturbed.
    let mut second = place.launch(&mut place.command(), std::process::Stdio::piped());
    assert!(!second.wait(SOON).success());
    second.errors.wait_for("cannot be bound", 1);
    // Another folder: it runs, and decides nothing.
    fs::create_dir(place.path("run2")).unwrap();
    let mut command = place.command_without_sockets();
    command.arg("--listen").arg(place.path("run2"));
    let mut second = place.start_by(command);
    second.errors.wait_for("another mfa-daemon", 1);
    let socket = place.path(if as_root() { "run2/root.sock" } else { "run2/mfa.sock" });
    let mut wire = crate::wire::Wire::new(std::os::unix::net::UnixStream::connect(socket).unwrap());
    assert_eq!(outcome(&wire.begin(&me())), "broken");
    assert_eq!(first.connect().login(&me(), &phone.code(&place)), "pass");
    assert!(first.is_alive() && second.is_alive());
}

#[test]
fn of_two_daemons_started_at_once_one_has_the_store_and_the_other_takes_over_when_it_ends() {
    for round in 0..3 {
        let place = place();
        let folders = ["run", "run2"];
        fs::create_dir(place.path("run2")).unwrap();
        let mut both = folders.map(|folder| {
            let mut command = place.command_without_sockets();
            command.arg("--listen").arg(place.path(folder));
            place.launch(&mut command, std::process::Stdio::piped())
        });
        both.iter().for_each(|daemon| daemon.errors.wait_for_any(&["policy in force"]));
        let connect = |number: usize| {
            let socket = place.path(folders[number]).join(if as_root() { "root.sock" } else { "mfa.sock" });
            crate::wire::Wire::new(std::os::unix::net::UnixStream::connect(socket).unwrap())
        };
        let refused = |daemon: &Daemon<'_>| daemon.errors.count("another mfa-daemon") > 0;
        let (first, second) = if refused(&both[0]) { (1, 0) } else { (0, 1) };
        both[second].errors.wait_for("another mfa-daemon", 1);
        assert!(!refused(&both[first]), "round {round}: neither has it");
        let (mut phone, _) = connect(first).enroll(&me(), &place);
        assert_eq!(outcome(&connect(second).begin(&me())), "broken", "round {round}");
        both[first].kill();
        both[second].signal(Signal::HUP);
        both[second].errors.wait_for("the store could be opened now", 1);
        assert_eq!(connect(second).login(&me(), &phone.last_code()), "ask", "round {round}: it was used");
        assert_eq!(connect(second).login(&me(), &phone.code(&place)), "pass", "round {round}");
    }
}

#[test]
fn a_socket_that_a_dead_daemon_left_is_taken_over() {
    let (place, mut phone) = enrolled();
    let mut first = place.start();
    first.kill();
    assert!(place.path("run/mfa.sock").exists());
    let daemon = place.start();
    assert_eq!(daemon.connect().login(&me(), &phone.code(&place)), "pass");
}

#[test]
fn a_database_that_vanishes_or_is_replaced_under_the_daemon_is_used_no_more() {
    let happenings: [Damage; 4] = [
        ("removed", |place| fs::remove_file(place.path(DATABASE)).unwrap()),
        ("the folder is gone", |place| fs::rename(place.path("state"), place.path("elsewhere")).unwrap()),
        ("replaced by a copy", |place| {
            fs::copy(place.path(DATABASE), place.path("copy")).unwrap();
            fs::rename(place.path("copy"), place.path(DATABASE)).unwrap();
        }),
        ("replaced by an empty file", |place| {
            place.write("empty", b"", 0o600);
            fs::rename(place.path("empty"), place.path(DATABASE)).unwrap();
        }),
    ];
    for (how, happen) in happenings {
        let (place, mut phone) = enrolled();
        let safe = Safe::of(&place);
        let mut daemon = place.start();
        let mut begun = daemon.connect();
        begun.begin(&me());
        happen(&place);
        assert_eq!(outcome(&begun.answer(&phone.code(&place))), "broken", "{how}: in the middle of a dialog");
        nothing_is_decided(&mut daemon, &phone, how);
        drop(daemon);
        safe.put_back();
        // The code that was refused is still good: nothing was recorded of it.
        let daemon = place.start();
        assert_eq!(daemon.connect().login(&me(), &phone.last_code()), "pass", "{how}");
    }
}

#[test]
fn a_database_that_is_overwritten_under_the_daemon_never_lets_in_without_the_code() {
    for (how, bytes) in [("zeros", [0u8; 4096]), ("noise", [0xa5; 4096])] {
        let (place, phone) = enrolled();
        let mut daemon = place.start();
        let pages = fs::metadata(place.path(DATABASE)).unwrap().len() / 4096;
        for page in 0..pages {
            overwrite(&place, page * 4096, &bytes);
        }
        let turn = daemon.connect().begin(&me());
        assert!(["ask", "broken"].contains(&outcome(&turn).as_str()), "{how}: {turn}");
        assert_ne!(daemon.connect().login(&me(), &phone.code_of(1)), "pass", "{how}");
        assert!(daemon.is_alive());
        drop(daemon);
        nothing_is_decided(&mut place.start(), &phone, how);
    }
}
