//! Next hops that are appliances (semantics.md 3.3, 3.5).

use super::balancer;
use super::context::{At, Context, Fact, Halt, Walked};
use super::journey::{Journey, Via};
use super::path::not_modelled;
use super::route::Chosen;
use super::trace::{Step, StepResult};
use crate::compile::endpoints::Endpoint;
use crate::compile::{Network, Stage, SubnetNode};
use crate::diagnostic::code;
use crate::model::{LoadBalancer, LoadBalancerFrontend, NetworkInterface};
use crate::net::Flow;
use ipnet::IpNet;
use std::net::IpAddr;

/// More appliances in a row than this are taken for a loop.
const LONGEST_CHAIN: usize = 5;

/// Crosses the appliance at a route's next hop. A flow to the appliance's own address is delivered there: the local
/// route that does it comes back.
pub(super) fn cross<'n>(
    context: &mut Context<'_, 'n>,
    route: &Chosen<'n>,
    hop: Option<IpAddr>,
    journey: &mut Journey<'n>,
) -> Walked<'n, Option<Chosen<'n>>> {
    let network = context.network;
    let at = route.at(Stage::Route);
    context.here = at;
    let Some(address) = hop else {
        context.note(&code::NEXT_HOP_MISSING, route.name.unwrap_or_default());
        return Err(Halt::deny(at));
    };
    let Some(node) = network.subnet(journey.here) else { return Err(Halt::deny(at)) };
    let remotes = node.peers.iter().filter_map(|peer| peer.remote);
    let vnets: Vec<usize> = std::iter::once(node.vnet).chain(remotes).collect();
    let firewall = firewall_at(context, address, &vnets)?;
    let next = firewall.and_then(|index| network.firewalls.get(index)).and_then(|firewall| firewall.subnet);
    let Some(next) = next.or_else(|| vnets.iter().find_map(|vnet| network.subnet_of(address, Some(*vnet)))) else {
        return Err(unreachable(context, address, journey.here)?);
    };
    if journey.flow.destination == address {
        journey.here = next;
        return Ok(Some(Chosen::local()));
    }
    if journey.via.iter().any(|earlier| earlier.address == address) || journey.via.len() >= LONGEST_CHAIN {
        context.note(&code::ROUTING_LOOP, &address.to_string());
        return Err(Halt::deny(at));
    }
    let end = network.endpoint_at(address, next);
    if firewall.is_none() {
        third_party(context, at, address, end, &journey.flow)?;
    }
    let to = network.subnet(next).map_or(node.vnet, |node| node.vnet);
    if let Some(refusing) = forwarding_refused(network, to, node.vnet, journey.flow.source) {
        return Err(Halt::deny(At::new(Stage::Peering, Some(refusing))));
    }
    if let Some(index) = firewall {
        super::firewall::cross(context, index, (address, next), journey)?;
        return Ok(None);
    }
    let name = end.map(|end| end.name.as_str());
    context.here = At::new(Stage::Firewall, name);
    context.note(&code::NVA, &address.to_string());
    pass(context, address)?;
    unseen_firewall(context, address, next, end)?;
    journey.via.push(Via { address, subnet: next, before: journey.flow.source, translated: false });
    journey.here = next;
    Ok(None)
}

/// A NIC that forwards, a load balancer in front of such NICs, or something that the input does not hold.
fn third_party<'n>(
    context: &mut Context<'_, 'n>,
    at: At<'n>,
    address: IpAddr,
    end: Option<&'n Endpoint<'n>>,
    flow: &Flow,
) -> Walked<'n, ()> {
    let Some(end) = end else {
        context.note(&code::NEXT_HOP_UNKNOWN, &address.to_string());
        return if context.ask(Fact::NextHop(address))? { Ok(()) } else { Err(Halt::deny(at)) };
    };
    let nics: Vec<&NetworkInterface> = match (end.nic, end.balancer) {
        (Some(nic), _) => vec![nic],
        (None, Some((balancer, frontend))) => behind(context, at, (balancer, frontend), flow)?,
        _ => Vec::new(),
    };
    let Some(nic) = nics.iter().find(|nic| !nic.ip_forwarding) else { return Ok(()) };
    context.note(&code::NVA_FORWARDING, nic.id.as_str());
    // Which server behind a load balancer takes a flow is not known.
    let some_forward = nics.iter().any(|nic| nic.ip_forwarding);
    if some_forward && context.ask(Fact::NotModelled(nic.id.as_str().to_owned()))? {
        return Ok(());
    }
    Err(Halt::deny(at))
}

