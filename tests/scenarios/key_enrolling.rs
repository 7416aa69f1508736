//! Adding a security key or an SSH key on one, as a person at the machine does it: touches, PINs, the wrong key, no key;
//! and with the key at another computer.

use harness::virtual_key::{Finger, Model};
use harness::{Lab, Outcome, Release, Terminal, on_each_release};
use serde_json::Value;

use crate::steps::{CODE, PASSWORD, account, must_hold, policy, ssh_provider, virtual_keys, web};

const ADD: [&str; 3] = ["mfa-enroll", "add", "security-key"];
const FIRST: &str = "Touch your security key (1 of 2).";
const SECOND: &str = "Touch it again to confirm (2 of 2).";
const PIN: &str = "PIN of your security key: ";
const GO_ON: &str = "Enter = go on   q = stop: ";

/// A lab that talks to virtual keys.
fn lab(release: Release, rules: &str) -> Outcome<Lab> {
    let lab = web(release).policy(&policy("if-enrolled", rules)).boot()?;
    virtual_keys(&lab)?;
    Ok(lab)
}

/// The backup codes are kept, and it ends well. Returns one of them.
fn keeps_the_codes(mut terminal: Terminal) -> Outcome<String> {
    terminal.expect("Type the last group of code ")?;
    let number = terminal.expect(": ")?;
    let mut words = terminal.transcript().split_whitespace();
    let code = words.by_ref().skip_while(|word| *word != number).find(|word| word.len() == 14);
    let code = code.unwrap_or_default().to_owned();
    terminal.send_line(code.rsplit('-').next().unwrap_or_default())?;
    terminal.answer("Enter = done: ", "")?;
    assert_eq!(terminal.expect_closed()?, 0);
    let screen = terminal.transcript().replace('\r', "");
    // A command to copy is one line, and what OpenSSH says is its own.
    let is_ours = |line: &&str| !line.starts_with("printf") && !line.starts_with("Confirm user presence for key");
    let wide = screen.lines().filter(is_ours).find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
    Ok(code)
}

fn factors(lab: &Lab, user: &str) -> Outcome<Vec<Value>> {
    Ok(account(lab, user)?["factors"].as_array().cloned().unwrap_or_default())
}

