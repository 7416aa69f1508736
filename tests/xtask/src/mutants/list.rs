//! The entries of `tests/mutants`: what is taken out, and which test must fail. Reads them, and says what a file is with
//! one of them in it; writes nothing.

use std::path::Path;

use crate::Stop;
use crate::places::root;

/// One protection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mutant {
    /// Short, with dashes.
    pub(crate) name: String,
    /// What is taken out, for people.
    pub(crate) what: String,
    /// Where, from the root.
    pub(crate) file: String,
    /// What `cargo test` is told before the test's name.
    pub(crate) target: Vec<String>,
    /// The crate of that.
    pub(crate) package: String,
    test: String,
    hunks: Vec<Hunk>,
}

/// Lines that stand in for others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Hunk {
    /// Looked for only behind a line with this in it.
    behind: Option<String>,
    old: Vec<String>,
    new: Vec<String>,
}

/// Every entry of every file.
pub(crate) fn all() -> Result<Vec<Mutant>, Stop> {
    let folder = root().join("tests/mutants");
    let failed = |error: std::io::Error| Stop::Failed(format!("{}: {error}", folder.display()));
    let mut files: Vec<_> = std::fs::read_dir(&folder).map_err(failed)?.filter_map(Result::ok).collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    let mut mutants: Vec<Mutant> = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file.path()).map_err(failed)?;
        let name = file.file_name().to_string_lossy().into_owned();
        mutants.extend(parse(&text).map_err(|why| Stop::Failed(format!("tests/mutants/{name}: {why}")))?);
    }
    let twice = mutants.iter().find(|one| mutants.iter().filter(|other| other.name == one.name).count() > 1);
    match twice {
        Some(mutant) => Err(Stop::Failed(format!("Two mutants are called {}.", mutant.name))),
        None => Ok(mutants),
    }
}

/// Entries begin with `mutant: NAME`. Lines that begin with `#` are for the reader.
fn parse(text: &str) -> Result<Vec<Mutant>, String> {
    let mut mutants: Vec<Mutant> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        if let Some(name) = line.strip_prefix("mutant: ") {
            mutants.push(Mutant { name: name.trim().to_owned(), ..Mutant::default() });
            continue;
        }
        let understood = mutants.last_mut().is_some_and(|mutant| mutant.take(line));
        if !understood {
            return Err(format!("line {} is not understood: {line}", number + 1));
        }
    }
    match mutants.iter().find(|mutant| !mutant.is_whole()) {
        Some(mutant) => Err(format!("{} lacks what, file, test, or lines to take out", mutant.name)),
        None => Ok(mutants),
    }
}

impl Mutant {
    /// The test that must fail.
    pub(crate) fn test(&self) -> &str {
        &self.test
    }

    /// Whether somebody who says this word means it, too.
    pub(crate) fn is_meant_by(&self, word: &str) -> bool {
        [&self.name, &self.file, &self.test].into_iter().any(|text| text.contains(word))
    }

    /// The file with the protection taken out; an error is a sentence.
    pub(crate) fn in_tree(&self, root: &Path) -> Result<String, String> {
        let file = root.join(&self.file);
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {}: {error}", self.name, self.file))?;
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for hunk in &self.hunks {
            hunk.apply(&mut lines)
                .map_err(|why| format!("{} does not fit {} any more: {why}", self.name, self.file))?;
        }
        Ok(lines.join("\n") + "\n")
    }

    /// One line of its entry. Whether it was understood.
    fn take(&mut self, line: &str) -> bool {
        let value = |name: &str| line.strip_prefix(name).map(|value| value.trim().to_owned());
        if let Some(what) = value("what: ") {
            self.what = what;
        } else if let Some(file) = value("file: ") {
            self.file = file;
        } else if let Some(words) = value("test: ") {
            let mut words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            self.test = words.pop().unwrap_or_default();
            self.package = words.iter().skip_while(|word| *word != "-p").nth(1).cloned().unwrap_or_default();
            self.target = words;
        } else if let Some(behind) = value("@ ") {
            self.hunks.push(Hunk { behind: Some(behind), ..Hunk::default() });
        } else if let Some(old) = value("-") {
            // Lines to be taken out behind lines to be put in begin the next hunk.
            if self.hunks.last().is_none_or(|hunk| !hunk.new.is_empty()) {
                self.hunks.push(Hunk::default());
            }
            self.hunks.last_mut().into_iter().for_each(|hunk| hunk.old.push(old.clone()));
        } else if let Some(new) = value("+") {
            self.hunks.last_mut().into_iter().for_each(|hunk| hunk.new.push(new.clone()));
        } else {
            return false;
        }
        true
    }

