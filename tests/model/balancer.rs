//! Load balancers: the servers behind a frontend, and what their NICs see of a flow to it (semantics.md 1.6, health.md 5
//! item 5 and 7).

use super::address::Addr;
use super::case::Fact;
use super::case::{Case, Halt, Place};
use super::read::{child_id, field, flag, list, name, number, reference, references, text, word};
use super::routing::PLATFORM;
use super::walk::{Flow, Ways, gates, past_missing_subnet};
use super::world::{End, Resources, World};
use serde_json::Value;
use std::collections::BTreeMap;

/// A load balancer.
#[derive(Debug)]
pub(crate) struct Balancer {
    name: String,
    pools: Vec<Pool>,
    /// Load-balancing rules and inbound NAT rules.
    rules: Vec<Rule>,
    /// Ports of health probes by lower-case id.
    probes: BTreeMap<String, u16>,
}

#[derive(Debug)]
struct Pool {
    key: String,
    configurations: Vec<String>,
    /// Members by address, with the network that they are in; `None`: the frontend's own.
    addresses: Vec<(Addr, Option<String>)>,
}

#[derive(Debug)]
struct Rule {
    /// Lower-case id of a NAT rule.
    nat: Option<String>,
    frontend: String,
    protocol: String,
    port: u16,
    backend_port: u16,
    floating: bool,
    probe: Option<String>,
    pools: Vec<String>,
    /// The server of a NAT rule.
    target: Option<String>,
}

/// A server and the flow that its NIC sees.
pub(super) struct Server<'w> {
    pub(super) end: &'w End,
    pub(super) subnet: usize,
    pub(super) flow: Flow,
}

/// Reads them, by lower-case id.
pub(crate) fn read(resources: &Resources<'_>) -> BTreeMap<String, Balancer> {
    let all = resources.of("loadbalancers").into_iter();
    all.map(|(key, object)| {
        let rules = list(object, "loadBalancingRules").into_iter().map(|value| rule(value, None));
        let nats = list(object, "inboundNatRules").into_iter();
        let nats = nats.map(|value| rule(value, Some(child_id(value, key, "inboundNatRules").key)));
        let probes = list(object, "probes").into_iter();
        let balancer = Balancer {
            name: name(object),
            pools: list(object, "backendAddressPools").into_iter().map(|value| pool(value, key)).collect(),
            rules: nats.chain(rules).collect(),
            probes: probes.map(|value| (child_id(value, key, "probes").key, port(value, "port"))).collect(),
        };
        (key.to_owned(), balancer)
    })
    .collect()
}

fn port(object: &Value, key: &str) -> u16 {
    number(object, key).and_then(|port| u16::try_from(port).ok()).unwrap_or(0)
}

fn key_of(object: &Value, name: &str) -> Option<String> {
    reference(object, name).map(|id| id.key)
}

fn rule(object: &Value, nat: Option<String>) -> Rule {
    Rule {
        nat,
        frontend: key_of(object, "frontendIPConfiguration").unwrap_or_default(),
        protocol: word(object, "protocol"),
        port: port(object, "frontendPort"),
        backend_port: port(object, "backendPort"),
        floating: flag(object, "enableFloatingIP", false),
        probe: key_of(object, "probe"),
        pools: key_of(object, "backendAddressPool")
            .into_iter()
            .chain(references(object, "backendAddressPools"))
            .collect(),
        target: key_of(object, "backendIPConfiguration"),
    }
}

fn pool(object: &Value, balancer: &str) -> Pool {
    let network = |value: &Value| {
        let subnet = reference(value, "subnet").map(|id| id.above("/subnets/").key);
        key_of(value, "virtualNetwork").or(subnet)
    };
    let of_all = network(object);
    let (mut configurations, mut addresses) = (references(object, "backendIPConfigurations"), Vec::new());
    for member in list(object, "loadBalancerBackendAddresses") {
        configurations.extend(key_of(member, "networkInterfaceIPConfiguration"));
        let address = text(member, "ipAddress").and_then(|text| Addr::parse(&text));
        addresses.extend(address.map(|address| (address, network(member).or_else(|| of_all.clone()))));
    }
    Pool { key: child_id(object, balancer, "backendAddressPools").key, configurations, addresses }
}

/// Pools and NAT rules of load balancers that an IP configuration names.
pub(crate) fn memberships(configuration: &Value) -> Vec<String> {
    let lists = ["loadBalancerBackendAddressPools", "loadBalancerInboundNatRules"];
    lists
        .into_iter()
        .filter(|key| field(configuration, key).is_some())
        .flat_map(|key| references(configuration, key))
        .collect()
}

impl Rule {
    fn takes(&self, frontend: &str, flow: &Flow) -> bool {
        let protocol = self.protocol == flow.protocol || self.protocol == "all";
        self.frontend == frontend
            && flow.has_ports()
            && protocol
            && (self.port == 0 || self.port == flow.destination_port)
    }

    /// The flow as a server's NIC sees it: the client's source, the server's address and port (1.6).
    fn seen(&self, flow: &Flow, server: Addr) -> Flow {
        if self.floating {
            return flow.clone();
        }
        let destination_port = if self.backend_port == 0 { flow.destination_port } else { self.backend_port };
        Flow { destination: server, destination_port, ..flow.clone() }
    }
}

impl Balancer {
    fn place(&self) -> Place {
        Place::of("nsg-in-nic", Some(self.name.clone()))
    }

