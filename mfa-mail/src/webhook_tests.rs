//! Telling a webhook, and what its answers mean.

use super::*;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

/// A web server on this machine that answers once with that, and what it heard.
fn server(reply: &'static str) -> (tempfile::TempDir, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let (mut heard, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            heard.push_str(&line);
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body).unwrap();
        heard.push_str(&String::from_utf8(body).unwrap());
        stream.write_all(reply.as_bytes()).unwrap();
        heard
    });
    (settings(&format!("http://127.0.0.1:{port}/hook")), heard)
}

fn settings(url: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mfa.toml"), format!("[notify]\nwebhook = \"{url}\"\n")).unwrap();
    folder
}

fn told(folder: &tempfile::TempDir, json: &str) -> Outcome {
    tell(&Notice { json: json.to_owned() }, &folder.path().join("mfa.toml")).outcome
}

#[test]
fn a_notice_is_posted_as_json() {
    let (folder, heard) = server("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(told(&folder, r#"{"topic":"seats-full"}"#), Outcome::Taken);
    let heard = heard.join().unwrap();
    assert!(heard.starts_with("POST /hook HTTP/1.1\r\n"), "{heard}");
    assert!(heard.to_ascii_lowercase().contains("content-type: application/json\r\n"), "{heard}");
    assert!(heard.ends_with("\r\n\r\n{\"topic\":\"seats-full\"}"), "{heard}");
}

#[test]
fn a_redirect_is_not_followed_and_a_busy_server_is_asked_again() {
    for (reply, outcome) in [
        ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n", Outcome::Refused),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Outcome::Refused),
        ("HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n", Outcome::Later),
        ("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", Outcome::Later),
        ("nonsense\r\n\r\n", Outcome::Later),
    ] {
        let (folder, heard) = server(reply);
        assert_eq!(told(&folder, "{}"), outcome, "{reply}");
        heard.join().unwrap();
    }
}

#[test]
fn what_is_no_object_is_not_sent_and_without_a_webhook_notices_wait() {
    let folder = settings("http://127.0.0.1:1/");
    assert_eq!(told(&folder, "[1]"), Outcome::Refused);
    assert_eq!(told(&folder, "{}"), Outcome::Later);
    assert_eq!(told(&settings(""), "{}"), Outcome::Later);
    assert_eq!(told(&settings("http://hooks.example.com/"), "{}"), Outcome::Later);
}
