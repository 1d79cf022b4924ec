//! Recorded questions to Azure asked again of the model: agreement counts, and every disagreement with both traces
//! (semantics.md 6, 9b; design.md, `gatepath replay`).
//!
//! As Azure's tools do, a question concerns the VM's own NIC and subnet in the asked direction, not the whole path.

mod admin;
mod diagnostic;
mod filter;
mod flow;
mod hop;
mod routes;
mod rules;
mod target;
mod worlds;

use crate::compile::Network;
use crate::compile::cuts::{Cuts, Side};
use crate::diagnostic::Span;
use crate::model::{Access, Answered, Asked, Recorded};
pub use diagnostic::{Evaluated, GroupResult, evaluate as evaluate_groups};
pub use flow::ip_flow_answer;
pub use target::{Place, places};

/// Named values, in the order in which they are printed.
pub type Values = Vec<(&'static str, String)>;

/// All questions of a run.
#[derive(Debug, Default)]
pub struct Replay {
    /// Questions.
    pub asked: usize,
    /// Those whose recorded answer is ours.
    pub agreed: usize,
    /// Those that cannot be compared.
    pub undecided: Vec<Undecided>,
    /// Those whose recorded answer is another one.
    pub disagreements: Vec<Disagreement>,
    /// What was not compared in questions that agreed, each once.
    pub remarks: Vec<String>,
}

/// A question.
#[derive(Debug, Clone)]
pub struct Question {
    /// Azure's name of the operation.
    pub operation: String,
    /// What was asked.
    pub values: Values,
    /// Where the record stands.
    pub span: Span,
}

/// A question that cannot be compared.
#[derive(Debug, Clone)]
pub struct Undecided {
    /// The question.
    pub question: Question,
    /// Why.
    pub why: String,
}

/// A question to which Azure and the model answer differently.
#[derive(Debug, Clone)]
pub struct Disagreement {
    /// The question.
    pub question: Question,
    /// What differs.
    pub difference: Difference,
}

/// Two answers that differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Azure's answer.
    pub azure: Values,
    /// Ours.
    pub ours: Values,
    /// What differs, a line each.
    pub differences: Vec<String>,
    /// How Azure came to its answer, as far as the record says, and how its rule reads here.
    pub azure_trace: Vec<String>,
    /// How we came to ours.
    pub our_trace: Vec<String>,
}

/// How one question came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Same answer; remarks on what was not compared.
    Agreed(Vec<String>),
    /// Not comparable, and why.
    Undecided(String),
    /// Different answers.
    Differs(Box<Difference>),
}

/// Asks every recorded question again.
pub fn replay(network: &Network<'_>, records: &[Recorded]) -> Replay {
    let source = Cuts::of(network, Side::Source);
    let asker = Asker { network, source: &source };
    let mut out = Replay::default();
    for record in records {
        let question = question(record);
        out.asked += 1;
        match asker.ask(record) {
            Outcome::Agreed(remarks) => {
                out.agreed += 1;
                out.remarks.extend(remarks);
            }
            Outcome::Undecided(why) => out.undecided.push(Undecided { question, why }),
            Outcome::Differs(difference) => {
                out.disagreements.push(Disagreement { question, difference: *difference });
            }
        }
    }
    out.remarks.sort();
    out.remarks.dedup();
    out
}

/// The network with the cut points of its sources.
pub(crate) struct Asker<'a, 'n> {
    pub(crate) network: &'n Network<'n>,
    pub(crate) source: &'a Cuts,
}

