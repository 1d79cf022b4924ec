//! Security rules, tried one by one (semantics.md 1).

use super::address::{Addr, Prefix};
use super::admin;
use super::case::{Case, Fact, Halt, Known, Place};
use super::read::{list, name, number, reference, references, text, texts, word};
use super::routing;
use super::walk::Flow;
use serde_json::Value;

/// One element of an address side.
#[derive(Debug, Clone)]
pub(super) enum Term {
    Any,
    Net(Prefix),
    Tag(String),
    Bad(String),
}

/// The address side of a rule.
#[derive(Debug, Clone)]
struct Side {
    terms: Vec<Term>,
    groups: Vec<String>,
    /// Network groups of network managers.
    networks: Vec<String>,
}

/// The port side of a rule: ranges, and whether some element is none.
#[derive(Debug, Clone)]
struct Ports {
    ranges: Vec<(u16, u16)>,
    unreadable: bool,
}

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) priority: i64,
    pub(crate) inbound: bool,
    pub(crate) allow: bool,
    protocol: String,
    source: Side,
    destination: Side,
    source_ports: Ports,
    destination_ports: Ports,
}

const DEFAULTS: [(&str, bool, i64, &str, &str, bool); 6] = [
    ("AllowVnetInBound", true, 65000, "VirtualNetwork", "VirtualNetwork", true),
    ("AllowAzureLoadBalancerInBound", true, 65001, "AzureLoadBalancer", "*", true),
    ("DenyAllInBound", true, 65500, "*", "*", false),
    ("AllowVnetOutBound", false, 65000, "VirtualNetwork", "VirtualNetwork", true),
    ("AllowInternetOutBound", false, 65001, "*", "Internet", true),
    ("DenyAllOutBound", false, 65500, "*", "*", false),
];

/// Reads the user rules of an NSG and adds the default rules, which an export may hold or not (1.5).
pub(crate) fn read(objects: &[&Value]) -> Vec<Rule> {
    let mut out: Vec<Rule> = objects.iter().map(|object| rule(object)).collect();
    out.retain(|rule| rule.priority <= 4096);
    for (name, inbound, priority, source, destination, allow) in DEFAULTS {
        let all = || Ports { ranges: vec![(0, u16::MAX)], unreadable: false };
        let side = |text: &str| Side { terms: vec![term(text)], groups: Vec::new(), networks: Vec::new() };
        out.push(Rule {
            name: name.to_owned(),
            priority,
            inbound,
            allow,
            protocol: "*".to_owned(),
            source: side(source),
            destination: side(destination),
            source_ports: all(),
            destination_ports: all(),
        });
    }
    out.sort_by_key(|rule| rule.priority);
    out
}

fn rule(object: &Value) -> Rule {
    let side = |which: &str| {
        let mut all = texts(object, &format!("{which}AddressPrefix"));
        all.extend(texts(object, &format!("{which}AddressPrefixes")));
        let groups = references(object, &format!("{which}ApplicationSecurityGroups"));
        Side { terms: all.iter().map(|text| term(text)).collect(), groups, networks: Vec::new() }
    };
    let ports = |which: &str| {
        let mut all = texts(object, &format!("{which}PortRange"));
        all.extend(texts(object, &format!("{which}PortRanges")));
        let ranges: Vec<Option<(u16, u16)>> = all.iter().map(|text| range(text)).collect();
        let unreadable = ranges.is_empty() || ranges.contains(&None);
        Ports { ranges: ranges.into_iter().flatten().collect(), unreadable }
    };
    Rule {
        name: name(object),
        priority: number(object, "priority").expect("generated rules have a priority"),
        inbound: word(object, "direction") == "inbound",
        allow: word(object, "access") == "allow",
        protocol: word(object, "protocol"),
        source: side("source"),
        destination: side("destination"),
        source_ports: ports("source"),
        destination_ports: ports("destination"),
    }
}

