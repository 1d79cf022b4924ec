//! The management path of a gateway: can Azure's `GatewayManager` reach it?
//!
//! Inbound `GatewayManager` must reach TCP 65200 to 65535 (v2) or 65503 to 65534 (v1) on every instance address of the
//! gateway subnet, and no 0.0.0.0/0 route of that subnet may lead elsewhere than to the Internet (semantics.md 5.1,
//! 5.2). Without an NSG everything is allowed; with network isolation the path is not used and counts as allowed
//! (semantics.md 5.4). Where it is blocked, backend health becomes Unknown while data may still flow.
//!
//! Which rules mean `GatewayManager`, and what stays unknown, is told in the manual page of GP501 (`gateway_nsg.rs`).

use super::gateway_nsg;
use super::routes::whole;
use super::traffic::{Decided, Gate, Lean, MANAGER, Sender, Traffic, numbers, only, port_words};
use crate::compile::filter::{Filter, Rule};
use crate::compile::peering::gateway_prefixes;
use crate::compile::{Lookup, Network, SubnetNode};
use crate::diagnostic::Span;
use crate::model::{ApplicationGateway, Direction, Generation, NextHopType, RouteTable, Setting, UserRoute};
use crate::net::{EPHEMERAL, PortSet, Protocol};
use crate::solve::Verdict;

/// The answer about a gateway's management path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Management {
    /// Allow, Deny or Unknown.
    pub verdict: Verdict,
    /// Display name of the NSG or route table that decides.
    pub resource: Option<String>,
    /// Rule or route that decides.
    pub rule: Option<String>,
    /// Where that rule or route stands.
    pub span: Option<Span>,
    /// Why, in a sentence.
    pub reason: String,
    /// The ports that must be reachable, both included.
    pub ports: (u16, u16),
}

/// What else of the gateway's subnets stands in the way of the platform, in sentences without a full stop: its probes
/// inbound, and for v2 without network isolation the Internet outbound. It is no part of the verdict.
pub fn platform(network: &Network<'_>, gateway: &ApplicationGateway) -> Vec<String> {
    let subnets = gateway.subnets.iter().filter_map(|subnet| network.subnet_by_id(&subnet.value));
    subnets.filter_map(|index| network.subnet(index)).flat_map(|node| gateway_nsg::platform(network, node)).collect()
}

/// Judges the management path. A gateway whose SKU cannot be read is taken as v2.
pub fn management(network: &Network<'_>, gateway: &ApplicationGateway) -> Management {
    let ports = ports_of(gateway);
    if gateway.isolated {
        let reason = "the gateway has network isolation: it is not managed through its subnet".to_owned();
        return Management { verdict: Verdict::Allow, resource: None, rule: None, span: None, reason, ports };
    }
    let answers = gateway.subnets.iter().map(|subnet| {
        match network.subnet_by_id(&subnet.value).and_then(|index| network.subnet(index)) {
            Some(node) => at_subnet(network, node, ports),
            None => Management {
                resource: Some(subnet.value.name().to_owned()),
                span: Some(subnet.span),
                ..unknown(format!("subnet {} of the gateway is not in the input", subnet.value.name()), ports)
            },
        }
    });
    let nowhere = || unknown("the gateway names no subnet".to_owned(), ports);
    answers.min_by_key(|answer| severity(answer.verdict)).unwrap_or_else(nowhere)
}

/// Management ports of a gateway; v2's where the SKU cannot be read.
pub(super) fn ports_of(gateway: &ApplicationGateway) -> (u16, u16) {
    gateway.generation.unwrap_or(Generation::V2).management_ports()
}

/// What decides where several things answer: a denial, then what is not known.
fn severity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Deny | Verdict::Partial => 0,
        Verdict::Unknown => 1,
        Verdict::Allow => 2,
    }
}

fn unknown(reason: String, ports: (u16, u16)) -> Management {
    Management { verdict: Verdict::Unknown, resource: None, rule: None, span: None, reason, ports }
}

fn at_subnet(network: &Network<'_>, node: &SubnetNode<'_>, ports: (u16, u16)) -> Management {
    let (nsg, route) = (by_nsg(network, node, ports), by_route(network, node, ports));
    if severity(route.verdict) < severity(nsg.verdict) { route } else { nsg }
}

