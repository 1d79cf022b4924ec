//! Why a finding concludes what it does, in plain sentences: what was recorded, what the message proves, what the path
//! says, and the conclusion (interface.md A5c). Holds names and texts of the input as they are; escaping is the report's.

use super::advice::next_steps;
use super::catalogue::Evidence;
use super::combine::Combined;
use super::conclusion::conclusion;
use super::finding::{ManagementFinding, Recorded};
use super::input::{GatewayFacts, ManagementPath, ManagementVerdict, NameState, Path};
use super::join::Case;
use super::sibling::Siblings;
use super::table::{Conclusion, Coverage};
use crate::compile::Stage;
use crate::model::Generation;
use crate::net::AddressSet;
use crate::solve::Decision;
use std::collections::BTreeSet;

/// Longest part of an unclassified message that an explanation repeats, in characters.
const QUOTED: usize = 300;
/// Most addresses or prefixes that a sentence lists.
const LISTED: usize = 6;

/// What a text is made from.
pub(super) struct Context<'c, 'a> {
    pub(super) case: &'c Case<'a>,
    pub(super) conclusion: &'c Conclusion,
    pub(super) siblings: &'c Siblings<'a>,
}

/// Explanation and next steps.
pub(super) fn explain(context: &Context<'_, '_>) -> (String, Vec<String>) {
    let case = context.case;
    let mut sentences = vec![evidence(case)];
    sentences.extend(path(case));
    sentences.push(conclusion(context));
    sentences.extend(blockers(case));
    sentences.extend(data_port(case));
    sentences.extend(contrast(context));
    sentences.extend(other_records(case));
    sentences.extend(super::history::sentences(case));
    let mut seen = BTreeSet::new();
    for fact in case.servers.iter().flat_map(|server| &server.facts).filter(|fact| seen.insert(fact.as_str())) {
        sentences.push(sentence(fact));
    }
    sentences.retain(|text| !text.is_empty());
    (sentences.join(" "), next_steps(context))
}

/// The server as a sentence names it.
pub(super) fn server<'a>(case: &Case<'a>) -> &'a str {
    case.joined.label.as_deref().unwrap_or("the pool")
}

/// What was recorded, and what the message proves (health.md 3.2).
fn evidence(case: &Case<'_>) -> String {
    let state = case.recorded.word();
    let name = server(case);
    match case.recorded {
        Recorded::Absent | Recorded::Empty => return String::new(),
        Recorded::Up | Recorded::Down | Recorded::Unknown | Recorded::Partial | Recorded::Draining => {}
    }
    if let Some(text) = super::history::proof(case) {
        return text;
    }
    let Some(entry) = case.message.entry else {
        return format!("{name} is recorded {state}; the record holds no probe message.");
    };
    let code = entry.code;
    match (entry.evidence, case.message.http_status) {
        (Evidence::HttpStatus, Some(status)) => {
            let expected =
                case.message.expected.as_ref().map(|range| format!(" where {range} is expected")).unwrap_or_default();
            format!(
                "{name} is recorded {state}; message {code}: the backend answered the probe with HTTP {status}{expected}, so TCP works in both directions."
            )
        }
        (Evidence::Unclassified, _) => {
            let seen = case.joined.seen.as_ref().and_then(|seen| seen.server.message.as_ref());
            let text: String = seen.map(|text| text.value.trim().chars().take(QUOTED).collect()).unwrap_or_default();
            format!("{name} is recorded {state}; message {code}: {}. The text: \"{text}\".", entry.proves)
        }
        _ => format!("{name} is recorded {state}; message {code}: {}.", entry.proves),
    }
}

/// What the simulation says of the probed port (health.md 6.1).
fn path(case: &Case<'_>) -> Option<String> {
    if case.servers.is_empty() {
        return None;
    }
    let text = verdict(case, &case.probe);
    let port = case.setting.map(|setting| format!(" port {}/tcp", setting.probe_port)).unwrap_or_default();
    Some(sentence(&format!("The simulated path from {} to {}{port} {text}", sources(case), destination(case))))
}

