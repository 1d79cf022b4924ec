//! Network security groups as configured (semantics.md 1.1 to 1.5).

use super::{Located, ResourceId, Setting};
use crate::diagnostic::Span;
use crate::net::{Protocol, WrittenPrefix, shown};
use std::fmt;

/// A network security group.
#[derive(Debug, Clone)]
pub struct NetworkSecurityGroup {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// User rules, in file order; default rules are never read but always added (see [`DEFAULT_RULES`]).
    pub rules: Vec<SecurityRule>,
    /// Subnets that the group itself lists as attached.
    pub subnets: Vec<ResourceId>,
    /// NICs that the group itself lists as attached.
    pub network_interfaces: Vec<ResourceId>,
    /// `resourceGuid`: what virtual network flow logs may name it by.
    pub guid: Option<String>,
}

/// Direction of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// Toward the NIC.
    Inbound,
    /// From the NIC.
    Outbound,
}

/// What a rule does with a flow that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Lets it pass.
    Allow,
    /// Drops it.
    Deny,
}

/// Protocol field of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleProtocol {
    /// `*`: every protocol.
    Any,
    /// One protocol.
    Only(Protocol),
}

impl RuleProtocol {
    /// Does the field hold this protocol?
    pub fn includes(self, protocol: Protocol) -> bool {
        match self {
            RuleProtocol::Any => true,
            RuleProtocol::Only(one) => one == protocol,
        }
    }
}

/// One security rule. A rule matches when any element matches on each dimension (semantics.md 1.1).
#[derive(Debug, Clone)]
pub struct SecurityRule {
    /// Its name as written.
    pub name: String,
    /// Where the rule object stands.
    pub span: Span,
    /// 100 to 4096 for a valid user rule; other numbers are kept as written.
    pub priority: Setting<i64>,
    /// Inbound or outbound.
    pub direction: Setting<Direction>,
    /// Allow or deny.
    pub access: Setting<Access>,
    /// Protocol.
    pub protocol: Setting<RuleProtocol>,
    /// Source addresses.
    pub source: AddressSide,
    /// Destination addresses.
    pub destination: AddressSide,
    /// Source ports.
    pub source_ports: PortSide,
    /// Destination ports.
    pub destination_ports: PortSide,
    /// Free text; Azure takes up to 140 characters.
    pub description: Option<Located<String>>,
}

/// The address side of a rule: exactly one of the three forms is filled in a valid rule; all forms are judged together.
#[derive(Debug, Clone, Default)]
pub struct AddressSide {
    /// `sourceAddressPrefix` / `destinationAddressPrefix`.
    pub singular: Option<Located<AddressTerm>>,
    /// `sourceAddressPrefixes` / `destinationAddressPrefixes`.
    pub list: Vec<Located<AddressTerm>>,
    /// Application security groups.
    pub groups: Vec<Located<ResourceId>>,
}

impl AddressSide {
    /// Singular and list elements together.
    pub fn terms(&self) -> impl Iterator<Item = &Located<AddressTerm>> {
        self.singular.iter().chain(&self.list)
    }
}

/// One address element (semantics.md 1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressTerm {
    /// `*`: any address of either family.
    Any,
    /// A prefix or one address.
    Prefix(WrittenPrefix),
    /// A service tag, its name as written.
    Tag(String),
    /// Nothing that Azure would take, as written.
    Invalid(String),
}

impl AddressTerm {
    /// Reads one element. `Any` is the portal's word and no tag; classic spellings map to the tags of today.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if text == "*" {
            return AddressTerm::Any;
        }
        if let Some(prefix) = WrittenPrefix::parse(text) {
            return AddressTerm::Prefix(prefix);
        }
        let lower = text.to_ascii_lowercase();
        let tag_like = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
        if !tag_like || matches!(lower.as_str(), "any" | "none" | "null") {
            return AddressTerm::Invalid(text.to_owned());
        }
        AddressTerm::Tag(match lower.as_str() {
            "virtual_network" => "VirtualNetwork".to_owned(),
            "azure_loadbalancer" => "AzureLoadBalancer".to_owned(),
            _ => text.to_owned(),
        })
    }
}

/// The port side of a rule.
#[derive(Debug, Clone, Default)]
pub struct PortSide {
    /// `sourcePortRange` / `destinationPortRange`.
    pub singular: Option<Located<PortTerm>>,
    /// `sourcePortRanges` / `destinationPortRanges`.
    pub list: Vec<Located<PortTerm>>,
}

impl PortSide {
    /// Singular and list elements together.
    pub fn terms(&self) -> impl Iterator<Item = &Located<PortTerm>> {
        self.singular.iter().chain(&self.list)
    }
}

