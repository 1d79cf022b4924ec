//! Azure Firewall: firewalls, policies, rule collections, IP groups (semantics.md 4).

use super::{Access, Located, PortSide, ResourceId, Setting};
use crate::diagnostic::Span;
use crate::net::{AddressSet, Protocol, WrittenPrefix};
use ipnet::IpNet;
use std::net::IpAddr;

/// An Azure Firewall.
#[derive(Debug, Clone)]
pub struct AzureFirewall {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// IP configurations.
    pub configurations: Vec<FirewallConfiguration>,
    /// Private address in a virtual hub.
    pub hub_addresses: Vec<IpAddr>,
    /// Its policy; without one the classic collections count.
    pub policy: Option<Located<ResourceId>>,
    /// Classic settings.
    pub settings: FirewallSettings,
    /// Classic rule collections.
    pub collections: Vec<RuleCollection>,
}

/// An IP configuration of a firewall.
#[derive(Debug, Clone)]
pub struct FirewallConfiguration {
    /// Its private address, where one is printed.
    pub private_address: Option<Located<IpAddr>>,
    /// Its subnet, `AzureFirewallSubnet`.
    pub subnet: Option<ResourceId>,
    /// Its public IP address resource.
    pub public_ip: Option<ResourceId>,
}

/// Settings that a policy or a classic firewall has (semantics.md 4.1, 4.2).
#[derive(Debug, Clone, Default)]
pub struct FirewallSettings {
    /// `threatIntelMode: Deny`.
    pub threat_intelligence_denies: bool,
    /// DNS proxy on: FQDNs in network rules work.
    pub dns_proxy: bool,
    /// Destinations that are not translated; empty means RFC 1918 and RFC 6598.
    pub private_ranges: Vec<SnatRange>,
}

/// One element of `snat.privateRanges`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnatRange {
    /// `0.0.0.0/0`: network rules never translate the source.
    Never,
    /// `255.255.255.255/32`: they always do.
    Always,
    /// `IANAPrivateRanges`.
    IanaPrivate,
    /// Not toward this prefix.
    Prefix(IpNet),
    /// Nothing that Azure would take, as written.
    Invalid(Located<String>),
}

/// A firewall policy.
#[derive(Debug, Clone)]
pub struct FirewallPolicy {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// The policy it inherits from.
    pub base: Option<Located<ResourceId>>,
    /// Rule collection groups that it lists.
    pub listed_groups: Vec<Located<ResourceId>>,
    /// Settings.
    pub settings: FirewallSettings,
}

/// A rule collection group.
#[derive(Debug, Clone)]
pub struct RuleCollectionGroup {
    /// Its id, under the policy's.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// 100 to 65000, lower first.
    pub priority: Setting<i64>,
    /// Its collections.
    pub collections: Vec<RuleCollection>,
}

/// A rule collection.
#[derive(Debug, Clone)]
pub struct RuleCollection {
    /// Its name as written.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// 100 to 65000, lower first.
    pub priority: Setting<i64>,
    /// What its filter rules do; a DNAT collection translates and allows.
    pub action: Setting<Access>,
    /// Its rules, judged top-down.
    pub rules: Vec<FirewallRule>,
}

/// Type of a firewall rule; the order is the order of evaluation (semantics.md 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FirewallRuleKind {
    /// Destination translation.
    Dnat,
    /// Network rule.
    Network,
    /// Application rule.
    Application,
}

/// A firewall rule. Lists are alternatives; there is no source port (semantics.md 4.2).
#[derive(Debug, Clone)]
pub struct FirewallRule {
    /// Its name as written.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// Its type.
    pub kind: Setting<FirewallRuleKind>,
    /// `ipProtocols` of network and DNAT rules.
    pub protocols: Vec<Located<FirewallProtocol>>,
    /// `protocols` of application rules with their ports.
    pub application: Vec<Located<ApplicationProtocol>>,
    /// Sources.
    pub source: FirewallSide,
    /// Destinations.
    pub destination: FirewallSide,
    /// Destination ports.
    pub ports: PortSide,
    /// `destinationFqdns` of a network rule, `targetFqdns` of an application rule, lower case without a final dot.
    pub fqdns: Vec<Located<String>>,
    /// FQDN tags, URLs and web categories: what they hold is not in any export.
    pub categories: Vec<Located<String>>,
    /// `translatedAddress` of a DNAT rule.
    pub translated_address: Setting<IpAddr>,
    /// `translatedFqdn` of a DNAT rule, lower case.
    pub translated_fqdn: Option<String>,
    /// `translatedPort` of a DNAT rule.
    pub translated_port: Option<Located<u16>>,
}

