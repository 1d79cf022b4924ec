//! From the matrix of paths to what attribution is given: one probed server for each pair, member and address, with the
//! facts that only the simulation knows.

use super::checks;
use super::input::{
    GatewayFacts, ManagementPath, ManagementVerdict, NameState, PoolFacts, ProbedServer, SettingFacts, TimeRelation,
};
use super::translated;
use crate::compile::cuts::{Cuts, Side};
use crate::compile::gateway_paths::{self as paths, Target};
use crate::compile::routing::NextHop;
use crate::compile::{Network, Stage, names, tags};
use crate::diagnostic::code;
use crate::evaluate::context::{Context, Removed};
use crate::evaluate::route::lookup;
use crate::model::{ApplicationGateway, ResourceId};
use crate::net::Protocol;
use crate::solve::anomaly::{Management, platform};
use crate::solve::explain::{Explanation, explain, removal};
use crate::solve::matrix::{GatewaySources, Purpose, Row, without};
use crate::solve::path::{Decided, Target as Question};
use crate::solve::{Answer, Decision, Verdict};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Facts of every gateway of the snapshot, with its management path.
pub fn gateways(network: &Network<'_>, management: impl Fn(&ApplicationGateway) -> Management) -> Vec<GatewayFacts> {
    network
        .snapshot
        .application_gateways
        .values()
        .map(|gateway| facts_of(network, gateway, &management(gateway)))
        .collect()
}

fn facts_of(network: &Network<'_>, gateway: &ApplicationGateway, management: &Management) -> GatewayFacts {
    let is_table = |name: &str| network.snapshot.route_tables.keys().any(|id| network.name(id) == name);
    let stage = match management.resource.as_deref() {
        Some(name) if is_table(name) => Some(Stage::Route),
        Some(_) => Some(Stage::NsgInSubnet),
        None => None,
    };
    let subnets = gateway.subnets.iter().filter_map(|id| network.subnet_by_id(&id.value));
    GatewayFacts {
        id: gateway.id.clone(),
        name: network.name(&gateway.id),
        generation: gateway.generation,
        isolated: gateway.isolated,
        management: ManagementPath {
            verdict: match management.verdict {
                Verdict::Allow => ManagementVerdict::Allow,
                Verdict::Unknown => ManagementVerdict::Unknown,
                Verdict::Deny | Verdict::Partial => ManagementVerdict::Deny,
            },
            stage,
            resource: management.resource.clone(),
            rule: management.rule.clone(),
            reason: management.reason.clone(),
            beside: platform(network, gateway),
        },
        source_prefixes: subnets
            .filter_map(|index| network.subnet(index))
            .flat_map(|node| node.prefixes.clone())
            .collect(),
        pools: gateway
            .pools
            .iter()
            .map(|pool| PoolFacts {
                id: pool.id.clone(),
                name: pool.name.clone(),
                members: paths::members(network, gateway, pool).len(),
            })
            .collect(),
        settings: gateway
            .settings
            .iter()
            .map(|setting| {
                let (probe_port, data_port) = paths::ports(gateway, setting);
                let min_servers = paths::probe_of(gateway, setting).map_or(0, |probe| probe.min_servers);
                SettingFacts { id: setting.id.clone(), name: setting.name.clone(), probe_port, data_port, min_servers }
            })
            .collect(),
        pairs: paths::pairs(gateway).pairs.iter().map(|pair| (pair.pool.id.clone(), pair.setting.id.clone())).collect(),
    }
}

/// Probed servers of the matrix: the probe row, joined with the data row of the same member and address.
pub fn servers<'n>(network: &'n Network<'n>, rows: &[Row<'n>]) -> Vec<ProbedServer> {
    type Key<'k> = (&'k ResourceId, &'k ResourceId, &'k ResourceId, &'k str, &'k str);
    let mut pairs: BTreeMap<Key<'_>, (Option<&Row<'n>>, Option<&Row<'n>>)> = BTreeMap::new();
    for row in rows {
        let key =
            (&row.gateway.id, &row.pair.pool.id, &row.pair.setting.id, row.member.shown.as_str(), row.backend.as_str());
        let slot = pairs.entry(key).or_default();
        match row.purpose {
            Purpose::Both | Purpose::Probe => slot.0 = Some(row),
            Purpose::Data => slot.1 = Some(row),
        }
    }
    let cuts = Cuts::of(network, Side::Source);
    let mut sources: BTreeMap<&ResourceId, GatewaySources> = BTreeMap::new();
    let mut out = Vec::new();
    for (probe, data) in pairs.values() {
        let Some(probe) = probe else { continue };
        let of_gateway =
            sources.entry(&probe.gateway.id).or_insert_with(|| GatewaySources::of(network, probe.gateway, &cuts));
        out.push(server(network, probe, *data, of_gateway));
    }
    out
}

