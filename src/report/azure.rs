//! Answers in the words of Azure's own tools: IP flow verify (semantics.md 6.1) and NSG diagnostics (6.2).

use crate::model::{Access, Direction, bare_rule_name};
use crate::solve::replay::{Evaluated, GroupResult};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IpFlow {
    access: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_name: Option<String>,
}

#[derive(Serialize)]
struct Results {
    results: [ProfileResult; 1],
}

/// What was asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AskedProfile {
    /// `Inbound` or `Outbound`.
    pub direction: &'static str,
    /// Protocol.
    pub protocol: String,
    /// Source.
    pub source: String,
    /// Destination.
    pub destination: String,
    /// Port, or `*`.
    pub destination_port: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProfileResult {
    profile: AskedProfile,
    network_security_group_result: GroupsResult,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupsResult {
    security_rule_access_result: &'static str,
    evaluated_network_security_groups: Vec<Group>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    network_security_group_id: String,
    applied_to: String,
    matched_rule: Option<MatchedRule>,
    rules_evaluation_result: Vec<RuleResult>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MatchedRule {
    rule_name: String,
    action: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleResult {
    name: String,
    protocol_matched: Option<bool>,
    source_matched: Option<bool>,
    source_port_matched: Option<bool>,
    destination_matched: Option<bool>,
    destination_port_matched: Option<bool>,
}

fn word(access: Access) -> &'static str {
    match access {
        Access::Allow => "Allow",
        Access::Deny => "Deny",
    }
}

/// Azure's word for a direction.
pub fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "Inbound",
        Direction::Outbound => "Outbound",
    }
}

/// As IP flow verify: the access, and the rule of the last NSG that was asked; no `ruleName` where none was.
pub fn ip_flow(evaluated: Option<&Evaluated>, out: &mut dyn Write) -> io::Result<()> {
    let last = evaluated.and_then(|evaluated| evaluated.groups.last());
    let rule_name =
        last.and_then(|group| group.matched.as_ref().map(|(name, _)| (group, name))).map(|(group, name)| {
            if group.id.segment("networkManagers").is_some() {
                return name.clone(); // security admin rules have bare names
            }
            let kind = if name.starts_with("DefaultRule_") { "defaultSecurityRules" } else { "securityRules" };
            format!("{kind}/{}", bare_rule_name(name))
        });
    let access = evaluated.map_or("Unknown", |evaluated| word(evaluated.access));
    super::write_json(&IpFlow { access, rule_name }, out)
}

/// As NSG diagnostics.
pub fn diagnostics(profile: AskedProfile, evaluated: Option<&Evaluated>, out: &mut dyn Write) -> io::Result<()> {
    let groups = evaluated.map(|evaluated| evaluated.groups.as_slice()).unwrap_or_default();
    let result = GroupsResult {
        security_rule_access_result: evaluated.map_or("Unknown", |evaluated| word(evaluated.access)),
        evaluated_network_security_groups: groups.iter().map(group).collect(),
    };
    super::write_json(&Results { results: [ProfileResult { profile, network_security_group_result: result }] }, out)
}

fn group(group: &GroupResult) -> Group {
    let rules = group.rules.iter().map(|rule| {
        let [protocol, source, source_port, destination, destination_port] = rule.flags;
        RuleResult {
            name: rule.name.clone(),
            protocol_matched: protocol,
            source_matched: source,
            source_port_matched: source_port,
            destination_matched: destination,
            destination_port_matched: destination_port,
        }
    });
    let matched = group.matched.as_ref();
    Group {
        network_security_group_id: group.id.to_string(),
        applied_to: group.applied_to.to_string(),
        matched_rule: matched.map(|(name, access)| MatchedRule { rule_name: name.clone(), action: word(*access) }),
        rules_evaluation_result: rules.collect(),
    }
}
