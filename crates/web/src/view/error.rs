//! What people see when something goes wrong outside of a form.

use askama::Template;

use super::{Frame, Language, Message, Say, Wait};

/// Any page that cannot be shown.
#[derive(Clone, Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// What every page has.
    pub frame: Frame,
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
    Forbidden {
        /// The permission that is missing.
        missing: String,
    },
    /// 429.
    TooMany(Wait),
    /// 500: our fault.
    Internal,
    /// 503: no capacity.
    Busy,
    /// All others: what the browser sent cannot be used.
    Other {
        /// The HTTP status.
        status: u16,
    },
}

impl ErrorPage {
    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.kind {
            ErrorKind::NotFound => 404,
            ErrorKind::FormRefused | ErrorKind::Forbidden { .. } => 403,
            ErrorKind::TooMany(_) => 429,
            ErrorKind::Internal => 500,
            ErrorKind::Busy => 503,
            ErrorKind::Other { status } => status,
        }
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        let kind = ErrorKind::Other { status: 405 };
        Self { frame: Frame::sample_of(language, say), kind, request_id: say("01JD8-4WQ2-7K") }
    }

    /// What happened, and what to do.
    fn words(&self) -> (Message, Message) {
        let (title, lead) = match &self.kind {
            ErrorKind::NotFound => ("not-found", "not-found-lead"),
            ErrorKind::FormRefused => ("form-refused", "form-refused-lead"),
            ErrorKind::Forbidden { .. } => ("forbidden", "forbidden-lead"),
            ErrorKind::TooMany(_) => ("too-many", "too-many-lead"),
            ErrorKind::Internal => ("internal", "internal-lead"),
            ErrorKind::Busy => ("busy", "busy-lead"),
            ErrorKind::Other { .. } => ("unusable", "unusable-lead"),
        };
        let (title, lead) = (self.frame.say(title), self.frame.say(lead));
        match &self.kind {
            ErrorKind::TooMany(wait) => (title.put("until", &wait.until), lead.put("left", &wait.left)),
            ErrorKind::Forbidden { missing } => (title, lead.put("missing", missing)),
            _ => (title, lead),
        }
    }

    /// One of each, for the test that looks at all.
    #[cfg(test)]
    pub(super) fn kinds() -> [ErrorKind; 6] {
        use ErrorKind::{Busy, Forbidden, FormRefused, Internal, NotFound, TooMany};
        [
            NotFound,
            FormRefused,
            Forbidden { missing: "users:read".to_owned() },
            TooMany(Wait::until(super::SAMPLE_NOW, super::SAMPLE_NOW + 90)),
            Internal,
            Busy,
        ]
    }
}
