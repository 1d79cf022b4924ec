//! What was configured: one [`Snapshot`] with the provenance of every value that can decide a verdict.

mod field;
mod gateway;
mod health;
mod id;
mod nic;
mod nsg;
mod route;
mod snapshot;
mod tags;
mod vnet;

pub use field::{Located, Setting};
pub use gateway::{
    ApplicationGateway, BackendPool, BackendSetting, Frontend, Generation, Listener, PathMap, PoolAddress, Probe,
    RoutingRule, RoutingTarget,
};
pub use health::{HealthFormat, HealthRecord, PoolHealth, RecordedState, ServerHealth, SettingHealth};
pub use id::{ResourceId, export_command};
pub use nic::{
    IpConfiguration, NetworkInterface, ScaleSet, ScaleSetInterface, ScaleSetIpConfiguration, Unmodelled, UnmodelledKind,
};
pub use nsg::{
    Access, AddressSide, AddressTerm, DEFAULT_RULES, DefaultRule, Direction, NetworkSecurityGroup, PortSide, PortTerm,
    RuleProtocol, SecurityRule, is_default_rule,
};
pub use route::{NextHopType, Reference, RouteDestination, RouteTable, UserRoute};
pub use snapshot::Snapshot;
pub use tags::ServiceTags;
pub use vnet::{
    GatewayConnection, LocalNetworkGateway, NatGateway, Peering, PublicIpAddress, Subnet, VirtualNetwork,
    VirtualNetworkGateway,
};
