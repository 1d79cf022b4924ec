//! Load balancers, and what hides one: frontends, pools, rules and probes (health.md 5 item 5, semantics.md 1.6).

use super::{Located, ResourceId};
use crate::diagnostic::Span;
use std::net::IpAddr;

/// A load balancer.
#[derive(Debug, Clone)]
pub struct LoadBalancer {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// Frontends.
    pub frontends: Vec<LoadBalancerFrontend>,
    /// Backend pools.
    pub pools: Vec<LoadBalancerPool>,
    /// Load-balancing rules.
    pub rules: Vec<LoadBalancerRule>,
    /// Inbound NAT rules to one server.
    pub nat_rules: Vec<InboundNatRule>,
    /// Health probes: id and port.
    pub probes: Vec<(ResourceId, u16)>,
}

/// A frontend.
#[derive(Debug, Clone)]
pub struct LoadBalancerFrontend {
    /// Its id.
    pub id: ResourceId,
    /// Private address.
    pub address: Option<Located<IpAddr>>,
    /// Subnet of a private frontend.
    pub subnet: Option<ResourceId>,
    /// Public IP address resource.
    pub public_ip: Option<ResourceId>,
}

/// A backend pool.
#[derive(Debug, Clone)]
pub struct LoadBalancerPool {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// IP configurations of NICs.
    pub configurations: Vec<Located<ResourceId>>,
    /// Members by address.
    pub addresses: Vec<BalancedAddress>,
    /// A member has no address that can be read.
    pub open: bool,
}

/// A member of a pool by address.
#[derive(Debug, Clone)]
pub struct BalancedAddress {
    /// The address.
    pub address: IpAddr,
    /// Virtual network that it is in, where the pool says so.
    pub network: Option<ResourceId>,
}

/// Protocol of a load-balancing rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BalancedProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Every port of TCP and UDP (HA ports).
    All,
}

impl BalancedProtocol {
    /// Does a rule of this protocol take flows of another?
    pub fn takes(self, protocol: crate::net::Protocol) -> bool {
        use crate::net::Protocol;
        match self {
            BalancedProtocol::Tcp => protocol == Protocol::Tcp,
            BalancedProtocol::Udp => protocol == Protocol::Udp,
            BalancedProtocol::All => protocol.has_ports(),
        }
    }
}

/// A load-balancing rule.
#[derive(Debug, Clone)]
pub struct LoadBalancerRule {
    /// Its name as written.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// Frontend.
    pub frontend: Option<ResourceId>,
    /// Pools.
    pub pools: Vec<ResourceId>,
    /// Protocol.
    pub protocol: BalancedProtocol,
    /// Port of the frontend; 0 with [`BalancedProtocol::All`].
    pub frontend_port: u16,
    /// Port of the members.
    pub backend_port: u16,
    /// `enableFloatingIP`: members see the frontend's address and port.
    pub floating: bool,
    /// Health probe.
    pub probe: Option<ResourceId>,
}

/// An inbound NAT rule.
#[derive(Debug, Clone)]
pub struct InboundNatRule {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Frontend.
    pub frontend: Option<ResourceId>,
    /// Protocol.
    pub protocol: BalancedProtocol,
    /// Ports of the frontend, first and last: one, or a range of which each server of a pool has its own.
    pub frontend_ports: (u16, u16),
    /// Port of the server.
    pub backend_port: u16,
    /// IP configuration of the server.
    pub target: Option<ResourceId>,
    /// Pool of the servers of a range.
    pub pool: Option<ResourceId>,
}

/// An Azure Container Apps environment. An internal one has a load balancer that no export shows: `staticIp` is its
/// frontend, and any address of the infrastructure subnet may be a server behind it (health.md 5 item 5).
#[derive(Debug, Clone)]
pub struct ContainerEnvironment {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// `staticIp`.
    pub address: Option<Located<IpAddr>>,
    /// `vnetConfiguration.infrastructureSubnetId`.
    pub subnet: Option<ResourceId>,
}
