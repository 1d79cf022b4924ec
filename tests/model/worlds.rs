//! Questions over whole source sets, in every possible world: each source, each source port at an edge, each answer to
//! each missing fact is tried on its own (semantics.md 1.8, 8).

use super::address::Addr;
use super::case::{Assumed, Case, Fact, Missing, Place};
use super::internet::instances;
use super::walk::{Flow, Outcome, Walked, walk};
use super::world::World;
use std::collections::{BTreeMap, BTreeSet};

/// Where the flows of a question start.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    /// The usable addresses of a gateway, by its lower-case id.
    Gateway(String),
    /// One of them.
    OneOf(String, Addr),
    /// These addresses, each in its own subnet.
    Sources(Vec<Addr>),
}

/// A question.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) start: Start,
    pub(crate) destination: Addr,
    /// In lower case.
    pub(crate) protocol: String,
    /// `None`: any ephemeral port.
    pub(crate) source_port: Option<u16>,
    pub(crate) destination_port: u16,
}

/// The answer: verdict, and what decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) verdict: &'static str,
    pub(crate) stage: Option<&'static str>,
    /// In lower case: a reference may be written in another letter case than the resource.
    pub(crate) resource: Option<String>,
    pub(crate) rule: Option<String>,
    /// Of a partial answer: the sources that are certainly denied for some source port at least.
    pub(crate) denied: BTreeSet<Addr>,
}

/// Allow, deny or partial: what one source meets in one world.
type State = &'static str;
type Answers = BTreeMap<Fact, bool>;

/// Worlds that are tried for one question at most.
const MOST: usize = 20_000;

/// Decides a question; `None` where it has too many worlds to try.
pub(crate) fn decide(world: &World, assumed: Assumed, question: &Question) -> Option<Answer> {
    let sources = sources(world, question);
    let mut search = Search {
        world,
        assumed,
        question,
        denied: sources.iter().map(|(address, _)| *address).collect(),
        sources,
        ports: ports(world, question),
        states: BTreeSet::new(),
        leading: None,
        first_open: None,
        tried: 0,
    };
    search.explore(&Answers::new())?;
    Some(search.answer())
}

/// Sources with the subnet that they start in, where the question fixes it.
pub(crate) fn sources(world: &World, question: &Question) -> Vec<(Addr, Option<usize>)> {
    let of_gateway = |key: &str| {
        let gateway = world.gateways.iter().find(|gateway| gateway.key == key);
        let keys = gateway.map(|gateway| gateway.subnets.as_slice()).unwrap_or_default();
        let subnets = keys.iter().filter_map(|id| world.subnets.iter().position(|subnet| subnet.key == id.key));
        let six = question.destination.six;
        let of = |subnet| instances(world, subnet, six).into_iter().map(move |address| (address, Some(subnet)));
        subnets.flat_map(of).collect::<Vec<_>>()
    };
    match &question.start {
        Start::Sources(list) => list.iter().map(|address| (*address, None)).collect(),
        Start::Gateway(key) => of_gateway(key),
        Start::OneOf(key, source) => of_gateway(key).into_iter().filter(|(address, _)| address == source).collect(),
    }
}

/// Source ports to try: the asked one, or the ends of the ephemeral range and every edge of a rule inside it.
fn ports(world: &World, question: &Question) -> Vec<u16> {
    if !matches!(question.protocol.as_str(), "tcp" | "udp") {
        return vec![0];
    }
    if let Some(port) = question.source_port {
        return vec![port];
    }
    let admin = world.managers.rules.iter().map(|rule| &rule.rule);
    let edges = world.nsgs.values().flatten().chain(admin).flat_map(super::rules::Rule::port_edges);
    let all: BTreeSet<u16> = edges.chain([49152, 65535]).filter(|port| *port >= 49152).collect();
    all.into_iter().collect()
}

/// A part of the search, given answers and a log of outcomes.
type Run<'r, 'w> =
    &'r mut dyn FnMut(&mut Search<'w>, &Answers, &mut Vec<Outcome>) -> Option<Result<BTreeSet<State>, Missing>>;

struct Search<'w> {
    world: &'w World,
    assumed: Assumed,
    question: &'w Question,
    sources: Vec<(Addr, Option<usize>)>,
    ports: Vec<u16>,
    /// States of the whole set over all worlds.
    states: BTreeSet<State>,
    /// Outcomes in the first world, where no missing fact holds: what the answer is named after.
    leading: Option<Vec<Outcome>>,
    first_open: Option<Place>,
    denied: BTreeSet<Addr>,
    tried: usize,
}

impl<'w> Search<'w> {
    /// Tries a world; a fact that concerns more than one source splits it in two.
    fn explore(&mut self, shared: &Answers) -> Option<()> {
        let mut log = Vec::new();
        let mut per_source = Vec::new();
        for (source, subnet) in self.sources.clone() {
            match self.source(source, subnet, shared, &mut log)? {
                Ok(states) => per_source.push((source, states)),
                Err(missing) => {
                    let fact = &missing.0;
                    for answer in [false, true] {
                        let mut more = shared.clone();
                        more.insert(fact.clone(), answer);
                        self.explore(&more)?;
                    }
                    return Some(());
                }
            }
        }
        for (source, states) in &per_source {
            if states.contains("allow") {
                self.denied.remove(source);
            }
        }
        if self.leading.is_none() {
            self.leading = Some(log);
        }
        let total = per_source.into_iter().map(|(_, states)| states).reduce(|a, b| mix(&a, &b));
        self.states.extend(total.unwrap_or_default());
        Some(())
    }

