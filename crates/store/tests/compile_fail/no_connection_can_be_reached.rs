//! The first door: neither the store nor a transaction shows its connection.

use store::{ReadTx, Store, WriteTx};

fn of_the_store(store: &Store) {
    let _ = &store.backend;
}

fn of_a_reader(tx: &ReadTx<'_>) {
    let _ = &tx.connection;
}

fn of_a_writer(tx: &mut WriteTx<'_>) {
    let _ = tx.connection_mut();
}

fn main() {}
