//! A fleet of gateways over some hours: configurations before and after changes, an activity log, a health history with
//! noise, and what was really the cause of every state. Causes in the network are rules and routes; what they do is
//! computed by the independent model and never by the engine.

use super::model::address::Addr;
use super::model::case::Assumed;
use super::model::dice::Dice;
use super::model::world::World;
use super::model::worlds::{self, Question, Start};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Seconds between two rows of one series.
pub(crate) const STEP: i64 = 30;
/// 2026-11-03T00:00:00Z.
pub(crate) const START: i64 = 1_793_664_000;
const SUBSCRIPTION: &str = "00000000-0000-4000-8000-00000000f1ee";
const PORT: u16 = 8080;

/// How large the fleet is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) gateways: usize,
    pub(crate) servers: usize,
    pub(crate) instances: usize,
    /// Rows of each series before noise takes some away.
    pub(crate) steps: i64,
}

/// A span of time in which something is so, in seconds from the start; without an end it lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lasting {
    pub(crate) from: i64,
    pub(crate) until: Option<i64>,
}

impl Lasting {
    fn holds(self, at: i64) -> bool {
        at >= self.from && self.until.is_none_or(|until| at < until)
    }
}

/// One server and what happened to it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: String,
    /// Something that is not the network: the process is gone.
    pub(crate) fault: Option<Lasting>,
    /// For each instance: blocked before the change, blocked after it.
    pub(crate) blocked: Vec<(bool, bool)>,
    /// From the fact to the recorded state: failed probes have to add up.
    lag: i64,
}

/// One gateway with its network.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) name: String,
    id: String,
    pub(crate) before: Vec<Value>,
    pub(crate) after: Vec<Value>,
    /// When the configuration changed, in seconds from the start.
    pub(crate) changed: Option<i64>,
    log: Option<Value>,
    pub(crate) servers: Vec<Server>,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) size: Size,
    pub(crate) gateways: Vec<Gateway>,
}

/// What a server's state at the end really comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    Healthy,
    /// Down, and the network denied every instance before anything else failed.
    Network,
    /// The network denies some instances only.
    SomeInstances,
    /// Down for another reason, whatever the network does now.
    Other,
    /// Down without a break, first for another reason and now by the network: no record can tell.
    Untold,
}

impl Fleet {
    pub(crate) fn end(&self) -> i64 {
        self.size.steps * STEP
    }

    pub(crate) fn truth(&self, gateway: &Gateway, server: &Server) -> Truth {
        let end = self.end();
        let since = gateway.changed.unwrap_or(0);
        let denied = server.blocked.iter().filter(|(_, after)| *after).count();
        let always = server.blocked.iter().all(|(before, after)| *before && *after);
        // Failures that met before the state could turn Up again look like one.
        let bridged = |fault: &Lasting| {
            fault.from < since
                && !fault.holds(end - 1)
                && fault.until.is_none_or(|until| until + server.lag + 300 > since)
        };
        if denied > 0 && !always && server.fault.as_ref().is_some_and(bridged) {
            return Truth::Untold;
        }
        let fault = server.fault.filter(|fault| fault.holds(end - 1));
        match (denied, fault) {
            (0, None) => Truth::Healthy,
            (0, Some(_)) => Truth::Other,
            (some, None) if some == server.blocked.len() => Truth::Network,
            (_, None) => Truth::SomeInstances,
            (some, Some(fault)) if some == server.blocked.len() && (always || since <= fault.from) => Truth::Network,
            (_, Some(_)) => Truth::Other,
        }
    }
}

fn id(group: &str, path: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network/{path}")
}

fn resource(group: &str, path: &str, properties: &Value) -> Value {
    let parts: Vec<&str> = path.split('/').collect();
    let kind = parts.iter().step_by(2).copied().collect::<Vec<_>>().join("/");
    json!({"id": id(group, path), "name": parts.last(), "type": format!("Microsoft.Network/{kind}"),
        "location": "westeurope", "properties": properties})
}

/// Makes a fleet; the same seed makes the same one.
pub(crate) fn fleet(seed: u64, size: Size) -> Fleet {
    let mut dice = Dice::new(seed);
    let gateways = (0..size.gateways).map(|number| gateway(&mut dice, number, size)).collect();
    Fleet { size, gateways }
}

/// Names and places of one gateway's network.
struct Plan {
    group: String,
    name: String,
    net: String,
    servers: Vec<String>,
    instances: Vec<String>,
}

