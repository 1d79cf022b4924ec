//! Recorded questions to Azure and their answers, and the effective lists they consist of (semantics.md 6, 9b).

use super::{Access, AddressTerm, Direction, ResourceId, SecurityRule};
use crate::diagnostic::Span;
use crate::net::{AddressSet, Protocol};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// One recorded question.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Where the record stands.
    pub span: Span,
    /// Ids that the question names as its target, the most precise first.
    pub targets: Vec<ResourceId>,
    /// Question and answer.
    pub asked: Asked,
}

/// A question of one kind with its answer.
#[derive(Debug, Clone)]
pub enum Asked {
    /// IP flow verify (semantics.md 6.1).
    IpFlow(Option<FlowQuestion>, Answered<IpFlowAnswer>),
    /// NSG diagnostics (6.2): each profile with its result, `None` where the answer has none for it.
    Diagnostic(Answered<Vec<(Profile, Option<DiagnosticResult>)>>),
    /// Next hop (6.4).
    NextHop(Option<HopQuestion>, Answered<HopAnswer>),
    /// Effective security rules of a NIC (6.3).
    EffectiveGroups(Answered<Vec<EffectiveGroup>>),
    /// Security group view of a VM (6.3).
    GroupView(Answered<Vec<InterfaceView>>),
    /// Effective routes of a NIC (3.7).
    EffectiveRoutes(Answered<Vec<EffectiveRoute>>),
    /// One tuple of a flow log that an NSG decided (9b.4).
    Tuple(FlowTuple),
    /// Something that is not compared: its name, and why.
    Other(String, String),
}

/// An answer, or the error that Azure gave.
#[derive(Debug, Clone)]
pub enum Answered<T> {
    /// An answer.
    Given(T),
    /// An error.
    Failed {
        /// HTTP status.
        status: Option<i64>,
        /// Azure's error code.
        code: String,
        /// Azure's text.
        message: String,
    },
}

/// The flow of an IP flow verify question.
#[derive(Debug, Clone)]
pub struct FlowQuestion {
    /// Seen from the VM.
    pub direction: Direction,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The VM's own address.
    pub local: IpAddr,
    /// The other address.
    pub remote: IpAddr,
    /// Ports of the VM's side; `None` for `*`.
    pub local_ports: Option<(u16, u16)>,
    /// Ports of the other side.
    pub remote_ports: Option<(u16, u16)>,
}

/// The answer of IP flow verify.
#[derive(Debug, Clone)]
pub struct IpFlowAnswer {
    /// `None` for `Unknown`.
    pub access: Option<Access>,
    /// Rule name as written; `None` where nothing matched.
    pub rule: Option<String>,
}

/// A next-hop question.
#[derive(Debug, Clone)]
pub struct HopQuestion {
    /// The VM's address.
    pub source: Option<IpAddr>,
    /// Where to.
    pub destination: IpAddr,
}

/// A next-hop answer.
#[derive(Debug, Clone)]
pub struct HopAnswer {
    /// `nextHopType` as written.
    pub kind: String,
    /// `nextHopIpAddress`, where there is one.
    pub address: Option<IpAddr>,
    /// Route table id; `None` for `System Route`.
    pub table: Option<ResourceId>,
}

/// A profile of NSG diagnostics: source, destination and port may be sets.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Direction.
    pub direction: Direction,
    /// Protocol; `None` for any.
    pub protocol: Option<Protocol>,
    /// Source.
    pub source: AddressTerm,
    /// Destination.
    pub destination: AddressTerm,
    /// Destination ports; `None` for `*`.
    pub ports: Option<(u16, u16)>,
}

/// The result of one profile.
#[derive(Debug, Clone)]
pub struct DiagnosticResult {
    /// Overall access.
    pub access: Option<Access>,
    /// Evaluated NSGs in order.
    pub groups: Vec<EvaluatedGroup>,
}

/// One NSG, or network manager, that was asked.
#[derive(Debug, Clone)]
pub struct EvaluatedGroup {
    /// Its id.
    pub id: ResourceId,
    /// Subnet, NIC or virtual network.
    pub applied_to: Option<ResourceId>,
    /// The rule that matched, and its action.
    pub matched: Option<(String, Option<Access>)>,
    /// Every tried rule with its flags.
    pub rules: Vec<RuleFlags>,
}

/// The five flags of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFlags {
    /// Name as written.
    pub name: String,
    /// Protocol, source, source port, destination, destination port.
    pub flags: [Option<bool>; 5],
}

/// Effective rules of one NSG.
#[derive(Debug, Clone)]
pub struct EffectiveGroup {
    /// The NSG.
    pub nsg: ResourceId,
    /// Subnet, NIC or network manager it is attached to.
    pub association: Option<ResourceId>,
    /// Where it stands.
    pub span: Span,
    /// Its rules.
    pub rules: Vec<EffectiveRule>,
    /// Tags with members, lower-case names.
    pub tags: BTreeMap<String, Vec<IpNet>>,
}

