//! Moving from another module: its files are found, read as their owners, and the old phones go on.

use harness::{Lab, LabBuilder, Outcome, Phone, Release, on_each_release};
use serde_json::Value;

use crate::steps::{CODE, PASSWORD, account, be_refused, log_in, must_hold, password_given, web};

/// Makes alice's state with the program that Debian ships, as she would.
const GOOGLE: &str = "runuser -u alice -- google-authenticator -t -d -f -q -C -w 17 -r 3 -R 30 -Q NONE";

/// The phone that scanned what is in alice's file.
fn phone_of(lab: &Lab, path: &str) -> Outcome<Phone> {
    let text = lab.read(path)?;
    Ok(Phone::scan(&format!("otpauth://totp/alice?secret={}", text.lines().next().unwrap_or_default()))?)
}

/// Up to a code that the other module cannot have taken.
fn pass_the_used_ones(phone: &mut Phone) {
    for _ in 0..3 {
        phone.code();
    }
}

fn import(lab: &Lab, words: &[&str]) -> Outcome<(i32, Value)> {
    let output = lab.run([&["mfactl", "import"], words, &["--json"]].concat())?;
    Ok((output.code, serde_json::from_str(&output.stdout)?))
}

fn outcome_of<'a>(told: &'a Value, user: &str) -> &'a Value {
    let mut all = told.as_array().into_iter().flatten();
    all.find(|outcome| outcome["user"] == user).unwrap_or(&Value::Null)
}

/// Files in homes that are not what they should be, each with the word for what is wrong with it.
const HOSTILE: [(&str, &str, &str); 6] = [
    ("link", "ln -s /etc/shadow $f", "not-a-plain-file"),
    ("pipe", "mkfifo $f; chown pipe $f", "not-a-plain-file"),
    ("folder", "mkdir $f; chown folder $f", "not-a-plain-file"),
    ("huge", "truncate -s 5G $f; chown huge $f", "too-big"),
    ("stolen", "cp /root/good $f; chown bob $f; chmod 644 $f", "not-theirs"),
    ("second", "cp /root/good $f; chown second $f; ln $f $f.too", "hard-linked"),
];

fn hostile(release: Release) -> LabBuilder {
    let good = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n\" TOTP_AUTH\n12345678\n";
    let lab = web(release).file("/root/good", good, 0o600);
    let lab = HOSTILE.iter().fold(lab, |lab, (user, ..)| lab.user(user, PASSWORD));
    let lines = HOSTILE.iter().map(|(user, make, _)| format!("f=/home/{user}/.google_authenticator; {make}\n"));
    let open = "cp /root/good /home/alice/.google_authenticator; chown alice /home/alice/.google_authenticator; \
                chmod 644 /home/alice/.google_authenticator\n";
    lab.before_boot(&(lines.collect::<String>() + open))
}