    /// The servers of a rule, by address; `Err` where one of them is not in the snapshot.
    fn servers<'w>(&self, world: &'w World, rule: &Rule, vnet: usize) -> Result<Vec<&'w End>, String> {
        let pools: Vec<&Pool> = self.pools.iter().filter(|pool| rule.pools.contains(&pool.key)).collect();
        let listed = pools.iter().flat_map(|pool| &pool.configurations).chain(&rule.target);
        let named = |end: &&End| {
            let pool = end.balanced.iter().any(|key| rule.pools.contains(key));
            pool || rule.target.is_none() && rule.nat.as_ref().is_some_and(|nat| end.balanced.contains(nat))
        };
        let mut out: Vec<&End> = world.ends.iter().filter(|end| end.nic).filter(named).collect();
        for key in listed {
            out.push(world.ends.iter().find(|end| end.configuration == *key).ok_or(key.clone())?);
        }
        for (address, network) in pools.iter().flat_map(|pool| &pool.addresses) {
            let there = |end: &&End| {
                let own = world.vnet_of_end(end).map(|vnet| &world.vnets[vnet].key);
                end.nic && end.address == *address && own == network.as_ref().or(Some(&world.vnets[vnet].key))
            };
            out.push(world.ends.iter().find(there).ok_or(address.to_string())?);
        }
        out.sort_by_key(|end| (end.address, &end.configuration));
        out.dedup_by_key(|end| &end.configuration);
        Ok(out)
    }

    /// Where the health probe to a server is denied.
    fn probe(&self, case: &Case<'_>, rule: &Rule, end: &End, subnet: usize) -> Result<Option<Place>, Halt> {
        let Some(port) = rule.probe.as_ref().and_then(|key| self.probes.get(key)) else { return Ok(None) };
        let flow = Flow {
            source: PLATFORM.first(),
            destination: end.address,
            protocol: "tcp".to_owned(),
            source_port: 49152,
            destination_port: *port,
        };
        let answers = case.of_other_flow();
        match gates(&Case { answers: &answers, ..*case }, &flow, subnet, Some(end), true, None) {
            Ok(_) => Ok(None),
            Err(Halt::Missing(missing)) => {
                let (fact, place) = *missing;
                Err(Halt::Missing(Box::new((fact.for_other_flow(), place))))
            }
            Err(Halt::Deny(place)) => Ok(Some(place)),
            Err(other) => Err(other),
        }
    }

    /// One of the servers that take a flow to a frontend: those whose health probe gets through.
    fn choose<'w>(
        &self,
        case: &Case<'w>,
        flow: &Flow,
        frontend: &End,
        vnet: usize,
        ways: &mut Ways<'_>,
    ) -> Result<Server<'w>, Halt> {
        let world = case.world;
        let denied = || Halt::Deny(self.place());
        let rule = self.rules.iter().find(|rule| rule.takes(&frontend.configuration, flow)).ok_or_else(denied)?;
        let ends = match self.servers(world, rule, vnet) {
            Ok(ends) => ends,
            Err(missing) => {
                let passes = case.ask(Fact::plain(format!("server {missing} lets in")), &self.place())?;
                return Err(if passes { Halt::Arrives(Some(self.place())) } else { denied() });
            }
        };
        let (mut live, mut dead, mut first) = (Vec::new(), Vec::new(), None);
        for end in ends {
            let subnet = match (world.subnet_of_end(end), &end.subnet) {
                (Some(subnet), _) => subnet,
                (None, Some(id)) => {
                    past_missing_subnet(case, id, "nsg-in-subnet")?;
                    return Err(Halt::Arrives(None));
                }
                (None, None) => continue,
            };
            let server = Server { end, subnet, flow: rule.seen(flow, end.address) };
            match self.probe(case, rule, end, subnet)? {
                None => live.push(server),
                Some(place) => {
                    first = first.or(Some(place));
                    dead.push(server);
                }
            }
        }
        if live.is_empty() {
            // Where the flow itself is denied as well, that is named, else the probe.
            for server in &dead {
                gates(case, &server.flow, server.subnet, Some(server.end), true, None)?;
            }
            return Err(first.map_or_else(denied, Halt::Deny));
        }
        let way = ways.choose(live.iter().map(|server| server.end.address).collect())?;
        Ok(live.swap_remove(way))
    }
}

/// Where nothing of the snapshot stands, a frontend of a load balancer may that a NIC of the network names and that is not
/// in the snapshot.
fn unplaced(case: &Case<'_>, destination: Addr, subnet: usize) -> Result<(), Halt> {
    let world = case.world;
    let near = world.ends.iter().filter(|end| world.vnet_of_end(end) == Some(world.subnets[subnet].vnet));
    let named = near.flat_map(|end| &end.balanced).filter_map(|key| key.rsplitn(3, '/').nth(2));
    let Some(key) = named.filter(|key| !world.balancers.contains_key(*key)).min() else { return Ok(()) };
    let place = Place::of("nsg-in-nic", key.rsplit('/').next().map(str::to_owned));
    if world.expects_no_nic(subnet) || !case.ask(Fact::about(&format!("{key} takes"), destination), &place)? {
        return Ok(());
    }
    let passes = case.ask(Fact::plain(format!("server {key} lets in")), &place)?;
    Err(if passes { Halt::Arrives(Some(place)) } else { Halt::Deny(place) })
}

/// The server behind the frontend that answers at the destination; `None` where no frontend does.
pub(super) fn behind<'w>(
    case: &Case<'w>,
    flow: &Flow,
    end: Option<&End>,
    subnet: usize,
    ways: &mut Ways<'_>,
) -> Result<Option<Server<'w>>, Halt> {
    if end.is_none() {
        unplaced(case, flow.destination, subnet)?;
    }
    let vnet = case.world.subnets[subnet].vnet;
    let found = end.and_then(|end| Some((end, case.world.balancers.get(&end.owner.key)?)));
    found.map(|(end, balancer)| balancer.choose(case, flow, end, vnet, ways)).transpose()
}
