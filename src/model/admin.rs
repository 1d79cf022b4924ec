//! Azure Virtual Network Manager: security admin rules, network groups, connectivity (semantics.md 2, 3.5).

use super::{Located, ResourceId, SecurityRule, Setting};
use crate::diagnostic::Span;
use std::collections::BTreeMap;

/// What a security admin rule does with a flow that it matches (semantics.md 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AdminAccess {
    /// Lets it go on to the NSGs.
    Allow,
    /// Drops it.
    Deny,
    /// Delivers it past every NSG of its direction.
    AlwaysAllow,
}

/// Everything of network managers that the input holds.
#[derive(Debug, Clone, Default)]
pub struct NetworkManagers {
    /// Network managers.
    pub managers: BTreeMap<ResourceId, NetworkManager>,
    /// Network groups.
    pub groups: BTreeMap<ResourceId, NetworkGroup>,
    /// Static members: id of the member object to what it makes a member.
    pub members: BTreeMap<ResourceId, StaticMember>,
    /// Azure Policies that add members to groups.
    pub policies: BTreeMap<ResourceId, MembershipPolicy>,
    /// Security admin configurations.
    pub configurations: BTreeMap<ResourceId, AdminConfiguration>,
    /// Rule collections.
    pub collections: BTreeMap<ResourceId, AdminCollection>,
    /// Rules.
    pub rules: BTreeMap<ResourceId, AdminRule>,
    /// Connectivity configurations.
    pub connectivity: BTreeMap<ResourceId, ConnectivityConfiguration>,
}

/// A network manager.
#[derive(Debug, Clone)]
pub struct NetworkManager {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// Its scope holds a management group: it wins against managers of subscriptions.
    pub management_group_scope: bool,
    /// Subscriptions of its scope, by id.
    pub subscriptions: Vec<ResourceId>,
    /// It may have security admin configurations: its scope accesses hold `SecurityAdmin`, or none is written.
    pub security_admin: bool,
}

impl NetworkManager {
    /// May its configurations be applied to a resource? Which subscriptions a management group holds is in no export.
    pub fn may_cover(&self, id: &ResourceId) -> bool {
        let holds = |scope: &ResourceId| id.key().starts_with(&format!("{}/", scope.key().trim_end_matches('/')));
        self.management_group_scope || self.subscriptions.iter().any(holds)
    }
}

/// A network group.
#[derive(Debug, Clone)]
pub struct NetworkGroup {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// Members that the group object itself lists.
    pub members: Vec<ResourceId>,
    /// Members come by a condition that is evaluated in Azure only.
    pub conditional: bool,
}

/// A static member of a network group.
#[derive(Debug, Clone)]
pub struct StaticMember {
    /// Its id, under the group's.
    pub id: ResourceId,
    /// The virtual network or subnet that is a member.
    pub resource: Option<ResourceId>,
}

/// A policy definition with the effect `addToNetworkGroup`, or an assignment that names a group: the members come by a
/// condition that is evaluated in Azure only.
#[derive(Debug, Clone)]
pub struct MembershipPolicy {
    /// Its id.
    pub id: ResourceId,
    /// Groups that it names.
    pub groups: Vec<ResourceId>,
    /// It has the group as a parameter.
    pub parameterised: bool,
}

/// A security admin configuration.
#[derive(Debug, Clone)]
pub struct AdminConfiguration {
    /// Its id.
    pub id: ResourceId,
    /// `applyOnNetworkIntentPolicyBasedServices`, lower case: `none`, `all`, `allowrulesonly`.
    pub intent_services: Vec<String>,
}

/// A collection of security admin rules.
#[derive(Debug, Clone)]
pub struct AdminCollection {
    /// Its id.
    pub id: ResourceId,
    /// Where the resource stands.
    pub span: Span,
    /// Network groups that it applies to.
    pub groups: Vec<Located<ResourceId>>,
}

/// A security admin rule. The five-tuple is read as that of a security rule; an empty side or port list is any.
#[derive(Debug, Clone)]
pub struct AdminRule {
    /// Its id.
    pub id: ResourceId,
    /// The five-tuple, direction and priority (1 to 4096).
    pub rule: SecurityRule,
    /// What it does.
    pub access: Setting<AdminAccess>,
    /// Network groups among its sources.
    pub source_groups: Vec<Located<ResourceId>>,
    /// Network groups among its destinations.
    pub destination_groups: Vec<Located<ResourceId>>,
    /// Groups that the rule itself says it applies to (listings of effective rules).
    pub groups: Vec<Located<ResourceId>>,
}

impl AdminRule {
    /// The id of its collection.
    pub fn collection(&self) -> ResourceId {
        self.id.parent().unwrap_or_else(|| self.id.clone())
    }
}

/// A connectivity configuration.
#[derive(Debug, Clone)]
pub struct ConnectivityConfiguration {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Groups whose members reach each other directly, without a peering that one could see: those of a mesh, and of a
    /// hub-and-spoke topology with `groupConnectivity: DirectlyConnected`.
    pub connected_groups: Vec<Located<ResourceId>>,
}
