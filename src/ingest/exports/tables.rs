//! Effective routes as configuration (semantics.md 3.7, 9b.5). Their user-defined routes rebuild a route table that is not
//! in the input and win over one that is; their other routes are what the subnet has.

use super::subnet_of_nic;
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{
    EffectiveRoute, EffectiveTable, Located, NextHopType, ResourceId, RouteDestination, RouteTable, Setting, Snapshot,
    Subnet, UserRoute, export_command,
};
use crate::net::{WrittenPrefix, shown};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A user-defined route as far as lists print it: destination, next hop type, address of an appliance.
type Line = (String, String, Option<IpAddr>);

/// Puts the tables into the snapshot.
pub(super) fn apply(snapshot: &mut Snapshot, tables: Vec<EffectiveTable>, findings: &mut Vec<Diagnostic>) {
    let mut placed: BTreeMap<ResourceId, EffectiveTable> = BTreeMap::new();
    let mut disputed = BTreeSet::new();
    for table in tables {
        let Some(span) = table.routes.first().map(|route| route.span) else { continue };
        let subnets = places(snapshot, &table, findings, span);
        for subnet in subnets {
            match placed.get(&subnet) {
                Some(other) if content(other) == content(&table) => {}
                Some(_) if disputed.contains(&subnet) => {}
                Some(other) => {
                    let first = other.routes.first().map_or(span, |route| route.span);
                    findings.push(contradiction(&subnet, span, first));
                    disputed.insert(subnet);
                }
                None => drop(placed.insert(subnet, table.clone())),
            }
        }
    }
    for (subnet, table) in placed {
        if disputed.contains(&subnet) {
            disown(snapshot, &subnet);
        } else {
            take(snapshot, &subnet, table, findings);
        }
    }
}

fn contradiction(subnet: &ResourceId, span: Span, first: Span) -> Diagnostic {
    let text = format!("effective routes of subnet {} contradict each other; none was used", subnet.name());
    let finding = Diagnostic::new(&code::EFFECTIVE_DIFFERS, text).resource(subnet.as_str()).at(span);
    finding.label(first, "the other one").help("keep only the newest export")
}

/// What a table says, places apart.
fn content(table: &EffectiveTable) -> BTreeSet<(String, bool, Line)> {
    let lines = table.routes.iter().flat_map(|route| {
        let source = route.source.to_ascii_lowercase();
        lines_of(route).into_iter().map(move |line| (source.clone(), route.active, line))
    });
    lines.collect()
}

fn lines_of(route: &EffectiveRoute) -> Vec<Line> {
    user_routes(route).iter().map(line).collect()
}

fn line(route: &UserRoute) -> Line {
    let destination = match &route.destination {
        Setting::Set(set) => match &set.value {
            RouteDestination::Prefix(prefix) => prefix.net.to_string(),
            RouteDestination::Tag(tag) => tag.to_ascii_lowercase(),
        },
        Setting::Missing => String::new(),
        Setting::Invalid(text) => text.value.clone(),
    };
    let hop = match &route.next_hop {
        Setting::Set(hop) => format!("{:?}", hop.value),
        Setting::Missing => String::new(),
        Setting::Invalid(text) => text.value.to_ascii_lowercase(),
    };
    let appliance = matches!(route.next_hop.value(), Some(NextHopType::VirtualAppliance));
    (destination, hop, route.next_hop_address.value().copied().filter(|_| appliance))
}

fn words((destination, hop, address): &Line) -> String {
    let address = address.map(|address| format!(" {address}")).unwrap_or_default();
    format!("{destination} -> {hop}{address}")
}

fn subnet<'s>(snapshot: &'s Snapshot, id: &ResourceId) -> Option<&'s Subnet> {
    snapshot.vnets.values().flat_map(|vnet| &vnet.subnets).find(|subnet| subnet.id == *id)
}

