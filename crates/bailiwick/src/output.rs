//! Standard output and standard error: the only file that prints.
#![expect(clippy::print_stderr, reason = "a command line speaks through these")]

/// Why a command could not be done: one or more lines that say what to do.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// A line for whoever called.
pub(crate) fn line(text: &str) {
    use std::io::Write;
    // Whoever called may have closed the pipe: `bailiwick user list | head`.
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// A line about what went wrong, or how far it is.
pub(crate) fn error(text: &str) {
    eprintln!("bailiwick: {text}");
}

/// JSON or lines for people.
pub(crate) fn show(json: bool, value: &serde_json::Value, people: &str) {
    if json { line(&value.to_string()) } else { line(people) }
}
