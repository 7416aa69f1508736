//! A person at a guest's first console: types on its keyboard, reads its screen as the kernel keeps it (`/dev/vcsa1`),
//! and wipes the screen after each thing read, so that what is there is new. Every wait has a deadline, and every error
//! shows all that was ever seen.

use std::fmt;
use std::io::{self, Read, Write};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::guest::keyboard::{Keyboard, NAME};
use crate::lab::Lab;

/// How long the screen may take to show what is expected: nothing in a guest is quick.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at the screen.
const BLINK: Duration = Duration::from_millis(50);

/// The first virtual terminal of a guest, in front from its boot on.
#[derive(Debug)]
pub struct Console<'guest> {
    lab: &'guest Lab,
    keyboard: Keyboard,
    eye: Eye,
    seen: String,
}

/// Why the screen did not show what the scenario expected. Prints what it has shown.
#[derive(Debug)]
pub struct ConsoleError {
    why: Why,
    seen: String,
    screen: String,
}

#[derive(Debug)]
enum Why {
    Io(io::Error),
    Late(String),
}

impl fmt::Display for ConsoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Io(error) => write!(f, "the console failed: {error}")?,
            Why::Late(wanted) => write!(f, "the console: waited in vain for {wanted}")?,
        }
        write!(f, "\n--- seen\n{}\n--- on the screen\n{}\n---", self.seen, self.screen)
    }
}

impl std::error::Error for ConsoleError {}

impl<'guest> Console<'guest> {
    pub(crate) fn open(lab: &'guest Lab) -> Result<Self, ConsoleError> {
        let failed = |error| ConsoleError { why: Why::Io(error), seen: String::new(), screen: String::new() };
        let keyboard = Keyboard::plug(lab).map_err(failed)?;
        let known = "until grep -q -F \"$0\" /proc/bus/input/devices; do :; done";
        lab.run(["timeout", "60", "sh", "-c", known, NAME])
            .and_then(crate::Output::success)
            .map_err(|error| failed(io::Error::other(error)))?;
        let eye = Eye::open(lab).map_err(failed)?;
        Ok(Self { lab, keyboard, eye, seen: String::new() })
    }

    /// Waits until the screen ends with that text, the cursor right behind it, as at a question; returns what is above.
    /// What was there is read then.
    pub fn expect(&mut self, prompt: &str) -> Result<String, ConsoleError> {
        let before = self.wait_for(&format!("{prompt:?}"), |screen| screen.strip_suffix(prompt).map(str::to_owned))?;
        self.wipe()?;
        Ok(before)
    }

    /// Waits for a question and types a line; returns what was above the question.
    pub fn answer(&mut self, prompt: &str, line: &str) -> Result<String, ConsoleError> {
        let before = self.expect(prompt)?;
        self.type_line(line)?;
        Ok(before)
    }

    /// Waits until that text is somewhere on the screen, and reads nothing away.
    pub fn await_text(&mut self, text: &str) -> Result<(), ConsoleError> {
        self.wait_for(&format!("{text:?}"), |screen| screen.contains(text).then_some(()))
    }

    /// Waits for the prompt of a shell; returns what came before it.
    pub fn expect_shell(&mut self) -> Result<String, ConsoleError> {
        let host = format!("@{}:", self.lab.hostname());
        let before = self.wait_for("a shell", |screen| {
            let (before, last) = screen.rsplit_once('\n').unwrap_or(("", screen));
            let prompt = last.contains(&host) && (last.ends_with("$ ") || last.ends_with("# "));
            prompt.then(|| before.to_owned())
        })?;
        self.wipe()?;
        Ok(before)
    }

    /// In a shell: runs a line, returns what it printed.
    pub fn run(&mut self, line: &str) -> Result<String, ConsoleError> {
        self.type_line(line)?;
        let shown = self.expect_shell()?;
        Ok(shown.strip_prefix(line).unwrap_or(&shown).trim_start_matches('\n').to_owned())
    }

    /// Types a line and presses Enter.
    pub fn type_line(&mut self, line: &str) -> Result<(), ConsoleError> {
        self.type_keys(&format!("{line}\r"))
    }

    /// Types without Enter; `"\x03"` is Ctrl-C.
    pub fn type_keys(&mut self, keys: &str) -> Result<(), ConsoleError> {
        self.keyboard.type_keys(keys).map_err(|error| self.error(Why::Io(error), ""))
    }

