//! Resources of all files to one snapshot: repetitions, conflicts, and children that were exported on their own.

use super::dns;
use super::resource::Resource;
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{ResourceId, Snapshot, is_default_rule};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Debug;

/// Puts resources together. Files come sorted by name, so the result does not depend on the order of arguments.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    pub(crate) snapshot: Snapshot,
    pub(crate) findings: Vec<Diagnostic>,
    seen: BTreeMap<ResourceId, Span>,
    conflicts: BTreeMap<ResourceId, Vec<Span>>,
    children: Vec<(ResourceId, Span, Resource)>,
}

impl Assembly {
    /// Adds one resource.
    pub(crate) fn add(&mut self, id: ResourceId, span: Span, resource: Resource) {
        let s = &mut self.snapshot;
        let same = match resource {
            Resource::SecurityRule(..) | Resource::Subnet(..) | Resource::Peering(..) | Resource::Route(..) => {
                self.children.push((id, span, resource));
                return;
            }
            Resource::Other => return,
            Resource::ApplicationSecurityGroup(id) => {
                s.application_security_groups.insert(id);
                return;
            }
            Resource::Nsg(value) => insert(&mut s.nsgs, &id, value),
            Resource::Vnet(value) => insert(&mut s.vnets, &id, value),
            Resource::RouteTable(value) => insert(&mut s.route_tables, &id, value),
            Resource::Nic(value) => insert(&mut s.network_interfaces, &id, value),
            Resource::ScaleSet(value) => insert(&mut s.scale_sets, &id, value),
            Resource::Instance(set) => insert(&mut s.instances, &id, set),
            Resource::PublicIp(value) => insert(&mut s.public_ips, &id, value),
            Resource::NatGateway(value) => insert(&mut s.nat_gateways, &id, value),
            Resource::Gateway(value) => insert(&mut s.application_gateways, &id, *value),
            Resource::VnetGateway(value) => insert(&mut s.vnet_gateways, &id, value),
            Resource::LocalGateway(value) => insert(&mut s.local_network_gateways, &id, value),
            Resource::Connection(value) => insert(&mut s.connections, &id, value),
            Resource::Firewall(value) => insert(&mut s.firewalls, &id, value),
            Resource::FirewallPolicy(value) => insert(&mut s.firewall_policies, &id, value),
            Resource::RuleCollectionGroup(value) => insert(&mut s.rule_collection_groups, &id, value),
            Resource::IpGroup(value) => insert(&mut s.ip_groups, &id, value),
            Resource::PrivateEndpoint(value) => insert(&mut s.private_endpoints, &id, value),
            Resource::Container(value) => insert(&mut s.container_environments, &id, value),
            Resource::LoadBalancer(value) => insert(&mut s.load_balancers, &id, value),
            Resource::NetworkManager(value) => insert(&mut s.network_managers.managers, &id, value),
            Resource::NetworkGroup(value) => insert(&mut s.network_managers.groups, &id, value),
            Resource::StaticMember(value) => insert(&mut s.network_managers.members, &id, value),
            Resource::MembershipPolicy(value) => insert(&mut s.network_managers.policies, &id, value),
            Resource::AdminConfiguration(value) => insert(&mut s.network_managers.configurations, &id, value),
            Resource::AdminCollection(value) => insert(&mut s.network_managers.collections, &id, value),
            Resource::AdminRule(value) => insert(&mut s.network_managers.rules, &id, value),
            Resource::Connectivity(value) => insert(&mut s.network_managers.connectivity, &id, value),
            Resource::DnsZone(value) => insert(&mut s.dns.zones, &id, value),
            Resource::ZoneLink(value) => insert(&mut s.dns.links, &id, value),
            Resource::RecordSet(value) => insert(&mut s.dns.records, &id, value),
        };
        if same {
            self.seen.entry(id).or_insert(span);
        } else {
            self.conflicts.entry(id).or_default().push(span);
        }
    }

    /// Notes a resource that could not be read; why has been reported.
    pub(crate) fn unusable(&mut self, id: ResourceId, why: &str) {
        self.snapshot.unusable.insert(id, why.to_owned());
    }

    /// Resolves conflicts and joins children with their parents.
    pub(crate) fn finish(mut self) -> (Snapshot, Vec<Diagnostic>) {
        for (id, spans) in std::mem::take(&mut self.conflicts) {
            let mut finding = Diagnostic::new(
                &code::CONFLICTING_RESOURCE,
                format!("{} stands in the input with different contents; neither was used", id.name()),
            )
            .resource(id.as_str())
            .help("keep only the newer export");
            finding = finding.at_some(spans.first().copied());
            if let Some(first) = self.seen.get(&id) {
                finding = finding.label(*first, "the other one");
            }
            self.findings.push(finding);
            self.unusable(id, "it stands in the input with different contents");
        }
        let broken: Vec<ResourceId> = self.snapshot.unusable.keys().cloned().collect();
        for id in &broken {
            self.remove(id);
        }
        for (id, span, child) in std::mem::take(&mut self.children) {
            self.join(&id, span, child);
        }
        dns::add_named_zones(&mut self.snapshot);
        (self.snapshot, self.findings)
    }

