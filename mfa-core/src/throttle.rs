//! How many wrong codes, and then how long to wait. The only place with this arithmetic.
//!
//! Five failures are free. From then on each failure makes the next try wait, 30 s doubling up to 15 min; fifteen
//! quiet minutes make it start anew. After a hundred failures in a row, guessable codes are off until another factor
//! or an administrator turns them on. At 6 digits and 3 valid steps, a hundred guesses succeed once in 3,333 times.

use crate::Time;

/// Failures that cost nothing but the try.
pub const FREE_FAILURES: u32 = 5;
/// Failures in a row after which guessable codes are off.
pub const FAILURES_UNTIL_OFF: u32 = 100;
/// Quiet seconds after which failures are forgotten (those in a row aside).
pub const QUIET: i64 = 15 * 60;
/// The first wait, in seconds.
const FIRST_WAIT: i64 = 30;
/// The longest wait, in seconds.
const LONGEST_WAIT: i64 = 15 * 60;

/// What failed attempts have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttle {
    /// Failures since the last quiet time.
    pub failures: u32,
    /// Failures since the last success, however long ago.
    pub in_a_row: u32,
    /// When the last one was.
    pub last: Time,
    /// Until when nothing is evaluated.
    pub until: Time,
}

/// Whether a try is evaluated now; the later is the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// It is.
    Open,
    /// Not for so many seconds, 1 or more.
    Wait(i64),
    /// Not until another factor or an administrator turns it on.
    Off,
}

impl Throttle {
    /// The throttle after one more failure.
    #[must_use]
    pub fn failed(self, now: Time) -> Self {
        let quiet = now.since(self.last.max(self.until)) > QUIET;
        let failures = if quiet { 1 } else { self.failures.saturating_add(1) };
        let wait = match failures.checked_sub(FREE_FAILURES) {
            None => 0,
            Some(beyond) => FIRST_WAIT.saturating_mul(1 << beyond.min(5)).min(LONGEST_WAIT),
        };
        Self { failures, in_a_row: self.in_a_row.saturating_add(1), last: now, until: now.plus(wait) }
    }

    /// Whether a try is evaluated at this moment.
    #[must_use]
    pub fn gate(&self, bucket: Bucket, now: Time) -> Gate {
        if bucket.guess == Guess::Code && self.in_a_row >= FAILURES_UNTIL_OFF {
            return Gate::Off;
        }
        match self.until.since(now) {
            _ if self.failures == 0 => Gate::Open, // also before 1970, when "until" is still to come
            wait @ 1..=LONGEST_WAIT => Gate::Wait(wait),
            // Over, or longer than any wait that was ever set: the clock was turned back since. One try is evaluated,
            // and if it fails, the wait runs by the new clock; otherwise nobody got in until the old time came again.
            _ => Gate::Open,
        }
    }
}

/// Whose attempts: root's applications and a user's own processes are counted apart, so that nobody can lock out a
/// neighbor, or the ssh login of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A process of root: sshd, sudo, login, a display manager.
    Root,
    /// A process of the user: a screen locker, `mfa-enroll`.
    Plain,
}

/// What was guessed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guess {
    /// A short code, by app or mail.
    Code,
    /// A backup code, hopeless to guess; its limit is there all the same.
    BackupCode,
    /// An answer of a security key, which nobody guesses; whoever sends rubbish in its place is slowed down.
    Key,
}

/// One count of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Whose attempts.
    pub caller: Caller,
    /// At what.
    pub guess: Guess,
}

impl Bucket {
    /// Every bucket; the place in this list is its number in the store.
    pub const ALL: [Self; 6] = [
        Self { caller: Caller::Root, guess: Guess::Code },
        Self { caller: Caller::Root, guess: Guess::BackupCode },
        Self { caller: Caller::Root, guess: Guess::Key },
        Self { caller: Caller::Plain, guess: Guess::Code },
        Self { caller: Caller::Plain, guess: Guess::BackupCode },
        Self { caller: Caller::Plain, guess: Guess::Key },
    ];

    /// Its place in [`Bucket::ALL`].
    #[must_use]
    pub fn number(self) -> u8 {
        let caller = match self.caller {
            Caller::Root => 0,
            Caller::Plain => 3,
        };
        let guess = match self.guess {
            Guess::Code => 0,
            Guess::BackupCode => 1,
            Guess::Key => 2,
        };
        caller + guess
    }
}

/// The throttles of an account, one a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttles([Throttle; 6]);

impl Throttles {
    /// One of them.
    #[must_use]
    pub fn get(&self, bucket: Bucket) -> Throttle {
        self.0.get(usize::from(bucket.number())).copied().unwrap_or_default()
    }

    /// The one that keeps people waiting the longest at this kind of guess, and whose attempts it counts.
    #[must_use]
    pub fn strictest(&self, guess: Guess, now: Time) -> (Caller, Throttle, Gate) {
        let of = |caller| {
            let bucket = Bucket { caller, guess };
            let throttle = self.get(bucket);
            (caller, throttle, throttle.gate(bucket, now))
        };
        let (root, plain) = (of(Caller::Root), of(Caller::Plain));
        if (plain.2, plain.1.in_a_row) > (root.2, root.1.in_a_row) { plain } else { root }
    }

