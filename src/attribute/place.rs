//! Which gateway, pool and setting a record is about (health.md 1.1, 5).
//!
//! A record belongs to the gateway whose id begins its pools' ids. An id of another gateway is never taken for one of the
//! snapshot because of an equal name: development and production often differ in nothing else.

use super::input::GatewayFacts;
use crate::diagnostic::{Diagnostic, Span, code};
use crate::model::{HealthFormat, HealthRecord, ResourceId, SettingHealth};
use std::collections::BTreeMap;

/// A pair of one gateway.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PairKey {
    /// Index of the gateway.
    pub(super) gateway: usize,
    /// Pool, as configured where it is configured.
    pub(super) pool: ResourceId,
    /// Setting, as configured where it is configured.
    pub(super) setting: ResourceId,
}

/// What one record says about a pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation<'a> {
    /// The record's file.
    pub(super) file: &'a str,
    /// Answer of an on-demand probe, which may have used another path or host (health.md 1.2).
    pub(super) on_demand: bool,
    /// Of several records of one server the one with the highest rank counts.
    pub(super) rank: Rank,
    /// The servers.
    pub(super) health: &'a SettingHealth,
}

/// What counts more: a record holds state and message of the configured probe, a time line its states, an on-demand probe
/// may have asked for something else, and requests hold no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Requests,
    OnDemand,
    History,
    Record,
}

impl Rank {
    fn of(format: HealthFormat) -> Self {
        match format {
            HealthFormat::Requests => Rank::Requests,
            HealthFormat::OnDemand => Rank::OnDemand,
            HealthFormat::History => Rank::History,
            HealthFormat::BackendHealth | HealthFormat::PowerShell | HealthFormat::Table => Rank::Record,
        }
    }
}

/// All records, sorted to gateways and pairs.
#[derive(Debug, Default)]
pub(super) struct Placed<'a> {
    /// Observations of every pair that a record names.
    pub(super) pairs: BTreeMap<PairKey, Vec<Observation<'a>>>,
    /// Gateways with a record; true where one lists the whole gateway, so that what is not in it is absent.
    pub(super) gateways: BTreeMap<usize, bool>,
    /// Findings.
    pub(super) diagnostics: Vec<Diagnostic>,
}

enum Owner {
    Gateway(usize),
    Other(ResourceId),
    Unnamed,
}

/// Sorts records to gateways and pairs.
pub(super) fn place<'a>(gateways: &[GatewayFacts], records: &'a [HealthRecord]) -> Placed<'a> {
    let mut placed = Placed::default();
    for record in records {
        let rank = Rank::of(record.format);
        let whole = rank == Rank::Record;
        if record.pools.is_empty() && whole {
            match gateways {
                [_] => placed.covers(0, true),
                _ => placed.unnamed(record.span, "a health record without pools", gateways),
            }
        }
        for pool in &record.pools {
            match owner(gateways, &pool.pool.value) {
                Owner::Gateway(at) => {
                    placed.covers(at, whole);
                    let Some(gateway) = gateways.get(at) else { continue };
                    let Some(id) = pool_id(gateway, &pool.pool.value) else {
                        placed.unnamed(pool.pool.span, "a part of a health record without a pool", gateways);
                        continue;
                    };
                    for health in &pool.settings {
                        let Some(setting) = setting_id(gateway, &id, &health.setting.value) else {
                            placed.unnamed(
                                health.setting.span,
                                "a part of a health record without a setting",
                                gateways,
                            );
                            continue;
                        };
                        let key = PairKey { gateway: at, pool: id.clone(), setting };
                        let on_demand = rank == Rank::OnDemand;
                        let observation = Observation { file: &record.file_name, on_demand, rank, health };
                        placed.pairs.entry(key).or_default().push(observation);
                    }
                }
                Owner::Other(id) => placed.other_gateway(pool.pool.span, &id),
                Owner::Unnamed => placed.unnamed(pool.pool.span, "a health record without a gateway", gateways),
            }
        }
    }
    placed
}

