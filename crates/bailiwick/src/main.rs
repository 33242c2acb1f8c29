//! How it is started: configuration, serve, demo, and the command line.
//!
//! Exit codes: 0 done, 1 could not be done (a line on standard error says what to do), 2 the command itself is wrong.

mod command; // one file per command
mod config; // file, environment, defaults; every mistake at once
mod connections; // how many one address may hold
mod kek; // the key-encryption key
mod open; // from a configuration to an App
mod output; // standard output and standard error
mod serve; // listeners, jobs, shutdown

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = command::Arguments::parse();
    match command::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure.0);
            ExitCode::FAILURE
        }
    }
}
