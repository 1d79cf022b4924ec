//! Azure Firewall: order of rules, matching, translation (semantics.md 4).

use super::address::{Addr, Prefix};
use super::case::{Case, Fact, Halt, Known, Place};
use super::read::{Id, field, id_of, list, name, number, reference, references, text, texts, word};
use super::routing::is_private;
use super::rules::{self, Term, range};
use super::walk::{Flow, Ways};
use super::world::{Resources, World};
use serde_json::Value;
use std::collections::BTreeMap;

/// A firewall.
#[derive(Debug)]
pub(crate) struct Firewall {
    pub(crate) id: Id,
    pub(crate) subnet: Option<Id>,
    pub(crate) private: Vec<Addr>,
    /// Public IP address resources.
    pub(super) publics: Vec<String>,
    policy: Option<Id>,
    classic: Book,
}

/// Rules of one firewall or policy, in order, and its settings.
#[derive(Debug, Default)]
struct Book {
    base: Option<Id>,
    rules: Vec<FirewallRule>,
    /// Rule collection groups that it lists and that are not in the snapshot.
    unseen: Vec<Id>,
    private_ranges: Vec<String>,
}

/// Everything that firewalls need.
#[derive(Debug, Default)]
pub(crate) struct Firewalls {
    pub(crate) all: Vec<Firewall>,
    policies: BTreeMap<String, Book>,
    /// Groups whose policy is not in the snapshot.
    orphans: BTreeMap<String, Book>,
    /// Elements of IP groups.
    groups: BTreeMap<String, Vec<String>>,
}

/// Type of a rule, in the order of evaluation (4.1).
const KINDS: [&str; 3] = ["nat", "network", "application"];

/// One rule.
#[derive(Debug)]
struct FirewallRule {
    name: String,
    kind: String,
    allow: bool,
    protocols: Vec<String>,
    /// Ports of an application rule's protocols.
    application: Vec<u16>,
    source: Vec<String>,
    source_groups: Vec<String>,
    destination: Vec<String>,
    destination_groups: Vec<String>,
    fqdns: Vec<String>,
    ports: Vec<String>,
    translated: (Option<Addr>, Option<u16>),
}

/// What a firewall lets through.
#[derive(Debug)]
struct Passed<'w> {
    place: Place,
    /// The source becomes an address of the firewall's subnet.
    translates: bool,
    /// `None` where it is something that is not in the snapshot.
    rule: Option<&'w FirewallRule>,
}

/// Reads them.
pub(crate) fn read(resources: &Resources<'_>) -> Firewalls {
    let mut out = Firewalls::default();
    for (key, object) in resources.of("ipgroups") {
        out.groups.insert(key.to_owned(), texts(object, "ipAddresses"));
    }
    let groups = resources.of("firewallpolicies/rulecollectiongroups");
    for (key, object) in resources.of("firewallpolicies") {
        let listed = list(object, "ruleCollectionGroups").into_iter().filter_map(id_of);
        let book = Book {
            base: reference(object, "basePolicy"),
            rules: rules_of(key, &groups),
            unseen: listed.filter(|id| resources.get(&id.key).is_none()).collect(),
            private_ranges: field(object, "snat").map(|snat| texts(snat, "privateRanges")).unwrap_or_default(),
        };
        out.policies.insert(key.to_owned(), book);
    }
    for (own, _) in &groups {
        let Some((policy, _)) = own.rsplit_once("/rulecollectiongroups/") else { continue };
        if !out.policies.contains_key(policy) {
            let rules = rules_of(policy, &groups);
            out.orphans.insert(policy.to_owned(), Book { rules, ..Book::default() });
        }
    }
    for (_, object) in resources.of("azurefirewalls") {
        out.all.extend(firewall(object));
    }
    out
}

/// Rules of a policy's groups in their order.
fn rules_of(policy: &str, groups: &[(&str, &Value)]) -> Vec<FirewallRule> {
    let own = groups.iter().filter(|(own, _)| own.starts_with(&format!("{policy}/")));
    let mut own: Vec<(i64, String, &Value)> =
        own.map(|(_, group)| (number(group, "priority").unwrap_or(0), name(group).to_lowercase(), *group)).collect();
    own.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    own.iter().flat_map(|(_, _, group)| collections(group, "ruleCollections", "")).collect()
}

