//! Effective lists as configuration (semantics.md 1.8, 3.7, 6.3): NSGs and route tables that are not in the input
//! themselves are rebuilt from them, tags without data get their members, and VirtualNetwork and Internet hold for a
//! subnet what its list says.

use super::effective::only_tag;
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{
    EffectiveGroup, EffectiveRoute, EffectiveRule, EffectiveTable, InterfaceView, Located, NetworkSecurityGroup,
    NextHopType, ResourceId, RouteDestination, RouteTable, SecurityRule, ServiceTags, Setting, Snapshot, TagExpansion,
    UserRoute, is_default_rule,
};
use crate::net::{AddressSet, WrittenPrefix};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};

/// Effective lists of one or more files.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    pub(crate) groups: Vec<EffectiveGroup>,
    pub(crate) views: Vec<InterfaceView>,
    pub(crate) tables: Vec<EffectiveTable>,
}

impl Exports {
    pub(crate) fn extend(&mut self, other: Exports) {
        self.groups.extend(other.groups);
        self.views.extend(other.views);
        self.tables.extend(other.tables);
    }

    /// Puts them into a snapshot.
    pub(crate) fn apply(self, snapshot: &mut Snapshot) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for group in &self.groups {
            add_group(snapshot, group, &mut findings);
        }
        for view in &self.views {
            add_view(snapshot, view, &mut findings);
        }
        for table in &self.tables {
            add_table(snapshot, table, &mut findings);
        }
        findings
    }
}

/// The subnet of a NIC of the input.
fn subnet_of_nic(snapshot: &Snapshot, nic: &ResourceId) -> Option<ResourceId> {
    let nic = snapshot.network_interfaces.get(nic)?;
    nic.configurations.iter().find_map(|configuration| configuration.subnet.clone())
}

fn is_nic(id: &ResourceId) -> bool {
    id.segment("networkInterfaces").is_some()
}

fn add_group(snapshot: &mut Snapshot, group: &EffectiveGroup, findings: &mut Vec<Diagnostic>) {
    let Some(association) = group.association.clone() else { return rebuild_from(snapshot, group, None, findings) };
    if association.segment("networkManagers").is_some() {
        return;
    }
    let subnet = if is_nic(&association) { subnet_of_nic(snapshot, &association) } else { Some(association.clone()) };
    rebuild_from(snapshot, group, Some(&association), findings);
    fill_tags(snapshot, &group.tags);
    if let Some(subnet) = subnet {
        let expansion = snapshot.expansions.entry(subnet).or_default();
        expand(expansion, &group.tags, group.span);
        if !is_nic(&association) {
            expansion.nsg = Some(group.nsg.clone());
        }
    }
}

fn rebuild_from(
    snapshot: &mut Snapshot,
    group: &EffectiveGroup,
    association: Option<&ResourceId>,
    findings: &mut Vec<Diagnostic>,
) {
    let rules = group.rules.iter().filter(|rule| !rule.is_default).map(|rule| rule.rule.clone()).collect();
    rebuild(snapshot, &group.nsg, rules, association, group.span, findings);
}

/// Rebuilds an NSG that is not in the input. One that is there, or is unusable, stays as it is.
fn rebuild(
    snapshot: &mut Snapshot,
    id: &ResourceId,
    rules: Vec<SecurityRule>,
    association: Option<&ResourceId>,
    span: Span,
    findings: &mut Vec<Diagnostic>,
) {
    if id.as_str().is_empty() || snapshot.nsgs.contains_key(id) || snapshot.unusable.contains_key(id) {
        return;
    }
    let attached = |nic: bool| association.filter(|id| is_nic(id) == nic).cloned().into_iter().collect();
    let text = format!("NSG {} was rebuilt from an effective list; the NSG itself is not in the input", id.name());
    let finding = Diagnostic::new(&code::REBUILT_FROM_EFFECTIVE, text).resource(id.as_str()).at(span);
    findings.push(finding.help(format!("export it: {}", crate::model::export_command(id))));
    let nsg = NetworkSecurityGroup {
        name: id.name().to_owned(),
        span,
        rules,
        subnets: attached(false),
        network_interfaces: attached(true),
        guid: None,
        id: id.clone(),
    };
    snapshot.nsgs.insert(id.clone(), nsg);
}