    fn is_whole(&self) -> bool {
        let texts = [&self.name, &self.what, &self.file, &self.test, &self.package];
        let hunks = !self.hunks.is_empty() && self.hunks.iter().all(|hunk| !hunk.old.is_empty());
        texts.iter().all(|text| !text.is_empty()) && hunks
    }
}

impl Hunk {
    /// Puts the new lines in the place of the old ones, which stand there once. Blanks at their ends do not count.
    fn apply(&self, lines: &mut Vec<String>) -> Result<(), String> {
        let from = match &self.behind {
            None => 0,
            Some(word) => lines
                .iter()
                .position(|line| line.contains(word.as_str()))
                .ok_or_else(|| format!("nothing holds \"{word}\""))?,
        };
        let is_here = |window: &[String]| window.iter().zip(&self.old).all(|(line, old)| line.trim() == old);
        let windows = lines.windows(self.old.len()).enumerate().skip(from);
        let mut places: Vec<usize> = windows.filter(|(_, window)| is_here(window)).map(|(at, _)| at).collect();
        if self.behind.is_some() {
            places.truncate(1);
        }
        match places.as_slice() {
            [place] => {
                lines.splice(*place..*place + self.old.len(), self.new.iter().cloned());
                Ok(())
            }
            [] => Err(format!("\"{}\" stands there no more", self.old.join(" "))),
            places => {
                Err(format!("\"{}\" stands there {} times; say \"@ \" behind what", self.old.join(" "), places.len()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "# for the reader\nmutant: used-once\nwhat: the condition\nfile: a/b.rs\n\
        test: -p a --lib a_step_is_used_once\n@ fn two\n- if used {\n-     return;\n- }\n+ // taken out\n";

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn an_entry_says_what_is_taken_out_and_which_test_must_fail() {
        let mutants = parse(ENTRY).unwrap();
        let [mutant] = mutants.as_slice() else { panic!("{mutants:?}") };
        assert_eq!((mutant.test(), mutant.package.as_str()), ("a_step_is_used_once", "a"));
        assert_eq!(mutant.target, ["-p", "a", "--lib"]);
        assert!(mutant.is_meant_by("used") && mutant.is_meant_by("b.rs") && !mutant.is_meant_by("throttle"));
    }

    #[test]
    fn the_lines_are_found_behind_what_is_named_however_they_are_indented() {
        let mutant = parse(ENTRY).unwrap().remove(0);
        let body = "    if used {\n        return;\n    }\n";
        let mut text = lines(&format!("fn one() {{\n{body}}}\nfn two() {{\n{body}    go();\n}}"));
        mutant.hunks[0].apply(&mut text).unwrap();
        assert_eq!(text.join("\n"), format!("fn one() {{\n{body}}}\nfn two() {{\n// taken out\n    go();\n}}"));
    }

    #[test]
    fn what_does_not_stand_there_or_stands_there_twice_is_an_error() {
        let hunk = Hunk { behind: None, old: lines("go();"), new: Vec::new() };
        assert!(hunk.apply(&mut lines("stop();")).is_err());
        assert!(hunk.apply(&mut lines("go();\ngo();")).unwrap_err().contains("2 times"));
    }

    #[test]
    fn an_entry_that_lacks_something_or_says_something_else_is_an_error() {
        for lacking in ["what: ", "file: ", "test: ", "- "] {
            let text: Vec<&str> = ENTRY.lines().filter(|line| !line.starts_with(lacking)).collect();
            assert!(parse(&text.join("\n")).is_err(), "{lacking}");
        }
        assert!(parse("what: nobody's\n").is_err() && parse(&format!("{ENTRY}test\n")).is_err());
    }
}
