//! `papers DIR`: writes manual pages, completions, the bill of materials and the licenses of others into DIR.
//! `SOURCE_DATE_EPOCH` says of which day they are; without it they say nothing of days.
#![forbid(unsafe_code)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use papers::{bill, completions, crates, licenses, pages};

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: papers DIR");
        return ExitCode::from(2);
    };
    match write(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("papers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    for page in pages::all() {
        put(&folder.join(format!("man{}", page.section)).join(page.file()), &page.text)?;
    }
    for completion in completions::all() {
        put(&folder.join(completion.shell).join(completion.file), &completion.text)?;
    }
    let linked = crates::linked()?;
    put(&folder.join("doc/mfa.cdx.json"), &bill::of(&linked))?;
    put(&folder.join("doc/third-party.txt"), &licenses::of(&linked)?)
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, text)
}
