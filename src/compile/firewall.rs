//! Azure Firewalls with their rules in the order of evaluation (semantics.md 4).

use super::filter::{self, AddressMatcher, EMPTY_SIDE, PortMatcher};
use super::network::Network;
use super::tags;
use crate::diagnostic::Span;
use crate::model::{
    Access, ApplicationProtocol, AzureFirewall, FirewallProtocol, FirewallRule, FirewallRuleKind, FirewallSide,
    FirewallTerm, ResourceId, RuleCollection, RuleCollectionGroup, Setting, SnatRange,
};
use crate::net::{AddressSet, Protocol};
use std::net::IpAddr;

/// A firewall.
#[derive(Debug)]
pub struct FirewallNode<'s> {
    /// As configured.
    pub firewall: &'s AzureFirewall,
    /// Its name as displayed.
    pub name: String,
    /// Index of its subnet.
    pub subnet: Option<usize>,
    /// Its private addresses.
    pub private: Vec<IpAddr>,
    /// Its public addresses.
    pub public: Vec<IpAddr>,
    /// Public IP addresses that it refers to and of which the input holds no address.
    pub unlisted_public: Vec<&'s ResourceId>,
    /// Its rules in the order of evaluation: DNAT, network, application; inside a type parent policy first.
    pub rules: Vec<CompiledFirewallRule<'s>>,
    /// Policies and rule collection groups that it refers to and that are not in the input.
    pub missing: Vec<&'s ResourceId>,
    /// DNS proxy on: FQDNs in network rules work.
    pub dns_proxy: bool,
    /// Threat intelligence may drop before any rule.
    pub threat_intelligence_denies: bool,
    /// Destinations that network rules do not translate toward.
    pub untranslated: &'s [SnatRange],
    /// Addresses that stand for the pieces of its subnet: what a backend may see as source after translation.
    pub translated_sources: Vec<IpAddr>,
}

/// A firewall rule.
#[derive(Debug)]
pub struct CompiledFirewallRule<'s> {
    /// As configured.
    pub rule: &'s FirewallRule,
    /// Its place in the order.
    pub number: u32,
    /// Its type; `None` where that is unreadable.
    pub kind: Option<FirewallRuleKind>,
    /// What it does; `None` where that is unreadable.
    pub access: Option<Access>,
    /// Name of its collection.
    pub collection: &'s str,
    /// Sources.
    pub source: AddressMatcher<'s>,
    /// Destinations by address.
    pub destination: AddressMatcher<'s>,
    /// Destination ports.
    pub ports: PortMatcher,
    /// A named IP group is empty: the rule is skipped.
    pub skipped: bool,
    /// Where its collection stands.
    pub place: CollectionPlace,
    /// Where it stands.
    pub span: Span,
}

/// Where a collection stands in the order: its policy, its group and itself, each group and collection with its priority
/// and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectionPlace {
    policy: usize,
    group: (i64, usize),
    collection: (i64, usize),
}

impl CollectionPlace {
    /// Group and collection of another place of the same rank: groups of one policy, or collections of one group, with
    /// one priority. Nothing says which comes first.
    pub fn rival(self, other: Self) -> Option<(usize, usize)> {
        let same_group = self.group == other.group;
        let rivals = match (self.policy == other.policy, same_group) {
            (false, _) => false,
            (true, false) => self.group.0 == other.group.0,
            (true, true) => self.collection.0 == other.collection.0 && self.collection.1 != other.collection.1,
        };
        rivals.then_some((other.group.1, if same_group { other.collection.1 } else { 0 }))
    }
}

impl CompiledFirewallRule<'_> {
    /// Does a network or DNAT rule take this protocol? `Any` with explicit ports is TCP and UDP only (semantics.md 4.2).
    /// `None` where the protocols are unreadable.
    pub fn takes(&self, protocol: Protocol) -> Option<bool> {
        let listed = |wanted: &FirewallProtocol| self.rule.protocols.iter().any(|p| p.value == *wanted);
        let any = listed(&FirewallProtocol::Any) && (protocol.has_ports() || self.ports.ports.is_full());
        if any || listed(&FirewallProtocol::Only(protocol)) {
            return Some(true);
        }
        let unreadable = self.rule.protocols.iter().any(|p| matches!(p.value, FirewallProtocol::Invalid(_)));
        if unreadable { None } else { Some(false) }
    }

    /// Does an application rule take this port?
    pub fn takes_port(&self, port: u16) -> bool {
        self.rule
            .application
            .iter()
            .any(|protocol: &crate::model::Located<ApplicationProtocol>| protocol.value.port == port)
    }
}

