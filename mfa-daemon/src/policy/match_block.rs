//! The lines by which sshd lets in, by a key alone, whom a rule exempts: a client that cannot be asked anything fails
//! against `keyboard-interactive` even where PAM would ask nothing.

use mfa_core::policy::{Condition, Names, Networks, Rule};

/// The block for a rule that exempts; `None` if sshd cannot be told its conditions.
///
/// What it leaves out (hours, dates) PAM's account phase still decides.
pub(super) fn match_block(rule: Option<&Rule>, user: &str) -> Option<Vec<String>> {
    let mut criteria = Vec::new();
    for condition in rule.map(Rule::conditions).unwrap_or_default() {
        criteria.push(match condition {
            Condition::Users(_) => format!("User {}", pattern(user)?),
            Condition::Groups(names) => format!("Group {}", patterns(names)?),
            Condition::From(networks) => format!("Address {}", list(networks)),
            Condition::NotFrom(networks) => format!("Address *,!{}", list(networks).replace(',', ",!")),
            Condition::Services(_) | Condition::Origin(_) | Condition::Hours(_) | Condition::Until(_) => continue,
            // In the account phase sshd does not say what it has verified, so there such a rule exempts nobody.
            Condition::SshAuth(_) | Condition::SshKey(_) => return None,
        });
    }
    // Who matches everybody is not meant by a block; the one who was asked about is.
    if !criteria.iter().any(|one| one.starts_with("User") || one.starts_with("Group")) {
        criteria.insert(0, format!("User {}", pattern(user)?));
    }
    Some(vec![format!("Match {}", criteria.join(" ")), "    AuthenticationMethods publickey".to_owned()])
}

fn list(networks: &Networks) -> String {
    networks.to_string().replace(", ", ",")
}

fn patterns(names: &Names) -> Option<String> {
    Some(names.iter().map(pattern).collect::<Option<Vec<_>>>()?.join(","))
}

/// A name that sshd takes for itself alone: no wildcard, no list, no quotes.
fn pattern(name: &str) -> Option<&str> {
    let plain = |c: char| c.is_alphanumeric() || "._-@$+\\".contains(c);
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_core::policy::{Source, parse};

    fn block(conditions: &str, user: &str) -> Option<Vec<String>> {
        let text = format!("[[rule]]\n{conditions}\nrequire = \"never\"\n");
        let parsed = parse(&[Source { name: "policy.toml", text: &text }]).unwrap();
        match_block(parsed.policy.rules().first(), user)
    }

    fn head(conditions: &str, user: &str) -> String {
        let block = block(conditions, user).unwrap();
        assert_eq!(block[1..], ["    AuthenticationMethods publickey"]);
        block[0].clone()
    }

    #[test]
    fn the_conditions_of_a_rule_become_criteria_of_sshd() {
        assert_eq!(
            head("users = ['ansible', 'backup']\nfrom = ['10.0.0.0/8', 'fd00::/8']", "ansible"),
            "Match User ansible Address 10.0.0.0/8,fd00::/8"
        );
        assert_eq!(head("groups = ['ci', 'cd']\nhours = ['08:00-18:00']", "x"), "Match Group cd,ci");
        assert_eq!(
            head("users = ['a']\nnot_from = ['10.0.0.0/8', '192.0.2.1']", "a"),
            "Match User a Address *,!10.0.0.0/8,!192.0.2.1/32"
        );
    }

    #[test]
    fn a_rule_that_names_nobody_gets_a_block_for_the_one_who_was_asked_about() {
        assert_eq!(
            head("services = ['@ssh']\nfrom = ['10.0.0.0/8']", "ansible"),
            "Match User ansible Address 10.0.0.0/8"
        );
        assert_eq!(match_block(None, "ansible").unwrap()[0], "Match User ansible");
    }

    #[test]
    fn what_sshd_would_take_for_something_else_gets_none() {
        for group in ["a b", "a,b", "a!", "a\"b"] {
            assert_eq!(block(&format!("groups = ['{group}']"), "x"), None, "{group}");
        }
        for user in ["*", "a b", "a,b", "!a", ""] {
            assert_eq!(block("users = ['a']", user), None, "{user}");
        }
        assert_eq!(block("users = ['a']\nssh_auth = ['publickey']", "a"), None);
    }
}
