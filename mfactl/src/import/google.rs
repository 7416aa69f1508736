//! `~/.google_authenticator`, as libpam-google-authenticator writes and reads it: the secret in Base32, options in
//! lines that begin with `" `, scratch codes of eight digits. Pure.

use super::found::{App, Why};
use zeroize::Zeroizing;

/// Bytes of the largest file that its module reads.
pub(crate) const LONGEST: usize = 64 * 1024;
/// Steps that the module takes unless told otherwise: this one, the one before, the one after.
const WINDOW: u32 = 3;

/// What a file holds.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) app: Result<App, Why>,
    /// What is left behind, a sentence each.
    pub(crate) notes: Vec<String>,
}

/// Reads a file's text.
pub(crate) fn parse(text: &str) -> State {
    let mut lines = text.lines();
    let secret = lines.next().map(decode).unwrap_or_else(|| Err(Why::Malformed));
    let (mut options, mut scratch) = (Options::default(), 0u64);
    for line in lines {
        match line.strip_prefix("\" ") {
            Some(option) => options.read(option),
            None if is_scratch_code(line) => scratch += 1,
            None => {}
        }
    }
    let mut notes = options.notes();
    if scratch > 0 {
        let codes = mfa_cli::words::counted(scratch, "scratch code");
        notes.push(format!("{codes} left behind, for new ones: mfa-enroll codes"));
    }
    State { app: secret.and_then(|secret| options.app(&secret)), notes }
}

/// The options that matter here, as they are spelled.
#[derive(Default)]
struct Options<'a> {
    is_totp: bool,
    is_hotp: bool,
    step_size: Option<&'a str>,
    window: Option<&'a str>,
    skew: Option<&'a str>,
}

impl<'a> Options<'a> {
    fn read(&mut self, option: &'a str) {
        let (word, value) = option.trim().split_once(' ').unwrap_or((option.trim(), ""));
        match word {
            "TOTP_AUTH" => self.is_totp = true,
            "HOTP_COUNTER" => self.is_hotp = true,
            "STEP_SIZE" => self.step_size = Some(value.trim()),
            "WINDOW_SIZE" => self.window = Some(value.trim()),
            "TIME_SKEW" => self.skew = Some(value.trim()),
            // Failures are limited and codes are good once here, whatever the file says.
            _ => {}
        }
    }

    fn app(&self, secret: &[u8]) -> Result<App, Why> {
        // Without TOTP_AUTH and without a counter the module takes nothing either.
        if self.is_hotp || !self.is_totp {
            return Err(if self.is_hotp { Why::Counter } else { Why::Malformed });
        }
        if secret.len() < 10 {
            return Err(Why::TooShort);
        }
        let period = match self.step_size {
            None | Some("30") => 30,
            Some("60") => 60,
            Some(other) => return Err(Why::Period(other.to_owned())),
        };
        Ok(App::new(secret, 6, period))
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.window.and_then(|window| window.parse().ok()).is_some_and(|window: u32| window > WINDOW) {
            notes.push("its wide window is left behind: codes are taken a step early or late".to_owned());
        }
        if self.skew.is_some_and(|skew| skew != "0") {
            notes.push("its clock was off; if codes are refused, set the phone's clock".to_owned());
        }
        notes
    }
}

fn is_scratch_code(line: &str) -> bool {
    line.len() == 8 && line.bytes().all(|byte| byte.is_ascii_digit())
}

/// Base32 as that module reads it: any case, spaces and dashes dropped, 0, 1 and 8 taken for O, L and B, bits that
/// make no byte ignored.
fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, Why> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut buffer, mut bits) = (0u32, 0);
    for letter in text.trim_end_matches(['=', '\r', ' ']).bytes().filter(|byte| !matches!(byte, b' ' | b'-' | b'\t')) {
        let value = match letter.to_ascii_uppercase() {
            b'0' => b'O' - b'A',
            b'1' => b'L' - b'A',
            b'8' => 1,
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return Err(Why::BadSecret),
        };
        buffer = buffer << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xff).unwrap_or(0));
        }
    }
    if bytes.is_empty() { Err(Why::BadSecret) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Debian's google-authenticator wrote it.
    const REAL: &str = "JBSWY3DPEHPK3PXP\n\" RATE_LIMIT 3 30 1700000000\n\" WINDOW_SIZE 17\n\" DISALLOW_REUSE 56666\n\
                        \" TOTP_AUTH\n12345678\n23456789\n34567890\n45678901\n56789012\n";

    fn why(text: &str) -> Why {
        parse(text).app.unwrap_err()
    }

    #[test]
    fn a_file_of_that_program_gives_its_app_and_says_what_stays_behind() {
        let state = parse(REAL);
        let app = state.app.unwrap();
        assert_eq!((app.secret.expose(), app.digits, app.period), ("JBSWY3DPEHPK3PXP", 6, 30));
        assert_eq!(state.notes.len(), 2);
        assert!(state.notes[0].contains("wide window"));
        assert!(state.notes[1].starts_with("5 scratch codes left behind"));
    }

    #[test]
    fn secrets_are_read_as_the_module_reads_them() {
        for spelled in ["jbsw y3dp-ehpk 3pxp", "JBSWY3DPEHPK3PXP====", "JBSWY3DPEHPK3PXP\r"] {
            let app = parse(&format!("{spelled}\n\" TOTP_AUTH\n")).app.unwrap();
            assert_eq!(app.secret.expose(), "JBSWY3DPEHPK3PXP", "{spelled}");
        }
        let app = parse("0180180180180180\n\" TOTP_AUTH\n").app.unwrap();
        assert_eq!(app.secret.expose(), "OLBOLBOLBOLBOLBO");
        // 26 letters hold 16 bytes and two bits that count for nothing.
        let app = parse("ABCDEFGHIJKLMNOPQRSTUVWXY7\n\" TOTP_AUTH\n").app.unwrap();
        assert_eq!(app.secret.expose().len(), 26);
    }

    #[test]
    fn what_cannot_be_taken_is_said_and_why() {
        assert_eq!(why("JBSWY3DPEHPK3PXP\n\" HOTP_COUNTER 7\n"), Why::Counter);
        assert_eq!(why("JBSWY3DPEHPK3PXP\n\" TOTP_AUTH\n\" HOTP_COUNTER 7\n"), Why::Counter);
        assert_eq!(why("JBSWY3DPEHPK3PXP\n\" TOTP_AUTH\n\" STEP_SIZE 45\n"), Why::Period("45".into()));
        assert_eq!(why("JBSWY3DP\n\" TOTP_AUTH\n"), Why::TooShort);
        assert_eq!(why("JBSWY3DPEHPK3PX!\n\" TOTP_AUTH\n"), Why::BadSecret);
        assert_eq!(why("JBSWY3DPEHPK3PXP\n12345678\n"), Why::Malformed);
        assert_eq!(parse("JBSWY3DPEHPK3PXP\n\" TOTP_AUTH\n\" STEP_SIZE 60\n").app.unwrap().period, 60);
    }

    #[test]
    fn anything_is_read_to_its_end_without_harm() {
        for odd in
            ["", "\n", "\0\n\" TOTP_AUTH", "\" TOTP_AUTH", "\n\n\n", "ä\n\" TOTP_AUTH\n", "= = =", &"A".repeat(60_000)]
        {
            assert!(parse(odd).app.is_err(), "{odd:.20?}");
        }
    }
}
