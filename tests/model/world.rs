//! Everything that the texts of a snapshot configure, read resource by resource into plain lists.

use super::address::{Addr, Prefix};
use super::admin::{self, Managers};
use super::balancer::{self, Balancer};
use super::endpoint::{self, Endpoint};
use super::firewall::{self, Firewalls};
use super::read::{self, Id, child_id, field, flag, id_of, list, name, references, text, texts, word};
use super::rules::{self, Rule};
use serde_json::Value;
use std::collections::BTreeMap;

/// A virtual network.
#[derive(Debug)]
pub(crate) struct Vnet {
    pub(crate) key: String,
    pub(crate) prefixes: Vec<Prefix>,
    pub(crate) peerings: Vec<Peering>,
    pub(crate) location: String,
    /// `privateEndpointVNetPolicies: Basic`.
    pub(crate) basic_endpoints: bool,
}

/// One side of a peering.
#[derive(Debug)]
pub(crate) struct Peering {
    pub(crate) name: String,
    pub(crate) remote: Option<Id>,
    pub(crate) connected: bool,
    pub(crate) access: bool,
    pub(crate) forwarded: bool,
    pub(crate) transit: bool,
    pub(crate) remote_gateways: bool,
    pub(crate) space: Vec<Prefix>,
    pub(crate) wide_space: Vec<Prefix>,
    /// Names of own and remote subnets, where only some take part.
    pub(crate) only: Option<(Vec<String>, Vec<String>)>,
}

/// A subnet.
#[derive(Debug)]
pub(crate) struct Subnet {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) vnet: usize,
    pub(crate) prefixes: Vec<Prefix>,
    pub(crate) nsg: Option<Id>,
    pub(crate) table: Option<Id>,
    pub(crate) nat: Option<String>,
    pub(crate) services: Vec<String>,
    pub(crate) delegations: Vec<String>,
    /// Network policies of private endpoints, in lower case.
    pub(crate) policies: String,
}

/// A route table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) key: String,
    pub(crate) no_gateway_routes: bool,
    pub(crate) routes: Vec<UserRoute>,
}

/// A user-defined route; `prefix` is `None` where the text is a service tag.
#[derive(Debug)]
pub(crate) struct UserRoute {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) prefix: Option<Prefix>,
    pub(crate) hop: String,
    pub(crate) hop_address: Option<Addr>,
}

/// A private address that something answers on: an IP configuration of a NIC, or a frontend of a gateway.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) nic: bool,
    /// Lower-case id of the private endpoint that it belongs to.
    pub(crate) endpoint: Option<String>,
    pub(crate) address: Addr,
    /// Lower-case id of the subnet that it names.
    pub(crate) subnet: Option<Id>,
    pub(crate) owner: Id,
    pub(crate) nsg: Option<Id>,
    pub(crate) groups: Vec<String>,
    pub(crate) configuration: String,
    pub(crate) forwarding: bool,
    pub(crate) public: Option<String>,
    /// Pools and NAT rules of load balancers that it names.
    pub(crate) balanced: Vec<String>,
}

/// An application gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) key: String,
    pub(crate) subnets: Vec<Id>,
    /// Frontends: id, private address, public IP resource.
    pub(crate) frontends: Vec<(String, Option<Addr>, Option<String>)>,
    /// Listeners: frontend, port number.
    pub(crate) listeners: Vec<(String, u16)>,
    /// The tag of network isolation is set (5.4).
    pub(crate) isolated: bool,
    /// Addresses that its pools name.
    pub(crate) servers: Vec<Addr>,
}

/// A public IP address resource.
#[derive(Debug)]
pub(crate) struct PublicIp {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) address: Option<Addr>,
    pub(crate) configuration: Option<String>,
}

/// A connection of a VPN gateway.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: Id,
    pub(crate) first: Option<Id>,
    pub(crate) second: Option<Id>,
    pub(crate) office: Option<Id>,
}

/// A snapshot.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) vnets: Vec<Vnet>,
    pub(crate) subnets: Vec<Subnet>,
    pub(crate) nsgs: BTreeMap<String, Vec<Rule>>,
    pub(crate) tables: Vec<Table>,
    pub(crate) ends: Vec<End>,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) publics: Vec<PublicIp>,
    pub(crate) nats: BTreeMap<String, Vec<String>>,
    /// VPN gateways: id, and subnets of their configurations.
    pub(crate) vpns: Vec<(Id, Vec<String>)>,
    pub(crate) connections: Vec<Connection>,
    /// Address spaces of local network gateways.
    pub(crate) offices: BTreeMap<String, Vec<Prefix>>,
    /// Service tags with data, by lower-case name.
    pub(crate) tags: BTreeMap<String, Vec<Prefix>>,
    pub(crate) managers: Managers,
    pub(crate) firewalls: Firewalls,
    /// Private endpoints by lower-case id.
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    /// Load balancers by lower-case id.
    pub(crate) balancers: BTreeMap<String, Balancer>,
    names: BTreeMap<String, String>,
}

