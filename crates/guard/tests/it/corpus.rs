//! What the fuzzer found worth keeping, replayed through the fuzz target's own body.

use std::path::Path;

#[path = "../../../../fuzz/src/access_token.rs"]
mod access_token;

#[test]
fn every_input_in_the_corpus_of_the_fuzzer_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/access_token");

    let inputs: Vec<_> = std::fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).collect();

    assert!(inputs.len() >= 20, "{}: {}", corpus.display(), inputs.len());
    for input in inputs {
        access_token::check(&std::fs::read(&input).unwrap());
    }
}