/// Protocol of a network or DNAT rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirewallProtocol {
    /// `Any`: with explicit ports TCP and UDP, with `*` every protocol.
    Any,
    /// One protocol.
    Only(Protocol),
    /// Nothing that Azure would take, as written.
    Invalid(String),
}

/// Protocol and port of an application rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationProtocol {
    /// `Http`, `Https` or `Mssql`, as written.
    pub name: String,
    /// Port, 1 to 64000; where none is written 80, 443 or 1433.
    pub port: u16,
}

/// The address side of a firewall rule.
#[derive(Debug, Clone, Default)]
pub struct FirewallSide {
    /// Addresses, ranges and tags.
    pub terms: Vec<Located<FirewallTerm>>,
    /// IP groups.
    pub groups: Vec<Located<ResourceId>>,
}

impl FirewallSide {
    /// Is there neither an element nor an IP group?
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.groups.is_empty()
    }
}

/// One address element of a firewall rule or IP group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirewallTerm {
    /// `*`.
    Any,
    /// A prefix or one address.
    Prefix(WrittenPrefix),
    /// `low-high`, both included, of one address family.
    Range(IpAddr, IpAddr),
    /// A service tag, as written.
    Tag(String),
    /// Nothing that Azure would take, as written.
    Invalid(String),
}

impl FirewallTerm {
    /// Reads one element: an NSG's forms, and `a-b` ranges.
    pub fn parse(text: &str) -> Self {
        use super::AddressTerm;
        let text = text.trim();
        if let Some((low, high)) = text.split_once('-')
            && let (Some(low), Some(high)) = (crate::net::parse_address(low), crate::net::parse_address(high))
        {
            let ordered = low <= high && low.is_ipv4() == high.is_ipv4();
            return if ordered { FirewallTerm::Range(low, high) } else { FirewallTerm::Invalid(text.to_owned()) };
        }
        match AddressTerm::parse(text) {
            AddressTerm::Any => FirewallTerm::Any,
            AddressTerm::Prefix(prefix) => FirewallTerm::Prefix(prefix),
            AddressTerm::Tag(tag) => FirewallTerm::Tag(tag),
            AddressTerm::Invalid(text) => FirewallTerm::Invalid(text),
        }
    }

    /// The addresses of a term that is neither tag nor unreadable.
    pub fn addresses(&self) -> Option<AddressSet> {
        match self {
            FirewallTerm::Any => Some(AddressSet::any()),
            FirewallTerm::Prefix(prefix) => Some(std::iter::once(prefix.net).collect()),
            FirewallTerm::Range(low, high) => Some(AddressSet::span(*low, *high)),
            FirewallTerm::Tag(_) | FirewallTerm::Invalid(_) => None,
        }
    }
}

/// An IP group. One without addresses makes the rules that name it be skipped (semantics.md 4.2).
#[derive(Debug, Clone)]
pub struct IpGroup {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// Its elements.
    pub terms: Vec<Located<FirewallTerm>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_grammar() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let range = FirewallTerm::parse("10.1.1.4 - 10.1.1.30");
        assert_eq!(range, FirewallTerm::Range(address("10.1.1.4"), address("10.1.1.30")));
        assert!(range.addresses().is_some_and(|set| set.contains(address("10.1.1.30"))));
        assert!(matches!(FirewallTerm::parse("10.1.1.9-10.1.1.4"), FirewallTerm::Invalid(_)));
        assert_eq!(FirewallTerm::parse("Storage.WestEurope"), FirewallTerm::Tag("Storage.WestEurope".into()));
        assert_eq!(FirewallTerm::parse("*"), FirewallTerm::Any);
    }
}
