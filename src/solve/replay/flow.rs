//! IP flow verify (semantics.md 6.1) and tuples of flow logs (9b.4).

use super::target::{Place, places};
use super::worlds::{Worlds, step_words};
use super::{Asker, Difference, Outcome, Values, access_word, filter, one_outcome, undecided};
use crate::compile::{Lookup, Network};
use crate::evaluate::context::{Context, Halt, Removed, Walked};
use crate::evaluate::gates::{self, Nic};
use crate::model::{
    Access, Direction, FlowQuestion, FlowTuple, IpFlowAnswer, NetworkSecurityGroup, ResourceId, bare_rule_name,
};
use crate::net::Flow;
use std::collections::BTreeSet;

/// Access and deciding rule; no rule where no NSG is in the way.
type Verdict<'n> = (Access, Option<&'n str>);

/// What IP flow verify would answer for a flow at a place.
fn verdict<'n>(
    context: &mut Context<'_, 'n>,
    place: Place<'n>,
    direction: Direction,
    flow: &Flow,
) -> Walked<'n, Verdict<'n>> {
    let nic = Nic::Endpoint(place.end);
    let passed = match direction {
        Direction::Inbound => gates::ingress(context, flow, place.subnet, nic, None),
        Direction::Outbound => gates::egress(context, flow, place.subnet, nic),
    };
    match passed {
        Ok(at) => Ok((Access::Allow, at.and_then(|at| at.rule))),
        Err(Halt::Settled(outcome)) => {
            let access = if outcome.allowed { Access::Allow } else { Access::Deny };
            Ok((access, outcome.at.and_then(|at| at.rule)))
        }
        Err(unknown) => Err(unknown),
    }
}

/// The answer of IP flow verify for one flow in every world; `Err` says what is missing.
///
/// # Errors
/// Names the missing fact.
pub fn ip_flow_answer<'n>(
    network: &'n Network<'n>,
    place: Place<'n>,
    direction: Direction,
    flows: &[Flow],
) -> Result<(Access, Option<String>), String> {
    let worlds = of_flows(network, place, direction, flows);
    worlds.certain(network).map(|(access, rule)| (access, rule.map(str::to_owned)))
}

fn of_flows<'n>(
    network: &'n Network<'n>,
    place: Place<'n>,
    direction: Direction,
    flows: &[Flow],
) -> Worlds<'n, Verdict<'n>> {
    let mut all: Option<Worlds<'n, Verdict<'n>>> = None;
    for flow in flows {
        let worlds = Worlds::explore(network, |context| verdict(context, place, direction, flow));
        match &mut all {
            None => all = Some(worlds),
            Some(all) => all.join(worlds),
        }
    }
    all.unwrap_or_else(|| Worlds::explore(network, |_| Ok((Access::Allow, None))))
}

/// Ports that stand for a side: those asked for, else the ephemeral range on the side of the client and every boundary of
/// the rules on the side of the server.
fn ports(asker: &Asker<'_, '_>, range: Option<(u16, u16)>, client: bool) -> Vec<u16> {
    let boundaries = || {
        let filters = asker.network.filters.iter();
        let rules = filters.flat_map(|filter| filter.inbound.iter().chain(&filter.outbound));
        let ranges = rules.flat_map(|rule| rule.destination_ports.ports.ranges().iter().copied());
        let mut out: BTreeSet<u16> =
            ranges.flat_map(|(low, high)| [Some(low), high.checked_add(1)]).flatten().collect();
        out.insert(0);
        out
    };
    match range {
        None if client => asker.source.ephemeral_ports(),
        None => boundaries().into_iter().collect(),
        Some((low, high)) if low == high => vec![low],
        Some((low, high)) => {
            let mut out: BTreeSet<u16> = boundaries().range(low..=high).copied().collect();
            out.extend([low, high]);
            out.into_iter().collect()
        }
    }
}

