//! Azure Firewalls, policies, rule collection groups, IP groups.

use super::fields::Fields;
use super::json::{Node, Unusable};
use super::nsg;
use crate::diagnostic::Span;
use crate::model::{
    Access, ApplicationProtocol, AzureFirewall, FirewallConfiguration, FirewallPolicy, FirewallProtocol, FirewallRule,
    FirewallRuleKind, FirewallSettings, FirewallSide, FirewallTerm, IpGroup, Located, ResourceId, RuleCollection,
    RuleCollectionGroup, Setting, SnatRange,
};
use crate::net::{Protocol, WrittenPrefix};

/// Reads an Azure Firewall with its classic rule collections.
pub(crate) fn read_firewall(fields: &Fields<'_>, id: ResourceId) -> Result<AzureFirewall, Unusable> {
    let mut configurations = Vec::new();
    for configuration in fields.objects("ipConfigurations")? {
        configurations.push(FirewallConfiguration {
            private_address: match configuration.address("privateIPAddress") {
                Setting::Set(address) => Some(address),
                Setting::Missing | Setting::Invalid(_) => None,
            },
            subnet: configuration.reference("subnet")?.map(|r| r.value),
            public_ip: configuration.reference("publicIPAddress")?.map(|r| r.value),
        });
    }
    let hub = fields.child("hubIPAddresses")?;
    let mut collections = Vec::new();
    for (key, kind) in [
        ("natRuleCollections", FirewallRuleKind::Dnat),
        ("networkRuleCollections", FirewallRuleKind::Network),
        ("applicationRuleCollections", FirewallRuleKind::Application),
    ] {
        for collection in fields.objects(key)? {
            collections.push(read_collection(&collection, Some(kind))?);
        }
    }
    let extra = fields.child("additionalProperties")?;
    let extra = |key: &str| extra.as_ref().and_then(|extra| extra.outer().get(key)?.text());
    let ranges = extra("Network.SNAT.PrivateRanges");
    let ranges = ranges.iter().flat_map(|all| all.value.split(',').map(|text| (text, all.span)));
    Ok(AzureFirewall {
        name: fields.name(),
        span: fields.span(),
        configurations,
        hub_addresses: hub.and_then(|hub| hub.address("privateIPAddress").value().copied()).into_iter().collect(),
        policy: fields.reference("firewallPolicy")?,
        settings: FirewallSettings {
            threat_intelligence_denies: denies(fields),
            dns_proxy: extra("Network.DNS.EnableProxy").is_some_and(|text| text.value.eq_ignore_ascii_case("true")),
            private_ranges: ranges.filter(|(text, _)| !text.trim().is_empty()).map(snat_range).collect(),
        },
        collections,
        id,
    })
}

/// Reads a firewall policy.
pub(crate) fn read_policy(fields: &Fields<'_>, id: ResourceId) -> Result<FirewallPolicy, Unusable> {
    let dns = fields.child("dnsSettings")?;
    let snat = fields.child("snat")?;
    let ranges = snat.map(|snat| snat.strings("privateRanges")).unwrap_or_default();
    Ok(FirewallPolicy {
        name: fields.name(),
        span: fields.span(),
        base: fields.reference("basePolicy")?,
        listed_groups: fields.references("ruleCollectionGroups")?,
        settings: FirewallSettings {
            threat_intelligence_denies: denies(fields),
            dns_proxy: dns.map(|dns| dns.flag("enableProxy", false)).transpose()?.unwrap_or(false),
            private_ranges: ranges.iter().map(|text| snat_range((&text.value, text.span))).collect(),
        },
        id,
    })
}

fn denies(fields: &Fields<'_>) -> bool {
    fields.str("threatIntelMode").is_some_and(|mode| mode.trim().eq_ignore_ascii_case("deny"))
}

fn snat_range((text, span): (&str, Span)) -> SnatRange {
    let text = text.trim();
    match text {
        "0.0.0.0/0" => SnatRange::Never,
        "255.255.255.255/32" => SnatRange::Always,
        _ if text.replace(' ', "").eq_ignore_ascii_case("ianaprivateranges") => SnatRange::IanaPrivate,
        _ => match WrittenPrefix::parse(text) {
            Some(prefix) => SnatRange::Prefix(prefix.net),
            None => SnatRange::Invalid(Located::new(text.to_owned(), span)),
        },
    }
}

/// Reads a rule collection group.
pub(crate) fn read_group(fields: &Fields<'_>, id: ResourceId) -> Result<RuleCollectionGroup, Unusable> {
    let collections: Result<Vec<_>, _> =
        fields.objects("ruleCollections")?.iter().map(|collection| read_collection(collection, None)).collect();
    Ok(RuleCollectionGroup {
        name: fields.name(),
        span: fields.span(),
        priority: nsg::priority(fields),
        collections: collections?,
        id,
    })
}

