//! What people see when something goes wrong outside of a form.

use askama::Template;

use super::{Say, Wait};

/// Any page that cannot be shown.
#[derive(Clone, Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// The realm's prefix.
    pub base: String,
    /// Whose server it is.
    pub organisation: String,
    /// What happened.
    pub kind: ErrorKind,
    /// What the help desk finds in the log.
    pub request_id: String,
}

/// What happened, as far as people can tell it apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// 404: absent, or not theirs.
    NotFound,
    /// 403: the form was too old, or another site sent it.
    FormRefused,
    /// 403: known, but not allowed.
    Forbidden,
    /// 429.
    TooMany(Wait),
    /// 500: our fault.
    Internal,
    /// 503: no capacity.
    Busy,
    /// All others: say what happened and what to do.
    Other {
        /// The HTTP status.
        status: u16,
        /// What happened.
        title: String,
        /// What is safe, and what to do.
        what_to_do: String,
    },
}

impl ErrorPage {
    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.kind {
            ErrorKind::NotFound => 404,
            ErrorKind::FormRefused | ErrorKind::Forbidden => 403,
            ErrorKind::TooMany(_) => 429,
            ErrorKind::Internal => 500,
            ErrorKind::Busy => 503,
            ErrorKind::Other { status, .. } => status,
        }
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(&str::to_owned)
    }

    pub(super) fn sample_of(say: Say<'_>) -> Self {
        let (title, what_to_do) = (say("This address does not take that"), say("Nothing was changed."));
        Self {
            base: say(""),
            organisation: say("Havelmoor Clinic"),
            kind: ErrorKind::Other { status: 405, title, what_to_do },
            request_id: say("01JD8-4WQ2-7K"),
        }
    }

    /// One of each, for the test that looks at all.
    #[cfg(test)]
    pub(super) fn kinds() -> [ErrorKind; 6] {
        use ErrorKind::{Busy, Forbidden, FormRefused, Internal, NotFound, TooMany};
        [
            NotFound,
            FormRefused,
            Forbidden,
            TooMany(Wait::until(super::SAMPLE_NOW, super::SAMPLE_NOW + 90)),
            Internal,
            Busy,
        ]
    }
}
