//! One possible world: what is taken as true of facts that the input does not hold.
//!
//! A fact that is missing is asked for with [`Context::ask`]. Without an answer the evaluation halts and names it; the
//! caller tries both answers. So a verdict is certain exactly where every possible world agrees.

use super::journey::Branch;
use super::trace::Step;
use crate::compile::{Network, Stage};
use crate::diagnostic::{Code, Span};
use crate::model::{Direction, ResourceId};
use crate::net::Flow;
use std::collections::HashMap;
use std::net::IpAddr;

/// What a rule belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// An NSG, by index into the network's filters.
    Nsg(usize),
    /// The security admin rules.
    Admin,
    /// An Azure Firewall, by index.
    Firewall(usize),
}

/// Identity of a rule: what it belongs to, and its number there.
pub type RuleKey = (Owner, u32);

/// Something that the input does not hold and a verdict may depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fact {
    /// Is the address in the service tag (lower case)?
    Tag(String, IpAddr),
    /// Does an unreadable address element hold the address?
    Unreadable(String, IpAddr),
    /// Does a rule with an empty application security group beside others match?
    EmptyGroup(RuleKey),
    /// Does a rule with ports match a protocol that has none?
    PortFilter(RuleKey),
    /// Does a rule with unreadable ports match?
    Ports(RuleKey),
    /// Does a rule of unreadable protocol match?
    RuleProtocol(RuleKey),
    /// Does a rule of unreadable access allow?
    Access(RuleKey),
    /// Does a rule of unknown place in the order decide?
    Unplaced(RuleKey),
    /// Does an NSG that is not in the input allow?
    MissingNsg(String, Direction),
    /// Does a route table that is not in the input leave the system routes alone?
    MissingTable(String),
    /// Does a NIC that is not in the input allow?
    UnseenNic(IpAddr),
    /// Is there an appliance at the next hop address?
    NextHop(IpAddr),
    /// Does the appliance let the flow through?
    Appliance(IpAddr),
    /// Does a firewall that is not in the input translate the source?
    ApplianceTranslates(IpAddr),
    /// Does traffic cross a peering without virtual network access?
    PeeringAccess(String),
    /// Does a route of a table that is not in the input deliver where the system routes do not?
    TableDelivers(String, IpAddr),
    /// Is its prefix there longer than any other?
    NarrowTagRoute(String, IpAddr),
    /// Does a route of unreadable prefix leave the address alone?
    UnreadableRoute(String, IpAddr),
    /// Does a route of unreadable next hop deliver the address in the virtual network?
    UnreadableHop(String, IpAddr),
    /// Does it otherwise lead to where the input ends, and not drop?
    UnreadableHopDelivers(String, IpAddr),
    /// Does the destination accept the unknown public source address?
    PublicSource(String),
    /// Is a gateway without network isolation, which is not in the input, in the subnet?
    UnseenGateway(usize),
    /// Does a security admin rule decide?
    AdminDecides(usize, Direction),
    /// Does it deny?
    AdminDenies(usize, Direction),
    /// Is the address a member of an IP group or network group that is not in the input?
    GroupMember(ResourceId, IpAddr),
    /// Is an IP group that is not in the input empty?
    GroupEmpty(ResourceId),
    /// Is what the network group or collection configures applied to the virtual network?
    AppliesTo(ResourceId, usize),
    /// Does the scope of a network manager that is not in the input hold a management group?
    ManagerScope(ResourceId),
    /// Does the name stand for the address?
    Name(String, IpAddr),
    /// Does a policy or rule collection group that is not in the input decide?
    PolicyDecides(ResourceId),
    /// Does it allow?
    PolicyAllows(ResourceId),
    /// Does it translate the source?
    PolicyTranslates(ResourceId),
    /// Is the private endpoint, whose address is not in the input, at this address?
    PrivateEndpointAt(ResourceId, IpAddr),
    /// Is the connection of a private endpoint that is not in the input approved?
    EndpointApproved(ResourceId),
    /// Are two virtual networks, of which one has no location in the input, in one region?
    SameRegion(usize, usize),
    /// Do the unreadable policies of a subnet hold for private endpoints?
    EndpointPolicies(usize),
    /// Does a route with `hasBgpOverride` beat longer gateway routes?
    BgpOverride(String),
    /// Does a route table with `disablePeeringRoute` leave the peering's route alone?
    PeeringRoute(String),
    /// Does a server of a load balancer, which is not in the input, let the flow in?
    PoolMember(String),
    /// Does it hold for the health probe of a load balancer? Another flow than the one that is asked about.
    OfProbe(Box<Fact>),
    /// Is the address a frontend of a load balancer that is not in the input?
    Frontend(ResourceId, IpAddr),
    /// Does something that is not evaluated let the flow through?
    NotModelled(String),
    /// Does a peered virtual network that is not in the input let the flow in?
    RemoteVnet(String),
    /// Does a subnet that is not in the input let the flow through?
    MissingSubnet(String),
    /// Does the owner of a public IP address that is not in the input let the flow in?
    MissingPublicIp(ResourceId),
    /// Is the public IP address, which is not in the input, this one?
    PublicIpIs(ResourceId, IpAddr),
    /// Do prefixes that are not in the input hold the address?
    OpenPrefix(String, IpAddr),
    /// Is a NIC that is not in the input a member of the rule's application security groups?
    UnseenMember(RuleKey, IpAddr),
    /// Does the first of two rules of equal priority count?
    Tie(RuleKey),
    /// Does the first of two routes of one prefix count?
    RouteTie(String),
    /// Does the first of two NICs with one address answer?
    SharedAddress(IpAddr),
}

