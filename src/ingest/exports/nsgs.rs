//! NSGs as effective lists print them (semantics.md 6.3, 9b.3). One that is not in the input is rebuilt; where the list
//! says something else than the configuration, about the rules or about which NSG is attached, the list wins and the
//! difference is reported. Lists that contradict each other leave the NSG unknown.

use super::{is_nic, subnet_of_nic};
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{
    AddressSide, AddressTerm, EffectiveGroup, GroupRules, InterfaceView, Located, NetworkSecurityGroup, ResourceId,
    RuleLine, SecurityRule, Snapshot, export_command, is_default_rule, rule_differences,
};
use crate::net::AddressSet;
use std::collections::{BTreeMap, BTreeSet};

/// An NSG as one list prints it.
#[derive(Debug)]
struct Listed {
    rules: Vec<SecurityRule>,
    association: Option<ResourceId>,
    span: Span,
}

impl Listed {
    fn lines(&self) -> BTreeSet<RuleLine> {
        self.rules.iter().map(RuleLine::of).collect()
    }
}

/// What all lists of the input say about NSGs.
#[derive(Debug, Default)]
pub(super) struct ListedNsgs {
    rules: BTreeMap<ResourceId, Vec<Listed>>,
    /// The NSG of each NIC and subnet; `None`: it has none.
    attached: BTreeMap<ResourceId, Vec<(Option<ResourceId>, Span)>>,
}

impl ListedNsgs {
    /// Notes one element of a list of effective rules.
    pub(super) fn add_group(&mut self, group: &EffectiveGroup) {
        let rules = group.rules.iter().filter(|rule| !rule.is_default).map(|rule| rule.rule.clone()).collect();
        self.add(&group.nsg, rules, group.association.as_ref(), group.span);
    }

    /// Notes one NIC of a security group view. Returns the NSG that it has for the subnet.
    pub(super) fn add_view(&mut self, snapshot: &Snapshot, view: &InterfaceView) -> Option<ResourceId> {
        let subnet = view.subnet_id.clone().or_else(|| subnet_of_nic(snapshot, &view.id));
        self.add_side(snapshot, view.nic.as_ref(), Some(&view.id), view.span);
        let nsg = self.add_side(snapshot, view.subnet.as_ref(), subnet.as_ref(), view.span);
        // A view without any rule is one that was not programmed yet, and says nothing (semantics.md 9b.3).
        if !view.effective.is_empty() {
            for (side, place) in [(&view.nic, Some(&view.id)), (&view.subnet, subnet.as_ref())] {
                if let (None, Some(place)) = (side, place) {
                    self.attached.entry(place.clone()).or_default().push((None, view.span));
                }
            }
        }
        nsg
    }

    /// One side of a view names its NSG by the rules only: without rules it is the configured one, or has no name.
    fn add_side(
        &mut self,
        snapshot: &Snapshot,
        side: Option<&GroupRules>,
        place: Option<&ResourceId>,
        span: Span,
    ) -> Option<ResourceId> {
        let (side, place) = (side?, place?);
        let configured = || configured(snapshot, place).map(|nsg| nsg.value.clone());
        let unnamed = || (!is_nic(place)).then(|| place.child("networkSecurityGroups", "(unnamed)"));
        let known = side.nsg.clone().or_else(configured);
        let own = side.rules.iter().filter(|rule| !is_default_rule(&rule.name, rule.priority.value().copied()));
        let id = known.or_else(unnamed)?;
        self.add(&id, own.cloned().collect(), Some(place), span);
        Some(id)
    }

    fn add(&mut self, id: &ResourceId, rules: Vec<SecurityRule>, association: Option<&ResourceId>, span: Span) {
        if id.as_str().is_empty() {
            return;
        }
        let rules = rules.into_iter().map(any_address).collect();
        self.rules.entry(id.clone()).or_default().push(Listed { rules, association: association.cloned(), span });
        if let Some(place) = association.filter(|_| id.segment("networkSecurityGroups") != Some("(unnamed)")) {
            self.attached.entry(place.clone()).or_default().push((Some(id.clone()), span));
        }
    }

