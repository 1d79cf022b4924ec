//! An Azure Firewall on the way: DNAT, network and application rules, source translation (semantics.md 4).

use super::context::{At, Context, Fact, Halt, Outcome, Owner, RuleKey, Walked};
use super::journey::{Branch, Journey, Via};
use super::matching::{Known, address, address_open};
use super::trace::{Step, StepResult};
use crate::compile::Stage;
use crate::compile::endpoints::Endpoint;
use crate::compile::filter::EMPTY_SIDE;
use crate::compile::firewall::{CompiledFirewallRule, FirewallNode};
use crate::compile::tags;
use crate::diagnostic::code;
use crate::model::{Access, FirewallRuleKind, Setting, SnatRange};
use crate::net::{Flow, Protocol};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What a firewall lets through: the rule, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed<'n> {
    pub(super) at: At<'n>,
    kind: FirewallRuleKind,
    rule: Option<&'n CompiledFirewallRule<'n>>,
    translates: bool,
}

/// Crosses the firewall: a rule that denies, or none that matches, ends the flow; a translated source splits it.
pub(super) fn cross<'n>(
    context: &mut Context<'_, 'n>,
    index: usize,
    hop: (IpAddr, usize),
    journey: &mut Journey<'n>,
) -> Walked<'n, ()> {
    let Some(firewall) = context.network.firewalls.get(index) else { return Ok(()) };
    let passed = decide(context, index, firewall, &journey.flow, false)?;
    journey.last = Some(passed.at);
    let (address, subnet) = hop;
    journey.via.push(Via { address, subnet, before: journey.flow.source, translated: passed.translates });
    journey.here = subnet;
    if passed.translates { Err(onward(context, firewall, journey)) } else { Ok(()) }
}

/// One way on for each address that the backend may see as source.
fn onward<'n>(context: &mut Context<'_, 'n>, firewall: &'n FirewallNode<'n>, journey: &Journey<'n>) -> Halt<'n> {
    let ipv4 = journey.flow.destination.is_ipv4();
    let sources = firewall.translated_sources.iter().filter(|source| source.is_ipv4() == ipv4);
    let branches: Vec<Branch<'n>> = sources
        .map(|source| {
            let flow = Flow { source: *source, ..journey.flow };
            Branch::Onward(Journey { flow, ..journey.clone() })
        })
        .collect();
    let at = journey.last.unwrap_or(At::new(Stage::Firewall, Some(&firewall.name)));
    let what = "source translated to an address of the firewall's subnet".to_owned();
    context.step(|| Step { at, place: firewall.name.clone(), what, result: StepResult::Forward });
    if branches.is_empty() {
        // Nothing of this family to translate to.
        return Halt::deny(at);
    }
    Halt::Split(branches)
}

/// A flow to the firewall's own address: DNAT, or nothing answers.
pub(super) fn arrive<'n>(
    context: &mut Context<'_, 'n>,
    journey: &Journey<'n>,
    end: &'n Endpoint<'n>,
) -> Walked<'n, Option<At<'n>>> {
    match end.firewall {
        Some(index) => Err(translate(context, index, &journey.flow, journey, false)?),
        None => Ok(journey.last),
    }
}

/// A flow to a public address of the firewall.
pub(super) fn from_outside<'n>(
    context: &mut Context<'_, 'n>,
    index: usize,
    journey: &Journey<'n>,
) -> Walked<'n, Halt<'n>> {
    translate(context, index, &journey.flow, journey, true)
}

/// DNAT: the firewall dials the translated address from its own subnet. What no DNAT rule takes is dropped.
fn translate<'n>(
    context: &mut Context<'_, 'n>,
    index: usize,
    flow: &Flow,
    journey: &Journey<'n>,
    from_internet: bool,
) -> Walked<'n, Halt<'n>> {
    let Some(firewall) = context.network.firewalls.get(index) else { return Ok(Halt::deny(context.here)) };
    let passed = decide(context, index, firewall, flow, from_internet)?;
    if passed.rule.is_none() {
        // Something that is not in the input lets it pass, wherever to.
        return Ok(Halt::Settled(Outcome { allowed: true, at: Some(passed.at) }));
    }
    let (FirewallRuleKind::Dnat, Some(rule)) = (passed.kind, passed.rule) else {
        return Ok(Halt::deny(At::new(Stage::Firewall, Some(&firewall.name))));
    };
    let Some(subnet) = firewall.subnet else { return Ok(Halt::deny(passed.at)) };
    let destination = translated_address(context, passed.at, rule)?;
    let port = rule.rule.translated_port.as_ref().map_or(flow.destination_port, |port| port.value);
    let inner = Flow { destination, destination_port: port, ..*flow };
    let inner = Journey {
        flow: inner,
        start: Some(subnet),
        here: subnet,
        via: Vec::new(),
        last: Some(passed.at),
        ..journey.clone()
    };
    Ok(onward(context, firewall, &inner))
}

