//! `[mail]` and `[notify]` as the daemon needs them: whose address is which, and whether anybody can be written to.

use super::texts::Texts;
use mfa_core::factor::{Kind, Kinds};
use mfa_core::letter::{Address, Directory};
use mfa_core::mailbox::Mailbox;
use mfa_settings::{self as settings, Relay, file};
use std::collections::HashMap;
use std::path::Path;

/// Bytes of a file of addresses at the most.
const LARGEST: u64 = 64 * 1024 * 1024;

/// To whom mail goes, and whether there is a way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    /// The server that takes mail; `mfa-mail` talks to it.
    pub(crate) relay: Option<Relay>,
    /// From whom mail is.
    pub(crate) from: Option<Address>,
    /// Whether there is a webhook; `mfa-mail` knows which.
    pub(crate) webhook: bool,
    /// Who is told what concerns the whole site.
    pub(crate) administrators: Vec<Address>,
    /// What letters say.
    pub(crate) texts: Texts,
    directory: Directory,
    mapped: HashMap<String, Address>,
}

impl Mail {
    /// The address to write to: the one in the site's file of addresses, else the one the user has verified, else the
    /// one that the site's template makes of the login name.
    pub(crate) fn address_of(&self, user: &str, verified: Option<&Address>) -> Option<Address> {
        self.directory.address(user, self.mapped.get(user), verified)
    }

    /// Where codes for this account can be mailed; nowhere, if there is no server that takes mail.
    pub(crate) fn mailbox(&self, user: &str, verified: Option<&Address>, goes_out: bool) -> Option<Mailbox> {
        let address = self.relay.as_ref().and_then(|_| self.address_of(user, verified))?;
        Some(Mailbox { own: verified == Some(&address) && self.heeds_own(user), address, goes_out })
    }

    /// Whether there is a server that takes mail.
    pub(crate) fn mails(&self) -> bool {
        self.relay.is_some()
    }

    /// The kinds that this account has without enrolling.
    pub(crate) fn given(&self, user: &str, verified: Option<&Address>) -> Kinds {
        self.mailbox(user, verified, true).map(|_| Kind::Email).into_iter().collect()
    }

    /// Whether an address that this user verifies is written to, and not one that the site has for them.
    pub(crate) fn heeds_own(&self, user: &str) -> bool {
        self.directory.own_addresses && !self.mapped.contains_key(user)
    }

    /// The address that the site has, whatever the user has verified.
    pub(crate) fn site_address_of(&self, user: &str) -> Option<Address> {
        self.directory.of_site(user, self.mapped.get(user))
    }

    /// Checks what was read.
    ///
    /// # Errors
    /// The section and what is wrong in it.
    pub(super) fn new(mail: &settings::Mail, notify: &settings::Notify) -> Result<Self, (&'static str, String)> {
        let wrong = |why: String| ("mail", why);
        let relay = mail.relay().map_err(|why| wrong(why.to_owned()))?;
        let address = |text: &str| text.parse::<Address>().map_err(|error| wrong(format!("{text:?} is {error}")));
        let from = relay.as_ref().map(|relay| address(&relay.from)).transpose()?;
        let template = Some(mail.address.as_str()).filter(|text| !text.is_empty());
        let template = template.map(|text| {
            let not_one = |_| wrong(format!("address = {text:?} is no template; it looks like {{user}}@example.com"));
            text.parse().map_err(not_one)
        });
        Ok(Self {
            relay,
            from,
            webhook: notify.webhook().map_err(|why| ("notify", why.to_owned()))?.is_some(),
            administrators: mail.administrators.iter().map(|text| address(text)).collect::<Result<_, _>>()?,
            texts: Texts::default(),
            directory: Directory { template: template.transpose()?, own_addresses: mail.own_addresses },
            mapped: mail.addresses.as_deref().map(read).transpose().map_err(wrong)?.unwrap_or_default(),
        })
    }
}

/// Reads a file of `user: address`, a line each.
fn read(path: &Path) -> Result<HashMap<String, Address>, String> {
    let text = file::read(path, LARGEST).map_err(|error| error.to_string())?;
    let mut mapped = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = format!("{}:{}", path.display(), number + 1);
        let (user, address) = line.split_once(':').ok_or_else(|| format!("{place}: a line is user: address"))?;
        let address = address.trim().parse().map_err(|error| format!("{place}: {error}"))?;
        if mapped.insert(user.trim().to_owned(), address).is_some() {
            return Err(format!("{place}: this user has an address already"));
        }
    }
    Ok(mapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(mail: settings::Mail) -> Result<Mail, String> {
        Mail::new(&mail, &settings::Notify::default()).map_err(|(_, why)| why)
    }

    fn address(text: &str) -> Option<Address> {
        text.parse().ok()
    }

    fn with_file(text: &str) -> Result<Mail, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("addresses");
        std::fs::write(&path, text).unwrap();
        mail(settings::Mail { addresses: Some(path), address: "{user}@c.example".into(), ..settings::Mail::default() })
    }

    #[test]
    fn the_file_of_addresses_comes_before_what_the_user_has_verified() {
        let mail = with_file("# who gets mail where\n\nalice: a.ng@acme.example\n bob :bob@b.example \n").unwrap();
        let own: Address = "me@home.example".parse().unwrap();
        assert_eq!(mail.address_of("alice", Some(&own)), address("a.ng@acme.example"));
        assert_eq!(mail.address_of("bob", None), address("bob@b.example"));
        assert_eq!(mail.address_of("carol", Some(&own)), Some(own));
        assert_eq!(mail.site_address_of("carol"), address("carol@c.example"));
    }

    #[test]
    fn a_line_that_is_no_address_refuses_the_file_with_its_place() {
        for (text, place) in [
            ("alice: a@b.example\nbob\n", ":2: a line is"),
            ("alice: a b\n", ":1: not a mail address"),
            ("a: a@b.example\na: b@b.example\n", ":2: this user has"),
        ] {
            let error = with_file(text).unwrap_err();
            assert!(error.contains(place), "{error}");
        }
    }

    #[test]
    fn whoever_is_told_has_an_address() {
        let administrators = vec!["root@acme.example".to_owned(), "root".to_owned()];
        let error = mail(settings::Mail { administrators, ..settings::Mail::default() }).unwrap_err();
        assert!(error.contains("\"root\" is not a mail address"), "{error}");
        let error =
            mail(settings::Mail { address: "alice@b.example".into(), ..settings::Mail::default() }).unwrap_err();
        assert!(error.contains("{user}@example.com"), "{error}");
    }
}
