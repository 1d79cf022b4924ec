//! Security admin rules as NSG diagnostics list them (semantics.md 2, 6.2): the network manager in place of an NSG, bare rule
//! names, applied to the virtual network.

use super::diagnostic::GroupResult;
use super::filter::flags;
use super::target::Place;
use crate::compile::Network;
use crate::compile::admin::{Applies, CompiledAdminRule};
use crate::compile::network::is_platform_subnet;
use crate::evaluate::context::{Context, Removed};
use crate::evaluate::matching::compare;
use crate::model::{Access, AdminAccess, Direction, ResourceId, RuleFlags};
use crate::net::Flow;

/// What the admin rules do with a flow before the NSGs.
#[derive(Debug)]
pub(super) struct AdminResult {
    /// As it is listed.
    pub(super) group: GroupResult,
    /// NSGs are not asked: it denies, or always allows.
    pub(super) ends: bool,
}

/// The first admin rule that matches; `None` where none does.
pub(super) fn evaluate(
    network: &Network<'_>,
    place: Place<'_>,
    direction: Direction,
    flow: &Flow,
) -> Result<Option<AdminResult>, String> {
    let rules = &network.admin;
    let Some(node) = network.subnet(place.subnet) else { return Ok(None) };
    let gateways = &node.gateways;
    let exempt = is_platform_subnet(&node.subnet.name) || !gateways.is_empty() && !gateways.iter().all(|g| g.isolated);
    let Some(vnet) = network.vnet(node.vnet).filter(|_| !exempt) else { return Ok(None) };
    if let Some((id, _)) = rules.open.iter().find(|(_, on)| on.to(node.vnet, vnet, None) != Applies::No) {
        return Err(format!("missing: the rules of {}", id.name()));
    }
    let removed = Removed::default();
    let mut context = Context::new(network, &[], &removed);
    let mut tried: Vec<(&CompiledAdminRule<'_>, RuleFlags)> = Vec::new();
    for rule in ordered(network)? {
        match rule.applies.to(node.vnet, vnet, rule.access) {
            Applies::No => continue,
            Applies::Open(groups, configuration) => {
                let name = groups.first().or(configuration).map_or("", ResourceId::name);
                return Err(format!("missing: what {name} applies to"));
            }
            Applies::Yes => {}
        }
        match rule.rule.direction {
            Some(own) if own != direction => continue,
            Some(_) => {}
            None => return Err(format!("admin rule {} has no readable direction", rule.rule.name)),
        }
        let found = flags(compare(&mut context, &rule.rule, flow, place.subnet));
        if found.contains(&None) && !found.contains(&Some(false)) {
            return Err(format!("whether admin rule {} matches is not decidable", rule.rule.name));
        }
        let matched = found.iter().all(|flag| *flag == Some(true));
        tried.push((rule, RuleFlags { name: rule.rule.name.to_owned(), flags: found }));
        if matched {
            let access = rule.access.ok_or_else(|| format!("admin rule {} has no readable access", rule.rule.name))?;
            let done = if access == AdminAccess::Deny { Access::Deny } else { Access::Allow };
            let own = tried.iter().filter(|(other, _)| other.manager_id == rule.manager_id);
            let group = GroupResult {
                id: rule.manager_id.clone(),
                applied_to: vnet.vnet.id.clone(),
                matched: Some((rule.rule.name.to_owned(), done)),
                rules: own.map(|(_, flags)| flags.clone()).collect(),
            };
            return Ok(Some(AdminResult { group, ends: access != AdminAccess::Allow }));
        }
    }
    Ok(None)
}

/// Rules in their order: of several managers, those with a management group in their scope first.
fn ordered<'n>(network: &'n Network<'n>) -> Result<Vec<&'n CompiledAdminRule<'n>>, String> {
    let rules = network.admin.rules.iter();
    if !network.admin.several_managers {
        return Ok(rules.collect());
    }
    let mut out: Vec<(bool, &CompiledAdminRule<'_>)> = Vec::new();
    for rule in rules {
        let scope = rule.management_group_scope;
        out.push((!scope.ok_or_else(|| format!("missing: network manager {}", rule.manager))?, rule));
    }
    out.sort_by_key(|(later, _)| *later);
    Ok(out.into_iter().map(|(_, rule)| rule).collect())
}
