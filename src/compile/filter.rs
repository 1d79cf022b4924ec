//! NSGs as ordered rule tables. A rule keeps its name and lists: it is never unrolled into five-tuples.

use super::tags;
use crate::diagnostic::Span;
use crate::model::{
    Access, AddressSide, AddressTerm, AdminRule, DEFAULT_RULES, DefaultRule, Direction, NetworkSecurityGroup, PortSide,
    PortTerm, ResourceId, RuleProtocol, SecurityRule, ServiceTags,
};
use crate::net::{AddressSet, PortSet};

/// An NSG, its rules of each direction by priority, default rules included (semantics.md 1.4, 1.5).
#[derive(Debug)]
pub struct Filter<'s> {
    /// As configured.
    pub nsg: &'s NetworkSecurityGroup,
    /// Its name as displayed.
    pub name: String,
    /// Inbound rules.
    pub inbound: Vec<Rule<'s>>,
    /// Outbound rules.
    pub outbound: Vec<Rule<'s>>,
    /// Rules whose place in the order cannot be told: without usable priority or direction.
    pub unplaced: Vec<Rule<'s>>,
}

/// One rule.
#[derive(Debug)]
pub struct Rule<'s> {
    /// Its name.
    pub name: &'s str,
    /// Number that is unique in the NSG: position in the file, default rules after the user rules.
    pub number: u32,
    /// Priority; 0 for an unplaced rule.
    pub priority: i64,
    /// What it does; `None` where that is unreadable.
    pub access: Option<Access>,
    /// Its protocol; `None` where that is unreadable.
    pub protocol: Option<RuleProtocol>,
    /// Its direction; `None` where that is unreadable.
    pub direction: Option<Direction>,
    /// Source addresses.
    pub source: AddressMatcher<'s>,
    /// Destination addresses.
    pub destination: AddressMatcher<'s>,
    /// Source ports.
    pub source_ports: PortMatcher,
    /// Destination ports.
    pub destination_ports: PortMatcher,
    /// Where it stands; default rules stand nowhere.
    pub span: Option<Span>,
    /// As configured; `None` for a default rule.
    pub configured: Option<&'s SecurityRule>,
}

/// Addresses of one side of a rule. The parts are alternatives.
#[derive(Debug, Default)]
pub struct AddressMatcher<'s> {
    /// Prefixes, `*` and tags with known members.
    pub fixed: AddressSet,
    /// VirtualNetwork is named: resolved per subnet.
    pub virtual_network: bool,
    /// Internet is named: resolved per subnet.
    pub internet: bool,
    /// Tags without data, as written.
    pub unknown_tags: Vec<&'s str>,
    /// Application security groups.
    pub groups: Vec<&'s ResourceId>,
    /// Elements that are none of Azure's forms, or a side without any element.
    pub unreadable: Vec<&'s str>,
    /// A platform tag (`AzurePlatformDNS`, ...) is named.
    pub platform_tag: bool,
    /// IP groups or network groups whose members are not in the input.
    pub missing_groups: Vec<&'s ResourceId>,
}

impl<'s> AddressMatcher<'s> {
    /// Takes in a service tag; its members, where they are the same everywhere and known.
    pub(crate) fn add_tag(&mut self, tag: &'s str, data: Option<&'s ServiceTags>) -> AddressSet {
        let lower = tag.to_ascii_lowercase();
        self.platform_tag |= lower.starts_with("azureplatform");
        match lower.as_str() {
            "virtualnetwork" => self.virtual_network = true,
            "internet" => self.internet = true,
            _ => match tags::fixed(&lower).or_else(|| data.and_then(|data| data.tags.get(&lower).cloned())) {
                Some(set) => return set,
                None => self.unknown_tags.push(tag),
            },
        }
        AddressSet::default()
    }
}

/// Ports of one side of a rule.
#[derive(Debug, Default)]
pub struct PortMatcher {
    /// Ports that the readable elements hold.
    pub ports: PortSet,
    /// Some element is unreadable, or there is none.
    pub unreadable: bool,
}

/// What a side without any element is called in findings.
pub const EMPTY_SIDE: &str = "(nothing)";

impl<'s> Filter<'s> {
    /// Compiles an NSG.
    pub fn compile(nsg: &'s NetworkSecurityGroup, name: String, data: Option<&'s ServiceTags>) -> Self {
        let mut filter = Filter { nsg, name, inbound: Vec::new(), outbound: Vec::new(), unplaced: Vec::new() };
        let mut number = 0;
        for rule in &nsg.rules {
            let compiled = user_rule(rule, number, data);
            number += 1;
            match (compiled.direction, rule.priority.value()) {
                (Some(Direction::Inbound), Some(_)) => filter.inbound.push(compiled),
                (Some(Direction::Outbound), Some(_)) => filter.outbound.push(compiled),
                _ => filter.unplaced.push(compiled),
            }
        }
        for rule in &DEFAULT_RULES {
            let list = match rule.direction {
                Direction::Inbound => &mut filter.inbound,
                Direction::Outbound => &mut filter.outbound,
            };
            list.push(default_rule(rule, number));
            number += 1;
        }
        filter.inbound.sort_by_key(|rule| rule.priority);
        filter.outbound.sort_by_key(|rule| rule.priority);
        filter
    }

