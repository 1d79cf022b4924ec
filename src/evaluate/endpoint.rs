//! Private endpoints as destinations (semantics.md 1.10, 3.4, 5.4).

use super::context::{At, Context, Fact, Halt, Outcome, Walked};
use super::gates::{self, Nic};
use super::journey::Journey;
use super::trace::{Step, StepResult};
use crate::compile::endpoints::{Endpoint, EndpointKind};
use crate::compile::{Network, Stage};
use crate::diagnostic::code;
use crate::model::{PrivateEndpointPolicies, ResourceId, Setting};
use crate::net::Flow;
use std::net::IpAddr;

/// Filters, connection state, and symmetry: what translated nothing on the way loses the reply.
pub(super) fn arrive<'n>(
    context: &mut Context<'_, 'n>,
    journey: &Journey<'n>,
    subnet: usize,
    end: &'n Endpoint<'n>,
) -> Walked<'n, Option<At<'n>>> {
    let got = ingress_gates(context, &journey.flow, subnet, end, journey.last)?;
    connection(context, end)?;
    global_peering(context, journey, subnet, end)?;
    if journey.via.last().is_some_and(|hop| !hop.translated) {
        let at = At::new(Stage::ReturnRoute, None);
        context.here = at;
        context.note(&code::ASYMMETRIC, &end.name);
        return Err(Halt::deny(at));
    }
    Ok(got)
}

/// The subnet's NSG, where its network policies say that it filters private endpoints; source ports are read as `*`.
fn ingress_gates<'n>(
    context: &mut Context<'_, 'n>,
    flow: &Flow,
    subnet: usize,
    end: &'n Endpoint<'n>,
    last: Option<At<'n>>,
) -> Walked<'n, Option<At<'n>>> {
    let network = context.network;
    let policies = policies(context, subnet)?;
    let nic = Nic::Endpoint(Some(end));
    if policies.security_groups {
        context.any_source_port = true;
        let got = gates::ingress(context, flow, subnet, nic, last);
        context.any_source_port = false;
        return got;
    }
    let Some(node) = network.subnet(subnet) else { return Ok(last) };
    let (at, place) = (At::new(Stage::NsgInSubnet, None), node.subnet.name.clone());
    if !matches!(node.nsg, crate::compile::Lookup::None) {
        context.here = at;
        context.note(&code::ENDPOINT_NSG_IGNORED, &end.name);
    }
    let what = "network policies off: no NSG filters private endpoints here".to_owned();
    context.step(|| Step { at, place, what, result: StepResult::Pass });
    Ok(last)
}

/// Network policies of a subnet; unreadable ones may be on or off.
pub(super) fn policies<'n>(context: &mut Context<'_, 'n>, subnet: usize) -> Walked<'n, PrivateEndpointPolicies> {
    let network = context.network;
    match network.subnet(subnet).map(|node| &node.subnet.private_endpoint_policies) {
        None | Some(Setting::Missing) => Ok(PrivateEndpointPolicies::default()),
        Some(Setting::Set(policies)) => Ok(policies.value),
        Some(Setting::Invalid(text)) => {
            context.here = At { span: Some(text.span), ..At::new(Stage::PrivateEndpoint, None) };
            context.note(&code::INVALID_VALUE_JUDGED, &text.value);
            let on = context.ask(Fact::EndpointPolicies(subnet))?;
            Ok(PrivateEndpointPolicies { security_groups: on, route_tables: on })
        }
    }
}

/// A connection that is not approved carries nothing.
fn connection<'n>(context: &mut Context<'_, 'n>, end: &'n Endpoint<'n>) -> Walked<'n, ()> {
    let at = At { span: end.private_endpoint.map(|own| own.span), ..At::new(Stage::PrivateEndpoint, Some(&end.name)) };
    context.here = at;
    let approved = match end.private_endpoint {
        Some(own) => own.is_approved(),
        None => {
            context.note(&code::ENDPOINT_MISSING, end.id.as_str());
            context.ask(Fact::EndpointApproved(end.id.clone()))?
        }
    };
    if approved {
        return Ok(());
    }
    context.note(&code::ENDPOINT_NOT_APPROVED, end.id.as_str());
    let place = end.name.clone();
    let what = "connection is not approved".to_owned();
    context.step(|| Step { at, place, what, result: StepResult::Deny });
    Err(Halt::deny(at))
}

