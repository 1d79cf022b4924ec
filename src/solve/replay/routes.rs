//! Effective routes of a NIC (semantics.md 3.2, 3.7, 9b.5).

use super::hop::{hop_word, spelling};
use super::target::{Place, every_nic, per_nic, places};
use super::{Difference, Outcome, one_outcome};
use crate::compile::routing::{Candidate, NextHop, Route, RouteSource, RoutingTable};
use crate::compile::{Lookup, Network, SubnetNode, tags};
use crate::model::{EffectiveRoute, ResourceId, export_command};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A route in one spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    source: String,
    what: String,
    hop: String,
    address: Option<IpAddr>,
}

impl Line {
    fn words(&self) -> String {
        let address = self.address.map(|address| format!(" {address}")).unwrap_or_default();
        format!("{} {} -> {}{address}", self.source, self.what, self.hop)
    }

    fn prefix(&self) -> Option<IpNet> {
        self.what.parse().ok()
    }

    fn is(&self, source: &str, hop: &str) -> bool {
        self.source == source && self.hop == hop
    }
}

const SERVICE: &str = "virtualnetworkserviceendpoint";
const DOCUMENTED_LATER: &str = "172.16.0.0/12";

/// Asks for the effective routes of a NIC again.
pub(super) fn compare(network: &Network<'_>, targets: &[ResourceId], azure: &[EffectiveRoute]) -> Outcome {
    let mut found = per_nic(places(network, targets, None));
    if targets.is_empty() {
        found = every_nic(network);
    }
    if found.is_empty() {
        return Outcome::Undecided("the NIC is not in the input: az network nic list -o json > nic.json".to_owned());
    }
    // The output of the tools does not name the NIC: of several, those are meant whose network has these local ranges.
    if found.len() > 1 {
        let fits =
            |place: &Place<'_>| network.subnet(place.subnet).is_some_and(|node| local_ranges(network, node, azure));
        if found.iter().any(fits) {
            found.retain(fits);
        }
    }
    one_outcome(found.into_iter().map(|place| judge(network, place, azure)).collect())
}

/// Are these the ranges of the subnet's own virtual network?
pub(super) fn local_ranges(network: &Network<'_>, node: &SubnetNode<'_>, azure: &[EffectiveRoute]) -> bool {
    let local =
        azure.iter().filter(|r| spelling(&r.next_hop) == "vnetlocal" && r.source.eq_ignore_ascii_case("default"));
    let theirs: BTreeSet<IpNet> = local.flat_map(|route| route.prefixes.iter().copied()).collect();
    network.vnet(node.vnet).is_some_and(|vnet| vnet.prefixes.iter().copied().collect::<BTreeSet<_>>() == theirs)
}

fn judge(network: &Network<'_>, place: Place<'_>, azure: &[EffectiveRoute]) -> Outcome {
    let Some(node) = network.subnet(place.subnet) else { return super::undecided("no such subnet") };
    if let Lookup::Missing(id) = node.table {
        return Outcome::Undecided(format!("missing: {} ({})", id.name(), export_command(id)));
    }
    let ours = match ours(network, node) {
        Ok(ours) => ours,
        Err(why) => return Outcome::Undecided(why),
    };
    let (theirs, masked) = match theirs(azure) {
        Ok(found) => found,
        Err(why) => return Outcome::Undecided(why),
    };
    let mut only_azure: BTreeSet<Line> = theirs.difference(&ours).cloned().collect();
    let mut only_here: BTreeSet<Line> = ours.difference(&theirs).cloned().collect();
    let mut remarks = Vec::new();
    if let Err(why) = pair_masked(&masked, &mut only_here, &mut remarks) {
        return Outcome::Undecided(why);
    }
    accept_varying(&mut only_azure, &mut only_here, &mut remarks);
    accept_services(node, &theirs, &mut only_azure, &mut only_here, &mut remarks);
    if let Some(why) = learned_elsewhere(network, node, &only_azure) {
        return Outcome::Undecided(why);
    }
    if only_azure.is_empty() && only_here.is_empty() {
        return Outcome::Agreed(remarks);
    }
    let mut differences: Vec<String> =
        only_azure.iter().map(|line| format!("only Azure has {}", line.words())).collect();
    differences.extend(only_here.iter().map(|line| format!("only here is {}", line.words())));
    let words = |lines: &BTreeSet<Line>| lines.iter().map(Line::words).collect::<Vec<_>>();
    Outcome::Differs(Box::new(Difference {
        azure: vec![("routes", theirs.len().to_string())],
        ours: vec![("routes", ours.len().to_string())],
        differences,
        azure_trace: words(&theirs),
        our_trace: words(&ours),
    }))
}

