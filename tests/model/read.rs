//! Reading of ARM objects through `serde_json::Value`: any letter case of keys, with or without `properties`.

use super::world::{Peering, space};
use serde_json::Value;

/// A resource id: as written, and the lower-case text that ids are compared by.
#[derive(Debug, Clone)]
pub(crate) struct Id {
    /// As written.
    pub(crate) text: String,
    /// In lower case.
    pub(crate) key: String,
}

impl Id {
    fn new(text: &str) -> Id {
        let text = text.trim().trim_end_matches('/').to_owned();
        Id { key: text.to_ascii_lowercase(), text }
    }

    /// The part before a segment, as written.
    pub(crate) fn above(&self, segment: &str) -> Id {
        let at = self.key.find(&segment.to_ascii_lowercase()).unwrap_or(self.key.len());
        let before = |text: &str| text.chars().take(at).collect();
        Id { key: before(&self.key), text: before(&self.text) }
    }

    /// Last segment as written.
    pub(crate) fn name(&self) -> String {
        self.text.rsplit('/').next().unwrap_or_default().to_owned()
    }
}

fn member<'v>(object: &'v Value, key: &str) -> Option<&'v Value> {
    let found = object.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
    found.map(|(_, value)| value).filter(|value| !value.is_null())
}

/// A field that is not null, under `properties` or beside it.
pub(crate) fn field<'v>(object: &'v Value, key: &str) -> Option<&'v Value> {
    let inner = member(object, "properties").and_then(|properties| member(properties, key));
    inner.or_else(|| member(object, key))
}

/// The elements of a list field; one value counts as a list of one, null and "" as none.
pub(crate) fn list<'v>(object: &'v Value, key: &str) -> Vec<&'v Value> {
    match field(object, key) {
        Some(Value::Array(items)) => items.iter().filter(|item| !item.is_null() && item.as_str() != Some("")).collect(),
        Some(Value::String(text)) if text.is_empty() => Vec::new(),
        Some(other) => vec![other],
        None => Vec::new(),
    }
}

/// A text field that is not empty.
pub(crate) fn text(object: &Value, key: &str) -> Option<String> {
    field(object, key).and_then(Value::as_str).map(str::to_owned).filter(|text| !text.trim().is_empty())
}

/// A text field in lower case.
pub(crate) fn word(object: &Value, key: &str) -> String {
    text(object, key).unwrap_or_default().trim().to_ascii_lowercase()
}

/// Texts of a list field; numbers as they print.
pub(crate) fn texts(object: &Value, key: &str) -> Vec<String> {
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    list(object, key).into_iter().map(shown).collect()
}

/// A flag.
pub(crate) fn flag(object: &Value, key: &str, absent: bool) -> bool {
    match field(object, key) {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(value)) => value.eq_ignore_ascii_case("true"),
        _ => absent,
    }
}

/// A whole number.
pub(crate) fn number(object: &Value, key: &str) -> Option<i64> {
    match field(object, key)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// What a reference value names: `{"id": ...}` or the id itself.
pub(crate) fn id_of(value: &Value) -> Option<Id> {
    let text = match value {
        Value::String(text) => text.as_str(),
        other => member(other, "id")?.as_str()?,
    };
    (!text.is_empty()).then(|| Id::new(text))
}

/// A reference field.
pub(crate) fn reference(object: &Value, key: &str) -> Option<Id> {
    field(object, key).and_then(id_of)
}

/// Keys of the references of a list field.
pub(crate) fn references(object: &Value, key: &str) -> Vec<String> {
    list(object, key).into_iter().filter_map(id_of).map(|id| id.key).collect()
}

/// The object's name, else the last segment of its id.
pub(crate) fn name(object: &Value) -> String {
    let own = member(object, "name").and_then(Value::as_str).unwrap_or_default();
    match own.rsplit('/').next() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => id_of(object).map(|id| id.name()).unwrap_or_default(),
    }
}

/// The id of a child object, made from its parent where it has none.
pub(crate) fn child_id(object: &Value, parent: &str, kind: &str) -> Id {
    id_of(object).unwrap_or_else(|| Id::new(&format!("{parent}/{kind}/{}", name(object))))
}

/// The resource type in lower case, without the provider.
pub(crate) fn kind(object: &Value) -> String {
    let written = member(object, "type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let kind = if written.contains('/') {
        written
    } else {
        let key = id_of(object).map(|id| id.key).unwrap_or_default();
        let tail = key.rsplit("/providers/").next().unwrap_or_default().to_owned();
        let parts: Vec<&str> = tail.split('/').collect();
        let kinds: Vec<&str> = parts.iter().skip(1).step_by(2).copied().collect();
        format!("{}/{}", parts.first().copied().unwrap_or_default(), kinds.join("/"))
    };
    kind.trim_start_matches("microsoft.network/").to_owned()
}

/// One side of a peering.
pub(super) fn peering(object: &Value) -> Peering {
    let names = |key: &str| texts(object, key).iter().map(|text| text.to_ascii_lowercase()).collect();
    let whole = flag(object, "peerCompleteVnets", true);
    Peering {
        name: name(object),
        remote: reference(object, "remoteVirtualNetwork"),
        connected: matches!(word(object, "peeringState").as_str(), "" | "connected"),
        access: flag(object, "allowVirtualNetworkAccess", true),
        forwarded: flag(object, "allowForwardedTraffic", false),
        transit: flag(object, "allowGatewayTransit", false),
        remote_gateways: flag(object, "useRemoteGateways", false),
        space: space(object, "remoteAddressSpace"),
        wide_space: space(object, "remoteVirtualNetworkAddressSpace"),
        only: (!whole).then(|| (names("localSubnetNames"), names("remoteSubnetNames"))),
    }
}
