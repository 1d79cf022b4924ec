//! Why an answer is what it is: the trace, the deciding rule compared dimension by dimension, near misses, and every
//! blocker on the way (design.md, house rule 2).

use super::answer::{Decision, Verdict};
use super::path::{Decided, Options, Sources, Target, Witness, decide, decision};
use crate::compile::filter::Rule;
use crate::compile::{Network, Stage};
use crate::evaluate::context::{At, Context, Halt, Owner, Removed, RuleKey};
use crate::evaluate::matching::{Known, Match, compare};
use crate::evaluate::trace::Step;
use crate::model::{Access, DEFAULT_RULES, Direction, RuleProtocol, SecurityRule};
use crate::net::Flow;

/// One rule of the deciding NSG compared with the flow.
#[derive(Debug, Clone)]
pub struct Tried<'n> {
    /// The rule.
    pub name: &'n str,
    /// Its priority.
    pub priority: i64,
    /// What it does.
    pub access: Option<Access>,
    /// The five flags.
    pub flags: Match,
    /// Identity.
    pub key: RuleKey,
    /// As configured; `None` for a default rule.
    pub configured: Option<&'n SecurityRule>,
}

impl Tried<'_> {
    /// Names of the dimensions that do not match.
    pub fn misses(&self) -> Vec<&'static str> {
        self.sides().into_iter().filter(|(_, _, known)| *known == Known::No).map(|(name, _, _)| name).collect()
    }

    /// Every dimension with what the rule has there and whether it matches.
    pub fn sides(&self) -> Vec<(&'static str, String, Known)> {
        let flags = &self.flags;
        let [protocol, source, source_port, destination, destination_port] = self.written();
        vec![
            ("protocol", protocol, flags.protocol),
            ("source", source, flags.source),
            ("source port", source_port, flags.source_port),
            ("destination", destination, flags.destination),
            ("destination port", destination_port, flags.destination_port),
        ]
    }

    /// What the rule has: protocol, source, source port, destination, destination port.
    fn written(&self) -> [String; 5] {
        if let Some(rule) = self.configured {
            let protocol = match rule.protocol.value() {
                Some(RuleProtocol::Any) => "*".to_owned(),
                Some(RuleProtocol::Only(one)) => one.to_string(),
                None => "(unreadable)".to_owned(),
            };
            return [
                protocol,
                rule.source.to_string(),
                rule.source_ports.to_string(),
                rule.destination.to_string(),
                rule.destination_ports.to_string(),
            ];
        }
        let any = || "*".to_owned();
        match DEFAULT_RULES.iter().find(|rule| rule.name == self.name) {
            Some(rule) => [any(), rule.source.to_owned(), any(), rule.destination.to_owned(), any()],
            None => Default::default(),
        }
    }

    /// The dimensions that do not match, with what the rule has there: `destination port (8443)`.
    pub fn misses_in_words(&self) -> String {
        let sides = self.sides().into_iter().filter(|(_, _, known)| *known == Known::No);
        sides.map(|(dimension, written, _)| format!("{dimension} ({written})")).collect::<Vec<_>>().join(", ")
    }
}

/// The explanation of one answer.
#[derive(Debug)]
pub struct Explanation<'n> {
    /// What the witness flow met, in order.
    pub steps: Vec<Step<'n>>,
    /// The deciding rule, where an NSG rule decided.
    pub decider: Option<Tried<'n>>,
    /// Allow rules before it that miss by one dimension only.
    pub near_misses: Vec<Tried<'n>>,
    /// The first rule after it that would allow and is never reached.
    pub unreached: Option<Tried<'n>>,
    /// The flow as the deciding rule saw it.
    pub seen: Option<Flow>,
    /// Every blocker on the way, in the order in which taking them away one after the other meets them.
    pub blockers: Vec<Decision>,
    /// Verdict without them.
    pub without_blockers: Option<Verdict>,
}

