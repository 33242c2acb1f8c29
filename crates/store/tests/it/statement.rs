//! Every statement compiles on both databases, scans no table, keeps to the realm, and stays in the portable subset.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Reach;
use domain::event::{EventOutcome, EventType};
use domain::id::{EventId, GrantId, PrincipalId, RoleId, SessionId, UnitId, UserId};
use domain::realm::RealmKey;
use domain::unit::UnitPath;
use domain::user::{Identifier, Status};
use store::access::grant;
use store::audit::Filter;
use store::db::Statement;
use store::{unit, user};
use testkit::{Db, on_both_databases};
use uuid::Uuid;

use crate::literals::{Literal, composing, hidden, parts, statements, unchecked};

/// Statements that `Composed` puts together, in every combination, by the function that does. A new one gets a line here.
fn composed() -> Vec<(&'static str, Vec<Statement>)> {
    let (realm, now) = (RealmKey::MAIN, testkit::clock::START);
    let id = Uuid::from_u128(1);
    let (principal, grant) = (PrincipalId::from_uuid(id), GrantId::from_uuid(id));
    let name = Identifier::new("ines");
    vec![
        ("audit::list_statement", audit_lists()),
        (
            "unit::find_statement",
            reaches().iter().map(|reach| unit::find_statement(realm, reach, UnitId::from_uuid(id))).collect(),
        ),
        ("access::grant::members_statement", member_lists()),
        ("unit::list_statement", reaches().iter().map(|reach| unit::list_statement(realm, reach, "/", 50)).collect()),
        (
            "access::grant::list_statement",
            [None, Some(grant)].map(|after| grant::list_statement(realm, principal, after, 50)).to_vec(),
        ),
        ("access::grant::find_statement", vec![grant::find_statement(realm, principal, grant)]),
        (
            "access::grant::holders_at_root_statement",
            (0..5)
                .flat_map(|count| {
                    let roles = vec![RoleId::from_uuid(id); count];
                    [(None, true), (None, false), (Some(grant), true), (Some(grant), false)].map(
                        |(without, for_good)| grant::holders_at_root_statement(realm, now, &roles, without, for_good),
                    )
                })
                .collect(),
        ),
        (
            "user::find_statement",
            reaches().iter().map(|reach| user::find_statement(realm, reach, UserId::from_uuid(id))).collect(),
        ),
        ("user::by_name_statement", vec![user::by_name_statement(realm, &name)]),
        ("user::by_mail_statement", vec![user::by_mail_statement(realm, &name)]),
        ("session::page::list_statement", session_lists()),
    ]
    .into_iter()
    .chain(user_searches())
    .chain(user_pages())
    .collect()
}

/// Everywhere, nowhere, and under one to three units.
fn reaches() -> Vec<Reach> {
    let units = ["/", "/clinic-a", "/clinic-a/ward-3"].map(|path| UnitPath::parse(path).expect("a path"));
    let under = (0..=3).map(|count| Reach::Under(units[..count].to_vec()));
    std::iter::once(Reach::Everywhere).chain(under).collect()
}

fn member_lists() -> Vec<Statement> {
    let id = Uuid::from_u128(1);
    let after = [None, Some((UserId::from_uuid(id), GrantId::from_uuid(id)))];
    let of = |reach: &Reach, after| {
        grant::members_statement(RealmKey::MAIN, reach, testkit::clock::START, RoleId::from_uuid(id), after, 50)
    };
    reaches().iter().flat_map(|reach| after.map(|after| of(reach, after))).collect()
}

/// Every filter of a search with and without, for every reach.
fn queries() -> Vec<(Reach, user::Query)> {
    let id = Uuid::from_u128(1);
    let at = |column| user::Position { column, key: "ines".to_owned(), id: UserId::from_uuid(id) };
    let mut all = Vec::new();
    for reach in reaches() {
        for bits in 0..1_u32 << 5 {
            let with = |bit: u32| bits & (1 << bit) != 0;
            for mfa in [None, Some(user::Mfa::None), Some(user::Mfa::Totp)] {
                let query = user::Query {
                    prefix: if with(0) { "ines".to_owned() } else { String::new() },
                    role: with(1).then(|| RoleId::from_uuid(id)),
                    unit: with(2).then(|| UnitPath::parse("/clinic-a").expect("a path")),
                    status: with(3).then_some(Status::Active),
                    mfa,
                    after: with(4).then(|| at(user::Column::DisplayName)),
                };
                all.push((reach.clone(), query));
            }
        }
    }
    all
}

