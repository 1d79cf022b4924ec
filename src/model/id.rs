//! Azure resource ids.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// An Azure resource id as written. Ids compare without regard to letter case (semantics.md 1.3, health.md 1.1).
#[derive(Clone)]
pub struct ResourceId {
    text: String,
    key: String,
}

impl ResourceId {
    /// Takes an id as written; trailing slashes are dropped.
    pub fn new(text: &str) -> Self {
        let text = text.trim().trim_end_matches('/').to_owned();
        let key = text.to_ascii_lowercase();
        ResourceId { text, key }
    }

    /// The id as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id in lower case, for comparing and sorting.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The last segment as written: the resource's own name.
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// The value of the segment after `segment` (any letter case): `id.segment("resourceGroups")`.
    pub fn segment(&self, segment: &str) -> Option<&str> {
        let mut parts = self.text.split('/');
        parts.by_ref().find(|part| part.eq_ignore_ascii_case(segment))?;
        parts.next().filter(|value| !value.is_empty())
    }

    /// Resource type in lower case, `microsoft.network/virtualnetworks/subnets`, from the last `providers` segment.
    pub fn resource_type(&self) -> Option<String> {
        let (_, tail) = self.key.rsplit_once("/providers/")?;
        let mut parts = tail.split('/');
        let mut out = parts.next()?.to_owned();
        for kind in parts.step_by(2) {
            out.push('/');
            out.push_str(kind);
        }
        Some(out)
    }

    /// The id of the resource that holds this one: two segments fewer.
    pub fn parent(&self) -> Option<ResourceId> {
        let (rest, _) = self.text.rsplit_once('/')?;
        let (parent, _) = rest.rsplit_once('/')?;
        (!parent.is_empty()).then(|| ResourceId::new(parent))
    }

    /// The id of a child: `parent/kind/name`.
    #[must_use]
    pub fn child(&self, kind: &str, name: &str) -> ResourceId {
        ResourceId::new(&format!("{}/{kind}/{name}", self.text))
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl Eq for ResourceId {}
impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}
impl PartialOrd for ResourceId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for ResourceId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}
impl fmt::Debug for ResourceId {
    /// Prints the key: ids that differ only in letter case have the same debug text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}
impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The Azure CLI command that exports a resource.
pub fn export_command(id: &ResourceId) -> String {
    let group = match id.resource_type().unwrap_or_default().as_str() {
        "microsoft.network/networksecuritygroups" => "network nsg",
        "microsoft.network/routetables" => "network route-table",
        "microsoft.network/virtualnetworks" => "network vnet",
        "microsoft.network/virtualnetworks/subnets" => "network vnet subnet",
        "microsoft.network/networkinterfaces" => "network nic",
        "microsoft.network/publicipaddresses" => "network public-ip",
        "microsoft.network/applicationgateways" => "network application-gateway",
        "microsoft.network/applicationsecuritygroups" => "network asg",
        "microsoft.network/privatednszones" => "network private-dns zone",
        "microsoft.network/natgateways" => "network nat gateway",
        "microsoft.compute/virtualmachinescalesets" => "vmss",
        _ => "resource",
    };
    format!("az {group} show --ids {} -o json", shell_word(id.as_str()))
}

/// Quotes a word for bash and PowerShell alike where it needs it: single quotes, and no quote survives inside.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        let clean: String =
            text.chars().filter(|c| !c.is_control() && *c != '\'' && !matches!(c, '\u{2018}'..='\u{201b}')).collect();
        format!("'{clean}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_an_id() {
        let id = ResourceId::new(
            "/subscriptions/S/ResourceGroups/rg-A/providers/Microsoft.Network/virtualNetworks/v/subnets/Web/",
        );
        assert_eq!(id.name(), "Web");
        assert_eq!(id.segment("resourcegroups"), Some("rg-A"));
        assert_eq!(id.resource_type().as_deref(), Some("microsoft.network/virtualnetworks/subnets"));
        assert_eq!(id.parent().map(|p| p.name().to_owned()).as_deref(), Some("v"));
        assert_eq!(id, ResourceId::new(&id.as_str().to_uppercase()));
        assert_eq!(ResourceId::new("plain").parent(), None);
    }
}
