//! What differs between two snapshots, resource by resource, and how one of the differences is undone (health.md 6.4).
//!
//! Rules, routes, subnets and peerings are differences of their own: each can be put back while the rest stays.

use super::{NetworkSecurityGroup, ResourceId, RouteTable, Snapshot, Subnet, VirtualNetwork};
use crate::diagnostic::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// How much of a resource differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// All of it: it is in one snapshot only, or it has no children that are told apart.
    Whole,
    /// The resource without its rules, routes, subnets and peerings.
    Settings,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The resource or child.
    pub id: ResourceId,
    /// How much of it.
    pub scope: Scope,
    /// Where it stands in the earlier snapshot; `None` where it is not there.
    pub before: Option<Span>,
    /// Where it stands in the later snapshot.
    pub after: Option<Span>,
    /// Is it in the earlier snapshot?
    pub existed: bool,
    /// Is it in the later snapshot?
    pub exists: bool,
}

/// Applies a macro to every kind of resource without children, with what tells its place.
macro_rules! plain_kinds {
    ($each:ident) => {
        $each!(network_interfaces, |r| Some(r.span));
        $each!(scale_sets, |_| None);
        $each!(public_ips, |r| r.address.as_ref().map(|address| address.span));
        $each!(nat_gateways, |_| None);
        $each!(application_gateways, |r| Some(r.span));
        $each!(vnet_gateways, |_| None);
        $each!(local_network_gateways, |_| None);
        $each!(connections, |_| None);
        $each!(firewalls, |r| Some(r.span));
        $each!(firewall_policies, |r| Some(r.span));
        $each!(rule_collection_groups, |r| Some(r.span));
        $each!(ip_groups, |r| Some(r.span));
        $each!(private_endpoints, |r| Some(r.span));
        $each!(load_balancers, |r| Some(r.span));
        $each!(container_environments, |r| Some(r.span));
        $each!(network_managers.managers, |r| Some(r.span));
        $each!(network_managers.groups, |r| Some(r.span));
        $each!(network_managers.members, |_| None);
        $each!(network_managers.policies, |_| None);
        $each!(network_managers.configurations, |_| None);
        $each!(network_managers.collections, |r| Some(r.span));
        $each!(network_managers.rules, |r| Some(r.rule.span));
        $each!(network_managers.connectivity, |_| None);
        $each!(dns.zones, |_| None);
        $each!(dns.links, |_| None);
        $each!(dns.records, |_| None);
    };
}

/// Every difference, ordered by kind and id. A kind of resource of which one snapshot holds nothing at all was not
/// exported there and is not compared, unless nothing else would show that it came or went: admin rules are referred to by
/// no subnet.
pub fn differences(before: &Snapshot, after: &Snapshot) -> Vec<Difference> {
    let mut out = Found(Vec::new());
    let backs = (Attached::of(before), Attached::of(after));
    out.holders(&before.nsgs, &after.nsgs, |nsg| nsg.span, |_| String::new());
    for (old, new) in both(&before.nsgs, &after.nsgs) {
        out.children(&new.id, "securityRules", (&old.rules, &new.rules), |r| (&r.name, r.span), content);
    }
    out.holders(&before.route_tables, &after.route_tables, |table| table.span, table_settings);
    for (old, new) in both(&before.route_tables, &after.route_tables) {
        out.children(&new.id, "routes", (&old.routes, &new.routes), |r| (&r.name, r.span), content);
    }
    out.holders(&before.vnets, &after.vnets, |vnet| vnet.span, vnet_settings);
    for (old, new) in both(&before.vnets, &after.vnets) {
        let subnets = (old.subnets.as_slice(), new.subnets.as_slice());
        out.subnets(&new.id, subnets, &backs);
        let peerings = (old.peerings.as_slice(), new.peerings.as_slice());
        out.children(&new.id, "virtualNetworkPeerings", peerings, |r| (&r.name, r.span), content);
    }
    macro_rules! compare {
        ($($map:ident).+, $span:expr) => { out.plain(&before.$($map).+, &after.$($map).+, $span); };
    }
    plain_kinds!(compare);
    out.0
}