/// The second half of a sentence about a path.
fn verdict(case: &Case<'_>, answer: &Combined) -> String {
    let by = |text: &str| answer.decision.as_ref().map(|d| format!("{text} {} by {}", d.stage, blocker(d)));
    match answer.path {
        Path::Allow => match &answer.decision {
            Some(decision) => format!("is open (last filter: {})", blocker(decision)),
            None => "is open; no filter is on the way".to_owned(),
        },
        Path::Deny => by("is denied at").unwrap_or_else(|| "is denied".to_owned()),
        Path::Asymmetric => match &answer.decision {
            Some(decision) => {
                format!("is asymmetric: the reply is lost at {} by {}", decision.stage, blocker(decision))
            }
            None => "is asymmetric".to_owned(),
        },
        Path::Partial => {
            let which = by("is open for some sources and denied for others at")
                .unwrap_or_else(|| "is only partly open".to_owned());
            match listed(&denied_prefixes(case, answer)) {
                Some(denied) => format!("{which}; denied: {denied}"),
                None => which,
            }
        }
        Path::Unknown => {
            let place = answer.decision.as_ref().map(|d| match &d.resource {
                Some(resource) => format!(" at {}, {resource}", d.stage),
                None => format!(" at {}", d.stage),
            });
            let missing: Vec<String> = answer.missing.iter().map(|missing| missing.what.clone()).collect();
            let missing = listed(&missing).map(|what| format!("; missing: {what}")).unwrap_or_default();
            format!("cannot be judged{}{missing}", place.unwrap_or_default())
        }
    }
}

/// The rule, route or device that decided, in words.
pub(super) fn blocker(decision: &Decision) -> String {
    let resource = decision.resource.as_deref();
    let priority = decision.priority.map(|priority| format!(" (priority {priority})")).unwrap_or_default();
    match (decision.stage, resource, decision.rule.as_deref()) {
        (Stage::Route | Stage::ReturnRoute, Some(table), Some(route)) => format!("route {route} of {table}"),
        (Stage::Route | Stage::ReturnRoute, Some(table), None) => format!("route table {table}"),
        (Stage::Route, None, _) => "a system route (next hop None: no route leads there)".to_owned(),
        (Stage::ReturnRoute, None, _) => "the system route of the reply".to_owned(),
        (Stage::Firewall, Some(name), None) => format!("the default deny of {name} (no rule allows it)"),
        (Stage::Peering, Some(name), None) => format!("peering {name}"),
        (Stage::PrivateEndpoint, Some(name), None) => format!("private endpoint {name}"),
        (_, Some(name), Some(rule)) => format!("rule {rule} of {name}{priority}"),
        (_, Some(name), None) => name.to_owned(),
        (_, None, Some(rule)) => format!("rule {rule}{priority}"),
        (stage, None, None) => format!("stage {stage}"),
    }
}

/// Where the probe comes from: the gateway subnet, or a public address (health.md 4).
pub(super) fn sources(case: &Case<'_>) -> String {
    let public: BTreeSet<String> =
        case.servers.iter().flat_map(|s| &s.public_sources).map(ToString::to_string).collect();
    let private: Vec<String> = case.gateway.source_prefixes.iter().map(ToString::to_string).collect();
    match (listed(&public.into_iter().collect::<Vec<_>>()), listed(&private)) {
        (Some(public), _) => format!("the gateway's public address {public}"),
        (None, Some(private)) => format!("gateway subnet {private}"),
        (None, None) => format!("gateway {}", case.gateway.name),
    }
}

/// What was evaluated: the server, with the addresses that a name, a NIC or a scale set stands for.
pub(super) fn destination(case: &Case<'_>) -> String {
    let name = server(case);
    let addresses: Vec<String> =
        case.servers.iter().filter_map(|server| server.address).map(|address| address.to_string()).collect();
    let others: Vec<String> = addresses.into_iter().filter(|address| address != name).collect();
    let set = case.servers.iter().find_map(|server| server.scale_set.as_ref());
    match (listed(&others), set) {
        (Some(others), _) => format!("{name} ({others})"),
        (None, Some(set)) => format!("{name} (scale set {})", set.name()),
        (None, None) => name.to_owned(),
    }
}

