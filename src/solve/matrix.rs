//! Every path of every gateway: pools x settings x members x ports (design.md, question 1).

use super::answer::{Answer, Missing, Verdict};
use super::facts::NIC_COMMAND;
use super::names;
use super::path::{Decided, Options, SourceGroup, Sources, Target, Witness, decide, undecided};
use super::project::{filters_on_the_way, project};
use crate::compile::cuts::{Cuts, Side};
use crate::compile::gateway_paths::{self as paths, Member, Pair};
use crate::compile::{Network, Stage};
use crate::diagnostic::{Diagnostic, code};
use crate::evaluate::context::{Projection, Removed};
use crate::evaluate::path::ModelNic;
use crate::model::{ApplicationGateway, ResourceId, export_command};
use crate::net::{AddressSet, Protocol};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What a port is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Probe and data use the same port.
    Both,
    /// Data only.
    Data,
    /// Probe only.
    Probe,
}

impl Purpose {
    /// The word that is printed.
    pub fn word(self) -> &'static str {
        match self {
            Purpose::Both => "both",
            Purpose::Data => "data",
            Purpose::Probe => "probe",
        }
    }
}

/// One path of a gateway.
#[derive(Debug, Clone)]
pub struct Row<'n> {
    /// The gateway.
    pub gateway: &'n ApplicationGateway,
    /// Its name as displayed.
    pub gateway_name: String,
    /// Pool and setting.
    pub pair: Pair<'n>,
    /// The member.
    pub member: Member<'n>,
    /// The address that was evaluated; the name where it is unresolved; the prefix of a scale set's subnet.
    pub backend: String,
    /// The address, where there is one.
    pub address: Option<IpAddr>,
    /// Port.
    pub port: u16,
    /// What the port is used for.
    pub purpose: Purpose,
    /// The answer.
    pub answer: Answer,
    /// The flow that shows it.
    pub witness: Option<Witness<'n>>,
}

/// Sources of one gateway, one set for each address family.
#[derive(Debug)]
pub struct GatewaySources {
    /// IPv4.
    pub v4: Sources,
    /// IPv6.
    pub v6: Sources,
    /// Indexes of its subnets.
    pub subnets: Vec<usize>,
}

impl GatewaySources {
    /// The usable addresses of the gateway's subnets, cut into pieces.
    pub fn of(network: &Network<'_>, gateway: &ApplicationGateway, cuts: &Cuts) -> Self {
        let subnets: Vec<usize> = gateway.subnets.iter().filter_map(|id| network.subnet_by_id(&id.value)).collect();
        let family = |ipv4: bool| {
            let groups: Vec<SourceGroup> = subnets
                .iter()
                .filter_map(|index| network.subnet(*index).map(|node| (index, node)))
                .map(|(index, node)| SourceGroup {
                    addresses: paths::instance_addresses(node, ipv4, &paths::private_frontends(node)),
                    subnet: Some(*index),
                })
                .collect();
            Sources::cut(cuts, &groups, None)
        };
        GatewaySources { v4: family(true), v6: family(false), subnets }
    }

    /// The sources for a destination.
    pub fn toward(&self, destination: IpAddr) -> &Sources {
        if destination.is_ipv4() { &self.v4 } else { &self.v6 }
    }
}

/// All paths of all gateways, sorted; `progress` is told of every path that was decided.
pub fn matrix<'n>(network: &'n Network<'n>, progress: &(dyn Fn(usize) + Sync)) -> Vec<Row<'n>> {
    let cuts = Cuts::of(network, Side::Source);
    let mut rows: Vec<Row<'n>> = network
        .snapshot
        .application_gateways
        .values()
        .flat_map(|gateway| rows_of(network, gateway, &cuts, progress))
        .collect();
    rows.sort_by(|a, b| key(a).cmp(&key(b)));
    rows
}

