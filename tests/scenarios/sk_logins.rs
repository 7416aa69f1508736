//! Logging in over ssh with a key that lives on a security key: real sshd, real ssh, real ssh-keygen, and a virtual key
//! that is touched. Beside a password it is the second factor without a prompt; an ordinary key never is.

use std::path::PathBuf;

use harness::virtual_key::{Finger, Model};
use harness::{
    KEY_PORTS, Lab, LabBuilder, Outcome, Release, SecurityKey, Service, Ssh, Stack, Terminal, on_each_release,
};

use crate::steps::{CODE, PASSWORD, account, must_hold, policy, ssh_provider, web};

const KEYS_ALONE: &str = "
[[rule]]
name = \"hardware keys\"
users = [\"alice\"]
require = \"always\"
factors = [\"ssh-key\", \"backup-code\"]
own_factors = false
";

/// sshd wants a key first, then PAM the password.
fn key_and_password(release: Release) -> LabBuilder {
    web(release).sshd("AuthenticationMethods publickey,keyboard-interactive")
}

/// A user's laptop: a key that is plugged into it, and what their ssh loads to use it.
struct Laptop<'a> {
    lab: &'a Lab,
    user: &'static str,
    key: SecurityKey,
    provider: String,
}

impl<'a> Laptop<'a> {
    /// Alice's, with a key that is touched whenever it blinks.
    fn new(lab: &'a Lab) -> Outcome<Self> {
        Self::of("alice", lab)
    }

    fn of(user: &'static str, lab: &'a Lab) -> Outcome<Self> {
        let key = lab.security_key(user, Model::default())?;
        key.always(Some(Finger::Touch));
        Ok(Self { lab, user, key, provider: ssh_provider(lab)? })
    }

    /// Makes a key pair of that kind, which sshd takes. The user's home plays the laptop's disk.
    fn key_pair(&self, kind: &str, options: &str) -> Outcome<PathBuf> {
        let make = format!(
            "mkdir -p ~/.ssh; ssh-keygen -q -t {kind} -w {} {options} -N '' -C {kind} -f ~/.ssh/{kind}; \
             cat ~/.ssh/{kind}.pub >>~/.ssh/authorized_keys",
            self.provider
        );
        self.lab.run_as(self.user, ["sh", "-euc", &make])?.success()?;
        Ok(self.lab.inside(&format!("/home/{}/.ssh/{kind}", self.user)))
    }

    /// The same, and enrolls it.
    fn enrolled(&self, kind: &str, options: &str) -> Outcome<PathBuf> {
        let file = self.key_pair(kind, options)?;
        let provider = format!("SSH_SK_PROVIDER={}", self.provider);
        let public = format!("/home/{}/.ssh/{kind}.pub", self.user);
        let added =
            self.lab.run_as(self.user, ["env", &provider, "mfa-enroll", "add", "ssh-key", &public, "--json"])?;
        added.success()?;
        Ok(file)
    }

    /// ssh from the laptop with that key pair.
    fn ssh(&self, key: &PathBuf) -> Ssh<'a> {
        let provider = self.lab.inside(&format!("{KEY_PORTS}/provider.so"));
        self.lab.ssh_with(self.user).key(key).option(&format!("SecurityKeyProvider={}", provider.display()))
    }

    /// The same, with the password.
    fn with_password(&self, key: &PathBuf) -> Outcome<Terminal> {
        let mut login = self.ssh(key).start()?;
        login.answer("Password: ", PASSWORD)?;
        Ok(login)
    }
}

/// In, and no code was asked for.
fn in_without_a_code(mut login: Terminal) -> Outcome {
    login.expect_shell()?;
    assert!(!login.transcript().contains(CODE), "{}", login.transcript());
    Ok(())
}

