//! Traffic that enters or leaves through the Internet (semantics.md 1.6, 5.1, 5.3).

use super::context::{At, Context, Fact, Halt, Walked};
use super::gates::{Nic, ingress};
use super::journey::{Branch, Delivery, Journey, Via};
use super::path::{Endpoints, arrive};
use super::route::Chosen;
use super::{balancer, reply};
use crate::compile::cuts::{Cuts, Side};
use crate::compile::endpoints::{Endpoint, EndpointKind};
use crate::compile::gateway_paths::{instance_addresses, private_frontends};
use crate::compile::{Network, Stage, tags};
use crate::diagnostic::code;
use crate::model::{PublicIpAddress, ResourceId};
use crate::net::Flow;
use std::net::IpAddr;

/// Delivery to the Internet.
pub(super) fn outside<'n>(
    context: &mut Context<'_, 'n>,
    journey: &Journey<'n>,
    route: &Chosen<'n>,
) -> Walked<'n, Option<At<'n>>> {
    let network = context.network;
    let (flow, subnet, last) = (&journey.flow, journey.here, journey.last);
    let at = route.at(Stage::Route);
    context.here = at;
    if tags::is_private(flow.destination) {
        context.note(&code::PRIVATE_TO_INTERNET, &flow.destination.to_string());
        return Err(Halt::deny(at));
    }
    let (source, way_out) = match journey.via.last() {
        Some(hop) => (firewall_source(network, hop), true),
        None => public_source(network, subnet, network.endpoint_at(flow.source, subnet)),
    };
    if !way_out {
        context.note(&code::NO_EGRESS, &network.subnet(subnet).map(|n| n.subnet.name.clone()).unwrap_or_default());
        return Err(Halt::deny(at));
    }
    let answers = answers_in_input(network, flow.destination);
    let owner = if answers { None } else { owner_in_input(context, flow.destination)? };
    if owner.is_none() && !answers {
        unlisted(context, flow.destination)?;
        return Ok(last);
    }
    context.here = at;
    let Some(source) = source else {
        context.note(&code::SNAT_UNKNOWN, &flow.destination.to_string());
        let key = network.subnet(subnet).map(|node| node.subnet.id.key().to_owned()).unwrap_or_default();
        return if context.ask(Fact::PublicSource(key))? { Ok(last) } else { Err(Halt::deny(at)) };
    };
    let translated = Flow { source, ..*flow };
    let Some((owner, owner_subnet)) = owner else {
        let journey = Journey { flow: translated, start: None, here: subnet, via: Vec::new(), ..journey.clone() };
        return public_frontend(context, &journey);
    };
    let translated = Flow { destination: owner.address, ..translated };
    let got = ingress(context, &translated, owner_subnet, Nic::Endpoint(Some(owner)), last)?;
    reply::to_outside(context, translated.source, owner_subnet)?;
    Ok(got)
}

/// Does a firewall, load balancer, gateway or something else that is no NIC of the input have this public address?
fn answers_in_input(network: &Network<'_>, address: IpAddr) -> bool {
    let has = |id: &Option<ResourceId>| id.as_ref().and_then(|id| network.public_address(id)) == Some(address);
    let gateways = network.snapshot.application_gateways.values();
    let balancers = network.snapshot.load_balancers.values();
    network.firewalls.iter().any(|firewall| firewall.public.contains(&address))
        || balancers.flat_map(|balancer| &balancer.frontends).any(|frontend| has(&frontend.public_ip))
        || gateways.flat_map(|gateway| &gateway.frontends).any(|frontend| has(&frontend.public_ip))
        || elsewhere(network, address).is_some()
}

/// A flow to a public address of a firewall, load balancer or gateway of the input.
fn public_frontend<'n>(context: &mut Context<'_, 'n>, journey: &Journey<'n>) -> Walked<'n, Option<At<'n>>> {
    let network = context.network;
    let destination = journey.flow.destination;
    if let Some(index) = network.firewalls.iter().position(|firewall| firewall.public.contains(&destination)) {
        return Err(super::firewall::from_outside(context, index, journey)?);
    }
    let balancers = network.snapshot.load_balancers.values();
    for (balancer, frontend) in balancers.flat_map(|balancer| balancer.frontends.iter().map(move |f| (balancer, f))) {
        if frontend.public_ip.as_ref().and_then(|id| network.public_address(id)) == Some(destination) {
            let delivery =
                Delivery { journey: journey.clone(), vnet: None, closed: None, member: None, instance: None };
            return Err(balancer::members(context, &delivery, balancer, frontend)?);
        }
    }
    match frontend_branches(network, journey) {
        Some(branches) => Err(Halt::Split(branches)),
        None => not_evaluated(context, destination, journey.last),
    }
}

