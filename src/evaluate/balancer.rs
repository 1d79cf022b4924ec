//! Load balancer frontends as destinations: NSGs are judged at the NICs behind them (health.md 5 item 5).

use super::context::{At, Context, Fact, Halt, Outcome, Removed, Walked};
use super::gates::{self, Nic};
use super::journey::{Branch, Delivery};
use super::trace::{Step, StepResult};
use crate::compile::endpoints::{Endpoint, EndpointKind};
use crate::compile::network::is_platform_subnet;
use crate::compile::{Stage, tags};
use crate::diagnostic::code;
use crate::model::{BalancedAddress, InboundNatRule, LoadBalancer, LoadBalancerFrontend, LoadBalancerRule, ResourceId};
use crate::net::{EPHEMERAL, Flow, Protocol};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Splits a flow to a frontend into the members that take it: those whose health probe gets through.
pub(super) fn members<'n>(
    context: &mut Context<'_, 'n>,
    delivery: &Delivery<'n>,
    balancer: &'n LoadBalancer,
    frontend: &'n LoadBalancerFrontend,
) -> Walked<'n, Halt<'n>> {
    let flow = delivery.journey.flow;
    let nowhere = At::new(Stage::NsgInNic, Some(&balancer.name));
    context.here = nowhere;
    if let Some(rule) = nat_rule(balancer, frontend, &flow) {
        let (found, missing) = nat_targets(context, balancer, rule);
        if let Some(id) = missing.first() {
            return Err(unseen(context, nowhere, id)?);
        }
        if found.is_empty() {
            return Ok(no_rule(context, nowhere, balancer));
        }
        return Ok(Halt::Split(found.iter().map(|end| to_member(delivery, end, rule.backend_port, false)).collect()));
    }
    let Some(rule) = balancing_rule(balancer, frontend, &flow) else { return Ok(no_rule(context, nowhere, balancer)) };
    let port = if rule.backend_port == 0 { flow.destination_port } else { rule.backend_port };
    let what = format!("rule {}: to the servers behind it on port {port}", rule.name);
    let at = At { span: Some(rule.span), ..nowhere };
    context.step(|| Step { at, place: balancer.name.clone(), what, result: StepResult::Forward });
    let (found, missing) = members_of(context, balancer, &rule.pools);
    if let Some(id) = missing.first() {
        return Err(unseen(context, nowhere, id)?);
    }
    if found.is_empty() {
        context.note(&code::BALANCER_EMPTY, balancer.id.as_str());
        return Ok(Halt::deny(nowhere));
    }
    let mut live = Vec::new();
    let mut dead = None;
    for member in &found {
        match probe(context, balancer, rule, member)? {
            None => live.push(*member),
            Some(at) => dead = dead.or(Some(at)),
        }
    }
    let Some(at) = dead.filter(|_| live.is_empty()) else {
        return Ok(Halt::Split(live.iter().map(|member| to_member(delivery, member, port, rule.floating)).collect()));
    };
    // No server is up for the load balancer. Where the flow itself would be denied too, that is what to name.
    for member in &found {
        let flow = translated(&flow, member, port, rule.floating);
        let Some(subnet) = member.subnet else { continue };
        gates::ingress(context, &flow, subnet, Nic::Endpoint(Some(member)), delivery.journey.last)?;
    }
    context.here = at;
    context.note(&code::BALANCER_PROBE, balancer.id.as_str());
    Ok(Halt::deny(at))
}

/// An address at which the input has nothing may be a frontend of a load balancer that a NIC of its network names and that
/// is not in the input: NSGs are then judged at the servers.
pub(super) fn unplaced<'n>(context: &mut Context<'_, 'n>, destination: IpAddr, subnet: usize) -> Walked<'n, ()> {
    let network = context.network;
    let Some(node) = network.subnet(subnet) else { return Ok(()) };
    let vnet = network.vnet(node.vnet).map(|own| &own.vnet.id);
    let named = network.missing.balancers.iter().find(|(_, there)| Some(there) == vnet);
    let Some((id, _)) = named.filter(|_| node.gateways.is_empty() && !is_platform_subnet(&node.subnet.name)) else {
        return Ok(());
    };
    let at = At::new(Stage::NsgInNic, Some(id.name()));
    context.here = at;
    if !context.ask(Fact::Frontend(id.clone(), destination))? {
        return Ok(());
    }
    let allowed = context.ask(Fact::PoolMember(id.as_str().to_owned()))?;
    Err(Halt::Settled(Outcome { allowed, at: Some(at) }))
}

