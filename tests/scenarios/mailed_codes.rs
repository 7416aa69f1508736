//! Codes by mail, as people get them: in a login over ssh, from a mail server that listens on this machine.

use harness::{Lab, Outcome, Release, Terminal, on_each_release};

use crate::mail::{post, to_post};
use crate::steps::{CODE, must_hold, password_given, web};
use crate::time::{another_time, set_clock};

/// Alice has nothing but mail; nothing is said of anybody else but that a code is needed.
const ALICE_BY_MAIL: &str = "[defaults]\nrequire = \"always\"\n\
                             [[rule]]\nname = \"by mail\"\nusers = [\"alice\"]\nfactors = [\"email\"]\n";
const ALICE: &str = "alice@acme.example";
/// How `mfa-enroll` asks for what was mailed.
const IN_THE_MAIL: &str = "Code in the mail: ";

/// Waits until so many letters were heard that look like this; the last of them.
fn letter(lab: &Lab, like: &str, number: usize) -> Outcome<String> {
    let wait =
        "journalctl --quiet --output=cat --lines=all --follow --unit=post | grep -m\"$1\" \"^heard: .*$0\" | tail -n1";
    Ok(lab.run(["timeout", "60", "sh", "-c", wait, like, &number.to_string()])?.success()?.stdout)
}

