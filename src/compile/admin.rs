//! Security admin rules in their order, with the virtual networks they are applied to (semantics.md 2).

use super::filter::{self, Rule};
use super::network::{Network, VnetNode};
use crate::model::{
    AdminAccess, AdminRule, ConnectivityConfiguration, NetworkGroup, NetworkManager, NetworkManagers, ResourceId,
    Snapshot,
};
use crate::net::AddressSet;
use std::collections::{BTreeMap, BTreeSet};

/// A security admin rule.
#[derive(Debug)]
pub struct CompiledAdminRule<'s> {
    /// Its five-tuple; the number is its place in the order.
    pub rule: Rule<'s>,
    /// What it does; `None` where that is unreadable.
    pub access: Option<AdminAccess>,
    /// Name of its network manager as displayed.
    pub manager: String,
    /// Id of its network manager.
    pub manager_id: ResourceId,
    /// A manager with a management-group scope comes first; `None` where the manager is not in the input.
    pub management_group_scope: Option<bool>,
    /// Where it is applied.
    pub applies: Application,
}

/// Virtual networks that a rule or collection is applied to.
#[derive(Debug, Default)]
pub struct Application {
    /// Indexes of virtual networks.
    vnets: BTreeSet<usize>,
    /// Network groups of which the input holds no member: taken as empty, and said so.
    pub empty: Vec<ResourceId>,
    /// Network groups, collections or configurations whose members or settings are not in the input.
    open: Vec<ResourceId>,
    /// Also applied where SQL Managed Instance or Databricks live: to every rule, or to allow rules only.
    intent_all: bool,
    intent_allow: bool,
    /// The configuration is not in the input, so that is not known.
    intent_open: Option<ResourceId>,
}

/// Is a rule applied to a virtual network?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applies<'a> {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It depends on something that is not in the input: on any of these groups, and on the configuration.
    Open(&'a [ResourceId], Option<&'a ResourceId>),
}

impl Application {
    /// What is not in the input and may make a rule apply.
    pub fn open(&self) -> &[ResourceId] {
        &self.open
    }

    /// Is a rule of this access applied to a virtual network?
    pub fn to(&self, index: usize, vnet: &VnetNode<'_>, access: Option<AdminAccess>) -> Applies<'_> {
        let member = self.vnets.contains(&index);
        if !member && self.open.is_empty() {
            return Applies::No;
        }
        let services = ["microsoft.sql/managedinstances", "microsoft.databricks/workspaces"];
        let mut delegations = vnet.vnet.subnets.iter().flat_map(|subnet| &subnet.delegations);
        let spared = delegations.any(|to| services.contains(&to.as_str())) && !self.intent_all;
        let may_allow = matches!(access, None | Some(AdminAccess::Allow));
        if spared && self.intent_open.is_none() && !(self.intent_allow && may_allow) {
            return Applies::No;
        }
        let groups = if member { &[] } else { self.open.as_slice() };
        match self.intent_open.as_ref().filter(|_| spared) {
            None if groups.is_empty() => Applies::Yes,
            configuration => Applies::Open(groups, configuration),
        }
    }
}

impl Application {
    /// Reads which networks with network-intent services the configuration spares.
    fn configure(&mut self, managers: &NetworkManagers, configuration: Option<ResourceId>) {
        match configuration.as_ref().and_then(|id| managers.configurations.get(id)) {
            Some(configuration) => {
                self.intent_all = configuration.intent_services.iter().any(|word| word == "all");
                self.intent_allow = configuration.intent_services.iter().any(|word| word == "allowrulesonly");
            }
            None => self.intent_open = configuration,
        }
    }
}

/// All rules of the snapshot, and collections that may hold rules which were not exported.
#[derive(Debug, Default)]
pub struct AdminRules<'s> {
    /// By priority, then manager, collection and name, so that nothing depends on the order of files.
    pub rules: Vec<CompiledAdminRule<'s>>,
    /// Collections and configurations without a rule in the input: id, and where they are applied.
    pub open: Vec<(&'s ResourceId, Application)>,
    /// Rules of more than one manager: their scopes matter.
    pub several_managers: bool,
    /// Managers of which the input holds no security admin configuration: taken as having none, and said so.
    pub unconfigured: Vec<Unconfigured<'s>>,
}

/// A network manager without a security admin configuration in the input.
#[derive(Debug)]
pub struct Unconfigured<'s> {
    /// The manager.
    pub manager: &'s NetworkManager,
    /// Indexes of the virtual networks that its scope may hold.
    pub vnets: BTreeSet<usize>,
}