impl FirewallNode<'_> {
    /// Is the source translated for a destination? Application and DNAT rules always do; network rules toward public
    /// addresses, or as `privateRanges` says (semantics.md 4.2).
    pub fn translates(&self, kind: FirewallRuleKind, destination: IpAddr) -> bool {
        if kind != FirewallRuleKind::Network {
            return true;
        }
        if self.untranslated.is_empty() {
            return !tags::is_private(destination);
        }
        if self.untranslated.contains(&SnatRange::Never) {
            return false;
        }
        if self.untranslated.contains(&SnatRange::Always) {
            return true;
        }
        !self.untranslated.iter().any(|range| match range {
            SnatRange::IanaPrivate => tags::is_private(destination),
            SnatRange::Prefix(net) => net.contains(&destination),
            _ => false,
        })
    }
}

/// Compiles the firewalls of a network whose subnets are known.
pub(crate) fn compile<'s>(network: &Network<'s>) -> Vec<FirewallNode<'s>> {
    network.snapshot.firewalls.values().map(|firewall| node(network, firewall)).collect()
}

fn node<'s>(network: &Network<'s>, firewall: &'s AzureFirewall) -> FirewallNode<'s> {
    let snapshot = network.snapshot;
    let configurations = &firewall.configurations;
    let policy = firewall.policy.as_ref().and_then(|id| snapshot.firewall_policies.get(&id.value));
    let settings = policy.map_or(&firewall.settings, |policy| &policy.settings);
    let own = &firewall.settings;
    let untranslated = if settings.private_ranges.is_empty() { &own.private_ranges } else { &settings.private_ranges };
    let mut rules = Ordered { network, rules: Vec::new(), missing: Vec::new() };
    rules.collect(firewall);
    let mut private: Vec<IpAddr> =
        configurations.iter().filter_map(|c| c.private_address.as_ref()).map(|a| a.value).collect();
    private.extend(&firewall.hub_addresses);
    let subnet = configurations.iter().filter_map(|c| c.subnet.as_ref()).find_map(|id| network.subnet_by_id(id));
    let public: Vec<&ResourceId> = configurations.iter().filter_map(|c| c.public_ip.as_ref()).collect();
    FirewallNode {
        firewall,
        name: network.name(&firewall.id),
        subnet,
        private,
        public: public.iter().filter_map(|id| network.public_address(id)).collect(),
        unlisted_public: public.into_iter().filter(|id| network.public_address(id).is_none()).collect(),
        rules: rules.rules,
        missing: rules.missing,
        dns_proxy: settings.dns_proxy || own.dns_proxy,
        threat_intelligence_denies: settings.threat_intelligence_denies || own.threat_intelligence_denies,
        untranslated,
        translated_sources: Vec::new(),
    }
}

struct Ordered<'c, 's> {
    network: &'c Network<'s>,
    rules: Vec<CompiledFirewallRule<'s>>,
    missing: Vec<&'s ResourceId>,
}

