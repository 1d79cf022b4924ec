//! Internal Container Apps environments: the static address is the frontend of a hidden load balancer, NSGs see addresses
//! of the infrastructure subnet and the ports of its edge proxy (health.md 5 item 5, cases 1 to 3).

use super::context::{At, Context, Halt, Walked};
use super::gates::{self, Nic};
use super::journey::{Branch, Delivery};
use super::reply;
use super::trace::{Step, StepResult};
use crate::compile::cuts::{Cuts, Side};
use crate::compile::endpoints::Endpoint;
use crate::compile::gateway_paths::instance_addresses;
use crate::compile::{Lookup, Network, Stage, tags};
use crate::diagnostic::code;
use crate::model::Direction;
use crate::net::{AddressSet, EPHEMERAL, Flow, Protocol};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Ports of the load balancer's health probes, both included.
const PROBED: (u16, u16) = (30000, 32767);

/// Splits a flow to the static address into the addresses behind it.
pub(super) fn instances<'n>(
    context: &mut Context<'_, 'n>,
    delivery: &Delivery<'n>,
    subnet: usize,
    end: &'n Endpoint<'n>,
) -> Halt<'n> {
    let network = context.network;
    let at = At::new(Stage::NsgInSubnet, Some(&end.name));
    let Some(node) = network.subnet(subnet) else { return Halt::deny(at) };
    let taken: AddressSet = std::iter::once(end.address).collect();
    let addresses = instance_addresses(node, end.address.is_ipv4(), &taken);
    let prefixes: Vec<String> = node.prefixes.iter().map(ToString::to_string).collect();
    let what = format!("static address {}: servers are anywhere in {}", end.address, prefixes.join(", "));
    context.step(|| Step { at, place: end.name.clone(), what, result: StepResult::Forward });
    let pieces = Cuts::of(network, Side::Destination).representatives(&addresses);
    let branch = |(destination, _): (IpAddr, AddressSet)| {
        let mut delivery = delivery.clone();
        delivery.journey.flow.destination = destination;
        delivery.instance = Some(subnet);
        Branch::Member(delivery)
    };
    Halt::Split(pieces.into_iter().map(branch).collect())
}

/// One address behind the environment: the port asked for and the edge proxy's own must both pass, and the probes.
pub(super) fn arrive<'n>(
    context: &mut Context<'_, 'n>,
    delivery: &Delivery<'n>,
    subnet: usize,
) -> Walked<'n, Option<At<'n>>> {
    let flow = delivery.journey.flow;
    let nic = Nic::Model(Lookup::None);
    let mut got = gates::ingress(context, &flow, subnet, nic, delivery.journey.last)?;
    let proxy = match flow.destination_port {
        443 => Some(31443),
        80 => Some(31080),
        _ => None,
    };
    if let Some(destination_port) = proxy {
        got = gates::ingress(context, &Flow { destination_port, ..flow }, subnet, nic, delivery.journey.last)?;
    }
    for destination_port in probed_ports(context.network, subnet) {
        let probe = Flow {
            source: IpAddr::V4(tags::PLATFORM),
            destination: flow.destination,
            protocol: Protocol::Tcp,
            source_port: EPHEMERAL.0,
            destination_port,
        };
        if let Err(halt) = gates::ingress(context, &probe, subnet, nic, None) {
            context.note(&code::BALANCER_PROBE, &flow.destination.to_string());
            return Err(halt);
        }
    }
    reply::return_route(context, &delivery.journey, subnet)?;
    Ok(got)
}

/// One probed port for each piece that no rule of the subnet's NSG splits.
fn probed_ports(network: &Network<'_>, subnet: usize) -> BTreeSet<u16> {
    let mut out = BTreeSet::from([PROBED.0]);
    let Some(Lookup::Found(index)) = network.subnet(subnet).map(|node| node.nsg) else { return out };
    let rules = network.filters.get(index).map(|filter| filter.rules(Direction::Inbound)).unwrap_or_default();
    for (low, high) in rules.iter().flat_map(|rule| rule.destination_ports.ports.ranges()) {
        out.extend([Some(*low), high.checked_add(1)].into_iter().flatten());
    }
    out.retain(|port| (PROBED.0..=PROBED.1).contains(port));
    out
}
