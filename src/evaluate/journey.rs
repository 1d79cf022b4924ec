//! A flow on its way, after its source's own gates: routes, appliances, delivery (semantics.md 8).

use super::appliance;
use super::context::{At, Context, Fact, Halt, Walked};
use super::edge;
use super::path::{Endpoints, arrive, remote_vnet_missing};
use super::route::{Chosen, lookup};
use super::trace::{Step, StepResult};
use crate::compile::endpoints::Endpoint;
use crate::compile::peering::{Peer, has_gateway};
use crate::compile::routing::{NextHop, RouteSource};
use crate::compile::{Stage, SubnetNode};
use crate::diagnostic::code;
use crate::net::Flow;
use std::net::IpAddr;

/// An appliance that was crossed.
#[derive(Debug, Clone, Copy)]
pub struct Via {
    /// Its address.
    pub address: IpAddr,
    /// Its subnet.
    pub subnet: usize,
    /// Source of the flow before it.
    pub before: IpAddr,
    /// It translated the source.
    pub translated: bool,
}

/// A flow on its way.
#[derive(Debug, Clone)]
pub struct Journey<'n> {
    /// The flow as it is seen here.
    pub flow: Flow,
    /// Subnet that the reply has to come back to; `None` for a source outside every network.
    pub start: Option<usize>,
    /// Subnet whose routes count next.
    pub here: usize,
    /// Appliances so far.
    pub via: Vec<Via>,
    /// The last filter that matched.
    pub last: Option<At<'n>>,
    /// What is known of the ends.
    pub ends: Endpoints<'n>,
}

/// A flow that reached the network of its destination.
#[derive(Debug, Clone)]
pub struct Delivery<'n> {
    /// The journey so far.
    pub journey: Journey<'n>,
    /// Network of the destination; `None` where the destination's address alone tells.
    pub vnet: Option<usize>,
    /// The peer that was crossed last, where its flag `allowVirtualNetworkAccess` is off.
    pub closed: Option<&'n Peer<'n>>,
    /// NIC behind a load balancer.
    pub member: Option<&'n Endpoint<'n>>,
    /// The destination stands for an address behind a Container Apps environment, in this subnet.
    pub instance: Option<usize>,
}

/// One way in which a flow goes on.
#[derive(Debug, Clone)]
pub enum Branch<'n> {
    /// To a gateway's instances, through the inbound NSG of their subnet.
    Frontend(Flow, usize, Option<At<'n>>),
    /// From an appliance that translated the source.
    Onward(Journey<'n>),
    /// To a member behind a load balancer.
    Member(Delivery<'n>),
}

impl Branch<'_> {
    /// The address that tells this branch from the others: facts about it are its own.
    pub fn about(&self) -> IpAddr {
        match self {
            Branch::Frontend(flow, ..) => flow.destination,
            Branch::Onward(journey) => journey.flow.source,
            Branch::Member(delivery) => {
                delivery.member.map_or(delivery.journey.flow.destination, |member| member.address)
            }
        }
    }
}

/// Routes a flow through appliances and delivers it. Returns the last filter that matched.
pub(super) fn travel<'n>(context: &mut Context<'_, 'n>, mut journey: Journey<'n>) -> Walked<'n, Option<At<'n>>> {
    let network = context.network;
    let route = forward(context, &mut journey)?;
    let last = journey.last;
    let Some(node) = network.subnet(journey.here) else { return Ok(last) };
    let (vnet, peer) = match route.next_hop {
        NextHop::Internet => return edge::outside(context, &journey, &route),
        NextHop::Gateway => {
            to_gateway(context, &journey, node, &route)?;
            return Ok(last);
        }
        NextHop::ServiceEndpoint => return Ok(last),
        NextHop::Peering(index) => {
            let peer = node.peers.get(index);
            (peer.and_then(|peer| peer.remote), peer)
        }
        NextHop::PrivateEndpoint(_, Some(index)) => {
            let peer = node.peers.get(index);
            (peer.and_then(|peer| peer.remote), peer)
        }
        _ => (Some(node.vnet), None),
    };
    let destination = journey.flow.destination;
    let inside = |vnet: usize| network.vnet(vnet).is_some_and(|v| v.prefixes.iter().any(|n| n.contains(&destination)));
    if route.source == RouteSource::User && route.next_hop == NextHop::VnetLocal && !inside(node.vnet) {
        return Err(Halt::deny(route.at(Stage::Route)));
    }
    let Some(vnet) = vnet else {
        let Some(peer) = peer else { return Ok(last) };
        return remote_vnet_missing(context, peer.name(), peer.remote_id(), last);
    };
    if let Some(refusing) = appliance::forwarding_refused(network, vnet, node.vnet, journey.flow.source) {
        return Err(Halt::deny(At::new(Stage::Peering, Some(refusing))));
    }
    let closed = peer.filter(|peer| !peer.allows_access());
    deliver(context, &Delivery { journey, vnet: Some(vnet), closed, member: None, instance: None })
}

