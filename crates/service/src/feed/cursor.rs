//! Where a follower of the feed stands. Opaque to it; nothing in it is secret, and a made-up one harms only who made it up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::RevocationId;
use domain::realm::RealmKey;
use uuid::Uuid;

use super::NO_ID;

/// Realm, epoch, low-water mark, position: eight bytes each; an id.
const BYTES: usize = 48;

/// A place in the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The history that the positions belong to.
    pub(crate) epoch: i64,
    /// Below it nothing can appear any more.
    pub(crate) low: i64,
    /// After this item.
    pub(crate) at: (i64, RevocationId),
}

impl Cursor {
    /// Before everything.
    pub(crate) const START: Self = Self { epoch: 0, low: 0, at: (0, NO_ID) };

    /// At a low-water mark.
    pub(crate) const fn at_mark(epoch: i64, low: i64) -> Self {
        Self { epoch, low, at: (low, NO_ID) }
    }

    /// Whether an answer begins here, rather than goes on.
    pub(crate) fn begins(&self) -> bool {
        self.at == (self.low, NO_ID)
    }

    pub(crate) fn text(&self, realm: RealmKey) -> String {
        let numbers = [i64::from(realm.get()), self.epoch, self.low, self.at.0];
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        bytes.extend(self.at.1.uuid().as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor of this realm; `None` for anything else.
    pub(crate) fn parse(realm: RealmKey, text: &str) -> Option<Self> {
        if text.len() != BYTES.div_ceil(3) * 4 {
            return None;
        }
        let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (numbers, id) = bytes.split_first_chunk::<32>()?;
        let number = |at: usize| numbers.get(at * 8..)?.first_chunk().copied().map(i64::from_be_bytes);
        let (of, epoch, low, position) = (number(0)?, number(1)?, number(2)?, number(3)?);
        if low < 0 || position < 0 {
            return None;
        }
        let id = RevocationId::from_uuid(Uuid::from_slice(id).ok()?);
        (of == i64::from(realm.get())).then_some(Self { epoch, low, at: (position, id) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_text_and_is_of_one_realm(epoch: i64, low in 0..i64::MAX, position in 0..i64::MAX, id: u128) {
            let cursor = Cursor { epoch, low, at: (position, RevocationId::from_uuid(Uuid::from_u128(id))) };
            let text = cursor.text(RealmKey::MAIN);

            prop_assert_eq!(Cursor::parse(RealmKey::MAIN, &text), Some(cursor));
            prop_assert_eq!(Cursor::parse(RealmKey::from_stored(2), &text), None);
        }

        #[test]
        fn reading_never_panics(text in ".{0,80}") {
            let _ = Cursor::parse(RealmKey::MAIN, &text);
        }
    }
}
