//! Health records made from rows: of time lines at the time of the question, and of tables without times (F4).

use super::histories::{Group, GroupKey, ServerHistory, span};
use super::place::{Pair, Places};
use super::unplaced::Unplaced;
use super::{Note, Timelines};
use crate::attribute::catalogue::{Evidence, classify};
use crate::attribute::input::{GatewayFacts, ProbedServer};
use crate::diagnostic::Sources;
use crate::model::{HealthFormat, HealthRecord, Located, PoolHealth, RecordedState, ServerHealth, SettingHealth};
use std::collections::BTreeMap;

type Servers = BTreeMap<Pair, Vec<ServerHealth>>;

/// Records of servers with rows that hold a state or a probe message. What only requests tell of is a record of its own:
/// no state, but proof.
pub(super) fn timed(
    timelines: &Timelines,
    groups: &BTreeMap<GroupKey, Group<'_>>,
    histories: &[ServerHistory],
    gateways: &[GatewayFacts],
    sources: &mut Sources,
    out: &mut Vec<HealthRecord>,
) {
    let _ = timelines;
    let mut files: BTreeMap<(usize, bool), (u32, Servers)> = BTreeMap::new();
    for (((gateway, pair, _), group), history) in groups.iter().zip(histories) {
        let requests_only = group.series.is_empty() && group.text.is_none();
        if requests_only && group.proof.is_none() {
            continue;
        }
        let place = group.place();
        let at = span(place, sources);
        let message = message(group).map(|text| Located::new(text, at));
        let state = Located::new(history.state.unwrap_or(RecordedState::Unknown), at);
        let server = server(group.member, &group.server, at, state, message);
        let file = place.map_or(u32::MAX, |(file, _)| file);
        let slot = files.entry((*gateway, requests_only)).or_insert_with(|| (file, Servers::new()));
        slot.1.entry(pair.clone()).or_default().push(server);
    }
    for ((gateway, requests), (file, servers)) in files {
        if gateways.get(gateway).is_some() {
            let format = if requests { HealthFormat::Requests } else { HealthFormat::History };
            out.push(record(format, file, servers, sources));
        }
    }
}

/// The newest message, where the newest rows hold one, else a text of another table.
fn message(group: &Group<'_>) -> Option<String> {
    let last =
        group.series.iter().filter(|series| series.runs.last().is_some_and(|run| super::Said(run.said).has_message()));
    let newest = last.filter_map(|series| series.message.as_ref()).max().map(|(_, text)| text.to_string());
    newest.or_else(|| group.text.and_then(|note| note.text.as_deref()).map(str::to_owned))
}

/// Tables without a time: one record a file.
pub(super) fn untimed(
    timelines: &Timelines,
    places: &Places<'_>,
    sources: &mut Sources,
    lost: &mut Unplaced,
    out: &mut Vec<HealthRecord>,
) {
    let mut files: BTreeMap<u32, Servers> = BTreeMap::new();
    for ((file, key), note) in &timelines.untimed {
        let text = note.text.as_deref();
        let no_permission = note.state.is_none() && classify(text).evidence() == Evidence::NoPermission;
        if no_permission && key.server.is_empty() {
            without_permission(*file, note, places, sources, &mut files);
            continue;
        }
        let at = places.gateway(&key.gateway);
        let pair = at.and_then(|at| places.pair(at, (&key.pool, &key.setting), &key.server, key.port));
        let (Some(at), Some(pair), false) = (at, pair, key.server.is_empty()) else {
            lost.add(&key.gateway, &key.server, 1, note.place, places);
            continue;
        };
        let span = span(Some(note.place), sources);
        let member = places.member(at, &pair, &key.server);
        let state = Located::new(note.state.unwrap_or(RecordedState::Unknown), span);
        let message = text.map(|text| Located::new(text.to_owned(), span));
        let server = server(member, &key.server, span, state, message);
        files.entry(*file).or_default().entry(pair).or_default().push(server);
    }
    for (file, servers) in files {
        out.push(record(HealthFormat::Table, file, servers, sources));
    }
}

/// The portal shows "No results." to readers without permission: that is said of every pair, and no server is named.
fn without_permission(
    file: u32,
    note: &Note,
    places: &Places<'_>,
    sources: &mut Sources,
    files: &mut BTreeMap<u32, Servers>,
) {
    let span = span(Some(note.place), sources);
    let text = note.text.as_deref().unwrap_or_default().to_owned();
    for pair in places.gateways.iter().flat_map(|gateway| &gateway.pairs) {
        let server = ServerHealth {
            span,
            address: None,
            ip_configuration: None,
            state: Located::new(RecordedState::Unknown, span),
            message: Some(Located::new(text.clone(), span)),
        };
        files.entry(file).or_default().entry(pair.clone()).or_default().push(server);
    }
}

/// A recorded server, as the pool holds it where it is a member.
fn server(
    member: Option<&ProbedServer>,
    recorded: &str,
    span: crate::diagnostic::Span,
    state: Located<RecordedState>,
    message: Option<Located<String>>,
) -> ServerHealth {
    let ip_configuration = member.and_then(|member| member.ip_configuration.clone());
    let address = match (member, &ip_configuration) {
        (Some(member), Some(_)) => member.address.map(|address| address.to_string()),
        (Some(member), None) => Some(member.member.clone()),
        (None, _) => Some(recorded.to_owned()),
    };
    ServerHealth { span, address, ip_configuration, state, message }
}

fn record(format: HealthFormat, file: u32, servers: Servers, sources: &Sources) -> HealthRecord {
    let first = servers.values().flatten().next().map(|server| server.span);
    let span = first.unwrap_or(crate::diagnostic::Span { file, start: 0, end: 0 });
    let pools = servers.into_iter().map(|((pool, setting), servers)| PoolHealth {
        pool: Located::new(pool, span),
        settings: vec![SettingHealth { setting: Located::new(setting, span), servers, span }],
    });
    let file_name = sources.get(file).map(|source| source.name.clone()).unwrap_or_default();
    HealthRecord { span, format, file_name, pools: pools.collect() }
}
