//! This machine's own ssh-keygen with virtual keys: it makes key pairs, signs and verifies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use virtual_key::{Finger, Flash, Model, SocketPort, VirtualKey};

/// A folder with a key's port and the library in it; gone with this value.
struct Site {
    folder: PathBuf,
    key: VirtualKey,
}

impl Site {
    fn new(name: &str, model: Model) -> Self {
        let folder = std::env::temp_dir().join(format!("ssh-provider-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let built = std::env::current_exe().unwrap().with_file_name("libvirtual_key_ssh.so");
        fs::copy(built, folder.join("provider.so")).unwrap();
        let key = VirtualKey::new(model, Flash::in_memory(), SocketPort::new(folder.join("blue")));
        key.plug().unwrap();
        key.always(Some(Finger::Touch));
        Self { folder, key }
    }

    fn keygen(&self, words: &[&str]) -> Output {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(words).current_dir(&self.folder).stdin(Stdio::null());
        keygen.env("SSH_SK_PROVIDER", self.folder.join("provider.so")).env_remove("SSH_AUTH_SOCK");
        keygen.env("SSH_ASKPASS", self.folder.join("ask")).env("SSH_ASKPASS_REQUIRE", "force");
        keygen.output().unwrap()
    }

    fn make(&self, kind: &str, more: &[&str]) -> Output {
        self.keygen(&[&["-q", "-t", kind, "-N", "", "-C", "alice", "-f", "id"], more].concat())
    }

    /// Signs a text and has it verified.
    fn sign(&self) -> Output {
        fs::write(self.folder.join("text"), "hello").unwrap();
        let _ = fs::remove_file(self.folder.join("text.sig"));
        self.keygen(&["-Y", "sign", "-f", "id", "-n", "mfa-enroll", "text"])
    }

    fn verify(&self) -> bool {
        let public = fs::read_to_string(self.folder.join("id.pub")).unwrap();
        fs::write(self.folder.join("signers"), format!("alice {public}")).unwrap();
        let verify = ["-Y", "verify", "-f", "signers", "-I", "alice", "-n", "mfa-enroll", "-s", "text.sig"];
        let text = fs::File::open(self.folder.join("text")).unwrap();
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(verify).current_dir(&self.folder).stdin(text).output().unwrap().status.success()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.key.unplug();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What asks for the PIN in place of a terminal.
fn answer_pin(folder: &Path, pin: &str) {
    use std::os::unix::fs::PermissionsExt;
    let ask = folder.join("ask");
    fs::write(&ask, format!("#!/bin/sh\necho {pin}\n")).unwrap();
    fs::set_permissions(&ask, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn both_kinds_of_keys_are_made_and_sign_with_a_touch_each() {
    for (kind, name) in
        [("ed25519-sk", "sk-ssh-ed25519@openssh.com"), ("ecdsa-sk", "sk-ecdsa-sha2-nistp256@openssh.com")]
    {
        let site = Site::new(kind, Model::default());
        done(&site.make(kind, &[]));
        assert!(fs::read_to_string(site.folder.join("id.pub")).unwrap().starts_with(name));
        done(&site.sign());
        assert!(site.verify());
        assert_eq!(site.key.seen().touched, 2);
    }
}

#[test]
fn a_key_of_u2f_makes_keys_of_ecdsa_and_no_others() {
    let site = Site::new("u2f", Model { u2f_only: true, ..Model::default() });
    assert!(!site.make("ed25519-sk", &[]).status.success());
    done(&site.make("ecdsa-sk", &[]));
    done(&site.sign());
    assert!(site.verify());
}

#[test]
fn a_key_that_demands_its_pin_signs_with_it_and_not_without() {
    let site = Site::new("pin", Model::default());
    site.key.set_pin(Some("314159")).unwrap();
    answer_pin(&site.folder, "314159");
    done(&site.make("ed25519-sk", &["-O", "verify-required"]));
    done(&site.sign());
    assert!(site.verify());
    answer_pin(&site.folder, "271828");
    assert!(!site.sign().status.success());
    assert_eq!(site.key.pin_tries_left(), 7);
}

#[test]
fn a_key_that_is_not_there_or_says_no_signs_nothing() {
    let site = Site::new("none", Model::default());
    done(&site.make("ed25519-sk", &[]));
    site.key.always(Some(Finger::Deny));
    assert!(!site.sign().status.success());
    site.key.unplug();
    assert!(!site.sign().status.success());
    assert!(!site.folder.join("text.sig").exists());
}
