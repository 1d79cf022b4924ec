//! **Names to addresses** (health.md 5 item 4, semantics.md 5.5): the hosts map first, then the private DNS zones that are
//! linked to the gateway's virtual network, then what access logs and private endpoints show. Public DNS is never asked: a name that only it
//! could answer stays unresolved, with the reason.

use crate::diagnostic::Span;
use crate::model::{
    ApplicationGateway, BackendPool, LoggedAddress, PrivateDnsZone, PrivateEndpoint, RecordData, RecordSet, ResourceId,
    Snapshot, VirtualNetwork, ZoneLink,
};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Names that one query passes at most; resolvers give up at about as many.
const LONGEST_CHAIN: usize = 16;
/// Azure's own resolver: as the only DNS server of a virtual network it changes nothing.
const AZURE_DNS: &str = "168.63.129.16";

/// Where an address of a name was found.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'s> {
    /// The hosts map.
    Hosts,
    /// A record set of a linked private DNS zone.
    Record(&'s RecordSet),
    /// An access log of the gateway.
    AccessLog(&'s LoggedAddress),
    /// A private endpoint that names it.
    Endpoint(&'s PrivateEndpoint),
}

/// Why a name has no address.
#[derive(Debug, Clone)]
pub enum Unresolved<'s> {
    /// Nothing in the input speaks of it.
    NotInInput,
    /// A zone would hold it and is not linked to the gateway's virtual network.
    NotLinked {
        /// The zone.
        zone: &'s PrivateDnsZone,
        /// The name that was looked up: the name itself or an alias on the way.
        name: String,
    },
    /// A zone would hold it, and whether it is linked is not in the input.
    LinksMissing {
        /// The zone.
        zone: &'s PrivateDnsZone,
    },
    /// The linked zone has no such name.
    NoRecord {
        /// The zone.
        zone: &'s PrivateDnsZone,
        /// The name that was looked up.
        name: String,
        /// Azure asks public DNS instead (`NxDomainRedirect`).
        redirected: bool,
    },
    /// The record sets of the linked zone are not all in the input.
    RecordsMissing {
        /// The zone.
        zone: &'s PrivateDnsZone,
        /// The name that was looked up.
        name: String,
    },
    /// The virtual network uses DNS servers of its own, which need not ask Azure.
    CustomServers {
        /// The virtual network.
        vnet: &'s VirtualNetwork,
        /// What the zones would say.
        would_be: Vec<IpAddr>,
    },
    /// An alias leads out of the zones, in a circle, or too far.
    Alias {
        /// The record set of the last alias.
        last: &'s RecordSet,
        /// The name it leads to.
        target: String,
        /// The alias leads to a name that it came from, or the chain is too long.
        endless: bool,
    },
    /// Several zones of that name are linked, which Azure refuses.
    Ambiguous {
        /// One of them.
        zone: &'s PrivateDnsZone,
    },
}

/// Addresses of a name, each with its origin.
pub type Addresses<'s> = Vec<(IpAddr, Origin<'s>)>;

/// Names compare in lower case and without the dot at the end.
pub fn key(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// Resolves a name as a gateway would for one of its pools.
///
/// # Errors
/// Says why there is no address.
pub fn resolve<'s>(
    snapshot: &'s Snapshot,
    gateway: &'s ApplicationGateway,
    pool: &BackendPool,
    name: &str,
) -> Result<Addresses<'s>, Unresolved<'s>> {
    let name = key(name);
    if let Some(found) = hosts(snapshot, &name) {
        return Ok(found);
    }
    let doubt = match zones(snapshot, gateway, &name) {
        Ok(found) => return Ok(found),
        Err(doubt) => doubt,
    };
    // A zone that is asked and has no such name is newer than any log.
    let logged = logged(snapshot, gateway, pool);
    let denied = matches!(doubt, Unresolved::NoRecord { redirected: false, .. });
    if !logged.is_empty() && !denied {
        return Ok(logged);
    }
    let known = endpoints(snapshot, &name);
    if matches!(doubt, Unresolved::NotInInput) && !known.is_empty() { Ok(known) } else { Err(doubt) }
}

/// The private DNS zone that would hold the name and is not linked to the gateway's virtual network; also where the hosts
/// map knows the name.
pub fn unlinked_zone<'s>(
    snapshot: &'s Snapshot,
    gateway: &ApplicationGateway,
    name: &str,
) -> Option<&'s PrivateDnsZone> {
    let vnet = gateway.subnets.first().and_then(|subnet| subnet.value.parent())?;
    match (View { snapshot, vnet: &vnet }).zone_of(&key(name)) {
        Err(Unresolved::NotLinked { zone, .. }) => Some(zone),
        _ => None,
    }
}

