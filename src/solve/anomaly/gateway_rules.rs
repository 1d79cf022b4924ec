//! # References inside a gateway (GP830)
//!
//! A routing rule or path rule names a pool, a backend setting, a path map or a load distribution policy that the
//! gateway does not have. Azure refuses such a gateway, so the export is cut or was edited; the pair is left out of
//! every answer.

use super::label_all;
use crate::compile::Network;
use crate::compile::gateway_paths;
use crate::diagnostic::{Diagnostic, code};
use crate::model::{ApplicationGateway, ResourceId, RoutingRule, RoutingTarget, export_command};
use std::collections::BTreeSet;

/// Every gateway.
pub(super) fn check(network: &Network<'_>, out: &mut Vec<Diagnostic>) {
    for gateway in network.snapshot.application_gateways.values() {
        let dangling: BTreeSet<&ResourceId> = gateway_paths::pairs(gateway).dangling.into_iter().collect();
        for id in dangling {
            report(network, gateway, id, out);
        }
    }
}

fn report(network: &Network<'_>, gateway: &ApplicationGateway, id: &ResourceId, out: &mut Vec<Diagnostic>) {
    let mut rules = gateway.rules.iter().filter(|rule| names(gateway, rule, id));
    let first = rules.next();
    let subject = first.map_or_else(|| "a routing rule".to_owned(), |rule| format!("routing rule {}", rule.name));
    // `.../backendAddressPools/NAME`: the kind stands before the name.
    let kind = id.as_str().rsplit('/').nth(1).unwrap_or_default();
    let message = format!(
        "{subject} of gateway {} refers to {kind}/{}, which the gateway does not have; the pair is left out",
        network.name(&gateway.id),
        id.name()
    );
    let mut finding = Diagnostic::new(&code::BROKEN_GATEWAY_REFERENCE, message)
        .resource(gateway.id.as_str())
        .help(export_command(&gateway.id))
        .at(first.map_or(gateway.span, |rule| rule.span));
    if let Some(rule) = first {
        finding = finding.rule(&rule.name);
    }
    out.push(label_all(finding, rules.map(|rule| (rule.span, format!("rule {} too", rule.name)))));
}

/// Does a rule, or a path map that it uses, name the id?
fn names(gateway: &ApplicationGateway, rule: &RoutingRule, id: &ResourceId) -> bool {
    let target = |target: &RoutingTarget| {
        [&target.pool, &target.setting, &target.load_distribution].into_iter().flatten().any(|own| own == id)
    };
    let map = rule.path_map.as_ref().and_then(|id| gateway.path_maps.iter().find(|map| map.id == *id));
    target(&rule.target)
        || rule.path_map.as_ref() == Some(id)
        || map.is_some_and(|map| target(&map.default) || map.rules.iter().any(target))
}
