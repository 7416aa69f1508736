//! The licenses of others, as they want to be passed on with what is linked: each text once, with the crates it
//! came with.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use crate::crates::Crate;

/// How the files begin in which crates carry their licenses.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];

/// All texts, with who needs them.
///
/// # Errors
/// A crate's folder that cannot be read.
pub fn of(linked: &[Crate]) -> io::Result<String> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut list = String::from("What is linked into the programs, and under which licenses:\n\n");
    for one in linked.iter().filter(|one| !one.is_ours()) {
        list += &format!("  {} {}: {}\n", one.name, one.version, one.license);
        for text in texts_of(one)? {
            texts.entry(text).or_default().push(format!("{} {}", one.name, one.version));
        }
    }
    // By the first crate that has it, so that the order is the list's.
    let mut texts: Vec<(String, Vec<String>)> = texts.into_iter().collect();
    texts.sort_by(|one, other| one.1.cmp(&other.1).then_with(|| one.0.cmp(&other.0)));
    for (text, crates) in texts {
        list += &format!("\n{}\n{}:\n\n{text}\n", "=".repeat(80), crates.join(", "));
    }
    Ok(list)
}

fn texts_of(one: &Crate) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(&one.folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if NAMES.iter().any(|begin| name.starts_with(begin)) && entry.file_type()?.is_file() {
            let text = String::from_utf8_lossy(&fs::read(entry.path())?).replace("\r\n", "\n");
            found.push(text.trim_end().to_owned());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crates::linked;

    #[test]
    fn every_crate_is_listed_and_each_text_stands_there_once() {
        let linked = linked().expect("cargo tells");
        let text = of(&linked).expect("the folders can be read");
        assert!(linked.iter().all(|one| one.is_ours() || text.contains(&format!("  {} {}: ", one.name, one.version))));
        assert!(text.contains("Permission is hereby granted"));
        assert_eq!(
            text.matches("TERMS AND CONDITIONS FOR USE, REPRODUCTION").count(),
            text.matches("END OF TERMS AND CONDITIONS").count()
        );
    }
}
