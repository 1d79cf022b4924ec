//! Effective security rules of a NIC and the security group view of a VM (semantics.md 6.3, 9b.3).

use super::target::{Place, every_nic, per_nic, places};
use super::{Difference, Outcome, access_word, one_outcome};
use crate::compile::{Lookup, Network, tags};
use crate::model::{
    AddressSide, AddressTerm, DEFAULT_RULES, EffectiveGroup, EffectiveRule, InterfaceView, NetworkSecurityGroup,
    PortSide, PortTerm, ResourceId, RuleProtocol, SecurityRule,
};
use crate::net::{AddressSet, PortSet};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A rule in one spelling; two rules are the same where all of it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    direction: String,
    priority: i64,
    name: String,
    access: String,
    protocol: String,
    source: String,
    source_ports: String,
    destination: String,
    destination_ports: String,
}

impl Line {
    fn of(rule: &SecurityRule) -> Self {
        Line {
            direction: rule.direction.value().map_or_else(String::new, |direction| format!("{direction:?}")),
            priority: rule.priority.value().copied().unwrap_or(-1),
            name: rule.name.to_ascii_lowercase(),
            access: rule.access.value().map_or_else(String::new, |access| access_word(*access).to_owned()),
            protocol: match rule.protocol.value() {
                None => String::new(),
                Some(RuleProtocol::Any) => "All".to_owned(),
                Some(RuleProtocol::Only(protocol)) => protocol.to_string(),
            },
            source: addresses(&rule.source),
            source_ports: ports(&rule.source_ports),
            destination: addresses(&rule.destination),
            destination_ports: ports(&rule.destination_ports),
        }
    }

    /// The place of a rule in its NSG.
    fn key(&self) -> (&str, i64, &str) {
        (&self.direction, self.priority, &self.name)
    }

    fn words(&self) -> String {
        format!(
            "{} {} {} {} {} {}:{} -> {}:{}",
            self.direction,
            self.priority,
            self.name,
            self.access,
            self.protocol,
            self.source,
            self.source_ports,
            self.destination,
            self.destination_ports
        )
    }
}

const GROUPS: &str = "(application security groups)";

/// A side in one spelling. `*`, `0.0.0.0/0`, and `0.0.0.0/0` with `::/0` are all "any address" (semantics.md 9b.3).
fn addresses(side: &AddressSide) -> String {
    if !side.groups.is_empty() {
        return GROUPS.to_owned();
    }
    let (mut nets, mut words) = (Vec::new(), BTreeSet::new());
    for term in side.terms() {
        match &term.value {
            AddressTerm::Any => drop(words.insert("*".to_owned())),
            AddressTerm::Prefix(prefix) => nets.push(prefix.net),
            AddressTerm::Tag(text) | AddressTerm::Invalid(text) => drop(words.insert(text.to_ascii_lowercase())),
        }
    }
    let set: AddressSet = nets.into_iter().collect();
    if set.v4.is_full() {
        words.insert("*".to_owned());
    }
    if words.contains("*") {
        return "*".to_owned();
    }
    words.extend(set.cidrs().iter().map(ToString::to_string));
    words.into_iter().collect::<Vec<_>>().join(",")
}

fn ports(side: &PortSide) -> String {
    let (mut ranges, mut words) = (Vec::new(), BTreeSet::new());
    for term in side.terms() {
        match &term.value {
            PortTerm::Range(low, high) => ranges.push((*low, *high)),
            PortTerm::Invalid(text) => drop(words.insert(text.clone())),
        }
    }
    let set: PortSet = ranges.into_iter().collect();
    let shown = set.ranges().iter().map(|(low, high)| format!("{low}-{high}"));
    shown.chain(words).collect::<Vec<_>>().join(",")
}

/// The default rules in the effective form.
fn default_lines() -> Vec<Line> {
    let side = |text: &str| text.to_ascii_lowercase();
    let line = |rule: &crate::model::DefaultRule| Line {
        direction: format!("{:?}", rule.direction),
        priority: rule.priority,
        name: rule.name.to_ascii_lowercase(),
        access: access_word(rule.access).to_owned(),
        protocol: "All".to_owned(),
        source: side(rule.source),
        source_ports: "0-65535".to_owned(),
        destination: side(rule.destination),
        destination_ports: "0-65535".to_owned(),
    };
    DEFAULT_RULES.iter().map(line).collect()
}