/// Content of a resource; places do not show (see [`Span`]).
fn content<T: Debug>(value: &T) -> String {
    format!("{value:?}")
}

fn table_settings(table: &RouteTable) -> String {
    content(&RouteTable { routes: Vec::new(), subnets: Vec::new(), ..table.clone() })
}

fn vnet_settings(vnet: &VirtualNetwork) -> String {
    content(&VirtualNetwork { subnets: Vec::new(), peerings: Vec::new(), ..vnet.clone() })
}

/// Resources that both snapshots hold.
fn both<'a, T>(
    before: &'a BTreeMap<ResourceId, T>,
    after: &'a BTreeMap<ResourceId, T>,
) -> impl Iterator<Item = (&'a T, &'a T)> {
    after.iter().filter_map(|(id, new)| before.get(id).map(|old| (old, new)))
}

/// NSG and route table of each subnet as the NSGs and tables themselves list them.
struct Attached<'s> {
    nsgs: BTreeMap<&'s ResourceId, &'s ResourceId>,
    tables: BTreeMap<&'s ResourceId, &'s ResourceId>,
}

impl<'s> Attached<'s> {
    fn of(snapshot: &'s Snapshot) -> Self {
        let nsgs = snapshot.nsgs.values().flat_map(|nsg| nsg.subnets.iter().map(|subnet| (subnet, &nsg.id)));
        let tables = snapshot.route_tables.values().flat_map(|table| table.subnets.iter().map(|s| (s, &table.id)));
        Attached { nsgs: nsgs.collect(), tables: tables.collect() }
    }

    /// Content of a subnet, whichever side names the attachment.
    fn content(&self, subnet: &Subnet) -> String {
        let nsg = subnet.nsg.as_ref().map(|r| &r.value).or_else(|| self.nsgs.get(&subnet.id).copied());
        let table = subnet.route_table.as_ref().map(|r| &r.value).or_else(|| self.tables.get(&subnet.id).copied());
        content(&(nsg, table, Subnet { nsg: None, route_table: None, ..subnet.clone() }))
    }
}

/// Is it there, and where.
type Place = (bool, Option<Span>);

struct Found(Vec<Difference>);

impl Found {
    fn add(&mut self, id: ResourceId, scope: Scope, (existed, before): Place, (exists, after): Place) {
        self.0.push(Difference { id, scope, before, after, existed, exists });
    }

    /// Resources with children: those in one snapshot only, and settings beside the children.
    fn holders<T>(
        &mut self,
        before: &BTreeMap<ResourceId, T>,
        after: &BTreeMap<ResourceId, T>,
        span: impl Fn(&T) -> Span,
        settings: impl Fn(&T) -> String,
    ) {
        if before.is_empty() || after.is_empty() {
            return;
        }
        let ids: BTreeSet<&ResourceId> = before.keys().chain(after.keys()).collect();
        for id in ids {
            let (old, new) = (before.get(id), after.get(id));
            let places = ((old.is_some(), old.map(&span)), (new.is_some(), new.map(&span)));
            match (old, new) {
                (Some(old), Some(new)) if settings(old) == settings(new) => {}
                (Some(_), Some(_)) => self.add(id.clone(), Scope::Settings, places.0, places.1),
                _ => self.add(id.clone(), Scope::Whole, places.0, places.1),
            }
        }
    }

