//! The bill of materials: CycloneDX 1.5, JSON. It says of every crate where it came from and under which license it is,
//! and what is linked with what, so that a scanner can tell which advisory concerns these packages.

use serde_json::{Value, json};

use crate::crates::Crate;

/// The bill of what is linked. The same crates give the same text.
pub fn of(linked: &[Crate]) -> String {
    let needs = |one: &Crate| one.needs.iter().filter_map(|at| linked.get(*at)).map(name_of).collect::<Vec<_>>();
    let version = linked.iter().find(|one| one.is_ours()).map_or("", |one| one.version.as_str());
    let mut components: Vec<Value> = linked.iter().map(component).collect();
    components.extend(linked.iter().find(|one| one.name == "libsqlite3-sys").and_then(sqlite));
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": { "type": "application", "bom-ref": "mfa", "name": "mfa", "version": version },
            "properties": property("mfa:linked", "statically, but for the C library and libfido2"),
        },
        "components": components,
        "dependencies": linked
            .iter()
            .map(|one| json!({ "ref": name_of(one), "dependsOn": needs(one) }))
            .collect::<Vec<_>>(),
    });
    format!("{bill:#}\n")
}

fn property(name: &str, value: &str) -> Value {
    json!([{ "name": name, "value": value }])
}

/// The package URL, which is its name in the bill, too.
fn name_of(one: &Crate) -> String {
    format!("pkg:cargo/{}@{}", one.name, one.version)
}

fn component(one: &Crate) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": name_of(one),
        "name": one.name,
        "version": one.version,
        "purl": name_of(one),
        "licenses": [{ "expression": one.license }],
    });
    if let Some(checksum) = &one.checksum {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

/// SQLite comes as C, inside of a crate.
fn sqlite(bringing: &Crate) -> Option<Value> {
    let header = std::fs::read_to_string(bringing.folder.join("sqlite3/sqlite3.h")).ok()?;
    let line = header.lines().find_map(|line| line.strip_prefix("#define SQLITE_VERSION "))?;
    let version = line.trim().trim_matches('"');
    Some(json!({
        "type": "library",
        "bom-ref": format!("sqlite@{version}"),
        "name": "sqlite",
        "version": version,
        "cpe": format!("cpe:2.3:a:sqlite:sqlite:{version}:*:*:*:*:*:*:*"),
        "licenses": [{ "license": { "name": "Public Domain" } }],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crates::linked;

    fn bill() -> Value {
        serde_json::from_str(&of(&linked().expect("cargo tells"))).expect("it is JSON")
    }

    #[test]
    fn what_is_linked_is_in_it_and_what_only_tests_use_is_not() {
        let bill = bill();
        let names: Vec<&str> =
            bill["components"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
        for name in ["pam_mfa", "mfa-daemon", "rusqlite", "sqlite", "tokio", "ring"] {
            assert!(names.contains(&name), "{name}");
        }
        for name in ["proptest", "tempfile", "serde_derive", "harness"] {
            assert!(!names.contains(&name), "{name}");
        }
    }

    #[test]
    fn everything_that_is_not_ours_has_a_checksum_and_everything_a_license() {
        for one in bill()["components"].as_array().into_iter().flatten() {
            let is_ours = one["name"].as_str().is_some_and(|name| name.starts_with("mfa") || name == "pam_mfa");
            assert!(is_ours || one["name"] == "sqlite" || one["hashes"][0]["content"].is_string(), "{one}");
            assert!(one["licenses"][0]["expression"] != "", "{one}");
        }
    }

    #[test]
    fn every_arrow_leads_to_something_that_is_in_it() {
        let bill = bill();
        let names: Vec<&Value> =
            bill["components"].as_array().into_iter().flatten().map(|one| &one["bom-ref"]).collect();
        for one in bill["dependencies"].as_array().into_iter().flatten() {
            assert!(names.contains(&&one["ref"]), "{one}");
            assert!(one["dependsOn"].as_array().into_iter().flatten().all(|below| names.contains(&below)), "{one}");
        }
    }
}
