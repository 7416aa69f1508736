//! `mfa.toml`: what is configured and is not a rule.

use super::Mail;
use super::security_keys::{self, SecurityKeys};
use mfa_core::enrollment;
use mfa_core::factor::totp::Parameters;
use mfa_core::seats::{self, OnFull};
use serde::Deserialize;

/// Characters of a text that a phone or a terminal shows.
const LONGEST: usize = 64;

/// All of `mfa.toml`.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    site: String,
    issuer: String,
    /// Whom users ask for help; may be empty.
    pub(crate) support: String,
    /// How many consecutive codes confirm an app.
    pub(crate) confirm_codes: u8,
    /// Of new secrets.
    pub(crate) parameters: Parameters,
    /// Seconds that records are kept; `None`: for ever.
    pub(crate) keep: Option<i64>,
    /// To whom mail goes.
    pub(crate) mail: Mail,
    /// Who looks after others.
    pub(crate) staff: Staff,
    /// What happens to newcomers when the seats are full.
    pub(crate) on_full: OnFull,
    /// When an enrollment gives its seat back.
    pub(crate) recycling: seats::Rules,
    /// What is configured about keys.
    pub(crate) security_keys: SecurityKeys,
}

/// Groups of those who look after the machine and its users.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Staff {
    /// Whose members can become root: nobody but root looks after them.
    pub(crate) groups: Vec<String>,
    /// Whose members look after everybody else.
    pub(crate) helpdesk: String,
}

impl Default for Staff {
    fn default() -> Self {
        Self { groups: ["root", "sudo", "wheel", "admin"].map(str::to_owned).into(), helpdesk: "mfa-helpdesk".into() }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct File {
    site: Site,
    enrollment: Enrollment,
    mail: mfa_settings::Mail,
    notify: mfa_settings::Notify,
    administrators: Staff,
    license: License,
    audit: Audit,
    security_keys: security_keys::Written,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Audit {
    keep: Keep,
}

/// A number alone is 0, for ever; else days, weeks or years.
#[derive(Deserialize)]
#[serde(untagged)]
enum Keep {
    Number(i64),
    Text(String),
}

impl Default for Audit {
    fn default() -> Self {
        Self { keep: Keep::Text("400d".into()) }
    }
}

/// A policy is previewed against the logins of so many days.
const LEAST_KEEP: i64 = 31;

impl Audit {
    fn parsed(&self) -> Result<Option<i64>, String> {
        let text = match &self.keep {
            Keep::Number(0) => return Ok(None),
            Keep::Text(text) if text == "forever" || text == "0" => return Ok(None),
            Keep::Text(text) => text.as_str(),
            Keep::Number(_) => "",
        };
        let units = [('d', 1), ('w', 7), ('y', 365)];
        let days = units
            .iter()
            .find_map(|(unit, days)| text.strip_suffix(*unit)?.parse::<u16>().ok().map(|n| i64::from(n) * days));
        match days {
            Some(days) if days >= LEAST_KEEP => Ok(Some(days * 86_400)),
            Some(_) => Err(format!("keep is at least {LEAST_KEEP}d: policy preview looks at 30 days")),
            None => Err("keep is such as \"400d\", \"60w\", \"2y\" or \"forever\"".into()),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Site {
    name: String,
    issuer: String,
    support: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct License {
    on_full: String,
    vanished_days: u16,
    idle_days: u16,
    nologin: bool,
}

impl Default for License {
    fn default() -> Self {
        Self { on_full: "single-factor".into(), vanished_days: 14, idle_days: 0, nologin: false }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Enrollment {
    confirm_codes: u8,
    algorithm: String,
    digits: u8,
    period: u8,
}

impl Default for Enrollment {
    fn default() -> Self {
        let Parameters { algorithm, digits, period } = Parameters::default();
        Self { confirm_codes: 1, algorithm: algorithm.as_str().into(), digits, period }
    }
}

impl Default for Settings {
    /// Without a file.
    fn default() -> Self {
        let (site, issuer, support) = Default::default();
        let (parameters, mail, staff, on_full, recycling, security_keys) = Default::default();
        let keep = Audit::default().parsed().unwrap_or(None);
        Self {
            site,
            issuer,
            support,
            confirm_codes: 1,
            parameters,
            keep,
            mail,
            staff,
            on_full,
            recycling,
            security_keys,
        }
    }
}

impl Settings {
    /// What the site calls itself, on this host.
    pub(crate) fn site<'a>(&'a self, host: &'a str) -> &'a str {
        if self.site.is_empty() { host } else { &self.site }
    }

    /// What apps show above the account, on this host.
    pub(crate) fn issuer<'a>(&'a self, host: &'a str) -> &'a str {
        if self.issuer.is_empty() { self.site(host) } else { &self.issuer }
    }

    /// Reads the text of `mfa.toml`.
    ///
    /// # Errors
    /// A sentence with the place and what is possible there.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| format!("mfa.toml: {error}"))?;
        let wrong = |section: &str, why: &str| format!("mfa.toml, [{section}]: {why}");
        for (key, value) in [("name", &file.site.name), ("issuer", &file.site.issuer), ("support", &file.site.support)]
        {
            if value.chars().count() > LONGEST || value.chars().any(char::is_control) {
                return Err(wrong("site", &format!("{key} has at most {LONGEST} characters, no control characters")));
            }
        }
        if !(1..=2).contains(&file.enrollment.confirm_codes) {
            return Err(wrong("enrollment", "confirm_codes is 1 or 2"));
        }
        let Enrollment { confirm_codes, algorithm, digits, period } = file.enrollment;
        let parameters = enrollment::parameters(&algorithm, digits, period).map_err(|why| wrong("enrollment", why))?;
        let mail = Mail::new(&file.mail, &file.notify).map_err(|(section, why)| wrong(section, &why))?;
        let staff = file.administrators;
        let names = staff.groups.iter().chain([&staff.helpdesk]);
        if names.into_iter().any(|name| name.is_empty() || name.chars().any(|c| c.is_control() || c == ':')) {
            return Err(wrong("administrators", "groups and helpdesk are names of groups"));
        }
        let keep = file.audit.parsed().map_err(|why| wrong("audit", &why))?;
        let Site { name: site, issuer, support } = file.site;
        let (on_full, recycling) = file.license.parsed().map_err(|why| wrong("license", &why))?;
        let security_keys = file.security_keys.parsed().map_err(|why| wrong("security_keys", &why))?;
        Ok(Self {
            site,
            issuer,
            support,
            confirm_codes,
            parameters,
            keep,
            mail,
            staff,
            on_full,
            recycling,
            security_keys,
        })
    }
}

impl License {
    fn parsed(&self) -> Result<(OnFull, seats::Rules), String> {
        let known = OnFull::WORDS.into_iter().find(|(word, _)| *word == self.on_full);
        let (_, on_full) = known.ok_or("on_full is \"single-factor\" or \"deny\"")?;
        if self.vanished_days == 0 {
            return Err("vanished_days is at least 1: a directory that is down for an hour is not a departure".into());
        }
        let seconds = |days: u16| i64::from(days) * 86_400;
        let idle = (self.idle_days > 0).then(|| seconds(self.idle_days));
        Ok((on_full, seats::Rules { vanished: seconds(self.vanished_days), nologin: self.nologin, idle }))
    }
}
