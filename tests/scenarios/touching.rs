//! Security keys in a login, as people meet them: a touch at the machine's own screen, and the code when nothing is
//! touched.

use harness::virtual_key::{Finger, Model};
use harness::{Lab, LabBuilder, Outcome, Release, SecurityKey, Service, Stack, Terminal, on_each_release};

use crate::steps::{CODE, PASSWORD, logged, must_hold, password_given, people, policy, virtual_keys};

const ADD: [&str; 3] = ["mfa-enroll", "add", "security-key"];
const TOUCH: &str = "Touch your security key: sudo on ";
const UNTIL_THE_CODE: &str = " as alice (5 s, then a code)";
const LET_IN: &str = "root";

/// A machine at which alice sits: `sudo` and `su` ask for a second factor, and her session has a seat.
fn desk(release: Release, rules: &str) -> LabBuilder {
    people(release)
        .group("sudo", &["alice"])
        .pam(Service::Sudo, Stack::password_then_code())
        .pam(Service::Su, Stack::password_then_code())
        .policy(&policy("if-enrolled", rules))
        .settings("[security_keys]\ntouch_wait = \"5s\"\n")
        // A seat without a screen, as containers have none.
        .before_boot("sed -i '1i session required pam_env.so conffile=/etc/security/seat.conf' /etc/pam.d/login")
        .file("/etc/security/seat.conf", "XDG_SEAT DEFAULT=seat0\n", 0o644)
}

/// A key of that user's, and the backup codes that they have.
fn add_key(lab: &Lab, port: &str, user: &str) -> Outcome<(SecurityKey, Vec<String>)> {
    let mut codes = lab.enroll(user)?.backup_codes;
    let key = lab.security_key(port, Model::default())?;
    key.always(Some(Finger::Touch));
    let mut adding = lab.pty_as(user, ADD)?;
    adding.answer(CODE, &codes.remove(0))?;
    adding.expect("Right: \"security key\" counts from now on.")?;
    assert_eq!(adding.expect_closed()?, 0);
    key.always(None);
    Ok((key, codes))
}

/// Alice at the console, in a session of hers.
fn sit_down(lab: &Lab) -> Outcome<Terminal> {
    let mut console = lab.pty(["login"])?;
    console.answer("login: ", "alice")?;
    console.answer("Password: ", PASSWORD)?;
    console.expect_shell()?;
    Ok(console)
}

/// `sudo`, up to what it asks after the password.
fn sudo(shell: &mut Terminal) -> Outcome {
    shell.send_line("sudo -k; sudo id -un")?;
    shell.answer("[sudo] password for alice: ", PASSWORD)?;
    Ok(())
}

fn is_let_in(shell: &mut Terminal) -> Outcome {
    let said = shell.expect_shell()?;
    must_hold(&said, &[LET_IN])
}

