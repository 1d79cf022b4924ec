//! Which paths a gateway uses: pairs of pool and setting, pool members, ports, and its source addresses
//! (health.md 5, semantics.md 5.3).

use super::names::{self, Origin, Unresolved};
use super::network::{Network, SubnetNode};
use crate::model::{
    ApplicationGateway, BackendPool, BackendSetting, NetworkInterface, PoolAddress, Probe, ResourceId, RoutingTarget,
    ScaleSet, ScaleSetInterface, ScaleSetIpConfiguration, Snapshot,
};
use crate::net::{AddressSet, Point, RangeSet};
use ipnet::IpNet;
use std::collections::HashSet;
use std::net::IpAddr;

/// Private frontend addresses of every gateway in a subnet: never a source.
pub fn private_frontends(node: &SubnetNode<'_>) -> AddressSet {
    let frontends = node.gateways.iter().flat_map(|gateway| &gateway.frontends);
    frontends.filter_map(|frontend| frontend.private_address.as_ref()).map(|address| address.value).collect()
}

/// Addresses that instances in a subnet can have: without the first four and the last of each prefix, which Azure
/// reserves, and without `taken` ones (semantics.md 8 item 1).
pub fn instance_addresses(node: &SubnetNode<'_>, ipv4: bool, taken: &AddressSet) -> AddressSet {
    let mut out = AddressSet::default();
    for prefix in node.prefixes.iter().filter(|prefix| prefix.addr().is_ipv4() == ipv4) {
        match prefix {
            IpNet::V4(net) => {
                let usable = usable(net.network().to_bits(), net.broadcast().to_bits());
                out.v4 = out.v4.union(&usable);
            }
            IpNet::V6(net) => {
                let usable = usable(net.network().to_bits(), net.broadcast().to_bits());
                out.v6 = out.v6.union(&usable);
            }
        }
    }
    out.difference(taken)
}

fn usable<T: Point>(first: T, last: T) -> RangeSet<T> {
    let low = (0..4).try_fold(first, |at, _| at.next());
    match (low, last.previous()) {
        (Some(low), Some(high)) => RangeSet::range(low, high),
        _ => RangeSet::default(),
    }
}

/// A pool and a setting that some rule sends traffic to.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'s> {
    /// The pool.
    pub pool: &'s BackendPool,
    /// The setting.
    pub setting: &'s BackendSetting,
}

/// The pairs that rules use, in the order of the rules, and references that lead nowhere.
#[derive(Debug, Default)]
pub struct Pairs<'s> {
    /// Pairs, each once.
    pub pairs: Vec<Pair<'s>>,
    /// Pairs that a rule names and a load distribution policy replaces: nothing is sent to them.
    pub overridden: Vec<Pair<'s>>,
    /// Ids of pools, settings and path maps that rules name and the gateway does not have.
    pub dangling: Vec<&'s ResourceId>,
}

/// Collects the pairs of basic rules, path-map defaults, path rules and L4 rules, with load distribution policies
/// expanded. Redirects send nothing to a backend.
pub fn pairs(gateway: &ApplicationGateway) -> Pairs<'_> {
    let mut out = Pairs::default();
    for rule in &gateway.rules {
        add_target(gateway, &rule.target, &mut out);
        let Some(id) = &rule.path_map else { continue };
        match gateway.path_maps.iter().find(|map| map.id == *id) {
            Some(map) => {
                add_target(gateway, &map.default, &mut out);
                for rule in &map.rules {
                    add_target(gateway, rule, &mut out);
                }
            }
            None => out.dangling.push(id),
        }
    }
    out
}

