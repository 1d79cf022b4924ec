//! The concluding sentence of an explanation: why this class, and what it does not claim (health.md 6.3, column "say").

use super::catalogue::Evidence;
use super::checks;
use super::class::{Class, Grade};
use super::explain::{Context, listed, management_need, management_reason, name_problem, server, sources};
use super::finding::Recorded;
use super::input::{ManagementVerdict, Path, TimeRelation};
use super::join::Case;
use super::table::Coverage;

/// The concluding sentences.
pub(super) fn conclusion(context: &Context<'_, '_>) -> String {
    let case = context.case;
    match context.conclusion.class {
        Class::NoTargets => no_targets(case),
        Class::NotProbed => not_probed(case),
        Class::Dns => dns(context),
        Class::ManagementPath => management(context),
        Class::Indeterminate if context.conclusion.row == "flow-log" => String::new(),
        Class::Indeterminate if matches!(case.probe.path, Path::Deny | Path::Asymmetric | Path::Partial) => {
            "What the path denies now is newer than the failure and cannot explain it, and no probe message says why the server is down. It waits behind the other cause.".to_owned()
        }
        Class::Indeterminate => indeterminate(case),
        Class::NetworkBlock => network_block(context),
        Class::NetworkAsymmetry => "Request and reply take different ways; a stateful device on one of them sees half of the connection and drops it. NSG rules are not the cause.".to_owned(),
        Class::PartialSourceCoverage => partial(case),
        Class::ContradictionBlockedButAnswered => answered(context),
        Class::ContradictionBlockedButHealthy => healthy_though_blocked(context),
        Class::LatentBlock => "The record is older than the change that denies the path: the next probes will fail and the server will go Down.".to_owned(),
        Class::Transition => transition(context),
        Class::HealthyConsistent => healthy(context),
        Class::NotAFault => "The server is draining: it is being removed from the pool, which is not a fault.".to_owned(),
        Class::BackendNotListeningOrDown | Class::BackendSlowOrDown => backend(context),
        Class::ServiceAcl => format!(
            "Status 403 of a platform service comes from its own access restriction, not from an NSG: the request has to be allowed there. The service sees {}.",
            sources(case)
        ),
        Class::TlsTrust | Class::TlsName | Class::TlsExpiry | Class::TlsChain | Class::TlsOther => {
            above_network(context, "The certificate or TLS setup is the cause, not the network")
        }
        Class::ProbeMismatchStatus | Class::ProbeMismatchBody => {
            above_network(context, "The answer does not match the probe setting; the network is not the cause")
        }
        Class::ProbeMismatchProxy => above_network(context, "The backend does not accept the proxy protocol header; the network is not the cause"),
    }
}

fn no_targets(case: &Case<'_>) -> String {
    let pool = case.pool_name();
    match case.pool.map_or(0, |pool| pool.members) {
        0 => format!("Pool {pool} has no members: nothing is probed, and requests that a rule sends there get 502."),
        members => format!(
            "The record lists no server for pool {pool}: it had no members then, and requests got 502. The snapshot holds {members}, so record and configuration are from different times."
        ),
    }
}

fn not_probed(case: &Case<'_>) -> String {
    let (name, pool, setting) = (server(case), case.pool_name(), case.setting_name());
    let state = case.recorded.word();
    match (case.joined.coverage, case.recorded) {
        (Coverage::PairNotUsed, Recorded::Absent) => {
            format!(
                "No rule of the gateway uses pool {pool} with setting {setting}, so it is not probed and {name} is not in the record."
            )
        }
        (Coverage::PairNotUsed, _) => format!(
            "In this snapshot no rule of the gateway uses pool {pool} with setting {setting}, so the pair is not probed: record and configuration are from different times, and {state} is not attributed."
        ),
        (Coverage::NotInPool, _) => format!(
            "{name} is not in the pool {pool} of this snapshot: it was removed, or record and configuration are from different times, so {state} is not attributed."
        ),
        (Coverage::Probed, _) if case.joined.label.is_none() => {
            format!(
                "Pool {pool} has no members and setting {setting} is not in the record: nothing is probed, and requests get 502."
            )
        }
        (Coverage::Probed, _) => format!(
            "{name} is configured in pool {pool} with setting {setting} but not in the record: it was added after the capture, or the record was cut. Absence is not health."
        ),
    }
}