/// Reads a security admin rule (2): an empty side or port list is any.
pub(crate) fn read_admin(object: &Value) -> Rule {
    let side = |which: &str| {
        let (mut terms, mut networks) = (Vec::new(), Vec::new());
        for item in list(object, which) {
            match word(item, "addressPrefixType").as_str() {
                "networkgroup" => networks.extend(reference(item, "addressPrefix").map(|id| id.key)),
                _ => terms.extend(text(item, "addressPrefix").iter().map(|text| term(text))),
            }
        }
        if terms.is_empty() && networks.is_empty() {
            terms.push(Term::Any);
        }
        Side { terms, groups: Vec::new(), networks }
    };
    let ports = |which: &str| {
        let all = texts(object, which);
        let ranges: Vec<Option<(u16, u16)>> = all.iter().map(|text| range(text)).collect();
        let unreadable = ranges.contains(&None);
        let any = if all.is_empty() { Some((0, u16::MAX)) } else { None };
        Ports { ranges: ranges.into_iter().flatten().chain(any).collect(), unreadable }
    };
    let protocol = word(object, "protocol");
    Rule {
        name: name(object),
        priority: number(object, "priority").expect("generated rules have a priority"),
        inbound: word(object, "direction") == "inbound",
        allow: word(object, "access") != "deny",
        protocol: if protocol == "any" { "*".to_owned() } else { protocol },
        source: side("sources"),
        destination: side("destinations"),
        source_ports: ports("sourcePortRanges"),
        destination_ports: ports("destinationPortRanges"),
    }
}

/// 1.2.
pub(super) fn term(text: &str) -> Term {
    let text = text.trim();
    if text == "*" {
        return Term::Any;
    }
    if let Some(prefix) = Prefix::parse(text) {
        return Term::Net(prefix);
    }
    let lower = text.to_ascii_lowercase();
    let named = lower.starts_with(|c: char| c.is_ascii_alphabetic())
        && lower.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
    if named && lower != "any" { Term::Tag(lower) } else { Term::Bad(text.to_owned()) }
}

/// 1.3: `*`, one port, or `low-high`.
pub(crate) fn range(text: &str) -> Option<(u16, u16)> {
    let text = text.trim();
    if text == "*" {
        return Some((0, u16::MAX));
    }
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.trim().parse::<u16>().ok();
    let (low, high) = (port(low)?, port(high)?);
    (low <= high).then_some((low, high))
}

impl Ports {
    fn hold(&self, port: u16) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&port))
    }

    fn hold_all(&self) -> bool {
        let mut ranges = self.ranges.clone();
        ranges.sort_unstable();
        let mut next = 0u32;
        for (low, high) in ranges {
            if u32::from(low) > next {
                return false;
            }
            next = next.max(u32::from(high) + 1);
        }
        next > u32::from(u16::MAX)
    }
}

impl Rule {
    /// Source ports at which some rule may change its mind.
    pub(crate) fn port_edges(&self) -> Vec<u16> {
        let ranges = &self.source_ports.ranges;
        ranges.iter().flat_map(|(low, high)| [*low, high.saturating_add(1), low.saturating_sub(1), *high]).collect()
    }

    /// Does it name a platform tag (1.8)?
    fn names_platform(&self) -> bool {
        self.destination.terms.iter().any(|t| matches!(t, Term::Tag(tag) if tag.starts_with("azureplatform")))
    }

    /// Five-tuple match (1.4). Missing facts are asked for only where everything known matches.
    /// At a private endpoint the source port is read as any (1.10).
    pub(super) fn matches(
        &self,
        case: &Case<'_>,
        nsg: &str,
        flow: &Flow,
        subnet: usize,
        place: &Place,
        endpoint: bool,
    ) -> Result<bool, Halt> {
        if self.protocol != "*" && self.protocol != flow.protocol {
            return Ok(false);
        }
        let ports = self.ports(nsg, flow, endpoint);
        let source = side(case, nsg, self, &self.source, flow.source, subnet);
        let destination = side(case, nsg, self, &self.destination, flow.destination, subnet);
        if [&ports, &source, &destination].contains(&&Known::No) {
            return Ok(false);
        }
        Ok(case.settle(ports, place)? && case.settle(source, place)? && case.settle(destination, place)?)
    }

    fn ports(&self, nsg: &str, flow: &Flow, endpoint: bool) -> Known {
        let both = [(&self.source_ports, flow.source_port), (&self.destination_ports, flow.destination_port)];
        let sides = if endpoint { &both[1..] } else { &both };
        let key = format!("{nsg}/{}/{}", self.inbound, self.name);
        if !flow.has_ports() {
            // A type filter, never confirmed by Microsoft (1.3).
            let plain = sides.iter().all(|(ports, _)| ports.hold_all());
            return if plain { Known::Yes } else { Known::Open(vec![Fact::plain(format!("type filter of {key}"))]) };
        }
        let mut open = false;
        for &(ports, port) in sides {
            match (ports.hold(port), ports.unreadable) {
                (true, _) => {}
                (false, true) => open = true,
                (false, false) => return Known::No,
            }
        }
        if open { Known::Open(vec![Fact::plain(format!("ports of {key}"))]) } else { Known::Yes }
    }
}

