//! "Blocked, but recorded healthy": the explanations of health.md 6.5 in their order, each checked against the input.

use super::finding::Recorded;
use super::input::{NameState, Path, ProbedServer, TimeRelation};
use super::join::Case;
use crate::compile::{Network, Stage};
use crate::diagnostic::code;
use crate::model::ResourceId;
use crate::solve::matrix::Row;
use crate::solve::{Answer, Decision};
use std::net::IpAddr;

/// One explanation, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its number in health.md 6.5, 1 to 11.
    pub step: u8,
    /// What the input says of it.
    pub outcome: CheckOutcome,
    /// In a few words.
    pub text: String,
}

/// What the input says of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckOutcome {
    /// It fits.
    Possible,
    /// It does not hold.
    RuledOut,
    /// The input does not tell.
    NotKnown,
}

impl Check {
    fn new(step: u8, outcome: CheckOutcome, text: impl Into<String>) -> Self {
        Check { step, outcome, text: text.into() }
    }
}

use CheckOutcome::{NotKnown, Possible, RuledOut};

/// What the configuration says: destination, attachment, tags and groups, private endpoints, admin rules, devices.
pub(super) fn of_configuration(network: &Network<'_>, row: &Row<'_>) -> Vec<Check> {
    let answer = &row.answer;
    let Some(decision) = answer.decision.as_ref().filter(|_| !matches!(Path::of(answer), Path::Allow | Path::Unknown))
    else {
        return Vec::new();
    };
    let mut out: Vec<Check> = row.address.iter().map(|address| destination(network, *address)).collect();
    out.extend(attachment(network, decision));
    out.push(tags(answer));
    out.extend(row.address.and_then(|address| endpoint(network, address)));
    out.push(if network.snapshot.network_managers.rules.is_empty() {
        Check::new(7, NotKnown, "no security admin rule is in the input, which could allow before the NSG")
    } else {
        Check::new(7, RuledOut, "the security admin rules of the input were evaluated first")
    });
    let device = decision.stage == Stage::Firewall || answer.notes.iter().any(|note| note.code.code == code::NVA.code);
    out.push(if device {
        Check::new(9, Possible, "a device on the way may have answered in the backend's place")
    } else {
        Check::new(9, RuledOut, "no firewall or appliance is on the simulated path")
    });
    out
}

fn destination(network: &Network<'_>, address: IpAddr) -> Check {
    let mut ends = network.endpoints_with(address);
    match (ends.next(), ends.next()) {
        (None, _) => Check::new(2, Possible, format!("no NIC of the input has {address}: it may be another resource")),
        (Some(_), Some(_)) => Check::new(2, Possible, format!("several resources of the input have {address}")),
        (Some(end), None) => Check::new(2, RuledOut, format!("{address} belongs to {} alone", end.id.name())),
    }
}

/// NSGs list what they are attached to; a list that lacks the subnet or NIC that refers to the NSG is from another time.
fn attachment(network: &Network<'_>, decision: &Decision) -> Option<Check> {
    let name = decision.resource.as_deref()?;
    match decision.stage {
        Stage::NsgOutNic | Stage::NsgOutSubnet | Stage::NsgInSubnet | Stage::NsgInNic => {}
        _ => return None,
    }
    let nsg = network.filters.iter().map(|filter| filter.nsg).find(|nsg| network.name(&nsg.id) == name)?;
    let listed: Vec<&ResourceId> = nsg.subnets.iter().chain(&nsg.network_interfaces).collect();
    let subnets = network.subnets.iter().map(|node| (&node.subnet.id, node.subnet.nsg.as_ref()));
    let nics = network.snapshot.network_interfaces.values().map(|nic| (&nic.id, nic.nsg.as_ref()));
    let mut referring = subnets.chain(nics).filter(|(_, own)| own.is_some_and(|own| own.value == nsg.id));
    Some(match referring.find(|(id, _)| !listed.contains(id)) {
        _ if listed.is_empty() => Check::new(4, NotKnown, format!("{name} does not list what it is attached to")),
        Some((id, _)) => Check::new(
            4,
            Possible,
            format!("{} refers to {name}, which does not list it: the exports are of different times", id.name()),
        ),
        None => Check::new(4, RuledOut, format!("{name} and what refers to it agree that it is attached")),
    })
}

