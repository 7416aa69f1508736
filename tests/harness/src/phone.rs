//! A phone with an authenticator app: it scanned a QR code once and shows codes. It never shows the same code twice and
//! uses the steps beside the present one, so that a scenario hardly ever has to wait for the next.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use crate::camera;
use crate::otpauth::{Hash, Otpauth, OtpauthError};
use crate::outcome::Outcome;

/// A code of the previous step is not used when its acceptance might end before it arrives: seconds to spare.
const SPARE: u64 = 8;

/// A phone that has scanned one account.
#[derive(Debug, Clone)]
pub struct Phone {
    account: Otpauth,
    used: Option<u64>,
}

impl Phone {
    /// Scans the QR code that holds this address.
    pub fn scan(address: &str) -> Result<Self, OtpauthError> {
        Ok(Self { account: address.parse()?, used: None })
    }

    /// Scans the QR code that is drawn on a terminal's screen: the last one in this text.
    pub fn scan_screen(screen: &str) -> Outcome<Self> {
        Ok(Self::scan(&camera::read(screen)?)?)
    }

    /// What the phone has read.
    pub fn account(&self) -> &Otpauth {
        &self.account
    }

    /// A code that is accepted now and that this phone has not shown before: of the previous step, then this one, then
    /// the next. After three in one step it waits for the clock.
    pub fn code(&mut self) -> String {
        let step = self.next_step(now());
        while step > self.step_at(now()) + 1 {
            let ready = (step - 1) * self.account.period;
            std::thread::sleep(Duration::from_secs(ready.saturating_sub(now()).max(1)));
        }
        self.used = Some(step);
        self.code_of_step(step)
    }

    /// The last code that [`Phone::code`] gave; the one to try a second time.
    ///
    /// # Panics
    /// When it gave none yet.
    pub fn last_code(&self) -> String {
        self.code_of_step(self.used.expect("a code was shown before"))
    }

    /// What the screen shows at this moment, seen before or not.
    pub fn code_now(&self) -> String {
        self.code_of_step(self.step_at(now()))
    }

    /// What a phone shows whose clock is that many seconds fast (slow, if negative).
    pub fn code_with_clock_off_by(&self, seconds: i64) -> String {
        self.code_of_step(self.step_at(now().saturating_add_signed(seconds)))
    }

    /// A number of the right length that is no code of half a day before or after.
    pub fn wrong_code(&self) -> String {
        self.wrong_codes(1).remove(0)
    }

    /// Different numbers like [`Phone::wrong_code`]'s.
    pub fn wrong_codes(&self, count: usize) -> Vec<String> {
        let step = self.step_at(now());
        let around = 13 * 3600 / self.account.period;
        let right: HashSet<String> =
            (step.saturating_sub(around)..=step + around).map(|step| self.code_of_step(step)).collect();
        let digits = self.account.digits as usize;
        (0..).map(|number| format!("{number:0digits$}")).filter(|code| !right.contains(code)).take(count).collect()
    }

    /// The code of a step: the number of periods since 1970.
    pub fn code_of_step(&self, step: u64) -> String {
        let digest = self.digest(&step.to_be_bytes());
        let offset = usize::from(digest[digest.len() - 1] & 0xf);
        let word = digest[offset..offset + 4].iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
        let digits = self.account.digits;
        format!("{:0width$}", (word & 0x7fff_ffff) % 10_u32.pow(digits), width = digits as usize)
    }

    fn next_step(&self, now: u64) -> u64 {
        let safe = self.step_at(now + SPARE).saturating_sub(1);
        self.used.map_or(safe, |used| safe.max(used + 1))
    }

    fn step_at(&self, second: u64) -> u64 {
        second / self.account.period
    }

    fn digest(&self, message: &[u8]) -> Vec<u8> {
        let key = &self.account.secret;
        match self.account.hash {
            Hash::Sha1 => mac::<Hmac<Sha1>>(key, message),
            Hash::Sha256 => mac::<Hmac<Sha256>>(key, message),
            Hash::Sha512 => mac::<Hmac<Sha512>>(key, message),
        }
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("a key of any length is a key");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(secret: &str, rest: &str) -> Phone {
        Phone::scan(&format!("otpauth://totp/t?secret={secret}&digits=8{rest}")).unwrap()
    }

    /// RFC 6238, appendix B.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let ten = "GEZDGNBVGY3TQOJQ";
        let sha1 = phone(&ten.repeat(2), "");
        let sha256 = phone("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA", "&algorithm=SHA256");
        let sha512 = phone(&(ten.repeat(6) + "GEZDGNA"), "&algorithm=SHA512");
        for (second, one, two, three) in [
            (59, "94287082", "46119246", "90693936"),
            (1_111_111_109, "07081804", "68084774", "25091201"),
            (20_000_000_000, "65353130", "77737706", "47863826"),
        ] {
            let codes = [&sha1, &sha256, &sha512].map(|phone| phone.code_of_step(second / 30));
            assert_eq!(codes, [one, two, three], "at {second}");
        }
    }

    #[test]
    fn steps_rise_from_the_previous_one_and_keep_clear_of_its_end() {
        let mut phone = phone("GEZDGNBVGY3TQOJQ", "");
        assert_eq!(phone.next_step(3000), 99);
        assert_eq!(phone.next_step(3021), 99);
        assert_eq!(phone.next_step(3022), 100);
        phone.used = Some(99);
        assert_eq!(phone.next_step(3000), 100);
        phone.used = Some(101);
        assert_eq!(phone.next_step(3000), 102);
    }

    #[test]
    fn two_codes_need_no_waiting_and_differ() {
        let mut phone = phone("GEZDGNBVGY3TQOJQ", "&period=120");
        let codes = [phone.code(), phone.code()];
        assert_ne!(codes[0], codes[1]);
        assert!(!phone.wrong_codes(20).contains(&phone.code_now()));
    }
}