/// Subnets that a table is of: that of the NIC that the export names. The output of the tools names none: then those of
/// the virtual networks with the same ranges, and of these the ones whose route table has the same routes, or the only
/// one, or those of the only route table that is missing.
fn places(snapshot: &Snapshot, table: &EffectiveTable, findings: &mut Vec<Diagnostic>, span: Span) -> Vec<ResourceId> {
    if let Some(nic) = &table.nic {
        return subnet_of_nic(snapshot, nic).into_iter().collect();
    }
    let found: Vec<&Subnet> = with_ranges(snapshot, &table.routes);
    if let [only] = found.as_slice() {
        return vec![only.id.clone()];
    }
    let listed: BTreeSet<Line> = table.routes.iter().filter(|route| route.is_user()).flat_map(lines_of).collect();
    let same = |subnet: &&&Subnet| match &subnet.route_table {
        None => listed.is_empty(),
        Some(id) => snapshot
            .route_tables
            .get(&id.value)
            .is_some_and(|table| table.routes.iter().map(line).collect::<BTreeSet<_>>() == listed),
    };
    let fitting: Vec<ResourceId> = found.iter().filter(same).map(|subnet| subnet.id.clone()).collect();
    let missing = |subnet: &&Subnet| {
        let id = &subnet.route_table.as_ref()?.value;
        (!snapshot.route_tables.contains_key(id) && !snapshot.unusable.contains_key(id)).then(|| id.clone())
    };
    let lost: BTreeSet<ResourceId> = found.iter().filter_map(missing).collect();
    if lost.is_empty() && !fitting.is_empty() {
        // Whichever of them it is, all have these routes.
        return if alike(snapshot, &found, &fitting) { fitting } else { Vec::new() };
    }
    if lost.len() == 1 && fitting.is_empty() {
        return found.iter().filter(|subnet| missing(subnet).is_some()).map(|subnet| subnet.id.clone()).collect();
    }
    if !found.is_empty() {
        let text = "effective routes fit several subnets, and none for certain; they were not used";
        let finding = Diagnostic::new(&code::EFFECTIVE_UNPLACED, text).at(span);
        findings.push(finding.help("keep the NIC's name with them, or export the route tables"));
    }
    Vec::new()
}

/// Have subnets of one virtual network with the same user-defined routes the same other routes, too? Service endpoints,
/// propagation and peerings of some subnets make them differ.
fn alike(snapshot: &Snapshot, found: &[&Subnet], fitting: &[ResourceId]) -> bool {
    let subnets: Vec<&&Subnet> = found.iter().filter(|subnet| fitting.contains(&subnet.id)).collect();
    let kind = |subnet: &Subnet| {
        let table = subnet.route_table.as_ref().and_then(|id| snapshot.route_tables.get(&id.value));
        (table.is_some_and(|table| table.disable_bgp_route_propagation), subnet.service_endpoints.clone())
    };
    let kinds: BTreeSet<_> = subnets.iter().map(|subnet| kind(subnet)).collect();
    let vnets: BTreeSet<Option<ResourceId>> = subnets.iter().map(|subnet| subnet.id.parent()).collect();
    let complete = |id: &Option<ResourceId>| {
        let vnet = id.as_ref().and_then(|id| snapshot.vnets.get(id));
        vnet.is_some_and(|vnet| vnet.peerings.iter().all(|peering| peering.complete_vnets))
    };
    kinds.len() == 1 && vnets.len() == 1 && vnets.iter().all(complete)
}

/// Subnets of the virtual networks that have exactly the table's local ranges.
fn with_ranges<'s>(snapshot: &'s Snapshot, routes: &[EffectiveRoute]) -> Vec<&'s Subnet> {
    let local = routes.iter().filter(|route| {
        route.source.eq_ignore_ascii_case("default") && route.next_hop.eq_ignore_ascii_case("vnetlocal")
    });
    let ranges: BTreeSet<IpNet> = local.flat_map(|route| route.prefixes.iter().copied()).collect();
    let fits = |prefixes: &[Located<WrittenPrefix>]| {
        !ranges.is_empty() && prefixes.iter().map(|prefix| prefix.value.net).collect::<BTreeSet<_>>() == ranges
    };
    snapshot.vnets.values().filter(|vnet| fits(&vnet.prefixes)).flat_map(|vnet| &vnet.subnets).collect()
}

/// A subnet whose lists contradict each other has a route table of which nothing is known.
fn disown(snapshot: &mut Snapshot, id: &ResourceId) {
    let nowhere = id.child("routeTables", "(disputed)");
    let Some(subnet) = subnet_mut(snapshot, id) else { return };
    subnet.route_table = Some(Located::new(nowhere.clone(), subnet.span));
    snapshot.unusable.insert(nowhere, "effective routes of its subnet contradict each other".to_owned());
}

fn subnet_mut<'s>(snapshot: &'s mut Snapshot, id: &ResourceId) -> Option<&'s mut Subnet> {
    snapshot.vnets.values_mut().flat_map(|vnet| &mut vnet.subnets).find(|subnet| subnet.id == *id)
}