fn tags(answer: &Answer) -> Check {
    let open = answer.missing.iter().chain(&answer.regardless).next();
    match open {
        Some(missing) => Check::new(5, Possible, format!("the input lacks {}", missing.what)),
        None => Check::new(5, RuledOut, "every tag and group that was asked for is in the input; its age is not known"),
    }
}

fn endpoint(network: &Network<'_>, address: IpAddr) -> Option<Check> {
    let end = network.endpoints_with(address).find_map(|end| end.private_endpoint)?;
    Some(Check::new(
        6,
        Possible,
        format!(
            "it is private endpoint {}: whether NSGs hold there depends on its subnet's network policies",
            end.name
        ),
    ))
}

/// All explanations of one server in their order, as one sentence.
pub(super) fn sentence(case: &Case<'_>, elsewhere: Option<&str>) -> String {
    let mut checks = vec![time(case), pair(elsewhere)];
    checks.extend(name(case));
    checks.extend(minimum(case));
    for check in case.servers.iter().flat_map(|server| &server.checks) {
        if !checks.contains(check) {
            checks.push(check.clone());
        }
    }
    checks.push(if case.probe.path == Path::Partial {
        Check::new(10, Possible, "only some gateway addresses are denied")
    } else {
        Check::new(10, RuledOut, "every gateway address is denied")
    });
    checks.sort_by_key(|check| check.step);
    let words = |check: &Check| {
        let outcome = match check.outcome {
            Possible => "possible",
            RuledOut => "ruled out",
            NotKnown => "not known",
        };
        format!("({}) {outcome}: {}", check.step, check.text)
    };
    let list = checks.iter().map(words).collect::<Vec<_>>().join("; ");
    format!(
        "Checked, in this order: {list}; (11) else the evaluation is wrong: report it with `gatepath check` on this path."
    )
}

fn time(case: &Case<'_>) -> Check {
    let relation = |wanted: TimeRelation| case.servers.iter().any(|server| server.time == wanted);
    if relation(TimeRelation::After) || relation(TimeRelation::During) {
        Check::new(1, Possible, "the configuration changed around the time of the record")
    } else if relation(TimeRelation::Before) {
        Check::new(1, RuledOut, "the record is newer than every known change on the path")
    } else {
        Check::new(
            1,
            NotKnown,
            "capture time and changes decide whether the snapshot is older or newer than the record",
        )
    }
}

/// Another pair in which the same server's path is open.
fn pair(elsewhere: Option<&str>) -> Check {
    match elsewhere {
        Some(pair) => Check::new(3, Possible, format!("under {pair} the path of the same server is open")),
        None => Check::new(3, RuledOut, "no other probed pair has an open path to this server"),
    }
}

fn name(case: &Case<'_>) -> Option<Check> {
    let named = |server: &&&ProbedServer| server.name_state != NameState::Literal;
    let server = case.servers.iter().find(named)?;
    let fqdn = server.fqdn.as_deref().unwrap_or("the name");
    Some(Check::new(2, Possible, format!("{fqdn} may have stood for another address (DNS is cached)")))
}

fn minimum(case: &Case<'_>) -> Option<Check> {
    let forced = case.setting.map_or(0, |setting| setting.min_servers);
    Some(match forced {
        _ if case.recorded != Recorded::Up => return None,
        0 => Check::new(8, RuledOut, "minServers is 0"),
        _ => Check::new(
            8,
            Possible,
            format!(
                "the probe's minServers is {forced}: that many servers are always marked healthy, so Up can be artificial"
            ),
        ),
    })
}
