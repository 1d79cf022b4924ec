//! Security admin rules of network managers (semantics.md 2).

use super::address::{Addr, within};
use super::case::{Case, Fact, Halt, Known, Place};
use super::read::{Id, field, flag, id_of, list, name, reference, texts, word};
use super::rules::{self, Rule};
use super::walk::Flow;
use super::world::{Resources, World};
use serde_json::Value;
use std::collections::BTreeMap;

/// One rule with everything around it that decides whether it is applied.
#[derive(Debug)]
pub(crate) struct AdminRule {
    pub(crate) rule: Rule,
    /// `allow`, `deny` or `alwaysallow`.
    access: String,
    manager: String,
    /// A management group is in the scope; `None` where the manager is not in the snapshot.
    high: Option<bool>,
    collection: Id,
    configuration: String,
    /// Network groups that it is applied to; `None` where the collection is not in the snapshot.
    groups: Option<Vec<String>>,
    /// Services whose networks are spared unless named; `None` where the configuration is not in the snapshot.
    intent: Option<Vec<String>>,
}

/// A network group.
#[derive(Debug, Default)]
pub(crate) struct Group {
    members: Vec<Id>,
    /// Everything about its members is in the snapshot.
    whole: bool,
}

/// What network managers bring.
#[derive(Debug, Default)]
pub(crate) struct Managers {
    /// In the order of evaluation.
    pub(crate) rules: Vec<AdminRule>,
    groups: BTreeMap<String, Group>,
    several: bool,
    /// Collections and configurations that hold nothing in the snapshot: whatever they hold in Azure was not exported.
    hollow: Vec<Hollow>,
}

/// One of those.
#[derive(Debug)]
struct Hollow {
    id: Id,
    /// Network groups of a collection.
    groups: Option<Vec<String>>,
    intent: Option<Vec<String>>,
}

const RULES: &str = "networkmanagers/securityadminconfigurations/rulecollections/rules";

fn above(key: &str, part: &str) -> String {
    key.split(part).next().unwrap_or_default().to_owned()
}

/// Reads them.
pub(crate) fn read(resources: &Resources<'_>) -> Managers {
    let mut out = Managers::default();
    for (key, object) in resources.of("networkmanagers/networkgroups") {
        let conditional = word(object, "conditionalMembership").len() > 2;
        out.groups.insert(key.to_owned(), Group { members: Vec::new(), whole: !conditional });
    }
    for (key, object) in resources.of("networkmanagers/networkgroups/staticmembers") {
        let group = out.groups.entry(above(key, "/staticmembers/")).or_default();
        group.members.extend(reference(object, "resourceId"));
    }
    let mut ranked = Vec::new();
    for (key, object) in resources.of(RULES) {
        let manager_key = above(key, "/securityadminconfigurations/");
        let manager = resources.get(&manager_key);
        let high = manager.map(|manager| {
            let scopes = field(manager, "networkManagerScopes");
            scopes.is_some_and(|scopes| !list(scopes, "managementGroups").is_empty())
        });
        let own = id_of(object).expect("an id");
        let collection = own.above("/rules/");
        let configuration = above(key, "/rulecollections/");
        let applied = resources.get(&collection.key).map(applies_to);
        let rule = rules::read_admin(object);
        let rank = (rule.priority, manager_key.clone(), collection.key.clone(), name(object).to_lowercase());
        let shown = own.above("/securityAdminConfigurations/").name();
        let admin = AdminRule {
            rule,
            access: word(object, "access"),
            manager: shown,
            high,
            collection,
            groups: applied,
            intent: resources.get(&configuration).map(intent),
            configuration,
        };
        ranked.push((rank, admin));
    }
    ranked.sort_by(|a, b| a.0.cmp(&b.0));
    out.several = ranked.iter().any(|(rank, _)| rank.1 != ranked[0].0.1);
    out.rules = ranked.into_iter().map(|(_, rule)| rule).collect();
    out.hollow = hollow(resources, &out.rules);
    out
}

fn applies_to(collection: &Value) -> Vec<String> {
    let all = list(collection, "appliesToGroups").into_iter();
    all.filter_map(|group| reference(group, "networkGroupId")).map(|id| id.key).collect()
}

