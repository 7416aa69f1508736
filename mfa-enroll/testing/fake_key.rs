//! Security keys for tests, and the programs that talk to them: each call is written down, and answered with the next
//! answer that the test has laid out; one that has none waits until it is hung up on, as for a touch that never comes.
#![allow(dead_code)] // each test uses what it needs

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One process a call, on its standard input, without an environment. `read` of the shell would not know NUL bytes.
const MFA_KEY: &str = r#"#!/bin/sh
folder=${0%/*}
/usr/bin/env > "$folder/environment"
/usr/bin/head -z -n 1 > "$folder/call"
at=0
while [ -e "$folder/asked.$at" ]; do at=$((at + 1)); done
/bin/mv "$folder/call" "$folder/asked.$at"
if [ -e "$folder/answer.$at" ]; then
    /bin/cat "$folder/answer.$at" >&0
else
    /bin/cat > /dev/null
    : > "$folder/hung-up"
fi
"#;

/// Says what it was given; signs by name alone.
const SSH_KEYGEN: &str = r#"#!/bin/sh
folder=${0%/*}
/usr/bin/env > "$folder/environment"
echo "$*" > "$folder/arguments"
/bin/cat > "$folder/text"
[ -e "$folder/refuses" ] && { echo "no such key" >&2; exit 255; }
echo "-----BEGIN SSH SIGNATURE-----"
echo "U1NIU0lH"
echo "-----END SSH SIGNATURE-----"
"#;

const SSH_ADD: &str = "#!/bin/sh\n/bin/cat \"${0%/*}/agent\"\n";

/// A folder with these programs.
pub(crate) struct Programs {
    folder: tempfile::TempDir,
}

impl Programs {
    /// With the answers of `mfa-key`, in their order.
    pub(crate) fn answering(answers: &[Value]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("mfa-key", MFA_KEY), ("ssh-keygen", SSH_KEYGEN), ("ssh-add", SSH_ADD)] {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for (at, answer) in answers.iter().enumerate() {
            let frame = format!("{}\0", json!({ "parameters": answer }));
            fs::write(folder.path().join(format!("answer.{at}")), frame).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// The calls of `mfa-key` so far: method, without its interface, and parameters.
    pub(crate) fn asked(&self) -> Vec<(String, Value)> {
        let files = (0..).map(|at| self.folder.path().join(format!("asked.{at}"))).take_while(|path| path.exists());
        let call = |path: PathBuf| {
            let text = fs::read_to_string(path).unwrap();
            let call: Value = serde_json::from_str(text.trim_end_matches('\0')).unwrap();
            let method = call["method"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
            (method, call["parameters"].clone())
        };
        files.map(call).collect()
    }

    pub(crate) fn methods(&self) -> Vec<String> {
        self.asked().into_iter().map(|(method, _)| method).collect()
    }

    /// Waits until that file is there.
    pub(crate) fn await_file(&self, name: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.folder.path().join(name).exists() {
            assert!(Instant::now() < deadline, "{name} does not come");
            std::thread::yield_now();
        }
    }
}

/// Keys that are plugged in: with a PIN or not.
pub(crate) fn keys(pins: &[bool]) -> Value {
    let keys: Vec<Value> = pins
        .iter()
        .map(|pin_set| {
            json!({ "pin_set": pin_set, "pin_left": 8,
        "always_verifies": false, "built_in_verification": false, "u2f_only": false })
        })
        .collect();
    json!({ "outcome": "done", "keys": keys })
}

pub(crate) fn made() -> Value {
    json!({ "outcome": "done", "credential": "hE2mpg", "authenticator_data": "AAEC", "format": "none",
        "statement": "oA", "u2f_only": false })
}

pub(crate) fn asserted() -> Value {
    json!({ "outcome": "done", "credential": "hE2mpg", "authenticator_data": "AAEC", "signature": "AwQF" })
}

pub(crate) fn failed(outcome: &str) -> Value {
    json!({ "outcome": outcome })
}
