//! A store that cannot be written: no room, no right, no file system. Nothing is decided, and nothing is lost.

use crate::store::{enrolled, nothing_is_decided, place};
use crate::support::{Daemon, Place, as_root, left_out, me};
use crate::wire::{Phone, outcome};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;
use std::fs;
use std::process::Command;

/// Whatever the reason, a write that fails refuses, and once writes succeed again all is as before.
fn writes_fail_and_succeed_again(
    place: &Place,
    daemon: &mut Daemon<'_>,
    phone: &mut Phone,
    fail: &mut dyn FnMut(bool),
) {
    let code = phone.code(place);
    let mut begun = daemon.connect();
    begun.begin(&me());
    fail(true);
    assert_eq!(outcome(&begun.answer(&code)), "broken", "a right code that cannot be recorded");
    assert_eq!(daemon.connect().login(&me(), "000000"), "broken", "a wrong code that cannot be counted");
    if as_root() {
        assert_eq!(daemon.connect().login("ghost1", ""), "broken", "a login without a factor that cannot be recorded");
        assert_eq!(daemon.connect().refused("io.mfa.Enrollment.AddTotp", json!({ "user": "ghost1" })), "broken");
    }
    assert!(daemon.is_alive());
    fail(false);
    assert_eq!(daemon.connect().login(&me(), &code), "pass", "the code is still good");
    assert_eq!(daemon.connect().login(&me(), &code), "ask", "once");
    assert_eq!(daemon.connect().status(&me())["factors"].as_array().unwrap().len(), 1);
    if as_root() {
        assert_eq!(daemon.connect().login("ghost1", ""), "skipped");
    }
}

#[test]
fn when_nothing_can_be_written_any_more_nobody_is_let_in_and_nothing_is_lost() {
    let (place, mut phone) = enrolled();
    // A limit on the length of files, whose signal is ignored, makes every write fail.
    let own = place.command();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(own.get_program()).args(own.get_args());
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut daemon = place.start_by(command);
    let process = Pid::from_child(&daemon.child);
    let unlimited = rustix::process::getrlimit(Resource::Fsize);
    let mut fail = |fails: bool| {
        let limit = if fails { Rlimit { current: Some(1), ..unlimited } } else { unlimited };
        prlimit(Some(process), Resource::Fsize, limit).unwrap();
    };
    writes_fail_and_succeed_again(&place, &mut daemon, &mut phone, &mut fail);
}

/// A file system of one mebibyte at the place of the store; gone with the value.
struct SmallDisk<'a>(&'a Place);

impl<'a> SmallDisk<'a> {
    fn mount(place: &'a Place) -> Self {
        use rustix::mount::{MountFlags, mount};
        mount("small", place.path("state"), "tmpfs", MountFlags::empty(), Some(c"size=1m,mode=0700")).unwrap();
        Self(place)
    }

    fn read_only(&self, read_only: bool) {
        use rustix::mount::{MountFlags, mount_remount};
        let flags = if read_only { MountFlags::RDONLY } else { MountFlags::empty() };
        mount_remount(self.0.path("state"), flags, "size=1m,mode=0700").unwrap();
    }

    /// Leaves not a byte of room, or gives it back.
    fn fill(&self, full: bool) {
        use std::io::Write;
        let path = self.0.path("state/ballast");
        if full {
            let mut ballast = fs::File::create(path).unwrap();
            while ballast.write_all(&[0; 512]).is_ok() {}
        } else {
            fs::remove_file(path).unwrap();
        }
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(self.0.path("state"), rustix::mount::UnmountFlags::DETACH);
    }
}

#[test]
fn on_a_full_disk_nobody_is_let_in_and_nothing_is_lost() {
    if !as_root() {
        return left_out("a full disk");
    }
    let place = place();
    let disk = SmallDisk::mount(&place);
    let mut daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll(&me(), &place);
    writes_fail_and_succeed_again(&place, &mut daemon, &mut phone, &mut |full| disk.fill(full));
    // A daemon that starts on a full disk, too. Its log may still have room from before: then it can record, and may
    // let in; either way it is recorded or it did not happen.
    disk.fill(true);
    drop(daemon);
    let daemon = place.start();
    let let_in = daemon.connect().login(&me(), &phone.code(&place)) == "pass";
    drop(daemon);
    disk.fill(false);
    let daemon = place.start();
    assert_eq!(daemon.connect().login(&me(), &phone.last_code()) == "pass", !let_in);
    drop(daemon);
}

#[test]
fn on_a_read_only_file_system_nobody_is_let_in_and_nothing_is_lost() {
    if !as_root() {
        return left_out("a read-only file system");
    }
    let place = place();
    let disk = SmallDisk::mount(&place);
    let mut daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll(&me(), &place);
    drop(daemon);
    disk.read_only(true);
    let mut read_only = place.start();
    nothing_is_decided(&mut read_only, &phone, "read-only from the start");
    drop(read_only);
    disk.read_only(false);
    daemon = place.start();
    assert_eq!(daemon.connect().login(&me(), &phone.code(&place)), "pass");
    drop(daemon);
}
