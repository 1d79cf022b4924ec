//! Security admin rules: before every NSG of their direction (semantics.md 2).

use super::context::{At, Context, Fact, Halt, Owner, Walked};
use super::gates::{Nic, rule_words};
use super::matching::{compare, rule_matches};
use super::trace::{Step, StepResult};
use crate::compile::admin::{Applies, CompiledAdminRule};
use crate::compile::endpoints::{Endpoint, EndpointKind};
use crate::compile::network::is_platform_subnet;
use crate::compile::{Stage, SubnetNode};
use crate::diagnostic::code;
use crate::model::{AdminAccess, Direction};
use crate::net::Flow;

/// The first admin rule that matches: where it stands, and whether the NSGs of this side are skipped. Private endpoints,
/// platform subnets and subnets with a gateway that is not isolated are exempt.
pub(super) fn admin<'n>(
    context: &mut Context<'_, 'n>,
    flow: &Flow,
    subnet: usize,
    direction: Direction,
    nic: Nic<'_, 'n>,
) -> Walked<'n, (Option<At<'n>>, bool)> {
    let network = context.network;
    let rules = &network.admin;
    let without_rules = rules.rules.is_empty() && rules.open.is_empty();
    if without_rules && rules.unconfigured.is_empty() {
        return Ok((None, false));
    }
    let Some(node) = network.subnet(subnet) else { return Ok((None, false)) };
    let gateways = &node.gateways;
    let exempt = is_platform_subnet(&node.subnet.name) || !gateways.is_empty() && !gateways.iter().all(|g| g.isolated);
    if exempt || nic.is_private_endpoint() {
        return Ok((None, false));
    }
    for unconfigured in rules.unconfigured.iter().filter(|unconfigured| unconfigured.vnets.contains(&node.vnet)) {
        let manager = unconfigured.manager;
        context.here = At { span: Some(manager.span), ..At::new(Stage::AdminIn, Some(&manager.name)) };
        context.note(&code::MANAGER_WITHOUT_CONFIGURATION, manager.id.as_str());
    }
    if without_rules {
        return Ok((None, false));
    }
    let stage = if direction == Direction::Inbound { Stage::AdminIn } else { Stage::AdminOut };
    if unseen_gateway(context, subnet, stage)? {
        return Ok((None, false));
    }
    if let Some(decided) = unexported(context, node, direction, stage)? {
        return Ok(decided);
    }
    for management_group in [true, false] {
        for rule in rules.rules.iter().filter(|rule| rule.rule.direction.is_none_or(|own| own == direction)) {
            if scope(context, rule, stage)? != management_group {
                continue;
            }
            if let Some(decided) = judge(context, node, rule, stage, flow, subnet)? {
                return Ok(decided);
            }
        }
    }
    Ok((None, false))
}

/// A gateway that is not in the input, and not isolated, may stand in a subnet without any NIC.
fn unseen_gateway<'n>(context: &mut Context<'_, 'n>, subnet: usize, stage: Stage) -> Walked<'n, bool> {
    let network = context.network;
    let dedicated = |end: &Endpoint<'_>| end.subnet != Some(subnet) || end.kind == EndpointKind::GatewayFrontend;
    if !network.missing.gateways || !network.endpoints.iter().all(dedicated) {
        return Ok(false);
    }
    context.here = At::new(stage, None);
    context.ask(Fact::UnseenGateway(subnet))
}

/// Has the rule's manager a management group in its scope? It matters only where rules of several managers meet.
fn scope<'n>(context: &mut Context<'_, 'n>, rule: &'n CompiledAdminRule<'n>, stage: Stage) -> Walked<'n, bool> {
    match rule.management_group_scope {
        _ if !context.network.admin.several_managers => Ok(false),
        Some(management_group) => Ok(management_group),
        None => {
            context.here = At::new(stage, Some(&rule.manager));
            context.note(&code::ADMIN_MISSING, rule.manager_id.as_str());
            context.ask(Fact::ManagerScope(rule.manager_id.clone()))
        }
    }
}