fn translated_address<'n>(
    context: &mut Context<'_, 'n>,
    at: At<'n>,
    rule: &'n CompiledFirewallRule<'n>,
) -> Walked<'n, IpAddr> {
    let hosts = &context.network.snapshot.hosts;
    let named = rule.rule.translated_fqdn.as_ref();
    let resolved = named.and_then(|name| hosts.get(name)).and_then(|addresses| addresses.first());
    match (&rule.rule.translated_address, resolved) {
        (Setting::Set(address), _) => Ok(address.value),
        (_, Some(address)) => Ok(*address),
        _ => {
            let name = named.map_or("(no translated address)", String::as_str).to_owned();
            context.here = at;
            context.note(&code::FQDN, &name);
            let allowed = context.ask(Fact::NotModelled(name))?;
            Err(Halt::Settled(Outcome { allowed, at: Some(at) }))
        }
    }
}

/// The first rule that matches, by type, policy, group, collection and place; none means denied.
fn decide<'n>(
    context: &mut Context<'_, 'n>,
    index: usize,
    firewall: &'n FirewallNode<'n>,
    flow: &Flow,
    from_internet: bool,
) -> Walked<'n, Passed<'n>> {
    let nothing = At::new(Stage::Firewall, Some(&firewall.name));
    context.here = nothing;
    if firewall.threat_intelligence_denies {
        context.note(&code::THREAT_INTELLIGENCE, &firewall.name);
    }
    if let Some(passed) = missing_policies(context, firewall, nothing, flow)? {
        return Ok(passed);
    }
    for rule in &firewall.rules {
        let key = (Owner::Firewall(index), rule.number);
        let asked = match rule.kind {
            Some(FirewallRuleKind::Dnat) => is_own(context, firewall, flow.destination) != Known::No,
            Some(FirewallRuleKind::Application) => !from_internet,
            _ => true,
        };
        if !asked || context.removed.rules.contains(&key) {
            continue;
        }
        let at = At { key: Some(key), ..nothing.rule(Some(&rule.rule.name), Some(rule.span)) };
        context.here = at;
        if !matches(context, firewall, rule, key, flow)? {
            continue;
        }
        if rule.kind == Some(FirewallRuleKind::Dnat) && !own_if_listed(context, firewall, flow.destination)? {
            continue;
        }
        context.here = at;
        if rule.kind.is_none() {
            context.note(&code::UNREADABLE_RULE, &rule.rule.name);
            if !context.ask(Fact::Unplaced(key))? {
                continue;
            }
        }
        let allowed = match rule.access {
            Some(access) => access == Access::Allow,
            None => context.ask(Fact::Access(key))?,
        };
        if let Some((rule, at)) = rival(context, index, firewall, (rule, at, allowed), flow)? {
            step(context, firewall, rule, at, !allowed);
            return if allowed { Err(Halt::deny(at)) } else { passed(context, firewall, rule, at, flow) };
        }
        step(context, firewall, rule, at, allowed);
        if !allowed {
            return Err(Halt::deny(at));
        }
        return passed(context, firewall, rule, at, flow);
    }
    let what = "no rule matches: denied".to_owned();
    context.step(|| Step { at: nothing, place: firewall.name.clone(), what, result: StepResult::Deny });
    Err(Halt::deny(nothing))
}

/// Is it an address of the firewall? One of its public IP addresses that are not in the input may be any public address
/// that none of the input is.
fn is_own(context: &Context<'_, '_>, firewall: &FirewallNode<'_>, address: IpAddr) -> Known {
    let mut listed = context.network.snapshot.public_ips.values().filter_map(|ip| ip.address.as_ref());
    match () {
        () if firewall.private.contains(&address) || firewall.public.contains(&address) => Known::Yes,
        () if firewall.unlisted_public.is_empty() || tags::is_private(address) => Known::No,
        () if listed.any(|listed| listed.value == address) => Known::No,
        () => Known::Open,
    }
}