    fn plain<T: Debug>(
        &mut self,
        before: &BTreeMap<ResourceId, T>,
        after: &BTreeMap<ResourceId, T>,
        span: impl Fn(&T) -> Option<Span>,
    ) {
        let ids: BTreeSet<&ResourceId> = before.keys().chain(after.keys()).collect();
        let unreferred = |id: &ResourceId| id.segment("networkManagers").is_some();
        for id in ids {
            let not_exported = (before.is_empty() || after.is_empty()) && !unreferred(id);
            let (old, new) = (before.get(id), after.get(id));
            if not_exported || old.map(content) == new.map(content) {
                continue;
            }
            let places = ((old.is_some(), old.and_then(&span)), (new.is_some(), new.and_then(&span)));
            self.add(id.clone(), Scope::Whole, places.0, places.1);
        }
    }

    fn children<T>(
        &mut self,
        parent: &ResourceId,
        kind: &str,
        (before, after): (&[T], &[T]),
        place: impl Fn(&T) -> (&String, Span),
        content: impl Fn(&T) -> String,
    ) {
        let keyed = |list: &[T]| -> BTreeMap<String, (String, Span, String)> {
            let one = |child: &T| {
                let (name, span) = place(child);
                (name.to_ascii_lowercase(), (name.clone(), span, content(child)))
            };
            list.iter().map(one).collect()
        };
        let (before, after) = (keyed(before), keyed(after));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let (old, new) = (before.get(name), after.get(name));
            if old.map(|child| &child.2) == new.map(|child| &child.2) {
                continue;
            }
            let written = new.or(old).map_or(name.as_str(), |child| child.0.as_str());
            let (old, new) = ((old.is_some(), old.map(|child| child.1)), (new.is_some(), new.map(|child| child.1)));
            self.add(parent.child(kind, written), Scope::Whole, old, new);
        }
    }

    fn subnets(
        &mut self,
        vnet: &ResourceId,
        (before, after): (&[Subnet], &[Subnet]),
        backs: &(Attached<'_>, Attached<'_>),
    ) {
        let keyed = |list: &[Subnet], back: &Attached<'_>| -> BTreeMap<String, (String, Span, String)> {
            let one = |s: &Subnet| (s.name.to_ascii_lowercase(), (s.name.clone(), s.span, back.content(s)));
            list.iter().map(one).collect()
        };
        let (before, after) = (keyed(before, &backs.0), keyed(after, &backs.1));
        let values = (before.into_values().collect::<Vec<_>>(), after.into_values().collect::<Vec<_>>());
        self.children(vnet, "subnets", (&values.0, &values.1), |s| (&s.0, s.1), |s| s.2.clone());
    }
}

impl Snapshot {
    /// Puts a resource or child back as another snapshot has it; one that is not there is taken away. False where nothing
    /// of that name is in either.
    pub fn restore(&mut self, id: &ResourceId, scope: Scope, from: &Snapshot) -> bool {
        match id.resource_type().unwrap_or_default().as_str() {
            "microsoft.network/networksecuritygroups/securityrules" => {
                let rules = |nsg: &mut NetworkSecurityGroup| std::mem::take(&mut nsg.rules);
                let put = |nsg: &mut NetworkSecurityGroup, list| nsg.rules = list;
                within(&mut self.nsgs, &from.nsgs, id, |r| &r.name, (rules, put))
            }
            "microsoft.network/routetables/routes" => {
                let routes = |table: &mut RouteTable| std::mem::take(&mut table.routes);
                let put = |table: &mut RouteTable, list| table.routes = list;
                within(&mut self.route_tables, &from.route_tables, id, |r| &r.name, (routes, put))
            }
            "microsoft.network/virtualnetworks/virtualnetworkpeerings" => {
                let peerings = |vnet: &mut VirtualNetwork| std::mem::take(&mut vnet.peerings);
                let put = |vnet: &mut VirtualNetwork, list| vnet.peerings = list;
                within(&mut self.vnets, &from.vnets, id, |p| &p.name, (peerings, put))
            }
            "microsoft.network/virtualnetworks/subnets" => {
                self.reattach(id, from);
                let subnets = |vnet: &mut VirtualNetwork| std::mem::take(&mut vnet.subnets);
                let put = |vnet: &mut VirtualNetwork, list| vnet.subnets = list;
                within(&mut self.vnets, &from.vnets, id, |s| &s.name, (subnets, put))
            }
            _ if scope == Scope::Settings => self.restore_settings(id, from),
            _ => self.restore_whole(id, from),
        }
    }