fn gateway(dice: &mut Dice, number: usize, size: Size) -> Gateway {
    let net = format!("10.{}", number % 250 + 1);
    let group = format!("rg-{number:03}");
    let host = |at: usize| format!("{net}.{}.{}", 1 + at % 2, 10 + at / 2);
    let plan = Plan {
        name: format!("agw-{number:03}"),
        servers: (0..size.servers).map(host).collect(),
        // Anywhere in the subnet but for reserved addresses.
        instances: (0..size.instances).map(|at| format!("{net}.0.{}", 10 + at * 97 % 240)).collect(),
        net: net.clone(),
        group,
    };
    let mut before = network(&plan);
    let mut after = before.clone();
    let end = size.steps * STEP;
    let mut changed = None;
    let mut log = None;
    if dice.chance(60) {
        let at = end / 4 + i64::try_from(dice.below(usize::try_from(end / 2).unwrap_or(1))).unwrap_or(0);
        let (resource, operation) = change(dice, &plan, &mut before, &mut after);
        log = Some(entry(&resource, operation, at));
        changed = Some(at);
    }
    let blocked = blocked(&plan, &before, &after);
    let servers = plan.servers.iter().zip(blocked).map(|(address, blocked)| {
        let from = i64::try_from(dice.below(usize::try_from(end).unwrap_or(1))).unwrap_or(0);
        let until = dice.chance(40).then(|| from + 600 + i64::try_from(dice.below(3600)).unwrap_or(0));
        let fault = dice.chance(15).then_some(Lasting { from, until });
        // A fault near the change, before or after it, is the hard case.
        let near = changed.filter(|_| dice.chance(30)).map(|at| at - 900 + 1800 * i64::from(dice.chance(50)));
        let fault = fault.map(|fault| Lasting { from: apart(near.unwrap_or(fault.from).max(0), changed), ..fault });
        let lag = 60 + i64::try_from(dice.below(60)).unwrap_or(0);
        Server { address: address.clone(), fault, blocked, lag }
    });
    let servers = servers.collect();
    let own = id(&plan.group, &format!("applicationGateways/{}", plan.name));
    Gateway { name: plan.name, id: own, before, after, changed, log, servers }
}

/// Within a few minutes of the change no record could tell which came first.
fn apart(from: i64, changed: Option<i64>) -> i64 {
    match changed {
        Some(at) if (from - at).abs() < 600 => at + 600,
        _ => from,
    }
}

fn network(plan: &Plan) -> Vec<Value> {
    let of = |path: &str| json!({"id": id(&plan.group, path)});
    let subnet = |name: &str, prefix: &str, table: bool| {
        let mut properties =
            json!({"addressPrefix": prefix, "networkSecurityGroup": of(&format!("networkSecurityGroups/nsg-{name}"))});
        if table {
            properties["routeTable"] = of(&format!("routeTables/rt-{name}"));
        }
        json!({"id": id(&plan.group, &format!("virtualNetworks/vnet/subnets/{name}")), "name": name, "properties": properties})
    };
    let net = &plan.net;
    let subnets = [
        subnet("agw", &format!("{net}.0.0/24"), true),
        subnet("app1", &format!("{net}.1.0/24"), false),
        subnet("app2", &format!("{net}.2.0/24"), true),
    ];
    let space = json!({"addressSpace": {"addressPrefixes": [format!("{net}.0.0/16")]}, "subnets": subnets});
    let mut out = vec![resource(&plan.group, "virtualNetworks/vnet", &space)];
    let manage = rule("Allow-Manager", "Inbound", "Allow", 100, ("GatewayManager", "*"), "65200-65535");
    out.push(nsg(plan, "agw", &[manage]));
    out.push(nsg(
        plan,
        "app1",
        &[rule("Allow-Gateway", "Inbound", "Allow", 1000, (&format!("{net}.0.0/24"), "*"), "8080")],
    ));
    out.push(nsg(plan, "app2", &[]));
    out.extend(
        ["agw", "app2"].map(|name| resource(&plan.group, &format!("routeTables/rt-{name}"), &json!({"routes": []}))),
    );
    for address in &plan.servers {
        let name = format!("nic-{}", address.replace('.', "-"));
        let place = if address.starts_with(&format!("{net}.1.")) { "app1" } else { "app2" };
        let configuration = json!([{"name": "c", "properties": {"privateIPAddress": address,
            "subnet": of(&format!("virtualNetworks/vnet/subnets/{place}"))}}]);
        out.push(resource(
            &plan.group,
            &format!("networkInterfaces/{name}"),
            &json!({"ipConfigurations": configuration}),
        ));
    }
    out.push(application_gateway(plan));
    out
}

