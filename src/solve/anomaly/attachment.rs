//! # What NSGs and route tables are attached to (GP118, GP211, GP301)
//!
//! * **GP118**: a subnet, a NIC or a scale set refers to an NSG or route table that is not in the input. What depends
//!   on it is unknown; the command that exports it is printed. One finding for each missing resource, whatever number
//!   of places refers to it.
//! * **GP211**: an NSG on `AzureFirewallSubnet`, `AzureFirewallManagementSubnet`, `GatewaySubnet` or
//!   `RouteServerSubnet` (semantics.md 1.11, edge case E77). The evaluation ignores it. On `GatewaySubnet` Azure says
//!   `NetworkSecurityGroupCannotBeAttachedToGatewaySubnet` (GH Azure-Terraform/terraform-azurerm-virtual-network#18).
//! * **GP301**: an NSG that is attached to nothing has no effect (edge case E28). The subnets and NICs that an NSG
//!   itself lists count as well as references to it.

use super::{label_all, list_words};
use crate::compile::Network;
use crate::compile::network::refuses_nsg;
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{Located, ResourceId, Snapshot, Subnet, export_command};
use std::collections::{BTreeMap, BTreeSet};

/// All attachments.
pub(super) fn check(network: &Network<'_>, out: &mut Vec<Diagnostic>) {
    let snapshot = network.snapshot;
    let references = nsg_references(snapshot);
    missing("NSG", &references, snapshot, |id| snapshot.nsgs.contains_key(id), out);
    let tables: Vec<Reference<'_>> = subnets(snapshot)
        .filter_map(|subnet| subnet.route_table.as_ref().map(|to| (to, format!("subnet {}", subnet.name))))
        .collect();
    missing("route table", &tables, snapshot, |id| snapshot.route_tables.contains_key(id), out);
    for subnet in subnets(snapshot).filter(|subnet| refuses_nsg(&subnet.name)) {
        unsupported(snapshot, subnet, out);
    }
    unattached(snapshot, &references, out);
}

/// A reference, and who refers.
type Reference<'s> = (&'s Located<ResourceId>, String);

fn subnets(snapshot: &Snapshot) -> impl Iterator<Item = &Subnet> {
    snapshot.vnets.values().flat_map(|vnet| &vnet.subnets)
}

fn nsg_references(snapshot: &Snapshot) -> Vec<Reference<'_>> {
    let from_subnets = subnets(snapshot).filter_map(|s| s.nsg.as_ref().map(|to| (to, format!("subnet {}", s.name))));
    let from_nics = snapshot
        .network_interfaces
        .values()
        .filter_map(|nic| nic.nsg.as_ref().map(|to| (to, format!("NIC {}", nic.name))));
    let from_sets = snapshot.scale_sets.values().flat_map(|set| {
        let nics = set.interfaces.iter().filter_map(|nic| nic.nsg.as_ref());
        nics.map(|to| (to, format!("scale set {}", set.name)))
    });
    from_subnets.chain(from_nics).chain(from_sets).collect()
}

fn missing(
    kind: &str,
    references: &[Reference<'_>],
    snapshot: &Snapshot,
    known: impl Fn(&ResourceId) -> bool,
    out: &mut Vec<Diagnostic>,
) {
    let mut by_id: BTreeMap<&ResourceId, Vec<(Span, String)>> = BTreeMap::new();
    for (to, from) in references.iter().filter(|(to, _)| !known(&to.value)) {
        by_id.entry(&to.value).or_default().push((to.span, from.clone()));
    }
    for (id, places) in by_id {
        let names: Vec<String> = places.iter().map(|(_, from)| from.clone()).collect();
        let why = match snapshot.unusable.get(id) {
            Some(reason) => format!("cannot be used ({reason})"),
            None => "is not in the input".to_owned(),
        };
        let message = format!(
            "{kind} {} {why}; {} refer{} to it, and what it decides is unknown",
            id.name(),
            list_words(&names),
            if names.len() == 1 { "s" } else { "" }
        );
        let mut places = places.into_iter().map(|(span, from)| (span, format!("{from} refers to it")));
        let finding = Diagnostic::new(&code::DANGLING_REFERENCE, message)
            .resource(id.as_str())
            .help(export_command(id))
            .at_some(places.next().map(|(span, _)| span));
        out.push(label_all(finding, places));
    }
}

/// An NSG on a subnet that takes none: named by the subnet, or naming it.
fn unsupported(snapshot: &Snapshot, subnet: &Subnet, out: &mut Vec<Diagnostic>) {
    let listing = || snapshot.nsgs.values().find(|nsg| nsg.subnets.contains(&subnet.id));
    let (id, at) = match (&subnet.nsg, listing()) {
        (Some(reference), _) => (&reference.value, reference.span),
        (None, Some(nsg)) => (&nsg.id, nsg.span),
        (None, None) => return,
    };
    let message = format!(
        "NSG {} is set on subnet {}, which Azure supports no NSG on; it is ignored in every answer",
        id.name(),
        subnet.name
    );
    let finding = Diagnostic::new(&code::NSG_UNSUPPORTED_SUBNET, message)
        .resource(id.as_str())
        .help(format!("detach it from {}", subnet.id))
        .at(at);
    // Azure's code names GatewaySubnet.
    let named = subnet.name.eq_ignore_ascii_case("GatewaySubnet");
    out.push(if named { finding } else { finding.without_azure_error() });
}

fn unattached(snapshot: &Snapshot, references: &[Reference<'_>], out: &mut Vec<Diagnostic>) {
    let named: BTreeSet<&ResourceId> = references.iter().map(|(to, _)| &to.value).collect();
    for nsg in snapshot.nsgs.values() {
        if named.contains(&nsg.id) || !nsg.subnets.is_empty() || !nsg.network_interfaces.is_empty() {
            continue;
        }
        let message = format!("NSG {} is attached to no subnet and no NIC of the input, so it has no effect", nsg.name);
        let finding = Diagnostic::new(&code::NSG_NOT_ASSOCIATED, message)
            .resource(nsg.id.as_str())
            .help(code::NSG_NOT_ASSOCIATED.fix)
            .at(nsg.span);
        out.push(finding);
    }
}