    /// What the screen shows now, down to the cursor.
    pub fn screen(&mut self) -> Result<String, ConsoleError> {
        self.eye.look().map_err(|error| self.error(Why::Io(error), ""))
    }

    /// All that was read off the screen so far.
    pub fn transcript(&self) -> &str {
        &self.seen
    }

    fn wait_for<T>(&mut self, wanted: &str, look: impl Fn(&str) -> Option<T>) -> Result<T, ConsoleError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen()?;
            if let Some(found) = look(&screen) {
                return Ok(found);
            }
            if Instant::now() >= deadline {
                return Err(self.error(Why::Late(wanted.to_owned()), &screen));
            }
            std::thread::sleep(BLINK);
        }
    }

    /// The program that has asked waits for its answer: nothing new is wiped away unread.
    fn wipe(&mut self) -> Result<(), ConsoleError> {
        let screen = self.eye.wipe().map_err(|error| self.error(Why::Io(error), ""))?;
        self.seen += &screen;
        self.seen.push('\n');
        Ok(())
    }

    fn error(&self, why: Why, screen: &str) -> ConsoleError {
        ConsoleError { why, seen: self.seen.clone(), screen: screen.to_owned() }
    }
}

/// Looks at the screen when it is told to: a program in the guest, so that a look costs little there.
#[derive(Debug)]
struct Eye {
    program: Child,
}

/// `cat` and `printf` are programs of their own here: no shell that leads a session opens the console and takes it.
const LOOK: &str = "while read -r what; do
    cat /dev/vcsa1
    [ \"$what\" = look ] || env printf '\\033[H\\033[2J' >/dev/tty1
    [ \"$what\" = look ] || cat /dev/vcsa1
done";

impl Eye {
    fn open(lab: &Lab) -> io::Result<Self> {
        let program = lab.command(["sh", "-c", LOOK]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        Ok(Self { program })
    }

    fn look(&mut self) -> io::Result<String> {
        self.tell("look\n")?;
        self.picture()
    }

    /// Empties the screen; returns what was on it.
    fn wipe(&mut self) -> io::Result<String> {
        self.tell("wipe\n")?;
        let before = self.picture()?;
        self.picture()?;
        Ok(before)
    }

    fn tell(&mut self, word: &str) -> io::Result<()> {
        let pipe = self.program.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        pipe.write_all(word.as_bytes())?;
        pipe.flush()
    }

    /// Rows, columns, the cursor's column and row, then a character and its color for each cell.
    fn picture(&mut self) -> io::Result<String> {
        let mut head = [0; 4];
        self.read(&mut head)?;
        let [rows, columns, x, y] = head.map(usize::from);
        let mut cells = vec![0; rows * columns * 2];
        self.read(&mut cells)?;
        Ok(text(&cells, columns, x, y))
    }

    fn read(&mut self, mut into: &mut [u8]) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let pipe = self.program.stdout.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        while !into.is_empty() {
            let second = Timespec { tv_sec: 1, tv_nsec: 0 };
            let ready = poll(&mut [PollFd::new(&*pipe, PollFlags::IN)], Some(&second))?;
            if ready > 0 {
                let length = pipe.read(into)?;
                if length == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                into = &mut into[length..];
            } else if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }
}

impl Drop for Eye {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The lines down to the cursor; of the cursor's own what is left of it. A line that fills its row goes on in the next.
fn text(cells: &[u8], columns: usize, x: usize, y: usize) -> String {
    let mut text = String::new();
    for (number, row) in cells.chunks(columns * 2).take(y + 1).enumerate() {
        let characters =
            row.iter().step_by(2).map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { ' ' });
        let line: String = characters.collect();
        if number == y {
            text += line.get(..x).unwrap_or(&line);
        } else if line.ends_with(' ') {
            text += line.trim_end();
            text.push('\n');
        } else {
            text += &line;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::text;

    fn cells(rows: &[&str]) -> Vec<u8> {
        rows.iter().flat_map(|row| row.bytes().flat_map(|byte| [byte, 7])).collect()
    }

    #[test]
    fn a_screen_reads_down_to_the_cursor() {
        let screen = cells(&["first   ", "login:  ", "below   "]);
        assert_eq!(text(&screen, 8, 7, 1), "first\nlogin: ");
    }

    #[test]
    fn a_full_row_goes_on_in_the_next() {
        assert_eq!(text(&cells(&["12345678", "9       ", "        "]), 8, 0, 2), "123456789\n");
    }
}
