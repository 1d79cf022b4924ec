//! The winning route of a subnet for an address, in one possible world (semantics.md 3.1).

use super::context::{At, Context, Fact, Halt, Outcome, Walked};
use super::overrides;
use crate::compile::network::SubnetNode;
use crate::compile::routing::{Candidate, NextHop, Route, RouteSource, RoutingTable};
use crate::compile::{Lookup, Stage, tags};
use crate::diagnostic::{Span, code};
use ipnet::IpNet;
use std::net::IpAddr;

/// The route that wins.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'n> {
    /// Where it comes from.
    pub source: RouteSource,
    /// Its prefix, where it has one.
    pub prefix: Option<IpNet>,
    /// What it does.
    pub next_hop: NextHop,
    /// Route table of a user-defined route.
    pub table: Option<&'n str>,
    /// Name of a user-defined route.
    pub name: Option<&'n str>,
    /// Place of a user-defined route.
    pub span: Option<Span>,
}

impl<'n> Chosen<'n> {
    /// The route as the decider of a stage. System and gateway routes have no names (conformance convention 2).
    pub fn at(&self, stage: Stage) -> At<'n> {
        At::new(stage, self.table).rule(self.name, self.span)
    }

    /// Delivery where the flow is.
    pub fn local() -> Self {
        Chosen {
            source: RouteSource::System,
            prefix: None,
            next_hop: NextHop::VnetLocal,
            table: None,
            name: None,
            span: None,
        }
    }

    pub(super) fn of(route: &'n Route<'n>) -> Self {
        Chosen {
            source: route.source,
            prefix: route.prefix,
            next_hop: route.next_hop,
            table: route.user.as_ref().map(|user| &*user.table),
            name: route.user.as_ref().map(|user| user.name),
            span: route.user.as_ref().map(|user| user.span),
        }
    }

    /// The route in a few words: `10.0.0.0/8 -> None (system)`.
    pub fn words(&self) -> String {
        let prefix = self.prefix.map_or_else(|| "service tag".to_owned(), |prefix| prefix.to_string());
        let hop = match self.next_hop {
            NextHop::VnetLocal => "VnetLocal".to_owned(),
            NextHop::Peering(_) => "VNetPeering".to_owned(),
            NextHop::Internet => "Internet".to_owned(),
            NextHop::Appliance(Some(address)) => format!("VirtualAppliance {address}"),
            NextHop::Appliance(None) => "VirtualAppliance without address".to_owned(),
            NextHop::Gateway => "VirtualNetworkGateway".to_owned(),
            NextHop::ServiceEndpoint => "VirtualNetworkServiceEndpoint".to_owned(),
            NextHop::PrivateEndpoint(..) => "InterfaceEndpoint".to_owned(),
            NextHop::None => "None".to_owned(),
            NextHop::Unreadable => "(unreadable next hop)".to_owned(),
        };
        match (self.source, self.name) {
            (RouteSource::User, Some(name)) => format!("{name}: {prefix} -> {hop}"),
            (RouteSource::User, None) if self.prefix.is_none() => "route table not in the input".to_owned(),
            (RouteSource::Gateway, _) => format!("{prefix} -> {hop} (gateway)"),
            _ if self.prefix.is_none() => "no route".to_owned(),
            _ => format!("{prefix} -> {hop} (system)"),
        }
    }
}

