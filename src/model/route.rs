//! Route tables as configured (semantics.md 3.1, 3.3).

use super::{Located, ResourceId, Setting};
use crate::diagnostic::Span;
use crate::net::WrittenPrefix;
use std::net::IpAddr;

/// A route table.
#[derive(Debug, Clone)]
pub struct RouteTable {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// `disableBgpRoutePropagation`: gateway-learned routes are taken away from its subnets.
    pub disable_bgp_route_propagation: bool,
    /// `disablePeeringRoute: All`: what it does to peering routes is not documented.
    pub disable_peering_route: bool,
    /// User-defined routes, in file order.
    pub routes: Vec<UserRoute>,
    /// Subnets that the table itself lists as attached.
    pub subnets: Vec<ResourceId>,
}

/// One user-defined route.
#[derive(Debug, Clone)]
pub struct UserRoute {
    /// Its name as written.
    pub name: String,
    /// Where the route object stands.
    pub span: Span,
    /// Prefix or service tag.
    pub destination: Setting<RouteDestination>,
    /// Next hop type.
    pub next_hop: Setting<NextHopType>,
    /// Next hop address, for an appliance.
    pub next_hop_address: Setting<IpAddr>,
    /// `hasBgpOverride`: it is said to override overlapping BGP routes whatever their length.
    pub has_bgp_override: bool,
}

/// What a user-defined route is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteDestination {
    /// A prefix.
    Prefix(WrittenPrefix),
    /// A service tag, as written.
    Tag(String),
}

/// Next hop types that a user-defined route can have (semantics.md 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NextHopType {
    /// `VnetLocal`.
    VnetLocal,
    /// `Internet`.
    Internet,
    /// `VirtualAppliance`.
    VirtualAppliance,
    /// `VirtualNetworkGateway`.
    VirtualNetworkGateway,
    /// `None`: dropped.
    None,
}

impl NextHopType {
    /// Reads Azure's word in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "vnetlocal" | "virtualnetwork" => NextHopType::VnetLocal,
            "internet" => NextHopType::Internet,
            "virtualappliance" => NextHopType::VirtualAppliance,
            "virtualnetworkgateway" => NextHopType::VirtualNetworkGateway,
            "none" => NextHopType::None,
            _ => return None,
        })
    }
}

/// A referenced resource id and where the reference stands.
pub type Reference = Located<ResourceId>;
