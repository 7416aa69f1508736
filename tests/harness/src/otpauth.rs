//! What a phone reads from a QR code: the `otpauth://totp/` address as authenticator apps understand it.
//! Written for the tests alone, so that the product is not checked against itself.

use std::fmt;

/// The hash of RFC 6238 that a code is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

/// What the address says.
#[derive(Clone, PartialEq, Eq)]
pub struct Otpauth {
    /// The shared secret.
    pub secret: Vec<u8>,
    /// Who issued it, as the app shows it; empty if not said.
    pub issuer: String,
    /// Whose it is, as the app shows it.
    pub account: String,
    pub(crate) hash: Hash,
    /// How many digits a code has.
    pub digits: u32,
    /// Seconds a code is for.
    pub period: u64,
}

impl fmt::Debug for Otpauth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Otpauth({}:{})", self.issuer, self.account)
    }
}

/// What an app would stumble over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtpauthError(String);

impl fmt::Display for OtpauthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no app could read this otpauth address: {}", self.0)
    }
}

impl std::error::Error for OtpauthError {}

fn bad(what: impl Into<String>) -> OtpauthError {
    OtpauthError(what.into())
}

impl std::str::FromStr for Otpauth {
    type Err = OtpauthError;

    fn from_str(address: &str) -> Result<Self, OtpauthError> {
        let rest = address.strip_prefix("otpauth://totp/").ok_or_else(|| bad("it is not otpauth://totp/"))?;
        let (label, query) = rest.split_once('?').ok_or_else(|| bad("it has no parameters"))?;
        let label = unescape(label)?;
        let (prefix, account) = label.split_once(':').unwrap_or(("", &label));
        let mut read = Self {
            secret: Vec::new(),
            issuer: prefix.to_owned(),
            account: account.trim_start().to_owned(),
            hash: Hash::Sha1,
            digits: 6,
            period: 30,
        };
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').ok_or_else(|| bad(pair))?;
            read.take(name, &unescape(value)?)?;
        }
        if read.secret.is_empty() { Err(bad("it has no secret")) } else { Ok(read) }
    }
}

impl Otpauth {
    fn take(&mut self, name: &str, value: &str) -> Result<(), OtpauthError> {
        match (name, value) {
            ("secret", _) => self.secret = base32(value)?,
            ("issuer", _) => self.issuer = value.to_owned(),
            ("algorithm", "SHA1") => self.hash = Hash::Sha1,
            ("algorithm", "SHA256") => self.hash = Hash::Sha256,
            ("algorithm", "SHA512") => self.hash = Hash::Sha512,
            ("digits", _) => self.digits = number(value, 6..=8)?,
            ("period", _) => self.period = number(value, 15..=120)?.into(),
            _ => return Err(bad(format!("{name}={value}"))),
        }
        Ok(())
    }
}

fn number(value: &str, range: std::ops::RangeInclusive<u32>) -> Result<u32, OtpauthError> {
    value.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| bad(value))
}

/// RFC 4648, without padding, as the apps want it.
fn base32(text: &str) -> Result<Vec<u8>, OtpauthError> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return Err(bad("its secret is not base32 in capitals without padding")),
        };
        held = (held << 5 | u32::from(value)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    Ok(bytes)
}

fn unescape(text: &str) -> Result<String, OtpauthError> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits: Vec<u8> = rest.by_ref().take(2).collect();
            let digits = std::str::from_utf8(&digits).map_err(|_| bad(text))?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| bad(text))?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| bad(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_an_app_reads_it() {
        let read: Otpauth =
            "otpauth://totp/ACME%20Ltd:alice@web1?secret=GEZDGNBVGY3TQOJQ&issuer=ACME%20Ltd".parse().unwrap();
        assert_eq!(read.secret, b"1234567890");
        assert_eq!((read.issuer.as_str(), read.account.as_str()), ("ACME Ltd", "alice@web1"));
        assert_eq!((read.hash, read.digits, read.period), (Hash::Sha1, 6, 30));
    }

    #[test]
    fn what_an_app_would_stumble_over_is_an_error() {
        for address in [
            "otpauth://hotp/a?secret=GEZDGNBV",
            "otpauth://totp/a",
            "otpauth://totp/a?issuer=b",
            "otpauth://totp/a?secret=gezdgnbv",
            "otpauth://totp/a?secret=GEZDGNBV%3D%3D",
            "otpauth://totp/a?secret=GEZDGNBV&digits=9",
            "otpauth://totp/a?secret=GEZDGNBV&algorithm=MD5",
            "otpauth://totp/a%zz?secret=GEZDGNBV",
        ] {
            assert!(address.parse::<Otpauth>().is_err(), "{address}");
        }
    }
}
