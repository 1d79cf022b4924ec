//! What attribution returns (design.md, output contract of `gatepath health`).

use super::catalogue::Evidence;
use super::change::Timeline;
use super::class::{Class, Confidence, Grade};
use super::flows::FlowSeen;
use super::input::{ManagementVerdict, Path};
use crate::compile::Stage;
use crate::diagnostic::{Diagnostic, Span};
use crate::model::{Flip, Proof, RecordedState, ResourceId};
use crate::solve::{Decision, Missing, Verdict};
use jiff::Timestamp;
use serde::Serialize;

/// What the record says of a server (attribution README).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Recorded {
    /// Healthy.
    Up,
    /// Unhealthy.
    Down,
    /// Not retrieved.
    Unknown,
    /// Instances disagree.
    Partial,
    /// Being removed.
    Draining,
    /// Not in the record.
    Absent,
    /// `servers` is an empty list.
    Empty,
}

impl Recorded {
    /// The word used in every output.
    pub fn word(self) -> &'static str {
        match self {
            Recorded::Up => "Up",
            Recorded::Down => "Down",
            Recorded::Unknown => "Unknown",
            Recorded::Partial => "Partial",
            Recorded::Draining => "Draining",
            Recorded::Absent => "Absent",
            Recorded::Empty => "Empty",
        }
    }
}

impl From<RecordedState> for Recorded {
    fn from(state: RecordedState) -> Self {
        match state {
            RecordedState::Up => Recorded::Up,
            RecordedState::Down => Recorded::Down,
            RecordedState::Unknown => Recorded::Unknown,
            RecordedState::Partial => Recorded::Partial,
            RecordedState::Draining => Recorded::Draining,
        }
    }
}

/// Conclusion about one (gateway, pool, setting, server); complete by itself.
#[derive(Debug, Clone)]
pub struct ServerFinding {
    /// Gateway, by name.
    pub gateway: String,
    /// Gateway, by id.
    pub gateway_id: ResourceId,
    /// Pool, by name.
    pub pool: String,
    /// Backend setting, by name.
    pub setting: String,
    /// The server as the pool holds it, a NIC member by its address; `None` for a pool without members.
    pub server: Option<String>,
    /// What was evaluated: one entry per resolved address.
    pub backends: Vec<String>,
    /// Probed port; `None` where the setting is not in the snapshot.
    pub port: Option<u16>,
    /// Port of requests.
    pub data_port: Option<u16>,
    /// Recorded state.
    pub recorded: Recorded,
    /// Simulated path to the probed port.
    pub path: Path,
    /// Simulated path to the data port; the same as `path` where the ports are equal.
    pub data_path: Path,
    /// Primary class.
    pub class: Class,
    /// Further classes.
    pub also: Vec<Class>,
    /// Confidence.
    pub confidence: Confidence,
    /// Grade of a `NETWORK_BLOCK`.
    pub grade: Option<Grade>,
    /// Row of health.md 6.3, or `gap`.
    pub row: &'static str,
    /// What decided the path to the probed port.
    pub decision: Option<Decision>,
    /// What decided the path to the data port, where it is another port.
    pub data_decision: Option<Decision>,
    /// Evidence.
    pub evidence: Evidence,
    /// Code of the message; `None` where the record holds no text.
    pub message: Option<&'static str>,
    /// The message as recorded. Untrusted text.
    pub message_text: Option<String>,
    /// HTTP status that the backend answered.
    pub http_status: Option<u16>,
    /// Why, in plain sentences. Holds names and texts from the input.
    pub explanation: String,
    /// What to do or look at next.
    pub next_steps: Vec<String>,
    /// Exports that would decide.
    pub missing: Vec<Missing>,
    /// Where the server stands in the record.
    pub record_span: Option<Span>,
    /// Name of the record's file.
    pub record_file: Option<String>,
    /// Changes of the recorded state, oldest first (health.md 6.4); empty without a history.
    pub flips: Vec<Flip>,
    /// First observation of the state that a history ends with.
    pub last_state_since: Option<Timestamp>,
    /// Latest request or connect time that proves TCP to the server.
    pub proof: Option<Proof>,
    /// Healthy now, and the path is blocked or partly blocked: what will happen, without a final full stop.
    pub latent: Option<String>,
    /// What flow logs show of it, newest first.
    pub flows: Vec<FlowSeen>,
    /// Indices of the simulated servers that it was joined with.
    pub joined: Vec<usize>,
    /// Flips of its state and changes on its path, where changes were given.
    pub timeline: Option<Timeline>,
}

impl ServerFinding {
    /// `verdict` of the output contract.
    pub fn verdict(&self) -> Verdict {
        self.path.verdict()
    }

    /// `data_verdict` of the output contract.
    pub fn data_verdict(&self) -> Verdict {
        self.data_path.verdict()
    }