fn searches(of: impl Fn(&Reach, &user::Query) -> Vec<Statement>) -> Vec<Statement> {
    let mut all: BTreeMap<String, Statement> = BTreeMap::new();
    for statement in queries().iter().flat_map(|(reach, query)| of(reach, query)) {
        all.insert(statement.sql.as_str().to_owned(), statement);
    }
    all.into_values().collect()
}

fn user_searches() -> Vec<(&'static str, Vec<Statement>)> {
    let at = (RealmKey::MAIN, testkit::clock::START);
    let by_column = |reach: &Reach, query: &user::Query| {
        let of = |column| {
            let after = query.after.clone().map(|after| user::Position { column, ..after });
            user::search_statement(at, reach, &user::Query { after, ..query.clone() }, column, 50)
        };
        user::Column::ALL.map(of).to_vec()
    };
    let narrow = |reach: &Reach, query: &user::Query| {
        let drives = [user::Drive::Units, user::Drive::Holders];
        let known = drives.into_iter().filter(|drive| *drive == user::Drive::Units || query.role.is_some());
        known.map(|drive| user::narrow_statement(at, reach, query, drive, 50)).collect()
    };
    let count = |reach: &Reach, query: &user::Query| {
        [user::Drive::Units, user::Drive::Holders].map(|of| user::count_statement(at.0, reach, query, of)).to_vec()
    };
    let graves = |reach: &Reach, query: &user::Query| vec![user::tombstones_statement(at.0, reach, query, 50)];
    vec![
        ("user::search::search_statement", searches(by_column)),
        ("user::search::narrow_statement", searches(narrow)),
        ("user::search::count_statement", searches(count)),
        ("user::search::tombstones_statement", searches(graves)),
    ]
}

fn user_pages() -> Vec<(&'static str, Vec<Statement>)> {
    let (realm, now) = (RealmKey::MAIN, testkit::clock::START);
    let ids = |count: usize| vec![UserId::from_uuid(Uuid::from_u128(1)); count];
    let each = |of: &dyn Fn(&[UserId]) -> Statement| (0..=8).map(|count| of(&ids(count))).collect::<Vec<_>>();
    vec![
        ("user::page::by_ids_statement", each(&|ids| user::by_ids_statement(realm, ids))),
        ("user::page::roles_statement", each(&|ids| user::roles_statement(realm, now, ids))),
        ("user::page::held_statement", each(&|ids| user::held_statement(realm, now, ids))),
        ("user::page::mfa_statement", each(&|ids| user::mfa_statement(realm, ids))),
    ]
}

fn session_lists() -> Vec<Statement> {
    let id = Uuid::from_u128(1);
    let of = |reach: &Reach, bits: u32| {
        let with = |bit: u32| bits & (1 << bit) != 0;
        let filter = store::session::Filter {
            user: with(0).then(|| UserId::from_uuid(id)),
            address: with(1).then(|| "198.51.100.7".to_owned()),
            after: with(2).then(|| SessionId::from_uuid(id)),
        };
        store::session::list_statement((RealmKey::MAIN, testkit::clock::START), reach, &filter, 50)
    };
    reaches().iter().flat_map(|reach| (0..8).map(move |bits| of(reach, bits))).collect()
}

fn audit_lists() -> Vec<Statement> {
    let id = Uuid::from_u128(1);
    let now = testkit::clock::START;
    let lists = (0..1_u32 << 7).map(|bits| {
        let with = |bit: u32| bits & (1 << bit) != 0;
        let filter = Filter {
            actor: with(0).then(|| PrincipalId::from_uuid(id)),
            subject: with(1).then_some(id),
            kind: with(2).then_some(EventType::ServerStarted),
            outcome: with(3).then_some(EventOutcome::Success),
            from: with(4).then_some(now),
            to: with(5).then_some(now),
            after: with(6).then(|| (now, EventId::from_uuid(id))),
        };
        store::audit::list_statement(RealmKey::MAIN, &filter, 50)
    });
    lists.collect()
}

/// Tables that may be read whole, a realm at a time or altogether.
const SMALL: &[(&str, &str)] = &[
    ("realm", "tens of rows"),
    ("signing_key", "a handful in each realm"),
    ("counter", "a handful in each realm"),
    ("api", "the catalogue: tens of rows, read whole to decide"),
    ("permission", "the catalogue"),
    ("role", "the catalogue"),
    ("role_permission", "the catalogue"),
    ("role_inheritance", "the catalogue"),
    ("role_assignable", "the catalogue"),
    ("unit", "the organisation: hundreds of rows, read whole to draw the tree"),
    ("policy", "an edition for each change of a role's policy"),
];

