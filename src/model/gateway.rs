//! Application gateways: what they send where (semantics.md 5, health.md 5).

use super::{Located, ResourceId};
use crate::diagnostic::Span;
use std::net::IpAddr;

/// An application gateway.
#[derive(Debug, Clone)]
pub struct ApplicationGateway {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// v1 or v2.
    pub generation: Option<Generation>,
    /// SKU tier as written.
    pub sku: Option<String>,
    /// Tag `EnhancedNetworkControl: True`: network isolation (semantics.md 5.4).
    pub isolated: bool,
    /// `provisioningState` as written.
    pub provisioning_state: Option<String>,
    /// `operationalState` as written.
    pub operational_state: Option<String>,
    /// Subnets of the instances: `gatewayIPConfigurations[].subnet`.
    pub subnets: Vec<Located<ResourceId>>,
    /// Frontends.
    pub frontends: Vec<Frontend>,
    /// Frontend ports: id and port.
    pub frontend_ports: Vec<(ResourceId, u16)>,
    /// Listeners, L7 and L4.
    pub listeners: Vec<Listener>,
    /// Backend pools.
    pub pools: Vec<BackendPool>,
    /// Backend settings, L7 and L4.
    pub settings: Vec<BackendSetting>,
    /// Custom probes.
    pub probes: Vec<Probe>,
    /// Routing rules, L7 and L4.
    pub rules: Vec<RoutingRule>,
    /// URL path maps.
    pub path_maps: Vec<PathMap>,
    /// Load distribution policies: id and target pools.
    pub load_distribution_policies: Vec<(ResourceId, Vec<ResourceId>)>,
}

/// SKU generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Generation {
    /// `Standard`, `WAF`.
    V1,
    /// `Standard_v2`, `WAF_v2`, `Basic`.
    V2,
}

impl Generation {
    /// Management ports that Azure's `GatewayManager` needs inbound, both included (semantics.md 5.1).
    pub fn management_ports(self) -> (u16, u16) {
        match self {
            Generation::V1 => (65503, 65534),
            Generation::V2 => (65200, 65535),
        }
    }
}

/// A frontend IP configuration.
#[derive(Debug, Clone)]
pub struct Frontend {
    /// Its id.
    pub id: ResourceId,
    /// Private address, never a source (semantics.md 5.3).
    pub private_address: Option<Located<IpAddr>>,
    /// Public IP address resource.
    pub public_ip: Option<ResourceId>,
    /// Subnet of a private frontend.
    pub subnet: Option<ResourceId>,
}

/// A listener.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Its id.
    pub id: ResourceId,
    /// Frontend it listens on.
    pub frontend: Option<ResourceId>,
    /// Frontend port it listens on.
    pub port: Option<ResourceId>,
}

/// A backend pool.
#[derive(Debug, Clone)]
pub struct BackendPool {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the pool object stands.
    pub span: Span,
    /// Addresses and names, as written.
    pub addresses: Vec<Located<PoolAddress>>,
    /// IP configurations of NICs or scale-set instances.
    pub ip_configurations: Vec<Located<ResourceId>>,
}

/// One `backendAddresses` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolAddress {
    /// A literal address (also one written in the `fqdn` field).
    Ip(IpAddr),
    /// A name.
    Fqdn(String),
}

impl std::fmt::Display for PoolAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PoolAddress::Ip(address) => write!(f, "{address}"),
            PoolAddress::Fqdn(name) => f.write_str(name),
        }
    }
}

/// A backend setting: `backendHttpSettingsCollection` (L7) or `backendSettingsCollection` (L4).
#[derive(Debug, Clone)]
pub struct BackendSetting {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the setting stands.
    pub span: Span,
    /// Port toward the backend; absent means 443 for Https and Tls, else 80.
    pub port: Located<u16>,
    /// Protocol as written (`Http`, `Https`, `Tcp`, `Tls`); `Http` where a layer 7 setting names none.
    pub protocol: Option<String>,
    /// Custom probe.
    pub probe: Option<ResourceId>,
}

/// A custom probe. Times in seconds (health.md 4).
#[derive(Debug, Clone)]
pub struct Probe {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Own port (v2 and Basic only); absent means the setting's port.
    pub port: Option<Located<u16>>,
    /// Seconds between probes, 30 by default.
    pub interval: u64,
    /// Seconds until a probe counts as failed, 30 by default.
    pub timeout: u64,
    /// Failures in a row until a server counts as down, 3 by default.
    pub unhealthy_threshold: u64,
    /// Number of servers always marked healthy.
    pub min_servers: u64,
    /// `match.statusCodes` as written.
    pub status_codes: Vec<String>,
}

/// A routing rule, L7 or L4.
#[derive(Debug, Clone)]
pub struct RoutingRule {
    /// Its name as written.
    pub name: String,
    /// Where the rule stands.
    pub span: Span,
    /// Where it sends to.
    pub target: RoutingTarget,
    /// URL path map of a path-based rule.
    pub path_map: Option<ResourceId>,
}

/// Pool and setting, or a redirect, of a rule or path rule.
#[derive(Debug, Clone, Default)]
pub struct RoutingTarget {
    /// Backend pool.
    pub pool: Option<ResourceId>,
    /// Backend setting.
    pub setting: Option<ResourceId>,
    /// Redirect: nothing is sent to a backend.
    pub redirect: Option<ResourceId>,
    /// Load distribution policy, which replaces the pool.
    pub load_distribution: Option<ResourceId>,
}

/// A URL path map.
#[derive(Debug, Clone)]
pub struct PathMap {
    /// Its id.
    pub id: ResourceId,
    /// Default target.
    pub default: RoutingTarget,
    /// Targets of its path rules.
    pub rules: Vec<RoutingTarget>,
}
