//! Sending one letter, to servers that say every odd thing there is.

use super::*;
use mfa_proto::Secret;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

/// What a server of this test does at each line that begins so: says something, or hangs up.
type Script = Vec<(&'static str, &'static str)>;

/// A mail server on this machine that hears everything, and the settings that name it.
struct Server {
    folder: tempfile::TempDir,
    heard: JoinHandle<String>,
}

const HANG_UP: &str = "";

fn server(script: Script) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"220 ready\r\n").unwrap();
        let mut heard = String::new();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let (mut line, mut in_data) = (String::new(), false);
        while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
            heard.push_str(&line);
            let means = |begins: &str| line.starts_with(begins) && (!in_data || line == ".\r\n");
            let reply = script.iter().find(|(begins, _)| means(begins)).map(|(_, reply)| *reply);
            in_data = reply.map_or(in_data, |reply| reply.starts_with("354"));
            match reply {
                Some(HANG_UP) => break,
                Some(reply) => stream.write_all(format!("{reply}\r\n").as_bytes()).unwrap(),
                None => {}
            }
            line.clear();
        }
        heard
    });
    Server { folder: settings(&format!("port = {port}\ntls = \"plain\"")), heard }
}

fn settings(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("[mail]\nserver = \"127.0.0.1\"\nfrom = \"mfa@example.com\"\n{more}\n");
    std::fs::write(folder.path().join("mfa.toml"), text).unwrap();
    folder
}

/// One that takes a letter, but for what is said instead.
fn polite(instead: Script) -> Server {
    let usual = [
        ("EHLO", "250 here"),
        ("MAIL", "250 ok"),
        ("RCPT", "250 ok"),
        ("DATA", "354 go on"),
        (".\r", "250 2.0.0 queued"),
        ("QUIT", "221 bye"),
    ];
    server(instead.into_iter().chain(usual).collect())
}

fn letter() -> Letter {
    Letter {
        to: "alice@acme.example".into(),
        subject: "Ein Code für web1".into(),
        body: Secret::from("Hello,\n.\nMAIL FROM:<evil@example.com>\n"),
        message_id: "0123abcd@web1.example".into(),
        date: 1_800_000_000,
    }
}

fn outcome(server: Server, letter: &Letter) -> (Outcome, String, String) {
    let Answer { outcome, detail } = send(letter, &server.folder.path().join("mfa.toml"));
    (outcome, detail, server.heard.join().unwrap())
}

#[test]
fn a_letter_is_taken_with_its_headers_and_one_recipient() {
    let (outcome, detail, heard) = outcome(polite(vec![]), &letter());
    assert_eq!((outcome, detail.as_str()), (Outcome::Taken, "250 2.0.0 queued"));
    for part in [
        "MAIL FROM:<mfa@example.com>",
        "RCPT TO:<alice@acme.example>\r\n",
        "From: mfa@example.com\r\n",
        "To: alice@acme.example\r\n",
        "Message-ID: <0123abcd@web1.example>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n",
        "\r\n..\r\nMAIL FROM:<evil@example.com>\r\n",
    ] {
        assert!(heard.contains(part), "{part:?} in {heard}");
    }
    assert_eq!(heard.matches("RCPT TO").count(), 1);
}

#[test]
fn what_a_server_refuses_for_good_is_refused_and_what_it_puts_off_is_later() {
    for (at, says, expected) in [
        ("RCPT", "550 5.1.1 no such user", Outcome::Refused),
        ("RCPT", "451 4.7.1 greylisted", Outcome::Later),
        ("MAIL", "452 4.3.1 no space", Outcome::Later),
        ("DATA", "554 5.7.1 no", Outcome::Refused),
        (".\r", "451 4.3.0 try again", Outcome::Later),
        (".\r", "554 5.6.0 spam", Outcome::Refused),
    ] {
        let (outcome, detail, _) = outcome(polite(vec![(at, says)]), &letter());
        assert_eq!(outcome, expected, "{says}");
        assert!(detail.contains(&says[4..]), "{detail}");
    }
}

#[test]
fn a_line_that_is_cut_while_the_letter_is_offered_leaves_it_unknown() {
    for at in ["MAIL", "RCPT", "DATA", ".\r"] {
        let (outcome, ..) = outcome(polite(vec![(at, HANG_UP)]), &letter());
        assert_eq!(outcome, Outcome::Unknown, "{at}");
    }
}

