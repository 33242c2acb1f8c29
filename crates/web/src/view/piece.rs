//! Running text with links and code in it, as pieces: a template escapes each, so no text becomes markup.

/// A part of a paragraph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Plain words.
    Text(String),
    /// What a machine reads.
    Code(String),
    /// An address that can be followed: `http:` or `https:`, nothing else.
    Link(String),
    /// The line ends here.
    Break,
    /// A point in time.
    Time {
        /// As people say it.
        text: String,
        /// The exact instant.
        datetime: String,
    },
    /// What follows is set off.
    Open(Mark),
    /// No longer.
    Close(Mark),
}

/// What sets words off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Weight.
    Strong,
    /// What a machine reads.
    Code,
    /// A link on this server.
    Anchor(String),
}

impl Mark {
    /// Where it begins.
    #[must_use]
    pub const fn open(self) -> Piece {
        Piece::Open(self)
    }
}

/// Stands for `<` in a value, while marks are looked for.
const HIDDEN: char = '\u{f8ff}';

/// A value in which no mark is found.
pub(super) fn hidden(value: &str) -> String {
    value.replace('<', &HIDDEN.to_string())
}

/// A message of a locale's file: `<b>`, `<code>`, and what `named` knows. Other marks are left out, their words stay.
pub(super) fn of_marked(text: &str, named: impl Fn(&str) -> Option<Piece>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut open = Vec::new();
    let plain = |pieces: &mut Vec<Piece>, text: &str| {
        if !text.is_empty() {
            pieces.push(Piece::Text(text.replace(HIDDEN, "<")));
        }
    };
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        plain(&mut pieces, before);
        let (name, after) = after.split_once('>').unwrap_or((after, ""));
        rest = after;
        match name {
            "b" => open.push(Mark::Strong),
            "code" => open.push(Mark::Code),
            name if name.starts_with('/') => {
                pieces.extend(open.pop().map(Piece::Close));
                continue;
            }
            name => match named(name) {
                Some(Piece::Open(mark)) => open.push(mark),
                other => {
                    pieces.extend(other);
                    continue;
                }
            },
        }
        pieces.extend(open.last().cloned().map(Mark::open));
    }
    plain(&mut pieces, rest);
    pieces.extend(open.into_iter().rev().map(Piece::Close));
    pieces
}

/// What stands between a pair of backticks is code.
#[must_use]
pub fn with_code(text: &str) -> Vec<Piece> {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd backtick opens nothing.
    let closed = if parts.len().is_multiple_of(2) { parts.len() - 1 } else { parts.len() };
    let mut pieces = Vec::with_capacity(parts.len());
    for (number, part) in parts.into_iter().enumerate() {
        let is_code = number % 2 == 1 && number < closed;
        match part {
            "" => {}
            part if is_code => pieces.push(Piece::Code(part.to_owned())),
            part => pieces.push(Piece::Text(part.to_owned())),
        }
    }
    pieces
}

/// The paragraphs of a plain-text mail; addresses in them become links.
#[must_use]
pub fn of_mail(text: &str) -> Vec<Vec<Piece>> {
    let text = text.replace("\r\n", "\n");
    text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()).map(paragraph).collect()
}

fn paragraph(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            pieces.push(Piece::Break);
        }
        let mut plain = String::new();
        for word in line.split_inclusive(' ') {
            let bare = word.trim_end_matches(' ').trim_end_matches(['.', ',', ';', ')']);
            if is_address(bare) {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Link(bare.to_owned()));
                plain.push_str(word.strip_prefix(bare).unwrap_or_default());
            } else {
                plain.push_str(word);
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
    }
    pieces
}

fn is_address(word: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| word.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    #[test]
    fn backticks_make_code_and_an_odd_one_makes_nothing() {
        assert_eq!(with_code("Send `If-Match` now"), [text("Send "), Piece::Code("If-Match".to_owned()), text(" now")]);
        assert_eq!(with_code("a ` b"), [text("a "), text(" b")]);
    }

    fn time() -> Piece {
        Piece::Time { text: "00:00".to_owned(), datetime: "1970-01-01T00:00:00Z".to_owned() }
    }

    #[test]
    fn marks_are_those_of_the_message_and_never_those_of_a_value() {
        let evil = hidden("<b>x</b><0>");
        let read = of_marked(&format!("until <b><0></b>, <a>{evil}</a>"), |name| match name {
            "0" => Some(time()),
            "a" => Some(Mark::Anchor("/a".to_owned()).open()),
            _ => None,
        });

        let anchor = Mark::Anchor("/a".to_owned());
        assert_eq!(
            read,
            [
                text("until "),
                Piece::Open(Mark::Strong),
                time(),
                Piece::Close(Mark::Strong),
                text(", "),
                Piece::Open(anchor.clone()),
                text("<b>x</b><0>"),
                Piece::Close(anchor),
            ]
        );
    }

    #[test]
    fn a_mark_left_open_is_closed() {
        let closed = [Piece::Open(Mark::Strong), text("x"), Piece::Close(Mark::Strong)];
        assert_eq!(of_marked("<b>x", |_| None), closed);
        assert_eq!(of_marked("</b><b>x</b></b><", |_| None), closed);
    }

    #[test]
    fn addresses_in_a_mail_become_links_without_the_full_stop() {
        let link = Piece::Link("http://localhost:8080/invitation?token=a.b".to_owned());

        assert_eq!(
            of_mail("Hello,\n\nopen\nhttp://localhost:8080/invitation?token=a.b.\n"),
            [vec![text("Hello,")], vec![text("open"), Piece::Break, link, text(".")]]
        );
    }

    #[test]
    fn no_other_scheme_becomes_a_link() {
        assert_eq!(of_mail("javascript:alert(1)"), [vec![text("javascript:alert(1)")]]);
        assert_eq!(of_mail("https:// x"), [vec![text("https:// x")]]);
    }
}
