//! Where a template is deployed to, as far as it says so itself.

use super::scope::{GROUP, SUBSCRIPTION, Scope};
use crate::ingest::json::{Node, Object};
use regex::Regex;
use std::collections::BTreeSet;

/// Subscription and resource group. Templates that tools make name their own resources by whole ids: where all such ids
/// agree, that is where the template is deployed to. Otherwise placeholders stand for both.
pub(super) fn of(template: &Object<'_>, scope: &Scope<'_>) -> (String, String) {
    let placeholder = (SUBSCRIPTION.to_owned(), GROUP.to_owned());
    let Ok(pattern) =
        Regex::new(r#"(?i)/subscriptions/([^/"'\[\]]+)/resourceGroups/([^/"'\[\]]+)(/providers/[^"'\[\]]+)"#)
    else {
        return placeholder;
    };
    let own = own_resources(template, scope);
    let mut found: BTreeSet<(String, String)> = BTreeSet::new();
    let mut first = None;
    for id in pattern.captures_iter(template.node().raw()) {
        let part = |index: usize| id.get(index).map_or("", |part| part.as_str());
        let tail = part(3).to_ascii_lowercase();
        let whole = tail.split('/').take(5).collect::<Vec<_>>().join("/");
        if own.contains(&whole) {
            found.insert((part(1).to_ascii_lowercase(), part(2).to_ascii_lowercase()));
            first = first.or_else(|| Some((part(1).to_owned(), part(2).to_owned())));
        }
    }
    first.filter(|_| found.len() == 1).unwrap_or(placeholder)
}

/// `/providers/namespace/type/name` of the template's resources, in lower case.
fn own_resources(template: &Object<'_>, scope: &Scope<'_>) -> BTreeSet<String> {
    let opened = |node: Node<'_>| -> Option<String> {
        let object = node.object().ok().flatten()?;
        let name = scope.value(object.get("name")?, 0).words()?;
        Some(format!("/providers/{}/{name}", object.str("type")?).to_ascii_lowercase())
    };
    let resources = template.get("resources");
    let map = resources.and_then(|node| node.object().ok().flatten());
    let nodes: Vec<Node<'_>> = match &map {
        Some(map) => map.members().map(|(_, child)| child).collect(),
        None => resources.map(|node| node.items()).unwrap_or_default(),
    };
    nodes.into_iter().filter_map(opened).collect()
}