/// Paths of pairs that a load distribution policy replaces: nothing is sent there, and health records do not list them.
pub fn overridden<'n>(network: &'n Network<'n>) -> Vec<Row<'n>> {
    let cuts = Cuts::of(network, Side::Source);
    let gateways = network.snapshot.application_gateways.values();
    gateways
        .flat_map(|gateway| {
            let pairs = paths::pairs(gateway);
            let used = |pair: &Pair<'_>| {
                pairs.pairs.iter().any(|p| p.pool.id == pair.pool.id && p.setting.id == pair.setting.id)
            };
            let unused: Vec<Pair<'n>> = pairs.overridden.iter().filter(|pair| !used(pair)).copied().collect();
            decided_rows(network, gateway, wanted_of(network, gateway, unused), &cuts, &|_| {})
        })
        .collect()
}

/// How many paths a matrix has, for a progress bar.
pub fn count(network: &Network<'_>) -> usize {
    let gateways = network.snapshot.application_gateways.values();
    gateways.map(|gateway| wanted(network, gateway).len()).sum()
}

type Key<'r> = (&'r str, &'r str, &'r str, &'r str, Option<IpAddr>, &'r str, u16, Purpose);

fn key<'r>(row: &'r Row<'_>) -> Key<'r> {
    (
        &row.gateway_name,
        &row.pair.pool.name,
        &row.pair.setting.name,
        &row.member.shown,
        row.address,
        &row.backend,
        row.port,
        row.purpose,
    )
}

/// One path before it is decided.
struct Wanted<'n> {
    pair: Pair<'n>,
    member: Member<'n>,
    port: u16,
    purpose: Purpose,
}

fn wanted<'n>(network: &'n Network<'n>, gateway: &'n ApplicationGateway) -> Vec<Wanted<'n>> {
    wanted_of(network, gateway, paths::pairs(gateway).pairs)
}

fn wanted_of<'n>(network: &'n Network<'n>, gateway: &'n ApplicationGateway, pairs: Vec<Pair<'n>>) -> Vec<Wanted<'n>> {
    let mut out = Vec::new();
    let mut members: BTreeMap<&ResourceId, Vec<Member<'n>>> = BTreeMap::new();
    for pair in pairs {
        let (probe, data) = paths::ports(gateway, pair.setting);
        let uses = if probe == data {
            vec![(probe, Purpose::Both)]
        } else {
            vec![(probe, Purpose::Probe), (data, Purpose::Data)]
        };
        for member in members.entry(&pair.pool.id).or_insert_with(|| paths::members(network, gateway, pair.pool)).iter()
        {
            for (port, purpose) in &uses {
                out.push(Wanted { pair, member: member.clone(), port: *port, purpose: *purpose });
            }
        }
    }
    out
}

fn rows_of<'n>(
    network: &'n Network<'n>,
    gateway: &'n ApplicationGateway,
    cuts: &Cuts,
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<Row<'n>> {
    decided_rows(network, gateway, wanted(network, gateway), cuts, progress)
}

/// Decides paths of one gateway in parallel, each question once.
fn decided_rows<'n>(
    network: &'n Network<'n>,
    gateway: &'n ApplicationGateway,
    wanted: Vec<Wanted<'n>>,
    cuts: &Cuts,
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<Row<'n>> {
    let sources = GatewaySources::of(network, gateway, cuts);
    // The same address and port in several pairs is one question.
    let questions: BTreeSet<(IpAddr, u16)> = wanted
        .iter()
        .filter_map(|path| match path.member.target {
            paths::Target::Address(address) => Some((address, path.port)),
            _ => None,
        })
        .collect();
    let destinations: BTreeSet<IpAddr> = questions.iter().map(|(address, _)| *address).collect();
    let filters = filters_on_the_way(network, &sources.subnets, &destinations);
    let projected = Projected {
        v4: project(network, &sources.v4, Protocol::Tcp, &filters),
        v6: project(network, &sources.v6, Protocol::Tcp, &filters),
    };
    let questions: Vec<(IpAddr, u16)> = questions.into_iter().collect();
    let missing = gateway_subnet_missing(gateway, &sources);
    let decided: BTreeMap<(IpAddr, u16), Decided<'n>> = questions
        .par_iter()
        .map(|(address, port)| {
            let answer = match &missing {
                Some(answer) => Decided { answer: answer.clone(), witness: None },
                None => projected.decide(network, &sources, *address, *port),
            };
            progress(1);
            ((*address, *port), answer)
        })
        .collect();
    let gateway_name = network.name(&gateway.id);
    wanted
        .into_iter()
        .map(|path| {
            let (backend, address, decided) = match &path.member.target {
                paths::Target::Address(address) => {
                    let found = decided.get(&(*address, path.port)).cloned();
                    (address.to_string(), Some(*address), found)
                }
                _ => {
                    let (backend, answer) = without_address(network, gateway, &path, &sources, cuts);
                    progress(1);
                    (backend, None, Some(answer))
                }
            };
            let mut decided = decided.unwrap_or_else(|| Decided { answer: empty(), witness: None });
            if let (Some(name), Some(origin), Some(address)) = (path.member.fqdn, path.member.origin, address) {
                decided.answer.notes.extend(names::origin(name, address, origin));
            }
            Row {
                gateway,
                gateway_name: gateway_name.clone(),
                pair: path.pair,
                member: path.member,
                backend,
                address,
                port: path.port,
                purpose: path.purpose,
                answer: decided.answer,
                witness: decided.witness,
            }
        })
        .collect()
}

