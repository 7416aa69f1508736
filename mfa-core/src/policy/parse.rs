//! The text of the policy files, turned into a [`Policy`] or into everything that is wrong with it. A policy is taken
//! whole or not at all: no error is skipped, no rule left out.

use super::diagnostic::{Diagnostic, quoted};
use super::draft::{CONDITIONS, Draft, SETTINGS, Written, condition};
use super::lint;
use super::model::{Policy, Requirement, Settings, Who};
use super::reader::{Reader, Value};
use super::service::Services;
use super::suggest::suggest;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One policy file.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// What diagnostics call it.
    pub name: &'a str,
    /// Its content.
    pub text: &'a str,
}

/// A policy, and what an administrator should know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The policy.
    pub policy: Policy,
    /// What is odd about it; see [`super::lint`] for what depends on the date.
    pub warnings: Vec<Diagnostic>,
}

/// The longest file, in bytes.
const LONGEST: usize = 1024 * 1024;

/// Reads a whole policy. The first source is `policy.toml` (an empty text if there is none), the only one that may hold
/// `[defaults]`; the others are `policy.d/*.toml` in order, whose rules follow.
///
/// # Errors
/// Everything that is wrong, in the order of the files. Nothing of such a policy may be used.
pub fn parse(sources: &[Source<'_>]) -> Result<Parsed, Vec<Diagnostic>> {
    let mut files: Vec<File<'_>> = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        files.push(File::read(source, index == 0));
    }
    let errors: Vec<Diagnostic> = files.iter_mut().flat_map(File::errors).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let written = files.first().map(|file| file.defaults.clone()).unwrap_or_default();
    let services = written.services.clone().unwrap_or_else(Services::all_classes);
    let defaults = written.over(Settings::BUILT_IN);
    let mut rules = Vec::new();
    for draft in files.iter().flat_map(|file| &file.rules) {
        rules.push(draft.complete(rules.len() + 1, &services, defaults));
    }
    let policy = Policy::new(services, defaults, rules);
    let warnings = warnings(&mut files, &policy);
    Ok(Parsed { policy, warnings })
}

fn warnings(files: &mut [File<'_>], policy: &Policy) -> Vec<Diagnostic> {
    let places: Vec<(usize, Range<usize>)> = (files.iter().enumerate())
        .flat_map(|(file, read)| read.rules.iter().map(move |draft| (file, draft.span.clone())))
        .collect();
    for remark in lint::remarks(policy) {
        let (file, span) = match remark.rule.and_then(|rule| places.get(rule)) {
            Some((file, span)) => (*file, span.clone()),
            None => (0, 0..0),
        };
        if let Some(file) = files.get_mut(file) {
            file.reader.warn(&span, remark.message, remark.hint);
        }
    }
    files.iter_mut().flat_map(|file| sorted(std::mem::take(&mut file.reader.warnings))).collect()
}

fn sorted(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by_key(|one| (one.line, one.column));
    diagnostics
}

/// One file as it was read.
struct File<'s> {
    name: &'s str,
    reader: Reader<'s>,
    defaults: Written,
    rules: Vec<Draft>,
}

impl<'s> File<'s> {
    fn read(source: &Source<'s>, main: bool) -> Self {
        let text = source.text.strip_prefix('\u{feff}').unwrap_or(source.text);
        let reader = Reader::new(source.name, text);
        let mut file = Self { name: source.name, reader, defaults: Written::default(), rules: Vec::new() };
        if text.len() > LONGEST {
            file.reader.error(&(0..0), "the file is longer than 1 MiB", None);
            return file;
        }
        match DeTable::parse(text) {
            Ok(table) => file.top(table.get_ref(), main),
            Err(error) => {
                let end = text.len()..text.len();
                let message = format!("this is not TOML: {}", error.message());
                file.reader.error(&error.span().unwrap_or(end), message, None);
            }
        }
        file
    }

    fn errors(&mut self) -> Vec<Diagnostic> {
        sorted(std::mem::take(&mut self.reader.errors))
    }

