//! What must hold for any bytes that claim to be the revocation feed. Used by the fuzz target and, with its corpus, by a test of `guard`; each
//! puts the reader, `lines`, beside this module.

use super::lines::{LONGEST_CURSOR, Lines, Nonsense, Told};

/// Panics if reading `input` breaks a promise of the guard's reader of event streams.
pub(crate) fn check(input: &[u8]) {
    let whole = read(input.chunks(input.len().max(1)));
    for size in [1, 2, 7, 64] {
        assert_eq!(read(input.chunks(size)), whole, "it does not matter how a stream is cut: {size}");
    }
    let (told, _) = whole;
    let lines = input.iter().filter(|&&byte| byte == b'\n').count();
    assert!(told.len() <= lines, "nothing is told before its line has ended");
    for one in &told {
        let Told::Page(page) = one else { continue };
        let cursor = page.next_cursor.as_bytes();
        assert!((1..=LONGEST_CURSOR).contains(&cursor.len()), "a cursor is bounded");
        assert!(cursor.iter().all(u8::is_ascii_graphic), "a cursor fits into an address");
        // A time before the year 0 can be read and not be written.
        let Ok(written) = serde_json::to_string(page) else { continue };
        let event = format!("event: revocations\ndata: {written}\n\n");
        let (again, end) = read([event.as_bytes()].into_iter());
        assert_eq!((again.as_slice(), end), (std::slice::from_ref(one), Ok(())), "a page survives being written");
    }
}

/// What is told before the end, and whether the end is one.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Told>, Result<(), Nonsense>) {
    let (mut lines, mut told) = (Lines::default(), Vec::new());
    for piece in pieces {
        if let Err(nonsense) = lines.take(piece, &mut told) {
            return (told, Err(nonsense));
        }
    }
    (told, Ok(()))
}
