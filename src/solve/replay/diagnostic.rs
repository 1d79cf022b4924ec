//! NSG diagnostics (semantics.md 6.2, 9b.2): every NSG in order, every tried rule with its five flags.

use super::filter::{DIMENSIONS, flags};
use super::target::{Place, places};
use super::{Asker, Difference, Outcome, Values, access_word, one_outcome};
use crate::compile::cuts::{Cuts, Side};
use crate::compile::{Lookup, Network, SubnetNode, tags};
use crate::evaluate::context::{Context, Removed};
use crate::evaluate::matching::compare as compare_rule;
use crate::model::{
    Access, AddressTerm, DiagnosticResult, Direction, EvaluatedGroup, Profile, ResourceId, RuleFlags, bare_rule_name,
};
use crate::net::{AddressSet, Flow, Protocol};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Flows that stand for one profile at most.
const MOST_FLOWS: usize = 4096;

/// What NSG diagnostics print for one NSG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupResult {
    /// Id of the NSG.
    pub id: ResourceId,
    /// Subnet or NIC.
    pub applied_to: ResourceId,
    /// The rule that matched, with Azure's prefix; `None` where no rule speaks.
    pub matched: Option<(String, Access)>,
    /// Tried rules in order.
    pub rules: Vec<RuleFlags>,
}

/// What NSG diagnostics print for one flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluated {
    /// Overall access.
    pub access: Access,
    /// Evaluated NSGs in order; one that denies is the last.
    pub groups: Vec<GroupResult>,
}

/// A profile in a few words.
pub(super) fn words(profile: &Profile) -> String {
    let side = |term: &AddressTerm| match term {
        AddressTerm::Any => "*".to_owned(),
        AddressTerm::Prefix(prefix) => crate::net::shown(prefix.net),
        AddressTerm::Tag(text) | AddressTerm::Invalid(text) => text.clone(),
    };
    let protocol = profile.protocol.map_or_else(|| "*".to_owned(), |protocol| protocol.to_string());
    let port = match profile.ports {
        None => "*".to_owned(),
        Some((low, high)) if low == high => low.to_string(),
        Some((low, high)) => format!("{low}-{high}"),
    };
    let (from, to) = (side(&profile.source), side(&profile.destination));
    format!("{:?} {protocol} {from} -> {to}:{port}", profile.direction)
}

/// Evaluates one flow at a place.
///
/// # Errors
/// Names what is missing or cannot be told.
pub fn evaluate(
    network: &Network<'_>,
    place: Place<'_>,
    direction: Direction,
    flow: &Flow,
) -> Result<Evaluated, String> {
    let Some(node) = network.subnet(place.subnet) else { return Err("the subnet is not in the input".to_owned()) };
    let subnet = (node.nsg, &node.subnet.id);
    let nic = place.end.map(|end| (end.nsg, end.id));
    let order = match direction {
        Direction::Inbound => [Some(subnet), nic],
        Direction::Outbound => [nic, Some(subnet)],
    };
    let mut out = Evaluated { access: Access::Allow, groups: Vec::new() };
    if let Some(admin) = super::admin::evaluate(network, place, direction, flow)? {
        if matches!(admin.group.matched, Some((_, Access::Deny))) {
            out.access = Access::Deny;
        }
        out.groups.push(admin.group);
        if admin.ends {
            return Ok(out);
        }
    }
    for (nsg, applied_to) in order.into_iter().flatten() {
        let index = match nsg {
            Lookup::None => continue,
            Lookup::Missing(id) => return Err(format!("{} is not in the input", id.name())),
            Lookup::Found(index) => index,
        };
        let group = group(network, index, applied_to, direction, flow, place.subnet)?;
        let denied = matches!(group.matched, Some((_, Access::Deny)));
        out.groups.push(group);
        if denied {
            out.access = Access::Deny;
            break;
        }
    }
    if place.end.is_none() && node.gateways.is_empty() && !network.assumptions.no_unseen_nics {
        return Err("the NIC is not in the input".to_owned());
    }
    Ok(out)
}

