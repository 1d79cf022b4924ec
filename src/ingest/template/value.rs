//! Values of template expressions.

/// A JSON value, or one that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// A number as written.
    Number(String),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
    /// What only a deployment knows, as written. Never taken for anything else.
    Open(String),
}

impl Value {
    /// The value under a key, in any letter case.
    pub(super) fn member(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Object(members) => members.iter().find(|(own, _)| own.eq_ignore_ascii_case(key)).map(|(_, v)| v),
            _ => None,
        }
    }

    /// Is any part of it not known?
    pub(super) fn is_open(&self) -> bool {
        match self {
            Value::Open(_) => true,
            Value::List(items) => items.iter().any(Value::is_open),
            Value::Object(members) => members.iter().any(|(_, value)| value.is_open()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => false,
        }
    }

    /// The text of a scalar as `concat` and `format` write it.
    pub(super) fn words(&self) -> Option<String> {
        match self {
            Value::Text(text) => Some(text.clone()),
            Value::Number(number) => Some(number.clone()),
            Value::Bool(true) => Some("True".to_owned()),
            Value::Bool(false) => Some("False".to_owned()),
            Value::Null | Value::List(_) | Value::Object(_) | Value::Open(_) => None,
        }
    }

    /// Bytes it takes at least, for the bound on what a template may grow to.
    pub(super) fn size(&self) -> usize {
        8 + match self {
            Value::Null | Value::Bool(_) => 0,
            Value::Number(text) | Value::Text(text) | Value::Open(text) => text.len(),
            Value::List(items) => items.iter().map(Value::size).sum(),
            Value::Object(members) => members.iter().map(|(key, value)| key.len() + value.size()).sum(),
        }
    }

    /// Takes a JSON value as it stands.
    pub(super) fn of_json(value: serde_json::Value) -> Value {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(flag) => Value::Bool(flag),
            serde_json::Value::Number(number) => Value::Number(number.to_string()),
            serde_json::Value::String(text) => Value::Text(text),
            serde_json::Value::Array(items) => Value::List(items.into_iter().map(Value::of_json).collect()),
            serde_json::Value::Object(members) => {
                Value::Object(members.into_iter().map(|(key, value)| (key, Value::of_json(value))).collect())
            }
        }
    }
}
