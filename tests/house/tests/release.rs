//! What a release says of itself, in many places, is the same in all of them.

use house::project;

/// What stands between two words on the first line that has the first.
fn between(path: &str, before: &str, after: &str) -> String {
    let text = project::text(path);
    let found = text.lines().find_map(|line| line.split_once(before)?.1.split(after).next().map(str::to_owned));
    found.unwrap_or_else(|| panic!("{path} has no line with {before}"))
}

#[test]
fn every_place_that_names_the_version_names_the_same() {
    let version = between("Cargo.toml", "version = \"", "\"");
    assert_eq!(between("tests/Cargo.toml", "version = \"", "\""), version);
    assert_eq!(between("CHANGELOG.md", "## ", ","), version);
    assert_eq!(between("packaging/deb/debian/changelog", "mfa (", "-"), version);
    let spec = project::text("packaging/rpm/mfa.spec");
    let newest = spec.split("%changelog\n").nth(1).and_then(|log| log.lines().next()).unwrap_or_default();
    assert!(newest.contains(&format!("> - {version}-")), "{newest}");
    assert!(project::text("SECURITY.md").contains(&format!(" {version}.")), "SECURITY.md");
}

#[test]
fn the_address_in_the_packages_is_nobodys_and_the_same_in_all_of_them() {
    let maintainer = between("packaging/deb/debian/control", "Maintainer: ", "\n");
    assert!(maintainer.ends_with(".invalid>"), "{maintainer}");
    assert!(project::text("packaging/deb/debian/changelog").contains(&format!(" -- {maintainer}  ")));
    assert!(project::text("packaging/rpm/mfa.spec").contains(&format!(" {maintainer} - ")));
}

#[test]
fn the_oldest_glibc_that_is_checked_is_the_one_that_is_promised() {
    let floor = between("tests/xtask/src/package/floor.rs", "const FLOOR: (u32, u32) = (", ");").replace(", ", ".");
    for document in ["docs/ADMIN.md", "CHANGELOG.md"] {
        assert!(project::text(document).contains(&format!("glibc {floor}")), "{document}: glibc {floor}");
    }
}

#[test]
fn a_document_that_is_packaged_leads_to_none_beside_it_that_is_not() {
    let table = project::text("tests/xtask/src/stage/table.rs");
    let packaged: Vec<&str> = table.split("File(\"docs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(packaged.len() >= 5, "{packaged:?}");
    for document in &packaged {
        let text = project::text(&format!("docs/{document}"));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let is_beside = link.ends_with(".md") && !link.contains('/');
            assert!(!is_beside || packaged.contains(&link), "docs/{document} leads to {link}");
        }
    }
}
