//! Showing a session to a reader: what was on the screen, with what was typed where the screen does not show it.

use std::io::{IsTerminal, stdout};

use harness::{Terminal, TerminalError};

/// A terminal whose unseen typing is remembered.
pub(crate) struct Screen {
    pub(crate) terminal: Terminal,
    typed: Vec<(usize, String)>,
}

impl Screen {
    pub(crate) fn new(terminal: Terminal) -> Self {
        Self { terminal, typed: Vec::new() }
    }

    /// Waits for the prompt and answers it.
    pub(crate) fn answer(&mut self, prompt: &str, line: &str) -> Result<(), TerminalError> {
        self.terminal.expect(prompt)?;
        self.type_line(line)
    }

    /// Types a line at a prompt that does not echo.
    pub(crate) fn type_line(&mut self, line: &str) -> Result<(), TerminalError> {
        self.typed.push((self.terminal.transcript().len(), line.to_owned()));
        self.terminal.send_line(line)
    }

    /// Prints the whole session. What was typed unseen stands between angle brackets.
    pub(crate) fn print(&self) {
        let transcript = self.terminal.transcript();
        let mut text = String::new();
        let mut from = 0;
        for (at, line) in &self.typed {
            text += &transcript[from..*at];
            text += &strong(&format!("<{line}>"));
            from = *at;
        }
        text += &transcript[from..];
        print!("{}", indented(text.trim()));
    }
}

/// Lines as part of the story.
pub(crate) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// A heading.
pub(crate) fn title(words: &str) {
    println!("\n{}", strong(words));
}

/// A sentence.
pub(crate) fn say(words: &str) {
    println!("{words}");
}

fn strong(words: &str) -> String {
    if stdout().is_terminal() { format!("\x1b[1m{words}\x1b[0m") } else { words.to_owned() }
}