fn prefixes(values: &[String]) -> Vec<Prefix> {
    values.iter().filter_map(|text| Prefix::parse(text)).collect()
}

pub(super) fn space(object: &Value, key: &str) -> Vec<Prefix> {
    field(object, key).map(|space| prefixes(&texts(space, "addressPrefixes"))).unwrap_or_default()
}

/// The resource objects of one document, whatever list they are wrapped in.
fn unwrap<'v>(value: &'v Value, tags: &mut Vec<&'v Value>, out: &mut Vec<&'v Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| unwrap(item, tags, out)),
        Value::Object(_) => {
            let bare = id_of(value).is_none();
            let wrapped =
                ["value", "data", "resources"].iter().find_map(|key| field(value, key).filter(|v| v.is_array()));
            if field(value, "values").is_some() {
                tags.push(value);
            } else if let Some(items) = wrapped.filter(|_| bare) {
                unwrap(items, tags, out);
            } else {
                out.push(value);
            }
        }
        _ => {}
    }
}

/// Resources of the snapshot, each id once, ordered by id.
pub(crate) struct Resources<'v> {
    all: BTreeMap<String, &'v Value>,
}

impl<'v> Resources<'v> {
    /// Those of one kind.
    pub(crate) fn of(&self, kind: &str) -> Vec<(&str, &'v Value)> {
        self.all
            .iter()
            .filter(|(_, value)| read::kind(value) == kind)
            .map(|(key, value)| (key.as_str(), *value))
            .collect()
    }

    /// One of them.
    pub(crate) fn get(&self, key: &str) -> Option<&'v Value> {
        self.all.get(key).copied()
    }

    /// The children that a resource holds, and those of its kind that were exported on their own.
    fn children(&self, key: &str, object: &'v Value, field: &str, kind: &str) -> Vec<&'v Value> {
        let mut out = list(object, field);
        for (own, child) in self.of(kind) {
            let parent = own.rsplitn(3, '/').nth(2).unwrap_or_default();
            let known = out.iter().any(|other| name(other).eq_ignore_ascii_case(&name(child)));
            if parent == key && !known {
                out.push(child);
            }
        }
        out
    }
}

impl World {
    /// Reads the texts of a snapshot.
    pub(crate) fn read(files: &[(String, String)]) -> World {
        let parsed: Vec<Value> = files.iter().filter_map(|(_, text)| serde_json::from_str(text).ok()).collect();
        let (mut tags, mut found) = (Vec::new(), Vec::new());
        for document in &parsed {
            unwrap(document, &mut tags, &mut found);
        }
        let mut resources = Resources { all: BTreeMap::new() };
        for object in found {
            if let Some(id) = id_of(object) {
                resources.all.entry(id.key).or_insert(object);
            }
        }
        let mut world = World::default();
        for file in tags {
            for tag in list(file, "values") {
                world.tags.insert(name(tag).to_ascii_lowercase(), prefixes(&texts(tag, "addressPrefixes")));
            }
        }
        world.read_names(&resources);
        world.read_nsgs(&resources);
        world.read_vnets(&resources);
        world.read_tables(&resources);
        world.read_gateways(&resources);
        world.endpoints = endpoint::read(&resources);
        world.balancers = balancer::read(&resources);
        world.read_ends(&resources);
        world.read_endpoints();
        world.read_on_premises(&resources);
        world.firewalls = firewall::read(&resources);
        world.managers = admin::read(&resources);
        world
    }

    /// `rg/name` where two resources of one kind share a name (design.md, output contract).
    fn read_names(&mut self, resources: &Resources<'_>) {
        for kind in
            ["networksecuritygroups", "routetables", "networkinterfaces", "applicationgateways", "azurefirewalls"]
        {
            let all = resources.of(kind);
            for (key, object) in &all {
                let own = name(object);
                let same = all.iter().filter(|(_, other)| name(other).eq_ignore_ascii_case(&own)).count();
                let group = key.split("/resourcegroups/").nth(1).and_then(|rest| rest.split('/').next());
                let shown = match group {
                    Some(group) if same > 1 => format!("{group}/{own}"),
                    _ => own,
                };
                self.names.insert((*key).to_owned(), shown);
            }
        }
    }

    /// Name of a resource as displayed.
    pub(crate) fn shown(&self, id: &Id) -> String {
        self.names.get(&id.key).cloned().unwrap_or_else(|| id.name())
    }

    fn read_nsgs(&mut self, resources: &Resources<'_>) {
        for (key, object) in resources.of("networksecuritygroups") {
            let rules = resources.children(key, object, "securityRules", "networksecuritygroups/securityrules");
            self.nsgs.insert(key.to_owned(), rules::read(&rules));
        }
    }

