//! The first door: only the store makes transactions; the permission of one cannot be exchanged.

use domain::allowed::Allowed;
use store::ReadTx;

fn with_another_permission<'c>(tx: ReadTx<'c>, allowed: Allowed) -> ReadTx<'c> {
    ReadTx { allowed, ..tx }
}

fn main() {}
