//! `docs/data-model.md` is made from the migrations, so that it tells the truth.

use std::fmt::Write;

struct Table {
    name: String,
    says: String,
    columns: Vec<(String, String, String)>,
    refers: Vec<String>,
}

fn tables() -> Vec<Table> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut tables: Vec<Table> = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let mut comment: Vec<String> = Vec::new();
        let mut inside = false;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                let name = rest.trim_end_matches(" (").trim_matches('"').to_owned();
                tables.push(Table { name, says: comment.join(" "), columns: Vec::new(), refers: Vec::new() });
                inside = true;
            } else if let Some(rest) = line.strip_prefix("ALTER TABLE ") {
                let (name, added) = rest.split_once(" ADD COLUMN ").expect("a column more");
                let (code, says) = added.split_once("; --").unwrap_or((added.trim_end_matches(';'), ""));
                let table = tables.iter_mut().find(|table| table.name == name.trim_matches('"')).expect("a table");
                column(table, &format!("{code}, --{says}"));
            } else if line.starts_with(");") {
                inside = false;
                comment.clear();
            } else if inside {
                column(tables.last_mut().unwrap(), line);
            } else if let Some(words) = line.strip_prefix("-- ") {
                comment.push(words.to_owned());
            } else {
                comment.clear();
            }
        }
    }
    tables
}

fn column(table: &mut Table, line: &str) {
    let (code, says) = line.split_once("--").map_or((line, ""), |(code, says)| (code, says.trim()));
    let code = code.trim().trim_end_matches(',');
    if let Some((_, rest)) = code.split_once("REFERENCES ") {
        let to = rest.split([' ', '(']).next().unwrap().trim_matches('"').to_owned();
        if !table.refers.contains(&to) {
            table.refers.push(to);
        }
    }
    if code.starts_with("PRIMARY KEY") || code.starts_with("FOREIGN KEY") || code.starts_with("CHECK") {
        return;
    }
    let Some((name, rest)) = code.split_once(' ') else { return };
    let mut kind = rest.replace(" COLLATE \"C\"", "");
    for cut in [" REFERENCES", " CHECK", " UNIQUE", " PRIMARY KEY"] {
        kind = kind.split(cut).next().unwrap().trim().to_owned();
    }
    table.columns.push((name.trim_matches('"').to_owned(), kind.to_lowercase(), says.to_owned()));
}

fn document() -> String {
    let mut text = String::from(
        "# The data model\n\nMade from `crates/store/migrations` (a test keeps it current: `BAILIWICK_WRITE_DOCS=1 ./test data_model`).\n\n\
         The realm's integer key stands first in every key and index. Ids are 16 bytes: v4 for users, v7 for the rest. Instants are microseconds since 1970,\n\
         UTC. Rows of dated facts (`valid_from`, `valid_until`, `ended_at`) are ended, never overwritten or deleted. Secrets are hashes or sealed envelopes\n\
         (AES-256-GCM under keys that the database does not hold); directory data relies on disk encryption.\n\n```mermaid\nerDiagram\n",
    );
    let tables = tables();
    for table in &tables {
        for to in table.refers.iter().filter(|to| **to != "realm" || table.refers.len() == 1) {
            writeln!(text, "    {to} ||--o{{ {} : \"\"", table.name).unwrap();
        }
    }
    text.push_str("```\n");
    for table in &tables {
        write!(text, "\n## {}\n\n", table.name).unwrap();
        if !table.says.is_empty() {
            write!(text, "{}\n\n", table.says).unwrap();
        }
        text.push_str("| Column | Type | |\n|---|---|---|\n");
        for (name, kind, says) in &table.columns {
            writeln!(text, "| `{name}` | {kind} | {} |", says.replace('|', "\\|")).unwrap();
        }
    }
    text
}

#[test]
fn the_data_model_page_is_current() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/data-model.md");
    let expected = document();
    if option_env_set() {
        std::fs::write(file, &expected).unwrap();
    }

    let written = std::fs::read_to_string(file).unwrap_or_default();

    assert_eq!(written, expected, "run: BAILIWICK_WRITE_DOCS=1 ./test data_model");
}

#[expect(clippy::disallowed_methods, reason = "asks whether the page is to be written anew")]
fn option_env_set() -> bool {
    std::env::var_os("BAILIWICK_WRITE_DOCS").is_some()
}

#[test]
fn every_table_of_the_architecture_is_there() {
    let names: Vec<String> = tables().into_iter().map(|table| table.name).collect();
    for table in [
        "realm",
        "principal",
        "user",
        "address",
        "credential",
        "external_identity",
        "api",
        "permission",
        "role",
        "role_permission",
        "role_inheritance",
        "role_assignable",
        "unit",
        "role_grant",
        "policy",
        "session",
        "refresh_family",
        "sign_in_transaction",
        "one_time_token",
        "device",
        "device_principal",
        "throttle",
        "revocation",
        "signing_key",
        "client",
        "client_secret",
        "audit_event",
        "audit_personal",
        "audit_leaf",
        "checkpoint",
        "outbox",
        "counter",
    ] {
        assert!(names.iter().any(|name| name == table), "{table}");
    }
}
