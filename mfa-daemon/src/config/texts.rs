//! The texts of letters: `/etc/mfa/mail/TOPIC.txt` where the site has its own, else what is built in.
//!
//! A text that is not in order is no reason to refuse the whole configuration: the built-in one is used, and that is
//! said.

use mfa_core::letter::{Text, Topic};
use mfa_settings::file::{self, is_absent, trust_folder};
use std::collections::BTreeMap;
use std::path::Path;

/// The folder of the site's own texts.
const FOLDER: &str = "mail";

/// A text for every topic.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    own: BTreeMap<Topic, Text>,
    /// What is odd about the site's own, a sentence each.
    pub(crate) warnings: Vec<String>,
}

impl Texts {
    /// The text for letters of this topic.
    pub(crate) fn of(&self, topic: Topic) -> Text {
        self.own.get(&topic).cloned().unwrap_or_else(|| Text::built_in(topic))
    }

    /// Reads the folder of texts below that of the configuration.
    pub(super) fn load(configuration: &Path) -> Self {
        let (folder, mut texts) = (configuration.join(FOLDER), Self::default());
        if is_absent(&folder) {
            return texts;
        }
        if let Err(why) = texts.read(&folder) {
            texts.warnings.push(format!("{why}; the built-in texts of letters are used"));
        }
        texts
    }

    fn read(&mut self, folder: &Path) -> Result<(), String> {
        trust_folder(folder).map_err(|error| error.to_string())?;
        let unreadable = |error| format!("{} cannot be read: {error}", folder.display());
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            match name.strip_suffix(".txt").map(Topic::of) {
                Some(Some(topic)) => match own(&path, topic) {
                    Ok(text) => {
                        self.own.insert(topic, text);
                    }
                    Err(why) => self.warnings.push(format!("{why}; the built-in text is used")),
                },
                Some(None) => {
                    let known: Vec<_> = Topic::ALL.into_iter().map(Topic::as_str).collect();
                    let known = known.join(" ");
                    self.warnings.push(format!("{} is the text of no letter; there are {known}", path.display()));
                }
                None => {} // an editor's backup, a README
            }
        }
        self.warnings.sort_unstable();
        Ok(())
    }
}

fn own(path: &Path, topic: Topic) -> Result<Text, String> {
    let text = file::read(path, file::LARGEST).map_err(|error| error.to_string())?;
    Text::parse(&text, topic).map_err(|error| format!("{}:{error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_core::letter::Values;

    fn load(files: &[(&str, &str)]) -> Texts {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(FOLDER)).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(FOLDER).join(name), text).unwrap();
        }
        Texts::load(folder.path())
    }

    fn subject(texts: &Texts, topic: Topic) -> String {
        texts.of(topic).write(&Values::new()).subject
    }

    #[test]
    fn a_sites_own_text_takes_the_place_of_the_built_in_one() {
        let texts = load(&[("reset.txt", "Subject: Ours\n\nText\n"), ("reset.txt~", "old"), ("README", "")]);
        assert_eq!(subject(&texts, Topic::Reset), "Ours");
        assert!(subject(&texts, Topic::Test).contains("a test"));
        assert_eq!(texts.warnings, [""; 0]);
    }

    #[test]
    fn a_text_with_a_mistake_is_told_with_its_place_and_the_built_in_one_is_used() {
        let texts = load(&[("reset.txt", "Subject: a\n\nHello {nmae}\n"), ("rset.txt", "Subject: a\n")]);
        assert!(subject(&texts, Topic::Reset).contains("was reset"));
        assert!(texts.warnings[0].contains("reset.txt:3:7: {nmae} is not known"), "{:?}", texts.warnings);
        assert!(texts.warnings[1].contains("rset.txt is the text of no letter"), "{:?}", texts.warnings);
    }

    #[test]
    fn without_a_folder_all_texts_are_built_in() {
        let folder = tempfile::tempdir().unwrap();
        let texts = Texts::load(folder.path());
        assert!(texts.warnings.is_empty() && subject(&texts, Topic::Reset).contains("was reset"));
    }
}
