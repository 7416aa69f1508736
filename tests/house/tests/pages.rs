//! The manual pages that are written by hand say what the code has: every option, every key, every code, and none
//! that is not there.

use std::collections::BTreeSet;

use house::project;

/// The words in bold that begin the paragraphs of a section, without what stands behind `=`.
fn terms(page: &str, sections: &[&str]) -> BTreeSet<String> {
    let text = project::text(page).replace("\\-", "-");
    let mut found = BTreeSet::new();
    let (mut inside, mut term) = (false, false);
    for line in text.lines() {
        if let Some(title) = line.strip_prefix(".SH ") {
            inside = sections.contains(&title);
        } else if inside && term {
            let words = line.split_once(' ').map_or("", |(_, words)| words).replace("\\fR", "").replace("\\fB", "");
            let names = words.split([',', '|']).map(|word| word.trim_matches([' ', '"']));
            found.extend(names.filter_map(|word| word.split(['=', ' ']).next().map(str::to_owned)));
        }
        term = line == ".TP";
    }
    found.retain(|word| !word.is_empty() && !["success", "allow", "verify"].contains(&word.as_str()));
    found
}

/// The words between quotes in the part of a source file from one text up to another.
fn quoted(path: &str, from: &str, to: &str) -> BTreeSet<String> {
    let text = project::text(path);
    let part = text.split(from).nth(1).unwrap_or_else(|| panic!("{path} has no {from}"));
    let part = part.split(to).next().unwrap_or_default();
    part.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The long options of a program's arguments: fields with `#[arg(long …)]` above them.
fn long_options(path: &str) -> BTreeSet<String> {
    let text = project::text(path);
    let fields = text.split("#[arg(long").skip(1).filter_map(|rest| {
        let line = rest.lines().map(str::trim).find(|line| line.ends_with(',') && line.contains(": "))?;
        Some(line.trim_start_matches("pub(crate) ").split(':').next()?.to_owned())
    });
    fields.map(|field| format!("--{}", field.replace('_', "-"))).collect()
}

fn with(mut words: BTreeSet<String>, more: &[&str]) -> BTreeSet<String> {
    words.extend(more.iter().map(|word| (*word).to_owned()));
    words
}

#[test]
fn every_option_of_the_module_is_in_its_page_and_no_other() {
    let known = quoted("pam_mfa/src/args.rs", "fn set(", "\n    }\n");
    let values = ["success", "ignore", "allow", "deny", "split", "verify"];
    let known: BTreeSet<String> = known.into_iter().filter(|word| !values.contains(&word.as_str())).collect();
    assert_eq!(terms("packaging/man/module/pam_mfa.8", &["OPTIONS"]), known);
}

#[test]
fn every_code_of_the_module_is_in_its_page_and_no_other() {
    let text = project::text("pam_mfa/src/verdict.rs");
    let codes = text.lines().filter_map(|line| line.strip_prefix("const ")?.split(':').next().map(str::to_owned));
    assert_eq!(terms("packaging/man/module/pam_mfa.8", &["RETURN VALUES"]), codes.collect());
}

#[test]
fn every_key_of_the_policy_is_in_its_page_and_no_other() {
    let page = "packaging/man/man5/mfa-policy.toml.5";
    let draft = "mfa-core/src/policy/draft.rs";
    assert_eq!(terms(page, &["SETTINGS"]), quoted(draft, "const SETTINGS", "];"));
    assert_eq!(terms(page, &["CONDITIONS"]), quoted(draft, "const CONDITIONS", "];"));
    for word in terms(page, &["OTHER KEYS OF A RULE"]) {
        assert!(project::text("mfa-core/src/policy/parse.rs").contains(&format!("\"{word}\"")), "{word}");
    }
}

#[test]
fn every_option_of_the_services_is_in_their_pages_and_no_other() {
    let ours = ["-h", "--help", "-V", "--version"];
    let daemon = long_options("mfa-daemon/src/arguments.rs");
    assert_eq!(terms("packaging/man/man8/mfa-daemon.8", &["OPTIONS"]), with(daemon, &ours));
    let mail = long_options("mfa-mail/src/main.rs");
    assert_eq!(terms("packaging/man/man8/mfa-mail.8", &["OPTIONS"]), with(mail, &ours));
}

#[test]
fn every_unit_names_a_page_that_is_there() {
    let made = ["mfactl", "mfa-enroll"];
    for unit in project::files(".service").into_iter().chain(project::files(".socket")).chain(project::files(".timer"))
    {
        let text = project::text(&unit);
        let page = text.lines().find_map(|line| line.strip_prefix("Documentation=man:")).unwrap_or_default();
        let name = page.split('(').next().unwrap_or_default();
        let written = project::root().join(format!("packaging/man/man8/{name}.8")).is_file();
        assert!(written || made.contains(&name), "{unit}: {page}");
    }
}

#[test]
fn no_page_names_a_page_of_ours_that_is_not_there() {
    let mut there: BTreeSet<String> = project::files(".8").into_iter().chain(project::files(".5")).collect();
    there = there.iter().filter_map(|path| path.rsplit_once('/').map(|(_, file)| file.to_owned())).collect();
    let there = with(there, &["mfactl.8", "mfa-enroll.1", "mfa.toml.5"]);
    for path in project::files(".8").into_iter().chain(project::files(".5")) {
        for line in project::text(&path).replace("\\-", "-").lines().filter(|line| line.starts_with(".BR ")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            for pair in words.windows(2).filter(|pair| pair[1].starts_with('(')) {
                let file = format!("{}.{}", pair[0], pair[1].trim_matches(['(', ')', ',', '.', ';', ':']));
                let is_ours = file.starts_with("mfa") || file.starts_with("pam_mfa");
                // Those of the commands are made from their arguments, one for each.
                assert!(!is_ours || there.contains(&file) || file.starts_with("mfactl-"), "{path} names {file}");
            }
        }
    }
}