/// Waits for the code of that number, counted from 1, which was mailed to that address.
fn code(lab: &Lab, to: &str, number: usize) -> Outcome<String> {
    let letter = letter(lab, &format!("|To: {to}|.*is your code for"), number)?;
    let text = letter.split_once("|Subject: ").map_or("", |(_, text)| text);
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

fn reload(lab: &Lab, policy: &str) -> Outcome<String> {
    lab.write("/etc/mfa/policy.toml", policy, 0o644)?;
    let told = lab.run(["mfactl", "policy", "reload"])?.success()?;
    Ok(told.stdout + &told.stderr)
}

/// A command of bob's, who has proved that it is him.
fn add(lab: &Lab, address: &str, proof: &str) -> Outcome<Terminal> {
    let mut adding = lab.pty_as("bob", ["mfa-enroll", "add", "email", address])?;
    adding.answer(CODE, proof)?;
    Ok(adding)
}

/// Bob adds that address; it is told, and so is the other one.
fn add_with(lab: &Lab, address: &str, proof: &str, other: &str) -> Outcome {
    let mut adding = add(lab, address, proof)?;
    adding.answer(IN_THE_MAIL, &code(lab, address, 1)?)?;
    adding.expect("codes can be mailed to")?;
    adding.expect_closed()?;
    for told in [address, other] {
        letter(lab, &format!("|To: {told}|.*your address was changed"), 1)?;
    }
    Ok(())
}

on_each_release! {
    fn with_mail_alone_a_code_comes_at_once_lets_in_once_and_in_its_own_login_alone(release: Release) -> Outcome {
        let lab = another_time(release).settings(&to_post("")).policy(ALICE_BY_MAIL).boot()?;
        post(&lab, "")?;
        let mut login = password_given(&lab, "alice")?;
        login.expect("A code was mailed to a…@acme.example. It works for 10 minutes.")?;
        login.expect(CODE)?;
        let first = code(&lab, ALICE, 1)?;
        let mut other = password_given(&lab, "alice")?;
        other.answer(CODE, &first)?;
        other.expect("That code is not right.")?;
        login.send_line(&first)?;
        login.expect_shell()?;
        other.answer(CODE, &first)?;
        other.expect("That code is not right.")?;
        other.answer(CODE, &code(&lab, ALICE, 2)?)?;
        other.expect_shell()?;

        // The third is the last for a minute.
        let mut third = password_given(&lab, "alice")?;
        third.answer(CODE, "e")?;
        third.expect("Many codes were mailed already. The next one can be in ")?;
        third.answer(CODE, &code(&lab, ALICE, 3)?)?;
        third.expect_shell()?;
        let mut fourth = password_given(&lab, "alice")?;
        fourth.expect("Many codes were mailed already. The next one can be in ")?;
        fourth.answer("Press Enter. ", "")?;
        fourth.expect_denied()?;

        set_clock(&lab, 90)?;
        let mut slow = password_given(&lab, "alice")?;
        slow.expect(CODE)?;
        let late = code(&lab, ALICE, 4)?;
        set_clock(&lab, 90 + 601)?;
        slow.send_line(&late)?;
        slow.expect("That code has ended (not counted). e = mail another one")?;
        slow.answer(CODE, "e")?;
        slow.answer(CODE, &code(&lab, ALICE, 5)?)?;
        slow.expect_shell()?;
        Ok(())
    }

    fn with_an_app_too_one_chooses_at_the_prompt_and_goes_on_when_mail_does_not(release: Release) -> Outcome {
        let lab = web(release).settings(&to_post("")).policy(ALICE_BY_MAIL).boot()?;
        post(&lab, "")?;
        let bob = lab.enroll("bob")?;
        let mut phone = bob.phone;

        let mut login = password_given(&lab, "bob")?;
        login.answer(CODE, "?")?;
        login.expect("e = mail a code to b…@acme.example")?;
        login.answer(CODE, "e")?;
        login.expect("A code was mailed to b…@acme.example.")?;
        login.answer(CODE, &code(&lab, "bob@acme.example", 1)?)?;
        login.expect_shell()?;

        lab.sh("systemctl stop post.service")?;
        let mut login = password_given(&lab, "alice")?;
        login.expect(CODE)?;
        lab.await_journal("letters cannot be sent now: ")?;
        let mut alone = password_given(&lab, "alice")?;
        alone.expect("Mail is not going out at the moment.")?;
        let mut both = password_given(&lab, "bob")?;
        both.answer(CODE, "e")?;
        both.expect("Mail is not going out at the moment.")?;
        both.expect("Other ways: Phone code · Backup code")?;
        both.answer(CODE, &phone.code())?;
        both.expect_shell()?;
        Ok(())
    }

    fn an_address_of_ones_own_is_added_and_changed_and_both_mailboxes_are_told(release: Release) -> Outcome {
        let app_first = |own: bool| {
            format!("[defaults]\nrequire = \"always\"\nfactors = [\"totp\", \"backup-code\"]\nown_factors = {own}\n")
        };
        let lab = web(release).settings(&to_post("")).policy(&app_first(false)).boot()?;
        post(&lab, "")?;
        let backup = lab.enroll("bob")?.backup_codes;
        let mut refused = add(&lab, "bob@home.example", &backup[0])?;
        refused.expect("The policy here does not take that kind of factor.")?;
        refused.expect_closed()?;

        reload(&lab, &app_first(true))?;
        add_with(&lab, "bob@home.example", &backup[1], "bob@acme.example")?;
        add_with(&lab, "bob@new.example", &backup[2], "bob@home.example")?;
        let mut login = password_given(&lab, "bob")?;
        login.answer(CODE, "e")?;
        login.expect("A code was mailed to b…@new.example.")?;
        login.answer(CODE, &code(&lab, "bob@new.example", 2)?)?;
        login.expect_shell()?;

        // What somebody else may have verified goes with a reset: to that address, and never again.
        lab.run(["mfactl", "reset", "bob", "--yes"])?.success()?;
        letter(&lab, "|To: bob@new.example|.*your second factor was reset", 1)?;
        lab.run(["mfactl", "temp-code", "bob", "--for", "1h", "--reason", "phone at home"])?.success()?;
        letter(&lab, "|To: bob@acme.example|.*a temporary code was made", 1)?;
        Ok(())
    }

    fn without_a_server_or_an_address_mail_alone_is_told_to_whom_it_concerns(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let told = reload(&lab, ALICE_BY_MAIL)?;
        must_hold(&told.split_whitespace().collect::<Vec<_>>().join(" "), &["and no mail is sent here: nobody gets one"])?;
        let mut login = password_given(&lab, "alice")?;
        login.expect("A mailed code is required, and there is no address to mail it to.")?;
        let said = login.expect("Press Enter. ")?;
        assert!(said.contains("Ask your administrator.") && !said.contains("mfa-enroll"), "{said}");
        login.send_line("")?;
        login.expect_denied()?;
        let refused = lab.run_as("alice", ["mfa-enroll", "add", "totp", "--json"])?.refused()?;
        must_hold(&refused.stdout, &["does not take that kind of factor. Ask your administrator."])?;
        Ok(())
    }
}
