//! Joins recorded servers with configured ones (health.md 5, item 8) and attributes every one of them.

use super::calibration::{calibrate, soften};
use super::catalogue::{Message, classify};
use super::causes;
use super::change::{Timeline, sentences, timelines};
use super::class::Class;
use super::combine::Combined;
use super::explain::{self, Context};
use super::finding::{Attribution, Recorded, ServerFinding};
use super::flows::{self, FlowEvidence};
use super::history;
use super::input::{
    AttributionInput, GatewayFacts, NameState, Path, PoolFacts, ProbedServer, SettingFacts, TimeRelation,
};
use super::latent;
use super::members::{Joined, join};
use super::place::place;
use super::sibling::Siblings;
use super::table::{self, Conclusion, Coverage, Facts};
use super::timeline::ServerHistory;
use crate::solve::Missing;
use jiff::Timestamp;
use std::net::IpAddr;

/// Name endings of platform services that restrict access above TCP (row 27).
const PLATFORM_SERVICES: [&str; 14] = [
    ".azurewebsites.net",
    ".azurewebsites.us",
    ".chinacloudsites.cn",
    ".appserviceenvironment.net",
    ".azurestaticapps.net",
    ".azurecontainerapps.io",
    ".azure-api.net",
    ".azuremicroservices.io",
    ".core.windows.net",
    ".core.usgovcloudapi.net",
    ".core.chinacloudapi.cn",
    ".azurefd.net",
    ".azureedge.net",
    ".search.windows.net",
];

/// Joins records with simulated paths and attributes every server: the decision table of health.md 6.3, sibling contrast
/// of 6.6, common causes of 6.7. The result does not depend on the order of the input.
pub fn attribute(input: &AttributionInput<'_>) -> Attribution {
    let mut placed = place(input.gateways, input.records);
    let mut diagnostics = std::mem::take(&mut placed.diagnostics);
    let joined = join(input, &placed, &mut diagnostics);
    let mut cases: Vec<Case<'_>> = joined.iter().filter_map(|one| Case::new(input, one)).collect();
    let lines = input.history.map(|history| timelines(&cases, history)).unwrap_or_default();
    cases.iter_mut().zip(lines).for_each(|(case, line)| case.timeline = line);
    for case in &mut cases {
        case.message = history::evidence(case);
    }
    let siblings = Siblings::of(&cases);
    let mut servers: Vec<ServerFinding> = cases.iter().map(|case| case.finding(&siblings, input.flows)).collect();
    servers.sort_by(|a, b| order(a).cmp(&order(b)));
    crate::diagnostic::sort(&mut diagnostics);
    let mut out = Attribution { servers, diagnostics, ..Attribution::default() };
    out.calibration = calibrate(&mut out.servers);
    out.management = explain::management(input.gateways);
    out.common_causes = causes::common_causes(&out, input.heals);
    out.unexplained = causes::unexplained(&out);
    out
}

type Order<'a> = (&'a str, &'a str, &'a str, u8, Option<IpAddr>, Option<&'a str>, &'a str);

/// Gateway, pool, setting, server; addresses in numeric order, before names.
fn order(finding: &ServerFinding) -> Order<'_> {
    let server = finding.server.as_deref();
    let address = server.and_then(|text| text.parse().ok());
    let rank = if server.is_none() { 0 } else { u8::from(address.is_none()) + 1 };
    (&finding.gateway, &finding.pool, &finding.setting, rank, address, server, finding.gateway_id.key())
}

/// One joined server with everything that is known of it.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) joined: &'a Joined<'a>,
    pub(super) gateway: &'a GatewayFacts,
    pub(super) pool: Option<&'a PoolFacts>,
    pub(super) setting: Option<&'a SettingFacts>,
    pub(super) servers: Vec<&'a ProbedServer>,
    pub(super) message: Message,
    pub(super) recorded: Recorded,
    pub(super) probe: Combined,
    /// Answer for the data port, where it is another port.
    pub(super) data: Option<Combined>,
    /// Its time line.
    pub(super) history: Option<&'a ServerHistory>,
    /// What changes of the configuration say, where they were given.
    pub(super) timeline: Option<Timeline>,
    /// When the record was taken, where that is known.
    pub(super) capture: Option<Timestamp>,
}