/// One rule: `None` where it does not decide.
fn judge<'n>(
    context: &mut Context<'_, 'n>,
    node: &'n SubnetNode<'n>,
    rule: &'n CompiledAdminRule<'n>,
    stage: Stage,
    flow: &Flow,
    subnet: usize,
) -> Walked<'n, Option<(Option<At<'n>>, bool)>> {
    let key = (Owner::Admin, rule.rule.number);
    let Some(vnet) = context.network.vnet(node.vnet) else { return Ok(None) };
    let applies = rule.applies.to(node.vnet, vnet, rule.access);
    if applies == Applies::No || context.removed.rules.contains(&key) {
        note_empty(context, rule, flow, subnet);
        return Ok(None);
    }
    let at = At {
        priority: Some(rule.rule.priority),
        key: Some(key),
        ..At::new(stage, Some(&rule.manager)).rule(Some(rule.rule.name), rule.rule.span)
    };
    context.here = at;
    if !rule_matches(context, &rule.rule, key, flow, subnet)? {
        return Ok(None);
    }
    context.here = at;
    if !applied(context, applies, node.vnet)? {
        return Ok(None);
    }
    if rule.rule.direction.is_none() {
        context.note(&code::UNREADABLE_RULE, rule.rule.name);
        if !context.ask(Fact::Unplaced(key))? {
            return Ok(None);
        }
    }
    let access = match rule.access {
        Some(access) => access,
        None if context.ask(Fact::Access(key))? => AdminAccess::Allow,
        None => AdminAccess::Deny,
    };
    context.met(at, flow, subnet);
    let place = vnet.name.clone();
    let denied = access == AdminAccess::Deny;
    let skip = access == AdminAccess::AlwaysAllow;
    let words = rule_words(at);
    let what = if skip { format!("{words}: AlwaysAllow, NSGs are skipped") } else { words };
    context.step(|| Step { at, place, what, result: if denied { StepResult::Deny } else { StepResult::Allow } });
    if denied { Err(Halt::deny(at)) } else { Ok(Some((Some(at), skip))) }
}

/// A rule that matches and applies nowhere because its groups have no member in the input: perhaps the members were not
/// exported.
fn note_empty<'n>(context: &mut Context<'_, 'n>, rule: &'n CompiledAdminRule<'n>, flow: &Flow, subnet: usize) {
    let Some(group) = rule.applies.empty.first() else { return };
    if !compare(context, &rule.rule, flow, subnet).excluded() {
        context.note(&code::GROUP_WITHOUT_MEMBERS, group.as_str());
    }
}

/// Asks what decides whether a rule is applied to a network.
fn applied<'n>(context: &mut Context<'_, 'n>, applies: Applies<'n>, vnet: usize) -> Walked<'n, bool> {
    let Applies::Open(groups, configuration) = applies else { return Ok(applies == Applies::Yes) };
    let mut member = groups.is_empty();
    for id in groups {
        context.note(&code::ADMIN_MISSING, id.as_str());
        member = member || context.ask(Fact::AppliesTo(id.clone(), vnet))?;
    }
    let Some(id) = configuration.filter(|_| member) else { return Ok(member) };
    context.note(&code::ADMIN_MISSING, id.as_str());
    context.ask(Fact::AppliesTo(id.clone(), vnet))
}

/// Collections without any rule in the input may hold one that comes first: it may deny, or allow past every NSG.
fn unexported<'n>(
    context: &mut Context<'_, 'n>,
    node: &'n SubnetNode<'n>,
    direction: Direction,
    stage: Stage,
) -> Walked<'n, Option<(Option<At<'n>>, bool)>> {
    let network = context.network;
    let Some(vnet) = network.vnet(node.vnet) else { return Ok(None) };
    for (id, application) in &network.admin.open {
        if application.to(node.vnet, vnet, None) == Applies::No {
            continue;
        }
        let at = At::new(stage, id.segment("networkManagers"));
        context.here = at;
        context.note(&code::ADMIN_MISSING, id.as_str());
        if context.ask(Fact::AdminDecides(node.vnet, direction))? {
            let denied = context.ask(Fact::AdminDenies(node.vnet, direction))?;
            return if denied { Err(Halt::deny(at)) } else { Ok(Some((Some(at), true))) };
        }
    }
    Ok(None)
}
