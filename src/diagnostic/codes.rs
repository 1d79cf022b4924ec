//! The table of codes: every finding that can be printed, with what `gatepath explain CODE` says of it.

use super::Severity;
use std::sync::LazyLock;

/// One entry of the code table.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable code: `GP` and three digits; the first digit is the family.
    pub code: &'static str,
    /// Stable kebab-case name.
    pub name: &'static str,
    /// Azure's own error code, where Azure would refuse this.
    pub azure_error: Option<&'static str>,
    /// Severity unless a finding says otherwise.
    pub severity: Severity,
    /// One line: what it is.
    pub title: &'static str,
    /// Why it matters and what happens in the evaluation.
    pub why: &'static str,
    /// What to do.
    pub fix: &'static str,
}

/// Looks a code up by code, name or Azure's own error code, in any letter case.
pub fn code_named(text: &str) -> Option<&'static Code> {
    CODES.iter().copied().find(|entry| {
        entry.code.eq_ignore_ascii_case(text)
            || entry.name.eq_ignore_ascii_case(text)
            || entry.azure_error.is_some_and(|azure| azure.eq_ignore_ascii_case(text))
    })
}

macro_rules! codes {
    ($($id:ident = $code:literal $name:literal $severity:ident $azure:expr, $title:literal, $why:literal, $fix:literal;)*) => {
        /// One constant per code.
        pub mod rows {
            use crate::diagnostic::{Code, Severity};
            $(
                #[doc = concat!($code, ": ", $title)]
                pub static $id: Code = Code {
                    code: $code, name: $name, azure_error: $azure, severity: Severity::$severity,
                    title: $title, why: $why, fix: $fix,
                };
            )*
        }

        /// The codes of this file, ascending.
        pub static ROWS: &[&crate::diagnostic::Code] = &[$(&rows::$id),*];
    };
}

mod lint;
mod names;
mod reading;
mod tables;

/// One constant per code, of every family.
pub mod table {
    pub use super::lint::rows::*;
    pub use super::names::rows::*;
    pub use super::reading::rows::*;
    pub use super::rows::*;
    pub use super::tables::rows::*;
}

/// Every code, ascending.
pub static CODES: LazyLock<Vec<&'static Code>> = LazyLock::new(|| {
    let mut all = [reading::ROWS, tables::ROWS, lint::ROWS, ROWS, names::ROWS].concat();
    all.sort_by_key(|entry| entry.code);
    all
});