fn to_member<'n>(delivery: &Delivery<'n>, member: &'n Endpoint<'n>, port: u16, floating: bool) -> Branch<'n> {
    let mut delivery = delivery.clone();
    delivery.journey.flow = translated(&delivery.journey.flow, member, port, floating);
    delivery.member = Some(member);
    Branch::Member(delivery)
}

/// The flow as the server's NIC sees it; floating IP leaves the destination alone.
fn translated(flow: &Flow, member: &Endpoint<'_>, port: u16, floating: bool) -> Flow {
    if floating { *flow } else { Flow { destination: member.address, destination_port: port, ..*flow } }
}

fn nat_rule<'n>(
    balancer: &'n LoadBalancer,
    frontend: &LoadBalancerFrontend,
    flow: &Flow,
) -> Option<&'n InboundNatRule> {
    balancer.nat_rules.iter().find(|rule| {
        rule.frontend.as_ref() == Some(&frontend.id)
            && rule.protocol.takes(flow.protocol)
            && (rule.frontend_ports.0..=rule.frontend_ports.1).contains(&flow.destination_port)
    })
}

/// Where a NAT rule leads: the server that it names or that names it, or those of its pool. Which of a pool's servers has
/// which port of the range is not in every export, so each of them counts.
fn nat_targets<'n>(
    context: &Context<'_, 'n>,
    balancer: &'n LoadBalancer,
    rule: &'n InboundNatRule,
) -> (Vec<&'n Endpoint<'n>>, Vec<String>) {
    let network = context.network;
    if let Some(pool) = &rule.pool {
        return members_of(context, balancer, std::slice::from_ref(pool));
    }
    let nics = network.snapshot.network_interfaces.values().flat_map(|nic| &nic.configurations);
    let naming = nics.filter(|configuration| configuration.nat_rules.contains(&rule.id)).map(|c| &c.id);
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    if let Some(id) = rule.target.as_ref().or_else(|| naming.into_iter().next()) {
        match network.endpoint_of(id) {
            Some(end) => found.push(end),
            None => missing.push(id.as_str().to_owned()),
        }
    }
    (found, missing)
}

/// The rule of a frontend that takes a flow.
pub(super) fn balancing_rule<'n>(
    balancer: &'n LoadBalancer,
    frontend: &LoadBalancerFrontend,
    flow: &Flow,
) -> Option<&'n LoadBalancerRule> {
    balancer.rules.iter().find(|rule| {
        rule.frontend.as_ref() == Some(&frontend.id)
            && rule.protocol.takes(flow.protocol)
            && (rule.frontend_port == 0 || rule.frontend_port == flow.destination_port)
    })
}

fn no_rule<'n>(context: &mut Context<'_, 'n>, at: At<'n>, balancer: &LoadBalancer) -> Halt<'n> {
    context.note(&code::BALANCER_NO_RULE, balancer.id.as_str());
    let what = "no rule of the load balancer takes this port".to_owned();
    context.step(|| Step { at, place: balancer.name.clone(), what, result: StepResult::Deny });
    Halt::deny(at)
}

/// A server whose NIC is not in the input.
fn unseen<'n>(context: &mut Context<'_, 'n>, at: At<'n>, id: &str) -> Walked<'n, Halt<'n>> {
    context.note(&code::MEMBER_UNRESOLVED, id);
    let allowed = context.ask(Fact::PoolMember(id.to_owned()))?;
    Ok(Halt::Settled(Outcome { allowed, at: Some(at) }))
}

