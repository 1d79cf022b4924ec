//! What time lines and requests add to a finding: evidence that is newer than the probe message (health.md 3.2), and
//! sentences about what happened when (6.4).

use super::catalogue::{Evidence, Message};
use super::change::Timeline;
use super::class::{Class, Confidence, Grade};
use super::explain::server;
use super::finding::Recorded;
use super::input::{GatewayFacts, ProbedServer};
use super::join::Case;
use super::members::{Joined, identity};
use super::place::Rank;
use super::table::Conclusion;
use super::timeline::ServerHistory;
use crate::model::{Flip, Proof, ProofKind, ResourceId};

/// Flips that a sentence lists, the newest ones.
const LISTED: usize = 3;

/// The time line of a joined server. Time lines are sorted by gateway, pool and setting.
pub(super) fn find<'a>(
    histories: &'a [ServerHistory],
    gateway: &GatewayFacts,
    joined: &Joined<'_>,
    servers: &[&ProbedServer],
) -> Option<&'a ServerHistory> {
    let label = identity(joined.label.as_deref()?);
    let member = servers.first().map(|server| identity(&server.member));
    let pair = (&gateway.id, &joined.pair.pool, &joined.pair.setting);
    let start = histories.partition_point(|one| key(one) < pair);
    histories.get(start..)?.iter().take_while(|one| key(one) == pair).find(|one| {
        let called = identity(&one.server);
        called == label || Some(&called) == member.as_ref()
    })
}

fn key(one: &ServerHistory) -> (&ResourceId, &ResourceId, &ResourceId) {
    (&one.gateway, &one.pool, &one.setting)
}

/// The evidence: the probe message, unless there is none or a proof is newer. A proof is about the port of requests, so it
/// says nothing of another probe port; and one from before an outage, or before the change that denies the path, says
/// nothing of either (health.md 3.2: it holds for the request's time).
pub(super) fn evidence(case: &Case<'_>) -> Message {
    let message = case.message.clone();
    let Some((history, proof)) = probed(case) else { return message };
    let silent = matches!(message.evidence(), Evidence::None);
    let of_rows = case.joined.seen.as_ref().is_some_and(|seen| seen.rank == Rank::History);
    let newer = of_rows && history.message_time.is_some_and(|time| proof.time > time);
    if (silent || newer) && !outdated(case, history, &proof) { Message::of_proof(proof.kind) } else { message }
}

/// The latest proof, where it is about the probed port.
fn probed<'a>(case: &Case<'a>) -> Option<(&'a ServerHistory, Proof)> {
    let history = case.history?;
    let port = case.setting.map(|setting| setting.probe_port);
    Some((history, history.proof?)).filter(|_| history.proof_port.is_some() && history.proof_port == port)
}

/// Is the proof from before the outage, or before the change that made the path what it is?
fn outdated(case: &Case<'_>, history: &ServerHistory, proof: &Proof) -> bool {
    let down = history.last_state_since.filter(|_| case.recorded == Recorded::Down && history.rows > 0);
    let turned = case.timeline.as_ref().and_then(Timeline::turned).filter(|_| case.recorded == Recorded::Down);
    down.is_some_and(|since| proof.time < since)
        || turned.is_some_and(|at| proof.time.as_second() < at.as_second() + 60)
}

/// A request that was answered while the path is held to be denied, and beside a probe message that says otherwise: rule
/// zero, so the block is not confirmed.
pub(super) fn weigh(case: &Case<'_>, conclusion: &mut Conclusion) -> Option<String> {
    let (history, proof) = probed(case)?;
    if conclusion.class != Class::NetworkBlock || outdated(case, history, &proof) {
        return None;
    }
    let window = case.timeline.as_ref().map_or(180, |line| line.settle.latest.as_secs());
    let near = |capture: &jiff::Timestamp| proof.time.as_second() >= capture.as_second() - window;
    let turned = case.timeline.as_ref().and_then(Timeline::turned).is_some();
    if !turned && !case.capture.as_ref().is_none_or(near) {
        return None;
    }
    conclusion.grade = Some(Grade::Possible);
    conclusion.confidence = Confidence::Low;
    if !conclusion.also.contains(&Class::ContradictionBlockedButAnswered) {
        conclusion.also.push(Class::ContradictionBlockedButAnswered);
    }
    Some(format!(
        "But a log shows that {} was reached on this port at {}: that contradicts the simulated deny, so it is not confirmed.",
        server(case),
        proof.time
    ))
}

