//! SSH keys on security keys: sshd has verified one before this dialog began, so nobody is asked anything.
//!
//! Alone such a key is one factor. It lets in where something else stands beside it (a password, another method of
//! sshd's, another key), or where the administrator says that sshd takes none that has not checked its user.

use super::key_text::Missing;
use super::{Dialog, Ssh};
use crate::factor::{Kind, Match, ssh_key};
use crate::policy::{Fingerprint, Method, Plan, SshAuth};

impl Dialog {
    /// The enrolled key that sshd has verified, if it does in this login.
    pub(super) fn shown_ssh_key(&self) -> Option<Match> {
        let ssh = self.setting.ssh.as_ref().filter(|ssh| self.may(Kind::SshKey) && ssh.is_enough())?;
        let verified = ssh.verify_required || !matches!(&self.plan, Plan::Factors(ask) if ask.verify_user);
        ssh_key::find(self.account.ssh_keys(), &ssh.auth).filter(|_| verified)
    }

    /// Why none does.
    pub(super) fn missing_ssh_key(&self) -> Missing {
        let shown = self.setting.ssh.as_ref().filter(|ssh| ssh_key::find(self.account.ssh_keys(), &ssh.auth).is_some());
        let verify_user = matches!(&self.plan, Plan::Factors(ask) if ask.verify_user);
        let required = self.setting.ssh.as_ref().is_some_and(|ssh| ssh.verify_required);
        match shown {
            _ if verify_user && !required => Missing::SshKeyUnverified,
            Some(_) => Missing::SshKeyAlone,
            None => Missing::SshKey(self.names_of_ssh_keys()),
        }
    }

    /// What their owner calls them; for nobody else to read, so not before something else was shown.
    fn names_of_ssh_keys(&self) -> Vec<String> {
        let shown_something = self.setting.mails;
        let keys = self.account.factors.iter().filter(|factor| factor.detail.kind() == Kind::SshKey);
        keys.filter(|_| shown_something).map(|factor| factor.name.clone()).collect()
    }
}

impl Ssh {
    /// Whether a key that sshd has verified would not stand alone, or may.
    fn is_enough(&self) -> bool {
        self.verify_required || self.password || self.methods() > 1
    }

    /// How many different things sshd has verified of the user: the same key twice, or in a certificate, is one.
    fn methods(&self) -> usize {
        let SshAuth::Methods(methods) = &self.auth else { return 0 };
        let users = methods.iter().filter(|one| !matches!(one.method, Method::None | Method::Hostbased));
        let mut seen: Vec<(Method, Option<Fingerprint>)> = Vec::new();
        for one in users {
            let what = (one.method, one.key.as_ref().map(|key| key.fingerprint));
            if !seen.contains(&what) {
                seen.push(what);
            }
        }
        seen.len()
    }
}
