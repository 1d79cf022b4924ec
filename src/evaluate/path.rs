//! One concrete flow from its source subnet to its destination and back (semantics.md 8).

use super::context::{At, Context, Fact, Halt, Outcome, Walked};
use super::gates::{Nic, egress, ingress};
use super::route::{Chosen, lookup};
use super::trace::{Step, StepResult};
use super::{appliance, edge};
use crate::compile::endpoints::{Endpoint, EndpointKind};
use crate::compile::routing::{NextHop, RouteSource};
use crate::compile::{Lookup, Stage, tags};
use crate::diagnostic::code;
use crate::model::ResourceId;
use crate::net::Flow;
use std::net::IpAddr;

/// The NIC-level side of the destination, where the question gives it instead of the address.
#[derive(Debug, Clone, Copy)]
pub struct ModelNic<'n> {
    /// NSG of a scale set's NIC model.
    pub nsg: Lookup<'n, usize>,
    /// Application security groups of its instances.
    pub groups: &'n [ResourceId],
}

/// Where a flow starts and what is known of its ends.
#[derive(Debug, Clone, Copy)]
pub struct Endpoints<'n> {
    /// Source subnet, where the question fixes it; else the subnet that holds the source address.
    pub subnet: Option<usize>,
    /// Scale-set model behind the destination.
    pub model: Option<ModelNic<'n>>,
}

/// A flow that arrives at one of several translated destinations.
#[derive(Debug, Clone, Copy)]
pub struct Branch {
    /// The flow with its translated destination.
    pub flow: Flow,
    /// Subnet of that destination.
    pub subnet: usize,
}

/// What a walk leads to.
#[derive(Debug, Clone)]
pub enum Walk<'n> {
    /// One outcome.
    One(Outcome<'n>),
    /// One outcome for each translated destination, to be judged on its own.
    Many(Vec<Branch>),
}

/// Walks one flow. Only a missing fact comes back as a halt.
pub fn walk<'n>(context: &mut Context<'_, 'n>, flow: &Flow, ends: Endpoints<'n>) -> Walked<'n, Walk<'n>> {
    let subnet = ends.subnet.or_else(|| context.network.subnet_of(flow.source, None));
    if let Some(model) = ends.model {
        context.model_address = Some(flow.destination);
        context.destination_groups = model.groups;
    }
    let walked = match subnet {
        Some(subnet) => leave(context, flow, subnet, ends).map(|last| Walk::One(allowed(last))),
        None => missing_subnet(context, flow.source, Stage::NsgOutSubnet)
            .and_then(|()| edge::from_outside(context, flow, ends)),
    };
    match walked {
        Err(Halt::Settled(outcome)) => Ok(Walk::One(outcome)),
        other => other,
    }
}

/// Judges one branch of [`Walk::Many`]: the gateway subnet's inbound NSG.
pub fn arrive_at_branch<'n>(context: &mut Context<'_, 'n>, branch: &Branch) -> Walked<'n, Outcome<'n>> {
    match ingress(context, &branch.flow, branch.subnet, Nic::Endpoint(None), None) {
        Ok(last) => Ok(allowed(last)),
        Err(Halt::Settled(outcome)) => Ok(outcome),
        Err(unknown) => Err(unknown),
    }
}

fn allowed(last: Option<At<'_>>) -> Outcome<'_> {
    Outcome { allowed: true, at: last }
}

/// An appliance crossed on the way: its address and subnet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Via {
    pub(super) address: IpAddr,
    pub(super) subnet: usize,
}