fn firewall(object: &Value) -> Option<Firewall> {
    let configurations = list(object, "ipConfigurations");
    let more = field(object, "additionalProperties");
    let ranges = more.and_then(|more| text(more, "Network.SNAT.PrivateRanges")).unwrap_or_default();
    let mut rules = Vec::new();
    for kind in KINDS {
        rules.extend(collections(object, &format!("{kind}RuleCollections"), kind));
    }
    Some(Firewall {
        id: id_of(object)?,
        subnet: configurations.iter().find_map(|c| reference(c, "subnet")),
        private: configurations.iter().filter_map(|c| Addr::parse(&text(c, "privateIPAddress")?)).collect(),
        publics: configurations.iter().filter_map(|c| reference(c, "publicIPAddress")).map(|id| id.key).collect(),
        policy: reference(object, "firewallPolicy"),
        classic: Book {
            rules,
            private_ranges: ranges.split(',').map(|part| part.trim().to_owned()).filter(|p| !p.is_empty()).collect(),
            ..Book::default()
        },
    })
}

/// Rules of collections by priority; inside a collection top-down.
fn collections(object: &Value, key: &str, kind: &str) -> Vec<FirewallRule> {
    let mut all = list(object, key);
    all.sort_by_key(|collection| number(collection, "priority").unwrap_or(0));
    let mut out = Vec::new();
    for collection in all {
        let action = field(collection, "action").map(|action| word(action, "type")).unwrap_or_default();
        out.extend(list(collection, "rules").into_iter().map(|object| rule(object, kind, action != "deny")));
    }
    out
}

fn rule(object: &Value, kind: &str, allow: bool) -> FirewallRule {
    let own = word(object, "ruleType");
    let kind = if kind.is_empty() { own.trim_end_matches("rule") } else { kind };
    let protocols = list(object, "protocols").into_iter().chain(list(object, "ipProtocols"));
    let lower = |texts: Vec<String>| texts.iter().map(|text| text.trim().to_lowercase()).collect();
    FirewallRule {
        name: name(object),
        kind: kind.to_owned(),
        allow,
        protocols: protocols.clone().filter_map(Value::as_str).map(str::to_lowercase).collect(),
        application: protocols.filter_map(|p| u16::try_from(number(p, "port")?).ok()).collect(),
        source: texts(object, "sourceAddresses"),
        source_groups: references(object, "sourceIpGroups"),
        destination: texts(object, "destinationAddresses"),
        destination_groups: references(object, "destinationIpGroups"),
        fqdns: lower([texts(object, "destinationFqdns"), texts(object, "targetFqdns")].concat()),
        ports: texts(object, "destinationPorts"),
        translated: (
            text(object, "translatedAddress").and_then(|text| Addr::parse(&text)),
            number(object, "translatedPort").and_then(|port| u16::try_from(port).ok()),
        ),
    }
}

impl Firewall {
    /// Its first public address.
    pub(super) fn public(&self, world: &World) -> Option<Addr> {
        self.publics.iter().find_map(|key| world.public_address(key))
    }

    /// Is the address one of its public ones?
    pub(super) fn is_public(&self, world: &World, address: Addr) -> bool {
        self.publics.iter().any(|key| world.public_address(key) == Some(address))
    }

