//! Whose rows they are (health.md 1.5, 5 item 8): gateways by id, name, or the GUID of an internal table; pools and
//! settings by id or name; servers by address, name or NIC. What a table leaves out is found by what it holds.

use crate::attribute::input::{GatewayFacts, ProbedServer};
use crate::attribute::members::identity;
use crate::model::ResourceId;
use std::collections::{BTreeMap, BTreeSet};

/// Pool and setting.
pub(super) type Pair = (ResourceId, ResourceId);

/// Gateways and members by what rows call them.
#[derive(Debug)]
pub(super) struct Places<'g> {
    pub(super) gateways: &'g [GatewayFacts],
    ids: BTreeMap<&'g str, usize>,
    names: BTreeMap<String, Vec<usize>>,
    /// Members of a gateway by every text that means them.
    members: BTreeMap<(usize, String), Vec<&'g ProbedServer>>,
}

impl<'g> Places<'g> {
    pub(super) fn of(gateways: &'g [GatewayFacts], servers: &'g [ProbedServer]) -> Self {
        let mut out = Places { gateways, ids: BTreeMap::new(), names: BTreeMap::new(), members: BTreeMap::new() };
        for (at, gateway) in gateways.iter().enumerate() {
            out.ids.insert(gateway.id.key(), at);
            out.names.entry(gateway.id.name().to_ascii_lowercase()).or_default().push(at);
        }
        for server in servers {
            let Some(at) = out.ids.get(server.gateway.key()).copied() else { continue };
            let mut called = BTreeSet::from([identity(&server.member)]);
            called.extend(server.address.map(|address| address.to_string()));
            if let Some(id) = &server.ip_configuration {
                called.insert(identity(id.as_str()));
                called.extend(id.segment("networkInterfaces").map(identity));
            }
            for text in called {
                out.members.entry((at, text)).or_default().push(server);
            }
        }
        out
    }

    /// The gateway that a row names; none where it is another one, or several can be meant.
    pub(super) fn gateway(&self, text: &str) -> Option<usize> {
        let only = (self.gateways.len() == 1).then_some(0);
        if text.is_empty() || is_guid(text) {
            return only;
        }
        if text.starts_with('/') {
            return self.ids.get(ResourceId::new(text).key()).copied();
        }
        match self.names.get(&text.to_ascii_lowercase()).map(Vec::as_slice) {
            Some([one]) => Some(*one),
            _ => None,
        }
    }

    /// The pair that a row is about. What it does not name is found by server and port, where only one pair fits.
    pub(super) fn pair(&self, at: usize, names: (&str, &str), server: &str, port: Option<u16>) -> Option<Pair> {
        let gateway = self.gateways.get(at)?;
        let pool = named(&gateway.id, "backendAddressPools", names.0, gateway.pools.iter().map(|pool| &pool.id));
        let settings = gateway.settings.iter().map(|setting| &setting.id);
        let setting = named(&gateway.id, "backendHttpSettingsCollection", names.1, settings);
        if let (Some(pool), Some(setting)) = (&pool, &setting) {
            return Some((pool.clone(), setting.clone()));
        }
        let fits = |(own_pool, own_setting): &&Pair| {
            pool.as_ref().is_none_or(|pool| pool == own_pool)
                && setting.as_ref().is_none_or(|setting| setting == own_setting)
        };
        let mut candidates: Vec<&Pair> = gateway.pairs.iter().filter(fits).collect();
        let has = |pair: &&Pair| self.member(at, pair, server).is_some();
        keep_some(&mut candidates, has);
        let listens = |pair: &&Pair| {
            let setting = gateway.settings.iter().find(|setting| setting.id == pair.1);
            setting.is_some_and(|own| port == Some(own.probe_port) || port == Some(own.data_port))
        };
        if port.is_some() {
            keep_some(&mut candidates, listens);
        }
        candidates.sort();
        candidates.dedup();
        match candidates.as_slice() {
            [one] => Some((*one).clone()),
            _ => None,
        }
    }

    /// The member of a pair that a text means.
    pub(super) fn member(&self, at: usize, pair: &Pair, server: &str) -> Option<&'g ProbedServer> {
        let found = self.members.get(&(at, identity(server)))?;
        found.iter().copied().find(|member| member.pool == pair.0 && member.setting == pair.1)
    }

    /// Every simulated member of a pair.
    pub(super) fn of_pair(&self, at: usize, pair: &Pair) -> Vec<&'g ProbedServer> {
        let mut out: Vec<&'g ProbedServer> = self
            .members
            .range((at, String::new())..(at + 1, String::new()))
            .flat_map(|(_, list)| list.iter().copied())
            .filter(|member| member.pool == pair.0 && member.setting == pair.1)
            .collect();
        out.sort_by(|a, b| (&a.member, a.address).cmp(&(&b.member, b.address)));
        out.dedup_by(|a, b| a.member == b.member && a.address == b.address);
        out
    }
}

/// Keeps those that fit, where any does.
fn keep_some(candidates: &mut Vec<&Pair>, fits: impl Fn(&&Pair) -> bool) {
    if candidates.iter().any(&fits) {
        candidates.retain(fits);
    }
}

/// A pool or setting by id or name; a name that is not configured stays one of the gateway. None for no name.
fn named<'i>(
    gateway: &ResourceId,
    collection: &str,
    text: &str,
    mut ids: impl Iterator<Item = &'i ResourceId>,
) -> Option<ResourceId> {
    if text.is_empty() {
        return None;
    }
    if text.starts_with('/') {
        return Some(ResourceId::new(text));
    }
    let found = ids.find(|id| id.name().eq_ignore_ascii_case(text)).cloned();
    Some(found.unwrap_or_else(|| gateway.child(collection, text)))
}

/// `3f0b8a52-7c11-4d0e-9d2b-55aa01c7e0f1`.
fn is_guid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