/// Explains a decided question.
pub fn explain<'n>(
    network: &'n Network<'n>,
    sources: &Sources,
    target: Target<'n>,
    decided: &Decided<'n>,
) -> Explanation<'n> {
    let mut out = Explanation {
        steps: Vec::new(),
        decider: None,
        near_misses: Vec::new(),
        unreached: None,
        seen: None,
        blockers: Vec::new(),
        without_blockers: None,
    };
    let Some(witness) = &decided.witness else { return out };
    let certain = certain_world(network, witness, decided.answer.verdict);
    let witness = certain.as_ref().unwrap_or(witness);
    let traced = trace(network, witness);
    let key = traced.at.and_then(|at| at.key);
    out.seen = traced.met.iter().rev().find(|(own, ..)| Some(*own) == key).map(|(_, flow, _)| *flow);
    compare_rules(network, witness, &traced, &mut out);
    out.steps = traced.steps;
    if matches!(decided.answer.verdict, Verdict::Deny | Verdict::Partial) {
        blockers(network, sources, target, decided, witness, &mut out);
    }
    out
}

/// Facts that are tried for one trace at most.
const MOST_FACTS: usize = 64;

/// A denied path that meets something missing is denied either way: the world in which what is missing lets the flow
/// through shows the rule that denies for certain.
fn certain_world<'n>(network: &'n Network<'n>, witness: &Witness<'n>, verdict: Verdict) -> Option<Witness<'n>> {
    if witness.assume.is_empty() || verdict != Verdict::Deny {
        return None;
    }
    let nothing = Removed::default();
    let mut world = Witness { assume: Vec::new(), ..witness.clone() };
    for _ in 0..MOST_FACTS {
        let mut context = Context::new(network, &world.assume, &nothing);
        match world.follow(&mut context) {
            Err(Halt::Unknown(unknown)) => world.assume.push((unknown.0, true)),
            Ok(Some(outcome)) if !outcome.allowed => return Some(world),
            _ => return None,
        }
    }
    None
}

/// What a witness's flow meets.
#[derive(Debug)]
pub struct Traced<'n> {
    /// The steps, in order.
    pub steps: Vec<Step<'n>>,
    /// Where it was decided, or could not be.
    pub at: Option<At<'n>>,
    /// The rules that decided, each with the flow as it saw it and the subnet.
    pub met: Vec<(RuleKey, Flow, usize)>,
}

/// Walks the witness again and keeps the steps.
pub fn trace<'n>(network: &'n Network<'n>, witness: &Witness<'n>) -> Traced<'n> {
    let nothing = Removed::default();
    let mut context = Context::new(network, &witness.assume, &nothing);
    context.trace = Some(Vec::new());
    let at = match witness.follow(&mut context) {
        Ok(outcome) => outcome.and_then(|outcome| outcome.at),
        Err(_) => Some(context.here),
    };
    Traced { steps: context.trace.unwrap_or_default(), at, met: context.met }
}

fn compare_rules<'n>(network: &'n Network<'n>, witness: &Witness<'n>, traced: &Traced<'n>, out: &mut Explanation<'n>) {
    let Some((at, key)) = traced.at.and_then(|at| at.key.map(|key| (at, key))) else { return };
    let outbound = at.stage <= Stage::NsgOutSubnet;
    let direction = if outbound { Direction::Outbound } else { Direction::Inbound };
    let met = traced.met.iter().rev().find(|(own, ..)| *own == key).map(|(_, flow, subnet)| (*flow, *subnet));
    let address = if outbound { witness.flow.source } else { witness.flow.destination };
    let subnet = || witness.ends.subnet.filter(|_| outbound).or_else(|| network.subnet_of(address, None));
    let Some((flow, subnet)) = met.or_else(|| subnet().map(|subnet| (witness.flow, subnet))) else { return };
    let tried = all_tried(network, (key.0, direction), witness, &flow, subnet);
    let position = tried.iter().position(|rule| rule.key == key);
    let Some(position) = position else { return };
    for (index, rule) in tried.into_iter().enumerate() {
        let allows = rule.access == Some(Access::Allow);
        match index.cmp(&position) {
            std::cmp::Ordering::Less if allows && rule.misses().len() == 1 => out.near_misses.push(rule),
            std::cmp::Ordering::Equal => out.decider = Some(rule),
            std::cmp::Ordering::Greater if allows && out.unreached.is_none() && !rule.flags.excluded() => {
                out.unreached = Some(rule);
            }
            _ => {}
        }
    }
}

