//! The compiled network: indexes over a [`Snapshot`] that keep every resource's identity.

use super::admin::{self, AdminRules, Connected};
use super::cuts::{Cuts, Side};
use super::endpoints::{self, Endpoint, EndpointKind};
use super::filter::Filter;
use super::firewall::{self, FirewallNode};
use super::gateway_paths::instance_addresses;
use super::missing::Missing;
use super::names;
use super::peering::{self, Peer};
use super::references::{BackReferences, display_names};
use super::routing::{self, RoutingTable};
use super::tags;
use crate::model::{
    ApplicationGateway, Peering, PoolAddress, PrivateEndpoint, ResourceId, RouteTable, Snapshot, Subnet, TagExpansion,
    VirtualNetwork,
};
use crate::net::AddressSet;
use ipnet::IpNet;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

/// What the user said to take for granted (`--assume`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// `nic=none`: an address without a NIC in the input has no NIC-level NSG.
    pub no_unseen_nics: bool,
    /// `appliance=transparent`: third-party appliances let everything through.
    pub transparent_appliances: bool,
}

/// A reference to a resource that may be missing from the input.
#[derive(Debug, Clone, Copy)]
pub enum Lookup<'s, T> {
    /// Nothing is referred to.
    None,
    /// The resource, by its index or by itself.
    Found(T),
    /// It is referred to and not in the input (or not usable).
    Missing(&'s ResourceId),
}

/// A virtual network.
#[derive(Debug)]
pub struct VnetNode<'s> {
    /// As configured.
    pub vnet: &'s VirtualNetwork,
    /// Its name as displayed.
    pub name: String,
    /// Its address space.
    pub prefixes: Vec<IpNet>,
    /// Indexes of its subnets.
    pub subnets: Vec<usize>,
}

/// A subnet with everything that is judged per subnet.
#[derive(Debug)]
pub struct SubnetNode<'s> {
    /// As configured.
    pub subnet: &'s Subnet,
    /// Index of its virtual network.
    pub vnet: usize,
    /// Its prefixes.
    pub prefixes: Vec<IpNet>,
    /// Its NSG, by index into [`Network::filters`]; subnets that refuse NSGs have none (semantics.md 1.11).
    pub nsg: Lookup<'s, usize>,
    /// Its route table.
    pub table: Lookup<'s, &'s RouteTable>,
    /// Application gateways whose instances are in it.
    pub gateways: Vec<&'s ApplicationGateway>,
    /// Usable peerings as seen from it.
    pub peers: Vec<Peer<'s>>,
    /// VirtualNetwork as this subnet's NSGs see it.
    pub vnet_tag: AddressSet,
    /// The same without prefixes of user-defined routes.
    pub unrouted_tag: AddressSet,
    /// A 0.0.0.0/0 route to an appliance is merged into that tag.
    pub inflated: bool,
    /// Prefixes of peers that left the tag because of `allowVirtualNetworkAccess: false`.
    pub closed_peers: AddressSet,
    /// Private endpoints in it whose addresses are not in the input.
    pub unplaced_endpoints: Vec<&'s PrivateEndpoint>,
    /// Ids of what may bring prefixes to the subnet that are not in the input.
    pub open_prefixes: Vec<String>,
    /// Internet as this subnet's NSGs see it.
    pub internet: AddressSet,
    /// VirtualNetwork as computed, where an effective list of the input holds instead (semantics.md 1.8).
    pub computed_tag: Option<AddressSet>,
    /// Its effective routes.
    pub routes: RoutingTable<'s>,
}

