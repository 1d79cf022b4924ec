//! Network managers: groups, security admin rules, connectivity.

use super::fields::Fields;
use super::json::Unusable;
use super::nsg;
use crate::model::{
    Access, AddressSide, AddressTerm, AdminAccess, AdminCollection, AdminConfiguration, AdminRule,
    ConnectivityConfiguration, Direction, Located, MembershipPolicy, NetworkGroup, NetworkManager, ResourceId,
    RuleProtocol, SecurityRule, Setting, StaticMember,
};
use crate::net::Protocol;

/// Reads a network manager.
pub(crate) fn read_manager(fields: &Fields<'_>, id: ResourceId) -> Result<NetworkManager, Unusable> {
    let scopes = fields.child("networkManagerScopes")?;
    let listed = |key: &str| scopes.as_ref().map(|scopes| scopes.strings(key)).unwrap_or_default();
    let accesses = fields.strings("networkManagerScopeAccesses");
    Ok(NetworkManager {
        name: fields.name(),
        span: fields.span(),
        management_group_scope: !listed("managementGroups").is_empty(),
        subscriptions: listed("subscriptions").iter().map(|id| ResourceId::new(&id.value)).collect(),
        security_admin: accesses.is_empty() || accesses.iter().any(|a| a.value.eq_ignore_ascii_case("SecurityAdmin")),
        id,
    })
}

/// Reads a network group.
pub(crate) fn read_group(fields: &Fields<'_>, id: ResourceId) -> Result<NetworkGroup, Unusable> {
    let mut members = Vec::new();
    for key in ["staticMembers", "members", "groupMembers"] {
        for node in fields.list(key) {
            match node.object()? {
                Some(object) => {
                    let member = Fields::of(object)?;
                    members.extend(member.reference("resourceId")?.or(member.reference("id")?).map(|r| r.value));
                }
                None => members.extend(node.text().map(|text| ResourceId::new(&text.value))),
            }
        }
    }
    let conditional = fields.text("conditionalMembership").is_some();
    Ok(NetworkGroup { name: fields.name(), span: fields.span(), members, conditional, id })
}

/// Reads a static member.
pub(crate) fn read_member(fields: &Fields<'_>, id: ResourceId) -> Result<StaticMember, Unusable> {
    Ok(StaticMember { resource: fields.reference("resourceId")?.map(|r| r.value), id })
}

/// Reads a policy definition; `None` where it adds nothing to network groups.
pub(crate) fn read_policy(fields: &Fields<'_>, id: ResourceId) -> Result<Option<MembershipPolicy>, Unusable> {
    let rule = fields.child("policyRule")?;
    let then = rule.map(|rule| rule.child("then")).transpose()?.flatten();
    let details = then.map(|then| then.child("details")).transpose()?.flatten();
    let Some(group) = details.and_then(|details| details.text("networkGroupId")) else { return Ok(None) };
    let parameterised = group.value.trim_start().starts_with('[');
    let groups = if parameterised { Vec::new() } else { vec![ResourceId::new(&group.value)] };
    Ok(Some(MembershipPolicy { id, groups, parameterised }))
}

/// Reads a policy assignment; `None` where none of its parameters is a network group.
pub(crate) fn read_assignment(fields: &Fields<'_>, id: ResourceId) -> Result<Option<MembershipPolicy>, Unusable> {
    let mut groups = Vec::new();
    for (_, node) in fields.child("parameters")?.iter().flat_map(|parameters| parameters.outer().members()) {
        let value = node.object()?.and_then(|parameter| parameter.str("value"));
        groups.extend(
            value
                .filter(|text| text.to_ascii_lowercase().contains("/networkgroups/"))
                .map(|text| ResourceId::new(&text)),
        );
    }
    Ok((!groups.is_empty()).then_some(MembershipPolicy { id, groups, parameterised: false }))
}

/// Reads a security admin configuration.
pub(crate) fn read_configuration(fields: &Fields<'_>, id: ResourceId) -> AdminConfiguration {
    let services = fields.strings("applyOnNetworkIntentPolicyBasedServices");
    AdminConfiguration {
        intent_services: services.into_iter().map(|service| service.value.to_ascii_lowercase()).collect(),
        id,
    }
}

