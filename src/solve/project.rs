//! Projection on the source: for each piece of a gateway's sources and each NSG on the way, the rules that can match
//! it at all, worked out once before any backend is looked at.

use super::path::{Piece, Sources};
use crate::compile::Stage;
use crate::compile::filter::Rule;
use crate::compile::{Lookup, Network};
use crate::evaluate::context::{At, Context, Projection, Removed};
use crate::evaluate::matching::{Known, compare};
use crate::model::Direction;
use crate::net::{Flow, Protocol};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// Works out projections for the given destination subnets (their own NSG and those of the NICs in them).
pub fn project(
    network: &Network<'_>,
    sources: &Sources,
    protocol: Protocol,
    filters: &BTreeSet<(usize, Direction, usize)>,
) -> Vec<Projection> {
    use rayon::prelude::*;
    sources
        .pieces
        .par_iter()
        .map(|piece| {
            let mut out = Projection { source: piece.representative, candidates: HashMap::new() };
            for (filter, direction, subnet) in filters {
                let rules = network.filters.get(*filter).map(|f| f.rules(*direction)).unwrap_or_default();
                out.candidates
                    .insert((*filter, *direction, *subnet), candidates(network, rules, piece, protocol, *subnet));
            }
            out
        })
        .collect()
}

/// Positions of the rules whose protocol and source do not exclude the piece.
fn candidates(network: &Network<'_>, rules: &[Rule<'_>], piece: &Piece, protocol: Protocol, subnet: usize) -> Vec<u32> {
    let nothing = Removed::default();
    let mut context = Context::new(network, &[], &nothing);
    context.here = At::new(Stage::NsgInSubnet, None);
    let any = match piece.representative {
        IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    };
    let flow = Flow { source: piece.representative, destination: any, protocol, source_port: 0, destination_port: 0 };
    let fits = |context: &mut Context<'_, '_>, rule: &Rule<'_>| {
        let found = compare(context, rule, &flow, subnet);
        found.protocol != Known::No && found.source != Known::No
    };
    rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| fits(&mut context, rule))
        .filter_map(|(position, _)| u32::try_from(position).ok())
        .collect()
}

/// The NSGs that flows to these destinations can meet.
pub fn filters_on_the_way(
    network: &Network<'_>,
    source_subnets: &[usize],
    destinations: &BTreeSet<IpAddr>,
) -> BTreeSet<(usize, Direction, usize)> {
    let mut out = BTreeSet::new();
    for subnet in source_subnets {
        if let Some(Lookup::Found(filter)) = network.subnet(*subnet).map(|node| node.nsg) {
            out.insert((filter, Direction::Outbound, *subnet));
        }
    }
    for destination in destinations {
        for end in network.endpoints_with(*destination) {
            let Some(subnet) = end.subnet else { continue };
            for lookup in [network.subnet(subnet).map(|node| node.nsg), Some(end.nsg)] {
                if let Some(Lookup::Found(filter)) = lookup {
                    out.insert((filter, Direction::Inbound, subnet));
                }
            }
        }
    }
    out
}