    /// What NSGs and route tables list of a subnet, as another snapshot has it.
    fn reattach(&mut self, subnet: &ResourceId, from: &Snapshot) {
        let listed = |list: &[ResourceId]| list.contains(subnet);
        for (id, nsg) in &mut self.nsgs {
            nsg.subnets.retain(|other| other != subnet);
            nsg.subnets.extend(from.nsgs.get(id).filter(|nsg| listed(&nsg.subnets)).map(|_| subnet.clone()));
        }
        for (id, table) in &mut self.route_tables {
            table.subnets.retain(|other| other != subnet);
            table.subnets.extend(from.route_tables.get(id).filter(|t| listed(&t.subnets)).map(|_| subnet.clone()));
        }
    }

    fn restore_settings(&mut self, id: &ResourceId, from: &Snapshot) -> bool {
        if let (Some(own), Some(other)) = (self.vnets.get_mut(id), from.vnets.get(id)) {
            let (subnets, peerings) = (std::mem::take(&mut own.subnets), std::mem::take(&mut own.peerings));
            *own = VirtualNetwork { subnets, peerings, ..other.clone() };
            return true;
        }
        if let (Some(own), Some(other)) = (self.route_tables.get_mut(id), from.route_tables.get(id)) {
            let (routes, subnets) = (std::mem::take(&mut own.routes), std::mem::take(&mut own.subnets));
            *own = RouteTable { routes, subnets, ..other.clone() };
            return true;
        }
        self.restore_whole(id, from)
    }

    fn restore_whole(&mut self, id: &ResourceId, from: &Snapshot) -> bool {
        let mut known = replace(&mut self.nsgs, &from.nsgs, id);
        known |= replace(&mut self.vnets, &from.vnets, id);
        known |= replace(&mut self.route_tables, &from.route_tables, id);
        macro_rules! put_back {
            ($($map:ident).+, $span:expr) => {
                known |= replace(&mut self.$($map).+, &from.$($map).+, id);
            };
        }
        plain_kinds!(put_back);
        known
    }
}

fn replace<T: Clone>(own: &mut BTreeMap<ResourceId, T>, from: &BTreeMap<ResourceId, T>, id: &ResourceId) -> bool {
    match from.get(id) {
        Some(value) => own.insert(id.clone(), value.clone()).is_some() || own.contains_key(id),
        None => own.remove(id).is_some(),
    }
}

/// Puts one child back, by its name. A parent that is missing in the later snapshot comes back whole.
fn within<P: Clone, T: Clone>(
    own: &mut BTreeMap<ResourceId, P>,
    from: &BTreeMap<ResourceId, P>,
    id: &ResourceId,
    name: impl Fn(&T) -> &str,
    (take, put): (impl Fn(&mut P) -> Vec<T>, impl Fn(&mut P, Vec<T>)),
) -> bool {
    let Some(parent) = id.parent() else { return false };
    let same = |child: &T| name(child).eq_ignore_ascii_case(id.name());
    let earlier = from.get(&parent).map(|parent| take(&mut parent.clone())).unwrap_or_default();
    let earlier = earlier.into_iter().find(same);
    let Some(holder) = own.get_mut(&parent) else { return replace(own, from, &parent) };
    let mut list = take(holder);
    let position = list.iter().position(same);
    let known = position.is_some() || earlier.is_some();
    match (position.and_then(|at| list.get_mut(at)), earlier) {
        (Some(slot), Some(earlier)) => *slot = earlier,
        (Some(_), None) => list.retain(|child| !same(child)),
        (None, Some(earlier)) => list.push(earlier),
        (None, None) => {}
    }
    put(holder, list);
    known
}
