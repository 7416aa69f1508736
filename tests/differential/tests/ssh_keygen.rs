//! Signatures that somebody has tampered with: what is taken here, `ssh-keygen -Y verify` takes, and what it takes is
//! taken here, but for the few cases in which more is asked for, each of them named. Needs ssh-keygen (Debian:
//! openssh-client).

use data_encoding::{BASE64, BASE64_MIME_PERMISSIVE};
use mfa_core::sshsig::{AllowedSigners, SignatureError, verify};
use mfa_core::{Time, license::NAMESPACE};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const MESSAGE: &[u8] = b"format = 1\nid = \"A-1\"\nseats = 2\n";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "\n-----END SSH SIGNATURE-----\n";

/// A folder with two keys and a signature of each.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().expect("a folder"));
        let mut signers = String::new();
        for kind in KINDS {
            desk.done(&["-q", "-N", "", "-C", "v", "-f", kind, "-t", kind]);
            desk.write("message", MESSAGE);
            desk.done(&["-q", "-Y", "sign", "-f", kind, "-n", NAMESPACE, "message"]);
            fs::rename(desk.path("message.sig"), desk.path(&format!("{kind}.sig"))).expect("a signature");
            let line = fs::read_to_string(desk.path(&format!("{kind}.pub"))).expect("a key");
            signers.push_str(&format!("v@example.com {line}"));
        }
        desk.write("signers", signers.as_bytes());
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).expect("a file");
    }

    fn run(&self, arguments: &[&str], input: &Path) -> Output {
        let input = Stdio::from(fs::File::open(input).expect("the input"));
        let mut command = Command::new("ssh-keygen");
        command.args(arguments).current_dir(self.0.path()).stdin(input).env("TZ", "UTC");
        command.output().expect("ssh-keygen runs: apt-get install openssh-client")
    }

    fn done(&self, arguments: &[&str]) {
        let output = self.run(arguments, Path::new("/dev/null"));
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The bytes under the armor of the signature by this key.
    fn blob(&self, kind: &str) -> Vec<u8> {
        let text = fs::read_to_string(self.path(&format!("{kind}.sig"))).expect("a signature");
        let inner = text.trim_start_matches(BEGIN.trim()).trim_end().trim_end_matches(END.trim());
        BASE64_MIME_PERMISSIVE.decode(inner.as_bytes()).expect("base64")
    }

    /// Whether ssh-keygen takes this signature of this message.
    fn theirs(&self, armored: &[u8], message: &[u8]) -> bool {
        self.write("tried.sig", armored);
        self.write("tried", message);
        let arguments = ["-Y", "verify", "-f", "signers", "-I", "v@example.com", "-n", NAMESPACE, "-s", "tried.sig"];
        self.run(&arguments, &self.path("tried")).status.success()
    }

    fn ours(&self, armored: &[u8], message: &[u8]) -> Result<(), SignatureError> {
        let signers = AllowedSigners::parse(&fs::read(self.path("signers")).expect("the list")).expect("two lines");
        verify(message, armored, NAMESPACE, &signers, Time(1_795_428_000)).map(|_| ())
    }

    /// Both say the same, or it is a case in which we are known to ask for more.
    fn agree(&self, armored: &[u8], message: &[u8]) -> bool {
        let (ours, theirs) = (self.ours(armored, message), self.theirs(armored, message));
        match &ours {
            Ok(()) => theirs,
            Err(why) => !theirs || asks_for_more(armored, why),
        }
    }
}

const KINDS: [&str; 2] = ["ed25519", "ecdsa"];

/// What ssh-keygen takes and we do not, by intention: another spelling of the armor, a word in the field that is
/// reserved, something behind the end.
fn asks_for_more(armored: &[u8], why: &SignatureError) -> bool {
    let text = String::from_utf8_lossy(armored);
    match why {
        SignatureError::NotArmored | SignatureError::TooLong => true,
        SignatureError::Malformed => {
            let inner = text.trim().trim_start_matches(BEGIN.trim()).trim_end_matches(END.trim());
            let plain = inner.lines().collect::<String>();
            match BASE64.decode(plain.as_bytes()) {
                Err(_) => true,
                Ok(blob) => reserved(&blob).is_none_or(|(reserved, left)| !reserved.is_empty() || left > 0),
            }
        }
        _ => false,
    }
}