    /// Puts what the lists say into the snapshot.
    pub(super) fn apply(self, snapshot: &mut Snapshot, findings: &mut Vec<Diagnostic>) {
        for (id, lists) in self.rules {
            // One that could not be read stays unknown.
            if !snapshot.unusable.contains_key(&id) {
                take_rules(snapshot, &id, lists, findings);
            }
        }
        for (place, named) in self.attached {
            take_attachment(snapshot, &place, &named, findings);
        }
    }
}

/// A list prints `*` as `0.0.0.0/0`, with `::/0` only lately (semantics.md 9b.3): every address of IPv4 is any address.
fn any_address(mut rule: SecurityRule) -> SecurityRule {
    for side in [&mut rule.source, &mut rule.destination] {
        let nets = side.terms().filter_map(|term| match &term.value {
            AddressTerm::Prefix(prefix) => Some(prefix.net),
            _ => None,
        });
        if nets.collect::<AddressSet>().v4.is_full() {
            let span = side.terms().next().map_or(rule.span, |term| term.span);
            *side = AddressSide { singular: Some(Located::new(AddressTerm::Any, span)), ..AddressSide::default() };
        }
    }
    rule
}

fn take_rules(snapshot: &mut Snapshot, id: &ResourceId, lists: Vec<Listed>, findings: &mut Vec<Diagnostic>) {
    let configured = snapshot.nsgs.get(id);
    let own: BTreeSet<RuleLine> = configured.iter().flat_map(|nsg| &nsg.rules).map(RuleLine::of).collect();
    let against = |list: &Listed| rule_differences(("the list", &list.lines()), ("the configuration", &own));
    let mut ordered = lists.into_iter();
    let Some(first) = ordered.next() else { return };
    let differences = against(&first);
    let rest: Vec<Listed> = ordered.collect();
    if let Some(other) = rest.iter().find(|list| against(list) != differences) {
        let text = format!("effective lists of NSG {} contradict each other; none was used", id.name());
        let finding = Diagnostic::new(&code::EFFECTIVE_DIFFERS, text).resource(id.as_str()).at(other.span);
        findings.push(finding.label(first.span, "the other one").help("keep only the newest export"));
        snapshot.nsgs.remove(id);
        snapshot.unusable.insert(id.clone(), "effective lists of it contradict each other".to_owned());
        return;
    }
    let Some(nsg) = snapshot.nsgs.get_mut(id) else {
        let text = format!("NSG {} was rebuilt from an effective list; the NSG itself is not in the input", id.name());
        let finding = Diagnostic::new(&code::REBUILT_FROM_EFFECTIVE, text).resource(id.as_str()).at(first.span);
        findings.push(finding.help(format!("export it: {}", export_command(id))));
        snapshot.nsgs.insert(id.clone(), rebuilt(id, first));
        return;
    };
    if differences.is_empty() {
        return;
    }
    let text = format!(
        "NSG {} differs between an effective list and the configuration: {}; the list was used",
        id.name(),
        super::listed_words(&differences)
    );
    let finding = Diagnostic::new(&code::EFFECTIVE_DIFFERS, text).resource(id.as_str()).at(first.span);
    let finding = finding.label(nsg.span, "the configuration");
    findings.push(finding.help(format!("export both again at one time: {}", export_command(id))));
    nsg.rules = first.rules.iter().map(|rule| winner(rule, &nsg.rules)).collect();
}

fn rebuilt(id: &ResourceId, list: Listed) -> NetworkSecurityGroup {
    let attached = |nic: bool| list.association.iter().filter(|place| is_nic(place) == nic).cloned().collect();
    NetworkSecurityGroup {
        name: id.name().to_owned(),
        span: list.span,
        subnets: attached(false),
        network_interfaces: attached(true),
        guid: None,
        id: id.clone(),
        rules: list.rules,
    }
}

