//! Flow logs as evidence (health.md 3.2): a denied tuple from the gateway to a backend confirms a block and names its rule,
//! an allowed one at the NSG that is held to deny refutes it.

use super::catalogue::Evidence;
use super::class::{Class, Confidence, Grade};
use super::finding::Recorded;
use super::input::ProbedServer;
use super::join::Case;
use super::table::Conclusion;
use crate::compile::Stage;
use crate::model::{Access, Direction, FlowTuple, ResourceId, bare_rule_name};
use crate::net::Protocol;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;

/// Tuples that one NSG decided in one way for one server: how many, and the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowSeen {
    /// The NSG: its display name, or as the log names it where it is not in the input.
    pub nsg: String,
    /// It is in the input.
    pub known: bool,
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

impl FlowSeen {
    fn is_like(&self, other: &FlowSeen) -> bool {
        self.nsg == other.nsg && self.direction == other.direction && self.access == other.access
    }

    /// Takes in another one of the same kind.
    fn join(&mut self, other: &FlowSeen) {
        self.count += other.count;
        if other.last > self.last {
            self.last = other.last;
            self.rule.clone_from(&other.rule);
        }
    }
}

/// Tuples by destination and port, so that each server finds its own: one element for each source, NSG, direction, access,
/// rule and minute.
#[derive(Debug, Clone, Default)]
pub struct FlowEvidence {
    by_destination: BTreeMap<(IpAddr, u16), Vec<(IpAddr, FlowSeen)>>,
}

/// The display name of an NSG that a log names by its id or its `resourceGuid`; `None` where it is not in the input.
pub type NsgName<'a> = dyn Fn(&ResourceId) -> Option<String> + 'a;

impl FlowEvidence {
    /// Collects TCP tuples.
    pub fn collect<'t>(tuples: impl IntoIterator<Item = &'t FlowTuple>, name: &NsgName<'_>) -> Self {
        let mut names: BTreeMap<&'t ResourceId, Option<String>> = BTreeMap::new();
        let mut all: BTreeMap<(IpAddr, u16), BTreeMap<_, FlowSeen>> = BTreeMap::new();
        for tuple in tuples.into_iter().filter(|tuple| tuple.protocol == Some(Protocol::Tcp)) {
            let known = names.entry(&tuple.nsg).or_insert_with(|| name(&tuple.nsg));
            let seen = FlowSeen {
                nsg: known.clone().unwrap_or_else(|| tuple.nsg.name().to_owned()),
                known: known.is_some(),
                rule: bare_rule_name(&tuple.rule).to_owned(),
                direction: tuple.direction,
                access: tuple.access,
                count: 1,
                last: tuple.time,
            };
            let minute = tuple.time.map(|time| time.as_second().div_euclid(60));
            let allowed = tuple.access == Access::Allow;
            let key = (tuple.source, seen.nsg.clone(), tuple.direction, allowed, seen.rule.clone(), minute);
            let slots = all.entry((tuple.destination, tuple.destination_port)).or_default();
            match slots.entry(key) {
                Entry::Vacant(slot) => drop(slot.insert(seen)),
                Entry::Occupied(mut slot) => slot.get_mut().join(&seen),
            }
        }
        let flat = |slots: BTreeMap<_, FlowSeen>| {
            slots.into_iter().map(|(key, seen): ((IpAddr, _, _, _, _, _), _)| (key.0, seen))
        };
        FlowEvidence { by_destination: all.into_iter().map(|(at, slots)| (at, flat(slots).collect())).collect() }
    }

    /// Is there any tuple?
    pub fn is_empty(&self) -> bool {
        self.by_destination.is_empty()
    }

    /// Tuples to a server's probed port from addresses that probe it, at NSGs of its path, by minute.
    fn of<'e>(&'e self, server: &'e ProbedServer, port: u16) -> impl Iterator<Item = &'e FlowSeen> {
        let list = server.address.and_then(|address| self.by_destination.get(&(address, port)));
        let probes = |source: &IpAddr| server.probe.sources.contains(*source) || server.public_sources.contains(source);
        let on_path = |seen: &FlowSeen| !seen.known || server.nsgs.contains(&seen.nsg);
        let list = list.into_iter().flatten();
        list.filter(move |(source, seen)| probes(source) && on_path(seen)).map(|(_, seen)| seen)
    }
}

/// Times that tuples are held against.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    /// When the record was taken.
    capture: Option<Timestamp>,
    /// Since when the server is down, as a history shows.
    down: Option<Timestamp>,
    /// The newest change that made the path what it is.
    change: Option<Timestamp>,
    /// Seconds that a probe needs to settle.
    settle: i64,
}

/// How long before a record a denied tuple still speaks of it, where no history says since when the server is down.
const RECENT: i64 = 3600;

impl Times {
    fn of(case: &Case<'_>) -> Self {
        let line = case.timeline.as_ref();
        let down =
            case.history.filter(|_| case.recorded == Recorded::Down).and_then(|history| history.last_state_since);
        Times {
            capture: line.and_then(|line| line.capture).or(case.capture),
            down,
            change: line.and_then(crate::attribute::change::Timeline::turned),
            settle: line.map_or(180, |line| line.settle.latest.as_secs()),
        }
    }

