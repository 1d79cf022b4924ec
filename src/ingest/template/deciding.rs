//! Which fields may stay unknown without making the resource unusable.

/// Fields that no answer depends on.
const UNUSED: &[&str] = &[
    "apiversion",
    "authenticationcertificates",
    "autoscaleconfiguration",
    "capacity",
    "comments",
    "condition",
    "cookiebasedaffinity",
    "customerrorconfigurations",
    "data",
    "ddosprotectionplan",
    "ddossettings",
    "delegations",
    "description",
    "dependson",
    "domainnamelabel",
    "edgezone",
    "enableacceleratednetworking",
    "enableddosprotection",
    "enablehttp2",
    "extendedlocation",
    "firewallpolicy",
    "flowtimeoutinminutes",
    "hostname",
    "hostnames",
    "host",
    "idletimeoutinminutes",
    "identity",
    "keyvaultsecretid",
    "listenername",
    "location",
    "maxcapacity",
    "metadata",
    "mincapacity",
    "name",
    "password",
    "path",
    "paths",
    "publicipallocationmethod",
    "publicipaddressversion",
    "publicipprefix",
    "privateipallocationmethod",
    "privateipaddressversion",
    "requesttimeout",
    "rewriterulesets",
    "rewriteruleset",
    "sslcertificate",
    "sslcertificates",
    "sslpolicy",
    "sslprofile",
    "sslprofiles",
    "tags",
    "trustedclientcertificates",
    "trustedrootcertificates",
    "ttl",
    "userassignedidentities",
    "webapplicationfirewallconfiguration",
    "zones",
];

/// References whose target is then a resource that is not in the input: what depends on it is unknown.
const REFERENCES: &[&str] =
    &["networksecuritygroup", "routetable", "subnet", "publicipaddress", "remotevirtualnetwork"];

/// Fields of rules that the model keeps as unreadable: flows they may match are unknown.
const OF_RULES: &[&str] = &[
    "access",
    "direction",
    "priority",
    "protocol",
    "sourceaddressprefix",
    "sourceaddressprefixes",
    "destinationaddressprefix",
    "destinationaddressprefixes",
    "sourceportrange",
    "sourceportranges",
    "destinationportrange",
    "destinationportranges",
];

/// Fields of a scale set's network profile.
const OF_SCALE_SETS: &[&str] = &[
    "properties",
    "virtualmachineprofile",
    "networkprofile",
    "networkinterfaceconfigurations",
    "ipconfigurations",
    "applicationgatewaybackendaddresspools",
    "applicationsecuritygroups",
];

/// Does the answer depend on the field in a way that only a known value can have? Everything does that is not listed.
pub(crate) fn decides(kind: &str, field: &str) -> bool {
    if kind == "microsoft.compute/virtualmachinescalesets" {
        // Of a scale set only the network profile is read.
        return OF_SCALE_SETS.contains(&field);
    }
    let of_type: &[&str] = match kind {
        "microsoft.network/networksecuritygroups" | "microsoft.network/networksecuritygroups/securityrules" => OF_RULES,
        "microsoft.network/routetables" | "microsoft.network/routetables/routes" => &["addressprefix", "nexthoptype"],
        "microsoft.network/networkinterfaces" => &["privateipaddress"],
        "microsoft.network/publicipaddresses" => &["ipaddress", "sku"],
        // An address or name that is not known is an unresolved member.
        "microsoft.network/applicationgateways" => &["fqdn", "ipaddress"],
        _ => &[],
    };
    // A reference that is not known is a resource that is missing; a whole list of them is not.
    !(UNUSED.contains(&field) || REFERENCES.contains(&field) || of_type.contains(&field))
}

#[cfg(test)]
mod tests {
    use super::decides;

    #[test]
    fn what_is_not_listed_decides() {
        let nsg = "microsoft.network/networksecuritygroups";
        for field in ["securityrules", "sourceapplicationsecuritygroups", "properties", "anything new"] {
            assert!(decides(nsg, field), "{field}");
        }
        assert!(!decides(nsg, "access") && !decides(nsg, "location"));
        assert!(decides("microsoft.network/virtualnetworks", "access"));
        assert!(decides("microsoft.network/routetables", "nexthopipaddress"));
    }
}