impl Fact {
    /// Is it about what becomes of a flow, and not about what is where? Another flow may meet another answer.
    pub fn follows_flow(&self) -> bool {
        matches!(
            self,
            Fact::MissingNsg(..)
                | Fact::UnseenNic(_)
                | Fact::Ports(_)
                | Fact::RuleProtocol(_)
                | Fact::AdminDecides(..)
                | Fact::AdminDenies(..)
        )
    }

    /// The address that the fact is about. Facts about different sources are independent of each other.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Fact::Tag(_, a)
            | Fact::Unreadable(_, a)
            | Fact::UnseenNic(a)
            | Fact::NextHop(a)
            | Fact::Appliance(a)
            | Fact::ApplianceTranslates(a)
            | Fact::OpenPrefix(_, a)
            | Fact::UnseenMember(_, a)
            | Fact::SharedAddress(a)
            | Fact::TableDelivers(_, a)
            | Fact::UnreadableRoute(_, a)
            | Fact::GroupMember(_, a)
            | Fact::Name(_, a)
            | Fact::PrivateEndpointAt(_, a)
            | Fact::PublicIpIs(_, a)
            | Fact::Frontend(_, a)
            | Fact::UnreadableHop(_, a)
            | Fact::UnreadableHopDelivers(_, a)
            | Fact::NarrowTagRoute(_, a) => Some(*a),
            _ => None,
        }
    }
}

/// Where a flow was decided or could not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<'n> {
    /// Stage.
    pub stage: Stage,
    /// Resource as displayed.
    pub resource: Option<&'n str>,
    /// Rule or route.
    pub rule: Option<&'n str>,
    /// Priority of a rule.
    pub priority: Option<i64>,
    /// Place of a rule or route.
    pub span: Option<Span>,
    /// Identity of an NSG rule.
    pub key: Option<RuleKey>,
}

impl<'n> At<'n> {
    /// A stage without a rule.
    pub fn new(stage: Stage, resource: Option<&'n str>) -> Self {
        At { stage, resource, rule: None, priority: None, span: None, key: None }
    }

    /// The same place with a rule.
    #[must_use]
    pub fn rule(mut self, rule: Option<&'n str>, span: Option<Span>) -> Self {
        self.rule = rule;
        self.span = span;
        self
    }
}

/// What one concrete flow meets in one possible world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome<'n> {
    /// Does it arrive and is its reply routed back?
    pub allowed: bool,
    /// Allowed: the last filter that matched. Denied: where.
    pub at: Option<At<'n>>,
}