fn add_target<'s>(gateway: &'s ApplicationGateway, target: &'s RoutingTarget, out: &mut Pairs<'s>) {
    if target.redirect.is_some() {
        return;
    }
    let Some(setting_id) = &target.setting else { return };
    let policy = target.load_distribution.as_ref();
    let listed = policy.and_then(|id| gateway.load_distribution_policies.iter().find(|(own, _)| own == id));
    if let (Some(id), None) = (policy, listed) {
        out.dangling.push(id);
    }
    let pools: Vec<&ResourceId> = match listed {
        Some((_, pools)) if !pools.is_empty() => pools.iter().collect(),
        _ => target.pool.iter().collect(),
    };
    let setting = gateway.settings.iter().find(|setting| setting.id == *setting_id);
    if setting.is_none() {
        out.dangling.push(setting_id);
    }
    if let Some(probe) = setting.and_then(|setting| setting.probe.as_ref())
        && !gateway.probes.iter().any(|own| own.id == *probe)
    {
        out.dangling.push(probe);
    }
    let named = target.pool.as_ref().filter(|id| !pools.contains(id));
    let named = named.and_then(|id| gateway.pools.iter().find(|pool| pool.id == *id));
    out.overridden.extend(named.zip(setting).map(|(pool, setting)| Pair { pool, setting }));
    for id in pools {
        let Some(pool) = gateway.pools.iter().find(|pool| pool.id == *id) else {
            out.dangling.push(id);
            continue;
        };
        let known = |pair: &Pair<'_>| pair.pool.id == pool.id && setting.is_some_and(|s| s.id == pair.setting.id);
        if let Some(setting) = setting.filter(|_| !out.pairs.iter().any(known)) {
            out.pairs.push(Pair { pool, setting });
        }
    }
}

/// The custom probe of a setting.
pub fn probe_of<'s>(gateway: &'s ApplicationGateway, setting: &BackendSetting) -> Option<&'s Probe> {
    let id = setting.probe.as_ref()?;
    gateway.probes.iter().find(|probe| probe.id == *id)
}

/// Probed port and data port of a setting (semantics.md 5.3): the probe's own port, else the setting's.
pub fn ports(gateway: &ApplicationGateway, setting: &BackendSetting) -> (u16, u16) {
    let data = setting.port.value;
    let probe = probe_of(gateway, setting).and_then(|probe| probe.port.as_ref()).map_or(data, |port| port.value);
    (probe, data)
}

/// What a pool member stands for.
#[derive(Debug, Clone)]
pub enum Target<'s> {
    /// One address.
    Address(IpAddr),
    /// A name that nothing in the input resolves, and why.
    Unresolved(Box<Unresolved<'s>>),
    /// An IP configuration that is not in the input.
    MissingConfiguration(&'s ResourceId),
    /// Instances of a scale set that are known by the model only: any address of a subnet.
    ScaleSet {
        /// The scale set.
        scale_set: &'s ResourceId,
        /// Index of the subnet, where it is in the input.
        subnet: Option<usize>,
        /// The NIC of the model.
        interface: &'s ScaleSetInterface,
        /// Its IP configuration.
        configuration: &'s ScaleSetIpConfiguration,
    },
}

/// One pool member, once for each address it stands for.
#[derive(Debug, Clone)]
pub struct Member<'s> {
    /// As configured: address, name, or NIC configuration.
    pub shown: String,
    /// What it stands for.
    pub target: Target<'s>,
    /// The name, where the member is one.
    pub fqdn: Option<&'s str>,
    /// Where the address of a name was found.
    pub origin: Option<Origin<'s>>,
    /// The IP configuration, where the member is one.
    pub configuration: Option<&'s ResourceId>,
}

/// The members of a pool of a gateway: addresses, names ([`names`]), IP configurations of NICs (named by the pool or naming
/// it), and scale sets whose model names it.
pub fn members<'s>(network: &Network<'s>, gateway: &'s ApplicationGateway, pool: &'s BackendPool) -> Vec<Member<'s>> {
    let mut out: Vec<Member<'s>> = Vec::new();
    let mut seen: HashSet<(String, String)> = HashSet::new();
    let mut add = |member: Member<'s>| {
        // Instances of one set and models of one set may share what is shown.
        let which = match &member.target {
            Target::Address(address) => address.to_string(),
            Target::Unresolved(_) => String::new(),
            Target::MissingConfiguration(id) => id.key().to_owned(),
            Target::ScaleSet { scale_set, interface, configuration, .. } => {
                format!("{}/{}/{}", scale_set.key(), interface.name, configuration.name)
            }
        };
        if seen.insert((member.shown.clone(), which)) {
            out.push(member);
        }
    };
    for address in &pool.addresses {
        let member = |shown: String, target, fqdn| Member { shown, target, fqdn, origin: None, configuration: None };
        match &address.value {
            PoolAddress::Ip(ip) => add(member(ip.to_string(), Target::Address(*ip), None)),
            PoolAddress::Fqdn(name) => match names::resolve(network.snapshot, gateway, pool, name) {
                Err(why) => add(member(name.clone(), Target::Unresolved(Box::new(why)), Some(name))),
                Ok(found) => {
                    for (ip, origin) in found {
                        let member = member(name.clone(), Target::Address(ip), Some(name.as_str()));
                        add(Member { origin: Some(origin), ..member });
                    }
                }
            },
        }
    }
    for member in configurations(network, pool) {
        add(member);
    }
    out
}