/// Denied sources as prefixes. Addresses that are never a source (reserved ones) are filled in, so that a rule's prefix is
/// found again; without the subnet's prefixes the exact set is printed.
pub(super) fn denied_prefixes(case: &Case<'_>, answer: &Combined) -> Vec<String> {
    if answer.denied.is_empty() {
        return Vec::new();
    }
    let subnet: AddressSet = case.gateway.source_prefixes.iter().copied().collect();
    let filled = subnet.difference(&answer.sources.difference(&answer.denied));
    let usable = answer.denied.is_subset(&filled);
    let touches = |net: &ipnet::IpNet| !AddressSet::from_iter([*net]).intersection(&answer.denied).is_empty();
    let nets = if usable { filled.cidrs() } else { answer.denied.cidrs() };
    nets.into_iter().filter(touches).map(|net| net.to_string()).collect()
}

/// Denies behind the first (design.md, house rule 2).
fn blockers(case: &Case<'_>) -> Option<String> {
    let behind: BTreeSet<String> =
        case.servers.iter().flat_map(|server| &server.further_blockers).map(blocker).collect();
    let list = listed(&behind.into_iter().collect::<Vec<_>>())?;
    Some(format!("Behind it the flow would meet another deny: {list}."))
}

/// The data port, where it is another one: health says nothing about it (health.md 4).
fn data_port(case: &Case<'_>) -> Option<String> {
    let (data, setting) = (case.data.as_ref()?, case.setting?);
    if case.joined.coverage != Coverage::Probed {
        return None;
    }
    let effect = match data.path {
        Path::Allow | Path::Unknown => "",
        Path::Deny | Path::Partial | Path::Asymmetric => "; probes do not show it, requests fail",
    };
    Some(format!(
        "Requests go to port {}/tcp, which is not probed; that path {}{effect}.",
        setting.data_port,
        verdict(case, data)
    ))
}

/// Sibling contrast in words (health.md 6.6).
fn contrast(context: &Context<'_, '_>) -> Option<String> {
    let case = context.case;
    let failing = matches!(case.message.evidence(), Evidence::ConnectFail | Evidence::Timeout | Evidence::None);
    if case.recorded != Recorded::Down || !failing || case.joined.coverage != Coverage::Probed {
        return None;
    }
    if let Some(sibling) = context.siblings.sibling_up(case) {
        let meaning = match case.probe.path {
            Path::Allow => "this rules out the subnet's NSG, the routes and the gateway's side",
            _ => {
                "what differs is particular to this server: its NIC's NSG, its address in a rule, or its application security groups"
            }
        };
        return Some(format!("{sibling} in the same subnet is up on the same port: {meaning}."));
    }
    let port = context.siblings.other_port_up(case)?;
    let own = case.setting.map(|setting| format!(" {}", setting.probe_port)).unwrap_or_default();
    Some(format!("The same server is up on port {port}: the host is there, so the cause is particular to port{own}."))
}

