//! A resource as it was before a change, from the previous values that Resource Graph tells (health.md 6.4).

use super::{Input, load};
use crate::diagnostic::{Sources, Span};
use crate::model::{Change, Snapshot};
use serde_json::Value;

/// The changed resource with its previous values, alone in a snapshot. `None` where no value is told, the text of the
/// resource is not there, or a value has no place in it.
pub fn earlier_version(sources: &Sources, current: &Snapshot, change: &Change) -> Option<Snapshot> {
    if change.previous.is_empty() {
        return None;
    }
    let place = place(current, change)?;
    let text = sources.get(place.file)?.slice(place);
    let mut resource: Value = serde_json::from_str(text).ok()?;
    for value in &change.previous {
        let before = value.before.as_deref().map(serde_json::from_str).transpose().ok()?;
        put(&mut resource, &steps(&value.path), before)?;
    }
    let bytes = serde_json::to_vec(&resource).ok()?;
    let loaded = load(vec![Input { name: "before".to_owned(), bytes, named: true }]);
    let whole = place_of(&loaded.snapshot, change).is_some();
    whole.then_some(loaded.snapshot)
}

/// Where the text of the changed resource stands.
fn place(current: &Snapshot, change: &Change) -> Option<Span> {
    place_of(current, change).filter(|span| span.end > span.start)
}

fn place_of(s: &Snapshot, change: &Change) -> Option<Span> {
    let id = &change.resource;
    let spans = [
        s.nsgs.get(id).map(|r| r.span),
        s.route_tables.get(id).map(|r| r.span),
        s.vnets.get(id).map(|r| r.span),
        s.network_interfaces.get(id).map(|r| r.span),
        s.application_gateways.get(id).map(|r| r.span),
        s.firewalls.get(id).map(|r| r.span),
        s.firewall_policies.get(id).map(|r| r.span),
        s.rule_collection_groups.get(id).map(|r| r.span),
        s.ip_groups.get(id).map(|r| r.span),
        s.load_balancers.get(id).map(|r| r.span),
        s.private_endpoints.get(id).map(|r| r.span),
    ];
    spans.into_iter().flatten().next()
}

/// `properties.securityRules["web"].properties.access` in its steps; elements of lists by number or name.
fn steps(path: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut step = String::new();
    let mut quote = None;
    for c in path.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '.' | '[' | ']') => out.extend(Some(std::mem::take(&mut step)).filter(|step| !step.is_empty())),
            _ => step.push(c),
        }
    }
    out.extend(Some(step).filter(|step| !step.is_empty()));
    out
}

/// Sets or removes what a path leads to. `az` prints resources without `properties`.
fn put(at: &mut Value, steps: &[String], before: Option<Value>) -> Option<()> {
    let (first, rest) = steps.split_first()?;
    let flat = first == "properties" && at.as_object().is_some_and(|object| key_of(object, first).is_none());
    if flat {
        return put(at, rest, before);
    }
    match at {
        Value::Object(object) => {
            let key = key_of(object, first).unwrap_or_else(|| first.clone());
            match (rest.is_empty(), before) {
                (true, Some(value)) => {
                    let value = alike(object.get(&key), value);
                    object.insert(key, value);
                }
                (true, None) => {
                    object.remove(&key);
                }
                (false, before) => put(object.get_mut(&key)?, rest, before)?,
            }
        }
        Value::Array(list) => {
            let named = |item: &Value| {
                let name = item.get("name").or_else(|| item.get("Name")).and_then(Value::as_str);
                name.is_some_and(|name| name.eq_ignore_ascii_case(first))
            };
            let position = list.iter().position(named).or_else(|| first.parse().ok().filter(|at| *at < list.len()));
            match (position, rest.is_empty(), before) {
                (Some(at), true, Some(value)) => *list.get_mut(at)? = value,
                (Some(at), true, None) => {
                    list.remove(at);
                }
                (Some(at), false, before) => put(list.get_mut(at)?, rest, before)?,
                (None, true, Some(value)) => list.push(value),
                (None, true, None) => {}
                (None, false, _) => return None,
            }
        }
        _ => return None,
    }
    Some(())
}

fn key_of(object: &serde_json::Map<String, Value>, wanted: &str) -> Option<String> {
    object.keys().find(|key| key.eq_ignore_ascii_case(wanted)).cloned()
}

/// Resource Graph tells many values as text: a list or number is read from it where one stood there.
fn alike(known: Option<&Value>, value: Value) -> Value {
    let structured = known.is_some_and(|known| !known.is_string() && !known.is_null());
    match &value {
        Value::String(text) if structured => serde_json::from_str(text).unwrap_or(value),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_properties() {
        let path = "properties.securityRules[\"web.v2\"].properties.sourcePorts[0]";
        assert_eq!(steps(path), ["properties", "securityRules", "web.v2", "properties", "sourcePorts", "0"]);
        assert_eq!(steps("tags.a"), ["tags", "a"]);
    }

    #[test]
    fn values_are_put_back() {
        let mut at: Value = serde_json::json!({"properties": {"rules": [{"name": "web", "properties": {"access": "Deny", "priority": 100}}]}});
        let path = |tail: &str| steps(&format!("properties.rules[\"Web\"].properties.{tail}"));
        assert!(put(&mut at, &path("access"), Some("Allow".into())).is_some());
        assert!(put(&mut at, &path("priority"), Some("200".into())).is_some());
        assert_eq!(at.pointer("/properties/rules/0/properties/access"), Some(&Value::from("Allow")));
        assert_eq!(at.pointer("/properties/rules/0/properties/priority"), Some(&Value::from(200)));
        assert!(put(&mut at, &steps("properties.rules[\"web\"]"), None).is_some());
        assert_eq!(at.pointer("/properties/rules/0"), None);
        assert!(put(&mut at, &steps("properties.rules[\"web\"].properties.access"), None).is_none());
        let mut flat = serde_json::json!({"securityRules": [{"name": "web", "access": "Deny"}]});
        let path = steps("properties.securityRules[\"web\"].properties.access");
        assert!(put(&mut flat, &path, Some("Allow".into())).is_some());
        assert_eq!(flat.pointer("/securityRules/0/access"), Some(&Value::from("Allow")));
    }
}
