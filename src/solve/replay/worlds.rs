//! An answer in every possible world: facts that the input does not hold are tried both ways.

use crate::compile::Network;
use crate::evaluate::context::{Context, Fact, Halt, Removed, Walked};
use crate::evaluate::trace::Step;
use crate::solve::facts;

/// Worlds that are tried at most.
const MOST: usize = 256;

/// Answers of all worlds.
#[derive(Debug)]
pub(crate) struct Worlds<'n, T> {
    /// Different answers.
    pub(crate) answers: Vec<T>,
    /// Facts that were missing, first met first.
    pub(crate) missing: Vec<Fact>,
    /// Steps of the first world.
    pub(crate) steps: Vec<Step<'n>>,
    exhausted: bool,
}

impl<'n, T: PartialEq + Clone> Worlds<'n, T> {
    /// Evaluates in every world.
    pub(crate) fn explore(
        network: &'n Network<'n>,
        mut run: impl FnMut(&mut Context<'_, 'n>) -> Walked<'n, T>,
    ) -> Self {
        let removed = Removed::default();
        let mut out = Worlds { answers: Vec::new(), missing: Vec::new(), steps: Vec::new(), exhausted: false };
        let mut open: Vec<Vec<(Fact, bool)>> = vec![Vec::new()];
        let mut tried = 0;
        while let Some(assume) = open.pop() {
            tried += 1;
            if tried > MOST {
                out.exhausted = true;
                break;
            }
            let mut context = Context::new(network, &assume, &removed);
            context.trace = Some(Vec::new());
            match run(&mut context) {
                Ok(answer) => {
                    if out.answers.is_empty() {
                        out.steps = context.trace.take().unwrap_or_default();
                    }
                    if !out.answers.contains(&answer) {
                        out.answers.push(answer);
                    }
                }
                Err(Halt::Unknown(missing)) => {
                    let fact = missing.0;
                    if !out.missing.contains(&fact) {
                        out.missing.push(fact.clone());
                    }
                    for value in [false, true] {
                        let mut next = assume.clone();
                        next.push((fact.clone(), value));
                        open.push(next);
                    }
                }
                // The callers turn a settled flow into an answer.
                Err(Halt::Settled(_) | Halt::Split(_)) => out.exhausted = true,
            }
        }
        out
    }

    /// Adds the worlds of another flow of the same question.
    pub(crate) fn join(&mut self, other: Self) {
        for answer in other.answers {
            if !self.answers.contains(&answer) {
                self.answers.push(answer);
            }
        }
        self.missing.extend(other.missing);
        self.exhausted |= other.exhausted;
    }

    /// The answer, where every world has the same; else why there is none.
    pub(crate) fn certain(&self, network: &Network<'_>) -> Result<T, String> {
        match self.answers.as_slice() {
            [one] if !self.exhausted => Ok(one.clone()),
            _ => Err(match self.missing.first() {
                Some(fact) => missing_words(network, fact),
                None => "flows of this question are answered differently".to_owned(),
            }),
        }
    }
}

fn missing_words(network: &Network<'_>, fact: &Fact) -> String {
    // What stands for a subnet that is not in the input refers to itself (`Snapshot::add_unknown_subnets`).
    let fact = match fact {
        Fact::MissingNsg(id, _) | Fact::MissingTable(id) | Fact::OpenPrefix(id, _) if id.contains("/subnets/") => {
            Fact::MissingSubnet(id.clone())
        }
        other => other.clone(),
    };
    let all = facts::all_missing(network, std::slice::from_ref(&fact));
    all.first().map_or_else(String::new, |missing| match &missing.command {
        Some(command) => format!("missing: {} ({command})", missing.what),
        None => format!("missing: {}", missing.what),
    })
}

/// A step in one line.
pub(crate) fn step_words(step: &Step<'_>) -> String {
    let resource = step.at.resource.map(|resource| format!(" {resource}")).unwrap_or_default();
    format!("{} {}{resource}: {} -> {}", step.at.stage, step.place, step.what, step.result.word())
}
