//! From time lines to what is known of each server at the time of the question (health.md 1.5, 6.4).

use super::phases::phases;
use super::place::{Pair, Places};
use super::requests::Routed;
use super::{Note, Series, Timelines, timestamp};
use crate::attribute::capture::{Capture, TimeBasis};
use crate::attribute::input::{GatewayFacts, ProbedServer};
use crate::attribute::members::identity;
use crate::diagnostic::{Diagnostic, Sources, Span};
use crate::model::{Flip, HealthRecord, LoggedAddress, Proof, RecordedState, ResourceId};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A time without rows that is longer than usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Last row before it.
    pub after: Timestamp,
    /// First row after it.
    pub by: Timestamp,
}

/// How often, and when last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How often.
    pub times: u64,
    /// When last.
    pub last: Timestamp,
}

/// Servers that were counted (F10, F11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostCounts {
    /// Healthy ones.
    pub healthy: Option<u32>,
    /// Unhealthy ones.
    pub unhealthy: Option<u32>,
    /// When last.
    pub time: Timestamp,
}

/// What rows with times tell of one server of one pair.
#[derive(Debug, Clone)]
pub struct ServerHistory {
    /// Gateway.
    pub gateway: ResourceId,
    /// Pool.
    pub pool: ResourceId,
    /// Backend setting.
    pub setting: ResourceId,
    /// Server: the member as configured, else as recorded.
    pub server: String,
    /// State at the time of the question; `None` where no row holds a state.
    pub state: Option<RecordedState>,
    /// State by gateway instance, as far as rows name them.
    pub instances: Vec<(String, RecordedState)>,
    /// Changes of the state, oldest first.
    pub flips: Vec<Flip>,
    /// First observation of the state that it has.
    pub last_state_since: Option<Timestamp>,
    /// Newest row.
    pub observed: Option<Timestamp>,
    /// How many rows hold a state.
    pub rows: u64,
    /// Times without rows, longest first.
    pub silences: Vec<Silence>,
    /// States of one moment that were left out of the flips.
    pub blips: u64,
    /// Moments of which two rows say different things.
    pub contradictions: u64,
    /// Time of the newest probe message.
    pub message_time: Option<Timestamp>,
    /// Latest proof of TCP.
    pub proof: Option<Proof>,
    /// Port that the proof is about.
    pub proof_port: Option<u16>,
    /// Requests of the pair that were given up before dialling: they prove nothing.
    pub not_dialled: Option<Count>,
    /// Healthy and unhealthy servers that a performance log or metric counted last, of the pair or the whole gateway.
    pub counts: Option<HostCounts>,
    /// The address that requests for the name went to last, where it is none of those that it has now.
    pub stale: Option<(IpAddr, Timestamp)>,
}

/// What all rows come to.
#[derive(Debug, Default)]
pub struct Histories {
    /// Records at the time of the question.
    pub records: Vec<HealthRecord>,
    /// Every server with its time line.
    pub servers: Vec<ServerHistory>,
    /// File and time of each record.
    pub captures: Vec<(String, Capture)>,
    /// Findings about the rows.
    pub diagnostics: Vec<Diagnostic>,
}

/// Gateway, pool and setting, server.
pub(super) type GroupKey = (usize, Pair, String);

/// Everything about one server.
#[derive(Debug, Default)]
pub(super) struct Group<'t> {
    pub(super) member: Option<&'t ProbedServer>,
    pub(super) server: String,
    pub(super) series: Vec<&'t Series>,
    pub(super) text: Option<&'t Note>,
    pub(super) proof: Option<Proof>,
    pub(super) proof_port: Option<u16>,
    not_dialled: Option<Count>,
    counts: Option<HostCounts>,
    stale: Option<(IpAddr, Timestamp)>,
    place: Option<(u32, u64)>,
}

impl Timelines {
    /// Addresses that the gateway used, for names that nothing else resolves.
    pub fn logged_addresses(&self) -> Vec<LoggedAddress> {
        self.requests.addresses()
    }

