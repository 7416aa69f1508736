//! A sealed copy of everybody leaves the machine and comes back: whole or not at all, and nothing that was good once is
//! good after it.

use harness::{Lab, Outcome, Phone, Release, on_each_release};
use serde_json::Value;

use crate::steps::{CODE, account, be_refused, log_in, must_hold, web};

const COPY: &str = "/root/mfa.age";
const WORDS: &str = "seven wet stones";
/// Makes root a key as administrators have one.
const KEY: &str = "ssh-keygen -q -t ed25519 -N '' -f /root/key";
/// Another machine: no database, and a master key of its own.
const EMPTY: &str = "systemctl stop mfa-daemon.socket mfa-daemon-root.socket mfa-daemon.service
rm -rf /var/lib/mfa/* /etc/mfa/credentials/*
systemctl restart mfa-master-key.service mfa-daemon.socket mfa-daemon-root.socket
mfactl status > /dev/null";

/// The screen that a command leaves, and how it ended.
fn told(lab: &Lab, words: &[&str]) -> Outcome<(i32, String)> {
    let output = lab.run(words.iter().copied())?;
    let screen = format!("{}{}", output.stdout, output.stderr);
    for line in screen.lines().filter(|line| !line.starts_with("age: ")) {
        assert!(line.chars().count() <= 80, "{line:?}");
    }
    Ok((output.code, screen))
}

fn sealed_for_the_key(lab: &Lab) -> Outcome {
    lab.sh(KEY)?;
    let (code, screen) = told(lab, &["mfactl", "export", COPY, "--recipient", "/root/key.pub"])?;
    assert_eq!(code, 0, "{screen}");
    must_hold(&screen, &[&format!("in {COPY}.")])
}

fn restore<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["mfactl", "restore", file, "--identity", "/root/key"], more].concat()
}

fn factors(lab: &Lab, user: &str) -> Outcome<usize> {
    Ok(account(lab, user)?["factors"].as_array().map_or(0, Vec::len))
}

/// Up to a code that nobody can have seen before the copy was put back.
fn pass_the_seen_ones(phone: &mut Phone) {
    for _ in 0..3 {
        phone.code();
    }
}

/// Files made of a copy, each with what is said of it.
const SPOILED: [(&str, &str); 7] = [
    ("head --bytes=-20 /root/mfa.age > $f", "age did not open it"),
    ("head --bytes=100 /root/mfa.age > $f", "age did not open it"),
    (
        "cp /root/mfa.age $f; printf '\\377\\377\\377\\377' | dd of=$f bs=1 seek=$(($(stat -c %s $f) - 9)) conv=notrunc status=none",
        "age did not open it",
    ),
    ("echo hello > $f", "age did not open it"),
    ("echo hello | age -R /root/key.pub -o $f", "a line of it is not what mfactl writes"),
    ("age -d -i /root/key /root/mfa.age | head -n -1 | age -R /root/key.pub -o $f", "its end is missing"),
    (
        "age -d -i /root/key /root/mfa.age | sed 2d | age -R /root/key.pub -o $f",
        "its accounts are not as many as it says",
    ),
];

on_each_release! {
    fn a_copy_is_put_back_with_its_passphrase_and_all_that_is_good_once_is_void(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut alice = lab.enroll("alice")?;
        lab.run(["mfa-enroll", "--user", "bob", "add", "totp", "--json"])?.success()?;
        let given = lab.run(["mfactl", "temp-code", "alice", "--reason", "lost", "--json", "--for", "1h"])?.json()?;
        let given = given["code"].as_str().unwrap_or_default();
        let mut export = lab.pty(["mfactl", "export", COPY, "--passphrase"])?;
        export.answer("Enter passphrase", WORDS)?;
        export.answer("Confirm passphrase", WORDS)?;
        export.expect(&format!("in {COPY}."))?;
        assert_eq!(export.expect_closed()?, 0);
        assert_eq!(lab.sh(&format!("stat -c '%a %U' {COPY}; grep -c alice {COPY} || true"))?.trim(), "600 root\n0");
        log_in(&lab, "alice", &alice.phone.code())?;

        let mut wrong = lab.pty(["mfactl", "restore", COPY, "--replace", "--yes"])?;
        wrong.answer("Enter passphrase", "seven dry stones")?;
        wrong.expect("This copy cannot be put back: age did not open it")?;
        assert_eq!(wrong.expect_closed()?, 1);
        assert_eq!(account(&lab, "alice")?["backup_codes"], 10);

        let mut right = lab.pty(["mfactl", "restore", COPY, "--replace"])?;
        right.expect("Everybody's factors here go, and those of the copy come in their place.")?;
        right.answer("Replace?", "y")?;
        right.answer("Enter passphrase", WORDS)?;
        right.expect("with 1 factor, as of ")?;
        assert_eq!(right.expect_closed()?, 0);

        let there = account(&lab, "alice")?;
        assert_eq!((factors(&lab, "alice")?, &there["backup_codes"]), (1, &Value::from(0)), "{there}");
        assert_eq!(account(&lab, "bob")?["pending"], false);
        for void in [alice.phone.last_code(), alice.backup_codes.remove(0), given.to_owned()] {
            be_refused(&lab, "alice", &void)?;
        }
        pass_the_seen_ones(&mut alice.phone);
        log_in(&lab, "alice", &alice.phone.code())?;
        must_hold(&lab.run(["mfactl", "audit", "--json"])?.stdout, &["exported", "restored"])
    }

    fn a_copy_goes_to_another_machine_by_an_ssh_key_and_only_once_without_being_asked(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        sealed_for_the_key(&lab)?;
        lab.sh(EMPTY)?;
        assert_eq!(factors(&lab, "alice")?, 0);
        let (code, screen) = told(&lab, &restore(COPY, &[]))?;
        assert_eq!(code, 0, "{screen}");
        must_hold(&screen, &["Done: 1 account with 1 factor, as of ", "mfactl audit --since "])?;
        let (code, screen) = told(&lab, &restore(COPY, &[]))?;
        assert_eq!(code, 1, "{screen}");
        must_hold(&screen, &["--replace"])?;
        let (code, screen) = told(&lab, &restore(COPY, &["--replace"]))?;
        assert_eq!(code, 2, "{screen}");
        let (code, screen) = told(&lab, &restore(COPY, &["--replace", "--yes", "--json"]))?;
        assert_eq!((code, screen.trim()), (0, "{\"accounts\":1,\"factors\":1,\"replaced\":1}"));
        pass_the_seen_ones(&mut phone);
        log_in(&lab, "alice", &phone.code())?;
        must_hold(&lab.run(["mfactl", "status"])?.success()?.stdout, &["Healthy."])
    }

    fn a_copy_that_is_cut_off_or_changed_or_none_changes_nothing(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        sealed_for_the_key(&lab)?;
        lab.sh("ssh-keygen -q -t ed25519 -N '' -f /root/other")?;
        for (place, (make, words)) in SPOILED.into_iter().enumerate() {
            let file = format!("/root/spoiled{place}");
            lab.sh(&format!("f={file}; {make}"))?;
            let (code, screen) = told(&lab, &restore(&file, &["--replace", "--yes"]))?;
            assert_eq!(code, 1, "{make}: {screen}");
            let flowing = screen.replace('\n', " ");
            must_hold(&flowing, &["This copy cannot be put back: ", words, "Nothing was changed."])?;
        }
        let other = ["mfactl", "restore", COPY, "--identity", "/root/other", "--replace", "--yes"];
        assert_eq!(told(&lab, &other)?.0, 1);
        assert_eq!(told(&lab, &restore("/root/nothing", &["--replace", "--yes"]))?.0, 1);
        assert_eq!((factors(&lab, "alice")?, &account(&lab, "alice")?["backup_codes"]), (1, &Value::from(10)));
        Ok(())
    }

    fn an_older_database_put_back_by_hand_is_noticed_and_its_codes_are_void(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut alice = lab.enroll("alice")?;
        lab.sh("systemctl stop mfa-daemon.service && cp -a /var/lib/mfa/mfa.db /root/last-night.db")?;
        log_in(&lab, "alice", &alice.backup_codes[0])?;
        lab.sh("systemctl stop mfa-daemon.service && cp -a /root/last-night.db /var/lib/mfa/mfa.db && \
            rm -f /var/lib/mfa/mfa.db-wal /var/lib/mfa/mfa.db-shm && systemctl start mfa-daemon.service")?;
        lab.await_journal("an OLDER DATABASE was put back")?;
        for void in [alice.backup_codes.remove(0), alice.backup_codes.remove(0), alice.phone.code()] {
            be_refused(&lab, "alice", &void)?;
        }
        let status = lab.run(["mfactl", "status"])?;
        assert_eq!(status.code, 1, "{status}");
        must_hold(&status.stdout.replace('\n', " "), &["an older database was put back"])?;
        must_hold(&lab.run(["mfactl", "audit", "--json"])?.stdout, &["older-database"])?;
        pass_the_seen_ones(&mut alice.phone);
        log_in(&lab, "alice", &alice.phone.code())?;
        Ok(())
    }

    fn an_export_is_there_whole_or_not_at_all_and_says_what_to_install(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        sealed_for_the_key(&lab)?;
        let (code, screen) = told(&lab, &["mfactl", "export", COPY, "--recipient", "/root/key.pub"])?;
        assert_eq!(code, 1);
        must_hold(&screen, &["/root/mfa.age is there already and stays."])?;
        let (code, screen) = told(&lab, &["mfactl", "export", "/root/2.age", "--recipient", "nonsense"])?;
        assert_eq!(code, 1);
        must_hold(&screen, &["age did not seal the copy; nothing was written."])?;
        lab.sh("rm /usr/bin/age")?;
        let (code, screen) = told(&lab, &["mfactl", "export", "/root/2.age", "--recipient", "/root/key.pub"])?;
        assert_eq!(code, 1);
        must_hold(&screen, &["apt install age"])?;
        let (code, screen) = told(&lab, &restore(COPY, &["--replace", "--yes"]))?;
        assert_eq!(code, 1);
        must_hold(&screen, &["apt install age"])?;
        assert_eq!(lab.sh("cd /root; ls -A | grep age")?.trim(), "mfa.age");
        // Nobody but root.
        lab.sh("install -m 644 /root/key.pub /tmp/key.pub")?;
        assert_eq!(lab.run_as("alice", ["mfactl", "export", "/tmp/a.age", "--recipient", "/tmp/key.pub"])?.code, 1);
        assert_eq!(lab.sh("ls /tmp | grep -c a.age || true")?.trim(), "0");
        let mut login = crate::steps::password_given(&lab, "alice")?;
        login.expect(CODE)?;
        Ok(())
    }
}
