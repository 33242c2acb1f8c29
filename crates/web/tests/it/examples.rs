//! An example for each operation: asked of a running server, kept in `src/openapi/examples.json`, shown in openapi.json and docs/api.md.
//!
//! The tests ask all of it again and compare shapes, so that no example goes stale. `BAILIWICK_WRITE_DOCS=1 ./test -p web examples` writes them anew.

mod administration;
mod oneself;
mod programs;
mod recorder;

use std::collections::BTreeSet;

use testkit::TestApp;

use self::recorder::{Recorder, difference};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/openapi/examples.json");

async fn recorded() -> Recorder {
    let app = TestApp::new().await;
    let mut recorder = Recorder::new(&app);
    oneself::signing_in(&app, &mut recorder).await;
    oneself::account(&app, &mut recorder).await;
    administration::people(&app, &mut recorder).await;
    administration::roles(&app, &mut recorder).await;
    administration::organisation(&app, &mut recorder).await;
    administration::documents(&app, &mut recorder).await;
    programs::services(&app, &mut recorder).await;
    recorder
}

#[tokio::test]
async fn every_example_is_what_the_server_answers() {
    let recorder = recorded().await;
    if is_to_be_written() {
        return std::fs::write(FILE, recorder.text()).unwrap();
    }
    let kept = web::examples();

    for (name, example) in recorder.all() {
        let kept = kept
            .get(name)
            .unwrap_or_else(|| panic!("{name} has no example: BAILIWICK_WRITE_DOCS=1 ./test -p web examples"));
        let stale = "is stale: BAILIWICK_WRITE_DOCS=1 ./test -p web examples";
        assert_eq!(kept["answer"]["status"], example["answer"]["status"], "{name} {stale}");
        assert_eq!(difference(kept, example), None, "{name} {stale}");
    }
}

#[expect(clippy::disallowed_methods, reason = "asks whether the file is to be written anew")]
fn is_to_be_written() -> bool {
    std::env::var_os("BAILIWICK_WRITE_DOCS").is_some()
}

#[tokio::test]
async fn every_operation_has_an_example_and_no_example_is_of_something_else() {
    let app = TestApp::new().await;
    let mounted = app.endpoints().into_iter().filter(|endpoint| endpoint.json);
    let mounted: BTreeSet<String> = mounted.map(|endpoint| format!("{} {}", endpoint.method, endpoint.path)).collect();
    let kept: BTreeSet<String> = web::examples().keys().cloned().collect();

    let missing: Vec<_> = mounted.difference(&kept).collect();
    let left_over: Vec<_> = kept.difference(&mounted).collect();
    assert!(
        missing.is_empty(),
        "ask it in crates/web/tests/it/examples, then BAILIWICK_WRITE_DOCS=1 ./test -p web examples: {missing:#?}"
    );
    assert!(left_over.is_empty(), "not mounted any more: {left_over:#?}");
}
