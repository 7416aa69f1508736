//! The administrator's look at the policy, and that logins then do what it said: explain, preview, require, and the
//! lines for sshd by which automation gets in.

use std::path::Path;

use harness::{Lab, LabBuilder, Outcome, Output, Release, Service, Stack, on_each_release};
use serde_json::Value;

use crate::steps::{CODE, PASSWORD, log_in, must_hold, password_given, policy, web};

/// The text on one line, however it was broken.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How the offer to enroll in the login ends.
const OFFER: &str = "q = stop: ";

fn mfactl(lab: &Lab, words: &str) -> Outcome<Output> {
    let output = lab.run(["mfactl"].into_iter().chain(words.split(' ')))?;
    let too_wide = output.stdout.lines().chain(output.stderr.lines()).find(|line| line.chars().count() > 80);
    assert!(output.stdout.starts_with('{') || too_wide.is_none(), "{too_wide:?}");
    Ok(output)
}

fn gets_in_unasked(lab: &Lab, user: &str) -> Outcome {
    let before = password_given(lab, user)?.expect_shell()?;
    assert!(!before.contains(CODE), "{user}: {before}");
    Ok(())
}

fn must_enroll(lab: &Lab, user: &str) -> Outcome {
    password_given(lab, user)?.expect(OFFER)?;
    Ok(())
}

/// A lab in which sshd demands a key and a code, and the policy has the last word about keys alone.
fn keys(release: Release, rules: &str) -> LabBuilder {
    web(release)
        .user("ansible", PASSWORD)
        .pam(Service::Sshd, Stack::key_then_code().with_account())
        .policy(&policy("always", rules))
}

/// A login of a client that can answer nothing, with a key.
fn silent_login(lab: &Lab, (user, key): (&str, &Path)) -> Outcome<(i32, String)> {
    let client =
        lab.ssh_with(user).key(key.to_owned()).option("BatchMode=yes").option("LogLevel=INFO").command("echo done");
    let mut login = client.start()?;
    let code = login.expect_closed()?;
    Ok((code, login.transcript().to_owned()))
}

fn automation(network: &str) -> String {
    format!("[[rule]]\nname = \"automation\"\nusers = [\"ansible\"]\nfrom = [\"{network}\"]\nrequire = \"never\"\n")
}

