//! What is gathered of a login: what the application says, and what the kernel does.

use super::*;
use crate::args::Line;
use crate::stand_in::Application;

fn gathered(application: &Application, phase: Phase) -> Result<Begin, ContextError> {
    gather(application, phase, &Options::parse(&[], Line::Auth).unwrap())
}

#[test]
fn what_is_not_set_is_not_told() {
    let mut application = Application::sshd();
    application.set(Item::RemoteHost, "");
    let begin = gathered(&application, Phase::Auth).unwrap();
    assert_eq!((begin.rhost, begin.ruser, begin.tty, begin.ssh_auth), (None, None, None, None));
    assert_eq!((begin.protocol, begin.timeout), (PROTOCOL, 120));
}

#[test]
fn the_kernels_numbers_are_told_unless_they_are_unset() {
    let begin = gathered(&Application::sshd(), Phase::Auth).unwrap();
    let as_the_kernel_says = |path: &str| {
        fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u32>().ok()).filter(|n| *n != 4_294_967_295)
    };
    assert_eq!(begin.login_uid, as_the_kernel_says("/proc/self/loginuid"));
    assert_eq!(begin.login_session, as_the_kernel_says("/proc/self/sessionid"));
    assert_eq!(kernel_number("/proc/self/none"), None);
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    for (text, number) in [("1000", Some(1000)), ("0\n", Some(0)), ("4294967295", None), ("", None), ("-1", None)] {
        fs::write(path, text).unwrap();
        assert_eq!(kernel_number(path), number, "{text:?}");
    }
}

#[test]
fn sshs_authentication_counts_for_sshd_alone_and_only_in_auth() {
    let mut application = Application::sshd();
    application.pam_environment.insert("SSH_AUTH_INFO_0", b"publickey ssh-ed25519 AAAA\n".to_vec());
    assert!(gathered(&application, Phase::Auth).unwrap().ssh_auth.is_some());
    assert!(gathered(&application, Phase::Account).unwrap().ssh_auth.is_none());
    application.set(Item::Service, "sudo");
    assert!(gathered(&application, Phase::Auth).unwrap().ssh_auth.is_none());
}

#[test]
fn garbled_ssh_authentication_refuses() {
    let too_long = vec![b'A'; LONGEST_SSH_AUTH + 1];
    for garbled in [b"publickey \xff".as_slice(), b"publickey ssh\x1b", b"publickey a\r\n", &too_long] {
        let mut application = Application::sshd();
        application.pam_environment.insert("SSH_AUTH_INFO_0", garbled.to_vec());
        assert_eq!(gathered(&application, Phase::Auth).unwrap_err(), ContextError::SshAuth);
        assert_eq!(publickey(&application).unwrap_err(), ContextError::SshAuth);
    }
}

#[test]
fn a_public_key_is_seen_on_any_line() {
    let mut application = Application::sshd();
    application.pam_environment.insert("SSH_AUTH_INFO_0", b"password\npublickey ssh-ed25519 AAAA\n".to_vec());
    assert!(publickey(&application).is_ok());
}

#[test]
fn that_a_password_came_before_is_told_and_never_which() {
    let mut application = Application::sshd();
    assert!(!gathered(&application, Phase::Auth).unwrap().password);
    application.password = Some(String::new());
    assert!(!gathered(&application, Phase::Auth).unwrap().password);
    application.password = Some("hunter2".into());
    let begin = gathered(&application, Phase::Auth).unwrap();
    assert!(begin.password && !format!("{begin:?}").contains("hunter2"));
}

#[test]
fn a_session_is_named_by_its_own_control_group_and_by_none_that_a_user_can_make() {
    for (groups, name) in [
        ("0::/user.slice/user-1000.slice/session-7.scope\n", Some("7")),
        ("12:pids:/user.slice\n1:name=systemd:/user.slice/user-0.slice/session-c1.scope\n", Some("c1")),
        ("0::/machine.slice/machine-x.scope/payload/user.slice/user-0.slice/session-3.scope", Some("3")),
        ("0::/user.slice/user-1000.slice/user@1000.service/session-7.scope\n", None),
        ("0::/user.slice/user-1000.slice/user@1000.service/user.slice/user-0.slice/session-7.scope\n", None),
        ("0::/user.slice/user-1000.slice/session-7.scope/session-8.scope\n", None),
        ("0::/system.slice/sshd.service\n", None),
        ("0::/session-7.scope\n", None),
        ("", None),
    ] {
        assert_eq!(session_among(groups), name, "{groups}");
    }
}
