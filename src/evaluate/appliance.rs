//! Next hops that are appliances (semantics.md 3.3, 3.5).

use super::context::{At, Context, Fact, Halt, Walked};
use super::path::{Via, not_modelled};
use super::route::Chosen;
use super::trace::{Step, StepResult};
use crate::compile::endpoints::EndpointKind;
use crate::compile::{Network, Stage};
use crate::diagnostic::code;
use crate::net::Flow;
use std::net::IpAddr;

/// More appliances in a row than this are taken for a loop.
const LONGEST_CHAIN: usize = 5;

/// Crosses the appliance at a route's next hop.
pub(super) fn cross<'n>(
    context: &mut Context<'_, 'n>,
    route: &Chosen<'n>,
    hop: Option<IpAddr>,
    subnet: usize,
    flow: &Flow,
    via: &[Via],
) -> Walked<'n, Via> {
    let network = context.network;
    let at = route.at(Stage::Route);
    context.here = at;
    let Some(address) = hop else {
        context.note(&code::NEXT_HOP_MISSING, route.name.unwrap_or_default());
        return Err(Halt::deny(at));
    };
    let Some(node) = network.subnet(subnet) else { return Err(Halt::deny(at)) };
    let remotes = node.peers.iter().filter_map(|peer| peer.remote);
    let vnets: Vec<usize> = std::iter::once(node.vnet).chain(remotes).collect();
    evaluated_elsewhere(context, address, &vnets)?;
    let Some(next) = vnets.iter().find_map(|vnet| network.subnet_of(address, Some(*vnet))) else {
        return Err(unreachable(context, address, subnet)?);
    };
    if via.iter().any(|earlier| earlier.address == address) || via.len() >= LONGEST_CHAIN {
        context.note(&code::ROUTING_LOOP, &address.to_string());
        return Err(Halt::deny(at));
    }
    let end = network.endpoint_at(address, next);
    if let Some(nic) = end.and_then(|end| end.nic)
        && !nic.ip_forwarding
    {
        context.note(&code::NVA_FORWARDING, nic.id.as_str());
        return Err(Halt::deny(at));
    }
    if end.is_none() {
        context.note(&code::NEXT_HOP_UNKNOWN, &address.to_string());
        if !context.ask(Fact::NextHop(address))? {
            return Err(Halt::deny(at));
        }
    }
    let to = network.subnet(next).map_or(node.vnet, |node| node.vnet);
    if let Some(refusing) = forwarding_refused(network, to, node.vnet, flow.source) {
        return Err(Halt::deny(At::new(Stage::Peering, Some(refusing))));
    }
    let name = end.map(|end| end.name.as_str());
    context.here = At::new(Stage::Firewall, name);
    context.note(&code::NVA, &address.to_string());
    pass(context, address)?;
    Ok(Via { address, subnet: next })
}

/// What a third-party appliance lets through is not in the input.
fn pass<'n>(context: &mut Context<'_, 'n>, address: IpAddr) -> Walked<'n, ()> {
    let (at, place) = (context.here, address.to_string());
    if context.network.assumptions.transparent_appliances {
        context.note(&code::ASSUMPTION, "appliance=transparent");
        let what = "appliance, assumed to let everything through".to_owned();
        context.step(|| Step { at, place, what, result: StepResult::Pass });
        return Ok(());
    }
    let what = "appliance; its own rules are not in the input".to_owned();
    context.step(|| Step { at, place, what, result: StepResult::Unknown });
    if context.ask(Fact::Appliance(address))? { Ok(()) } else { Err(Halt::deny(at)) }
}

/// An Azure Firewall or a load balancer at the next hop: named, not evaluated.
fn evaluated_elsewhere<'n>(context: &mut Context<'_, 'n>, address: IpAddr, vnets: &[usize]) -> Walked<'n, ()> {
    let network = context.network;
    let found = network.endpoints_with(address).find(|end| {
        let vnet = end.subnet.and_then(|index| network.subnet(index)).map(|node| node.vnet);
        let kind = matches!(end.kind, EndpointKind::AzureFirewall | EndpointKind::LoadBalancer);
        kind && vnet.is_none_or(|vnet| vnets.contains(&vnet))
    });
    match found {
        Some(end) => not_modelled(context, Stage::Firewall, end),
        None => Ok(()),
    }
}

/// A next hop outside the networks that the subnet reaches directly is dropped; one in a peer that is not in the input
/// is not known.
fn unreachable<'n>(context: &mut Context<'_, 'n>, address: IpAddr, subnet: usize) -> Walked<'n, Halt<'n>> {
    let at = context.here;
    let Some(node) = context.network.subnet(subnet) else { return Ok(Halt::deny(at)) };
    let unseen =
        node.peers.iter().any(|peer| peer.remote.is_none() && peer.prefixes.iter().any(|n| n.contains(&address)));
    if unseen {
        context.note(&code::NEXT_HOP_UNKNOWN, &address.to_string());
        if context.ask(Fact::NextHop(address))? {
            return Ok(Halt::Settled(super::context::Outcome { allowed: true, at: None }));
        }
        return Ok(Halt::deny(at));
    }
    context.note(&code::NEXT_HOP_UNREACHABLE, &address.to_string());
    Ok(Halt::deny(at))
}

/// `allowForwardedTraffic` on the receiving network's own peering: the name of the peering that refuses a packet whose
/// source is not in the network it comes from (semantics.md 3.5).
pub(super) fn forwarding_refused<'n>(
    network: &'n Network<'n>,
    to: usize,
    from: usize,
    source: IpAddr,
) -> Option<&'n str> {
    if to == from || network.vnet(from)?.prefixes.iter().any(|net| net.contains(&source)) {
        return None;
    }
    let peering = network.reverse_peering(from, to)?;
    (!peering.allow_forwarded_traffic).then_some(&peering.name)
}
