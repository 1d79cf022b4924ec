//! What attribution is given: simulated paths and gateway facts, prepared by the caller, and the records (health.md 6.1).

use super::change::History;
use super::checks::Check;
use super::flows::FlowEvidence;
use super::timeline::ServerHistory;
use crate::compile::Stage;
use crate::model::{Generation, HealthRecord, ResourceId};
use crate::solve::{Answer, Decision, Verdict};
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

/// Counterfactual (health.md 6.7): given a decision and indices into [`AttributionInput::servers`], which of those
/// servers' probe paths turn `allow` when the deciding rule or route alone is taken away?
pub type Heals<'a> = dyn Fn(&Decision, &[usize]) -> Vec<usize> + 'a;

/// Everything that is joined.
#[derive(Clone, Copy)]
pub struct AttributionInput<'a> {
    /// Every gateway of the snapshot.
    pub gateways: &'a [GatewayFacts],
    /// Every (pair, member, resolved address) that was simulated. Pairs that no rule uses may be among them.
    pub servers: &'a [ProbedServer],
    /// The records.
    pub records: &'a [HealthRecord],
    /// When each record was taken, by its file, where that is known.
    pub captures: Option<&'a std::collections::BTreeMap<String, jiff::Timestamp>>,
    /// What flow logs show.
    pub flows: Option<&'a FlowEvidence>,
    /// Time lines of servers, and what requests prove of them.
    pub histories: &'a [ServerHistory],
    /// Counterfactual, where the caller can compute it.
    pub heals: Option<&'a Heals<'a>>,
    /// Changes on the paths of the servers, where records of changes were given.
    pub history: Option<&'a History>,
}

impl fmt::Debug for AttributionInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttributionInput")
            .field("gateways", &self.gateways)
            .field("servers", &self.servers)
            .field("records", &self.records)
            .field("flows", &self.flows.is_some())
            .field("histories", &self.histories)
            .field("heals", &self.heals.is_some())
            .field("history", &self.history.is_some())
            .finish()
    }
}

/// What attribution has to know of a gateway.
#[derive(Debug, Clone)]
pub struct GatewayFacts {
    /// Its id.
    pub id: ResourceId,
    /// Its name as it is printed.
    pub name: String,
    /// v1 or v2; row 24a is about v1 only.
    pub generation: Option<Generation>,
    /// Network isolation: the management path is always open (rows 3 to 6).
    pub isolated: bool,
    /// The simulated management path, M of health.md 6.1.
    pub management: ManagementPath,
    /// Prefixes of the gateway subnets, where probes to private backends come from.
    pub source_prefixes: Vec<IpNet>,
    /// Every configured pool.
    pub pools: Vec<PoolFacts>,
    /// Every configured backend setting.
    pub settings: Vec<SettingFacts>,
    /// Pool and setting of every pair that a rule uses; no other pair is probed (health.md 5).
    pub pairs: Vec<(ResourceId, ResourceId)>,
}

/// A configured pool.
#[derive(Debug, Clone)]
pub struct PoolFacts {
    /// Its id.
    pub id: ResourceId,
    /// Its name as it is printed.
    pub name: String,
    /// How many members it is configured with, resolved or not.
    pub members: usize,
}

/// A configured backend setting, with what its probe says.
#[derive(Debug, Clone)]
pub struct SettingFacts {
    /// Its id.
    pub id: ResourceId,
    /// Its name as it is printed.
    pub name: String,
    /// Port that is probed: the probe's own, else the setting's.
    pub probe_port: u16,
    /// Port that requests are sent to.
    pub data_port: u16,
    /// `probe.minServers`: that many servers are always marked healthy (health.md 4).
    pub min_servers: u64,
}

/// The simulated management path of a gateway (health.md 4, "Gateway-subnet constraints"; attribution README, choice 3).
#[derive(Debug, Clone, Default)]
pub struct ManagementPath {
    /// Its verdict.
    pub verdict: ManagementVerdict,
    /// Stage that decided.
    pub stage: Option<Stage>,
    /// Resource that decided.
    pub resource: Option<String>,
    /// Rule or route that decided.
    pub rule: Option<String>,
    /// Why, in a sentence or two without a final full stop; printed as it is.
    pub reason: String,
    /// What else is denied that the platform needs, each without a final full stop. No part of the verdict.
    pub beside: Vec<String>,
}

/// Verdict of the management path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ManagementVerdict {
    /// Management reaches the gateway.
    Allow,
    /// It does not.
    Deny,
    /// Not decidable with what the input holds.
    #[default]
    Unknown,
}

