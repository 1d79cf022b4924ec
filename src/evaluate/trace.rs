//! Steps of a trace: what a flow met, in order.

use super::context::At;

/// What a step did with the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepResult {
    /// A rule allowed it.
    Allow,
    /// It was dropped.
    Deny,
    /// Nothing is in the way here.
    Pass,
    /// It was routed on.
    Forward,
    /// The reply finds its way.
    Ok,
    /// Not decidable.
    Unknown,
}

impl StepResult {
    /// The word that is printed.
    pub fn word(self) -> &'static str {
        match self {
            StepResult::Allow => "allow",
            StepResult::Deny => "DENY",
            StepResult::Pass => "pass on",
            StepResult::Forward => "forward",
            StepResult::Ok => "ok",
            StepResult::Unknown => "UNKNOWN",
        }
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'n> {
    /// Where: stage, resource, rule.
    pub at: At<'n>,
    /// Subnet, NIC or virtual network that the stage belongs to.
    pub place: String,
    /// What was found, in a few words.
    pub what: String,
    /// What happened.
    pub result: StepResult,
}