/// Asks whether the address is one that the input does not hold.
fn own_if_listed<'n>(
    context: &mut Context<'_, 'n>,
    firewall: &'n FirewallNode<'n>,
    address: IpAddr,
) -> Walked<'n, bool> {
    if is_own(context, firewall, address) != Known::Open {
        return Ok(true);
    }
    for id in &firewall.unlisted_public {
        context.here = At::new(Stage::Firewall, Some(id.name()));
        context.note(&code::SNAT_UNKNOWN, id.as_str());
        if context.ask(Fact::PublicIpIs((*id).clone(), address))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Let through by a rule, with the source translated or not; it may be either where the ranges cannot be read.
fn passed<'n>(
    context: &mut Context<'_, 'n>,
    firewall: &'n FirewallNode<'n>,
    rule: &'n CompiledFirewallRule<'n>,
    at: At<'n>,
    flow: &Flow,
) -> Walked<'n, Passed<'n>> {
    let kind = rule.kind.unwrap_or(FirewallRuleKind::Network);
    let unreadable = firewall.untranslated.iter().find_map(|range| match range {
        SnatRange::Invalid(text) => Some(&text.value),
        _ => None,
    });
    let mut translates = firewall.translates(kind, flow.destination);
    if let Some(text) = unreadable.filter(|_| kind == FirewallRuleKind::Network && translates) {
        context.note(&code::INVALID_VALUE_JUDGED, text);
        translates = context.ask(Fact::PolicyTranslates(firewall.firewall.id.clone()))?;
    }
    Ok(Passed { at, kind, rule: Some(rule), translates })
}

/// A rule that matches too and does the contrary, in a collection or group of the same priority: nothing says which comes
/// first. `Some` where the other one counts.
fn rival<'n>(
    context: &mut Context<'_, 'n>,
    index: usize,
    firewall: &'n FirewallNode<'n>,
    (first, at, allowed): (&'n CompiledFirewallRule<'n>, At<'n>, bool),
    flow: &Flow,
) -> Walked<'n, Option<(&'n CompiledFirewallRule<'n>, At<'n>)>> {
    let mut decided = BTreeSet::new();
    let later = firewall.rules.iter().filter(|rule| rule.number > first.number && rule.kind == first.kind);
    for rule in later {
        let key = (Owner::Firewall(index), rule.number);
        let Some(rival) = first.place.rival(rule.place).filter(|rival| !decided.contains(rival)) else { continue };
        if context.removed.rules.contains(&key) || !matches(context, firewall, rule, key, flow)? {
            continue;
        }
        decided.insert(rival);
        if rule.access.is_none_or(|access| (access == Access::Allow) == allowed) {
            continue;
        }
        context.here = at;
        context.note(&code::TIE, &first.rule.name);
        if !context.ask(Fact::Tie((Owner::Firewall(index), first.number)))? {
            return Ok(Some((rule, At { key: Some(key), ..at.rule(Some(&rule.rule.name), Some(rule.span)) })));
        }
    }
    Ok(None)
}

fn step<'n>(
    context: &mut Context<'_, 'n>,
    firewall: &FirewallNode<'n>,
    rule: &CompiledFirewallRule<'n>,
    at: At<'n>,
    allowed: bool,
) {
    let kind = match rule.kind {
        Some(FirewallRuleKind::Dnat) => "DNAT rule",
        Some(FirewallRuleKind::Application) => "application rule",
        _ => "network rule",
    };
    let what = format!("{kind} {} of collection {}", rule.rule.name, rule.collection);
    let result = if allowed { StepResult::Allow } else { StepResult::Deny };
    context.step(|| Step { at, place: firewall.name.clone(), what, result });
}

/// Policies or groups that are not in the input may hold any rule, also one that comes first.
fn missing_policies<'n>(
    context: &mut Context<'_, 'n>,
    firewall: &'n FirewallNode<'n>,
    at: At<'n>,
    flow: &Flow,
) -> Walked<'n, Option<Passed<'n>>> {
    for id in &firewall.missing {
        context.here = at;
        context.note(&code::POLICY_MISSING, id.as_str());
        if !context.ask(Fact::PolicyDecides((*id).clone()))? {
            continue;
        }
        if !context.ask(Fact::PolicyAllows((*id).clone()))? {
            return Err(Halt::deny(at));
        }
        let translates = firewall.translates(FirewallRuleKind::Network, flow.destination)
            || context.ask(Fact::PolicyTranslates((*id).clone()))?;
        return Ok(Some(Passed { at, kind: FirewallRuleKind::Network, rule: None, translates }));
    }
    Ok(None)
}

