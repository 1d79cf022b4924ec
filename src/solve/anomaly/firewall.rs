//! # Azure Firewall (GP234 to GP239, GP243, GP819, GP849)
//!
//! Rules of firewall policies (rule collection groups) and of classic firewalls (semantics.md 4).
//!
//! * **GP234**: the priority of a rule collection group or collection is missing or outside 100 to 65000.
//! * **GP235**: two groups of one policy, or two collections of one group (in a classic firewall: of one type), have
//!   the same priority.
//! * **GP236** `FirewallPolicyRuleConditionInvalidPortOrRangeFormat` (GH Azure/azure-rest-api-specs#11831; classic
//!   firewalls answer otherwise): a port that is none, or a port of an application rule above 64000.
//! * **GP237**: an address of a rule or IP group that is none. Ranges `a-b` are fine here; tags in IP groups are not.
//! * **GP238**: a wildcard in an FQDN of a network rule.
//! * **GP239**: no known rule type, protocol or action, or a side without any value.
//! * **GP243**: an element of `snat.privateRanges`, or of a classic firewall's `Network.SNAT.PrivateRanges`, that is no
//!   prefix (semantics.md 4.2).
//! * **GP819**: FQDNs in network rules of a policy without DNS proxy, which no policy that inherits from it has either
//!   (edge case E114).
//! * **GP849**: a rule names an IP group without addresses: Azure skips the rule (edge case E113).

use super::list_words;
use crate::diagnostic::{Code, Diagnostic, Span, code};
use crate::model::{
    FirewallProtocol, FirewallRule, FirewallRuleKind, FirewallSettings, FirewallSide, FirewallTerm, IpGroup, PortTerm,
    ResourceId, RuleCollection, Setting, Snapshot, SnatRange,
};
use std::collections::BTreeMap;

/// Every policy's groups, every classic firewall and every IP group.
pub(super) fn check(snapshot: &Snapshot, out: &mut Vec<Diagnostic>) {
    let mut by_policy: BTreeMap<Option<ResourceId>, Vec<Ranked<'_>>> = BTreeMap::new();
    for group in snapshot.rule_collection_groups.values() {
        let policy = group.id.parent();
        let proxy = policy.as_ref().is_none_or(|policy| has_proxy(snapshot, policy));
        let holder = Holder { snapshot, id: &group.id, name: &group.name, classic: false, proxy };
        holder.priority(&format!("rule collection group {}", group.name), &group.priority, group.span, out);
        holder.same_priority(group.collections.iter().map(ranked), out);
        holder.collections(&group.collections, out);
        by_policy.entry(policy).or_default().push((&group.name, &group.priority, group.span));
    }
    for (policy, groups) in by_policy {
        let Some(id) = &policy else { continue };
        let holder = Holder { snapshot, id, name: id.name(), classic: false, proxy: true };
        holder.same_priority(groups.into_iter(), out);
    }
    for firewall in snapshot.firewalls.values() {
        let proxy = firewall.settings.dns_proxy;
        let holder = Holder { snapshot, id: &firewall.id, name: &firewall.name, classic: true, proxy };
        for kind in [FirewallRuleKind::Dnat, FirewallRuleKind::Network, FirewallRuleKind::Application] {
            let of = |c: &&RuleCollection| c.rules.first().is_some_and(|rule| rule.kind.value() == Some(&kind));
            holder.same_priority(firewall.collections.iter().filter(of).map(ranked), out);
        }
        holder.collections(&firewall.collections, out);
    }
    for group in snapshot.ip_groups.values() {
        ip_group(group, out);
    }
    for policy in snapshot.firewall_policies.values() {
        private_ranges(&policy.id, &policy.settings, out);
    }
    for firewall in snapshot.firewalls.values() {
        private_ranges(&firewall.id, &firewall.settings, out);
    }
}

fn private_ranges(id: &ResourceId, settings: &FirewallSettings, out: &mut Vec<Diagnostic>) {
    for range in &settings.private_ranges {
        let SnatRange::Invalid(text) = range else { continue };
        let message = format!(
            "the private range {:?} of {} is no prefix; whether network rules translate the source cannot be judged",
            text.value,
            id.name()
        );
        let finding = Diagnostic::new(&code::FIREWALL_PRIVATE_RANGE, message).resource(id.as_str());
        out.push(finding.help(code::FIREWALL_PRIVATE_RANGE.fix).at(text.span));
    }
}

/// Name, priority and place of a group or collection.
type Ranked<'s> = (&'s str, &'s Setting<i64>, Span);