fn by_nsg(network: &Network<'_>, node: &SubnetNode<'_>, ports: (u16, u16)) -> Management {
    let subnet = &node.subnet.name;
    let filter = match node.nsg {
        Lookup::None => {
            let reason = format!("no NSG on subnet {subnet} stands in the way, and 0.0.0.0/0 leads to the Internet");
            return Management { verdict: Verdict::Allow, ..unknown(reason, ports) };
        }
        Lookup::Missing(id) => {
            let span = node.subnet.nsg.as_ref().map(|reference| reference.span);
            let reason = format!("NSG {} of subnet {subnet} is not in the input", id.name());
            return Management { resource: Some(network.name(id)), span, ..unknown(reason, ports) };
        }
        Lookup::Found(index) => network.filters.get(index),
    };
    let Some(filter) = filter else {
        return unknown(format!("the NSG of subnet {subnet} is not known"), ports);
    };
    let judged = Judged::of(network, node, filter, ports);
    let range = format!("TCP {}-{}", ports.0, ports.1);
    let name = judged.rule.map_or("", |rule| rule.name);
    let reason = match judged.verdict {
        Verdict::Allow => {
            format!(
                "rule {name} of {} lets GatewayManager reach {range}, and 0.0.0.0/0 leads to the Internet",
                filter.name
            )
        }
        Verdict::Deny | Verdict::Partial => {
            format!("rule {name} of {} denies GatewayManager {} of {range}", filter.name, port_words(&judged.denied))
        }
        Verdict::Unknown if judged.rule.is_some() => {
            format!("rule {name} of {} cannot be judged, and GatewayManager needs {range}", filter.name)
        }
        Verdict::Unknown => format!("subnet {subnet} has no IPv4 address that an instance could have"),
    };
    Management {
        verdict: judged.verdict,
        resource: Some(filter.name.clone()),
        rule: judged.rule.map(|rule| rule.name.to_owned()),
        span: judged.rule.and_then(access_span),
        reason,
        ports,
    }
}

/// Where the access of a rule stands; default rules stand nowhere.
pub(super) fn access_span(rule: &Rule<'_>) -> Option<Span> {
    rule.configured.and_then(|configured| configured.access.span()).or(rule.span)
}

/// What an NSG does with `GatewayManager`.
#[derive(Debug)]
pub(super) struct Judged<'n, 's> {
    pub(super) verdict: Verdict,
    /// The rule that decides: the first that denies some of the ports, the one that allows the first port, or the first
    /// that cannot be judged.
    pub(super) rule: Option<&'n Rule<'s>>,
    /// Ports that this rule denies to some instance address.
    pub(super) denied: PortSet,
    /// Ports that any rule denies to some instance address.
    pub(super) blocked: PortSet,
    /// What is allowed for certain, by rule.
    pub(super) allowed: Vec<Decided<'n, 's>>,
}

impl<'n, 's> Judged<'n, 's> {
    /// The denied ports in words, with those that other rules deny.
    pub(super) fn denied_words(&self) -> String {
        let others = self.blocked.difference(&self.denied);
        let own = port_words(&self.denied);
        if others.is_empty() { own } else { format!("{own} (other rules deny {})", port_words(&others)) }
    }

    pub(super) fn of(
        network: &'n Network<'s>,
        node: &'n SubnetNode<'s>,
        filter: &'n Filter<'s>,
        ports: (u16, u16),
    ) -> Self {
        let gate = Gate { network, node, filter, direction: Direction::Inbound, sender: Sender::Manager };
        let traffic = Traffic {
            protocols: numbers(&[Protocol::Tcp]),
            sources: only(MANAGER),
            destinations: gateway_nsg::instances(node),
            source_ports: PortSet::range(EPHEMERAL.0, EPHEMERAL.1),
            ports: PortSet::range(ports.0, ports.1),
        };
        let nothing = |verdict, rule| Judged {
            verdict,
            rule,
            denied: PortSet::default(),
            blocked: PortSet::default(),
            allowed: Vec::new(),
        };
        if traffic.destinations.is_empty() {
            return nothing(Verdict::Unknown, None);
        }
        let denied: Vec<Decided<'_, '_>> =
            gate.decide(&traffic, Lean::Open).into_iter().filter(|d| !d.allows).collect();
        if let Some(first) = denied.first() {
            let blocked = denied.iter().fold(PortSet::default(), |all, decided| all.union(&decided.ports()));
            return Judged { denied: first.ports(), blocked, ..nothing(Verdict::Deny, Some(first.rule)) };
        }
        let closed = gate.decide(&traffic, Lean::Closed);
        if closed.iter().any(|decided| !decided.allows) {
            return nothing(Verdict::Unknown, gate.open_question(&traffic));
        }
        let rule = closed.iter().find(|decided| decided.ports().contains(ports.0)).map(|decided| decided.rule);
        Judged { allowed: closed, ..nothing(Verdict::Allow, rule) }
    }
}

