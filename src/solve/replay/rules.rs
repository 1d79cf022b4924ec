//! Effective security rules of a NIC and the security group view of a VM (semantics.md 6.3, 9b.3).

use super::target::{Place, every_nic, per_nic, places};
use super::{Difference, Outcome, one_outcome};
use crate::compile::{Lookup, Network, tags};
use crate::model::{
    AddressTerm, EffectiveGroup, EffectiveRule, InterfaceView, NetworkSecurityGroup, ResourceId, RuleLine,
    SecurityRule, rule_differences,
};
use crate::net::AddressSet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

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

/// Differences of Azure's rules to ours, each with what they are rules of.
fn compare_lines(what: &str, azure: &BTreeSet<RuleLine>, ours: &BTreeSet<RuleLine>, out: &mut Vec<String>) {
    let found = rule_differences(("Azure", azure), ("the input", ours));
    out.extend(found.into_iter().map(|difference| format!("{what}: {difference}")));
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
            let azure_lines: BTreeSet<RuleLine> = group.rules.iter().map(|rule| RuleLine::of(&rule.rule)).collect();
            compare_lines(nsg.id.name(), &azure_lines, &RuleLine::all_of(nsg), &mut differences);
        }
        if let Err(why) = expansions(network, place, &group.rules, &group.tags, &mut differences)
            && differences.is_empty()
        {
            return Outcome::Undecided(why);
        }
    }
    let trace = |groups: Vec<(String, BTreeSet<RuleLine>)>| {
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
                .map(|g| (g.nsg.name().to_owned(), g.rules.iter().map(|rule| RuleLine::of(&rule.rule)).collect()))
                .collect(),
        ),
        trace(ours.iter().flatten().map(|nsg| (nsg.name.clone(), RuleLine::all_of(nsg))).collect()),
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
    let user = |rules: &[SecurityRule]| -> BTreeSet<RuleLine> { rules.iter().map(RuleLine::of).collect() };
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
    let azure_lines: BTreeSet<RuleLine> = view.effective.iter().map(|rule| RuleLine::of(&rule.rule)).collect();
    let our_lines: BTreeSet<RuleLine> = ours.iter().flatten().flat_map(|nsg| RuleLine::all_of(nsg)).collect();
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
    let words = |lines: BTreeSet<RuleLine>| lines.iter().map(RuleLine::words).collect();
    finish(differences, (theirs.join(", "), names.join(", ")), words(azure_lines), words(our_lines))
}