struct Projected {
    v4: Vec<Projection>,
    v6: Vec<Projection>,
}

impl Projected {
    fn decide<'n>(
        &self,
        network: &'n Network<'n>,
        sources: &GatewaySources,
        destination: IpAddr,
        port: u16,
    ) -> Decided<'n> {
        let projections = if destination.is_ipv4() { &self.v4 } else { &self.v6 };
        let target = Target { destination, protocol: Protocol::Tcp, port, model: None };
        decide(network, sources.toward(destination), target, Options { removed: None, projections: Some(projections) })
    }
}

/// Decides a path of a gateway again with rules or routes taken away.
pub fn without<'n>(
    network: &'n Network<'n>,
    sources: &GatewaySources,
    destination: IpAddr,
    port: u16,
    removed: &Removed,
) -> Decided<'n> {
    let target = Target { destination, protocol: Protocol::Tcp, port, model: None };
    decide(network, sources.toward(destination), target, Options { removed: Some(removed), projections: None })
}

/// An answer for a question that was not asked; never reached, since every address has been decided.
fn empty() -> Answer {
    let missing = Missing { what: "this path".to_owned(), command: None };
    undecided(AddressSet::default(), None, missing, Diagnostic::new(&code::EMPTY_SOURCE, "no source"))
}

/// The gateway's own subnet is the first thing that any path needs.
fn gateway_subnet_missing(gateway: &ApplicationGateway, sources: &GatewaySources) -> Option<Answer> {
    if !sources.subnets.is_empty() {
        return None;
    }
    let id = gateway.subnets.first().map(|id| &id.value);
    let vnet = id.and_then(ResourceId::parent);
    let command = vnet.as_ref().map(export_command);
    let name = id.map_or_else(|| "(none named)".to_owned(), |id| id.name().to_owned());
    let note = Diagnostic::new(
        &code::GATEWAY_SUBNET_MISSING,
        format!("subnet {name} of {} is not in the input", gateway.name),
    )
    .resource(gateway.id.as_str())
    .at_some(gateway.subnets.first().map(|id| id.span))
    .help(command.clone().unwrap_or_else(|| code::GATEWAY_SUBNET_MISSING.fix.to_owned()));
    Some(undecided(
        AddressSet::default(),
        None,
        Missing { what: format!("the gateway's subnet {name}"), command },
        note,
    ))
}

