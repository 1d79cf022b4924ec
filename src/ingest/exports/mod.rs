//! Effective lists as configuration (semantics.md 1.8, 3.7, 6.3, 9b.3): what Azure prints as in force for a NIC wins
//! over what the rest of the input says, and each difference is reported. NSGs and route tables that are not in the input
//! themselves are rebuilt, and tags without data get their members.

mod managers;
mod nsgs;
mod tables;

use super::effective::only_tag;
use crate::diagnostic::{Diagnostic, Span};
use crate::model::{
    EffectiveGroup, EffectiveRule, EffectiveTable, InterfaceView, ResourceId, ServiceTags, Snapshot, TagExpansion,
};
use crate::net::AddressSet;
use ipnet::IpNet;
use std::collections::BTreeMap;

/// Effective lists of one or more files.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    pub(crate) groups: Vec<EffectiveGroup>,
    pub(crate) views: Vec<InterfaceView>,
    pub(crate) tables: Vec<EffectiveTable>,
}

impl Exports {
    pub(crate) fn extend(&mut self, other: Exports) {
        self.groups.extend(other.groups);
        self.views.extend(other.views);
        self.tables.extend(other.tables);
    }

    /// Puts them into a snapshot.
    pub(crate) fn apply(self, snapshot: &mut Snapshot) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        let mut nsgs = nsgs::ListedNsgs::default();
        for group in &self.groups {
            if group.association.as_ref().is_some_and(managers::is_manager) {
                managers::add(snapshot, group, &mut findings);
                continue;
            }
            nsgs.add_group(group);
            add_group(snapshot, group);
        }
        for view in &self.views {
            if view.effective.is_empty() && view.nic.is_none() && view.subnet.is_none() {
                continue;
            }
            let nsg = nsgs.add_view(snapshot, view);
            add_view(snapshot, view, nsg);
        }
        nsgs.apply(snapshot, &mut findings);
        tables::apply(snapshot, self.tables, &mut findings);
        findings
    }
}

/// The subnet of a NIC of the input.
fn subnet_of_nic(snapshot: &Snapshot, nic: &ResourceId) -> Option<ResourceId> {
    let nic = snapshot.network_interfaces.get(nic)?;
    nic.configurations.iter().find_map(|configuration| configuration.subnet.clone())
}

fn is_nic(id: &ResourceId) -> bool {
    id.segment("networkInterfaces").is_some()
}

/// What a list of effective rules says of tags, and of the NSG of a subnet that is not in the input.
fn add_group(snapshot: &mut Snapshot, group: &EffectiveGroup) {
    let Some(association) = group.association.clone() else { return };
    let subnet = if is_nic(&association) { subnet_of_nic(snapshot, &association) } else { Some(association.clone()) };
    fill_tags(snapshot, &group.tags);
    if let Some(subnet) = subnet {
        let expansion = snapshot.expansions.entry(subnet).or_default();
        expand(expansion, &group.tags, group.span);
        if !is_nic(&association) {
            expansion.nsg = Some(group.nsg.clone());
        }
    }
}

/// The first of a list of differences, and how many more there are.
fn listed_words(differences: &[String]) -> String {
    const SHOWN: usize = 4;
    let more = differences.len().saturating_sub(SHOWN);
    let shown = differences.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    if more == 0 { shown } else { format!("{shown}; and {more} more") }
}

/// Members of tags that have no data, VirtualNetwork, Internet and AzureLoadBalancer apart.
fn fill_tags(snapshot: &mut Snapshot, tags: &BTreeMap<String, Vec<IpNet>>) {
    for (tag, members) in tags {
        if matches!(tag.as_str(), "virtualnetwork" | "internet" | "azureloadbalancer") || members.is_empty() {
            continue;
        }
        let data = snapshot.service_tags.get_or_insert_with(ServiceTags::default);
        data.tags.entry(tag.clone()).or_insert_with(|| members.iter().copied().collect());
        data.prefixes.entry(tag.clone()).or_insert_with(|| members.clone());
    }
}

fn expand(expansion: &mut TagExpansion, tags: &BTreeMap<String, Vec<IpNet>>, span: Span) {
    let set = |tag: &str| tags.get(tag).filter(|members| !members.is_empty()).map(|m| m.iter().copied().collect());
    let add = |known: &mut Option<AddressSet>, new: Option<AddressSet>| {
        if let Some(new) = new {
            *known = Some(known.take().map_or_else(|| new.clone(), |known| known.union(&new)));
        }
    };
    add(&mut expansion.virtual_network, set("virtualnetwork"));
    add(&mut expansion.internet, set("internet"));
    expansion.span = expansion.span.or(Some(span));
}

/// What a view says of tags. `nsg` is the NSG that it has for the subnet.
fn add_view(snapshot: &mut Snapshot, view: &InterfaceView, nsg: Option<ResourceId>) {
    let subnet = view.subnet_id.clone().or_else(|| subnet_of_nic(snapshot, &view.id));
    let Some(subnet) = subnet else { return };
    let tags = expanded(&view.effective);
    fill_tags(snapshot, &tags);
    let expansion = snapshot.expansions.entry(subnet).or_default();
    expand(expansion, &tags, view.span);
    expansion.nsg = expansion.nsg.take().or(nsg);
}

/// Tags that rules expand.
fn expanded(rules: &[EffectiveRule]) -> BTreeMap<String, Vec<IpNet>> {
    let mut out: BTreeMap<String, Vec<IpNet>> = BTreeMap::new();
    for rule in rules {
        for (side, members) in [(&rule.rule.source, &rule.source), (&rule.rule.destination, &rule.destination)] {
            if let (Some(tag), Some(members)) = (only_tag(side), members) {
                out.entry(tag).or_insert_with(|| members.clone());
            }
        }
    }
    out
}
