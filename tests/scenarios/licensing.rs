//! Licenses and seats: who gets in when they are full, what a license changes, whose seat is freed and comes back.
//!
//! Every license here is issued as a vendor does it, with nothing but ssh-keygen.

use harness::{Lab, LabBuilder, Outcome, Phone, Release, Service, Stack, Terminal, on_each_release};
use serde_json::Value;

use crate::steps::{CODE, PASSWORD, account, log_in, logged, must_hold, password_given, policy};

/// How the offer to enroll in a login ends.
const OFFER: &str = "q = stop: ";

/// A lab with an issuer of its own, in which everybody must enroll at an ssh login.
fn site(release: Release, users: &[&str]) -> LabBuilder {
    let lab = Lab::builder(release).pam(Service::Sshd, Stack::password_then_code());
    let lab = users.iter().fold(lab, |lab, user| lab.user(user, PASSWORD));
    lab.policy(&policy("always", "")).before_boot(
        "mkdir -m 700 /root/vendor && cd /root/vendor\n\
         ssh-keygen -q -t ed25519 -N '' -C vendor@example.com -f key\n\
         ssh-keygen -q -t ed25519 -N '' -C thief@example.com -f other\n\
         echo \"vendor@example.com namespaces=\\\"mfa-license\\\" $(cut -d' ' -f1,2 key.pub)\" >/etc/mfa/license-issuers\n",
    )
}

/// Issues a license for so many seats, `from` and `until` in date(1)'s words.
fn issue(lab: &Lab, seats: u32, (from, until): (&str, &str)) -> Outcome {
    lab.sh(&format!(
        "cd /root/vendor && rm -f acme.toml*\n\
         printf 'format = 1\\nid = \"A-%s\"\\ncustomer = \"ACME\"\\nseats = %s\\nissued = %s\\nends = %s\\n' \
             {seats} {seats} $(date -u -d '{from}' +%F) $(date -u -d '{until}' +%F) >acme.toml\n\
         ssh-keygen -q -Y sign -f key -n mfa-license acme.toml"
    ))?;
    Ok(())
}

fn install(lab: &Lab) -> Outcome<String> {
    Ok(lab.run(["mfactl", "license", "install", "/root/vendor/acme.toml"])?.success()?.stdout)
}

fn license(lab: &Lab) -> Outcome<Value> {
    Ok(lab.run(["mfactl", "license", "status", "--json"])?.json()?)
}

fn issue_and_install(lab: &Lab, seats: u32) -> Outcome<String> {
    issue(lab, seats, ("yesterday", "1 year"))?;
    install(lab)
}

/// An ssh login that enrolls by the picture on its screen.
fn enroll_at_login(lab: &Lab, user: &str) -> Outcome<Phone> {
    let mut login = password_given(lab, user)?;
    login.answer(OFFER, "")?;
    login.expect(CODE)?;
    let mut phone = Phone::scan_screen(login.transcript())?;
    login.send_line(&phone.code())?;
    keep_codes(&mut login)?;
    login.expect_shell()?;
    Ok(phone)
}

fn keep_codes(login: &mut Terminal) -> Outcome {
    let page = login.expect("Type the last group of code ")?;
    let asked = login.expect(": ")?;
    let number = asked.trim_end_matches(": ").trim();
    let mut words = page.split_whitespace();
    let code = words.by_ref().find(|word| *word == number).and_then(|_| words.next()).unwrap_or_default();
    login.send_line(code.rsplit('-').next().unwrap_or_default())?;
    Ok(())
}

fn is_let_in_with_the_password(lab: &Lab, user: &str) -> Outcome {
    password_given(lab, user)?.expect_shell()?;
    must_hold(&logged(lab, "skipped", user)?.join("\n"), &["reason=seats-full"])
}

