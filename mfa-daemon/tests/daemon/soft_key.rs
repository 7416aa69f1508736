//! A security key out of software, which signs what it is told to: whoever crafts requests has one of these. That real
//! keys do it the same way is for others to show.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

/// Touched.
const TOUCHED: u8 = 1;
/// Touched by somebody known.
pub(crate) const VERIFIED: u8 = 5;
const SSH_KIND: &str = "sk-ssh-ed25519@openssh.com";
const SSH_APPLICATION: &str = "ssh:";

pub(crate) struct SoftKey {
    secret: SigningKey,
    id: Vec<u8>,
    counter: u32,
    pub(crate) flags: u8,
}

impl SoftKey {
    /// Another number, another key.
    pub(crate) fn new(number: u8) -> Self {
        Self { secret: SigningKey::from_bytes(&[number; 32]), id: vec![number; 32], counter: 0, flags: TOUCHED }
    }

    /// What `SecurityKeyMade` takes, for what `AddSecurityKey` asked.
    pub(crate) fn make(&mut self, asked: &Value) -> Value {
        let point = self.secret.verifying_key().to_bytes();
        let cose = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 0x20][..], &point];
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let attested = [&[0; 16][..], &length, &self.id, &cose.concat()].concat();
        let data = [self.data(asked["relying_party"].as_str().unwrap(), 0x40), attested].concat();
        json!({ "credential": text(&self.id), "authenticator_data": text(&data), "format": "none", "statement": "oA",
            "u2f_only": false })
    }

    /// What `ConfirmSecurityKey` takes, for what `SecurityKeyMade` asked.
    pub(crate) fn prove(&mut self, asked: &Value) -> Value {
        let data = self.data(asked["credential"]["relying_party"].as_str().unwrap(), 0);
        let hash = BASE64URL_NOPAD.decode(asked["client_data_hash"].as_str().unwrap().as_bytes()).unwrap();
        let signature = self.secret.sign(&[&data[..], &hash].concat());
        json!({ "credential": text(&self.id), "authenticator_data": text(&data),
            "signature": text(&signature.to_bytes()) })
    }

    fn data(&mut self, relying_party: &str, more: u8) -> Vec<u8> {
        self.counter += 1;
        [&Sha256::digest(relying_party)[..], &[self.flags | more], &self.counter.to_be_bytes()].concat()
    }

    /// The line of its `.pub` file.
    pub(crate) fn ssh_line(&self, comment: &str) -> String {
        format!("{SSH_KIND} {} {comment}", BASE64.encode(&self.ssh_blob()))
    }

    fn ssh_blob(&self) -> Vec<u8> {
        let point = self.secret.verifying_key().to_bytes();
        [string(SSH_KIND.as_bytes()), string(&point), string(SSH_APPLICATION.as_bytes())].concat()
    }

    /// As `ssh-keygen -Y sign` writes it.
    pub(crate) fn ssh_sign(&mut self, namespace: &str, message: &str) -> String {
        self.counter += 1;
        let head = [string(namespace.as_bytes()), string(b""), string(b"sha512")].concat();
        let signed = [b"SSHSIG".to_vec(), head.clone(), string(&Sha512::digest(message))].concat();
        let counter = self.counter.to_be_bytes();
        let told = [&Sha256::digest(SSH_APPLICATION)[..], &[self.flags], &counter, &Sha256::digest(signed)].concat();
        let signature = self.secret.sign(&told).to_bytes();
        let signature = [&string(SSH_KIND.as_bytes())[..], &string(&signature), &[self.flags], &counter].concat();
        let blob =
            [&b"SSHSIG"[..], &1u32.to_be_bytes(), &string(&self.ssh_blob()), &head, &string(&signature)].concat();
        let text = BASE64.encode(&blob);
        let lines: Vec<&str> = text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}