impl Asker<'_, '_> {
    fn ask(&self, record: &Recorded) -> Outcome {
        match &record.asked {
            Asked::IpFlow(query, answer) => match (query, given(answer)) {
                (_, Err(why)) => Outcome::Undecided(why),
                (None, _) => undecided("the record does not say which flow was asked for"),
                (Some(query), Ok(answer)) => flow::ip_flow(self, &record.targets, query, answer),
            },
            Asked::NextHop(query, answer) => match (query, given(answer)) {
                (_, Err(why)) => Outcome::Undecided(why),
                (None, _) => undecided("the record does not say which addresses were asked for"),
                (Some(query), Ok(answer)) => hop::next_hop(self.network, &record.targets, query, answer),
            },
            Asked::Diagnostic(answer) => match given(answer) {
                Err(why) => Outcome::Undecided(why),
                Ok(results) => diagnostic::compare(self, &record.targets, results),
            },
            Asked::EffectiveGroups(answer) => target::attached(self.network, &record.targets, answer)
                .unwrap_or_else(|answer| rules::groups(self.network, &record.targets, answer)),
            Asked::EffectiveRoutes(answer) => target::attached(self.network, &record.targets, answer)
                .unwrap_or_else(|answer| routes::compare(self.network, &record.targets, answer)),
            Asked::GroupView(answer) => match given(answer) {
                Err(why) => Outcome::Undecided(why),
                Ok(views) => rules::views(self.network, &record.targets, views),
            },
            Asked::Tuple(tuple) => flow::tuple(self.network, tuple),
            Asked::Other(_, why) => Outcome::Undecided(why.clone()),
        }
    }
}

fn given<T>(answer: &Answered<T>) -> Result<&T, String> {
    match answer {
        Answered::Given(value) => Ok(value),
        Answered::Failed { status, code, message } => {
            let status = status.map(|status| format!("{status} ")).unwrap_or_default();
            Err(format!("Azure answered {status}{code} {message}").trim_end().to_owned())
        }
    }
}

fn undecided(why: &str) -> Outcome {
    Outcome::Undecided(why.to_owned())
}

/// One outcome for several NICs that the question may mean: theirs, where they agree.
pub(crate) fn one_outcome(mut outcomes: Vec<Outcome>) -> Outcome {
    let Some(last) = outcomes.pop() else { return undecided("nothing of the input fits the question") };
    if let Some(unsure) = outcomes.iter().chain([&last]).find(|o| matches!(o, Outcome::Undecided(_))) {
        return unsure.clone();
    }
    let same = |other: &Outcome| match (other, &last) {
        (Outcome::Agreed(_), Outcome::Agreed(_)) => true,
        (Outcome::Differs(a), Outcome::Differs(b)) => a.ours == b.ours,
        _ => false,
    };
    if outcomes.iter().all(same) {
        last
    } else {
        undecided("several NICs of the input fit the question and would answer differently")
    }
}

pub(crate) fn access_word(access: Access) -> &'static str {
    match access {
        Access::Allow => "Allow",
        Access::Deny => "Deny",
    }
}

/// The question in named values.
fn question(record: &Recorded) -> Question {
    let mut values: Values = record.targets.first().map(|id| ("target", id.to_string())).into_iter().collect();
    let ports = |ports: &Option<(u16, u16)>| match ports {
        None => "*".to_owned(),
        Some((low, high)) if low == high => low.to_string(),
        Some((low, high)) => format!("{low}-{high}"),
    };
    let operation = match &record.asked {
        Asked::IpFlow(query, _) => {
            if let Some(query) = query {
                values.push(("direction", format!("{:?}", query.direction)));
                values.push(("protocol", query.protocol.to_string()));
                values.push(("local", format!("{}:{}", query.local, ports(&query.local_ports))));
                values.push(("remote", format!("{}:{}", query.remote, ports(&query.remote_ports))));
            }
            "ipFlowVerify"
        }
        Asked::NextHop(query, _) => {
            if let Some(query) = query {
                values.extend(query.source.map(|source| ("source", source.to_string())));
                values.push(("destination", query.destination.to_string()));
            }
            "nextHop"
        }
        Asked::Diagnostic(Answered::Given(results)) => {
            for (profile, _) in results {
                values.push(("profile", diagnostic::words(profile)));
            }
            "networkConfigurationDiagnostic"
        }
        Asked::Diagnostic(_) => "networkConfigurationDiagnostic",
        Asked::EffectiveGroups(_) => "effectiveNetworkSecurityGroups",
        Asked::GroupView(_) => "securityGroupView",
        Asked::EffectiveRoutes(_) => "effectiveRouteTable",
        Asked::Tuple(tuple) => {
            values.push(("nsg", tuple.nsg.to_string()));
            values.push(("flow", flow::tuple_words(tuple)));
            "flowLog"
        }
        Asked::Other(operation, _) => operation,
    };
    Question { operation: operation.to_owned(), values, span: record.span }
}
