//! Private endpoints (semantics.md 1.10, 3.4).

use super::{Located, ResourceId};
use crate::diagnostic::Span;
use std::net::IpAddr;

/// A private endpoint.
#[derive(Debug, Clone)]
pub struct PrivateEndpoint {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// Its subnet.
    pub subnet: Option<ResourceId>,
    /// NICs that it owns.
    pub network_interfaces: Vec<ResourceId>,
    /// Addresses that the endpoint itself names: static IP configurations and custom DNS configurations.
    pub addresses: Vec<IpAddr>,
    /// Names of `customDnsConfigs` in lower case, with their addresses: a hint, no resolution.
    pub names: Vec<(String, Vec<IpAddr>)>,
    /// Application security groups it is a member of.
    pub groups: Vec<ResourceId>,
    /// Connection states as written (`Approved`, `Pending`, `Rejected`, `Disconnected`).
    pub states: Vec<Located<String>>,
}

impl PrivateEndpoint {
    /// Every connection is approved; one without a state counts as approved.
    pub fn is_approved(&self) -> bool {
        self.states.iter().all(|state| state.value.eq_ignore_ascii_case("approved"))
    }
}

/// `privateEndpointNetworkPolicies` of a subnet (semantics.md 1.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PrivateEndpointPolicies {
    /// The subnet's NSG filters traffic to private endpoints.
    pub security_groups: bool,
    /// Routes of clients may override the endpoints' /32.
    pub route_tables: bool,
}

impl PrivateEndpointPolicies {
    /// Reads Azure's word in any letter case; `None` where it is none of the four.
    pub fn parse(text: &str) -> Option<Self> {
        let (security_groups, route_tables) = match text.trim().to_ascii_lowercase().as_str() {
            "disabled" => (false, false),
            "enabled" => (true, true),
            "networksecuritygroupenabled" => (true, false),
            "routetableenabled" => (false, true),
            _ => return None,
        };
        Some(PrivateEndpointPolicies { security_groups, route_tables })
    }
}