fn lines(nsg: &NetworkSecurityGroup) -> BTreeSet<Line> {
    nsg.rules.iter().map(Line::of).chain(default_lines()).collect()
}

/// NSGs of a place: that of the subnet, that of the NIC.
fn nsgs<'n>(network: &'n Network<'n>, place: Place<'n>) -> Result<[Option<&'n NetworkSecurityGroup>; 2], String> {
    let found = |lookup: Lookup<'n, usize>| match lookup {
        Lookup::None => Ok(None),
        Lookup::Missing(id) => Err(format!("missing: {} ({})", id.name(), crate::model::export_command(id))),
        Lookup::Found(index) => Ok(network.filters.get(index).map(|filter| filter.nsg)),
    };
    let subnet = network.subnet(place.subnet).map_or(Lookup::None, |node| node.nsg);
    let nic = place.end.map_or(Lookup::None, |end| end.nsg);
    Ok([found(subnet)?, found(nic)?])
}

/// Differences of two rule sets, a line for each rule.
fn compare_lines(what: &str, azure: &BTreeSet<Line>, ours: &BTreeSet<Line>, out: &mut Vec<String>) {
    let by_key = |lines: &BTreeSet<Line>| -> BTreeMap<(String, i64, String), Line> {
        let owned = |(direction, priority, name): (&str, i64, &str)| (direction.to_owned(), priority, name.to_owned());
        lines.iter().map(|line| (owned(line.key()), line.clone())).collect()
    };
    let (theirs, here) = (by_key(azure), by_key(ours));
    for (key, line) in &theirs {
        match here.get(key) {
            None => out.push(format!("{what}: only Azure has {}", line.words())),
            Some(own) if !same(line, own) => {
                out.push(format!("{what}: Azure {}, here {}", line.words(), own.words()));
            }
            Some(_) => {}
        }
    }
    for (_, line) in here.iter().filter(|(key, _)| !theirs.contains_key(*key)) {
        out.push(format!("{what}: only here is {}", line.words()));
    }
}

/// Sides that name application security groups are printed in several ways and are not compared.
fn same(azure: &Line, ours: &Line) -> bool {
    let mut azure = azure.clone();
    if ours.source == GROUPS {
        azure.source.clone_from(&ours.source);
    }
    if ours.destination == GROUPS {
        azure.destination.clone_from(&ours.destination);
    }
    azure == *ours
}

/// Compares the expansions of VirtualNetwork and AzureLoadBalancer; the other tags vary by date. `Err`: not decidable.
fn expansions(
    network: &Network<'_>,
    place: Place<'_>,
    rules: &[EffectiveRule],
    map: &BTreeMap<String, Vec<ipnet::IpNet>>,
    out: &mut Vec<String>,
) -> Result<(), String> {
    let Some(node) = network.subnet(place.subnet) else { return Ok(()) };
    let mut found: Vec<(&str, AddressSet)> = Vec::new();
    for rule in rules {
        for (side, members) in [(&rule.rule.source, &rule.source), (&rule.rule.destination, &rule.destination)] {
            let only = side.terms().next().map(|term| &term.value);
            let (Some(AddressTerm::Tag(tag)), Some(members)) = (only, members) else { continue };
            found.push((tag, members.iter().copied().collect()));
        }
    }
    found.extend(map.iter().map(|(tag, members)| (tag.as_str(), members.iter().copied().collect())));
    let platform: AddressSet = std::iter::once(IpAddr::V4(tags::PLATFORM)).collect();
    for (tag, members) in found {
        let ours = match tag.to_ascii_lowercase().as_str() {
            "virtualnetwork" => node.vnet_tag.clone(),
            // The IPv6 member stands in newer answers only (semantics.md 1.8).
            "azureloadbalancer" => {
                let v4 = AddressSet { v4: members.v4.clone(), v6: crate::net::RangeSet::default() };
                if v4 == platform { members.clone() } else { platform.clone() }
            }
            _ => continue,
        };
        if members == ours {
            continue;
        }
        if let Some(open) = node.open_prefixes.first().filter(|_| ours.is_subset(&members)) {
            return Err(format!("missing: the prefixes that {} brings", ResourceId::new(open).name()));
        }
        let list = |set: &AddressSet| set.cidrs().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        out.push(format!("{tag}: Azure [{}], here [{}]", list(&members), list(&ours)));
    }
    out.sort();
    out.dedup();
    Ok(())
}