/// A route whose address was masked before it was published: `<PUBLIC_IP>/28`.
#[derive(Debug)]
struct Masked {
    source: String,
    hop: String,
    length: u8,
}

/// Each masked route may be one of ours with the same length; one of a system prefix that is left over varies by year.
fn pair_masked(masked: &[Masked], only_here: &mut BTreeSet<Line>, remarks: &mut Vec<String>) -> Result<(), String> {
    for route in masked {
        let fits = |line: &&Line| {
            line.is(&route.source, &route.hop) && line.prefix().is_some_and(|net| net.prefix_len() == route.length)
        };
        match only_here.iter().find(fits).cloned() {
            Some(line) => drop(only_here.remove(&line)),
            None if route.source == "default" && route.hop == "none" => {}
            None => return Err(format!("the record masks the prefix of a {} route", route.source)),
        }
    }
    if !masked.is_empty() {
        remarks.push("prefixes that the record masks were compared by their length only".to_owned());
    }
    Ok(())
}

/// Azure's active routes, one line a prefix, and those whose prefix is masked.
fn theirs(azure: &[EffectiveRoute]) -> Result<(BTreeSet<Line>, Vec<Masked>), String> {
    let mut out = BTreeSet::new();
    let mut masked = Vec::new();
    for route in azure.iter().filter(|route| route.active) {
        let hop = spelling(&route.next_hop);
        let address = route.addresses.first().copied().filter(|_| hop == "virtualappliance");
        let mut add = |what: String| {
            out.insert(Line { source: route.source.to_ascii_lowercase(), what, hop: hop.clone(), address });
        };
        if !route.tags.is_empty() {
            route.tags.iter().for_each(|tag| add(format!("tag {}", tag.to_ascii_lowercase())));
            continue;
        }
        for text in &route.unreadable {
            let tag = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_'));
            let length = text.rsplit_once('/').filter(|(mask, _)| mask.starts_with('<')).map(|(_, length)| length);
            match length.and_then(|length| length.parse().ok()) {
                Some(length) => {
                    let source = route.source.to_ascii_lowercase();
                    masked.push(Masked { source, hop: hop.clone(), length });
                }
                None if tag => add(format!("tag {}", text.to_ascii_lowercase())),
                None => return Err(format!("the record has {text} in place of a prefix")),
            }
        }
        route.prefixes.iter().for_each(|prefix| add(prefix.to_string()));
    }
    Ok((out, masked))
}

/// Our active routes, one line a prefix.
fn ours(network: &Network<'_>, node: &SubnetNode<'_>) -> Result<BTreeSet<Line>, String> {
    let table = &node.routes;
    if let Some(route) = table.unreadable.first().and_then(|index| table.routes.get(*index)) {
        let name = route.user.as_ref().map(|user| user.name).unwrap_or_default();
        return Err(format!("route {name} has no readable prefix"));
    }
    let mut out = BTreeSet::new();
    for (index, route) in table.routes.iter().enumerate() {
        let what = match route.prefix {
            Some(prefix) if is_active(network, table, index, prefix) => prefix.to_string(),
            Some(_) => continue,
            None => match table.tag_routes.iter().find(|tag| tag.route == index) {
                Some(tag) => format!("tag {}", tag.tag.to_ascii_lowercase()),
                None => continue,
            },
        };
        out.insert(Line {
            source: source_word(route.source).to_owned(),
            what,
            hop: spelling(hop_word(route.next_hop)),
            address: if let NextHop::Appliance(address) = route.next_hop { address } else { None },
        });
    }
    Ok(out)
}

fn source_word(source: RouteSource) -> &'static str {
    match source {
        RouteSource::System => "default",
        RouteSource::Gateway => "virtualnetworkgateway",
        RouteSource::User => "user",
    }
}

/// A route is active unless one of its prefix takes precedence, a 0/0 elsewhere takes the None routes away, or, for a
/// gateway route, a route of the network or of a peering holds it.
fn is_active(network: &Network<'_>, table: &RoutingTable<'_>, index: usize, prefix: IpNet) -> bool {
    let candidates = table.covering(prefix.network(), &|_| false);
    let Some(own) = candidates.iter().find(|candidate| candidate.route == index) else { return false };
    let beaten = candidates.iter().any(|other| other.length == own.length && other.rank > own.rank);
    let local = |route: &Route<'_>| {
        route.source == RouteSource::System && matches!(route.next_hop, NextHop::VnetLocal | NextHop::Peering(_))
    };
    let gateway = table.routes.get(index).is_some_and(|route| route.source == RouteSource::Gateway);
    let inside =
        candidates.iter().filter(|c| c.length <= own.length).filter_map(|c| table.routes.get(c.route)).any(local);
    let hop = table.routes.get(index).map(|route| route.next_hop);
    let set_aside =
        matches!(hop, Some(NextHop::PrivateEndpoint(end, _)) if overridden(network, table, end, &candidates));
    !(beaten || set_aside || gateway && inside)
}

