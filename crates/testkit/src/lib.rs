//! How it is proved: fixtures for the tests of all crates. A dev-dependency only.
//!
//! ```text
//! on_both_databases! {
//!     async fn a_name_is_taken_once(db: Db) {
//!         let answers = race(16, |i| { let db = db.clone(); async move { … } }).await;
//!     }
//! }
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here fails the test, and says where"
)]

pub mod app; // the whole server in process
pub mod browser; // a client with a cookie jar
pub mod clock; // a clock that stands still until it is advanced
pub mod contract; // whether an answer is one that the OpenAPI document promises
pub mod db; // a database for one test, with two realms
pub mod entropy; // random bytes: the same ones in each run, or real ones
mod events; // what the audit log says
pub mod factor; // second factors of seeded people
mod folder; // a temporary folder
pub mod postgres; // a throwaway cluster
mod race; // many at once
mod runner; // what `on_both_databases!` expands to
pub mod twin; // the second realm, of which nothing may be seen or touched

pub use app::TestApp;
pub use browser::{Answer, Browser};
pub use clock::FixedClock;
pub use contract::Contract;
pub use db::{Db, sql};
pub use entropy::{SeededEntropy, SystemEntropy};
pub use folder::Folder;
pub use race::race;
pub use runner::{Fixture, on_postgres, on_sqlite, runtime};

/// Makes of each function a module with two tests, `sqlite` and `postgres`.
///
/// Afterwards of a [`Db`] the twin realm must be as it was: see [`Db::twin_may_change`]. Attributes go to the module.
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($db:ident: $type:ty) $body:block)*) => {$(
        $(#[$attribute])*
        mod $name {
            #[allow(unused_imports, reason = "not every test needs what its file uses")]
            use super::*;

            async fn run($db: $type) $body

            #[test]
            fn sqlite() {
                $crate::on_sqlite(run);
            }

            #[test]
            fn postgres() {
                $crate::on_postgres(run);
            }
        }
    )*};
}