impl ManagementVerdict {
    /// The word of machine formats.
    pub fn word(self) -> &'static str {
        match self {
            ManagementVerdict::Allow => "allow",
            ManagementVerdict::Deny => "deny",
            ManagementVerdict::Unknown => "unknown",
        }
    }
}

/// What is known of a member's name (rows 3, 11d, 24).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum NameState {
    /// No name: an address or an IP configuration.
    #[default]
    Literal,
    /// A name that the input resolves, as the gateway would.
    Resolved,
    /// A name that nothing in the input resolves.
    Unresolved,
    /// A private zone has the name but is not linked to the gateway's virtual network.
    ZoneNotLinked,
    /// The gateway is known to use another address than the name now has (health.md 5, item 4).
    Stale,
}

/// Relation of the newest change on a hop of the path to the time of the record, T of health.md 6.1 and 6.4.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TimeRelation {
    /// The change is older than the settle time.
    Before,
    /// The record falls into the settle time.
    During,
    /// The change is newer than the record.
    After,
    /// No capture time or no change data.
    #[default]
    NoTime,
}

/// One simulated probe: a pair, one of its members, one of the member's addresses.
///
/// A name with several addresses is given once per address, with the same `member`. A scale set that is only known by its
/// model is given once, with `address: None`, `scale_set` and `scale_set_prefixes`; its answers hold for every address in
/// those prefixes.
#[derive(Debug, Clone)]
pub struct ProbedServer {
    /// Gateway.
    pub gateway: ResourceId,
    /// Pool.
    pub pool: ResourceId,
    /// Backend setting.
    pub setting: ResourceId,
    /// The member as configured: address, name, or the IP configuration.
    pub member: String,
    /// IP configuration of a NIC or scale-set member.
    pub ip_configuration: Option<ResourceId>,
    /// What was evaluated, as `matrix` prints it.
    pub backend: String,
    /// The address that was evaluated.
    pub address: Option<IpAddr>,
    /// The name, where the member is one.
    pub fqdn: Option<String>,
    /// What is known of the name.
    pub name_state: NameState,
    /// Answer for the probed port.
    pub probe: Answer,
    /// Answer for the data port, where it is another one.
    pub data: Option<Answer>,
    /// Subnet of the backend, for sibling contrast (health.md 6.6); any text that is equal for equal subnets.
    pub subnet: Option<String>,
    /// Scale set that the member belongs to.
    pub scale_set: Option<ResourceId>,
    /// Subnet prefixes of a scale set that is only known by its model.
    pub scale_set_prefixes: Vec<IpNet>,
    /// Public addresses that the backend sees as source; empty where probes come from the gateway subnet.
    pub public_sources: Vec<IpAddr>,
    /// Denies that the flow would meet behind the one that decided.
    pub further_blockers: Vec<Decision>,
    /// An appliance whose rules are not in the input was taken as transparent (row 25).
    pub opaque_hop: bool,
    /// Relation of the newest change on this path to the record.
    pub time: TimeRelation,
    /// Display names of the NSGs on the way: of the gateway's subnet, the backend's subnet and its NIC.
    pub nsgs: Vec<String>,
    /// Explanations of a contradiction, checked against the configuration (health.md 6.5).
    pub checks: Vec<Check>,
    /// Facts about the path that belong into the explanation: next hops, near misses, translated destinations, zones.
    /// Whole sentences.
    pub facts: Vec<String>,
}

/// What a simulated path comes to for the decision table, V of health.md 6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// Open.
    Allow,
    /// Denied before the backend.
    Deny,
    /// Open for some sources.
    Partial,
    /// Not decidable, or not simulated.
    Unknown,
    /// The reply is lost: deny at `return-route`, judged by rows 20 and 21 only.
    Asymmetric,
}

impl Path {
    /// Reads an answer.
    pub fn of(answer: &Answer) -> Path {
        match answer.verdict {
            Verdict::Allow => Path::Allow,
            Verdict::Deny if answer.stage() == Some(Stage::ReturnRoute) => Path::Asymmetric,
            Verdict::Deny => Path::Deny,
            Verdict::Partial => Path::Partial,
            Verdict::Unknown => Path::Unknown,
        }
    }

    /// The verdict that outputs print: asymmetric is `deny` at `return-route`.
    pub fn verdict(self) -> Verdict {
        match self {
            Path::Allow => Verdict::Allow,
            Path::Deny | Path::Asymmetric => Verdict::Deny,
            Path::Partial => Verdict::Partial,
            Path::Unknown => Verdict::Unknown,
        }
    }
}