fn hosts<'s>(snapshot: &'s Snapshot, name: &str) -> Option<Addresses<'s>> {
    let found = snapshot.hosts.get(name).filter(|list| !list.is_empty())?;
    Some(found.iter().map(|address| (*address, Origin::Hosts)).collect())
}

/// What the zones say, through the DNS servers of the gateway's virtual network.
fn zones<'s>(
    snapshot: &'s Snapshot,
    gateway: &'s ApplicationGateway,
    name: &str,
) -> Result<Addresses<'s>, Unresolved<'s>> {
    let Some(vnet) = gateway.subnets.first().and_then(|subnet| subnet.value.parent()) else {
        return Err(Unresolved::NotInInput);
    };
    let view = View { snapshot, vnet: &vnet };
    let found = view.follow(name);
    let own = snapshot.vnets.get(&vnet).filter(|vnet| vnet.dns_servers.iter().any(|s| s.value.trim() != AZURE_DNS));
    match (found, own) {
        (found @ Err(Unresolved::NotInInput), _) => found,
        (found, Some(vnet)) => {
            let would_be = found.map(|list| list.into_iter().map(|(address, _)| address).collect()).unwrap_or_default();
            Err(Unresolved::CustomServers { vnet, would_be })
        }
        (found, None) => found.map(|list| of_family(snapshot, gateway, list)),
    }
}

/// A gateway without IPv6 addresses has no use for AAAA records.
fn of_family<'s>(snapshot: &Snapshot, gateway: &ApplicationGateway, list: Addresses<'s>) -> Addresses<'s> {
    let subnets = snapshot.vnets.values().flat_map(|vnet| &vnet.subnets);
    let mut own = subnets.filter(|subnet| gateway.subnets.iter().any(|id| id.value == subnet.id));
    let six = own.any(|subnet| subnet.prefixes.iter().any(|prefix| prefix.value.net.addr().is_ipv6()));
    if six || !list.iter().any(|(address, _)| address.is_ipv4()) {
        return list;
    }
    list.into_iter().filter(|(address, _)| address.is_ipv4()).collect()
}

/// Addresses that the gateway used for a pool which holds this one name and nothing else.
fn logged<'s>(snapshot: &'s Snapshot, gateway: &ApplicationGateway, pool: &BackendPool) -> Addresses<'s> {
    let joins = |pools: &[ResourceId]| pools.contains(&pool.id);
    let nics = snapshot.network_interfaces.values().flat_map(|nic| &nic.configurations);
    let sets = snapshot.scale_sets.values().flat_map(|set| &set.interfaces).flat_map(|nic| &nic.configurations);
    let alone = pool.addresses.len() == 1
        && pool.ip_configurations.is_empty()
        && !nics.into_iter().any(|configuration| joins(&configuration.gateway_pools))
        && !sets.into_iter().any(|configuration| joins(&configuration.gateway_pools));
    let of_pool = |entry: &&LoggedAddress| entry.gateway == gateway.id && entry.pool.eq_ignore_ascii_case(&pool.name);
    let entries = snapshot.logged.iter().filter(|_| alone).filter(of_pool);
    entries.map(|entry| (entry.address, Origin::AccessLog(entry))).collect()
}

/// The zones as one virtual network sees them.
struct View<'s, 'v> {
    snapshot: &'s Snapshot,
    vnet: &'v ResourceId,
}

/// What one zone says of one name.
enum Found<'s> {
    Addresses(Addresses<'s>),
    Alias(&'s RecordSet, &'s str),
    Nothing,
    NotExported,
}

/// Is a zone linked?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Linked {
    Yes { redirects: bool },
    No,
    Unknown,
}

