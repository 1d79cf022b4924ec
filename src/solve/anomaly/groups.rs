//! # Application security groups in rules (GP210, GP302)
//!
//! Members of an application security group are IP configurations of NICs, all in one virtual network (semantics.md
//! 1.9). Members are counted from the NICs and scale sets of the input, also those without an address yet.
//!
//! * **GP210** `AllApplicationSecurityGroupsInSecurityRuleMustBeFromSameVnet`: the groups of one rule, both sides
//!   together, have members in more than one virtual network (edge case E55).
//! * **GP302**: a side lists several groups and one of them has no member in the input. Such a rule was reported not
//!   to work at all, for the other groups either (edge case E56). Not said where the input holds no NIC and no scale
//!   set: nothing is known of members then.

use super::Subject;
use crate::diagnostic::{Diagnostic, code};
use crate::model::{Located, ResourceId, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// Virtual networks of the members of each group; `None` where a member names no subnet.
pub(super) struct Members<'s> {
    networks: BTreeMap<&'s ResourceId, BTreeSet<Option<ResourceId>>>,
    known: bool,
}

impl<'s> Members<'s> {
    /// Collects the members of every group.
    pub(super) fn of(snapshot: &'s Snapshot) -> Self {
        let nics = snapshot.network_interfaces.values().flat_map(|nic| &nic.configurations);
        let nics = nics.map(|configuration| (configuration.subnet.as_ref(), &configuration.groups));
        let sets = snapshot.scale_sets.values().flat_map(|set| &set.interfaces).flat_map(|nic| &nic.configurations);
        let sets = sets.map(|configuration| (configuration.subnet.as_ref(), &configuration.groups));
        let mut networks: BTreeMap<&ResourceId, BTreeSet<Option<ResourceId>>> = BTreeMap::new();
        for (subnet, groups) in nics.chain(sets) {
            for group in groups {
                networks.entry(group).or_default().insert(subnet.and_then(ResourceId::parent));
            }
        }
        let known = !snapshot.network_interfaces.is_empty() || !snapshot.scale_sets.is_empty();
        Members { networks, known }
    }

    /// Virtual networks of a group's members.
    fn vnets(&self, group: &ResourceId) -> impl Iterator<Item = &ResourceId> {
        self.networks.get(group).into_iter().flatten().flatten()
    }
}

/// The groups of one rule.
pub(super) fn check(subject: Subject<'_>, members: &Members<'_>, out: &mut Vec<Diagnostic>) {
    let (source, destination) = (&subject.rule.source.groups, &subject.rule.destination.groups);
    networks(subject, source.iter().chain(destination), members, out);
    for (side, groups) in [("source", source), ("destination", destination)] {
        if groups.len() > 1 && members.known {
            empty(subject, side, groups, members, out);
        }
    }
}

fn networks<'s>(
    subject: Subject<'_>,
    groups: impl Iterator<Item = &'s Located<ResourceId>>,
    members: &Members<'_>,
    out: &mut Vec<Diagnostic>,
) {
    let mut first: Option<(&Located<ResourceId>, &ResourceId)> = None;
    for group in groups {
        for vnet in members.vnets(&group.value) {
            let Some((other, other_vnet)) = first else {
                first = Some((group, vnet));
                continue;
            };
            if vnet == other_vnet {
                continue;
            }
            let message = format!(
                "{} names application security groups {} with members in {} and {} with members in {}; Azure wants \
                 all of them in one virtual network",
                subject.words(),
                other.value.name(),
                other_vnet.name(),
                group.value.name(),
                vnet.name()
            );
            let finding = subject.finding(&code::ASG_VNETS, message, code::ASG_VNETS.fix, group.span);
            out.push(finding.label(other.span, format!("has members in {}", other_vnet.name())));
            return;
        }
    }
}

fn empty(
    subject: Subject<'_>,
    side: &str,
    groups: &[Located<ResourceId>],
    members: &Members<'_>,
    out: &mut Vec<Diagnostic>,
) {
    for group in groups.iter().filter(|group| !members.networks.contains_key(&group.value)) {
        let name = group.value.name();
        let message = format!(
            "{} lists application security group {name} beside others as {side}, and no NIC of the input is a member \
             of it; such a rule was reported not to work at all",
            subject.words()
        );
        let help = format!("take {name} out of the rule until it has members");
        out.push(subject.finding(&code::EMPTY_ASG, message, help, group.span));
    }
}