/// Statements that read a whole large table, with the reason.
const WHOLE: &[(&str, &str)] = &[
    (
        "SELECT (SELECT COUNT(*) FROM audit_event WHERE realm_id = $1)",
        "audit::counts: for tests and the command line's check",
    ),
    (
        "SELECT COALESCE(MAX(\"index\") + 1, 0) FROM audit_leaf WHERE realm_id = $1",
        "a lone MAX goes to the end of the index, and stops there",
    ),
];

fn is_small(table: &str) -> bool {
    SMALL.iter().any(|(small, _)| *small == table)
}

fn may_read_whole(text: &str) -> bool {
    WHOLE.iter().any(|(start, _)| text.starts_with(start))
}

/// Words, quoted names, placeholders, numbers and marks; texts in quotes are left out.
fn words(sql: &str) -> Vec<String> {
    let characters: Vec<char> = sql.chars().collect();
    let (mut words, mut at) = (Vec::new(), 0);
    while at < characters.len() {
        let rest = &characters[at..];
        let length = match rest[0] {
            '\'' => 2 + rest[1..].iter().take_while(|c| **c != '\'').count(),
            '"' => 2 + rest[1..].iter().take_while(|c| **c != '"').count(),
            c if c.is_alphanumeric() || c == '_' || c == '$' => {
                rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_' || **c == '$').count()
            }
            _ => 1,
        };
        let word: String = rest[..length.min(rest.len())].iter().collect();
        if !word.starts_with('\'') && !word.trim().is_empty() {
            words.push(word);
        }
        at += length;
    }
    words
}

/// Names under which a statement knows its tables.
fn tables(sql: &str) -> BTreeMap<String, String> {
    const NO_ALIAS: &[&str] = &[
        "WHERE",
        "SET",
        "LEFT",
        "JOIN",
        "INNER",
        "CROSS",
        "ON",
        "ORDER",
        "GROUP",
        "LIMIT",
        "VALUES",
        "UNION",
        "RETURNING",
        "HAVING",
        "SELECT",
    ];
    let words = words(sql);
    let mut tables = BTreeMap::new();
    for (at, word) in words.iter().enumerate() {
        let distinct_from = at > 0 && words[at - 1].eq_ignore_ascii_case("DISTINCT");
        let starts = !distinct_from && ["FROM", "JOIN", "UPDATE", "INTO"].contains(&word.to_ascii_uppercase().as_str());
        let update_set = word.eq_ignore_ascii_case("UPDATE")
            && words.get(at + 1).is_some_and(|next| next.eq_ignore_ascii_case("SET"));
        let Some(table) = words.get(at + 1).filter(|next| starts && !update_set && *next != "(") else { continue };
        let table = table.trim_matches('"').to_owned();
        let mut alias = words.get(at + 2);
        if alias.is_some_and(|word| word.eq_ignore_ascii_case("AS")) {
            alias = words.get(at + 3);
        }
        let is_name = |word: &&String| {
            word.starts_with(|c: char| c.is_alphabetic()) && !NO_ALIAS.contains(&word.to_ascii_uppercase().as_str())
        };
        let name = alias.filter(is_name).unwrap_or(&table).clone();
        tables.insert(name, table);
    }
    tables
}

/// Steps of a plan that read more than they need.
fn scans(postgres: bool, sql: &str, plan: &[String]) -> Vec<String> {
    if may_read_whole(sql) {
        return Vec::new();
    }
    let named = tables(sql);
    let table_of =
        |name: &str| named.get(name.trim_matches('"')).cloned().unwrap_or_else(|| name.trim_matches('"').to_owned());
    let limited = sql.contains("LIMIT");
    let mut scans = Vec::new();
    for (at, step) in plan.iter().enumerate() {
        let words: Vec<&str> = step.split_whitespace().collect();
        let table = if postgres {
            // Seq Scan on audit_event e / Index Scan using audit_event_at on audit_event e
            let Some(on) = words.iter().position(|word| *word == "on").filter(|_| step.contains("Scan")) else {
                continue;
            };
            let condition =
                plan[at + 1..].iter().take_while(|line| !line.contains("->")).any(|line| line.contains("Index Cond"));
            if step.contains("Bitmap Heap Scan") || (step.contains("Index") && condition) {
                continue;
            }
            words[on + 1].trim_matches('"').to_owned()
        } else {
            // SCAN e USING INDEX audit_event_at / SEARCH e USING INDEX audit_event_at (realm_id=? AND at>?)
            let realm_alone = step.ends_with("(realm_id=?)") && !limited;
            match words[..] {
                ["SCAN", name, ..] if !step.contains("CONSTANT ROW") && !name.starts_with('(') => table_of(name),
                ["SEARCH", name, ..] if realm_alone => table_of(name),
                _ => continue,
            }
        };
        let is_table = named.values().any(|known| *known == table);
        if is_table && !is_small(&table) {
            scans.push(step.clone());
        }
    }
    scans
}

