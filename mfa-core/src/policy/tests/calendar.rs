//! Hours of the week, last days, lengths of time.

use super::{NOTHING, NOW, phone, plan, policy, request};
use crate::Time;
use crate::policy::calendar::{End, Hours, Window, duration, local_time};
use crate::policy::condition::Truth;
use crate::policy::{Enroll, Groups, Plan, Request, Standing};
use jiff::civil::{DateTime, date};

fn hours(text: &str) -> Hours {
    Hours::new(text.split(';').map(|window| window.trim().parse::<Window>().expect("valid hours")).collect())
}

/// A moment of the week from Monday 2026-11-23 on.
fn on(day: i8, hour: i8, minute: i8) -> DateTime {
    date(2026, 11, 23 + day).at(hour, minute, 0, 0)
}

#[test]
fn office_hours_are_the_days_and_times_that_they_name() {
    let office = hours("Mon-Fri 08:00-18:00");
    assert!(office.contains(on(0, 8, 0)));
    assert!(office.contains(on(4, 17, 59)));
    assert!(!office.contains(on(0, 7, 59)));
    assert!(!office.contains(on(0, 18, 0)), "the end is not part of it");
    assert!(!office.contains(on(5, 12, 0)));
}

#[test]
fn hours_over_midnight_belong_to_the_day_on_which_they_begin() {
    let night = hours("Fri 22:00-06:00");
    assert!(night.contains(on(4, 23, 0)));
    assert!(night.contains(on(5, 5, 59)), "Saturday morning is Friday's night");
    assert!(!night.contains(on(5, 6, 0)));
    assert!(!night.contains(on(4, 5, 0)), "Friday morning was Thursday's night");
    assert!(hours("Sun 22:00-06:00").contains(on(0, 3, 0)), "Monday morning is Sunday's night");
}

#[test]
fn days_may_wrap_around_the_week_stand_in_a_list_or_be_left_out() {
    assert!(hours("Sat-Mon").contains(on(0, 0, 0)));
    assert!(!hours("Sat-Mon").contains(on(1, 0, 0)));
    assert!(hours("sat,SUN 10:00-24:00").contains(on(6, 23, 59)));
    assert!(hours("12:00-13:00").contains(on(3, 12, 30)));
    assert!(hours("Tue 08:00-09:00; Thu 08:00-09:00").contains(on(3, 8, 30)));
}

#[test]
fn hours_that_could_mean_two_things_are_refused() {
    let bad = [
        "",
        " ",
        "Mon 8:00-18:00",
        "Mon 08:00",
        "08:00-18:00 Mon",
        "Mon 25:00-26:00",
        "Mon 08:60-09:00",
        "Mon 08:00-08:00",
        "Mon 24:00-08:00",
        "Mon,Tue, Wed",
        "Mon 08:00 - 18:00",
        "Monday 08:00-18:00",
        "Mon- 08:00-09:00",
        "Mon 0a:00-09:00",
        "Mon +8:00-09:00",
        "Mon 08:00-24:01",
        "Mon 08:00-18:00 x",
    ];
    for text in bad {
        assert!(text.parse::<Window>().is_err(), "{text:?}");
    }
}

#[test]
fn hours_are_shown_as_they_are_meant() {
    assert_eq!(hours("Mon-Wed 08:00-18:00; Sat").to_string(), "Mon,Tue,Wed 08:00-18:00; Sat 00:00-24:00");
    assert_eq!(hours("22:00-06:00").to_string(), "22:00-06:00");
}

#[test]
fn a_last_day_holds_to_its_end_by_local_time() {
    let end = End::Day(date(2027, 1, 15));
    let at = |day, hour| Some(date(2027, 1, day).at(hour, 59, 59, 0));
    assert_eq!(end.is_over(Time(0), at(15, 23)), Truth::False);
    assert_eq!(end.is_over(Time(0), at(16, 0)), Truth::True);
    assert_eq!(end.to_string(), "the end of 2027-01-15");
}

