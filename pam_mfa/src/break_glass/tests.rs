//! Who gets in by a code from the safe, and who does not.

use super::*;
use crate::host::{ConverseError, Item, Level};
use crate::stand_in::*;
use crate::{Call, Places, account, auth};
use mfa_proto::break_glass::{FILE, FRESH, Fresh, RECORD, Record, State};
use mfa_proto::login::Outcome;
use rustix::fs::FileType;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::thread;
use tempfile::TempDir;

const SUCCESS: i32 = 0;
const AUTH_ERR: i32 = 7;
const AUTHINFO_UNAVAIL: i32 = 9;
const IGNORE: i32 = 25;

/// A safe: a folder with the codes of root and alice, and a page on which they are.
struct Safe {
    folder: TempDir,
    page: Vec<String>,
}

impl Safe {
    fn with(accounts: &[&str], count: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let accounts: Vec<String> = accounts.iter().map(|name| (*name).to_owned()).collect();
        let fresh: Vec<Fresh> = (1..=count).map(|byte| Fresh::new(&[byte; FRESH])).collect();
        let records = fresh.iter().zip(1..).map(|(fresh, number)| Record::new(number, 0, &accounts, fresh).unwrap());
        let bytes: Vec<u8> = records.flat_map(|record| record.to_bytes()).collect();
        let safe = Self { folder, page: fresh.iter().map(|fresh| fresh.code.spell().to_string()).collect() };
        fs::write(safe.file(), bytes).unwrap();
        fs::set_permissions(safe.file(), fs::Permissions::from_mode(0o600)).unwrap();
        safe
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("mfa.sock")
    }

    fn records(&self) -> Vec<Record> {
        mfa_proto::break_glass::records(&fs::read(self.file()).unwrap()).map(Option::unwrap).collect()
    }

    /// One `auth`, with a daemon that follows the script, or none.
    fn auth(&self, script: Option<Vec<Act>>, application: &mut Application, options: &[&str]) -> i32 {
        let socket = self.socket();
        let _ = fs::remove_file(&socket);
        let daemon = script.map(|script| Daemon::playing(&socket, script));
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let places = Places { socket: &socket, codes: Some(self.folder.path()) };
        let code = auth(&places, application, &Call { arguments: options, silent: false }).raw();
        if let Some(daemon) = daemon {
            daemon.requests();
        }
        code
    }

    /// The same with nothing listening, by somebody who types that.
    fn typed(&self, replies: &[&str]) -> (i32, Application) {
        let mut application = Application::sshd().typing(replies);
        (self.auth(None, &mut application, &[]), application)
    }
}

fn asked_for_it(application: &Application) -> bool {
    application.prompts().iter().any(|prompt| prompt.contains("Break-glass code for alice: "))
}

#[test]
fn a_code_lets_in_once_and_is_struck_out_with_when_who_and_from_where() {
    let safe = Safe::with(&["root", "alice"], 2);
    let (code, application) = safe.typed(&[&safe.page[1].to_lowercase()]);
    assert_eq!(code, SUCCESS);
    assert_eq!(application.prompts().len(), 1);
    let expected = "The second factor cannot be checked now. A break-glass code works.\nBreak-glass code for alice: ";
    assert_eq!(application.prompts()[0], expected);
    assert_eq!(application.line.as_deref(), Some("passed alice"), "account is told");
    assert!(application.shown[0].text.starts_with("Break-glass code 2 is used up; 1 left for alice."));
    let (level, line) = &application.log()[1];
    assert_eq!(*level, Level::Alert);
    assert!(line.starts_with("LET IN BY BREAK-GLASS CODE 2: the mfa daemon is not running; user=alice"), "{line}");
    assert!(line.ends_with("service=sshd rhost=192.0.2.7"), "{line}");
    let records = safe.records();
    assert_eq!(records[0].state, State::Unused);
    let State::Used(by) = &records[1].state else { panic!("{records:?}") };
    assert_eq!((by.user.as_str(), by.service.as_str(), by.rhost.as_str()), ("alice", "sshd", "192.0.2.7"));
    assert!(by.at > 1_700_000_000);

    let (code, application) = safe.typed(&[&safe.page[1], &safe.page[1], ""]);
    assert_eq!(code, AUTHINFO_UNAVAIL, "giving up is what it was before");
    assert!(application.prompts()[1].starts_with("Code 2 was used or voided before."));
    let (code, application) = safe.typed(&[&safe.page[0]]);
    assert!(code == SUCCESS && application.shown[0].text.contains("none is left for alice"), "{:?}", application.shown);
    assert!(!asked_for_it(&safe.typed(&[&safe.page[0]]).1), "with none left nobody is asked");
}

