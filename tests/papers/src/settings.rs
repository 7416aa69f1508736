//! The manual page of `mfa.toml`, made from the file that ships: it shows every setting with what holds without it.

use crate::pages::{Page, plain};

const INTRODUCTION: &str = ".TH MFA.TOML 5 \"\" mfa mfa
.SH NAME
mfa.toml \\- settings of the second factor that are not rules
.SH SYNOPSIS
.I /etc/mfa/mfa.toml
.SH DESCRIPTION
Who is asked, and where, is in
.BR mfa\\-policy.toml (5);
everything else is here.
What the file does not say holds as it stands below.
After a change:
.BR \"systemctl reload mfa\\-daemon\" .
A file with a mistake is refused as a whole, and the old settings stay in force.
.SH SETTINGS
";

const SEE_ALSO: &str = ".SH SEE ALSO
.BR mfa\\-policy.toml (5),
.BR mfa\\-daemon (8),
.BR mfactl (8)
";

/// The page, from the text of the file.
pub fn page(shipped: &str) -> Page {
    let mut text = INTRODUCTION.to_owned();
    for line in shipped.lines() {
        if line.starts_with('[') {
            text += &format!(".SS {}\n", plain(line));
        } else if let Some((setting, meaning)) = setting(line) {
            text += &format!(".TP\n.B {}\n{}\n", plain(setting).replace('"', "\\(dq"), plain(meaning));
        } else if let Some(more) = line.strip_prefix('#').map(|more| more.trim_start_matches([' ', '#'])) {
            // Before the first section it is what the introduction says.
            if text.contains(".SS ") && !more.is_empty() {
                text += &format!("{}\n", plain(more));
            }
        }
    }
    Page { name: "mfa.toml".into(), section: "5", text: text + SEE_ALSO }
}

/// `# key = value    # meaning`
pub fn setting(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("# ")?;
    let (key, _) = line.split_once(" = ")?;
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let (setting, meaning) = line.split_once(" # ")?;
    is_key.then_some((setting.trim_end(), meaning.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_of_the_shipped_file_is_a_paragraph_with_its_meaning() {
        let shipped = include_str!("../../../packaging/etc/mfa.toml");
        let page = page(shipped);
        let settings = shipped.lines().filter(|line| line.starts_with("# ") && line.contains(" = ")).count();
        assert_eq!(page.text.matches(".TP\n.B ").count(), settings, "{}", page.text);
        assert!(settings >= 30, "{settings}");
        assert_eq!(page.text.matches(".SS [").count(), shipped.lines().filter(|line| line.starts_with('[')).count());
    }

    #[test]
    fn a_setting_has_a_meaning_and_a_remark_is_none() {
        assert_eq!(setting("# port = 0      # the usual one"), Some(("port = 0", "the usual one")));
        assert_eq!(setting("# Texts: a = b # c"), None);
    }
}