/// What a request proves, in the place of the sentence about the message.
pub(super) fn proof(case: &Case<'_>) -> Option<String> {
    let proof = case.history?.proof.filter(|_| case.message.evidence() == Evidence::AccessLog)?;
    let what = match proof.kind {
        ProofKind::Answered(status) => format!("the access log holds an answer of it (serverStatus {status})"),
        ProofKind::TimedOut => {
            "the access log holds a request that it accepted and did not answer in time (ERRORINFO_UPSTREAM_TIMED_OUT)"
                .to_owned()
        }
        ProofKind::Closed => {
            "the access log holds a connection that it closed (ERRORINFO_UPSTREAM_CLOSED_CONNECTION)".to_owned()
        }
        ProofKind::Connected => "the metrics hold a connect time of it (BackendConnectTime)".to_owned(),
    };
    let state = match case.recorded {
        Recorded::Unknown if case.joined.seen.as_ref().is_some_and(|seen| seen.rank == Rank::Requests) => {
            format!("{} is in no health record", server(case))
        }
        other => format!("{} is recorded {} without a newer probe message", server(case), other.word()),
    };
    Some(format!("{state}; {what} of {}, so TCP worked in both directions then.", proof.time))
}

/// Instances, changes, gaps, requests that prove nothing, and the address that the gateway dials.
pub(super) fn sentences(case: &Case<'_>) -> Vec<String> {
    let Some(history) = case.history else { return Vec::new() };
    let mut out = Vec::new();
    let words =
        |(name, state): &(String, crate::model::RecordedState)| format!("{name} {}", Recorded::from(*state).word());
    if history.instances.iter().any(|(_, state)| history.instances.iter().any(|(_, other)| other != state)) {
        let list: Vec<String> = history.instances.iter().map(words).collect();
        out.push(format!("Gateway instances disagree: {}.", list.join(", ")));
    }
    if history.contradictions > 0 {
        out.push(format!("Rows of one moment contradict each other ({} times).", history.contradictions));
    }
    if history.blips > 0 {
        let times = if history.blips == 1 { "once".to_owned() } else { format!("{} times", history.blips) };
        out.push(format!(
            "A state of a single moment between rows of another was left out ({times}): it is shorter than a probe needs to settle."
        ));
    }
    if let Some(text) = flips(&history.flips, history) {
        out.push(text);
    }
    if let Some(silence) = history.silences.first() {
        out.push(format!("There are no rows between {} and {}, much longer than usual.", silence.after, silence.by));
    }
    if let Some(count) = history.not_dialled {
        out.push(format!(
            "The access log holds ERRORINFO_UPSTREAM_NO_LIVE for the pool ({} requests, last {}): the gateway gave up before it dialled, which proves nothing about the network.",
            count.times, count.last
        ));
    }
    if let Some(counts) = history.counts {
        let number = |count: Option<u32>, word: &str| count.map(|count| format!("{count} {word}"));
        let list: Vec<String> =
            [number(counts.healthy, "healthy"), number(counts.unhealthy, "unhealthy")].into_iter().flatten().collect();
        out.push(format!("At {} the gateway counted {} servers.", counts.time, list.join(" and ")));
    }
    if let Some((address, time)) = history.stale {
        let now: Vec<String> =
            case.servers.iter().filter_map(|server| server.address).map(|address| address.to_string()).collect();
        out.push(format!(
            "The access log shows that the gateway sent requests to {address} (last {time}), while the name has {} now.",
            now.join(", ")
        ));
    }
    out
}

/// The newest changes.
fn flips(flips: &[Flip], history: &ServerHistory) -> Option<String> {
    if history.rows == 0 {
        return None;
    }
    let word = |state| Recorded::from(state).word();
    let skipped = flips.len().saturating_sub(LISTED);
    let list: Vec<String> = flips
        .iter()
        .skip(skipped)
        .map(|flip| format!("{} to {} between {} and {}", word(flip.from), word(flip.to), flip.after, flip.by))
        .collect();
    let since = history.last_state_since.map(|time| format!(" since {time}")).unwrap_or_default();
    let state = history.state.map(word).unwrap_or_default();
    Some(match (list.is_empty(), skipped) {
        (true, _) => format!("The history holds {state} in every row{since}."),
        (false, 0) => format!("The history holds {}: {state}{since}.", list.join(", then ")),
        (false, more) => format!("The history holds {more} changes, then {}: {state}{since}.", list.join(", then ")),
    })
}