    /// Sorts the rows to servers and says what they come to. Places are added to the excerpts in `sources`.
    pub fn histories(
        &self,
        gateways: &[GatewayFacts],
        servers: &[ProbedServer],
        at: Option<Timestamp>,
        sources: &mut Sources,
    ) -> Histories {
        let places = Places::of(gateways, servers);
        let mut out = Histories::default();
        let mut lost = super::unplaced::Unplaced::default();
        let groups = self.groups(&places, &mut lost);
        for ((gateway, pair, _), group) in &groups {
            let Some(facts) = gateways.get(*gateway) else { continue };
            out.servers.push(history(facts, pair, group));
        }
        super::records::timed(self, &groups, &out.servers, gateways, sources, &mut out.records);
        super::records::untimed(self, &places, sources, &mut lost, &mut out.records);
        self.captures(at, sources, &mut out.captures);
        out.servers.sort_by(|a, b| (&a.gateway, &a.pool, &a.setting).cmp(&(&b.gateway, &b.pool, &b.setting)));
        super::unplaced::findings(self, lost, &out.servers, sources, &mut out.diagnostics);
        out
    }

    fn captures(&self, at: Option<Timestamp>, sources: &Sources, out: &mut Vec<(String, Capture)>) {
        let name = |file: u32| sources.get(file).map(|source| source.name.clone()).unwrap_or_default();
        for (file, newest) in &self.newest {
            let capture = match at {
                Some(time) => Capture { time: Some(time), basis: TimeBasis::Given },
                None => Capture { time: Some(timestamp(*newest)), basis: TimeBasis::Record },
            };
            out.push((name(*file), capture));
        }
        let mut files: Vec<u32> = self.untimed.keys().map(|(file, _)| *file).collect();
        files.dedup();
        for file in files.into_iter().filter(|file| !self.newest.contains_key(file)) {
            out.push((name(file), crate::attribute::capture::capture(at, &name(file))));
        }
    }

    fn groups<'t>(
        &'t self,
        places: &Places<'t>,
        lost: &mut super::unplaced::Unplaced,
    ) -> BTreeMap<GroupKey, Group<'t>> {
        let mut groups: BTreeMap<GroupKey, Group<'t>> = BTreeMap::new();
        for series in &self.series {
            let key = &series.key;
            let Some((id, member)) = place(places, (&key.gateway, &key.pool, &key.setting, &key.server), key.port)
            else {
                lost.add(&key.gateway, &key.server, series.runs.rows(), series.newest.1, places);
                continue;
            };
            let group = groups.entry(id).or_insert_with(|| Group::of(member, &key.server));
            group.series.push(series);
        }
        for (key, note) in &self.texts {
            let Some((id, member)) = place(places, (&key.gateway, &key.pool, &key.setting, &key.server), key.port)
            else {
                lost.add(&key.gateway, &key.server, 1, note.place, places);
                continue;
            };
            let group = groups.entry(id).or_insert_with(|| Group::of(member, &key.server));
            group.text = group.text.filter(|known| known.time >= note.time).or(Some(note));
        }
        for routed in self.requests.sorted() {
            add_requests(routed, places, &mut groups, lost);
        }
        groups
    }
}

impl<'t> Group<'t> {
    fn of(member: Option<&'t ProbedServer>, server: &str) -> Self {
        let server = member.map_or_else(|| server.to_owned(), |member| member.member.clone());
        Group { member, server, ..Group::default() }
    }

    /// Place of what a record is made from.
    pub(super) fn place(&self) -> Option<(u32, u64)> {
        let rows = self.series.iter().map(|series| series.newest).max().map(|(_, place)| place);
        rows.or(self.text.map(|note| note.place)).or(self.place)
    }
}

type Names<'n> = (&'n str, &'n str, &'n str, &'n str);

/// Whose rows they are, by gateway, pool, setting and server.
fn place<'t>(places: &Places<'t>, names: Names<'_>, port: Option<u16>) -> Option<(GroupKey, Option<&'t ProbedServer>)> {
    let (gateway, pool, setting, server) = names;
    let at = places.gateway(gateway)?;
    let pair = places.pair(at, (pool, setting), server, port)?;
    let member = places.member(at, &pair, server);
    let called = member.map_or_else(|| identity(server), |member| identity(&member.member));
    Some(((at, pair, called), member))
}