    /// `stage` of the output contract.
    pub fn stage(&self) -> Option<Stage> {
        self.decision.as_ref().map(|decision| decision.stage)
    }

    /// `resource` of the output contract.
    pub fn resource(&self) -> Option<&str> {
        self.decision.as_ref().and_then(|decision| decision.resource.as_deref())
    }

    /// `rule` of the output contract.
    pub fn rule(&self) -> Option<&str> {
        self.decision.as_ref().and_then(|decision| decision.rule.as_deref())
    }

    /// Is it recorded as not healthy and is the network the reason? Such findings decide the exit code.
    pub fn unhealthy_by_network(&self) -> bool {
        self.class.blames_network() && !matches!(self.recorded, Recorded::Up | Recorded::Draining)
            || self.also.contains(&Class::NetworkBlock)
    }
}

/// The management path of one gateway (health.md 4).
#[derive(Debug, Clone)]
pub struct ManagementFinding {
    /// Gateway, by name.
    pub gateway: String,
    /// Gateway, by id.
    pub gateway_id: ResourceId,
    /// Its verdict.
    pub verdict: ManagementVerdict,
    /// Stage that decided.
    pub stage: Option<Stage>,
    /// Resource that decided.
    pub resource: Option<String>,
    /// Rule or route that decided.
    pub rule: Option<String>,
    /// In a sentence or two.
    pub explanation: String,
}

/// A rule or route that is the first deny of one or more servers that are not healthy (health.md 6.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommonCause {
    /// Stage.
    pub stage: Stage,
    /// Resource.
    pub resource: Option<String>,
    /// Rule or route.
    pub rule: Option<String>,
    /// Indices into [`Attribution::servers`], ascending.
    pub servers: Vec<usize>,
    /// Those of them whose path turns `allow` when it alone is taken away; `None` where that was not computed.
    pub heals: Option<Vec<usize>>,
    /// In a sentence or two.
    pub explanation: String,
}

/// How the simulation compares with records that prove something: servers whose message proves that the probe reached
/// TCP, by the simulated verdict. Every `denied` one is an error of the input, its time, or the model (rule zero).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Calibration {
    /// Servers with proof of L4.
    pub proven: usize,
    /// Simulated allow.
    pub allowed: usize,
    /// Simulated partial.
    pub partial: usize,
    /// Simulated deny, asymmetric ones included.
    pub denied: usize,
    /// Not decidable, or not simulated.
    pub unknown: usize,
    /// States that model and record can agree or disagree about: Up, Down or Partial, with a path that could be judged.
    pub states: usize,
    /// Those of them that the model explains.
    pub explained: usize,
    /// Those that contradict it: healthy or answering on a denied path.
    pub contradicted: usize,
    /// Agreement is poor over the whole input.
    pub poor: bool,
    /// Claims of a `NETWORK_BLOCK` that were withheld to possible for that reason, or since the same deny is refuted by
    /// other servers.
    pub withheld: usize,
}

/// Recorded health joined with simulated paths.
#[derive(Debug, Clone, Default)]
pub struct Attribution {
    /// One per (gateway, pool, setting, server), sorted by these.
    pub servers: Vec<ServerFinding>,
    /// One per gateway, sorted by name.
    pub management: Vec<ManagementFinding>,
    /// Most servers first.
    pub common_causes: Vec<CommonCause>,
    /// Servers that are Down with a connect failure or timeout that no rule explains: indices into `servers`.
    pub unexplained: Vec<usize>,
    /// How far the model agrees with what the records prove.
    pub calibration: Calibration,
    /// Findings about the records.
    pub diagnostics: Vec<Diagnostic>,
}

impl Attribution {
    /// Keeps some servers (index and finding are given); what refers to others by index is adjusted, and a cause without
    /// any server goes.
    pub fn retain(&mut self, keep: impl Fn(usize, &ServerFinding) -> bool) {
        let mut place: Vec<Option<usize>> = Vec::with_capacity(self.servers.len());
        let mut left = 0usize;
        for (at, found) in self.servers.iter().enumerate() {
            let kept = keep(at, found);
            place.push(kept.then_some(left));
            left += usize::from(kept);
        }
        let mut kept = place.iter();
        self.servers.retain(|_| kept.next().is_some_and(Option::is_some));
        let moved = |list: &[usize]| list.iter().filter_map(|at| place.get(*at).copied().flatten()).collect::<Vec<_>>();
        for cause in &mut self.common_causes {
            cause.servers = moved(&cause.servers);
            cause.heals = cause.heals.as_deref().map(moved);
        }
        self.common_causes.retain(|cause| !cause.servers.is_empty());
        self.unexplained = moved(&self.unexplained);
    }

    /// `servers` of a common cause as the output contract has it: names, each once.
    pub fn server_names(&self, indices: &[usize]) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in indices.iter().filter_map(|at| self.servers.get(*at)).filter_map(|found| found.server.as_deref()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}
