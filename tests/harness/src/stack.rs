//! The PAM stacks that scenarios need, written the way Debian's own tools would write them.
//! It changes text only; the lab's builder puts the text in place.

use std::fmt;

/// Denies whatever the module does not pass or ignore; the control field of the module's profile.
const CONTROL: &str = "[success=ok new_authtok_reqd=ok ignore=ignore default=die]";

/// A PAM service of the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// Logins over ssh.
    Sshd,
    /// `su`.
    Su,
    /// `sudo`.
    Sudo,
    /// `sudo -i`.
    SudoLogin,
    /// The console's `login`.
    Login,
    /// What every service includes, as the module's own profile changes it.
    CommonAuth,
    /// A service of that name that Debian does not have: for `pamtester`.
    Named(&'static str),
}

impl Service {
    /// The file in `/etc/pam.d`.
    pub fn file(&self) -> &str {
        match self {
            Self::Sshd => "sshd",
            Self::Su => "su",
            Self::Sudo => "sudo",
            Self::SudoLogin => "sudo-i",
            Self::Login => "login",
            Self::CommonAuth => "common-auth",
            Self::Named(name) => name,
        }
    }
}

/// What a service asks for.
#[derive(Debug, Clone)]
pub struct Stack {
    password: bool,
    combined: bool,
    options: String,
    account: bool,
    pub(crate) key_first: bool,
}

impl Stack {
    /// The password, then the module: what the module's profile makes of `common-auth`.
    pub fn password_then_code() -> Self {
        Self { password: true, combined: false, options: String::new(), account: false, key_first: false }
    }

    /// Password and code in one line, for applications that ask once.
    pub fn password_and_code_at_once() -> Self {
        Self { combined: true, ..Self::password_then_code() }
    }

    /// For sshd: a public key (sshd demands it), then the module alone, which checks that there was a key.
    pub fn key_then_code() -> Self {
        let options = "require_publickey".into();
        Self { password: false, combined: false, options, account: false, key_first: true }
    }

    /// The module alone, with nothing before it: what an administrator must not do to sshd.
    pub fn code_alone() -> Self {
        Self { password: false, combined: false, options: String::new(), account: false, key_first: false }
    }

    /// More options for the module's `auth` line, such as `unavailable=allow`.
    #[must_use]
    pub fn with(mut self, options: &str) -> Self {
        self.options = format!("{} {options}", self.options).trim().to_owned();
        self
    }

    /// The module in the account phase, too, before whatever else may end it: for sshd.
    #[must_use]
    pub fn with_account(mut self) -> Self {
        self.account = true;
        self
    }

    /// The service's file with the module in it, made from what Debian ships (nothing for a service of our own).
    pub(crate) fn rewrite(&self, service: &Service, shipped: Option<&str>) -> Result<String, StackError> {
        let auth_with = |options: &str| {
            let options = [options, &self.options].join(" ");
            format!("auth\t{CONTROL}\tpam_mfa.so {}", options.trim()).trim_end().to_owned()
        };
        let auth = auth_with(if self.combined { "combined=verify" } else { "" });
        let account = format!("account\t{CONTROL}\tpam_mfa.so");
        let template = "@include common-auth\n@include common-account\n@include common-session\n";
        let own = match service {
            Service::CommonAuth => {
                return shipped.map(|text| format!("{text}{auth}\n")).ok_or_else(|| missing(service));
            }
            Service::Named(_) => template,
            _ => shipped.ok_or_else(|| missing(service))?,
        };
        let mut placed = false;
        let mut lines = Vec::new();
        for line in own.lines() {
            let includes = |what| line.trim_start().starts_with(what);
            if self.account && includes("@include common-account") {
                lines.push(account.clone());
            }
            if includes("@include common-auth") {
                placed = true;
                lines.extend(self.combined.then(|| auth_with("combined=split")));
                lines.extend(self.password.then(|| line.to_owned()));
                lines.push(auth.clone());
            } else {
                lines.push(line.to_owned());
            }
        }
        if placed { Ok(lines.join("\n") + "\n") } else { Err(missing(service)) }
    }
}

fn missing(service: &Service) -> StackError {
    StackError { service: service.file().to_owned() }
}

/// The release has no such service, or its file does not include `common-auth` where the module would go.
#[derive(Debug)]
pub struct StackError {
    service: String,
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = &self.service;
        write!(f, "/etc/pam.d/{service} is not there or includes no common-auth: the release's packages have changed")
    }
}

impl std::error::Error for StackError {}

#[cfg(test)]
mod tests {
    use super::*;

    const SSHD: &str = "# comment\n@include common-auth\naccount required pam_nologin.so\n@include common-account\n";

    #[test]
    fn the_module_follows_the_password() {
        let text = Stack::password_then_code().with("timeout=20").rewrite(&Service::Sshd, Some(SSHD)).unwrap();
        let expected = format!("@include common-auth\nauth\t{CONTROL}\tpam_mfa.so timeout=20\naccount required");
        assert!(text.contains(&expected), "{text}");
    }

    #[test]
    fn the_module_stands_before_and_after_the_password_where_both_come_at_once() {
        let text = Stack::password_and_code_at_once().rewrite(&Service::Named("sddm"), None).unwrap();
        let line = |option| format!("auth\t{CONTROL}\tpam_mfa.so combined={option}\n");
        let expected = format!("{}@include common-auth\n{}", line("split"), line("verify"));
        assert!(text.starts_with(&expected), "{text}");
    }

    #[test]
    fn the_module_stands_alone_after_a_key() {
        let text = Stack::key_then_code().with_account().rewrite(&Service::Sshd, Some(SSHD)).unwrap();
        assert!(!text.contains("common-auth"), "{text}");
        assert!(text.contains("pam_mfa.so require_publickey\n"), "{text}");
        assert!(
            text.ends_with(&format!("pam_nologin.so\naccount\t{CONTROL}\tpam_mfa.so\n@include common-account\n")),
            "{text}"
        );
    }

    #[test]
    fn a_service_without_common_auth_is_an_error() {
        assert!(Stack::password_then_code().rewrite(&Service::Su, Some("auth required pam_deny.so\n")).is_err());
        assert!(Stack::password_then_code().rewrite(&Service::Su, None).is_err());
    }

    #[test]
    fn a_service_of_our_own_needs_no_file() {
        let text = Stack::code_alone().rewrite(&Service::Named("pam_test"), None).unwrap();
        assert!(text.starts_with("auth\t"), "{text}");
    }
}