/// Two keys of alice's, whose points are those of specifications, and one that only bob's key knows.
fn u2f_mappings() -> String {
    let (es256, eddsa) = (
        "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==",
        "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    );
    format!(
        "alice:Zmlyc3Q=,{es256},es256,+presence:c2Vjb25k,{eddsa},eddsa,+presence+pin\nbob:*,{eddsa},eddsa,+presence\n"
    )
}

on_each_release! {
    fn the_phone_of_google_authenticator_goes_on_and_the_code_it_just_showed_is_void(release: Release) -> Outcome {
        let lab = web(release).before_boot(GOOGLE).boot()?;
        let file = "/home/alice/.google_authenticator";
        let mut phone = phone_of(&lab, file)?;
        // To look changes nothing.
        let (code, told) = import(&lab, &["google-authenticator"])?;
        assert_eq!((code, &outcome_of(&told, "alice")["outcome"]), (0, &"would-be-taken".into()), "{told}");
        assert_eq!(account(&lab, "alice")?["factors"], Value::Array(Vec::new()));
        let (code, told) = import(&lab, &["google-authenticator", "--apply"])?;
        assert_eq!((code, &outcome_of(&told, "alice")["outcome"]), (0, &"taken".into()), "{told}");
        must_hold(&told.to_string(), &["5 scratch codes left behind", "wide window is left behind"])?;
        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, &phone.code_now())?;
        login.expect("That code was just used (not counted).")?;
        pass_the_used_ones(&mut phone);
        log_in(&lab, "alice", &phone.code())?;
        // Scratch codes are no codes of this module.
        let scratch = lab.sh(&format!("tail -n 1 {file}"))?;
        be_refused(&lab, "alice", scratch.trim())?;
        // A second time adds nothing.
        let (code, told) = import(&lab, &["google-authenticator", "--apply"])?;
        assert_eq!((code, &outcome_of(&told, "alice")["outcome"]), (0, &"present".into()), "{told}");
        let account = account(&lab, "alice")?;
        assert_eq!(account["factors"].as_array().map(Vec::len), Some(1), "{account}");
        must_hold(&account.to_string(), &["phone (imported)", "imported at mfactl"])
    }

    fn the_phone_of_pam_oath_goes_on_and_what_cannot_is_said(release: Release) -> Outcome {
        let users = "HOTP/T30\talice\t-\t3132333435363738393031323334353637383930\n\
                     HOTP\tbob\t-\t3132333435363738393031323334353637383930\t7\n\
                     HOTP/T30 carol - 3132333435363738393031323334353637383930\n";
        let lab = web(release).file("/etc/users.oath", users, 0o600).boot()?;
        let (code, told) = import(&lab, &["oath", "--apply"])?;
        assert_eq!(code, 1, "{told}");
        assert_eq!(outcome_of(&told, "alice")["outcome"], "taken");
        assert_eq!(outcome_of(&told, "bob")["reason"], "counter");
        assert_eq!(outcome_of(&told, "carol")["reason"], "unknown_user");
        let mut phone = Phone::scan("otpauth://totp/alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")?;
        pass_the_used_ones(&mut phone);
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }

    fn homes_that_are_traps_give_nothing_and_hold_nobody_up(release: Release) -> Outcome {
        let lab = hostile(release).boot()?;
        let (code, told) = import(&lab, &["google-authenticator", "--apply"])?;
        assert_eq!(code, 1, "{told}");
        for (user, _, word) in HOSTILE {
            assert_eq!(outcome_of(&told, user)["reason"], word, "{user}: {told}");
            assert_eq!(account(&lab, user)?["factors"], Value::Array(Vec::new()), "{user}");
        }
        let alice = outcome_of(&told, "alice");
        assert_eq!(alice["outcome"], "taken");
        must_hold(&alice.to_string(), &["other users could read or change its file"])?;
        // What is asked for is read as its owner: not even the name of a file that they cannot reach is told.
        lab.sh("install -d -m 700 /root/ga; cp /root/good /root/ga/alice; chown alice /root/ga/alice")?;
        let (_, told) = import(&lab, &["google-authenticator", "--from", "/root/ga/${USER}"])?;
        assert_eq!(told, Value::Array(Vec::new()));
        Ok(())
    }

    fn keys_of_pam_u2f_are_taken_and_what_cannot_is_said(release: Release) -> Outcome {
        let lab = web(release).file("/etc/u2f_mappings", &u2f_mappings(), 0o644).boot()?;
        let (code, told) = import(&lab, &["u2f"])?;
        assert_eq!((code, &outcome_of(&told, "alice")["outcome"]), (1, &"would-be-taken".into()), "{told}");
        assert_eq!(account(&lab, "alice")?["factors"], Value::Array(Vec::new()));
        let (code, told) = import(&lab, &["u2f", "--origin", "pam://old-name", "--apply"])?;
        assert_eq!((code, &outcome_of(&told, "bob")["reason"]), (1, &"resident".into()), "{told}");
        let listed = account(&lab, "alice")?;
        let keys: Vec<_> = listed["factors"].as_array().into_iter().flatten().map(|one| (&one["kind"], &one["name"])).collect();
        let key = Value::from("security-key");
        let names = ["security key (imported)", "security key 2 (imported)"].map(Value::from);
        assert_eq!(keys, [(&key, &names[0]), (&key, &names[1])], "{listed}");
        must_hold(&told.to_string(), &["here the policy does"])?;
        let (code, told) = import(&lab, &["u2f", "--user", "alice", "--apply"])?;
        assert_eq!((code, &outcome_of(&told, "alice")["outcome"]), (0, &"present".into()), "{told}");
        Ok(())
    }
}
