//! An application gateway with its frontends, pools, settings and rules.

use super::dice::Dice;
use super::generate::{id, reference, resource};
use serde_json::{Value, json};

/// A gateway and what belongs to it.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) resources: Vec<Value>,
    /// A NAT gateway for its subnet.
    pub(crate) nat: Option<Value>,
}

/// Addresses that pools point at: machines, empty addresses, on-premises and the Internet.
const BACKENDS: [&str; 16] = [
    "10.1.2.20",
    "10.2.1.20",
    "10.1.1.4",
    "10.2.1.4",
    "10.1.1.5",
    "10.1.2.4",
    "10.0.3.4",
    "10.1.1.200",
    "10.1.2.50",
    "10.2.1.200",
    "192.168.5.5",
    "20.60.26.7",
    "52.1.2.3",
    "20.30.40.60",
    "10.9.1.4",
    "172.17.1.4",
];

/// A gateway while it is being made.
struct Draft<'d> {
    dice: &'d mut Dice,
    id: String,
    properties: Value,
}

impl Draft<'_> {
    /// Adds a child object to a list of the gateway.
    fn add(&mut self, list: &str, name: &str, properties: impl Into<Value>) {
        let properties: Value = properties.into();
        let child = json!({ "id": format!("{}/{list}/{name}", self.id), "name": name, "properties": properties });
        match &mut self.properties[list] {
            Value::Array(children) => children.push(child),
            none => *none = json!([child]),
        }
    }

    fn at(&self, list: &str, name: &str) -> Value {
        json!({ "id": format!("{}/{list}/{name}", self.id) })
    }

    fn has_frontend(&self, name: &str) -> bool {
        let all = self.properties["frontendIPConfigurations"].as_array();
        all.is_some_and(|all| all.iter().any(|frontend| frontend["name"] == name))
    }

    fn listeners(&mut self) {
        for (port, number) in [("p443", 443), ("p80", 80)] {
            self.add("frontendPorts", port, json!({ "port": number }));
        }
        for frontend in ["public", "private"] {
            if self.has_frontend(frontend) && self.dice.chance(70) {
                let port = *self.dice.pick(&["p443", "p80"]);
                let properties = json!({
                    "frontendIPConfiguration": self.at("frontendIPConfigurations", frontend),
                    "frontendPort": self.at("frontendPorts", port),
                });
                self.add("httpListeners", frontend, properties);
            }
        }
    }

    fn backends(&mut self) {
        for k in 0..=self.dice.below(2) {
            let (pool, setting, probe) = (format!("pool{k}"), format!("set{k}"), format!("probe{k}"));
            let count = self.dice.below(3);
            let members: Vec<Value> = (0..=count).map(|_| json!({ "ipAddress": self.dice.pick(&BACKENDS) })).collect();
            self.add("backendAddressPools", &pool, json!({ "backendAddresses": members }));
            let mut properties = json!({ "port": self.dice.pick(&[443, 80, 8080]), "protocol": "Http" });
            if self.dice.chance(30) {
                self.add("probes", &probe, json!({ "protocol": "Http", "path": "/", "port": 8081 }));
                properties["probe"] = self.at("probes", &probe);
            }
            self.add("backendHttpSettingsCollection", &setting, properties);
            let properties = json!({
                "ruleType": "Basic", "backendAddressPool": self.at("backendAddressPools", &pool),
                "backendHttpSettings": self.at("backendHttpSettingsCollection", &setting),
            });
            self.add("requestRoutingRules", &format!("rule{k}"), properties);
        }
    }
}

/// Makes a gateway in a subnet.
pub(crate) fn gateway(dice: &mut Dice, name: &str, net: &str, subnet: &str, prefixes: &[String]) -> Made {
    let mut made = Made { resources: Vec::new(), nat: None };
    let sku = json!({ "name": "Standard_v2", "tier": "Standard_v2" });
    let mut draft = Draft { dice, id: id("applicationGateways", name), properties: json!({ "sku": sku }) };
    let place = json!({ "id": format!("{}/subnets/{subnet}", id("virtualNetworks", net)) });
    let pip = format!("{name}-pip");
    let private_only = draft.dice.chance(20);
    if !private_only {
        let properties = json!({ "publicIPAddress": reference("publicIPAddresses", &pip) });
        draft.add("frontendIPConfigurations", "public", properties);
    } else if draft.dice.chance(50) {
        let nat = format!("{name}-nat");
        let properties = json!({ "publicIpAddresses": [reference("publicIPAddresses", &pip)] });
        made.resources.push(resource("natGateways", &nat, properties));
        made.nat = Some(reference("natGateways", &nat));
    }
    let address = if name == "agw" { "20.30.40.50" } else { "20.30.40.51" };
    made.resources.push(resource("publicIPAddresses", &pip, json!({ "ipAddress": address })));
    if private_only || draft.dice.chance(40) {
        let head = prefixes[0].rsplit_once('.').map_or("", |(head, _)| head);
        let address = format!("{head}.{}", draft.dice.pick(&[10, 4, 9]));
        draft.add("frontendIPConfigurations", "private", json!({ "privateIPAddress": address, "subnet": place }));
    }
    draft.add("gatewayIPConfigurations", "gip", json!({ "subnet": place }));
    draft.listeners();
    draft.backends();
    let mut gateway = resource("applicationGateways", name, draft.properties);
    if draft.dice.chance(40) {
        gateway["tags"] = json!({ "EnhancedNetworkControl": "True" });
    }
    made.resources.push(gateway);
    made
}
