//! People at the program: real Chromium against a demo that runs as it is started by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here fails the test, and says where"
)]

mod authenticator; // an application that makes codes
mod browser; // Chromium, driven
mod console; // people, roles and the log at their desks
mod demo; // a demo that runs
mod fields; // autofill, languages, focus
mod idle; // polling locks, typing keeps, two people at one workstation
mod look; // every page in light and dark, narrow and wide: axe, overflow, console, screenshot
mod own_account; // what one changes of one's own
mod people; // signing in and out, devices, other sites
mod second_factor; // bound, asked for, lost
mod single_page; // applications of the same origin, of a sibling and of another site
