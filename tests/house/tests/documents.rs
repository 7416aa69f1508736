//! What the documents name is there: files, tests, commands, methods, limits. A document that says otherwise fails here.

use std::collections::BTreeSet;
use std::fs;

use house::{drawing, project};

/// What stands between single backticks, outside of blocks of code.
fn quoted(document: &str) -> Vec<String> {
    let mut in_block = false;
    let mut words = Vec::new();
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            words.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    words
}

/// Words that are paths in the project: they begin with something in its root folder.
fn paths(document: &str) -> Vec<String> {
    let top: BTreeSet<String> = fs::read_dir(project::root())
        .expect("the project is there")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name != "target")
        .collect();
    let is_path = |word: &String| {
        let (first, rest) = word.split_once('/').unwrap_or((word, ""));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        top.contains(first)
            && word.chars().all(is_plain)
            && (word.contains('/') || rest.is_empty() && word.contains('.'))
    };
    quoted(document).into_iter().filter(is_path).collect()
}

/// Words that are names of tests: sentences with underscores. The figures for monitoring have a prefix of their own.
fn tests(document: &str) -> Vec<String> {
    let is_name = |word: &String| {
        !word.starts_with("mfa_")
            && word.matches('_').count() >= 3
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    quoted(document).into_iter().filter(is_name).collect()
}

/// Every function there is, by name.
fn functions() -> BTreeSet<String> {
    let name = |line: &str| {
        let (_, rest) = line.split_once("fn ")?;
        Some(rest.split(['(', '<']).next()?.trim().to_owned())
    };
    project::files(".rs")
        .iter()
        .flat_map(|path| project::text(path).lines().filter_map(name).collect::<Vec<_>>())
        .collect()
}

/// The rows of the tables of a document, cell by cell.
fn rows(document: &str) -> Vec<Vec<&str>> {
    let tables = document.lines().filter(|line| line.starts_with('|') && !line.starts_with("|-"));
    tables.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn every_file_that_a_document_names_is_there() {
    for document in project::files(".md") {
        // From the root, or from a folder in which the document lies.
        let place = project::root().join(&document);
        for path in paths(&project::text(&document)) {
            let is_there = place.ancestors().skip(1).any(|folder| folder.join(&path).exists());
            assert!(is_there, "{document} names {path}");
        }
    }
    assert!(paths(&project::text("docs/ARCHITECTURE.md")).len() >= 20);
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    for document in project::files(".md") {
        let text = project::text(&document);
        let folder = project::root().join(&document).parent().expect("it lies in a folder").to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, _) = link.split_once('#').unwrap_or((link, ""));
            assert!(link.contains("://") || folder.join(path).exists(), "{document} links to {link}");
        }
    }
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let functions = functions();
    for document in project::files(".md") {
        for test in tests(&project::text(&document)) {
            assert!(functions.contains(&test), "{document} names {test}");
        }
    }
}

#[test]
fn every_threat_names_a_test_that_shows_what_stops_it_or_says_that_none_does() {
    let document = project::text("docs/THREATS.md");
    let threats: Vec<_> = rows(&document).into_iter().filter(|row| row.len() == 4 && row[3] != "Shown by").collect();
    assert!(threats.len() >= 50, "{}", threats.len());
    for threat in threats {
        assert!(!tests(threat[3]).is_empty() || threat[3] == "no test", "{threat:?}");
    }
}

#[test]
fn readme_begins_with_the_two_commands_that_show_and_test_everything() {
    let readme = project::text("README.md");
    assert!(readme.contains("\ncargo xtask demo") && readme.contains("\ncargo xtask test"));
}

#[test]
fn the_picture_of_a_session_is_the_transcript_drawn() {
    assert!(project::text("README.md").contains("(docs/session.svg)"));
    let drawn = drawing::drawing(&project::text("docs/session.txt"));
    assert!(
        drawn == project::text("docs/session.svg"),
        "draw it again: cargo run --manifest-path tests/Cargo.toml -p house"
    );
}