fn intent(configuration: &Value) -> Vec<String> {
    let all = texts(configuration, "applyOnNetworkIntentPolicyBasedServices");
    all.iter().map(|text| text.to_lowercase()).collect()
}

fn hollow(resources: &Resources<'_>, rules: &[AdminRule]) -> Vec<Hollow> {
    let mut out = Vec::new();
    let collections = resources.of("networkmanagers/securityadminconfigurations/rulecollections");
    for (key, object) in &collections {
        if !rules.iter().any(|rule| rule.collection.key == *key) {
            let id = id_of(object).expect("an id");
            let around = resources.get(&above(key, "/rulecollections/")).map(intent);
            out.push(Hollow { id, groups: Some(applies_to(object)), intent: around });
        }
    }
    for (key, object) in resources.of("networkmanagers/securityadminconfigurations") {
        let own = format!("{key}/");
        let held = collections.iter().map(|(key, _)| *key).chain(rules.iter().map(|rule| rule.collection.key.as_str()));
        if !held.into_iter().any(|key| key.starts_with(&own)) {
            out.push(Hollow { id: id_of(object).expect("an id"), groups: None, intent: Some(intent(object)) });
        }
    }
    out
}

/// Everything that network groups hold.
pub(super) fn members(world: &World) -> impl Iterator<Item = &Id> {
    world.managers.groups.values().flat_map(|group| &group.members)
}

/// Is a network a member of a group?
fn member(world: &World, group: &str, vnet: &str) -> Known {
    match world.managers.groups.get(group) {
        Some(group) if group.members.iter().any(|id| id.key == *vnet) => Known::Yes,
        Some(group) if group.whole => Known::No,
        _ => Known::Open(vec![Fact::plain(format!("{group} holds {vnet}"))]),
    }
}

/// Does an address lie in a network of a group?
pub(super) fn in_group(world: &World, group: &str, address: Addr) -> Known {
    let found = world.managers.groups.get(group);
    let members = found.map(|group| group.members.as_slice()).unwrap_or_default();
    let of = |id: &Id| world.vnets.iter().find(|vnet| vnet.key == id.key);
    let whole = found.is_some_and(|group| group.whole) && members.iter().all(|id| of(id).is_some());
    if members.iter().filter_map(of).any(|vnet| within(address, &vnet.prefixes)) {
        return Known::Yes;
    }
    // Which other networks the group holds is taken to be independent of where its rules are applied.
    if whole { Known::No } else { Known::Open(vec![Fact::about(&format!("in group {group}"), address)]) }
}

/// Is a rule applied to the network of a subnet?
fn applied(world: &World, rule: &AdminRule, subnet: usize) -> Vec<Known> {
    let vnet = &world.vnets[world.subnets[subnet].vnet];
    let groups = match &rule.groups {
        Some(groups) => Known::any(groups.iter().map(|group| member(world, group, &vnet.key))),
        None => Known::Open(vec![Fact::plain(format!("{} is applied to {}", rule.collection.key, vnet.key))]),
    };
    vec![groups, reaches(world, rule.intent.as_ref(), &rule.access, &rule.configuration, subnet)]
}

/// SQL Managed Instance and Databricks are spared unless the configuration names them.
fn reaches(world: &World, intent: Option<&Vec<String>>, access: &str, configuration: &str, subnet: usize) -> Known {
    let vnet = &world.vnets[world.subnets[subnet].vnet];
    let services = ["microsoft.sql/managedinstances", "microsoft.databricks/workspaces"];
    let of_vnet = world.subnets.iter().filter(|other| other.vnet == world.subnets[subnet].vnet);
    let spared = of_vnet.flat_map(|other| &other.delegations).any(|to| services.contains(&to.as_str()));
    let named =
        |intent: &Vec<String>| intent.iter().any(|word| word == "all" || word == "allowrulesonly" && access == "allow");
    match intent {
        _ if !spared => Known::Yes,
        Some(intent) if named(intent) => Known::Yes,
        Some(_) => Known::No,
        None => Known::Open(vec![Fact::plain(format!("{configuration} reaches {}", vnet.key))]),
    }
}

