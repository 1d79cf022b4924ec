//! The reply: a stateful device must see both directions (semantics.md 3.6).

use super::appliance;
use super::context::{At, Context, Fact, Halt, Walked};
use super::journey::Journey;
use super::route::{Chosen, lookup};
use super::trace::{Step, StepResult};
use crate::compile::routing::NextHop;
use crate::compile::{Lookup, Stage};
use crate::diagnostic::code;
use std::net::IpAddr;

/// Reverse route from the destination's subnet to where the flow started. A route table on the way that is not in the
/// input may lead the flow or its reply another way.
pub(super) fn return_route<'n>(
    context: &mut Context<'_, 'n>,
    journey: &Journey<'n>,
    destination_subnet: usize,
) -> Walked<'n, ()> {
    let Some(start) = journey.start else { return to_outside(context, journey.flow.source, destination_subnet) };
    let failed = match reply(context, journey, start, destination_subnet) {
        Err(Halt::Settled(outcome)) if !outcome.allowed => outcome,
        other => return other,
    };
    let subnets = [start].into_iter().chain(journey.via.iter().map(|hop| hop.subnet));
    let subnets = subnets.chain([destination_subnet]);
    let missing = subnets.filter_map(|subnet| context.network.subnet(subnet)).find_map(|node| match node.table {
        Lookup::Missing(id) => Some(id),
        _ => None,
    });
    let Some(id) = missing else { return Err(Halt::Settled(failed)) };
    context.here = At::new(Stage::Route, Some(id.name()));
    context.note(&code::ROUTE_TABLE_MISSING, id.as_str());
    let source = journey.via.first().map_or(journey.flow.source, |hop| hop.before);
    if context.ask(Fact::TableDelivers(id.key().to_owned(), source))? { Ok(()) } else { Err(Halt::Settled(failed)) }
}

/// The reply to a source outside every network: only a None route is certain to lose it.
pub(super) fn to_outside<'n>(context: &mut Context<'_, 'n>, source: IpAddr, subnet: usize) -> Walked<'n, ()> {
    let route = lookup(context, subnet, source)?;
    match route.next_hop {
        NextHop::None => return Err(lost(context, &route, subnet)),
        NextHop::Appliance(_) => {
            context.here = route.at(Stage::ReturnRoute);
            context.note(&code::ASYMMETRIC_RETURN, &source.to_string());
        }
        _ => {}
    }
    Ok(())
}

fn reply<'n>(
    context: &mut Context<'_, 'n>,
    journey: &Journey<'n>,
    start: usize,
    destination_subnet: usize,
) -> Walked<'n, ()> {
    let network = context.network;
    let destination = journey.flow.destination;
    let vnet_of = |subnet: usize| network.subnet(subnet).map(|node| node.vnet);
    let (mut current, mut target) = (destination_subnet, journey.flow.source);
    for hop in journey.via.iter().rev() {
        let route = lookup(context, current, target)?;
        let back = match route.next_hop {
            NextHop::Appliance(Some(address)) => address == hop.address,
            // Toward a translated source the reply goes straight back to the firewall.
            NextHop::VnetLocal | NextHop::Peering(_) => hop.translated,
            _ => false,
        };
        if !back {
            return Err(lost(context, &route, current));
        }
        let refusing = vnet_of(hop.subnet).zip(vnet_of(current));
        let refusing = refusing.and_then(|(to, from)| appliance::forwarding_refused(network, to, from, destination));
        if let Some(refusing) = refusing {
            return Err(Halt::deny(At::new(Stage::ReturnRoute, Some(refusing))));
        }
        (current, target) = (hop.subnet, hop.before);
    }
    let route = lookup(context, current, target)?;
    if !matches!(route.next_hop, NextHop::VnetLocal | NextHop::Peering(_) | NextHop::PrivateEndpoint(..)) {
        return Err(lost(context, &route, current));
    }
    if !journey.via.is_empty()
        && let Some((to, from)) = vnet_of(start).zip(vnet_of(current))
        && let Some(refusing) = appliance::forwarding_refused(network, to, from, destination)
    {
        return Err(Halt::deny(At::new(Stage::ReturnRoute, Some(refusing))));
    }
    let place = network.subnet(current).map(|node| node.subnet.name.clone()).unwrap_or_default();
    let what = format!("stateful reply; {}", route.words());
    context.step(|| Step { at: route.at(Stage::ReturnRoute), place, what, result: StepResult::Ok });
    Ok(())
}

/// The reply does not come back: dropped, or through (or past) a device that the request did not (or did) pass.
fn lost<'n>(context: &mut Context<'_, 'n>, route: &Chosen<'n>, subnet: usize) -> Halt<'n> {
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
