//! One concrete flow from its source subnet to its destination and back (semantics.md 8).

use super::context::{At, Context, Fact, Halt, Outcome, Walked};
use super::gates::{Nic, egress, ingress};
use super::journey::{Branch, Delivery, Journey, deliver, travel};
use super::trace::{Step, StepResult};
use super::{balancer, container, edge, endpoint, firewall, reply};
use crate::compile::endpoints::{Endpoint, EndpointKind};
use crate::compile::{Lookup, Network, Stage, tags};
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

/// What a walk leads to.
#[derive(Debug, Clone)]
pub enum Walk<'n> {
    /// One outcome.
    One(Outcome<'n>),
    /// Several ways on, each to be judged on its own with [`resume`].
    Many(Vec<Branch<'n>>),
}

/// Walks one flow. Only a missing fact comes back as a halt.
pub fn walk<'n>(context: &mut Context<'_, 'n>, flow: &Flow, ends: Endpoints<'n>) -> Walked<'n, Walk<'n>> {
    let subnet = ends.subnet.or_else(|| context.network.subnet_of(flow.source, None));
    if let Some(model) = ends.model {
        context.model_address = Some(flow.destination);
        context.destination_groups = model.groups;
    }
    let last = match subnet {
        Some(subnet) => leave(context, flow, subnet, ends),
        None => match missing_subnet(context, flow.source, Stage::NsgOutSubnet) {
            // By what way it comes, and with which source, is not known.
            Ok(true) => Ok(None),
            Ok(false) => edge::from_outside(context, flow, ends),
            Err(halt) => Err(halt),
        },
    };
    outcome(last)
}

/// Judges one of the ways of [`Walk::Many`]; it may split again.
pub fn resume<'n>(context: &mut Context<'_, 'n>, branch: &Branch<'n>) -> Walked<'n, Walk<'n>> {
    outcome(match branch {
        Branch::Frontend(flow, subnet, last) => ingress(context, flow, *subnet, Nic::Endpoint(None), *last),
        Branch::Onward(journey) => travel(context, journey.clone()),
        Branch::Member(delivery) => deliver(context, delivery),
    })
}

fn outcome<'n>(last: Walked<'n, Option<At<'n>>>) -> Walked<'n, Walk<'n>> {
    match last {
        Ok(last) => Ok(Walk::One(Outcome { allowed: true, at: last })),
        Err(Halt::Settled(outcome)) => Ok(Walk::One(outcome)),
        Err(Halt::Split(branches)) => Ok(Walk::Many(branches)),
        Err(unknown) => Err(unknown),
    }
}

/// Source gates, then the way on. Returns the last filter that matched.
fn leave<'n>(
    context: &mut Context<'_, 'n>,
    flow: &Flow,
    subnet: usize,
    ends: Endpoints<'n>,
) -> Walked<'n, Option<At<'n>>> {
    let network = context.network;
    let source_end = answering(context, network.endpoint_at(flow.source, subnet), Stage::NsgOutNic)?;
    let last = egress(context, flow, subnet, Nic::Endpoint(source_end))?;
    if flow.destination == IpAddr::V4(tags::PLATFORM) || flow.destination == IpAddr::V4(tags::METADATA) {
        return Ok(last); // always on the host, no route involved (semantics.md 1.8)
    }
    endpoint::unplaced(context, flow.destination, subnet)?;
    travel(context, Journey { flow: *flow, start: Some(subnet), here: subnet, via: Vec::new(), last, ends })
}

pub(super) fn remote_vnet_missing<'n>(
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
pub(super) fn arrive<'n>(context: &mut Context<'_, 'n>, delivery: &Delivery<'n>) -> Walked<'n, Option<At<'n>>> {
    let network = context.network;
    let (flow, vnet, last) = (delivery.journey.flow, delivery.vnet, delivery.journey.last);
    if let Some(member) = delivery.member {
        let Some(subnet) = member.subnet else {
            // Its NSG and routes are not known.
            missing_subnet(context, member.address, Stage::NsgInSubnet)?;
            return Ok(last);
        };
        let got = ingress(context, &flow, subnet, Nic::Endpoint(Some(member)), last)?;
        reply::return_route(context, &delivery.journey, subnet)?;
        return Ok(got);
    }
    if let Some(subnet) = delivery.instance {
        return container::arrive(context, delivery, subnet);
    }
    let Some(subnet) = destination_subnet(context, &flow, vnet)? else { return Ok(last) };
    let end = answering(context, network.endpoint_at(flow.destination, subnet), Stage::NsgInNic)?;
    match end.map(|end| (end, end.kind)) {
        Some((end, EndpointKind::PrivateEndpoint)) => endpoint::arrive(context, &delivery.journey, subnet, end),
        Some((Endpoint { balancer: Some((balancer, frontend)), .. }, _)) => {
            Err(balancer::members(context, delivery, balancer, frontend)?)
        }
        Some((end, EndpointKind::ContainerEnvironment)) => Err(container::instances(context, delivery, subnet, end)),
        Some((end, EndpointKind::AzureFirewall)) => firewall::arrive(context, &delivery.journey, end),
        _ => {
            if end.is_none() && delivery.journey.ends.model.is_none() {
                balancer::unplaced(context, flow.destination, subnet)?;
            }
            let got = ingress(context, &flow, subnet, nic_of(end, delivery.journey.ends), last)?;
            reply::return_route(context, &delivery.journey, subnet)?;
            Ok(got)
        }
    }
}