impl SubnetNode<'_> {
    /// An effective list of the input wins over what is computed (semantics.md 1.8).
    fn take_listed(&mut self, listed: &TagExpansion) {
        if let Some(members) = &listed.virtual_network {
            // What the input leaves open is said by the list.
            let known = self.open_prefixes.is_empty();
            self.open_prefixes.clear();
            self.inflated = members.v4.is_full();
            self.unrouted_tag = members.clone();
            let computed = std::mem::replace(&mut self.vnet_tag, members.clone());
            self.computed_tag = known.then_some(computed);
        }
        if let Some(members) = &listed.internet {
            // Lists of IPv4 networks leave IPv6 out.
            let v6 = if members.v6.is_empty() { self.internet.v6.clone() } else { members.v6.clone() };
            self.internet = AddressSet { v4: members.v4.clone(), v6 };
        }
    }
}

/// Everything that evaluators read.
#[derive(Debug)]
pub struct Network<'s> {
    /// What it was made from.
    pub snapshot: &'s Snapshot,
    /// What is taken for granted.
    pub assumptions: Assumptions,
    /// Virtual networks, ordered by id.
    pub vnets: Vec<VnetNode<'s>>,
    /// Subnets, ordered by virtual network and file order.
    pub subnets: Vec<SubnetNode<'s>>,
    /// NSGs, ordered by id.
    pub filters: Vec<Filter<'s>>,
    /// Azure Firewalls, ordered by id.
    pub firewalls: Vec<FirewallNode<'s>>,
    /// Security admin rules.
    pub admin: AdminRules<'s>,
    /// Virtual networks that network managers connect directly.
    pub connected: Vec<Connected<'s>>,
    /// Private addresses that the input knows.
    pub endpoints: Vec<Endpoint<'s>>,
    /// Members of application security groups: (address, virtual network).
    pub group_members: HashMap<ResourceId, HashSet<(IpAddr, Option<usize>)>>,
    /// What the input refers to and does not hold.
    pub missing: Missing<'s>,
    /// Addresses that a gateway's pool names: a server is behind each, whether its NIC was exported or not.
    pub pool_addresses: HashSet<IpAddr>,
    /// Private endpoints of each virtual network, by index into the endpoints.
    pub private_endpoints: BTreeMap<usize, Vec<usize>>,
    /// IP configurations of NICs that name a load balancer pool, by pool.
    pub balancer_members: BTreeMap<&'s ResourceId, Vec<&'s ResourceId>>,
    endpoints_by_address: HashMap<IpAddr, Vec<usize>>,
    endpoint_by_configuration: HashMap<&'s ResourceId, usize>,
    subnet_index: HashMap<ResourceId, usize>,
    vnet_index: HashMap<ResourceId, usize>,
    filter_index: HashMap<ResourceId, usize>,
    subnet_prefixes: Vec<(IpNet, usize)>,
    names: HashMap<ResourceId, String>,
}

impl<'s> Network<'s> {
    /// Compiles a snapshot.
    pub fn compile(snapshot: &'s Snapshot, assumptions: Assumptions) -> Self {
        let names = display_names(snapshot);
        let mut network = Network {
            snapshot,
            assumptions,
            vnets: Vec::new(),
            subnets: Vec::new(),
            filters: Vec::new(),
            firewalls: Vec::new(),
            admin: AdminRules::default(),
            connected: Vec::new(),
            endpoints: Vec::new(),
            group_members: HashMap::new(),
            missing: Missing::default(),
            pool_addresses: pool_addresses(snapshot),
            private_endpoints: BTreeMap::new(),
            balancer_members: BTreeMap::new(),
            endpoints_by_address: HashMap::new(),
            endpoint_by_configuration: HashMap::new(),
            subnet_index: HashMap::new(),
            vnet_index: HashMap::new(),
            filter_index: HashMap::new(),
            subnet_prefixes: Vec::new(),
            names,
        };
        network.add_filters();
        network.add_vnets();
        network.missing = Missing::of(&network);
        network.firewalls = firewall::compile(&network);
        network.admin = AdminRules::compile(&network);
        network.connected = admin::connected(&network);
        network.add_endpoints();
        network.add_routing();
        network.add_translated_sources();
        network
    }

