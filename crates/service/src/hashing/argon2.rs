//! Argon2id and Argon2i (RFC 9106), in an arena that is used again and wiped after each hash.

use ::argon2::{Algorithm, Argon2, Block, Params, Version};
use domain::password::kind::Variant;
use zeroize::Zeroize;

/// The memory of a hash.
pub(super) type Arena = Vec<Block>;

/// What an Argon2 hash costs.
pub(super) struct Work {
    pub(super) variant: Variant,
    pub(super) version: u8,
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

impl Work {
    fn params(&self, length: usize) -> Option<Params> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(length)).ok()
    }

    /// Blocks of the arena.
    pub(super) fn blocks(&self) -> usize {
        self.params(32).map_or(0, |params| params.block_count())
    }

    pub(super) fn hash(
        &self,
        pepper: Option<&[u8]>,
        password: &[u8],
        salt: &[u8],
        out: &mut [u8],
        arena: &mut Arena,
    ) -> Option<()> {
        let params = self.params(out.len())?;
        let blocks = params.block_count();
        if arena.len() < blocks {
            arena.resize(blocks, Block::new());
        }
        let algorithm = match self.variant {
            Variant::Id => Algorithm::Argon2id,
            Variant::I => Algorithm::Argon2i,
        };
        let version = if self.version == 16 { Version::V0x10 } else { Version::V0x13 };
        let argon2 = match pepper {
            Some(pepper) => Argon2::new_with_secret(pepper, algorithm, version, params).ok()?,
            None => Argon2::new(algorithm, version, params),
        };
        let done = argon2.hash_password_into_with_memory(password, salt, out, &mut arena[..blocks]);
        arena[..blocks].iter_mut().for_each(Zeroize::zeroize);
        done.ok()
    }
}
