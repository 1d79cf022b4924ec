//! # Limits of a subscription (GP218)
//!
//! Azure takes so many elements by default (semantics.md 1.12, 3.1 item 4):
//!
//! | What | At most |
//! | --- | --- |
//! | rules of an NSG | 1,000 |
//! | prefixes in the sources of an NSG's rules, and in the destinations | 4,000 each |
//! | application security groups on one side of a rule | 10 |
//! | application security groups over all rules of an NSG | 100 |
//! | application security groups of an IP configuration | 20 |
//! | IP configurations in an application security group | 4,000 |
//! | routes of a route table | 400 |
//! | service-tag routes of a route table | 25 |
//! | peerings of a virtual network | 500 |
//!
//! It is a warning: some limits can be raised on request. The place is the first element that is too many. Limits per
//! region and subscription are not counted: an export rarely holds all of a subscription.

use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{
    AddressSide, AddressTerm, NetworkSecurityGroup, ResourceId, RouteDestination, SecurityRule, Snapshot,
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that has a limit.
pub(super) fn check(snapshot: &Snapshot, out: &mut Vec<Diagnostic>) {
    for nsg in snapshot.nsgs.values() {
        check_nsg(nsg, out);
    }
    for table in snapshot.route_tables.values() {
        let spans: Vec<Span> = table.routes.iter().map(|route| route.span).collect();
        report(&table.id, &table.name, "routes", &spans, 400, out);
        let tags = table.routes.iter().filter(|r| matches!(r.destination.value(), Some(RouteDestination::Tag(_))));
        let spans: Vec<Span> = tags.filter_map(|route| route.destination.span()).collect();
        report(&table.id, &table.name, "service-tag routes", &spans, 25, out);
    }
    for vnet in snapshot.vnets.values() {
        let spans: Vec<Span> = vnet.peerings.iter().map(|peering| peering.span).collect();
        report(&vnet.id, &vnet.name, "peerings", &spans, 500, out);
    }
    check_members(snapshot, out);
}

fn check_nsg(nsg: &NetworkSecurityGroup, out: &mut Vec<Diagnostic>) {
    let spans: Vec<Span> = nsg.rules.iter().map(|rule| rule.span).collect();
    report(&nsg.id, &nsg.name, "rules", &spans, 1000, out);
    check_side(nsg, "source", |rule| &rule.source, out);
    check_side(nsg, "destination", |rule| &rule.destination, out);
    let mut seen = BTreeSet::new();
    let groups = nsg.rules.iter().flat_map(|rule| rule.source.groups.iter().chain(&rule.destination.groups));
    let spans: Vec<Span> = groups.filter(|group| seen.insert(&group.value)).map(|group| group.span).collect();
    report(&nsg.id, &nsg.name, "application security groups over all rules", &spans, 100, out);
}

fn check_side(
    nsg: &NetworkSecurityGroup,
    word: &str,
    side: fn(&SecurityRule) -> &AddressSide,
    out: &mut Vec<Diagnostic>,
) {
    let terms = nsg.rules.iter().flat_map(|rule| side(rule).terms());
    let prefixes = terms.filter(|term| matches!(term.value, AddressTerm::Prefix(_)));
    let spans: Vec<Span> = prefixes.map(|term| term.span).collect();
    report(&nsg.id, &nsg.name, &format!("{word} prefixes over all rules"), &spans, 4000, out);
    for rule in &nsg.rules {
        let spans: Vec<Span> = side(rule).groups.iter().map(|group| group.span).collect();
        let what = format!("application security groups as {word} of rule {}", rule.name);
        report(&nsg.id, &nsg.name, &what, &spans, 10, out);
    }
}

fn check_members(snapshot: &Snapshot, out: &mut Vec<Diagnostic>) {
    let mut members: BTreeMap<&ResourceId, Vec<Span>> = BTreeMap::new();
    for nic in snapshot.network_interfaces.values() {
        for configuration in &nic.configurations {
            let spans = vec![nic.span; configuration.groups.len()];
            let what = format!("application security groups in IP configuration {}", configuration.id.name());
            report(&nic.id, &nic.name, &what, &spans, 20, out);
            for group in &configuration.groups {
                members.entry(group).or_default().push(nic.span);
            }
        }
    }
    for (group, spans) in members {
        report(group, group.name(), "IP configurations as members", &spans, 4000, out);
    }
}

/// Reports a list that is too long, at its first element that is too many.
fn report(id: &ResourceId, name: &str, what: &str, spans: &[Span], most: usize, out: &mut Vec<Diagnostic>) {
    let Some(at) = spans.get(most) else { return };
    let message = format!("{name} has {} {what}; Azure takes {most} by default", spans.len());
    out.push(Diagnostic::new(&code::TOO_MANY, message).resource(id.as_str()).help(code::TOO_MANY.fix).at(*at));
}