/// Source gates, forward route, arrival. Returns the last filter that matched.
fn leave<'n>(
    context: &mut Context<'_, 'n>,
    flow: &Flow,
    subnet: usize,
    ends: Endpoints<'n>,
) -> Walked<'n, Option<At<'n>>> {
    let network = context.network;
    let source_end = network.endpoint_at(flow.source, subnet);
    if let Some(end) = source_end.filter(|end| end.kind == EndpointKind::PrivateEndpoint) {
        not_modelled(context, Stage::PrivateEndpoint, end)?;
    }
    let source_end = answering(context, source_end, Stage::NsgOutNic)?;
    let last = egress(context, flow, subnet, Nic::Endpoint(source_end))?;
    if flow.destination == IpAddr::V4(tags::PLATFORM) || flow.destination == IpAddr::V4(tags::METADATA) {
        return Ok(last); // always on the host, no route involved (semantics.md 1.8)
    }
    private_endpoint_route(context, flow.destination, subnet)?;
    let (route, at_subnet, via) = forward(context, flow, subnet)?;
    let Some(node) = network.subnet(at_subnet) else { return Ok(last) };
    let (vnet, peer) = match route.next_hop {
        NextHop::Internet => return edge::outside(context, flow, &route, at_subnet, source_end, !via.is_empty(), last),
        NextHop::Gateway | NextHop::ServiceEndpoint => return Ok(last),
        NextHop::Peering(index) => {
            let peer = node.peers.get(index);
            (peer.and_then(|peer| peer.remote), peer)
        }
        _ => (Some(node.vnet), None),
    };
    let inside =
        |vnet: usize| network.vnet(vnet).is_some_and(|v| v.prefixes.iter().any(|n| n.contains(&flow.destination)));
    if route.source == RouteSource::User && route.next_hop == NextHop::VnetLocal && !inside(node.vnet) {
        return Err(Halt::deny(route.at(Stage::Route)));
    }
    let Some(vnet) = vnet else {
        let Some(peer) = peer else { return Ok(last) };
        return remote_vnet_missing(context, &peer.peering.name, peer.peering.remote.as_ref(), last);
    };
    if let Some(refusing) = appliance::forwarding_refused(network, vnet, node.vnet, flow.source) {
        return Err(Halt::deny(At::new(Stage::Peering, Some(refusing))));
    }
    let closed = peer.filter(|peer| !peer.peering.allow_virtual_network_access);
    if let Some(peer) = closed {
        context.here = At { span: peer.peering.access_span, ..At::new(Stage::Peering, Some(&peer.peering.name)) };
        context.note(&code::PEERING_ACCESS, &peer.peering.name);
    }
    let arrived = arrive(context, flow, vnet, &via, subnet, ends, last)?;
    if let Some(peer) = closed {
        // Recorded: no NSG at all means no traffic. An explicit allow is documented to pass and was never recorded.
        let at = At { span: peer.peering.access_span, ..At::new(Stage::Peering, Some(&peer.peering.name)) };
        context.here = at;
        let passes = arrived.is_some() && context.ask(Fact::PeeringAccess(peer.peering.name.clone()))?;
        if !passes {
            return Err(Halt::deny(at));
        }
    }
    Ok(arrived)
}

fn remote_vnet_missing<'n>(
    context: &mut Context<'_, 'n>,
    peering: &'n str,
    remote: Option<&ResourceId>,
    last: Option<At<'n>>,
) -> Walked<'n, Option<At<'n>>> {
    let id = remote.map_or(peering, ResourceId::as_str);
    context.here = At::new(Stage::Peering, Some(peering));
    context.note(&code::REMOTE_VNET_MISSING, id);
    let (at, place) = (context.here, peering.to_owned());
    context.step(|| Step {
        at,
        place,
        what: "peered network not in the input".to_owned(),
        result: StepResult::Unknown,
    });
    if context.ask(Fact::RemoteVnet(id.to_ascii_lowercase()))? { Ok(last) } else { Err(Halt::deny(at)) }
}

/// Routes from the source subnet through appliances to the place of delivery.
fn forward<'n>(context: &mut Context<'_, 'n>, flow: &Flow, subnet: usize) -> Walked<'n, (Chosen<'n>, usize, Vec<Via>)> {
    let (mut current, mut via) = (subnet, Vec::<Via>::new());
    loop {
        let route = lookup(context, current, flow.destination)?;
        let place = context.network.subnet(current).map(|node| node.subnet.name.clone()).unwrap_or_default();
        let dropped = route.next_hop == NextHop::None;
        let result = if dropped { StepResult::Deny } else { StepResult::Forward };
        context.step(|| Step { at: route.at(Stage::Route), place, what: route.words(), result });
        match route.next_hop {
            NextHop::None => {
                note_lost_peering(context, current, flow.destination, &route);
                return Err(Halt::deny(route.at(Stage::Route)));
            }
            NextHop::Appliance(hop) => {
                let next = appliance::cross(context, &route, hop, current, flow, &via)?;
                via.push(next);
                current = next.subnet;
            }
            _ => return Ok((route, current, via)),
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
        let usable = node.peers.iter().any(|peer| std::ptr::eq(peer.peering, peering));
        if !usable && holds.any(|net| net.contains(&destination)) {
            let span = peering.state.as_ref().map(|state| state.span).or(Some(peering.span));
            context.here = At { span, ..At::new(Stage::Route, None) };
            context.note(&code::PEERING_STATE, &peering.name);
        }
    }
}

/// A private endpoint in the own or a directly peered network has a route of its own, which this version does not
/// evaluate (semantics.md 3.4).
fn private_endpoint_route<'n>(context: &mut Context<'_, 'n>, destination: IpAddr, subnet: usize) -> Walked<'n, ()> {
    let network = context.network;
    let Some(node) = network.subnet(subnet) else { return Ok(()) };
    let reachable = |vnet: usize| vnet == node.vnet || node.peers.iter().any(|peer| peer.remote == Some(vnet));
    let found = network.endpoints_with(destination).find(|end| {
        let vnet = end.subnet.and_then(|i| network.subnet(i)).map(|s| s.vnet);
        end.kind == EndpointKind::PrivateEndpoint && vnet.is_none_or(reachable)
    });
    match found {
        Some(end) => not_modelled(context, Stage::PrivateEndpoint, end),
        None => Ok(()),
    }
}

/// Ends the evaluation at something that this version does not evaluate: it may let the flow through or not.
pub(super) fn not_modelled<'n>(context: &mut Context<'_, 'n>, stage: Stage, end: &'n Endpoint<'n>) -> Walked<'n, ()> {
    context.here = At::new(stage, Some(&end.name));
    context.note(&code::NOT_MODELLED, end.id.as_str());
    let (at, place) = (context.here, end.name.clone());
    context.step(|| Step { at, place, what: "not evaluated by this version".to_owned(), result: StepResult::Unknown });
    let passes = context.ask(Fact::NotModelled(end.id.key().to_owned()))?;
    Err(Halt::Settled(Outcome { allowed: passes, at: Some(at) }))
}

/// Ingress gates and return route at the destination.
pub(super) fn arrive<'n>(
    context: &mut Context<'_, 'n>,
    flow: &Flow,
    vnet: usize,
    via: &[Via],
    source_subnet: usize,
    ends: Endpoints<'n>,
    last: Option<At<'n>>,
) -> Walked<'n, Option<At<'n>>> {
    let got = enter(context, flow, Some(vnet), ends, last)?;
    if let (Some(subnet), got) = got {
        return_route(context, flow, subnet, via, Some(source_subnet))?;
        return Ok(got);
    }
    Ok(got.1)
}