fn nic_of<'n>(end: Option<&'n Endpoint<'n>>, ends: Endpoints<'n>) -> Nic<'n, 'n> {
    match (end, ends.model) {
        (None, Some(model)) => Nic::Model(model.nsg),
        (end, _) => Nic::Endpoint(end),
    }
}

fn destination_subnet<'n>(
    context: &mut Context<'_, 'n>,
    flow: &Flow,
    vnet: Option<usize>,
) -> Walked<'n, Option<usize>> {
    let found = context.network.subnet_of(flow.destination, vnet);
    if found.is_none() {
        missing_subnet(context, flow.destination, Stage::NsgInSubnet)?;
        context.here = At::new(Stage::NsgInSubnet, None);
        context.note(&code::DESTINATION_UNKNOWN, &flow.destination.to_string());
    }
    Ok(found)
}

/// An address that a NIC of the input has in a subnet that is not, or a private or IPv6 one that no network of the input holds
/// while some are missing: its NSG and routes are not known. True where it lets the flow through.
pub(super) fn missing_subnet<'n>(context: &mut Context<'_, 'n>, address: IpAddr, stage: Stage) -> Walked<'n, bool> {
    let network = context.network;
    let blank = |index: usize| network.subnet(index).is_some_and(|node| node.prefixes.is_empty());
    let own = network.endpoints_with(address).find_map(|end| end.subnet_id.filter(|_| end.subnet.is_none_or(blank)));
    let held = || network.vnets.iter().any(|vnet| vnet.prefixes.iter().any(|net| net.contains(&address)));
    // Sources of the Internet are many; a destination that the input does not hold is asked about for a reason.
    let may_lie = stage == Stage::NsgInSubnet || tags::is_private(address) || address.is_ipv6();
    let any = || network.missing.subnets.first().copied().filter(|_| may_lie && !held());
    let other = || missing_network(network, address).or_else(|| subnet_without_prefix(network, address));
    let Some(id) = own.or_else(any).or_else(other) else { return Ok(false) };
    context.here = At::new(stage, Some(id.name()));
    let subnet = id.segment("subnets").is_some();
    context.note(&code::REMOTE_VNET_MISSING, id.parent().filter(|_| subnet).unwrap_or_else(|| id.clone()).as_str());
    let (at, place) = (context.here, id.name().to_owned());
    context.step(|| Step { at, place, what: "subnet not in the input".to_owned(), result: StepResult::Unknown });
    if context.ask(Fact::MissingSubnet(id.as_str().to_owned()))? { Ok(true) } else { Err(Halt::deny(at)) }
}

/// A subnet that is there without its prefix, as in a template: it may hold any address of its network.
fn subnet_without_prefix<'n>(network: &'n Network<'n>, address: IpAddr) -> Option<&'n ResourceId> {
    let holding = network.vnets.iter().filter(|vnet| vnet.prefixes.iter().any(|net| net.contains(&address)));
    let subnets = holding.flat_map(|vnet| &vnet.subnets).filter_map(|index| network.subnet(*index));
    subnets.map(|node| node.subnet).find(|subnet| subnet.prefixes.is_empty()).map(|subnet| &subnet.id)
}

/// A network that is not in the input and may hold an address that no other one does: a private one, or one that a
/// peering says to be there.
fn missing_network<'n>(network: &'n Network<'n>, address: IpAddr) -> Option<&'n ResourceId> {
    let held = |prefixes: &[ipnet::IpNet]| prefixes.iter().any(|net| net.contains(&address));
    if network.vnets.iter().any(|vnet| held(&vnet.prefixes)) {
        return None;
    }
    let mut missing = network.missing.networks.iter();
    missing.find(|(_, space)| held(space) || space.is_empty() && tags::is_private(address)).map(|(id, _)| *id)
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
