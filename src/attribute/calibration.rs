//! How far model and records agree, over the whole input (health.md, rule zero of 6.2). Where they do not, confident
//! claims about the network are withheld: a rule that "blocks" servers which answer is not proved to block others.

use super::causes::{CauseKey, cause_key};
use super::class::{Class, Confidence, Grade};
use super::finding::{Calibration, Recorded, ServerFinding};
use super::input::Path;
use std::collections::BTreeMap;

/// From this many contradicted states on the agreement of the whole input is looked at.
const ENOUGH: usize = 3;
/// One contradicted state in this many is poor agreement.
const POOR: usize = 5;

/// Is this a state that model and record can agree or disagree about?
fn comparable(server: &ServerFinding) -> bool {
    let stated = matches!(server.recorded, Recorded::Up | Recorded::Down | Recorded::Partial);
    let outside = [
        Class::NoTargets,
        Class::NotProbed,
        Class::NotAFault,
        Class::ManagementPath,
        Class::Dns,
        Class::Indeterminate,
        // Both may be right: the change is newer than the record, or has not settled.
        Class::LatentBlock,
        Class::Transition,
    ];
    stated && server.path != Path::Unknown && !outside.contains(&server.class)
}

/// Does the record prove what the model denies?
fn contradicted(server: &ServerFinding) -> bool {
    let says_so =
        |class: &Class| matches!(class, Class::ContradictionBlockedButAnswered | Class::ContradictionBlockedButHealthy);
    let latent = server.also.contains(&Class::LatentBlock);
    says_so(&server.class) || server.also.iter().any(says_so) && !latent
}

/// Counts, and lowers claims that the records do not bear out.
pub(super) fn calibrate(servers: &mut [ServerFinding]) -> Calibration {
    let mut out = Calibration::default();
    for server in servers.iter().filter(|server| server.evidence.proves_layer4() && server.class != Class::NotProbed) {
        out.proven += 1;
        match server.path {
            Path::Allow => out.allowed += 1,
            Path::Partial => out.partial += 1,
            Path::Deny | Path::Asymmetric => out.denied += 1,
            Path::Unknown => out.unknown += 1,
        }
    }
    out.states = servers.iter().filter(|server| comparable(server)).count();
    out.contradicted = servers.iter().filter(|server| comparable(server) && contradicted(server)).count();
    out.explained = out.states - out.contradicted;
    out.poor = out.contradicted >= ENOUGH && out.contradicted * POOR >= out.states;
    let refuted = refuted(servers);
    for server in servers.iter_mut().filter(|server| server.class == Class::NetworkBlock) {
        let own = server.decision.as_ref().map(|decision| cause_key(&server.gateway_id, decision));
        let why = match own.and_then(|key| refuted.get(&key)) {
            Some(answering) => format!(
                "The same deny would also block {answering}, recorded healthy or answering: it is not proved to be in force, so the claim is withheld to possible."
            ),
            None if out.poor => format!(
                "Model and records disagree in {} of {} states of this input, so the claim is withheld to possible.",
                out.contradicted, out.states
            ),
            None => continue,
        };
        if server.grade != Some(Grade::Possible) || server.confidence != Confidence::Low {
            server.grade = Some(Grade::Possible);
            server.confidence = Confidence::Low;
            soften(&mut server.explanation);
            server.explanation.push(' ');
            server.explanation.push_str(&why);
            out.withheld += 1;
        }
    }
    out
}

/// A claim that is withheld is not made in the same breath.
pub(super) fn soften(explanation: &mut String) {
    for (claim, without) in [
        (": the network is the cause.", "."),
        (": the network is the likely cause.", "."),
        ("; without a capture time and the time of the change it is the likely cause.", "."),
        ("; without the time of the change it is the likely cause.", "."),
    ] {
        if explanation.contains(claim) {
            *explanation = explanation.replace(claim, without);
        }
    }
}

/// Denies that as many servers refute as bear out, with one of those that refute it.
fn refuted(servers: &[ServerFinding]) -> BTreeMap<CauseKey, String> {
    let mut counts: BTreeMap<CauseKey, (usize, usize, String)> = BTreeMap::new();
    for server in servers.iter().filter(|server| comparable(server)) {
        let Some(decision) = &server.decision else { continue };
        if !matches!(server.path, Path::Deny | Path::Asymmetric) {
            continue;
        }
        let slot = counts.entry(cause_key(&server.gateway_id, decision)).or_default();
        if contradicted(server) {
            slot.1 += 1;
            if slot.2.is_empty() {
                slot.2 = server.server.clone().unwrap_or_default();
            }
        } else if server.class == Class::NetworkBlock {
            slot.0 += 1;
        }
    }
    let lost = counts.into_iter().filter(|(_, (fits, against, _))| *against > 0 && against >= fits);
    lost.map(|(key, (_, _, example))| (key, example)).collect()
}