/// Asks for the effective security rules of a NIC again.
pub(super) fn groups(network: &Network<'_>, targets: &[ResourceId], azure: &[EffectiveGroup]) -> Outcome {
    let mut found = places(network, targets, None);
    if found.is_empty() {
        let mut attached: Vec<ResourceId> = azure.iter().filter_map(|group| group.association.clone()).collect();
        attached.sort_by_key(|id| id.segment("networkInterfaces").is_none());
        found = places(network, &attached, None);
    }
    if found.is_empty() && targets.is_empty() && azure.is_empty() {
        found = every_nic(network);
    }
    if found.is_empty() {
        return Outcome::Undecided("the NIC is not in the input: az network nic list -o json > nic.json".to_owned());
    }
    // A subnet stands for its NICs.
    let mut wide = Vec::new();
    for place in per_nic(found) {
        let nics = every_nic(network).into_iter().filter(|nic| place.end.is_none() && nic.subnet == place.subnet);
        let before = wide.len();
        wide.extend(nics);
        if wide.len() == before {
            wide.push(place);
        }
    }
    one_outcome(wide.into_iter().map(|place| groups_at(network, place, azure)).collect())
}

fn groups_at(network: &Network<'_>, place: Place<'_>, azure: &[EffectiveGroup]) -> Outcome {
    let ours = match nsgs(network, place) {
        Ok(found) => found,
        Err(why) => return Outcome::Undecided(why),
    };
    let mut differences = Vec::new();
    let of_nsgs: Vec<&EffectiveGroup> = azure
        .iter()
        .filter(|group| group.association.as_ref().is_none_or(|id| id.segment("networkManagers").is_none()))
        .collect();
    let mut theirs: Vec<&ResourceId> = of_nsgs.iter().map(|group| &group.nsg).collect();
    let mut here: Vec<&ResourceId> = ours.iter().flatten().map(|nsg| &nsg.id).collect();
    theirs.sort();
    here.sort();
    let names = |ids: &[&ResourceId]| ids.iter().map(|id| id.name().to_owned()).collect::<Vec<_>>().join(", ");
    if theirs != here {
        differences.push(format!("NSGs: Azure [{}], here [{}]", names(&theirs), names(&here)));
    }
    for group in &of_nsgs {
        if let Some(nsg) = ours.iter().flatten().find(|nsg| nsg.id == group.nsg) {
            let azure_lines: BTreeSet<Line> = group.rules.iter().map(|rule| Line::of(&rule.rule)).collect();
            compare_lines(nsg.id.name(), &azure_lines, &lines(nsg), &mut differences);
        }
        if let Err(why) = expansions(network, place, &group.rules, &group.tags, &mut differences)
            && differences.is_empty()
        {
            return Outcome::Undecided(why);
        }
    }
    let trace = |groups: Vec<(String, BTreeSet<Line>)>| {
        let lines = groups.into_iter().flat_map(|(name, lines)| {
            lines.into_iter().map(move |line| format!("{name} {}", line.words())).collect::<Vec<_>>()
        });
        lines.collect::<Vec<_>>()
    };
    finish(
        differences,
        (names(&theirs), names(&here)),
        trace(
            of_nsgs
                .iter()
                .map(|g| (g.nsg.name().to_owned(), g.rules.iter().map(|rule| Line::of(&rule.rule)).collect()))
                .collect(),
        ),
        trace(ours.iter().flatten().map(|nsg| (nsg.name.clone(), lines(nsg))).collect()),
    )
}

