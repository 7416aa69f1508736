//! Letters: with a real mail server of Debian's, and with one that does what it is told.

use harness::{Failure, Lab, LabBuilder, Outcome, Release, on_each_release};

use crate::steps::{bring_programs, log_in, must_hold, web};
use crate::time::{another_time, set_clock};

/// A certification authority of the site's own, which the machine trusts, a server with a certificate of it and another
/// with one of nobody's; the password that both want.
const AUTHORITY: &str = r#"
mkdir -p /etc/tls /etc/credstore && cd /etc/tls
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=Lab CA' \
    -keyout ca.key -out ca.crt 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj /CN=lab -keyout server.key -out server.csr 2>/dev/null
printf 'subjectAltName=DNS:lab\nbasicConstraints=CA:FALSE\n' > ext
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out server.crt 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=lab -addext subjectAltName=DNS:lab \
    -keyout stranger.key -out stranger.crt 2>/dev/null
chmod 600 *.key
cp ca.crt /usr/local/share/ca-certificates/lab.crt
update-ca-certificates >/dev/null 2>&1
printf 'mfa %s\n' "$(openssl passwd -6 'open sesame')" > secrets
chown root:opensmtpd secrets && chmod 640 secrets
umask 077 && mkdir -p /etc/credstore
systemctl --quiet enable opensmtpd.service
"#;

const SMTPD: &str = "\
pki lab cert \"/etc/tls/server.crt\"
pki lab key \"/etc/tls/server.key\"
pki stranger cert \"/etc/tls/stranger.crt\"
pki stranger key \"/etc/tls/stranger.key\"
table secrets file:/etc/tls/secrets
listen on lo port 465 smtps pki lab auth <secrets> hostname lab
listen on lo port 587 tls-require pki lab auth <secrets> hostname lab
listen on lo port 4650 smtps pki stranger auth <secrets> hostname lab
action \"keep\" maildir
match from any for domain \"acme.example\" action \"keep\"
";

fn settings(tls: &str, more: &str) -> String {
    format!(
        "[mail]\nserver = \"lab\"\ntls = \"{tls}\"\nuser = \"mfa\"\nfrom = \"mfa@acme.example\"\n\
         address = \"{{user}}@acme.example\"\n{more}\n"
    )
}

/// A lab with OpenSMTPD (that of Debian 12 ends every TLS handshake with an internal error), which delivers to the homes of alice and bob.
fn with_server(release: Release, settings: &str) -> LabBuilder {
    web(release).file("/etc/smtpd.conf", SMTPD, 0o644).before_boot(AUTHORITY).settings(settings)
}

/// The password as systemd hands it over.
const CREDENTIAL: &str = "printf 'open sesame\\n' > /etc/credstore/mfa-smtp-password";

/// Waits until so many letters lie in a user's mailbox; all of them, in the order of their delivery.
fn letters(lab: &Lab, user: &str, number: usize) -> Outcome<Vec<String>> {
    let wait = "cd \"/home/$0\" && timeout 20 sh -c 'until [ \"$(ls Maildir/new 2>/dev/null | wc -l)\" -ge \"$0\" ]; \
                do :; done' \"$1\" && ls -tr Maildir/new";
    let listed = lab.run(["sh", "-c", wait, user, &number.to_string()])?;
    if listed.code != 0 {
        return Err(Failure::new(format!("no letter came to {user}:\n{}", lab.journal(None)?)));
    }
    listed.stdout.lines().map(|name| Ok(lab.read(&format!("/home/{user}/Maildir/new/{name}"))?)).collect()
}

/// The value of a header that stands on one line.
fn header<'a>(letter: &'a str, name: &str) -> Outcome<&'a str> {
    let found = letter.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.map(str::trim_end).ok_or_else(|| Failure::new(format!("no {name} in: {letter}")))
}

/// Where [`post`] is told what to do.
const SCRIPT: &str = "/run/post/script";

/// Settings for [`post`] alone.
pub(crate) fn to_post(more: &str) -> String {
    format!(
        "[mail]\nserver = \"127.0.0.1\"\ntls = \"plain\"\nport = 2525\nfrom = \"mfa@acme.example\"\n\
         address = \"{{user}}@acme.example\"\n{more}\n"
    )
}

/// A mail server that does what it is told, and how the daemon finds it.
pub(crate) fn post(lab: &Lab, script: &str) -> Outcome {
    bring_programs(lab)?;
    lab.write(SCRIPT, script, 0o644)?;
    lab.sh("systemd-run --quiet --unit=post stdbuf -oL post smtp 2525 /run/post")?;
    lab.await_journal("post listens")?;
    Ok(())
}

/// The ids of the letters that [`post`] has heard, one for each time.
fn heard(lab: &Lab) -> Outcome<Vec<String>> {
    let journal = lab.journal(Some("post.service"))?;
    let ids = journal.lines().filter(|line| line.starts_with("heard: "));
    let ids = ids.filter_map(|line| line.split('|').find_map(|line| line.strip_prefix("Message-ID: ")));
    Ok(ids.map(str::to_owned).collect())
}

