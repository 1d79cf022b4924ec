//! # Security admin rules (GP240, GP241, GP242, GP857)
//!
//! Rules of a network manager (semantics.md 2).
//!
//! * **GP240**: the priority is missing, no number, or outside 1 to 4096.
//! * **GP241**: two rules of one collection have the same priority. Inbound and outbound rules are not told apart here:
//!   a priority is unique in its collection.
//! * **GP242**: direction, access or protocol is missing or none of Azure's words, a port is none, or a source or
//!   destination is no prefix, service tag or network group.
//! * **GP857**: a manager may have security admin configurations for a network of the input, and the input holds none.

use crate::compile::Network;
use crate::compile::admin::Unconfigured;
use crate::diagnostic::{Code, Diagnostic, Span, code};
use crate::model::{AddressTerm, AdminRule, PortTerm, ResourceId, Setting, Snapshot};
use std::collections::BTreeMap;

/// Every rule of every collection.
pub(super) fn check(snapshot: &Snapshot, out: &mut Vec<Diagnostic>) {
    let mut taken: BTreeMap<(ResourceId, i64), &AdminRule> = BTreeMap::new();
    for rule in snapshot.network_managers.rules.values() {
        priority(rule, out);
        words_of(rule, out);
        sides(rule, out);
        let Some(number) = rule.rule.priority.value() else { continue };
        let key = (rule.collection(), *number);
        let Some(other) = taken.get(&key) else {
            taken.insert(key, rule);
            continue;
        };
        let (name, collection) = (&other.rule.name, key.0.name());
        let message = format!("{} has priority {number}, which {name} of {collection} has too", words(rule));
        let place = |rule: &AdminRule| rule.rule.priority.span().unwrap_or(rule.rule.span);
        let finding = finding(&code::ADMIN_PRIORITY_CONFLICT, rule, message, place(rule));
        out.push(finding.label(place(other), format!("admin rule {name}")));
    }
}

/// Every manager whose configurations were perhaps not exported.
pub(super) fn unconfigured(network: &Network<'_>, out: &mut Vec<Diagnostic>) {
    let code = &code::MANAGER_WITHOUT_CONFIGURATION;
    for Unconfigured { manager, vnets } in &network.admin.unconfigured {
        let first = vnets.first().and_then(|index| network.vnet(*index)).map(|vnet| vnet.name.as_str());
        let message = format!(
            "{} has no security admin configuration in the input and is taken to have none; its scope holds {}",
            manager.name,
            first.unwrap_or_default()
        );
        out.push(Diagnostic::new(code, message).resource(manager.id.as_str()).help(code.fix).at(manager.span));
    }
}

fn finding(code: &'static Code, rule: &AdminRule, message: String, at: Span) -> Diagnostic {
    Diagnostic::new(code, message).resource(rule.id.as_str()).rule(&rule.rule.name).help(code.fix).at(at)
}

fn words(rule: &AdminRule) -> String {
    format!("admin rule {} of {}", rule.rule.name, rule.collection().name())
}

fn priority(rule: &AdminRule, out: &mut Vec<Diagnostic>) {
    let has = match &rule.rule.priority {
        Setting::Set(number) if (1..=4096).contains(&number.value) => return,
        Setting::Set(number) => format!("priority {}", number.value),
        Setting::Invalid(text) => format!("priority {}", text.value),
        Setting::Missing => "no priority".to_owned(),
    };
    let message = format!("{} has {has}; Azure refuses what is not from 1 to 4096", words(rule));
    out.push(finding(&code::ADMIN_PRIORITY, rule, message, rule.rule.priority.span().unwrap_or(rule.rule.span)));
}

fn words_of(rule: &AdminRule, out: &mut Vec<Diagnostic>) {
    check_word(rule, "direction", &rule.rule.direction, out);
    check_word(rule, "access", &rule.access, out);
    check_word(rule, "protocol", &rule.rule.protocol, out);
}

fn check_word<T>(rule: &AdminRule, name: &str, field: &Setting<T>, out: &mut Vec<Diagnostic>) {
    let (has, at) = match field {
        Setting::Set(_) => return,
        Setting::Invalid(text) => (format!("{name} {:?}", text.value), text.span),
        Setting::Missing => (format!("no {name}"), rule.rule.span),
    };
    refused(rule, &has, at, out);
}

fn sides(rule: &AdminRule, out: &mut Vec<Diagnostic>) {
    for term in rule.rule.source.terms().chain(rule.rule.destination.terms()) {
        if let AddressTerm::Invalid(text) = &term.value {
            refused(rule, &format!("address {text:?}"), term.span, out);
        }
    }
    for term in rule.rule.source_ports.terms().chain(rule.rule.destination_ports.terms()) {
        if let PortTerm::Invalid(text) = &term.value {
            refused(rule, &format!("port {text:?}"), term.span, out);
        }
    }
}

fn refused(rule: &AdminRule, has: &str, at: Span, out: &mut Vec<Diagnostic>) {
    let message = format!("{} has {has}; Azure refuses it, and flows that it may match cannot be judged", words(rule));
    out.push(finding(&code::ADMIN_RULE, rule, message, at));
}
