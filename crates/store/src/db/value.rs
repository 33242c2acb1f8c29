//! Values that go into statements and come out of rows: text, integers, booleans, bytes, ids, each nullable.

use domain::id;
use domain::realm::RealmKey;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;

/// A value; the set is closed.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// Text, without U+0000.
    Text(String),
    /// An integer: numbers, and instants in microseconds.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An id.
    Uuid(Uuid),
}

macro_rules! into_value {
    ($($from:ty => |$value:ident| $make:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Self { $make }
        }
    )*};
}

into_value! {
    &str => |v| Self::Text(v.to_owned());
    String => |v| Self::Text(v);
    &String => |v| Self::Text(v.clone());
    i64 => |v| Self::Int(v);
    i32 => |v| Self::Int(v.into());
    u32 => |v| Self::Int(v.into());
    bool => |v| Self::Bool(v);
    Vec<u8> => |v| Self::Bytes(v);
    &[u8] => |v| Self::Bytes(v.to_vec());
    &[u8; 32] => |v| Self::Bytes(v.to_vec());
    [u8; 32] => |v| Self::Bytes(v.to_vec());
    Uuid => |v| Self::Uuid(v);
    Timestamp => |v| Self::Int(v.micros());
    RealmKey => |v| Self::Int(v.get());
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What a column's value can be read as.
pub trait FromValue: Sized {
    /// `None`: the value is of another kind.
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($to:ty: $($pattern:pat => $make:expr),+;)*) => {$(
        impl FromValue for $to {
            fn from_value(value: &Value) -> Option<Self> {
                match value { $($pattern => $make,)+ _ => None }
            }
        }
    )*};
}

from_value! {
    String: Value::Text(v) => Some(v.clone());
    i64: Value::Int(v) => Some(*v);
    u32: Value::Int(v) => (*v).try_into().ok();
    bool: Value::Bool(v) => Some(*v), Value::Int(v) => Some(*v != 0);
    Vec<u8>: Value::Bytes(v) => Some(v.clone());
    [u8; 32]: Value::Bytes(v) => v.as_slice().try_into().ok();
    Uuid: Value::Uuid(v) => Some(*v), Value::Bytes(v) => Uuid::from_slice(v).ok();
    Timestamp: Value::Int(v) => Some(Self::from_micros(*v));
    RealmKey: Value::Int(v) => Some(Self::from_stored(*v));
}

macro_rules! id_values {
    ($($name:ident),*) => {$(
        impl From<id::$name> for Value {
            fn from(value: id::$name) -> Self { Self::Uuid(value.uuid()) }
        }
        impl FromValue for id::$name {
            fn from_value(value: &Value) -> Option<Self> { Uuid::from_value(value).map(Self::from_uuid) }
        }
    )*};
}

id_values!(
    PrincipalId,
    UserId,
    UnitId,
    RoleId,
    ApiId,
    PermissionId,
    GrantId,
    SessionId,
    FamilyId,
    DeviceId,
    CredentialId,
    AddressId,
    TokenId,
    TransactionId,
    KeyId,
    EventId,
    MessageId,
    PolicyId,
    RevocationId,
    SecretId
);

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}

/// One row of an answer.
#[derive(Clone, Debug)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// The value of a column, counted from 0.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`]: it is of another kind.
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T, StoreError> {
        self.0.get(column).and_then(T::from_value).ok_or_else(|| StoreError::Corrupt {
            table: "row",
            column: column.to_string(),
            id: self.0.first().and_then(Uuid::from_value).map(|id| id.to_string()).unwrap_or_default(),
        })
    }

    /// A column that holds a word of a closed list.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`]: it is not in the list.
    pub fn parsed<T>(&self, column: usize, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        parse(&self.get::<String>(column)?).ok_or_else(|| StoreError::Corrupt {
            table: "row",
            column: column.to_string(),
            id: String::new(),
        })
    }
}