/// Waits until [`post`] has heard so many letters.
fn await_heard(lab: &Lab, number: usize) -> Outcome<Vec<String>> {
    let wait = "journalctl --quiet --output=cat --lines=all --follow --unit=post | grep -m\"$0\" '^heard: ' | tail -n1";
    lab.run(["timeout", "60", "sh", "-c", wait, &number.to_string()])?.success()?;
    heard(lab)
}

/// How mail is, as the status tells it.
fn mail(lab: &Lab) -> Outcome<serde_json::Value> {
    Ok(lab.run(["mfactl", "status", "--json"])?.json()?["mail"].clone())
}

#[test]
fn a_real_server_takes_letters_within_tls_with_a_password() -> Outcome {
    let lab = with_server(Release::Trixie, &settings("implicit", "")).before_boot(CREDENTIAL).boot()?;
    let test = lab.run(["mfactl", "mail", "test", "alice@acme.example"])?;
    must_hold(&test.success()?.stdout, &["The server has taken it: 250 "])?;
    letters(&lab, "alice", 1)?;
    lab.enroll("alice")?;
    letters(&lab, "alice", 2)?;
    lab.run(["mfactl", "reset", "alice", "--yes"])?.success()?;
    for letter in letters(&lab, "alice", 3)? {
        // What is above is the server's own.
        let ours = letter.find("\nFrom: ").and_then(|at| letter.get(at..)).unwrap_or_default();
        assert!(letter.is_ascii() && ours.lines().all(|line| line.len() <= 78), "{letter}");
        assert!(header(&letter, "Message-ID")?.ends_with("@acme.example>"), "{letter}");
        assert_eq!(header(&letter, "Auto-Submitted")?, "auto-generated");
        assert_eq!((header(&letter, "From")?, header(&letter, "To")?), ("mfa@acme.example", "alice@acme.example"));
    }
    Ok(())
}

#[test]
fn starttls_and_a_password_in_a_file_do_as_well() -> Outcome {
    let file = "printf 'open sesame\\n' > /etc/mfa/smtp && chown _mfa-mail /etc/mfa/smtp && chmod 600 /etc/mfa/smtp";
    let settings = settings("starttls", "password_file = \"/etc/mfa/smtp\"");
    let lab = with_server(Release::Trixie, &settings).before_boot(file).boot()?;
    let test = ["mfactl", "mail", "test", "alice@acme.example"];
    must_hold(&lab.run(test)?.success()?.stdout, &["The server has taken it: 250 "])?;
    letters(&lab, "alice", 1)?;
    lab.sh("chmod 644 /etc/mfa/smtp")?;
    must_hold(&lab.run(test)?.refused()?.stdout, &["It was not sent: ", "others may read it"])?;
    lab.sh("rm /etc/mfa/smtp")?;
    must_hold(&lab.run(test)?.refused()?.stdout, &["It was not sent: ", "/etc/mfa/smtp"])?;
    Ok(())
}

#[test]
fn a_server_that_cannot_prove_its_name_gets_nothing() -> Outcome {
    let settings = settings("implicit", "port = 4650");
    let lab = with_server(Release::Trixie, &settings).before_boot(CREDENTIAL).boot()?;
    let test = lab.run(["mfactl", "mail", "test", "alice@acme.example"])?.refused()?;
    must_hold(&test.stdout, &["It was not sent: ", "certificate"])?;
    lab.enroll("alice")?;
    lab.await_journal("letters cannot be sent now: ")?;
    assert_eq!(mail(&lab)?["waiting"], 1);
    Ok(())
}