/// Takes a table for a subnet: its user-defined routes into the route table, the others as they are.
fn take(snapshot: &mut Snapshot, id: &ResourceId, table: EffectiveTable, findings: &mut Vec<Diagnostic>) {
    let Some(span) = table.routes.first().map(|route| route.span) else { return };
    let referred = subnet(snapshot, id).and_then(|subnet| subnet.route_table.clone());
    let user: Vec<UserRoute> =
        table.routes.iter().filter(|route| route.is_user() && route.active).flat_map(user_routes).collect();
    match referred {
        Some(reference) => match snapshot.route_tables.get_mut(&reference.value) {
            Some(configured) => win(configured, id, &table, &user, span, findings),
            None if snapshot.unusable.contains_key(&reference.value) => return,
            None => rebuild(snapshot, &reference.value, table.disables_propagation, user, span, findings),
        },
        None if user.is_empty() => {}
        None => {
            let own = id.child("routeTables", "(unnamed)");
            let text = format!(
                "subnet {} has user-defined routes in an effective list and no route table in the configuration; the list was used",
                id.name()
            );
            let finding = Diagnostic::new(&code::EFFECTIVE_DIFFERS, text).resource(id.as_str()).at(span);
            findings.push(finding.help(format!("export both again at one time: {}", export_command(id))));
            if let Some(subnet) = subnet_mut(snapshot, id) {
                subnet.route_table = Some(Located::new(own.clone(), span));
            }
            snapshot.route_tables.insert(own.clone(), new_table(&own, table.disables_propagation, user, span));
        }
    }
    snapshot.listed_routes.insert(id.clone(), table);
}

fn rebuild(
    snapshot: &mut Snapshot,
    id: &ResourceId,
    disables_propagation: bool,
    routes: Vec<UserRoute>,
    span: Span,
    findings: &mut Vec<Diagnostic>,
) {
    let text = format!("route table {} was rebuilt from effective routes; it is not in the input itself", id.name());
    let finding = Diagnostic::new(&code::REBUILT_FROM_EFFECTIVE, text).resource(id.as_str()).at(span);
    findings.push(finding.help(format!("export it: {}", export_command(id))));
    snapshot.route_tables.insert(id.clone(), new_table(id, disables_propagation, routes, span));
}

fn new_table(id: &ResourceId, disables_propagation: bool, routes: Vec<UserRoute>, span: Span) -> RouteTable {
    RouteTable {
        name: id.name().to_owned(),
        span,
        disable_bgp_route_propagation: disables_propagation,
        disable_peering_route: false,
        routes,
        subnets: Vec::new(),
        id: id.clone(),
    }
}

/// The list wins over a route table that says something else. A route that it prints as invalid is in the table all the
/// same: what makes it so is evaluated.
fn win(
    configured: &mut RouteTable,
    subnet: &ResourceId,
    table: &EffectiveTable,
    user: &[UserRoute],
    span: Span,
    findings: &mut Vec<Diagnostic>,
) {
    let invalid = table.routes.iter().filter(|route| route.is_user() && !route.active).flat_map(lines_of);
    let listed: BTreeSet<Line> = user.iter().map(line).chain(invalid).collect();
    let own: BTreeSet<Line> = configured.routes.iter().map(line).collect();
    let mut differences: Vec<String> =
        listed.difference(&own).map(|line| format!("only the list has {}", words(line))).collect();
    differences.extend(own.difference(&listed).map(|line| format!("only the configuration has {}", words(line))));
    if configured.disable_bgp_route_propagation != table.disables_propagation {
        let flag = if table.disables_propagation { "disabled" } else { "enabled" };
        differences.push(format!("propagation of gateway routes is {flag} in the list"));
    }
    if differences.is_empty() {
        return;
    }
    let text = format!(
        "route table {} differs between the effective routes of subnet {} and the configuration: {}; the list was used",
        configured.id.name(),
        subnet.name(),
        super::listed_words(&differences)
    );
    let finding = Diagnostic::new(&code::EFFECTIVE_DIFFERS, text).resource(configured.id.as_str()).at(span);
    let finding = finding.label(configured.span, "the configuration");
    findings.push(finding.help(format!("export both again at one time: {}", export_command(&configured.id))));
    configured.disable_bgp_route_propagation = table.disables_propagation;
    let kept = configured.routes.iter().filter(|route| listed.contains(&line(route))).cloned();
    let added = user.iter().filter(|route| !own.contains(&line(route))).cloned();
    configured.routes = kept.chain(added).collect();
}

/// One route for each prefix or tag, as if user-defined.
fn user_routes(route: &EffectiveRoute) -> Vec<UserRoute> {
    let place = |destination: RouteDestination| {
        let located = |text: &str| Located::new(text.to_owned(), route.span);
        let name = match &destination {
            RouteDestination::Prefix(prefix) => shown(prefix.net),
            RouteDestination::Tag(tag) => tag.clone(),
        };
        UserRoute {
            name: route.name.clone().unwrap_or(name),
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
