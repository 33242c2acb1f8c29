//! Passwords that everybody tries, as a binary fuse filter (Graefe and Lemire, 2022): 18 bits for each, three looks, no false "no" and one false
//! "yes" in 65,536. What is on it, from where, and how the file is made: docs/blocklist.md.
//!
//! The file: 8 bytes [`MAGIC`], then little-endian the number of entries (8), the seed (8), the length of a segment (4), the first cells of all
//! segments but two (4), then the cells (2 each).

use crate::secret::sha256;
use crate::user::fold;

/// First bytes of the file.
pub const MAGIC: &[u8; 8] = b"BWPWLST1";
/// Bytes before the cells.
const HEADER: usize = 32;

/// The list.
#[derive(Clone, Copy)]
pub struct Blocklist<'d> {
    entries: u64,
    seed: u64,
    segment: u32,
    segments: u32,
    cells: &'d [u8],
}

impl std::fmt::Debug for Blocklist<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blocklist({})", self.entries)
    }
}

impl<'d> Blocklist<'d> {
    /// Reads the file; `None` if it is not one, or not whole.
    #[must_use]
    pub fn parse(file: &'d [u8]) -> Option<Self> {
        let (header, cells) = file.split_first_chunk::<HEADER>()?;
        let (magic, numbers) = header.split_first_chunk::<8>()?;
        let (entries, numbers) = numbers.split_first_chunk()?;
        let (seed, numbers) = numbers.split_first_chunk()?;
        let (segment, segments) = numbers.split_first_chunk()?;
        let (entries, seed) = (u64::from_le_bytes(*entries), u64::from_le_bytes(*seed));
        let segment = u32::from_le_bytes(*segment);
        let segments = u32::from_le_bytes(segments.try_into().ok()?);
        let whole = u64::from(segments) + 2 * u64::from(segment);
        let good = magic == MAGIC && segment.is_power_of_two() && segments > 0 && cells.len() as u64 == 2 * whole;
        good.then_some(Self { entries, seed, segment, segments, cells })
    }

    /// How many passwords are on it.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes of the filter.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.cells.len() + HEADER
    }

    /// Whether a password is on it: the whole of it, whatever its case and form (NFKC).
    #[must_use]
    pub fn contains(&self, password: &str) -> bool {
        self.contains_folded(&fold(password))
    }

    /// The same for what was folded already.
    pub(super) fn contains_folded(&self, folded: &str) -> bool {
        let hash = murmur(key(folded).wrapping_add(self.seed));
        // Below `segments`: the high half of a product with it.
        let first = ((u128::from(hash) * u128::from(self.segments)) >> 64) as u32;
        let mask = self.segment - 1;
        let second = (first + self.segment) ^ ((hash >> 18) as u32 & mask);
        let third = (first + 2 * self.segment) ^ (hash as u32 & mask);
        let found = self.cell(first) ^ self.cell(second) ^ self.cell(third);
        found == (hash ^ (hash >> 32)) as u16
    }

    fn cell(&self, at: u32) -> u16 {
        let at = at as usize * 2;
        self.cells.get(at..at + 2).map_or(0, |pair| u16::from_le_bytes([pair[0], pair[1]]))
    }
}

/// What a folded password is in the filter.
#[must_use]
pub fn key(folded: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = sha256(&[b"bailiwick blocklist 1\n", folded.as_bytes()]);
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// The finaliser of MurmurHash3.
const fn murmur(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_list_is_refused() {
        let mut file = [&MAGIC[..], &[0; 24], &[0; 24]].concat();
        file[24] = 4;
        file[28] = 4;

        assert!(Blocklist::parse(&file).is_some());
        assert!(Blocklist::parse(&file[..file.len() - 1]).is_none());
        assert!(Blocklist::parse(&[]).is_none());
        for (at, value) in [(0, 0), (24, 3), (24, 0), (28, 0), (28, 5), (31, 255)] {
            let mut changed = file.clone();
            changed[at] = value;
            assert!(Blocklist::parse(&changed).is_none(), "{at}");
        }
    }
}