/// NICs of the appliances behind a load balancer that take a flow: those of the rule that does.
fn behind<'n>(
    context: &mut Context<'_, 'n>,
    at: At<'n>,
    (balancer, frontend): (&'n LoadBalancer, &'n LoadBalancerFrontend),
    flow: &Flow,
) -> Walked<'n, Vec<&'n NetworkInterface>> {
    let Some(rule) = balancer::balancing_rule(balancer, frontend, flow) else {
        if !flow.protocol.has_ports() {
            return Ok(Vec::new()); // rules name TCP and UDP only
        }
        context.note(&code::BALANCER_NO_RULE, balancer.id.as_str());
        return Err(Halt::deny(at));
    };
    let (found, missing) = balancer::members_of(context, balancer, &rule.pools);
    if let Some(id) = missing.first() {
        context.note(&code::MEMBER_UNRESOLVED, id);
        if !context.ask(Fact::PoolMember(id.clone()))? {
            return Err(Halt::deny(at));
        }
    } else if found.is_empty() {
        context.note(&code::BALANCER_EMPTY, balancer.id.as_str());
        return Err(Halt::deny(at));
    }
    Ok(found.into_iter().filter_map(|end| end.nic).collect())
}

/// The Azure Firewall at an address: by the address that it prints, or the only one of its subnet that prints none.
fn firewall_at<'n>(context: &mut Context<'_, 'n>, address: IpAddr, vnets: &[usize]) -> Walked<'n, Option<usize>> {
    let network = context.network;
    let reached = |subnet: usize| network.subnet(subnet).is_some_and(|node| vnets.contains(&node.vnet));
    for (index, firewall) in network.firewalls.iter().enumerate() {
        let Some(subnet) = firewall.subnet else {
            if firewall.private.contains(&address) {
                let end = network.endpoints_with(address).find(|end| end.firewall == Some(index));
                if let Some(end) = end {
                    not_modelled(context, Stage::Firewall, end)?;
                }
            }
            continue;
        };
        let unprinted = firewall.private.is_empty()
            && network.subnet(subnet).is_some_and(|node| node.prefixes.iter().any(|net| net.contains(&address)));
        if reached(subnet) && (firewall.private.contains(&address) || unprinted) {
            return Ok(Some(index));
        }
    }
    Ok(None)
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

/// In the subnet of Azure Firewall stands one that is not in the input, and it may translate the source: then no filter
/// and no route behind it is certain.
fn unseen_firewall<'n>(
    context: &mut Context<'_, 'n>,
    address: IpAddr,
    subnet: usize,
    end: Option<&'n Endpoint<'n>>,
) -> Walked<'n, ()> {
    let network = context.network;
    let named = |node: &SubnetNode<'_>| node.subnet.name.eq_ignore_ascii_case("AzureFirewallSubnet");
    if end.is_some()
        || network.assumptions.transparent_appliances
        || !network.subnet(subnet).is_some_and(named)
        || !context.ask(Fact::ApplianceTranslates(address))?
    {
        return Ok(());
    }
    Err(Halt::Settled(super::context::Outcome { allowed: true, at: Some(context.here) }))
}

/// A next hop outside the networks that the subnet reaches directly is dropped; one in a peer that is not in the input
/// is not known.
fn unreachable<'n>(context: &mut Context<'_, 'n>, address: IpAddr, subnet: usize) -> Walked<'n, Halt<'n>> {
    let at = context.here;
    let Some(node) = context.network.subnet(subnet) else { return Ok(Halt::deny(at)) };
    let may_hold = |prefixes: &[IpNet]| prefixes.is_empty() || prefixes.iter().any(|net| net.contains(&address));
    let unseen = node.peers.iter().any(|peer| peer.remote.is_none() && may_hold(&peer.prefixes));
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