fn group(
    network: &Network<'_>,
    index: usize,
    applied_to: &ResourceId,
    direction: Direction,
    flow: &Flow,
    subnet: usize,
) -> Result<GroupResult, String> {
    let removed = Removed::default();
    let mut context = Context::new(network, &[], &removed);
    let Some(filter) = network.filters.get(index) else { return Err("the NSG is not in the input".to_owned()) };
    let id = filter.nsg.id.clone();
    let mut out = GroupResult { id, applied_to: applied_to.clone(), matched: None, rules: Vec::new() };
    if let Some(rule) = filter.unplaced.first() {
        return Err(format!("rule {} of {} has no readable priority or direction", rule.name, filter.name));
    }
    for rule in filter.rules(direction) {
        let found = flags(compare_rule(&mut context, rule, flow, subnet));
        let prefix = if rule.configured.is_some() { "UserRule_" } else { "DefaultRule_" };
        let name = format!("{prefix}{}", rule.name);
        if found.contains(&None) && !found.contains(&Some(false)) {
            return Err(format!("whether rule {} of {} matches is not decidable", rule.name, filter.name));
        }
        out.rules.push(RuleFlags { name: name.clone(), flags: found });
        if found.iter().all(|flag| *flag == Some(true)) {
            let access = rule.access.ok_or_else(|| format!("rule {} has no readable access", rule.name))?;
            out.matched = Some((name, access));
            break;
        }
    }
    Ok(out)
}

/// Asks every profile again.
pub(super) fn compare(
    asker: &Asker<'_, '_>,
    targets: &[ResourceId],
    results: &[(Profile, Option<DiagnosticResult>)],
) -> Outcome {
    if results.is_empty() {
        return super::undecided("the record holds no profile");
    }
    let mut sum = Outcome::Agreed(Vec::new());
    for (profile, result) in results {
        let outcome = match result {
            None => super::undecided("the answer has no result for a profile"),
            Some(result) => one_profile(asker, targets, profile, result),
        };
        // A disagreement of one profile is one of the question.
        match (&sum, &outcome) {
            (Outcome::Differs(_), _) | (Outcome::Undecided(_), Outcome::Agreed(_)) => {}
            _ => sum = outcome,
        }
    }
    sum
}

fn one_profile(asker: &Asker<'_, '_>, targets: &[ResourceId], profile: &Profile, azure: &DiagnosticResult) -> Outcome {
    let network = asker.network;
    let own = if profile.direction == Direction::Inbound { &profile.destination } else { &profile.source };
    let address = match own {
        AddressTerm::Prefix(prefix) if prefix.net.prefix_len() == prefix.net.max_prefix_len() => {
            Some(prefix.net.addr())
        }
        _ => None,
    };
    let mut ids = targets.to_vec();
    let applied = azure.groups.iter().filter_map(|group| group.applied_to.clone());
    if ids.is_empty() {
        let (mut nics, others): (Vec<_>, Vec<_>) = applied.partition(|id| id.segment("networkInterfaces").is_some());
        nics.extend(others);
        ids = nics;
    }
    let found = places(network, &ids, address);
    if found.is_empty() {
        return Outcome::Undecided("no NIC and no subnet of the input fits the question".to_owned());
    }
    one_outcome(found.into_iter().map(|place| judge(asker, place, profile, azure)).collect())
}

fn judge(asker: &Asker<'_, '_>, place: Place<'_>, profile: &Profile, azure: &DiagnosticResult) -> Outcome {
    let Some(node) = asker.network.subnet(place.subnet) else { return super::undecided("no such subnet") };
    let flows = match flows(asker, node, profile) {
        Ok(flows) => flows,
        Err(why) => return Outcome::Undecided(why),
    };
    let mut ours: Option<Evaluated> = None;
    for flow in &flows {
        match evaluate(asker.network, place, profile.direction, flow) {
            Err(why) => return Outcome::Undecided(why),
            Ok(found) if ours.as_ref().is_some_and(|first| *first != found) => {
                return super::undecided("flows of this profile are answered differently");
            }
            Ok(found) => ours = Some(found),
        }
    }
    let Some(ours) = ours else { return super::undecided("the profile holds no flow") };
    let differences = differences(azure, &ours);
    if differences.is_empty() {
        return Outcome::Agreed(Vec::new());
    }
    Outcome::Differs(Box::new(Difference {
        azure: azure_values(azure),
        ours: vec![("access", access_word(ours.access).to_owned())],
        differences,
        azure_trace: azure.groups.iter().flat_map(azure_lines).collect(),
        our_trace: ours.groups.iter().flat_map(our_lines).collect(),
    }))
}