fn side(case: &Case<'_>, nsg: &str, rule: &Rule, side: &Side, address: Addr, subnet: usize) -> Known {
    let mut all: Vec<Known> = side.terms.iter().map(|term| element(case, term, address, subnet)).collect();
    if !side.groups.is_empty() {
        all.push(group(case, nsg, rule, &side.groups, address, subnet));
    }
    all.extend(side.networks.iter().map(|group| admin::in_group(case.world, group, address)));
    if side.terms.is_empty() && side.groups.is_empty() && side.networks.is_empty() {
        all.push(element(case, &Term::Bad("(nothing)".to_owned()), address, subnet));
    }
    Known::any(all)
}

pub(super) fn element(case: &Case<'_>, term: &Term, address: Addr, subnet: usize) -> Known {
    let sure = |yes: bool| if yes { Known::Yes } else { Known::No };
    match term {
        Term::Any => Known::Yes,
        Term::Net(prefix) => sure(prefix.holds(address)),
        Term::Bad(text) => Known::Open(vec![Fact::about(&format!("unreadable {text}"), address)]),
        Term::Tag(tag) => routing::in_tag(case.world, tag, address, subnet),
    }
}

/// Members are IP configurations in the own or a peered network (1.9); one empty group beside others makes the rule
/// doubtful.
fn group(case: &Case<'_>, nsg: &str, rule: &Rule, groups: &[String], address: Addr, subnet: usize) -> Known {
    let world = case.world;
    let Some(own) = world.subnets.get(subnet) else { return Known::No };
    let reached = |vnet: Option<usize>| {
        vnet.is_none_or(|v| v == own.vnet || routing::peers(world, subnet).iter().any(|peer| peer.remote == Some(v)))
    };
    let members = |group: &String| world.ends.iter().filter(|end| end.groups.contains(group)).collect::<Vec<_>>();
    let hit = groups.iter().flat_map(members).any(|end| end.address == address && reached(world.vnet_of_end(end)));
    let doubtful = groups.len() > 1 && groups.iter().any(|group| members(group).is_empty());
    let rule = format!("{nsg}/{}/{}", rule.inbound, rule.name);
    let peers = routing::peers(world, subnet);
    let near = [own.vnet].into_iter().chain(peers.iter().filter_map(|peer| peer.remote));
    let unseen = !hit && !case.assumed.no_unseen_nics && world.unseen_server(address, near);
    match (hit, doubtful) {
        (false, _) if unseen => Known::Open(vec![Fact::about(&format!("member by {rule}"), address)]),
        (false, _) => Known::No,
        (true, false) => Known::Yes,
        (true, true) => Known::Open(vec![Fact::plain(format!("empty group of {rule}"))]),
    }
}

/// DHCP, DNS, agent and metadata traffic, which NSGs let pass unless a rule names it (1.8).
fn is_platform_traffic(flow: &Flow) -> bool {
    let agent = [53, 67, 68, 80, 443, 32526].contains(&flow.destination_port);
    let (host, metadata) = (routing::PLATFORM.holds(flow.destination), routing::METADATA.holds(flow.destination));
    metadata && flow.destination_port == 80 || host && agent
}

/// One NSG: the place of the rule that allows; `None` where no rule speaks.
pub(crate) fn gate(
    case: &Case<'_>,
    nsg: &super::read::Id,
    inbound: bool,
    stage: &'static str,
    flow: &Flow,
    subnet: usize,
    endpoint: bool,
) -> Result<Option<Place>, Halt> {
    let Some(rules) = case.world.nsgs.get(&nsg.key) else {
        let place = Place::of(stage, Some(nsg.name()));
        let fact = Fact::plain(format!("missing nsg {} {inbound} allows", nsg.key));
        return if case.ask(fact, &place)? { Ok(Some(place)) } else { Err(Halt::Deny(place)) };
    };
    let platform = !inbound && is_platform_traffic(flow);
    for rule in rules.iter().filter(|rule| rule.inbound == inbound && (!platform || rule.names_platform())) {
        let place =
            Place { stage, resource: Some(case.world.shown(nsg)), rule: Some(rule.name.clone()), order: rule.priority };
        if rule.matches(case, &nsg.key, flow, subnet, &place, endpoint)? {
            return if rule.allow { Ok(Some(place)) } else { Err(Halt::Deny(place)) };
        }
    }
    Ok(None)
}