/// A route sends to the gateway whatever it covers: where the destination is in a network of the input, or a user says so
/// without any gateway in the input, nothing says whether the flow arrives (semantics.md 3.3).
fn to_gateway<'n>(
    context: &mut Context<'_, 'n>,
    journey: &Journey<'n>,
    node: &'n SubnetNode<'n>,
    route: &Chosen<'n>,
) -> Walked<'n, ()> {
    let network = context.network;
    let Some(vnet) = network.vnet(node.vnet) else { return Ok(()) };
    let destination = journey.flow.destination;
    let held = network.vnets.iter().any(|vnet| vnet.prefixes.iter().any(|net| net.contains(&destination)));
    if !held && (route.source != RouteSource::User || has_gateway(network, node)) {
        return Ok(());
    }
    let at = route.at(Stage::Route);
    context.here = at;
    let gateway = format!("the virtual network gateway of {}", vnet.name);
    context.note(&code::NOT_MODELLED, &gateway);
    let gateway = format!("{}/{gateway}", vnet.vnet.id.key());
    if context.ask(Fact::NotModelled(gateway))? { Ok(()) } else { Err(Halt::deny(at)) }
}

/// Delivers a flow in the network of its destination.
pub(super) fn deliver<'n>(context: &mut Context<'_, 'n>, delivery: &Delivery<'n>) -> Walked<'n, Option<At<'n>>> {
    let closed = delivery.closed;
    let at = closed.map(|peer| At { span: peer.access_span(), ..At::new(Stage::Peering, Some(peer.name())) });
    if let Some(at) = at {
        context.here = at;
        context.note(&code::PEERING_ACCESS, at.resource.unwrap_or_default());
    }
    let arrived = arrive(context, delivery)?;
    if let Some(at) = at {
        // Recorded: no NSG at all means no traffic. An explicit allow is documented to pass and was never recorded.
        context.here = at;
        let name = at.resource.unwrap_or_default().to_owned();
        if arrived.is_none() || !context.ask(Fact::PeeringAccess(name))? {
            return Err(Halt::deny(at));
        }
    }
    Ok(arrived)
}

/// Routes from where the flow is through appliances to the place of delivery.
fn forward<'n>(context: &mut Context<'_, 'n>, journey: &mut Journey<'n>) -> Walked<'n, Chosen<'n>> {
    loop {
        let (here, flow) = (journey.here, journey.flow);
        let route = lookup(context, here, flow.destination)?;
        let place = context.network.subnet(here).map(|node| node.subnet.name.clone()).unwrap_or_default();
        let dropped = route.next_hop == NextHop::None;
        let result = if dropped { StepResult::Deny } else { StepResult::Forward };
        context.step(|| Step { at: route.at(Stage::Route), place, what: route.words(), result });
        match route.next_hop {
            NextHop::None => {
                note_lost_peering(context, here, flow.destination, &route);
                return Err(Halt::deny(route.at(Stage::Route)));
            }
            NextHop::Appliance(hop) => {
                if let Some(local) = appliance::cross(context, &route, hop, journey)? {
                    return Ok(local);
                }
            }
            _ => return Ok(route),
        }
    }
}

/// A system route drops what a peering would carry if it were connected: say which one.
fn note_lost_peering<'n>(context: &mut Context<'_, 'n>, subnet: usize, destination: IpAddr, route: &Chosen<'n>) {
    let network = context.network;
    let Some(node) = network.subnet(subnet).filter(|_| route.source != RouteSource::User) else { return };
    let Some(vnet) = network.vnet(node.vnet) else { return };
    for peering in &vnet.vnet.peerings {
        let remote = peering.remote.as_ref().and_then(|id| network.vnet_by_id(id));
        let in_remote = remote.and_then(|index| network.vnet(index)).map(|v| v.prefixes.as_slice()).unwrap_or_default();
        let mut holds = peering.remote_address_space.iter().chain(in_remote);
        if !uses(node, peering) && holds.any(|net| net.contains(&destination)) {
            let span = peering.state.as_ref().map(|state| state.span).or(Some(peering.span));
            context.here = At { span, ..At::new(Stage::Route, None) };
            context.note(&code::PEERING_STATE, &peering.name);
        }
    }
}

/// Is the peering one of those that bring routes to the subnet?
fn uses(node: &SubnetNode<'_>, peering: &crate::model::Peering) -> bool {
    node.peers
        .iter()
        .any(|peer| matches!(peer.link, crate::compile::peering::Link::Peering(p) if std::ptr::eq(p, peering)))
}