/// One port element (semantics.md 1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortTerm {
    /// Inclusive range; `*` is 0 to 65535.
    Range(u16, u16),
    /// Nothing that Azure would take, as written.
    Invalid(String),
}

impl fmt::Display for AddressSide {
    /// The side as it was written: `*`, `10.0.0.0/24, 10.1.0.0/24`, `asg-web`; long lists are cut short.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = self.terms().map(|term| match &term.value {
            AddressTerm::Any => "*".to_owned(),
            AddressTerm::Prefix(prefix) => shown(prefix.net),
            AddressTerm::Tag(tag) => tag.clone(),
            AddressTerm::Invalid(text) => text.clone(),
        });
        listed(f, terms.chain(self.groups.iter().map(|group| group.value.name().to_owned())))
    }
}

impl fmt::Display for PortSide {
    /// The side as it was written: `*`, `443`, `80, 8000-8100`; long lists are cut short.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = self.terms().map(|term| match &term.value {
            PortTerm::Range(0, u16::MAX) => "*".to_owned(),
            PortTerm::Range(low, high) if low == high => low.to_string(),
            PortTerm::Range(low, high) => format!("{low}-{high}"),
            PortTerm::Invalid(text) => text.clone(),
        });
        listed(f, terms)
    }
}

/// Most elements of a side that are shown.
const MOST_SHOWN: usize = 4;

fn listed(f: &mut fmt::Formatter<'_>, terms: impl Iterator<Item = String>) -> fmt::Result {
    let all: Vec<String> = terms.collect();
    let shown: Vec<&str> = all.iter().take(MOST_SHOWN).map(String::as_str).collect();
    f.write_str(&shown.join(", "))?;
    if all.len() > MOST_SHOWN { write!(f, " and {} more", all.len() - MOST_SHOWN) } else { Ok(()) }
}

/// A default rule, present in every group whether exported or not (semantics.md 1.5).
#[derive(Debug, Clone, Copy)]
pub struct DefaultRule {
    /// Azure's name.
    pub name: &'static str,
    /// Direction.
    pub direction: Direction,
    /// 65000, 65001 or 65500.
    pub priority: i64,
    /// `*` or a tag.
    pub source: &'static str,
    /// `*` or a tag.
    pub destination: &'static str,
    /// Allow or deny.
    pub access: Access,
}

const fn default(
    name: &'static str,
    direction: Direction,
    priority: i64,
    source: &'static str,
    destination: &'static str,
    access: Access,
) -> DefaultRule {
    DefaultRule { name, direction, priority, source, destination, access }
}

/// The six default rules; protocol and ports are `*`.
pub const DEFAULT_RULES: [DefaultRule; 6] = [
    default("AllowVnetInBound", Direction::Inbound, 65000, "VirtualNetwork", "VirtualNetwork", Access::Allow),
    default("AllowAzureLoadBalancerInBound", Direction::Inbound, 65001, "AzureLoadBalancer", "*", Access::Allow),
    default("DenyAllInBound", Direction::Inbound, 65500, "*", "*", Access::Deny),
    default("AllowVnetOutBound", Direction::Outbound, 65000, "VirtualNetwork", "VirtualNetwork", Access::Allow),
    default("AllowInternetOutBound", Direction::Outbound, 65001, "*", "Internet", Access::Allow),
    default("DenyAllOutBound", Direction::Outbound, 65500, "*", "*", Access::Deny),
];

/// Is this rule one of the six default rules, exported among the user rules?
pub fn is_default_rule(name: &str, priority: Option<i64>) -> bool {
    priority.is_some_and(|p| p > 4096) && DEFAULT_RULES.iter().any(|rule| rule.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_grammar() {
        assert_eq!(AddressTerm::parse("*"), AddressTerm::Any);
        assert_eq!(AddressTerm::parse("virtualnetwork"), AddressTerm::Tag("virtualnetwork".into()));
        assert_eq!(AddressTerm::parse("VIRTUAL_NETWORK"), AddressTerm::Tag("VirtualNetwork".into()));
        assert_eq!(AddressTerm::parse("Storage.WestUS"), AddressTerm::Tag("Storage.WestUS".into()));
        assert!(matches!(AddressTerm::parse("10.0.0.0/8"), AddressTerm::Prefix(_)));
        for bad in ["Any", "any", "10.1.1.1-10.1.1.9", "10.0.0.0/33", "", "<PUBLIC_IP>/28", "[parameters('x')]"] {
            assert!(matches!(AddressTerm::parse(bad), AddressTerm::Invalid(_)), "{bad}");
        }
    }
}