#[test]
fn before_a_letter_is_offered_nothing_can_have_been_taken() {
    for (at, says) in [("EHLO", HANG_UP), ("EHLO", "554 go away"), ("EHLO", "421 later")] {
        let (outcome, _, heard) = outcome(polite(vec![(at, says)]), &letter());
        assert_eq!(outcome, Outcome::Later, "{says}");
        assert!(!heard.contains("MAIL"));
    }
    let nobody = settings("port = 1\ntls = \"plain\"");
    assert_eq!(send(&letter(), &nobody.path().join("mfa.toml")).outcome, Outcome::Later);
}

#[test]
fn without_starttls_nothing_is_said_that_must_be_protected() {
    let Server { folder, heard } = polite(vec![]);
    let path = folder.path().join("mfa.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("\"plain\"", "\"starttls\"");
    std::fs::write(&path, text + "user = \"mfa\"\n").unwrap();
    let Answer { outcome, detail } = send(&letter(), &path);
    assert_eq!(outcome, Outcome::Later);
    assert!(detail.contains("STARTTLS"), "{detail}");
    let heard = heard.join().unwrap();
    assert!(!heard.contains("AUTH") && !heard.contains("MAIL"), "{heard}");
}

#[test]
fn what_was_said_in_the_clear_after_starttls_is_no_answer() {
    // Somebody in between answers ahead for the server: hello, and that the letter is taken.
    let ahead = "220 go on\r\n250 AUTH PLAIN\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 queued\r\n221 bye";
    for injected in [ahead, "220 go on\r\n2"] {
        let Server { folder, heard } = polite(vec![("EHLO", "250-here\r\n250 STARTTLS"), ("STARTTLS", injected)]);
        let path = folder.path().join("mfa.toml");
        let text = std::fs::read_to_string(&path).unwrap().replace("\"plain\"", "\"starttls\"");
        std::fs::write(&path, text).unwrap();
        let Answer { outcome, detail } = send(&letter(), &path);
        assert_eq!(outcome, Outcome::Later);
        assert!(detail.contains("more was said in the clear"), "{detail}");
        let heard = heard.join().unwrap();
        assert!(heard.ends_with("STARTTLS\r\n"), "{heard}");
    }
}

#[test]
fn a_server_that_talks_without_end_or_agrees_to_nothing_has_not_taken_it() {
    let endless: &'static str = Box::leak(format!("250 {}", "x".repeat(20_000)).into_boxed_str());
    for (at, says, expected) in [
        ("EHLO", endless, Outcome::Later),
        ("DATA", "250 no need", Outcome::Unknown),
        (".\r", "354 more", Outcome::Unknown),
        (".\r", "what", Outcome::Unknown),
    ] {
        let (outcome, ..) = outcome(polite(vec![(at, says)]), &letter());
        assert_eq!(outcome, expected, "{at}");
    }
}

#[test]
fn a_password_that_others_can_read_is_not_used() {
    let Server { folder, heard } = polite(vec![]);
    let (path, secret) = (folder.path().join("mfa.toml"), folder.path().join("password"));
    std::fs::write(&secret, "hunter2\n").unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let secret = secret.display();
    std::fs::write(&path, format!("{text}user = \"mfa\"\npassword_file = \"{secret}\"\n")).unwrap();
    let Answer { outcome, detail } = send(&letter(), &path);
    assert_eq!(outcome, Outcome::Later);
    assert!(detail.contains("chmod 0600"), "{detail}");
    assert!(!heard.join().unwrap().contains("AUTH"));
}

#[test]
fn what_could_become_a_header_or_a_second_recipient_is_refused_before_anything_is_said() {
    let bad = [
        Letter { subject: "a\r\nBcc: b@evil.example".into(), ..letter() },
        Letter { to: "a@b.example\r\nRCPT TO:<c@evil.example>".into(), ..letter() },
        Letter { to: "a@b.example,c@evil.example".into(), ..letter() },
        Letter { to: "a@b.example> SIZE=1".into(), ..letter() },
        Letter { message_id: "a>\r\nBcc: b@evil.example".into(), ..letter() },
        Letter { message_id: String::new(), ..letter() },
    ];
    let folder = settings("port = 1\ntls = \"plain\"");
    for letter in bad {
        let Answer { outcome, detail } = send(&letter, &folder.path().join("mfa.toml"));
        assert_eq!(outcome, Outcome::Refused, "{detail}");
    }
}

#[test]
fn without_settings_letters_wait_for_some() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mfa.toml");
    assert!(send(&letter(), &path).detail.contains("no server is set"));
    std::fs::write(&path, "[mail]\nserver = 5\n").unwrap();
    let Answer { outcome, detail } = send(&letter(), &path);
    assert_eq!(outcome, Outcome::Later);
    assert!(detail.contains("line 2"), "{detail}");
}
