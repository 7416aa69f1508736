//! Codes by an authenticator app: TOTP, RFC 6238, over HOTP, RFC 4226.
//!
//! A code is taken one step early or late, so that a slow typist and a clock half a minute off get in; a step is used
//! once. Whether a step was used is the caller's to decide: this file says which step a code belongs to.

use super::Match;
use crate::account::{FactorId, Totp};
use crate::{Secret, Time};
use data_encoding::BASE32_NOPAD;
use std::fmt::{self, Write as _};
use totp_rs::Builder;

/// A count of periods since 1970 (RFC 6238, section 4.2: T).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step(pub i64);

/// How an app computes its codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The hash.
    pub algorithm: Algorithm,
    /// 6 or 8.
    pub digits: u8,
    /// Seconds a code lives, 30 or 60.
    pub period: u8,
}

impl Default for Parameters {
    /// What every app can do.
    fn default() -> Self {
        Self { algorithm: Algorithm::Sha1, digits: 6, period: 30 }
    }
}

impl Parameters {
    /// Only what apps can do: 6 or 8 digits, 30 or 60 s.
    #[must_use]
    pub fn new(algorithm: Algorithm, digits: u8, period: u8) -> Option<Self> {
        (matches!(digits, 6 | 8) && matches!(period, 30 | 60)).then_some(Self { algorithm, digits, period })
    }

    /// The step that is current at this time; `None` before 1970.
    #[must_use]
    pub fn step_at(&self, now: Time) -> Option<Step> {
        (now.0 >= 0).then(|| Step(now.0 / i64::from(self.period)))
    }

    /// Seconds until the step after this one begins, at least 1.
    #[must_use]
    pub fn until_after(&self, step: Step, now: Time) -> i64 {
        step.0.saturating_add(1).saturating_mul(i64::from(self.period)).saturating_sub(now.0).max(1)
    }
}

/// The hash under the HMAC (RFC 6238, section 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Which every app can do, and some can do nothing else. HMAC does not need collision resistance.
    Sha1,
    /// SHA-256
    Sha256,
    /// SHA-512
    Sha512,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// As the `otpauth://` link spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    /// Bytes of a fresh secret: the length of the hash (RFC 4226, section 4, R6 recommends 160 bits).
    #[must_use]
    pub fn secret_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// What a code turned out to be.
#[derive(Debug)]
pub enum Finding {
    /// Right and fresh.
    Fresh(Match),
    /// Right, but used before, as a code of this app.
    Used(FactorId),
    /// No code of any of these apps for this time.
    Wrong,
}

/// Looks a code up among an account's apps. The first fresh match outweighs a used one of another app. Every app is
/// looked at, whatever was found in those before it.
pub fn find<'a>(apps: impl Iterator<Item = (FactorId, &'a Totp)>, code: &str, now: Time) -> Finding {
    apps.fold(Finding::Wrong, |finding, (factor, app)| {
        match (matching_step(&app.secret, app.parameters, code, now), finding) {
            (_, Finding::Fresh(first)) => Finding::Fresh(first),
            (Some(step), _) if step > app.used => Finding::Fresh(Match::totp(factor, step)),
            (Some(_), _) => Finding::Used(factor),
            (None, finding) => finding,
        }
    })
}

/// The newest step, within one of now, whose code this is. Every step is computed whatever the earlier ones gave, and
/// codes are compared in constant time.
#[must_use]
pub fn matching_step(secret: &Secret, parameters: Parameters, code: &str, now: Time) -> Option<Step> {
    let current = parameters.step_at(now)?;
    let codes = Codes::new(secret, parameters);
    let window = [current.0 - 1, current.0, current.0 + 1];
    window.into_iter().map(Step).fold(None, |found, step| if codes.are(code, step) { Some(step) } else { found })
}