fn server<'n>(
    network: &'n Network<'n>,
    probe: &Row<'n>,
    data: Option<&Row<'n>>,
    sources: &GatewaySources,
) -> ProbedServer {
    let explanation = explanation(network, probe, sources);
    let seen = explanation.as_ref().and_then(|explanation| translated::seen(network, probe, explanation));
    let (scale_set, scale_set_prefixes) = match &probe.member.target {
        Target::ScaleSet { scale_set, subnet, .. } => {
            let node = subnet.and_then(|index| network.subnet(index));
            (Some((*scale_set).clone()), node.map(|node| node.prefixes.clone()).unwrap_or_default())
        }
        _ => (None, Vec::new()),
    };
    let subnet = probe.address.and_then(|address| network.subnet_of(address, None)).and_then(|i| network.subnet(i));
    let opaque = |code: &str| probe.answer.notes.iter().any(|note| note.code.code == code);
    ProbedServer {
        gateway: probe.gateway.id.clone(),
        pool: probe.pair.pool.id.clone(),
        setting: probe.pair.setting.id.clone(),
        member: probe.member.shown.clone(),
        ip_configuration: probe.member.configuration.cloned(),
        backend: probe.backend.clone(),
        address: probe.address,
        fqdn: probe.member.fqdn.map(str::to_owned),
        name_state: match (probe.member.fqdn, &probe.member.target) {
            (None, _) => NameState::Literal,
            (Some(name), _) if names::unlinked_zone(network.snapshot, probe.gateway, name).is_some() => {
                NameState::ZoneNotLinked
            }
            (Some(_), Target::Unresolved(_)) => NameState::Unresolved,
            (Some(_), _) => NameState::Resolved,
        },
        probe: Answer { seen: seen.clone(), ..probe.answer.clone() },
        data: data.map(|row| row.answer.clone()),
        subnet: subnet.map(|node| node.subnet.id.key().to_owned()),
        scale_set,
        scale_set_prefixes,
        public_sources: public_sources(network, probe),
        further_blockers: explanation
            .as_ref()
            .map(|e| e.blockers.iter().skip(1).cloned().collect())
            .unwrap_or_default(),
        opaque_hop: opaque(code::NVA.code),
        time: TimeRelation::NoTime,
        nsgs: nsgs(network, probe, sources),
        checks: checks::of_configuration(network, probe),
        facts: facts(network, probe, explanation.as_ref(), sources)
            .into_iter()
            .chain(seen.as_ref().map(translated::sentence))
            .collect(),
    }
}

/// NSGs on the way of a probe, by display name.
fn nsgs(network: &Network<'_>, probe: &Row<'_>, sources: &GatewaySources) -> Vec<String> {
    let backend = probe.address.and_then(|address| network.subnet_of(address, None));
    let subnets = sources.subnets.iter().copied().chain(backend).filter_map(|index| network.subnet(index));
    let ends = probe.address.into_iter().flat_map(|address| network.endpoints_with(address));
    let found = subnets.map(|node| node.nsg).chain(ends.map(|end| end.nsg));
    let mut out: Vec<String> = found
        .filter_map(|nsg| match nsg {
            crate::compile::Lookup::Found(index) => {
                network.filters.get(index).map(|filter| network.name(&filter.nsg.id))
            }
            _ => None,
        })
        .collect();
    out.sort();
    out.dedup();
    out
}

/// The explanation of a path that is not simply open.
fn explanation<'n>(network: &'n Network<'n>, row: &Row<'n>, sources: &GatewaySources) -> Option<Explanation<'n>> {
    if row.answer.verdict == Verdict::Allow {
        return None;
    }
    let (address, witness) = (row.address?, row.witness.clone()?);
    let target = Question { destination: address, protocol: Protocol::Tcp, port: row.port, model: None };
    let decided = Decided { answer: row.answer.clone(), witness: Some(witness) };
    Some(explain(network, sources.toward(address), target, &decided))
}

/// Toward a public backend the source is the gateway's public address (semantics.md 5.3).
fn public_sources(network: &Network<'_>, row: &Row<'_>) -> Vec<IpAddr> {
    let outside = |address: IpAddr| !tags::is_private(address) && network.subnet_of(address, None).is_none();
    if !row.address.is_some_and(outside) {
        return Vec::new();
    }
    let frontends = row.gateway.frontends.iter().filter_map(|frontend| frontend.public_ip.as_ref());
    frontends.filter_map(|id| network.public_address(id)).collect()
}