/// Ingress gates of the destination: its subnet, where the input holds it, and the last filter that matched.
pub(super) fn enter<'n>(
    context: &mut Context<'_, 'n>,
    flow: &Flow,
    vnet: Option<usize>,
    ends: Endpoints<'n>,
    last: Option<At<'n>>,
) -> Walked<'n, (Option<usize>, Option<At<'n>>)> {
    let network = context.network;
    let Some(subnet) = network.subnet_of(flow.destination, vnet) else {
        missing_subnet(context, flow.destination, Stage::NsgInSubnet)?;
        context.here = At::new(Stage::NsgInSubnet, None);
        context.note(&code::DESTINATION_UNKNOWN, &flow.destination.to_string());
        return Ok((None, last));
    };
    let end = answering(context, network.endpoint_at(flow.destination, subnet), Stage::NsgInNic)?;
    let stage = match end.map(|end| end.kind) {
        Some(EndpointKind::PrivateEndpoint) => Some(Stage::PrivateEndpoint),
        Some(EndpointKind::LoadBalancer) => Some(Stage::NsgInNic),
        Some(EndpointKind::AzureFirewall) => Some(Stage::Firewall),
        _ => None,
    };
    if let (Some(stage), Some(end)) = (stage, end) {
        not_modelled(context, stage, end)?;
    }
    let nic = match (end, ends.model) {
        (None, Some(model)) => Nic::Model(model.nsg),
        (end, _) => Nic::Endpoint(end),
    };
    Ok((Some(subnet), ingress(context, flow, subnet, nic, last)?))
}

/// An address that a NIC of the input has in a subnet that is not, or a private one that no network of the input holds
/// while some are missing: its NSG and routes are not known.
pub(super) fn missing_subnet<'n>(context: &mut Context<'_, 'n>, address: IpAddr, stage: Stage) -> Walked<'n, ()> {
    let network = context.network;
    let own = network.endpoints_with(address).find_map(|end| end.subnet_id.filter(|_| end.subnet.is_none()));
    let held = || network.vnets.iter().any(|vnet| vnet.prefixes.iter().any(|net| net.contains(&address)));
    let any = || network.missing_subnets.first().copied().filter(|_| tags::is_private(address) && !held());
    let Some(id) = own.or_else(any) else { return Ok(()) };
    context.here = At::new(stage, Some(id.name()));
    context.note(&code::REMOTE_VNET_MISSING, id.parent().unwrap_or_else(|| id.clone()).as_str());
    let (at, place) = (context.here, id.name().to_owned());
    context.step(|| Step { at, place, what: "subnet not in the input".to_owned(), result: StepResult::Unknown });
    if context.ask(Fact::MissingSubnet(id.as_str().to_owned()))? { Ok(()) } else { Err(Halt::deny(at)) }
}

