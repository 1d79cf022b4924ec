//! What to do or look at next (health.md 6.3, column "say / next evidence"). A denied path is never answered with another
//! time limit of the probe: nothing that waits longer gets through.

use super::class::Class;
use super::combine::Combined;
use super::explain::{Context, blocker, management_need, server, sources};
use super::finding::Recorded;
use super::input::{ManagementVerdict, Path};
use super::join::Case;
use crate::compile::Stage;

/// Steps, most useful first.
pub(super) fn next_steps(context: &Context<'_, '_>) -> Vec<String> {
    let case = context.case;
    let mut steps = Vec::new();
    primary(context, &mut steps);
    if context.conclusion.also.contains(&Class::LatentBlock) {
        let ports = (case.setting.map(|s| s.probe_port), case.setting.map(|s| s.data_port));
        let hidden = [(Some(&case.probe), ports.0), (case.data.as_ref(), ports.1)];
        let hidden = hidden
            .into_iter()
            .filter_map(|(answer, port)| Some((answer?, port)))
            .find(|(answer, _)| blocks(answer.path));
        steps.extend(hidden.and_then(|(answer, port)| open(case, answer, port)));
    }
    let unsure = !matches!(case.recorded, Recorded::Absent | Recorded::Empty) && case.probe.path == Path::Unknown;
    if unsure || case.data.as_ref().is_some_and(|data| data.path == Path::Unknown) {
        let missing = case.probe.missing.iter().chain(case.data.iter().flat_map(|data| &data.missing));
        steps.extend(missing.map(|missing| match &missing.command {
            Some(command) => format!("Export what is missing ({}): {command}", missing.what),
            None => format!("Give what is missing: {}", missing.what),
        }));
    }
    let mut seen = std::collections::BTreeSet::new();
    steps.retain(|step| seen.insert(step.clone()));
    steps
}

fn blocks(path: Path) -> bool {
    matches!(path, Path::Deny | Path::Partial | Path::Asymmetric)
}

fn primary(context: &Context<'_, '_>, steps: &mut Vec<String>) {
    let case = context.case;
    let look = case.message.entry.map(|entry| entry.look_at.to_owned());
    let mut say = |text: &str| steps.push(text.to_owned());
    match context.conclusion.class {
        Class::NoTargets => say("Add members to the pool, or remove the rule that uses it."),
        Class::NotProbed => say("Export configuration and health at the same time."),
        Class::Dns => say(
            "Resolve the name from inside the gateway's virtual network; check its DNS servers and the links of private DNS zones.",
        ),
        Class::ManagementPath => {
            let need = management_need(&case.gateway.management, case.gateway.generation);
            steps.push(format!("Open the management path: {need}."));
            if context.conclusion.row == "24a" {
                steps.push("Capture the record with its probe messages.".to_owned());
            }
        }
        Class::NetworkBlock
        | Class::NetworkAsymmetry
        | Class::PartialSourceCoverage
        | Class::LatentBlock
        | Class::Transition => {
            network(context, steps);
        }
        Class::ContradictionBlockedButAnswered | Class::ContradictionBlockedButHealthy => {
            say(
                "Export the configuration again, at the time of the health record, and note when the record was captured.",
            );
        }
        Class::BackendNotListeningOrDown => {
            let port = case.setting.map(|setting| format!(" {}", setting.probe_port)).unwrap_or_default();
            steps.push(format!(
                "On {}: check that the service listens on port{port} and that the host's own firewall lets it in.",
                server(case)
            ));
        }
        Class::BackendSlowOrDown => {
            say("Measure how long the backend needs to answer on the probe's path; look at its load and log.");
        }
        Class::ServiceAcl => steps.push(format!("Allow {} in the service's access restrictions.", sources(case))),
        Class::Indeterminate if context.conclusion.row == "flow-log" => {
            say("Export the configuration again, at the time of the flow log.");
        }
        Class::Indeterminate => indeterminate(case, steps),
        Class::HealthyConsistent | Class::NotAFault => {}
        Class::TlsTrust
        | Class::TlsName
        | Class::TlsExpiry
        | Class::TlsChain
        | Class::TlsOther
        | Class::ProbeMismatchStatus
        | Class::ProbeMismatchBody
        | Class::ProbeMismatchProxy => steps.extend(look),
    }
}

fn network(context: &Context<'_, '_>, steps: &mut Vec<String>) {
    let case = context.case;
    if blocks(case.probe.path) {
        steps.extend(open(case, &case.probe, case.setting.map(|setting| setting.probe_port)));
    }
    match context.conclusion.row {
        "flow-log" => steps.push("Export the configuration again: the flow log shows another rule at work than the input has.".to_owned()),
        "19" => steps.push("Capture the record with its probe message: it tells a block from another failure.".to_owned()),
        "12b" | "9" | "11b" => steps.push("Re-capture health after the settle time of the probe.".to_owned()),
        "14" | "15" => steps.push("Note when the record was captured and when the rule changed, to confirm it; re-capture health after the fix.".to_owned()),
        "31" | "gap" => steps.extend(case.message.entry.filter(|_| !blocks(case.probe.path)).map(|entry| entry.look_at.to_owned())),
        _ => {}
    }
}

/// How to open what an answer denies.
fn open(case: &Case<'_>, answer: &Combined, port: Option<u16>) -> Option<String> {
    let decision = answer.decision.as_ref()?;
    let what = blocker(decision);
    let seen = answer.seen.as_ref();
    let port = seen.map(|seen| seen.port).or(port).map(|port| format!(" port {port}/tcp")).unwrap_or_default();
    let from = seen.and_then(|seen| seen.sources.clone()).unwrap_or_else(|| sources(case));
    let to = seen.and_then(|seen| seen.destination.clone()).unwrap_or_else(|| server(case).to_owned());
    let flow = format!("{from} to {to}{port}");
    Some(match decision.stage {
        Stage::Route if decision.resource.is_none() => {
            format!("Give the gateway subnet a route to {}, or restore the peering that carried it.", server(case))
        }
        Stage::Route => format!("Correct {what}: it decides where {} goes.", server(case)),
        Stage::ReturnRoute => {
            "Route both directions through the same device, or neither: add the mirror route on the other subnet."
                .to_owned()
        }
        Stage::Firewall => format!("Allow {flow} in the firewall; now {what} decides."),
        Stage::Peering | Stage::PrivateEndpoint => format!("Correct {what}."),
        _ => {
            let above = decision
                .priority
                .map(|priority| format!(" with a priority number below {priority}"))
                .unwrap_or_default();
            let subnet = if answer.path == Path::Partial { ", the whole subnet and not single addresses" } else { "" };
            format!("Allow {flow}{subnet}{above}, before {what}.")
        }
    })
}

fn indeterminate(case: &Case<'_>, steps: &mut Vec<String>) {
    let text = match (case.recorded, case.gateway.management.verdict) {
        (Recorded::Unknown, ManagementVerdict::Unknown) => "Export NSG and route table of the gateway subnet.",
        (Recorded::Unknown, _) if case.gateway.isolated => "Nothing to do unless traffic fails.",
        (Recorded::Unknown, _) => "Capture health again after a few minutes.",
        _ if case.probe.path == Path::Unknown => return,
        _ => "Capture the record with its probe message.",
    };
    steps.push(text.to_owned());
}
