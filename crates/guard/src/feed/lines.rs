//! The feed's event stream, read distrustfully (HTML Living Standard, section 9.2; only what our server writes).
//!
//! Lines and events are bounded, unknown events and comments are errors: what we do not understand might be a revocation.

use std::time::Duration;

use wire::revocation::RevocationPage;

/// The longest event, in bytes; one page of the feed is far shorter.
pub(crate) const LONGEST_EVENT: usize = 4 * 1024 * 1024;
/// The longest cursor, in bytes.
pub(crate) const LONGEST_CURSOR: usize = 1024;

/// Digits of the milliseconds since we asked: a stream lives for an hour at most.
const LONGEST_NUMBER: usize = 9;

/// What the feed said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Facts.
    Page(RevocationPage),
    /// Nothing was missing so long after we asked for the stream.
    NothingMissing(Duration),
}

/// It said something that a feed does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Nonsense {
    #[error("an event of more than 4 MiB")]
    TooLong,
    #[error("an event that is not of a revocation feed")]
    Event,
    #[error("an event that is not a page of revocations")]
    Page,
    #[error("a cursor that is empty, longer than 1 KiB or not plain text")]
    Cursor,
    #[error("a cursor that does not move although there is more")]
    Stuck,
}

/// Puts the pieces of a stream together.
#[derive(Default)]
pub(crate) struct Lines {
    line: Vec<u8>,
    event: Vec<u8>,
    data: Vec<u8>,
}

impl Lines {
    /// Takes the next piece, and hands out what is complete.
    pub(crate) fn take(&mut self, mut piece: &[u8], told: &mut Vec<Told>) -> Result<(), Nonsense> {
        while let Some(end) = piece.iter().position(|&byte| byte == b'\n') {
            let (head, rest) = piece.split_at(end);
            self.extend(head)?;
            piece = rest.get(1..).unwrap_or_default();
            let line = std::mem::take(&mut self.line);
            let whole = self.line(line.strip_suffix(b"\r").unwrap_or(&line))?;
            told.extend(whole);
        }
        self.extend(piece)
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), Nonsense> {
        if self.line.len() + self.data.len() + bytes.len() > LONGEST_EVENT {
            return Err(Nonsense::TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<Option<Told>, Nonsense> {
        if line.is_empty() {
            return self.dispatch();
        }
        if let Some(comment) = line.strip_prefix(b":") {
            return confirmation(comment).map(|after| Some(Told::NothingMissing(after))).ok_or(Nonsense::Event);
        }
        let colon = line.iter().position(|&byte| byte == b':').ok_or(Nonsense::Event)?;
        let (field, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if !self.data.is_empty() {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            b"event" => self.event = value.to_vec(),
            // The page says where to go on; how soon to come again is our own affair.
            b"id" | b"retry" => {}
            _ => return Err(Nonsense::Event),
        }
        Ok(None)
    }

    fn dispatch(&mut self) -> Result<Option<Told>, Nonsense> {
        let (event, data) = (std::mem::take(&mut self.event), std::mem::take(&mut self.data));
        if event.is_empty() && data.is_empty() {
            return Ok(None);
        }
        if event != b"revocations" {
            return Err(Nonsense::Event);
        }
        let page: RevocationPage = serde_json::from_slice(&data).map_err(|_| Nonsense::Page)?;
        let cursor = page.next_cursor.as_bytes();
        if !(1..=LONGEST_CURSOR).contains(&cursor.len()) || !cursor.iter().all(u8::is_ascii_graphic) {
            return Err(Nonsense::Cursor);
        }
        Ok(Some(Told::Page(page)))
    }
}

/// `ok` and milliseconds.
fn confirmation(comment: &[u8]) -> Option<Duration> {
    let digits = str::from_utf8(comment.trim_ascii()).ok()?.strip_prefix("ok ")?;
    let plain = digits.len() <= LONGEST_NUMBER && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    const EVENT: &str = "event: revocations\nid: 7\ndata: {\"items\":[],\"next_cursor\":\"7\",\"more\":false}\n\n";

    fn read(pieces: &[&[u8]]) -> Result<Vec<Told>, Nonsense> {
        let (mut lines, mut told) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.take(piece, &mut told)?;
        }
        Ok(told)
    }

    fn page() -> Told {
        Told::Page(RevocationPage { items: Vec::new(), next_cursor: "7".to_owned(), more: false })
    }

    #[test]
    fn events_and_comments_are_read_however_they_are_cut() {
        let text = format!(": ok 7\n\n{EVENT}:ok 1007\r\n\r\n{}", EVENT.replace('\n', "\r\n"));
        let after = |milliseconds| Told::NothingMissing(Duration::from_millis(milliseconds));
        let expected = [after(7), page(), after(1007), page()];
        assert_eq!(read(&[text.as_bytes()]).unwrap(), expected);
        for size in 1..20 {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            assert_eq!(read(&pieces).unwrap(), expected, "{size}");
        }
    }

    #[test]
    fn an_event_that_is_not_whole_is_not_told() {
        assert_eq!(read(&[EVENT.trim_end().as_bytes()]).unwrap(), []);
        assert_eq!(read(&[b": ok 7"]).unwrap(), []);
    }

    #[test]
    fn whatever_a_feed_does_not_say_is_an_error() {
        let of = |cursor: &str| EVENT.replace(r#""7""#, &format!("\"{cursor}\""));
        for (text, expected) in [
            ("<!doctype html>\n".to_owned(), Nonsense::Event),
            ("<p style=\"a:b\">\n".to_owned(), Nonsense::Event),
            (": keep-alive\n".to_owned(), Nonsense::Event),
            (": ok\n".to_owned(), Nonsense::Event),
            (": ok -1\n".to_owned(), Nonsense::Event),
            (": ok 9999999999\n".to_owned(), Nonsense::Event),
            ("event: other\ndata: {}\n\n".to_owned(), Nonsense::Event),
            ("data: {}\n\n".to_owned(), Nonsense::Event),
            (EVENT.replace("items", "item"), Nonsense::Page),
            (EVENT.replace("[]", r#"[{"kind":"unheard-of"}]"#), Nonsense::Page),
            (EVENT.replace("[]", &"[".repeat(100_000)), Nonsense::Page),
            (of(""), Nonsense::Cursor),
            (of(&"x".repeat(1_025)), Nonsense::Cursor),
            (of("a b"), Nonsense::Cursor),
            (of("\\n"), Nonsense::Cursor),
            (of("é"), Nonsense::Cursor),
            (of(&"x".repeat(5 * 1024 * 1024)), Nonsense::TooLong),
        ] {
            let short: String = text.chars().take(80).collect();
            assert_eq!(read(&[text.as_bytes()]), Err(expected), "{short}");
        }
    }

    #[test]
    fn neither_a_line_nor_the_lines_of_an_event_grow_without_bound() {
        let piece = vec![b'x'; 64 * 1024];
        assert_eq!(read(&vec![piece.as_slice(); 65]), Err(Nonsense::TooLong));
        let line = [b"data: ".as_slice(), &piece, b"\n"].concat();
        assert_eq!(read(&vec![line.as_slice(); 65]), Err(Nonsense::TooLong));
        assert_eq!(read(&vec![b"event: x\n".as_slice(); 100_000]).unwrap(), []);
    }
}
