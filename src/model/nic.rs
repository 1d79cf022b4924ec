//! Network interfaces and scale sets.

use super::{Located, ResourceId};
use crate::diagnostic::Span;
use std::net::IpAddr;

/// A network interface.
#[derive(Debug, Clone)]
pub struct NetworkInterface {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// Where the resource stands.
    pub span: Span,
    /// The NSG that the NIC refers to.
    pub nsg: Option<Located<ResourceId>>,
    /// `enableIPForwarding`; absent counts as false.
    pub ip_forwarding: bool,
    /// IP configurations.
    pub configurations: Vec<IpConfiguration>,
    /// The private endpoint that owns this NIC.
    pub private_endpoint: Option<ResourceId>,
    /// The virtual machine that the NIC is attached to.
    pub virtual_machine: Option<ResourceId>,
}

/// One IP configuration of a NIC.
#[derive(Debug, Clone)]
pub struct IpConfiguration {
    /// Its id.
    pub id: ResourceId,
    /// Its private address.
    pub address: Option<Located<IpAddr>>,
    /// `privateIPAllocationMethod` is Dynamic or absent: the address is what Azure gave last, and in a request says nothing.
    pub dynamic: bool,
    /// Its subnet.
    pub subnet: Option<ResourceId>,
    /// Where it refers to its subnet.
    pub subnet_span: Option<Span>,
    /// Application security groups it is a member of.
    pub groups: Vec<ResourceId>,
    /// Its public IP address resource.
    pub public_ip: Option<ResourceId>,
    /// Application Gateway pools it is a member of.
    pub gateway_pools: Vec<ResourceId>,
    /// Load balancer pools it is a member of.
    pub balancer_pools: Vec<ResourceId>,
    /// Inbound NAT rules of load balancers that lead to it.
    pub nat_rules: Vec<ResourceId>,
}

/// The network profile of a virtual machine scale set: the model its instances are made from (health.md 5, item 3).
#[derive(Debug, Clone)]
pub struct ScaleSet {
    /// Its id.
    pub id: ResourceId,
    /// Its name as written.
    pub name: String,
    /// `orchestrationMode: Flexible`: instances are ordinary machines with ordinary NICs.
    pub flexible: bool,
    /// NIC configurations of the model.
    pub interfaces: Vec<ScaleSetInterface>,
}

/// A NIC configuration of a scale set's model.
#[derive(Debug, Clone)]
pub struct ScaleSetInterface {
    /// Its name as written.
    pub name: String,
    /// The NSG that instances' NICs get.
    pub nsg: Option<Located<ResourceId>>,
    /// IP configurations of the model.
    pub configurations: Vec<ScaleSetIpConfiguration>,
}

/// An IP configuration of a scale set's model. Instances get any address of the subnet.
#[derive(Debug, Clone)]
pub struct ScaleSetIpConfiguration {
    /// Its name as written.
    pub name: String,
    /// `privateIPAddressVersion: IPv6`.
    pub ipv6: bool,
    /// Its subnet.
    pub subnet: Option<ResourceId>,
    /// Application security groups of the instances.
    pub groups: Vec<ResourceId>,
    /// Application Gateway pools of the instances.
    pub gateway_pools: Vec<ResourceId>,
    /// Load balancer pools of the instances.
    pub balancer_pools: Vec<ResourceId>,
}