/// Members of tags that have no data, VirtualNetwork, Internet and AzureLoadBalancer apart.
fn fill_tags(snapshot: &mut Snapshot, tags: &BTreeMap<String, Vec<IpNet>>) {
    for (tag, members) in tags {
        if matches!(tag.as_str(), "virtualnetwork" | "internet" | "azureloadbalancer") || members.is_empty() {
            continue;
        }
        let data = snapshot.service_tags.get_or_insert_with(ServiceTags::default);
        data.tags.entry(tag.clone()).or_insert_with(|| members.iter().copied().collect());
        data.prefixes.entry(tag.clone()).or_insert_with(|| members.clone());
    }
}

fn expand(expansion: &mut TagExpansion, tags: &BTreeMap<String, Vec<IpNet>>, span: Span) {
    let set = |tag: &str| tags.get(tag).filter(|members| !members.is_empty()).map(|m| m.iter().copied().collect());
    let add = |known: &mut Option<AddressSet>, new: Option<AddressSet>| {
        if let Some(new) = new {
            *known = Some(known.take().map_or_else(|| new.clone(), |known| known.union(&new)));
        }
    };
    add(&mut expansion.virtual_network, set("virtualnetwork"));
    add(&mut expansion.internet, set("internet"));
    expansion.span = expansion.span.or(Some(span));
}

fn add_view(snapshot: &mut Snapshot, view: &InterfaceView, findings: &mut Vec<Diagnostic>) {
    if view.effective.is_empty() && view.nic.is_none() && view.subnet.is_none() {
        return;
    }
    let user = |rules: &[SecurityRule]| -> Vec<SecurityRule> {
        let own = rules.iter().filter(|rule| !is_default_rule(&rule.name, rule.priority.value().copied()));
        own.cloned().collect()
    };
    let subnet = view.subnet_id.clone().or_else(|| subnet_of_nic(snapshot, &view.id));
    if let Some(group) = &view.nic {
        let referred = snapshot.network_interfaces.get(&view.id).and_then(|nic| nic.nsg.as_ref());
        if let Some(id) = group.nsg.clone().or_else(|| referred.map(|nsg| nsg.value.clone())) {
            rebuild(snapshot, &id, user(&group.rules), Some(&view.id), view.span, findings);
        }
    }
    let Some(subnet) = subnet else { return };
    let mut nsg = None;
    if let Some(group) = &view.subnet {
        // A view names an NSG without rules only by the subnet.
        let id = group.nsg.clone().unwrap_or_else(|| subnet.child("networkSecurityGroups", "(unnamed)"));
        rebuild(snapshot, &id, user(&group.rules), Some(&subnet), view.span, findings);
        nsg = Some(id);
    }
    let tags = expanded(&view.effective);
    fill_tags(snapshot, &tags);
    let expansion = snapshot.expansions.entry(subnet).or_default();
    expand(expansion, &tags, view.span);
    expansion.nsg = expansion.nsg.take().or(nsg);
}

/// Tags that rules expand.
fn expanded(rules: &[EffectiveRule]) -> BTreeMap<String, Vec<IpNet>> {
    let mut out: BTreeMap<String, Vec<IpNet>> = BTreeMap::new();
    for rule in rules {
        for (side, members) in [(&rule.rule.source, &rule.source), (&rule.rule.destination, &rule.destination)] {
            if let (Some(tag), Some(members)) = (only_tag(side), members) {
                out.entry(tag).or_insert_with(|| members.clone());
            }
        }
    }
    out
}