    fn top(&mut self, table: &DeTable<'_>, main: bool) {
        self.defaults_first(table);
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("defaults", DeValue::Table(defaults)) if main => self.defaults(defaults),
                ("defaults", DeValue::Table(_)) => {
                    let hint = "files in policy.d add rules; what holds for everybody is said in one place".to_owned();
                    self.reader.error(&key.span(), "[defaults] belong in policy.toml", Some(hint));
                }
                ("defaults", _) => self.reader.wrong_type("defaults", value, "a table: write [defaults]"),
                ("rule", DeValue::Array(rules)) => rules.iter().for_each(|rule| self.rule(rule)),
                ("rule", _) => {
                    let hint = "write [[rule]], in two brackets".to_owned();
                    self.reader.error(&key.span(), "rules are a list of tables", Some(hint));
                }
                _ => self.unknown(key, &["defaults", "rule"]),
            }
        }
    }

    /// Rules inherit from `[defaults]`: a file that was cut off must not leave rules without what they inherit.
    fn defaults_first(&mut self, table: &DeTable<'_>) {
        let defaults = table.get_key_value("defaults").map(|(key, _)| key.span());
        let rule = table.get_key_value("rule").map(|(key, _)| key.span());
        if let (Some(defaults), Some(rule)) = (defaults, rule)
            && rule.start < defaults.start
        {
            let hint = "move them to the top of the file".to_owned();
            self.reader.error(&defaults, "[defaults] come before the rules", Some(hint));
        }
    }

    fn unknown(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>, known: &[&'static str]) {
        let word = key.get_ref().as_ref();
        let hint = match suggest(word, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if SETTINGS.contains(&word) => "a setting belongs below [defaults] or [[rule]]".to_owned(),
            None if CONDITIONS.contains(&word) || word == "who" => "a condition belongs below [[rule]]".to_owned(),
            None => format!("there are {}", known.join(", ")),
        };
        self.reader.error(&key.span(), format!("unknown key {}", quoted(word)), Some(hint));
    }

    fn defaults(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match SETTINGS.iter().find(|known| *known == key.get_ref()) {
                Some(known) => self.defaults.set(&mut self.reader, known, value),
                None => self.unknown(key, &SETTINGS),
            }
        }
        self.one_end_of_grace(table);
    }

    fn one_end_of_grace(&mut self, table: &DeTable<'_>) {
        if let (true, Some(by)) = (table.contains_key("grace"), table.get("enroll_by")) {
            let message = "`grace` and `enroll_by` both say when enrolling can wait no longer";
            self.reader.error(&by.span(), message, Some("keep one of them".to_owned()));
        }
    }

    fn rule(&mut self, value: &Value<'_>) {
        let DeValue::Table(table) = value.get_ref() else {
            self.reader.wrong_type("rule", value, "a list of tables: write [[rule]]");
            return;
        };
        let mut draft = Draft {
            name: None,
            file: self.name.to_owned(),
            line: self.reader.at(&value.span(), String::new()).line,
            span: value.span(),
            who: Who::Target,
            conditions: Vec::new(),
            settings: Written::default(),
            keys: Vec::new(),
        };
        let errors = self.reader.errors.len();
        for (key, value) in table {
            self.key(&mut draft, key, value);
        }
        self.one_end_of_grace(table);
        if self.reader.errors.len() == errors {
            self.judge(&draft);
        }
        draft.conditions.sort_by_key(|condition| CONDITIONS.iter().position(|key| *key == condition.key()));
        self.rules.push(draft);
    }

    fn key(&mut self, draft: &mut Draft, key: &Spanned<std::borrow::Cow<'_, str>>, value: &Value<'_>) {
        const KNOWN: [&str; 21] = [
            "name",
            "who",
            "users",
            "groups",
            "services",
            "from",
            "not_from",
            "origin",
            "ssh_auth",
            "ssh_key",
            "hours",
            "until",
            "require",
            "factors",
            "own_factors",
            "verify_user",
            "enroll",
            "grace",
            "enroll_by",
            "ask_again",
            "remember",
        ];
        let Some(known) = KNOWN.into_iter().find(|known| known == key.get_ref()) else {
            return self.unknown(key, &KNOWN);
        };
        draft.keys.push(known);
        if SETTINGS.contains(&known) {
            return draft.settings.set(&mut self.reader, known, value);
        }
        match known {
            "name" => draft.name = self.rule_name(value),
            "who" => draft.who = self.reader.word(known, value, &Who::WORDS).unwrap_or_default(),
            _ => draft.conditions.extend(condition(&mut self.reader, known, value)),
        }
    }

    fn rule_name(&mut self, value: &Value<'_>) -> Option<String> {
        let name = self.reader.string("name", value)?;
        if name.trim().is_empty() || name.chars().count() > 80 || name.contains(char::is_control) {
            let message = "a rule's name is one line of 1 to 80 characters";
            self.reader.error(&value.span(), message, None);
        }
        Some(name.to_owned())
    }

    /// What is well-formed and still cannot be meant. A file that was cut off at the end of a line may leave such rules.
    fn judge(&mut self, draft: &Draft) {
        if draft.keys.iter().all(|key| *key == "name") {
            let hint = "without conditions it would match everybody and hide every rule below it".to_owned();
            self.reader.error(&draft.span, "this rule says nothing", Some(hint));
        } else if draft.settings.require == Some(Requirement::Never)
            && draft.conditions.is_empty()
            && draft.settings.services.is_none()
        {
            let hint = "add conditions or, if everybody is meant, write require = \"never\" in [defaults]".to_owned();
            self.reader.error(&draft.span, "this rule exempts everybody", Some(hint));
        }
    }
}
