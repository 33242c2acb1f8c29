//! Between our closed set of values and PostgreSQL's types.

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::db::value::{Row, Value};
use crate::error::StoreError;

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Text(text) => text.to_sql_checked(ty, out),
            Self::Int(number) => number.to_sql_checked(ty, out),
            Self::Bool(truth) => truth.to_sql_checked(ty, out),
            Self::Bytes(bytes) => bytes.to_sql_checked(ty, out),
            Self::Uuid(id) => id.to_sql_checked(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true // each kind checks for itself
    }

    to_sql_checked!();
}

/// Takes a row into our values.
pub(super) fn row(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let value = |at: usize| -> Result<Value, tokio_postgres::Error> {
        Ok(match *row.columns()[at].type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(at)?.map_or(Value::Null, Value::Int),
            Type::INT4 => row.try_get::<_, Option<i32>>(at)?.map_or(Value::Null, |n| Value::Int(n.into())),
            Type::BOOL => row.try_get::<_, Option<bool>>(at)?.map_or(Value::Null, Value::Bool),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(at)?.map_or(Value::Null, Value::Bytes),
            Type::UUID => row.try_get::<_, Option<Uuid>>(at)?.map_or(Value::Null, Value::Uuid),
            _ => row.try_get::<_, Option<String>>(at)?.map_or(Value::Null, Value::Text),
        })
    };
    (0..row.len()).map(value).collect::<Result<_, _>>().map(Row).map_err(|e| StoreError::Corrupt {
        table: "row",
        column: e.to_string(),
        id: String::new(),
    })
}