/// Looks up the winning route. A route table that is not in the input may send the flow anywhere.
pub fn lookup<'n>(context: &mut Context<'_, 'n>, subnet: usize, address: IpAddr) -> Walked<'n, Chosen<'n>> {
    let network = context.network;
    let nothing = Chosen { next_hop: NextHop::None, ..Chosen::local() };
    let Some(node) = network.subnet(subnet) else { return Ok(nothing) };
    if let Lookup::Missing(id) = node.table {
        context.here = At::new(Stage::Route, Some(id.name()));
        context.note(&code::ROUTE_TABLE_MISSING, id.as_str());
        if !context.ask(Fact::MissingTable(id.key().to_owned()))? {
            return Ok(Chosen { source: RouteSource::User, table: Some(id.name()), ..nothing });
        }
    }
    let routes = &node.routes;
    let context_removed = &context.removed.routes;
    let gone = |index: usize| {
        let user = routes.routes.get(index).and_then(|route| route.user.as_ref());
        user.is_some_and(|user| context_removed.iter().any(|(table, name)| **table == *user.table && name == user.name))
    };
    let mut found = routes.covering(address, &gone);
    for tag in routes.tag_routes.iter().filter(|tag| !gone(tag.route)) {
        found.extend(tag_candidate(context, routes.routes.get(tag.route), tag, address)?);
    }
    service_candidates(context, node, address, &mut found)?;
    for index in routes.unreadable.iter().filter(|index| !gone(**index)) {
        if let Some(route) = routes.routes.get(*index)
            && takes(context, route, address)?
        {
            return hop(context, route, address);
        }
    }
    found.sort_by_key(|candidate| candidate.route);
    if let Some(broken) = overrides::endpoints(context, node, address, &mut found)? {
        return Ok(broken);
    }
    overrides::gateways(context, routes, &mut found)?;
    let chosen = match routes.select(&found) {
        None => nothing,
        Some(route) => settle(context, route, routes, (&found, address))?,
    };
    if let Some(disabled) = overrides::disabled_peering(context, node, &chosen)? {
        return Ok(disabled);
    }
    for what in &node.open_prefixes {
        let peer = node
            .peers
            .iter()
            .position(|peer| peer.remote.is_none() && peer.remote_id().is_some_and(|id| id.as_str() == what));
        if !beaten(&chosen, peer.is_some()) {
            continue;
        }
        context.here = At::new(Stage::Route, None);
        context.note(&code::OPEN_PREFIXES, what);
        if context.ask(Fact::OpenPrefix(what.to_ascii_lowercase(), address))? {
            return Ok(match peer {
                Some(index) => Chosen { source: RouteSource::System, next_hop: NextHop::Peering(index), ..nothing },
                None => Chosen { source: RouteSource::Gateway, next_hop: NextHop::Gateway, ..nothing },
            });
        }
    }
    Ok(chosen)
}

/// May a longer prefix that is not in the input, of a peered network or of a gateway, win against the route?
fn beaten(chosen: &Chosen<'_>, by_peer: bool) -> bool {
    match chosen.source {
        RouteSource::System => matches!(chosen.next_hop, NextHop::None | NextHop::Internet),
        RouteSource::User => chosen.prefix.is_none_or(|prefix| prefix.prefix_len() < prefix.max_prefix_len()),
        RouteSource::Gateway => by_peer,
    }
}

/// Routes of service endpoints whose tag has no data. A service's prefixes are public and no customer's.
fn service_candidates<'n>(
    context: &mut Context<'_, 'n>,
    node: &'n SubnetNode<'n>,
    address: IpAddr,
    found: &mut Vec<Candidate>,
) -> Walked<'n, ()> {
    let customers = |net: &IpNet| net.contains(&address);
    let own = context.network.vnet(node.vnet).is_some_and(|vnet| vnet.prefixes.iter().any(customers));
    if tags::is_private(address) || own || node.peers.iter().any(|peer| peer.prefixes.iter().any(customers)) {
        return Ok(());
    }
    for (tag, route) in &node.routes.open_services {
        context.here = At::new(Stage::Route, None);
        context.note(&code::UNKNOWN_TAG, tag);
        if context.ask(Fact::Tag((*tag).to_owned(), address))? {
            let narrow = context.ask(Fact::NarrowTagRoute((*tag).to_owned(), address))?;
            let widest = if address.is_ipv4() { 32 } else { 128 };
            found.push(Candidate { length: if narrow { widest } else { 1 }, rank: 0, route: *route });
        }
    }
    Ok(())
}