/// The public address of the firewall that translated last.
fn firewall_source(network: &Network<'_>, hop: &Via) -> Option<IpAddr> {
    let firewall = network.firewalls.iter().find(|firewall| firewall.subnet == Some(hop.subnet))?;
    firewall.public.first().copied().filter(|_| hop.translated)
}

/// A public address of something that is not evaluated from the outside: a VPN gateway, a bastion, a gateway whose subnet
/// is not in the input, or a firewall, load balancer or gateway that is not.
fn elsewhere<'n>(network: &'n Network<'n>, address: IpAddr) -> Option<&'n PublicIpAddress> {
    let mut listed = network.snapshot.public_ips.values();
    let public = listed.find(|ip| ip.address.as_ref().is_some_and(|a| a.value == address))?;
    let owner = public.ip_configuration.as_ref().map(|id| id.key()).unwrap_or_default();
    let kinds =
        ["/loadbalancers/", "/azurefirewalls/", "/virtualnetworkgateways/", "/bastionhosts/", "/applicationgateways/"];
    let mut frontends = network.snapshot.application_gateways.values().flat_map(|gateway| &gateway.frontends);
    let of_gateway = frontends.any(|frontend| frontend.public_ip.as_ref() == Some(&public.id));
    (of_gateway || kinds.iter().any(|kind| owner.contains(kind))).then_some(public)
}

fn not_evaluated<'n>(
    context: &mut Context<'_, 'n>,
    address: IpAddr,
    last: Option<At<'n>>,
) -> Walked<'n, Option<At<'n>>> {
    let Some(public) = elsewhere(context.network, address) else { return Ok(last) };
    context.here = At::new(Stage::NsgInSubnet, Some(&public.name));
    context.note(&code::NOT_MODELLED, public.id.as_str());
    let at = context.here;
    let allowed = context.ask(Fact::NotModelled(public.id.key().to_owned()))?;
    Err(Halt::Settled(super::context::Outcome { allowed, at: Some(at) }))
}

/// A public address may be one that is not in the input, of something that the input does hold.
fn unlisted<'n>(context: &mut Context<'_, 'n>, address: IpAddr) -> Walked<'n, ()> {
    let network = context.network;
    let Some(id) = network.missing.public_ips.first().filter(|_| !tags::is_private(address)) else { return Ok(()) };
    let listed = |ip: &PublicIpAddress| ip.address.as_ref().is_some_and(|a| a.value == address);
    if network.snapshot.public_ips.values().any(listed) {
        return Ok(());
    }
    context.here = At::new(Stage::NsgInSubnet, Some(id.name()));
    context.note(&code::SNAT_UNKNOWN, id.as_str());
    let at = context.here;
    let allowed = context.ask(Fact::MissingPublicIp((*id).clone()))?;
    Err(Halt::Settled(super::context::Outcome { allowed, at: Some(at) }))
}

/// The public address that a flow leaves with, and whether there is a way out at all: the gateway's frontend, the NIC's
/// own address, a NAT gateway (semantics.md 5.3).
fn public_source(network: &Network<'_>, subnet: usize, source_end: Option<&Endpoint<'_>>) -> (Option<IpAddr>, bool) {
    let Some(node) = network.subnet(subnet) else { return (None, true) };
    let nat = node.subnet.nat_gateway.as_ref().map(|r| &r.value);
    let nat_address = nat
        .and_then(|id| network.snapshot.nat_gateways.get(id))
        .and_then(|gateway| gateway.public_ips.first())
        .and_then(|id| network.public_address(id));
    let from_nic = source_end.is_some_and(|end| end.kind == EndpointKind::Nic);
    if !node.gateways.is_empty() && !from_nic {
        let frontend = node.gateways.iter().flat_map(|g| &g.frontends).find_map(|f| f.public_ip.as_ref());
        return match frontend {
            Some(id) => (network.public_address(id), true),
            None => (nat_address, nat.is_some()),
        };
    }
    let own = source_end.and_then(|end| {
        let listed = network.snapshot.public_ips.values().find(|ip| ip.ip_configuration.as_ref() == end.configuration);
        let listed = listed.filter(|ip| ip.ip_configuration.is_some()).map(|ip| &ip.id);
        listed.or(end.public_ip).and_then(|id| network.public_address(id))
    });
    (own, true)
}

