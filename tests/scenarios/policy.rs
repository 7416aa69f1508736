//! Who is asked: required or not, by user, by group and by service, and what happens when the policy changes.

use harness::{Lab, Outcome, Release, Service, Stack, on_each_release};

use crate::steps::{CODE, PASSWORD, account, log_in, logged, must_hold, password_given, policy, web};

/// Logs in over ssh with the password and is asked nothing else.
fn gets_in_unasked(lab: &Lab, user: &str) -> Outcome {
    let before = password_given(lab, user)?.expect_shell()?;
    assert!(!before.contains(CODE), "{user}: {before}");
    Ok(())
}

fn is_asked(lab: &Lab, user: &str) -> Outcome {
    password_given(lab, user)?.expect(CODE)?;
    Ok(())
}

fn reload(lab: &Lab, toml: &str) -> Outcome {
    lab.write("/etc/mfa/policy.toml", toml, 0o644)?;
    lab.sh("systemctl reload mfa-daemon")?;
    Ok(())
}

on_each_release! {
    fn if_enrolled_asks_whoever_has_a_factor_and_nobody_else(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        is_asked(&lab, "alice")?;
        gets_in_unasked(&lab, "bob")
    }

    fn the_policy_as_shipped_asks_whoever_has_a_factor_and_nobody_else(release: Release) -> Outcome {
        let lab = Lab::builder(release)
            .user("alice", PASSWORD)
            .user("bob", PASSWORD)
            .pam(Service::Sshd, Stack::password_then_code())
            .boot()?;
        lab.enroll("alice")?;
        is_asked(&lab, "alice")?;
        gets_in_unasked(&lab, "bob")?;
        let status = lab.run(["mfactl", "status", "--json"])?.json()?;
        assert_eq!((&status["healthy"], &status["enrolled"]), (&true.into(), &1.into()), "{status}");
        Ok(())
    }

    fn always_asks_the_enrolled_and_refuses_others_where_they_cannot_enroll(release: Release) -> Outcome {
        let toml = policy("always", "").replace("require =", "enroll = \"deny\"\nrequire =");
        let lab = web(release).policy(&toml).boot()?;
        lab.enroll("alice")?;
        is_asked(&lab, "alice")?;
        let mut login = password_given(&lab, "bob")?;
        login.answer("Press Enter. ", "")?;
        let said = login.expect_denied()?;
        assert!(login.transcript().contains("A second factor is required here, and you have none yet."), "{said}");
        Ok(())
    }

    fn never_asks_nobody_not_even_the_enrolled(release: Release) -> Outcome {
        let lab = web(release).policy(&policy("never", "")).boot()?;
        lab.enroll("alice")?;
        gets_in_unasked(&lab, "alice")?;
        gets_in_unasked(&lab, "bob")
    }

    fn observe_asks_nobody_and_records_what_always_would_have_done(release: Release) -> Outcome {
        let lab = web(release).policy(&policy("observe", "")).boot()?;
        lab.enroll("alice")?;
        for (user, would) in [("alice", "reason=observed-would-ask"), ("bob", "reason=observed-would-enroll")] {
            gets_in_unasked(&lab, user)?;
            must_hold(&logged(&lab, "skipped", user)?.join("\n"), &[would])?;
        }
        Ok(())
    }

    fn rules_for_users_and_groups_are_tried_in_order(release: Release) -> Outcome {
        let rules = r#"
            [[rule]]
            name = "bob may always"
            users = ["bob"]
            require = "never"
            [[rule]]
            name = "other groups"
            groups = ["printing", "no-such-group"]
            require = "never"
            [[rule]]
            name = "staff"
            groups = ["staff"]
            require = "always"
        "#;
        let lab = web(release)
            .user("carol", PASSWORD)
            .user("dave", PASSWORD)
            .group("staff", &["alice", "bob", "dave"])
            .group("printing", &["dave"])
            .policy(&policy("if-enrolled", rules))
            .boot()?;
        lab.enroll_all(&["alice", "bob", "dave"])?;
        is_asked(&lab, "alice")?;
        gets_in_unasked(&lab, "bob")?;
        gets_in_unasked(&lab, "carol")?;
        gets_in_unasked(&lab, "dave")?;
        for (user, rule) in [("bob", "bob may always"), ("carol", "defaults"), ("dave", "other groups")] {
            let lines = logged(&lab, "skipped", user)?.join("\n");
            assert!(lines.contains(&format!("rule=\"{rule}\"")) || lines.contains(&format!("rule={rule} ")), "{lines}");
        }
        assert_eq!(account(&lab, "alice")?["rule"], "staff");
        Ok(())
    }

    fn a_primary_group_counts_like_any_other(release: Release) -> Outcome {
        let rules = "[[rule]]\nname = \"alices\"\ngroups = [\"alice\"]\nrequire = \"never\"\n";
        let lab = web(release).policy(&policy("if-enrolled", rules)).boot()?;
        lab.enroll_all(&["alice", "bob"])?;
        gets_in_unasked(&lab, "alice")?;
        is_asked(&lab, "bob")
    }

    fn a_rule_for_a_service_leaves_the_others_alone(release: Release) -> Outcome {
        let rules = "[[rule]]\nname = \"not here\"\nservices = [\"@ssh\"]\nrequire = \"never\"\n";
        let lab = web(release)
            .pam(Service::Login, Stack::password_then_code())
            .policy(&policy("if-enrolled", rules))
            .boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        gets_in_unasked(&lab, "alice")?;
        let mut console = lab.pty(["login"])?;
        console.answer("login: ", "alice")?;
        console.answer("Password: ", PASSWORD)?;
        console.answer(CODE, &phone.code())?;
        console.expect_shell()?;
        Ok(())
    }

    fn an_address_exempts_only_whoever_comes_from_it(release: Release) -> Outcome {
        let rules = |network: &str| {
            policy("if-enrolled", &format!("[[rule]]\nname = \"net\"\nfrom = [\"{network}\"]\nrequire = \"never\"\n"))
        };
        let lab = web(release).policy(&rules("10.0.0.0/8")).boot()?;
        lab.enroll("alice")?;
        is_asked(&lab, "alice")?;
        reload(&lab, &rules("127.0.0.0/8"))?;
        gets_in_unasked(&lab, "alice")
    }

    fn a_changed_policy_holds_from_its_reload_on(release: Release) -> Outcome {
        let lab = web(release).policy(&policy("never", "")).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        gets_in_unasked(&lab, "alice")?;
        reload(&lab, &policy("if-enrolled", ""))?;
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }

    fn a_policy_that_starts_to_ask_nothing_lets_nobody_pass_who_is_being_asked(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let phone = lab.enroll("alice")?.phone;
        let mut login = password_given(&lab, "alice")?;
        login.expect(CODE)?;
        reload(&lab, &policy("never", ""))?;
        login.send_line(&phone.wrong_code())?;
        login.expect_denied()?;
        gets_in_unasked(&lab, "alice")
    }

    fn a_broken_policy_is_refused_whole_and_the_old_one_stays(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        reload(&lab, "[defaults]\nrequire = \"never\"\n\n[[rule]]\nusrs = [\"bob\"]\n")?;
        let status = lab.run(["mfactl", "status"])?;
        assert_eq!(status.code, 1, "{status}");
        must_hold(&status.stdout, &[
            "NOT HEALTHY.",
            "policy.toml:5:1",
            "\n  5 | usrs = [\"bob\"]\n    | ^^^^\n",
            "The policy loaded before stays in force.",
        ])?;
        is_asked(&lab, "alice")?;
        reload(&lab, &policy("if-enrolled", ""))?;
        assert_eq!(lab.run(["mfactl", "status"])?.code, 0);
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }

    fn a_policy_somebody_else_could_have_written_is_refused(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        for spoil in ["chmod o+w /etc/mfa/policy.toml", "chmod o-w /etc/mfa/policy.toml; chown bob /etc/mfa/policy.toml"] {
            reload(&lab, &policy("never", ""))?;
            lab.sh(&format!("{spoil}; systemctl reload mfa-daemon"))?;
            let status = lab.run(["mfactl", "status"])?;
            assert_eq!(status.code, 1, "{status}");
            must_hold(&status.stdout, &["is not trusted"])?;
        }
        Ok(())
    }

    fn started_without_a_valid_policy_the_daemon_denies_every_login(release: Release) -> Outcome {
        let lab = web(release).policy("[defaults]\nrequire = \"sometimes\"\n").boot()?;
        let mut login = password_given(&lab, "bob")?;
        login.expect_denied()?;
        let status = lab.run(["mfactl", "status"])?;
        assert_eq!(status.code, 1, "{status}");
        must_hold(&status.stdout, &["NO VALID POLICY.", "policy.toml:2", "Without a valid policy every login is refused."])?;
        reload(&lab, &policy("if-enrolled", ""))?;
        gets_in_unasked(&lab, "bob")
    }
}