/// The chosen route, where it can be read and no other of its prefix leads elsewhere.
fn settle<'n>(
    context: &mut Context<'_, 'n>,
    route: &'n Route<'n>,
    routes: &'n RoutingTable<'n>,
    (found, address): (&[Candidate], IpAddr),
) -> Walked<'n, Chosen<'n>> {
    let chosen = hop(context, route, address)?;
    let rival = found.iter().filter_map(|c| routes.routes.get(c.route)).find(|other| user_tie(route, other));
    let Some(rival) = rival else { return Ok(chosen) };
    context.here = chosen.at(Stage::Route);
    context.note(&code::TIE, chosen.name.unwrap_or_default());
    let key = format!("{}/{}", chosen.table.unwrap_or_default(), chosen.name.unwrap_or_default());
    if context.ask(Fact::RouteTie(key))? { Ok(chosen) } else { hop(context, rival, address) }
}

/// Two user-defined routes of one prefix that lead to different places: Azure takes only one of a prefix.
fn user_tie(chosen: &Route<'_>, other: &Route<'_>) -> bool {
    let both = chosen.source == RouteSource::User && other.source == RouteSource::User;
    both && chosen.prefix.is_some() && chosen.prefix == other.prefix && chosen.next_hop != other.next_hop
}

fn tag_candidate<'n>(
    context: &mut Context<'_, 'n>,
    route: Option<&'n Route<'n>>,
    tag: &crate::compile::routing::TagRoute<'n>,
    address: IpAddr,
) -> Walked<'n, Option<Candidate>> {
    let candidate = |length| Some(Candidate { length, rank: tag.rank, route: tag.route });
    if let Some(members) = &tag.members {
        let longest = members.iter().filter(|net| net.contains(&address)).map(|net| net.prefix_len()).max();
        return Ok(longest.and_then(candidate));
    }
    let Some(route) = route else { return Ok(None) };
    context.here = Chosen::of(route).at(Stage::Route);
    context.note(&code::UNKNOWN_TAG, tag.tag);
    let lower = tag.tag.to_ascii_lowercase();
    if !context.ask(Fact::Tag(lower.clone(), address))? {
        return Ok(None);
    }
    let narrow = context.ask(Fact::NarrowTagRoute(lower, address))?;
    let widest = if address.is_ipv4() { 32 } else { 128 };
    Ok(candidate(if narrow { widest } else { 1 }))
}

/// Whether a route whose prefix cannot be read wins the address: its prefix may be any.
fn takes<'n>(context: &mut Context<'_, 'n>, route: &'n Route<'n>, address: IpAddr) -> Walked<'n, bool> {
    let key = unreadable(context, route);
    Ok(!context.ask(Fact::UnreadableRoute(key, address))?)
}

/// The route as chosen. One whose next hop cannot be read may deliver in the virtual network, lead to where the input
/// ends, or drop.
fn hop<'n>(context: &mut Context<'_, 'n>, route: &'n Route<'n>, address: IpAddr) -> Walked<'n, Chosen<'n>> {
    let chosen = Chosen::of(route);
    if chosen.next_hop != NextHop::Unreadable {
        return Ok(chosen);
    }
    let key = unreadable(context, route);
    if context.ask(Fact::UnreadableHop(key.clone(), address))? {
        return Ok(chosen);
    }
    let allowed = context.ask(Fact::UnreadableHopDelivers(key, address))?;
    Err(Halt::Settled(Outcome { allowed, at: Some(context.here) }))
}

/// Notes a route that cannot be read; returns its name in its table. One of an effective list leads to a peering or
/// private endpoint that the input does not hold.
fn unreadable<'n>(context: &mut Context<'_, 'n>, route: &'n Route<'n>) -> String {
    let chosen = Chosen::of(route);
    context.here = chosen.at(Stage::Route);
    let (Some(table), Some(name)) = (chosen.table, chosen.name) else {
        let prefix = chosen.prefix.map(crate::net::shown).unwrap_or_default();
        return format!("next hop of {prefix}, which an effective list has");
    };
    context.note(&code::UNREADABLE_RULE, name);
    format!("route {table}/{name}")
}
