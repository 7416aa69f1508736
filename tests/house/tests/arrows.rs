//! Who may depend on whom. The picture in `docs/ARCHITECTURE.md` is compared with what cargo says, and the arrows that
//! matter most are named here, so that no picture can redraw them.

use std::collections::{BTreeMap, BTreeSet};

use house::project;
use serde_json::Value;

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Our crates, and which of our crates each names, in tests too where `with_tests`.
fn arrows(with_tests: bool) -> Arrows {
    let packages = project::packages();
    let name = |package: &Value| package["name"].as_str().unwrap_or_default().to_owned();
    let ours: BTreeSet<String> = packages.iter().map(name).collect();
    let named = |package: &Value| -> BTreeSet<String> {
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        dependencies
            .filter(|one| with_tests || one["kind"].is_null())
            .map(name)
            .filter(|one| ours.contains(one))
            .collect()
    };
    packages.iter().map(|package| (name(package), named(package))).collect()
}

/// The lines `crate → crate crate` of the document.
fn drawn() -> Arrows {
    let document = project::text("docs/ARCHITECTURE.md");
    let lines = document.lines().filter_map(|line| line.split_once('→'));
    let is_crate = |word: &&str| word.starts_with("mfa") || *word == "pam_mfa";
    let line = |(from, to): (&str, &str)| {
        let from = from.split_whitespace().next().filter(is_crate)?;
        Some((from.to_owned(), to.split_whitespace().take_while(is_crate).map(str::to_owned).collect()))
    };
    lines.filter_map(line).collect()
}

fn reaches(arrows: &Arrows, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(one) = next.pop() {
        for below in arrows.get(one).into_iter().flatten() {
            if reached.insert(below.clone()) {
                next.push(below);
            }
        }
    }
    reached
}

#[test]
fn the_arrows_are_those_that_the_document_draws() {
    assert_eq!(arrows(false), drawn());
}

#[test]
fn tests_of_a_crate_draw_no_arrow_of_their_own() {
    assert_eq!(arrows(true), arrows(false));
}

#[test]
fn decisions_and_messages_do_not_know_each_other() {
    let arrows = arrows(true);
    assert!(!reaches(&arrows, "mfa-core").contains("mfa-proto"));
    assert!(reaches(&arrows, "mfa-proto").is_empty());
}

#[test]
fn only_the_daemon_links_the_decisions() {
    let arrows = arrows(true);
    let deciding: Vec<&String> = arrows.keys().filter(|name| reaches(&arrows, name).contains("mfa-core")).collect();
    assert_eq!(deciding, ["mfa-daemon"]);
}

#[test]
fn the_module_links_the_messages_and_nothing_else_of_ours() {
    assert_eq!(reaches(&arrows(true), "pam_mfa"), BTreeSet::from(["mfa-proto".to_owned()]));
}

#[test]
fn nothing_depends_on_a_program() {
    let arrows = arrows(true);
    for program in ["pam_mfa", "mfa-daemon", "mfa-enroll", "mfactl", "mfa-mail", "mfa-key", "mfa-try-pam"] {
        assert!(arrows.contains_key(program), "{program}");
        assert!(arrows.values().all(|below| !below.contains(program)), "{program}");
    }
}

/// Where C is spoken to, and nowhere else: the module's side of libpam, libfido2, and the application's side of libpam.
const FOREIGN: [&str; 3] = ["pam_mfa/src/ffi/", "mfa-key/src/ffi/", "mfa-try-pam/src/ffi.rs"];

#[test]
fn every_crate_forbids_unsafe_code_or_keeps_it_in_one_folder() {
    for package in project::packages() {
        let roots = package["targets"].as_array().into_iter().flatten().filter(|target| {
            let kind = target["kind"][0].as_str().unwrap_or_default();
            matches!(kind, "lib" | "bin" | "cdylib")
        });
        for root in roots.filter_map(|target| target["src_path"].as_str()) {
            let text = std::fs::read_to_string(root).unwrap_or_else(|error| panic!("{root}: {error}"));
            let holds_foreign = FOREIGN
                .iter()
                .any(|place| root.ends_with(&place.replace("ffi.rs", "lib.rs").replace("ffi/", "lib.rs")));
            let line = if holds_foreign { "\n#![deny(unsafe_code)]\n" } else { "\n#![forbid(unsafe_code)]\n" };
            assert!(text.contains(line), "{root}");
        }
    }
}

/// The same for the tests: a name service that glibc loads, what OpenSSH loads.
const FOREIGN_IN_TESTS: [&str; 2] = ["tests/benches/names/src/", "tests/ssh-provider/src/sk_api.rs"];

#[test]
fn unsafe_code_is_only_where_c_is_spoken_to() {
    let uses = |path: &&String| {
        let text = project::text(path);
        text.lines().any(|line| {
            let line = line.trim_start();
            !line.starts_with("//")
                && ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]
                    .iter()
                    .any(|word| line.starts_with(word) || line.contains(&format!(" {word}")))
        })
    };
    let files = project::files(".rs");
    let with: Vec<&String> = files.iter().filter(|path| path.contains("/src/")).filter(uses).collect();
    assert!(with.len() >= 7, "{with:?}");
    for path in with {
        let foreign = if path.starts_with("tests/") { &FOREIGN_IN_TESTS[..] } else { &FOREIGN[..] };
        assert!(foreign.iter().any(|place| path.starts_with(place)), "{path}");
    }
}