on_each_release! {
    fn two_touches_add_a_key_of_each_kind_and_it_is_not_added_twice(release: Release) -> Outcome {
        let lab = lab(release, "")?;
        for (user, u2f_only) in [("alice", false), ("bob", true)] {
            let key = lab.security_key("blue", Model { u2f_only, ..Model::default() })?;
            let mut adding = lab.pty_as(user, ADD)?;
            adding.expect(FIRST)?;
            key.touch()?;
            adding.expect(SECOND)?;
            key.touch()?;
            adding.expect("Right: \"security key\" counts from now on.")?;
            let code = keeps_the_codes(adding)?;
            let kept = factors(&lab, user)?;
            assert_eq!((kept.len(), &kept[0]["kind"]), (1, &Value::from("security-key")));
            assert_eq!((kept[0].get("aaguid"), kept[0]["u2f"].as_bool().unwrap_or(false)), (None, u2f_only));

            let touched = key.seen().touched;
            let mut again = lab.pty_as(user, [&ADD[..], &["--name", "spare"]].concat())?;
            again.answer(CODE, &code)?;
            again.expect(FIRST)?;
            key.always(Some(Finger::Touch));
            again.expect("This key is already enrolled, as \"security key\".")?;
            again.answer(GO_ON, "q")?;
            assert_eq!(again.expect_closed()?, 1);
            assert!(key.seen().touched <= touched + 1, "one touch says who the key is, and no more is asked");
            assert_eq!(factors(&lab, user)?.len(), 1);
        }
        Ok(())
    }

    fn a_pin_is_asked_for_unseen_and_what_can_be_wrong_with_it_is_told_with_the_way_out(release: Release) -> Outcome {
        let lab = lab(release, "")?;
        let key = lab.security_key("blue", Model::default())?;
        key.set_pin(Some("1234"))?;
        key.always(Some(Finger::Touch));
        let mut adding = lab.pty_as("alice", ADD)?;
        adding.answer(PIN, "9999")?;
        adding.expect("That PIN is not right; 7 tries left.")?;
        adding.answer(PIN, "1234")?;
        adding.expect(SECOND)?;
        adding.expect("Right: ")?;
        assert!(!adding.transcript().contains("1234") && !adding.transcript().contains("9999"));
        keeps_the_codes(adding)?;

        for (tries, told) in [(3, "3 tries of its PIN left, and none is"), (0, "The key takes no PIN any more")] {
            key.set_pin_tries_left(tries)?;
            let mut adding = lab.pty_as("bob", ADD)?;
            adding.answer(PIN, "1234")?;
            adding.expect(told)?;
            assert_eq!(adding.expect_closed()?, 1);
            assert_eq!(key.pin_tries_left(), tries, "none was spent");
        }
        assert_eq!(factors(&lab, "bob")?.len(), 0);
        Ok(())
    }

    fn where_keys_must_verify_their_user_one_without_a_pin_is_refused_with_how_to_set_one(release: Release) -> Outcome {
        let lab = web(release).policy("[defaults]\nrequire = \"always\"\nverify_user = true\n").boot()?;
        virtual_keys(&lab)?;
        let key = lab.security_key("blue", Model::default())?;
        key.always(Some(Finger::Touch));
        let mut adding = lab.pty_as("alice", ADD)?;
        adding.expect("Here a key must make sure of who holds it, and this one has no PIN")?;
        assert_eq!(adding.expect_closed()?, 1);
        key.set_pin(Some("1234"))?;
        let mut adding = lab.pty_as("alice", ADD)?;
        adding.answer(PIN, "1234")?;
        adding.expect("Right: ")?;
        keeps_the_codes(adding)?;
        drop(key);
        let old = lab.security_key("red", Model { u2f_only: true, ..Model::default() })?;
        old.always(Some(Finger::Touch));
        let mut adding = lab.pty_as("bob", ADD)?;
        adding.expect("This key cannot do what is asked of it here")?;
        assert_eq!(adding.expect_closed()?, 1);
        Ok(())
    }

    fn a_key_that_is_not_there_pulled_out_denied_or_one_of_two_can_be_set_right(release: Release) -> Outcome {
        let lab = lab(release, "")?;
        let mut adding = lab.pty_as("alice", ADD)?;
        adding.expect("Plug in your security key.")?;
        let key = lab.security_key("blue", Model::default())?;
        let other = lab.security_key("red", Model::default())?;
        adding.answer(GO_ON, "")?;
        adding.expect("2 security keys are plugged in. Leave in the one to add.")?;
        other.unplug();
        adding.answer(GO_ON, "")?;
        adding.expect(FIRST)?;
        key.await_blink()?;
        key.unplug();
        adding.expect("The key was unplugged. Plug it in again.")?;
        key.plug()?;
        adding.answer(GO_ON, "")?;
        adding.expect(FIRST)?;
        key.deny()?;
        adding.expect("The key said no.")?;
        adding.answer(GO_ON, "")?;
        key.touch()?;
        adding.expect(SECOND)?;
        key.touch()?;
        keeps_the_codes(adding)?;
        assert_eq!(other.seen().touched, 0);
        Ok(())
    }

    fn whoever_leaves_with_ctrl_c_has_nothing_and_the_key_stops_blinking(release: Release) -> Outcome {
        let lab = lab(release, "")?;
        let key = lab.security_key("blue", Model::default())?;
        let mut adding = lab.pty_as("alice", ADD)?;
        adding.expect(FIRST)?;
        key.await_blink()?;
        adding.send("\x03")?;
        adding.expect_closed()?;
        lab.sh("! pgrep -x mfa-key")?;
        assert_eq!(factors(&lab, "alice")?.len(), 0);
        // It is free for whoever comes next.
        key.always(Some(Finger::Touch));
        let mut adding = lab.pty_as("bob", ADD)?;
        adding.expect("Right: ")?;
        keeps_the_codes(adding)?;
        Ok(())
    }

    fn over_ssh_the_key_must_be_at_the_machine_and_the_setup_offers_what_fits(release: Release) -> Outcome {
        let lab = lab(release, "")?;
        let mut shell = lab.ssh("alice")?;
        shell.answer("Password: ", PASSWORD)?;
        shell.expect_shell()?;
        shell.send_line("mfa-enroll add security-key")?;
        shell.expect("it must be plugged into")?;
        shell.expect("add ssh-key")?;
        shell.expect_shell()?;
        shell.send_line("mfa-enroll")?;
        shell.expect("1 phone app   3 SSH security key")?;
        shell.expect("2 security key: only where you sit at lab itself")?;
        shell.answer("Which one? [1] ", "q")?;
        shell.expect_shell()?;
        Ok(())
    }

    fn root_adds_a_key_for_somebody_beside_them(release: Release) -> Outcome {
        let lab = lab(release, "")?;
        let key = lab.security_key("blue", Model::default())?;
        key.always(Some(Finger::Touch));
        let added = lab.run([&ADD[..], &["--user", "alice", "--name", "front desk", "--json"]].concat())?.json()?;
        assert_eq!(added["name"], "front desk");
        must_hold(&lab.run(["mfactl", "user", "alice"])?.success()?.stdout, &["front desk", "security key"])?;
        must_hold(&lab.run(["mfactl", "reset", "alice", "--yes"])?.success()?.stdout, &["1 key, 10 codes stop working"])
    }

    fn an_ssh_key_on_a_security_key_is_proved_here_and_an_ordinary_one_is_refused(release: Release) -> Outcome {
        let lab = lab(release, "")?;
        let key = lab.security_key("blue", Model::default())?;
        let provider = ssh_provider(&lab)?;
        key.always(Some(Finger::Touch));
        for (user, kind) in [("alice", "ed25519-sk"), ("bob", "ecdsa-sk")] {
            let make = format!(
                "ssh-keygen -q -t {kind} -w {provider} -N '' -C {user}@laptop -f ~/.ssh/id_sk; \
                 ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519"
            );
            lab.run_as(user, ["sh", "-euc", &format!("mkdir -p ~/.ssh; {make}")])?.success()?;
            let ordinary = lab.run_as(user, ["sh", "-c", "mfa-enroll add ssh-key ~/.ssh/id_ed25519"])?;
            must_hold(&ordinary.refused()?.stderr, &["ordinary key (ssh-ed25519)"])?;
            let with_provider = format!("SSH_SK_PROVIDER={provider}");
            let mut adding = lab.pty_as(user, ["env", &with_provider, "mfa-enroll", "add", "ssh-key"])?;
            adding.expect(&format!("\"{user}@laptop\" SHA256:"))?;
            adding.expect("Right: ")?;
            keeps_the_codes(adding)?;
            let kept = factors(&lab, user)?;
            assert_eq!((&kept[0]["kind"], kept[0]["fingerprint"].is_string()), (&Value::from("ssh-key"), true));
        }
        Ok(())
    }

    fn an_ssh_key_at_another_computer_signs_there_and_the_signature_is_pasted(release: Release) -> Outcome {
        let lab = lab(release, "")?;
        let key = lab.security_key("blue", Model::default())?;
        let provider = ssh_provider(&lab)?;
        key.always(Some(Finger::Touch));
        // Bob's account plays alice's computer at home.
        let make = format!("ssh-keygen -q -t ed25519-sk -w {provider} -N '' -f ~/id_sk; cat ~/id_sk.pub");
        let public = lab.run_as("bob", ["sh", "-euc", &make])?.success()?.stdout;
        let authorize = format!("mkdir -p ~/.ssh; echo 'no-pty {}' > ~/.ssh/authorized_keys", public.trim());
        lab.run_as("alice", ["sh", "-euc", &authorize])?.success()?;
        let mut adding = lab.pty_as("alice", ["mfa-enroll", "add", "ssh-key"])?;
        adding.expect("put your key's file in it:")?;
        let command = adding.expect("~/.ssh/id_ed25519_sk")?.replace(['\r', '\n'], "");
        let signing = format!("SSH_SK_PROVIDER={provider}; export SSH_SK_PROVIDER; {command}$HOME/id_sk");
        let signature = lab.run_as("bob", ["sh", "-euc", &signing])?.success()?.stdout;
        adding.expect("Paste what it prints, from BEGIN to END:")?;
        let wrong = signature.lines().filter(|line| !line.starts_with('U')).collect::<Vec<_>>();
        for line in wrong {
            adding.send_line(line)?;
        }
        adding.expect("Paste what it prints, from BEGIN to END:")?;
        for line in signature.lines() {
            adding.send_line(line)?;
        }
        adding.expect("Right: ")?;
        keeps_the_codes(adding)?;
        Ok(())
    }
}