/// Adds what requests prove: of a server to every pair that sends requests to its port, of a pair to all of its servers.
fn add_requests<'t>(
    routed: &Routed,
    places: &Places<'t>,
    groups: &mut BTreeMap<GroupKey, Group<'t>>,
    lost: &mut super::unplaced::Unplaced,
) {
    let found = places.gateway(&routed.gateway).and_then(|at| Some((at, places.gateways.get(at)?)));
    let Some((at, gateway)) = found else {
        return lost.add(&routed.gateway, &routed.server, 1, routed.place, places);
    };
    let named = places.pair(at, (&routed.pool, &routed.setting), &routed.server, routed.port);
    let data_port = |pair: &Pair| gateway.settings.iter().find(|own| own.id == pair.1).map(|own| own.data_port);
    // TCP to an address and port is proven for every pair that uses them, named or not.
    let pairs: Vec<Pair> = match named {
        Some(pair) => vec![pair],
        None => gateway.pairs.clone(),
    };
    for pair in pairs {
        let port = routed.port.or_else(|| data_port(&pair));
        if routed.server.is_empty() {
            let (healthy, unhealthy) = routed.counts;
            let counted = healthy.is_some() || unhealthy.is_some();
            for member in places.of_pair(at, &pair).into_iter().filter(|_| routed.not_dialled > 0 || counted) {
                let key = (at, pair.clone(), identity(&member.member));
                let group = groups.entry(key).or_insert_with(|| Group::of(Some(member), &member.member));
                if counted {
                    group.counts = Some(HostCounts { healthy, unhealthy, time: routed.newest });
                } else {
                    group.not_dialled = Some(Count { times: routed.not_dialled, last: routed.newest });
                }
            }
            continue;
        }
        if let Some(member) = places.member(at, &pair, &routed.server) {
            if data_port(&pair) != port || routed.proof.is_none() {
                continue;
            }
            let key = (at, pair.clone(), identity(&member.member));
            let group = groups.entry(key).or_insert_with(|| Group::of(Some(member), &member.member));
            if routed.proof > group.proof {
                (group.proof, group.proof_port) = (routed.proof, port);
            }
            group.place = group.place.or(Some(routed.place));
        } else if let Some(address) = crate::net::parse_address(&routed.server) {
            stale_name(places, groups, (at, &pair), address, routed.newest);
        }
    }
}

/// Requests of a pool with one member, a name, go where the gateway thinks that the name is (health.md 5, item 4).
fn stale_name<'t>(
    places: &Places<'t>,
    groups: &mut BTreeMap<GroupKey, Group<'t>>,
    pair: (usize, &Pair),
    address: IpAddr,
    time: Timestamp,
) {
    let members = places.of_pair(pair.0, pair.1);
    let Some(first) = members.first().filter(|first| first.fqdn.is_some()) else { return };
    let alone = members.iter().all(|member| member.member == first.member && member.address.is_some());
    if alone {
        let key = (pair.0, pair.1.clone(), identity(&first.member));
        let group = groups.entry(key).or_insert_with(|| Group::of(Some(first), &first.member));
        group.stale = group.stale.filter(|(_, known)| *known >= time).or(Some((address, time)));
    }
}

/// What one server's rows come to.
fn history(gateway: &GatewayFacts, pair: &Pair, group: &Group<'_>) -> ServerHistory {
    let current = current(&group.series);
    let states: Vec<RecordedState> = current.iter().map(|(series, _)| series_state(series)).collect();
    let state = match states.as_slice() {
        [] => None,
        [first, rest @ ..] if rest.iter().all(|other| other == first) => Some(*first),
        _ => Some(RecordedState::Partial),
    };
    let mut instances: Vec<(String, RecordedState)> =
        current.iter().map(|(series, _)| (series.key.instance.clone(), series_state(series))).collect();
    instances.retain(|(name, _)| !name.is_empty());
    instances.sort();
    let mut silences: Vec<Silence> = group
        .series
        .iter()
        .flat_map(|series| series.runs.gaps())
        .map(|gap| Silence { after: timestamp(gap.after), by: timestamp(gap.by) })
        .collect();
    silences.sort_by_key(|one| (std::cmp::Reverse(one.after.duration_until(one.by)), one.after));
    let message = group.series.iter().filter_map(|series| series.message.as_ref()).map(|(at, _)| *at).max();
    ServerHistory {
        gateway: gateway.id.clone(),
        pool: pair.0.clone(),
        setting: pair.1.clone(),
        server: group.server.clone(),
        state,
        instances,
        flips: flips(&group.series),
        last_state_since: since(&current),
        observed: group.series.iter().map(|series| series.newest.0).max().map(timestamp),
        rows: group.series.iter().map(|series| series.runs.rows()).sum(),
        silences,
        blips: group.series.iter().map(|series| phases(series).1).sum(),
        contradictions: group.series.iter().map(|series| series.runs.contradictions).sum(),
        message_time: message.max(group.text.map(|note| note.time)).map(timestamp),
        proof: group.proof,
        proof_port: group.proof_port,
        not_dialled: group.not_dialled,
        counts: group.counts,
        stale: group.stale.filter(|(_, time)| group.proof.is_none_or(|proof| proof.time < *time)),
    }
}

