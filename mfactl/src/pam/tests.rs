//! Stacks as Debian, Red Hat and hasty administrators write them, and what becomes of logins there.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

const OURS: &str = "auth [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so";
/// As Debian 12 generates it, without its comments.
const COMMON_AUTH: &str = "\
# /etc/pam.d/common-auth
auth\t[success=1 default=ignore]\tpam_unix.so nullok
# here's the fallback if no module succeeds
auth\trequisite\t\t\tpam_deny.so
auth\trequired\t\t\tpam_permit.so
auth\toptional\t\t\tpam_cap.so
";

fn files(texts: &[(&str, &str)]) -> BTreeMap<String, String> {
    texts.iter().map(|(name, text)| (format!("/etc/pam.d/{name}"), (*text).to_owned())).collect()
}

fn auth(texts: &[(&str, &str)], service: &str) -> Vec<Step> {
    let service = read(&files(texts), service);
    assert_eq!(service.problems, []);
    service.steps(Phase::Auth).to_vec()
}

fn of(stack: &str) -> BTreeSet<Path> {
    paths(&auth(&[("x", stack)], "x"), Phase::Auth).unwrap()
}

/// Whether a login passes in this way.
fn passes(stack: &str, mfa: Mfa, primary: Primary) -> bool {
    of(stack).iter().any(|path| path.ending == Ending::Passes && path.mfa == mfa && path.primary == primary)
}

#[test]
fn debians_stack_with_our_line_after_it_wants_password_and_factor() {
    let sshd = format!("@include common-auth\n{OURS}\naccount required pam_nologin.so\n");
    let steps = auth(&[("sshd", &sshd), ("common-auth", COMMON_AUTH)], "sshd");
    let found = paths(&steps, Phase::Auth).unwrap();
    let passing: Vec<&Path> = found.iter().filter(|path| path.ending == Ending::Passes).collect();
    assert!(passing.iter().all(|path| path.primary == Primary::Right), "{passing:?}");
    let words: BTreeSet<Mfa> = passing.iter().map(|path| path.mfa).collect();
    assert_eq!(words, [Mfa::Passed, Mfa::Skipped].into());
    assert!(found.iter().all(|path| path.mfa == Mfa::NotReached || path.before == Primary::Right));
}

#[test]
fn a_line_knows_its_file_through_every_include() {
    let steps = auth(&[("sshd", "@include common-auth\n"), ("common-auth", COMMON_AUTH)], "sshd");
    let places: Vec<String> = modules(&steps).iter().map(|module| module.place.to_string()).collect();
    assert_eq!(places.first().map(String::as_str), Some("/etc/pam.d/common-auth:2"));
    assert_eq!(places.len(), 4);
}

#[test]
fn controls_that_let_in_although_the_factor_was_refused_are_found() {
    for control in ["sufficient", "optional", "[success=ok default=ignore]", "[success=ok auth_err=die default=ignore]"]
    {
        let stack = format!("auth required pam_unix.so\nauth {control} pam_mfa.so\n");
        assert!(passes(&stack, Mfa::Denied, Primary::Right), "{control}");
    }
    for control in ["required", "requisite", "[success=ok new_authtok_reqd=ok ignore=ignore default=die]"] {
        let stack = format!("auth required pam_unix.so\nauth {control} pam_mfa.so\n");
        assert!(!passes(&stack, Mfa::Denied, Primary::Right), "{control}");
        assert!(!passes(&stack, Mfa::Unavailable, Primary::Right), "{control}");
    }
}

#[test]
fn a_no_under_any_name_is_a_no_that_must_be_heeded() {
    for name in ["system_err", "module_unknown", "perm_denied", "cred_err", "abort"] {
        for action in ["ignore", "ok", "1", "reset"] {
            let stack = format!(
                "auth required pam_unix.so\nauth [success=ok {name}={action} default=die] pam_mfa.so\nauth required pam_permit.so\n"
            );
            // What counts as said is no success; what is left out, jumped over or forgotten leaves others theirs.
            assert_eq!(passes(&stack, Mfa::Denied, Primary::Right), action != "ok", "{name}={action}");
        }
        let past = format!("auth required pam_unix.so\nauth [success=ok {name}=1 default=die] pam_any.so\n{OURS}\n");
        assert!(passes(&past, Mfa::NotReached, Primary::Right), "{name}");
    }
}

#[test]
fn a_password_that_is_sufficient_never_reaches_what_stands_after_it() {
    let stack = format!("auth sufficient pam_unix.so\n{OURS}\nauth required pam_deny.so\n");
    assert!(passes(&stack, Mfa::NotReached, Primary::Right));
    // Red Hat's password-auth included: the same. As a substack it is reached, but after a wrong password, too.
    let inner = ("password-auth", "auth sufficient pam_unix.so\nauth required pam_deny.so\n");
    let steps = auth(&[("x", &format!("auth include password-auth\n{OURS}\n")), inner], "x");
    let found = paths(&steps, Phase::Auth).unwrap();
    assert!(found.iter().any(|path| path.ending == Ending::Passes && path.mfa == Mfa::NotReached));
    let steps = auth(&[("x", &format!("auth substack password-auth\n{OURS}\n")), inner], "x");
    let found = paths(&steps, Phase::Auth).unwrap();
    assert!(!found.iter().any(|path| path.ending == Ending::Passes && path.mfa == Mfa::NotReached), "{found:?}");
    assert!(found.iter().any(|path| path.mfa == Mfa::Passed && path.before == Primary::Wrong));
    assert!(!found.iter().any(|path| path.ending == Ending::Passes && path.primary == Primary::Wrong));
}

