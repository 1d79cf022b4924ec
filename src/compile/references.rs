//! What resources refer to each other by, and how they are called in output.

use crate::model::{ResourceId, Snapshot};
use std::collections::{BTreeMap, HashMap};

/// Attachments that only the NSG or route table itself lists.
pub(super) struct BackReferences<'s> {
    pub(super) nsgs: BTreeMap<&'s ResourceId, &'s ResourceId>,
    pub(super) tables: BTreeMap<&'s ResourceId, &'s ResourceId>,
}

impl<'s> BackReferences<'s> {
    pub(super) fn of(snapshot: &'s Snapshot) -> Self {
        let (mut nsgs, mut tables) = (BTreeMap::new(), BTreeMap::new());
        for nsg in snapshot.nsgs.values() {
            for subnet in &nsg.subnets {
                nsgs.entry(subnet).or_insert(&nsg.id);
            }
        }
        for table in snapshot.route_tables.values() {
            for subnet in &table.subnets {
                tables.entry(subnet).or_insert(&table.id);
            }
        }
        BackReferences { nsgs, tables }
    }
}

/// `name`, or `rg/name` where two resources of one kind share a name (design.md, output contract).
pub(super) fn display_names(snapshot: &Snapshot) -> HashMap<ResourceId, String> {
    let mut out = HashMap::new();
    let mut add = |ids: Vec<&ResourceId>| {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for id in &ids {
            *count.entry(id.name().to_ascii_lowercase()).or_default() += 1;
        }
        for id in ids {
            let shared = count.get(&id.name().to_ascii_lowercase()).is_some_and(|n| *n > 1);
            let name = match id.segment("resourceGroups") {
                Some(group) if shared => format!("{group}/{}", id.name()),
                _ => id.name().to_owned(),
            };
            out.insert(id.clone(), name);
        }
    };
    add(snapshot.nsgs.keys().collect());
    add(snapshot.vnets.keys().collect());
    add(snapshot.route_tables.keys().collect());
    add(snapshot.network_interfaces.keys().collect());
    add(snapshot.application_gateways.keys().collect());
    add(snapshot.firewalls.keys().collect());
    add(snapshot.load_balancers.keys().collect());
    add(snapshot.private_endpoints.keys().collect());
    out
}
