//! What is told above a form or at one of its fields: at most one thing a page.

use std::borrow::Cow;

use super::{Frame, Message, Wait};

/// A notice: what happened, what is safe, what to do.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub(super) tone: &'static str,
    pub(super) icon: &'static str,
    pub(super) role: &'static str,
    pub(super) message: Message,
}

impl Notice {
    /// It is done.
    pub(super) const fn done(message: Message) -> Self {
        Self { tone: " ok", icon: "check", role: "status", message }
    }

    /// There is something to know.
    pub(super) const fn plain(message: Message) -> Self {
        Self { tone: "", icon: "info", role: "status", message }
    }

    /// Something needs this person.
    pub(super) const fn advice(message: Message) -> Self {
        Self { tone: " warn", icon: "key", role: "status", message }
    }

    /// Not now: time is the trouble.
    pub(super) const fn later(message: Message) -> Self {
        Self { tone: " warn", icon: "clock", role: "alert", message }
    }

    /// Refused.
    pub(super) const fn refused(message: Message) -> Self {
        Self { tone: " bad", icon: "alert", role: "alert", message }
    }

    /// Not before a certain time.
    pub(super) fn wait(frame: &Frame, key: &'static str, wait: &Wait) -> Self {
        Self::later(frame.say(key).put("until", &wait.until).put("left", &wait.left))
    }
}

/// Why a form did not do what it is for.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// Nothing yet.
    None,
    /// It is said above the form.
    Notice(Box<Notice>),
    /// It is said at the field of this name.
    Field(Cow<'static, str>, Box<Message>),
}

impl Trouble {
    pub(super) fn above(notice: Notice) -> Self {
        Self::Notice(Box::new(notice))
    }

    pub(super) fn field(name: impl Into<Cow<'static, str>>, message: Message) -> Self {
        Self::Field(name.into(), Box::new(message))
    }

    pub(super) const fn notice(&self) -> Option<&Notice> {
        match self {
            Self::Notice(notice) => Some(notice),
            Self::None | Self::Field(..) => None,
        }
    }

    pub(super) fn at(&self, field: &str) -> Option<&Message> {
        match self {
            Self::Field(name, message) if *name == field => Some(message),
            Self::None | Self::Notice(_) | Self::Field(..) => None,
        }
    }

    /// What a field's `aria-describedby` names: the trouble first, then the hint, if it has one.
    pub(super) fn ids(&self, field: &str, hint: &str) -> String {
        let trouble = match self {
            Self::Notice(_) => "problem".to_owned(),
            Self::Field(name, _) if *name == field => format!("{field}-error"),
            Self::None | Self::Field(..) => String::new(),
        };
        [trouble.as_str(), hint].into_iter().filter(|id| !id.is_empty()).collect::<Vec<_>>().join(" ")
    }
}