/// Reads a rule collection.
pub(crate) fn read_collection(fields: &Fields<'_>, id: ResourceId) -> Result<AdminCollection, Unusable> {
    Ok(AdminCollection { span: fields.span(), groups: applies_to(fields, "appliesToGroups")?, id })
}

fn applies_to(fields: &Fields<'_>, key: &str) -> Result<Vec<Located<ResourceId>>, Unusable> {
    let mut out = Vec::new();
    for group in fields.objects(key)? {
        out.extend(group.reference("networkGroupId")?);
    }
    Ok(out)
}

/// Reads a security admin rule.
pub(crate) fn read_rule(fields: &Fields<'_>, id: ResourceId) -> Result<AdminRule, Unusable> {
    let access = nsg::word(fields, "access", |text| match text {
        "allow" => Some(AdminAccess::Allow),
        "deny" => Some(AdminAccess::Deny),
        "alwaysallow" => Some(AdminAccess::AlwaysAllow),
        _ => None,
    });
    let (source, source_groups) = side(fields, "sources")?;
    let (destination, destination_groups) = side(fields, "destinations")?;
    let mut groups = applies_to(fields, "ruleCollectionAppliesToGroups")?;
    groups.extend(fields.references("ruleGroups")?);
    Ok(AdminRule {
        rule: SecurityRule {
            name: fields.name(),
            span: fields.span(),
            priority: nsg::priority(fields),
            direction: nsg::word(fields, "direction", |text| match text {
                "inbound" => Some(Direction::Inbound),
                "outbound" => Some(Direction::Outbound),
                _ => None,
            }),
            access: match &access {
                Setting::Missing => Setting::Missing,
                Setting::Invalid(text) => Setting::Invalid(text.clone()),
                Setting::Set(set) => {
                    let denies = set.value == AdminAccess::Deny;
                    Setting::Set(Located::new(if denies { Access::Deny } else { Access::Allow }, set.span))
                }
            },
            protocol: nsg::word(fields, "protocol", |text| match text {
                "any" | "*" | "all" => Some(RuleProtocol::Any),
                _ => Protocol::parse(text).map(RuleProtocol::Only),
            }),
            source,
            destination,
            source_ports: nsg::port_list(fields, "sourcePortRanges"),
            destination_ports: nsg::port_list(fields, "destinationPortRanges"),
            description: fields.text("description"),
        },
        access,
        source_groups,
        destination_groups,
        groups,
        id,
    })
}

/// One side: prefixes and tags, and network groups apart. An element may be a list with commas.
fn side(fields: &Fields<'_>, key: &str) -> Result<(AddressSide, Vec<Located<ResourceId>>), Unusable> {
    let (mut out, mut groups) = (AddressSide::default(), Vec::new());
    for item in fields.objects(key)? {
        let kind = item.str("addressPrefixType").unwrap_or_default().to_ascii_lowercase();
        let Some(text) = item.text("addressPrefix") else { continue };
        if kind == "networkgroup" {
            groups.push(Located::new(ResourceId::new(&text.value), text.span));
        } else {
            let terms = text.value.split(',').map(|term| Located::new(AddressTerm::parse(term), text.span));
            out.list.extend(terms);
        }
    }
    Ok((out, groups))
}

/// Reads a connectivity configuration: the groups whose members reach each other directly.
pub(crate) fn read_connectivity(fields: &Fields<'_>, id: ResourceId) -> Result<ConnectivityConfiguration, Unusable> {
    let mesh = fields.str("connectivityTopology").is_some_and(|text| text.eq_ignore_ascii_case("mesh"));
    let mut connected_groups = Vec::new();
    for group in fields.objects("appliesToGroups")? {
        let direct = group.str("groupConnectivity").is_some_and(|text| text.eq_ignore_ascii_case("directlyconnected"));
        if mesh || direct {
            connected_groups.extend(group.reference("networkGroupId")?);
        }
    }
    Ok(ConnectivityConfiguration { name: fields.name(), connected_groups, id })
}
