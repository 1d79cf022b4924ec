//! Flow logs as evidence (health.md 3.2): a denied tuple from the gateway to a backend confirms a block and names its rule,
//! an allowed one at the NSG that is held to deny refutes it.

use super::class::{Class, Confidence, Grade};
use super::finding::Recorded;
use super::input::ProbedServer;
use super::join::Case;
use super::table::Conclusion;
use crate::compile::Stage;
use crate::model::{Access, Direction, FlowTuple, ResourceId, bare_rule_name};
use crate::net::Protocol;
use ipnet::IpNet;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Tuples that one NSG decided in one way for one server: how many, and the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowSeen {
    /// The NSG, as the log names it: its id or its `resourceGuid`.
    pub nsg: ResourceId,
    /// The rule of the newest tuple, without prefix.
    pub rule: String,
    /// The direction as the NSG saw it.
    pub direction: Direction,
    /// What was done.
    pub access: Access,
    /// How many tuples.
    pub count: usize,
    /// When the newest was logged.
    pub last: Option<Timestamp>,
}

/// Tuples by destination, port, NSG, direction and access, so that each server finds its own.
#[derive(Debug, Clone, Default)]
pub struct FlowEvidence {
    by_destination: BTreeMap<(IpAddr, u16), Vec<(IpAddr, FlowSeen)>>,
}

impl FlowEvidence {
    /// Collects TCP tuples; each source is kept once for each NSG, direction and access.
    pub fn collect<'t>(tuples: impl IntoIterator<Item = &'t FlowTuple>) -> Self {
        let mut out = FlowEvidence::default();
        for tuple in tuples.into_iter().filter(|tuple| tuple.protocol == Some(Protocol::Tcp)) {
            let list = out.by_destination.entry((tuple.destination, tuple.destination_port)).or_default();
            let same = |(source, seen): &&mut (IpAddr, FlowSeen)| {
                *source == tuple.source
                    && seen.nsg == tuple.nsg
                    && seen.direction == tuple.direction
                    && seen.access == tuple.access
            };
            match list.iter_mut().find(same) {
                Some((_, seen)) => {
                    seen.count += 1;
                    if tuple.time > seen.last {
                        seen.last = tuple.time;
                        bare_rule_name(&tuple.rule).clone_into(&mut seen.rule);
                    }
                }
                None => list.push((
                    tuple.source,
                    FlowSeen {
                        nsg: tuple.nsg.clone(),
                        rule: bare_rule_name(&tuple.rule).to_owned(),
                        direction: tuple.direction,
                        access: tuple.access,
                        count: 1,
                        last: tuple.time,
                    },
                )),
            }
        }
        out
    }

    /// Is there any tuple?
    pub fn is_empty(&self) -> bool {
        self.by_destination.is_empty()
    }

    /// What was seen of a server's probed port from the gateway: one element for each NSG, direction and access, newest
    /// first.
    fn of(&self, server: &ProbedServer, port: u16, gateway: &[IpNet]) -> Vec<FlowSeen> {
        let Some(address) = server.address else { return Vec::new() };
        let from_gateway = |source: &IpAddr| {
            gateway.iter().any(|net| net.contains(source)) || server.public_sources.iter().any(|own| own == source)
        };
        let mut out: Vec<FlowSeen> = Vec::new();
        let list = self.by_destination.get(&(address, port)).into_iter().flatten();
        for (_, seen) in list.filter(|(source, _)| from_gateway(source)) {
            let same = |other: &&mut FlowSeen| {
                other.nsg == seen.nsg && other.direction == seen.direction && other.access == seen.access
            };
            match out.iter_mut().find(same) {
                Some(other) => {
                    other.count += seen.count;
                    if seen.last > other.last {
                        other.last = seen.last;
                        other.rule.clone_from(&seen.rule);
                    }
                }
                None => out.push(seen.clone()),
            }
        }
        out.sort_by(|a, b| (b.last, &a.nsg, &a.rule).cmp(&(a.last, &b.nsg, &b.rule)));
        out
    }
}

