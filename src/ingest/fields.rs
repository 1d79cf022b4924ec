//! One resource object, whatever its shape: ARM keeps fields under `properties`, `az` and PowerShell print them flat.

use super::json::{Node, Object, Unusable};
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{Located, ResourceId, Setting};
use crate::net::{WrittenPrefix, parse_address};
use ipnet::IpNet;
use std::borrow::Cow;
use std::net::IpAddr;

/// The fields of a resource, sub-resource or rule object.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    outer: Object<'a>,
    inner: Option<Object<'a>>,
}

impl<'a> Fields<'a> {
    /// Opens an object. Anything else is reported and unusable.
    pub(crate) fn open(node: Node<'a>) -> Result<Self, Unusable> {
        match node.object()? {
            Some(outer) => Fields::of(outer),
            None => Err(wrong_type(node, "an object")),
        }
    }

    /// Takes an object that is already open.
    pub(crate) fn of(outer: Object<'a>) -> Result<Self, Unusable> {
        let inner = match outer.get("properties") {
            Some(node) if node.is_object() => node.object()?,
            Some(node) if node.is_string() && !node.is_blank() => return Err(wrong_type(node, "an object")),
            _ => None,
        };
        if let Some(inner) = &inner {
            agree(&outer, inner)?;
        }
        Ok(Fields { outer, inner })
    }

    /// The object's place.
    pub(crate) fn span(&self) -> Span {
        self.outer.node().span()
    }

    /// Does the object hold any of these fields, null included, or a `properties` object?
    pub(crate) fn is_whole(&self, any_of: &[&str]) -> bool {
        self.inner.is_some() || any_of.iter().any(|key| self.outer.has(key))
    }

    /// The object itself.
    pub(crate) fn outer(&self) -> &Object<'a> {
        &self.outer
    }

    /// A field that is not null, under `properties` or beside it.
    pub(crate) fn get(&self, key: &str) -> Option<Node<'a>> {
        self.inner.as_ref().and_then(|inner| inner.get(key)).or_else(|| self.outer.get(key))
    }

    /// A string field that is not empty.
    pub(crate) fn text(&self, key: &str) -> Option<Located<String>> {
        self.get(key).and_then(|node| node.text())
    }

    /// A string field.
    pub(crate) fn str(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key).and_then(|node| node.string())
    }

    /// A flag; a value that is neither true nor false is reported and unusable.
    pub(crate) fn flag(&self, key: &str, default: bool) -> Result<bool, Unusable> {
        match self.get(key) {
            None => Ok(default),
            Some(node) if node.is_blank() => Ok(default),
            Some(node) => node.boolean().ok_or_else(|| wrong_type(node, "true or false")),
        }
    }

    /// An object field.
    pub(crate) fn child(&self, key: &str) -> Result<Option<Fields<'a>>, Unusable> {
        match self.get(key) {
            None => Ok(None),
            Some(node) if node.is_blank() => Ok(None),
            Some(node) => Fields::open(node).map(Some),
        }
    }

    /// The elements of a list field.
    pub(crate) fn list(&self, key: &str) -> Vec<Node<'a>> {
        self.get(key).map(|node| node.items_or_self()).unwrap_or_default()
    }

    /// The objects of a list field.
    pub(crate) fn objects(&self, key: &str) -> Result<Vec<Fields<'a>>, Unusable> {
        self.list(key).into_iter().filter(|node| node.raw() != "null").map(Fields::open).collect()
    }

    /// The strings of a list field.
    pub(crate) fn strings(&self, key: &str) -> Vec<Located<String>> {
        self.list(key).iter().filter_map(Node::text).collect()
    }

    /// The object's own id.
    pub(crate) fn id(&self) -> Option<ResourceId> {
        let text = self.outer.str("id").or_else(|| self.outer.str("resourceId"))?;
        (text.trim().len() > 1).then(|| ResourceId::new(&text))
    }

    /// The object's own id, else one made from its parent and name.
    pub(crate) fn id_under(&self, parent: &ResourceId, kind: &str) -> ResourceId {
        self.id().unwrap_or_else(|| parent.child(kind, &self.name()))
    }

    /// The object's name; the last segment of its id where it has none.
    pub(crate) fn name(&self) -> String {
        let own = self.outer.str("name").or_else(|| self.outer.str("resourceName")).unwrap_or_default();
        let own = own.rsplit('/').next().unwrap_or_default().trim();
        if own.is_empty() { self.id().map(|id| id.name().to_owned()).unwrap_or_default() } else { own.to_owned() }
    }

    /// A reference field: `{"id": ...}`, an expanded object, or the id itself.
    pub(crate) fn reference(&self, key: &str) -> Result<Option<Located<ResourceId>>, Unusable> {
        match self.get(key) {
            None => Ok(None),
            Some(node) => reference(node),
        }
    }

    /// The references of a list field.
    pub(crate) fn references(&self, key: &str) -> Result<Vec<Located<ResourceId>>, Unusable> {
        let found: Result<Vec<_>, _> = self.list(key).into_iter().map(reference).collect();
        Ok(found?.into_iter().flatten().collect())
    }

    /// An address field: reported where it is present and no address.
    pub(crate) fn address(&self, key: &str) -> Setting<IpAddr> {
        let Some(text) = self.text(key) else { return Setting::Missing };
        match parse_address(&text.value) {
            Some(address) => Setting::Set(Located::new(address, text.span)),
            None => Setting::Invalid(text),
        }
    }

    /// A private address; one that is no address is reported and left out.
    pub(crate) fn private_address(&self, key: &str) -> Option<Located<IpAddr>> {
        match self.address(key) {
            Setting::Set(address) => Some(address),
            Setting::Missing => None,
            Setting::Invalid(text) => {
                let message = format!("{:?} is no IP address; Azure refuses it, and it was left out", text.value);
                let mut finding =
                    Diagnostic::new(&code::PRIVATE_ADDRESS_FORMAT, message).help(code::PRIVATE_ADDRESS_FORMAT.fix);
                if let Some(id) = self.id() {
                    finding = finding.resource(id.as_str());
                }
                if let Some(node) = self.get(key) {
                    node.report(finding);
                }
                None
            }
        }
    }

    /// A port field, 1 to 65535.
    pub(crate) fn port(&self, key: &str) -> Result<Option<Located<u16>>, Unusable> {
        let Some(node) = self.get(key).filter(|node| !node.is_blank()) else { return Ok(None) };
        match node.integer().and_then(|number| u16::try_from(number).ok()) {
            Some(port) if port > 0 => Ok(Some(Located::new(port, node.span()))),
            _ => Err(wrong_type(node, "a port from 1 to 65535")),
        }
    }

    /// A number field of seconds or counts.
    pub(crate) fn number(&self, key: &str, default: u64) -> Result<u64, Unusable> {
        let Some(node) = self.get(key).filter(|node| !node.is_blank()) else { return Ok(default) };
        node.integer().and_then(|number| u64::try_from(number).ok()).ok_or_else(|| wrong_type(node, "a number"))
    }

    /// Prefixes of address-space fields. One that is no prefix is reported and makes the resource unusable: without it the
    /// network would look smaller than it is.
    pub(crate) fn prefixes(&self, keys: &[&str]) -> Result<Vec<Located<WrittenPrefix>>, Unusable> {
        let mut out: Vec<Located<WrittenPrefix>> = Vec::new();
        for node in keys.iter().flat_map(|key| self.list(key)) {
            // A bare address is no prefix here: Azure wants CIDR form.
            let parsed = node.string().filter(|text| text.contains('/')).and_then(|text| WrittenPrefix::parse(&text));
            match parsed {
                Some(prefix) if out.iter().any(|other| other.value.net == prefix.net) => {}
                Some(prefix) => out.push(Located::new(prefix, node.span())),
                None => {
                    let text = format!("{} is no prefix in CIDR form; the resource was not used", shown(node));
                    node.report(Diagnostic::new(&code::PREFIX_FORMAT, text).help("write it as 10.0.0.0/24"));
                    return Err(Unusable);
                }
            }
        }
        Ok(out)
    }

    /// Canonical prefixes of an `{"addressPrefixes": []}` object field.
    pub(crate) fn address_space(&self, key: &str) -> Result<Vec<IpNet>, Unusable> {
        let Some(space) = self.child(key)? else { return Ok(Vec::new()) };
        Ok(space.prefixes(&["addressPrefixes"])?.into_iter().map(|prefix| prefix.value.net).collect())
    }
}

