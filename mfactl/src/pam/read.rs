//! The files of /etc/pam.d, and of the vendor's folder behind it, read as libpam reads them (pam.conf(5)): lines that go
//! on, comments, Debian's `@include`, `include` and `substack`.

use super::{Control, Module, Phase, Step};
use std::collections::BTreeMap;
use std::fmt;

/// The folders, the first one that has a file wins.
const FOLDERS: [&str; 2] = ["/etc/pam.d", "/usr/lib/pam.d"];
/// How deep files may include each other; libpam gives up at the same depth.
const DEEPEST: usize = 16;

/// The texts of files by their paths: of a machine, or made up.
pub(crate) trait Files {
    /// The text; `None` if there is no such file.
    fn text(&self, path: &str) -> Option<String>;
    /// The names in a folder.
    fn names(&self, folder: &str) -> Vec<String>;
}

impl Files for BTreeMap<String, String> {
    fn text(&self, path: &str) -> Option<String> {
        self.get(path).cloned()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let prefix = format!("{folder}/");
        self.keys().filter_map(|path| Some(path.strip_prefix(&prefix)?.to_owned())).collect()
    }
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The path.
    pub(crate) file: String,
    /// From 1 on.
    pub(crate) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What is wrong with a line: libpam makes the stack fail there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where.
    pub(crate) place: Place,
    /// In a sentence.
    pub(crate) what: String,
}

/// What a service goes through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service {
    /// Its name, which is the file's.
    pub(crate) name: String,
    stacks: BTreeMap<Phase, Vec<Step>>,
    /// What libpam does not understand of it.
    pub(crate) problems: Vec<Problem>,
}

impl Service {
    /// The steps of a phase.
    pub(crate) fn steps(&self, phase: Phase) -> &[Step] {
        self.stacks.get(&phase).map_or(&[], Vec::as_slice)
    }

    /// All modules of a phase.
    pub(crate) fn modules(&self, phase: Phase) -> Vec<&Module> {
        super::modules(self.steps(phase))
    }

    /// Our lines in a phase.
    pub(crate) fn ours(&self, phase: Phase) -> Vec<&Module> {
        self.modules(phase).into_iter().filter(|module| module.is_ours()).collect()
    }
}

/// The names of all services, `other` and what only is included among them.
pub(crate) fn services(files: &dyn Files) -> Vec<String> {
    let mut names: Vec<String> = FOLDERS.iter().flat_map(|folder| files.names(folder)).collect();
    // What editors and packages leave behind is not looked up by anybody.
    names.retain(|name| {
        let left = [".dpkg-", ".rpm", ".pam-old"].iter().any(|mark| name.contains(mark));
        !name.starts_with('.') && !name.ends_with('~') && !left
    });
    names.sort();
    names.dedup();
    names
}

/// Reads one service with all it includes.
pub(crate) fn read(files: &dyn Files, name: &str) -> Service {
    let mut service = Service { name: name.to_owned(), ..Service::default() };
    for phase in Phase::ALL {
        let mut steps = Vec::new();
        let found = Reader { files, phase, problems: &mut service.problems }.file(name, 0, &mut steps);
        if !found || steps.is_empty() {
            Reader { files, phase, problems: &mut service.problems }.file("other", 0, &mut steps);
        }
        service.stacks.insert(phase, steps);
    }
    service.problems.sort_by(|one, other| one.place.cmp(&other.place));
    service.problems.dedup();
    service
}

struct Reader<'a> {
    files: &'a dyn Files,
    phase: Phase,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    /// Adds the steps of a file; whether there is one.
    fn file(&mut self, name: &str, depth: usize, steps: &mut Vec<Step>) -> bool {
        let paths = if name.starts_with('/') {
            vec![name.to_owned()]
        } else {
            FOLDERS.iter().map(|folder| format!("{folder}/{name}")).collect()
        };
        let Some((path, text)) = paths.into_iter().find_map(|path| Some((path.clone(), self.files.text(&path)?)))
        else {
            return false;
        };
        for (number, line) in logical_lines(&text) {
            let place = Place { file: path.clone(), line: number };
            self.line(&line, place, depth, steps);
        }
        true
    }

    fn line(&mut self, line: &str, place: Place, depth: usize, steps: &mut Vec<Step>) {
        let words = words(line);
        let mut words = words.iter().map(String::as_str);
        let Some(first) = words.next() else { return };
        if first.eq_ignore_ascii_case("@include") {
            return self.include(words.next().unwrap_or_default(), place, depth, steps);
        }
        let quiet = first.starts_with('-');
        let kind = first.trim_start_matches('-');
        match Phase::ALL.into_iter().find(|phase| phase.as_str().eq_ignore_ascii_case(kind)) {
            Some(phase) if phase == self.phase => {}
            Some(_) => return,
            None => return self.problem(place, format!("{first} is no kind of line")),
        }
        let (Some(control), Some(path)) = (words.next(), words.next()) else {
            return self.problem(place, "the line ends too early".to_owned());
        };
        match control.to_ascii_lowercase().as_str() {
            "include" => self.include(path, place, depth, steps),
            "substack" => {
                let mut inner = Vec::new();
                self.include(path, place.clone(), depth, &mut inner);
                steps.push(Step::Substack { place, steps: inner });
            }
            _ => match Control::parse(control) {
                Some(control) => {
                    let arguments = words.map(str::to_owned).collect();
                    steps.push(Step::Module(Module { place, control, path: path.to_owned(), arguments, quiet }));
                }
                None => self.problem(place, format!("{control} is not understood")),
            },
        }
    }

    fn include(&mut self, name: &str, place: Place, depth: usize, steps: &mut Vec<Step>) {
        if depth >= DEEPEST {
            return self.problem(place, "files include each other without end".to_owned());
        }
        if !self.file(name, depth + 1, steps) {
            self.problem(place, format!("there is no file {name}"));
        }
    }

    fn problem(&mut self, place: Place, what: String) {
        self.problems.push(Problem { place, what });
    }
}

/// Lines as they count, each with the number it begins at: without comments, and joined where one ends in a backslash.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut begun: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let (number, mut joined) = begun.take().unwrap_or((index + 1, String::new()));
        let line = line.split('#').next().unwrap_or_default();
        match line.strip_suffix('\\') {
            Some(part) => {
                joined.push_str(part);
                joined.push(' ');
                begun = Some((number, joined));
            }
            None => {
                joined.push_str(line);
                lines.push((number, joined));
            }
        }
    }
    lines.extend(begun);
    lines
}

/// Words between blanks; what stands in brackets is one, with its brackets if it is a control.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut bracketed) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if bracketed && letters.peek() == Some(&']') => word.extend(letters.next()),
            '[' if !bracketed && word.is_empty() => {
                bracketed = true;
                word.push(letter);
            }
            ']' if bracketed => {
                bracketed = false;
                word.push(letter);
            }
            blank if blank.is_whitespace() && !bracketed => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            other => word.push(other),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