/// One effective rule. Its name has no prefix; the list forms of its fields win (semantics.md 9b.3).
#[derive(Debug, Clone)]
pub struct EffectiveRule {
    /// The rule as printed.
    pub rule: SecurityRule,
    /// One of the six default rules.
    pub is_default: bool,
    /// Members of the source tag.
    pub source: Option<Vec<IpNet>>,
    /// Members of the destination tag.
    pub destination: Option<Vec<IpNet>>,
}

/// One NIC of a security group view.
#[derive(Debug, Clone)]
pub struct InterfaceView {
    /// The NIC.
    pub id: ResourceId,
    /// Where it stands.
    pub span: Span,
    /// User rules of the NIC's NSG; `None` where the view has no such association.
    pub nic: Option<GroupRules>,
    /// User rules of the subnet's NSG.
    pub subnet: Option<GroupRules>,
    /// Id of the associated subnet.
    pub subnet_id: Option<ResourceId>,
    /// Effective rules of both, default rules included.
    pub effective: Vec<EffectiveRule>,
}

/// Rules of an NSG that an association names only by its rules.
#[derive(Debug, Clone)]
pub struct GroupRules {
    /// Id of the NSG, where some rule names it.
    pub nsg: Option<ResourceId>,
    /// User rules.
    pub rules: Vec<SecurityRule>,
}

/// One effective route.
#[derive(Debug, Clone)]
pub struct EffectiveRoute {
    /// Where it stands.
    pub span: Span,
    /// Name of a user-defined route.
    pub name: Option<String>,
    /// `Default`, `User`, `VirtualNetworkGateway`, as written.
    pub source: String,
    /// Is it `Active`?
    pub active: bool,
    /// Prefixes.
    pub prefixes: Vec<IpNet>,
    /// Texts in their place that are none.
    pub unreadable: Vec<String>,
    /// Service tags in their place.
    pub tags: Vec<String>,
    /// Next hop type as written.
    pub next_hop: String,
    /// Next hop addresses.
    pub addresses: Vec<IpAddr>,
    /// `disableBgpRoutePropagation`, which stands beside each route.
    pub disables_propagation: bool,
}

impl EffectiveRoute {
    /// Is it user-defined (semantics.md 3.7)?
    pub fn is_user(&self) -> bool {
        self.source.eq_ignore_ascii_case("user")
    }
}

/// Effective routes of one NIC, as an export.
#[derive(Debug, Clone)]
pub struct EffectiveTable {
    /// The NIC, where the export names it.
    pub nic: Option<ResourceId>,
    /// `disableBgpRoutePropagation` stands beside its routes.
    pub disables_propagation: bool,
    /// Its routes.
    pub routes: Vec<EffectiveRoute>,
}

/// A flow that an NSG decided.
#[derive(Debug, Clone)]
pub struct FlowTuple {
    /// When it was logged; `None` where the time cannot be read.
    pub time: Option<jiff::Timestamp>,
    /// The NSG.
    pub nsg: ResourceId,
    /// Rule name as written.
    pub rule: String,
    /// Direction as the NSG saw it.
    pub direction: Direction,
    /// Protocol; `None` where it is none of those that rules know.
    pub protocol: Option<Protocol>,
    /// Source.
    pub source: IpAddr,
    /// Destination.
    pub destination: IpAddr,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// What was done.
    pub access: Access,
}

/// What a tag holds for one subnet, as an effective list in the input says (semantics.md 1.8).
#[derive(Debug, Clone, Default)]
pub struct TagExpansion {
    /// VirtualNetwork.
    pub virtual_network: Option<AddressSet>,
    /// Internet.
    pub internet: Option<AddressSet>,
    /// The subnet's NSG; `None`: the list has none for it.
    pub nsg: Option<ResourceId>,
    /// Where the list stands.
    pub span: Option<Span>,
}

/// A rule's own name: the part after the last `/`, without `UserRule_` and `DefaultRule_` (semantics.md 6.3).
pub fn bare_rule_name(written: &str) -> &str {
    let name = written.rsplit('/').next().unwrap_or_default().trim();
    name.strip_prefix("UserRule_").or_else(|| name.strip_prefix("DefaultRule_")).unwrap_or(name)
}

/// The extra rules `DefaultInboundDenyAll` and `DefaultOutboundDenyAll` repeat the last default rule (9b.3).
pub fn repeats_default(name: &str) -> bool {
    name.eq_ignore_ascii_case("DefaultInboundDenyAll") || name.eq_ignore_ascii_case("DefaultOutboundDenyAll")
}

impl<T> Answered<T> {
    /// Turns the answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answered<U> {
        match self {
            Answered::Given(value) => Answered::Given(change(value)),
            Answered::Failed { status, code, message } => Answered::Failed { status, code, message },
        }
    }
}
