//! Application gateways.

use super::fields::{Fields, shown};
use super::json::{Node, Unusable};
use crate::diagnostic::{Diagnostic, code};
use crate::model::{
    ApplicationGateway, BackendPool, BackendSetting, Frontend, Generation, Listener, Located, PathMap, PoolAddress,
    Probe, ResourceId, RoutingRule, RoutingTarget,
};
use crate::net::parse_address;

/// Reads an application gateway (health.md 5).
pub(crate) fn read(fields: &Fields<'_>, id: ResourceId) -> Result<ApplicationGateway, Unusable> {
    let sku = fields.child("sku")?;
    let tier = sku.as_ref().and_then(|sku| sku.str("tier").or_else(|| sku.str("name"))).map(String::from);
    let mut subnets = Vec::new();
    for configuration in fields.objects("gatewayIPConfigurations")? {
        subnets.extend(configuration.reference("subnet")?);
    }
    let mut frontend_ports = Vec::new();
    for port in fields.objects("frontendPorts")? {
        frontend_ports.extend(port.port("port")?.map(|p| (port.id_under(&id, "frontendPorts"), p.value)));
    }
    let all = |keys: &[&str]| -> Result<Vec<(Fields<'_>, ResourceId)>, Unusable> {
        let mut out = Vec::new();
        for key in keys {
            out.extend(fields.objects(key)?.into_iter().map(|f| (f.clone(), f.id_under(&id, key))));
        }
        Ok(out)
    };
    let frontends: Result<_, _> = all(&["frontendIPConfigurations"])?.iter().map(|(f, id)| frontend(f, id)).collect();
    let listeners: Result<_, _> = all(&["httpListeners", "listeners"])?.iter().map(|(f, id)| listener(f, id)).collect();
    let pools: Result<_, _> = all(&["backendAddressPools"])?.iter().map(|(f, id)| pool(f, id)).collect();
    let settings: Result<_, _> = all(&["backendHttpSettingsCollection", "backendSettingsCollection"])?
        .iter()
        .map(|(f, id)| setting(f, id))
        .collect();
    let probes: Result<_, _> = all(&["probes"])?.iter().map(|(f, id)| probe(f, id)).collect();
    let rules: Result<_, _> = all(&["requestRoutingRules", "routingRules"])?.iter().map(|(f, _)| rule(f)).collect();
    let path_maps: Result<_, _> = all(&["urlPathMaps"])?.iter().map(|(f, id)| path_map(f, id)).collect();
    let policies: Result<_, _> = all(&["loadDistributionPolicies"])?.iter().map(|(f, id)| policy(f, id)).collect();
    Ok(ApplicationGateway {
        name: fields.name(),
        span: fields.span(),
        generation: tier.as_deref().and_then(generation),
        sku: tier,
        isolated: isolated(fields)?,
        provisioning_state: fields.str("provisioningState").map(String::from),
        operational_state: fields.str("operationalState").map(String::from),
        subnets,
        frontends: frontends?,
        frontend_ports,
        listeners: listeners?,
        pools: pools?,
        settings: settings?,
        probes: probes?,
        rules: rules?,
        path_maps: path_maps?,
        load_distribution_policies: policies?,
        id,
    })
}

fn generation(sku: &str) -> Option<Generation> {
    let sku = sku.trim().to_ascii_lowercase();
    match sku.as_str() {
        "basic" => Some(Generation::V2),
        _ if sku.ends_with("_v2") => Some(Generation::V2),
        _ if sku.starts_with("standard") || sku.starts_with("waf") => Some(Generation::V1),
        _ => None,
    }
}

/// The tag that shows network isolation (semantics.md 5.4); its letter case is not relied on.
fn isolated(fields: &Fields<'_>) -> Result<bool, Unusable> {
    let tags = match fields.outer().get("tags") {
        Some(node) => node.object()?,
        None => None,
    };
    Ok(tags.and_then(|tags| tags.get("EnhancedNetworkControl")).and_then(|node| node.boolean()).unwrap_or(false))
}

fn id_of(fields: &Fields<'_>, key: &str) -> Result<Option<ResourceId>, Unusable> {
    Ok(fields.reference(key)?.map(|r| r.value))
}

fn frontend(fields: &Fields<'_>, id: &ResourceId) -> Result<Frontend, Unusable> {
    Ok(Frontend {
        id: id.clone(),
        private_address: fields.private_address("privateIPAddress"),
        public_ip: id_of(fields, "publicIPAddress")?,
        subnet: id_of(fields, "subnet")?,
    })
}

fn listener(fields: &Fields<'_>, id: &ResourceId) -> Result<Listener, Unusable> {
    Ok(Listener {
        id: id.clone(),
        frontend: id_of(fields, "frontendIPConfiguration")?,
        port: id_of(fields, "frontendPort")?,
    })
}