/// The evaluation of a flow ends.
#[derive(Debug, Clone)]
pub enum Halt<'n> {
    /// It is decided.
    Settled(Outcome<'n>),
    /// A fact is missing, at a place.
    Unknown(Box<(Fact, At<'n>)>),
    /// It goes on in several ways, each to be judged on its own: translated sources, pool members.
    Split(Vec<Branch<'n>>),
}

impl<'n> Halt<'n> {
    /// The flow is denied at a place.
    pub fn deny(at: At<'n>) -> Self {
        Halt::Settled(Outcome { allowed: false, at: Some(at) })
    }
}

/// The result of a part of the evaluation.
pub type Walked<'n, T> = Result<T, Halt<'n>>;

/// A remark made during the evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Entry of the code table.
    pub code: &'static Code,
    /// What it is about: the id of a resource, an address, a tag.
    pub subject: String,
    /// Rule or route.
    pub rule: Option<String>,
    /// Place.
    pub span: Option<Span>,
}

/// Rules and routes that are taken away for a counterfactual question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// NSG rules.
    pub rules: Vec<RuleKey>,
    /// User-defined routes: table as displayed, and route name.
    pub routes: Vec<(String, String)>,
}

/// For each filter, direction and subnet: numbers of the rules that can match one fixed source at all.
#[derive(Debug)]
pub struct Projection {
    /// The source.
    pub source: IpAddr,
    /// Positions in the direction's rule list, ascending.
    pub candidates: HashMap<(usize, Direction, usize), Vec<u32>>,
}

/// One possible world of one question.
#[derive(Debug)]
pub struct Context<'c, 'n> {
    /// The network.
    pub network: &'n Network<'n>,
    /// Answers to facts.
    pub assume: &'c [(Fact, bool)],
    /// Rules and routes that are taken away.
    pub removed: &'c Removed,
    /// Address that stands for the instances of a scale-set model, and their application security groups.
    pub model_address: Option<IpAddr>,
    /// See [`Context::model_address`].
    pub destination_groups: &'n [ResourceId],
    /// Rules that can match the source, where they were worked out beforehand.
    pub projection: Option<&'c Projection>,
    /// Source ports of rules are not looked at: the destination is a private endpoint (semantics.md 1.10).
    pub any_source_port: bool,
    /// Remarks so far.
    pub notes: Vec<Note>,
    /// Steps so far, where a trace is wanted.
    pub trace: Option<Vec<Step<'n>>>,
    /// The rules that decided, each with the flow as it saw it and the subnet, where a trace is wanted.
    pub met: Vec<(RuleKey, Flow, usize)>,
    /// The rule or place being judged.
    pub here: At<'n>,
}

impl<'c, 'n> Context<'c, 'n> {
    /// A world in which the given facts hold or do not.
    pub fn new(network: &'n Network<'n>, assume: &'c [(Fact, bool)], removed: &'c Removed) -> Self {
        let here = At::new(Stage::AdminOut, None);
        Context {
            network,
            assume,
            removed,
            model_address: None,
            destination_groups: &[],
            projection: None,
            any_source_port: false,
            notes: Vec::new(),
            trace: None,
            met: Vec::new(),
            here,
        }
    }

    /// The answer to a fact, or the halt that names it.
    pub fn ask(&mut self, fact: Fact) -> Walked<'n, bool> {
        match self.assume.iter().find(|(known, _)| *known == fact) {
            Some((_, answer)) => Ok(*answer),
            None => Err(Halt::Unknown(Box::new((fact, self.here)))),
        }
    }

    /// Makes a remark once.
    pub fn note(&mut self, code: &'static Code, subject: &str) {
        let place = self.here;
        let rule = place.rule.filter(|_| place.span.is_some() || place.key.is_some()).map(str::to_owned);
        let note = Note { code, subject: subject.to_owned(), rule, span: place.span };
        if !self.notes.iter().any(|known| known.code == code && known.subject == note.subject) {
            self.notes.push(note);
        }
    }

    /// Keeps what a rule decided on, where a trace is wanted.
    pub fn met(&mut self, at: At<'n>, flow: &Flow, subnet: usize) {
        if let (Some(key), true) = (at.key, self.trace.is_some()) {
            self.met.push((key, *flow, subnet));
        }
    }

    /// Adds a step to the trace, where one is wanted.
    pub fn step(&mut self, step: impl FnOnce() -> Step<'n>) {
        if let Some(trace) = &mut self.trace {
            trace.push(step());
        }
    }
}