#[test]
fn every_method_and_every_refusal_is_in_the_description_of_the_protocol() {
    let document = project::text("docs/PROTOCOL.md");
    let named: BTreeSet<String> = quoted(&document).into_iter().collect();
    for path in project::files(".varlink") {
        let text = project::text(&path);
        let words = text.lines().filter_map(|line| line.strip_prefix("method ")?.split('(').next().map(str::to_owned));
        let codes = text.lines().filter_map(|line| line.trim().strip_prefix("code: (")?.split(')').next());
        for word in words.chain(codes.flat_map(|codes| codes.split(", ").map(str::to_owned))) {
            assert!(named.contains(&word), "{word} of {path}");
        }
    }
}

#[test]
fn every_method_is_in_the_table_of_who_may_call_what_in_its_interfaces_row_and_no_other() {
    let document = project::text("docs/PROTOCOL.md");
    let is_one = |cell: &str| cell.starts_with("`io.mfa.") || cell.starts_with("`org.varlink.");
    let rows: Vec<_> = rows(&document).into_iter().filter(|row| row.len() == 3 && is_one(row[0])).collect();
    let mut served = 0;
    for path in project::files(".varlink") {
        let interface = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".varlink");
        let named: BTreeSet<String> =
            rows.iter().filter(|row| quoted(row[0]) == [interface]).flat_map(|row| quoted(row[1])).collect();
        // Those that the daemon calls and does not serve have no row.
        if named.is_empty() {
            assert!(["io.mfa.Mail", "io.mfa.Key"].contains(&interface), "{interface} has no row");
            continue;
        }
        let text = project::text(&path);
        let methods =
            text.lines().filter_map(|line| line.strip_prefix("method ")?.split('(').next().map(str::to_owned));
        assert_eq!(named, methods.collect(), "{interface}");
        served += 1;
    }
    assert!(served >= 6, "{served}");
}

#[test]
fn every_limit_in_the_description_of_the_protocol_is_the_one_in_the_source() {
    let document = project::text("docs/PROTOCOL.md");
    let limits: Vec<_> = rows(&document).into_iter().filter(|row| row.len() == 3 && row[2].contains(".rs`")).collect();
    assert!(limits.len() >= 10, "{}", limits.len());
    for limit in limits {
        let words = quoted(limit[2]);
        let [name, path] = words.as_slice() else { panic!("{limit:?}") };
        let source = project::text(path);
        let line = source.lines().find(|line| line.contains(&format!("const {name}:")));
        let value = limit[1].split(' ').next().unwrap_or_default().replace(',', "");
        let numbers: Vec<String> = line
            .unwrap_or_default()
            .split(|c: char| !c.is_ascii_digit() && c != '_')
            .map(|number| number.replace('_', ""))
            .collect();
        assert!(numbers.contains(&value), "{limit:?}: {line:?}");
    }
}

#[test]
fn every_frame_in_the_description_of_the_protocol_is_one() {
    let document = project::text("docs/PROTOCOL.md");
    let frames: Vec<&str> = document.lines().filter_map(|line| line.strip_prefix(['→', '←'])).collect();
    assert!(frames.len() >= 6, "{}", frames.len());
    for frame in frames {
        let text = frame.trim().strip_suffix('␀').unwrap_or_else(|| panic!("no end: {frame}"));
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(value.is_object(), "{text}");
    }
}

#[test]
fn every_key_that_scripts_are_promised_is_in_the_source() {
    let page = project::text("docs/ADMIN.md");
    let part =
        page.split("## For scripts").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("it has the part");
    let sources =
        project::files(".rs").into_iter().filter(|path| path.starts_with("mfactl/") || path.starts_with("mfa-"));
    let sources: String = sources.map(|path| project::text(&path)).collect();
    let keys: BTreeSet<String> = rows(part).into_iter().skip(1).flat_map(|row| quoted(row[1])).collect();
    assert!(keys.len() >= 30, "{}", keys.len());
    for key in keys {
        let is_there = [format!("{key}: "), format!("\"{key}\"")].iter().any(|text| sources.contains(text));
        assert!(is_there, "{key}");
    }
}