    /// States that one source can be in; the missing facts about its own address are tried here.
    fn source(
        &mut self,
        source: Addr,
        subnet: Option<usize>,
        answers: &Answers,
        log: &mut Vec<Outcome>,
    ) -> Option<Result<BTreeSet<State>, Missing>> {
        let flow = |port: u16| Flow {
            source,
            destination: self.question.destination,
            protocol: self.question.protocol.clone(),
            source_port: port,
            destination_port: self.question.destination_port,
        };
        let flows: Vec<Flow> = self.ports.iter().map(|port| flow(*port)).collect();
        let run: Run<'_, 'w> = &mut |this, answers, log| this.way(&flows, subnet, &[], answers, log);
        self.forked(source, answers, log, run)
    }

    /// The flows at all ports along some ways; where they split, every way is judged on its own.
    fn way(
        &mut self,
        flows: &[Flow],
        subnet: Option<usize>,
        ways: &[usize],
        answers: &Answers,
        log: &mut Vec<Outcome>,
    ) -> Option<Result<BTreeSet<State>, Missing>> {
        self.tried += 1;
        if self.tried > MOST {
            return None;
        }
        let case = Case { world: self.world, assumed: self.assumed, answers };
        let walked: Result<Vec<Walked>, Missing> = flows.iter().map(|flow| walk(&case, flow, subnet, ways)).collect();
        let walked = match walked {
            Ok(walked) => walked,
            Err(missing) => return Some(Err(self.open(missing))),
        };
        let (mut done, mut open) = (Vec::new(), Vec::new());
        for walked in walked {
            match walked {
                Walked::Done(outcome) => done.push(outcome),
                Walked::Split(ways) => open = ways,
            }
        }
        if open.is_empty() {
            return Some(Ok(Self::stated(done, log)));
        }
        let mut total: Option<BTreeSet<State>> = None;
        for (at, about) in open.into_iter().enumerate() {
            let further = [ways, &[at]].concat();
            let run: Run<'_, 'w> = &mut |this, answers, log| this.way(flows, subnet, &further, answers, log);
            match self.forked(about, answers, log, run)? {
                Ok(states) => total = Some(total.map_or_else(|| states.clone(), |total| mix(&total, &states))),
                Err(missing) => return Some(Err(missing)),
            }
        }
        Some(Ok(total.unwrap_or_default()))
    }

    /// The state that the outcomes at all ports make together.
    fn stated(outcomes: Vec<Outcome>, log: &mut Vec<Outcome>) -> BTreeSet<State> {
        let allowed = outcomes.iter().filter(|outcome| outcome.allowed).count();
        let state = match allowed {
            0 => "deny",
            all if all == outcomes.len() => "allow",
            _ => "partial",
        };
        log.extend(outcomes);
        BTreeSet::from([state])
    }

    fn open(&mut self, missing: Missing) -> Missing {
        self.first_open.get_or_insert_with(|| missing.1.clone());
        missing
    }

    /// Tries both answers to facts about this very address; the first answer is the one that is logged.
    fn forked(
        &mut self,
        about: Addr,
        answers: &Answers,
        log: &mut Vec<Outcome>,
        run: Run<'_, 'w>,
    ) -> Option<Result<BTreeSet<State>, Missing>> {
        let mut own = Vec::new();
        let missing = match run(self, answers, &mut own)? {
            Ok(states) => {
                log.append(&mut own);
                return Some(Ok(states));
            }
            Err(missing) => missing,
        };
        let fact = &missing.0;
        if fact.about != Some(about) {
            return Some(Err(missing));
        }
        let mut states = BTreeSet::new();
        for answer in [false, true] {
            let mut more = answers.clone();
            more.insert(fact.clone(), answer);
            let mut unused = Vec::new();
            let log = if answer { &mut unused } else { &mut *log };
            match self.forked(about, &more, log, &mut *run)? {
                Ok(found) => states.extend(found),
                Err(missing) => return Some(Err(missing)),
            }
        }
        Some(Ok(states))
    }

    fn answer(self) -> Answer {
        let states: Vec<State> = self.states.iter().copied().collect();
        let verdict = match states.as_slice() {
            [one] => one,
            _ => "unknown",
        };
        let log = self.leading.unwrap_or_default();
        let first_deny = || {
            let denies = log.iter().filter(|outcome| !outcome.allowed).filter_map(|outcome| outcome.place.as_ref());
            denies.min_by_key(|place| place.rank()).cloned()
        };
        let place = match verdict {
            "allow" => log.first().and_then(|outcome| outcome.place.clone()),
            "unknown" => self.first_open,
            _ => first_deny(),
        };
        let place = place.as_ref();
        Answer {
            verdict,
            stage: place.map(|place| place.stage),
            resource: place.and_then(|place| place.resource.as_deref()).map(str::to_ascii_lowercase),
            rule: place.and_then(|place| place.rule.clone()),
            denied: if verdict == "partial" { self.denied } else { BTreeSet::new() },
        }
    }
}

/// States of two independent parts together: any mix of allow and deny is partial.
fn mix(left: &BTreeSet<State>, right: &BTreeSet<State>) -> BTreeSet<State> {
    if left.is_empty() || right.is_empty() {
        return left.union(right).copied().collect();
    }
    let pair = |a: State| right.iter().map(move |b| if a == *b { a } else { "partial" });
    left.iter().flat_map(|a| pair(a)).collect()
}
