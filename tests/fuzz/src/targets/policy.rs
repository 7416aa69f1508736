//! Policy files, and logins weighed by them.

use crate::{Feed, Target, sentence};
use mfa_core::Time;
use mfa_core::factor::{Kind, Kinds};
use mfa_core::policy::{
    Address, Caller, Groups, Origin, Parsed, Person, Plan, Policy, Request, Source, SshAuth, Standing, Strictness,
    Truth, Who, evaluate, explain, lint, local_time, parse,
};

/// `policy.toml` and a file of `policy.d`.
pub const TARGET: Target = Target { name: "policy", about: "policy files", longest: 16 * 1024, try_it };

/// Monday, 2026-11-23, 10:00 UTC.
const NOW: Time = Time(1_795_428_000);
const SERVICES: [&str; 6] = ["sshd", "sudo", "su", "login", "swaylock", "cron"];

fn try_it(data: &[u8]) {
    let mut feed = Feed::new(data);
    let (main, more) = (feed.text(), feed.text());
    let files = [Source { name: "policy.toml", text: &main }, Source { name: "more.toml", text: &more }];
    match parse(&files) {
        Ok(parsed) => valid(&parsed, &files),
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                sentence::is_one(&error.message);
                error.hint.iter().for_each(|hint| sentence::is_one(hint));
                let text = if error.file == "policy.toml" { &main } else { &more };
                let lines = text.matches('\n').count() + 1;
                assert!((1..=lines).contains(&error.line) && error.column >= 1, "{error}");
                // What is shown of the file acts on no terminal; lines end where ours do.
                assert!(
                    error
                        .to_string()
                        .lines()
                        .all(|line| line.chars().count() < 2000 && !line.contains(char::is_control))
                );
            }
        }
    }
}

fn valid(parsed: &Parsed, files: &[Source<'_>]) {
    let policy = &parsed.policy;
    assert_eq!(parse(files).as_ref(), Ok(parsed), "read twice it is the same");
    assert_eq!(policy.rules().len(), files.iter().map(|file| rules(file.text)).sum::<usize>());
    for warning in parsed.warnings.iter().chain(&lint(policy, NOW)) {
        sentence::is_one(&warning.message);
    }
    for service in SERVICES {
        for enrolled in [&[][..], &[Kind::Totp, Kind::BackupCode], &[Kind::SecurityKey], &[Kind::Email]] {
            let enrolled = enrolled.iter().copied().collect::<Kinds>();
            let standing = Standing { enrolled, given: Kinds::NONE, grace_began: None, invited_only: false };
            weighed(policy, service, standing);
        }
    }
}

/// How many `[[rule]]` there are, read by somebody else.
fn rules(text: &str) -> usize {
    text.lines().filter(|line| line.trim_start().starts_with("[[")).count().max(inline_rules(text))
}

/// A list may be written in one piece, too; then the lines say nothing.
fn inline_rules(text: &str) -> usize {
    let tables: toml::Table = text.trim_start_matches('\u{feff}').parse().unwrap_or_default();
    tables.get("rule").and_then(toml::Value::as_array).map_or(0, Vec::len)
}

/// Not knowing something makes no login easier.
fn weighed(policy: &Policy, service: &str, standing: Standing) {
    for bits in 0..8_u8 {
        let member = |name: &str| Truth::from((name.len() + usize::from(bits)) % 2 == 0);
        let groups: Groups = policy.group_names().map(|name| (name, member(name))).collect();
        let person = Person { user: if bits & 1 == 0 { "alice" } else { "root" }, groups: Some(&groups), standing };
        let known = Request {
            user: "alice",
            service,
            address: if bits & 2 == 0 { Address::Known([10, 1, 2, 3].into()) } else { Address::None },
            origin: Some(if bits & 4 == 0 { Origin::Remote } else { Origin::Local }),
            ssh: SshAuth::parse(if bits & 1 == 0 { "gssapi-with-mic\n" } else { "" }),
            caller: Caller::Known(person),
            groups: Some(&groups),
            local_time: local_time(NOW, 0),
            now: NOW,
            behind: 0,
        };
        let unknown = Groups::unknown();
        let blind = Request {
            address: Address::Unknown,
            origin: None,
            ssh: SshAuth::Unknown,
            caller: Caller::Unknown,
            groups: Some(&unknown),
            local_time: None,
            ..known.clone()
        };
        let (sure, sure_strictness) = decided(policy, &known, standing);
        let (unsure, unsure_strictness) = decided(policy, &blind, standing);
        assert!(sure.passes() || !unsure.passes(), "{sure:?} is known, and not knowing it {unsure:?}");
        // A caller's factors and the account's are the same here, so strictness can be compared.
        assert!(unsure_strictness >= sure_strictness, "{sure:?} is known, and not knowing it {unsure:?}");
    }
}

fn decided(policy: &Policy, request: &Request<'_>, standing: Standing) -> (Plan, Strictness) {
    let decision = evaluate(policy, request, &standing).expect("groups are given");
    assert_eq!(explain(policy, request, &standing).expect("as before").decision, decision);
    assert!(decision.who == Who::Target || policy.hangs_on_caller());
    let strictness = decision.plan.strictness(standing);
    (decision.plan, strictness)
}