    fn known(&self) -> bool {
        self.capture.is_some() || self.down.is_some()
    }

    /// Is a tuple no newer than the record?
    fn in_time(&self, flow: &FlowSeen) -> bool {
        let (Some(last), Some(capture)) = (flow.last, self.capture) else { return true };
        last.as_second() <= capture.as_second() + self.settle
    }

    /// Does a denied tuple speak of the recorded failure?
    fn of_failure(&self, flow: &FlowSeen) -> bool {
        let Some(last) = flow.last.map(Timestamp::as_second) else { return !self.known() };
        match (self.down, self.capture) {
            (Some(down), _) => last >= down.as_second() - self.settle,
            (None, Some(capture)) => last >= capture.as_second() - RECENT,
            (None, None) => true,
        }
    }

    /// Does an allowed tuple speak of the path as it was recorded: newer than the change that denies it, or within a probe's
    /// settle time of the record?
    fn of_path(&self, flow: &FlowSeen) -> bool {
        let Some(last) = flow.last.map(Timestamp::as_second) else { return false };
        match (self.change, self.capture) {
            (Some(change), _) => last > change.as_second() + 60,
            (None, Some(capture)) => last >= capture.as_second() - self.settle,
            (None, None) => false,
        }
    }
}

/// What flow logs show of a case up to its record: one element for each NSG, direction and access, newest first.
pub(super) fn seen(case: &Case<'_>, evidence: &FlowEvidence) -> Vec<FlowSeen> {
    let Some(setting) = case.setting else { return Vec::new() };
    let times = Times::of(case);
    let mut out: Vec<FlowSeen> = Vec::new();
    for flow in case.servers.iter().flat_map(|server| evidence.of(server, setting.probe_port)) {
        if !times.in_time(flow) {
            continue;
        }
        match out.iter_mut().find(|other| other.is_like(flow)) {
            Some(other) => other.join(flow),
            None => out.push(flow.clone()),
        }
    }
    out.sort_by(|a, b| (b.last, &a.nsg, &a.rule).cmp(&(a.last, &b.nsg, &b.rule)));
    out
}

/// Changes a conclusion by what flow logs show, and says so.
pub(super) fn weigh(case: &Case<'_>, conclusion: &mut Conclusion, seen: &[FlowSeen]) -> Option<String> {
    let times = Times::of(case);
    let evidence = case.message.evidence();
    let failing = matches!(case.recorded, Recorded::Down | Recorded::Partial) && !evidence.proves_layer4();
    let denied = seen.iter().find(|flow| flow.access == Access::Deny && !superseded(flow, seen));
    if let Some(denied) = denied.filter(|denied| times.of_failure(denied)) {
        if !failing || evidence == Evidence::Dns || conclusion.class == Class::PartialSourceCoverage {
            return Some(format!("A flow log has denied tuples as well: {}.", words(denied)));
        }
        return Some(proven(case, conclusion, denied, times.known()));
    }
    let allowed = seen.iter().find(|flow| flow.access == Access::Allow && at_decider(case, flow))?;
    if conclusion.class != Class::NetworkBlock {
        return None;
    }
    if !times.of_path(allowed) {
        return Some(format!(
            "A flow log has tuples that it let through before, or at a time that tells nothing of the record: {}.",
            words(allowed)
        ));
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

/// A denied tuple speaks of the failure. Without a time of the record it makes the block likely only.
fn proven(case: &Case<'_>, conclusion: &mut Conclusion, denied: &FlowSeen, timed: bool) -> String {
    let before = conclusion.class;
    let same = before == Class::NetworkBlock && decided_by(case, denied);
    conclusion.class = Class::NetworkBlock;
    conclusion.also.retain(|class| *class != Class::NetworkBlock);
    conclusion.grade = Some(if timed { Grade::Confirmed } else { Grade::Likely });
    conclusion.confidence = match (timed, same) {
        (true, true) => Confidence::Confirmed,
        (true, false) => Confidence::High,
        (false, _) => Confidence::Medium,
    };
    if same {
        return format!("A flow log confirms it: {}.", words(denied));
    }
    conclusion.row = "flow-log";
    if before == Class::NetworkBlock {
        return format!("A flow log confirms a block, by another rule than the simulation names: {}.", words(denied));
    }
    format!("A flow log shows a block that the input does not, so the input is older or incomplete: {}.", words(denied))
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
    flow.direction == direction && flow.known && decision.resource.as_deref() == Some(flow.nsg.as_str())
}

fn decided_by(case: &Case<'_>, flow: &FlowSeen) -> bool {
    let rule = case.probe.decision.as_ref().and_then(|decision| decision.rule.as_deref());
    at_decider(case, flow) && rule.is_some_and(|rule| rule.eq_ignore_ascii_case(&flow.rule))
}

fn words(flow: &FlowSeen) -> String {
    let did = if flow.access == Access::Deny { "denied" } else { "let through" };
    let last = flow.last.map(|last| format!(", last at {last}")).unwrap_or_default();
    let tuples = if flow.count == 1 { "1 tuple".to_owned() } else { format!("{} tuples", flow.count) };
    format!("rule {} of {} {did} {tuples} from the gateway{last}", flow.rule, flow.nsg)
}