codes! {
    REBUILT_FROM_EFFECTIVE = "GP461" "rebuilt-from-effective-list" Note None,
        "an NSG or route table was rebuilt from an effective list",
        "The resource itself is not in the input, but Azure's list of what is in force for a NIC is. Names, priorities and prefixes are those of the list.",
        "Export the resource itself to have its own places and descriptions.";
    EFFECTIVE_UNPLACED = "GP462" "effective-list-without-place" Warning None,
        "effective routes that fit several subnets",
        "The output of `show-effective-route-table` does not name its NIC. It was not used, since several subnets have a network with its local ranges, and it is not known whose routes these are.",
        "Export the route tables: `az network route-table list -o json`.";
    EFFECTIVE_DIFFERS = "GP463" "effective-list-differs" Warning None,
        "an effective list says something else than the configuration gives",
        "What Azure prints as in force wins for its subnet. The difference has a cause that the other exports do not hold: a peering, a gateway's routes, a route table, or a later change.",
        "Export everything again at one time; look for peerings and gateways that are missing.";

    UNKNOWN_TAG = "GP801" "unknown-service-tag" Warning None,
        "a service tag without data had to be judged",
        "Which addresses the tag holds is not in the input, so a rule or route that names it may match or not.",
        "Give a service-tag file: `az network list-service-tags -l REGION -o json > tags.json`.";
    NSG_MISSING = "GP802" "nsg-not-in-snapshot" Warning None,
        "a referenced NSG is not in the snapshot",
        "It may allow or deny.",
        "`az network nsg show --ids ID -o json`";
    ROUTE_TABLE_MISSING = "GP803" "route-table-not-in-snapshot" Warning None,
        "a referenced route table is not in the snapshot",
        "It may send the flow anywhere.",
        "`az network route-table show --ids ID -o json`";
    NO_NIC = "GP804" "no-nic-with-address" Warning None,
        "no NIC with this address in the snapshot",
        "The address lies in a customer subnet; a NIC with it may have an NSG of its own.",
        "`az network nic list -o json` (and `az vmss nic list` for scale sets), or `--assume nic=none`.";
    NVA = "GP805" "nva-not-modelled" Warning None,
        "a third-party appliance on the path",
        "What it lets through is not in the input.",
        "`--assume appliance=transparent` takes it as letting everything through.";
    NVA_FORWARDING = "GP806" "nva-ip-forwarding-disabled" Warning None,
        "IP forwarding is off on the appliance's NIC",
        "Azure drops packets that are not for the NIC's own address.",
        "`az network nic update --ip-forwarding true`";
    ASYMMETRIC = "GP807" "asymmetric-route" Warning None,
        "the reply does not pass the device that the request passed",
        "A stateful device must see both directions; the reply is dropped, or the device drops what follows.",
        "Add the mirror route, or let the device translate the source.";
    PEERING_ACCESS = "GP808" "peering-vnet-access-disabled" Warning None,
        "allowVirtualNetworkAccess is false on a peering on the path",
        "The peer's prefixes leave the VirtualNetwork tag; without any NSG no traffic was seen to pass.",
        "`az network vnet peering update --set allowVirtualNetworkAccess=true`";
    INFLATED_TAG = "GP809" "inflated-vnet-tag" Warning None,
        "a 0.0.0.0/0 route to an appliance makes the VirtualNetwork tag hold every address",
        "AllowVnetInBound then allows, and a rule that denies VirtualNetwork denies, every source.",
        "Write prefixes instead of VirtualNetwork in the rules of that subnet.";
    GUEST_FIREWALL = "GP810" "guest-firewall-not-modelled" Note None,
        "firewalls inside the guest are not modelled",
        "The verdict is about Azure's network; what the operating system drops is not in any export.",
        "Check it on the machine.";
    NO_EGRESS = "GP811" "no-internet-egress" Warning None,
        "a private-only gateway has no way to the Internet",
        "Without a public frontend, a NAT gateway or a route to an appliance nothing leaves.",
        "Attach a NAT gateway to the gateway subnet.";
    PEERING_STATE = "GP812" "peering-not-connected" Warning None,
        "a peering is not connected",
        "Both sides must be Connected; until then it brings no route.",
        "Delete the Disconnected side and create both again, or sync the peering.";
    NEXT_HOP_UNKNOWN = "GP813" "next-hop-unknown" Warning None,
        "nothing in the input has the next hop address of a route",
        "What stands there and whether it forwards is not known.",
        "`az network nic list -o json` with the appliance's NIC.";
    NEXT_HOP_UNREACHABLE = "GP814" "next-hop-unreachable" Warning None,
        "the next hop address is in no virtual network that the subnet reaches directly",
        "A next hop needs direct connectivity; the traffic is dropped.",
        "Correct the route's next hop address.";
    DESTINATION_UNKNOWN = "GP815" "destination-not-in-snapshot" Warning None,
        "the destination is in no subnet of the input",
        "Only the gates on the source side could be judged.",
        "Check the address; export its virtual network with `az network vnet list -o json`.";
    RULE_DEPENDS = "GP816" "rule-depends-on-unknown" Note None,
        "the verdict is certain, the deciding rule is not",
        "With either answer to what is missing the verdict is the same; another rule may be the one that decides.",
        "Give the missing data to know the rule.";
    ROUTING_LOOP = "GP817" "routing-loop" Warning None,
        "next hops lead back to where they came from",
        "The packet circulates until it is dropped.",
        "Correct the route of the appliance's own subnet.";
    NOT_MODELLED = "GP818" "not-modelled" Warning None,
        "the path meets something that this version does not evaluate",
        "What stands behind a VPN gateway, a bastion, a firewall in a virtual hub or an address that no export holds is named, never guessed.",
        "Judge that hop by hand; the trace shows everything else.";
    FQDN = "GP819" "fqdn-unresolved" Warning None,
        "a name in a pool is not resolved",
        "Its addresses are not in the input.",
        "`--resolve NAME=IP`, or a hosts map among the inputs.";
    ASSUMPTION = "GP820" "assumption-used" Note None,
        "the answer rests on an assumption that was given",
        "`--assume` replaced something that is not in the input.",
        "Leave it out to see what is unknown without it.";
    TOO_MANY_UNKNOWNS = "GP821" "too-many-unknowns" Warning None,
        "too many missing facts to try every combination",
        "The verdict was left unknown.",
        "Give the service-tag file and the missing exports.";
    GATEWAY_SUBNET_MISSING = "GP822" "gateway-subnet-not-in-snapshot" Warning None,
        "the gateway's subnet is not in the snapshot",
        "Source addresses, NSG and routes of the gateway are not known.",
        "`az network vnet list -o json`";
    SNAT_UNKNOWN = "GP823" "snat-address-unknown" Warning None,
        "the public address that the destination sees is not known",
        "The destination's NSG judges the translated address.",
        "Export the public IP addresses: `az network public-ip list -o json`.";
    PRIVATE_TO_INTERNET = "GP824" "private-destination-to-internet" Warning None,
        "a private address is routed to the Internet",
        "It is dropped there.",
        "Correct the route.";
    ASYMMETRIC_RETURN = "GP825" "asymmetric-return" Warning None,
        "the reply to a source outside goes through an appliance",
        "The appliance never saw the request; most drop the reply.",
        "Send both directions through the appliance, or none.";
    REMOTE_VNET_MISSING = "GP826" "peer-vnet-not-in-snapshot" Warning None,
        "a virtual network on the path is not in the snapshot",
        "Its NSGs, routes and its side of the peering are not known.",
        "`az network vnet show --ids ID -o json`";
    NEXT_HOP_MISSING = "GP827" "next-hop-missing" Warning None,
        "a route to an appliance has no usable next hop address",
        "The traffic is dropped.",
        "Set nextHopIpAddress.";
    EMPTY_SOURCE = "GP828" "empty-source-set" Warning None,
        "there is no source address to ask for",
        "The gateway subnet has no usable address of the destination's family.",
        "Check the subnet's prefixes.";
    MEMBER_UNRESOLVED = "GP829" "member-not-in-snapshot" Warning None,
        "a pool member's IP configuration is not in the snapshot",
        "Its address is not known.",
        "`az network nic list -o json`, or `az vmss nic list` for scale sets.";
    BROKEN_GATEWAY_REFERENCE = "GP830" "gateway-reference-missing" Warning None,
        "a routing rule refers to a pool, setting or path map that the gateway does not have",
        "The pair was left out.",
        "Export the gateway again.";
    INVALID_VALUE_JUDGED = "GP831" "invalid-value-judged" Warning None,
        "a rule with a value that Azure would refuse had to be judged",
        "Whether it matches is not known.",
        "Correct the rule; `gatepath lint` shows where.";
    TIE = "GP832" "undecided-order" Warning None,
        "two rules or routes of equal precedence disagree",
        "Azure refuses such a pair; which one would count is not defined, so the verdict is unknown where both match.",
        "Give them different priorities or prefixes.";
    SHARED_ADDRESS = "GP833" "shared-address" Warning None,
        "two NICs of one subnet have the same address",
        "Which one answers is not known, so the verdict is unknown where they differ.",
        "Export again; one of the two is out of date.";
    OPEN_PREFIXES = "GP834" "prefixes-not-in-snapshot" Warning None,
        "routes that are learned from elsewhere are not in the input",
        "A gateway connection or peering brings prefixes that no export holds here. Addresses that nothing else claims may be reached by them.",
        "Export local network gateways, connections and the peered virtual network.";
    INTERNET_VARIES = "GP835" "internet-tag-varies" Note None,
        "the address lies in a block that the Internet tag does not always hold",
        "Azure uses some public blocks inside; recorded expansions of the tag hold them at some dates and lack them at others. The documented ranges decide here.",
        "Take an effective rule list of a VM in the subnet: `az network nic list-effective-nsg`.";
    ENDPOINT_NOT_APPROVED = "GP841" "private-endpoint-not-approved" Warning None,
        "the connection of a private endpoint is not approved",
        "A private endpoint whose connection is Pending, Rejected or Disconnected carries nothing.",
        "Have the owner of the service approve the connection: `az network private-endpoint-connection approve`.";
    ENDPOINT_GLOBAL = "GP842" "isolated-gateway-global-private-endpoint" Warning None,
        "isolated gateway and a private endpoint behind global peering",
        "A gateway with network isolation does not reach a private endpoint in a virtual network of another region.",
        "Put a private endpoint for the service into a network of the gateway's region.";
    ENDPOINT_NSG_IGNORED = "GP843" "private-endpoint-nsg-ignored" Note None,
        "the subnet's NSG does not filter its private endpoints",
        "Network policies for private endpoints are off on this subnet, so its NSG filters other NICs there and no private endpoint.",
        "Turn them on where the NSG should count: `az network vnet subnet update --private-endpoint-network-policies NetworkSecurityGroupEnabled`.";
    ENDPOINT_VNETLOCAL = "GP844" "pe-vnetlocal-route" Warning None,
        "a route to VnetLocal over a private endpoint",
        "With route-table policies on, the route invalidates the endpoint's own route and does not take effect itself: traffic to the endpoint is reported to fail.",
        "Remove the route, or set `privateEndpointVNetPolicies: Basic` on the endpoint's virtual network.";
    ENDPOINT_MISSING = "GP845" "private-endpoint-not-in-snapshot" Warning None,
        "a private endpoint is not in the input",
        "Its NIC is, but whether its connection is approved stands only in the private endpoint itself.",
        "Export it: `az network private-endpoint list -o json`.";
    ENDPOINT_ADDRESS = "GP846" "private-endpoint-address-unknown" Warning None,
        "the address of a private endpoint is not in the input",
        "The endpoint may be at any address of its subnet that nothing else claims; what decides there is not known.",
        "Export its NIC: `az network nic list -o json`.";
    ADMIN_MISSING = "GP847" "admin-rules-incomplete" Warning None,
        "something that decides about security admin rules is not in the input",
        "Which virtual networks a network group holds, what a collection holds, or which manager wins, is not known.",
        "Export the network manager with its groups, static members and security admin configurations.";
    POLICY_MISSING = "GP848" "firewall-policy-not-in-snapshot" Warning None,
        "a firewall policy or rule collection group is not in the input",
        "It may hold any rule, also one that comes before all others.",
        "Export it: `az network firewall policy show` and `az network firewall policy rule-collection-group list`.";
    EMPTY_IP_GROUP = "GP849" "empty-ip-group" Warning None,
        "a firewall rule names an empty IP group and is skipped",
        "Azure skips a rule of which an IP group is empty; it is not read as any address.",
        "Fill the IP group or take it out of the rule.";
    IP_GROUP_MISSING = "GP850" "group-not-in-snapshot" Warning None,
        "an IP group or network group is not in the input",
        "Which addresses it holds is not known.",
        "Export it: `az network ip-group list -o json`, `az network manager group static-member list`.";
    THREAT_INTELLIGENCE = "GP851" "threat-intel-not-modelled" Note None,
        "threat intelligence may drop before any rule",
        "The firewall denies by Microsoft's threat intelligence feed, which no export holds. Addresses on it are dropped whatever the rules say.",
        "Look at the firewall's threat intelligence log.";
    BALANCER_NO_RULE = "GP852" "load-balancer-no-rule" Warning None,
        "no rule of the load balancer takes this port",
        "A frontend passes on only what one of its rules takes; everything else is dropped.",
        "Add a load-balancing rule for the port, or correct the port of the backend setting.";
    BALANCER_EMPTY = "GP853" "load-balancer-pool-empty" Warning None,
        "the load balancer's pool has no member",
        "A frontend without a server behind it drops every connection.",
        "Add servers to the pool, or export their NICs.";
    BALANCER_PROBE = "GP854" "load-balancer-probe-blocked" Warning None,
        "the load balancer's own health probe is blocked",
        "Probes come from 168.63.129.16 (AzureLoadBalancer) and are filtered. Where no server answers them, the frontend drops every connection.",
        "Allow source AzureLoadBalancer to the probe port on the servers' NSGs.";
    UNDOCUMENTED_ROUTE = "GP855" "undocumented-route-setting" Warning None,
        "a route setting whose effect is not documented decides",
        "`hasBgpOverride` and `disablePeeringRoute` stand in Azure's schema only; what they do to other routes is not known.",
        "Take the effective routes of a VM in the subnet: `az network nic show-effective-route-table`.";
    GROUP_WITHOUT_MEMBERS = "GP856" "network-group-without-members" Warning None,
        "a network group has no member in the input and is taken as empty",
        "Static members are exported apart from their group. If the group has some, its security admin rules apply and may decide.",
        "Export them: `az network manager group static-member list -o json`.";
    MANAGER_WITHOUT_CONFIGURATION = "GP857" "network-manager-without-configuration" Warning None,
        "a network manager has no security admin configuration in the input and is taken to have none",
        "Security admin configurations are exported apart from their manager. If it has one, its rules come before every NSG and may decide.",
        "Export them: `az network manager security-admin-config list --network-manager-name NAME -g RG -o json`, with their rule collections and rules.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_sorted_and_complete() {
        for pair in CODES.windows(2) {
            assert!(pair.first().map(|c| c.code) < pair.last().map(|c| c.code), "{:?}", pair.first());
        }
        for entry in CODES.iter() {
            assert!(entry.code.len() == 5 && entry.code.starts_with("GP"), "{}", entry.code);
            assert!(!entry.title.is_empty() && !entry.why.is_empty() && !entry.fix.is_empty(), "{}", entry.code);
            assert!(
                entry.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                entry.name
            );
            assert_eq!(code_named(entry.name).map(|c| c.code), Some(entry.code));
        }
        assert_eq!(code_named("securityruleconflict").map(|c| c.code), Some("GP201"));
        assert_eq!(code_named("GP000"), None);
    }
}