fn finish(
    differences: Vec<String>,
    (azure, ours): (String, String),
    azure_trace: Vec<String>,
    our_trace: Vec<String>,
) -> Outcome {
    if differences.is_empty() {
        return Outcome::Agreed(Vec::new());
    }
    Outcome::Differs(Box::new(Difference {
        azure: vec![("networkSecurityGroups", azure)],
        ours: vec![("networkSecurityGroups", ours)],
        differences,
        azure_trace,
        our_trace,
    }))
}

/// Asks for the security group view of a VM again.
pub(super) fn views(network: &Network<'_>, targets: &[ResourceId], azure: &[InterfaceView]) -> Outcome {
    if azure.is_empty() {
        // A fresh VM has an empty view whatever its NSGs (semantics.md 9b.3).
        let found = per_nic(places(network, targets, None));
        let bare = |place: &Place<'_>| matches!(nsgs(network, *place), Ok([None, None]));
        return if !found.is_empty() && found.iter().all(bare) {
            Outcome::Agreed(Vec::new())
        } else {
            super::undecided("an empty view is what a VM has before its first programming: it does not say \"no NSG\"")
        };
    }
    let mut sum = Outcome::Agreed(Vec::new());
    for view in azure {
        let found = per_nic(places(network, std::slice::from_ref(&view.id), None));
        let outcome = match found.first() {
            None => Outcome::Undecided(format!("NIC {} is not in the input", view.id.name())),
            Some(place) => view_at(network, *place, view),
        };
        match (&sum, &outcome) {
            (Outcome::Differs(_), _) | (Outcome::Undecided(_), Outcome::Agreed(_)) => {}
            _ => sum = outcome,
        }
    }
    sum
}

fn view_at(network: &Network<'_>, place: Place<'_>, view: &InterfaceView) -> Outcome {
    let ours = match nsgs(network, place) {
        Ok(found) => found,
        Err(why) => return Outcome::Undecided(why),
    };
    let [subnet, nic] = ours;
    let mut differences = Vec::new();
    let user = |rules: &[SecurityRule]| -> BTreeSet<Line> { rules.iter().map(Line::of).collect() };
    for (what, theirs, here) in [("NIC", &view.nic, nic), ("subnet", &view.subnet, subnet)] {
        match (theirs, here) {
            (Some(theirs), Some(here)) => {
                if let Some(id) = theirs.nsg.as_ref().filter(|id| **id != here.id) {
                    differences.push(format!("NSG of the {what}: Azure {}, here {}", id.name(), here.id.name()));
                }
                compare_lines(what, &user(&theirs.rules), &user(&here.rules), &mut differences);
            }
            (None, Some(here)) => differences.push(format!("NSG of the {what}: Azure none, here {}", here.id.name())),
            (Some(theirs), None) if !theirs.rules.is_empty() => {
                differences.push(format!("NSG of the {what}: Azure has rules, here is none"));
            }
            _ => {}
        }
    }
    let azure_lines: BTreeSet<Line> = view.effective.iter().map(|rule| Line::of(&rule.rule)).collect();
    let our_lines: BTreeSet<Line> = ours.iter().flatten().flat_map(|nsg| lines(nsg)).collect();
    if !view.effective.is_empty() {
        compare_lines("effective", &azure_lines, &our_lines, &mut differences);
    }
    if let Err(why) = expansions(network, place, &view.effective, &BTreeMap::new(), &mut differences)
        && differences.is_empty()
    {
        return Outcome::Undecided(why);
    }
    let names: Vec<String> = ours.iter().flatten().map(|nsg| nsg.name.clone()).collect();
    let theirs = [&view.subnet, &view.nic].into_iter().flatten().filter_map(|rules| rules.nsg.as_ref());
    let theirs: Vec<String> = theirs.map(|id| id.name().to_owned()).collect();
    let words = |lines: BTreeSet<Line>| lines.iter().map(Line::words).collect();
    finish(differences, (theirs.join(", "), names.join(", ")), words(azure_lines), words(our_lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_rules_have_azures_effective_form() {
        let lines: BTreeSet<Line> = default_lines().into_iter().collect();
        let inbound = lines.iter().filter(|line| line.direction == "Inbound").map(|line| line.name.as_str());
        let expected = ["allowvnetinbound", "allowazureloadbalancerinbound", "denyallinbound"];
        assert_eq!(inbound.collect::<Vec<_>>(), expected);
    }
}
