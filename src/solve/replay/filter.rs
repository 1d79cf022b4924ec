//! One NSG on its own, as Azure's tools look at it.

use crate::compile::filter::{Filter, Rule};
use crate::diagnostic::code;
use crate::evaluate::context::{Context, Fact, Owner, RuleKey, Walked};
use crate::evaluate::gates::is_platform_traffic;
use crate::evaluate::matching::{Known, Match, compare, rule_matches};
use crate::model::{Access, Direction};
use crate::net::Flow;

/// The first rule by priority that matches, with what it does; `None` for platform traffic that no rule names.
pub(super) fn first_match<'n>(
    context: &mut Context<'_, 'n>,
    index: usize,
    direction: Direction,
    flow: &Flow,
    subnet: usize,
) -> Walked<'n, Option<(&'n Rule<'n>, Access)>> {
    let Some(filter) = context.network.filters.get(index) else { return Ok(None) };
    for rule in filter.unplaced.iter().filter(|rule| rule.direction.is_none_or(|own| own == direction)) {
        let key = (Owner::Nsg(index), rule.number);
        if rule_matches(context, rule, key, flow, subnet)? && context.ask(Fact::Unplaced(key))? {
            return Ok(Some((rule, access(context, rule, key)?)));
        }
    }
    let platform = direction == Direction::Outbound && is_platform_traffic(flow);
    for rule in filter.rules(direction).iter().filter(|rule| !platform || rule.destination.platform_tag) {
        let key = (Owner::Nsg(index), rule.number);
        if rule_matches(context, rule, key, flow, subnet)? {
            return Ok(Some((rule, access(context, rule, key)?)));
        }
    }
    Ok(None)
}

fn access<'n>(context: &mut Context<'_, 'n>, rule: &Rule<'n>, key: RuleKey) -> Walked<'n, Access> {
    if let Some(access) = rule.access {
        return Ok(access);
    }
    context.note(&code::INVALID_VALUE_JUDGED, rule.name);
    Ok(if context.ask(Fact::Access(key))? { Access::Allow } else { Access::Deny })
}

/// The five flags in Azure's order; `None` where one cannot be told.
pub(super) fn flags(found: Match) -> [Option<bool>; 5] {
    [found.protocol, found.source, found.source_port, found.destination, found.destination_port].map(
        |known| match known {
            Known::Yes => Some(true),
            Known::No => Some(false),
            Known::Open => None,
        },
    )
}

/// Names of the five flags.
pub(super) const DIMENSIONS: [&str; 5] = ["protocol", "source", "source port", "destination", "destination port"];

/// How a rule of an NSG reads here for a flow: what Azure's rule would have had to match.
pub(super) fn reading(
    context: &mut Context<'_, '_>,
    filter: &Filter<'_>,
    name: &str,
    direction: Direction,
    flow: &Flow,
    subnet: usize,
) -> Option<String> {
    let rule = filter.rules(direction).iter().find(|rule| rule.name.eq_ignore_ascii_case(name))?;
    let flags = flags(compare(context, rule, flow, subnet));
    let failed: Vec<&str> =
        DIMENSIONS.iter().zip(flags).filter(|(_, flag)| *flag == Some(false)).map(|(name, _)| *name).collect();
    let what =
        if failed.is_empty() { "matches".to_owned() } else { format!("does not match by {}", failed.join(", ")) };
    Some(format!("{} {} of {} {what} here", rule.priority, rule.name, filter.name))
}