fn application_gateway(plan: &Plan) -> Value {
    let own = format!("applicationGateways/{}", plan.name);
    let of = |path: &str| json!({"id": id(&plan.group, &format!("{own}/{path}"))});
    let named = |kind: &str, name: &str, properties: Value| json!([{"id": id(&plan.group, &format!("{own}/{kind}/{name}")), "name": name, "properties": properties}]);
    let addresses: Vec<Value> = plan.servers.iter().map(|address| json!({"ipAddress": address})).collect();
    let subnet = json!({"subnet": {"id": id(&plan.group, "virtualNetworks/vnet/subnets/agw")}});
    let rule = json!({"ruleType": "Basic", "priority": 10, "httpListener": of("httpListeners/l"),
        "backendAddressPool": of("backendAddressPools/pool"), "backendHttpSettings": of("backendHttpSettingsCollection/http")});
    let properties = json!({
        "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": plan.instances.len()},
        "gatewayIPConfigurations": named("gatewayIPConfigurations", "ip", subnet),
        "backendAddressPools": named("backendAddressPools", "pool", json!({"backendAddresses": addresses})),
        "backendHttpSettingsCollection": named("backendHttpSettingsCollection", "http", json!({"port": PORT, "protocol": "Http"})),
        "httpListeners": named("httpListeners", "l", json!({"protocol": "Http"})),
        "requestRoutingRules": named("requestRoutingRules", "r", rule),
    });
    resource(&plan.group, &own, &properties)
}

fn nsg(plan: &Plan, name: &str, rules: &[Value]) -> Value {
    resource(&plan.group, &format!("networkSecurityGroups/nsg-{name}"), &json!({"securityRules": rules}))
}

fn rule(
    name: &str,
    direction: &str,
    access: &str,
    priority: usize,
    (source, destination): (&str, &str),
    port: &str,
) -> Value {
    json!({"name": name, "properties": {"priority": priority, "direction": direction, "access": access, "protocol": "Tcp",
        "sourceAddressPrefix": source, "sourcePortRange": "*", "destinationAddressPrefix": destination,
        "destinationPortRange": port}})
}

/// Writes, or takes away, one rule, route or association: it may block all, some or none of the servers.
fn change(dice: &mut Dice, plan: &Plan, before: &mut [Value], after: &mut [Value]) -> (String, &'static str) {
    let net = &plan.net;
    let place = *dice.pick(&["app1", "app2", "agw"]);
    let server = dice.pick(&plan.servers).clone();
    let instance = dice.pick(&plan.instances).clone();
    let taken_away = dice.chance(20);
    let target = |list: &mut [Value], kind: &str, name: &str| -> usize {
        let own = id(&plan.group, &format!("{kind}/{name}"));
        list.iter().position(|resource| resource["id"] == own.as_str()).expect("a resource of the plan")
    };
    let (kind, name, key, part) = if dice.chance(25) && place != "app1" {
        let apps =
            [format!("{net}.1.0/24"), format!("{net}.2.0/24"), format!("{server}/32"), format!("{net}.200.0/24")];
        let own = [format!("{net}.0.0/24"), format!("{net}.0.0/25"), format!("{net}.199.0/24")];
        let prefix = if place == "agw" { dice.pick(&apps).clone() } else { dice.pick(&own).clone() };
        let hop = *dice.pick(&["None", "None", "VnetLocal"]);
        let route = json!({"name": "to-somewhere", "properties": {"addressPrefix": prefix, "nextHopType": hop}});
        ("routeTables", format!("rt-{place}"), "routes", route)
    } else {
        let inbound = place != "agw";
        let gateway = [
            format!("{net}.0.0/24"),
            "VirtualNetwork".to_owned(),
            format!("{net}.0.0/25"),
            format!("{instance}/32"),
            "192.0.2.0/24".to_owned(),
        ];
        let backend = ["*".to_owned(), format!("{server}/32"), format!("{net}.2.0/24")];
        let ports: [&str; 5] = ["8080", "8000-8100", "*", "443", "8443"];
        let priority = [200, 900, 1100, 4000];
        let direction = if inbound { "Inbound" } else { "Outbound" };
        let sides = (dice.pick(&gateway).clone(), dice.pick(&backend).clone());
        let access = if dice.chance(85) { "Deny" } else { "Allow" };
        let rule =
            rule("Changed", direction, access, *dice.pick(&priority), (&sides.0, &sides.1), dice.pick::<&str>(&ports));
        ("networkSecurityGroups", format!("nsg-{place}"), "securityRules", rule)
    };
    let (list, operation) = if taken_away { (before, "delete") } else { (after, "write") };
    let at = target(list, kind, &name);
    list[at]["properties"][key].as_array_mut().expect("a list").push(part.clone());
    let child = id(&plan.group, &format!("{kind}/{name}/{key}/{}", part["name"].as_str().expect("a name")));
    (child, operation)
}

