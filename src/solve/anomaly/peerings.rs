//! # Peerings (GP808, GP812)
//!
//! * **GP812**: a peering whose own side is not `Connected`, or whose remote virtual network is in the input and has
//!   no peering back. It brings no routes: both sides must be connected (semantics.md 3.5, edge case E93). An absent
//!   state counts as connected.
//! * **GP808**: `allowVirtualNetworkAccess` is false. The peer's prefixes leave the `VirtualNetwork` tag, so rules
//!   that rest on it, default rules included, no longer hold; where no NSG stands in the way either, no traffic was
//!   seen to pass (semantics.md 3.5, edge cases E41 to E44). `az network vnet peering create` without
//!   `--allow-vnet-access` sends false.

use crate::compile::{Network, VnetNode};
use crate::diagnostic::{Code, Diagnostic, Span, code};
use crate::model::Peering;

/// Every peering of every virtual network.
pub(super) fn check(network: &Network<'_>, out: &mut Vec<Diagnostic>) {
    for (index, node) in network.vnets.iter().enumerate() {
        for peering in &node.vnet.peerings {
            state(network, index, node, peering, out);
            access(node, peering, out);
        }
    }
}

fn finding(code: &'static Code, node: &VnetNode<'_>, peering: &Peering, message: String, at: Span) -> Diagnostic {
    let id = node.vnet.id.child("virtualNetworkPeerings", &peering.name);
    Diagnostic::new(code, message).resource(id.as_str()).at(at)
}

/// Name of the other side.
fn remote_name(peering: &Peering) -> &str {
    peering.remote.as_ref().map_or("its remote virtual network", |remote| remote.name())
}

fn state(network: &Network<'_>, index: usize, node: &VnetNode<'_>, peering: &Peering, out: &mut Vec<Diagnostic>) {
    let remote = peering.remote.as_ref().and_then(|id| network.vnet_by_id(id));
    let back = remote.and_then(|remote| network.reverse_peering(index, remote));
    let (name, other) = (&peering.name, remote_name(peering));
    if let Some(state) = peering.state.as_ref().filter(|_| !peering.is_connected()) {
        let message = format!(
            "peering {name} of {} to {other} is {}; Azure brings no route between them until both sides are Connected",
            node.name, state.value
        );
        let help = if state.value.eq_ignore_ascii_case("initiated") {
            format!("create the peering back in {other}")
        } else {
            "delete both sides and create them again".to_owned()
        };
        let mut finding = finding(&code::PEERING_STATE, node, peering, message, state.span).help(help);
        if let Some(back) = back {
            finding = finding.label(back.state.as_ref().map_or(back.span, |state| state.span), "the other side");
        }
        out.push(finding);
    } else if remote.is_some() && back.is_none() {
        let message = format!(
            "peering {name} of {} has no peering back in {other}; Azure brings no route between them until both sides \
             are Connected",
            node.name
        );
        let help = format!("create the peering back in {other}, or export {other} again if it has one");
        out.push(finding(&code::PEERING_STATE, node, peering, message, peering.span).help(help));
    }
}

fn access(node: &VnetNode<'_>, peering: &Peering, out: &mut Vec<Diagnostic>) {
    if peering.allow_virtual_network_access {
        return;
    }
    let other = remote_name(peering);
    let message = format!(
        "peering {} of {} has allowVirtualNetworkAccess false; Azure takes {other} out of the VirtualNetwork tag \
         here, so AllowVnetInBound and AllowVnetOutBound do not cover it",
        peering.name, node.name
    );
    let at = peering.access_span.unwrap_or(peering.span);
    out.push(finding(&code::PEERING_ACCESS, node, peering, message, at).help(code::PEERING_ACCESS.fix));
}
