//! The families of lint: 2 is what Azure would refuse, 3 what has no effect, 5 gateway subnets.

codes! {
    SECURITY_RULE_CONFLICT = "GP201" "priority-conflict" Error Some("SecurityRuleConflict"),
        "two rules of one direction have the same priority",
        "Azure refuses it: which rule is first is undefined.",
        "Give one of them another priority.";
    PRIORITY_RANGE = "GP202" "priority-out-of-range" Error Some("SecurityRuleInvalidPriority"),
        "the priority is outside 100 to 4096",
        "Azure refuses it.",
        "Choose a priority from 100 to 4096 that no rule of that direction has.";
    INVALID_PORT = "GP203" "invalid-port-range" Error Some("SecurityRuleInvalidPortRange"),
        "not a port, a port range or `*`",
        "Azure takes an integer or `low-high`, 0 to 65535; a comma list belongs in the list field. Flows that the rule may match are unknown.",
        "Use `destinationPortRanges: [\"80\", \"443\"]` for several ports.";
    INVALID_PREFIX = "GP204" "invalid-address-prefix" Error Some("SecurityRuleInvalidAddressPrefix"),
        "not an address prefix that Azure takes",
        "Azure takes an address, a CIDR prefix without host bits, `*` or a service tag. Host bits in an export are read as the network; anything else makes the rule unjudgeable.",
        "Write the network address; `*` for any.";
    UNSUPPORTED_IN_LIST = "GP205" "tag-in-prefix-list" Error Some("SecurityRuleParameterContainsUnsupportedValue"),
        "a service tag or `*` inside a prefix list",
        "Azure takes tags and `*` only in the singular field.",
        "Move it to `sourceAddressPrefix` / `destinationAddressPrefix` of a rule of its own.";
    OVERLAPPING_PREFIXES = "GP206" "overlapping-prefixes" Error Some("OverlappingSubnetsNotPermittedInSecurityRule"),
        "prefixes of one list overlap",
        "Azure refuses it.",
        "Keep the wider prefix.";
    MIXED_FAMILIES = "GP207" "mixed-address-families" Error
        Some("ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies"),
        "IPv4 and IPv6 prefixes in one rule",
        "Azure refuses it.",
        "Use two rules.";
    EXACTLY_ONE_OF = "GP208" "exactly-one-of" Error None,
        "not exactly one form of a field is filled",
        "Each side needs exactly one of the single value, the list and (for addresses) application security groups.",
        "Empty the other forms.";
    IP_RANGE = "GP209" "nsg-ip-range-unsupported" Error None,
        "an address range `a-b` in a network security group",
        "Ranges are a feature of firewall rules and IP groups. The rule cannot be judged.",
        "Write the range as CIDR prefixes.";
    ASG_VNETS = "GP210" "asgs-of-different-vnets" Error
        Some("AllApplicationSecurityGroupsInSecurityRuleMustBeFromSameVnet"),
        "application security groups of one rule have members in different virtual networks",
        "Azure refuses it.",
        "Use prefixes for one of the sides.";
    NSG_UNSUPPORTED_SUBNET = "GP211" "nsg-on-unsupported-subnet" Error
        Some("NetworkSecurityGroupCannotBeAttachedToGatewaySubnet"),
        "an NSG on a subnet that takes none",
        "AzureFirewallSubnet and GatewaySubnet do not support NSGs; the NSG is ignored in the evaluation.",
        "Detach it.";
    DESCRIPTION_LENGTH = "GP212" "description-too-long" Error Some("SecurityRuleDescriptionTooLong"),
        "a rule description is longer than 140 characters",
        "Azure refuses it.",
        "Shorten it.";
    INVALID_ENUM = "GP213" "invalid-rule-field" Error None,
        "direction, access or protocol is none that Azure knows",
        "Azure refuses it, and the rule cannot be judged: flows that it may match are unknown.",
        "Inbound or Outbound; Allow or Deny; Tcp, Udp, Icmp, Esp, Ah or *.";
    RULE_NAME = "GP214" "invalid-rule-name" Error None,
        "not a name that Azure takes for a rule",
        "Up to 80 characters: letters, digits, `.`, `-`, `_`; a letter or digit first, a letter, digit or `_` last.",
        "Rename the rule.";
    SUBNET_OUTSIDE = "GP215" "subnet-outside-vnet" Error Some("NetcfgInvalidSubnet"),
        "a subnet lies outside the address space of its virtual network",
        "Azure refuses it.",
        "Extend the address space or move the subnet.";
    PREFIX_FORMAT = "GP216" "prefix-not-cidr" Error Some("InvalidAddressPrefixFormat"),
        "a virtual network or subnet prefix is not in CIDR form",
        "Azure refuses it. The resource was not used: without the prefix the network would look smaller than it is.",
        "Write it as `10.0.0.0/24`.";
    ROUTE_HOST_BITS = "GP217" "route-host-bits" Error Some("InvalidCIDRNotation"),
        "a route prefix has host bits set",
        "Azure refuses it; it was read as its network.",
        "Write the network address.";
    TOO_MANY = "GP218" "limit-exceeded" Warning None,
        "more elements than Azure takes by default",
        "1,000 rules per NSG, 4,000 addresses per side of an NSG, 10 ASGs per rule side, 400 routes and 25 service-tag routes per table, 500 peerings per virtual network.",
        "Combine rules, or ask for a higher limit.";
    SUBNETS_OVERLAP = "GP219" "subnets-overlap" Error Some("NetcfgSubnetRangesOverlap"),
        "two subnets of one virtual network overlap",
        "Azure refuses it.",
        "Give them disjoint prefixes.";
    NIC_SUBNETS = "GP220" "nic-in-several-subnets" Error Some("IpConfigurationsOnSameNicCannotUseDifferentSubnets"),
        "the IP configurations of one NIC are in different subnets",
        "Azure refuses it: a NIC is in one subnet.",
        "Use a second NIC for the other subnet.";
    PRIVATE_ADDRESS_FORMAT = "GP221" "private-address-format" Error Some("InvalidPrivateIPAddressFormat"),
        "a private address is no IP address",
        "Azure refuses it. The address was left out; whoever has it is unknown.",
        "Write one address, such as `10.0.0.4`, without a prefix length.";
    PRIVATE_ADDRESS_OUTSIDE = "GP222" "private-address-outside-subnet" Error Some("PrivateIPAddressNotInSubnet"),
        "a private address lies outside its subnet",
        "Azure refuses it.",
        "Choose an address of the subnet, or export NIC and virtual network at the same time.";
    PRIVATE_ADDRESS_RESERVED = "GP223" "private-address-reserved" Error Some("PrivateIPAddressInReservedRange"),
        "a private address is one that Azure reserves",
        "The first four addresses and the last one of a subnet are Azure's own; it refuses them.",
        "Choose another address of the subnet.";
    SPACE_HOST_BITS = "GP224" "prefix-host-bits" Error Some("InvalidCIDRNotation"),
        "a virtual network or subnet prefix has host bits set",
        "Azure refuses it; it was read as its network.",
        "Write the network address.";
    PEERING_SELF = "GP225" "peering-to-itself" Error None,
        "a virtual network is peered with itself",
        "Azure refuses it, and it brings no route.",
        "Name the other virtual network.";
    PEERED_SPACES_OVERLAP = "GP226" "peered-spaces-overlap" Error Some("VnetAddressSpacesOverlap"),
        "peered virtual networks have overlapping address spaces",
        "Azure refuses the peering.",
        "Give one of them other addresses, or peer single subnets that do not overlap.";
    PEERS_OVERLAP = "GP227" "peers-overlap" Error Some("VnetAddressSpaceOverlapsWithAlreadyPeeredVnet"),
        "two peers of one virtual network have overlapping address spaces",
        "Azure refuses the second peering: an address must not lead to two networks.",
        "Give one of them other addresses, or remove one of the peerings.";
    PEERING_REPEATED = "GP228" "peering-repeated" Error Some("AnotherPeeringAlreadyReferencesRemoteVnet"),
        "two peerings of one virtual network lead to the same remote one",
        "Azure refuses the second.",
        "Remove one of them.";
    ROUTE_NEXT_HOP_MISSING = "GP229" "route-without-next-hop-address" Error Some("MissingNextHopIpAddress"),
        "a route to an appliance has no next hop address",
        "Azure refuses it; in the evaluation the traffic is dropped.",
        "Set nextHopIpAddress.";
    ROUTE_NEXT_HOP_EXTRA = "GP230" "route-next-hop-address-not-allowed" Error Some("NextHopIpAddressNotAllowed"),
        "a route has a next hop address and a type that takes none",
        "Only VirtualAppliance takes nextHopIpAddress; Azure refuses it. The address was ignored.",
        "Remove nextHopIpAddress, or make the type VirtualAppliance.";
    ROUTE_CONFLICT = "GP231" "route-prefix-repeated" Error Some("RouteConflict"),
        "two routes of one table have the same destination",
        "Azure refuses it; where they disagree the verdict is unknown.",
        "Remove one of them.";
    REPEATED_NAME = "GP232" "name-repeated" Error None,
        "two children of one resource have the same name",
        "Rules, routes, subnets and peerings are told apart by name, in any letter case; Azure refuses a second one.",
        "Rename one of them.";
    GATEWAY_SUBNET_NAME = "GP233" "gateway-in-gateway-subnet" Error None,
        "an application gateway in GatewaySubnet",
        "GatewaySubnet is for VPN and ExpressRoute gateways only.",
        "Use a subnet of its own.";
    FIREWALL_PRIORITY = "GP234" "firewall-priority-out-of-range" Error None,
        "a firewall priority is missing or outside 100 to 65000",
        "Rule collection groups and rule collections have one, lower first. Azure refuses others.",
        "Choose a priority from 100 to 65000.";
    FIREWALL_PRIORITY_CONFLICT = "GP235" "firewall-priority-conflict" Error None,
        "two rule collection groups, or two collections of one group, have the same priority",
        "Which of them comes first is not defined; Azure refuses it.",
        "Give one of them another priority.";
    FIREWALL_PORT = "GP236" "firewall-invalid-port" Error Some("FirewallPolicyRuleConditionInvalidPortOrRangeFormat"),
        "a firewall rule has a port that Azure does not take",
        "Network and DNAT rules take ports and ranges up to 65535 and `*`, application rules ports from 1 to 64000.",
        "Correct the port; several ports are several list elements.";
    FIREWALL_ADDRESS = "GP237" "firewall-invalid-address" Error None,
        "a firewall rule or IP group has an address that Azure does not take",
        "Firewalls take an address, a CIDR prefix, a range `a-b`, `*` or (rules only) a service tag. Flows that the rule may match are unknown.",
        "Correct the address; the lower one of a range comes first.";
    FIREWALL_WILDCARD = "GP238" "network-rule-fqdn-wildcard" Error None,
        "a wildcard in an FQDN of a network rule",
        "Network rules compare resolved addresses, so the firewall must be able to resolve the name. Only application rules take wildcards.",
        "Write whole names, or use an application rule.";
    FIREWALL_RULE = "GP239" "firewall-rule-incomplete" Error None,
        "a firewall rule or collection lacks something, or has a word that Azure does not know",
        "A rule needs its type, protocols, a source and a destination, its collection an action. Flows that it may match are unknown.",
        "Export it again, or fill it in.";
    ADMIN_PRIORITY = "GP240" "admin-rule-priority-out-of-range" Error None,
        "the priority of a security admin rule is missing or outside 1 to 4096",
        "Azure refuses it.",
        "Choose a priority from 1 to 4096 that no rule of the collection has.";
    ADMIN_PRIORITY_CONFLICT = "GP241" "admin-rule-priority-conflict" Error None,
        "two security admin rules of one collection have the same priority",
        "Which of them comes first is not defined; a priority is unique in its collection.",
        "Give one of them another priority.";
    ADMIN_RULE = "GP242" "invalid-admin-rule" Error None,
        "a security admin rule has a value that Azure does not take",
        "Flows that the rule may match are unknown.",
        "Inbound or Outbound; Allow, Deny or AlwaysAllow; Tcp, Udp, Icmp, Esp, Ah or Any; ports 0 to 65535; sources and destinations are prefixes, service tags or network groups.";
    FIREWALL_PRIVATE_RANGE = "GP243" "firewall-invalid-private-range" Error None,
        "an element of a firewall's private SNAT ranges is no prefix",
        "Whether network rules translate the source is then unknown, and so is every verdict behind them that depends on it.",
        "A CIDR prefix, an address or IANAPrivateRanges; 0.0.0.0/0 alone for never, 255.255.255.255/32 alone for always.";

    NSG_NOT_ASSOCIATED = "GP301" "nsg-not-associated" Note None,
        "an NSG is attached to nothing",
        "No subnet and no NIC of the input refers to it, so it has no effect.",
        "Attach it, or ignore this if its subnet or NIC is not in the input.";
    EMPTY_ASG = "GP302" "empty-asg" Warning None,
        "a rule lists an application security group without members beside others",
        "Such a rule was reported not to work at all; where it would decide, the verdict is unknown.",
        "Remove the empty group from the rule.";
    ICMP_PORT = "GP303" "icmp-port-filter" Warning None,
        "an ICMP rule with ports",
        "ICMP has no ports. Azure was seen to read the destination port as the ICMP type, which is not documented: ICMP flows are unknown where this rule would decide. It never opens TCP or UDP ports.",
        "Use `*` for both ports.";
    BARE_NUMBER = "GP304" "bare-number-prefix" Warning None,
        "a bare number as address prefix",
        "Azure accepts it and reads one IPv4 address, which is rarely meant.",
        "Write the address in dotted form.";

    MANAGEMENT_BLOCKED = "GP501" "gateway-manager-blocked" Error
        Some("ApplicationGatewaySubnetInboundTrafficBlockedByNetworkSecurityGroup"),
        "the NSG of a gateway subnet blocks Application Gateway's management ports",
        "GatewayManager needs TCP 65200-65535 (v2) or 65503-65534 (v1) inbound. Without it backend health is Unknown and updates fail; the data path is not affected.",
        "Allow source GatewayManager, destination Any, to these ports, above the rule that denies.";
    OUTBOUND_INTERNET_BLOCKED = "GP502" "appgw-outbound-internet-blocked" Error
        Some("ApplicationGatewaySubnetOutboundTrafficBlockedByNetworkSecurityGroup"),
        "the NSG of a gateway subnet blocks outbound Internet",
        "A v2 gateway without network isolation needs outbound Internet; Azure refuses the NSG.",
        "Remove the outbound deny, or use network isolation.";
    MANAGEMENT_NARROW = "GP503" "gateway-manager-destination-not-any" Warning None,
        "a GatewayManager rule has a destination other than Any",
        "The documentation asks for destination Any.",
        "Set the destination to `*`.";
    DEFAULT_ROUTE_UDR = "GP504" "appgw-default-route-not-internet" Error None,
        "a 0.0.0.0/0 route of a gateway subnet does not lead to the Internet",
        "A v2 gateway without network isolation does not support it; health becomes Unknown.",
        "Next hop Internet for 0.0.0.0/0; more specific routes to the firewall are fine when symmetric.";
    DEFAULT_ROUTE_BGP = "GP505" "appgw-default-route-by-bgp" Warning None,
        "a gateway subnet learns 0.0.0.0/0 from a gateway",
        "It breaks the management of a v2 gateway without network isolation.",
        "Add a user route 0.0.0.0/0 to Internet, or disable route propagation.";
    MIXED_SKU = "GP506" "gateway-subnet-mixed-sku" Error None,
        "v1 and v2 gateways in one subnet",
        "Azure refuses it.",
        "Use a subnet for each generation.";
    NOT_DEDICATED = "GP507" "gateway-subnet-not-dedicated" Error
        Some("ApplicationGatewaySubnetCannotBeUsedByOtherResources"),
        "other resources in a gateway subnet",
        "The subnet of an application gateway holds nothing else.",
        "Move the NIC to another subnet.";
    PROBES_BLOCKED = "GP508" "application-gateway-load-balancer-blocked" Warning None,
        "the NSG of a gateway subnet blocks AzureLoadBalancer inbound",
        "It must stay allowed, also with network isolation.",
        "Keep the default rule AllowAzureLoadBalancerInBound reachable.";
}
