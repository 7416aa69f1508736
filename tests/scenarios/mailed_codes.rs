//! Codes by mail, as people get them: in a login over ssh, from a mail server that listens on this machine.

use harness::{Lab, Outcome, Release, Terminal, on_each_release};

use crate::mail::{await_heard, post, to_post};
use crate::steps::{CODE, must_hold, password_given, web};
use crate::time::{another_time, set_clock};

/// Alice has nothing but mail; nothing is said of anybody else but that a code is needed.
const ALICE_BY_MAIL: &str = "[defaults]\nrequire = \"always\"\n\
                             [[rule]]\nname = \"by mail\"\nusers = [\"alice\"]\nfactors = [\"email\"]\n";
/// How `mfa-enroll` asks for what was mailed.
const IN_THE_MAIL: &str = "Code in the mail: ";

/// A letter, its lines apart by `|`.
struct Letter(String);

impl Letter {
    fn is_to(&self, address: &str) -> bool {
        self.0.contains(&format!("|To: {address}|"))
    }

    /// The eight digits in it, if there are any.
    fn code(&self) -> String {
        let text = self.0.split_once("|Subject: ").map_or("", |(_, text)| text);
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
        words.find(|word| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or_default().into()
    }
}

/// Waits for so many letters in all; every one of them.
fn letters(lab: &Lab, number: usize) -> Outcome<Vec<Letter>> {
    await_heard(lab, number)?;
    let journal = lab.journal(Some("post.service"))?;
    let heard = journal.lines().filter_map(|line| line.strip_prefix("heard: "));
    Ok(heard.map(|letter| Letter(format!("|{letter}"))).collect())
}

/// Waits for so many letters in all; the newest code among them. Other letters may overtake it.
fn code(lab: &Lab, number: usize) -> Outcome<String> {
    let codes = letters(lab, number)?.iter().map(Letter::code).collect::<Vec<_>>();
    Ok(codes.into_iter().rfind(|code| !code.is_empty()).unwrap_or_default())
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

/// Bob adds that address, which must be told, and so must the other one; so many letters have come before. Four more do:
/// of the backup code, the code, and one to each address.
fn add_with(lab: &Lab, address: &str, proof: &str, (before, other): (usize, &str)) -> Outcome {
    let mut adding = add(lab, address, proof)?;
    adding.answer(IN_THE_MAIL, &code(lab, before + 2)?)?;
    adding.expect("codes can be mailed to")?;
    adding.expect_closed()?;
    let told = letters(lab, before + 4)?.split_off(before);
    assert!(told.iter().any(|letter| letter.is_to(address) && !letter.code().is_empty()), "no code to {address}");
    for told_to in [address, other] {
        let told = told.iter().any(|letter| letter.is_to(told_to) && letter.0.contains("your address was changed"));
        assert!(told, "{told_to} was not told");
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
        let first = code(&lab, 1)?;
        let mut other = password_given(&lab, "alice")?;
        other.answer(CODE, &first)?;
        other.expect("That code is not right.")?;
        login.send_line(&first)?;
        login.expect_shell()?;
        other.answer(CODE, &first)?;
        other.expect("That code is not right.")?;
        other.answer(CODE, &code(&lab, 2)?)?;
        other.expect_shell()?;

        // The third is the last for a minute.
        let mut third = password_given(&lab, "alice")?;
        third.answer(CODE, "e")?;
        third.expect("Many codes were mailed already. The next one can be in 0:")?;
        third.answer(CODE, &code(&lab, 3)?)?;
        third.expect_shell()?;
        let mut fourth = password_given(&lab, "alice")?;
        fourth.expect("Many codes were mailed already. The next one can be in 0:")?;
        fourth.answer("Press Enter. ", "")?;
        fourth.expect_denied()?;

        set_clock(&lab, 90)?;
        let mut slow = password_given(&lab, "alice")?;
        slow.expect(CODE)?;
        let late = code(&lab, 4)?;
        set_clock(&lab, 90 + 601)?;
        slow.send_line(&late)?;
        slow.expect("That code has ended (not counted). e = mail another one")?;
        slow.answer(CODE, "e")?;
        slow.answer(CODE, &code(&lab, 5)?)?;
        slow.expect_shell()?;
        Ok(())
    }

    fn with_an_app_too_one_chooses_at_the_prompt_and_goes_on_when_mail_does_not(release: Release) -> Outcome {
        let lab = web(release).settings(&to_post("")).policy(ALICE_BY_MAIL).boot()?;
        post(&lab, "")?;
        let bob = lab.enroll("bob")?;
        let mut phone = bob.phone;
        letters(&lab, 1)?; // of the phone

        let mut login = password_given(&lab, "bob")?;
        login.answer(CODE, "?")?;
        login.expect("e = mail a code to b…@acme.example")?;
        login.answer(CODE, "e")?;
        login.expect("A code was mailed to b…@acme.example.")?;
        login.answer(CODE, &code(&lab, 2)?)?;
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
        letters(&lab, 1)?;
        let mut refused = add(&lab, "bob@home.example", &backup[0])?;
        refused.expect("The policy here does not take that kind of factor.")?;
        refused.expect_closed()?;
        letters(&lab, 2)?; // of the backup code

        reload(&lab, &app_first(true))?;
        add_with(&lab, "bob@home.example", &backup[1], (2, "bob@acme.example"))?;
        add_with(&lab, "bob@new.example", &backup[2], (6, "bob@home.example"))?;
        let mut login = password_given(&lab, "bob")?;
        login.answer(CODE, "e")?;
        login.expect("A code was mailed to b…@new.example.")?;
        login.answer(CODE, &code(&lab, 11)?)?;
        login.expect_shell()?;

        // What somebody else may have verified goes with a reset: to that address, and never again.
        lab.run(["mfactl", "reset", "bob", "--yes"])?.success()?;
        assert!(letters(&lab, 12)?[11].is_to("bob@new.example"));
        lab.run(["mfactl", "temp-code", "bob", "--for", "1h", "--reason", "phone at home"])?.success()?;
        assert!(letters(&lab, 13)?[12].is_to("bob@acme.example"));
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
