//! Problems: the closed list of error codes and the body that carries one (RFC 9457).
//!
//! `docs/errors.md` and the pages at `<base>/problems/<code>` are made from this list.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The media type of a [`ProblemBody`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The stable name of what went wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The request cannot be read.
    Malformed,
    /// A single-use token is unknown, expired or used.
    TokenRefused,
    /// No acceptable access token.
    NotSignedIn,
    /// Identifier, password or code is wrong.
    InvalidCredentials,
    /// The session is over.
    SessionEnded,
    /// The session is locked.
    SessionLocked,
    /// A fresh or stronger authentication is needed.
    InsufficientAuthentication,
    /// A permission is missing.
    Forbidden,
    /// Absent, or invisible to the caller.
    NotFound,
    /// The route exists, the method does not.
    MethodNotAllowed,
    /// The host is not ours.
    Misdirected,
    /// The name belongs to another.
    NameTaken,
    /// The state does not allow it.
    Conflict,
    /// Someone changed the resource since it was read.
    ChangedMeanwhile,
    /// The body is too large.
    PayloadTooLarge,
    /// The content type is not accepted here.
    UnsupportedMediaType,
    /// The body is readable, but its values are not acceptable.
    Validation,
    /// `If-Match` is missing.
    PreconditionRequired,
    /// A limit was passed.
    TooManyAttempts,
    /// A fault of ours.
    Internal,
    /// No capacity at the moment.
    Overloaded,
}

/// Status, name and title of a code: one row each, so that none can be forgotten.
struct Row(u16, &'static str, &'static str);

impl Code {
    /// Every code, in the order of the status.
    pub const ALL: [Self; 21] = [
        Self::Malformed,
        Self::TokenRefused,
        Self::NotSignedIn,
        Self::InvalidCredentials,
        Self::SessionEnded,
        Self::SessionLocked,
        Self::InsufficientAuthentication,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NameTaken,
        Self::Conflict,
        Self::ChangedMeanwhile,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::Misdirected,
        Self::Validation,
        Self::PreconditionRequired,
        Self::TooManyAttempts,
        Self::Internal,
        Self::Overloaded,
    ];

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().0
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().1
    }

    /// A few words for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    const fn row(self) -> Row {
        match self {
            Self::Malformed => Row(400, "malformed", "The request cannot be read"),
            Self::TokenRefused => Row(400, "token-refused", "The link or transaction is no longer valid"),
            Self::NotSignedIn => Row(401, "not-signed-in", "Sign in first"),
            Self::InvalidCredentials => Row(401, "invalid-credentials", "Sign-in failed"),
            Self::SessionEnded => Row(401, "session-ended", "The session is over"),
            Self::SessionLocked => Row(401, "session-locked", "The session is locked"),
            Self::InsufficientAuthentication => Row(401, "insufficient-authentication", "Confirm that it is you"),
            Self::Forbidden => Row(403, "forbidden", "You may not do this"),
            Self::NotFound => Row(404, "not-found", "Not found"),
            Self::MethodNotAllowed => Row(405, "method-not-allowed", "The method is not supported here"),
            Self::NameTaken => Row(409, "name-taken", "The name is taken"),
            Self::Conflict => Row(409, "conflict", "That is not possible now"),
            Self::ChangedMeanwhile => Row(412, "changed-meanwhile", "Someone else changed it"),
            Self::PayloadTooLarge => Row(413, "payload-too-large", "The body is too large"),
            Self::UnsupportedMediaType => Row(415, "unsupported-media-type", "The content type is not accepted"),
            Self::Misdirected => Row(421, "misdirected", "Wrong host"),
            Self::Validation => Row(422, "validation", "Some values are not acceptable"),
            Self::PreconditionRequired => Row(428, "precondition-required", "Say which version you change"),
            Self::TooManyAttempts => Row(429, "too-many-attempts", "Too many attempts"),
            Self::Internal => Row(500, "internal", "Something went wrong on our side"),
            Self::Overloaded => Row(503, "overloaded", "No capacity at the moment"),
        }
    }

    /// What it means and what to do about it.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Malformed => {
                "The body is not JSON of the expected shape, has a member twice, or a query parameter is unknown or broken. Correct the request; sending it again unchanged fails again."
            }
            Self::TokenRefused => {
                "A single-use link or a sign-in transaction is unknown, expired or already used. Begin again and use the newest link."
            }
            Self::NotSignedIn => {
                "There is no access token, or it is not acceptable here: expired, of another issuer or audience, or not ours. Refresh or sign in, and send it as `Authorization: Bearer`."
            }
            Self::InvalidCredentials => "The identifier, the password or the code is wrong. Which one is not told.",
            Self::SessionEnded => {
                "The session was signed out, ended by an administrator, or reached its absolute limit. Sign in again."
            }
            Self::SessionLocked => {
                "Nobody acted for longer than the idle limit. Unlock the session with the password or a passkey; what was open is kept."
            }
            Self::InsufficientAuthentication => {
                "This needs a stronger or a fresher authentication than the session has. `acr_values` and `max_age` (seconds) say which: step up, then send the request again."
            }
            Self::Forbidden => {
                "You are known, but a permission is missing; `missing` names it. Ask an administrator for a role that has it."
            }
            Self::NotFound => "There is no such thing, or you may not see it. Check the address and the id.",
            Self::MethodNotAllowed => "The address exists, but not with this method. `Allow` lists those that do.",
            Self::NameTaken => "Another one has this name already. Choose another name; `errors` points at the member.",
            Self::Conflict => {
                "The present state does not allow it; `detail` says why. Change what stands in the way first."
            }
            Self::ChangedMeanwhile => {
                "The resource is not in the version that `If-Match` names. Read it again, look at what changed, and send your change with the new `ETag`."
            }
            Self::PayloadTooLarge => "Bodies are limited to 64 KiB, imports to 64 MiB. Send less at once.",
            Self::UnsupportedMediaType => {
                "Send `Content-Type: application/json`, or what the operation's description names."
            }
            Self::Misdirected => {
                "This server does not answer under the host name that was used. Use the address in its base URL."
            }
            Self::Validation => {
                "The body was understood, but not all of its values can be taken. `errors` lists each with a JSON pointer and a code."
            }
            Self::PreconditionRequired => {
                "Send `If-Match` with the `ETag` that you read, so that nobody's change is lost. `*` is not accepted."
            }
            Self::TooManyAttempts => {
                "A limit was passed and this attempt was not evaluated. Wait as many seconds as `Retry-After` says."
            }
            Self::Internal => {
                "The cause is in the server's log under the `request_id`. Trying again may help; if not, report that id."
            }
            Self::Overloaded => {
                "The server or its database cannot take the request now; nothing was changed. Try again after as many seconds as `Retry-After` says."
            }
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One unacceptable value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Where it stands (RFC 6901), for example `/new_password`.
    pub pointer: String,
    /// What is wrong, for programs: `too_short`.
    pub code: Cow<'static, str>,
    /// What is wrong, for people.
    pub detail: Cow<'static, str>,
}

