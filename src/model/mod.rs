//! What was configured: one [`Snapshot`] with the provenance of every value that can decide a verdict.

mod admin;
mod change;
mod difference;
mod dns;
mod field;
mod firewall;
mod fragments;
mod gateway;
mod health;
mod id;
mod load_balancer;
mod nic;
mod nsg;
mod observation;
mod private_endpoint;
mod record;
mod route;
mod rule_line;
mod snapshot;
mod tags;
mod vnet;

pub use admin::{
    AdminAccess, AdminCollection, AdminConfiguration, AdminRule, ConnectivityConfiguration, MembershipPolicy,
    NetworkGroup, NetworkManager, NetworkManagers, StaticMember,
};
pub use change::{Change, ChangeKind, ChangeSource, ChangeTime, PreviousValue, label, top_level};
pub use difference::{Difference, Scope, differences};
pub use dns::{LoggedAddress, PrivateDns, PrivateDnsZone, RecordData, RecordSet, ZoneLink};
pub use field::{Located, Setting};
pub use firewall::{
    ApplicationProtocol, AzureFirewall, FirewallConfiguration, FirewallPolicy, FirewallProtocol, FirewallRule,
    FirewallRuleKind, FirewallSettings, FirewallSide, FirewallTerm, IpGroup, RuleCollection, RuleCollectionGroup,
    SnatRange,
};
pub use fragments::Fragments;
pub use gateway::{
    ApplicationGateway, BackendPool, BackendSetting, Frontend, Generation, Listener, PathMap, PoolAddress, Probe,
    RoutingRule, RoutingTarget,
};
pub use health::{HealthFormat, HealthRecord, PoolHealth, RecordedState, ServerHealth, SettingHealth};
pub use id::{ResourceId, export_command, shell_word};
pub use load_balancer::{
    BalancedAddress, BalancedProtocol, ContainerEnvironment, InboundNatRule, LoadBalancer, LoadBalancerFrontend,
    LoadBalancerPool, LoadBalancerRule,
};
pub use nic::{IpConfiguration, NetworkInterface, ScaleSet, ScaleSetInterface, ScaleSetIpConfiguration};
pub use nsg::{
    Access, AddressSide, AddressTerm, DEFAULT_RULES, DefaultRule, Direction, NetworkSecurityGroup, PortSide, PortTerm,
    RuleProtocol, SecurityRule, is_default_rule,
};
pub use observation::{Fact, Flip, Observation, Proof, ProofKind};
pub use private_endpoint::{PrivateEndpoint, PrivateEndpointPolicies};
pub use record::{
    Answered, Asked, DiagnosticResult, EffectiveGroup, EffectiveRoute, EffectiveRule, EffectiveTable, EvaluatedGroup,
    FlowQuestion, FlowTuple, GroupRules, HopAnswer, HopQuestion, InterfaceView, IpFlowAnswer, Profile, Recorded,
    RuleFlags, TagExpansion, bare_rule_name, repeats_default,
};
pub use route::{NextHopType, Reference, RouteDestination, RouteTable, UserRoute};
pub use rule_line::{RuleLine, RuleLineKey, rule_differences};
pub use snapshot::Snapshot;
pub use tags::ServiceTags;
pub use vnet::{
    GatewayConnection, LocalNetworkGateway, NatGateway, Peering, PublicIpAddress, Subnet, VirtualNetwork,
    VirtualNetworkGateway,
};
