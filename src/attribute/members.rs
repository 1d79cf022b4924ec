//! Which recorded server is which configured member (health.md 5, item 8).

use super::catalogue::{Evidence, classify};
use super::finding::Recorded;
use super::input::{AttributionInput, GatewayFacts, ProbedServer};
use super::place::{Observation, PairKey, Placed, Rank};
use super::table::Coverage;
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{ResourceId, ServerHealth};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// One server of one pair: recorded, configured, or both.
#[derive(Debug)]
pub(super) struct Joined<'a> {
    /// The pair.
    pub(super) pair: PairKey,
    /// The server as outputs name it; `None` for a pool without members.
    pub(super) label: Option<String>,
    /// Indices of its simulated addresses.
    pub(super) servers: Vec<usize>,
    /// What was recorded of it.
    pub(super) seen: Option<Seen<'a>>,
    /// Is it probed, by the configuration?
    pub(super) coverage: Coverage,
    /// Where an empty list of servers stands.
    pub(super) list_span: Option<Span>,
}

impl Joined<'_> {
    pub(super) fn recorded(&self) -> Recorded {
        match &self.seen {
            // A text that is about no server: there was no permission to see any.
            Some(_) if self.label.is_none() => Recorded::Absent,
            Some(seen) => seen.server.state.value.into(),
            None if self.label.is_none() && self.list_span.is_some() => Recorded::Empty,
            None => Recorded::Absent,
        }
    }
}

/// One recorded server.
#[derive(Debug, Clone)]
pub(super) struct Seen<'a> {
    /// The record of it that counts.
    pub(super) server: &'a ServerHealth,
    /// Its file.
    pub(super) file: &'a str,
    /// It answers an on-demand probe.
    pub(super) on_demand: bool,
    /// What kind of record it is.
    pub(super) rank: Rank,
    /// Records of other files that say something else.
    pub(super) others: Vec<(&'a str, &'a ServerHealth)>,
}

type Records<'a> = BTreeMap<String, Seen<'a>>;

/// Joins every pair of every gateway that has a record.
pub(super) fn join<'a>(
    input: &AttributionInput<'_>,
    placed: &Placed<'a>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Joined<'a>> {
    let gateway_at: BTreeMap<&ResourceId, usize> =
        input.gateways.iter().enumerate().map(|(at, one)| (&one.id, at)).collect();
    let mut members: BTreeMap<PairKey, Vec<usize>> = BTreeMap::new();
    for (at, server) in input.servers.iter().enumerate() {
        if let Some(gateway) = gateway_at.get(&server.gateway) {
            let key = PairKey { gateway: *gateway, pool: server.pool.clone(), setting: server.setting.clone() };
            members.entry(key).or_default().push(at);
        }
    }
    let mut keys: BTreeSet<PairKey> = placed.pairs.keys().cloned().collect();
    let whole = |gateway: &usize| placed.gateways.get(gateway) == Some(&true);
    keys.extend(members.keys().filter(|key| whole(&key.gateway)).cloned());
    for (at, gateway) in input.gateways.iter().enumerate().filter(|(at, _)| whole(at)) {
        let pair = |(pool, setting): &(ResourceId, ResourceId)| PairKey {
            gateway: at,
            pool: pool.clone(),
            setting: setting.clone(),
        };
        keys.extend(gateway.pairs.iter().map(pair));
    }
    let mut out = Vec::new();
    for key in keys {
        let Some(gateway) = input.gateways.get(key.gateway) else { continue };
        let observations = placed.pairs.get(&key).map(Vec::as_slice).unwrap_or_default();
        let own = members.get(&key).map(Vec::as_slice).unwrap_or_default();
        let captures = input.captures;
        Pair { input: input.servers, captures, gateway, key, observations, own }.join(&mut out, diagnostics);
    }
    out
}