/// Asks an IP flow verify question again.
pub(super) fn ip_flow(
    asker: &Asker<'_, '_>,
    ids: &[ResourceId],
    query: &FlowQuestion,
    azure: &IpFlowAnswer,
) -> Outcome {
    let network = asker.network;
    let Some(recorded) = azure.access else { return undecided("Azure answered Unknown: it named no access") };
    let found = places(network, ids, Some(query.local));
    if found.is_empty() {
        return Outcome::Undecided(format!("no NIC and no subnet of the input has {}", query.local));
    }
    let mut flows = Vec::new();
    let inbound = query.direction == Direction::Inbound;
    for local in ports(asker, query.local_ports, !inbound) {
        for remote in ports(asker, query.remote_ports, inbound) {
            let protocol = query.protocol;
            flows.push(match query.direction {
                Direction::Inbound => Flow {
                    source: query.remote,
                    destination: query.local,
                    protocol,
                    source_port: remote,
                    destination_port: local,
                },
                Direction::Outbound => Flow {
                    source: query.local,
                    destination: query.remote,
                    protocol,
                    source_port: local,
                    destination_port: remote,
                },
            });
        }
    }
    let judge = |place: Place<'_>| {
        let worlds = of_flows(network, place, query.direction, &flows);
        let (access, rule) = match worlds.certain(network) {
            Ok(certain) => certain,
            Err(why) => return Outcome::Undecided(why),
        };
        let named = azure.rule.as_deref();
        let same_rule = same_rule(named, rule);
        if access == recorded && same_rule {
            return Outcome::Agreed(Vec::new());
        }
        let readings = flows.first().map(|flow| readings(network, place, query.direction, flow, named));
        Outcome::Differs(Box::new(difference(
            (recorded, named),
            (access, rule),
            readings.unwrap_or_default(),
            worlds.steps.iter().map(step_words).collect(),
        )))
    };
    one_outcome(found.into_iter().map(judge).collect())
}

/// Names compare without prefixes and letter case.
fn same_rule(azure: Option<&str>, ours: Option<&str>) -> bool {
    let bare = azure.map(bare_rule_name).filter(|name| !name.is_empty());
    bare.map(str::to_ascii_lowercase) == ours.map(|ours| bare_rule_name(ours).to_ascii_lowercase())
}

fn values((access, rule): (Access, Option<&str>)) -> Values {
    vec![("access", access_word(access).to_owned()), ("rule", rule.unwrap_or_default().to_owned())]
}

fn difference(
    azure: (Access, Option<&str>),
    ours: (Access, Option<&str>),
    readings: Vec<String>,
    our_trace: Vec<String>,
) -> Difference {
    let shown = |rule: Option<&str>| rule.map_or_else(|| "no rule".to_owned(), str::to_owned);
    let mut differences = Vec::new();
    if azure.0 != ours.0 {
        differences.push(format!("access: Azure {}, here {}", access_word(azure.0), access_word(ours.0)));
    }
    if !same_rule(azure.1, ours.1) {
        differences.push(format!("rule: Azure {}, here {}", shown(azure.1), shown(ours.1)));
    }
    let mut azure_trace = vec![format!("{} by {}", access_word(azure.0), shown(azure.1))];
    azure_trace.extend(readings);
    Difference { azure: values(azure), ours: values(ours), differences, azure_trace, our_trace }
}

/// How Azure's rule reads here, in each NSG of the place.
fn readings<'n>(
    network: &'n Network<'n>,
    place: Place<'n>,
    direction: Direction,
    flow: &Flow,
    named: Option<&str>,
) -> Vec<String> {
    let Some(name) = named.map(bare_rule_name) else { return Vec::new() };
    let removed = Removed::default();
    let mut context = Context::new(network, &[], &removed);
    let subnet = network.subnet(place.subnet).map_or(Lookup::None, |node| node.nsg);
    let nic = place.end.map_or(Lookup::None, |end| end.nsg);
    let mut out = Vec::new();
    for nsg in [subnet, nic] {
        let Lookup::Found(index) = nsg else { continue };
        let Some(group) = network.filters.get(index) else { continue };
        out.extend(filter::reading(&mut context, group, name, direction, flow, place.subnet));
    }
    if out.is_empty() {
        out.push(format!("no NSG of this NIC and subnet has a rule {name} here"));
    }
    out
}

