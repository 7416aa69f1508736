//! What the daemon in a lab holds, as its kernel tells it: to see that nothing is left behind.

use crate::lab::Lab;
use crate::outcome::{Failure, Outcome};

/// What a daemon holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holds {
    /// Which process it is; another one after a restart.
    pub process: u32,
    /// Open descriptors.
    pub descriptors: i64,
    /// Resident memory, in KiB.
    pub resident_kib: i64,
    /// Threads.
    pub threads: i64,
}

/// Zeros are for a daemon that is not there at that moment.
const LOOK: &str = "id=$(systemctl show --property=MainPID --value mfa-daemon); echo $id; \
                    [ $id = 0 ] || { ls /proc/$id/fd | wc -l; \
                    sed -n 's/^\\(VmRSS\\|Threads\\):[^0-9]*\\([0-9]*\\).*/\\2/p' /proc/$id/status; } 2>/dev/null || true";

impl Lab {
    /// What the daemon holds now; `None` while there is none.
    ///
    /// # Errors
    /// When the lab does not answer.
    pub fn daemon_holds(&self) -> Outcome<Option<Holds>> {
        let told = self.sh(LOOK)?;
        let numbers: Vec<i64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [process, descriptors, resident_kib, threads] => {
                Ok(Some(Holds { process: u32::try_from(process)?, descriptors, resident_kib, threads }))
            }
            [_] => Ok(None),
            // It ended while it was looked at.
            _ if numbers.len() < 4 => Ok(None),
            _ => Err(Failure::new(format!("not understood: {told}"))),
        }
    }
}