    /// Its own book, and those of the policies that it inherits from, the farthest first.
    fn books<'w>(&'w self, world: &'w World) -> Vec<Result<&'w Book, &'w Id>> {
        let mut out = Vec::new();
        let mut next = self.policy.as_ref();
        if next.is_none() {
            return vec![Ok(&self.classic)];
        }
        while let Some(id) = next {
            let book = world.firewalls.policies.get(&id.key);
            if let (None, Some(orphan)) = (book, world.firewalls.orphans.get(&id.key)) {
                out.insert(0, Ok(orphan));
            }
            out.insert(0, book.ok_or(id));
            next = book.and_then(|book| book.base.as_ref()).filter(|_| out.len() < 8);
        }
        out
    }

    /// Usable addresses of its subnet: what a translated flow may come from.
    pub(super) fn outward(&self, world: &World, six: bool) -> Vec<Addr> {
        let own = world.subnets.iter().find(|subnet| Some(&subnet.key) == self.subnet.as_ref().map(|id| &id.key));
        let prefixes = own.map(|own| own.prefixes.as_slice()).unwrap_or_default();
        prefixes.iter().filter(|prefix| prefix.six == six).flat_map(Prefix::usable).collect()
    }

    /// Are the sources of network rules translated toward this destination (4.2)?
    fn translates(&self, world: &World, destination: Addr) -> bool {
        let own = self.policy.as_ref().and_then(|id| world.firewalls.policies.get(&id.key));
        let book = own.unwrap_or(&self.classic);
        let ranges = &book.private_ranges;
        if ranges.iter().any(|text| text == "0.0.0.0/0") {
            return false;
        }
        if ranges.is_empty() {
            return !is_private(destination);
        }
        let held = |text: &String| match text.to_lowercase().as_str() {
            "255.255.255.255/32" => false,
            "ianaprivateranges" => is_private(destination),
            text => Prefix::parse(text).is_some_and(|prefix| prefix.holds(destination)),
        };
        let always = ranges.iter().any(|text| text == "255.255.255.255/32");
        always || !ranges.iter().any(held)
    }

    fn place(&self, world: &World, rule: Option<&FirewallRule>) -> Place {
        Place { rule: rule.map(|rule| rule.name.clone()), ..Place::of("firewall", Some(world.shown(&self.id))) }
    }

    /// Judges a flow: by which rule it passes. DNAT rules count for the firewall's own addresses, application rules not
    /// for flows from the Internet (4.1).
    fn judge<'w>(&'w self, case: &Case<'w>, flow: &Flow, outside: bool) -> Result<Passed<'w>, Halt> {
        let world = case.world;
        let books = self.books(world);
        let default = self.place(world, None);
        // What is not in the snapshot may hold any rule, and one that comes first.
        for id in books.iter().flat_map(|book| book.map_or_else(|id| vec![id], |book| book.unseen.iter().collect())) {
            if !case.ask(Fact::plain(format!("{} decides", id.key)), &default)? {
                continue;
            }
            if !case.ask(Fact::plain(format!("{} allows", id.key)), &default)? {
                return Err(Halt::Deny(default));
            }
            let own = self.policy.as_ref().is_none_or(|own| own.key != id.key);
            let certain = if own { self.translates(world, flow.destination) } else { !is_private(flow.destination) };
            let translates = certain || case.ask(Fact::plain(format!("{} translates", id.key)), &default)?;
            return Ok(Passed { place: default, translates, rule: None });
        }
        for kind in KINDS {
            let asked = kind != "application" || !outside;
            let held = books.iter().flatten().flat_map(|book| &book.rules);
            for rule in held.filter(|rule| asked && rule.kind == kind) {
                let place = self.place(world, Some(rule));
                let own = self.may_own(world, flow.destination);
                if kind == "nat" && own.as_ref().is_some_and(Vec::is_empty)
                    || !rule.matches(case, self, flow, &place)?
                {
                    continue;
                }
                let mut unseen = own.into_iter().flatten().filter(|_| kind == "nat").peekable();
                if unseen.peek().is_some() && !Self::one_of(case, unseen, flow.destination)? {
                    continue;
                }
                if !rule.allow {
                    return Err(Halt::Deny(place));
                }
                let translates = kind != "network" || self.translates(world, flow.destination);
                return Ok(Passed { place, translates, rule: Some(rule) });
            }
        }
        Err(Halt::Deny(default))
    }

    /// `None`: the address is its own. Else the public IP addresses that it names and that are not in the snapshot: an
    /// address that nothing of the snapshot has may be theirs.
    fn may_own(&self, world: &World, address: Addr) -> Option<Vec<&String>> {
        if self.private.contains(&address) || self.is_public(world, address) {
            return None;
        }
        let held = is_private(address) || world.publics.iter().any(|public| public.address == Some(address));
        Some(self.publics.iter().filter(|key| !held && world.public_address(key).is_none()).collect())
    }

    fn one_of<'k>(case: &Case<'_>, keys: impl Iterator<Item = &'k String>, address: Addr) -> Result<bool, Halt> {
        for key in keys {
            let place = Place::of("firewall", key.rsplit('/').next().map(str::to_owned));
            if case.ask(Fact::about(&format!("{key} is"), address), &place)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A flow that is routed through it: as it goes on, and whether its source is another now.
    pub(super) fn pass(&self, case: &Case<'_>, flow: &Flow, ways: &mut Ways<'_>) -> Result<(Flow, Place, bool), Halt> {
        let passed = self.judge(case, flow, false)?;
        let flow = if passed.translates { self.dialled(case, flow, &passed.place, ways)? } else { flow.clone() };
        Ok((flow, passed.place, passed.translates))
    }

    /// A flow to one of its own addresses: the flow to the translated destination. Nothing else answers there.
    pub(super) fn dnat(
        &self,
        case: &Case<'_>,
        flow: &Flow,
        outside: bool,
        ways: &mut Ways<'_>,
    ) -> Result<(Flow, Place), Halt> {
        let passed = self.judge(case, flow, outside)?;
        let Some(rule) = passed.rule else { return Err(Halt::Arrives(Some(passed.place))) };
        if rule.kind != "nat" {
            return Err(Halt::Deny(self.place(case.world, None)));
        }
        let destination = rule.translated.0.unwrap_or(flow.destination);
        let destination_port = rule.translated.1.unwrap_or(flow.destination_port);
        let flow = Flow { destination, destination_port, ..flow.clone() };
        Ok((self.dialled(case, &flow, &passed.place, ways)?, passed.place))
    }

    /// The source becomes any address of the firewall's subnet.
    fn dialled(&self, case: &Case<'_>, flow: &Flow, place: &Place, ways: &mut Ways<'_>) -> Result<Flow, Halt> {
        let open = self.outward(case.world, flow.destination.six);
        if open.is_empty() {
            return Err(Halt::Deny(place.clone()));
        }
        let source = open[ways.choose(open.clone())?];
        Ok(Flow { source, ..flow.clone() })
    }
}