/// An isolated gateway does not reach a private endpoint over global peering (semantics.md 5.4).
fn global_peering<'n>(
    context: &mut Context<'_, 'n>,
    journey: &Journey<'n>,
    subnet: usize,
    end: &'n Endpoint<'n>,
) -> Walked<'n, ()> {
    let network = context.network;
    let from = journey.start.and_then(|start| network.subnet(start));
    let (Some(from), Some(to)) = (from, network.subnet(subnet)) else { return Ok(()) };
    let isolated = !from.gateways.is_empty() && from.gateways.iter().all(|gateway| gateway.isolated);
    if !isolated || from.vnet == to.vnet {
        return Ok(());
    }
    let at = At::new(Stage::PrivateEndpoint, Some(&end.name));
    context.here = at;
    let same = match (location(network, from.vnet), location(network, to.vnet)) {
        (Some(from), Some(to)) => from == to,
        _ => context.ask(Fact::SameRegion(from.vnet.min(to.vnet), from.vnet.max(to.vnet)))?,
    };
    if same {
        return Ok(());
    }
    context.note(&code::ENDPOINT_GLOBAL, end.id.as_str());
    let place = end.name.clone();
    let what = "isolated gateway and global peering: not carried".to_owned();
    context.step(|| Step { at, place, what, result: StepResult::Deny });
    Err(Halt::deny(at))
}

fn location<'n>(network: &'n Network<'n>, vnet: usize) -> Option<&'n str> {
    network.vnet(vnet)?.vnet.location.as_deref()
}

/// Private endpoints that may have the destination's address and whose own address or subnet is not in the input: what
/// they would change is not known.
pub(super) fn unplaced<'n>(context: &mut Context<'_, 'n>, destination: IpAddr, subnet: usize) -> Walked<'n, ()> {
    let network = context.network;
    let Some(node) = network.subnet(subnet) else { return Ok(()) };
    let vnets = std::iter::once(node.vnet).chain(node.peers.iter().filter_map(|peer| peer.remote));
    for vnet in vnets {
        let Some(own) = network.subnet_of(destination, Some(vnet)) else { continue };
        let Some(target) = network.subnet(own).filter(|target| !target.unplaced_endpoints.is_empty()) else { continue };
        if network.endpoint_at(destination, own).is_some() {
            continue;
        }
        for endpoint in &target.unplaced_endpoints {
            let at = At::new(Stage::PrivateEndpoint, Some(&endpoint.name));
            context.here = at;
            context.note(&code::ENDPOINT_ADDRESS, endpoint.id.as_str());
            if context.ask(Fact::PrivateEndpointAt(endpoint.id.clone(), destination))? {
                let allowed = context.ask(Fact::NotModelled(endpoint.id.key().to_owned()))?;
                return Err(Halt::Settled(Outcome { allowed, at: Some(at) }));
            }
        }
    }
    elsewhere(context, destination, node.vnet)
}

/// A private endpoint in a peered network that is not in the input has its host route all the same.
fn elsewhere<'n>(context: &mut Context<'_, 'n>, destination: IpAddr, vnet: usize) -> Walked<'n, ()> {
    let network = context.network;
    let Some(own) = network.vnet(vnet) else { return Ok(()) };
    let peered = |subnet: &ResourceId| {
        let vnet = subnet.parent();
        own.vnet.peerings.iter().any(|peering| peering.remote == vnet) || vnet.as_ref() == Some(&own.vnet.id)
    };
    let found = network.endpoints_with(destination).find(|end| {
        end.kind == EndpointKind::PrivateEndpoint && end.subnet.is_none() && end.subnet_id.is_none_or(peered)
    });
    match found {
        Some(end) => super::path::not_modelled(context, Stage::PrivateEndpoint, end),
        None => Ok(()),
    }
}
