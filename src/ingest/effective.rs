//! Effective security rules, security group views and effective routes (semantics.md 3.7, 6.3, 9b.3).
//! Field names differ by client (`PascalCase` in PowerShell), and singular fields may be lists.

use super::fields::Fields;
use super::json::{Node, Object, Unusable};
use super::nsg;
use crate::model::{
    EffectiveGroup, EffectiveRoute, EffectiveRule, EffectiveTable, GroupRules, InterfaceView, ResourceId,
    bare_rule_name, is_default_rule, repeats_default,
};
use crate::net::{WrittenPrefix, parse_address};
use ipnet::IpNet;
use std::collections::BTreeMap;

/// Is this one NSG of a list of effective security rules?
pub(crate) fn is_group(object: &Object<'_>) -> bool {
    object.has("effectiveSecurityRules") && object.has("networkSecurityGroup")
}

/// Is this one NIC of a security group view?
pub(crate) fn is_view(object: &Object<'_>) -> bool {
    object.has("securityRuleAssociations")
}

/// Is this a whole security group view?
pub(crate) fn is_views(object: &Object<'_>) -> bool {
    let list = object.get("networkInterfaces").filter(|list| list.is_array());
    let named = object.has("type") || object.has("properties");
    list.is_some_and(|list| !named && first(list).is_none_or(|nic| is_view(&nic)))
}

/// Is this one effective route? User-defined routes of a route table have no source and state.
pub(crate) fn is_route(object: &Object<'_>) -> bool {
    object.has("nextHopType") && object.has("addressPrefix") && object.has("state") && object.has("source")
}

/// Is this an effective list, a part of one, or a recorded question?
pub(crate) fn stands_here(object: &Object<'_>) -> bool {
    let recorded = object.has("answer") && (object.has("operation") || object.has("operation_uri"));
    recorded || is_group(object) || is_view(object) || is_views(object) || is_route(object)
}

/// A table of routes.
pub(crate) fn table(nic: Option<ResourceId>, routes: Vec<EffectiveRoute>) -> EffectiveTable {
    EffectiveTable { nic, disables_propagation: routes.iter().any(|route| route.disables_propagation), routes }
}