    fn add_filters(&mut self) {
        for nsg in self.snapshot.nsgs.values() {
            self.filter_index.insert(nsg.id.clone(), self.filters.len());
            self.filters.push(Filter::compile(nsg, self.name(&nsg.id), self.snapshot.service_tags.as_ref()));
        }
    }

    fn add_vnets(&mut self) {
        let back = BackReferences::of(self.snapshot);
        for vnet in self.snapshot.vnets.values() {
            let index = self.vnets.len();
            self.vnet_index.insert(vnet.id.clone(), index);
            let mut subnets = Vec::new();
            for subnet in &vnet.subnets {
                let prefixes: Vec<IpNet> = subnet.prefixes.iter().map(|p| p.value.net).collect();
                let own = self.subnets.len();
                self.subnet_index.insert(subnet.id.clone(), own);
                self.subnet_prefixes.extend(prefixes.iter().map(|net| (*net, own)));
                subnets.push(own);
                let nsg = subnet.nsg.as_ref().map(|r| &r.value).or_else(|| back.nsgs.get(&subnet.id).copied());
                let refuses = refuses_nsg(&subnet.name);
                let table =
                    subnet.route_table.as_ref().map(|r| &r.value).or_else(|| back.tables.get(&subnet.id).copied());
                self.subnets.push(SubnetNode {
                    subnet,
                    vnet: index,
                    prefixes,
                    nsg: if refuses { Lookup::None } else { self.filter_of(nsg) },
                    table: match table {
                        None => Lookup::None,
                        Some(id) => self.snapshot.route_tables.get(id).map_or(Lookup::Missing(id), Lookup::Found),
                    },
                    gateways: Vec::new(),
                    peers: Vec::new(),
                    vnet_tag: AddressSet::default(),
                    unrouted_tag: AddressSet::default(),
                    inflated: false,
                    closed_peers: AddressSet::default(),
                    unplaced_endpoints: Vec::new(),
                    open_prefixes: Vec::new(),
                    internet: AddressSet::default(),
                    computed_tag: None,
                    routes: RoutingTable::default(),
                });
            }
            self.vnets.push(VnetNode {
                vnet,
                name: self.name(&vnet.id),
                prefixes: vnet.prefixes.iter().map(|p| p.value.net).collect(),
                subnets,
            });
        }
        // Longest prefix first, then by id: the first hit is the subnet of an address.
        let ids: Vec<&ResourceId> = self.subnets.iter().map(|node| &node.subnet.id).collect();
        self.subnet_prefixes
            .sort_by(|a, b| b.0.prefix_len().cmp(&a.0.prefix_len()).then_with(|| ids.get(a.1).cmp(&ids.get(b.1))));
        for gateway in self.snapshot.application_gateways.values() {
            for subnet in &gateway.subnets {
                if let Some(node) = self.subnet_index.get(&subnet.value).and_then(|i| self.subnets.get_mut(*i)) {
                    node.gateways.push(gateway);
                }
            }
        }
    }

    fn add_endpoints(&mut self) {
        self.endpoints = endpoints::collect(self);
        let mut placed: HashSet<&ResourceId> = HashSet::new();
        for configuration in self.snapshot.network_interfaces.values().flat_map(|nic| &nic.configurations) {
            for pool in &configuration.balancer_pools {
                self.balancer_members.entry(pool).or_default().push(&configuration.id);
            }
        }
        for (index, end) in self.endpoints.iter().enumerate() {
            self.endpoints_by_address.entry(end.address).or_default().push(index);
            if let Some(configuration) = end.configuration {
                self.endpoint_by_configuration.entry(configuration).or_insert(index);
            }
            let vnet = end.subnet.and_then(|i| self.subnets.get(i)).map(|node| node.vnet);
            placed.extend(end.private_endpoint.map(|endpoint| &endpoint.id));
            if let (EndpointKind::PrivateEndpoint, Some(vnet)) = (end.kind, vnet) {
                self.private_endpoints.entry(vnet).or_default().push(index);
            }
            for group in &end.groups {
                self.group_members.entry((*group).clone()).or_default().insert((end.address, vnet));
            }
        }
        for endpoint in self.snapshot.private_endpoints.values().filter(|endpoint| !placed.contains(&endpoint.id)) {
            let subnet = endpoint.subnet.as_ref().and_then(|id| self.subnet_by_id(id));
            if let Some(node) = subnet.and_then(|index| self.subnets.get_mut(index)) {
                node.unplaced_endpoints.push(endpoint);
            }
        }
    }