impl<'a> Case<'a> {
    fn new(input: &AttributionInput<'a>, joined: &'a Joined<'a>) -> Option<Self> {
        let gateway = input.gateways.get(joined.pair.gateway)?;
        let servers: Vec<&ProbedServer> = joined.servers.iter().filter_map(|at| input.servers.get(*at)).collect();
        let probes: Vec<_> = servers.iter().map(|server| &server.probe).collect();
        let data: Vec<_> = servers.iter().map(|server| server.data.as_ref().unwrap_or(&server.probe)).collect();
        let differs = servers.iter().any(|server| server.data.is_some());
        let text = joined.seen.as_ref().and_then(|seen| seen.server.message.as_ref());
        let setting = gateway.settings.iter().find(|setting| setting.id == joined.pair.setting);
        let history = history::find(input.histories, gateway, joined, &servers);
        let message = classify(text.map(|text| text.value.as_str()));
        let file = joined.seen.as_ref().map(|seen| seen.file);
        let capture = file.and_then(|file| input.captures?.get(file)).copied();
        Some(Case {
            joined,
            gateway,
            pool: gateway.pools.iter().find(|pool| pool.id == joined.pair.pool),
            setting,
            message,
            recorded: joined.recorded(),
            probe: if servers.is_empty() { Combined::none() } else { Combined::of(&probes) },
            data: differs.then(|| Combined::of(&data)),
            timeline: None,
            capture,
            servers,
            history,
        })
    }

