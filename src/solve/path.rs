//! The verdict of one question over its whole set of sources, in every possible world.
//!
//! The source set is cut into pieces that no rule, route or tag of the network splits; one address stands for each
//! piece. Missing facts are tried both ways: facts about a source on their own for that source, all others for the
//! question as a whole. A verdict is certain where every world agrees (semantics.md 1.8, 8.1).

use super::answer::{Answer, Decision, Missing, Verdict};
use super::facts;
use crate::compile::cuts::Cuts;
use crate::compile::{Network, Stage};
use crate::diagnostic::{Diagnostic, code};
use crate::evaluate::context::{At, Context, Fact, Halt, Note, Outcome, Projection, Removed};
use crate::evaluate::journey::Branch;
use crate::evaluate::path::{Endpoints, ModelNic, Walk, resume, walk};
use crate::net::{AddressSet, Flow, Protocol};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Sources that start in one subnet.
#[derive(Debug, Clone)]
pub struct SourceGroup {
    /// The addresses.
    pub addresses: AddressSet,
    /// Their subnet, where the question fixes it; else each address's own.
    pub subnet: Option<usize>,
}

/// A piece of the sources that behaves as one address.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The address that stands for it.
    pub representative: IpAddr,
    /// The addresses.
    pub addresses: AddressSet,
    /// Subnet, where the question fixes it.
    pub subnet: Option<usize>,
}

/// The sources of a question, cut into pieces.
#[derive(Debug, Clone)]
pub struct Sources {
    /// All addresses.
    pub addresses: AddressSet,
    /// Pieces in the order of the groups, ascending in each.
    pub pieces: Vec<Piece>,
    /// Source ports that stand for the asked range.
    pub ports: Vec<u16>,
}

impl Sources {
    /// Cuts sources. Without a fixed port the ephemeral range is asked for.
    pub fn cut(cuts: &Cuts, groups: &[SourceGroup], port: Option<u16>) -> Self {
        let mut out = Sources {
            addresses: AddressSet::default(),
            pieces: Vec::new(),
            ports: port.map_or_else(|| cuts.ephemeral_ports(), |port| vec![port]),
        };
        for group in groups {
            out.addresses = out.addresses.union(&group.addresses);
            for (representative, addresses) in cuts.representatives(&group.addresses) {
                out.pieces.push(Piece { representative, addresses, subnet: group.subnet });
            }
        }
        out
    }
}

/// Where to, and how.
#[derive(Debug, Clone, Copy)]
pub struct Target<'n> {
    /// Destination address.
    pub destination: IpAddr,
    /// Protocol.
    pub protocol: Protocol,
    /// Destination port; 0 where the protocol has none.
    pub port: u16,
    /// Scale-set model behind the destination.
    pub model: Option<ModelNic<'n>>,
}

/// A flow and the world in which it shows the answer.
#[derive(Debug, Clone)]
pub struct Witness<'n> {
    /// The flow.
    pub flow: Flow,
    /// What is known of its ends.
    pub ends: Endpoints<'n>,
    /// Answers to missing facts in that world.
    pub assume: Vec<(Fact, bool)>,
    /// Where the flow splits: the address of the branch that shows the answer, split by split.
    pub branches: Vec<IpAddr>,
}

impl<'n> Witness<'n> {
    /// Walks the flow again, along its branches.
    pub fn follow(&self, context: &mut Context<'_, 'n>) -> Result<Option<Outcome<'n>>, Halt<'n>> {
        let mut wanted = self.branches.iter();
        let mut at = walk(context, &self.flow, self.ends)?;
        loop {
            let branches = match at {
                Walk::One(outcome) => return Ok(Some(outcome)),
                Walk::Many(branches) => branches,
            };
            let next = wanted.next();
            let named = branches.iter().find(|branch| Some(&branch.about()) == next);
            let Some(branch) = named.or_else(|| branches.first()) else { return Ok(None) };
            at = resume(context, branch)?;
        }
    }
}

/// An answer with the flow that shows it, for a trace.
#[derive(Debug, Clone)]
pub struct Decided<'n> {
    /// The answer.
    pub answer: Answer,
    /// The flow; `None` where there was no source.
    pub witness: Option<Witness<'n>>,
}

/// What the evaluation may be told beforehand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'c> {
    /// Rules and routes that are taken away.
    pub removed: Option<&'c Removed>,
    /// One projection for each piece of the sources.
    pub projections: Option<&'c [Projection]>,
}

