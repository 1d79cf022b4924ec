//! A fleet of gateways and its recorded health, from a seed: for benches, and for tests of many gateways.

use serde_json::{Value, json};
use std::io::{self, Write};

/// Servers of every gateway.
pub const SERVERS: u64 = 10;
const INSTANCES: u64 = 2;
/// Seconds between two rows of a series.
const INTERVAL: u64 = 30;
/// 2026-11-01T00:00:00Z.
const START: u64 = 1_793_491_200;

/// A small linear congruential generator: the same rows on every machine.
#[derive(Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Seeded(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn id(kind: &str, gateway: u64) -> String {
    format!(
        "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-fleet/providers/Microsoft.Network/{kind}-{gateway:03}"
    )
}

fn address(gateway: u64, server: u64) -> String {
    format!("10.{gateway}.1.{}", server + 4)
}

/// Configuration of the gateways: a virtual network, a gateway and an open path each.
pub fn snapshot(gateways: u64) -> Value {
    (0..gateways).flat_map(|gateway| [vnet(gateway), application_gateway(gateway)]).collect()
}

fn vnet(gateway: u64) -> Value {
    let id = id("virtualNetworks/vnet", gateway);
    let subnet = |name: &str, part: u64| {
        let prefix = format!("10.{gateway}.{part}.0/24");
        json!({"id": format!("{id}/subnets/{name}"), "name": name, "properties": {"addressPrefix": prefix}})
    };
    let subnets = [subnet("snet-agw", 0), subnet("snet-app", 1)];
    json!({"id": id, "name": format!("vnet-{gateway:03}"), "type": "Microsoft.Network/virtualNetworks", "properties": {
        "addressSpace": {"addressPrefixes": [format!("10.{gateway}.0.0/16")]}, "subnets": subnets}})
}

fn application_gateway(gateway: u64) -> Value {
    let own = id("applicationGateways/agw", gateway);
    let subnet = format!("{}/subnets/snet-agw", id("virtualNetworks/vnet", gateway));
    let part = |kind: &str, name: &str, properties: Value| json!([{"id": format!("{own}/{kind}/{name}"), "name": name, "properties": properties}]);
    let reference = |kind: &str, name: &str| json!({"id": format!("{own}/{kind}/{name}")});
    let members: Vec<Value> = (0..SERVERS).map(|server| json!({"ipAddress": address(gateway, server)})).collect();
    json!({"id": own, "name": format!("agw-{gateway:03}"), "type": "Microsoft.Network/applicationGateways", "properties": {
        "sku": {"name": "Standard_v2", "tier": "Standard_v2"},
        "gatewayIPConfigurations": part("gatewayIPConfigurations", "ip", json!({"subnet": {"id": subnet}})),
        "frontendIPConfigurations": part("frontendIPConfigurations", "fe", json!({"subnet": {"id": subnet}})),
        "frontendPorts": part("frontendPorts", "p443", json!({"port": 443})),
        "backendAddressPools": part("backendAddressPools", "pool-app", json!({"backendAddresses": members})),
        "backendHttpSettingsCollection": part("backendHttpSettingsCollection", "bs-8443", json!({"port": 8443, "protocol": "Https"})),
        "httpListeners": part("httpListeners", "lsn", json!({"frontendIPConfiguration": reference("frontendIPConfigurations", "fe"),
            "frontendPort": reference("frontendPorts", "p443"), "protocol": "Https"})),
        "requestRoutingRules": part("requestRoutingRules", "rr", json!({"ruleType": "Basic", "priority": 10,
            "httpListener": reference("httpListeners", "lsn"), "backendAddressPool": reference("backendAddressPools", "pool-app"),
            "backendHttpSettings": reference("backendHttpSettingsCollection", "bs-8443")}))}})
}

/// A history table of about `rows` rows: every instance of every gateway writes a row for every server and interval. One
/// series in a hundred changes its state now and then.
pub fn history(out: &mut dyn Write, gateways: u64, rows: u64, seed: u64) -> io::Result<()> {
    let mut seed = Seeded::new(seed);
    writeln!(out, "TIMESTAMP,GatewayId,RoleInstance,pool,setting,server,port,Healthy")?;
    let ids: Vec<String> = (0..gateways).map(|gateway| id("applicationGateways/agw", gateway)).collect();
    let mut down = vec![false; usize::try_from(gateways * SERVERS).unwrap_or(0)];
    let mut written = 0;
    for tick in 0.. {
        let second = START + tick * INTERVAL;
        let (day, hour) = ((second - START) / 86_400 + 1, second % 86_400 / 3600);
        let (minute, rest) = (second % 3600 / 60, second % 60);
        let time = format!("2026-11-{day:02}T{hour:02}:{minute:02}:{rest:02}Z");
        for (gateway, id) in (0..gateways).zip(&ids) {
            for server in 0..SERVERS {
                let at = usize::try_from(gateway * SERVERS + server).unwrap_or(0);
                if at % 100 == 0 && seed.below(200) == 0 {
                    down[at] = !down[at];
                }
                let healthy = if down[at] { "False" } else { "True" };
                let address = address(gateway, server);
                for instance in 0..INSTANCES {
                    if written == rows {
                        return Ok(());
                    }
                    written += 1;
                    writeln!(out, "{time},{id},appgw_{instance},pool-app,bs-8443,{address},8443,{healthy}")?;
                }
            }
        }
    }
    Ok(())
}