fn dns(context: &Context<'_, '_>) -> String {
    let case = context.case;
    let name = name_problem(case);
    let waiting = match case.probe.path {
        Path::Deny => " Correcting DNS will expose the block on the path, which waits behind it.",
        Path::Partial => " Behind it waits a path that only some gateway addresses can use.",
        Path::Asymmetric => " Behind it waits a reply that takes another way.",
        Path::Allow | Path::Unknown => "",
    };
    let named =
        name.clone().unwrap_or_else(|| format!("{} has to resolve inside the gateway's virtual network", server(case)));
    match context.conclusion.row {
        "3" => {
            let other = match case.gateway.management.verdict {
                ManagementVerdict::Allow => "the management path is open",
                _ => "the management path could not be judged",
            };
            format!(
                "{named}. The message fits DNS and a blocked management path; {other}, so DNS is the likelier cause. There is no claim about the data path."
            )
        }
        "11d" => format!(
            "{named}. Cannot-connect can be DNS in disguise: the gateway may dial another address or none, so DNS is tested before the message is trusted.{waiting}"
        ),
        "24" => format!(
            "The gateway seems to use another address of {} than it has now: its DNS result is cached until the gateway is updated.",
            server(case)
        ),
        _ => format!("{named}: DNS is the cause, no probe was sent.{waiting}"),
    }
}

fn management(context: &Context<'_, '_>) -> String {
    let gateway = context.case.gateway;
    let reason = management_reason(gateway);
    let need = management_need(&gateway.management, gateway.generation);
    let reason = if reason.is_empty() { "it is denied".to_owned() } else { reason };
    let path = format!("The management path of {} is denied ({reason}); {need}.", gateway.name);
    match context.conclusion.row {
        "3" => format!(
            "{path} The name of the backend does not resolve in the input either, so DNS is the other candidate. There is no claim about the data path."
        ),
        "24a" => format!(
            "{path} On v1 a blocked management range can surface as Unhealthy although the data path is open; the probe message would decide."
        ),
        _ => {
            format!("{path} That is why health is not known; there is no claim about the data path, traffic may flow.")
        }
    }
}

fn indeterminate(case: &Case<'_>) -> String {
    let gateway = case.gateway;
    let missing: Vec<String> = case.probe.missing.iter().map(|missing| missing.what.clone()).collect();
    match case.message.evidence() {
        Evidence::NoPermission => "Without the permission to read backend health there is no data: this is neither healthy nor unhealthy.".to_owned(),
        _ if case.recorded == Recorded::Unknown && gateway.isolated => {
            "The gateway is isolated (network isolation): it needs no management rule, and this message may be ignored there.".to_owned()
        }
        Evidence::Mgmt | Evidence::None | Evidence::Unclassified if case.recorded == Recorded::Unknown => match gateway.management.verdict {
            ManagementVerdict::Unknown => format!("Health was not retrieved, and the management path of {} cannot be judged.", gateway.name),
            _ if !gateway.management.beside.is_empty() => format!(
                "Health was not retrieved although GatewayManager reaches the gateway, but the platform needs more: {}. There is no claim about the data path.",
                gateway.management.beside.join("; ")
            ),
            _ => "Health was not retrieved although the management path is open: the gateway may be new (two or three minutes), certificate revocation lists may be unreachable, or the platform is at fault.".to_owned(),
        },
        Evidence::Mgmt => "State and message disagree, and the management path does not explain them.".to_owned(),
        _ if case.probe.path == Path::Unknown => match listed(&missing) {
            Some(what) => format!("The path decides, and the input lacks what decides it: {what}."),
            None => "The path decides, and it cannot be judged with this input.".to_owned(),
        },
        _ => "The path is open and no probe message says why the server is down.".to_owned(),
    }
}

fn network_block(context: &Context<'_, '_>) -> String {
    let case = context.case;
    match (context.conclusion.grade, context.conclusion.row) {
        (Some(Grade::Possible), "gap") if case.probe.path == Path::Allow => "Whether the record is older than the change that opened the path is not known; before it the path was denied, which would explain the failure.".to_owned(),
        _ if case.probe.path == Path::Allow && context.conclusion.row == "gap" => "The record is older than the change that opened the path; before it the path was denied, and that deny is the likely cause. The next probes should find it open.".to_owned(),
        // The flow log's own sentence says it.
        (_, "flow-log") => String::new(),
        (Some(Grade::Confirmed), row) if row != "12" => "The record fits the deny.".to_owned(),
        (Some(Grade::Confirmed), _) => "The deny is older than the time a probe needs to settle, and no connection came about: the network is the cause.".to_owned(),
        (_, "13") => "The newest change is newer than the failure, but the path was denied before it already: that deny is the likely cause.".to_owned(),
        (_, "12b") => "The deny is newer than the time a probe needs to settle: it is the likely cause; re-capture health after the settle time.".to_owned(),
        (Some(Grade::Possible), _) => "The deny would explain it, but no probe message says so: it is a possible cause.".to_owned(),
        _ if case.message.evidence() == Evidence::Timeout => "A silently dropped packet gives this timeout, and the simulated path drops it: the network is the likely cause. No time limit of the probe changes that.".to_owned(),
        _ if case.capture.is_some() => "The record fits the deny; without the time of the change it is the likely cause.".to_owned(),
        _ => "The record fits the deny; without a capture time and the time of the change it is the likely cause.".to_owned(),
    }
}