/// A tuple in a few words.
pub(super) fn tuple_words(tuple: &FlowTuple) -> String {
    let protocol = tuple.protocol.map_or_else(|| "?".to_owned(), |protocol| protocol.to_string());
    let direction = if tuple.direction == Direction::Inbound { "inbound" } else { "outbound" };
    let (from, to) = (tuple.source, tuple.destination);
    format!("{direction} {protocol} {from}:{} -> {to}:{}", tuple.source_port, tuple.destination_port)
}

/// Asks the NSG of a flow log's tuple again.
pub(super) fn tuple(network: &Network<'_>, tuple: &FlowTuple) -> Outcome {
    let Some(index) = nsg_index(network, &tuple.nsg) else {
        return Outcome::Undecided(format!("NSG {} is not in the input", tuple.nsg.name()));
    };
    let Some(protocol) = tuple.protocol else {
        return undecided("the protocol is none that rules name");
    };
    let local = if tuple.direction == Direction::Inbound { tuple.destination } else { tuple.source };
    let Some(subnet) = subnet_of(network, index, local) else {
        return Outcome::Undecided(format!("no subnet of the input holds {local}"));
    };
    let flow = Flow {
        source: tuple.source,
        destination: tuple.destination,
        protocol,
        source_port: tuple.source_port,
        destination_port: tuple.destination_port,
    };
    let worlds = Worlds::explore(network, |context| {
        let hit = filter::first_match(context, index, tuple.direction, &flow, subnet)?;
        Ok(hit.map(|(rule, access)| (access, rule.name)))
    });
    let (access, rule) = match worlds.certain(network) {
        Ok(Some((access, rule))) => (access, Some(rule)),
        Ok(None) => (Access::Allow, None),
        Err(why) => return Outcome::Undecided(why),
    };
    let named = Some(tuple.rule.as_str());
    if access == tuple.access && same_rule(named, rule) {
        return Outcome::Agreed(Vec::new());
    }
    let removed = Removed::default();
    let mut context = Context::new(network, &[], &removed);
    let name = bare_rule_name(&tuple.rule);
    let group = network.filters.get(index);
    let mut read =
        |name: &str| group.and_then(|group| filter::reading(&mut context, group, name, tuple.direction, &flow, subnet));
    let azure = read(name).unwrap_or_else(|| format!("{} has no rule {name} here", tuple.nsg.name()));
    let ours = rule.and_then(&mut read).into_iter().collect();
    Outcome::Differs(Box::new(difference((tuple.access, named), (access, rule), vec![azure], ours)))
}

/// The NSG by id or `resourceGuid`; by its name where only one has it.
fn nsg_index(network: &Network<'_>, id: &ResourceId) -> Option<usize> {
    let position = |wanted: &dyn Fn(&NetworkSecurityGroup) -> bool| {
        let mut found = network.filters.iter().enumerate().filter(|(_, filter)| wanted(filter.nsg));
        match (found.next(), found.next()) {
            (Some((index, _)), None) => Some(index),
            _ => None,
        }
    };
    position(&|own| own.id == *id || own.guid.as_deref() == Some(id.key()))
        .or_else(|| position(&|own| own.id.name().eq_ignore_ascii_case(id.name())))
}

/// The subnet whose tags count: that of the local address, one to which the NSG is attached first.
fn subnet_of(network: &Network<'_>, nsg: usize, local: std::net::IpAddr) -> Option<usize> {
    let found = places(network, &[], Some(local));
    let attached = |place: &&Place<'_>| {
        let here = |lookup: Lookup<'_, usize>| matches!(lookup, Lookup::Found(index) if index == nsg);
        place.end.is_some_and(|end| here(end.nsg)) || network.subnet(place.subnet).is_some_and(|node| here(node.nsg))
    };
    found.iter().find(attached).or_else(|| found.first()).map(|place| place.subnet)
}