/// Decides one question.
pub fn decide<'n>(
    network: &'n Network<'n>,
    sources: &Sources,
    target: Target<'n>,
    options: Options<'_>,
) -> Decided<'n> {
    let nothing = Removed::default();
    let mut explorer = Explorer {
        network,
        sources,
        target,
        removed: options.removed.unwrap_or(&nothing),
        projections: options.projections,
        tried: 0,
        first_unknown: None,
        facts: Vec::new(),
        notes: Vec::new(),
        states: NONE,
        first: None,
        first_deny: None,
        distinct: Vec::new(),
        leading: true,
        denied: vec![true; sources.pieces.len()],
        servers: BTreeMap::new(),
    };
    explorer.run();
    explorer.finish()
}

/// Sets of states as bits.
type States = u8;
const NONE: States = 0;
const ALLOW: States = 1;
const DENY: States = 2;
const PARTIAL: States = 4;

/// Worlds that are tried for one question and source at most; beyond it the answer is unknown.
const MOST_WORLDS: usize = 2000;

/// States of two independent parts together.
fn mix(left: States, right: States) -> States {
    if left == NONE || right == NONE {
        return left | right;
    }
    let mut out = NONE;
    for a in [ALLOW, DENY, PARTIAL] {
        for b in [ALLOW, DENY, PARTIAL] {
            if left & a != 0 && right & b != 0 {
                out |= if a == b { a } else { PARTIAL };
            }
        }
    }
    out
}

/// Why a world could not be finished.
enum Stop {
    Fact(Fact),
    TooMany,
}

type Assumed = [(Fact, bool)];

/// What the flows of one source met: outcomes, and the ways on of those that split, by address.
#[derive(Default)]
struct Met<'n> {
    direct: States,
    translated: Vec<(IpAddr, Vec<(Branch<'n>, Witness<'n>)>)>,
}

struct Explorer<'c, 'n> {
    network: &'n Network<'n>,
    sources: &'c Sources,
    target: Target<'n>,
    removed: &'c Removed,
    projections: Option<&'c [Projection]>,
    tried: usize,
    first_unknown: Option<(At<'n>, Witness<'n>)>,
    facts: Vec<Fact>,
    notes: Vec<Note>,
    states: States,
    first: Option<(Outcome<'n>, Witness<'n>)>,
    first_deny: Option<(Outcome<'n>, Witness<'n>)>,
    distinct: Vec<Outcome<'n>>,
    leading: bool,
    denied: Vec<bool>,
    /// What becomes of the flows at each server behind a load balancer.
    servers: BTreeMap<IpAddr, States>,
}

