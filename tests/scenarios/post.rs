//! `post smtp|http PORT FOLDER`: a mail server, or a webhook, that does on 127.0.0.1 what it is told, and prints what it
//! hears, a line for each connection's letter or request.
//!
//! `FOLDER/script` is read at each connection: a line for each command, such as `RCPT 550 no such user`; a command
//! with `hang-up` ends the connection, one with `stall` is never answered. `letter` stands for the letter's end,
//! `\n` for a line's.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

/// What a server that takes everything says.
const POLITE: [(&str, &str); 6] = [
    ("EHLO", "250 here"),
    ("MAIL", "250 ok"),
    ("RCPT", "250 ok"),
    ("DATA", "354 go on"),
    ("letter", "250 2.0.0 queued"),
    ("QUIT", "221 bye"),
];

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [kind, port, folder] = &args[..] else { return Err(io::Error::other("usage: post smtp|http PORT FOLDER")) };
    let listener = TcpListener::bind(("127.0.0.1", port.parse().map_err(io::Error::other)?))?;
    println!("post listens");
    for stream in listener.incoming() {
        let (stream, script) = (stream?, std::fs::read_to_string(Path::new(folder).join("script")).unwrap_or_default());
        let is_smtp = kind == "smtp";
        thread::spawn(move || if is_smtp { converse(&stream, &script) } else { be_told(&stream) });
    }
    Ok(())
}

fn answer<'a>(script: &'a str, command: &str) -> &'a str {
    let told = script.lines().filter_map(|line| line.split_once(' ')).find(|(at, _)| *at == command);
    let usual = || POLITE.into_iter().find(|(at, _)| *at == command);
    told.or_else(usual).map_or("502 what?", |(_, answer)| answer)
}

fn converse(mut stream: &TcpStream, script: &str) -> io::Result<()> {
    stream.write_all(b"220 post\r\n")?;
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        let command = line.split_whitespace().next().unwrap_or_default().to_owned();
        let mut answer_to = answer(script, &command);
        if command == "DATA" && answer_to.starts_with('3') {
            stream.write_all(format!("{answer_to}\r\n").as_bytes())?;
            println!("heard: {}", letter(&mut lines)?);
            answer_to = answer(script, "letter");
        }
        match answer_to {
            "hang-up" => return Ok(()),
            "stall" => println!("stalling at {command}"),
            said => stream.write_all(format!("{}\r\n", said.replace("\\n", "\r\n")).as_bytes())?,
        }
        println!("said: {}", line.trim_end());
        line.clear();
    }
    Ok(())
}

/// A letter on one line, its lines apart by `|`.
fn letter(lines: &mut impl BufRead) -> io::Result<String> {
    let (mut letter, mut line) = (String::new(), String::new());
    while lines.read_line(&mut line)? > 0 && line != ".\r\n" {
        letter += line.trim_end();
        letter.push('|');
        line.clear();
    }
    Ok(letter)
}

fn be_told(mut stream: &TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while lines.read_line(&mut head)? > 2 && !head.ends_with("\r\n\r\n") {
        let last = head.lines().last().unwrap_or_default().to_ascii_lowercase();
        if let Some(number) = last.strip_prefix("content-length:") {
            length = number.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body)?;
    println!("told: {} {}", head.lines().next().unwrap_or_default(), String::from_utf8_lossy(&body));
    stream.write_all(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}
