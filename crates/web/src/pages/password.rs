//! Changing a password on pages.

use domain::password::PasswordError;

use crate::view::PasswordRefusal;

/// What a page says about a password that is not acceptable.
pub(super) fn refusal(error: PasswordError) -> PasswordRefusal {
    match error {
        PasswordError::TooShort(least) => PasswordRefusal::TooShort(least),
        PasswordError::TooLong => PasswordRefusal::TooLong,
        PasswordError::ContextWord => PasswordRefusal::ContextWord,
        PasswordError::Reused => PasswordRefusal::Reused,
    }
}
