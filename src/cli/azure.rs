//! `gatepath check -o azure-diag|azure-ipflow`: one question answered as Azure's own tools would.

use super::args::Format;
use super::endpoint::From;
use super::{CliError, Io};
use crate::compile::Network;
use crate::model::{Access, Direction};
use crate::net::Flow;
use crate::report::azure::{AskedProfile, diagnostics, direction_word, ip_flow};
use crate::solve::Verdict;
use crate::solve::path::{Sources, Target};
use crate::solve::replay::{Evaluated, Place, evaluate_groups, places};
use ipnet::IpNet;

/// Answers for the destination's NIC and subnet, inbound; where the input has none, for the source's, outbound.
pub(super) fn answer(
    network: &Network<'_>,
    sources: &Sources,
    from: &From,
    target: Target<'_>,
    format: Format,
    io: &mut Io<'_>,
) -> Result<Verdict, CliError> {
    let flows = flows(sources, target);
    let inbound = places(network, &[], Some(target.destination));
    let (direction, found) = match flows.first() {
        _ if !inbound.is_empty() => (Direction::Inbound, inbound),
        Some(flow) => (Direction::Outbound, places(network, &[], Some(flow.source))),
        None => (Direction::Outbound, Vec::new()),
    };
    let [place] = found.as_slice() else {
        let text = "neither end is one NIC or subnet of the input: Azure's tools answer for a NIC or a gateway";
        return Err(CliError::Usage(text.to_owned()));
    };
    let evaluated = match one_answer(network, *place, direction, &flows) {
        Ok(evaluated) => Some(evaluated),
        Err(why) => {
            writeln!(io.err, "gatepath: {}", crate::report::text::printable(&why))?;
            None
        }
    };
    if format == Format::AzureIpflow {
        ip_flow(evaluated.as_ref(), io.out)?;
    } else {
        let ported = target.protocol.has_ports();
        let profile = AskedProfile {
            direction: direction_word(direction),
            protocol: target.protocol.to_string(),
            source: source_words(network, from),
            destination: target.destination.to_string(),
            destination_port: if ported { target.port.to_string() } else { "*".to_owned() },
        };
        diagnostics(profile, evaluated.as_ref(), io.out)?;
    }
    Ok(match evaluated.map(|evaluated| evaluated.access) {
        Some(Access::Allow) => Verdict::Allow,
        Some(Access::Deny) => Verdict::Deny,
        None => Verdict::Unknown,
    })
}

/// The source as Azure takes it: an address or a prefix; for a gateway that of its subnet.
fn source_words(network: &Network<'_>, from: &From) -> String {
    let nets: Vec<IpNet> = from.groups.iter().flat_map(|group| group.addresses.cidrs()).collect();
    let subnets = from.groups.iter().filter_map(|group| network.subnet(group.subnet?));
    let mut around = subnets.flat_map(|node| &node.prefixes);
    match nets.as_slice() {
        [one] if one.prefix_len() == one.max_prefix_len() => one.addr().to_string(),
        [one] => one.to_string(),
        nets => match around.find(|net| nets.iter().all(|piece| net.contains(piece))) {
            Some(net) => net.to_string(),
            None => from.shown.clone(),
        },
    }
}

fn flows(sources: &Sources, target: Target<'_>) -> Vec<Flow> {
    let ported = target.protocol.has_ports();
    let of_piece = |source| {
        let flow = move |port: &u16| Flow {
            source,
            destination: target.destination,
            protocol: target.protocol,
            source_port: if ported { *port } else { 0 },
            destination_port: target.port,
        };
        sources.ports.iter().map(flow)
    };
    sources.pieces.iter().flat_map(|piece| of_piece(piece.representative)).collect()
}

fn one_answer(
    network: &Network<'_>,
    place: Place<'_>,
    direction: Direction,
    flows: &[Flow],
) -> Result<Evaluated, String> {
    let mut out: Option<Evaluated> = None;
    for flow in flows {
        let found = evaluate_groups(network, place, direction, flow)?;
        if out.as_ref().is_some_and(|first| *first != found) {
            return Err("the sources are answered differently; ask for one address and --src-port".to_owned());
        }
        out = Some(found);
    }
    out.ok_or_else(|| "there is no source address to ask for".to_owned())
}