/// Two NICs of one subnet with one address and different filters: which one is there is not known.
fn answering<'n>(
    context: &mut Context<'_, 'n>,
    end: Option<&'n Endpoint<'n>>,
    stage: Stage,
) -> Walked<'n, Option<&'n Endpoint<'n>>> {
    let Some(first) = end.filter(|end| end.kind == EndpointKind::Nic) else { return Ok(end) };
    let Some(rival) = context.network.rival(first) else { return Ok(end) };
    context.here = At::new(stage, None);
    context.note(&code::SHARED_ADDRESS, &first.address.to_string());
    Ok(Some(if context.ask(Fact::SharedAddress(first.address))? { first } else { rival }))
}

/// Reverse route from the destination's subnet; a stateful device must see both directions (semantics.md 3.6). With a
/// source outside every network only a None route is certain to lose the reply.
///
/// A route table on the way that is not in the input may lead the flow or its reply another way.
pub(super) fn return_route<'n>(
    context: &mut Context<'_, 'n>,
    flow: &Flow,
    destination_subnet: usize,
    via: &[Via],
    source_subnet: Option<usize>,
) -> Walked<'n, ()> {
    let failed = match reply(context, flow, destination_subnet, via, source_subnet) {
        Err(Halt::Settled(outcome)) if !outcome.allowed => outcome,
        other => return other,
    };
    let Some(start) = source_subnet else { return Err(Halt::Settled(failed)) };
    let subnets = [start].into_iter().chain(via.iter().map(|hop| hop.subnet)).chain([destination_subnet]);
    let missing = subnets.filter_map(|subnet| context.network.subnet(subnet)).find_map(|node| match node.table {
        Lookup::Missing(id) => Some(id),
        _ => None,
    });
    let Some(id) = missing else { return Err(Halt::Settled(failed)) };
    context.here = At::new(Stage::Route, Some(id.name()));
    context.note(&code::ROUTE_TABLE_MISSING, id.as_str());
    if context.ask(Fact::TableDelivers(id.key().to_owned(), flow.source))? {
        Ok(())
    } else {
        Err(Halt::Settled(failed))
    }
}

fn reply<'n>(
    context: &mut Context<'_, 'n>,
    flow: &Flow,
    destination_subnet: usize,
    via: &[Via],
    source_subnet: Option<usize>,
) -> Walked<'n, ()> {
    let network = context.network;
    let vnet_of = |subnet: usize| network.subnet(subnet).map(|node| node.vnet);
    let mut current = destination_subnet;
    for hop in via.iter().rev() {
        let route = lookup(context, current, flow.source)?;
        let same = matches!(route.next_hop, NextHop::Appliance(Some(address)) if address == hop.address);
        if !same {
            return Err(lost_reply(context, &route, current));
        }
        let refusing = vnet_of(hop.subnet).zip(vnet_of(current));
        let refusing =
            refusing.and_then(|(to, from)| appliance::forwarding_refused(network, to, from, flow.destination));
        if let Some(refusing) = refusing {
            return Err(Halt::deny(At::new(Stage::ReturnRoute, Some(refusing))));
        }
        current = hop.subnet;
    }
    let route = lookup(context, current, flow.source)?;
    let Some(source_subnet) = source_subnet else {
        match route.next_hop {
            NextHop::None => return Err(lost_reply(context, &route, current)),
            NextHop::Appliance(_) => {
                context.here = route.at(Stage::ReturnRoute);
                context.note(&code::ASYMMETRIC_RETURN, &flow.source.to_string());
            }
            _ => {}
        }
        return Ok(());
    };
    if !matches!(route.next_hop, NextHop::VnetLocal | NextHop::Peering(_)) {
        return Err(lost_reply(context, &route, current));
    }
    if !via.is_empty()
        && let Some((to, from)) = vnet_of(source_subnet).zip(vnet_of(current))
        && let Some(refusing) = appliance::forwarding_refused(network, to, from, flow.destination)
    {
        return Err(Halt::deny(At::new(Stage::ReturnRoute, Some(refusing))));
    }
    let place = network.subnet(current).map(|node| node.subnet.name.clone()).unwrap_or_default();
    let what = format!("stateful reply; {}", route.words());
    context.step(|| Step { at: route.at(Stage::ReturnRoute), place, what, result: StepResult::Ok });
    Ok(())
}

/// The reply does not come back: dropped, or through (or past) a device that the request did not (or did) pass.
fn lost_reply<'n>(context: &mut Context<'_, 'n>, route: &Chosen<'n>, subnet: usize) -> Halt<'n> {
    let at = route.at(Stage::ReturnRoute);
    context.here = at;
    let place = context.network.subnet(subnet).map(|node| node.subnet.name.clone()).unwrap_or_default();
    if route.next_hop != NextHop::None {
        context.note(&code::ASYMMETRIC, &place);
    }
    let what = format!("reply: {}", route.words());
    context.step(|| Step { at, place, what, result: StepResult::Deny });
    Halt::deny(at)
}