    fn add_routing(&mut self) {
        for index in 0..self.subnets.len() {
            let peers = peering::usable(self, index);
            if let Some(node) = self.subnets.get_mut(index) {
                node.peers = peers;
            }
        }
        for index in 0..self.subnets.len() {
            let Some(node) = self.subnets.get(index) else { continue };
            let routes = routing::effective(self, node);
            let expansion = tags::virtual_network(self, node);
            let internet = tags::internet(self, node);
            let open_prefixes = peering::open_prefixes(self, node);
            if let Some(node) = self.subnets.get_mut(index) {
                node.routes = routes;
                node.vnet_tag = expansion.members;
                node.unrouted_tag = expansion.unrouted;
                node.inflated = expansion.inflated;
                node.closed_peers = expansion.closed_peers;
                node.internet = internet;
                node.open_prefixes = open_prefixes;
                if let Some(listed) = self.snapshot.expansions.get(&node.subnet.id) {
                    node.take_listed(listed);
                }
            }
        }
    }

    /// Addresses that a firewall may translate sources to: any usable one of its subnet, one for each piece that no rule
    /// or route splits.
    fn add_translated_sources(&mut self) {
        if self.firewalls.is_empty() {
            return;
        }
        let cuts = Cuts::of(self, Side::Source);
        let none = AddressSet::default();
        for index in 0..self.firewalls.len() {
            let subnet = self.firewalls.get(index).and_then(|node| node.subnet).and_then(|subnet| self.subnet(subnet));
            let Some(subnet) = subnet else { continue };
            let usable = [true, false].map(|ipv4| instance_addresses(subnet, ipv4, &none));
            let pieces = usable.iter().flat_map(|set| cuts.representatives(set)).map(|(address, _)| address).collect();
            if let Some(node) = self.firewalls.get_mut(index) {
                node.translated_sources = pieces;
            }
        }
    }