struct Pair<'p, 'a> {
    input: &'p [ProbedServer],
    captures: Option<&'p Captures>,
    gateway: &'p GatewayFacts,
    key: PairKey,
    observations: &'p [Observation<'a>],
    own: &'p [usize],
}

impl<'a> Pair<'_, 'a> {
    fn join(&self, out: &mut Vec<Joined<'a>>, diagnostics: &mut Vec<Diagnostic>) {
        let used =
            self.gateway.pairs.iter().any(|(pool, setting)| *pool == self.key.pool && *setting == self.key.setting);
        let coverage = if used { Coverage::Probed } else { Coverage::PairNotUsed };
        let mut records = records(self.observations, self.captures, diagnostics);
        let mut joined: BTreeMap<String, Joined<'a>> = BTreeMap::new();
        let mut used_records: BTreeSet<String> = BTreeSet::new();
        let (models, members) = self.groups();
        // Requests go to some servers only; the others are not absent from a record of health.
        let requests = !self.observations.is_empty() && self.observations.iter().all(|one| one.rank == Rank::Requests);
        for (member, indices) in members {
            let found = self.recorded_as(&indices, &records);
            if requests && found.is_none() {
                continue;
            }
            let seen = found.as_ref().and_then(|key| records.get(key).cloned());
            used_records.extend(found);
            let label = self.label(&member, &indices, seen.as_ref());
            let one = joined.entry(label.to_ascii_lowercase()).or_insert_with(|| self.one(Some(label), coverage));
            one.servers.extend(indices);
            one.seen = one.seen.take().or(seen);
        }
        records.retain(|key, _| !used_records.contains(key));
        for (member, indices) in models {
            self.join_model(&member, &indices, coverage, &mut records, &mut joined);
        }
        let unsimulated = self.own.is_empty() && self.members() > 0;
        let extra = if used && !unsimulated { Coverage::NotInPool } else { coverage };
        for (key, seen) in records {
            let mut one = self.one(Some(shown(seen.server)), extra);
            one.seen = Some(seen);
            joined.entry(key).or_insert(one);
        }
        out.extend(joined.into_values());
        self.add_empty(out, coverage);
    }

    /// `servers: []` is one finding without a server. So is a pair in use whose pool has no members and that no record
    /// names: nothing else would say so.
    fn add_empty(&self, out: &mut Vec<Joined<'a>>, coverage: Coverage) {
        let servers = |one: &Observation<'a>| (one.file, &one.health.servers, one.rank);
        let refused = self.observations.iter().map(servers).find_map(|(file, list, rank)| {
            let server = list.iter().find(|server| without_permission(server))?;
            Some(Seen { server, file, on_demand: false, rank, others: Vec::new() })
        });
        // Without permission there is one finding for the pair, instead of absent servers.
        if refused.is_some() && out.iter().all(|one| one.pair != self.key || one.seen.is_none()) {
            out.retain(|one| one.pair != self.key);
            let mut one = self.one(None, coverage);
            one.seen = refused;
            out.push(one);
            return;
        }
        let empty = self.observations.iter().all(|one| one.health.servers.is_empty());
        let span = self.observations.first().map(|one| one.health.span);
        if empty && (span.is_some() || self.own.is_empty() && self.members() == 0) {
            let mut one = self.one(None, coverage);
            one.list_span = span;
            out.push(one);
        }
    }

    fn members(&self) -> usize {
        self.gateway.pools.iter().find(|pool| pool.id == self.key.pool).map_or(0, |pool| pool.members)
    }

    fn one(&self, label: Option<String>, coverage: Coverage) -> Joined<'a> {
        Joined { pair: self.key.clone(), label, servers: Vec::new(), seen: None, coverage, list_span: None }
    }

    /// Simulated servers by member, addresses in order: scale sets known by their model, and all others.
    fn groups(&self) -> (BTreeMap<String, Vec<usize>>, BTreeMap<String, Vec<usize>>) {
        let mut own: Vec<(usize, &ProbedServer)> =
            self.own.iter().filter_map(|at| Some((*at, self.input.get(*at)?))).collect();
        own.sort_by(|(_, a), (_, b)| (a.address, &a.backend).cmp(&(b.address, &b.backend)));
        let (mut models, mut members) = (BTreeMap::new(), BTreeMap::new());
        for (at, server) in own {
            let model = server.address.is_none() && server.scale_set.is_some();
            let groups: &mut BTreeMap<String, Vec<usize>> = if model { &mut models } else { &mut members };
            groups.entry(server.member.clone()).or_default().push(at);
        }
        (models, members)
    }

    fn head(&self, indices: &[usize]) -> Option<&ProbedServer> {
        indices.first().and_then(|at| self.input.get(*at))
    }

    /// Key of the record of a member: by IP configuration, by the configured text, or by the address of a NIC.
    fn recorded_as(&self, indices: &[usize], records: &Records<'_>) -> Option<String> {
        let head = self.head(indices)?;
        let by_configuration = head.ip_configuration.as_ref().and_then(|id| {
            records
                .iter()
                .find(|(_, seen)| seen.server.ip_configuration.as_ref() == Some(id))
                .map(|(key, _)| key.clone())
        });
        let literal = Some(identity(&head.member)).filter(|key| records.contains_key(key));
        let interface = head.ip_configuration.is_some() || head.scale_set.is_some();
        let address = head.address.filter(|_| interface).map(|address| identity(&address.to_string()));
        by_configuration.or(literal).or(address.filter(|key| records.contains_key(key)))
    }

    /// The server as outputs name it: as the pool holds it, but a NIC by its address.
    fn label(&self, member: &str, indices: &[usize], seen: Option<&Seen<'_>>) -> String {
        let head = self.head(indices);
        let interface = head.is_some_and(|head| head.ip_configuration.is_some() || head.scale_set.is_some());
        if !interface {
            return member.to_owned();
        }
        let recorded = seen.and_then(|seen| seen.server.address.clone());
        let resolved = || head.and_then(|head| head.address).map(|address| address.to_string());
        recorded.or_else(resolved).unwrap_or_else(|| member.to_owned())
    }

    /// A scale set known by its model answers for every recorded instance: by the instance's id, or by an address inside
    /// its subnet that no other member has (health.md 5, item 3).
    fn join_model(
        &self,
        member: &str,
        indices: &[usize],
        coverage: Coverage,
        records: &mut Records<'a>,
        joined: &mut BTreeMap<String, Joined<'a>>,
    ) {
        let Some(head) = self.head(indices) else { return };
        let matching: Vec<String> =
            records.iter().filter(|(_, seen)| is_instance(head, seen.server)).map(|(key, _)| key.clone()).collect();
        if matching.is_empty() {
            let mut one = self.one(Some(member.to_owned()), coverage);
            one.servers.extend(indices);
            joined.entry(member.to_ascii_lowercase()).or_insert(one);
        }
        for key in matching {
            let Some(seen) = records.remove(&key) else { continue };
            let mut one = self.one(Some(shown(seen.server)), coverage);
            one.servers.extend(indices);
            one.seen = Some(seen);
            joined.entry(key).or_insert(one);
        }
    }
}

