//! How the license and its seats are, on one screen; the same lines stand in `mfactl status`.

use super::ask;
use crate::Desk;
use mfa_cli::{Exit, Failure, moment, printable};
use mfa_proto::license::{Group, License, Seats, Status};

/// Columns of the bar.
const BAR: u64 = 10;
/// Groups on one line each screen.
const MOST_GROUPS: usize = 12;

pub(super) fn run(desk: &mut Desk) -> Result<Exit, Failure> {
    let status = ask(desk)?;
    if desk.json {
        desk.screen.json(&status)?;
        return Ok(Exit::Done);
    }
    desk.screen.line(&printable::wrap(&printable::lines(&status.sentence)))?;
    if let Some(license) = &status.license {
        desk.screen.line(&described(license))?;
    }
    for line in lines(&status) {
        desk.screen.line(&printable::wrap(&line))?;
    }
    let full = match status.on_full.as_str() {
        "deny" => "When no seat is free, newcomers are refused.",
        _ => "When no seat is free, newcomers get in with their first factor alone.",
    };
    desk.screen.line(&printable::wrap(full))?;
    desk.screen.line(&format!("Site   {}", printable::line(&status.site)))?;
    Ok(Exit::Done)
}

fn described(license: &License) -> String {
    let License { id, customer, issued, ends, grace_days, .. } = license;
    let (id, customer) = (printable::line(id), printable::line(customer));
    let grace = if *grace_days > 0 { format!(", then {grace_days} days of grace") } else { String::new() };
    format!("For {customer}, id {id}: {} to {}{grace}.", printable::line(issued), printable::line(ends))
}

/// Who is required, the seats, the groups.
pub(crate) fn lines(status: &Status) -> Vec<String> {
    let mut lines = vec![required(status), seats(&status.seats, status.suspended)];
    lines.extend(groups(status));
    lines
}

fn required(status: &Status) -> String {
    let today = status.bypassed_today;
    match &status.counts {
        Some(counts) => format!(
            "Required {}   enrolled {}   pending {}   let in with one factor today {today}",
            counts.required,
            counts.enrolled,
            counts.required.saturating_sub(counts.enrolled)
        ),
        None => format!("Required: not counted yet (mfactl reconcile)   let in with one factor today {today}"),
    }
}

fn seats(seats: &Seats, suspended: u64) -> String {
    let Seats { total, used, free } = *seats;
    let suspended = if suspended > 0 { format!(", {suspended} suspended") } else { String::new() };
    format!("Seats  [{}]  {used} of {total}, {free} free{suspended}", bar(used, total))
}

/// Full only when it is full.
fn bar(used: u64, total: u64) -> String {
    let tenths = u128::from(used.min(total)) * u128::from(BAR) / u128::from(total.max(1));
    let filled = usize::try_from(tenths).unwrap_or(0);
    let filled = if used > 0 { filled.max(1) } else { filled };
    let width = usize::try_from(BAR).unwrap_or(0);
    format!("{}{}", "#".repeat(filled), "-".repeat(width.saturating_sub(filled)))
}

fn groups(status: &Status) -> Option<String> {
    let counts = status.counts.as_ref().filter(|counts| !counts.groups.is_empty())?;
    let shown = |group: &Group| format!("{} {}/{}", printable::line(&group.name), group.enrolled, group.required);
    let mut each: Vec<String> = counts.groups.iter().take(MOST_GROUPS).map(shown).collect();
    if counts.groups.len() > MOST_GROUPS {
        each.push(format!("and {} more groups", counts.groups.len() - MOST_GROUPS));
    }
    Some(format!("       {}   (counted {})", each.join("   "), moment::date_time(counts.at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_proto::license::Counts;

    #[test]
    fn the_bar_is_full_only_when_all_seats_are_taken() {
        assert_eq!(bar(371, 500), "#######---");
        assert_eq!(bar(499, 500), "#########-");
        assert_eq!(bar(500, 500), "##########");
        assert_eq!(bar(600, 500), "##########");
        assert_eq!(bar(1, 500), "#---------");
        assert_eq!(bar(0, 0), "----------");
    }

    #[test]
    fn seats_and_groups_are_a_line_each() {
        let group = |name: &str, required, enrolled| Group { name: name.into(), required, enrolled };
        let groups = vec![group("sre\x1b", 20, 20), group("staff", 392, 351)];
        let counts = Some(Counts { at: 0, required: 412, enrolled: 371, groups });
        let status = Status {
            state: "valid".into(),
            sentence: String::new(),
            license: None,
            seats: Seats { total: 500, used: 371, free: 129 },
            on_full: "deny".into(),
            suspended: 2,
            bypassed_today: 3,
            counts,
            site: String::new(),
            site_name: String::new(),
            request: String::new(),
        };
        let lines = lines(&status);
        assert_eq!(lines[0], "Required 412   enrolled 371   pending 41   let in with one factor today 3");
        assert_eq!(lines[1], "Seats  [#######---]  371 of 500, 129 free, 2 suspended");
        assert!(lines[2].starts_with("       sre\\u{1b} 20/20   staff 351/392   (counted "), "{}", lines[2]);
    }
}