fn azure_values(azure: &DiagnosticResult) -> Values {
    vec![("access", azure.access.map(access_word).unwrap_or_default().to_owned())]
}

/// The rule that decided, as Azure lists it: where the matched rule and the last evaluated one differ, the last
/// (semantics.md 9b.2).
fn decider(group: &EvaluatedGroup) -> Option<&str> {
    let last = group.rules.last().filter(|rule| rule.flags.iter().all(|flag| *flag == Some(true)));
    last.map(|rule| rule.name.as_str()).or(group.matched.as_ref().map(|(name, _)| name.as_str())).map(bare_rule_name)
}

fn differences(azure: &DiagnosticResult, ours: &Evaluated) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(access) = azure.access.filter(|access| *access != ours.access) {
        out.push(format!("access: Azure {}, here {}", access_word(access), access_word(ours.access)));
    }
    let names = |ids: Vec<&ResourceId>| ids.iter().map(|id| id.name().to_owned()).collect::<Vec<_>>().join(", ");
    let theirs: Vec<&ResourceId> = azure.groups.iter().map(|group| &group.id).collect();
    let here: Vec<&ResourceId> = ours.groups.iter().map(|group| &group.id).collect();
    if theirs != here {
        out.push(format!("evaluated NSGs: Azure [{}], here [{}]", names(theirs), names(here)));
        return out;
    }
    for (theirs, here) in azure.groups.iter().zip(&ours.groups) {
        group_differences(theirs, here, &mut out);
    }
    out
}

fn group_differences(azure: &EvaluatedGroup, ours: &GroupResult, out: &mut Vec<String>) {
    let group = ours.id.name();
    let ours_rule = ours.matched.as_ref().map(|(name, _)| bare_rule_name(name));
    let same = |a: &str, b: &str| bare_rule_name(a).eq_ignore_ascii_case(bare_rule_name(b));
    if let Some(rule) = decider(azure)
        && !ours_rule.is_some_and(|own| own.eq_ignore_ascii_case(rule))
    {
        out.push(format!("{group}: rule: Azure {rule}, here {}", ours_rule.unwrap_or("none")));
    }
    if azure.rules.is_empty() {
        return;
    }
    for rule in &azure.rules {
        let Some(own) = ours.rules.iter().find(|own| same(&own.name, &rule.name)) else {
            out.push(format!("{group}: Azure tried rule {}, here it is not reached", bare_rule_name(&rule.name)));
            continue;
        };
        for ((name, theirs), here) in DIMENSIONS.iter().zip(rule.flags).zip(own.flags) {
            if let (Some(theirs), Some(here)) = (theirs, here)
                && theirs != here
            {
                let rule = bare_rule_name(&rule.name);
                out.push(format!("{group}: rule {rule}: {name} matched: Azure {theirs}, here {here}"));
            }
        }
    }
    for own in ours.rules.iter().filter(|own| !azure.rules.iter().any(|rule| same(&rule.name, &own.name))) {
        out.push(format!("{group}: rule {} is tried here and not by Azure", bare_rule_name(&own.name)));
    }
}

fn line(group: &ResourceId, rule: &RuleFlags) -> String {
    let failed: Vec<&str> =
        DIMENSIONS.iter().zip(rule.flags).filter(|(_, flag)| *flag != Some(true)).map(|(name, _)| *name).collect();
    let what = if failed.is_empty() { "matches".to_owned() } else { format!("no match by {}", failed.join(", ")) };
    format!("{} {}: {what}", group.name(), bare_rule_name(&rule.name))
}

