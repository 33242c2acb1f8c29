//! The first door: what stands below a transaction is private.

use store::db::postgres::Database as Postgres;
use store::db::sqlite::Database as Sqlite;
use store::db::tx::Connection;

fn main() {}