impl<'s> Ordered<'_, 's> {
    fn collect(&mut self, firewall: &'s AzureFirewall) {
        match &firewall.policy {
            None => self.add_collections(&firewall.collections, (0, (0, 0))),
            Some(policy) => {
                for (depth, id) in self.chain(&policy.value).into_iter().enumerate() {
                    self.add_policy(id, depth);
                }
            }
        }
        // Type before everything else; the sort is stable, so the order inside a type stays.
        self.rules.sort_by_key(|rule| rule.kind.unwrap_or(FirewallRuleKind::Dnat));
        for (number, rule) in (0u32..).zip(&mut self.rules) {
            rule.number = number;
        }
    }

    /// The policies from the topmost parent down. What is not in the input is noted.
    fn chain(&mut self, policy: &'s ResourceId) -> Vec<&'s ResourceId> {
        let mut chain: Vec<&ResourceId> = Vec::new();
        let mut next = Some(policy);
        while let Some(id) = next.filter(|id| !chain.contains(id)) {
            chain.insert(0, id);
            let found = self.network.snapshot.firewall_policies.get(id);
            if found.is_none() {
                self.missing.push(id);
            }
            next = found.and_then(|policy| policy.base.as_ref()).map(|base| &base.value);
        }
        chain
    }

    fn add_policy(&mut self, policy: &'s ResourceId, depth: usize) {
        let all = &self.network.snapshot.rule_collection_groups;
        let own = all.values().filter(|group| group.id.parent().as_ref() == Some(policy));
        let mut groups: Vec<&RuleCollectionGroup> = own.collect();
        let listed = self.network.snapshot.firewall_policies.get(policy).map(|policy| policy.listed_groups.as_slice());
        let listed = listed.unwrap_or_default().iter().map(|group| &group.value);
        self.missing.extend(listed.filter(|id| !all.contains_key(*id)));
        groups.sort_by_key(|group| (place(&group.priority), group.name.to_ascii_lowercase()));
        for (index, group) in groups.into_iter().enumerate() {
            self.add_collections(&group.collections, (depth, (place(&group.priority), index)));
        }
    }

    fn add_collections(&mut self, collections: &'s [RuleCollection], (policy, group): (usize, (i64, usize))) {
        let mut ordered: Vec<&RuleCollection> = collections.iter().collect();
        ordered.sort_by_key(|collection| (place(&collection.priority), collection.name.to_ascii_lowercase()));
        for (index, collection) in ordered.into_iter().enumerate() {
            let place = CollectionPlace { policy, group, collection: (place(&collection.priority), index) };
            for rule in &collection.rules {
                self.rules.push(self.rule(collection, rule, place));
            }
        }
    }

    fn rule(
        &self,
        collection: &'s RuleCollection,
        rule: &'s FirewallRule,
        place: CollectionPlace,
    ) -> CompiledFirewallRule<'s> {
        let (mut source, source_empty) = self.side(&rule.source);
        let (mut destination, destination_empty) = self.side(&rule.destination);
        let kind = rule.kind.value().copied();
        // Azure takes no rule without a value on a side: what is meant is not known, as in an NSG.
        if rule.source.is_empty() {
            source.unreadable.push(EMPTY_SIDE);
        }
        let by_name = kind == Some(FirewallRuleKind::Application) || rule.destination.is_empty();
        if by_name && rule.fqdns.is_empty() && rule.categories.is_empty() {
            destination.unreadable.push(EMPTY_SIDE);
        }
        CompiledFirewallRule {
            rule,
            number: 0,
            kind,
            access: match kind {
                Some(FirewallRuleKind::Dnat) => Some(Access::Allow),
                _ => collection.action.value().copied(),
            },
            collection: &collection.name,
            source,
            destination,
            ports: filter::ports(&rule.ports),
            skipped: source_empty || destination_empty,
            place,
            span: rule.span,
        }
    }

    /// The addresses of a side, and whether one of its IP groups is empty.
    fn side(&self, side: &'s FirewallSide) -> (AddressMatcher<'s>, bool) {
        let data = self.network.snapshot.service_tags.as_ref();
        let (mut out, mut set, mut emptied) = (AddressMatcher::default(), AddressSet::default(), false);
        let mut add = |out: &mut AddressMatcher<'s>, term: &'s FirewallTerm| match term {
            FirewallTerm::Tag(tag) => set = set.union(&out.add_tag(tag, data)),
            FirewallTerm::Invalid(text) => out.unreadable.push(text),
            other => set = set.union(&other.addresses().unwrap_or_default()),
        };
        for term in &side.terms {
            add(&mut out, &term.value);
        }
        for group in &side.groups {
            match self.network.snapshot.ip_groups.get(&group.value) {
                Some(group) => {
                    emptied |= group.terms.is_empty();
                    for term in &group.terms {
                        add(&mut out, &term.value);
                    }
                }
                None => out.missing_groups.push(&group.value),
            }
        }
        out.fixed = set;
        (out, emptied)
    }
}

/// Place of a group or collection; one without a readable priority comes last.
fn place(priority: &Setting<i64>) -> i64 {
    priority.value().copied().unwrap_or(65000)
}