/// Every rule of the deciding list compared with the flow as that list saw it.
fn all_tried<'n>(
    network: &'n Network<'n>,
    (owner, direction): (Owner, Direction),
    witness: &Witness<'n>,
    flow: &Flow,
    subnet: usize,
) -> Vec<Tried<'n>> {
    let nothing = Removed::default();
    let mut context = Context::new(network, &witness.assume, &nothing);
    let mut one = |rule: &'n Rule<'n>| Tried {
        name: rule.name,
        priority: rule.priority,
        access: rule.access,
        flags: compare(&mut context, rule, flow, subnet),
        key: (owner, rule.number),
        configured: rule.configured,
    };
    match owner {
        Owner::Nsg(index) => {
            let Some(filter) = network.filters.get(index) else { return Vec::new() };
            filter.unplaced.iter().chain(filter.rules(direction)).map(&mut one).collect()
        }
        Owner::Admin => {
            let rules = network.admin.rules.iter().map(|rule| &rule.rule);
            rules.filter(|rule| rule.direction == Some(direction)).map(&mut one).collect()
        }
        Owner::Firewall(_) => Vec::new(),
    }
}

/// Most blockers that are looked for: a path with more is hopeless to list.
const MOST_BLOCKERS: usize = 16;

/// Takes the deciding rule or route away until nothing denies any more, or what denies cannot be taken away.
fn blockers<'n>(
    network: &'n Network<'n>,
    sources: &Sources,
    target: Target<'n>,
    decided: &Decided<'n>,
    witness: &Witness<'n>,
    out: &mut Explanation<'n>,
) {
    let mut removed = Removed::default();
    let mut current = Decided { witness: Some(witness.clone()), ..decided.clone() };
    for _ in 0..MOST_BLOCKERS {
        let verdict = current.answer.verdict;
        if !matches!(verdict, Verdict::Deny | Verdict::Partial) {
            out.without_blockers = Some(verdict);
            return;
        }
        let at = current.witness.as_ref().and_then(|witness| denied_at(network, witness, &removed));
        let Some(at) = at else { return };
        out.blockers.push(decision(at));
        if !take_away(&at, &mut removed) {
            return;
        }
        current = decide(network, sources, target, Options { removed: Some(&removed), projections: None });
    }
}

fn denied_at<'n>(network: &'n Network<'n>, witness: &Witness<'n>, removed: &Removed) -> Option<At<'n>> {
    let mut context = Context::new(network, &witness.assume, removed);
    witness.follow(&mut context).ok().flatten().filter(|outcome| !outcome.allowed)?.at
}

/// Adds a user rule or user route to what is taken away; false for what nobody can remove: default rules, system routes,
/// peerings.
pub fn take_away(at: &At<'_>, removed: &mut Removed) -> bool {
    match (at.key, at.resource, at.rule) {
        (Some(key), _, _) if at.span.is_some() => removed.rules.push(key),
        (None, Some(table), Some(route)) => removed.routes.push((table.to_owned(), route.to_owned())),
        _ => return false,
    }
    true
}

/// What is taken away when the rule or route of a decision is.
pub fn removal(network: &Network<'_>, decision: &Decision) -> Option<Removed> {
    let (resource, rule) = (decision.resource.as_deref()?, decision.rule.as_deref()?);
    let mut out = Removed::default();
    for (index, filter) in network.filters.iter().enumerate().filter(|(_, filter)| filter.name == resource) {
        let rules = filter.inbound.iter().chain(&filter.outbound);
        let same = rules.filter(|r| r.name == rule && r.span.is_some() && r.span == decision.span);
        out.rules.extend(same.map(|r| (Owner::Nsg(index), r.number)));
    }
    let admin = network.admin.rules.iter().map(|own| &own.rule);
    let same = admin.filter(|r| r.name == rule && r.span.is_some() && r.span == decision.span);
    out.rules.extend(same.map(|r| (Owner::Admin, r.number)));
    for (index, firewall) in network.firewalls.iter().enumerate().filter(|(_, firewall)| firewall.name == resource) {
        let same = firewall.rules.iter().filter(|r| r.rule.name == rule && Some(r.span) == decision.span);
        out.rules.extend(same.map(|r| (Owner::Firewall(index), r.number)));
    }
    if out.rules.is_empty() {
        decision.span?;
        out.routes.push((resource.to_owned(), rule.to_owned()));
    }
    Some(out)
}