/// Does the rule match? Cheap dimensions first; missing facts are asked for only where everything else may match.
fn matches<'n>(
    context: &mut Context<'_, 'n>,
    firewall: &'n FirewallNode<'n>,
    rule: &'n CompiledFirewallRule<'n>,
    key: RuleKey,
    flow: &Flow,
) -> Walked<'n, bool> {
    if rule.skipped {
        context.note(&code::EMPTY_IP_GROUP, &rule.rule.name);
        return Ok(false);
    }
    let service = match rule.kind {
        Some(FirewallRuleKind::Application) => {
            Some(flow.protocol == Protocol::Tcp && rule.takes_port(flow.destination_port))
        }
        _ => network_service(rule, flow),
    };
    if service == Some(false) {
        return Ok(false);
    }
    let Some(subnet) = firewall.subnet else { return not_placed(context, firewall) };
    let source = address(context, &rule.source, flow.source, subnet);
    let by_address = match rule.kind {
        Some(FirewallRuleKind::Application) if rule.destination.unreadable.contains(&EMPTY_SIDE) => Known::Open,
        Some(FirewallRuleKind::Application) => Known::No,
        _ => address(context, &rule.destination, flow.destination, subnet),
    };
    let names = names(context, firewall, rule, flow.destination);
    if source == Known::No || by_address == Known::No && names == Known::No {
        return Ok(false);
    }
    if service.is_none() {
        context.note(&code::INVALID_VALUE_JUDGED, &rule.rule.name);
        if !context.ask(Fact::RuleProtocol(key))? {
            return Ok(false);
        }
    }
    for group in rule.source.missing_groups.iter().chain(&rule.destination.missing_groups) {
        context.note(&code::IP_GROUP_MISSING, group.as_str());
        if context.ask(Fact::GroupEmpty((*group).clone()))? {
            return Ok(false); // an empty group makes the rule be skipped
        }
    }
    if source == Known::Open && !address_open(context, &rule.source, key, flow.source, subnet)? {
        return Ok(false);
    }
    if by_address == Known::Yes || names == Known::Yes {
        return Ok(true);
    }
    if by_address == Known::Open && address_open(context, &rule.destination, key, flow.destination, subnet)? {
        return Ok(true);
    }
    if names == Known::Open { names_open(context, firewall, rule, flow.destination) } else { Ok(false) }
}

/// A firewall whose subnet is not in the input sees no virtual network's tags: nothing of it is judged.
fn not_placed<'n>(context: &mut Context<'_, 'n>, firewall: &'n FirewallNode<'n>) -> Walked<'n, bool> {
    let at = At::new(Stage::Firewall, Some(&firewall.name));
    context.here = at;
    context.note(&code::NOT_MODELLED, firewall.firewall.id.as_str());
    let allowed = context.ask(Fact::NotModelled(firewall.firewall.id.key().to_owned()))?;
    Err(Halt::Settled(Outcome { allowed, at: Some(at) }))
}

/// Protocol and port of a network or DNAT rule; `None` where one of them is unreadable.
fn network_service(rule: &CompiledFirewallRule<'_>, flow: &Flow) -> Option<bool> {
    let protocol = rule.takes(flow.protocol);
    if protocol == Some(false) || !flow.protocol.has_ports() {
        return protocol;
    }
    match (rule.ports.ports.contains(flow.destination_port), rule.ports.unreadable) {
        (true, _) => protocol,
        (false, true) => None,
        (false, false) => Some(false),
    }
}

/// Names of a rule against a destination: only names with known addresses say yes or no (semantics.md 4.2).
fn names(context: &Context<'_, '_>, firewall: &FirewallNode<'_>, rule: &CompiledFirewallRule<'_>, at: IpAddr) -> Known {
    let mut out = if rule.rule.categories.is_empty() { Known::No } else { Known::Open };
    for name in &rule.rule.fqdns {
        match resolve(context, firewall, rule, &name.value, at) {
            Known::Yes => return Known::Yes,
            Known::Open => out = Known::Open,
            Known::No => {}
        }
    }
    out
}

fn resolve(
    context: &Context<'_, '_>,
    firewall: &FirewallNode<'_>,
    rule: &CompiledFirewallRule<'_>,
    name: &str,
    at: IpAddr,
) -> Known {
    let hosts = &context.network.snapshot.hosts;
    let application = rule.kind == Some(FirewallRuleKind::Application);
    if !application && !firewall.dns_proxy {
        return Known::Open;
    }
    if name == "*" {
        return Known::Yes;
    }
    if let Some(suffix) = name.strip_prefix('*') {
        let mut fitting = hosts.iter().filter(|(host, _)| host.ends_with(suffix));
        return if fitting.any(|(_, addresses)| addresses.contains(&at)) { Known::Yes } else { Known::Open };
    }
    match hosts.get(name) {
        Some(addresses) if addresses.contains(&at) => Known::Yes,
        Some(_) => Known::No,
        None => Known::Open,
    }
}

/// Asks whether the destination is what an unresolved name, tag or category means.
fn names_open<'n>(
    context: &mut Context<'_, 'n>,
    firewall: &'n FirewallNode<'n>,
    rule: &'n CompiledFirewallRule<'n>,
    destination: IpAddr,
) -> Walked<'n, bool> {
    let named =
        rule.rule.fqdns.iter().filter(|name| resolve(context, firewall, rule, &name.value, destination) == Known::Open);
    let open: Vec<&'n str> = named.chain(&rule.rule.categories).map(|name| name.value.as_str()).collect();
    for name in open {
        context.note(&code::FQDN, name);
        if context.ask(Fact::Name(name.to_ascii_lowercase(), destination))? {
            return Ok(true);
        }
    }
    Ok(false)
}
