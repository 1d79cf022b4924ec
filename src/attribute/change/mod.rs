//! Time reasoning (health.md 6.4): which changes touch the path of a server, how the newest of them and the record stand
//! in time, what undoing one does to the verdict, and which change explains a flip of the recorded state.
//!
//! `hops` names the resources of a path, `estate` holds the configuration at several times, `relation` is T, `score` holds
//! flips against changes, `line` puts it together for one server and `words` into sentences.

mod estate;
mod hops;
mod line;
mod relation;
mod score;
mod words;

pub use estate::{Candidate, Earlier, EarlierVersion, Estate, Question, Turn};
pub use hops::Hops;
pub use line::{LineChange, Timeline};
pub use relation::{Settle, relation};
pub use score::Scored;

pub(super) use line::timelines;
pub(super) use words::sentences;

use super::input::{Path, ProbedServer};
use crate::compile::Network;
use crate::compile::cuts::{Cuts, Side};
use crate::compile::gateway_paths::{ports, probe_of};
use crate::model::{ResourceId, Snapshot};
use crate::solve::matrix::{GatewaySources, Purpose, Row, matrix};
use crate::solve::{Answer, Decision};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Changes that are undone one by one at most; of more the newest.
const MOST_UNDONE: usize = 64;

/// A change that touches a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// Index into [`History::candidates`].
    pub candidate: usize,
    /// The flow itself meets what changed; false for another rule or subnet of a hop.
    pub meets: bool,
    /// What undoing it does, where that can be told.
    pub turn: Option<Turn>,
    /// The path in the last snapshot before the change, where there is one.
    pub earlier: Option<(Path, Option<Decision>)>,
}

/// Changes on the path of one probed server.
#[derive(Debug, Clone)]
pub struct PathChanges {
    /// Its probe's times.
    pub settle: Settle,
    /// Interval, timeout and unhealthy threshold in seconds, as the probe has them.
    pub probe: (u64, u64, u64),
    /// By time, oldest first.
    pub touches: Vec<Touch>,
}

/// What is known of changes, for every probed server.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Every change, oldest first.
    pub candidates: Vec<Candidate>,
    /// One for each of the probed servers, in their order.
    pub paths: Vec<PathChanges>,
    /// Capture time of each record by its file, where one is known.
    pub captures: BTreeMap<String, Timestamp>,
}

/// Gateway, pool, setting, member, backend.
type Key = (ResourceId, ResourceId, ResourceId, String, String);

fn key_of(row: &Row<'_>) -> Key {
    let shown = (row.member.shown.clone(), row.backend.clone());
    (row.gateway.id.clone(), row.pair.pool.id.clone(), row.pair.setting.id.clone(), shown.0, shown.1)
}

/// Hops of every probed path of a network.
fn hops_of<'n>(network: &'n Network<'n>, rows: &[Row<'n>], out: &mut BTreeMap<Key, Hops>) {
    let cuts = Cuts::of(network, Side::Source);
    let mut sources: BTreeMap<&ResourceId, GatewaySources> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.purpose != Purpose::Data) {
        let own = sources.entry(&row.gateway.id).or_insert_with(|| GatewaySources::of(network, row.gateway, &cuts));
        out.entry(key_of(row)).or_default().extend(Hops::of(network, row, own));
    }
}

