//! Service-tag files and hosts maps.

use super::fields::Fields;
use super::json::{Object, Unusable};
use crate::diagnostic::{Diagnostic, code};
use crate::model::ServiceTags;
use crate::net::{AddressSet, WrittenPrefix, parse_address};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Is this a service-tag file: `{"name", "changeNumber", "cloud", "values": [{"name", "properties": ...}]}`?
pub(crate) fn is_service_tags(object: &Object<'_>) -> bool {
    object.get("values").is_some_and(|values| values.is_array()) && (object.has("changeNumber") || object.has("cloud"))
}

/// Reads a service-tag file. A tag with a prefix that cannot be read is left out, so that it stays unknown.
pub(crate) fn read_service_tags(object: &Object<'_>) -> Result<ServiceTags, Unusable> {
    let (mut tags, mut nets) = (BTreeMap::new(), BTreeMap::new());
    for node in object.list("values") {
        let fields = Fields::open(node)?;
        let prefixes = fields.list("addressPrefixes");
        let read: Option<Vec<ipnet::IpNet>> = prefixes
            .iter()
            .map(|node| node.string().and_then(|text| WrittenPrefix::parse(&text)).map(|prefix| prefix.net))
            .collect();
        match read {
            Some(set) => {
                tags.insert(fields.name().to_ascii_lowercase(), set.iter().copied().collect::<AddressSet>());
                nets.insert(fields.name().to_ascii_lowercase(), set);
            }
            None => node.report(Diagnostic::new(
                &code::INVALID_PREFIX,
                format!("tag {} holds a prefix that cannot be read; the tag was left out", fields.name()),
            )),
        }
    }
    let text = |key: &str| object.get(key).and_then(|node| node.scalar()).map(String::from);
    Ok(ServiceTags { change_number: text("changeNumber"), cloud: text("cloud"), tags, prefixes: nets })
}

/// Reads a hosts map `{"name": ["address", ...]}`; `None` where any value is something else.
pub(crate) fn read_hosts_map(object: &Object<'_>) -> Option<BTreeMap<String, Vec<IpAddr>>> {
    let mut out = BTreeMap::new();
    for (name, value) in object.members() {
        if !value.is_array() || !is_host_name(name) {
            return None;
        }
        let addresses: Option<Vec<IpAddr>> =
            value.items().iter().map(|node| node.string().and_then(|text| parse_address(&text))).collect();
        out.insert(host_key(name), addresses?);
    }
    (!out.is_empty()).then_some(out)
}

/// Reads hosts-format text: `address name [name...]`, `#` comments. `None` where a line is something else.
pub(crate) fn read_hosts_text(text: &str) -> Option<BTreeMap<String, Vec<IpAddr>>> {
    let mut out: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let mut words = line.split_whitespace();
        let address = words.next().and_then(parse_address)?;
        let names: Vec<&str> = words.collect();
        if names.is_empty() || !names.iter().all(|name| is_host_name(name)) {
            return None;
        }
        for name in names {
            let list = out.entry(host_key(name)).or_default();
            if !list.contains(&address) {
                list.push(address);
            }
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Names compare in lower case, without the dot at the end.
pub(crate) fn host_key(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

fn is_host_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    !name.is_empty()
        && name.len() <= 253
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_text() {
        let map = read_hosts_text(
            "# mine\n10.1.2.3  App.Example. api.example # two\n10.1.2.4 app.example\nfd00::1 v6.example\n",
        );
        let map = map.unwrap_or_default();
        assert_eq!(map.get("app.example").map(Vec::len), Some(2));
        assert_eq!(map.len(), 3);
        for bad in ["", "# only\n", "10.1.2.3\n", "name 10.1.2.3\n", "hello world\n"] {
            assert!(read_hosts_text(bad).is_none(), "{bad}");
        }
    }
}