/// What the 0.0.0.0/0 route of a gateway subnet does.
pub(super) enum DefaultRoute<'s> {
    /// It leads to the Internet.
    Internet,
    /// A user route leads elsewhere.
    User(&'s RouteTable, &'s UserRoute),
    /// It is learned from a virtual network gateway.
    Learned,
    /// The route table is not in the input, or a route of it cannot be read.
    Unknown(Option<(&'s RouteTable, &'s UserRoute)>),
}

/// Finds the winning 0.0.0.0/0: a user route before a learned one before the system's (semantics.md 3.1).
pub(super) fn default_route<'s>(network: &Network<'s>, node: &SubnetNode<'s>) -> DefaultRoute<'s> {
    let table = match node.table {
        Lookup::None => None,
        Lookup::Found(table) => Some(table),
        Lookup::Missing(_) => return DefaultRoute::Unknown(None),
    };
    let routes = || table.into_iter().flat_map(|table| table.routes.iter().map(move |route| (table, route)));
    let mut own = routes().filter(|(_, route)| whole(route) == Some(true)).peekable();
    if own.peek().is_some() {
        let elsewhere = own.find(|(_, route)| route.next_hop.value() != Some(&NextHopType::Internet));
        return match elsewhere {
            None => DefaultRoute::Internet,
            Some(at) if at.1.next_hop.value().is_none() => DefaultRoute::Unknown(Some(at)),
            Some((table, route)) => DefaultRoute::User(table, route),
        };
    }
    if let Some(at) = routes().find(|(_, route)| !matches!(route.destination, Setting::Set(_))) {
        return DefaultRoute::Unknown(Some(at));
    }
    let learned = gateway_prefixes(network, node).iter().any(|net| net.prefix_len() == 0 && net.addr().is_ipv4());
    if learned { DefaultRoute::Learned } else { DefaultRoute::Internet }
}

fn by_route(network: &Network<'_>, node: &SubnetNode<'_>, ports: (u16, u16)) -> Management {
    let subnet = &node.subnet.name;
    let route_at = |table: &RouteTable, route: &UserRoute, verdict, reason| Management {
        verdict,
        resource: Some(network.name(&table.id)),
        rule: Some(route.name.clone()),
        span: route.next_hop.span().or(Some(route.span)),
        reason,
        ports,
    };
    match default_route(network, node) {
        DefaultRoute::Internet => {
            Management { verdict: Verdict::Allow, ..unknown("0.0.0.0/0 leads to the Internet".to_owned(), ports) }
        }
        DefaultRoute::User(table, route) => {
            let reason = format!(
                "route {} of {} sends 0.0.0.0/0 of subnet {subnet} away from the Internet",
                route.name, table.name
            );
            route_at(table, route, Verdict::Deny, reason)
        }
        DefaultRoute::Learned => {
            let reason =
                format!("subnet {subnet} learns 0.0.0.0/0 from a virtual network gateway, and no user route takes it");
            Management { verdict: Verdict::Deny, ..unknown(reason, ports) }
        }
        DefaultRoute::Unknown(Some((table, route))) => {
            let reason = format!("route {} of {} cannot be read and may take 0.0.0.0/0", route.name, table.name);
            route_at(table, route, Verdict::Unknown, reason)
        }
        DefaultRoute::Unknown(None) => {
            let (Lookup::Missing(id), reference) = (node.table, node.subnet.route_table.as_ref()) else {
                return unknown(format!("the route table of subnet {subnet} is not known"), ports);
            };
            let reason = format!("route table {} of subnet {subnet} is not in the input", id.name());
            let span = reference.map(|reference| reference.span);
            Management { resource: Some(network.name(id)), span, ..unknown(reason, ports) }
        }
    }
}