    fn remove(&mut self, id: &ResourceId) {
        let s = &mut self.snapshot;
        s.nsgs.remove(id);
        s.vnets.remove(id);
        s.route_tables.remove(id);
        s.network_interfaces.remove(id);
        s.scale_sets.remove(id);
        s.instances.remove(id);
        s.public_ips.remove(id);
        s.nat_gateways.remove(id);
        s.application_gateways.remove(id);
        s.vnet_gateways.remove(id);
        s.local_network_gateways.remove(id);
        s.connections.remove(id);
        s.firewalls.remove(id);
        s.firewall_policies.remove(id);
        s.rule_collection_groups.remove(id);
        s.ip_groups.remove(id);
        s.private_endpoints.remove(id);
        s.load_balancers.remove(id);
        s.container_environments.remove(id);
        let managers = &mut s.network_managers;
        managers.managers.remove(id);
        managers.groups.remove(id);
        managers.members.remove(id);
        managers.configurations.remove(id);
        managers.collections.remove(id);
        managers.rules.remove(id);
        managers.connectivity.remove(id);
        s.dns.zones.remove(id);
        s.dns.links.remove(id);
        s.dns.records.remove(id);
    }

    /// A child that its parent's export lacks is added; one that it holds with other content is a conflict. A child whose
    /// parent is not in the input is kept among the fragments.
    fn join(&mut self, id: &ResourceId, span: Span, child: Resource) {
        let s = &mut self.snapshot;
        let (parent, known, merged) = match child {
            Resource::SecurityRule(parent, rule) => {
                if is_default_rule(&rule.name, rule.priority.value().copied()) {
                    return; // a default rule, exported with `--include-default`
                }
                let own = s.nsgs.get_mut(&parent).map(|nsg| &mut nsg.rules);
                let (known, list) = own_or(own, || s.fragments.rules(&parent, span));
                (parent, known, merge(list, rule, |rule| &rule.name))
            }
            Resource::Subnet(parent, subnet) => {
                let own = s.vnets.get_mut(&parent).map(|vnet| &mut vnet.subnets);
                let (known, list) = own_or(own, || s.fragments.subnets(&parent, span));
                (parent, known, merge(list, subnet, |subnet| &subnet.name))
            }
            Resource::Peering(parent, peering) => {
                let own = s.vnets.get_mut(&parent).map(|vnet| &mut vnet.peerings);
                let (known, list) = own_or(own, || s.fragments.peerings(&parent, span));
                (parent, known, merge(list, peering, |peering| &peering.name))
            }
            Resource::Route(parent, route) => {
                let own = s.route_tables.get_mut(&parent).map(|table| &mut table.routes);
                let (known, list) = own_or(own, || s.fragments.routes(&parent, span));
                (parent, known, merge(list, route, |route| &route.name))
            }
            _ => return,
        };
        match (known, merged) {
            (true, true) => {}
            (true, false) => {
                self.findings.push(
                    Diagnostic::new(
                        &code::CONFLICTING_RESOURCE,
                        format!(
                            "{} differs from what its parent {} holds; the parent was not used",
                            id.name(),
                            parent.name()
                        ),
                    )
                    .resource(id.as_str())
                    .at(span)
                    .help("keep only the newer export"),
                );
                self.remove(&parent);
                self.unusable(parent, "one of its children stands in the input with different contents");
            }
            (false, _) if self.snapshot.unusable.contains_key(&parent) => {}
            (false, _) => self.findings.push(
                Diagnostic::new(
                    &code::DANGLING_REFERENCE,
                    format!("{} was exported without its parent {}; it was not used", id.name(), parent.name()),
                )
                .resource(id.as_str())
                .at(span)
                .help(format!("export the parent: {}", crate::model::export_command(&parent))),
            ),
        }
    }
}

/// The list of a parent that is in the input, and whether it is; else the other one.
fn own_or<'a, T>(own: Option<&'a mut Vec<T>>, other: impl FnOnce() -> &'a mut Vec<T>) -> (bool, &'a mut Vec<T>) {
    match own {
        Some(list) => (true, list),
        None => (false, other()),
    }
}

/// Do two exports say the same, places and letter case of ids apart? ([`Span`] and [`ResourceId`] print so that this
/// comparison sees only content.)
fn same_content<T: Debug>(a: &T, b: &T) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

/// Inserts a resource; false where another one with other content is there.
fn insert<T: Debug>(map: &mut BTreeMap<ResourceId, T>, id: &ResourceId, value: T) -> bool {
    match map.entry(id.clone()) {
        Entry::Vacant(slot) => {
            slot.insert(value);
            true
        }
        Entry::Occupied(slot) => same_content(slot.get(), &value),
    }
}

/// Adds a child; false where one of that name and other content is there.
fn merge<T: Debug>(list: &mut Vec<T>, child: T, name: impl Fn(&T) -> &str) -> bool {
    match list.iter().find(|other| name(other).eq_ignore_ascii_case(name(&child))) {
        Some(other) => same_content(other, &child),
        None => {
            list.push(child);
            true
        }
    }
}