    /// Rules of one direction, by priority.
    pub fn rules(&self, direction: Direction) -> &[Rule<'s>] {
        match direction {
            Direction::Inbound => &self.inbound,
            Direction::Outbound => &self.outbound,
        }
    }
}

fn user_rule<'s>(rule: &'s SecurityRule, number: u32, data: Option<&'s ServiceTags>) -> Rule<'s> {
    Rule {
        name: &rule.name,
        number,
        priority: rule.priority.value().copied().unwrap_or(0),
        access: rule.access.value().copied(),
        protocol: rule.protocol.value().copied(),
        direction: rule.direction.value().copied(),
        source: addresses(&rule.source, data),
        destination: addresses(&rule.destination, data),
        source_ports: ports(&rule.source_ports),
        destination_ports: ports(&rule.destination_ports),
        span: Some(rule.span),
        configured: Some(rule),
    }
}

/// A security admin rule: an empty side or port list is any (semantics.md 2). Network groups are added by the caller.
pub(crate) fn admin_rule<'s>(rule: &'s AdminRule, number: u32, data: Option<&'s ServiceTags>) -> Rule<'s> {
    let mut out = user_rule(&rule.rule, number, data);
    for (side, groups) in [(&mut out.source, &rule.source_groups), (&mut out.destination, &rule.destination_groups)] {
        if side.unreadable == [EMPTY_SIDE] {
            side.unreadable.clear();
            if groups.is_empty() {
                side.fixed = AddressSet::any();
            }
        }
    }
    let written = [&rule.rule.source_ports, &rule.rule.destination_ports];
    for (written, compiled) in written.into_iter().zip([&mut out.source_ports, &mut out.destination_ports]) {
        if written.terms().next().is_none() {
            *compiled = PortMatcher { ports: PortSet::full(), unreadable: false };
        }
    }
    out
}

fn default_rule(rule: &'static DefaultRule, number: u32) -> Rule<'static> {
    let side = |text: &'static str| {
        let mut matcher = AddressMatcher::default();
        match text {
            "VirtualNetwork" => matcher.virtual_network = true,
            "Internet" => matcher.internet = true,
            "*" => matcher.fixed = AddressSet::any(),
            tag => matcher.fixed = tags::fixed(&tag.to_ascii_lowercase()).unwrap_or_default(),
        }
        matcher
    };
    Rule {
        name: rule.name,
        number,
        priority: rule.priority,
        access: Some(rule.access),
        protocol: Some(RuleProtocol::Any),
        direction: Some(rule.direction),
        source: side(rule.source),
        destination: side(rule.destination),
        source_ports: PortMatcher { ports: PortSet::full(), unreadable: false },
        destination_ports: PortMatcher { ports: PortSet::full(), unreadable: false },
        span: None,
        configured: None,
    }
}

fn addresses<'s>(side: &'s AddressSide, data: Option<&'s ServiceTags>) -> AddressMatcher<'s> {
    let mut out = AddressMatcher { groups: side.groups.iter().map(|g| &g.value).collect(), ..Default::default() };
    let (mut nets, mut any, mut known) = (Vec::new(), false, AddressSet::default());
    for term in side.terms() {
        match &term.value {
            AddressTerm::Any => any = true,
            AddressTerm::Prefix(prefix) => nets.push(prefix.net),
            AddressTerm::Invalid(text) => out.unreadable.push(text),
            AddressTerm::Tag(tag) => known = known.union(&out.add_tag(tag, data)),
        }
    }
    if side.terms().next().is_none() && side.groups.is_empty() {
        out.unreadable.push(EMPTY_SIDE);
    }
    out.fixed = if any { AddressSet::any() } else { nets.into_iter().collect::<AddressSet>().union(&known) };
    out
}

pub(crate) fn ports(side: &PortSide) -> PortMatcher {
    let mut unreadable = side.terms().next().is_none();
    let mut ranges = Vec::new();
    for term in side.terms() {
        match &term.value {
            PortTerm::Range(low, high) => ranges.push((*low, *high)),
            PortTerm::Invalid(_) => unreadable = true,
        }
    }
    PortMatcher { ports: ranges.into_iter().collect(), unreadable }
}