/// Every tuple group of a case, newest first.
pub(super) fn seen(case: &Case<'_>, evidence: &FlowEvidence) -> Vec<FlowSeen> {
    let Some(setting) = case.setting else { return Vec::new() };
    let all = case.servers.iter();
    all.flat_map(|server| evidence.of(server, setting.probe_port, &case.gateway.source_prefixes)).collect()
}

/// Changes a conclusion by what flow logs show, and says so. `name` gives the display name of an NSG.
pub(super) fn weigh(case: &Case<'_>, conclusion: &mut Conclusion, seen: &[FlowSeen]) -> Option<String> {
    let newest = |access: Access| seen.iter().find(|flow| flow.access == access);
    let failing =
        matches!(case.recorded, Recorded::Down | Recorded::Partial) && !case.message.evidence().proves_layer4();
    if let Some(denied) = newest(Access::Deny).filter(|denied| !superseded(denied, seen)) {
        if !failing {
            return Some(format!("A flow log has denied tuples as well: {}.", words(denied)));
        }
        let same = decided_by(case, denied);
        if conclusion.class == Class::NetworkBlock && same {
            conclusion.grade = Some(Grade::Confirmed);
            conclusion.confidence = Confidence::Confirmed;
            return Some(format!("A flow log confirms it: {}.", words(denied)));
        }
        let before = conclusion.class;
        conclusion.class = Class::NetworkBlock;
        conclusion.also.retain(|class| *class != Class::NetworkBlock);
        conclusion.grade = Some(Grade::Confirmed);
        conclusion.confidence = Confidence::High;
        conclusion.row = "flow-log";
        return Some(if before == Class::NetworkBlock {
            format!("A flow log confirms a block, by another rule than the simulation names: {}.", words(denied))
        } else {
            format!(
                "A flow log proves a block that the input does not show, so the input is older or incomplete: {}.",
                words(denied)
            )
        });
    }
    let allowed = seen.iter().find(|flow| flow.access == Access::Allow && at_decider(case, flow))?;
    if conclusion.class != Class::NetworkBlock {
        return None;
    }
    conclusion.class = Class::Indeterminate;
    conclusion.grade = None;
    conclusion.confidence = Confidence::Low;
    conclusion.row = "flow-log";
    Some(format!(
        "A flow log refutes the simulated deny: {}. The input is older or newer than the log, or incomplete: export it again.",
        words(allowed)
    ))
}

/// A newer tuple of the same NSG and direction was let through.
fn superseded(denied: &FlowSeen, seen: &[FlowSeen]) -> bool {
    seen.iter().any(|other| {
        other.access == Access::Allow
            && other.nsg == denied.nsg
            && other.direction == denied.direction
            && other.last > denied.last
    })
}

/// Is the tuple's NSG the one that the simulation holds to deny?
fn at_decider(case: &Case<'_>, flow: &FlowSeen) -> bool {
    let Some(decision) = &case.probe.decision else { return false };
    let direction = match decision.stage {
        Stage::NsgOutNic | Stage::NsgOutSubnet => Direction::Outbound,
        Stage::NsgInSubnet | Stage::NsgInNic => Direction::Inbound,
        _ => return false,
    };
    let name = decision.resource.as_deref().and_then(|name| name.rsplit('/').next());
    flow.direction == direction && name.is_some_and(|name| name.eq_ignore_ascii_case(flow.nsg.name()))
}

fn decided_by(case: &Case<'_>, flow: &FlowSeen) -> bool {
    let rule = case.probe.decision.as_ref().and_then(|decision| decision.rule.as_deref());
    at_decider(case, flow) && rule.is_some_and(|rule| rule.eq_ignore_ascii_case(&flow.rule))
}

fn words(flow: &FlowSeen) -> String {
    let did = if flow.access == Access::Deny { "denied" } else { "let through" };
    let last = flow.last.map(|last| format!(", last at {last}")).unwrap_or_default();
    let tuples = if flow.count == 1 { "1 tuple".to_owned() } else { format!("{} tuples", flow.count) };
    format!("rule {} of {} {did} {tuples} from the gateway{last}", flow.rule, flow.nsg.name())
}