/// With route-table policies on its subnet, a user-defined route at least as long as the range of the endpoint's network
/// invalidates the endpoint's route (semantics.md 3.4).
fn overridden(network: &Network<'_>, table: &RoutingTable<'_>, end: usize, candidates: &[Candidate]) -> bool {
    let Some(end) = network.endpoints.get(end) else { return false };
    let Some(subnet) = end.subnet.and_then(|index| network.subnet(index)) else { return false };
    let policies = subnet.subnet.private_endpoint_policies.value();
    let ranges = network.vnet(subnet.vnet).into_iter().flat_map(|vnet| &vnet.prefixes);
    let space = ranges.filter(|net| net.contains(&end.address)).map(|net| net.prefix_len()).max();
    let user = |c: &Candidate| table.routes.get(c.route).is_some_and(|route| route.source == RouteSource::User);
    policies.is_some_and(|policies| policies.route_tables)
        && candidates.iter().any(|c| user(c) && space.is_some_and(|space| c.length >= space))
}

/// Drop routes that are not documented vary by year, 172.16.0.0/12 among them is not listed in some recordings of 2017 to
/// 2021, and `::/0` is listed in some (semantics.md 3.2). They decide nothing that the documented routes do not.
fn accept_varying(only_azure: &mut BTreeSet<Line>, only_here: &mut BTreeSet<Line>, remarks: &mut Vec<String>) {
    let documented = |line: &Line| line.prefix().is_some_and(|prefix| tags::PRIVATE.contains(&prefix));
    let default6 = |line: &Line| line.is("default", "internet") && line.what == "::/0";
    let undocumented = |line: &Line| line.is("default", "none") && !documented(line);
    let before = only_azure.len() + only_here.len();
    only_azure.retain(|line| !undocumented(line));
    only_here.retain(|line| !undocumented(line));
    if only_azure.len() + only_here.len() != before {
        remarks.push("None routes of undocumented system prefixes vary by year and were not compared".to_owned());
    }
    let later = |line: &Line| line.is("default", "none") && line.what == DOCUMENTED_LATER;
    if only_here.iter().any(later) {
        only_here.retain(|line| !later(line));
        remarks.push(format!("{DOCUMENTED_LATER} None is not listed in some recordings and was not compared"));
    }
    only_azure.retain(|line| !default6(line));
    only_here.retain(|line| !default6(line));
}

/// A service endpoint has one route with all prefixes of the service, which change by date: that there is one is compared.
fn accept_services(
    node: &SubnetNode<'_>,
    theirs: &BTreeSet<Line>,
    only_azure: &mut BTreeSet<Line>,
    only_here: &mut BTreeSet<Line>,
    remarks: &mut Vec<String>,
) {
    let enabled = !node.subnet.service_endpoints.is_empty();
    let listed = theirs.iter().any(|line| line.hop == SERVICE);
    only_here.retain(|line| line.hop != SERVICE);
    if enabled && listed {
        only_azure.retain(|line| line.hop != SERVICE);
        remarks.push("prefixes of service endpoint routes vary by date and were not compared".to_owned());
    } else if enabled {
        let what = node.subnet.service_endpoints.join(", ");
        only_here.insert(Line { source: "default".to_owned(), what, hop: SERVICE.to_owned(), address: None });
    }
}

/// Gateway routes that the input cannot know: why the question is not decidable.
fn learned_elsewhere(network: &Network<'_>, node: &SubnetNode<'_>, only_azure: &BTreeSet<Line>) -> Option<String> {
    let learned = only_azure.iter().find(|line| line.source == "virtualnetworkgateway")?;
    let vnets = node.peers.iter().filter(|peer| peer.uses_remote_gateways()).filter_map(|peer| peer.remote);
    let has_gateway_subnet = |vnet: usize| {
        network.vnet(vnet).is_some_and(|vnet| {
            let mut subnets = vnet.vnet.subnets.iter();
            subnets.any(|s| matches!(s.name.to_ascii_lowercase().as_str(), "gatewaysubnet" | "routeserversubnet"))
        })
    };
    let open = node.open_prefixes.first().map(|id| ResourceId::new(id).name().to_owned());
    let unseen = vnets.chain([node.vnet]).any(has_gateway_subnet).then(|| "the gateway".to_owned());
    open.or(unseen).map(|what| format!("missing: the prefixes that {what} brings, {} among them", learned.what))
}
