//! The one file of the model that knows the engine: questions to it, and its answers in the model's words.

use super::address::Addr;
use super::case::Assumed;
use super::worlds::{Answer, Question, Start};
use gatepath::compile::cuts::{Cuts, Side};
use gatepath::compile::{Assumptions, Network};
use gatepath::evaluate::context::{Owner, Removed};
use gatepath::ingest::{Input, Loaded, load};
use gatepath::model::ResourceId;
use gatepath::net::{AddressSet, Protocol};
use gatepath::solve::matrix::{GatewaySources, matrix};
use gatepath::solve::path::{Decided, Options, SourceGroup, Sources, Target, decide};
use std::collections::BTreeSet;

/// Texts as the engine reads them.
pub(crate) fn read(files: &[(String, String)]) -> Loaded {
    let input =
        |(name, text): &(String, String)| Input { name: name.clone(), bytes: text.clone().into_bytes(), named: true };
    load(files.iter().map(input).collect())
}

fn assumptions(assumed: Assumed) -> Assumptions {
    Assumptions { no_unseen_nics: assumed.no_unseen_nics, transparent_appliances: assumed.transparent }
}

/// Asks the engine all questions about one snapshot.
pub(crate) fn ask(files: &[(String, String)], assumed: Assumed, questions: &[Question]) -> Vec<Answer> {
    let loaded = read(files);
    let network = Network::compile(&loaded.snapshot, assumptions(assumed));
    let cuts = Cuts::of(&network, Side::Source);
    questions.iter().map(|question| answer(&question_to(&network, &cuts, question, None), question)).collect()
}

/// Asks the engine all questions about a snapshot, each again with the rule or route that decided taken away.
pub(crate) fn ask_without_decider(
    files: &[(String, String)],
    assumed: Assumed,
    questions: &[Question],
) -> Vec<(Answer, Option<Answer>)> {
    let loaded = read(files);
    let network = Network::compile(&loaded.snapshot, assumptions(assumed));
    let cuts = Cuts::of(&network, Side::Source);
    let twice = |question: &Question| {
        let first = question_to(&network, &cuts, question, None);
        let removed = decider(&network, &first);
        let second = removed.map(|removed| answer(&question_to(&network, &cuts, question, Some(&removed)), question));
        (answer(&first, question), second)
    };
    questions.iter().map(twice).collect()
}

/// The rule or route of the input that decided.
fn decider(network: &Network<'_>, decided: &Decided<'_>) -> Option<Removed> {
    let span = decided.answer.decision.as_ref()?.span?;
    let mut removed = Removed::default();
    for (index, filter) in network.filters.iter().enumerate() {
        let rules = filter.inbound.iter().chain(&filter.outbound);
        removed.rules.extend(rules.filter(|rule| rule.span == Some(span)).map(|rule| (Owner::Nsg(index), rule.number)));
    }
    for user in network.subnets.iter().flat_map(|node| &node.routes.routes).filter_map(|route| route.user.as_ref()) {
        let key = (user.table.to_string(), user.name.to_owned());
        if user.span == span && !removed.routes.contains(&key) {
            removed.routes.push(key);
        }
    }
    (!removed.rules.is_empty() || !removed.routes.is_empty()).then_some(removed)
}

fn question_to<'n>(
    network: &'n Network<'n>,
    cuts: &Cuts,
    question: &Question,
    removed: Option<&Removed>,
) -> Decided<'n> {
    let protocol = Protocol::parse(&question.protocol).expect("a protocol");
    let target =
        Target { destination: question.destination.ip(), protocol, port: question.destination_port, model: None };
    let port = if protocol.has_ports() { question.source_port } else { Some(0) };
    let group = |subnet: Option<usize>, addresses: AddressSet| SourceGroup { addresses, subnet };
    let sources = match &question.start {
        Start::Sources(list) => {
            Sources::cut(cuts, &[group(None, list.iter().map(|address| address.ip()).collect())], port)
        }
        Start::Gateway(key) | Start::OneOf(key, _) => {
            let only = if let Start::OneOf(_, source) = &question.start { Some(source.ip()) } else { None };
            let id = ResourceId::new(key);
            let gateway = network.snapshot.application_gateways.get(&id);
            let groups = gateway.map(|gateway| {
                let all = GatewaySources::of(network, gateway, cuts);
                let toward = all.toward(question.destination.ip());
                let subnets: BTreeSet<Option<usize>> = toward.pieces.iter().map(|piece| piece.subnet).collect();
                let of = |subnet: Option<usize>| {
                    let pieces = toward.pieces.iter().filter(|piece| piece.subnet == subnet);
                    let all = pieces.fold(AddressSet::default(), |all, piece| all.union(&piece.addresses));
                    group(subnet, only.map_or(all.clone(), |only| all.intersection(&std::iter::once(only).collect())))
                };
                subnets.into_iter().map(of).collect::<Vec<_>>()
            });
            Sources::cut(cuts, &groups.unwrap_or_default(), port)
        }
    };
    decide(network, &sources, target, Options { removed, projections: None })
}

fn answer(decided: &Decided<'_>, question: &Question) -> Answer {
    let answer = &decided.answer;
    let six = question.destination.six;
    let mut denied = BTreeSet::new();
    for (low, high) in answer.denied.ranges() {
        let bits = |ip: std::net::IpAddr| match ip {
            std::net::IpAddr::V4(ip) => u128::from(u32::from(ip)),
            std::net::IpAddr::V6(ip) => u128::from(ip),
        };
        denied.extend((bits(low)..=bits(high)).map(|bits| Addr { six, bits }));
    }
    Answer {
        verdict: answer.verdict.word(),
        stage: answer.stage().map(gatepath::compile::Stage::name),
        resource: answer.resource().map(str::to_ascii_lowercase),
        rule: answer.rule().map(str::to_owned),
        denied,
    }
}

/// Every path of every gateway as lines of text.
pub(crate) fn matrix_lines(files: &[(String, String)]) -> Vec<String> {
    lines(&read(files))
}

/// The same for files that may be no text at all.
pub(crate) fn matrix_bytes(files: &[(String, Vec<u8>)]) -> Vec<String> {
    let input = |(name, bytes): &(String, Vec<u8>)| Input { name: name.clone(), bytes: bytes.clone(), named: true };
    lines(&load(files.iter().map(input).collect()))
}

fn lines(loaded: &Loaded) -> Vec<String> {
    let network = Network::compile(&loaded.snapshot, Assumptions::default());
    let rows = matrix(&network, &|_| {});
    rows.iter()
        .map(|row| {
            let answer = &row.answer;
            format!(
                "{},{},{},{},{},{},{},{:?},{:?},{:?},{:?}",
                row.gateway_name,
                row.pair.pool.name,
                row.pair.setting.name,
                row.member.shown,
                row.backend,
                row.port,
                row.purpose.word(),
                answer.verdict,
                answer.decision,
                answer.denied,
                answer.missing,
            )
        })
        .collect()
}