/// The NIC behind a public address of the input.
fn owner_of_public<'n>(network: &'n Network<'n>, address: IpAddr) -> Option<&'n Endpoint<'n>> {
    let public =
        network.snapshot.public_ips.values().find(|ip| ip.address.as_ref().is_some_and(|a| a.value == address))?;
    network.endpoints.iter().find(|end| {
        end.kind == EndpointKind::Nic
            && (end.configuration.is_some() && end.configuration == public.ip_configuration.as_ref()
                || end.public_ip == Some(&public.id))
    })
}

/// The NIC behind a public address and its subnet. A NIC that is not in the input may have any NSG, and so may the subnet
/// of one whose network is not in the input.
fn owner_in_input<'n>(context: &mut Context<'_, 'n>, address: IpAddr) -> Walked<'n, Option<(&'n Endpoint<'n>, usize)>> {
    let network = context.network;
    let owner = owner_of_public(network, address);
    if let Some(owner) = owner {
        let Some(subnet) = owner.subnet else {
            super::path::missing_subnet(context, owner.address, Stage::NsgInSubnet)?;
            return Ok(None);
        };
        return Ok(Some((owner, subnet)));
    }
    let mut public =
        network.snapshot.public_ips.values().filter(|ip| ip.address.as_ref().is_some_and(|a| a.value == address));
    let on_nic = |id: &ResourceId| id.key().contains("/networkinterfaces/");
    if public.any(|ip| ip.ip_configuration.as_ref().is_some_and(on_nic)) {
        context.here = At::new(Stage::NsgInNic, None);
        context.note(&code::NO_NIC, &address.to_string());
        let at = context.here;
        if !context.ask(Fact::UnseenNic(address))? {
            return Err(Halt::deny(at));
        }
    }
    Ok(None)
}

/// A source outside every virtual network: only the destination's side is seen (conformance convention 7).
pub(super) fn from_outside<'n>(
    context: &mut Context<'_, 'n>,
    flow: &Flow,
    ends: Endpoints<'n>,
) -> Walked<'n, Option<At<'n>>> {
    let network = context.network;
    let journey = Journey { flow: *flow, start: None, here: 0, via: Vec::new(), last: None, ends };
    if answers_in_input(network, flow.destination) {
        return public_frontend(context, &journey);
    }
    unlisted(context, flow.destination)?;
    if let Some(subnet) = network.subnet_of(flow.destination, None) {
        super::endpoint::unplaced(context, flow.destination, subnet)?;
    }
    let (flow, vnet) = match owner_in_input(context, flow.destination)? {
        Some((owner, subnet)) => {
            (Flow { destination: owner.address, ..*flow }, network.subnet(subnet).map(|node| node.vnet))
        }
        None => (*flow, None),
    };
    let journey = Journey { flow, ..journey };
    arrive(context, &Delivery { journey, vnet, closed: None, member: None, instance: None })
}

/// A public frontend of a gateway: the NSG of the gateway subnet sees the instances' addresses as destination, or the
/// frontend address itself where a public and a private listener share the port (semantics.md 5.1).
fn frontend_branches<'n>(network: &'n Network<'n>, journey: &Journey<'n>) -> Option<Vec<Branch<'n>>> {
    let flow = &journey.flow;
    for gateway in network.snapshot.application_gateways.values() {
        let public = gateway.frontends.iter().find(|frontend| {
            frontend.public_ip.as_ref().and_then(|id| network.public_address(id)) == Some(flow.destination)
        });
        let subnet = gateway.subnets.iter().find_map(|id| network.subnet_by_id(&id.value));
        let (Some(public), Some(subnet)) = (public, subnet) else { continue };
        let ports: Vec<_> = gateway
            .frontend_ports
            .iter()
            .filter(|(_, port)| *port == flow.destination_port)
            .map(|(id, _)| id)
            .collect();
        let listening: Vec<_> = gateway
            .listeners
            .iter()
            .filter(|listener| listener.port.as_ref().is_some_and(|port| ports.contains(&port)))
            .filter_map(|listener| listener.frontend.as_ref())
            .collect();
        let private = gateway.frontends.iter().filter(|f| f.public_ip.is_none()).any(|f| listening.contains(&&f.id));
        if listening.contains(&&public.id) && private {
            return Some(vec![Branch::Frontend(*flow, subnet, journey.last)]);
        }
        let cuts = Cuts::of(network, Side::Destination);
        let node = network.subnet(subnet)?;
        let instances = instance_addresses(node, flow.destination.is_ipv4(), &private_frontends(node));
        let representatives = cuts.representatives(&instances);
        return Some(
            representatives
                .into_iter()
                .map(|(destination, _)| Branch::Frontend(Flow { destination, ..*flow }, subnet, journey.last))
                .collect(),
        );
    }
    None
}
