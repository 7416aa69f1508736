//! What administrators are told of what happens to the site: it follows from the record, and from nothing else.
//!
//! Whoever records something once tells it once.

use super::{Site, SiteRecord};
use mfa_core::letter::{Letter, Topic};

impl SiteRecord {
    /// The letter that follows from this record, if one does.
    #[must_use]
    pub(crate) fn letter(&self) -> Option<Letter> {
        let about = |topic: Topic| {
            let said =
                |field: &'static str| (field, self.details.get(field).map(ToString::to_string).unwrap_or_default());
            let values = topic
                .fields()
                .iter()
                .map(|field| if *field == "detail" { ("detail", self.to_string()) } else { said(field) });
            Letter { values: values.collect(), ..Letter::to_administrators(topic) }
        };
        match self.what {
            Site::ClockJumped => Some(about(Topic::ClockJumped)),
            Site::AuditBroken | Site::StoreBroken | Site::OlderDatabase => Some(about(Topic::StoreBroken)),
            Site::MasterKeyRotated | Site::Exported | Site::Restored => Some(about(Topic::StoreHandled)),
            Site::BreakGlassUsed => Some(about(Topic::BreakGlass)),
            Site::LicenseEnding => Some(about(Topic::LicenseEnds)),
            Site::SeatsCrossed if self.is_full() => Some(about(Topic::SeatsFull)),
            Site::SeatsCrossed => Some(about(Topic::SeatsNear)),
            Site::Started
            | Site::Stopped
            | Site::PolicyLoaded
            | Site::PolicyRefused
            | Site::Pruned
            | Site::LicenseInstalled
            | Site::LicenseRefused
            | Site::NotNotified => None,
        }
    }

    fn is_full(&self) -> bool {
        let number = |word: &str| self.details.get(word).and_then(|detail| detail.to_string().parse::<i64>().ok());
        matches!((number("used"), number("total")), (Some(used), Some(total)) if used >= total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(record: &SiteRecord) -> (Topic, Vec<(&'static str, String)>) {
        let letter = record.letter().unwrap();
        (letter.topic, letter.values)
    }

    #[test]
    fn a_clock_that_jumped_and_a_broken_record_are_told_as_they_are_recorded() {
        let (topic, values) = said(&SiteRecord::of(Site::ClockJumped).because("turned").with("seconds", 3600));
        assert_eq!(topic, Topic::ClockJumped);
        assert_eq!(values, [("detail", "clock-jumped reason=turned seconds=3600".to_owned())]);
        assert_eq!(said(&SiteRecord::of(Site::AuditBroken)).0, Topic::StoreBroken);
    }

    #[test]
    fn seats_are_nearly_or_all_taken() {
        let crossed = |used: i64| SiteRecord::of(Site::SeatsCrossed).with("used", used).with("total", 500);
        let figures = |used: &str| vec![("used", used.to_owned()), ("total", "500".to_owned())];
        assert_eq!(said(&crossed(401)), (Topic::SeatsNear, figures("401")));
        assert_eq!(said(&crossed(500)), (Topic::SeatsFull, figures("500")));
    }

    #[test]
    fn a_new_master_key_and_a_copy_of_the_store_are_told() {
        for what in [Site::MasterKeyRotated, Site::Exported, Site::Restored] {
            assert_eq!(said(&SiteRecord::of(what)).0, Topic::StoreHandled);
        }
    }

    #[test]
    fn what_happens_every_day_is_not_worth_a_letter() {
        for what in [Site::Started, Site::Stopped, Site::PolicyLoaded, Site::Pruned] {
            assert_eq!(SiteRecord::of(what).letter(), None);
        }
    }
}
