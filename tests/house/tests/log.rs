//! The expression that the administrators' page gives to watchers of the log finds guesses and their addresses, in lines
//! as a real session left them, and takes no address from somebody's invention.

use house::project;
use regex::Regex;

/// As fail2ban reads it.
fn expression() -> Regex {
    let page = project::text("docs/ADMIN.md");
    let given = page.lines().find_map(|line| line.strip_prefix("failregex = ")).expect("the page has one");
    Regex::new(&given.replace("<HOST>", "(?P<host>[0-9A-Fa-f.:]+)")).expect("it is an expression")
}

fn address(line: &str) -> Option<String> {
    expression().captures(line).map(|found| found["host"].to_owned())
}

#[test]
fn guesses_in_a_real_session_are_found_with_their_address() {
    let session = project::text("docs/session.txt");
    let lines: Vec<&str> = session.lines().filter(|line| line.contains("mfa-daemon[")).collect();
    let wrong: Vec<&&str> = lines.iter().filter(|line| line.contains(": wrong ")).collect();
    assert!(wrong.len() >= 3, "{lines:?}");
    for line in wrong {
        // fail2ban takes the time out first: "Nov 22 05:38:46".
        let without_time = line.trim_start().get(15..).unwrap_or_default();
        assert_eq!(address(without_time).as_deref(), Some("127.0.0.1"), "{line}");
    }
    for line in lines.iter().filter(|line| line.contains(": passed ")) {
        assert_eq!(address(line.trim_start().get(15..).unwrap_or_default()), None, "{line}");
    }
}

#[test]
fn what_somebody_calls_themselves_is_no_address() {
    let line =
        |user: &str| format!(" web1 mfa-daemon[38]: wrong user={user} service=sshd rhost=10.1.2.3 tty=ssh peer=0");
    for user in ["alice", "DOMAIN\\alice", "\"\"", r#""a rhost=9.9.9.9 b""#, r#""a\" service=x rhost=9.9.9.9 \"""#] {
        assert_eq!(address(&line(user)).as_deref(), Some("10.1.2.3"), "{user}");
    }
    let another = " web1 sshd[4]: Invalid user mfa-daemon[38]: wrong user=a service=sshd rhost=9.9.9.9 from 10.1.2.3";
    assert_eq!(address(another), None);
    assert_eq!(address(" web1 mfa-daemon[38]: denied user=a service=sudo tty=pts/1 peer=0"), None);
}
