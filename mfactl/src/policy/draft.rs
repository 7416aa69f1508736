//! Files of policy that are not in force: read here, sent to the daemon in pieces, forgotten with the connection.

use crate::Desk;
use mfa_cli::{Failure, printable};
use mfa_proto::policy::{DRAFT, Draft, LARGEST_DRAFT};
use serde::de::IgnoredAny;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes of a piece: with everything in it escaped, it fits a frame.
const PIECE: usize = 8 * 1024;

/// Where a file would be in the folder.
#[derive(clap::Args)]
pub(super) struct Place {
    /// Take it for this file of the folder, such as policy.d/60-guests.toml
    #[arg(long = "as", value_name = "NAME", requires = "file")]
    name: Option<String>,
}

impl Place {
    /// The name in the folder: as said, or `policy.d/…` for a file that lies in a folder of this name, or
    /// `policy.toml`.
    fn of(&self, path: &Path) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let folder = path.parent().and_then(Path::file_name);
        match path.file_name() {
            Some(name) if folder.is_some_and(|folder| folder == "policy.d") => {
                format!("policy.d/{}", name.to_string_lossy())
            }
            _ => "policy.toml".to_owned(),
        }
    }

    /// Sends the file in place of the one in the folder; says which that is.
    pub(super) fn send(&self, path: &Path, desk: &mut Desk) -> Result<String, Failure> {
        let text = read(path)?;
        let name = self.of(path);
        put(desk, &name, &text)?;
        Ok(name)
    }
}

/// Puts a text in place of a file of the folder, for this connection.
pub(crate) fn put(desk: &mut Desk, name: &str, text: &str) -> Result<(), Failure> {
    let mut append = false;
    let mut rest = text;
    loop {
        let piece = rest.get(..boundary(rest)).unwrap_or(rest);
        let draft = Draft { file: name.to_owned(), text: Some(piece.to_owned()), append };
        let _: IgnoredAny = desk.daemon.call(DRAFT, &draft).map_err(|failure| misplaced(failure, name))?;
        (rest, append) = (rest.get(piece.len()..).unwrap_or_default(), true);
        if rest.is_empty() {
            return Ok(());
        }
    }
}

/// Takes a file of the folder out, for this connection.
pub(crate) fn take_out(desk: &mut Desk, name: &str) -> Result<(), Failure> {
    let draft = Draft { file: name.to_owned(), text: None, append: false };
    let _: IgnoredAny = desk.daemon.call(DRAFT, &draft).map_err(|failure| misplaced(failure, name))?;
    Ok(())
}

/// Where a piece of a text ends.
fn boundary(text: &str) -> usize {
    let end = (0..=PIECE.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    end.unwrap_or(text.len())
}

/// A name that the folder would not have is the caller's mistake.
fn misplaced(failure: Failure, name: &str) -> Failure {
    if failure.code != "protocol" {
        return failure;
    }
    let name = printable::line(name);
    Failure::usage(format!("{name} is no file of policy: there are policy.toml and policy.d/NAME.toml. See --as."))
}

fn read(path: &Path) -> Result<String, Failure> {
    let shown = printable::line(&path.display().to_string());
    let failed = |error: std::io::Error| Failure::refused("unreadable", format!("{shown} cannot be read: {error}."));
    let mut text = String::new();
    let room = u64::try_from(LARGEST_DRAFT).unwrap_or(u64::MAX);
    let file = File::open(path).map_err(failed)?;
    file.take(room).read_to_string(&mut text).map_err(failed)?;
    if text.len() >= LARGEST_DRAFT {
        return Err(Failure::refused("too_large", format!("{shown} is too large for a policy: 1 MiB is the most.")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_place_that_it_seems_made_for() {
        let as_ = |name: Option<&str>, path: &str| Place { name: name.map(str::to_owned) }.of(Path::new(path));
        assert_eq!(as_(None, "new.toml"), "policy.toml");
        assert_eq!(as_(None, "/etc/mfa/policy.d/50-x.toml"), "policy.d/50-x.toml");
        assert_eq!(as_(Some("policy.d/a.toml"), "/tmp/new.toml"), "policy.d/a.toml");
    }

    #[test]
    fn pieces_are_cut_between_characters() {
        let text = "é".repeat(PIECE);
        let (mut rest, mut pieces) = (text.as_str(), 0);
        while !rest.is_empty() {
            rest = &rest[boundary(rest)..];
            pieces += 1;
        }
        assert_eq!(pieces, 2);
        assert_eq!(boundary("short"), 5);
    }
}
