//! # Names within one resource (GP232)
//!
//! Azure tells rules of an NSG, routes of a table, subnets and peerings of a virtual network apart by name, in any
//! letter case, so it takes no name twice. **GP232** says where one is repeated. In the evaluation both count.

use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{ResourceId, Snapshot};
use std::collections::BTreeMap;

/// Children of every resource.
pub(super) fn check(snapshot: &Snapshot, out: &mut Vec<Diagnostic>) {
    for nsg in snapshot.nsgs.values() {
        repeated(&nsg.id, "rules", nsg.rules.iter().map(|rule| (rule.name.as_str(), rule.span)), out);
    }
    for table in snapshot.route_tables.values() {
        repeated(&table.id, "routes", table.routes.iter().map(|route| (route.name.as_str(), route.span)), out);
    }
    for vnet in snapshot.vnets.values() {
        repeated(&vnet.id, "subnets", vnet.subnets.iter().map(|subnet| (subnet.name.as_str(), subnet.span)), out);
        let peerings = vnet.peerings.iter().map(|peering| (peering.name.as_str(), peering.span));
        repeated(&vnet.id, "peerings", peerings, out);
    }
}

fn repeated<'s>(id: &ResourceId, kind: &str, names: impl Iterator<Item = (&'s str, Span)>, out: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<String, Span> = BTreeMap::new();
    for (name, at) in names.filter(|(name, _)| !name.is_empty()) {
        let Some(first) = seen.get(&name.to_lowercase()) else {
            seen.insert(name.to_lowercase(), at);
            continue;
        };
        // One line of an effective list may have been rebuilt as several routes.
        if *first == at {
            continue;
        }
        let message = format!("two {kind} of {} have the name {name}; Azure takes a name once", id.name());
        let finding = Diagnostic::new(&code::REPEATED_NAME, message)
            .resource(id.as_str())
            .rule(name)
            .help(code::REPEATED_NAME.fix)
            .at(at);
        out.push(finding.label(*first, "the other one"));
    }
}
