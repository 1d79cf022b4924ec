//! Gateways, simulated servers and records for the tests of the join.

use super::finding::Attribution;
use super::input::{
    AttributionInput, GatewayFacts, ManagementPath, ManagementVerdict, NameState, PoolFacts, ProbedServer,
    SettingFacts, TimeRelation,
};
use super::join::attribute;
use crate::compile::Stage;
use crate::diagnostic::Span;
use crate::model::{
    Generation, HealthFormat, HealthRecord, Located, PoolHealth, RecordedState, ResourceId, ServerHealth, SettingHealth,
};
use crate::net::AddressSet;
use crate::solve::{Answer, Decision, Missing, Verdict};
use ipnet::IpNet;

pub(super) const M01: &str = "Success. Received 200 status code";
pub(super) const M02: &str = "Time taken by the backend to respond to application gateway's health probe is more than the timeout threshold in the probe setting. Either increase the timeout threshold in the probe setting or resolve the backend issues.";
pub(super) const M04: &str =
    "Cannot connect to backend server. Check whether any NSG/UDR/Firewall is blocking access to the server.";

pub(super) fn span(start: u32) -> Span {
    Span { file: 0, start, end: start + 1 }
}

pub(super) fn gateway_id(name: &str) -> ResourceId {
    ResourceId::new(&format!(
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/{name}"
    ))
}

pub(super) fn pool_id(name: &str) -> ResourceId {
    gateway_id("agw").child("backendAddressPools", name)
}

pub(super) fn setting_id(name: &str) -> ResourceId {
    gateway_id("agw").child("backendHttpSettingsCollection", name)
}

pub(super) fn nic(name: &str) -> ResourceId {
    ResourceId::new(&format!(
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/{name}/ipConfigurations/c"
    ))
}

pub(super) fn set() -> ResourceId {
    ResourceId::new("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/fleet")
}

pub(super) fn prefix(text: &str) -> Vec<IpNet> {
    text.parse().into_iter().collect()
}

pub(super) fn answer(verdict: Verdict) -> Answer {
    let rule = |name: &str| {
        Some(Decision {
            stage: Stage::NsgInSubnet,
            resource: Some("nsg-app".into()),
            rule: Some(name.into()),
            priority: Some(200),
            span: None,
        })
    };
    let decision = match verdict {
        Verdict::Allow => rule("allow-agw"),
        Verdict::Deny | Verdict::Partial => rule("deny-agw"),
        Verdict::Unknown => rule("allow-tag"),
    };
    let missing = match verdict {
        Verdict::Unknown => {
            vec![Missing { what: "service tag Storage".into(), command: Some("az network list-service-tags".into()) }]
        }
        _ => Vec::new(),
    };
    Answer {
        verdict,
        decision,
        sources: AddressSet::default(),
        denied: AddressSet::default(),
        missing,
        regardless: Vec::new(),
        seen: None,
        servers: Vec::new(),
        notes: Vec::new(),
    }
}

/// A simulated server; the member is an address or a name.
pub(super) fn server(pool: &str, setting: &str, member: &str, verdict: Verdict) -> ProbedServer {
    let address = member.parse().ok();
    ProbedServer {
        gateway: gateway_id("agw"),
        pool: pool_id(pool),
        setting: setting_id(setting),
        member: member.into(),
        ip_configuration: None,
        backend: member.into(),
        address,
        fqdn: address.is_none().then(|| member.to_owned()),
        name_state: if address.is_none() { NameState::Resolved } else { NameState::Literal },
        probe: answer(verdict),
        data: None,
        subnet: Some("vnet/app".into()),
        scale_set: None,
        scale_set_prefixes: Vec::new(),
        public_sources: Vec::new(),
        further_blockers: Vec::new(),
        opaque_hop: false,
        time: TimeRelation::NoTime,
        nsgs: Vec::new(),
        checks: Vec::new(),
        facts: Vec::new(),
    }
}

pub(super) fn gateway(name: &str, servers: &[ProbedServer]) -> GatewayFacts {
    let ports = [("s80", 80, 80), ("s443", 443, 443), ("s8443", 8081, 8443)];
    let members = |pool: &ResourceId| servers.iter().filter(|server| server.pool == *pool).count();
    let pools = ["p", "q", "empty"].iter().map(|pool| PoolFacts {
        id: pool_id(pool),
        name: (*pool).into(),
        members: members(&pool_id(pool)),
    });
    let mut pairs: Vec<_> = servers.iter().map(|server| (server.pool.clone(), server.setting.clone())).collect();
    pairs.sort();
    pairs.dedup();
    GatewayFacts {
        id: gateway_id(name),
        name: name.into(),
        generation: Some(Generation::V2),
        isolated: false,
        management: ManagementPath { verdict: ManagementVerdict::Allow, ..ManagementPath::default() },
        source_prefixes: prefix("10.0.0.0/24"),
        pools: pools.collect(),
        settings: ports
            .iter()
            .map(|(setting, probe, data)| SettingFacts {
                id: setting_id(setting),
                name: (*setting).into(),
                probe_port: *probe,
                data_port: *data,
                min_servers: 0,
            })
            .collect(),
        pairs,
    }
}

/// Address, IP configuration, state, message.
pub(super) type Row<'a> = (&'a str, Option<ResourceId>, RecordedState, Option<&'a str>);

pub(super) fn recorded(file: &str, pool: ResourceId, setting: ResourceId, rows: &[Row<'_>]) -> HealthRecord {
    let servers = rows.iter().enumerate().map(|(at, (address, ip_configuration, state, message))| {
        let place = span(u32::try_from(at).unwrap_or_default());
        ServerHealth {
            span: place,
            address: (!address.is_empty()).then(|| (*address).to_owned()),
            ip_configuration: ip_configuration.clone(),
            state: Located::new(*state, place),
            message: message.map(|text| Located::new(text.to_owned(), place)),
        }
    });
    let setting = SettingHealth { setting: Located::new(setting, span(0)), servers: servers.collect(), span: span(0) };
    HealthRecord {
        span: span(0),
        format: HealthFormat::BackendHealth,
        file_name: file.into(),
        pools: vec![PoolHealth { pool: Located::new(pool, span(0)), settings: vec![setting] }],
    }
}

pub(super) fn record(pool: &str, setting: &str, rows: &[Row<'_>]) -> HealthRecord {
    recorded("h.json", pool_id(pool), setting_id(setting), rows)
}

pub(super) fn run(servers: &[ProbedServer], records: &[HealthRecord]) -> Attribution {
    let gateways = [gateway("agw", servers)];
    attribute(&AttributionInput {
        gateways: &gateways,
        servers,
        records,
        histories: &[],
        captures: None,
        flows: None,
        heals: None,
        history: None,
    })
}

/// Server, recorded word, class name, row.
pub(super) fn short(found: &Attribution) -> Vec<(&str, &str, &str, &str)> {
    found
        .servers
        .iter()
        .map(|f| (f.server.as_deref().unwrap_or("-"), f.recorded.word(), f.class.name(), f.row))
        .collect()
}
