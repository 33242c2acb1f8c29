//! The pages for people: one struct a page, one template a struct (`crates/web/templates`), no rule and no query.
//!
//! A handler fills a struct and calls `render`. Wording stands in `crates/web/locales` (that of demo and of the problems in their templates); every
//! value is escaped by askama, and nothing here marks a string as safe. No page needs a script.

pub mod assets;
pub mod piece;
pub mod words;

mod account;
mod code;
mod confirm_email;
pub mod console;
mod demo;
mod enrolment;
mod error;
mod factor;
mod frame;
mod grant;
mod invitation;
mod language;
#[cfg(test)]
mod locale_tests;
mod mail;
mod moment;
mod password;
mod problem;
mod recovery_codes;
mod second_factor;
mod sign_in;
mod sign_out;
mod step_up;
#[cfg(test)]
mod tests;
mod trouble;
mod unlock;

pub use crate::qr::Qr;
pub use account::{Account, AccountNotice, DeviceIcon, DeviceState, DeviceView, Recommended};
pub use code::{CodeMethod, CodeProblem};
pub use confirm_email::{ConfirmEmail, ConfirmState};
pub use demo::{Demo, DemoFact, DemoPerson, DemoRealm, DemoStep};
pub use enrolment::{EnrolTotp, EnrolWhy, NewFactor};
pub use error::{ErrorKind, ErrorPage};
pub use factor::{Factor, FactorKind, FactorProblem, FactorView, RecoveryView};
pub use frame::Frame;
pub use grant::{Abilities, GrantView, Term, Withheld};
pub use invitation::{Invitation, InvitationDone, InvitationProblem};
pub use language::{Language, Message, Value};
pub use mail::{Mail, MailMessage};
pub use moment::{Moment, Wait};
pub use password::{ChangePassword, PasswordProblem, PasswordRefusal, PasswordWhy};
pub use piece::{Mark, Piece};
pub use problem::{ProblemIndex, ProblemPage, ProblemRow};
pub use recovery_codes::{CodesWhy, NewRecoveryCodes, RecoveryCodes};
pub use second_factor::SecondFactor;
pub use sign_in::{SignIn, SignInProblem};
pub use sign_out::{SignOut, SignedOut};
pub use step_up::{StepUp, StepUpProblem, StepUpWay};
pub use unlock::{SwitchView, Unlock, UnlockProblem};

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

rendered!(SignIn, Unlock, SecondFactor, EnrolTotp, RecoveryCodes, ChangePassword, SignOut, SignedOut);
rendered!(Account, Factor, NewFactor, NewRecoveryCodes, StepUp, Invitation, InvitationDone, ConfirmEmail);
rendered!(Demo, Mail, ErrorPage, ProblemPage, ProblemIndex);
rendered!(console::People, console::Person, console::PersonAccess, console::Question, console::Invite);
rendered!(console::RoleForm, console::UnitForm, console::Members, console::Sheet, console::Once);
rendered!(
    console::Doorstep,
    console::Nothing,
    console::Roles,
    console::Units,
    console::Apis,
    console::Events,
    console::EventPage,
    console::Search
);

/// How samples get their words, so that a test can put hostile ones everywhere.
type Say<'a> = &'a dyn Fn(&str) -> String;

/// What time it is in samples: Saturday 21 November 2026, 14:34:10.
const SAMPLE_NOW: i64 = 1_795_271_650;
