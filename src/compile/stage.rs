//! The stages of one path, in the order in which a flow meets them.

use serde::{Serialize, Serializer};
use std::fmt;

/// A stage of a path; the order is the order of evaluation (design.md, "Stages of one path").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Security admin rules, outbound.
    AdminOut,
    /// NSG of the source NIC, outbound.
    NsgOutNic,
    /// NSG of the source subnet, outbound.
    NsgOutSubnet,
    /// Forward route.
    Route,
    /// Azure Firewall or another appliance on the way.
    Firewall,
    /// Peering flags.
    Peering,
    /// Security admin rules, inbound.
    AdminIn,
    /// NSG of the destination subnet, inbound.
    NsgInSubnet,
    /// NSG of the destination NIC, inbound.
    NsgInNic,
    /// Private endpoint.
    PrivateEndpoint,
    /// Route of the reply.
    ReturnRoute,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 11] = [
        Stage::AdminOut,
        Stage::NsgOutNic,
        Stage::NsgOutSubnet,
        Stage::Route,
        Stage::Firewall,
        Stage::Peering,
        Stage::AdminIn,
        Stage::NsgInSubnet,
        Stage::NsgInNic,
        Stage::PrivateEndpoint,
        Stage::ReturnRoute,
    ];

    /// The name used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Stage::AdminOut => "admin-out",
            Stage::NsgOutNic => "nsg-out-nic",
            Stage::NsgOutSubnet => "nsg-out-subnet",
            Stage::Route => "route",
            Stage::Firewall => "firewall",
            Stage::Peering => "peering",
            Stage::AdminIn => "admin-in",
            Stage::NsgInSubnet => "nsg-in-subnet",
            Stage::NsgInNic => "nsg-in-nic",
            Stage::PrivateEndpoint => "private-endpoint",
            Stage::ReturnRoute => "return-route",
        }
    }

    /// What happens at the stage, for `gatepath explain`.
    pub fn manual(self) -> &'static str {
        match self {
            Stage::AdminOut => {
                "Security admin rules of a virtual network manager on the source's virtual network. They come before every NSG."
            }
            Stage::NsgOutNic => {
                "Outbound rules of the NSG on the source NIC, lowest priority number first; the first match decides. Application Gateway instances have no such NSG."
            }
            Stage::NsgOutSubnet => {
                "Outbound rules of the NSG on the source subnet, default rules 65000 to 65500 included. For a gateway this is the NSG of the gateway subnet."
            }
            Stage::Route => {
                "Route of the source subnet to the destination: longest prefix first; on equal prefixes user before gateway before system routes. None drops; an appliance without IP forwarding drops."
            }
            Stage::Firewall => "An Azure Firewall or another appliance that the route leads through.",
            Stage::Peering => {
                "Flags of the peering that is crossed: allowForwardedTraffic for forwarded packets, allowVirtualNetworkAccess."
            }
            Stage::AdminIn => "Security admin rules on the destination's virtual network.",
            Stage::NsgInSubnet => {
                "Inbound rules of the NSG on the destination subnet. They see the gateway instance's address as source."
            }
            Stage::NsgInNic => "Inbound rules of the NSG on the destination NIC, after the subnet's.",
            Stage::PrivateEndpoint => "Connection state and network policies of a private endpoint.",
            Stage::ReturnRoute => {
                "Route of the reply. NSGs are stateful and are not asked again; but a reply that is routed to None, or through a device that did not see the request, is lost."
            }
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Stage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