on_each_release! {
    fn when_the_seats_are_full_a_newcomer_passes_on_the_password_until_a_license_has_room(release: Release) -> Outcome {
        let lab = site(release, &["alice", "bob"]).boot()?;
        must_hold(&lab.run(["mfactl", "license", "status"])?.success()?.stdout, &["No license: 25 seats."])?;
        must_hold(&issue_and_install(&lab, 1)?, &["Installed: 1 seat, 25 before"])?;
        let mut phone = lab.enroll("alice")?.phone;
        is_let_in_with_the_password(&lab, "bob")?;
        let told = license(&lab)?;
        assert_eq!((&told["state"], &told["seats"]["free"], &told["bypassed_today"]), (&"full".into(), &0.into(), &1.into()));
        let explained = lab.run(["mfactl", "policy", "explain", "--user", "bob", "--service", "sshd"])?;
        must_hold(&explained.success()?.stdout, &["all seats are taken"])?;
        must_hold(&lab.run(["mfactl", "status"])?.success()?.stdout, &["1 of 1, 0 free", "let in with one factor today 1"])?;
        let bypassed = lab.run(["mfactl", "users", "--bypassed"])?.success()?.stdout;
        assert!(bypassed.contains("bob") && !bypassed.contains("alice"), "{bypassed}");
        // Whoever is enrolled is asked as before.
        log_in(&lab, "alice", &phone.code())?;
        issue_and_install(&lab, 9)?;
        enroll_at_login(&lab, "bob")?;
        assert_eq!(license(&lab)?["seats"]["used"], 2);
        Ok(())
    }

    fn where_the_site_says_deny_a_newcomer_without_a_seat_is_refused(release: Release) -> Outcome {
        let lab = site(release, &["alice", "bob"]).settings("[license]\non_full = \"deny\"\n").boot()?;
        issue_and_install(&lab, 1)?;
        lab.enroll("alice")?;
        let mut login = password_given(&lab, "bob")?;
        login.expect("all seats are taken")?;
        login.answer("Press Enter. ", "")?;
        login.expect_denied()?;
        must_hold(&logged(&lab, "denied", "bob")?.join("\n"), &["reason=seats-full"])
    }

    fn whoever_can_become_root_enrolls_beyond_the_seats(release: Release) -> Outcome {
        let lab = site(release, &["alice", "bob"]).group("wheel", &["bob"]).boot()?;
        issue_and_install(&lab, 1)?;
        lab.enroll("alice")?;
        enroll_at_login(&lab, "bob")?;
        let told = license(&lab)?;
        assert_eq!((&told["state"], &told["seats"]["used"]), (&"over".into(), &2.into()));
        Ok(())
    }

    fn a_reset_keeps_the_seat(release: Release) -> Outcome {
        let lab = site(release, &["alice", "bob"]).boot()?;
        issue_and_install(&lab, 1)?;
        lab.enroll("alice")?;
        lab.run(["mfactl", "reset", "alice", "--yes"])?.success()?;
        assert_eq!(license(&lab)?["seats"]["used"], 1);
        is_let_in_with_the_password(&lab, "bob")?;
        enroll_at_login(&lab, "alice")?;
        assert_eq!(license(&lab)?["seats"]["used"], 1);
        Ok(())
    }

    fn of_two_newcomers_at_once_one_takes_the_last_seat_and_the_other_is_let_in_without(release: Release) -> Outcome {
        let lab = site(release, &["alice", "bob"]).boot()?;
        issue_and_install(&lab, 1)?;
        let (mut first, mut second) = (password_given(&lab, "alice")?, password_given(&lab, "bob")?);
        let mut codes = Vec::new();
        for login in [&mut first, &mut second] {
            login.answer(OFFER, "")?;
            login.expect(CODE)?;
            codes.push(Phone::scan_screen(login.transcript())?.code());
        }
        first.send_line(&codes[0])?;
        keep_codes(&mut first)?;
        first.expect_shell()?;
        second.send_line(&codes[1])?;
        second.expect_shell()?;
        must_hold(&logged(&lab, "skipped", "bob")?.join("\n"), &["reason=seats-full"])?;
        assert_eq!(license(&lab)?["seats"]["used"], 1);
        assert_eq!(account(&lab, "bob")?["factors"], Value::Array(Vec::new()));
        Ok(())
    }

    fn what_is_not_a_license_of_the_vendors_is_refused_and_the_old_one_stays(release: Release) -> Outcome {
        let lab = site(release, &["alice"]).boot()?;
        issue_and_install(&lab, 7)?;
        issue(&lab, 9000, ("yesterday", "1 year"))?;
        let spoilt = [
            ("sed -i s/9000/9999/ acme.toml", "does not fit its signature"),
            ("rm acme.toml.sig; ssh-keygen -q -Y sign -f other -n mfa-license acme.toml", "Ask who issued it"),
            ("rm acme.toml.sig; ssh-keygen -q -Y sign -f key -n file acme.toml", "not for a license"),
            ("truncate -s 40 acme.toml.sig", ""),
            ("rm acme.toml.sig", "cannot be read"),
            ("head -c 99999 /dev/zero >acme.toml", "larger than any license"),
            (": >acme.toml.sig", ""),
        ];
        for (spoil, why) in spoilt {
            issue(&lab, 9000, ("yesterday", "1 year"))?;
            lab.sh(&format!("cd /root/vendor && {spoil}"))?;
            let refused = lab.run(["mfactl", "license", "install", "/root/vendor/acme.toml"])?.refused()?;
            must_hold(&refused.stderr, &[why])?;
        }
        for (days, why) in [(("tomorrow + 3 days", "1 year"), "still to come"), (("1 year ago", "1 month ago"), "ended on")] {
            issue(&lab, 9000, days)?;
            let refused = lab.run(["mfactl", "license", "install", "/root/vendor/acme.toml"])?.refused()?;
            must_hold(&refused.stderr, &[why])?;
        }
        assert_eq!(license(&lab)?["seats"]["total"], 7);
        lab.sh("systemctl restart mfa-daemon")?;
        assert_eq!(license(&lab)?["seats"]["total"], 7);
        // Whoever could write to it could issue one.
        lab.sh("chmod g+w /etc/mfa/license-issuers && systemctl reload mfa-daemon")?;
        let told = license(&lab)?;
        assert_eq!((&told["state"], &told["seats"]["total"]), (&"not valid".into(), &25.into()));
        must_hold(&told["sentence"].to_string(), &["chmod go-w"])
    }

    fn an_ended_license_takes_nobody_new_and_lets_the_enrolled_in_as_before(release: Release) -> Outcome {
        let lab = site(release, &["alice", "bob"]).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        issue(&lab, 9, ("1 year ago", "1 month ago"))?;
        lab.sh("install -d /etc/mfa/license && cp /root/vendor/acme.toml /etc/mfa/license/license.toml")?;
        lab.sh("cp /root/vendor/acme.toml.sig /etc/mfa/license/license.toml.sig && systemctl reload mfa-daemon")?;
        lab.await_journal("license-ending reason=ended")?;
        assert_eq!(license(&lab)?["state"], "ended");
        is_let_in_with_the_password(&lab, "bob")?;
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }

    fn administrators_are_told_once_of_four_fifths_and_of_the_last_seat(release: Release) -> Outcome {
        let users = ["alice", "bob", "carol", "dave", "erin"];
        let lab = site(release, &users).boot()?;
        issue_and_install(&lab, 5)?;
        lab.enroll_all(&users[..3])?;
        lab.enroll("dave")?;
        lab.await_journal("seats-crossed reason=80%")?;
        lab.enroll("erin")?;
        lab.await_journal("seats-crossed reason=100%")?;
        lab.sh("systemctl restart mfa-daemon")?;
        license(&lab)?;
        let told = lab.run(["mfactl", "audit", "--json"])?.success()?.stdout;
        assert_eq!(told.matches("seats-crossed").count(), 2, "{told}");
        Ok(())
    }

    fn a_deleted_account_gives_its_seat_back_and_takes_it_again_when_it_returns(release: Release) -> Outcome {
        let lab = site(release, &["alice", "bob", "carol"]).boot()?;
        lab.enroll_all(&["alice", "bob"])?;
        lab.run(["mfactl", "reconcile"])?.success()?;
        let told = license(&lab)?;
        assert_eq!((&told["counts"]["enrolled"], &told["seats"]["used"]), (&2.into(), &2.into()), "{told}");
        // The change of the files is enough; nobody runs anything.
        lab.sh("getent passwd bob >/root/bob && getent shadow bob >/root/bob.shadow && userdel bob")?;
        lab.await_journal("suspended user=bob reason=deleted")?;
        assert_eq!((&license(&lab)?["seats"]["used"], &license(&lab)?["suspended"]), (&1.into(), &1.into()));
        lab.sh("cat /root/bob >>/etc/passwd && cat /root/bob.shadow >>/etc/shadow")?;
        lab.run(["mfactl", "reconcile"])?.success()?;
        assert_eq!((&license(&lab)?["seats"]["used"], &license(&lab)?["suspended"]), (&2.into(), &0.into()));
        password_given(&lab, "bob")?.expect(CODE)?;
        let recorded = lab.run(["mfactl", "audit", "--user", "bob", "--json"])?.success()?.stdout;
        must_hold(&recorded, &["\"suspended\"", "deleted", "\"returned\"", "found"])
    }

    fn an_expired_account_is_suspended_and_whoever_logs_in_with_a_factor_is_back(release: Release) -> Outcome {
        let lab = site(release, &["alice"]).pam(Service::Named("codes"), Stack::code_alone()).boot()?;
        lab.enroll("alice")?;
        lab.sh("usermod --expiredate 2020-01-01 alice && usermod --lock alice")?;
        must_hold(&lab.run(["mfactl", "reconcile"])?.success()?.stdout, &[""])?;
        assert_eq!(license(&lab)?["suspended"], 1);
        lab.sh("usermod --expiredate '' alice")?;
        lab.run(["mfactl", "reconcile"])?.success()?;
        // A locked password alone is no reason.
        assert_eq!((&license(&lab)?["suspended"], &license(&lab)?["seats"]["used"]), (&0.into(), &1.into()));
        Ok(())
    }

    fn a_request_names_the_site_and_nobody_in_it(release: Release) -> Outcome {
        let lab = site(release, &["alice"]).boot()?;
        lab.enroll("alice")?;
        lab.run(["mfactl", "license", "request", "--seats", "800", "-o", "/root/request.toml"])?.success()?;
        let text = lab.read("/root/request.toml")?;
        must_hold(&text, &["seats_wanted = 800", "seats_used = 1", "site = "])?;
        assert!(!text.contains("alice"), "{text}");
        let site = license(&lab)?["site"].as_str().unwrap_or_default().to_owned();
        must_hold(&text, &[&site])?;
        lab.run(["mfactl", "license", "request", "-o", "/root/request.toml"])?.refused()?;
        assert_eq!(lab.run(["mfactl", "license", "request", "--seats", "0"])?.code, 2);
        Ok(())
    }
}
