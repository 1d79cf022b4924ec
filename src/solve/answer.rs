//! The answer to one path question.

use crate::compile::Stage;
use crate::diagnostic::{Diagnostic, Span};
use crate::net::AddressSet;
use serde::Serialize;
use std::net::IpAddr;

/// Verdict of a path over its whole set of sources (design.md, house rule 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every flow asked about arrives, and its reply comes back.
    Allow,
    /// No flow asked about does.
    Deny,
    /// Some sources (or source ports) are allowed and some denied.
    Partial,
    /// Not decidable with what the input holds.
    Unknown,
}

impl Verdict {
    /// The word of machine formats: `allow`, `deny`, `partial`, `unknown`.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
            Verdict::Partial => "partial",
            Verdict::Unknown => "unknown",
        }
    }

    /// The word of text output: `REACHABLE`, `BLOCKED`, `PARTIAL`, `UNKNOWN`.
    pub fn shout(self) -> &'static str {
        match self {
            Verdict::Allow => "REACHABLE",
            Verdict::Deny => "BLOCKED",
            Verdict::Partial => "PARTIAL",
            Verdict::Unknown => "UNKNOWN",
        }
    }
}

/// What decided: on allow the last filter that matched a rule, on deny and partial the first deny, on unknown the first
/// thing that could not be judged and changes the outcome (conformance conventions 1 to 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Stage.
    pub stage: Stage,
    /// Display name of the resource; `None` for system and gateway routes.
    pub resource: Option<String>,
    /// Rule or route name.
    pub rule: Option<String>,
    /// Priority of the rule, where it has one.
    pub priority: Option<i64>,
    /// Where the rule or route stands in the input; default rules and system routes stand nowhere.
    pub span: Option<Span>,
}

/// Something that is not in the input and would decide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Missing {
    /// What is missing, in a few words.
    pub what: String,
    /// The command that exports it, where there is one.
    pub command: Option<String>,
}

/// The answer to one path question.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The verdict.
    pub verdict: Verdict,
    /// What decided it; `None` when everything is allowed and no filter is on the way.
    pub decision: Option<Decision>,
    /// Sources asked about.
    pub sources: AddressSet,
    /// Those of them that are certainly denied, wholly or for some source ports; filled for a partial verdict.
    pub denied: AddressSet,
    /// Servers behind a load balancer with what becomes of the flow at each; filled where they differ.
    pub servers: Vec<(IpAddr, Verdict)>,
    /// What would decide an unknown verdict.
    pub missing: Vec<Missing>,
    /// What is missing and was asked for although the verdict is the same whatever it holds.
    pub regardless: Vec<Missing>,
    /// What the deciding rule saw, where something on the way translated the flow; filled where a path is explained.
    pub seen: Option<Translated>,
    /// Findings of the evaluation.
    pub notes: Vec<Diagnostic>,
}

/// A flow as a rule behind a translation sees it, in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Translated {
    /// What translated: a load balancer, a firewall.
    pub by: String,
    /// Sources, where they were translated.
    pub sources: Option<String>,
    /// Destination, where it was translated.
    pub destination: Option<String>,
    /// Destination port.
    pub port: u16,
}

impl Answer {
    /// How the servers behind a frontend differ, in words; `None` where they do not.
    pub fn differing_servers(&self) -> Option<String> {
        let word = |verdict: Verdict| match verdict {
            Verdict::Allow => "allowed",
            Verdict::Deny => "denied",
            _ => "denied in part",
        };
        let each = self.servers.iter().map(|(server, verdict)| format!("{server} {}", word(*verdict)));
        let list = each.collect::<Vec<_>>().join(", ");
        (!list.is_empty()).then(|| format!("servers behind the frontend differ: {list}"))
    }

    /// Name of the deciding stage.
    pub fn stage(&self) -> Option<Stage> {
        self.decision.as_ref().map(|decision| decision.stage)
    }

    /// Name of the deciding resource.
    pub fn resource(&self) -> Option<&str> {
        self.decision.as_ref().and_then(|decision| decision.resource.as_deref())
    }

    /// Name of the deciding rule.
    pub fn rule(&self) -> Option<&str> {
        self.decision.as_ref().and_then(|decision| decision.rule.as_deref())
    }
}
