//! Filters on the way: security admin rules and NSGs, on the source side and on the destination side
//! (semantics.md 1.6, 2).

use super::admin::admin;
use super::context::{At, Context, Fact, Halt, Owner, RuleKey, Walked};
use super::matching::rule_matches;
use super::trace::{Step, StepResult};
use crate::compile::endpoints::{Endpoint, EndpointKind};
use crate::compile::filter::{Filter, Rule};
use crate::compile::network::is_platform_subnet;
use crate::compile::{Lookup, Stage, tags};
use crate::diagnostic::code;
use crate::model::{Access, Direction};
use crate::net::Flow;
use std::net::IpAddr;

/// The NIC-level side of a destination or source.
#[derive(Debug, Clone, Copy)]
pub enum Nic<'a, 'n> {
    /// An endpoint of the input, or none.
    Endpoint(Option<&'a Endpoint<'n>>),
    /// Instances of a scale set: this NSG, whatever the address.
    Model(Lookup<'n, usize>),
}

impl<'n> Nic<'_, 'n> {
    fn nsg(self) -> Lookup<'n, usize> {
        match self {
            Nic::Endpoint(Some(end)) if end.kind == EndpointKind::Nic => end.nsg,
            Nic::Endpoint(_) => Lookup::None,
            Nic::Model(nsg) => nsg,
        }
    }

    pub(super) fn is_private_endpoint(self) -> bool {
        matches!(self, Nic::Endpoint(Some(end)) if end.kind == EndpointKind::PrivateEndpoint)
    }

    fn name(self) -> String {
        match self {
            Nic::Endpoint(Some(end)) => end.name.clone(),
            Nic::Endpoint(None) => "(no NIC)".to_owned(),
            Nic::Model(_) => "(scale set)".to_owned(),
        }
    }
}

/// Source side: admin rules, NIC NSG, subnet NSG. Returns the last filter that matched.
pub fn egress<'n>(
    context: &mut Context<'_, 'n>,
    flow: &Flow,
    subnet: usize,
    nic: Nic<'_, 'n>,
) -> Walked<'n, Option<At<'n>>> {
    let Some(node) = context.network.subnet(subnet) else { return Ok(None) };
    let (mut last, skip) = admin(context, flow, subnet, Direction::Outbound, nic)?;
    if !skip {
        let name = nic.name();
        last = gate(context, nic.nsg(), Direction::Outbound, Stage::NsgOutNic, flow, subnet, &name)?.or(last);
        let place = node.subnet.name.clone();
        last = gate(context, node.nsg, Direction::Outbound, Stage::NsgOutSubnet, flow, subnet, &place)?.or(last);
        unseen_nic(context, nic, flow.source, subnet, Stage::NsgOutNic)?;
    }
    Ok(last)
}

/// Destination side: admin rules, subnet NSG, NIC NSG. Returns the last filter that matched.
pub fn ingress<'n>(
    context: &mut Context<'_, 'n>,
    flow: &Flow,
    subnet: usize,
    nic: Nic<'_, 'n>,
    before: Option<At<'n>>,
) -> Walked<'n, Option<At<'n>>> {
    let Some(node) = context.network.subnet(subnet) else { return Ok(before) };
    let (decided, skip) = admin(context, flow, subnet, Direction::Inbound, nic)?;
    let mut last = decided.or(before);
    if !skip {
        let place = node.subnet.name.clone();
        last = gate(context, node.nsg, Direction::Inbound, Stage::NsgInSubnet, flow, subnet, &place)?.or(last);
        let name = nic.name();
        last = gate(context, nic.nsg(), Direction::Inbound, Stage::NsgInNic, flow, subnet, &name)?.or(last);
        unseen_nic(context, nic, flow.destination, subnet, Stage::NsgInNic)?;
    }
    Ok(last)
}

