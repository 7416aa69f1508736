//! `/etc/users.oath`, as pam_oath reads it: a line an app, `TYPE USER PIN SECRET`, the secret in hexadecimal. Pure.

use super::found::{App, Found, Thing, Why};
use data_encoding::HEXLOWER_PERMISSIVE;
use zeroize::Zeroizing;

/// Where pam_oath is usually told to look.
pub(crate) const FILE: &str = "/etc/users.oath";
/// Bytes of the largest file that is read: some hundred thousand users.
pub(crate) const LONGEST: usize = 32 * 1024 * 1024;

/// The apps of a file's text, in its order.
pub(crate) fn parse<'a>(text: &'a str, from: &'a str) -> impl Iterator<Item = Found> + 'a {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(move |line| {
        let mut fields = line.split_whitespace();
        let (kind, user) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let app = app(kind, fields.next(), fields.next());
        let known = fields.next().is_some().then(|| "the last code it took is void here as well".to_owned());
        Found {
            user: user.to_owned(),
            from: from.to_owned(),
            thing: app.map(Thing::App),
            notes: known.into_iter().collect(),
        }
    })
}

fn app(kind: &str, pin: Option<&str>, secret: Option<&str>) -> Result<App, Why> {
    let (digits, period) = self::kind(kind)?;
    let (Some(pin), Some(secret)) = (pin, secret) else { return Err(Why::Malformed) };
    // `-` is no PIN; `+` is a password that another module has asked for.
    if !matches!(pin, "-" | "+") {
        return Err(Why::Pin);
    }
    let bytes = HEXLOWER_PERMISSIVE.decode(secret.as_bytes()).map(Zeroizing::new).map_err(|_| Why::BadSecret)?;
    if bytes.len() < 10 {
        return Err(Why::TooShort);
    }
    Ok(App::new(&bytes, digits, period))
}

/// Digits and seconds of `HOTP/T30`, `HOTP/T60/8`; a bare `HOTP` and `HOTP/E` go by a counter.
fn kind(word: &str) -> Result<(u8, u8), Why> {
    let mut parts = word.split('/');
    if parts.next() != Some("HOTP") {
        return Err(Why::Malformed);
    }
    let Some(moving) = parts.next() else { return Err(Why::Counter) };
    let digits = match parts.next() {
        None | Some("6") => 6,
        Some("8") => 8,
        Some(other) => return Err(Why::Digits(other.to_owned())),
    };
    match (moving, parts.next()) {
        (_, Some(_)) => Err(Why::Malformed),
        ("E", None) => Err(Why::Counter),
        ("T30", None) => Ok((digits, 30)),
        ("T60", None) => Ok((digits, 60)),
        (other, None) => Err(other.strip_prefix('T').map_or(Why::Malformed, |seconds| Why::Period(seconds.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWENTY: &str = "3132333435363738393031323334353637383930";

    fn one(line: &str) -> Result<(String, u8, u8), Why> {
        let found: Vec<Found> = parse(line, "f").collect();
        let [Found { user, thing: Ok(Thing::App(app)), .. }] = &found[..] else {
            return Err(found.into_iter().next().unwrap().thing.unwrap_err());
        };
        assert_eq!(app.secret.expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        Ok((user.clone(), app.digits, app.period))
    }

    #[test]
    fn apps_that_go_by_the_clock_are_taken_with_their_digits_and_seconds() {
        for (kind, digits, period) in
            [("HOTP/T30", 6, 30), ("HOTP/T60", 6, 60), ("HOTP/T30/6", 6, 30), ("HOTP/T60/8", 8, 60)]
        {
            assert_eq!(one(&format!("{kind}\talice\t-\t{TWENTY}")), Ok(("alice".into(), digits, period)));
            assert_eq!(one(&format!("{kind} alice + {}", TWENTY.to_uppercase())), Ok(("alice".into(), digits, period)));
        }
        assert!(one(&format!("HOTP/T30 bob - {TWENTY} 0 123456 2026-01-01T00:00:00L")).is_ok());
    }

    #[test]
    fn counters_pins_and_odd_codes_are_not_and_it_says_why() {
        for (line, why) in [
            (format!("HOTP alice - {TWENTY}"), Why::Counter),
            (format!("HOTP/E alice - {TWENTY} 5"), Why::Counter),
            (format!("HOTP/E/8 alice - {TWENTY}"), Why::Counter),
            (format!("HOTP/T30 alice 1234 {TWENTY}"), Why::Pin),
            (format!("HOTP/T30/7 alice - {TWENTY}"), Why::Digits("7".into())),
            (format!("HOTP/T45 alice - {TWENTY}"), Why::Period("45".into())),
            ("HOTP/T30 alice - 00".to_owned(), Why::TooShort),
            ("HOTP/T30 alice - xyz".to_owned(), Why::BadSecret),
            ("HOTP/T30 alice -".to_owned(), Why::Malformed),
            ("HOTP/T30".to_owned(), Why::Malformed),
            ("MOTP alice - 00".to_owned(), Why::Malformed),
            ("HOTP/T30/6/1 alice - 00".to_owned(), Why::Malformed),
        ] {
            assert_eq!(one(&line), Err(why), "{line}");
        }
    }

    #[test]
    fn comments_and_empty_lines_are_nobodys_and_every_other_line_is_somebodys() {
        let text = format!("# users\n\n  \nHOTP/T30 a - {TWENTY}\n#HOTP/T30 b - {TWENTY}\nHOTP c - {TWENTY}\r\n");
        let users: Vec<String> = parse(&text, "f").map(|found| found.user).collect();
        assert_eq!(users, ["a", "c"]);
    }
}
