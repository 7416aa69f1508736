//! Lists of patterns as OpenSSH writes them (ssh_config(5), PATTERNS): `*@example.com,!guest@example.com`.

use std::fmt;

/// Patterns separated by commas. `*` stands for any characters, `?` for one byte, `!` before a pattern takes out what
/// it matches. At least one pattern, none of them empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patterns(String);

impl Patterns {
    /// `None` if there is nothing in it, or nothing between two commas.
    pub(super) fn new(list: &str) -> Option<Self> {
        let empty = |pattern: &str| pattern.strip_prefix('!').unwrap_or(pattern).is_empty();
        if list.split(',').any(empty) { None } else { Some(Self(list.to_owned())) }
    }

    /// Whether a pattern matches and none with a `!` does. Case counts.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let matches = |pattern: &str| glob(pattern.as_bytes(), text.as_bytes());
        let (mut included, mut excluded) = (false, false);
        for pattern in self.0.split(',') {
            match pattern.strip_prefix('!') {
                Some(pattern) => excluded |= matches(pattern),
                None => included |= matches(pattern),
            }
        }
        included && !excluded
    }
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the whole text fits the pattern. Takes at most pattern × text steps, whatever they are: only the last `*`
/// is ever tried again, since what an earlier one could do, a later one can too.
fn glob(mut pattern: &[u8], mut text: &[u8]) -> bool {
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => return true,
            (Some((b'*', after)), _) => {
                pattern = after;
                again = Some((after, text));
                continue;
            }
            (Some((wanted, after)), Some((found, left))) if *wanted == b'?' || wanted == found => {
                (pattern, text) = (after, left);
                continue;
            }
            _ => {}
        }
        let Some((after, from)) = again else { return false };
        let Some((_, left)) = from.split_first() else { return false };
        (pattern, text) = (after, left);
        again = Some((after, left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(list: &str, text: &str) -> bool {
        Patterns::new(list).unwrap().matches(text)
    }

    #[test]
    fn patterns_match_as_in_openssh() {
        assert!(matches("vendor@example.com", "vendor@example.com"));
        assert!(matches("a,*@example.com", "vendor@example.com"));
        assert!(matches("?endor@*.c*m", "vendor@example.com"));
        assert!(matches("*", "x") && matches("**", "") && matches("a*", "a"));
        assert!(!matches("Vendor@example.com", "vendor@example.com"));
        assert!(!matches("*,!vendor*", "vendor@example.com"));
        assert!(!matches("!vendor*,*", "vendor@example.com"));
        assert!(!matches("!guest", "vendor"));
        assert!(!matches("?", "") && !matches("a", "ab") && !matches("ab", "a") && !matches("*a", "ab"));
    }

    #[test]
    fn a_list_with_nothing_in_it_is_none() {
        for bad in ["", ",", "a,", ",a", "a,,b", "!", "a,!"] {
            assert_eq!(Patterns::new(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        let pattern = "*a".repeat(20_000);
        assert!(!glob(pattern.as_bytes(), "a".repeat(19_999).as_bytes()));
        assert!(glob(pattern.as_bytes(), "a".repeat(20_000).as_bytes()));
    }

    /// The definition, as slow as it likes.
    fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', after)), _) => (0..=text.len()).any(|skipped| by_definition(after, &text[skipped..])),
            (Some((wanted, after)), Some((found, left))) => {
                (*wanted == b'?' || wanted == found) && by_definition(after, left)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_is_what_it_is_defined_to_be(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), by_definition(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