fn azure_lines(group: &EvaluatedGroup) -> Vec<String> {
    if group.rules.is_empty() {
        return vec![format!("{}: {}", group.id.name(), decider(group).unwrap_or("no rule"))];
    }
    group.rules.iter().map(|rule| line(&group.id, rule)).collect()
}

fn our_lines(group: &GroupResult) -> Vec<String> {
    group.rules.iter().map(|rule| line(&group.id, rule)).collect()
}

/// Flows that stand for a profile: one for each piece that no rule splits.
fn flows(asker: &Asker<'_, '_>, node: &SubnetNode<'_>, profile: &Profile) -> Result<Vec<Flow>, String> {
    let network = asker.network;
    let sources = addresses(network, node, &profile.source, asker.source)?;
    let one =
        |term: &AddressTerm| matches!(term, AddressTerm::Prefix(p) if p.net.prefix_len() == p.net.max_prefix_len());
    let destinations = if one(&profile.destination) {
        addresses(network, node, &profile.destination, asker.source)?
    } else {
        addresses(network, node, &profile.destination, &Cuts::of(network, Side::Destination))?
    };
    let protocols = profile.protocol.map_or_else(|| vec![Protocol::Tcp, Protocol::Udp], |protocol| vec![protocol]);
    let ports = destination_ports(network, profile);
    let source_ports = asker.source.ephemeral_ports();
    let count = [sources.len(), destinations.len(), protocols.len(), ports.len(), source_ports.len()];
    if count.iter().product::<usize>() > MOST_FLOWS {
        return Err("the profile spans too many pieces that rules tell apart".to_owned());
    }
    let mut out = Vec::new();
    for source in &sources {
        for destination in destinations.iter().filter(|destination| destination.is_ipv4() == source.is_ipv4()) {
            for protocol in &protocols {
                for destination_port in &ports {
                    for source_port in &source_ports {
                        let ported = protocol.has_ports();
                        out.push(Flow {
                            source: *source,
                            destination: *destination,
                            protocol: *protocol,
                            source_port: if ported { *source_port } else { 0 },
                            destination_port: if ported { *destination_port } else { 0 },
                        });
                    }
                }
            }
        }
    }
    Ok(out)
}

fn destination_ports(network: &Network<'_>, profile: &Profile) -> Vec<u16> {
    let (low, high) = profile.ports.unwrap_or((0, u16::MAX));
    let rules = network.filters.iter().flat_map(|filter| filter.rules(profile.direction));
    let ranges = rules.flat_map(|rule| rule.destination_ports.ports.ranges().iter().copied());
    let mut out: BTreeSet<u16> = ranges
        .flat_map(|(from, to)| [Some(from), to.checked_add(1)])
        .flatten()
        .filter(|p| (low..=high).contains(p))
        .collect();
    out.insert(low);
    out.into_iter().collect()
}

fn addresses(
    network: &Network<'_>,
    node: &SubnetNode<'_>,
    term: &AddressTerm,
    cuts: &Cuts,
) -> Result<Vec<IpAddr>, String> {
    let set = match term {
        AddressTerm::Any => AddressSet::any(),
        AddressTerm::Prefix(prefix) if prefix.net.prefix_len() == prefix.net.max_prefix_len() => {
            return Ok(vec![prefix.net.addr()]);
        }
        AddressTerm::Prefix(prefix) => std::iter::once(prefix.net).collect(),
        AddressTerm::Invalid(text) => return Err(format!("{text} is no address, prefix or tag")),
        AddressTerm::Tag(tag) => {
            let lower = tag.to_ascii_lowercase();
            let data = network.snapshot.service_tags.as_ref();
            match lower.as_str() {
                "virtualnetwork" => node.vnet_tag.clone(),
                "internet" => node.internet.clone(),
                _ => tags::fixed(&lower)
                    .or_else(|| data.and_then(|data| data.tags.get(&lower).cloned()))
                    .ok_or_else(|| format!("service tag {tag} has no data in the input"))?,
            }
        }
    };
    Ok(cuts.representatives(&set).into_iter().map(|(address, _)| address).collect())
}
