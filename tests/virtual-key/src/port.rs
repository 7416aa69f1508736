//! Where a key is plugged in. A port carries packets of 64 bytes both ways and knows nothing of what they mean.

use std::io;
use std::sync::Arc;

use crate::outside::Outside;

/// A report of a FIDO key, in either direction (CTAP 2.1, section 11.2.4).
pub type Packet = [u8; 64];

/// A place for one key.
pub trait Port: Send + Sync {
    /// Makes the key appear to programs. From now on what they send is put into `outside`.
    fn plug(&self, outside: Arc<Outside>) -> io::Result<Box<dyn Plugged>>;
}

/// A key in its port. Dropping it makes the key disappear, and who has it open notices.
pub trait Plugged: Send + Sync {
    /// Gives a packet to everybody who has the key open. Who does not read misses it, as with a real one.
    fn send(&self, packet: &Packet);
}

/// The report in what a program wrote: programs may put a number of the report, which is zero, before it.
pub(crate) fn report(written: &[u8]) -> Option<Packet> {
    match written {
        [0, report @ ..] if report.len() == 64 => report.try_into().ok(),
        report => report.try_into().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_taken_with_and_without_its_number_and_nothing_else_is() {
        let plain = [7; 64];
        let numbered: Vec<u8> = [0].into_iter().chain(plain).collect();
        assert_eq!(report(&plain), Some(plain));
        assert_eq!(report(&numbered), Some(plain));
        assert_eq!(report(&[7; 65]), None);
        assert_eq!(report(&[7; 63]), None);
        assert_eq!(report(&[]), None);
    }
}