/// Blocked before and after, for each server and instance, by the independent model.
fn blocked(plan: &Plan, before: &[Value], after: &[Value]) -> Vec<Vec<(bool, bool)>> {
    let read = |list: &[Value]| World::read(&[("all.json".to_owned(), Value::from(list.to_vec()).to_string())]);
    let worlds = [read(before), read(after)];
    let own = id(&plan.group, &format!("applicationGateways/{}", plan.name)).to_lowercase();
    let address = |text: &str| Addr::parse(text).expect("an address");
    let denied = |world: &World, instance: &str, server: &str| {
        let question = Question {
            start: Start::OneOf(own.clone(), address(instance)),
            destination: address(server),
            protocol: "tcp".to_owned(),
            source_port: None,
            destination_port: PORT,
        };
        let answer = worlds::decide(world, Assumed { no_unseen_nics: true, transparent: false }, &question);
        let verdict = answer.expect("few worlds").verdict;
        assert!(matches!(verdict, "allow" | "deny"), "{verdict} for {instance} to {server}");
        verdict == "deny"
    };
    let of = |server: &String| {
        let each = plan
            .instances
            .iter()
            .map(|instance| (denied(&worlds[0], instance, server), denied(&worlds[1], instance, server)));
        each.collect()
    };
    plan.servers.iter().map(of).collect()
}

/// An entry of the activity log.
fn entry(resource: &str, operation: &str, at: i64) -> Value {
    let kind = if resource.contains("/routes/") { "routeTables/routes" } else { "networkSecurityGroups/securityRules" };
    json!({"eventTimestamp": time(at), "status": {"value": "Succeeded"}, "correlationId": format!("{at}-{}", resource.len()),
        "operationName": {"value": format!("Microsoft.Network/{kind}/{operation}")}, "resourceId": resource})
}

/// Seconds from the start as a time.
pub(crate) fn time(at: i64) -> String {
    jiff::Timestamp::from_second(START + at).expect("a time").to_string()
}

impl Fleet {
    /// The configuration at the end, or before every change.
    pub(crate) fn snapshot(&self, after: bool) -> Value {
        let of = |gateway: &Gateway| if after { gateway.after.clone() } else { gateway.before.clone() };
        self.gateways.iter().flat_map(of).collect()
    }

    /// The activity log.
    pub(crate) fn log(&self) -> Value {
        self.gateways.iter().filter_map(|gateway| gateway.log.clone()).collect()
    }

    /// Is the server down for the instance, as a probe finds it?
    fn fails(gateway: &Gateway, server: &Server, instance: usize, at: i64) -> bool {
        let changed = gateway.changed.is_some_and(|changed| at >= changed);
        let blocked =
            server.blocked.get(instance).is_some_and(|(before, after)| if changed { *after } else { *before });
        blocked || server.fault.is_some_and(|fault| fault.holds(at))
    }

    /// Writes the history; returns how many rows. Rows are missing, some come twice with the other state, a few are wrong,
    /// and instances fall silent for a while.
    pub(crate) fn history(&self, seed: u64, out: &mut dyn Write) -> io::Result<usize> {
        let mut dice = Dice::new(seed ^ 0x5eed);
        let mut rows = 0;
        writeln!(out, "TIMESTAMP,GatewayId,RoleInstance,pool,setting,server,port,Healthy")?;
        for step in 0..self.size.steps {
            for gateway in &self.gateways {
                for instance in 0..self.size.instances {
                    if dice.below(1000) < 3 {
                        continue; // the instance says nothing this time
                    }
                    for server in &gateway.servers {
                        if dice.below(1000) < 10 {
                            continue;
                        }
                        rows += Self::row(&mut dice, (gateway, server, instance), step * STEP, out)?;
                    }
                }
            }
        }
        Ok(rows)
    }

    fn row(
        dice: &mut Dice,
        (gateway, server, instance): (&Gateway, &Server, usize),
        at: i64,
        out: &mut dyn Write,
    ) -> io::Result<usize> {
        // Down after failures for the whole lag, up with the first success.
        let down = (0..=server.lag / STEP).all(|back| {
            let then = at - back * STEP;
            then >= 0 && Self::fails(gateway, server, instance, then)
                || then < 0 && Self::fails(gateway, server, instance, 0)
        });
        let odd = dice.below(100_000);
        let healthy = !down ^ (odd < 10);
        let mut write = |healthy: bool| {
            let word = if healthy { "True" } else { "False" };
            writeln!(out, "{},{},appgw_{instance},pool,http,{},{PORT},{word}", time(at), gateway.id, server.address)
        };
        write(healthy)?;
        let twice = (10..20).contains(&odd);
        if twice {
            write(!healthy)?;
        }
        Ok(1 + usize::from(twice))
    }
}