/// The first element of a list, where it is an object.
pub(crate) fn first(list: Node<'_>) -> Option<Object<'_>> {
    list.items().first().and_then(|item| item.object().ok().flatten())
}

/// Reads one NSG of a list of effective security rules.
pub(crate) fn read_group(node: Node<'_>) -> Result<EffectiveGroup, Unusable> {
    let fields = Fields::open(node)?;
    let association = fields.child("association")?;
    let mut attached = None;
    for key in ["networkInterface", "subnet", "networkManager"] {
        if let Some(association) = &association
            && attached.is_none()
        {
            attached = association.reference(key)?.map(|reference| reference.value);
        }
    }
    let nsg = fields.reference("networkSecurityGroup")?.map(|reference| reference.value);
    let rules: Result<Vec<EffectiveRule>, Unusable> =
        fields.objects("effectiveSecurityRules")?.iter().map(read_rule).collect();
    let rules: Vec<EffectiveRule> = rules?.into_iter().filter(|rule| !repeats_default(&rule.rule.name)).collect();
    let mut tags = tag_map(&fields);
    for rule in &rules {
        for (side, members) in [(&rule.rule.source, &rule.source), (&rule.rule.destination, &rule.destination)] {
            let (Some(tag), Some(members)) = (only_tag(side), members) else { continue };
            tags.entry(tag).or_insert_with(|| members.clone());
        }
    }
    Ok(EffectiveGroup {
        nsg: nsg.unwrap_or_else(|| ResourceId::new("")),
        association: attached,
        span: fields.span(),
        rules,
        tags,
    })
}

/// The one tag that a side consists of, in lower case.
pub(crate) fn only_tag(side: &crate::model::AddressSide) -> Option<String> {
    let mut terms = side.terms();
    match (terms.next().map(|term| &term.value), terms.next()) {
        (Some(crate::model::AddressTerm::Tag(tag)), None) => Some(tag.to_ascii_lowercase()),
        _ => None,
    }
}

/// `tagMap`: an object of lists, in some versions as text.
fn tag_map(fields: &Fields<'_>) -> BTreeMap<String, Vec<IpNet>> {
    let Some(Ok(Some(map))) = fields.get("tagMap").map(|node| node.object()) else { return BTreeMap::new() };
    let members = |node: Node<'_>| node.items().iter().map(prefix).collect::<Option<Vec<IpNet>>>();
    map.members().filter_map(|(tag, node)| Some((tag.to_ascii_lowercase(), members(node)?))).collect()
}

fn prefix(node: &Node<'_>) -> Option<IpNet> {
    node.string().and_then(|text| WrittenPrefix::parse(&text)).map(|prefix| prefix.net)
}

/// Reads one effective rule. The singular field repeats the first element of the list: the list wins.
pub(crate) fn read_rule(fields: &Fields<'_>) -> Result<EffectiveRule, Unusable> {
    let mut rule = nsg::read_rule(fields)?;
    let written = rule.name.clone();
    bare_rule_name(&written).clone_into(&mut rule.name);
    for side in [&mut rule.source, &mut rule.destination] {
        if !side.list.is_empty() {
            side.singular = None;
        }
    }
    for side in [&mut rule.source_ports, &mut rule.destination_ports] {
        if !side.list.is_empty() {
            side.singular = None;
        }
    }
    let expanded = |key: &str| {
        let list = fields.list(key);
        let members: Option<Vec<IpNet>> = list.iter().map(prefix).collect();
        members.filter(|members| !members.is_empty())
    };
    Ok(EffectiveRule {
        is_default: is_default_rule(&rule.name, rule.priority.value().copied()),
        rule,
        source: expanded("expandedSourceAddressPrefix"),
        destination: expanded("expandedDestinationAddressPrefix"),
    })
}

/// Reads one NIC of a security group view.
pub(crate) fn read_view(node: Node<'_>) -> Result<InterfaceView, Unusable> {
    let fields = Fields::open(node)?;
    let associations = fields.child("securityRuleAssociations")?;
    let mut view = InterfaceView {
        id: fields.id().unwrap_or_else(|| ResourceId::new("")),
        span: fields.span(),
        nic: None,
        subnet: None,
        subnet_id: None,
        effective: Vec::new(),
    };
    let Some(associations) = associations else { return Ok(view) };
    view.nic = associations.child("networkInterfaceAssociation")?.as_ref().map(rules_of).transpose()?;
    if let Some(subnet) = associations.child("subnetAssociation")? {
        view.subnet_id = subnet.id();
        view.subnet = Some(rules_of(&subnet)?);
    }
    for rule in associations.objects("effectiveSecurityRules")? {
        let rule = read_rule(&rule)?;
        if !repeats_default(&rule.rule.name) {
            view.effective.push(rule);
        }
    }
    Ok(view)
}

fn rules_of(association: &Fields<'_>) -> Result<GroupRules, Unusable> {
    let mut out = GroupRules { nsg: None, rules: Vec::new() };
    for rule in association.objects("securityRules")? {
        let group = rule.id().and_then(|id| id.parent()).filter(|id| id.segment("networkSecurityGroups").is_some());
        out.nsg = out.nsg.or(group);
        out.rules.push(nsg::read_rule(&rule)?);
    }
    Ok(out)
}

/// Reads one effective route.
pub(crate) fn read_route(node: Node<'_>) -> Result<EffectiveRoute, Unusable> {
    let fields = Fields::open(node)?;
    let word = |key: &str| fields.str(key).map(|text| text.trim().to_owned()).unwrap_or_default();
    let mut route = EffectiveRoute {
        span: fields.span(),
        name: fields.text("name").map(|name| name.value),
        source: word("source"),
        active: word("state").eq_ignore_ascii_case("active"),
        prefixes: Vec::new(),
        unreadable: Vec::new(),
        disables_propagation: fields.get("disableBgpRoutePropagation").and_then(|n| n.boolean()) == Some(true),
        tags: fields.strings("destinationServiceTags").into_iter().map(|tag| tag.value).collect(),
        next_hop: word("nextHopType"),
        addresses: fields.strings("nextHopIpAddress").iter().filter_map(|text| parse_address(&text.value)).collect(),
    };
    for text in fields.strings("addressPrefix") {
        match WrittenPrefix::parse(&text.value) {
            Some(prefix) => route.prefixes.push(prefix.net),
            None => route.unreadable.push(text.value),
        }
    }
    Ok(route)
}