impl<'n> Explorer<'_, 'n> {
    fn run(&mut self) {
        let mut todo: Vec<Vec<(Fact, bool)>> = vec![Vec::new()];
        while let Some(shared) = todo.pop() {
            match self.world(&shared) {
                Ok(states) => {
                    self.states |= states;
                    self.leading = false;
                }
                Err(Stop::Fact(fact)) => {
                    for answer in [true, false] {
                        // The last one pushed is tried first: "does not hold" leads the report.
                        todo.push(shared.iter().cloned().chain([(fact.clone(), answer)]).collect());
                    }
                }
                Err(Stop::TooMany) => {
                    let note = Note { code: &code::TOO_MANY_UNKNOWNS, subject: String::new(), rule: None, span: None };
                    self.notes.push(note);
                    self.states = ALLOW | DENY;
                    return;
                }
            }
        }
    }

    /// Folds the pieces together: any mix of allow and deny is partial.
    fn world(&mut self, shared: &Assumed) -> Result<States, Stop> {
        let mut total = NONE;
        let pieces = self.sources;
        for (index, piece) in pieces.pieces.iter().enumerate() {
            let states = self.piece(index, piece, shared)?;
            if let Some(denied) = self.denied.get_mut(index) {
                *denied &= states & ALLOW == 0;
            }
            total = mix(total, states);
        }
        Ok(total)
    }

    /// Possible states of one piece.
    fn piece(&mut self, index: usize, piece: &Piece, shared: &Assumed) -> Result<States, Stop> {
        let ends = Endpoints { subnet: piece.subnet, model: self.target.model };
        let ports = self.sources;
        self.forks(Some(piece.representative), shared, &mut |this, assume, lead| {
            let mut met = Met::default();
            for port in &ports.ports {
                let flow = this.flow(piece.representative, *port);
                let witness = Witness { flow, ends, assume: assume.to_vec(), branches: Vec::new() };
                let walked = this.evaluate(index, &witness, |context| walk(context, &flow, ends))?;
                this.take(walked, &witness, lead, &mut met);
            }
            this.states_of(index, met, assume, lead)
        })
    }

    /// Records an outcome; keeps the ways on of a flow that splits.
    fn take(&mut self, walked: Walk<'n>, witness: &Witness<'n>, lead: bool, met: &mut Met<'n>) {
        match walked {
            Walk::One(outcome) => {
                met.direct |= state(&outcome);
                self.record(&outcome, witness, lead);
            }
            Walk::Many(branches) => {
                for branch in branches {
                    let mut witness = witness.clone();
                    witness.branches.push(branch.about());
                    let known = met.translated.iter_mut().find(|(about, _)| *about == branch.about());
                    match known {
                        Some((_, list)) => list.push((branch, witness)),
                        None => met.translated.push((branch.about(), vec![(branch, witness)])),
                    }
                }
            }
        }
    }

    /// The states of what was met: branches of one address together, in every world of facts about it.
    fn states_of(&mut self, index: usize, met: Met<'n>, assume: &Assumed, lead: bool) -> Result<States, Stop> {
        let mut total = if met.direct == NONE { NONE } else { together(met.direct) };
        for (about, branches) in met.translated {
            let states = self.forks(Some(about), assume, &mut |this, assume, first| {
                let mut met = Met::default();
                for (branch, witness) in &branches {
                    let witness = Witness { assume: assume.to_vec(), ..witness.clone() };
                    let walked = this.evaluate(index, &witness, |context| resume(context, branch))?;
                    this.take(walked, &witness, lead && first, &mut met);
                }
                this.states_of(index, met, assume, lead && first)
            })?;
            let to_server = |branch: &Branch<'_>| matches!(branch, Branch::Member(way) if way.member.is_some());
            if branches.iter().any(|(branch, _)| to_server(branch)) {
                *self.servers.entry(about).or_default() |= states;
            }
            total = mix(total, states);
        }
        Ok(total)
    }

    /// The servers of a partial answer, where not all of them answer alike.
    fn differing(&self) -> Vec<(IpAddr, Verdict)> {
        let verdict = |states: States| match states {
            ALLOW => Verdict::Allow,
            DENY => Verdict::Deny,
            _ => Verdict::Partial,
        };
        let all: Vec<_> = self.servers.iter().map(|(server, states)| (*server, verdict(*states))).collect();
        let first = all.first().map(|(_, verdict)| *verdict);
        if all.iter().any(|(_, verdict)| Some(*verdict) != first) { all } else { Vec::new() }
    }

    fn flow(&self, source: IpAddr, source_port: u16) -> Flow {
        Flow {
            source,
            destination: self.target.destination,
            protocol: self.target.protocol,
            source_port,
            destination_port: self.target.port,
        }
    }

    /// Tries every answer to missing facts about one address; other facts go up.
    fn forks(
        &mut self,
        about: Option<IpAddr>,
        shared: &Assumed,
        work: &mut dyn FnMut(&mut Self, &Assumed, bool) -> Result<States, Stop>,
    ) -> Result<States, Stop> {
        let mut possible = NONE;
        let mut todo: Vec<Vec<(Fact, bool)>> = vec![shared.to_vec()];
        while let Some(assume) = todo.pop() {
            self.tried += 1;
            if self.tried > MOST_WORLDS * self.sources.pieces.len().max(1) {
                return Err(Stop::TooMany);
            }
            match work(self, &assume, possible == NONE) {
                Ok(states) => possible |= states,
                Err(Stop::Fact(fact)) if about.is_some() && fact.address() == about => {
                    for answer in [true, false] {
                        todo.push(assume.iter().cloned().chain([(fact.clone(), answer)]).collect());
                    }
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(possible)
    }

    /// Runs one evaluation in the witness's world and keeps its remarks.
    fn evaluate<T>(
        &mut self,
        index: usize,
        witness: &Witness<'n>,
        run: impl FnOnce(&mut Context<'_, 'n>) -> Result<T, Halt<'n>>,
    ) -> Result<T, Stop> {
        let mut context = Context::new(self.network, &witness.assume, self.removed);
        context.projection = self.projections.and_then(|list| list.get(index));
        let result = run(&mut context);
        for note in context.notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        match result {
            Ok(value) => Ok(value),
            Err(Halt::Unknown(unknown)) => {
                let (fact, at) = *unknown;
                self.first_unknown.get_or_insert_with(|| (at, witness.clone()));
                if !self.facts.contains(&fact) {
                    self.facts.push(fact.clone());
                }
                Err(Stop::Fact(fact))
            }
            // Settled outcomes and splits are turned into values by the walk itself.
            Err(Halt::Settled(_) | Halt::Split(_)) => Err(Stop::TooMany),
        }
    }

    /// Keeps what the answer names: in the leading world the first allow, and the deny of the earliest stage and rule.
    fn record(&mut self, outcome: &Outcome<'n>, witness: &Witness<'n>, lead: bool) {
        if self.distinct.len() < 2 && !self.distinct.contains(outcome) {
            self.distinct.push(*outcome);
        }
        if !(lead && self.leading) {
            return;
        }
        if self.first.is_none() {
            self.first = Some((*outcome, witness.clone()));
        }
        let rank = |outcome: &Outcome<'_>| outcome.at.map(|at| (at.stage, at.priority.unwrap_or(0)));
        if !outcome.allowed && self.first_deny.as_ref().is_none_or(|(known, _)| rank(outcome) < rank(known)) {
            self.first_deny = Some((*outcome, witness.clone()));
        }
    }

    fn finish(mut self) -> Decided<'n> {
        let verdict = match self.states {
            ALLOW => Verdict::Allow,
            DENY => Verdict::Deny,
            PARTIAL => Verdict::Partial,
            _ => Verdict::Unknown,
        };
        if self.sources.pieces.is_empty() {
            self.notes.push(Note { code: &code::EMPTY_SOURCE, subject: String::new(), rule: None, span: None });
        }
        if verdict != Verdict::Unknown && self.first_unknown.is_some() && self.distinct.len() > 1 {
            self.notes.push(Note { code: &code::RULE_DEPENDS, subject: String::new(), rule: None, span: None });
        }
        let servers = if verdict == Verdict::Partial { self.differing() } else { Vec::new() };
        let (at, witness) = match verdict {
            Verdict::Unknown => self.first_unknown.map_or((None, None), |(at, witness)| (Some(at), Some(witness))),
            Verdict::Allow => self.first.map_or((None, None), |(outcome, witness)| (outcome.at, Some(witness))),
            _ => self.first_deny.map_or((None, None), |(outcome, witness)| (outcome.at, Some(witness))),
        };
        let mut denied = AddressSet::default();
        if verdict == Verdict::Partial {
            for (piece, _) in self.sources.pieces.iter().zip(&self.denied).filter(|(_, denied)| **denied) {
                denied = denied.union(&piece.addresses);
            }
        }
        let asked = facts::all_missing(self.network, &self.facts);
        let (missing, regardless) = if verdict == Verdict::Unknown { (asked, Vec::new()) } else { (Vec::new(), asked) };
        let answer = Answer {
            verdict,
            decision: at.map(decision),
            sources: self.sources.addresses.clone(),
            denied,
            missing,
            regardless,
            servers,
            seen: None,
            notes: notes(&self.notes),
        };
        Decided { answer, witness }
    }
}

fn notes(notes: &[Note]) -> Vec<Diagnostic> {
    let mut out: Vec<Diagnostic> = notes.iter().map(facts::describe).collect();
    crate::diagnostic::sort(&mut out);
    out
}

fn state(outcome: &Outcome<'_>) -> States {
    if outcome.allowed { ALLOW } else { DENY }
}

/// Several concrete flows of one source as one state.
fn together(states: States) -> States {
    if states == ALLOW || states == DENY { states } else { PARTIAL }
}

/// The decision as it is shown.
pub fn decision(at: At<'_>) -> Decision {
    Decision {
        stage: at.stage,
        resource: at.resource.map(str::to_owned),
        rule: at.rule.map(str::to_owned),
        priority: at.priority,
        span: at.span,
    }
}

/// An answer that needs no evaluation: something that stands before every stage is missing.
pub fn undecided(sources: AddressSet, stage: Option<Stage>, missing: Missing, note: Diagnostic) -> Answer {
    let decision = stage.map(|stage| Decision { stage, resource: None, rule: None, priority: None, span: None });
    Answer {
        verdict: Verdict::Unknown,
        decision,
        sources,
        denied: AddressSet::default(),
        missing: vec![missing],
        regardless: Vec::new(),
        servers: Vec::new(),
        seen: None,
        notes: vec![note],
    }
}
