//! Marks by id, in shards of a hash table.

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use uuid::Uuid;

use super::Full;

/// Locks of one table.
const SHARDS: usize = 64;
/// [`Mark::before`] of what is refused whenever it was issued.
pub(super) const ALWAYS: u32 = u32::MAX;

/// What is refused of one session, person or token.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    /// Tokens with an earlier `as_of` or `sid_as_of`, whichever is about this.
    pub(super) before: u32,
    /// From then on it may be forgotten.
    pub(super) until: u32,
}

/// Marks by id.
pub(super) struct Table {
    shards: Vec<RwLock<Shard>>,
}

#[derive(Default)]
struct Shard {
    marks: HashMap<Uuid, Mark, RandomState>,
    /// What the map has allocated.
    bytes: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }
}

impl Table {
    /// The last byte of an id is random in all versions that we make.
    fn shard(&self, id: Uuid) -> Option<&RwLock<Shard>> {
        self.shards.get(usize::from(id.as_bytes()[15]) % SHARDS)
    }

    pub(super) fn refuses(&self, id: Uuid, as_of: i64) -> bool {
        let Some(shard) = self.shard(id) else { return true };
        let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
        shard.marks.get(&id).is_some_and(|mark| mark.before == ALWAYS || as_of < i64::from(mark.before))
    }

    pub(super) fn keep(&self, id: Uuid, mark: Mark, total: &AtomicUsize, most: usize) -> Result<(), Full> {
        let Some(shard) = self.shard(id) else { return Err(Full) };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shard.marks.get_mut(&id) {
            *known = Mark { before: known.before.max(mark.before), until: known.until.max(mark.until) };
            return Ok(());
        }
        if shard.marks.len() == shard.marks.capacity() {
            // Removed marks hide how large the map is; it doubles at the most.
            let grown = table_bytes(shard.marks.capacity() + 1).max(2 * shard.bytes);
            if total.load(Ordering::Relaxed).saturating_sub(shard.bytes) + grown > most {
                return Err(Full);
            }
        }
        shard.marks.insert(id, mark);
        let bytes = shard.bytes.max(table_bytes(shard.marks.capacity()));
        shard.account(bytes, total);
        Ok(())
    }

    pub(super) fn retain(&self, stays: impl Fn(&Mark) -> bool, total: &AtomicUsize) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let before = shard.marks.len();
            shard.marks.retain(|_, mark| stays(mark));
            // A map that lost much is made anew: only then is its size known again, and its memory given back.
            if shard.marks.len() < before && table_bytes(shard.marks.len()) * 2 < shard.bytes {
                shard.marks.shrink_to_fit();
                let bytes = table_bytes(shard.marks.capacity());
                shard.account(bytes, total);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).marks.len()).sum()
    }
}

impl Shard {
    fn account(&mut self, bytes: usize, total: &AtomicUsize) {
        total.fetch_add(bytes, Ordering::Relaxed);
        total.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

/// What a map for `capacity` marks allocates: a power of two of places, seven of eight used, a byte for each beside it (hashbrown's layout).
pub(super) fn table_bytes(capacity: usize) -> usize {
    let places = match capacity {
        0 => return 0,
        1..=3 => 4,
        4..=7 => 8,
        _ => (capacity * 8 / 7).next_power_of_two(),
    };
    places * (size_of::<(Uuid, Mark)>() + 1) + 16
}