/// The servers of pools, and what is a server and not in the input: IP configurations and addresses without their NIC,
/// scale sets without any instance; pools that the load balancer has not in the input, or of which a member is unreadable.
pub(super) fn members_of<'n>(
    context: &Context<'_, 'n>,
    balancer: &'n LoadBalancer,
    wanted: &[ResourceId],
) -> (Vec<&'n Endpoint<'n>>, Vec<String>) {
    let network = context.network;
    let (mut found, mut missing, mut seen) = (Vec::<&Endpoint<'_>>::new(), Vec::<String>::new(), BTreeSet::new());
    let pools = balancer.pools.iter().filter(|pool| wanted.contains(&pool.id));
    let unlisted = wanted.iter().filter(|id| !balancer.pools.iter().any(|pool| pool.id == **id));
    let unreadable = pools.clone().filter(|pool| pool.open).map(|pool| &pool.id);
    missing.extend(unlisted.chain(unreadable).map(|id| id.as_str().to_owned()));
    for pool in pools {
        let listed = pool.configurations.iter().map(|r| &r.value);
        for id in listed.chain(network.balancer_members.get(&pool.id).into_iter().flatten().copied()) {
            if seen.insert(id) {
                match network.endpoint_of(id) {
                    Some(end) => found.push(end),
                    None => missing.push(id.as_str().to_owned()),
                }
            }
        }
        for address in &pool.addresses {
            match nic_at(context, balancer, address) {
                Some(end) if end.configuration.is_none_or(|id| seen.insert(id)) => found.push(end),
                Some(_) => {}
                None => missing.push(address.address.to_string()),
            }
        }
    }
    let models = network.snapshot.scale_sets.values().filter(|set| {
        let mut configurations = set.interfaces.iter().flat_map(|interface| &interface.configurations);
        configurations.any(|own| own.balancer_pools.iter().any(|pool| wanted.contains(pool)))
    });
    for set in models {
        let inside = format!("{}/", set.id.key());
        let shown = |end: &&Endpoint<'_>| set.flexible || end.id.key().starts_with(&inside);
        if !found.iter().any(shown) && !missing.iter().any(|id| id.to_ascii_lowercase().starts_with(&inside)) {
            missing.push(set.id.as_str().to_owned());
        }
    }
    // What an answer names does not follow the order in which a pool lists its servers.
    found.sort_by_key(|end| (end.address, end.configuration));
    missing.sort();
    (found, missing)
}

/// The NIC with an address in the network that the pool names, or else in that of the load balancer's own frontends.
fn nic_at<'n>(
    context: &Context<'_, 'n>,
    balancer: &LoadBalancer,
    member: &BalancedAddress,
) -> Option<&'n Endpoint<'n>> {
    let of_frontend = || balancer.frontends.iter().find_map(|own| own.subnet.as_ref()?.parent());
    let wanted = member.network.clone().or_else(of_frontend);
    let inside = |end: &&Endpoint<'_>| {
        let own = end.subnet_id.and_then(ResourceId::parent);
        end.kind == EndpointKind::Nic && (wanted.is_none() || own.is_none() || own == wanted)
    };
    context.network.endpoints_with(member.address).find(inside)
}

/// The load balancer's own health probe to a server: where it is denied.
fn probe<'n>(
    context: &mut Context<'_, 'n>,
    balancer: &LoadBalancer,
    rule: &LoadBalancerRule,
    member: &'n Endpoint<'n>,
) -> Walked<'n, Option<At<'n>>> {
    let port = rule.probe.as_ref().and_then(|id| balancer.probes.iter().find(|(own, _)| own == id));
    let (Some((_, port)), Some(subnet)) = (port, member.subnet) else { return Ok(None) };
    let flow = Flow {
        source: IpAddr::V4(tags::PLATFORM),
        destination: member.address,
        protocol: Protocol::Tcp,
        source_port: EPHEMERAL.0,
        destination_port: *port,
    };
    let nothing = Removed::default();
    // What is assumed of the flow itself is not assumed of the probe.
    let of_probe = |(fact, answer): &(Fact, bool)| match fact {
        Fact::OfProbe(inner) => Some(((**inner).clone(), *answer)),
        fact => (!fact.follows_flow()).then(|| (fact.clone(), *answer)),
    };
    let assume: Vec<(Fact, bool)> = context.assume.iter().filter_map(of_probe).collect();
    let mut quiet = Context::new(context.network, &assume, &nothing);
    quiet.removed = context.removed;
    match gates::ingress(&mut quiet, &flow, subnet, Nic::Endpoint(Some(member)), None) {
        Ok(_) => Ok(None),
        Err(Halt::Settled(outcome)) => Ok(outcome.at),
        Err(Halt::Unknown(unknown)) if unknown.0.follows_flow() => {
            let (fact, at) = *unknown;
            Err(Halt::Unknown(Box::new((Fact::OfProbe(Box::new(fact)), at))))
        }
        Err(other) => Err(other),
    }
}