on_each_release! {
    fn a_touch_lets_sudo_through_and_whatever_is_not_one_ends_in_the_code(release: Release) -> Outcome {
        let lab = desk(release, "").boot()?;
        virtual_keys(&lab)?;
        let (key, mut codes) = add_key(&lab, "blue", "alice")?;
        let mut shell = sit_down(&lab)?;
        // A key that is not hers does not blink.
        let stranger = lab.security_key("red", Model::default())?;

        sudo(&mut shell)?;
        shell.expect(TOUCH)?;
        shell.expect(UNTIL_THE_CODE)?;
        key.touch()?;
        is_let_in(&mut shell)?;
        must_hold(&logged(&lab, "passed", "alice")?.join("\n"), &["service=sudo", "factor=security-key"])?;

        sudo(&mut shell)?;
        shell.expect(UNTIL_THE_CODE)?;
        key.deny()?;
        shell.expect("The key said no.")?;
        shell.answer(CODE, &codes.remove(0))?;
        is_let_in(&mut shell)?;

        sudo(&mut shell)?;
        shell.expect(UNTIL_THE_CODE)?;
        shell.expect("The key was not touched within 5 s.")?;
        shell.answer(CODE, "k")?;
        shell.expect(UNTIL_THE_CODE)?;
        key.touch()?;
        is_let_in(&mut shell)?;

        sudo(&mut shell)?;
        shell.expect(UNTIL_THE_CODE)?;
        key.await_blink()?;
        key.unplug();
        shell.expect("The key was unplugged.")?;
        shell.answer(CODE, "k")?;
        shell.expect("None of your security keys is plugged in here.")?;
        shell.answer(CODE, &codes.remove(0))?;
        is_let_in(&mut shell)?;

        sudo(&mut shell)?;
        shell.expect(CODE)?;
        key.plug()?;
        shell.send_line("k")?;
        shell.expect(UNTIL_THE_CODE)?;
        key.touch()?;
        is_let_in(&mut shell)?;
        assert_eq!(stranger.seen().touched, 0);
        Ok(())
    }

    fn a_session_from_elsewhere_never_has_a_key_touched(release: Release) -> Outcome {
        let lab = desk(release, "").boot()?;
        virtual_keys(&lab)?;
        let (key, mut codes) = add_key(&lab, "blue", "alice")?;
        let touched = key.seen().touched;
        key.always(Some(Finger::Touch));
        let mut shell = password_given(&lab, "alice")?;
        shell.expect_shell()?;
        sudo(&mut shell)?;
        let before = shell.answer(CODE, "k")?;
        assert!(!before.contains("Touch"), "{before}");
        shell.expect("A security key works only for somebody who sits at this machine.")?;
        shell.answer(CODE, &codes.remove(0))?;
        is_let_in(&mut shell)?;
        assert_eq!(key.seen().touched, touched);
        Ok(())
    }

    fn where_the_policy_wants_it_the_pin_is_asked_for_and_a_wrong_one_told(release: Release) -> Outcome {
        let rule = "[[rule]]\nname = \"pin\"\nservices = [\"@sudo\"]\nverify_user = true\n";
        let lab = desk(release, "").boot()?;
        virtual_keys(&lab)?;
        let (key, _) = add_key(&lab, "blue", "alice")?;
        key.set_pin(Some("1234"))?;
        lab.write("/etc/mfa/policy.toml", &policy("if-enrolled", rule), 0o644)?;
        lab.run(["systemctl", "reload", "mfa-daemon"])?.success()?;
        lab.await_journal("policy in force: 1 rules")?;
        let mut shell = sit_down(&lab)?;
        sudo(&mut shell)?;
        shell.answer("PIN of your security key (Enter = code): ", "9999")?;
        shell.expect("That PIN is wrong, 7 tries left.")?;
        shell.answer("PIN of your security key (Enter = code): ", "1234")?;
        shell.expect(UNTIL_THE_CODE)?;
        key.touch()?;
        is_let_in(&mut shell)?;
        assert!(!shell.transcript().contains("1234"), "a PIN is typed unseen");
        key.set_pin_tries_left(3)?;
        sudo(&mut shell)?;
        shell.expect("Only 3 tries are left for this key's PIN")?;
        shell.expect(CODE)?;
        assert_eq!(key.pin_tries_left(), 3);
        Ok(())
    }

    fn su_asks_for_the_key_of_whom_one_becomes(release: Release) -> Outcome {
        let lab = desk(release, "").boot()?;
        virtual_keys(&lab)?;
        let (key, _) = add_key(&lab, "green", "bob")?;
        let mut shell = sit_down(&lab)?;
        shell.send_line("su -c 'id -un' bob")?;
        shell.answer("Password: ", PASSWORD)?;
        shell.expect("Touch your security key: su on ")?;
        shell.expect(" as bob (5 s, then a code)")?;
        key.touch()?;
        must_hold(&shell.expect_shell()?, &["bob"])
    }
}
