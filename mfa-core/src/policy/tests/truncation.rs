//! Files that were cut off or damaged: a mistake, or the complete rules as they were. Never a panic.

use super::{policy, shown};
use crate::policy::{Policy, Source, parse};
use proptest::prelude::*;

/// Every kind of value, comments, names that are not ASCII.
const SITE: &str = r#"# Wer gefragt wird – und wo
[defaults]
services = ["@ssh", "@login", "@sudo", "@su", "@polkit", "cups"]
require  = "always"
factors  = ["totp", "security-key", "backup-code"]
own_factors = false
enroll   = "grace"
enroll_by = 2027-01-15T12:00:00+01:00
ask_again = "30m"

[[rule]]
name     = "Größe"   # ü
groups   = ["staff", "sre"]
hours    = ["Mon-Fri 08:00-18:00", "Sat"]
require  = "always"

[[rule]]
users    = ["ansible"]
from     = ["10.0.0.0/8", "fd00::/8"]
until    = 2027-12-31
require  = "never"

[[rule]]
name     = "last"
ssh_auth = ["gssapi-with-mic"]
ssh_key  = ["SHA256:LwJVCSLjIeOimY7xSa4aV6VvL5o3C6JSuZpKGqlPXB4"]
origin   = "remote"
require  = "observe"
"#;

fn read(text: &str) -> Result<Policy, String> {
    parse(&[Source { name: "policy.toml", text }]).map(|parsed| parsed.policy).map_err(|errors| shown(&errors))
}

#[test]
fn a_policy_cut_off_anywhere_keeps_its_complete_rules_or_is_refused() {
    let whole = policy(SITE);
    let first_rule = SITE.find("[[rule]]").expect("a rule");
    let (mut kept, mut refused) = (0, 0);
    for end in (0..=SITE.len()).filter(|end| SITE.is_char_boundary(*end)) {
        match read(&SITE[..end]) {
            Ok(cut) => {
                kept += 1;
                let complete = cut.rules().len().saturating_sub(1);
                assert_eq!(cut.rules()[..complete], whole.rules()[..complete], "cut at {end}");
                if end > first_rule {
                    assert_eq!((cut.defaults(), cut.services()), (whole.defaults(), whole.services()), "cut at {end}");
                }
            }
            Err(message) => {
                refused += 1;
                assert!(message.starts_with("policy.toml:"), "{message}");
            }
        }
    }
    assert!(kept > 20 && refused > 500, "{kept} kept, {refused} refused");
}

#[test]
fn a_date_is_never_taken_from_a_line_that_was_cut_off() {
    let text = "[[rule]]\nusers = [\"a\"]\nrequire = \"never\"\nuntil = 2027-01-15T10:00:00+01:00\n";
    let whole = policy(text);
    let start = text.find("2027").expect("a date");
    for end in start..text.len() {
        assert!(read(&text[..end]).is_err(), "cut to {:?}", &text[start..end]);
    }
    assert_eq!(read(text), Ok(whole));
}

#[test]
fn white_space_comments_and_line_ends_mean_nothing() {
    let whole = policy(SITE);
    for text in
        [SITE.replace('\n', "\r\n"), format!("\u{feff}{SITE}"), format!("{SITE}\n\n# end"), SITE.replace(" = ", "=")]
    {
        assert_eq!(read(&text).map(|cut| cut.rules().len()), Ok(whole.rules().len()));
        assert_eq!(read(&text).expect("a policy").defaults(), whole.defaults());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_damaged_policy_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = SITE.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1).max(bytes.len() / 2));
        let text = String::from_utf8_lossy(&bytes);
        if let Err(errors) = parse(&[Source { name: "policy.toml", text: &text }]) {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(error.line >= 1 && error.line <= text.matches('\n').count() + 1);
                let shown = error.to_string();
                prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(\\[\\[rule\\]\\]|\\[defaults\\]|users|until|hours|=|\\[|\\]|\"|'|,|\n|[a-z0-9:.@-]{0,6}|\\PC)*") {
        if let Err(errors) = parse(&[Source { name: "x", text: &text }]) {
            prop_assert!(!errors.is_empty());
        }
    }
}