#[test]
fn jumps_over_the_refusal_reach_our_line_after_a_right_password_alone() {
    let stack = format!("auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n{OURS}\n");
    let found = of(&stack);
    assert!(found.iter().all(|path| path.mfa == Mfa::NotReached || path.before == Primary::Right));
    assert!(found.iter().filter(|path| path.ending == Ending::Passes).all(|path| path.mfa == Mfa::Passed));
}

#[test]
fn a_stack_with_nothing_but_our_line_passes_by_the_factor_alone() {
    assert!(passes(OURS, Mfa::Passed, Primary::NotReached));
    // Nothing asked and nothing else there: libpam refuses a stack in which nobody says yes.
    assert!(!passes(OURS, Mfa::Skipped, Primary::NotReached));
    assert!(passes(&format!("{OURS} exempt=success"), Mfa::Skipped, Primary::NotReached));
}

#[test]
fn who_lets_in_past_us_is_named() {
    let stack = format!("auth sufficient pam_rootok.so\nauth required pam_unix.so\n{OURS}\n");
    let found = of(&stack);
    let path = found.iter().find(|path| path.ending == Ending::Passes && path.mfa == Mfa::NotReached).unwrap();
    assert_eq!(path.by, ["pam_rootok".to_owned()].into());
    assert_eq!(path.ended_at.as_ref().unwrap().to_string(), "/etc/pam.d/x:1");
}

/// Where logins get in past our account line: the module that ended the stack, by its line.
fn accounts_past_us(texts: &[(&str, &str)]) -> BTreeSet<String> {
    let service = read(&files(texts), "sshd");
    assert_eq!(service.problems, []);
    let found = paths(service.steps(Phase::Account), Phase::Account).unwrap();
    let past = found.into_iter().filter(|path| path.ending == Ending::Passes && path.mfa == Mfa::NotReached);
    past.map(|path| path.ended_at.map_or_else(String::new, |place| place.to_string())).collect()
}

#[test]
fn an_account_line_behind_what_ends_the_stack_is_passed_by_and_one_before_it_is_not() {
    let ours = OURS.replacen("auth", "account", 1);
    let debian = "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n\
                  account requisite pam_deny.so\naccount required pam_permit.so\n";
    let with_sssd = format!(
        "{debian}account sufficient pam_localuser.so\naccount [default=bad success=ok user_unknown=ignore] pam_sss.so\n"
    );
    let red_hat = "account required pam_unix.so\naccount sufficient pam_localuser.so\n\
                   account [default=bad success=ok user_unknown=ignore] pam_sss.so\naccount required pam_permit.so\n";
    let nologin = "account required pam_nologin.so\n";
    for (include, common, past) in [
        ("@include common", debian, vec!["/etc/pam.d/common:1"]),
        ("@include common", &with_sssd, vec!["/etc/pam.d/common:1", "/etc/pam.d/common:4"]),
        ("account include common", red_hat, vec!["/etc/pam.d/common:2"]),
    ] {
        let behind = format!("{nologin}{include}\n{ours}\n");
        let found = accounts_past_us(&[("sshd", &behind), ("common", common)]);
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), past, "{common}");
        let before = format!("{nologin}{ours}\n{include}\n");
        assert_eq!(accounts_past_us(&[("sshd", &before), ("common", common)]), BTreeSet::new(), "{common}");
    }
    // A password that has to be changed is no yes where it was asked for: only where the account is looked at.
    assert!(
        !of("auth [new_authtok_reqd=done default=die] pam_unix.so\n").iter().any(|path| path.ending == Ending::Passes)
    );
}

#[test]
fn a_jump_beyond_the_end_refuses() {
    assert!(
        of("auth [success=3 default=bad] pam_unix.so\nauth required pam_permit.so\n")
            .iter()
            .all(|path| path.ending == Ending::Refused)
    );
}

#[test]
fn what_libpam_does_not_understand_is_told_with_its_place() {
    let texts = files(&[("x", "auth sometimes pam_unix.so\nauth required\nnonsense\n@include gone\n")]);
    let service = read(&texts, "x");
    let told: Vec<String> =
        service.problems.iter().map(|problem| format!("{} {}", problem.place.line, problem.what)).collect();
    let expected = [
        "1 sometimes is not understood",
        "2 the line ends too early",
        "3 nonsense is no kind of line",
        "4 there is no file gone",
    ];
    assert_eq!(told, expected);
}

#[test]
fn files_that_include_each_other_end() {
    let texts = files(&[("x", "@include y\n"), ("y", "@include x\n")]);
    assert!(read(&texts, "x").problems.iter().any(|problem| problem.what.contains("without end")));
}

#[test]
fn lines_that_go_on_comments_and_brackets_are_read_as_libpam_does() {
    let steps = auth(&[("x", "-auth [success=ok \\\n  default=die] pam_mfa.so \\\n timeout=60 # a note\n")], "x");
    let [Step::Module(module)] = &steps[..] else { panic!("{steps:?}") };
    assert!(
        module.quiet
            && module.is_ours()
            && module.has("timeout=60")
            && module.control.on(Outcome::AuthErr) == Action::Die
    );
    assert_eq!(module.place.line, 1);
}

#[test]
fn a_service_without_lines_takes_those_of_other() {
    let texts = files(&[("x", "session required pam_unix.so\n"), ("other", "auth required pam_deny.so\n")]);
    assert_eq!(read(&texts, "x").modules(Phase::Auth).len(), 1);
    assert_eq!(services(&texts), ["other", "x"]);
}