/// What only the simulation knows, in whole sentences.
fn facts<'n>(
    network: &'n Network<'n>,
    row: &Row<'n>,
    explanation: Option<&Explanation<'n>>,
    sources: &GatewaySources,
) -> Vec<String> {
    let mut out = Vec::new();
    // A gateway that is stopped or failed makes its health record misleading (health.md 5).
    let gateway = row.gateway;
    let states = [
        ("operational", &gateway.operational_state, "running"),
        ("provisioning", &gateway.provisioning_state, "succeeded"),
    ];
    for (kind, state, fine) in states {
        if let Some(state) = state.as_deref().filter(|state| !state.eq_ignore_ascii_case(fine)) {
            out.push(format!("The {kind} state of {} is {state}: its health record may mislead", gateway.name));
        }
    }
    for note in &row.answer.notes {
        if [
            &code::NVA_FORWARDING,
            &code::PEERING_ACCESS,
            &code::INFLATED_TAG,
            &code::NO_EGRESS,
            &code::NEXT_HOP_UNREACHABLE,
        ]
        .iter()
        .any(|code| code.code == note.code.code)
        {
            out.push(note.message.clone());
        }
    }
    let Some(address) = row.address else { return out };
    let near = explanation.map(|e| e.near_misses.as_slice()).unwrap_or_default();
    for miss in near {
        out.push(format!("Rule {} would allow it but for the {}", miss.name, miss.misses_in_words()));
    }
    let stage = row.answer.stage();
    let blocked = matches!(row.answer.verdict, Verdict::Deny | Verdict::Partial);
    if blocked && matches!(stage, Some(Stage::Route | Stage::ReturnRoute)) {
        out.extend(route_facts(network, address, sources));
    }
    out
}

/// Forward and return next hops, and peerings that should bring the route and do not.
fn route_facts(network: &Network<'_>, address: IpAddr, sources: &GatewaySources) -> Vec<String> {
    let mut out = Vec::new();
    let nothing = Removed::default();
    let Some(source_subnet) = sources.subnets.first().copied() else { return out };
    let mut context = Context::new(network, &[], &nothing);
    if let Ok(route) = lookup(&mut context, source_subnet, address) {
        out.push(format!("Forward route of the gateway subnet: {}", route.words()));
    }
    let piece = sources.toward(address).pieces.first();
    let destination = network.subnet_of(address, None);
    if let (Some(piece), Some(subnet)) = (piece, destination)
        && let Ok(route) = lookup(&mut context, subnet, piece.representative)
    {
        let name = network.subnet(subnet).map(|node| node.subnet.name.clone()).unwrap_or_default();
        let hop = if matches!(route.next_hop, NextHop::None) { "is lost: " } else { "goes by " };
        out.push(format!("The reply from subnet {name} {hop}{}", route.words()));
    }
    out.extend(peering_facts(network, address, source_subnet));
    out
}

fn peering_facts(network: &Network<'_>, address: IpAddr, source_subnet: usize) -> Vec<String> {
    let mut out = Vec::new();
    let Some(node) = network.subnet(source_subnet) else { return out };
    let Some(own) = network.vnet(node.vnet) else { return out };
    for (index, vnet) in network.vnets.iter().enumerate() {
        let holds = vnet.prefixes.iter().any(|net| net.contains(&address));
        if index == node.vnet || !holds || node.peers.iter().any(|peer| peer.remote == Some(index)) {
            continue;
        }
        let here = own.vnet.peerings.iter().find(|p| p.remote.as_ref() == Some(&vnet.vnet.id));
        let there = network.reverse_peering(node.vnet, index);
        let state = |peering: Option<&crate::model::Peering>| match peering {
            None => "has no peering".to_owned(),
            Some(p) => format!("peering {} is {}", p.name, p.state.as_ref().map_or("Connected", |s| s.value.as_str())),
        };
        out.push(format!(
            "Virtual network {} holds the address, but no connected peering leads there: on the side of {} {}, on its side {}",
            vnet.name,
            own.name,
            state(here),
            state(there)
        ));
    }
    out
}

/// Which of the servers' probe paths turn `allow` when the deciding rule or route alone is taken away (health.md 6.7).
pub fn heals<'n>(
    network: &'n Network<'n>,
    servers: &[ProbedServer],
    decision: &Decision,
    asked: &[usize],
    ports: &dyn Fn(&ProbedServer) -> Option<u16>,
) -> Vec<usize> {
    let Some(removed) = removal(network, decision) else { return Vec::new() };
    let cuts = Cuts::of(network, Side::Source);
    let mut sources: BTreeMap<&ResourceId, GatewaySources> = BTreeMap::new();
    let mut out = Vec::new();
    for index in asked {
        let Some(server) = servers.get(*index) else { continue };
        let Some(gateway) = network.snapshot.application_gateways.get(&server.gateway) else { continue };
        let own = sources.entry(&gateway.id).or_insert_with(|| GatewaySources::of(network, gateway, &cuts));
        let Some((address, port)) = server.address.zip(ports(server)) else { continue };
        if without(network, own, address, port, &removed).answer.verdict == Verdict::Allow {
            out.push(*index);
        }
    }
    out
}
