//! Recorded changes of the configuration: what was written, deleted or set off, and when (health.md 6.4).

use super::ResourceId;
use crate::diagnostic::Span;
use jiff::Timestamp;

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChangeKind {
    /// The resource was created or overwritten.
    Write,
    /// It was deleted.
    Delete,
    /// Something was set off that changes what is in force: a commit, a start, a stop.
    Action,
}

impl ChangeKind {
    /// The word that is printed.
    pub fn word(self) -> &'static str {
        match self {
            ChangeKind::Write => "write",
            ChangeKind::Delete => "delete",
            ChangeKind::Action => "action",
        }
    }
}

/// What tells of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeSource {
    /// An activity log.
    ActivityLog,
    /// `resourcechanges` of Resource Graph.
    ResourceGraph,
    /// The difference of two snapshots.
    Snapshots,
}

impl ChangeSource {
    /// The word of machine formats.
    pub fn word(self) -> &'static str {
        match self {
            ChangeSource::ActivityLog => "activity-log",
            ChangeSource::ResourceGraph => "resource-graph",
            ChangeSource::Snapshots => "snapshots",
        }
    }
}

/// When a change happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeTime {
    /// At a moment.
    At(Timestamp),
    /// After the first moment and not after the second, as far as each is known.
    Within(Option<Timestamp>, Option<Timestamp>),
}

impl ChangeTime {
    /// Not before this.
    pub fn earliest(self) -> Option<Timestamp> {
        match self {
            ChangeTime::At(time) => Some(time),
            ChangeTime::Within(after, _) => after,
        }
    }

    /// Not after this.
    pub fn latest(self) -> Option<Timestamp> {
        match self {
            ChangeTime::At(time) => Some(time),
            ChangeTime::Within(_, before) => before,
        }
    }

    /// The moment, where it is known.
    pub fn moment(self) -> Option<Timestamp> {
        match self {
            ChangeTime::At(time) => Some(time),
            ChangeTime::Within(..) => None,
        }
    }
}

/// The value of one property before a change, as Resource Graph tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousValue {
    /// Path of the property: `properties.securityRules["web"].properties.access`.
    pub path: String,
    /// JSON text of the value before; `None` where there was none.
    pub before: Option<String>,
}

/// One change of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The resource, or the child that was changed on its own.
    pub resource: ResourceId,
    /// What was done.
    pub kind: ChangeKind,
    /// Azure's name of the operation, or what else tells of it.
    pub operation: String,
    /// When.
    pub time: ChangeTime,
    /// What tells of it.
    pub source: ChangeSource,
    /// Where it stands in the input.
    pub span: Option<Span>,
    /// Values before it, where they are told.
    pub previous: Vec<PreviousValue>,
}

impl Change {
    /// The resource that holds what was changed: an NSG, a route table, a virtual network, a network manager.
    pub fn top(&self) -> ResourceId {
        top_level(&self.resource)
    }

    /// Is it about a child, such as one rule of an NSG?
    pub fn is_child(&self) -> bool {
        self.top() != self.resource
    }

    /// How it is printed: `nsg-app/deny-web`, or the resource's name alone.
    pub fn label(&self) -> String {
        label(&self.resource)
    }
}

/// The resource that holds another one: type and name after the last `providers` segment, without children.
pub fn top_level(id: &ResourceId) -> ResourceId {
    const MARK: &str = "/providers/";
    let text = id.as_str();
    let Some(start) = id.key().rfind(MARK).map(|at| at + MARK.len()) else { return id.clone() };
    let tail = text.get(start..).unwrap_or_default();
    let end: usize = tail.split_inclusive('/').take(3).map(str::len).sum();
    ResourceId::new(text.get(..start + end).unwrap_or(text))
}

/// Name of a resource, with that of the resource that holds it.
pub fn label(id: &ResourceId) -> String {
    let top = top_level(id);
    if top == *id { id.name().to_owned() } else { format!("{}/{}", top.name(), id.name()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_named_with_what_holds_it() {
        let id = |tail: &str| ResourceId::new(&format!("/subscriptions/s/resourceGroups/rg/providers/{tail}"));
        for (tail, expected) in [
            ("Microsoft.Network/networkSecurityGroups/nsg-a", "nsg-a"),
            ("Microsoft.Network/networkSecurityGroups/nsg-a/securityRules/web", "nsg-a/web"),
            (
                "Microsoft.Network/networkManagers/nm/securityAdminConfigurations/c/ruleCollections/k/rules/no-443",
                "nm/no-443",
            ),
        ] {
            assert_eq!(label(&id(tail)), expected);
        }
        assert_eq!(label(&ResourceId::new("plain")), "plain");
    }
}