async fn check(db: &Db, name: &str, sql: &str, wrong: &mut Vec<String>) {
    match db.store.plan(sql).await {
        Err(error) => wrong.push(format!("{name}: {error}\n    {sql}")),
        Ok(plan) => {
            let scans = scans(db.store.is_postgres(), sql, &plan);
            if !scans.is_empty() {
                wrong.push(format!("{name}: reads a whole table: {scans:?}\n    {sql}"));
            }
        }
    }
}

fn place(literal: &Literal) -> String {
    format!("{}:{}", literal.file, literal.line)
}

on_both_databases! {
    async fn every_statement_compiles_and_scans_no_table(db: Db) {
        let mut wrong = Vec::new();
        let statements = statements();
        assert!(statements.len() >= 10, "the scanner finds nothing");
        for literal in &statements {
            check(&db, &place(literal), &literal.text, &mut wrong).await;
        }

        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    async fn every_combination_of_optional_parts_compiles_and_scans_no_table(db: Db) {
        let mut wrong = Vec::new();
        for (name, statements) in composed() {
            for statement in statements {
                check(&db, name, statement.sql.as_str(), &mut wrong).await;
            }
        }

        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    async fn a_statement_that_scans_a_table_is_noticed(db: Db) {
        let scanning = [
            "SELECT id FROM audit_event WHERE type = $1",
            "SELECT e.id FROM audit_event e ORDER BY e.type",
            "SELECT s.id FROM audit_event e JOIN session s ON s.device_label = e.type WHERE e.realm_id = $1 AND e.id = $2",
        ];
        for sql in scanning {
            let plan = db.store.plan(sql).await.unwrap();
            assert!(!scans(db.store.is_postgres(), sql, &plan).is_empty(), "{plan:?}");
        }
        for sql in
            ["SELECT id FROM audit_event WHERE realm_id = $1 AND id = $2", "SELECT slug FROM realm ORDER BY slug"]
        {
            let plan = db.store.plan(sql).await.unwrap();
            assert!(scans(db.store.is_postgres(), sql, &plan).is_empty(), "{plan:?}");
        }
    }

    async fn a_statement_that_does_not_compile_is_noticed(db: Db) {
        assert!(db.store.plan("SELECT nothing FROM nowhere").await.is_err());
        assert!(db.store.plan("SELECT 1").await.is_ok(), "and the connection is usable afterwards");
    }
}

#[test]
fn every_function_that_composes_a_statement_is_in_the_list() {
    let listed: BTreeSet<String> = composed().into_iter().map(|(name, _)| name.to_owned()).collect();

    assert_eq!(composing(), listed, "left: in the sources; right: in `composed()`");
}

/// All rows of a whole realm are all rows of most installations.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_reads_a_whole_realm_is_noticed() {
    let db = Db::sqlite().await;
    for (sql, noticed) in [
        ("SELECT id FROM session WHERE realm_id = $1 AND user_agent = $2", true),
        ("SELECT id FROM session WHERE realm_id = $1 AND user_id = $2", false),
        ("SELECT id FROM session WHERE realm_id = $1 AND user_agent = $2 ORDER BY id LIMIT $3", false),
        ("SELECT id FROM role WHERE realm_id = $1", false),
    ] {
        let plan = db.store.plan(sql).await.unwrap();
        assert_eq!(!scans(false, sql, &plan).is_empty(), noticed, "{sql}: {plan:?}");
    }
}

#[test]
fn sql_takes_literals_only() {
    assert_eq!(hidden(), ["db/sql.rs:0"; 0]);
}

/// What only PostgreSQL has stands in a handful of places.
#[test]
fn statements_outside_of_the_portable_subset_stand_in_few_files() {
    for literal in unchecked() {
        let allowed = literal.file.starts_with("db/") || literal.file == "audit/insert.rs";
        assert!(allowed, "{}: use sql!(…)", place(&literal));
    }
}

/// The table of architecture.md, "Two databases, one logic".
fn objections(sql: &str) -> Vec<&'static str> {
    let words: Vec<String> = words(sql).iter().map(|word| word.to_ascii_uppercase()).collect();
    let has = |sequence: &[&str]| words.windows(sequence.len()).any(|window| window == sequence);
    let after = |word: &str, offset: usize| -> Vec<Option<&String>> {
        words
            .iter()
            .enumerate()
            .filter(|(_, w)| *w == word)
            .map(|(at, _)| at.checked_sub(offset).and_then(|at| words.get(at)))
            .collect()
    };
    let mut objections = Vec::new();
    let mut object = |wrong: bool, why| objections.extend(wrong.then_some(why));
    object(has(&["NOW", "("]) || has(&["CURRENT_TIMESTAMP"]), "now(): bind the request's instant");
    object(has(&["OFFSET"]), "OFFSET: page by key");
    object(has(&["LIKE"]) || has(&["ILIKE"]), "LIKE: compare a normalised column");
    object(has(&["USER"]), "bare user is the current role on PostgreSQL: write \"user\"");
    object(has(&["INDEX"]), "bare index is a keyword in SQLite: write \"index\"");
    object(has(&["=", "ANY"]), "= ANY: a VALUES fragment");
    object(has(&["FOR", "UPDATE"]) || has(&["FOR", "SHARE"]), "FOR UPDATE: a guarded update, or exclusive");
    object(words.iter().any(|word| word == "?"), "?: number the placeholders");
    object(has(&[":", ":"]), "::: CAST");
    object(has(&["GREATEST"]) || has(&["LEAST"]), "greatest, least: CASE");
    object(has(&["-", ">"]), "JSON operators: read the text in Rust");
    object(has(&["SELECT", "*"]) || has(&["RETURNING", "*"]), "*: name the columns");
    object(
        after("SUM", 2).iter().any(|before| before.is_none_or(|word| word != "CAST")),
        "bare SUM is numeric on PostgreSQL: CAST",
    );
    let changes = ["INSERT", "UPDATE", "DELETE"].iter().any(|word| words.iter().any(|w| w == word));
    object(words.first().is_some_and(|word| word == "WITH") && changes, "WITH that changes data: two statements");
    let big =
        ["audit_event", "audit_leaf", "audit_personal", "session", "refresh_family", "\"user\"", "outbox", "throttle"];
    let counts_big =
        has(&["COUNT", "(", "*"]) && tables(sql).values().any(|table| big.iter().any(|b| b.trim_matches('"') == table));
    object(counts_big && !may_read_whole(sql), "COUNT(*) on a big table");
    objections
}