on_each_release! {
    fn the_password_is_a_credential_and_without_it_the_program_starts_and_says_so(release: Release) -> Outcome {
        let lab = web(release).settings(&to_post("user = \"mfa\"")).boot()?;
        post(&lab, "EHLO 250-here\\n250 AUTH PLAIN\nAUTH 235 welcome\n")?;
        let test = ["mfactl", "mail", "test", "alice@acme.example"];
        let unsaid = lab.run(test)?.refused()?.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        must_hold(&unsaid, &["there is no password for mfa: put it into /etc/credstore/mfa-smtp-password"])?;
        lab.sh(&format!("umask 077; mkdir -p /etc/credstore; {CREDENTIAL}"))?;
        must_hold(&lab.run(test)?.success()?.stdout, &["The server has taken it: 250 "])?;
        // The name and "open sesame", in Base64 (RFC 4616).
        lab.await_journal("said: AUTH PLAIN AG1mYQBvcGVuIHNlc2FtZQ==")?;
        Ok(())
    }

    fn what_a_server_puts_off_comes_again_under_the_same_id_and_what_it_refuses_is_told(release: Release) -> Outcome {
        let lab = another_time(release).settings(&to_post("")).boot()?;
        post(&lab, "letter 451 4.3.0 not now\n")?;
        lab.enroll("alice")?;
        let first = await_heard(&lab, 1)?;
        lab.write(SCRIPT, "letter hang-up\n", 0o644)?;
        set_clock(&lab, 120)?;
        let again = await_heard(&lab, 2)?;
        assert_eq!(again, [first[0].clone(), first[0].clone()]);
        lab.write(SCRIPT, "", 0o644)?;
        set_clock(&lab, 600)?;
        assert_eq!(await_heard(&lab, 3)?[2], first[0]);
        lab.write(SCRIPT, "RCPT 550 5.1.1 no such user\n", 0o644)?;
        lab.run(["mfactl", "reset", "alice", "--yes"])?.success()?;
        lab.await_journal("a letter (reset) was refused: 550 5.1.1 no such user")?;
        let mail = mail(&lab)?;
        assert_eq!((&mail["waiting"], &mail["sent"], &mail["failed"]), (&0.into(), &1.into(), &1.into()), "{mail}");
        let test = lab.run(["mfactl", "mail", "test", "alice@acme.example"])?.refused()?;
        must_hold(&test.stdout, &["The server refuses it: 550 5.1.1 no such user"])?;
        Ok(())
    }

    fn nobody_who_logs_in_waits_for_a_silent_server(release: Release) -> Outcome {
        let lab = web(release).settings(&to_post("")).boot()?;
        post(&lab, "EHLO stall\n")?;
        let alice = lab.enroll("alice")?;
        lab.await_journal("stalling at EHLO")?;
        log_in(&lab, "alice", &alice.backup_codes[0])?;
        let mail = mail(&lab)?;
        assert_eq!((&mail["waiting"], &mail["sent"]), (&2.into(), &0.into()), "{mail}");
        Ok(())
    }

    fn a_letter_under_way_when_the_daemon_is_killed_comes_again(release: Release) -> Outcome {
        let lab = web(release).settings(&to_post("")).boot()?;
        post(&lab, "letter stall\n")?;
        lab.enroll("alice")?;
        lab.await_journal("stalling at DATA")?;
        lab.write(SCRIPT, "", 0o644)?;
        lab.sh("systemctl kill --signal=KILL mfa-daemon.service")?;
        let heard = await_heard(&lab, 2)?;
        assert_eq!(heard[0], heard[1]);
        Ok(())
    }

    fn letters_wait_while_the_server_is_down_and_all_come_once(release: Release) -> Outcome {
        let lab = another_time(release).settings(&to_post("")).boot()?;
        lab.enroll_all(&["alice", "bob"])?;
        lab.run(["mfactl", "reset", "alice", "--yes"])?.success()?;
        lab.await_journal("letters cannot be sent now: ")?;
        post(&lab, "")?;
        set_clock(&lab, 120)?;
        let mut heard = await_heard(&lab, 3)?;
        heard.sort();
        heard.dedup();
        assert_eq!(heard.len(), 3);
        Ok(())
    }

    fn plain_users_cannot_send_mail_through_it(release: Release) -> Outcome {
        let lab = web(release).settings(&to_post("")).boot()?;
        bring_programs(&lab)?;
        let call = "{\"method\":\"io.mfa.Mail.Send\",\"parameters\":{\"to\":\"a@b.example\",\"subject\":\"s\",\"body\":\"b\",\
                    \"message_id\":\"i@h\",\"date\":1}}\n";
        let refused = lab.run_as_with_input("alice", ["frames", "/run/mfa/mail.sock"], call)?.refused()?;
        must_hold(&refused.stderr, &["PermissionDenied"])?;
        must_hold(&lab.run_as("alice", ["mfactl", "mail", "test", "a@b.example"])?.refused()?.stderr, &["root"])?;
        Ok(())
    }

    fn a_sites_own_text_is_sent_and_nothing_in_a_value_becomes_a_header(release: Release) -> Outcome {
        let text = "Subject: Grüße von {site}\n\nHallo {user}, neu: {name}.\n";
        let lab = web(release)
            .settings(&(to_post("") + "[site]\nname = \"Straße 1\"\n"))
            .file("/etc/mfa/mail/factor-added.txt", text, 0o644)
            .before_boot("sed -i '/^alice:/s/::/:Alice\\rBcc, eve@evil.example:/' /etc/passwd")
            .boot()?;
        post(&lab, "")?;
        lab.enroll("alice")?;
        await_heard(&lab, 1)?;
        let letter = lab.await_journal("heard: ")?;
        assert!(letter.is_ascii() && !letter.contains("evil"), "{letter}");
        must_hold(&letter, &["Subject: =?utf-8?", "Content-Transfer-Encoding: ", "Hallo alice"])?;
        Ok(())
    }

    fn a_webhook_is_told_what_administrators_are(release: Release) -> Outcome {
        let lab = web(release).settings("[notify]\nwebhook = \"http://localhost:8080/mfa\"\n").boot()?;
        bring_programs(&lab)?;
        lab.sh("systemd-run --quiet --unit=hook stdbuf -oL post http 8080 /run")?;
        lab.await_journal("post listens")?;
        lab.run_as("alice", ["mfa-enroll", "report"])?.success()?;
        let told = lab.await_journal("told: POST /mfa HTTP/1.1")?;
        must_hold(&told, &["\"topic\":\"reported\"", "\"host\":\"lab\"", "alice"])?;
        Ok(())
    }
}