impl<'s> AdminRules<'s> {
    /// Compiles the rules of a network whose virtual networks are known.
    pub(crate) fn compile(network: &Network<'s>) -> Self {
        let managers = &network.snapshot.network_managers;
        let groups = Groups::of(network);
        let mut out = AdminRules::default();
        let mut ordered: Vec<&AdminRule> = managers.rules.values().collect();
        let name = |rule: &AdminRule| rule.rule.name.to_ascii_lowercase();
        let priority = |rule: &AdminRule| rule.rule.priority.value().copied().unwrap_or(0);
        ordered.sort_by_key(|rule| (priority(rule), manager_of(&rule.id), rule.collection(), name(rule)));
        for (number, rule) in (0u32..).zip(ordered) {
            let manager_id = manager_of(&rule.id);
            let manager = managers.managers.get(&manager_id);
            let data = network.snapshot.service_tags.as_ref();
            let mut compiled = filter::admin_rule(rule, number, data);
            let source = rule.source_groups.iter().map(|group| &group.value);
            let destination = rule.destination_groups.iter().map(|group| &group.value);
            groups.add_addresses(source, &mut compiled.source);
            groups.add_addresses(destination, &mut compiled.destination);
            out.rules.push(CompiledAdminRule {
                rule: compiled,
                access: rule.access.value().copied(),
                manager: manager_id.name().to_owned(),
                management_group_scope: manager.map(|manager| manager.management_group_scope),
                manager_id,
                applies: groups.application(rule),
            });
        }
        let ids: BTreeSet<&ResourceId> = out.rules.iter().map(|rule| &rule.manager_id).collect();
        out.several_managers = ids.len() > 1;
        out.open = without_rules(managers, &groups);
        out.unconfigured = unconfigured(network);
        out
    }
}

/// Virtual networks that a connectivity configuration connects directly.
#[derive(Debug)]
pub struct Connected<'s> {
    /// The configuration.
    pub configuration: &'s ConnectivityConfiguration,
    /// Indexes of the virtual networks of one of its groups.
    pub vnets: BTreeSet<usize>,
    /// The group, where it may have members that the input does not tell of.
    pub open: Option<&'s ResourceId>,
}

/// Connected groups of all network managers (semantics.md 3.5).
pub(crate) fn connected<'s>(network: &Network<'s>) -> Vec<Connected<'s>> {
    let groups = Groups::of(network);
    let configurations = network.snapshot.network_managers.connectivity.values();
    configurations
        .flat_map(|configuration| configuration.connected_groups.iter().map(move |group| (configuration, &group.value)))
        .map(|(configuration, group)| {
            let (vnets, open) = groups.vnets_of(group);
            Connected { configuration, vnets: vnets.into_iter().collect(), open: open.then_some(group) }
        })
        .collect()
}

/// Collections without rules, and configurations without collections.
fn without_rules<'s>(managers: &'s NetworkManagers, groups: &Groups<'s>) -> Vec<(&'s ResourceId, Application)> {
    let filled: BTreeSet<ResourceId> = managers.rules.values().map(AdminRule::collection).collect();
    let collections = managers.collections.values().filter(|collection| !filled.contains(&collection.id));
    let mut out: Vec<(&ResourceId, Application)> = collections
        .map(|collection| {
            let mut application = Application::default();
            groups.add_members(collection.groups.iter().map(|group| &group.value), &mut application);
            application.configure(managers, collection.id.parent());
            (&collection.id, application)
        })
        .collect();
    let configured: BTreeSet<Option<ResourceId>> =
        managers.collections.keys().chain(&filled).map(ResourceId::parent).collect();
    for configuration in managers.configurations.values() {
        if !configured.contains(&Some(configuration.id.clone())) {
            let open = vec![configuration.id.clone()];
            let mut application = Application { open, ..Application::default() };
            application.configure(managers, Some(configuration.id.clone()));
            out.push((&configuration.id, application));
        }
    }
    out
}

/// Managers that may have security admin configurations for a network of the input, which holds nothing of any.
fn unconfigured<'s>(network: &Network<'s>) -> Vec<Unconfigured<'s>> {
    let managers = &network.snapshot.network_managers;
    let parts = managers.configurations.keys().chain(managers.collections.keys()).chain(managers.rules.keys());
    let configured: BTreeSet<ResourceId> = parts.map(manager_of).collect();
    let all = managers.managers.values().filter(|manager| manager.security_admin && !configured.contains(&manager.id));
    let covered = |manager: &NetworkManager| {
        let vnets = network.vnets.iter().enumerate().filter(|(_, node)| manager.may_cover(&node.vnet.id));
        vnets.map(|(index, _)| index).collect::<BTreeSet<usize>>()
    };
    let all = all.map(|manager| Unconfigured { manager, vnets: covered(manager) });
    all.filter(|unconfigured| !unconfigured.vnets.is_empty()).collect()
}

