//! Children whose parent is not in the input.

use super::{NetworkSecurityGroup, Peering, ResourceId, RouteTable, SecurityRule, Subnet, UserRoute, VirtualNetwork};
use crate::diagnostic::Span;
use std::collections::BTreeMap;

/// Rules, subnets, peerings and routes that were exported without their parents, put into parents that hold nothing
/// else. No question is answered from them, what the rest of the parent says is not known; lint looks at each child.
#[derive(Debug, Clone, Default)]
pub struct Fragments {
    /// Security rules, by their NSG.
    pub nsgs: BTreeMap<ResourceId, NetworkSecurityGroup>,
    /// Subnets and peerings, by their virtual network.
    pub vnets: BTreeMap<ResourceId, VirtualNetwork>,
    /// Routes, by their route table.
    pub route_tables: BTreeMap<ResourceId, RouteTable>,
}

impl Fragments {
    /// The rules of an NSG that is not there.
    pub fn rules(&mut self, parent: &ResourceId, at: Span) -> &mut Vec<SecurityRule> {
        let nsg = self.nsgs.entry(parent.clone()).or_insert_with(|| NetworkSecurityGroup {
            id: parent.clone(),
            name: parent.name().to_owned(),
            span: at,
            rules: Vec::new(),
            subnets: Vec::new(),
            network_interfaces: Vec::new(),
            guid: None,
        });
        &mut nsg.rules
    }

    /// The subnets of a virtual network that is not there.
    pub fn subnets(&mut self, parent: &ResourceId, at: Span) -> &mut Vec<Subnet> {
        &mut self.vnet(parent, at).subnets
    }

    /// The peerings of a virtual network that is not there.
    pub fn peerings(&mut self, parent: &ResourceId, at: Span) -> &mut Vec<Peering> {
        &mut self.vnet(parent, at).peerings
    }

    /// The routes of a route table that is not there.
    pub fn routes(&mut self, parent: &ResourceId, at: Span) -> &mut Vec<UserRoute> {
        let table = self.route_tables.entry(parent.clone()).or_insert_with(|| RouteTable {
            id: parent.clone(),
            name: parent.name().to_owned(),
            span: at,
            disable_bgp_route_propagation: false,
            disable_peering_route: false,
            routes: Vec::new(),
            subnets: Vec::new(),
        });
        &mut table.routes
    }

    fn vnet(&mut self, parent: &ResourceId, at: Span) -> &mut VirtualNetwork {
        self.vnets.entry(parent.clone()).or_insert_with(|| VirtualNetwork {
            id: parent.clone(),
            name: parent.name().to_owned(),
            span: at,
            location: None,
            private_endpoint_routes_basic: false,
            dns_servers: Vec::new(),
            prefixes: Vec::new(),
            subnets: Vec::new(),
            peerings: Vec::new(),
        })
    }
}