    fn read_vnets(&mut self, resources: &Resources<'_>) {
        let holder = |kind: &str, list: &str, key: &str| {
            let found = resources.of(kind).into_iter().find(|(_, o)| references(o, list).iter().any(|k| k == key));
            found.and_then(|(_, object)| id_of(object))
        };
        for (key, object) in resources.of("virtualnetworks") {
            let vnet = self.vnets.len();
            for subnet in resources.children(key, object, "subnets", "virtualnetworks/subnets") {
                let id = child_id(subnet, key, "subnets");
                let listed = |kind: &str| holder(kind, "subnets", &id.key);
                let mut ranges = texts(subnet, "addressPrefixes");
                ranges.extend(text(subnet, "addressPrefix"));
                self.subnets.push(Subnet {
                    name: name(subnet),
                    vnet,
                    prefixes: prefixes(&ranges),
                    nsg: read::reference(subnet, "networkSecurityGroup").or_else(|| listed("networksecuritygroups")),
                    table: read::reference(subnet, "routeTable").or_else(|| listed("routetables")),
                    nat: read::reference(subnet, "natGateway").map(|id| id.key),
                    services: list(subnet, "serviceEndpoints").into_iter().map(|e| word(e, "service")).collect(),
                    delegations: admin::delegations(subnet),
                    policies: word(subnet, "privateEndpointNetworkPolicies"),
                    key: id.key,
                });
            }
            let peerings =
                resources.children(key, object, "virtualNetworkPeerings", "virtualnetworks/virtualnetworkpeerings");
            self.vnets.push(Vnet {
                key: key.to_owned(),
                prefixes: space(object, "addressSpace"),
                peerings: peerings.into_iter().map(read::peering).collect(),
                location: word(object, "location"),
                basic_endpoints: word(object, "privateEndpointVNetPolicies") == "basic",
            });
        }
    }

    fn read_tables(&mut self, resources: &Resources<'_>) {
        for (key, object) in resources.of("routetables") {
            let routes = resources.children(key, object, "routes", "routetables/routes");
            self.tables.push(Table {
                key: key.to_owned(),
                no_gateway_routes: flag(object, "disableBgpRoutePropagation", false),
                routes: routes
                    .into_iter()
                    .map(|route| UserRoute {
                        name: name(route),
                        text: word(route, "addressPrefix"),
                        prefix: text(route, "addressPrefix").and_then(|text| Prefix::parse(&text)),
                        hop: word(route, "nextHopType"),
                        hop_address: text(route, "nextHopIpAddress").and_then(|text| Addr::parse(&text)),
                    })
                    .collect(),
            });
        }
    }

    fn read_ends(&mut self, resources: &Resources<'_>) {
        let groups = resources.of("networksecuritygroups");
        for (key, object) in resources.of("networkinterfaces") {
            let Some(owner) = id_of(object) else { continue };
            let listed = groups.iter().find(|(_, nsg)| references(nsg, "networkInterfaces").iter().any(|k| k == key));
            let nsg =
                read::reference(object, "networkSecurityGroup").or_else(|| listed.and_then(|(_, nsg)| id_of(nsg)));
            let mut holding = self.endpoints.iter().filter(|(_, own)| own.nics.iter().any(|nic| nic == key));
            let held = holding.next().map(|(key, _)| key.clone());
            let endpoint = held.or_else(|| read::reference(object, "privateEndpoint").map(|id| id.key));
            for configuration in list(object, "ipConfigurations") {
                let Some(address) = text(configuration, "privateIPAddress").and_then(|t| Addr::parse(&t)) else {
                    continue;
                };
                self.ends.push(End {
                    nic: endpoint.is_none(),
                    endpoint: endpoint.clone(),
                    address,
                    subnet: read::reference(configuration, "subnet"),
                    owner: owner.clone(),
                    nsg: nsg.clone().filter(|_| endpoint.is_none()),
                    groups: self.groups_of(configuration, endpoint.as_ref()),
                    configuration: child_id(configuration, key, "ipConfigurations").key,
                    forwarding: flag(object, "enableIPForwarding", false),
                    public: read::reference(configuration, "publicIPAddress").map(|id| id.key),
                    balanced: balancer::memberships(configuration),
                });
            }
        }
        let kinds = [
            ("applicationgateways", "frontendIPConfigurations"),
            ("azurefirewalls", "ipConfigurations"),
            ("loadbalancers", "frontendIPConfigurations"),
        ];
        let of_kind = |(kind, key)| resources.of(kind).into_iter().map(move |(own, object)| (own, object, key));
        for (key, object, field) in kinds.into_iter().flat_map(of_kind) {
            let Some(owner) = id_of(object) else { continue };
            for frontend in list(object, field) {
                let Some(address) = text(frontend, "privateIPAddress").and_then(|t| Addr::parse(&t)) else { continue };
                self.ends.push(End {
                    nic: false,
                    endpoint: None,
                    address,
                    subnet: read::reference(frontend, "subnet"),
                    owner: owner.clone(),
                    nsg: None,
                    groups: Vec::new(),
                    configuration: child_id(frontend, key, field).key,
                    forwarding: false,
                    public: None,
                    balanced: Vec::new(),
                });
            }
        }
    }