/// Members that are no address: unresolved names, missing NICs, scale sets known by their model.
fn without_address<'n>(
    network: &'n Network<'n>,
    gateway: &ApplicationGateway,
    path: &Wanted<'n>,
    sources: &GatewaySources,
    cuts: &Cuts,
) -> (String, Decided<'n>) {
    let all = sources.v4.addresses.union(&sources.v6.addresses);
    let plain = |answer| Decided { answer, witness: None };
    match &path.member.target {
        paths::Target::ScaleSet { subnet, interface, configuration, .. } => {
            let nsg = network.filter_of(interface.nsg.as_ref().map(|r| &r.value));
            let model = ModelNic { nsg, groups: &configuration.groups };
            scale_set_path(network, path, sources, cuts, model, (*subnet, !configuration.ipv6))
        }
        paths::Target::MissingConfiguration(id) => {
            let nic = id.parent().unwrap_or_else(|| (*id).clone());
            let command = if id.key().contains("/virtualmachinescalesets/") {
                "az vmss nic list -g GROUP --vmss-name NAME -o json > vmss-nic.json".to_owned()
            } else {
                export_command(&nic)
            };
            let note = Diagnostic::new(
                &code::MEMBER_UNRESOLVED,
                format!("pool member {} is not in the input", path.member.shown),
            )
            .resource(id.as_str())
            .help(command.clone());
            let missing =
                Missing { what: format!("the NIC of pool member {}", path.member.shown), command: Some(command) };
            (path.member.shown.clone(), plain(undecided(all, None, missing, note)))
        }
        paths::Target::Unresolved(why) => {
            let name = path.member.fqdn.unwrap_or(&path.member.shown);
            let (note, missing) = names::unresolved(gateway, name, why);
            (name.to_owned(), plain(undecided(all, None, missing, note)))
        }
        // Members with an address are decided by it.
        paths::Target::Address(address) => (address.to_string(), plain(empty())),
    }
}

/// A scale set known by its model: instances have any free address of the subnet, so all of them are asked for.
fn scale_set_path<'n>(
    network: &'n Network<'n>,
    path: &Wanted<'n>,
    sources: &GatewaySources,
    cuts: &Cuts,
    model: ModelNic<'n>,
    (subnet, ipv4): (Option<usize>, bool),
) -> (String, Decided<'n>) {
    let Some(node) = subnet.and_then(|index| network.subnet(index)) else {
        let missing = Missing {
            what: format!("the subnet of scale set {}", path.member.shown),
            command: Some("az network vnet list -o json > vnet.json".to_owned()),
        };
        let note = Diagnostic::new(
            &code::MEMBER_UNRESOLVED,
            format!("the subnet of scale set {} is not in the input", path.member.shown),
        )
        .help(NIC_COMMAND);
        let answer = undecided(sources.v4.addresses.clone(), Some(Stage::NsgInSubnet), missing, note);
        return (path.member.shown.clone(), Decided { answer, witness: None });
    };
    let of_family = node.prefixes.iter().filter(|net| net.addr().is_ipv4() == ipv4);
    let shown: Vec<String> = of_family.map(ToString::to_string).collect();
    let mut destination_cuts = Cuts::of(network, Side::Destination);
    destination_cuts.ports.clone_from(&cuts.ports);
    // An instance that is not in the input has none of the addresses that others have.
    let others = network.endpoints.iter().filter(|end| end.subnet == subnet);
    let taken: AddressSet = others.map(|end| end.address).collect();
    let addresses = paths::instance_addresses(node, ipv4, &taken);
    let decided: Vec<Decided<'n>> = destination_cuts
        .representatives(&addresses)
        .into_iter()
        .map(|(destination, _)| {
            let target = Target { destination, protocol: Protocol::Tcp, port: path.port, model: Some(model) };
            decide(network, sources.toward(destination), target, Options::default())
        })
        .collect();
    (shown.join(","), combine(decided))
}

/// Several destinations of one path: partial where some certainly arrive and some certainly do not, unknown where one is
/// unknown, else the verdict that all share.
pub fn combine(decided: Vec<Decided<'_>>) -> Decided<'_> {
    let verdicts: BTreeSet<Verdict> = decided.iter().map(|one| one.answer.verdict).collect();
    let split =
        verdicts.contains(&Verdict::Partial) || verdicts.contains(&Verdict::Allow) && verdicts.contains(&Verdict::Deny);
    let leads = |verdict: Verdict| match verdict {
        Verdict::Deny | Verdict::Partial if split => 0,
        Verdict::Unknown => 1,
        Verdict::Deny | Verdict::Partial => 2,
        Verdict::Allow => 3,
    };
    let Some(mut first) = decided.into_iter().min_by_key(|one| leads(one.answer.verdict)) else {
        return Decided { answer: empty(), witness: None };
    };
    if split {
        first.answer.verdict = Verdict::Partial;
    }
    first
}