/// Members by IP configuration.
fn configurations<'s>(network: &Network<'s>, pool: &'s BackendPool) -> Vec<Member<'s>> {
    let snapshot = network.snapshot;
    let named = pool.ip_configurations.iter().map(|r| &r.value);
    let naming = snapshot.network_interfaces.values().flat_map(|nic| &nic.configurations);
    let naming = naming.filter(|c| c.gateway_pools.contains(&pool.id)).map(|c| &c.id);
    let mut seen: HashSet<&ResourceId> = HashSet::new();
    let mut out = Vec::new();
    let mut model_only: Vec<(ResourceId, &ResourceId)> = Vec::new();
    for id in named.chain(naming).filter(|id| seen.insert(id)) {
        let end = network.endpoint_of(id);
        let nic_name = id.parent().map(|nic| nic.name().to_owned()).unwrap_or_default();
        let shown = format!("{nic_name}/{}", id.name());
        let target = match end {
            Some(end) => Target::Address(end.address),
            None => match scale_set_id(id).filter(|set| snapshot.scale_sets.contains_key(set)) {
                Some(set) => {
                    model_only.push((set, id));
                    continue;
                }
                None => Target::MissingConfiguration(id),
            },
        };
        out.push(Member { shown, target, fqdn: None, origin: None, configuration: Some(id) });
    }
    for set in snapshot.scale_sets.values() {
        let seen = snapshot.network_interfaces.values().any(|nic| is_instance(snapshot, nic, set));
        let missing: Vec<&ResourceId> =
            model_only.iter().filter(|(own, _)| *own == set.id).map(|(_, id)| *id).collect();
        let models = || set.interfaces.iter().flat_map(|nic| nic.configurations.iter().map(move |own| (nic, own)));
        // Instances name their NICs and IP configurations as the model does.
        let made = |nic: &ScaleSetInterface, own: &ScaleSetIpConfiguration, id: &ResourceId| {
            let name = |text: Option<&str>, other: &str| text.is_some_and(|text| text.eq_ignore_ascii_case(other));
            name(id.segment("networkInterfaces"), &nic.name) && name(Some(id.name()), &own.name)
        };
        let unlike = missing.iter().any(|id| !models().any(|(nic, own)| made(nic, own, id)));
        for (interface, configuration) in models() {
            let listed = unlike || missing.iter().any(|id| made(interface, configuration, id));
            if listed || !seen && configuration.gateway_pools.contains(&pool.id) {
                let subnet = configuration.subnet.as_ref().and_then(|id| network.subnet_by_id(id));
                let target = Target::ScaleSet { scale_set: &set.id, subnet, interface, configuration };
                out.push(Member { shown: set.name.clone(), target, fqdn: None, origin: None, configuration: None });
            }
        }
    }
    out
}

/// Does a NIC belong to an instance of the scale set? Uniform instances have it in their id. Flexible ones are machines of
/// their own, which name their set, and are named after it where only the NIC is in the input.
fn is_instance(snapshot: &Snapshot, nic: &NetworkInterface, set: &ScaleSet) -> bool {
    if let Some(own) = scale_set_id(&nic.id) {
        return own == set.id;
    }
    let Some(machine) = &nic.virtual_machine else { return false };
    match snapshot.instances.get(machine) {
        Some(own) => *own == set.id,
        None => {
            let group = |id: &ResourceId| id.segment("resourceGroups").map(str::to_ascii_lowercase);
            let name = machine.name().to_ascii_lowercase();
            set.flexible
                && group(machine) == group(&set.id)
                && name.strip_prefix(&set.name.to_ascii_lowercase()).is_some_and(|rest| rest.starts_with('_'))
        }
    }
}

/// The scale set that an instance's NIC or IP configuration belongs to.
fn scale_set_id(id: &ResourceId) -> Option<ResourceId> {
    let at = id.key().find("/virtualmachinescalesets/")?;
    let name_start = at + "/virtualmachinescalesets/".len();
    let name_end = id.as_str().get(name_start..)?.find('/').map(|end| name_start + end)?;
    id.as_str().get(..name_end).map(ResourceId::new)
}