impl FirewallRule {
    /// 4.2.
    fn matches(&self, case: &Case<'_>, firewall: &Firewall, flow: &Flow, place: &Place) -> Result<bool, Halt> {
        let subnet = case
            .world
            .subnets
            .iter()
            .position(|subnet| Some(&subnet.key) == firewall.subnet.as_ref().map(|id| &id.key));
        let groups = &case.world.firewalls.groups;
        let named = || self.source_groups.iter().chain(&self.destination_groups);
        // An emptied IP group makes the rule skipped, whatever else it names.
        let emptied = named().any(|key| groups.get(key).is_some_and(Vec::is_empty));
        if emptied || !self.takes(flow) {
            return Ok(false);
        }
        let side = |own: &[String], keys: &[String], address: Addr| {
            if own.is_empty() && keys.is_empty() {
                // Nothing that Azure would take: it may mean anything.
                return rules::element(case, &Term::Bad("(nothing)".to_owned()), address, subnet.unwrap_or(0));
            }
            let terms = own.iter().map(|text| element(case, text, address, subnet));
            let of_group = |key: &String| match groups.get(key) {
                Some(texts) => Known::any(texts.iter().map(|text| element(case, text, address, subnet))),
                None => Known::Open(vec![Fact::about(&format!("in ip group {key}"), address)]),
            };
            Known::any(terms.chain(keys.iter().map(of_group)))
        };
        let source = side(&self.source, &self.source_groups, flow.source);
        let mut destination = vec![];
        let named_only =
            self.kind == "application" || self.destination.is_empty() && self.destination_groups.is_empty();
        if named_only && self.fqdns.is_empty() {
            destination.push(side(&[], &[], flow.destination));
        } else if !named_only {
            destination.push(side(&self.destination, &self.destination_groups, flow.destination));
        }
        destination.extend(self.fqdns.iter().map(|fqdn| match fqdn.as_str() {
            "*" if self.kind == "application" => Known::Yes,
            fqdn => Known::Open(vec![Fact::about(&format!("{fqdn} stands for"), flow.destination)]),
        }));
        let destination = Known::any(destination);
        if source == Known::No || destination == Known::No {
            return Ok(false);
        }
        for key in named().filter(|key| !groups.contains_key(*key)) {
            if case.ask(Fact::plain(format!("ip group {key} is empty")), place)? {
                return Ok(false);
            }
        }
        Ok(case.settle(source, place)? && case.settle(destination, place)?)
    }

    /// Protocol and port.
    fn takes(&self, flow: &Flow) -> bool {
        if self.kind == "application" {
            return flow.protocol == "tcp" && self.application.contains(&flow.destination_port);
        }
        let named = self.protocols.contains(&flow.protocol);
        let any = self.protocols.iter().any(|protocol| protocol == "any");
        let port = |port: u16| {
            self.ports.iter().filter_map(|text| range(text)).any(|(low, high)| (low..=high).contains(&port))
        };
        if flow.has_ports() {
            return (named || any) && port(flow.destination_port);
        }
        // `Any` with explicit ports is TCP and UDP only.
        named || any && self.ports.iter().any(|text| matches!(text.trim(), "*" | "0-65535"))
    }
}

/// An address, a prefix, a range, a tag or `*`.
fn element(case: &Case<'_>, text: &str, address: Addr, subnet: Option<usize>) -> Known {
    let ends = text.split_once('-').map(|(low, high)| (Addr::parse(low), Addr::parse(high)));
    if let Some((Some(low), Some(high))) = ends {
        let held = low.six == address.six && (low.bits..=high.bits).contains(&address.bits);
        return if held { Known::Yes } else { Known::No };
    }
    match (rules::term(text), subnet) {
        (Term::Tag(_), None) => Known::No,
        (term, subnet) => rules::element(case, &term, address, subnet.unwrap_or(0)),
    }
}

/// The firewall that has a private address, in one of these networks.
pub(super) fn firewall_at<'w>(world: &'w World, address: Addr, vnets: &[usize]) -> Option<(&'w Firewall, usize)> {
    world.firewalls.all.iter().find_map(|firewall| {
        let subnet =
            world.subnets.iter().position(|subnet| Some(&subnet.key) == firewall.subnet.as_ref().map(|id| &id.key))?;
        let near = vnets.contains(&world.subnets[subnet].vnet) && firewall.private.contains(&address);
        near.then_some((firewall, subnet))
    })
}