/// What kind of record it is, and other records that say something else of the same server.
fn other_records(case: &Case<'_>) -> Option<String> {
    let seen = case.joined.seen.as_ref()?;
    let on_demand = seen.on_demand.then(|| {
        "This answers an on-demand probe, which may have used another path or host than the configured one.".to_owned()
    });
    let others: Vec<String> = seen
        .others
        .iter()
        .map(|(file, server)| {
            let state = Recorded::from(server.state.value).word();
            if *file == seen.file { format!("{state} elsewhere in {file}") } else { format!("{state} in {file}") }
        })
        .collect();
    let differ =
        listed(&others).map(|others| format!("Records differ: this is from {}; also recorded {others}.", seen.file));
    let said: Vec<String> = on_demand.into_iter().chain(differ).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// `reason`, or what decided the management path.
pub(super) fn management_reason(gateway: &GatewayFacts) -> String {
    let path = &gateway.management;
    let reason = path.reason.trim().trim_end_matches('.');
    let named = match (&path.resource, &path.rule) {
        (Some(resource), Some(rule)) if path.stage == Some(Stage::Route) => format!("route {rule} of {resource}"),
        (Some(resource), Some(rule)) => format!("rule {rule} of {resource}"),
        (Some(resource), None) => resource.clone(),
        (None, Some(rule)) => rule.clone(),
        (None, None) => String::new(),
    };
    let says_it = path.resource.as_ref().is_some_and(|name| reason.contains(name.as_str()));
    match (named.is_empty() || says_it, reason.is_empty()) {
        (true, _) => reason.to_owned(),
        (false, true) => named,
        (false, false) => format!("{named}: {reason}"),
    }
}

/// What the management path of a generation needs (health.md 4).
pub(super) fn management_need(path: &ManagementPath, generation: Option<Generation>) -> String {
    if path.stage == Some(Stage::Route) {
        return "the default route 0.0.0.0/0 of the gateway subnet has to lead to Internet".to_owned();
    }
    let ports = generation.map_or_else(
        || "its management ports".to_owned(),
        |generation| {
            let (low, high) = generation.management_ports();
            format!("TCP {low}-{high}")
        },
    );
    format!("GatewayManager has to reach {ports} of the gateway subnet")
}

/// One finding per gateway (health.md 4).
pub(super) fn management(gateways: &[GatewayFacts]) -> Vec<ManagementFinding> {
    let mut out: Vec<ManagementFinding> = gateways
        .iter()
        .map(|gateway| {
            let path = &gateway.management;
            let reason = management_reason(gateway);
            let because = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
            let explanation = match path.verdict {
                ManagementVerdict::Allow if gateway.isolated => "The gateway is isolated: its management path does not depend on NSG or routes.".to_owned(),
                ManagementVerdict::Allow => format!("The management path is open{because}."),
                ManagementVerdict::Deny => format!(
                    "The management path is denied{because}: {}. Health becomes Unknown and updates fail; the data path is another matter.",
                    management_need(path, gateway.generation)
                ),
                ManagementVerdict::Unknown => format!("The management path cannot be judged{because}."),
            };
            let beside = path.beside.iter().map(|what| format!("Besides, {}", sentence(what)));
            let explanation = std::iter::once(explanation).chain(beside).collect::<Vec<_>>().join(" ");
            ManagementFinding {
                gateway: gateway.name.clone(),
                gateway_id: gateway.id.clone(),
                verdict: path.verdict,
                stage: path.stage,
                resource: path.resource.clone(),
                rule: path.rule.clone(),
                explanation,
            }
        })
        .collect();
    out.sort_by(|a, b| (&a.gateway, &a.gateway_id).cmp(&(&b.gateway, &b.gateway_id)));
    out
}

/// The member's name and what is known of it, as the start of a sentence.
pub(super) fn name_problem(case: &Case<'_>) -> Option<String> {
    let of = |state| {
        case.servers
            .iter()
            .find(|server| server.name_state == state)
            .map(|server| server.fqdn.as_deref().unwrap_or(&server.member))
    };
    if let Some(name) = of(NameState::ZoneNotLinked) {
        return Some(format!(
            "The name {name} is in a private DNS zone that is not linked to the gateway's virtual network"
        ));
    }
    of(NameState::Unresolved).map(|name| format!("The name {name} is resolved by nothing in the input"))
}

/// A list in words, cut to its first elements.
pub(super) fn listed(items: &[String]) -> Option<String> {
    let shown: Vec<&str> = items.iter().take(LISTED).map(String::as_str).collect();
    match items.len().checked_sub(LISTED) {
        _ if shown.is_empty() => None,
        Some(more) if more > 0 => Some(format!("{} and {more} more", shown.join(", "))),
        _ => Some(shown.join(", ")),
    }
}

/// Ends a text with a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}