/// By how many seconds a clock is wrong if this is a code of this secret within twelve hours: positive when the app
/// is ahead. For telling people only: a code found this way is never accepted.
#[must_use]
pub fn clock_offset(secret: &Secret, parameters: Parameters, code: &str, now: Time) -> Option<i64> {
    let current = parameters.step_at(now)?;
    let codes = Codes::new(secret, parameters);
    let period = i64::from(parameters.period);
    let mut near_first = (2..=12 * 3600 / period).flat_map(|distance| [distance, -distance]);
    near_first.find(|distance| codes.are(code, Step(current.0 + distance))).map(|distance| distance * period)
}

/// A fresh secret out of random bytes.
#[must_use]
pub fn fresh_secret(algorithm: Algorithm, fresh: &Secret) -> Option<Secret> {
    fresh.expose().get(..algorithm.secret_len()).map(|bytes| Secret::new(bytes.to_vec()))
}

/// The secret as people type it: Base32 (RFC 4648, section 6) without padding.
#[must_use]
pub fn base32(secret: &Secret) -> zeroize::Zeroizing<String> {
    zeroize::Zeroizing::new(BASE32_NOPAD.encode(secret.expose()))
}

/// The `otpauth://` link that apps scan. Default parameters are left out: a 33-module QR code holds 78 bytes.
pub struct Link<'a> {
    /// Shown by the app above the account.
    pub issuer: &'a str,
    /// Shown by the app: `user@host`.
    pub label: &'a str,
    /// The secret.
    pub secret: &'a Secret,
    /// Algorithm, digits, period.
    pub parameters: Parameters,
}

/// Bytes of a link at the most: issuer twice and label, each character in up to twelve bytes.
const LONGEST_LINK: usize = 8192;

impl Link<'_> {
    /// The link as text, wiped when it goes. Made at once in a place large enough: growing would leave copies behind.
    #[must_use]
    pub fn spelled(&self) -> zeroize::Zeroizing<String> {
        let mut text = zeroize::Zeroizing::new(String::with_capacity(LONGEST_LINK));
        let _ = write!(text, "{self}");
        text
    }
}

impl fmt::Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parameters { algorithm, digits, period } = self.parameters;
        let defaults = Parameters::default();
        write!(f, "otpauth://totp/{}:{}", Escaped(self.issuer), Escaped(self.label))?;
        write!(f, "?secret={}&issuer={}", *base32(self.secret), Escaped(self.issuer))?;
        if algorithm != defaults.algorithm {
            write!(f, "&algorithm={}", algorithm.as_str())?;
        }
        if digits != defaults.digits {
            write!(f, "&digits={digits}")?;
        }
        if period != defaults.period {
            write!(f, "&period={period}")?;
        }
        Ok(())
    }
}

/// Percent-encoded but for RFC 3986's unreserved characters and `@`, which every app takes as it is.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                    write!(f, "{}", char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

/// The codes of one secret.
struct Codes {
    totp: totp_rs::Totp,
    parameters: Parameters,
}

impl Codes {
    fn new(secret: &Secret, parameters: Parameters) -> Self {
        let algorithm = match parameters.algorithm {
            Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
            Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
            Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
        };
        // Secrets under 128 bits are refused where they are made; an imported one has 80.
        let totp = Builder::new()
            .with_algorithm(algorithm)
            .with_digits(parameters.digits)
            .with_step_duration(u64::from(parameters.period))
            .with_skew(0)
            .with_secret(secret.expose().to_vec())
            .build_noncompliant();
        Self { totp, parameters }
    }

    /// Whether this text is the code of this step. Anything but the right number of ASCII digits is not.
    fn are(&self, code: &str, step: Step) -> bool {
        #[cfg(test)]
        tests::COMPARED.set(tests::COMPARED.get() + 1);
        let start = u64::try_from(step.0).ok().and_then(|step| step.checked_mul(u64::from(self.parameters.period)));
        start.is_some_and(|start| self.totp.check(code, start).is_some())
    }
}

#[cfg(test)]
#[path = "totp_tests.rs"]
mod tests;
