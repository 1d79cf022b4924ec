//! Common causes, and what stays unexplained (health.md 6.7).

use super::catalogue::Evidence;
use super::class::Class;
use super::explain::blocker;
use super::finding::{Attribution, CommonCause, Recorded, ServerFinding};
use super::input::{Heals, Path};
use crate::compile::Stage;
use crate::model::ResourceId;
use crate::solve::Decision;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What makes two first denies the same one: stage, resource, rule; system routes have no name and count as one only within
/// a gateway.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CauseKey {
    stage: Stage,
    resource: Option<String>,
    rule: Option<String>,
    gateway: Option<String>,
}

/// The key of a first deny.
pub(super) fn cause_key(gateway: &ResourceId, decision: &Decision) -> CauseKey {
    CauseKey {
        stage: decision.stage,
        resource: decision.resource.clone(),
        rule: decision.rule.clone(),
        gateway: decision.resource.is_none().then(|| gateway.key().to_owned()),
    }
}

/// The smallest set of rules and routes whose removal is needed, largest first. Every server has exactly one first deny, so
/// grouping by it is the greedy set cover, and the cover is minimal.
pub(super) fn common_causes(found: &Attribution, heals: Option<&Heals<'_>>) -> Vec<CommonCause> {
    let mut groups: BTreeMap<CauseKey, Vec<usize>> = BTreeMap::new();
    for (at, server) in found.servers.iter().enumerate().filter(|(_, server)| blamed(server)) {
        if let Some(decision) = &server.decision {
            groups.entry(cause_key(&server.gateway_id, decision)).or_default().push(at);
        }
    }
    let mut out: Vec<CommonCause> = groups.into_values().filter_map(|servers| cause(found, servers, heals)).collect();
    out.sort_by(|a, b| {
        let order = |cause: &CommonCause| (Reverse(cause.servers.len()), cause.stage);
        order(a)
            .cmp(&order(b))
            .then_with(|| (&a.resource, &a.rule, &a.servers).cmp(&(&b.resource, &b.rule, &b.servers)))
    });
    out
}

/// Is a rule on the path held to be the reason why it is not healthy?
fn blamed(server: &ServerFinding) -> bool {
    let failing =
        server.recorded != Recorded::Up || matches!(server.evidence, Evidence::ConnectFail | Evidence::Timeout);
    let network = server.class.blames_network() || server.also.contains(&Class::NetworkBlock);
    failing && network && matches!(server.path, Path::Deny | Path::Partial | Path::Asymmetric)
}

fn cause(found: &Attribution, servers: Vec<usize>, heals: Option<&Heals<'_>>) -> Option<CommonCause> {
    let members: Vec<(usize, &ServerFinding)> =
        servers.iter().filter_map(|at| Some((*at, found.servers.get(*at)?))).collect();
    let decision = members.first()?.1.decision.clone()?;
    let healed = heals.map(|heals| {
        let asked: Vec<usize> = members.iter().flat_map(|(_, server)| server.joined.iter().copied()).collect();
        let open: BTreeSet<usize> = heals(&decision, &asked).into_iter().collect();
        let whole =
            |server: &ServerFinding| !server.joined.is_empty() && server.joined.iter().all(|at| open.contains(at));
        members.iter().filter(|(_, server)| whole(server)).map(|(at, _)| *at).collect::<Vec<_>>()
    });
    let effect = match healed.as_ref().map(Vec::len) {
        Some(all) if all == servers.len() => "; without it alone every one of these paths is open".to_owned(),
        Some(some) => format!("; without it alone {some} of these paths are open, the others meet another deny"),
        None => String::new(),
    };
    let mut explanation =
        format!("{} is the first deny of {}{effect}.", blocker(&decision), count(servers.len(), "server"));
    if whole_gateway(found, &members) {
        explanation.push_str(" Nothing of the gateway is up, in any of its pools: the cause is on the gateway's side.");
    }
    Some(CommonCause {
        stage: decision.stage,
        resource: decision.resource,
        rule: decision.rule,
        servers,
        heals: healed,
        explanation,
    })
}

/// All pools down at once point to the gateway's side (health.md 6.6).
fn whole_gateway(found: &Attribution, members: &[(usize, &ServerFinding)]) -> bool {
    let Some((_, first)) = members.first() else { return false };
    let same = |server: &&ServerFinding| server.gateway_id == first.gateway_id;
    let recorded: Vec<_> = found
        .servers
        .iter()
        .filter(same)
        .filter(|s| !matches!(s.recorded, Recorded::Absent | Recorded::Empty))
        .collect();
    let pools = recorded.iter().any(|server| server.pool != first.pool);
    let blamed = members.iter().filter(|(_, server)| same(server)).count();
    pools && blamed == recorded.len() && recorded.iter().all(|server| server.recorded == Recorded::Down)
}

/// Servers that are Down with a connect failure or timeout that no rule explains.
pub(super) fn unexplained(found: &Attribution) -> Vec<usize> {
    let explained: BTreeSet<usize> =
        found.common_causes.iter().flat_map(|cause| cause.servers.iter().copied()).collect();
    let open = |(at, server): &(usize, &ServerFinding)| {
        let unreached = matches!(server.evidence, Evidence::ConnectFail | Evidence::Timeout);
        let judged = server.class != Class::NotProbed;
        server.recorded == Recorded::Down && unreached && judged && !explained.contains(at)
    };
    found.servers.iter().enumerate().filter(open).map(|(at, _)| at).collect()
}

/// `1 server`, `2 servers`.
pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
