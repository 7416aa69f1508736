//! `account`: whom `auth` has passed, and logins that no `auth` has seen; and `setcred`.

use super::*;

#[test]
fn account_passes_whom_auth_has_passed_without_asking_again() {
    for (outcome, expected) in [(Outcome::Pass, SUCCESS), (Outcome::Skipped, IGNORE)] {
        let mut application = Application::sshd();
        auth_against(vec![ends(outcome)], &mut application, &[]);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(account(&at(&nobody(folder.path())), &mut application, &call(&[])).raw(), expected);
    }
}

#[test]
fn account_does_not_pass_another_user_than_auth_has_passed() {
    let mut application = Application::sshd();
    auth_against(vec![ends(Outcome::Pass)], &mut application, &[]);
    application.set(Item::User, "root");
    let folder = tempfile::tempdir().unwrap();
    let code = account(&at(&nobody(folder.path())), &mut application, &call(&["unavailable=allow"]));
    assert_eq!(code.raw(), AUTH_ERR);
}

#[test]
fn a_denied_auth_takes_back_what_an_earlier_one_on_the_same_handle_has_left() {
    let mut application = Application::sshd();
    auth_against(vec![ends(Outcome::Pass)], &mut application, &[]);
    assert!(application.line.is_some());
    auth_against(vec![ends(Outcome::Denied)], &mut application, &[]);
    assert_eq!(application.line, None);
    let (code, requests) = account_against(vec![ends(Outcome::Denied)], &mut application);
    assert_eq!((code, requests.len()), (AUTH_ERR, 1));
}

#[test]
fn account_asks_the_daemon_when_auth_could_leave_no_word() {
    let mut application = Application::sshd();
    application.refuses_to_keep = true;
    auth_against(vec![ends(Outcome::Pass)], &mut application, &[]);
    let (code, requests) = account_against(vec![ends(Outcome::Denied)], &mut application);
    assert_eq!((code, requests.len()), (AUTH_ERR, 1));
}

#[test]
fn account_without_auth_is_decided_by_the_daemon_without_ssh_authentication() {
    for (outcome, expected) in [
        (Outcome::Pass, SUCCESS),
        (Outcome::Skipped, IGNORE),
        (Outcome::Remembered, IGNORE),
        (Outcome::Denied, AUTH_ERR),
        (Outcome::Broken, AUTHINFO_UNAVAIL),
    ] {
        let mut application = Application::sshd();
        application.pam_environment.insert("SSH_AUTH_INFO_0", b"publickey ssh-ed25519 AAAA".to_vec());
        let (code, requests) = account_against(vec![ends(outcome)], &mut application);
        assert_eq!(code, expected, "{outcome:?}");
        assert!(requests[0].contains(r#""phase":"account""#) && !requests[0].contains("ssh_auth"), "{}", requests[0]);
    }
}

#[test]
fn a_denial_in_account_is_shown_as_an_error() {
    let mut application = Application::sshd();
    account_against(vec![says_and_ends("Use a code.", Outcome::Denied)], &mut application);
    assert_eq!(application.shown, [Note { style: Style::Error, text: "Use a code.".into() }]);
    let mut application = Application::sshd();
    account_against(vec![ends(Outcome::Denied)], &mut application);
    assert_eq!(application.shown.len(), 1, "a denial without a word gets one");
}

#[test]
fn a_question_in_account_is_refused_and_not_asked() {
    let mut application = Application::sshd().typing(&["492817"]);
    let (code, requests) = account_against(vec![asks(), ends(Outcome::Pass)], &mut application);
    assert_eq!((code, requests.len()), (SYSTEM_ERR, 1));
    assert!(application.asked.is_empty());
}

#[test]
fn account_has_no_say_outside_sshd_and_says_so_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    for service in ["cron", "sudo", "su", "systemd-user", "SSHD", "sshd2"] {
        let mut application = Application::sshd();
        application.set(Item::Service, service);
        assert_eq!(account(&at(&nobody(folder.path())), &mut application, &call(&[])).raw(), IGNORE, "{service}");
        assert!(application.log()[0].1.contains("pam.d/sshd"));
    }
    let mut application = Application::sshd();
    application.unset(Item::Service);
    assert_eq!(account(&at(&nobody(folder.path())), &mut application, &call(&[])).raw(), AUTH_ERR);
}

#[test]
fn options_of_auth_lines_are_refused_on_account_lines() {
    let folder = tempfile::tempdir().unwrap();
    for option in ["require_publickey", "exempt=success", "combined=verify"] {
        let mut application = Application::sshd();
        assert_eq!(
            account(&at(&nobody(folder.path())), &mut application, &call(&[option])).raw(),
            SYSTEM_ERR,
            "{option}"
        );
    }
}

#[test]
fn setcred_always_succeeds() {
    for options in [&[][..], &["combined=split"], &["combined=verify"], &["nonsense"]] {
        assert_eq!(setcred(&mut Application::default(), &call(options)).raw(), SUCCESS);
    }
}
