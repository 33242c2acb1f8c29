//! People at the program: real Chromium against a demo that runs as it is started by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here fails the test, and says where"
)]

mod browser; // Chromium, driven
mod demo; // a demo that runs
mod look; // every page in light and dark, narrow and wide: axe, overflow, console, screenshot
mod people; // signing in and out, devices, other sites