/// A route table that is referred to and not in the input is rebuilt from the user routes of an effective table: that of
/// the NIC that the export names, else the only one of the virtual network whose ranges the table has.
fn add_table(snapshot: &mut Snapshot, table: &EffectiveTable, findings: &mut Vec<Diagnostic>) {
    let Some(span) = table.routes.first().map(|route| route.span) else { return };
    let subnets = match &table.nic {
        Some(nic) => subnet_of_nic(snapshot, nic).into_iter().collect(),
        None => subnets_with(snapshot, &table.routes),
    };
    let all = snapshot.vnets.values().flat_map(|vnet| &vnet.subnets).filter(|subnet| subnets.contains(&subnet.id));
    let referred: BTreeSet<ResourceId> =
        all.filter_map(|subnet| subnet.route_table.as_ref()).map(|table| table.value.clone()).collect();
    let missing: Vec<&ResourceId> = referred.iter().filter(|id| !snapshot.route_tables.contains_key(*id)).collect();
    let [id] = missing.as_slice() else {
        if missing.len() > 1 {
            let text = "effective routes fit several subnets whose route tables are missing; they were not used";
            findings.push(Diagnostic::new(&code::EFFECTIVE_UNPLACED, text).at(span).help("export the route tables"));
        }
        return;
    };
    let text = format!("route table {} was rebuilt from effective routes; it is not in the input itself", id.name());
    let finding = Diagnostic::new(&code::REBUILT_FROM_EFFECTIVE, text).resource(id.as_str()).at(span);
    findings.push(finding.help(format!("export it: {}", crate::model::export_command(id))));
    let routes = table.routes.iter().filter(|route| route.active && route.source.eq_ignore_ascii_case("user"));
    let rebuilt = RouteTable {
        name: id.name().to_owned(),
        span,
        disable_bgp_route_propagation: table.disables_propagation,
        disable_peering_route: false,
        routes: routes.flat_map(user_routes).collect(),
        subnets: Vec::new(),
        id: (*id).clone(),
    };
    let id = (*id).clone();
    snapshot.route_tables.insert(id, rebuilt);
}

/// Subnets of the virtual networks that have exactly the table's local ranges.
fn subnets_with(snapshot: &Snapshot, routes: &[EffectiveRoute]) -> Vec<ResourceId> {
    let local = routes.iter().filter(|route| {
        route.source.eq_ignore_ascii_case("default") && route.next_hop.eq_ignore_ascii_case("vnetlocal")
    });
    let ranges: BTreeSet<IpNet> = local.flat_map(|route| route.prefixes.iter().copied()).collect();
    let fits = |prefixes: &[Located<WrittenPrefix>]| {
        !ranges.is_empty() && prefixes.iter().map(|prefix| prefix.value.net).collect::<BTreeSet<_>>() == ranges
    };
    let vnets = snapshot.vnets.values().filter(|vnet| fits(&vnet.prefixes));
    vnets.flat_map(|vnet| &vnet.subnets).map(|subnet| subnet.id.clone()).collect()
}

/// One user route for each prefix or tag.
fn user_routes(route: &EffectiveRoute) -> Vec<UserRoute> {
    let place = |destination: RouteDestination| {
        let located = |text: &str| Located::new(text.to_owned(), route.span);
        let shown = match &destination {
            RouteDestination::Prefix(prefix) => prefix.net.to_string(),
            RouteDestination::Tag(tag) => tag.clone(),
        };
        UserRoute {
            name: route.name.clone().unwrap_or(shown),
            span: route.span,
            destination: Setting::Set(Located::new(destination, route.span)),
            next_hop: match NextHopType::parse(&route.next_hop) {
                Some(hop) => Setting::Set(Located::new(hop, route.span)),
                None => Setting::Invalid(located(&route.next_hop)),
            },
            has_bgp_override: false,
            next_hop_address: match route.addresses.first() {
                Some(address) => Setting::Set(Located::new(*address, route.span)),
                None => Setting::Missing,
            },
        }
    };
    let tags = route.tags.iter().chain(&route.unreadable).map(|tag| RouteDestination::Tag(tag.clone()));
    if !route.tags.is_empty() {
        return tags.map(place).collect();
    }
    let prefixes = route.prefixes.iter().filter_map(|net| WrittenPrefix::parse(&net.to_string()));
    prefixes.map(RouteDestination::Prefix).chain(tags).map(place).collect()
}