/// The configured rule where the list prints the same, with its own place; else the listed one, with the application
/// security groups of its namesake, which lists do not print as such.
fn winner(listed: &SecurityRule, configured: &[SecurityRule]) -> SecurityRule {
    let line = RuleLine::of(listed);
    let Some(own) = configured.iter().find(|own| RuleLine::of(own).key() == line.key()) else { return listed.clone() };
    if line.prints(&RuleLine::of(own)) {
        return own.clone();
    }
    let mut rule = listed.clone();
    for (side, own) in [(&mut rule.source, &own.source), (&mut rule.destination, &own.destination)] {
        if !own.groups.is_empty() {
            side.clone_from(own);
        }
    }
    rule
}

/// The NSG that a NIC or subnet of the input refers to.
fn configured<'s>(snapshot: &'s Snapshot, place: &ResourceId) -> Option<&'s Located<ResourceId>> {
    if is_nic(place) {
        return snapshot.network_interfaces.get(place)?.nsg.as_ref();
    }
    let mut subnets = snapshot.vnets.values().flat_map(|vnet| &vnet.subnets);
    subnets.find(|subnet| subnet.id == *place)?.nsg.as_ref()
}

/// The place of that reference, where the input holds the NIC or subnet.
fn reference<'s>(snapshot: &'s mut Snapshot, place: &ResourceId) -> Option<&'s mut Option<Located<ResourceId>>> {
    if is_nic(place) {
        return Some(&mut snapshot.network_interfaces.get_mut(place)?.nsg);
    }
    let mut subnets = snapshot.vnets.values_mut().flat_map(|vnet| &mut vnet.subnets);
    Some(&mut subnets.find(|subnet| subnet.id == *place)?.nsg)
}

fn take_attachment(
    snapshot: &mut Snapshot,
    place: &ResourceId,
    named: &[(Option<ResourceId>, Span)],
    findings: &mut Vec<Diagnostic>,
) {
    let Some((listed, span)) = named.first() else { return };
    let disputed = named.iter().find(|(other, _)| other != listed);
    let Some(reference) = reference(snapshot, place) else { return };
    let name = |nsg: Option<&ResourceId>| nsg.map_or("none".to_owned(), |id| id.name().to_owned());
    let own = reference.as_ref().map(|nsg| &nsg.value);
    let kind = if is_nic(place) { "NIC" } else { "subnet" };
    if let Some((other, other_span)) = disputed {
        let text = format!(
            "effective lists name different NSGs of {kind} {}: {} and {}; which one is attached is not known",
            place.name(),
            name(listed.as_ref()),
            name(other.as_ref())
        );
        let finding = Diagnostic::new(&code::EFFECTIVE_DIFFERS, text).resource(place.as_str()).at(*other_span);
        findings.push(finding.label(*span, "the other one").help("keep only the newest export"));
        let nowhere = place.child("networkSecurityGroups", "(disputed)");
        *reference = Some(Located::new(nowhere.clone(), *span));
        snapshot.unusable.insert(nowhere, "effective lists name different NSGs".to_owned());
        return;
    }
    if own == listed.as_ref() {
        return;
    }
    let text = format!(
        "the NSG of {kind} {} differs between an effective list and the configuration: the list has {}, the configuration {}; the list was used",
        place.name(),
        name(listed.as_ref()),
        name(own)
    );
    let finding = Diagnostic::new(&code::EFFECTIVE_DIFFERS, text).resource(place.as_str()).at(*span);
    findings.push(finding.help(format!("export both again at one time: {}", export_command(place))));
    *reference = listed.clone().map(|nsg| Located::new(nsg, *span));
    // NSGs also list what they are attached to.
    for nsg in snapshot.nsgs.values_mut() {
        let list = if is_nic(place) { &mut nsg.network_interfaces } else { &mut nsg.subnets };
        list.retain(|other| other != place);
        list.extend((listed.as_ref() == Some(&nsg.id)).then(|| place.clone()));
    }
}
