//! A login between a daemon that sends anything and a user who types anything: the replies of PAM's conversation, and
//! the turns that the module is told to play.

use crate::{Feed, Target, sentence};
use mfa_proto::login::{Next, Outcome as Word, Turn};
use mfa_proto::{Decoder, Reply};
use pam_mfa_inside::fuzz::{Played, play};

/// Part by part: options, replies, what the daemon sends.
pub const TARGET: Target = Target { name: "conversation", about: "replies and turns", longest: 8192, try_it };

/// What was typed at the password's prompt; it must go nowhere.
const PASSWORD: &str = "correct horse battery staple";
const SUCCESS: i32 = 0;
const IGNORE: i32 = 25;

const OPTIONS: [&str; 6] =
    ["debug", "require_publickey", "exempt=success", "unavailable=allow", "combined=verify", "combined=split"];

fn try_it(data: &[u8]) {
    let mut feed = Feed::new(data);
    let (flags, options, replies) = (feed.choice(), feed.choice(), feed.choice() % 8);
    let chosen = OPTIONS.iter().enumerate().filter(|(place, _)| options & 1 << place != 0);
    let mut played = Played {
        account: flags & 1 != 0,
        silent: flags & 2 != 0,
        // A daemon that says nothing for a second is called silent, should an input make it so.
        arguments: chosen.map(|(_, word)| (*word).to_owned()).chain(["timeout=2".to_owned()]).collect(),
        password: (flags & 4 == 0).then(|| PASSWORD.to_owned()),
        ssh_auth: (flags & 8 != 0).then(|| feed.part().to_vec()),
        ..Played::default()
    };
    for _ in 0..replies {
        let reply = feed.part();
        played.replies.push(if reply == b"password" { PASSWORD.as_bytes().to_vec() } else { reply.to_vec() });
    }
    while !feed.is_empty() && played.sent.len() < 8 {
        let mut sent = feed.part().to_vec();
        sent.push(0); // a frame that never ends is waited for until the deadline, which no input may take
        played.sent.push(sent);
    }
    judge(&played);
}

fn judge(played: &Played) {
    let outcome = play(played);
    let said = |word| played.sent.iter().any(|sent| says(sent, word));
    let (passed, skipped) = (said(Word::Pass), said(Word::Skipped) || said(Word::Remembered));
    let let_in = match outcome.code {
        SUCCESS => passed || skipped && played.arguments.iter().any(|word| word == "require_publickey"),
        IGNORE => skipped || played.arguments.iter().any(|word| word == "combined=split"),
        code => {
            assert!([4, 7, 9].contains(&code), "{code}");
            true
        }
    };
    assert!(let_in, "{} without a word of the daemon's: {played:?}", outcome.code);
    for request in &outcome.requests {
        let read: serde_json::Value = serde_json::from_str(request).expect("a call");
        assert_ne!(read["parameters"]["answer"], PASSWORD, "the password left the process");
    }
    for line in &outcome.log {
        sentence::is_one(line);
        sentence::keeps(PASSWORD, line);
        // What was typed may be a code; a single letter is everywhere.
        for reply in played.replies.iter().filter(|reply| reply.len() >= 6) {
            let foreign = !played.sent.iter().any(|sent| sent.windows(reply.len()).any(|part| part == *reply));
            if let (true, Ok(reply)) = (foreign && !outcome_words(reply), std::str::from_utf8(reply)) {
                sentence::keeps(reply, line);
            }
        }
    }
}

/// Whether a reply is a piece of what the module itself says.
fn outcome_words(reply: &[u8]) -> bool {
    reply.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b' ' | b'_' | b'=' | b';' | b'.'))
}

fn says(sent: &[u8], word: Word) -> bool {
    let mut decoder = Decoder::default();
    if decoder.push(sent).is_err() {
        return false;
    }
    let frames = std::iter::from_fn(|| decoder.next_frame());
    let mut turns = frames.filter_map(|frame| Reply::parse(&frame).ok()?.parameters::<Turn>().ok());
    turns.any(|turn| matches!(&turn.next, Next::Done(verdict) if verdict.outcome == word))
}