/// Subnets that admin rules are not applied to.
fn exempt(world: &World, subnet: usize) -> bool {
    let own = &world.subnets[subnet];
    let named = [
        "azurebastionsubnet",
        "azurefirewallsubnet",
        "azurefirewallmanagementsubnet",
        "gatewaysubnet",
        "routeserversubnet",
    ];
    named.contains(&own.name.to_lowercase().as_str())
        || world.gateways.iter().any(|gateway| gateway.is_in(&own.key) && !gateway.isolated)
}

/// The rules of one direction: the place of the one that allows, and whether it skips the NSGs.
pub(super) fn gate(case: &Case<'_>, inbound: bool, flow: &Flow, subnet: usize) -> Result<Option<(Place, bool)>, Halt> {
    let world = case.world;
    if exempt(world, subnet) {
        return Ok(None);
    }
    let stage = if inbound { "admin-in" } else { "admin-out" };
    if let Some(decided) = unexported(case, inbound, stage, subnet)? {
        return Ok(Some(decided));
    }
    let own = || world.managers.rules.iter().filter(|rule| rule.rule.inbound == inbound);
    for (high, rule) in [true, false].into_iter().flat_map(|high| own().map(move |rule| (high, rule))) {
        if scope(case, rule, stage)? != high {
            continue;
        }
        let place = Place {
            stage,
            resource: Some(rule.manager.clone()),
            rule: Some(rule.rule.name.clone()),
            order: rule.rule.priority,
        };
        let applied = applied(world, rule, subnet);
        if applied.contains(&Known::No) {
            continue;
        }
        let mut here = rule.rule.matches(case, &rule.collection.key, flow, subnet, &place, false)?;
        for known in applied {
            here = here && case.settle(known, &place)?;
        }
        if here {
            return match rule.access.as_str() {
                "deny" => Err(Halt::Deny(place)),
                access => Ok(Some((place, access == "alwaysallow"))),
            };
        }
    }
    Ok(None)
}

/// The manager of the higher scope wins; it matters only where there is more than one.
fn scope(case: &Case<'_>, rule: &AdminRule, stage: &'static str) -> Result<bool, Halt> {
    match rule.high {
        _ if !case.world.managers.several => Ok(false),
        Some(high) => Ok(high),
        None => {
            let place = Place::of(stage, Some(rule.manager.clone()));
            case.ask(
                Fact::plain(format!("scope of {}", rule.collection.above("/securityAdminConfigurations/").key)),
                &place,
            )
        }
    }
}

/// Rules that were not exported may come before all others.
fn unexported(
    case: &Case<'_>,
    inbound: bool,
    stage: &'static str,
    subnet: usize,
) -> Result<Option<(Place, bool)>, Halt> {
    let world = case.world;
    let vnet = &world.vnets[world.subnets[subnet].vnet].key;
    for hollow in &world.managers.hollow {
        let near = hollow
            .groups
            .as_ref()
            .is_none_or(|groups| groups.iter().any(|group| member(world, group, vnet) != Known::No));
        let reached = ["allow", "deny"]
            .iter()
            .any(|access| reaches(world, hollow.intent.as_ref(), access, "", subnet) != Known::No);
        if !near || !reached {
            continue;
        }
        let manager = hollow.id.above("/securityAdminConfigurations/").name();
        let place = Place::of(stage, Some(manager));
        if case.ask(Fact::plain(format!("unseen admin rules {inbound} decide for {vnet}")), &place)? {
            let denied = case.ask(Fact::plain(format!("unseen admin rules {inbound} deny for {vnet}")), &place)?;
            return if denied { Err(Halt::Deny(place)) } else { Ok(Some((place, true))) };
        }
    }
    Ok(None)
}

/// Network isolation shows only in a tag (5.4).
pub(crate) fn isolated(gateway: &Value) -> bool {
    field(gateway, "tags").is_some_and(|tags| flag(tags, "EnhancedNetworkControl", false))
}

/// Services that a subnet is delegated to.
pub(crate) fn delegations(subnet: &Value) -> Vec<String> {
    list(subnet, "delegations").into_iter().map(|held| word(held, "serviceName")).collect()
}