#[test]
fn every_statement_is_in_the_portable_subset() {
    let all = statements().into_iter().chain(parts());
    let wrong: Vec<String> = all
        .flat_map(|literal| {
            objections(&literal.text)
                .into_iter()
                .map(move |why| format!("{}: {why}\n    {}", place(&literal), literal.text))
        })
        .collect();

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_not_portable_is_noticed() {
    for sql in [
        "SELECT now()",
        "SELECT id FROM role LIMIT 1 OFFSET 5",
        "SELECT id FROM role WHERE name LIKE $1",
        "SELECT id FROM role WHERE name ILIKE $1",
        "SELECT id FROM user",
        "SELECT index FROM audit_leaf",
        "SELECT id FROM role WHERE id = ANY($1)",
        "SELECT id FROM role FOR UPDATE",
        "SELECT id FROM role WHERE id = ?",
        "SELECT SUM(value) FROM counter",
        "SELECT COUNT(*) FROM audit_event",
        "WITH gone AS (DELETE FROM counter RETURNING name) SELECT name FROM gone",
        "SELECT * FROM role",
        "SELECT id::text FROM role",
    ] {
        assert!(!objections(sql).is_empty(), "{sql}");
    }
    for sql in [
        "SELECT \"index\", CAST(SUM(value) AS BIGINT) FROM counter WHERE name = 'now() ? user'",
        "UPDATE \"user\" SET version = version + 1 WHERE user_id = $1",
        "SELECT COUNT(*) FROM role",
    ] {
        assert_eq!(objections(sql), [""; 0], "{sql}");
    }
}

/// Each table of a statement is bound to a realm: ids alone could be another realm's.
#[test]
fn every_statement_names_the_realm_of_each_table() {
    let mut wrong = Vec::new();
    for literal in statements() {
        let wanted = tables(&literal.text)
            .values()
            .filter(|table| !["realm", "schema_migration"].contains(&table.as_str()))
            .count();
        let named = words(&literal.text).iter().filter(|word| *word == "realm_id").count();
        if named < wanted {
            wrong.push(format!("{}: {wanted} tables, {named} times realm_id\n    {}", place(&literal), literal.text));
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