    /// Name of the pool as it is printed.
    pub(super) fn pool_name(&self) -> &'a str {
        self.pool.map_or_else(|| self.joined.pair.pool.name(), |pool| &pool.name)
    }

    /// Name of the setting as it is printed.
    pub(super) fn setting_name(&self) -> &'a str {
        self.setting.map_or_else(|| self.joined.pair.setting.name(), |setting| &setting.name)
    }

    /// The member's name, where it is one.
    pub(super) fn fqdn(&self) -> Option<&'a str> {
        self.servers.iter().find_map(|server| server.fqdn.as_deref())
    }

    /// The worst that is known of the member's name.
    fn name_state(&self) -> NameState {
        let worst = [NameState::ZoneNotLinked, NameState::Unresolved, NameState::Stale, NameState::Resolved];
        let has = |state: &NameState| self.servers.iter().any(|server| server.name_state == *state);
        let state = worst.into_iter().find(has).unwrap_or_default();
        let other_address = self.history.is_some_and(|history| history.stale.is_some());
        if state == NameState::Resolved && other_address { NameState::Stale } else { state }
    }

    /// The newest change on any of the paths.
    fn time(&self) -> TimeRelation {
        if let Some(line) = &self.timeline {
            return line.relation;
        }
        let newest = [TimeRelation::After, TimeRelation::During, TimeRelation::Before];
        let has = |time: &TimeRelation| self.servers.iter().any(|server| server.time == *time);
        newest.into_iter().find(has).unwrap_or_default()
    }

    fn facts(&self, siblings: &Siblings<'_>) -> Facts {
        Facts {
            path: self.probe.path,
            recorded: self.recorded,
            message: self.message.clone(),
            time: self.time(),
            earlier: self.timeline.as_ref().and_then(|line| line.earlier.as_ref()).map(|(path, _)| *path),
            history: self.history.is_some_and(|history| history.rows > 0),
            coverage: self.joined.coverage,
            name: self.name_state(),
            management: self.gateway.management.verdict,
            isolated: self.gateway.isolated,
            generation: self.gateway.generation,
            platform_service: self.fqdn().is_some_and(is_platform_service),
            opaque_hop: self.servers.iter().any(|server| server.opaque_hop),
            contrast: siblings.contrast(self),
        }
    }

    fn finding(&self, siblings: &Siblings<'_>, logged: Option<&FlowEvidence>) -> ServerFinding {
        let mut conclusion = table::decide(&self.facts(siblings));
        self.add_latent_data_block(&mut conclusion);
        let answered = history::weigh(self, &mut conclusion);
        let withheld = answered.is_some();
        let flows = logged.map(|logged| flows::seen(self, logged)).unwrap_or_default();
        let weighed = flows::weigh(self, &mut conclusion, &flows);
        let context = Context { case: self, conclusion: &conclusion, siblings };
        let (mut explanation, next_steps) = explain::explain(&context);
        if withheld {
            soften(&mut explanation);
        }
        for weighed in answered.into_iter().chain(weighed) {
            explanation.push(' ');
            explanation.push_str(&weighed);
        }
        for text in self.timeline.iter().flat_map(sentences) {
            explanation.push(' ');
            explanation.push_str(&text);
        }
        let seen = self.joined.seen.as_ref();
        let missing = self.missing(&conclusion);
        let latent = latent::prediction(self, &conclusion);
        ServerFinding {
            gateway: self.gateway.name.clone(),
            gateway_id: self.gateway.id.clone(),
            pool: self.pool_name().to_owned(),
            setting: self.setting_name().to_owned(),
            server: self.joined.label.clone(),
            backends: self.servers.iter().map(|server| server.backend.clone()).collect(),
            port: self.setting.map(|setting| setting.probe_port),
            data_port: self.setting.map(|setting| setting.data_port),
            recorded: self.recorded,
            path: self.probe.path,
            data_path: self.data.as_ref().map_or(self.probe.path, |data| data.path),
            row: conclusion.row,
            class: conclusion.class,
            also: conclusion.also,
            confidence: conclusion.confidence,
            grade: conclusion.grade,
            decision: self.probe.decision.clone(),
            data_decision: self.data.as_ref().and_then(|data| data.decision.clone()),
            evidence: self.message.evidence(),
            message: self.message.code(),
            message_text: seen.and_then(|seen| seen.server.message.as_ref()).map(|text| text.value.clone()),
            http_status: self.message.http_status,
            explanation,
            next_steps,
            missing,
            record_span: seen.map(|seen| seen.server.span).or(self.joined.list_span),
            record_file: seen.map(|seen| seen.file.to_owned()),
            flips: self.history.map(|history| history.flips.clone()).unwrap_or_default(),
            last_state_since: self.history.and_then(|history| history.last_state_since),
            proof: self.history.and_then(|history| history.proof),
            latent,
            flows,
            joined: self.joined.servers.clone(),
            timeline: self.timeline.clone(),
        }
    }

    /// The table knows the probed port only. A data port that is blocked behind an open probe port fails requests while
    /// everything looks healthy.
    fn add_latent_data_block(&self, conclusion: &mut Conclusion) {
        let blocked = |path| matches!(path, Path::Deny | Path::Partial | Path::Asymmetric);
        let hidden = self.data.as_ref().is_some_and(|data| blocked(data.path)) && !blocked(self.probe.path);
        let judged = self.joined.coverage == Coverage::Probed && matches!(self.recorded, Recorded::Up | Recorded::Down);
        let named = conclusion.class == Class::LatentBlock || conclusion.also.contains(&Class::LatentBlock);
        if hidden && judged && !named {
            conclusion.also.push(Class::LatentBlock);
        }
    }

    /// What would decide the path to the probed port or to the data port. A pool without members needs nothing.
    fn missing(&self, conclusion: &Conclusion) -> Vec<Missing> {
        if matches!(conclusion.class, Class::NoTargets) {
            return Vec::new();
        }
        let mut out = self.probe.missing.clone();
        out.extend(self.data.iter().flat_map(|data| data.missing.iter().cloned()));
        out.sort();
        out.dedup();
        out
    }
}

/// Is it the name of a platform service with access restrictions of its own?
fn is_platform_service(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    PLATFORM_SERVICES.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
#[path = "join_tests.rs"]
mod tests;