fn pool(fields: &Fields<'_>, id: &ResourceId) -> Result<BackendPool, Unusable> {
    let mut addresses = Vec::new();
    for node in fields.list("backendAddresses") {
        addresses.extend(pool_address(node)?);
    }
    Ok(BackendPool {
        id: id.clone(),
        name: fields.name(),
        span: fields.span(),
        addresses,
        ip_configurations: fields.references("backendIPConfigurations")?,
    })
}

/// `{"ipAddress"}`, `{"fqdn"}` or a bare string (health.md 5).
fn pool_address(node: Node<'_>) -> Result<Option<Located<PoolAddress>>, Unusable> {
    let text = match node.object()? {
        Some(object) => {
            let field = |key: &str| object.get(key).and_then(|value| value.text());
            field("ipAddress").or_else(|| field("fqdn"))
        }
        None => node.text(),
    };
    let Some(text) = text else {
        if node.raw() == "null" {
            return Ok(None);
        }
        node.report(
            Diagnostic::new(&code::WRONG_TYPE, "a backend address without ipAddress and fqdn; its path is unknown")
                .help("export the gateway again"),
        );
        return Ok(Some(Located::new(PoolAddress::Fqdn(shown(node)), node.span())));
    };
    let value = match parse_address(&text.value) {
        Some(address) => PoolAddress::Ip(address),
        None => PoolAddress::Fqdn(text.value),
    };
    Ok(Some(Located::new(value, text.span)))
}

fn setting(fields: &Fields<'_>, id: &ResourceId) -> Result<BackendSetting, Unusable> {
    let written = fields.str("protocol").map(String::from);
    // Azure stores Http where a request names none; settings of layer 4 always name theirs.
    let protocol = written.or_else(|| (!id.key().contains("/backendsettingscollection/")).then(|| "Http".to_owned()));
    let secure = protocol.as_deref().is_some_and(|p| matches!(p.to_ascii_lowercase().as_str(), "https" | "tls"));
    let port = fields.port("port")?;
    Ok(BackendSetting {
        id: id.clone(),
        name: fields.name(),
        span: fields.span(),
        port: port.unwrap_or(Located::new(if secure { 443 } else { 80 }, fields.span())),
        protocol,
        probe: id_of(fields, "probe")?,
    })
}

/// A number of a probe. Azure stores 0 where a request gave none.
fn or_default(fields: &Fields<'_>, key: &str, default: u64) -> Result<u64, Unusable> {
    fields.number(key, default).map(|number| if number == 0 { default } else { number })
}

fn probe(fields: &Fields<'_>, id: &ResourceId) -> Result<Probe, Unusable> {
    let status_codes = match fields.child("match")? {
        Some(matching) => matching.strings("statusCodes").into_iter().map(|code| code.value).collect(),
        None => Vec::new(),
    };
    Ok(Probe {
        id: id.clone(),
        name: fields.name(),
        port: fields.port("port")?,
        interval: or_default(fields, "interval", 30)?,
        timeout: or_default(fields, "timeout", 30)?,
        unhealthy_threshold: or_default(fields, "unhealthyThreshold", 3)?,
        min_servers: fields.number("minServers", 0)?,
        status_codes,
    })
}

fn target(fields: &Fields<'_>, prefix: &str) -> Result<RoutingTarget, Unusable> {
    let key = |name: &str| {
        if prefix.is_empty() { name.to_owned() } else { format!("{prefix}{name}") }
    };
    let http = id_of(fields, &key("BackendHttpSettings"))?;
    Ok(RoutingTarget {
        pool: id_of(fields, &key("BackendAddressPool"))?,
        setting: match http {
            Some(setting) => Some(setting),
            None => id_of(fields, &key("BackendSettings"))?,
        },
        redirect: id_of(fields, &key("RedirectConfiguration"))?,
        load_distribution: id_of(fields, &key("LoadDistributionPolicy"))?,
    })
}

fn rule(fields: &Fields<'_>) -> Result<RoutingRule, Unusable> {
    Ok(RoutingRule {
        name: fields.name(),
        span: fields.span(),
        target: target(fields, "")?,
        path_map: id_of(fields, "urlPathMap")?,
    })
}

fn path_map(fields: &Fields<'_>, id: &ResourceId) -> Result<PathMap, Unusable> {
    let rules: Result<Vec<_>, _> = fields.objects("pathRules")?.iter().map(|rule| target(rule, "")).collect();
    Ok(PathMap { id: id.clone(), default: target(fields, "default")?, rules: rules? })
}

fn policy(fields: &Fields<'_>, id: &ResourceId) -> Result<(ResourceId, Vec<ResourceId>), Unusable> {
    let mut pools = Vec::new();
    for target in fields.objects("loadDistributionTargets")? {
        pools.extend(id_of(&target, "backendAddressPool")?);
    }
    Ok((id.clone(), pools))
}