    fn groups_of(&self, configuration: &Value, endpoint: Option<&String>) -> Vec<String> {
        let held = endpoint.and_then(|key| self.endpoints.get(key)).map(|endpoint| endpoint.groups.clone());
        [references(configuration, "applicationSecurityGroups"), held.unwrap_or_default()].concat()
    }

    /// Private endpoints by the addresses that they name themselves.
    fn read_endpoints(&mut self) {
        for (key, endpoint) in &self.endpoints {
            for address in &endpoint.addresses {
                let known = |end: &End| end.endpoint.as_ref() == Some(key) && end.address == *address;
                if !self.ends.iter().any(known) {
                    self.ends.push(End {
                        nic: false,
                        endpoint: Some(key.clone()),
                        address: *address,
                        subnet: endpoint.subnet.clone(),
                        owner: Id { text: key.clone(), key: key.clone() },
                        nsg: None,
                        groups: endpoint.groups.clone(),
                        configuration: key.clone(),
                        forwarding: false,
                        public: None,
                        balanced: Vec::new(),
                    });
                }
            }
        }
    }

    fn read_gateways(&mut self, resources: &Resources<'_>) {
        for (key, object) in resources.of("applicationgateways") {
            let frontends = list(object, "frontendIPConfigurations").into_iter().map(|frontend| {
                let id = child_id(frontend, key, "frontendIPConfigurations").key;
                let private = text(frontend, "privateIPAddress").and_then(|text| Addr::parse(&text));
                (id, private, read::reference(frontend, "publicIPAddress").map(|id| id.key))
            });
            let ports: Vec<(String, u16)> = list(object, "frontendPorts")
                .into_iter()
                .filter_map(|p| {
                    Some((child_id(p, key, "frontendPorts").key, u16::try_from(read::number(p, "port")?).ok()?))
                })
                .collect();
            let mut listeners = Vec::new();
            for listener in list(object, "httpListeners").into_iter().chain(list(object, "listeners")) {
                let port = read::reference(listener, "frontendPort").map(|id| id.key);
                let number = ports.iter().find(|(id, _)| Some(id) == port.as_ref()).map(|(_, number)| *number);
                if let (Some(frontend), Some(number)) = (read::reference(listener, "frontendIPConfiguration"), number) {
                    listeners.push((frontend.key, number));
                }
            }
            let subnets = list(object, "gatewayIPConfigurations");
            let members =
                list(object, "backendAddressPools").into_iter().flat_map(|pool| list(pool, "backendAddresses"));
            let servers = members.filter_map(|member| text(member, "ipAddress")).filter_map(|text| Addr::parse(&text));
            self.gateways.push(Gateway {
                key: key.to_owned(),
                subnets: subnets.into_iter().filter_map(|c| read::reference(c, "subnet")).collect(),
                isolated: admin::isolated(object),
                servers: servers.collect(),
                frontends: frontends.collect(),
                listeners,
            });
        }
        for (key, object) in resources.of("publicipaddresses") {
            self.publics.push(PublicIp {
                key: key.to_owned(),
                name: name(object),
                address: text(object, "ipAddress").and_then(|text| Addr::parse(&text)),
                configuration: read::reference(object, "ipConfiguration").map(|id| id.key),
            });
        }
        for (key, object) in resources.of("natgateways") {
            self.nats.insert(key.to_owned(), references(object, "publicIpAddresses"));
        }
    }

    fn read_on_premises(&mut self, resources: &Resources<'_>) {
        for (_, object) in resources.of("virtualnetworkgateways") {
            let Some(id) = id_of(object) else { continue };
            let places = list(object, "ipConfigurations").into_iter().filter_map(|c| read::reference(c, "subnet"));
            self.vpns.push((id, places.map(|id| id.key).collect()));
        }
        for (_, object) in resources.of("connections") {
            let Some(id) = id_of(object) else { continue };
            self.connections.push(Connection {
                id,
                first: read::reference(object, "virtualNetworkGateway1"),
                second: read::reference(object, "virtualNetworkGateway2"),
                office: read::reference(object, "localNetworkGateway2"),
            });
        }
        for (key, object) in resources.of("localnetworkgateways") {
            self.offices.insert(key.to_owned(), space(object, "localNetworkAddressSpace"));
        }
    }
}
