//! OpenSSH's own word: what `ssh-keygen -Y sign` makes is verified here, and what is verified here `ssh-keygen -Y verify`
//! verifies too. Needs ssh-keygen (Debian: openssh-client) and fails without it.
#![forbid(unsafe_code)]
#![allow(clippy::expect_used)] // a test that cannot go on fails

use mfa_core::Time;
use mfa_core::license::{Installed, License, NAMESPACE, State};
use mfa_core::sshsig::{self, AllowedSigners, KeyError, PublicKey, SignatureError};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const VENDOR: &str = "vendor@example.com";

/// A folder with keys and signatures in it.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).expect("a file in the temporary folder");
        self.path(name)
    }

    /// Runs ssh-keygen with the file as its input.
    fn run(&self, arguments: &[&str], input: &Path) -> Output {
        let input = fs::File::open(input).expect("the input is there");
        let mut command = Command::new("ssh-keygen");
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::from(input)).env("TZ", "UTC");
        command.output().expect("ssh-keygen runs: apt-get install openssh-client")
    }

    fn done(&self, arguments: &[&str]) {
        let output = self.run(arguments, Path::new("/dev/null"));
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Makes a key pair and returns the line of its `.pub` file.
    fn key(&self, name: &str, kind: &[&str]) -> String {
        self.done(&[["-q", "-N", "", "-C", VENDOR, "-f", name, "-t"].as_slice(), kind].concat());
        fs::read_to_string(self.path(&format!("{name}.pub"))).expect("the public key")
    }

    /// The text of a signature over these bytes.
    fn sign(&self, key: &str, namespace: &str, hash: &str, message: &[u8]) -> Vec<u8> {
        self.write("message", message);
        let hash = format!("hashalg={hash}");
        self.done(&["-q", "-Y", "sign", "-f", key, "-n", namespace, "-O", &hash, "message"]);
        let signature = fs::read(self.path("message.sig")).expect("the signature");
        fs::remove_file(self.path("message.sig")).expect("the signature goes");
        signature
    }

    /// Whether ssh-keygen lets the vendor sign this for the namespace, if this is the file of allowed signers.
    fn verifies(&self, signers: &[u8], namespace: &str, signature: &[u8], message: &Path) -> bool {
        self.write("signers", signers);
        self.write("signature", signature);
        let arguments = ["-Y", "verify", "-f", "signers", "-I", VENDOR, "-n", namespace, "-s", "signature"];
        self.run(&arguments, message).status.success()
    }
}

fn vector(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)).expect("the vector")
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970");
    Time(i64::try_from(since.as_secs()).expect("a time"))
}

#[test]
fn what_ssh_keygen_signs_is_verified() {
    let desk = Desk::new();
    let every_byte: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
    for (name, kind) in [("ed", ["ed25519"].as_slice()), ("ec", &["ecdsa", "-b", "256"])] {
        let line = desk.key(name, kind);
        let key: PublicKey = line.parse().expect("a key of ours");
        let signers = AllowedSigners::parse(format!("{VENDOR} {line}").as_bytes()).expect("a line");
        for hash in ["sha256", "sha512"] {
            for message in [b"".as_slice(), b"one line\n", &every_byte] {
                let signature = desk.sign(name, NAMESPACE, hash, message);
                let signer = sshsig::verify(message, &signature, NAMESPACE, &signers, now()).expect("it holds");
                assert_eq!(signer.fingerprint, key.fingerprint());
                assert_eq!(sshsig::verify_key(message, &signature, NAMESPACE, &key), Ok(None));
                let longer = [message, b"\0"].concat();
                let verdict = sshsig::verify_key(&longer, &signature, NAMESPACE, &key);
                assert_eq!(verdict, Err(SignatureError::Wrong));
            }
        }
        let other = desk.sign(name, "mfa-enroll", "sha512", b"one line\n");
        assert!(sshsig::verify_key(b"one line\n", &other, "mfa-enroll", &key).is_ok());
        let verdict = sshsig::verify_key(b"one line\n", &other, NAMESPACE, &key);
        assert!(matches!(verdict, Err(SignatureError::Namespace { .. })), "{verdict:?}");
    }
}

#[test]
fn fingerprints_are_those_of_ssh_keygen() {
    let desk = Desk::new();
    let key: PublicKey = desk.key("key", &["ed25519"]).parse().expect("a key of ours");
    let output = desk.run(&["-l", "-f", "key.pub"], Path::new("/dev/null"));
    let shown = String::from_utf8(output.stdout).expect("text");
    assert_eq!(shown.split(' ').nth(1), Some(key.fingerprint().to_string().as_str()));
}

#[test]
fn keys_that_are_not_taken_are_refused_though_ssh_keygen_signs_with_them() {
    let desk = Desk::new();
    let kinds = [("ssh-rsa", ["rsa", "-b", "2048"]), ("ecdsa-sha2-nistp521", ["ecdsa", "-b", "521"])];
    for (index, (name, kind)) in kinds.iter().enumerate() {
        let line = desk.key(&index.to_string(), kind);
        let signature = desk.sign(&index.to_string(), NAMESPACE, "sha512", b"text");
        let refused = KeyError::Kind(format!("`{name}`"));
        let verdict = sshsig::verify(b"text", &signature, NAMESPACE, &AllowedSigners::default(), now());
        assert_eq!(verdict, Err(SignatureError::Key(refused.clone())));
        assert_eq!(line.parse::<PublicKey>(), Err(refused));
    }
}

