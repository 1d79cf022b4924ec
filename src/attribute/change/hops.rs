//! Resources on the path of a probed server: what a change has to touch to matter for it (health.md 6.4).

use crate::compile::admin::Applies;
use crate::compile::endpoints::Endpoint;
use crate::compile::gateway_paths::Target;
use crate::compile::routing::NextHop;
use crate::compile::{Lookup, Network, Stage, tags};
use crate::evaluate::context::{Context, Removed};
use crate::evaluate::route::lookup;
use crate::evaluate::trace::Step;
use crate::model::{AzureFirewall, Change, ResourceId, top_level};
use crate::solve::explain::trace;
use crate::solve::matrix::{GatewaySources, Row};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Hops of one path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hops {
    /// Resources: gateway, NSGs, route tables, virtual networks, firewalls and what they are made of, NICs.
    pub resources: BTreeSet<ResourceId>,
    /// Children of them that the flow itself meets: subnets, peerings, deciding rules and routes.
    pub children: BTreeSet<ResourceId>,
}

impl Hops {
    /// Hops of a row of the matrix.
    pub fn of<'n>(network: &'n Network<'n>, row: &Row<'n>, sources: &GatewaySources) -> Hops {
        let mut walk = Walk {
            network,
            vnets: BTreeSet::new(),
            seen: BTreeSet::new(),
            firewalls: BTreeSet::new(),
            out: Hops::default(),
        };
        walk.add(&row.gateway.id);
        let outside = row.address.is_some_and(|a| !tags::is_private(a) && network.subnet_of(a, None).is_none());
        for index in &sources.subnets {
            walk.subnet(*index, outside);
        }
        if outside {
            row.gateway.frontends.iter().filter_map(|f| f.public_ip.as_ref()).for_each(|id| walk.add(id));
        }
        if let Target::ScaleSet { scale_set, subnet, .. } = &row.member.target {
            walk.add(scale_set);
            if let Some(index) = subnet {
                walk.subnet(*index, false);
            }
        }
        if let Some(configuration) = row.member.configuration {
            configuration.parent().iter().for_each(|nic| walk.add(nic));
        }
        if let Some(address) = row.address {
            walk.address(address, outside);
            walk.appliances(&sources.subnets, address);
        }
        for step in row.witness.iter().flat_map(|witness| trace(network, witness).steps) {
            walk.step(&step);
        }
        walk.between_networks();
        walk.out
    }

    /// Hops of both paths.
    pub fn extend(&mut self, other: Hops) {
        self.resources.extend(other.resources);
        self.children.extend(other.children);
    }

    /// Does a change touch a hop? A child touches the resource that holds it.
    pub fn touched_by(&self, change: &Change) -> bool {
        self.resources.contains(&change.resource) || self.resources.contains(&change.top())
    }

    /// Is what changed met by the flow itself, as far as the configuration tells?
    pub fn meets(&self, change: &Change) -> bool {
        !change.is_child() || self.children.contains(&change.resource) || !is_told_apart(&change.resource)
    }
}

/// Children of which the path tells whether it meets them.
fn is_told_apart(id: &ResourceId) -> bool {
    ["securityRules", "routes", "subnets", "virtualNetworkPeerings", "rules"]
        .iter()
        .any(|kind| id.segment(kind).is_some())
}

struct Walk<'n> {
    network: &'n Network<'n>,
    vnets: BTreeSet<usize>,
    seen: BTreeSet<ResourceId>,
    firewalls: BTreeSet<ResourceId>,
    out: Hops,
}

impl<'n> Walk<'n> {
    fn add(&mut self, id: &ResourceId) {
        self.out.resources.insert(top_level(id));
    }

    fn child(&mut self, id: ResourceId) {
        self.out.resources.insert(top_level(&id));
        self.out.children.insert(id);
    }

    fn nsg(&mut self, nsg: Lookup<'_, usize>) {
        match nsg {
            Lookup::Found(index) => {
                let filter = self.network.filters.get(index);
                if let Some(filter) = filter {
                    self.add(&filter.nsg.id);
                }
            }
            Lookup::Missing(id) => self.add(id),
            Lookup::None => {}
        }
    }

    /// A subnet with its virtual network, NSG and route table; toward public addresses its NAT gateway too.
    fn subnet(&mut self, index: usize, outside: bool) {
        let Some(node) = self.network.subnet(index) else { return };
        self.vnets.insert(node.vnet);
        self.child(node.subnet.id.clone());
        self.nsg(node.nsg);
        match node.table {
            Lookup::Found(table) => self.add(&table.id),
            Lookup::Missing(id) => self.add(id),
            Lookup::None => {}
        }
        let nat = node.subnet.nat_gateway.as_ref().filter(|_| outside).map(|r| &r.value);
        if let Some(id) = nat {
            self.add(id);
            let gateway = self.network.snapshot.nat_gateways.get(id);
            gateway.iter().flat_map(|gateway| &gateway.public_ips).for_each(|id| self.add(id));
        }
    }

    fn address(&mut self, address: IpAddr, outside: bool) {
        let network = self.network;
        if let Some(index) = network.subnet_of(address, None) {
            self.subnet(index, false);
        }
        let ends: Vec<&Endpoint<'_>> = network.endpoints_with(address).collect();
        for end in ends {
            self.endpoint(end);
        }
        if outside {
            let same = |ip: &&crate::model::PublicIpAddress| ip.address.as_ref().is_some_and(|a| a.value == address);
            network.snapshot.public_ips.values().filter(same).for_each(|ip| self.add(&ip.id));
        }
    }