#[test]
fn every_way_in_which_the_daemon_does_not_decide_asks_for_a_code() {
    let broken = || vec![ends(Outcome::Broken)];
    type Script = (&'static str, fn() -> Option<Vec<Act>>);
    let scripts: [Script; 6] = [
        ("nothing listens", || None),
        ("it hangs up", || Some(vec![Act::HangUp])),
        ("it hangs up while somebody types", || Some(vec![asks(), Act::HangUp])),
        ("it is silent", || Some(vec![Act::Silence])),
        ("it is silent later", || Some(vec![asks(), Act::Silence])),
        ("it says that it is broken", || Some(vec![asks(), ends(Outcome::Broken)])),
    ];
    for (what, script) in scripts {
        let safe = Safe::with(&["alice"], 1);
        let asks_first = script().is_some_and(|script| script.len() == 2);
        let typed: &[&str] = if asks_first { &["000000", &safe.page[0]] } else { &[&safe.page[0]] };
        let mut application = Application::sshd().typing(typed);
        assert_eq!(safe.auth(script(), &mut application, &["timeout=1"]), SUCCESS, "{what}");
        assert!(asked_for_it(&application), "{what}");
    }
    let safe = Safe::with(&["alice"], 1);
    let mut application = Application::sshd().typing(&[&safe.page[0]]);
    assert_eq!(safe.auth(Some(broken()), &mut application, &[]), SUCCESS);
}

#[test]
fn where_the_daemon_has_decided_or_cannot_be_understood_nobody_is_asked_for_one() {
    use mfa_proto::frame::encode_error;
    use mfa_proto::service::{REFUSED, Refusal, RefusalCode};
    let refusal = |code| encode_error(REFUSED, &Refusal { code, message: "No.".into() }).unwrap().to_vec();
    let mut scripts = vec![
        vec![ends(Outcome::Denied)],
        vec![asks(), ends(Outcome::Denied)],
        vec![Act::Raw(b"{\"error\":\"io.mfa.Login.Whatever\"}\0".to_vec())],
        vec![Act::Raw(b"junk\0".to_vec())],
    ];
    for code in [RefusalCode::UnknownUser, RefusalCode::Conflict, RefusalCode::NotAllowed, RefusalCode::Busy] {
        scripts.push(vec![Act::Raw(refusal(code))]);
    }
    for script in scripts {
        let safe = Safe::with(&["alice"], 1);
        let mut application = Application::sshd().typing(&[&safe.page[0], &safe.page[0]]);
        let code = safe.auth(Some(script), &mut application, &[]);
        assert!(code != SUCCESS && code != IGNORE && !asked_for_it(&application), "{code}");
        assert_eq!(safe.records()[0].state, State::Unused);
    }
    let safe = Safe::with(&["alice"], 1);
    let mut application = Application::sshd().typing(&[&safe.page[0]]);
    assert_eq!(safe.auth(Some(vec![Act::Raw(refusal(RefusalCode::Broken))]), &mut application, &[]), SUCCESS);
}

#[test]
fn nobody_is_asked_who_has_no_code_or_hung_up_or_was_too_slow() {
    let safe = Safe::with(&["root"], 1);
    let (code, application) = safe.typed(&[&safe.page[0]]);
    assert_eq!(code, AUTHINFO_UNAVAIL);
    assert!(application.asked.is_empty(), "it is root's alone");
    let safe = Safe::with(&["alice"], 1);
    let mut application = Application::sshd();
    application.replies.push_back(Err(ConverseError::Failed));
    assert_eq!(safe.auth(Some(vec![asks()]), &mut application, &[]), AUTH_ERR);
    assert_eq!(application.asked.len(), 1, "whoever hangs up is not asked again");
}

#[test]
fn three_wrong_codes_end_the_login_and_slips_of_the_finger_are_told() {
    let safe = Safe::with(&["alice"], 1);
    let others = Fresh::new(&[99; FRESH]).code.spell().to_string();
    let (code, application) = safe.typed(&["492817", &others, &others, &safe.page[0]]);
    assert_eq!(code, AUTH_ERR);
    let prompts = application.prompts();
    assert_eq!(prompts.len(), 3);
    assert!(prompts[1].starts_with("That is mistyped") && prompts[2].starts_with("That is not a break-glass code"));
    let refused = application.log().pop().unwrap();
    assert!(refused.0 == Level::Notice && refused.1.contains("no right break-glass code was given"), "{refused:?}");
    assert!(application.log().iter().all(|(_, line)| !line.contains(&others) && !line.contains("492817")));
}

#[test]
fn require_publickey_and_unavailable_allow_come_first() {
    let safe = Safe::with(&["alice"], 1);
    let mut application = Application::sshd().typing(&[&safe.page[0]]);
    assert_eq!(safe.auth(None, &mut application, &["require_publickey"]), AUTH_ERR);
    assert_eq!(safe.auth(None, &mut application, &["unavailable=allow"]), IGNORE);
    assert!(application.asked.is_empty());
    application.pam_environment.insert("SSH_AUTH_INFO_0", b"publickey ssh-ed25519 AAAA\n".to_vec());
    assert_eq!(safe.auth(None, &mut application, &["require_publickey"]), SUCCESS);
}

#[test]
fn in_the_account_phase_nobody_can_be_asked() {
    let safe = Safe::with(&["alice"], 1);
    let mut application = Application::sshd().typing(&[&safe.page[0]]);
    let places = Places { socket: &safe.socket(), codes: Some(safe.folder.path()) };
    let code = account(&places, &mut application, &Call { arguments: vec![], silent: false });
    assert!(code.raw() == AUTHINFO_UNAVAIL && application.asked.is_empty());
}

#[test]
fn a_process_that_is_not_roots_looks_for_no_codes() {
    let safe = Safe::with(&["alice"], 1);
    let mut application = Application::sshd().typing(&[&safe.page[0]]);
    let places = Places { socket: &safe.socket(), codes: None };
    let code = auth(&places, &mut application, &Call { arguments: vec![], silent: false });
    assert!(code.raw() == AUTHINFO_UNAVAIL && application.asked.is_empty());
}

#[test]
fn another_user_than_the_one_who_was_asked_does_not_get_in() {
    let safe = Safe::with(&["alice", "root"], 1);
    let mut application = Application::sshd().typing(&[&safe.page[0]]);
    application.meanwhile = Some(Box::new(|items| {
        items.insert("user", b"root".to_vec());
    }));
    assert_eq!(safe.auth(None, &mut application, &[]), AUTH_ERR);
    assert_eq!(safe.records()[0].state, State::Unused);
    let mut application = Application::sshd().typing(&[&safe.page[0]]);
    application.set(Item::User, "Alice");
    assert_eq!(safe.auth(None, &mut application, &[]), AUTHINFO_UNAVAIL, "names are compared as they are");
}

#[test]
fn of_many_logins_with_one_code_exactly_one_passes() {
    let safe = Safe::with(&["alice"], 1);
    let passed: usize = thread::scope(|scope| {
        let logins: Vec<_> =
            (0..8).map(|_| scope.spawn(|| usize::from(safe.typed(&[&safe.page[0]]).0 == SUCCESS))).collect();
        logins.into_iter().map(|login| login.join().unwrap()).sum()
    });
    assert_eq!(passed, 1);
}

#[test]
fn a_file_that_is_not_roots_alone_is_not_used() {
    type Spoiled = (&'static str, fn(&Safe));
    let spoil: [Spoiled; 7] = [
        ("readable by a group", |safe| chmod(&safe.file(), 0o640)),
        ("readable by others", |safe| chmod(&safe.file(), 0o604)),
        ("in a folder others may write", |safe| chmod(safe.folder.path(), 0o777)),
        ("with a second name", |safe| fs::hard_link(safe.file(), safe.folder.path().join("other")).unwrap()),
        ("a link", |safe| {
            fs::rename(safe.file(), safe.folder.path().join("other")).unwrap();
            symlink(safe.folder.path().join("other"), safe.file()).unwrap();
        }),
        ("a folder", |safe| {
            fs::remove_file(safe.file()).unwrap();
            fs::create_dir(safe.file()).unwrap();
        }),
        ("a pipe", |safe| {
            fs::remove_file(safe.file()).unwrap();
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, safe.file(), FileType::Fifo, mode, 0).unwrap();
        }),
    ];
    for (what, spoil) in spoil {
        let safe = Safe::with(&["alice"], 1);
        spoil(&safe);
        let (code, application) = safe.typed(&[&safe.page[0]]);
        assert!(code == AUTHINFO_UNAVAIL && application.asked.is_empty(), "{what}");
        assert!(application.log()[0].1.starts_with("break-glass codes cannot be used: "), "{what}");
    }
}

#[test]
fn a_damaged_record_is_nobodys_and_the_others_work() {
    let safe = Safe::with(&["alice"], 3);
    let mut bytes = fs::read(safe.file()).unwrap();
    bytes[0] ^= 1;
    bytes[RECORD + mfa_proto::break_glass::USE_AT] = 0xff;
    bytes.truncate(3 * RECORD);
    bytes.extend_from_slice(b"half a record");
    fs::write(safe.file(), bytes).unwrap();
    let (code, _) = safe.typed(&[&safe.page[0], &safe.page[1], ""]);
    assert_eq!(code, AUTHINFO_UNAVAIL);
    assert_eq!(safe.typed(&[&safe.page[2]]).0, SUCCESS);
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