on_each_release! {
    fn an_enrolled_key_beside_the_password_lets_in_without_a_prompt(release: Release) -> Outcome {
        let lab = key_and_password(release).boot()?;
        for (user, kind) in [("alice", "ed25519-sk"), ("bob", "ecdsa-sk")] {
            let laptop = Laptop::of(user, &lab)?;
            let key = laptop.enrolled(kind, "")?;
            let touched = laptop.key.seen().touched;
            in_without_a_code(laptop.with_password(&key)?)?;
            assert_eq!(laptop.key.seen().touched, touched + 1);
            let factors = account(&lab, user)?["factors"].to_string();
            assert_eq!(factors.matches("\"ssh-key\"").count(), 1, "{factors}");
            must_hold(&lab.run(["mfactl", "audit", "--user", user])?.success()?.stdout, &["passed at sshd from 127.0.0.1, SSH security key"])?;
        }
        Ok(())
    }

    fn one_that_was_not_enrolled_is_asked_for_a_code_and_one_that_is_not_touched_gets_nowhere(release: Release) -> Outcome {
        let lab = key_and_password(release).boot()?;
        let laptop = Laptop::new(&lab)?;
        let enrolled = laptop.enrolled("ecdsa-sk", "")?;
        let other = laptop.key_pair("ed25519-sk", "")?;
        laptop.with_password(&other)?.expect(CODE)?;
        laptop.key.always(Some(Finger::Deny));
        let said = laptop.ssh(&enrolled).start()?.expect_denied()?;
        assert!(!said.contains("Password: "), "{said}");
        Ok(())
    }

    fn an_ordinary_key_is_refused_where_the_policy_takes_keys_on_hardware_alone(release: Release) -> Outcome {
        let lab = key_and_password(release).policy(&policy("if-enrolled", KEYS_ALONE)).boot()?;
        let laptop = Laptop::new(&lab)?;
        let ordinary = lab.ssh_key("alice")?;
        let key = laptop.enrolled("ed25519-sk", "")?;
        in_without_a_code(laptop.with_password(&key)?)?;
        let mut login = laptop.with_password(&ordinary)?;
        login.expect("one of your SSH security keys")?;
        login.answer(CODE, "000000")?;
        login.expect(CODE)?;
        assert!(!login.transcript().contains("$ "), "{}", login.transcript());
        Ok(())
    }

    fn a_certificate_over_an_enrolled_key_counts_by_the_key_in_it(release: Release) -> Outcome {
        let lab = key_and_password(release).sshd("TrustedUserCAKeys /etc/ssh/ca.pub").boot()?;
        let laptop = Laptop::new(&lab)?;
        let key = laptop.enrolled("ed25519-sk", "")?;
        lab.sh(
            "ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ca; rm /home/alice/.ssh/authorized_keys; \
             ssh-keygen -q -s /etc/ssh/ca -I alice -n alice /home/alice/.ssh/ed25519-sk.pub",
        )?;
        in_without_a_code(laptop.with_password(&key)?)?;
        // Without the certificate sshd does not know the key any more.
        lab.sh("rm /home/alice/.ssh/ed25519-sk-cert.pub")?;
        laptop.ssh(&key).start()?.expect_denied()?;
        Ok(())
    }

    fn alone_it_is_one_factor(release: Release) -> Outcome {
        let lab = web(release).pam(Service::Sshd, Stack::key_then_code()).boot()?;
        let laptop = Laptop::new(&lab)?;
        let key = laptop.enrolled("ed25519-sk", "")?;
        let mut login = laptop.ssh(&key).start()?;
        login.expect("Your SSH security key is one factor")?;
        login.expect(CODE)?;
        Ok(())
    }

    fn alone_it_is_two_where_sshd_has_it_check_its_pin_and_the_administrator_says_so(release: Release) -> Outcome {
        let lab = web(release)
            .pam(Service::Sshd, Stack::key_then_code())
            .sshd("PubkeyAuthOptions verify-required")
            .settings("[security_keys]\nssh_verify_required = true\n")
            .boot()?;
        let laptop = Laptop::new(&lab)?;
        let unverified = laptop.key_pair("ecdsa-sk", "")?;
        laptop.key.set_pin(Some("314159"))?;
        let make = format!(
            "mkdir -p ~/.ssh; ssh-keygen -q -t ed25519-sk -w {} -O verify-required -N '' -f ~/.ssh/verified",
            laptop.provider
        );
        let mut making = lab.pty_as("alice", ["sh", "-euc", &make])?;
        making.answer("Enter PIN for authenticator: ", "314159")?;
        assert_eq!(making.expect_closed()?, 0);
        lab.run_as("alice", ["sh", "-euc", "cat ~/.ssh/verified.pub >>~/.ssh/authorized_keys"])?.success()?;
        let provider = format!("SSH_SK_PROVIDER={}", laptop.provider);
        let mut adding = lab.pty_as("alice", ["env", &provider, "mfa-enroll", "add", "ssh-key", "/home/alice/.ssh/verified.pub"])?;
        adding.answer("PIN", "314159")?;
        adding.expect("Right: ")?;

        let mut login = laptop.ssh(&lab.inside("/home/alice/.ssh/verified")).start()?;
        login.answer("PIN", "314159")?;
        in_without_a_code(login)?;
        laptop.ssh(&unverified).start()?.expect_denied()?;
        Ok(())
    }
}
