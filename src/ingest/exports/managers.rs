//! Security admin rules as effective lists print them (semantics.md 2, 6.3). A list names their network manager, but not the
//! collection and the groups that they come from, so it cannot stand for them: a rule that the configuration does not
//! have means that a part of the configuration is missing.

use crate::diagnostic::{Diagnostic, code};
use crate::model::{AdminConfiguration, EffectiveGroup, ResourceId, SecurityRule, Snapshot};

/// Compares the rules of one network manager with its configurations.
pub(super) fn add(snapshot: &mut Snapshot, group: &EffectiveGroup, findings: &mut Vec<Diagnostic>) {
    let Some(manager) = group.association.as_ref() else { return };
    let managers = &mut snapshot.network_managers;
    let inside = format!("{}/", manager.key());
    let own: Vec<&SecurityRule> =
        managers.rules.values().filter(|rule| rule.id.key().starts_with(&inside)).map(|rule| &rule.rule).collect();
    let same = |listed: &SecurityRule, own: &SecurityRule| {
        listed.name.eq_ignore_ascii_case(&own.name)
            && listed.priority.value() == own.priority.value()
            && listed.direction.value() == own.direction.value()
    };
    let listed = group.rules.iter().filter(|rule| !rule.is_default).map(|rule| &rule.rule);
    let lost: Vec<String> =
        listed.filter(|rule| !own.iter().any(|own| same(rule, own))).map(|rule| rule.name.clone()).collect();
    if lost.is_empty() {
        return;
    }
    let text = format!(
        "an effective list has rules of network manager {} that its configuration in the input has not: {}; where they could decide, the answer is unknown",
        manager.name(),
        super::listed_words(&lost)
    );
    let finding = Diagnostic::new(&code::EFFECTIVE_DIFFERS, text).resource(manager.as_str()).at(group.span);
    findings.push(finding.help(
        "export the network manager's security admin configurations, rule collections, rules and groups: `az network manager security-admin-config list`",
    ));
    let id = manager.child("securityAdminConfigurations", "(of an effective list)");
    let configuration = AdminConfiguration { id: id.clone(), intent_services: Vec::new() };
    managers.configurations.insert(id, configuration);
}

/// Is this the association of a list with a network manager alone?
pub(super) fn is_manager(association: &ResourceId) -> bool {
    association.segment("networkManagers").is_some()
}
