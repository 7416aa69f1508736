//! A mail address: one, and nothing else. What could be two, a header or a command to a mail server is none.

use email_address::{EmailAddress, Options};
use std::fmt;
use std::str::FromStr;

/// The longest address (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const LONGEST: usize = 254;

/// One mail address of printable ASCII, unquoted, at a named domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address(String);

/// Not a mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAddress;

impl fmt::Display for NotAnAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a mail address; it looks like name@example.com, with letters of ASCII alone")
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        // Quoted local parts and comments are legal, and nothing but trouble: no address of a person has them.
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"\\(),:;<>[]".contains(&byte);
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        let is_one =
            text.len() <= LONGEST && text.bytes().all(plain) && EmailAddress::parse_with_options(text, options).is_ok();
        if is_one { Ok(Self(text.to_owned())) } else { Err(NotAnAddress) }
    }
}

impl Address {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// So much of it that its owner knows which one it is, and nobody else learns it: `a…@acme.example`.
    #[must_use]
    pub fn masked(&self) -> String {
        let (user, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let first: String = user.chars().take(1).collect();
        format!("{first}…@{domain}")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the site says that people get their mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// `{user}@example.com`; `{user}` is the login name.
    pub template: Option<Template>,
    /// Whether an address that somebody has verified comes before the template.
    pub own_addresses: bool,
}

/// An address with `{user}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

/// What stands for the login name.
const USER: &str = "{user}";

impl FromStr for Template {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let template = Self(text.to_owned());
        if text.contains(USER) && template.address("somebody").is_some() { Ok(template) } else { Err(NotAnAddress) }
    }
}

impl Template {
    /// The address of this login name; `None` if that is none, whatever the name was made to look like.
    #[must_use]
    pub fn address(&self, user: &str) -> Option<Address> {
        // A name with an @ of its own would choose the domain.
        let fits = !user.contains(['@', '{', '}']);
        fits.then(|| self.0.replace(USER, user).parse().ok()).flatten()
    }
}

impl Directory {
    /// The address to write to. The site's word about this very user (`mapped`) comes first, then the one the user has
    /// verified, then the template.
    #[must_use]
    pub fn address(&self, user: &str, mapped: Option<&Address>, verified: Option<&Address>) -> Option<Address> {
        let own = verified.filter(|_| self.own_addresses);
        mapped.or(own).cloned().or_else(|| self.of_site(user, mapped))
    }

    /// The address that the site alone knows of.
    #[must_use]
    pub fn of_site(&self, user: &str, mapped: Option<&Address>) -> Option<Address> {
        mapped.cloned().or_else(|| self.template.as_ref()?.address(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn what_could_be_two_or_a_header_is_no_address() {
        for bad in [
            "",
            "alice",
            "@example.com",
            "alice@",
            "alice@localhost",
            "a@b@example.com",
            "a@example.com,b@example.com",
            "a@example.com\r\nBcc: b@example.com",
            "a@example.com\nb",
            "a b@example.com",
            "\"a b\"@example.com",
            "a@[10.0.0.1]",
            "Alice <a@example.com>",
            "<a@example.com>",
            "a@example.com>",
            "jürgen@example.com",
            "a@exämple.com",
            "a@-example.com",
            "a@example..com",
            ".a@example.com",
            &format!("{}@example.com", "a".repeat(65)),
            &format!("a@{}.com", "b".repeat(300)),
        ] {
            assert_eq!(bad.parse::<Address>(), Err(NotAnAddress), "{bad:?}");
        }
    }

    #[test]
    fn what_people_have_is_an_address() {
        for good in ["a@example.com", "alice.ng+mfa@mail.acme.example", "root@acme.example", "o'neil_x-1@a-b.example"] {
            assert_eq!(address(good).as_str(), good);
        }
    }

    #[test]
    fn a_masked_address_shows_its_first_letter_and_its_domain() {
        assert_eq!(address("alice@acme.example").masked(), "a…@acme.example");
    }

    #[test]
    fn a_template_takes_a_login_name_and_nothing_that_only_looks_like_one() {
        let template: Template = "{user}@example.com".parse().unwrap();
        assert_eq!(template.address("alice"), Some(address("alice@example.com")));
        for name in ["alice@evil.example", "a\r\nb", "ACME\\alice", "a b", "", "{user}", "ü"] {
            assert_eq!(template.address(name), None, "{name:?}");
        }
        for bad in ["example.com", "alice@example.com", "{user}", "{name}@example.com", "{user}@"] {
            assert_eq!(bad.parse::<Template>(), Err(NotAnAddress), "{bad}");
        }
    }

    #[test]
    fn the_sites_word_comes_first_then_ones_own_address_then_the_template() {
        let (mapped, own) = (address("map@a.example"), address("own@b.example"));
        let template = "{user}@c.example".parse().ok();
        let free = Directory { template: template.clone(), own_addresses: true };
        assert_eq!(free.address("u", Some(&mapped), Some(&own)), Some(mapped.clone()));
        assert_eq!(free.address("u", None, Some(&own)), Some(own.clone()));
        assert_eq!(free.address("u", None, None), Some(address("u@c.example")));
        let strict = Directory { template, own_addresses: false };
        assert_eq!(strict.address("u", None, Some(&own)), Some(address("u@c.example")));
        assert_eq!(Directory::default().address("u", None, Some(&own)), None);
    }

    proptest! {
        #[test]
        fn no_address_has_a_space_a_control_character_or_a_second_at(text in "\\PC{0,40}|[ -~\r\n]{0,40}|[a-z@.\r\n ]{0,12}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert_eq!(address.as_str().matches('@').count(), 1);
            }
        }
    }
}
