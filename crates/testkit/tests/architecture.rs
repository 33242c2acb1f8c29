//! The arrows of ARCHITECTURE.md, held: a test reads `cargo metadata` and fails on any other edge between our crates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each crate may use. Development dependencies may be anything: `testkit` proves all of them.
fn allowed(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "wire" | "domain" => &[],
        "store" => &["domain"],
        "service" => &["store", "domain", "wire"],
        "web" => &["service", "domain", "wire", "guard"],
        "bailiwick" => &["web", "service", "store", "domain"],
        "guard" => &["wire"],
        "clinic" => &["guard"],
        // May use any.
        "testkit" | "bench" | "e2e" => return None,
        other => panic!("{other} is a new crate: name its arrows here and in ARCHITECTURE.md"),
    })
}

#[test]
fn no_crate_depends_on_one_that_the_architecture_does_not_allow() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap();
    let ours: BTreeSet<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let mut wrong = Vec::new();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in &metadata.packages {
        let Some(allowed) = allowed(&package.name) else { continue };
        for dependency in
            package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development && ours.contains(&d.name))
        {
            found.entry(package.name.to_string()).or_default().insert(dependency.name.clone());
            if !allowed.contains(&dependency.name.as_str()) {
                wrong.push(format!("{} → {}", package.name, dependency.name));
            }
        }
    }

    assert!(wrong.is_empty(), "arrows that ARCHITECTURE.md does not allow: {wrong:?}");
    assert!(found["web"].contains("service"), "the test found no arrows at all: {found:?}");
}

#[test]
fn drivers_and_sql_stay_in_the_store() {
    let crates = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates");
    let mut wrong = Vec::new();
    for name in ["wire", "domain", "service", "web", "bailiwick", "guard"] {
        visit(&std::path::Path::new(crates).join(name).join("src"), &mut |path, text| {
            for word in ["rusqlite", "tokio_postgres", "INSERT INTO ", "DELETE FROM ", "SELECT "] {
                if text.lines().any(|line| line.contains(word) && !line.trim_start().starts_with("//")) {
                    wrong.push(format!("{}: {word}", path.display()));
                }
            }
        });
    }

    assert!(wrong.is_empty(), "{wrong:?}");
}

fn visit(folder: &std::path::Path, each: &mut impl FnMut(&std::path::Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, each);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            each(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}