/// One NSG: the rule that allowed, `None` where there is no NSG or no rule speaks.
fn gate<'n>(
    context: &mut Context<'_, 'n>,
    nsg: Lookup<'n, usize>,
    direction: Direction,
    stage: Stage,
    flow: &Flow,
    subnet: usize,
    place: &str,
) -> Walked<'n, Option<At<'n>>> {
    let index = match nsg {
        Lookup::None => {
            let (at, what) = (At::new(stage, None), "no NSG".to_owned());
            if !place.starts_with('(') {
                context.step(|| Step { at, place: place.to_owned(), what, result: StepResult::Pass });
            }
            return Ok(None);
        }
        Lookup::Missing(id) => {
            context.here = At::new(stage, Some(id.name()));
            context.note(&code::NSG_MISSING, id.as_str());
            let (at, what) = (context.here, "referenced, not in the input".to_owned());
            context.step(|| Step { at, place: place.to_owned(), what, result: StepResult::Unknown });
            let allowed = context.ask(Fact::MissingNsg(id.key().to_owned(), direction))?;
            return if allowed { Ok(Some(at)) } else { Err(Halt::deny(at)) };
        }
        Lookup::Found(index) => index,
    };
    let Some(filter) = context.network.filters.get(index) else { return Ok(None) };
    note_inflated(context, direction, flow, subnet);
    let decided = first_match(context, filter, index, direction, stage, flow, subnet)?;
    let Some((access, at)) = decided else { return Ok(None) };
    context.met(at, flow, subnet);
    let result = if access == Access::Allow { StepResult::Allow } else { StepResult::Deny };
    context.step(|| Step { at, place: place.to_owned(), what: rule_words(at), result });
    match access {
        Access::Allow => Ok(Some(at)),
        Access::Deny => Err(Halt::deny(at)),
    }
}

/// The other end counts as VirtualNetwork only because a 0.0.0.0/0 route to an appliance is merged into the tag.
fn note_inflated(context: &mut Context<'_, '_>, direction: Direction, flow: &Flow, subnet: usize) {
    let other = if direction == Direction::Inbound { flow.source } else { flow.destination };
    let Some(node) = context.network.subnet(subnet).filter(|node| node.inflated) else { return };
    if node.vnet_tag.contains(other) && !node.unrouted_tag.contains(other) {
        context.note(&code::INFLATED_TAG, &node.subnet.name);
    }
}

pub(super) fn rule_words(at: At<'_>) -> String {
    let default = at.span.is_none() && at.priority.is_some();
    let suffix = if default { " (default)" } else { "" };
    format!("{} {}{suffix}", at.priority.unwrap_or_default(), at.rule.unwrap_or_default())
}

/// The first rule by priority that matches; `None` only for platform traffic that no rule names, or where every
/// matching rule was taken away.
fn first_match<'n>(
    context: &mut Context<'_, 'n>,
    filter: &'n Filter<'n>,
    index: usize,
    direction: Direction,
    stage: Stage,
    flow: &Flow,
    subnet: usize,
) -> Walked<'n, Option<(Access, At<'n>)>> {
    let platform = direction == Direction::Outbound && is_platform_traffic(flow);
    for rule in &filter.unplaced {
        if let Some(decided) = unplaced(context, filter, index, rule, direction, stage, flow, subnet)? {
            return Ok(Some(decided));
        }
    }
    let rules = filter.rules(direction);
    let projection = context.projection.filter(|projection| projection.source == flow.source);
    let projected = projection.and_then(|p| p.candidates.get(&(index, direction, subnet)));
    let mut position = 0usize;
    loop {
        let rule = match projected {
            Some(list) => list.get(position).and_then(|at| rules.get(*at as usize)),
            None => rules.get(position),
        };
        position += 1;
        let Some(rule) = rule else { return Ok(None) };
        let key = (Owner::Nsg(index), rule.number);
        if platform && !rule.destination.platform_tag || context.removed.rules.contains(&key) {
            continue;
        }
        context.here = at(filter, rule, stage, key);
        if rule_matches(context, rule, key, flow, subnet)? {
            let place = context.here;
            let access = access_of(context, rule, key)?;
            let rest = rules.iter().skip_while(|other| other.number != rule.number).skip(1);
            let tied = rest.take_while(|other| other.priority == rule.priority);
            for other in tied {
                if let Some(decided) = tie(context, filter, index, (rule, access, place), other, flow, subnet)? {
                    return Ok(Some(decided));
                }
            }
            return Ok(Some((access, place)));
        }
    }
}

fn access_of<'n>(context: &mut Context<'_, 'n>, rule: &Rule<'n>, key: RuleKey) -> Walked<'n, Access> {
    if let Some(access) = rule.access {
        return Ok(access);
    }
    context.note(&code::INVALID_VALUE_JUDGED, rule.name);
    Ok(if context.ask(Fact::Access(key))? { Access::Allow } else { Access::Deny })
}