/// Series of the instances that still report, with the first time of their state. An instance that fell silent, for much
/// longer than its rows are apart, was scaled in.
fn current<'t>(series: &[&'t Series]) -> Vec<(&'t Series, i64)> {
    let newest = series.iter().map(|one| one.newest.0).max().unwrap_or_default();
    let reports = |one: &&&Series| {
        let usual = one.runs.usual().unwrap_or(i64::MAX / 4);
        one.newest.0 >= newest.saturating_sub(usual.saturating_mul(3))
    };
    series.iter().filter(reports).map(|one| (*one, state_since(one))).collect::<Vec<_>>()
}

fn series_state(series: &Series) -> RecordedState {
    phases(series).0.last().map_or(RecordedState::Unknown, |phase| phase.state)
}

/// First observation of the state that a series ends with.
fn state_since(series: &Series) -> i64 {
    phases(series).0.last().map_or(series.newest.0, |phase| phase.first)
}

/// Since when all instances say what they say: the newest of their flips, else the first row.
fn since(current: &[(&Series, i64)]) -> Option<Timestamp> {
    let flipped = |(series, since): &&(&Series, i64)| series.runs.iter().next().is_some_and(|run| run.first < *since);
    let newest = current.iter().filter(flipped).map(|(_, since)| *since).max();
    newest.or(current.iter().map(|(_, since)| *since).min()).map(timestamp)
}

/// Changes of the state. Instances that see the same change within one another's intervals see one.
fn flips(series: &[&Series]) -> Vec<Flip> {
    let mut single: Vec<Flip> = series.iter().flat_map(|one| flips_of(one)).collect();
    single.sort_by(|a, b| (a.by, a.after, &a.instances).cmp(&(b.by, b.after, &b.instances)));
    let mut out: Vec<Flip> = Vec::new();
    for flip in single {
        let same = out.iter_mut().rev().take(series.len()).find(|other| {
            let overlap = other.after.max(flip.after) < other.by.min(flip.by);
            let seen = flip.instances.iter().any(|name| other.instances.contains(name));
            (other.from, other.to) == (flip.from, flip.to) && overlap && !seen
        });
        match same {
            Some(other) => {
                (other.after, other.by) = (other.after.max(flip.after), other.by.min(flip.by));
                other.instances.extend(flip.instances);
                other.instances.sort();
            }
            None => out.push(flip),
        }
    }
    out
}

fn flips_of(series: &Series) -> Vec<Flip> {
    let instances: Vec<String> =
        Some(series.key.instance.clone()).filter(|name| !name.is_empty()).into_iter().collect();
    let (phases, _) = phases(series);
    let changes = phases.iter().zip(phases.iter().skip(1)).map(|(a, b)| {
        let (after, by) = (timestamp(a.last), timestamp(b.first));
        Flip { from: a.state, to: b.state, after, by, instances: instances.clone() }
    });
    changes.collect()
}

/// A place that can be printed.
pub(super) fn span(place: Option<(u32, u64)>, sources: &mut Sources) -> Span {
    let quoted = place.and_then(|(file, line)| sources.quote(file, line, ""));
    quoted.unwrap_or(Span { file: u32::MAX, start: 0, end: 0 })
}
