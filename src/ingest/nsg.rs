//! Network security groups and their rules.

use super::fields::Fields;
use super::json::{Node, Unusable};
use crate::model::{
    Access, AddressSide, AddressTerm, Direction, Located, NetworkSecurityGroup, PortSide, PortTerm, ResourceId,
    RuleProtocol, SecurityRule, Setting, is_default_rule,
};
use crate::net::{Protocol, parse_port_range};

/// Reads a network security group.
pub(crate) fn read(fields: &Fields<'_>, id: ResourceId) -> Result<NetworkSecurityGroup, Unusable> {
    let rules: Result<Vec<_>, _> = fields.objects("securityRules")?.iter().map(read_rule).collect();
    let rules =
        rules?.into_iter().filter(|rule| !is_default_rule(&rule.name, rule.priority.value().copied())).collect();
    Ok(NetworkSecurityGroup {
        name: fields.name(),
        span: fields.span(),
        rules,
        subnets: fields.references("subnets")?.into_iter().map(|r| r.value).collect(),
        network_interfaces: fields.references("networkInterfaces")?.into_iter().map(|r| r.value).collect(),
        guid: fields.str("resourceGuid").map(|guid| guid.trim().to_ascii_lowercase()),
        id,
    })
}

/// Reads one security rule.
pub(crate) fn read_rule(fields: &Fields<'_>) -> Result<SecurityRule, Unusable> {
    Ok(SecurityRule {
        name: fields.name(),
        span: fields.span(),
        priority: priority(fields),
        direction: word(fields, "direction", |text| match text {
            "inbound" => Some(Direction::Inbound),
            "outbound" => Some(Direction::Outbound),
            _ => None,
        }),
        access: word(fields, "access", |text| match text {
            "allow" => Some(Access::Allow),
            "deny" => Some(Access::Deny),
            _ => None,
        }),
        protocol: word(fields, "protocol", |text| match text {
            "*" | "all" | "any" => Some(RuleProtocol::Any),
            _ => Protocol::parse(text).map(RuleProtocol::Only),
        }),
        source: addresses(fields, "source")?,
        destination: addresses(fields, "destination")?,
        source_ports: ports(fields, "source"),
        destination_ports: ports(fields, "destination"),
        description: fields.text("description"),
    })
}

/// A whole number in the `priority` field.
pub(crate) fn priority(fields: &Fields<'_>) -> Setting<i64> {
    match fields.get("priority") {
        None => Setting::Missing,
        Some(node) if node.is_blank() => Setting::Missing,
        Some(node) => match node.integer() {
            Some(number) => Setting::Set(Located::new(number, node.span())),
            None => Setting::Invalid(Located::new(node.raw().to_owned(), node.span())),
        },
    }
}

/// A field that holds one of Azure's words, in any letter case.
pub(crate) fn word<T>(fields: &Fields<'_>, key: &str, parse: impl Fn(&str) -> Option<T>) -> Setting<T> {
    let Some(node) = fields.get(key).filter(|node| !node.is_blank()) else { return Setting::Missing };
    let written = node.scalar().map_or_else(|| node.raw().to_owned(), std::borrow::Cow::into_owned);
    match parse(written.trim().to_ascii_lowercase().as_str()) {
        Some(value) => Setting::Set(Located::new(value, node.span())),
        None => Setting::Invalid(Located::new(written, node.span())),
    }
}

/// Splits the singular and the list form. PowerShell writes the singular field as a list of one.
fn forms<'a>(fields: &Fields<'a>, side: &str, one: &str, many: &str) -> (Option<Node<'a>>, Vec<Node<'a>>) {
    let singular = fields.list(&format!("{side}{one}"));
    let list = fields.list(&format!("{side}{many}")).into_iter().filter(|node| !node.is_blank());
    match singular.as_slice() {
        [] => (None, list.collect()),
        [only] => (Some(*only).filter(|node| !node.is_blank()), list.collect()),
        _ => (None, singular.into_iter().filter(|node| !node.is_blank()).chain(list).collect()),
    }
}

fn addresses(fields: &Fields<'_>, side: &str) -> Result<AddressSide, Unusable> {
    let (singular, list) = forms(fields, side, "AddressPrefix", "AddressPrefixes");
    let term = |node: Node<'_>| {
        let parsed = match node.scalar() {
            Some(text) => AddressTerm::parse(&text),
            None => AddressTerm::Invalid(node.raw().to_owned()),
        };
        Located::new(parsed, node.span())
    };
    Ok(AddressSide {
        singular: singular.map(term),
        list: list.into_iter().map(term).collect(),
        groups: fields.references(&format!("{side}ApplicationSecurityGroups"))?,
    })
}

fn ports(fields: &Fields<'_>, side: &str) -> PortSide {
    let (singular, list) = forms(fields, side, "PortRange", "PortRanges");
    PortSide { singular: singular.map(port), list: list.into_iter().map(port).collect() }
}

/// A list of ports that has no singular form.
pub(crate) fn port_list(fields: &Fields<'_>, key: &str) -> PortSide {
    let list = fields.list(key).into_iter().filter(|node| !node.is_blank());
    PortSide { singular: None, list: list.map(port).collect() }
}

fn port(node: Node<'_>) -> Located<PortTerm> {
    let written = node.scalar().map_or_else(|| node.raw().to_owned(), std::borrow::Cow::into_owned);
    let parsed = match parse_port_range(&written) {
        Some((low, high)) => PortTerm::Range(low, high),
        None => PortTerm::Invalid(written),
    };
    Located::new(parsed, node.span())
}