    /// The filter of a referenced NSG.
    pub(crate) fn filter_of<'a>(&self, id: Option<&'a ResourceId>) -> Lookup<'a, usize> {
        match id {
            None => Lookup::None,
            Some(id) => self.filter_index.get(id).map_or(Lookup::Missing(id), |index| Lookup::Found(*index)),
        }
    }

    /// Name of a resource as displayed: its name, or `rg/name` where another one of its kind has the same name.
    pub fn name(&self, id: &ResourceId) -> String {
        self.names.get(id).cloned().unwrap_or_else(|| id.name().to_owned())
    }

    /// A virtual network by index.
    pub fn vnet(&self, index: usize) -> Option<&VnetNode<'s>> {
        self.vnets.get(index)
    }

    /// A subnet by index.
    pub fn subnet(&self, index: usize) -> Option<&SubnetNode<'s>> {
        self.subnets.get(index)
    }

    /// A virtual network's index by id.
    pub fn vnet_by_id(&self, id: &ResourceId) -> Option<usize> {
        self.vnet_index.get(id).copied()
    }

    /// A subnet's index by id.
    pub fn subnet_by_id(&self, id: &ResourceId) -> Option<usize> {
        self.subnet_index.get(id).copied()
    }

    /// The subnet that holds an address, in one virtual network or anywhere.
    pub fn subnet_of(&self, address: IpAddr, vnet: Option<usize>) -> Option<usize> {
        let hit = |(net, index): &&(IpNet, usize)| {
            net.contains(&address) && (vnet.is_none() || self.subnet(*index).map(|node| node.vnet) == vnet)
        };
        self.subnet_prefixes.iter().find(hit).map(|(_, index)| *index)
    }

    /// The endpoint with an address in a subnet; a private endpoint before a NIC before a frontend.
    pub fn endpoint_at(&self, address: IpAddr, subnet: usize) -> Option<&Endpoint<'s>> {
        let node = self.subnet(subnet)?;
        self.endpoints_by_address
            .get(&address)?
            .iter()
            .filter_map(|index| self.endpoints.get(*index))
            .filter(|end| match end.subnet {
                Some(own) => own == subnet,
                None => end.subnet_id.is_none() && node.prefixes.iter().any(|net| net.contains(&address)),
            })
            .min_by_key(|end| end.kind)
    }

    /// Another NIC of the subnet with the same address and another NSG or other application security groups.
    pub fn rival(&self, end: &Endpoint<'s>) -> Option<&Endpoint<'s>> {
        let differs = |other: &&Endpoint<'s>| {
            let same_nsg = match (other.nsg, end.nsg) {
                (Lookup::Found(a), Lookup::Found(b)) => a == b,
                (Lookup::None, Lookup::None) => true,
                (Lookup::Missing(a), Lookup::Missing(b)) => a == b,
                _ => false,
            };
            other.id != end.id
                && other.kind == end.kind
                && other.subnet == end.subnet
                && !(same_nsg && other.groups == end.groups)
        };
        self.endpoints_with(end.address).find(differs)
    }

    /// The endpoint of an IP configuration.
    pub fn endpoint_of(&self, configuration: &ResourceId) -> Option<&Endpoint<'s>> {
        self.endpoint_by_configuration.get(configuration).and_then(|index| self.endpoints.get(*index))
    }

    /// All endpoints with an address.
    pub fn endpoints_with(&self, address: IpAddr) -> impl Iterator<Item = &Endpoint<'s>> {
        let indexes = self.endpoints_by_address.get(&address).map(Vec::as_slice).unwrap_or_default();
        indexes.iter().filter_map(|index| self.endpoints.get(*index))
    }

    /// The other side's peering back toward a virtual network.
    pub fn reverse_peering(&self, vnet: usize, remote: usize) -> Option<&'s Peering> {
        let id = &self.vnet(vnet)?.vnet.id;
        self.vnet(remote)?.vnet.peerings.iter().find(|peering| peering.remote.as_ref() == Some(id))
    }

    /// The address of a public IP resource.
    pub fn public_address(&self, id: &ResourceId) -> Option<IpAddr> {
        self.snapshot.public_ips.get(id)?.address.as_ref().map(|address| address.value)
    }
}

fn pool_addresses(snapshot: &Snapshot) -> HashSet<IpAddr> {
    let gateways = snapshot.application_gateways.values();
    let pools = gateways.flat_map(|gateway| gateway.pools.iter().map(move |pool| (gateway, pool)));
    let mut out = HashSet::new();
    for (gateway, pool, address) in pools.flat_map(|(g, pool)| pool.addresses.iter().map(move |a| (g, pool, a))) {
        match &address.value {
            PoolAddress::Ip(address) => {
                out.insert(*address);
            }
            PoolAddress::Fqdn(name) => {
                let found = names::resolve(snapshot, gateway, pool, name).unwrap_or_default();
                out.extend(found.into_iter().map(|(address, _)| address));
            }
        }
    }
    out
}

/// Subnets that ignore NSGs (semantics.md 1.11).
pub fn refuses_nsg(subnet_name: &str) -> bool {
    matches!(
        subnet_name.to_ascii_lowercase().as_str(),
        "azurefirewallsubnet" | "azurefirewallmanagementsubnet" | "gatewaysubnet" | "routeserversubnet"
    )
}

/// Subnets of Azure's own services: no customer NIC is expected in them.
pub fn is_platform_subnet(subnet_name: &str) -> bool {
    refuses_nsg(subnet_name) || subnet_name.eq_ignore_ascii_case("AzureBastionSubnet")
}