/// Holds changes against the paths of the current snapshot and of the earlier ones.
pub fn history<'n>(
    estate: &Estate<'_>,
    (network, rows): (&'n Network<'n>, &[Row<'n>]),
    servers: &[ProbedServer],
    changes: Vec<crate::model::Change>,
) -> History {
    let candidates = estate.candidates(changes);
    let mut hops = BTreeMap::new();
    hops_of(network, rows, &mut hops);
    let earlier: Vec<Network<'_>> = estate.earlier.iter().map(|earlier| estate.compile(earlier.snapshot)).collect();
    for network in &earlier {
        hops_of(network, &matrix(network, &|_| ()), &mut hops);
    }
    let questions: Vec<Option<Question>> = servers.iter().map(|server| question(network, server)).collect();
    let mut paths: Vec<PathChanges> = servers
        .iter()
        .map(|server| {
            let key = (server.gateway.clone(), server.pool.clone(), server.setting.clone());
            let hops = hops.get(&(key.0, key.1, key.2, server.member.clone(), server.backend.clone()));
            let touched = candidates.iter().enumerate().filter_map(|(index, candidate)| {
                let hops = hops.filter(|hops| hops.touched_by(&candidate.change))?;
                let meets = hops.meets(&candidate.change);
                Some(Touch { candidate: index, meets, turn: None, earlier: None })
            });
            let (settle, probe) = settle(network, server);
            PathChanges { settle, probe, touches: touched.collect() }
        })
        .collect();
    let asker = Asker { estate, network, earlier: &earlier, questions: &questions };
    let touching: BTreeSet<usize> = paths.iter().flat_map(|path| &path.touches).map(|touch| touch.candidate).collect();
    for index in touching.into_iter().rev().take(MOST_UNDONE) {
        if let Some(candidate) = candidates.get(index) {
            asker.undo(index, candidate, &mut paths);
        }
    }
    History { candidates, paths, captures: BTreeMap::new() }
}

fn question(network: &Network<'_>, server: &ProbedServer) -> Option<Question> {
    let gateway = network.snapshot.application_gateways.get(&server.gateway)?;
    let setting = gateway.settings.iter().find(|setting| setting.id == server.setting)?;
    Some(Question {
        gateway: server.gateway.clone(),
        setting: server.setting.clone(),
        address: server.address?,
        port: ports(gateway, setting).0,
    })
}

fn settle(network: &Network<'_>, server: &ProbedServer) -> (Settle, (u64, u64, u64)) {
    let gateway = network.snapshot.application_gateways.get(&server.gateway);
    let setting = gateway.and_then(|gateway| gateway.settings.iter().find(|setting| setting.id == server.setting));
    let probe = gateway.zip(setting).and_then(|(gateway, setting)| probe_of(gateway, setting));
    (Settle::of(probe, gateway.and_then(|gateway| gateway.generation)), Settle::probe_times(probe))
}

struct Asker<'a, 'e> {
    estate: &'a Estate<'a>,
    network: &'a Network<'a>,
    earlier: &'a [Network<'e>],
    questions: &'a [Option<Question>],
}

impl Asker<'_, '_> {
    fn answers(&self, asked: &[&Question], state: usize) -> BTreeMap<Question, Answer> {
        match self.earlier.get(state) {
            Some(network) => Question::ask_all(asked, network),
            None => Question::ask_all(asked, self.network),
        }
    }

    /// Fills in what one change did to the paths that it touches.
    fn undo(&self, index: usize, candidate: &Candidate, paths: &mut [PathChanges]) {
        let mut asked: Vec<&Question> = Vec::new();
        for (path, question) in paths.iter().zip(self.questions) {
            if path.touches.iter().any(|touch| touch.candidate == index) {
                asked.extend(question);
            }
        }
        asked.sort();
        asked.dedup();
        if asked.is_empty() {
            return;
        }
        let undone: Option<Snapshot> = self.estate.undone(candidate);
        let without = undone.as_ref().map(|snapshot| Question::ask_all(&asked, &self.estate.compile(snapshot)));
        let with = without.as_ref().map(|_| self.answers(&asked, candidate.after));
        let before = candidate.before.map(|state| self.answers(&asked, state));
        for (path, question) in paths.iter_mut().zip(self.questions) {
            let Some(question) = question else { continue };
            for touch in path.touches.iter_mut().filter(|touch| touch.candidate == index) {
                let verdict = |answers: &Option<BTreeMap<Question, Answer>>| {
                    answers.as_ref().and_then(|answers| answers.get(question)).map(|answer| answer.verdict)
                };
                touch.turn = verdict(&with).zip(verdict(&without)).map(|(with, without)| Turn { with, without });
                touch.meets |= touch.turn.is_some_and(Turn::matters);
                let answer = before.as_ref().and_then(|answers| answers.get(question));
                touch.earlier = answer.map(|answer| (Path::of(answer), answer.decision.clone()));
            }
        }
    }
}