on_each_release! {
    fn what_is_explained_is_what_happens(release: Release) -> Outcome {
        let rules = "[[rule]]\nname = \"staff\"\ngroups = [\"staff\"]\nservices = [\"@ssh\"]\nrequire = \"always\"\n";
        let lab = web(release).group("staff", &["alice"]).policy(&policy("if-enrolled", rules)).boot()?;
        let mut phone = lab.enroll("alice")?.phone;

        let alice = mfactl(&lab, "policy explain --user alice --service sshd --from 127.0.0.1")?.success()?.stdout;
        must_hold(&alice, &["alice at sshd from 127.0.0.1, remote", ">  1 staff  yes: always"])?;
        must_hold(&alice, &["Asked for: phone app or backup code."])?;
        log_in(&lab, "alice", &phone.code())?;

        let bob = mfactl(&lab, "policy explain --user bob --service sshd --from 127.0.0.1")?.success()?.stdout;
        must_hold(&bob, &["1 staff", "no: bob is not in staff", ">    defaults", "yes: if-enrolled"])?;
        must_hold(&bob, &["Not asked: bob has enrolled nothing"])?;
        gets_in_unasked(&lab, "bob")?;

        let data = mfactl(&lab, "policy explain --user alice --service sudo --json")?.json()?;
        assert_eq!((&data["rule"], &data["outcome"]["what"]), (&"defaults".into(), &"factors".into()), "{data}");
        let nobody = mfactl(&lab, "policy explain --user mallory --service sudo")?;
        assert_eq!(nobody.code, 1, "{nobody}");
        assert_ne!(lab.run_as("alice", ["mfactl", "policy", "explain", "--user", "bob", "--service", "su"])?.code, 0);
        Ok(())
    }

    fn automation_gets_in_by_the_lines_that_explain_prints_and_from_nowhere_else(release: Release) -> Outcome {
        let lab = keys(release, &automation("127.0.0.0/8")).boot()?;
        lab.enroll("ansible")?;
        let (ansible, bob) = (lab.ssh_key("ansible")?, lab.ssh_key("bob")?);
        let (ansible, bob) = (("ansible", ansible.as_path()), ("bob", bob.as_path()));
        // The rule alone does not help: sshd wants to ask, and a client in batch mode does not let it.
        assert_ne!(silent_login(&lab, ansible)?.0, 0);

        let ask = "policy explain --user ansible --service sshd --from 127.0.0.1 --ssh-auth publickey";
        must_hold(&mfactl(&lab, ask)?.success()?.stdout, &[
            "Not asked: the rule says never.",
            "Match User ansible Address 127.0.0.0/8\n    AuthenticationMethods publickey\n",
            "account [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so",
        ])?;
        let told = mfactl(&lab, &format!("{ask} --json"))?.json()?;
        let lines: Vec<&str> = told["match_block"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        lab.write("/etc/ssh/sshd_config.d/00-mfa.conf", &(lines.join("\n") + "\n"), 0o644)?;
        lab.sh("sshd -t && systemctl restart ssh")?; // back when it listens; a reload closes its socket for a moment
        let (code, said) = silent_login(&lab, ansible)?;
        assert!(code == 0 && said.contains("done"), "{code}: {said}");
        assert_ne!(silent_login(&lab, bob)?.0, 0, "the block is for nobody else");

        // The policy has the last word: without its exemption the key alone does not do, and the reason is shown.
        lab.write("/etc/mfa/policy.toml", &policy("always", &automation("10.0.0.0/8")), 0o644)?;
        assert_eq!(mfactl(&lab, "policy reload")?.code, 0);
        let (code, said) = silent_login(&lab, ansible)?;
        assert!(code != 0 && said.contains("A second factor is required"), "{code}: {said}");
        Ok(())
    }

    fn a_preview_names_who_would_be_locked_out_and_they_are(release: Release) -> Outcome {
        let lab = web(release).user("carol", PASSWORD).group("sre", &["carol"]).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        lab.enroll("carol")?;
        gets_in_unasked(&lab, "bob")?;
        let rule = "[[rule]]\nname = \"keys\"\ngroups = [\"sre\"]\nfactors = [\"security-key\"]\nown_factors = false\n";
        lab.write("/root/new.toml", &policy("always", &format!("{rule}require = \"always\"\n")), 0o644)?;
        let preview = mfactl(&lab, "policy preview /root/new.toml")?;
        assert_eq!(preview.code, 1, "{preview}");
        must_hold(&flat(&preview.stdout), &[
            "LOCKED OUT 1 carol at @ssh",
            "needs security key, has phone app, backup code",
            "(rule \"keys\")",
            "Must enroll",
            "Replayed 30 days: ",
            "none that got in would fail.", // bob would enroll in his next login
        ])?;
        let data = mfactl(&lab, "policy preview /root/new.toml --json")?;
        let data: Value = serde_json::from_str(&data.stdout)?;
        let change = |user: &str| data["changes"].as_array().into_iter().flatten().find(|one| one["user"] == user).cloned();
        assert_eq!(change("bob").map(|bob| bob["enrolls"].clone()), Some("at-login".into()), "{data}");
        assert!(change("alice").is_none(), "nothing changes for her: {data}");
        // Nothing was changed by looking.
        gets_in_unasked(&lab, "bob")?;

        lab.sh("cp /root/new.toml /etc/mfa/policy.toml && mfactl policy reload")?;
        let mut login = password_given(&lab, "carol")?;
        let (_, said) = login.expect_any(&["Press Enter", "Permission denied"])?;
        assert!(!said.contains(CODE), "{said}");
        drop(login);
        must_enroll(&lab, "bob")?;
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }

    fn what_was_observed_tells_a_preview_who_would_have_failed(release: Release) -> Outcome {
        let lab = web(release).policy(&policy("observe", "")).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        gets_in_unasked(&lab, "alice")?;
        gets_in_unasked(&lab, "bob")?;
        let strict = policy("always", "").replace("require =", "enroll = \"deny\"\nrequire =");
        lab.write("/root/new.toml", &strict, 0o644)?;
        let preview = mfactl(&lab, "policy preview /root/new.toml")?;
        assert_eq!(preview.code, 1, "{preview}");
        must_hold(&flat(&preview.stdout), &["LOCKED OUT", "bob", "Replayed 30 days: 2 logins", "1 that got in WOULD FAIL"])?;
        lab.sh("cp /root/new.toml /etc/mfa/policy.toml && mfactl policy reload")?;
        log_in(&lab, "alice", &phone.code())?;
        password_given(&lab, "bob")?.expect("A second factor is required here")?;
        Ok(())
    }

    fn a_preview_calls_out_logins_that_can_answer_nothing(release: Release) -> Outcome {
        let lab = web(release)
            .user("mirror", PASSWORD)
            .pam(Service::Sshd, Stack::password_then_code().with_account())
            .sshd("AuthenticationMethods publickey password keyboard-interactive")
            .boot()?;
        let key = lab.ssh_key("mirror")?;
        for _ in 0..2 {
            assert_eq!(silent_login(&lab, ("mirror", &key))?.0, 0);
        }
        gets_in_unasked(&lab, "bob")?;
        lab.write("/root/new.toml", &policy("always", ""), 0o644)?;
        let preview = mfactl(&lab, "policy preview /root/new.toml")?;
        assert_eq!(preview.code, 1, "{preview}");
        must_hold(&flat(&preview.stdout), &[
            "Replayed 30 days: 3 logins, 2 different; 2 newly asked, 0 no longer; 1 that got in WOULD FAIL",
            "(1 non-interactive)",
            "mirror at sshd from 127.0.0.1, non-interactive, last on ",
            "Why: mfactl policy explain --user mirror --service sshd --from 127.0.0.1",
        ])?;
        let spared = "[[rule]]\nusers = [\"mirror\"]\nservices = [\"@ssh\"]\nrequire = \"never\"\n";
        lab.write("/root/new.toml", &policy("always", spared), 0o644)?;
        let preview = mfactl(&lab, "policy preview /root/new.toml")?;
        assert_eq!(preview.code, 0, "{preview}");
        must_hold(&flat(&preview.stdout), &["none that got in would fail."])?;
        lab.sh("cp /root/new.toml /etc/mfa/policy.toml && mfactl policy reload")?;
        assert_eq!(silent_login(&lab, ("mirror", &key))?.0, 0);
        Ok(())
    }

    fn a_group_is_required_and_no_longer_required(release: Release) -> Outcome {
        let lab = web(release).group("staff", &["bob"]).boot()?;
        gets_in_unasked(&lab, "bob")?;
        let mut screen = lab.pty(["mfactl", "require", "staff", "--services", "@ssh"])?;
        let shown = screen.answer("Put this in force? [y/N] ", "n")?;
        must_hold(&flat(&shown), &["/etc/mfa/policy.d/50-require-staff.toml will say:", "Newly asked 1 0 enrolled, 1 not bob"])?;
        assert_eq!(screen.expect_closed()?, 1);
        assert_eq!(lab.run(["ls", "/etc/mfa/policy.d"])?.stdout, "");
        gets_in_unasked(&lab, "bob")?;

        let mut screen = lab.pty(["mfactl", "require", "staff", "--services", "@ssh"])?;
        screen.answer("Put this in force? [y/N] ", "y")?;
        screen.expect("Done: in force.")?;
        assert_eq!(screen.expect_closed()?, 0);
        assert_eq!(lab.sh("stat -c '%U:%G %a' /etc/mfa/policy.d/50-require-staff.toml")?, "root:root 644\n");
        must_enroll(&lab, "bob")?;
        gets_in_unasked(&lab, "alice")?;

        let mut screen = lab.pty(["mfactl", "unrequire", "staff"])?;
        let shown = screen.answer("Put this in force? [y/N] ", "y")?;
        must_hold(&flat(&shown), &["will be removed", "No longer asked 1 bob"])?;
        assert_eq!(screen.expect_closed()?, 0);
        gets_in_unasked(&lab, "bob")
    }

    fn requiring_a_group_without_asking_locks_nobody_out_and_changes_nothing_by_half(release: Release) -> Outcome {
        let lab = web(release).group("staff", &["bob"]).boot()?;
        let refusals = [
            ("require staff", 2, "Say so with --yes"),
            ("require staff --enroll deny --yes", 1, "bob would be locked out"),
            ("require no-such-group --yes", 1, "There is no group"),
            ("require staff --services @shh --yes", 1, "did you mean"),
            ("require ../staff --yes", 1, "There is no group"),
            ("unrequire staff --yes", 1, "is not required by a file of its own"),
        ];
        for (words, code, said) in refusals {
            let output = mfactl(&lab, words)?;
            assert_eq!(output.code, code, "{output}");
            must_hold(&flat(&(output.stdout.clone() + &output.stderr)), &[said])?;
            assert_eq!(lab.run(["ls", "-A", "/etc/mfa/policy.d"])?.stdout, "", "{words}");
        }
        gets_in_unasked(&lab, "bob")?;
        // What is broken elsewhere is not put in force by the way.
        lab.write("/etc/mfa/policy.toml", "[defaults]\nrequire = \"sometimes\"\n", 0o644)?;
        let output = mfactl(&lab, "require staff --yes")?;
        assert_eq!(output.code, 1, "{output}");
        must_hold(&output.stdout, &["policy.toml:2:11: error: ", "Nothing of this would be taken"])?;
        gets_in_unasked(&lab, "bob")?;
        lab.write("/etc/mfa/policy.toml", &policy("if-enrolled", ""), 0o644)?;
        let done = mfactl(&lab, "require staff --yes --json")?.json()?;
        assert_eq!((&done["in_force"], &done["preview"]["counts"]["newly_asked"]), (&true.into(), &1.into()), "{done}");
        must_enroll(&lab, "bob")
    }

    fn mistakes_are_shown_where_they_are_and_nothing_is_put_in_force_by_checking(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.write("/root/bad.toml", "[[rule]]\n  usrs = [\"bob\"]\n", 0o644)?;
        let output = mfactl(&lab, "policy check /root/bad.toml")?;
        assert_eq!(output.code, 1, "{output}");
        must_hold(&output.stdout, &[
            "policy.toml:2:3: error: unknown key `usrs`\n  2 |   usrs = [\"bob\"]\n    |   ^^^^\n    = did you mean `users`?",
            "1 error. Nothing of this would be taken.",
        ])?;
        lab.sh("mkdir -p /etc/mfa/policy.d && cp /root/bad.toml /etc/mfa/policy.d/60-bad.toml")?;
        let output = mfactl(&lab, "policy check")?;
        assert_eq!(output.code, 1, "{output}");
        must_hold(&output.stdout, &["policy.d/60-bad.toml:2:3: error: "])?;
        let output = mfactl(&lab, "policy reload")?;
        assert_eq!(output.code, 1, "{output}");
        must_hold(&output.stdout, &["the policy loaded before stays in force."])?;
        gets_in_unasked(&lab, "bob")?;
        lab.sh("rm /etc/mfa/policy.d/60-bad.toml")?;
        let ended = "[[rule]]\nusers = [\"bob\"]\nuntil = 2020-01-01\nrequire = \"always\"\n";
        lab.write("/root/old.toml", ended, 0o644)?;
        let output = mfactl(&lab, "policy check /root/old.toml --as policy.d/70-old.toml")?;
        assert_eq!(output.code, 0, "{output}");
        must_hold(&output.stdout, &["policy.d/70-old.toml:1: warning: ", "is over", "2 files, 1 rule: would be taken."])?;
        let data = mfactl(&lab, "policy check --json")?.json()?;
        assert_eq!(data["errors"], Value::Array(Vec::new()), "{data}");
        Ok(())
    }
}