fn partial(case: &Case<'_>) -> String {
    match case.recorded {
        Recorded::Up => "It works from the instances that are allowed now; instances move within the gateway subnet, so expect intermittent 502.".to_owned(),
        Recorded::Partial if case.probe.path != Path::Partial => "The state Partial is undocumented; instances that disagree would fit a rule that covers only some gateway addresses.".to_owned(),
        _ => "Only some addresses of the gateway subnet are let through. Every instance probes by itself and instances move, so the result depends on the instance, without any change of configuration.".to_owned(),
    }
}

fn answered(context: &Context<'_, '_>) -> String {
    let time = match context.conclusion.row {
        "9b" => " The capture time decides: with a record older than the deny this is a block to come.",
        _ => "",
    };
    format!(
        "The backend answered, so the record wins: the input is older or incomplete, or the model is wrong.{time} {}",
        checked(context)
    )
}

fn healthy_though_blocked(context: &Context<'_, '_>) -> String {
    let first =
        "The simulated path is denied, yet the server is recorded healthy, without a message that proves an answer.";
    let time = if context.case.servers.iter().all(|server| server.time == TimeRelation::NoTime) {
        " The capture time would decide."
    } else {
        ""
    };
    format!("{first}{time} {}", checked(context))
}

fn checked(context: &Context<'_, '_>) -> String {
    checks::sentence(context.case, context.siblings.open_pair(context.case).as_deref())
}

fn transition(context: &Context<'_, '_>) -> String {
    let case = context.case;
    let also = &context.conclusion.also;
    if case.message.evidence() == Evidence::Success && case.recorded == Recorded::Down {
        return "The newest probe succeeded, so the state lags and should turn Healthy.".to_owned();
    }
    if case.message.evidence() == Evidence::Success || case.message.entry.is_none() {
        return "The change that denies the path falls within the time a probe needs to settle; re-capture health after it.".to_owned();
    }
    let lag = "The message is newer than the state: the last probe failed and the threshold is not reached yet";
    if also.contains(&Class::NetworkBlock) {
        return format!("{lag}. The simulated path explains it: a network block that is about to show.");
    }
    match case.probe.path {
        Path::Allow => format!("{lag}, for a reason outside the modelled path."),
        _ => format!("{lag}."),
    }
}

fn healthy(context: &Context<'_, '_>) -> String {
    let case = context.case;
    let proven = case.message.evidence().proves_layer4();
    match case.probe.path {
        Path::Asymmetric => {
            "The answer shows that the asymmetry is tolerated, or not real: no stateful device is in the way."
                .to_owned()
        }
        Path::Unknown => match (case.probe.decision.as_ref().and_then(|d| d.resource.as_deref()), proven) {
            (Some(resource), true) => format!("The record teaches that the path is open: {resource} must allow it."),
            (None, true) => "The record teaches that the path is open.".to_owned(),
            _ => "The state shows that the backend was reached at an earlier probe.".to_owned(),
        },
        _ => "Record and simulated path agree.".to_owned(),
    }
}

fn backend(context: &Context<'_, '_>) -> String {
    let case = context.case;
    let slow = context.conclusion.class == Class::BackendSlowOrDown;
    let what = if slow {
        "the backend is slow, hangs or is down"
    } else {
        "nothing listens on the port, the host is down, or its own firewall refuses"
    };
    let hops = if case.servers.iter().any(|server| server.opaque_hop) {
        " An appliance on the way was taken as transparent; it may drop as well."
    } else {
        ""
    };
    match context.conclusion.row {
        "13" => format!(
            "The deny is newer than the record and cannot explain an earlier failure; on the configuration before it, {what}. The block waits behind it."
        ),
        _ => format!(
            "The network that is modelled lets the probe through, so no NSG or route is to blame although the message may name them: {what}.{hops}"
        ),
    }
}

/// Causes above TCP, and what is wrong with a denied path then (rows 16, 17, 17b, 21, 22).
fn above_network(context: &Context<'_, '_>, cause: &str) -> String {
    let also = &context.conclusion.also;
    let contradiction = also.contains(&Class::ContradictionBlockedButAnswered);
    let rest = if contradiction && also.contains(&Class::LatentBlock) {
        " The simulated deny cannot have been in force for this probe: it is newer than the record, or the input is incomplete; the capture time decides."
    } else if contradiction {
        " The simulated deny contradicts the record, and the record wins: the input is older or incomplete, or the model is wrong."
    } else if context.case.probe.path == Path::Asymmetric {
        " The asymmetry of the simulated path is tolerated, or not real."
    } else if context.case.probe.path == Path::Partial {
        " Only some gateway addresses are let through, which is a risk beside it."
    } else if context.case.probe.path == Path::Deny {
        " The simulated deny is newer: it will block once it takes effect."
    } else {
        ""
    };
    format!("{cause}.{rest}")
}
