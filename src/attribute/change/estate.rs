//! The configuration at several times, and what one change of it did: the same question with that change undone
//! (health.md 6.4).

use crate::compile::cuts::{Cuts, Side};
use crate::compile::gateway_paths::ports;
use crate::compile::{Assumptions, Network};
use crate::evaluate::context::Removed;
use crate::model::{
    ApplicationGateway, Change, ChangeKind, ChangeSource, ChangeTime, ResourceId, Scope, Snapshot, differences,
};
use crate::solve::matrix::{GatewaySources, without};
use crate::solve::{Answer, Verdict};
use jiff::Timestamp;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// An earlier snapshot; without a time only the order is known.
#[derive(Debug, Clone, Copy)]
pub struct Earlier<'s> {
    /// When it was taken.
    pub time: Option<Timestamp>,
    /// The configuration then.
    pub snapshot: &'s Snapshot,
}

/// The resource of a change as it was before, from the values that the change itself tells.
pub type EarlierVersion<'a> = dyn Fn(&Change) -> Option<Snapshot> + Sync + 'a;

/// The configuration at several times.
#[derive(Clone, Copy)]
pub struct Estate<'s> {
    /// Earlier snapshots, oldest first.
    pub earlier: &'s [Earlier<'s>],
    /// The one that is judged.
    pub current: &'s Snapshot,
    /// What is taken for granted.
    pub assumptions: Assumptions,
    /// Earlier versions that changes tell.
    pub told: &'s EarlierVersion<'s>,
}

impl std::fmt::Debug for Estate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Estate").field("earlier", &self.earlier.len()).finish_non_exhaustive()
    }
}

/// A change and the snapshots around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The change.
    pub change: Change,
    /// How much of the resource it is about.
    pub scope: Scope,
    /// The last snapshot before it.
    pub before: Option<usize>,
    /// The first snapshot that holds it; the number of earlier ones stands for the current one.
    pub after: usize,
}

/// One path whose verdict is asked again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Gateway.
    pub gateway: ResourceId,
    /// Backend setting: another configuration may probe another port.
    pub setting: ResourceId,
    /// Backend address.
    pub address: IpAddr,
    /// Probed port.
    pub port: u16,
}

impl Question {
    /// Asks questions of one network. One whose gateway is not there has no answer.
    pub fn ask_all(questions: &[&Question], network: &Network<'_>) -> BTreeMap<Question, Answer> {
        let cuts = Cuts::of(network, Side::Source);
        let gateways = network.snapshot.application_gateways.values();
        let sources: BTreeMap<&ResourceId, (&ApplicationGateway, GatewaySources)> = gateways
            .filter(|gateway| questions.iter().any(|question| question.gateway == gateway.id))
            .map(|gateway| (&gateway.id, (gateway, GatewaySources::of(network, gateway, &cuts))))
            .collect();
        let ask = |question: &&Question| {
            let (gateway, own) = sources.get(&question.gateway).filter(|(_, own)| !own.subnets.is_empty())?;
            let setting = gateway.settings.iter().find(|setting| setting.id == question.setting);
            let port = setting.map_or(question.port, |setting| ports(gateway, setting).0);
            let answer = without(network, own, question.address, port, &Removed::default()).answer;
            Some(((*question).clone(), answer))
        };
        questions.par_iter().filter_map(ask).collect::<Vec<_>>().into_iter().collect()
    }
}

impl<'s> Estate<'s> {
    /// A snapshot by its place in the order.
    pub fn state(&self, index: usize) -> &'s Snapshot {
        self.earlier.get(index).map_or(self.current, |earlier| earlier.snapshot)
    }

    /// When a snapshot was taken.
    fn time(&self, index: usize) -> Option<Timestamp> {
        self.earlier.get(index).and_then(|earlier| earlier.time)
    }

    /// Recorded changes, and differences of neighbouring snapshots that no recorded change explains, by time.
    pub fn candidates(&self, changes: Vec<Change>) -> Vec<Candidate> {
        let mut out: Vec<Candidate> = changes.into_iter().map(|change| self.place(change)).collect();
        for after in 1..=self.earlier.len() {
            let before = after - 1;
            let time = ChangeTime::Within(self.time(before), self.time(after));
            for found in differences(self.state(before), self.state(after)) {
                let change = Change {
                    resource: found.id,
                    kind: if found.exists { ChangeKind::Write } else { ChangeKind::Delete },
                    operation: "difference of two snapshots".to_owned(),
                    time,
                    source: ChangeSource::Snapshots,
                    span: found.after.or(found.before),
                    previous: Vec::new(),
                };
                if !out.iter().any(|known| records(known, &change, after)) {
                    out.push(Candidate { change, scope: found.scope, before: Some(before), after });
                }
            }
        }
        out.sort_by_key(|candidate| {
            (candidate.change.time.latest().or(candidate.change.time.earliest()), candidate.after)
        });
        out
    }

    /// The snapshots around a recorded change.
    fn place(&self, change: Change) -> Candidate {
        let moment = change.time.moment();
        let holds = |earlier: &Earlier<'_>| moment.zip(earlier.time).is_some_and(|(moment, time)| time >= moment);
        let after = self.earlier.iter().position(holds).unwrap_or(self.earlier.len());
        Candidate { change, scope: Scope::Whole, before: after.checked_sub(1), after }
    }

    /// The first snapshot that holds a change, with that change undone: by the snapshot before it, by the values that it
    /// tells, or, where it wrote a rule, route or peering, by taking that away. `None` where what was there is not known.
    pub fn undone(&self, candidate: &Candidate) -> Option<Snapshot> {
        let change = &candidate.change;
        let mut out = self.state(candidate.after).clone();
        if let Some(before) = candidate.before {
            return out.restore(&change.resource, candidate.scope, self.state(before)).then_some(out);
        }
        if let Some(version) = (self.told)(change) {
            return out.restore(&change.resource, Scope::Whole, &version).then_some(out);
        }
        let written = change.kind == ChangeKind::Write && can_be_taken_away(&change.resource);
        (written && out.restore(&change.resource, Scope::Whole, &Snapshot::default())).then_some(out)
    }

    /// Compiles a snapshot of the estate.
    pub fn compile<'n>(&self, snapshot: &'n Snapshot) -> Network<'n> {
        Network::compile(snapshot, self.assumptions)
    }
}

/// Does a recorded change explain a difference of the same two snapshots?
fn records(known: &Candidate, difference: &Change, after: usize) -> bool {
    let same = known.change.resource == difference.resource || known.change.resource == difference.top();
    same && known.after == after && known.change.source != ChangeSource::Snapshots
}

/// Children that a configuration can do without.
fn can_be_taken_away(id: &ResourceId) -> bool {
    ["securityRules", "routes", "virtualNetworkPeerings", "rules"].iter().any(|kind| {
        let parent = id.parent().map(|parent| format!("{parent}/{kind}"));
        parent.is_some_and(|parent| id.key().starts_with(&parent.to_ascii_lowercase()))
    })
}

/// What undoing a change did to one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Verdict with the change.
    pub with: Verdict,
    /// Verdict without it.
    pub without: Verdict,
}

impl Turn {
    /// Is the verdict another one?
    pub fn matters(self) -> bool {
        self.with != self.without
    }
}