/// A field that stands under `properties` and beside it must say the same: of `"access": "Deny"` and `"Allow"` neither
/// may win.
fn agree(outer: &Object<'_>, inner: &Object<'_>) -> Result<(), Unusable> {
    for (key, value) in inner.members().filter(|(_, value)| !value.is_blank()) {
        let other = outer.get(key).filter(|other| !other.is_blank() && other.raw() != value.raw());
        let identity = ["id", "name", "type", "etag", "location", "tags", "sku", "resourceGroup"];
        if let Some(other) = other.filter(|_| !identity.iter().any(|known| known.eq_ignore_ascii_case(key))) {
            let text = format!(
                "{key} is {} under properties and {} beside them; the resource was not used",
                shown(value),
                shown(other)
            );
            value.report(
                Diagnostic::new(&code::CONFLICTING_VALUES, text)
                    .label(other.span(), "the other one")
                    .help("export it again"),
            );
            return Err(Unusable);
        }
    }
    Ok(())
}

/// Reads a reference.
fn reference(node: Node<'_>) -> Result<Option<Located<ResourceId>>, Unusable> {
    if let Some(object) = node.object()? {
        let id = object.get("id").or_else(|| object.get("resourceId")).and_then(|id| id.text());
        return Ok(id.map(|id| Located::new(ResourceId::new(&id.value), id.span)));
    }
    match node.text() {
        Some(text) if is_cut(&text.value) => Err(wrong_type(node, "a reference")),
        Some(text) => Ok(Some(Located::new(ResourceId::new(&text.value), text.span))),
        None => Ok(None),
    }
}

/// Is this what PowerShell's ConvertTo-Json writes in place of an object beyond its depth?
pub(crate) fn is_cut(text: &str) -> bool {
    text.starts_with("Microsoft.Azure.") || text.starts_with("System.") || text.starts_with("@{")
}

/// Reports a value of the wrong kind.
pub(crate) fn wrong_type(node: Node<'_>, expected: &str) -> Unusable {
    let cut = node.string().is_some_and(|text| is_cut(&text));
    let finding = if cut {
        Diagnostic::new(&code::DEPTH_CUT, format!("{} is a type name: ConvertTo-Json cut the data", shown(node)))
            .help("run it again with `ConvertTo-Json -Depth 20`")
    } else {
        Diagnostic::new(
            &code::WRONG_TYPE,
            format!("{} where {expected} belongs; the resource was not used", shown(node)),
        )
        .help("export the resource again")
    };
    node.report(finding);
    Unusable
}

/// A short form of a value for a message.
pub(crate) fn shown(node: Node<'_>) -> String {
    let short: String = node.raw().chars().take(60).collect();
    if short.len() < node.raw().len() { format!("{short}...") } else { short }
}
