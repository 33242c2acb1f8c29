//! The pages for people: one struct a page, one template a struct (`crates/web/templates`), no rule and no query.
//!
//! A handler fills a struct and calls `render`. Wording stands in the templates (and, for times, in [`words`]); every value is escaped by
//! askama, and nothing here marks a string as safe. `base` is the realm's prefix: `""`, or `"/realms/other"`. No page needs a script.

pub mod assets;
pub mod piece;
pub mod words;

mod account;
mod demo;
mod error;
mod grant;
mod invitation;
mod mail;
mod moment;
mod problem;
mod sign_in;
mod sign_out;
#[cfg(test)]
mod tests;

pub use account::{Account, AccountNotice, DeviceIcon, DeviceState, DeviceView, FactorView};
pub use demo::{Demo, DemoFact, DemoPerson, DemoRealm, DemoStep};
pub use error::{ErrorKind, ErrorPage};
pub use grant::{Abilities, GrantView, Term};
pub use invitation::{Invitation, InvitationDone, InvitationProblem};
pub use mail::{Mail, MailMessage};
pub use moment::{Moment, Wait};
pub use piece::Piece;
pub use problem::{ProblemIndex, ProblemPage, ProblemRow};
pub use sign_in::{SignIn, SignInProblem};
pub use sign_out::{SignOut, SignedOut};

/// Gives each page `render`.
macro_rules! rendered {
    ($($page:ty),+ $(,)?) => {$(
        impl $page {
            /// The page as HTML.
            #[must_use]
            pub fn render(&self) -> String {
                // Writing to a string fails only if a `Display` does, and pages hold strings and numbers.
                askama::Template::render(self).unwrap_or_default()
            }
        }
    )+};
}

rendered!(SignIn, SignOut, SignedOut, Account, Invitation, InvitationDone);
rendered!(Demo, Mail, ErrorPage, ProblemPage, ProblemIndex);

/// How samples get their words, so that a test can put hostile ones everywhere.
type Say<'a> = &'a dyn Fn(&str) -> String;

/// What time it is in samples: Saturday 21 November 2026, 14:34:10.
const SAMPLE_NOW: i64 = 1_795_271_650;
