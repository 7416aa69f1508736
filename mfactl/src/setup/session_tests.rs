//! A login is what logind calls one, and as old as the process that let it in.

use super::*;
use std::fs::{create_dir_all, write};
use std::os::unix::fs::symlink;

const SSH: &str = "UID=1000\nCLASS=user\nSERVICE=sshd\nLEADER=52\nREALTIME=1795333291059462\nMONOTONIC=13382454291\n";
const GROUP: &str = "/user.slice/user-1000.slice/session-7.scope";
const DESKTOP: &str =
    "UID=1000\nCLASS=user\nSERVICE=gdm-password\nTYPE=wayland\nSEAT=seat0\nLEADER=52\nMONOTONIC=5000000\n";

fn process(proc: &Path, name: &str, parent: u32, ticks: u64) {
    create_dir_all(proc.join(name)).unwrap();
    let stat = format!("9 (a ) b) S {parent} {} {ticks} 0", "0 ".repeat(17).trim());
    write(proc.join(name).join("stat"), stat).unwrap();
}

/// One whose session 7 says that; its leader began at 1,000 ticks.
fn machine(group: &str, session: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    create_dir_all(folder.path().join("sessions")).unwrap();
    create_dir_all(folder.path().join("pam.d")).unwrap();
    write(folder.path().join("pam.d/common-session"), "session optional pam_systemd.so\n").unwrap();
    process(folder.path(), "self", 52, 2000);
    process(folder.path(), "52", 1, 1000);
    write(folder.path().join("self/cgroup"), format!("0::{group}\n")).unwrap();
    write(folder.path().join("sessions/7"), session).unwrap();
    folder
}

fn own(machine: &tempfile::TempDir) -> Option<Session> {
    Session::of(machine.path(), &machine.path().join("sessions"), &[&machine.path().join("pam.d")])
}

fn found(group: &str, session: &str) -> Option<Session> {
    own(&machine(group, session))
}

#[test]
fn a_login_is_known_by_its_control_group_and_is_as_old_as_who_let_it_in() {
    let service = Some("sshd".into());
    let session = Session { name: "7".into(), began: 10_000_000, opened: Some(13_382_454_291), service };
    assert_eq!(found(GROUP, SSH), Some(session));
    assert_eq!(found(GROUP, &SSH.replace("LEADER=52", "LEADER=53")), None);
}

#[test]
fn what_a_user_could_have_named_is_no_login() {
    for group in [
        "/user.slice/user-1000.slice/user@1000.service/session-7.scope",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/session-7.scope",
        "/user.slice/user-1000.slice/session-8.scope",
        "/user.slice/user-1000.slice/session-../7.scope",
        "/system.slice/ssh.service",
        "/",
    ] {
        assert_eq!(found(group, SSH), None, "{group}");
    }
    for odd in [
        SSH.replace("CLASS=user", "CLASS=background"),
        SSH.replace("MONOTONIC=13382454291\n", ""),
        SSH.replace("MONOTONIC=", "MONOTONIC=1\nMONOTONIC="),
    ] {
        assert_eq!(found(GROUP, &odd), None, "{odd}");
    }
}

#[test]
fn where_logind_runs_a_job_of_crons_is_no_login_whatever_the_kernel_calls_it() {
    let machine = machine("/system.slice/cron.service", SSH);
    write(machine.path().join("self/sessionid"), "5").unwrap();
    assert_eq!(own(&machine), None);
    // Where no stack tells logind, it knows of no login.
    write(machine.path().join("pam.d/common-session"), "#session optional pam_systemd.so\n").unwrap();
    write(machine.path().join("pam.d/systemd-user"), "session optional pam_systemd.so\n").unwrap();
    symlink("/usr/sbin/sshd", machine.path().join("self/exe")).unwrap();
    assert_eq!(own(&machine).map(|session| session.name), Some("audit 5".into()));
}

#[test]
fn a_terminal_of_a_desktop_belongs_to_its_users_newest_session_at_a_seat() {
    let group = "/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope";
    let machine = machine(group, DESKTOP);
    write(machine.path().join("sessions/3"), DESKTOP.replace("5000000", "4000000")).unwrap();
    write(machine.path().join("sessions/9"), SSH).unwrap();
    let service = Some("gdm-password".into());
    let session = Session { name: "7".into(), began: 10_000_000, opened: Some(5_000_000), service };
    assert_eq!(own(&machine), Some(session));
    for other in ["UID=1001", "CLASS=greeter", "TYPE=tty", "SEAT="] {
        let (key, _) = other.split_once('=').unwrap();
        let line = DESKTOP.lines().find(|line| line.starts_with(key)).unwrap();
        assert_eq!(found(group, &DESKTOP.replace(line, other)), None, "{other}");
    }
    let strange = "/user.slice/user-1000.slice/user@1001.service/app.slice/vte-spawn-1.scope";
    assert_eq!(found(strange, DESKTOP), None);
}

#[test]
fn a_prompt_from_before_and_a_session_from_before_are_not_later_by_either_clock() {
    let change = Instant { all: 500, awake: 100 };
    let session = |began, opened| Session { name: "7".into(), began, opened, service: None }.is_later_than(change);
    assert!(session(501, Some(101)) && session(501, None));
    // The prompt stood there before the change; the session was opened before it, and its leader's number given anew.
    assert!(!session(499, Some(101)) && !session(501, Some(99)));
    // The machine has slept: what is after 400 of one clock is before 500 of the other.
    assert!(!session(401, None));
}

/// One without logind: a shell of a process that this program has begun, which belongs to nobody's session.
fn without_logind(program: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, session, parent, start) in [("self", "5", 20, 900), ("20", "5", 10, 700), ("10", NO_SESSION, 1, 100)] {
        process(folder.path(), name, parent, start);
        write(folder.path().join(name).join("sessionid"), session).unwrap();
    }
    symlink("/usr/bin/mfactl", folder.path().join("self/exe")).unwrap();
    symlink(program, folder.path().join("20/exe")).unwrap();
    folder
}

#[test]
fn without_logind_the_oldest_process_of_the_audit_session_says_it() {
    for (program, service) in [
        ("/usr/sbin/sshd", "sshd"),
        ("/usr/lib/openssh/sshd-session", "sshd"),
        ("/usr/sbin/sshd (deleted)", "sshd"),
        ("/usr/bin/login", "login"),
    ] {
        let folder = without_logind(program);
        let service = Some(service.to_owned());
        let session = Session { name: "audit 5".into(), began: 7_000_000, opened: None, service };
        assert_eq!(own(&folder), Some(session), "{program}");
        write(folder.path().join("self/sessionid"), NO_SESSION).unwrap();
        assert_eq!(own(&folder), None);
    }
}

#[test]
fn without_logind_a_job_of_crons_is_no_login_nor_is_a_shell_that_has_outlived_its_own() {
    for program in ["/usr/sbin/cron", "/usr/sbin/crond", "/usr/sbin/atd", "/usr/bin/tmux", "/usr/bin/bash", "/tmp/own"]
    {
        assert_eq!(own(&without_logind(program)), None, "{program}");
    }
}

#[test]
fn the_clock_of_processes_is_that_of_this_one_too() {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, began) = parent_and_start(&stat).unwrap();
    assert!(began <= Instant::now().all);
}
