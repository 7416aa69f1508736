//! Single values of a policy file: dates and networks, from what TOML holds to what a policy means by it.

use super::calendar::{self, End};
use ipnet::IpNet;
use jiff::civil;
use std::net::IpAddr;
use toml::value::{Datetime, Offset};

/// A day or a moment; `None` if there is no such day, or only a time.
pub(super) fn end(written: &Datetime) -> Option<End> {
    let date = written.date?;
    let date = civil::Date::new(i16::try_from(date.year).ok()?, small(date.month)?, small(date.day)?).ok()?;
    let Some(time) = written.time else { return Some(End::Day(date)) };
    let second = small(time.second.unwrap_or(0))?.min(59); // a leap second is the one before it
    let time = civil::Time::new(small(time.hour)?, small(time.minute)?, second, 0).ok()?;
    let local = date.to_datetime(time);
    Some(match written.offset {
        None => End::Local(local),
        Some(Offset::Z) => End::Instant(calendar::instant(local, 0)),
        Some(Offset::Custom { minutes }) => End::Instant(calendar::instant(local, i64::from(minutes) * 60)),
    })
}

fn small(number: u8) -> Option<i8> {
    i8::try_from(number).ok()
}

/// A network or a single address; or a hint at what is wrong.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let numeric = || "only numeric addresses and networks count, such as 10.0.0.0/8 or fd00::/8".to_owned();
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    // The standard library refuses 010.0.0.1, which some read as octal.
    let address: IpAddr = address.parse().map_err(|_| numeric())?;
    let network = match prefix {
        None => IpNet::from(address),
        Some(prefix) => length(prefix).and_then(|length| IpNet::new(address, length).ok()).ok_or_else(numeric)?,
    };
    if network.trunc() != network {
        return Err(format!(
            "did you mean {:?}, or the single address {:?}?",
            network.trunc().to_string(),
            network.addr().to_string()
        ));
    }
    // ::ffff:a.b.c.d/96+n is the IPv4 network a.b.c.d/n: addresses are compared unmapped.
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (IpAddr::V4(address), Some(prefix)) if network.addr().is_ipv6() => {
            IpNet::new(IpAddr::V4(address), prefix).map_err(|_| numeric())
        }
        _ => Ok(network),
    }
}

/// The length of a prefix: one to three digits, none of them an idle zero.
fn length(digits: &str) -> Option<u8> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain { digits.parse().ok() } else { None }
}
