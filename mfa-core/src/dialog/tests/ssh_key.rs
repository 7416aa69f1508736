//! SSH keys on security keys: whoever has shown one to sshd is asked nothing more, if it does not stand alone.

use super::*;
use crate::factor::ssh_key::SshKey;
use crate::policy::SshAuth;

const KEY: &str = include_str!("../../../tests/vectors/sk-ed25519.pub");
const OTHER: &str = include_str!("../../../tests/vectors/sk-ecdsa.pub");
const ORDINARY: &str = include_str!("../../../tests/vectors/ed25519.pub");

fn publickey(line: &str) -> String {
    let words: Vec<&str> = line.split_ascii_whitespace().take(2).collect();
    format!("publickey {}\n", words.join(" "))
}

/// Alice at sshd, with this key enrolled, after sshd has verified this.
fn at_sshd(shown: &str, password: bool) -> World {
    let mut world = alice();
    let detail = Detail::SshKey(SshKey { key: KEY.parse().unwrap() });
    let factor = Factor { id: FactorId(5), name: "laptop".into(), created: Time(0), last_used: None, detail };
    world.account.factors.push(factor);
    world.ssh = Some(Ssh { auth: SshAuth::parse(shown), password, verify_required: false });
    world
}

/// At once, without a question.
fn let_in(world: &mut World) -> bool {
    passed(&world.login(&[], NOW))
}

#[test]
fn an_enrolled_key_beside_something_else_lets_in_without_a_question() {
    for (shown, password) in [
        (publickey(KEY), true),
        (format!("{}password\n", publickey(KEY)), false),
        (format!("{}keyboard-interactive/pam\n", publickey(KEY)), false),
        (format!("gssapi-with-mic alice@ACME\n{}", publickey(KEY)), false),
        (format!("{}{}", publickey(KEY), publickey(ORDINARY)), false),
    ] {
        let mut world = at_sshd(&shown, password);
        assert!(let_in(&mut world), "{shown}");
        let record = world.records.last().unwrap();
        assert_eq!((record.what, record.factor), (What::Passed, Some((Kind::SshKey, Some(FactorId(5))))));
    }
}

#[test]
fn alone_it_is_one_factor_unless_sshd_is_said_to_have_it_verified() {
    for shown in [
        publickey(KEY),
        format!("{}{}", publickey(KEY), publickey(KEY)),
        format!("hostbased\n{}", publickey(KEY)),
        format!("none\n{}", publickey(KEY)),
    ] {
        let mut world = at_sshd(&shown, false);
        assert_eq!(prompt(&world.login(&[], NOW)), text::CODE_PROMPT, "{shown}");
        world.ssh.as_mut().unwrap().verify_required = true;
        assert!(let_in(&mut world), "{shown}");
    }
}

#[test]
fn a_rule_that_wants_keys_verified_takes_none_of_which_nobody_says_so() {
    let mut world = at_sshd(&publickey(KEY), true);
    world.plan = Plan::Factors(Ask { kinds: Kinds::ALL, verify_user: true, ask_again: 0, remember: 0 });
    assert_eq!(prompt(&world.login(&[], NOW)), text::CODE_PROMPT);
    world.ssh.as_mut().unwrap().verify_required = true;
    assert!(let_in(&mut world));
}

#[test]
fn other_keys_other_rules_and_what_is_not_known_let_nobody_in() {
    for shown in [publickey(OTHER), publickey(ORDINARY), String::new(), "nonsense".into()] {
        assert!(!let_in(&mut at_sshd(&shown, true)), "{shown}");
    }
    let mut world = at_sshd(&publickey(KEY), true);
    world.plan = factors(Kinds::ALL.without(Kind::SshKey));
    assert!(!let_in(&mut world));
    let mut world = at_sshd(&publickey(KEY), true);
    world.ssh = None;
    assert!(!let_in(&mut world), "not a login over SSH");
    let mut world = at_sshd(&publickey(KEY), true);
    world.account.factors.retain(|factor| factor.id == PHONE);
    assert!(!let_in(&mut world), "not enrolled");
}

#[test]
fn a_key_that_is_removed_while_it_is_committed_does_not_let_in() {
    let mut world = at_sshd(&publickey(KEY), true);
    let step = world.begin(NOW);
    world.account.version = Some(Version(99));
    world.account.factors.retain(|factor| factor.id == PHONE);
    let (_, turn) = world.drive(step, NOW);
    assert_eq!(prompt(&turn), text::CODE_PROMPT);
}

#[test]
fn whoever_has_nothing_else_is_told_which_key_is_missing() {
    let only_keys = |shown: &str, password| {
        let mut world = at_sshd(shown, password);
        world.account.factors.retain(|factor| factor.id != PHONE);
        world
    };
    let told = |world: &mut World| prompt(&world.login(&[], NOW)).to_owned();
    let mut bare = only_keys(&publickey(ORDINARY), false);
    bare.account.backup.codes.clear();
    let text = told(&mut bare);
    assert!(text.starts_with("This login needs one of your SSH security keys: laptop\n"), "{text}");
    assert!(text.ends_with("Press Enter. "), "{text}");
    assert_eq!(denied(&bare.login(&[""], NOW)), Some(Denial::KeyNotShown));
    bare.mails = false;
    assert!(
        told(&mut bare).starts_with("This login needs one of your SSH security keys.\n"),
        "names are not told to strangers"
    );
    let text = told(&mut only_keys("", true));
    assert!(text.ends_with("laptop\nA backup code works as well. Verification code: "), "{text}");
    let text = told(&mut only_keys(&publickey(KEY), false));
    assert!(text.starts_with("Your SSH security key is one factor"), "{text}");
    let mut at_sudo = only_keys("", true);
    at_sudo.ssh = None;
    assert!(told(&mut at_sudo).starts_with("Only your SSH security key would do"));
}

#[test]
fn a_name_with_control_characters_reaches_no_terminal() {
    let mut world = at_sshd("", true);
    world.account.factors.retain(|factor| factor.id != PHONE);
    world.account.factors[0].name = "lap\x1b[2Jtop".into();
    let turn = world.login(&[], NOW);
    assert!(!prompt(&turn).contains('\x1b') && prompt(&turn).contains("lap\\u{1b}[2Jtop"), "{turn:?}");
}
