//! Enrolling as a person does: the guided setup on a terminal, and what its pages and those of a first login ask.

use crate::lab::Lab;
use crate::outcome::{Failure, Outcome};
use crate::phone::Phone;
use crate::terminal::Terminal;

/// How the question for a code ends.
const CODE: &str = "Verification code: ";

/// What the wizard asks before it shows a picture.
const APP: &str = "Have you an authenticator app on your phone? [Y/n] ";

impl Lab {
    /// The guided setup of somebody who has nothing yet, up to its question for a code, and a phone that has scanned
    /// the picture.
    pub fn setup_up_to_the_picture(&self, user: &str) -> Outcome<(Terminal, Phone)> {
        let mut setup = self.pty_as(user, ["mfa-enroll"])?;
        // Where the policy takes one kind alone, there is nothing to choose.
        if let (0, _) = setup.expect_any(&["Which one? [1] ", APP])? {
            setup.send_line("1")?;
            setup.expect(APP)?;
        }
        setup.send_line("")?;
        setup.expect(CODE)?;
        let phone = Phone::scan_screen(setup.transcript())?;
        Ok((setup, phone))
    }
}

/// The backup codes that a screen shows, in the order of their numbers.
pub fn codes_on(screen: &str) -> Vec<String> {
    let words: Vec<&str> = screen.split_whitespace().collect();
    let numbered = |pair: &[&str]| Some((pair[0].parse::<u32>().ok()?, pair[1].to_owned()));
    let is_code = |word: &str| word.len() == 14 && word.split('-').all(|group| group.len() == 4);
    let mut codes: Vec<_> = words.windows(2).filter(|pair| is_code(pair[1])).filter_map(numbered).collect();
    codes.sort();
    codes.into_iter().map(|(_, code)| code).collect()
}

/// Types the last group of the backup code that is asked for, in `mfa-enroll` or during a login; all codes shown.
pub fn acknowledge(terminal: &mut Terminal) -> Outcome<Vec<String>> {
    terminal.expect("Type the last group of code ")?;
    let number = terminal.expect(": ")?;
    let codes = codes_on(terminal.transcript());
    let code = number.parse::<usize>().ok().and_then(|number| codes.get(number - 1));
    let code = code.ok_or_else(|| Failure::new(format!("no code {number} in {codes:?}")))?;
    terminal.send_line(&code.rsplit('-').next().unwrap_or_default().to_lowercase())?;
    Ok(codes)
}