/// Reads a rule collection; `kind` is fixed in a classic one.
fn read_collection(fields: &Fields<'_>, kind: Option<FirewallRuleKind>) -> Result<RuleCollection, Unusable> {
    let action = fields.child("action")?;
    let rules: Result<Vec<_>, _> = fields.objects("rules")?.iter().map(|rule| read_rule(rule, kind)).collect();
    Ok(RuleCollection {
        name: fields.name(),
        span: fields.span(),
        priority: nsg::priority(fields),
        action: action.map_or(Setting::Missing, |action| {
            nsg::word(&action, "type", |text| match text {
                "allow" | "dnat" | "snat" => Some(Access::Allow),
                "deny" => Some(Access::Deny),
                _ => None,
            })
        }),
        rules: rules?,
    })
}

fn read_rule(fields: &Fields<'_>, kind: Option<FirewallRuleKind>) -> Result<FirewallRule, Unusable> {
    let kind = match kind {
        Some(kind) => Setting::Set(Located::new(kind, fields.span())),
        None => nsg::word(fields, "ruleType", |text| match text {
            "natrule" => Some(FirewallRuleKind::Dnat),
            "networkrule" => Some(FirewallRuleKind::Network),
            "applicationrule" => Some(FirewallRuleKind::Application),
            _ => None,
        }),
    };
    let is_application = kind.value() == Some(&FirewallRuleKind::Application);
    let mut protocols: Vec<Located<FirewallProtocol>> = fields.strings("ipProtocols").iter().map(protocol).collect();
    let mut application = Vec::new();
    if is_application {
        for protocol in fields.objects("protocols")? {
            application.extend(application_protocol(&protocol)?);
        }
    } else {
        protocols.extend(fields.strings("protocols").iter().map(protocol));
    }
    let names = |key: &str| {
        let names = fields.strings(key).into_iter();
        names.map(|name| Located::new(host_key(&name.value), name.span)).collect::<Vec<_>>()
    };
    let fqdns = names(if is_application { "targetFqdns" } else { "destinationFqdns" });
    let categories = ["fqdnTags", "targetUrls", "webCategories"].iter().flat_map(|key| fields.strings(key)).collect();
    Ok(FirewallRule {
        name: fields.name(),
        span: fields.span(),
        kind,
        protocols,
        application,
        source: side(fields, "source")?,
        destination: side(fields, "destination")?,
        ports: nsg::port_list(fields, "destinationPorts"),
        fqdns,
        categories,
        translated_address: fields.address("translatedAddress"),
        translated_fqdn: fields.text("translatedFqdn").map(|name| host_key(&name.value)),
        translated_port: fields.port("translatedPort")?,
    })
}

fn host_key(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

fn protocol(text: &Located<String>) -> Located<FirewallProtocol> {
    let value = match text.value.trim().to_ascii_lowercase().as_str() {
        "any" | "*" => FirewallProtocol::Any,
        lower => Protocol::parse(lower).map_or(FirewallProtocol::Invalid(text.value.clone()), FirewallProtocol::Only),
    };
    Located::new(value, text.span)
}

fn application_protocol(fields: &Fields<'_>) -> Result<Option<Located<ApplicationProtocol>>, Unusable> {
    let Some(name) = fields.text("protocolType") else { return Ok(None) };
    let usual = match name.value.trim().to_ascii_lowercase().as_str() {
        "http" => 80,
        "https" => 443,
        "mssql" => 1433,
        _ => return Ok(None),
    };
    let port = fields.port("port")?.map_or(usual, |port| port.value);
    Ok(Some(Located::new(ApplicationProtocol { name: name.value, port }, name.span)))
}

fn side(fields: &Fields<'_>, side: &str) -> Result<FirewallSide, Unusable> {
    Ok(FirewallSide {
        terms: fields.list(&format!("{side}Addresses")).into_iter().filter(|n| !n.is_blank()).map(term).collect(),
        groups: fields.references(&format!("{side}IpGroups"))?,
    })
}

fn term(node: Node<'_>) -> Located<FirewallTerm> {
    let parsed = match node.scalar() {
        Some(text) => FirewallTerm::parse(&text),
        None => FirewallTerm::Invalid(node.raw().to_owned()),
    };
    Located::new(parsed, node.span())
}

/// Reads an IP group.
pub(crate) fn read_ip_group(fields: &Fields<'_>, id: ResourceId) -> IpGroup {
    let terms = fields.list("ipAddresses").into_iter().filter(|node| !node.is_blank()).map(term).collect();
    IpGroup { name: fields.name(), span: fields.span(), terms, id }
}