impl<'s> View<'s, '_> {
    /// Looks a name up and follows its aliases.
    fn follow(&self, name: &str) -> Result<Addresses<'s>, Unresolved<'s>> {
        let mut passed = vec![name.to_owned()];
        let mut last: Option<&'s RecordSet> = None;
        loop {
            let name = passed.last().cloned().unwrap_or_default();
            if let (Some(_), Some(found)) = (last, hosts(self.snapshot, &name)) {
                return Ok(found);
            }
            let (zone, redirected) = match (self.zone_of(&name), last) {
                (Ok(found), _) => found,
                (Err(Unresolved::NotInInput), last) => match (self.private_link(&name), last) {
                    (Some(found), _) => return Ok(found),
                    (None, Some(last)) => return Err(Unresolved::Alias { last, target: name, endless: false }),
                    (None, None) => return Err(Unresolved::NotInInput),
                },
                (Err(doubt), _) => return Err(doubt),
            };
            match self.records(zone, &name) {
                Found::Addresses(found) => return Ok(found),
                Found::Nothing => return Err(Unresolved::NoRecord { zone, name, redirected }),
                Found::NotExported => return Err(Unresolved::RecordsMissing { zone, name }),
                Found::Alias(record, target) => {
                    let target = target.to_owned();
                    if passed.contains(&target) || passed.len() >= LONGEST_CHAIN {
                        return Err(Unresolved::Alias { last: record, target, endless: true });
                    }
                    last = Some(record);
                    passed.push(target);
                }
            }
        }
    }

    /// The linked zone with the longest name that the name ends with.
    fn zone_of(&self, name: &str) -> Result<(&'s PrivateDnsZone, bool), Unresolved<'s>> {
        let mut by_length: BTreeMap<usize, Vec<&'s PrivateDnsZone>> = BTreeMap::new();
        for zone in self.snapshot.dns.zones.values() {
            let own = zone.id.name();
            if relative(name, own).is_some() {
                by_length.entry(own.len()).or_default().push(zone);
            }
        }
        let mut unlinked = None;
        for zones in by_length.values().rev() {
            let states: Vec<_> = zones.iter().map(|zone| (*zone, self.linked(zone))).collect();
            let mut linked = states.iter().filter_map(|(zone, state)| match state {
                Linked::Yes { redirects } => Some((*zone, *redirects)),
                Linked::No | Linked::Unknown => None,
            });
            match (linked.next(), linked.next()) {
                (Some((zone, _)), Some(_)) => return Err(Unresolved::Ambiguous { zone }),
                (Some(found), None) => return Ok(found),
                (None, _) => {}
            }
            if let Some((zone, _)) = states.iter().find(|(_, state)| *state == Linked::Unknown) {
                return Err(Unresolved::LinksMissing { zone });
            }
            unlinked = unlinked.or(zones.first().copied());
        }
        match unlinked {
            Some(zone) => Err(Unresolved::NotLinked { zone, name: name.to_owned() }),
            None => Err(Unresolved::NotInInput),
        }
    }

    fn linked(&self, zone: &PrivateDnsZone) -> Linked {
        let links: Vec<&ZoneLink> =
            self.snapshot.dns.links.values().filter(|link| link.id.parent().as_ref() == Some(&zone.id)).collect();
        let own = links.iter().find(|link| link.vnet.as_ref() == Some(self.vnet));
        let doubtful = links.iter().any(|link| link.vnet.is_none())
            || self.broken_below(zone, |kind| kind == "virtualnetworklinks")
            || self.snapshot.unusable.contains_key(&zone.id);
        let all = zone.links.map_or(!links.is_empty(), |count| count <= links.len());
        match own {
            Some(link) if link.completed => Linked::Yes { redirects: link.redirects },
            Some(_) => Linked::Unknown,
            None if doubtful || !all => Linked::Unknown,
            None => Linked::No,
        }
    }

    /// Record sets of a zone, by id.
    fn sets(&self, zone: &PrivateDnsZone) -> impl Iterator<Item = &'s RecordSet> {
        let prefix = format!("{}/", zone.id.key());
        let from = self.snapshot.dns.records.range(zone.id.clone()..);
        let below = from.skip_while({
            let prefix = prefix.clone();
            move |(id, _)| !id.key().starts_with(&prefix) && id.key() < prefix.as_str()
        });
        below.take_while(move |(id, _)| id.key().starts_with(&prefix)).map(|(_, set)| set)
    }

    /// Is a child of the zone in the input that could not be read?
    fn broken_below(&self, zone: &PrivateDnsZone, kind: impl Fn(&str) -> bool) -> bool {
        let parts = |id: &ResourceId| id.key().rsplit('/').nth(1).is_some_and(&kind);
        self.snapshot.unusable.keys().any(|id| id.parent().as_ref() == Some(&zone.id) && parts(id))
    }

    /// Are all record sets in the input? The zone's own SOA record set always exists, whether it was exported or not.
    fn complete(&self, zone: &PrivateDnsZone) -> bool {
        let others = self.sets(zone).filter(|set| kind_of(&set.id) != "soa").count();
        others + 1 >= zone.record_sets.unwrap_or(if others == 0 { usize::MAX } else { 0 })
            && !self.broken_below(zone, |kind| kind != "virtualnetworklinks")
            && !self.snapshot.unusable.contains_key(&zone.id)
    }

    fn records(&self, zone: &PrivateDnsZone, name: &str) -> Found<'s> {
        let Some(relative) = relative(name, zone.id.name()) else { return Found::Nothing };
        match self.exactly(zone, &relative) {
            Found::Nothing => {}
            found => return found,
        }
        if !self.complete(zone) {
            return Found::NotExported;
        }
        let names: Vec<&str> = self.sets(zone).map(|set| set.id.name()).collect();
        // A name also exists where a longer one does, and only the nearest one above can hold the wildcard.
        let exists = |wanted: &str| {
            let above = format!(".{wanted}");
            names.iter().any(|name| name.eq_ignore_ascii_case(wanted) || name.to_ascii_lowercase().ends_with(&above))
        };
        if exists(&relative) {
            return Found::Nothing;
        }
        let mut rest = relative.as_str();
        while let Some((_, above)) = rest.split_once('.') {
            if exists(above) {
                return self.exactly(zone, &format!("*.{above}"));
            }
            rest = above;
        }
        self.exactly(zone, "*")
    }

    /// The record sets of exactly this name.
    fn exactly(&self, zone: &PrivateDnsZone, relative: &str) -> Found<'s> {
        let set = |kind: &str| self.snapshot.dns.records.get(&zone.id.child(kind, relative));
        if let Some(RecordSet { data: RecordData::Alias(target), .. }) = set("cname") {
            return set("cname").map_or(Found::Nothing, |record| Found::Alias(record, target));
        }
        let mut out = Vec::new();
        for record in ["a", "aaaa"].into_iter().filter_map(set) {
            if let RecordData::Addresses(list) = &record.data {
                out.extend(list.iter().map(|address| (*address, Origin::Record(record))));
            }
        }
        if out.is_empty() { Found::Nothing } else { Found::Addresses(out) }
    }

    /// The public alias of `app.SERVICE` leads to `app.privatelink.SERVICE` as soon as the service has a private endpoint,
    /// and a record in a linked zone of that name shows that it has.
    fn private_link(&self, name: &str) -> Option<Addresses<'s>> {
        let (host, service) = name.split_once('.')?;
        let zone_name = format!("privatelink.{service}");
        let zones = self.snapshot.dns.zones.values().filter(|zone| zone.id.name().eq_ignore_ascii_case(&zone_name));
        let mut linked = zones.filter(|zone| matches!(self.linked(zone), Linked::Yes { .. }));
        linked.find_map(|zone| match self.exactly(zone, host) {
            Found::Addresses(found) => Some(found),
            _ => None,
        })
    }
}