    /// Puts one of them.
    pub fn set(&mut self, bucket: Bucket, throttle: Throttle) {
        if let Some(place) = self.0.get_mut(usize::from(bucket.number())) {
            *place = throttle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CODE: Bucket = Bucket { caller: Caller::Root, guess: Guess::Code };
    const BACKUP: Bucket = Bucket { caller: Caller::Root, guess: Guess::BackupCode };

    fn after(failures: u32, now: Time) -> Throttle {
        (0..failures).fold(Throttle::default(), |throttle, _| throttle.failed(now))
    }

    #[test]
    fn four_failures_are_free_and_the_fifth_makes_wait() {
        let now = Time(1_000_000);
        assert_eq!(after(4, now).gate(CODE, now), Gate::Open);
        assert_eq!(after(5, now).gate(CODE, now), Gate::Wait(30));
    }

    #[test]
    fn waits_double_up_to_fifteen_minutes() {
        let now = Time(1_000_000);
        let waits: Vec<_> = (5..13).map(|n| after(n, now).gate(CODE, now)).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900].map(Gate::Wait));
    }

    #[test]
    fn quiet_minutes_start_anew_but_failures_in_a_row_add_up() {
        let now = Time(1_000_000);
        let later = now.plus(30 + QUIET + 1);
        let throttle = after(5, now).failed(later);
        assert_eq!((throttle.failures, throttle.in_a_row), (1, 6));
        assert_eq!(throttle.gate(CODE, later), Gate::Open);
    }

    #[test]
    fn a_hundred_in_a_row_turn_codes_off_and_backup_codes_never() {
        let throttle = after(100, Time(1_000_000));
        let years_later = Time(1_000_000_000);
        assert_eq!(throttle.gate(CODE, years_later), Gate::Off);
        assert_eq!(throttle.gate(BACKUP, years_later), Gate::Open);
    }

    #[test]
    fn what_is_told_is_the_longest_wait_whoever_caused_it() {
        let (now, mut throttles) = (Time(1_000_000), Throttles::default());
        assert_eq!(throttles.strictest(Guess::Code, now).2, Gate::Open);
        throttles.set(Bucket { caller: Caller::Plain, guess: Guess::Code }, after(6, now));
        throttles.set(Bucket::ALL[0], after(5, now));
        assert_eq!(throttles.strictest(Guess::Code, now), (Caller::Plain, after(6, now), Gate::Wait(60)));
        assert_eq!(throttles.strictest(Guess::BackupCode, now).2, Gate::Open);
    }

    #[test]
    fn a_clock_that_was_turned_back_opens_the_gate_for_one_try() {
        let now = Time(1_000_000);
        let throttle = after(12, now);
        let a_day_before = now.plus(-86_400);
        assert_eq!(throttle.gate(CODE, a_day_before), Gate::Open);
        assert_eq!(throttle.failed(a_day_before).gate(CODE, a_day_before), Gate::Wait(900));
        assert_eq!(after(99, now).failed(a_day_before).gate(CODE, a_day_before), Gate::Off);
    }

    #[test]
    fn who_has_not_failed_does_not_wait_whatever_the_time() {
        for now in [i64::MIN, -900, -1, 0, 1, i64::MAX] {
            assert_eq!(Throttle::default().gate(CODE, Time(now)), Gate::Open);
        }
    }

    #[test]
    fn bucket_numbers_are_their_places() {
        for (place, bucket) in Bucket::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(bucket.number()), place);
        }
    }

    proptest! {
        #[test]
        fn whatever_the_clock_does_nobody_waits_longer_than_fifteen_minutes(
            times in prop::collection::vec(any::<i64>(), 1..150), now in any::<i64>()
        ) {
            let throttle = times.iter().fold(Throttle::default(), |throttle, at| throttle.failed(Time(*at)));
            match throttle.gate(BACKUP, Time(now)) {
                Gate::Open => {}
                Gate::Wait(wait) => prop_assert!((1..=900).contains(&wait)),
                Gate::Off => prop_assert!(false),
            }
        }

        #[test]
        fn a_guesser_who_never_waits_for_quiet_gets_few_tries_a_day(pause in 0i64..900) {
            let (mut throttle, mut now, mut tries) = (Throttle::default(), Time(1_000_000), 0);
            let end = now.plus(86_400);
            while now < end {
                match throttle.gate(BACKUP, now) {
                    Gate::Open => { tries += 1; throttle = throttle.failed(now); now = now.plus(pause.max(1)); }
                    Gate::Wait(wait) => now = now.plus(wait),
                    Gate::Off => unreachable!(),
                }
            }
            prop_assert!(tries <= 110, "{tries} tries");
        }
    }
}