/// The manager's id: what stands before the configurations.
fn manager_of(rule: &ResourceId) -> ResourceId {
    let at = rule.key().find("/securityadminconfigurations/");
    at.and_then(|end| rule.as_str().get(..end)).map_or_else(|| rule.clone(), ResourceId::new)
}

/// Members of network groups.
pub(crate) struct Groups<'s> {
    snapshot: &'s Snapshot,
    members: BTreeMap<ResourceId, Vec<&'s ResourceId>>,
    vnets: BTreeMap<&'s ResourceId, (usize, AddressSet)>,
}

impl<'s> Groups<'s> {
    pub(crate) fn of(network: &Network<'s>) -> Self {
        let snapshot = network.snapshot;
        let mut members: BTreeMap<ResourceId, Vec<&ResourceId>> = BTreeMap::new();
        for member in snapshot.network_managers.members.values() {
            let group = member.id.parent();
            if let (Some(group), Some(resource)) = (group, &member.resource) {
                members.entry(group).or_default().push(resource);
            }
        }
        for group in snapshot.network_managers.groups.values() {
            members.entry(group.id.clone()).or_default().extend(&group.members);
        }
        let vnets = network.vnets.iter().enumerate();
        let vnets = vnets.map(|(index, node)| (&node.vnet.id, (index, node.prefixes.iter().copied().collect())));
        Groups { snapshot, members, vnets: vnets.collect() }
    }

    /// The group, where its members are known: it is in the input, has no condition, and no policy adds to it.
    fn known(&self, group: &ResourceId) -> Option<&'s NetworkGroup> {
        let managers = &self.snapshot.network_managers;
        let mut named = managers.policies.values().flat_map(|policy| &policy.groups).peekable();
        // A definition with the group as a parameter, and no assignment that gives it, may mean any group.
        let any = named.peek().is_none() && managers.policies.values().any(|policy| policy.parameterised);
        let added = any || named.any(|id| id == group);
        managers.groups.get(group).filter(|group| !group.conditional && !added)
    }

    /// Indexes of the virtual networks of a group, as far as they are in the input, and whether there may be others.
    pub(crate) fn vnets_of(&self, group: &ResourceId) -> (Vec<usize>, bool) {
        let members = self.members.get(group).into_iter().flatten();
        let vnets = members.filter_map(|member| self.vnets.get(member)).map(|(index, _)| *index).collect();
        (vnets, self.known(group).is_none())
    }

    fn add_members<'a>(&self, groups: impl Iterator<Item = &'a ResourceId>, out: &mut Application) {
        for group in groups {
            let (vnets, open) = self.vnets_of(group);
            if open {
                out.open.push(group.clone());
            } else if vnets.is_empty() && self.members.get(group).is_none_or(Vec::is_empty) {
                out.empty.push(group.clone());
            }
            out.vnets.extend(vnets);
        }
    }

    /// Adds the address space of groups to one side of a rule.
    fn add_addresses(&self, groups: impl Iterator<Item = &'s ResourceId>, side: &mut filter::AddressMatcher<'s>) {
        for group in groups {
            let members = self.members.get(group).map(Vec::as_slice).unwrap_or_default();
            let mut open = self.known(group).is_none();
            for member in members {
                match self.vnets.get(*member) {
                    Some((_, prefixes)) => side.fixed = side.fixed.union(prefixes),
                    None => open = true,
                }
            }
            if open {
                side.missing_groups.push(group);
            }
        }
    }

    /// Where a rule is applied: the groups of its collection, else those that it lists itself.
    fn application(&self, rule: &AdminRule) -> Application {
        let managers = &self.snapshot.network_managers;
        let collection_id = rule.collection();
        let collection = managers.collections.get(&collection_id);
        let mut out = Application::default();
        let listed = collection.map(|collection| collection.groups.as_slice()).unwrap_or_default();
        let groups = if listed.is_empty() { &rule.groups } else { listed };
        self.add_members(groups.iter().map(|group| &group.value), &mut out);
        if collection.is_none() && groups.is_empty() {
            out.open.push(collection_id.clone());
        }
        out.configure(managers, collection_id.parent());
        out
    }
}
