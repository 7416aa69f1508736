//! sshd's lists of patterns (PATTERNS in ssh_config(5)): whether a name or an address is in one, and names and addresses
//! made up that are. Nothing is looked up.

use std::net::IpAddr;

/// An address that nobody has (RFC 5737): no network that a `Match` names is meant to hold it.
pub(crate) const NOWHERE: &str = "192.0.2.1";
const NOWHERE_V6: &str = "2001:db8::1";

/// Whether a name is in a list: some pattern says so, and none with `!` before it.
pub(super) fn has_name(list: &str, name: &str) -> bool {
    has(list, |pattern| fits(pattern.as_bytes(), name.as_bytes()))
}

/// Whether an address is in a list, as a network or by its text.
pub(super) fn has_address(list: &str, address: &str) -> bool {
    has(list, |pattern| match network(pattern) {
        Some(network) => address.parse().is_ok_and(|address| holds(network, address)),
        None => fits(pattern.as_bytes(), address.as_bytes()),
    })
}

/// Names that are in the list, those first that it names outright.
pub(super) fn names(list: &str) -> Vec<String> {
    let made_up = ["", "x", "mfa-doctor"].map(|filled| {
        let of = |pattern: &str| pattern.replace('*', filled).replace('?', "x");
        wanted(list).filter(|pattern| !is_plain(pattern)).map(of).collect::<Vec<_>>()
    });
    let plain = wanted(list).filter(|pattern| is_plain(pattern)).map(str::to_owned);
    let all = plain.chain(made_up.into_iter().flatten());
    all.filter(|name| !name.is_empty() && has_name(list, name)).collect()
}

/// An address that is in the list.
pub(super) fn address(list: &str) -> Option<String> {
    let of = |pattern: &str| match network(pattern) {
        Some((base, _)) => [base.to_string(), after(base).to_string()],
        None => [pattern.replace(['*', '?'], "1"), pattern.replace('*', "99").replace('?', "9")],
    };
    let nowhere = [NOWHERE, NOWHERE_V6].map(str::to_owned);
    nowhere.into_iter().chain(wanted(list).flat_map(of)).find(|address| has_address(list, address))
}

/// Whether a pattern means one name alone.
pub(super) fn is_plain(pattern: &str) -> bool {
    !pattern.is_empty() && !pattern.contains(['*', '?', '!'])
}

/// What the list is about, without what it leaves out.
pub(super) fn wanted(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|pattern| !pattern.is_empty() && !pattern.starts_with('!'))
}

fn has(list: &str, is_it: impl Fn(&str) -> bool) -> bool {
    let left_out = |pattern: &str| pattern.strip_prefix('!').is_some_and(&is_it);
    wanted(list).any(&is_it) && !list.split(',').any(left_out)
}

/// `*` is anything, `?` one letter.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => fits(rest, text) || text.split_first().is_some_and(|(_, text)| fits(pattern, text)),
        ([b'?', rest @ ..], [_, text @ ..]) => fits(rest, text),
        ([one, rest @ ..], [other, text @ ..]) => one == other && fits(rest, text),
        _ => false,
    }
}

/// The address and how many of its first bits count.
fn network(pattern: &str) -> Option<(IpAddr, u32)> {
    let (base, bits) = pattern.split_once('/').map_or((pattern, None), |(base, bits)| (base, Some(bits)));
    let base: IpAddr = base.parse().ok()?;
    let most = if base.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
    (bits <= most).then_some((base, bits))
}

fn holds((base, bits): (IpAddr, u32), address: IpAddr) -> bool {
    let differ = match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => (u32::from(base) ^ u32::from(address)).leading_zeros().min(32),
        (IpAddr::V6(base), IpAddr::V6(address)) => (u128::from(base) ^ u128::from(address)).leading_zeros(),
        _ => return false,
    };
    differ >= bits
}

/// The next address.
fn after(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(u32::from(address).wrapping_add(1).into()),
        IpAddr::V6(address) => IpAddr::V6(u128::from(address).wrapping_add(1).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_in_a_list_unless_it_is_left_out() {
        for (list, name, is_in) in [
            ("alice,bob", "bob", true),
            ("alice,bob", "carol", false),
            ("svc-*", "svc-backup", true),
            ("*,!x", "x", false),
            ("*,!x", "y", true),
            ("!x", "y", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
        ] {
            assert_eq!(has_name(list, name), is_in, "{list} {name}");
        }
    }

    #[test]
    fn an_address_is_in_a_network_or_fits_a_pattern() {
        for (list, address, is_in) in [
            ("10.9.0.0/16", "10.9.255.1", true),
            ("10.9.0.0/16", "10.10.0.1", false),
            ("10.9.0.0/16,!10.9.1.1", "10.9.1.1", false),
            ("192.168.*", "192.168.1.1", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("127.0.0.1", "127.0.0.1", true),
        ] {
            assert_eq!(has_address(list, address), is_in, "{list} {address}");
        }
    }

    #[test]
    fn what_is_made_up_is_in_the_list() {
        for list in ["svc-*", "*,!x", "a?c", "alice", "*"] {
            assert!(!names(list).is_empty() && names(list).iter().all(|name| has_name(list, name)), "{list}");
        }
        for list in
            ["10.0.0.0/8", "10.0.0.0/8,!10.0.0.0", "192.168.*.*", "*,!127.0.0.1", "fe80::/10", "10.1.1.1", "1?.*"]
        {
            assert!(has_address(list, &address(list).unwrap()), "{list}");
        }
        assert_eq!((names("!x"), address("!10.0.0.0/8")), (Vec::new(), None));
        assert_eq!(address("*,!10.0.0.0/8").unwrap(), NOWHERE);
    }
}
