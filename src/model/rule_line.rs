//! A security rule in one spelling, so that what Azure prints as in force can be compared with what was configured
//! (semantics.md 6.3, 9b.3).

use super::{Access, AddressSide, AddressTerm, Direction, NetworkSecurityGroup, PortSide, PortTerm, RuleProtocol};
use super::{DEFAULT_RULES, DefaultRule, SecurityRule};
use crate::net::{AddressSet, PortSet};
use std::collections::{BTreeMap, BTreeSet};

/// A rule in one spelling; two rules are the same where all of it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleLine {
    direction: Option<Direction>,
    priority: i64,
    name: String,
    access: &'static str,
    protocol: String,
    source: String,
    source_ports: String,
    destination: String,
    destination_ports: String,
}

/// The place of a rule in its NSG: direction, priority, name in lower case.
pub type RuleLineKey<'a> = (Option<Direction>, i64, &'a str);

/// How a side that names application security groups is spelt: such sides are printed in several ways.
const GROUPS: &str = "(application security groups)";

impl RuleLine {
    /// Spells a rule.
    pub fn of(rule: &SecurityRule) -> Self {
        RuleLine {
            direction: rule.direction.value().copied(),
            priority: rule.priority.value().copied().unwrap_or(-1),
            name: rule.name.to_ascii_lowercase(),
            access: rule.access.value().map_or("", |access| access_word(*access)),
            protocol: match rule.protocol.value() {
                None => String::new(),
                Some(RuleProtocol::Any) => "All".to_owned(),
                Some(RuleProtocol::Only(protocol)) => protocol.to_string(),
            },
            source: addresses(&rule.source),
            source_ports: ports(&rule.source_ports),
            destination: addresses(&rule.destination),
            destination_ports: ports(&rule.destination_ports),
        }
    }

    /// User rules and default rules of an NSG.
    pub fn all_of(nsg: &NetworkSecurityGroup) -> BTreeSet<Self> {
        nsg.rules.iter().map(Self::of).chain(DEFAULT_RULES.iter().map(Self::default_rule)).collect()
    }

    fn default_rule(rule: &DefaultRule) -> Self {
        RuleLine {
            direction: Some(rule.direction),
            priority: rule.priority,
            name: rule.name.to_ascii_lowercase(),
            access: access_word(rule.access),
            protocol: "All".to_owned(),
            source: rule.source.to_ascii_lowercase(),
            source_ports: "0-65535".to_owned(),
            destination: rule.destination.to_ascii_lowercase(),
            destination_ports: "0-65535".to_owned(),
        }
    }

    /// Its place.
    pub fn key(&self) -> RuleLineKey<'_> {
        (self.direction, self.priority, &self.name)
    }

    /// The rule as shown to users.
    pub fn words(&self) -> String {
        format!(
            "{} {} {} {} {} {}:{} -> {}:{}",
            self.direction.map_or("", direction_word),
            self.priority,
            self.name,
            self.access,
            self.protocol,
            self.source,
            self.source_ports,
            self.destination,
            self.destination_ports
        )
    }

    /// Does a rule that Azure printed say the same as the configured one? Sides of the latter that name application
    /// security groups are not compared.
    pub fn prints(&self, configured: &RuleLine) -> bool {
        let mut printed = self.clone();
        if configured.source == GROUPS {
            printed.source.clone_from(&configured.source);
        }
        if configured.destination == GROUPS {
            printed.destination.clone_from(&configured.destination);
        }
        printed == *configured
    }
}

fn access_word(access: Access) -> &'static str {
    match access {
        Access::Allow => "Allow",
        Access::Deny => "Deny",
    }
}

fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "Inbound",
        Direction::Outbound => "Outbound",
    }
}

/// Differences of two rule sets, a line for each rule. `printed` and `configured` are what each set is called.
pub fn rule_differences(
    (printed, theirs): (&str, &BTreeSet<RuleLine>),
    (configured, ours): (&str, &BTreeSet<RuleLine>),
) -> Vec<String> {
    let by_key = |lines: &'_ BTreeSet<RuleLine>| -> BTreeMap<(Option<Direction>, i64, String), RuleLine> {
        let key = |line: &RuleLine| (line.direction, line.priority, line.name.clone());
        lines.iter().map(|line| (key(line), line.clone())).collect()
    };
    let (theirs, ours) = (by_key(theirs), by_key(ours));
    let mut out = Vec::new();
    for (key, line) in &theirs {
        match ours.get(key) {
            None => out.push(format!("only {printed} has {}", line.words())),
            Some(own) if !line.prints(own) => {
                out.push(format!("{printed} {}, {configured} {}", line.words(), own.words()));
            }
            Some(_) => {}
        }
    }
    let only_ours = ours.iter().filter(|(key, _)| !theirs.contains_key(*key));
    out.extend(only_ours.map(|(_, line)| format!("only {configured} has {}", line.words())));
    out
}

/// A side in one spelling. `*`, `0.0.0.0/0`, and `0.0.0.0/0` with `::/0` are all "any address" (semantics.md 9b.3).
fn addresses(side: &AddressSide) -> String {
    if !side.groups.is_empty() {
        return GROUPS.to_owned();
    }
    let (mut nets, mut words) = (Vec::new(), BTreeSet::new());
    for term in side.terms() {
        match &term.value {
            AddressTerm::Any => drop(words.insert("*".to_owned())),
            AddressTerm::Prefix(prefix) => nets.push(prefix.net),
            AddressTerm::Tag(text) | AddressTerm::Invalid(text) => drop(words.insert(text.to_ascii_lowercase())),
        }
    }
    let set: AddressSet = nets.into_iter().collect();
    if set.v4.is_full() {
        words.insert("*".to_owned());
    }
    if words.contains("*") {
        return "*".to_owned();
    }
    words.extend(set.cidrs().iter().map(ToString::to_string));
    words.into_iter().collect::<Vec<_>>().join(",")
}

fn ports(side: &PortSide) -> String {
    let (mut ranges, mut words) = (Vec::new(), BTreeSet::new());
    for term in side.terms() {
        match &term.value {
            PortTerm::Range(low, high) => ranges.push((*low, *high)),
            PortTerm::Invalid(text) => drop(words.insert(text.clone())),
        }
    }
    let set: PortSet = ranges.into_iter().collect();
    let shown = set.ranges().iter().map(|(low, high)| format!("{low}-{high}"));
    shown.chain(words).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_rules_have_azures_effective_form() {
        let lines: BTreeSet<RuleLine> = DEFAULT_RULES.iter().map(RuleLine::default_rule).collect();
        let inbound = lines.iter().filter(|line| line.direction == Some(Direction::Inbound));
        let expected = ["allowvnetinbound", "allowazureloadbalancerinbound", "denyallinbound"];
        assert_eq!(inbound.map(|line| line.name.as_str()).collect::<Vec<_>>(), expected);
    }
}