impl Placed<'_> {
    fn covers(&mut self, gateway: usize, whole: bool) {
        *self.gateways.entry(gateway).or_default() |= whole;
    }

    /// One finding per foreign gateway, at its first pool.
    fn other_gateway(&mut self, span: Span, id: &ResourceId) {
        let known = |finding: &Diagnostic| {
            finding.code == &code::HEALTH_OTHER_GATEWAY
                && finding.resource.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(id.as_str()))
                && finding.span.is_some_and(|other| other.file == span.file)
        };
        if self.diagnostics.iter().any(known) {
            return;
        }
        let text = format!(
            "the record is for gateway {}, which is not in the snapshot; it was joined with nothing",
            id.name()
        );
        self.diagnostics.push(
            Diagnostic::new(&code::HEALTH_OTHER_GATEWAY, text)
                .resource(id.as_str())
                .at(span)
                .help(format!("az network application-gateway show --ids {} -o json", id.as_str())),
        );
    }

    fn unnamed(&mut self, span: Span, what: &str, gateways: &[GatewayFacts]) {
        let text = match gateways {
            [] => format!("{what} was joined with nothing: no application gateway is in the snapshot"),
            [one] => format!("{what} was joined with nothing: {} has several that can be meant", one.name),
            many => {
                format!("{what} was joined with nothing: it does not say which of {} gateways it is about", many.len())
            }
        };
        self.diagnostics.push(
            Diagnostic::new(&code::UNIDENTIFIED_RESOURCE, text)
                .at(span)
                .help("give the whole output of `az network application-gateway show-backend-health -o json`"),
        );
    }
}

/// The gateway that a pool id belongs to; a bare name, or none, belongs to the only gateway there is.
fn owner(gateways: &[GatewayFacts], pool: &ResourceId) -> Owner {
    if pool.segment("applicationGateways").is_some() {
        let inside = |gateway: &GatewayFacts| {
            pool.key().strip_prefix(gateway.id.key()).is_some_and(|rest| rest.starts_with('/'))
        };
        return match gateways.iter().position(inside) {
            Some(at) => Owner::Gateway(at),
            None => Owner::Other(pool.parent().unwrap_or_else(|| pool.clone())),
        };
    }
    if gateways.len() == 1 { Owner::Gateway(0) } else { Owner::Unnamed }
}

/// The configured pool with this id, else with this name; an id of no configured pool stays as it is. `None` where no pool
/// is named and several can be meant.
fn pool_id(gateway: &GatewayFacts, recorded: &ResourceId) -> Option<ResourceId> {
    let ids: Vec<&ResourceId> = gateway.pools.iter().map(|pool| &pool.id).collect();
    let used: Vec<&ResourceId> = gateway.pairs.iter().map(|(pool, _)| pool).collect();
    configured(gateway, "backendAddressPools", recorded, &ids, &used)
}

/// The same for the setting. L4 settings stand under another collection in the configuration than in records, so the name
/// decides where the id does not.
fn setting_id(gateway: &GatewayFacts, pool: &ResourceId, recorded: &ResourceId) -> Option<ResourceId> {
    let ids: Vec<&ResourceId> = gateway.settings.iter().map(|setting| &setting.id).collect();
    let used: Vec<&ResourceId> =
        gateway.pairs.iter().filter(|(with, _)| with == pool).map(|(_, setting)| setting).collect();
    configured(gateway, "backendHttpSettingsCollection", recorded, &ids, &used)
}

fn configured(
    gateway: &GatewayFacts,
    collection: &str,
    recorded: &ResourceId,
    ids: &[&ResourceId],
    used: &[&ResourceId],
) -> Option<ResourceId> {
    if recorded.as_str().is_empty() {
        let (first, rest) = used.split_first()?;
        return rest.iter().all(|other| other == first).then(|| (*first).clone());
    }
    let mut named = ids.iter().filter(|id| id.name().eq_ignore_ascii_case(recorded.name()));
    let by_name = named.next().filter(|_| named.next().is_none());
    let found = ids.iter().find(|id| **id == recorded).or(by_name).map(|id| (*id).clone());
    let bare = recorded.segment("applicationGateways").is_none();
    let foreign = || if bare { gateway.id.child(collection, recorded.name()) } else { recorded.clone() };
    Some(found.unwrap_or_else(foreign))
}
