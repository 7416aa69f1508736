//! `SSH_AUTH_INFO_0`, the record's spelling of it, and fingerprints.

use crate::{Target, sentence};
use mfa_core::policy::{Fingerprint, Method, SshAuth};

/// As sshd writes it, or as anybody might.
pub const TARGET: Target = Target { name: "ssh_auth", about: "SSH_AUTH_INFO_0", longest: 16 * 1024, try_it };

fn try_it(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let auth = SshAuth::parse(&text);
    let spelled = auth.to_string();
    assert_eq!(spelled.parse(), Ok(auth.clone()), "{spelled:?}");
    if let SshAuth::Methods(methods) = &auth {
        // A line each: none is made up, none is left out.
        let lines = text.strip_suffix('\n').unwrap_or(&text).split('\n').count();
        assert_eq!(methods.len(), if text.is_empty() { 0 } else { lines });
        assert!(methods.len() <= 32);
        for (method, line) in methods.iter().zip(text.split('\n')) {
            assert!(line.starts_with(method.method.as_str()));
            assert_eq!(method.key.is_some(), method.method == Method::Publickey);
        }
    }
    match text.parse::<SshAuth>() {
        Ok(read) => assert_eq!(read.to_string().parse(), Ok(read)),
        Err(error) => sentence::is_one(&error.to_string()),
    }
    match text.parse::<Fingerprint>() {
        Ok(read) => assert_eq!(read.to_string().parse(), Ok(read)),
        Err(error) => sentence::is_one(&error.to_string()),
    }
}
