//! Finding people: a page of the list by the beginning of a name, at ten thousand people and at a million, on both databases.
#![expect(clippy::disallowed_methods, reason = "the bench asks as the operator, and measures durations")]

use std::time::Instant;

use domain::allowed::Allowed;
use domain::realm::RealmKey;
use service::user::Search;
use testkit::TestApp;
use testkit::postgres::Cluster;

use crate::Failure;
use crate::measure::{median, percentile};
use crate::report::{Report, Target};

const FEW: u64 = 10_000;
const MANY: u64 = 1_000_000;
const ASKED: u64 = 400;
const PAGE: i64 = 50;

/// On both databases.
pub(crate) async fn people(report: &Report) -> Result<(), Failure> {
    one(report, "SQLite", &TestApp::new().await).await?;
    let cluster = Cluster::durable();
    one(report, "PostgreSQL", &TestApp::on_cluster(&cluster).await).await
}

async fn one(report: &Report, name: &str, app: &TestApp) -> Result<(), Failure> {
    add(app, 0, FEW).await?;
    let few = ask(app, FEW).await?;
    add(app, FEW, MANY).await?;
    let many = ask(app, MANY).await?;
    let words = |people: u64| format!("search by prefix, p99, {people} people, {name}");
    report.judged("search", &words(FEW), few.1, "ms", Target::AtMost(50.0));
    report.judged("search", &words(MANY), many.1, "ms", Target::AtMost(50.0));
    report.beside("search", &format!("  median at {MANY} people, {name}"), many.0, "ms");
    report.beside("search", &format!("  median at {FEW} people, {name}"), few.0, "ms");
    Ok(())
}

/// People as an import would leave them, by the databases' own means: what is measured is finding them.
async fn add(app: &TestApp, from: u64, to: u64) -> Result<(), Failure> {
    let sqlite = app.db.folder().is_some();
    let (numbers, id, given) = if sqlite {
        (
            "(WITH RECURSIVE s (n) AS (SELECT $1 + 1 UNION ALL SELECT n + 1 FROM s WHERE n < $2) SELECT n FROM s) s",
            "CAST(printf('%016d', n) AS BLOB)",
            "char(97 + n % 26, 97 + n / 26 % 26, 97 + n / 676 % 26) || 'ra '",
        )
    } else {
        (
            "(SELECT n FROM generate_series(CAST($1 AS BIGINT) + 1, CAST($2 AS BIGINT)) n) s",
            "CAST(md5('person ' || n) AS UUID)",
            "chr(CAST(97 + n % 26 AS INT)) || chr(CAST(97 + n / 26 % 26 AS INT)) || chr(CAST(97 + n / 676 % 26 AS INT)) || 'ra '",
        )
    };
    let principals =
        format!("INSERT INTO principal (realm_id, id, kind, created_at) SELECT 1, {id}, 'user', 0 FROM {numbers}");
    let people = format!(
        "INSERT INTO \"user\" (realm_id, id, username, display_name, display_name_key, family_name, family_name_key, email, email_key,
            unit_id, external_id, attributes, status, reset_required, tokens_not_before, created_at, updated_at, version)
         SELECT 1, {id}, 'p' || n, {given} || 'tallmark' || n, {given} || 'tallmark' || n, 'tallmark' || n, 'tallmark' || n,
            'p' || n || '@clinic.example', 'p' || n || '@clinic.example', u.id, 'x' || n, '{{}}', 'active', FALSE, 0, 0, 0, 1
           FROM {numbers}, unit u WHERE u.realm_id = 1 AND u.path = '/'"
    );
    let bounds = [from, to].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    if sqlite {
        for text in [principals, people] {
            app.db.execute(text, bounds.map(store::Value::from).to_vec()).await;
        }
        return Ok(());
    }
    let raw = app.db.raw().await;
    for text in [principals, people] {
        raw.execute(&text, &[&bounds[0], &bounds[1]]).await?;
    }
    Ok(raw.batch_execute("ANALYZE").await?)
}

/// Median and 99th percentile of pages asked for by what somebody would type, in milliseconds.
async fn ask(app: &TestApp, people: u64) -> Result<(f64, f64), Failure> {
    let mut times = Vec::new();
    for round in 0..ASKED {
        let number = round * 7_919 % people;
        let letter = |at: u64| char::from(b'a' + u8::try_from(at % 26).unwrap_or(0));
        let prefix = match round % 5 {
            0 => String::new(),
            1 => letter(number).to_string(),
            2 => format!("{}{}", letter(number), letter(number / 26)),
            3 => format!("tallmark{}", number / 10),
            _ => format!("p{number}"),
        };
        let search = Search { prefix, ..Search::default() };
        let begun = Instant::now();
        let found =
            service::user::list_as_operator(&app.app, Allowed::cli("bench", RealmKey::MAIN), search, PAGE).await?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        if found.is_empty() && round % 5 != 1 && round % 5 != 2 {
            return Err("nobody was found".into());
        }
    }
    Ok((median(times.clone()), percentile(&mut times, 0.99)))
}