/// An id below some scale set decides; without one (instances of a flexible scale set have NICs of their own) the address.
fn is_instance(model: &ProbedServer, server: &ServerHealth) -> bool {
    let below_a_set = |id: &&ResourceId| id.segment("virtualMachineScaleSets").is_some();
    if let Some(id) = server.ip_configuration.as_ref().filter(below_a_set) {
        let rest = model.scale_set.as_ref().and_then(|set| id.key().strip_prefix(set.key()));
        return rest.is_some_and(|rest| rest.starts_with('/'));
    }
    let address = server.address.as_deref().and_then(|text| text.parse::<IpAddr>().ok());
    address.is_some_and(|address| model.scale_set_prefixes.iter().any(|prefix| prefix.contains(&address)))
}

/// Recorded servers of a pair by identity. Several records of one server: the configured probe counts before an on-demand
/// one, then the newest, where times are known, then the last file by name; the others are kept for the explanation where
/// they differ.
fn records<'a>(
    observations: &[Observation<'a>],
    captures: Option<&Captures>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Records<'a> {
    let mut sorted: Vec<&Observation<'a>> = observations.iter().collect();
    let time = |one: &Observation<'_>| captures.and_then(|captures| captures.get(one.file)).map(|at| at.as_second());
    let timed = observations.iter().any(|one| one.rank == Rank::Record && time(one).is_some());
    // A record says more than a time line: only one that is clearly newer takes its place.
    let newness = |one: &Observation<'_>| match one.rank {
        Rank::Requests | Rank::OnDemand => None,
        _ if !timed => None,
        Rank::Record => time(one).map(|at| at.saturating_add(SAME_TIME)),
        Rank::History => time(one),
    };
    let kind = |one: &Observation<'_>| match one.rank {
        Rank::History if timed => Rank::Record,
        rank => rank,
    };
    sorted.sort_by_key(|one| (kind(one), newness(one), one.rank, one.file, one.health.span));
    let mut out: Records<'a> = BTreeMap::new();
    for (observation, server) in
        sorted.iter().flat_map(|one| one.health.servers.iter().map(move |server| (one, server)))
    {
        let id = server.ip_configuration.as_ref().map(ResourceId::key);
        let Some(text) = server.address.as_deref().or(id) else {
            if without_permission(server) {
                continue;
            }
            let finding = Diagnostic::new(
                &code::UNIDENTIFIED_RESOURCE,
                "a recorded server has neither address nor IP configuration; it was not used",
            );
            diagnostics.push(finding.at(server.span));
            continue;
        };
        let newer = Seen {
            server,
            file: observation.file,
            on_demand: observation.on_demand,
            rank: observation.rank,
            others: Vec::new(),
        };
        let Some(older) = out.insert(identity(text), newer) else { continue };
        let mut others = older.others;
        // A time line ends before or after a record was taken; it does not contradict it.
        if !matches!(older.rank, Rank::History | Rank::Requests) {
            others.push((older.file, older.server));
        }
        others.retain(|(_, other)| says(other) != says(server));
        if !others.is_empty() {
            let text = format!(
                "{} says something else of {text} than an earlier record; the later one counts",
                observation.file
            );
            diagnostics.push(Diagnostic::new(&code::CONFLICTING_RECORDS, text).at(server.span).help("give one record"));
        }
        if let Some(kept) = out.get_mut(&identity(text)) {
            kept.others = others;
        }
    }
    out
}

/// Seconds by which a time line has to be newer than a record to count before it.
const SAME_TIME: i64 = 300;

/// When each record was taken, by its file.
type Captures = BTreeMap<String, jiff::Timestamp>;

fn says(server: &ServerHealth) -> (Recorded, Option<&str>) {
    (server.state.value.into(), server.message.as_ref().map(|message| message.value.as_str()))
}

/// What the portal shows to a reader without permission (M25).
fn without_permission(server: &ServerHealth) -> bool {
    let text = server.message.as_ref().map(|text| text.value.as_str());
    server.address.is_none() && server.ip_configuration.is_none() && classify(text).evidence() == Evidence::NoPermission
}

/// A server as recorded.
fn shown(server: &ServerHealth) -> String {
    let id = server.ip_configuration.as_ref().map(|id| id.as_str().to_owned());
    server.address.clone().or(id).unwrap_or_default()
}

/// Addresses compare by value, names without regard to letter case or a final dot.
pub(super) fn identity(text: &str) -> String {
    let text = text.trim();
    match text.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => text.trim_end_matches('.').to_ascii_lowercase(),
    }
}

#[cfg(test)]
#[path = "members_tests.rs"]
mod tests;