/// Two rules of one priority that both match and disagree: Azure refuses such a pair, so nothing says which one counts.
/// `Some` where the other one does.
fn tie<'n>(
    context: &mut Context<'_, 'n>,
    filter: &'n Filter<'n>,
    index: usize,
    first: (&Rule<'n>, Access, At<'n>),
    other: &Rule<'n>,
    flow: &Flow,
    subnet: usize,
) -> Walked<'n, Option<(Access, At<'n>)>> {
    let (rule, access, place) = first;
    let owner = Owner::Nsg(index);
    let (key, other_key) = ((owner, rule.number), (owner, other.number));
    let stage = place.stage;
    if context.removed.rules.contains(&other_key) || !rule_matches(context, other, other_key, flow, subnet)? {
        return Ok(None);
    }
    let other_access = access_of(context, other, other_key)?;
    if other_access == access {
        return Ok(None);
    }
    context.here = place;
    context.note(&code::TIE, rule.name);
    let first_counts = context.ask(Fact::Tie(key))?;
    Ok(if first_counts { None } else { Some((other_access, at(filter, other, stage, other_key))) })
}

fn at<'n>(filter: &'n Filter<'n>, rule: &Rule<'n>, stage: Stage, key: RuleKey) -> At<'n> {
    At {
        stage,
        resource: Some(&filter.name),
        rule: Some(rule.name),
        priority: Some(rule.priority),
        span: rule.span,
        key: Some(key),
    }
}

/// A rule without usable priority or direction may come first: where it may match, it may decide.
#[expect(clippy::too_many_arguments, reason = "the same six that every gate has, and the rule")]
fn unplaced<'n>(
    context: &mut Context<'_, 'n>,
    filter: &'n Filter<'n>,
    index: usize,
    rule: &Rule<'n>,
    direction: Direction,
    stage: Stage,
    flow: &Flow,
    subnet: usize,
) -> Walked<'n, Option<(Access, At<'n>)>> {
    let key = (Owner::Nsg(index), rule.number);
    if rule.direction.is_some_and(|own| own != direction) || context.removed.rules.contains(&key) {
        return Ok(None);
    }
    context.here = At { priority: None, ..at(filter, rule, stage, key) };
    if !rule_matches(context, rule, key, flow, subnet)? {
        return Ok(None);
    }
    let place = context.here;
    context.note(&code::UNREADABLE_RULE, rule.name);
    if !context.ask(Fact::Unplaced(key))? {
        return Ok(None);
    }
    let allow = match rule.access {
        Some(access) => access == Access::Allow,
        None => context.ask(Fact::Access(key))?,
    };
    Ok(Some((if allow { Access::Allow } else { Access::Deny }, place)))
}

/// DNS, DHCP, metadata and agent traffic: NSGs do not apply unless a rule names an `AzurePlatform...` tag
/// (semantics.md 1.8; ports by what was seen to pass).
pub fn is_platform_traffic(flow: &Flow) -> bool {
    if flow.destination == IpAddr::V4(tags::METADATA) {
        return flow.destination_port == 80;
    }
    flow.destination == IpAddr::V4(tags::PLATFORM) && matches!(flow.destination_port, 53 | 67 | 68 | 80 | 443 | 32526)
}

/// An address of a customer subnet without a NIC in the input may have a NIC-level NSG that was not exported. Gateway
/// subnets and platform subnets have none that counts.
fn unseen_nic<'n>(
    context: &mut Context<'_, 'n>,
    nic: Nic<'_, 'n>,
    address: IpAddr,
    subnet: usize,
    stage: Stage,
) -> Walked<'n, ()> {
    let network = context.network;
    let Some(node) = network.subnet(subnet) else { return Ok(()) };
    if !matches!(nic, Nic::Endpoint(None)) || !node.gateways.is_empty() || is_platform_subnet(&node.subnet.name) {
        return Ok(());
    }
    context.here = At::new(stage, None);
    if network.assumptions.no_unseen_nics {
        context.note(&code::ASSUMPTION, "nic=none");
        return Ok(());
    }
    context.note(&code::NO_NIC, &address.to_string());
    let (at, place) = (context.here, address.to_string());
    context.step(|| Step {
        at,
        place,
        what: "no NIC with this address in the input".to_owned(),
        result: StepResult::Unknown,
    });
    if context.ask(Fact::UnseenNic(address))? { Ok(()) } else { Err(Halt::deny(at)) }
}
