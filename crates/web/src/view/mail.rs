//! Demo's mail: what would have been sent.

use askama::Template;

use super::piece::{self, Piece};
use super::{Moment, SAMPLE_NOW, Say};

/// Demo's mail page.
#[derive(Clone, Debug, Template)]
#[template(path = "mail.html")]
pub struct Mail {
    /// Newest first.
    pub messages: Vec<MailMessage>,
}

/// One message.
#[derive(Clone, Debug)]
pub struct MailMessage {
    /// To whom.
    pub to: String,
    /// Its subject line.
    pub subject: String,
    /// When it was written.
    pub at: Moment,
    /// Its paragraphs.
    pub paragraphs: Vec<Vec<Piece>>,
}

impl MailMessage {
    /// Addresses in `text` become links.
    #[must_use]
    pub fn new(to: &str, subject: &str, text: &str, now: i64, at: i64) -> Self {
        let (to, subject) = (to.to_owned(), subject.to_owned());
        Self { to, subject, at: Moment::at(now, at), paragraphs: piece::of_mail(text) }
    }
}

impl Mail {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(&str::to_owned)
    }

    pub(super) fn sample_of(say: Say<'_>) -> Self {
        let message = |to, subject, text, past: i64| {
            MailMessage::new(&say(to), &say(subject), &say(text), SAMPLE_NOW, SAMPLE_NOW - past)
        };
        let invitation = "Hello Edda Holtmarsh,\n\nan account was made for you at Havelmoor Clinic. Choose your password \
            here:\n\nhttp://localhost:8080/invitation?token=q3Zk0pVtT1b7yLx9wqJ5m2Rr8sUuN4dHh6eGfKcAaBo\n\nThe link works \
            once, for 7 days. If you do not know why you get this mail, do nothing.\n";
        let again = "Hello Noel Abernethe,\n\nchoose your password here:\n\nhttp://localhost:8080/invitation?token=x\n";
        Self {
            messages: vec![
                message("edda.holtmarsh@havelmoor.example", "Your account at Havelmoor Clinic", invitation, 240),
                message("noel.abernethe@havelmoor.example", "Your account at Havelmoor Clinic", again, 90_000),
            ],
        }
    }
}
