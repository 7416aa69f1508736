//! What a plain user's own processes may ask the daemon: about themselves, as a screen locker does, and nothing else.
//! Nothing they say about where they are is believed, and nothing they do keeps anybody from logging in.

use harness::{Lab, Outcome, Release, on_each_release};

use crate::steps::{CODES, account, bring_programs, log_in, must_hold, policy, web};

/// `pamtester` as that user, with lines to type.
fn pamtester(lab: &Lab, by: &str, args: &[&str], typed: &str) -> Outcome<harness::Output> {
    Ok(lab.run_as_with_input(by, [&["pamtester"], args].concat(), typed)?)
}

/// Says frames to the daemon as that user; what came back, a line each.
fn say(lab: &Lab, by: &str, frames: &str) -> Outcome<String> {
    Ok(lab.run_as_with_input(by, ["frames", "/run/mfa/mfa.sock"], frames)?.success()?.stdout)
}

const DENIED: &str = "org.varlink.service.PermissionDenied";

on_each_release! {
    fn a_plain_user_is_asked_about_themselves_and_passes(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let about_herself = [CODES.file(), "alice", "authenticate"];
        let output = pamtester(&lab, "alice", &about_herself, &(phone.code() + "\n"))?.success()?;
        must_hold(&output.stdout, &["successfully authenticated"])?;
        pamtester(&lab, "alice", &about_herself, &(phone.last_code() + "\n"))?.refused()?;
        Ok(())
    }

    fn about_another_they_are_refused_before_anything_is_asked(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phones = lab.enroll_all(&["alice", "bob"])?;
        let code = phones[1].phone.code() + "\n";
        for user in ["bob", "root", "nobody-of-that-name"] {
            let output = pamtester(&lab, "alice", &[CODES.file(), user, "authenticate"], &code)?.refused()?;
            assert!(!output.stderr.contains("ode: "), "{output}");
        }
        assert_eq!(account(&lab, "bob")?["failures"], 0);
        Ok(())
    }

    fn their_failures_do_not_keep_them_from_logging_in(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let wrong = phone.wrong_codes(3).join("\n") + "\n";
        let guess = || pamtester(&lab, "alice", &[CODES.file(), "alice", "authenticate"], &wrong);
        guess()?.refused()?;
        let throttled = guess()?.refused()?;
        must_hold(&throttled.stderr, &["Too many wrong codes. The next try is in 0:"])?;
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }

    fn an_address_of_their_own_invention_exempts_nobody(release: Release) -> Outcome {
        let rules = "[[rule]]\nname = \"office\"\nfrom = [\"10.0.0.0/8\"]\nrequire = \"never\"\n\
                     [[rule]]\nname = \"signed in\"\nssh_auth = [\"publickey\"]\nrequire = \"never\"\n";
        let lab = web(release).policy(&policy("if-enrolled", rules)).boot()?;
        bring_programs(&lab)?;
        lab.enroll("alice")?;
        let lie = ["-I", "rhost=10.1.2.3", CODES.file(), "alice", "authenticate"];
        let output = pamtester(&lab, "alice", &lie, "\n")?.refused()?;
        must_hold(&output.stderr, &["Verification code: "])?;
        // The same from root's sshd would be believed.
        let begin = r#"{"method":"io.mfa.Login.Begin","parameters":{"protocol":1,"user":"alice","service":"sshd",
            "phase":"auth","rhost":"10.1.2.3","ssh_auth":"publickey ssh-ed25519 AAAA","login_uid":0,"timeout":60}}"#;
        let begin = begin.replace('\n', "");
        let answer = say(&lab, "alice", &begin)?;
        must_hold(&answer, &["Verification code: "])?;
        let answer = lab.run_with_input(["frames", "/run/mfa/root.sock"], &begin)?.success()?.stdout;
        must_hold(&answer, &["skipped"])
    }

    fn whoever_they_name_is_themselves_or_nobody(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        bring_programs(&lab)?;
        lab.enroll("bob")?;
        let about_bob = [
            ("io.mfa.Login.Begin", r#""protocol":1,"service":"sshd","phase":"auth","timeout":60,"#),
            ("io.mfa.Enrollment.Status", ""),
            ("io.mfa.Enrollment.Authorize", ""),
            ("io.mfa.Enrollment.AddTotp", ""),
            ("io.mfa.Enrollment.Confirm", r#""id":1,"codes":["000000"],"#),
            ("io.mfa.Enrollment.NewBackupCodes", ""),
            ("io.mfa.Enrollment.Remove", r#""id":1,"#),
            ("io.mfa.Enrollment.Rename", r#""id":1,"name":"mine","#),
            ("io.mfa.Admin.Account", ""),
            ("io.mfa.Admin.Reset", ""),
            ("io.mfa.Admin.Unlock", ""),
            ("io.mfa.Admin.Rebind", ""),
            ("io.mfa.Admin.Status", ""),
            ("io.mfa.Admin.Accounts", ""),
        ];
        let frames = about_bob.map(|(method, more)| {
            format!("{{\"method\":\"{method}\",\"parameters\":{{{more}\"user\":\"bob\"}}}}\n")
        });
        let answers = say(&lab, "alice", &frames.concat())?;
        for ((method, _), answer) in about_bob.iter().zip(answers.lines()) {
            assert!(answer.contains(DENIED), "{method}: {answer}");
        }
        assert_eq!(answers.lines().count(), about_bob.len(), "{answers}");
        Ok(())
    }

    fn roots_socket_and_roots_command_are_closed_to_them(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        bring_programs(&lab)?;
        let output = lab.run_as("alice", ["frames", "/run/mfa/root.sock"])?.refused()?;
        must_hold(&output.stderr, &["Permission denied"])?;
        for command in ["users", "status"] {
            let output = lab.run_as("alice", ["/usr/bin/mfactl", command])?.refused()?;
            must_hold(&output.stderr, &["mfactl: "])?;
        }
        let output = lab.run_as("alice", ["mfa-enroll", "--user", "bob", "status"])?.refused()?;
        must_hold(&output.stderr, &["mfa-enroll: "])
    }

    fn a_crowd_of_connections_of_theirs_keeps_nobody_else_out(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        bring_programs(&lab)?;
        let mut phone = lab.enroll("bob")?.phone;
        let many = "for _ in $(seq 200); do sleep 60 | frames /run/mfa/mfa.sock & done; wait";
        let _crowd = lab.pty_as("alice", ["sh", "-c", many])?;
        lab.await_journal("has too many connections")?;
        log_in(&lab, "bob", &phone.code())?;
        let mut bobs = lab.run_as("bob", ["mfa-enroll", "status", "--json"])?.json()?;
        assert_eq!(bobs["user"].take(), "bob");
        Ok(())
    }
}
