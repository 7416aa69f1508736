//! Completions for bash, zsh and fish, where each shell looks for them.

use clap::Command;
use clap_complete::{Shell, generate};

/// One file.
pub struct Completion {
    /// Whose it is, and the name of its folder.
    pub shell: &'static str,
    /// What that shell wants it to be called.
    pub file: String,
    /// What is in it.
    pub text: String,
}

/// Those of both commands, and of the short name.
pub fn all() -> Vec<Completion> {
    let commands =
        [("mfactl", mfactl::command()), ("mfa-enroll", mfa_enroll::command()), ("mfa", mfa_enroll::command())];
    commands.iter().flat_map(|(name, command)| each_shell(name, command)).collect()
}

fn each_shell(name: &'static str, command: &Command) -> Vec<Completion> {
    let one = |shell, folder, file| {
        let mut text = Vec::new();
        generate(shell, &mut command.clone().name(name), name, &mut text);
        Completion { shell: folder, file, text: String::from_utf8_lossy(&text).into_owned() }
    };
    vec![
        one(Shell::Bash, "bash", name.to_owned()),
        one(Shell::Zsh, "zsh", format!("_{name}")),
        one(Shell::Fish, "fish", format!("{name}.fish")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command as Process;

    #[test]
    fn every_shell_completes_every_command() {
        let all = all();
        assert_eq!(all.len(), 9);
        for completion in all.iter().filter(|completion| completion.file.contains("mfactl")) {
            assert!(completion.text.contains("break-glass"), "{}", completion.file);
        }
    }

    #[test]
    fn bash_reads_its_completions() {
        for completion in all().iter().filter(|completion| completion.shell == "bash") {
            let read = Process::new("bash").args(["-n", "-c", &completion.text]).output().expect("bash is there");
            assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        }
    }
}