/// The reserved field, and how many bytes stand behind the last one.
fn reserved(blob: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut rest = blob.get(10..)?;
    let mut string = || -> Option<Vec<u8>> {
        let (length, after) = rest.split_first_chunk()?;
        let (found, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        rest = after;
        Some(found.to_vec())
    };
    let (_key, _namespace, reserved, _hash, _signature) = (string()?, string()?, string()?, string()?, string()?);
    Some((reserved, rest.len()))
}

fn armored(blob: &[u8]) -> Vec<u8> {
    let base64 = BASE64.encode(blob);
    let lines: Vec<&str> =
        base64.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).expect("base64")).collect();
    format!("{BEGIN}{}{END}", lines.join("\n")).into_bytes()
}

/// A change of bytes: where, and what to.
#[derive(Clone, Debug)]
enum Change {
    Flip(prop::sample::Index, u8),
    Drop(prop::sample::Index),
    Insert(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Append(u8),
}

impl Change {
    fn made(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        match self {
            _ if length == 0 => {}
            Self::Flip(at, by) => bytes[at.index(length)] ^= by,
            Self::Drop(at) => drop(bytes.remove(at.index(length))),
            Self::Insert(at, byte) => bytes.insert(at.index(length + 1), *byte),
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Swap(one, other) => bytes.swap(one.index(length), other.index(length)),
            Self::Append(byte) => bytes.push(*byte),
        }
    }
}

fn any_change() -> impl Strategy<Value = Change> {
    let at = || any::<prop::sample::Index>();
    prop_oneof![
        6 => (at(), prop::sample::select(vec![1, 2, 4, 0x20, 0x80, 0xff])).prop_map(|(at, by)| Change::Flip(at, by)),
        1 => at().prop_map(Change::Drop),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        1 => at().prop_map(Change::Cut),
        1 => (at(), at()).prop_map(|(one, other)| Change::Swap(one, other)),
        1 => any::<u8>().prop_map(Change::Append),
    ]
}

#[test]
fn what_one_takes_the_other_takes_however_a_signature_was_changed() {
    let desk = Desk::new();
    for kind in KINDS {
        let good = armored(&desk.blob(kind));
        assert!(desk.ours(&good, MESSAGE).is_ok() && desk.theirs(&good, MESSAGE), "{kind}");
        assert!(desk.ours(&good, b"other").is_err() && !desk.theirs(&good, b"other"), "{kind}");
    }
    let config = ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() };
    let changes = prop::collection::vec(any_change(), 1..3);
    proptest!(config, |(kind in prop::sample::select(KINDS.to_vec()), changes in changes)| {
        let mut blob = desk.blob(kind);
        changes.iter().for_each(|change| change.made(&mut blob));
        prop_assert!(desk.agree(&armored(&blob), MESSAGE), "{kind} {changes:?}: {:?}", desk.ours(&armored(&blob), MESSAGE));
    });
}

#[test]
fn what_one_takes_the_other_takes_however_its_text_was_changed() {
    let desk = Desk::new();
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(kind in prop::sample::select(KINDS.to_vec()), change in any_change())| {
        let mut text = armored(&desk.blob(kind));
        change.made(&mut text);
        prop_assert!(desk.agree(&text, MESSAGE), "{kind} {change:?}: {:?}", desk.ours(&text, MESSAGE));
    });
}

#[test]
fn where_more_is_asked_for_than_ssh_keygen_does_it_is_known() {
    let desk = Desk::new();
    let blob = desk.blob("ed25519");
    let behind = armored(&[&blob[..], b"\0"].concat());
    let (reserved, _) = reserved(&blob).expect("its parts");
    assert!(reserved.is_empty());
    assert_eq!(desk.ours(&behind, MESSAGE), Err(SignatureError::Malformed));
    assert!(desk.agree(&behind, MESSAGE));
}