/// Addresses of a private endpoint that is known by the name (health.md 5 item 4).
fn endpoints<'s>(snapshot: &'s Snapshot, name: &str) -> Addresses<'s> {
    let endpoints = snapshot.private_endpoints.values();
    let named = endpoints.flat_map(|own| own.names.iter().map(move |(known, list)| (own, known, list)));
    let same = named.filter(|(_, known, _)| known.as_str() == name);
    same.flat_map(|(own, _, list)| list.iter().map(move |address| (*address, Origin::Endpoint(own)))).collect()
}

/// The name below a zone: `@` for the zone itself, `None` where the name is not in the zone.
fn relative(name: &str, zone: &str) -> Option<String> {
    let zone = key(zone);
    if name == zone {
        return Some("@".to_owned());
    }
    let below = name.strip_suffix(&zone)?.strip_suffix('.')?;
    (!below.is_empty() && !zone.is_empty()).then(|| below.to_owned())
}

/// The record type in an id, in lower case.
fn kind_of(id: &ResourceId) -> &str {
    id.key().rsplit('/').nth(1).unwrap_or_default()
}

/// Where the record, log entry or link that an origin rests on stands.
pub fn span_of(origin: Origin<'_>) -> Option<Span> {
    match origin {
        Origin::Hosts => None,
        Origin::Record(record) => Some(record.span),
        Origin::AccessLog(entry) => Some(entry.span),
        Origin::Endpoint(endpoint) => Some(endpoint.span),
    }
}