    /// What answers on an address, with what it is attached to and, for a load balancer, the servers behind it.
    fn endpoint(&mut self, end: &Endpoint<'n>) {
        if !self.seen.insert(end.configuration.unwrap_or(end.id).clone()) {
            return;
        }
        self.add(end.id);
        self.nsg(end.nsg);
        if let Some(index) = &end.subnet {
            self.subnet(*index, false);
        }
        for id in &end.groups {
            self.add(id);
        }
        if let Some(endpoint) = end.private_endpoint {
            self.add(&endpoint.id);
        }
        if let Some(node) = end.firewall.and_then(|index| self.network.firewalls.get(index)) {
            self.firewall(node.firewall, node.subnet);
        }
        let Some((balancer, _)) = end.balancer else { return };
        for pool in &balancer.pools {
            let listed = pool.configurations.iter().map(|id| &id.value);
            let naming = self.network.balancer_members.get(&pool.id).into_iter().flatten().copied();
            for end in listed.chain(naming).filter_map(|id| self.network.endpoint_of(id)) {
                self.endpoint(end);
            }
            for address in &pool.addresses {
                let ends: Vec<&Endpoint<'_>> = self.network.endpoints_with(address.address).collect();
                for end in ends {
                    self.endpoint(end);
                }
            }
        }
    }

    /// A firewall with its policies, their rule collection groups, and the IP groups that these name.
    fn firewall(&mut self, firewall: &'n AzureFirewall, subnet: Option<usize>) {
        if !self.firewalls.insert(firewall.id.clone()) {
            return;
        }
        self.add(&firewall.id);
        if let Some(index) = &subnet {
            self.subnet(*index, false);
        }
        let snapshot = self.network.snapshot;
        let mut policy = firewall.policy.as_ref().map(|r| r.value.clone());
        let mut collections: Vec<_> = firewall.collections.iter().collect();
        while let Some(id) = policy.filter(|id| self.seen.insert(id.clone())) {
            self.add(&id);
            let groups = snapshot.rule_collection_groups.values().filter(|g| g.id.parent().as_ref() == Some(&id));
            for group in groups {
                self.child(group.id.clone());
                collections.extend(&group.collections);
            }
            let found = snapshot.firewall_policies.get(&id);
            policy = found.and_then(|policy| policy.base.as_ref()).map(|r| r.value.clone());
        }
        for rule in collections.iter().flat_map(|collection| &collection.rules) {
            rule.source.groups.iter().chain(&rule.destination.groups).for_each(|group| self.add(&group.value));
        }
    }

    /// What the winning route of the gateway subnet and that of the reply lead through.
    fn appliances(&mut self, from: &[usize], address: IpAddr) {
        let network = self.network;
        let nothing = Removed::default();
        let mut context = Context::new(network, &[], &nothing);
        for subnet in from {
            let Ok(route) = lookup(&mut context, *subnet, address) else { continue };
            if let NextHop::Appliance(Some(hop)) = route.next_hop {
                self.address(hop, false);
            }
        }
    }

    /// What a step of the trace met, by its displayed name.
    fn step(&mut self, step: &Step<'n>) {
        let network = self.network;
        let Some(name) = step.at.resource else { return };
        match step.at.stage {
            Stage::NsgOutNic | Stage::NsgOutSubnet | Stage::NsgInSubnet | Stage::NsgInNic => {
                for filter in network.filters.iter().filter(|filter| filter.name == name) {
                    self.add(&filter.nsg.id);
                    if let Some(rule) = &step.at.rule {
                        self.child(filter.nsg.id.child("securityRules", rule));
                    }
                }
            }
            Stage::Route | Stage::ReturnRoute => {
                for id in network.snapshot.route_tables.keys().filter(|id| network.name(id) == name) {
                    self.add(id);
                    if let Some(route) = &step.at.rule {
                        self.child(id.child("routes", route));
                    }
                }
            }
            Stage::Firewall => {
                for node in network.firewalls.iter().filter(|node| node.name == name) {
                    self.firewall(node.firewall, node.subnet);
                }
            }
            Stage::AdminOut | Stage::AdminIn => {
                for rule in network.snapshot.network_managers.rules.values() {
                    if Some(rule.rule.name.as_str()) == step.at.rule {
                        self.child(rule.id.clone());
                    }
                }
            }
            Stage::Peering | Stage::PrivateEndpoint => {}
        }
    }

    /// Peerings between the virtual networks of the path, and network managers that apply rules to them.
    fn between_networks(&mut self) {
        let network = self.network;
        let ids: Vec<&ResourceId> =
            self.vnets.iter().filter_map(|index| network.vnet(*index)).map(|node| &node.vnet.id).collect();
        for node in self.vnets.clone().into_iter().filter_map(|index| network.vnet(index)) {
            let peerings = node.vnet.peerings.iter();
            for peering in peerings.filter(|p| p.remote.as_ref().is_some_and(|remote| ids.contains(&remote))) {
                self.child(node.vnet.id.child("virtualNetworkPeerings", &peering.name));
            }
        }
        for rule in &network.admin.rules {
            let applied = self.vnets.iter().filter_map(|index| network.vnet(*index).map(|node| (*index, node)));
            if applied.into_iter().any(|(index, node)| rule.applies.to(index, node, rule.access) != Applies::No) {
                self.out.resources.insert(rule.manager_id.clone());
            }
        }
    }
}
