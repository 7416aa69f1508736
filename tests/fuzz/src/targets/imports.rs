//! Other programs' files: libpam-google-authenticator's, pam_oath's, pam_u2f's.

use crate::{Feed, Target, sentence};
use mfactl::fuzz::{Taken, google, oath, u2f};

/// The first byte says whose file it is.
pub const TARGET: Target = Target { name: "imports", about: "other programs' files", longest: 16 * 1024, try_it };

fn try_it(data: &[u8]) {
    let mut feed = Feed::new(data);
    let choice = feed.choice();
    let text = String::from_utf8_lossy(feed.rest()).into_owned();
    let found = match choice % 4 {
        0 => google(&text),
        1 => oath(&text),
        2 => u2f(&text, None),
        _ => u2f(&text, Some("alice")),
    };
    let lines = text.lines().count();
    assert!(found.len() <= lines.max(1) + text.matches(':').count(), "things that nobody wrote");
    for (user, taken, notes) in &found {
        notes.iter().for_each(|note| sentence::is_one(note));
        assert!(choice % 4 != 3 || user == "alice");
        match taken {
            Ok(taken) => again(choice % 4, user, taken),
            Err(why) => sentence::is_one(why),
        }
    }
}

/// What was taken, written as that program writes it, is taken as the same.
fn again(choice: u8, user: &str, taken: &Taken) {
    match taken {
        Taken::App { secret, digits, period } => {
            assert!(secret.len() >= 10, "80 bits at the least");
            assert!(matches!(digits, 6 | 8) && matches!(period, 30 | 60));
            let written = match choice {
                0 => format!("{}\n\" TOTP_AUTH\n\" STEP_SIZE {period}\n", data_encoding::BASE32_NOPAD.encode(secret)),
                _ => format!("HOTP/T{period}/{digits}\t{user}\t-\t{}\n", data_encoding::HEXLOWER.encode(secret)),
            };
            let found = if choice == 0 { google(&written) } else { oath(&written) };
            assert_eq!(found.first().map(|found| &found.1), Some(&Ok(taken.clone())), "{written}");
        }
        Taken::Key { id, algorithm, public_key, u2f: old } => {
            assert!((1..=1023).contains(&id.len()));
            assert_eq!(public_key.len(), if *algorithm == "es256" { 64 } else { 32 });
            let base64 = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
            let written = match old {
                true => format!("{user}:{},04{}\n", base64(id), data_encoding::HEXLOWER.encode(public_key)),
                false => format!("{user}:{},{},{algorithm},+presence\n", base64(id), base64(public_key)),
            };
            let found = u2f(&written, None);
            assert_eq!(found.first().map(|found| &found.1), Some(&Ok(taken.clone())), "{written}");
        }
    }
}