#[test]
fn without_local_time_a_date_is_unknown_only_around_itself() {
    let end = End::Day(date(2027, 1, 15));
    let midnight = 1_800_057_600; // 2027-01-16 00:00 UTC
    assert_eq!(local_time(Time(midnight), 0), Some(date(2027, 1, 16).at(0, 0, 0, 0)));
    assert_eq!(end.is_over(Time(midnight - 86_401), None), Truth::False);
    assert_eq!(end.is_over(Time(midnight - 86_400), None), Truth::Unknown);
    assert_eq!(end.is_over(Time(midnight + 86_399), None), Truth::Unknown);
    assert_eq!(end.is_over(Time(midnight + 86_400), None), Truth::True);
}

#[test]
fn a_moment_is_the_same_everywhere() {
    let end = End::Instant(Time(1000));
    assert_eq!(end.is_over(Time(999), None), Truth::False);
    assert_eq!(end.is_over(Time(1000), None), Truth::True);
    assert_eq!(end.seconds_left(Time(400), None), 600);
    assert_eq!(end.to_string(), "1970-01-01 00:16:40 UTC");
}

#[test]
fn no_time_is_beyond_the_calendar_without_an_answer() {
    for now in [i64::MIN, i64::MIN + 1, i64::MAX] {
        assert_eq!(local_time(Time(now), 7200), None);
        let end = End::Day(date(9999, 12, 31));
        assert_ne!(end.is_over(Time(now), None), Truth::Unknown);
        assert!(!End::Instant(Time(now)).to_string().is_empty());
        let _ = end.seconds_left(Time(now), None);
    }
    assert_eq!(local_time(Time(0), -3600), Some(date(1969, 12, 31).at(23, 0, 0, 0)), "before 1970 counts as well");
}

#[test]
fn lengths_of_time_have_a_whole_number_and_a_unit() {
    let known =
        [("0s", 0), ("45s", 45), ("30m", 1800), ("8h", 28_800), ("14d", 1_209_600), ("2w", 1_209_600), ("0d", 0)];
    for (text, seconds) in known {
        assert_eq!(duration(text), Some(seconds), "{text}");
    }
    for text in [
        "",
        "s",
        "14",
        "14 d",
        "-1d",
        "+1d",
        "1.5h",
        "1h30m",
        "1y",
        "d14",
        "14D",
        "９d",
        "99999999999999999999s",
        "3651d",
    ] {
        assert_eq!(duration(text), None, "{text}");
    }
    assert_eq!(duration("3650d"), Some(315_360_000));
}

/// What a clock that is so many seconds behind the record makes of a policy.
fn behind(text: &str, seconds: i64, standing: Standing) -> Plan {
    let groups = Groups::default();
    let request = Request { behind: seconds, ..request(&groups) };
    plan(&policy(text), &request, standing)
}

#[test]
fn a_clock_turned_back_gives_nobody_more_grace() {
    let began = Standing { grace_began: Some(NOW.plus(-86_400)), ..NOTHING };
    for grace in ["grace=\"14d\"", "enroll_by=2026-12-05"] {
        let text = format!("[defaults]\nrequire=\"always\"\nenroll=\"grace\"\n{grace}\n");
        assert!(matches!(behind(&text, 0, began), Plan::Enroll(Enroll::Grace { .. })), "{grace}");
        assert!(matches!(behind(&text, 13 * 86_400, began), Plan::Enroll(Enroll::AtLogin { .. })), "{grace}");
    }
}

#[test]
fn a_rule_that_is_over_by_the_record_relaxes_nothing_and_requires_as_before() {
    for until in ["2026-11-30", "2026-11-30T00:00:00Z"] {
        let rule = |require| format!("[[rule]]\nname=\"r\"\nuntil={until}\nrequire=\"{require}\"\n");
        let relaxing = format!("[defaults]\nrequire=\"always\"\n{}", rule("never"));
        let requiring = format!("[defaults]\nrequire=\"never\"\n{}", rule("always"));
        assert!(behind(&relaxing, 0, phone()).passes(), "{until}");
        for (text, back) in [(&relaxing, 10 * 86_400), (&requiring, 0), (&requiring, 10 * 86_400)] {
            assert!(matches!(behind(text, back, phone()), Plan::Factors(_)), "{text} {back}");
        }
    }
}
