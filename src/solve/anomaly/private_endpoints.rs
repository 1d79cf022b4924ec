//! # Private endpoints (GP841, GP842, GP844)
//!
//! * **GP841**: a connection of the endpoint is not `Approved`: it carries nothing (edge case E105).
//! * **GP842**: a gateway with network isolation, and an endpoint in a peered virtual network of another region: what
//!   the gateway sends there is dropped (semantics.md 5.4, edge case E103). Not said where a region is not in the input.
//! * **GP844**: a route to `VnetLocal` that covers the endpoint's address and is as long as its network's address space
//!   or longer. With route-table policies on, it invalidates the endpoint's own route and does not take effect itself,
//!   unless the endpoint's network has `privateEndpointVNetPolicies: Basic` (semantics.md 3.4, edge case E102).

use super::routes::{finding as route_finding, words};
use crate::compile::endpoints::Endpoint;
use crate::compile::{Lookup, Network, SubnetNode, VnetNode};
use crate::diagnostic::{Diagnostic, code};
use crate::model::{NextHopType, PrivateEndpoint, RouteDestination, RouteTable, UserRoute};
use std::collections::BTreeSet;

/// Every private endpoint.
pub(super) fn check(network: &Network<'_>, out: &mut Vec<Diagnostic>) {
    for endpoint in network.snapshot.private_endpoints.values() {
        unapproved(endpoint, out);
    }
    let mut said = BTreeSet::new();
    for end in &network.endpoints {
        let (Some(endpoint), Some(subnet)) = (end.private_endpoint, end.subnet) else { continue };
        let Some(node) = network.subnet(subnet) else { continue };
        let Some(vnet) = network.vnet(node.vnet) else { continue };
        let place = Place { end, endpoint, node, vnet };
        for client in &network.subnets {
            let reaches = client.vnet == node.vnet || client.peers.iter().any(|peer| peer.remote == Some(node.vnet));
            if !reaches {
                continue;
            }
            if client.vnet != node.vnet && said.insert((&endpoint.id, &client.subnet.id)) {
                place.global(network, client, out);
            }
            place.local_routes(client, out);
        }
    }
}

fn unapproved(endpoint: &PrivateEndpoint, out: &mut Vec<Diagnostic>) {
    if let Some(state) = endpoint.states.iter().find(|state| !state.value.eq_ignore_ascii_case("approved")) {
        let message = format!("a connection of private endpoint {} is {}", endpoint.name, state.value);
        let finding = Diagnostic::new(&code::ENDPOINT_NOT_APPROVED, message).resource(endpoint.id.as_str());
        out.push(finding.help(code::ENDPOINT_NOT_APPROVED.fix).at(state.span));
    }
}

/// One address of a private endpoint, and where it is.
struct Place<'n, 's> {
    end: &'n Endpoint<'s>,
    endpoint: &'s PrivateEndpoint,
    node: &'n SubnetNode<'s>,
    vnet: &'n VnetNode<'s>,
}

impl Place<'_, '_> {
    fn global(&self, network: &Network<'_>, client: &SubnetNode<'_>, out: &mut Vec<Diagnostic>) {
        let isolated = !client.gateways.is_empty() && client.gateways.iter().all(|gateway| gateway.isolated);
        let here = network.vnet(client.vnet).and_then(|vnet| vnet.vnet.location.as_deref());
        let (true, Some(here), Some(there)) = (isolated, here, self.vnet.vnet.location.as_deref()) else { return };
        if here == there {
            return;
        }
        for gateway in &client.gateways {
            let message = format!(
                "gateway {} has network isolation and is in {here}; what it sends to private endpoint {} in {there} is \
                 dropped",
                network.name(&gateway.id),
                self.endpoint.name
            );
            let finding = Diagnostic::new(&code::ENDPOINT_GLOBAL, message).resource(gateway.id.as_str());
            let finding = finding.help(code::ENDPOINT_GLOBAL.fix).at(gateway.span);
            out.push(finding.label(self.endpoint.span, format!("private endpoint {}", self.endpoint.name)));
        }
    }

    fn local_routes(&self, client: &SubnetNode<'_>, out: &mut Vec<Diagnostic>) {
        let Lookup::Found(table) = client.table else { return };
        let policies = self.node.subnet.private_endpoint_policies.value();
        let overridden = policies.is_some_and(|policies| policies.route_tables);
        if !overridden || self.vnet.vnet.private_endpoint_routes_basic {
            return;
        }
        for route in table.routes.iter().filter(|route| self.covers(route)) {
            out.push(self.pitfall(table, route));
        }
    }

    /// A route to `VnetLocal` over the address, as long as the address space or longer.
    fn covers(&self, route: &UserRoute) -> bool {
        let (Some(NextHopType::VnetLocal), Some(RouteDestination::Prefix(prefix))) =
            (route.next_hop.value(), route.destination.value())
        else {
            return false;
        };
        let holding = self.vnet.prefixes.iter().filter(|net| net.contains(&self.end.address));
        let space = holding.map(ipnet::IpNet::prefix_len).max();
        // A host route takes the place of the endpoint's own and works.
        let host = prefix.net.prefix_len() == prefix.net.max_prefix_len();
        prefix.net.contains(&self.end.address) && !host && space.is_some_and(|space| prefix.net.prefix_len() >= space)
    }

    fn pitfall(&self, table: &RouteTable, route: &UserRoute) -> Diagnostic {
        let message = format!(
            "{} covers private endpoint {} ({}) with next hop VnetLocal; traffic to it is reported to fail",
            words(table, route),
            self.endpoint.name,
            self.end.address
        );
        let at = route.next_hop.span().unwrap_or(route.span);
        let finding = route_finding(&code::ENDPOINT_VNETLOCAL, table, route, message, at);
        finding.label(self.endpoint.span, format!("private endpoint {}", self.endpoint.name))
    }
}