fn ranked(collection: &RuleCollection) -> Ranked<'_> {
    (&collection.name, &collection.priority, collection.span)
}

/// Does the policy, or one that inherits from it, have DNS proxy on? One that is not in the input may.
fn has_proxy(snapshot: &Snapshot, policy: &ResourceId) -> bool {
    let Some(own) = snapshot.firewall_policies.get(policy) else { return true };
    let inherits = |child: &ResourceId| {
        let base = snapshot.firewall_policies.get(child).and_then(|child| child.base.as_ref());
        base.is_some_and(|base| base.value == *policy)
    };
    own.settings.dns_proxy
        || snapshot.firewall_policies.values().any(|child| inherits(&child.id) && child.settings.dns_proxy)
}

/// What holds rule collections: a group of a policy, or a classic firewall.
#[derive(Clone, Copy)]
struct Holder<'s> {
    snapshot: &'s Snapshot,
    id: &'s ResourceId,
    name: &'s str,
    classic: bool,
    proxy: bool,
}

impl Holder<'_> {
    fn finding(self, code: &'static Code, rule: Option<&FirewallRule>, message: String, at: Span) -> Diagnostic {
        let finding = Diagnostic::new(code, message).resource(self.id.as_str()).help(code.fix).at(at);
        let finding = if self.classic { finding.without_azure_error() } else { finding };
        match rule.filter(|rule| !rule.name.is_empty()) {
            Some(rule) => finding.rule(&rule.name),
            None => finding,
        }
    }

    fn priority(self, what: &str, priority: &Setting<i64>, own: Span, out: &mut Vec<Diagnostic>) {
        let has = match priority {
            Setting::Set(number) if (100..=65000).contains(&number.value) => return,
            Setting::Set(number) => format!("priority {}", number.value),
            Setting::Invalid(text) => format!("priority {}", text.value),
            Setting::Missing => "no priority".to_owned(),
        };
        let message = format!("{what} has {has}; Azure refuses what is not from 100 to 65000");
        out.push(self.finding(&code::FIREWALL_PRIORITY, None, message, priority.span().unwrap_or(own)));
    }

    fn same_priority<'r>(self, all: impl Iterator<Item = Ranked<'r>>, out: &mut Vec<Diagnostic>) {
        let mut seen: BTreeMap<i64, (&str, Span)> = BTreeMap::new();
        for (name, priority, own) in all {
            let (Some(number), at) = (priority.value(), priority.span().unwrap_or(own)) else { continue };
            let Some((other, first)) = seen.get(number) else {
                seen.insert(*number, (name, at));
                continue;
            };
            let message = format!("{name} and {other} of {} both have priority {number}; Azure refuses it", self.name);
            out.push(self.finding(&code::FIREWALL_PRIORITY_CONFLICT, None, message, at).label(*first, *other));
        }
    }

    fn collections(self, collections: &[RuleCollection], out: &mut Vec<Diagnostic>) {
        for collection in collections {
            let words = format!("rule collection {}", collection.name);
            self.priority(&words, &collection.priority, collection.span, out);
            let translates = collection.rules.iter().any(|rule| rule.kind.value() == Some(&FirewallRuleKind::Dnat));
            let action = match &collection.action {
                Setting::Invalid(text) => Some((format!("action {:?}", text.value), text.span)),
                Setting::Missing if !translates => Some(("no action".to_owned(), collection.span)),
                Setting::Missing | Setting::Set(_) => None,
            };
            if let Some((has, at)) = action {
                let message = format!("{words} of {} has {has}; what its rules do cannot be judged", self.name);
                out.push(self.finding(&code::FIREWALL_RULE, None, message, at));
            }
            for rule in &collection.rules {
                self.rule(rule, out);
            }
        }
    }

    fn words(self, rule: &FirewallRule) -> String {
        format!("rule {} of {}", rule.name, self.name)
    }

    fn rule(self, rule: &FirewallRule, out: &mut Vec<Diagnostic>) {
        self.incomplete(rule, out);
        self.ports(rule, out);
        for (side, addresses) in [("source", &rule.source), ("destination", &rule.destination)] {
            self.addresses(rule, side, addresses, out);
        }
        if rule.kind.value() == Some(&FirewallRuleKind::Network) {
            self.names(rule, out);
        }
    }

    fn incomplete(self, rule: &FirewallRule, out: &mut Vec<Diagnostic>) {
        let none = |side: &FirewallSide| side.terms.is_empty() && side.groups.is_empty();
        let lacks = match rule.kind.value() {
            None => Some("no rule type that Azure has"),
            Some(FirewallRuleKind::Application) if rule.application.is_empty() && rule.categories.is_empty() => {
                Some("no protocol; Http, Https and Mssql are known")
            }
            Some(FirewallRuleKind::Application) if rule.fqdns.is_empty() && rule.categories.is_empty() => {
                Some("no target")
            }
            Some(FirewallRuleKind::Application) => None,
            Some(_) if rule.protocols.is_empty() => Some("no protocol"),
            Some(_) if rule.ports.terms().next().is_none() => Some("no destination port"),
            Some(FirewallRuleKind::Dnat)
                if rule.translated_address.value().is_none() && rule.translated_fqdn.is_none() =>
            {
                Some("no translated address")
            }
            Some(_) if none(&rule.destination) && rule.fqdns.is_empty() => Some("no destination"),
            Some(_) => None,
        };
        let lacks = lacks.or_else(|| none(&rule.source).then_some("no source"));
        if let Some(lacks) = lacks {
            let message = format!("{} has {lacks}; Azure refuses it", self.words(rule));
            out.push(self.finding(&code::FIREWALL_RULE, Some(rule), message, rule.kind.span().unwrap_or(rule.span)));
        }
        for protocol in &rule.protocols {
            if let FirewallProtocol::Invalid(text) = &protocol.value {
                let message = format!("{} has protocol {text:?}; TCP, UDP, ICMP and Any are known", self.words(rule));
                out.push(self.finding(&code::FIREWALL_RULE, Some(rule), message, protocol.span));
            }
        }
    }

    fn ports(self, rule: &FirewallRule, out: &mut Vec<Diagnostic>) {
        let unreadable = rule.ports.terms().filter_map(|term| match &term.value {
            PortTerm::Invalid(text) => Some((format!("{text:?}"), term.span)),
            PortTerm::Range(..) => None,
        });
        let high = rule.application.iter().filter(|protocol| protocol.value.port > 64000);
        let high = high.map(|protocol| (format!("{} of an application rule", protocol.value.port), protocol.span));
        for (port, at) in unreadable.chain(high) {
            let message = format!("{} has port {port}, which Azure does not take", self.words(rule));
            out.push(self.finding(&code::FIREWALL_PORT, Some(rule), message, at));
        }
    }

    fn addresses(self, rule: &FirewallRule, side: &str, addresses: &FirewallSide, out: &mut Vec<Diagnostic>) {
        for term in &addresses.terms {
            if let FirewallTerm::Invalid(text) = &term.value {
                let message = format!(
                    "the {side} {text:?} of {} is no address, range or service tag; flows that the rule may match \
                     cannot be judged",
                    self.words(rule)
                );
                out.push(self.finding(&code::FIREWALL_ADDRESS, Some(rule), message, term.span));
            }
        }
        for group in &addresses.groups {
            let empty = self.snapshot.ip_groups.get(&group.value).filter(|group| group.terms.is_empty());
            if let Some(empty) = empty {
                let message =
                    format!("{} names IP group {}, which is empty; Azure skips the rule", self.words(rule), empty.name);
                let finding = self.finding(&code::EMPTY_IP_GROUP, Some(rule), message, group.span);
                out.push(finding.label(empty.span, "the IP group"));
            }
        }
    }

    fn names(self, rule: &FirewallRule, out: &mut Vec<Diagnostic>) {
        for name in rule.fqdns.iter().filter(|name| name.value.contains('*')) {
            let message = format!("{} names {}; network rules take no wildcards", self.words(rule), name.value);
            out.push(self.finding(&code::FIREWALL_WILDCARD, Some(rule), message, name.span));
        }
        let Some(first) = rule.fqdns.first().filter(|_| !self.proxy) else { return };
        let names: Vec<String> = rule.fqdns.iter().map(|name| name.value.clone()).collect();
        let message = format!(
            "{} names {}, and the firewall's DNS proxy is off; names in network rules need it",
            self.words(rule),
            list_words(&names)
        );
        let finding = self.finding(&code::FQDN, Some(rule), message, first.span);
        out.push(finding.help("turn DNS proxy on, or write addresses"));
    }
}

fn ip_group(group: &IpGroup, out: &mut Vec<Diagnostic>) {
    for term in &group.terms {
        let (FirewallTerm::Invalid(text) | FirewallTerm::Tag(text)) = &term.value else { continue };
        let message = format!("{text:?} of IP group {} is no address, prefix or range", group.name);
        let finding = Diagnostic::new(&code::FIREWALL_ADDRESS, message).resource(group.id.as_str());
        out.push(finding.help(code::FIREWALL_ADDRESS.fix).at(term.span));
    }
}