#[test]
fn ssh_keygen_verifies_every_signature_that_the_other_tests_hold_for_good() {
    let desk = Desk::new();
    let message = desk.write("message", vector("license.toml"));
    let signers = AllowedSigners::parse(&vector("issuers")).expect("the issuers");
    let good = ["ed25519", "ecdsa", "sk-ed25519", "sk-ecdsa"];
    let more = ["ed25519-sha256", "ecdsa-sha256", "sk-ed25519-verified", "sk-ecdsa-verified"];
    for name in good.into_iter().chain(more) {
        let signature = vector(&format!("{name}.sig"));
        assert!(desk.verifies(&vector("issuers"), NAMESPACE, &signature, &message), "{name}");
        assert!(sshsig::verify(&vector("license.toml"), &signature, NAMESPACE, &signers, now()).is_ok(), "{name}");
    }
    // Here we ask for more than ssh-keygen does: a touch.
    for name in ["sk-ed25519-untouched", "sk-ecdsa-untouched"] {
        let signature = vector(&format!("{name}.sig"));
        assert!(desk.verifies(&vector("issuers"), NAMESPACE, &signature, &message), "{name}");
        let verdict = sshsig::verify(&vector("license.toml"), &signature, NAMESPACE, &signers, now());
        assert_eq!(verdict, Err(SignatureError::NoTouch));
    }
}

/// Files of allowed signers, `KEY` being the one that has signed; and whether both take them.
const SIGNERS: [(&str, bool); 40] = [
    ("vendor@example.com KEY", true),
    ("*@example.com KEY a comment", true),
    ("\t\"vendor@example.com\" KEY\r", true),
    ("nobody,?endor@* KEY", true),
    ("* namespaces=\"mfa-license\" KEY", true),
    ("* NameSpaces=\"file,mfa-*\",valid-after=\"20200101Z\" KEY", true),
    ("* valid-after=\"20200101000000\",valid-before=\"21000101\" KEY", true),
    ("* namespaces=\"with \\\" quote,mfa-license\" KEY", true),
    ("# KEY\n\n* KEY", true),
    ("* namespaces=\"file\" KEY\n* KEY", true),
    ("* valid-before=\"20200101Z\" KEY\n* KEY", true),
    ("*\tKEY", true),
    ("", false),
    ("# * KEY", false),
    ("KEY", false),
    ("VENDOR@example.com KEY", false),
    ("vendor@example.org KEY", false),
    ("!vendor@example.com,* KEY", false),
    ("*,!vendor* KEY", false),
    ("* namespaces=\"file\" KEY", false),
    ("* namespaces=\"MFA-license\" KEY", false),
    ("* namespaces=\"!mfa-license,*\" KEY", false),
    ("* namespaces=\"\" KEY", false),
    ("* namespaces=mfa-license KEY", false),
    ("* namespaces=\"mfa-license\", KEY", false),
    ("* namespaces=\"mfa-license\" namespaces=\"mfa-license\" KEY", false),
    ("* namespaces=\"mfa-license\",namespaces=\"mfa-license\" KEY", false),
    ("* namespaces=\"file, mfa-license\" KEY", false),
    ("* valid-before=\"20200101Z\" KEY", false),
    ("* valid-after=\"20990101\" KEY", false),
    ("* valid-after=\"2020\" KEY", false),
    ("* valid-before=\"20300101\",valid-after=\"20310101\" KEY", false),
    ("* valid-after=20200101 KEY", false),
    ("* cert-authority KEY", false),
    ("* no-touch-required KEY", false),
    ("* KEYAAAA", false),
    ("*,KEY", false),
    ("\"* KEY", false),
    ("* namespaces=\"mfa-license KEY", false),
    ("* OTHER", false),
];

#[test]
fn files_of_allowed_signers_mean_what_they_mean_to_ssh_keygen() {
    let desk = Desk::new();
    let (line, other) = (desk.key("key", &["ed25519"]), desk.key("other", &["ed25519"]));
    let signature = desk.sign("key", NAMESPACE, "sha512", b"text");
    let message = desk.write("text", "text");
    let key = line.rsplit_once(' ').expect("a comment").0;
    let ours = |file: &str| {
        let signers = AllowedSigners::parse(file.as_bytes()).ok()?;
        let signer = sshsig::verify(b"text", &signature, NAMESPACE, &signers, now()).ok()?;
        signer.principals.matches(VENDOR).then_some(())
    };
    for (file, taken) in SIGNERS {
        let file = file.replace("KEY", key).replace("OTHER", other.trim_end());
        assert_eq!(ours(&file).is_some(), taken, "we: {file}");
        assert_eq!(desk.verifies(file.as_bytes(), NAMESPACE, &signature, &message), taken, "ssh-keygen: {file}");
    }
}

#[test]
fn a_license_is_issued_with_nothing_but_ssh_keygen() {
    let desk = Desk::new();
    let line = desk.key("vendor", &["ed25519"]);
    let issuers = format!("{VENDOR} namespaces=\"{NAMESPACE}\" {line}");
    let issuers = AllowedSigners::parse(issuers.as_bytes()).expect("a line");
    let file = b"format = 1\nid = \"A-1\"\ncustomer = \"ACME\"\nseats = 2\nissued = 2026-01-01\nends = 2026-12-31\n";
    let signature = desk.sign("vendor", NAMESPACE, "sha512", file);
    let spring = Time(1_775_000_000); // 2026-03-31
    let license = License::read(file, &signature, &issuers, spring).expect("a license");
    assert_eq!((license.seats, license.customer.as_str()), (2, "ACME"));
    let installed = Installed::read(Some(file), Some(&signature), &issuers, spring);
    let state = |used| installed.state(used, spring);
    assert_eq!((state(1), state(2), state(3)), (State::Valid, State::Full, State::Over));
    let more = String::from_utf8_lossy(file).replace("seats = 2", "seats = 9");
    assert!(License::read(more.as_bytes(), &signature, &issuers, spring).is_err());
}
