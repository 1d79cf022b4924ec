//! Recorded backend health (health.md 1 and 2).

use super::{Located, ResourceId};
use crate::diagnostic::Span;

/// One recorded answer about backend health. The formats F1 to F3 carry no time of their own.
#[derive(Debug, Clone)]
pub struct HealthRecord {
    /// Where the record stands.
    pub span: Span,
    /// Shape it was read from.
    pub format: HealthFormat,
    /// Name of the file, for the capture time that may stand in it.
    pub file_name: String,
    /// One element per pool that the record lists.
    pub pools: Vec<PoolHealth>,
}

/// Shape of a health record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HealthFormat {
    /// F1: `az network application-gateway show-backend-health`, REST `backendhealth`.
    BackendHealth,
    /// F2: `getBackendHealthOnDemand`, one pool and setting.
    OnDemand,
    /// F3: PowerShell `Get-AzApplicationGatewayBackendHealth`.
    PowerShell,
    /// F4: a table without times, as the portal shows it.
    Table,
    /// F5, F6: rows with times; the record is what they come to.
    History,
    /// F7 to F9, F11: requests that prove something of a server that no other record names.
    Requests,
}

/// Health of one pool.
#[derive(Debug, Clone)]
pub struct PoolHealth {
    /// The pool's id as recorded.
    pub pool: Located<ResourceId>,
    /// One element per setting probed with the pool.
    pub settings: Vec<SettingHealth>,
}

/// Health of one pool under one backend setting.
#[derive(Debug, Clone)]
pub struct SettingHealth {
    /// The setting's id as recorded.
    pub setting: Located<ResourceId>,
    /// Servers; an empty list is a pool without targets.
    pub servers: Vec<ServerHealth>,
    /// Where the list of servers stands.
    pub span: Span,
}

/// Health of one server.
#[derive(Debug, Clone)]
pub struct ServerHealth {
    /// Where the server object stands.
    pub span: Span,
    /// Address or name as the pool holds it.
    pub address: Option<String>,
    /// IP configuration of a NIC member.
    pub ip_configuration: Option<ResourceId>,
    /// Recorded state.
    pub state: Located<RecordedState>,
    /// `healthProbeLog`, absent in old API versions.
    pub message: Option<Located<String>>,
}

/// State words of health.md section 2; `Healthy` is `Up`, `Unhealthy` is `Down`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordedState {
    /// Probes get the expected response.
    Up,
    /// No response, or another one.
    Down,
    /// The control plane could not ask, or the name did not resolve.
    Unknown,
    /// Undocumented; instances disagree.
    Partial,
    /// Being removed from the pool.
    Draining,
}

impl RecordedState {
    /// Reads a state word in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "up" | "healthy" => RecordedState::Up,
            "down" | "unhealthy" => RecordedState::Down,
            "unknown" => RecordedState::Unknown,
            "partial" => RecordedState::Partial,
            "draining" => RecordedState::Draining,
            _ => return None,
        })
    }
}