/// The body of a refusal (RFC 9457), sent as [`PROBLEM_JSON`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemBody {
    /// `<base>/problems/<code>`: an address that explains the code.
    pub r#type: String,
    /// The stable name.
    pub code: Code,
    /// The code's title.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// What is particular to this occurrence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The values that are not acceptable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The permissions (or roles) that are missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Which authentication would do, separated by spaces (RFC 9470, section 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr_values: Option<String>,
    /// How old an authentication may be, in seconds (RFC 9470, section 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
    /// The request's id, as in `X-Request-Id` and in the log.
    pub request_id: String,
}

impl ProblemBody {
    /// The plain body of `code`; `base` is the base URL without a slash at its end.
    #[must_use]
    pub fn new(code: Code, base: &str, request_id: impl Into<String>) -> Self {
        Self {
            r#type: format!("{}/problems/{code}", base.trim_end_matches('/')),
            code,
            title: Cow::Borrowed(code.title()),
            status: code.status(),
            detail: None,
            errors: Vec::new(),
            missing: Vec::new(),
            acr_values: None,
            max_age: None,
            request_id: request_id.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn every_code_has_one_name_the_same_in_text_and_in_json() {
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();

        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
        }
    }

    #[test]
    fn the_list_is_in_the_order_of_the_status() {
        assert!(Code::ALL.is_sorted_by_key(|code| code.status()));
    }

    #[test]
    fn a_plain_problem_has_only_the_members_that_every_problem_has() {
        let body = ProblemBody::new(Code::NotSignedIn, "https://id.example/", "r1");

        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"type":"https://id.example/problems/not-signed-in","code":"not-signed-in","title":"Sign in first","status":401,"request_id":"r1"}"#
        );
    }
}
