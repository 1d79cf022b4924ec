//! Effective lists that say something else than the configuration (semantics.md 1.8, 9 E121).
//!
//! A list of effective rules names the members of VirtualNetwork for its subnet. Where the rest of the input gives other
//! members, the list is used, and the difference is reported: something that decides is missing from the exports, or
//! they are of different times.

use crate::compile::{Lookup, Network, listed};
use crate::diagnostic::{Diagnostic, code};
use crate::net::AddressSet;

pub(super) fn check(network: &Network<'_>, out: &mut Vec<Diagnostic>) {
    routes(network, out);
    for node in &network.subnets {
        let Some(computed) = node.computed_tag.as_ref().filter(|computed| **computed != node.vnet_tag) else {
            continue;
        };
        let listed = network.snapshot.expansions.get(&node.subnet.id);
        let mut parts = Vec::new();
        for (what, set) in [
            ("the list also has", node.vnet_tag.difference(computed)),
            ("the list lacks", computed.difference(&node.vnet_tag)),
        ] {
            if !set.is_empty() {
                parts.push(format!("{what} {}", words(&set)));
            }
        }
        let text = format!(
            "VirtualNetwork of subnet {} differs between an effective list and the configuration: {}; the list was used",
            node.subnet.name,
            parts.join(", ")
        );
        let nsg = if let Lookup::Found(index) = node.nsg { network.filters.get(index) } else { None };
        let owner = nsg.map_or(&node.subnet.id, |filter| &filter.nsg.id);
        let finding = Diagnostic::new(&code::EFFECTIVE_DIFFERS, text)
            .resource(owner.as_str())
            .help("export virtual networks, peerings, gateways and route tables again, at one time")
            .at_some(listed.and_then(|listed| listed.span));
        out.push(finding);
    }
}

fn routes(network: &Network<'_>, out: &mut Vec<Diagnostic>) {
    for (index, node) in network.subnets.iter().enumerate() {
        let differences = listed::differences(network, index);
        if differences.is_empty() {
            continue;
        }
        let text = format!(
            "effective routes of subnet {} differ from the configuration: {}; the list was used",
            node.subnet.name,
            super::list_words(&differences)
        );
        let list = network.snapshot.listed_routes.get(&node.subnet.id);
        let finding = Diagnostic::new(&code::EFFECTIVE_DIFFERS, text)
            .resource(node.subnet.id.as_str())
            .help("export virtual networks, peerings, gateways and private endpoints again, at one time")
            .at_some(list.and_then(|list| list.routes.first()).map(|route| route.span));
        out.push(finding);
    }
}

fn words(set: &AddressSet) -> String {
    let all: Vec<String> = set.cidrs().iter().map(ToString::to_string).collect();
    super::list_words(&all)
}
