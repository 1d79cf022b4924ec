//! Random estates as ARM resources: a hub, two spokes, a network that overlaps one of them, gateways, NICs, and
//! everything between them that can go wrong. Lists stand in their long form; `spell` varies the writing.

use super::dice::Dice;
use super::generate_rules::{self, asg};
use serde_json::{Map, Value, json};

/// Prefix of every id.
pub(crate) const GROUP: &str =
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/";

/// An estate: resources in REST form, and a service-tag file.
#[derive(Debug, Clone)]
pub(crate) struct Estate {
    pub(crate) resources: Vec<Value>,
    pub(crate) tags: Option<Value>,
}

/// Id of a resource of this estate.
pub(crate) fn id(kind: &str, name: &str) -> String {
    format!("{GROUP}{kind}/{name}")
}

/// A reference.
pub(crate) fn reference(kind: &str, name: &str) -> Value {
    json!({ "id": id(kind, name) })
}

/// A resource object.
#[expect(clippy::needless_pass_by_value, reason = "callers make the value for this call")]
pub(crate) fn resource(kind: &str, name: &str, properties: Value) -> Value {
    json!({
        "id": id(kind, name), "name": name, "type": format!("Microsoft.Network/{kind}"), "location": "westeurope",
        "properties": properties,
    })
}

/// A network while it is being made.
#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) name: &'static str,
    pub(crate) space: Vec<&'static str>,
    /// Name, prefixes, and what stands in it.
    pub(crate) subnets: Vec<(&'static str, Vec<String>, Role)>,
}

/// What stands in a subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Machines,
    Gateway,
    Platform,
}

/// Everything made so far.
#[derive(Debug)]
pub(crate) struct Maker<'d> {
    pub(crate) dice: &'d mut Dice,
    pub(crate) nets: Vec<Net>,
    pub(crate) six: bool,
    pub(crate) out: Vec<Value>,
    links: Vec<(usize, Value)>,
    attached: Map<String, Value>,
}

/// Makes an estate.
pub(crate) fn estate(dice: &mut Dice) -> Estate {
    let mut maker =
        Maker { dice, nets: Vec::new(), six: false, out: Vec::new(), links: Vec::new(), attached: Map::new() };
    maker.networks();
    maker.peerings();
    maker.machines();
    super::generate_endpoint::endpoints(&mut maker);
    super::generate_balancer::balancers(&mut maker);
    maker.filters();
    maker.tables();
    maker.on_premises();
    maker.gateways();
    super::generate_firewall::firewall(&mut maker);
    super::generate_admin::managers(&mut maker);
    maker.emit_networks();
    let tags = maker.tags();
    Estate { resources: maker.out, tags }
}

impl Maker<'_> {
    fn networks(&mut self) {
        self.six = self.dice.chance(25);
        let small = *self.dice.pick(&["/28", "/28", "/27"]);
        let v6 = |on: bool, text: &str| if on { vec![text.to_owned()] } else { Vec::new() };
        let with = |v4: String, six: Vec<String>| [vec![v4], six].concat();
        let mut hub = Net { name: "hub", space: vec!["10.0.0.0/16"], subnets: Vec::new() };
        hub.subnets.push(("nva", vec!["10.0.3.0/24".to_owned()], Role::Machines));
        hub.subnets.push(("GatewaySubnet", vec!["10.0.2.0/27".to_owned()], Role::Platform));
        if self.dice.chance(55) {
            let size = *self.dice.pick(&["/29", "/29", "/28"]);
            hub.subnets.push(("AzureFirewallSubnet", vec![format!("10.0.1.0{size}")], Role::Platform));
        }
        if self.dice.chance(20) {
            hub.subnets.push(("AzureBastionSubnet", vec!["10.0.4.0/26".to_owned()], Role::Platform));
        }
        let mut one = Net { name: "one", space: vec!["10.1.0.0/16"], subnets: Vec::new() };
        let six = self.six;
        one.subnets.push(("appgw", with(format!("10.1.0.0{small}"), v6(six, "2001:db8:1::/124")), Role::Gateway));
        one.subnets.push(("web", with("10.1.1.0/24".to_owned(), v6(six, "2001:db8:1:1::/124")), Role::Machines));
        one.subnets.push(("data", vec!["10.1.2.0/26".to_owned()], Role::Machines));
        let mut two = Net { name: "two", space: vec!["10.2.0.0/16"], subnets: Vec::new() };
        two.subnets.push(("be", with("10.2.1.0/24".to_owned(), v6(six, "fd00:2:1::/124")), Role::Machines));
        if self.dice.chance(30) {
            two.subnets.push(("appgw2", vec!["10.2.0.0/28".to_owned()], Role::Gateway));
        }
        if six {
            one.space.push("2001:db8:1::/48");
            two.space.push("fd00:2::/32");
        }
        if self.dice.chance(20) {
            // Also a public range, which is then no part of Internet, and one that takes a None route's place.
            let (space, subnet) = *self.dice.pick(&[
                ("172.17.0.0/20", "172.17.1.0/24"),
                ("20.99.0.0/20", "20.99.1.0/24"),
                ("172.16.0.0/12", "172.17.1.0/24"),
            ]);
            two.space.push(space);
            two.subnets.push(("extra", vec![subnet.to_owned()], Role::Machines));
        }
        self.nets = vec![one, hub, two];
        if self.dice.chance(15) {
            // The same addresses again, in a network that is peered with none.
            let twin = vec![("web", vec!["10.1.1.0/24".to_owned()], Role::Machines)];
            let name = *self.dice.pick(&["a-twin", "z-twin"]);
            self.nets.push(Net { name, space: vec!["10.1.0.0/16"], subnets: twin });
        }
    }

    fn peerings(&mut self) {
        for (near, far) in [(0, 1), (1, 2), (0, 2)] {
            if !self.dice.chance(if near + far == 2 { 45 } else { 85 }) {
                continue;
            }
            let broken = self.dice.chance(6);
            for (own, other) in [(near, far), (far, near)] {
                let mut link = json!({
                    "remoteVirtualNetwork": reference("virtualNetworks", self.nets[other].name),
                    "allowVirtualNetworkAccess": !self.dice.chance(12), "allowForwardedTraffic": self.dice.chance(75),
                    "allowGatewayTransit": own == 1 && !self.dice.chance(20),
                    "useRemoteGateways": other == 1 && self.dice.chance(60),
                    "peeringState": if broken && own == near { "Disconnected" } else { "Connected" },
                });
                if self.dice.chance(50) {
                    link["remoteAddressSpace"] = json!({ "addressPrefixes": self.nets[other].space });
                }
                if self.dice.chance(5) {
                    link["peerCompleteVnets"] = json!(false);
                    link["localSubnetNames"] = json!([self.nets[own].subnets[0].0]);
                    link["remoteSubnetNames"] = json!([self.nets[other].subnets[0].0]);
                }
                if self.dice.chance(4) {
                    link.as_object_mut().expect("an object").remove("allowVirtualNetworkAccess");
                }
                let name = format!("{}-to-{}", self.nets[own].name, self.nets[other].name);
                self.links.push((own, json!({ "name": name, "properties": link })));
            }
        }
        if self.dice.chance(12) {
            let link = json!({
                "remoteVirtualNetwork": reference("virtualNetworks", "not-exported"),
                "allowVirtualNetworkAccess": true, "allowForwardedTraffic": true, "peeringState": "Connected",
                "remoteAddressSpace": { "addressPrefixes": ["10.9.0.0/16"] },
            });
            self.links.push((0, json!({ "name": "one-to-elsewhere", "properties": link })));
        }
    }

    fn machines(&mut self) {
        for net in 0..self.nets.len() {
            for at in 0..self.nets[net].subnets.len() {
                let (subnet, prefixes, role) = self.nets[net].subnets[at].clone();
                if role != Role::Machines {
                    continue;
                }
                for host in [4, 5, 9] {
                    // Some addresses have no NIC in the export.
                    if self.dice.chance(if host == 4 { 95 } else { 40 }) {
                        let v4 = prefixes[0].rsplit_once('.').map(|(head, _)| format!("{head}.{host}"));
                        let v6 = prefixes.get(1).map(|text| text.replace("/124", &host.to_string()));
                        self.nic(net, subnet, &v4.unwrap_or_default(), v6.as_deref());
                    }
                }
            }
        }
        if self.dice.chance(8) {
            // A NIC of a network that was not exported and that uses the same addresses.
            let name = "nic-foreign";
            let far = json!({ "id": format!("{}/subnets/web", id("virtualNetworks", "not-exported")) });
            let blocked = reference("networkSecurityGroups", "nsg-foreign");
            let address = *self.dice.pick(&["10.1.1.4", "10.1.1.5", "10.2.1.9"]);
            let conf = json!([{ "name": "c", "properties": { "privateIPAddress": address, "subnet": far } }]);
            self.out.push(resource(
                "networkInterfaces",
                name,
                json!({ "ipConfigurations": conf, "networkSecurityGroup": blocked }),
            ));
            let deny = json!({ "name": "deny-all", "properties": {
                "protocol": "*", "access": "Deny", "direction": "Inbound", "priority": 100,
                "sourceAddressPrefixes": ["*"], "destinationAddressPrefixes": ["*"],
                "sourcePortRanges": ["*"], "destinationPortRanges": ["*"],
            } });
            self.out.push(resource("networkSecurityGroups", "nsg-foreign", json!({ "securityRules": [deny] })));
        }
    }

    fn nic(&mut self, net: usize, subnet: &str, v4: &str, v6: Option<&str>) {
        let owner = self.nets[net].name;
        let name = format!("nic-{owner}-{}", v4.replace('.', "-"));
        let place = json!({ "id": format!("{}/subnets/{subnet}", id("virtualNetworks", owner)) });
        let mut configurations = Vec::new();
        for (at, address) in [Some(v4), v6].into_iter().flatten().enumerate() {
            let mut properties = json!({ "privateIPAddress": address, "subnet": place, "primary": at == 0 });
            let groups: Vec<Value> = (0..2)
                .filter(|_| self.dice.chance(30))
                .map(|k| reference("applicationSecurityGroups", &asg(owner, k)))
                .collect();
            if !groups.is_empty() {
                properties["applicationSecurityGroups"] = json!(groups);
            }
            if at == 0 && net == 0 && v4 == "10.1.1.4" && self.dice.chance(40) {
                self.public_address(&name, &mut properties);
            }
            let own = format!("{}/ipConfigurations/c{at}", id("networkInterfaces", &name));
            configurations.push(json!({ "id": own, "name": format!("c{at}"), "properties": properties }));
        }
        let forwarding = if subnet == "nva" { !self.dice.chance(10) } else { self.dice.chance(10) };
        let mut properties = json!({ "ipConfigurations": configurations, "enableIPForwarding": forwarding });
        if self.dice.chance(25) {
            let nsg = self.filter_reference(&format!("nsg-{name}"), owner);
            properties["networkSecurityGroup"] = nsg;
        }
        self.out.push(resource("networkInterfaces", &name, properties));
    }

    /// A public address for a NIC, named on one side or the other.
    fn public_address(&mut self, nic: &str, configuration: &mut Value) {
        let mut properties = json!({ "ipAddress": "20.30.40.60" });
        if self.dice.chance(50) {
            configuration["publicIPAddress"] = reference("publicIPAddresses", "nic-pip");
        } else {
            let own = format!("{}/ipConfigurations/c0", id("networkInterfaces", nic));
            properties["ipConfiguration"] = json!({ "id": own });
        }
        self.out.push(resource("publicIPAddresses", "nic-pip", properties));
    }

    /// A reference to an NSG: a new one, the shared one, or one that is not in the export.
    fn filter_reference(&mut self, name: &str, net: &str) -> Value {
        if self.dice.chance(7) {
            return reference("networkSecurityGroups", "nsg-not-exported");
        }
        let shared = self.dice.chance(12);
        let name = if shared { "nsg-shared" } else { name };
        if !self.out.iter().any(|o| o["name"] == name) {
            let most = self.dice.below(9);
            let rules: Vec<Value> = generate_rules::rules(self, net, most);
            self.out.push(resource("networkSecurityGroups", name, json!({ "securityRules": rules })));
        }
        reference("networkSecurityGroups", name)
    }

    fn filters(&mut self) {
        for net in 0..self.nets.len() {
            for at in 0..self.nets[net].subnets.len() {
                let owner = self.nets[net].name;
                let (subnet, _, role) = self.nets[net].subnets[at].clone();
                if role == Role::Platform || !self.dice.chance(65) {
                    continue;
                }
                let name = format!("nsg-{owner}-{subnet}");
                let nsg = self.filter_reference(&name, owner);
                let listed = nsg == reference("networkSecurityGroups", &name) && self.dice.chance(8);
                if listed {
                    // Only the NSG itself knows where it is attached.
                    let place = json!([{ "id": format!("{}/subnets/{subnet}", id("virtualNetworks", owner)) }]);
                    let found = self.out.iter_mut().find(|o| o["name"] == name.as_str());
                    found.expect("it was just made")["properties"]["subnets"] = place;
                } else {
                    self.attached.insert(format!("{owner}/{subnet}/networkSecurityGroup"), nsg);
                }
            }
        }
    }

    fn tables(&mut self) {
        // Both ways between the spokes through the appliance of the hub.
        let detour = self.dice.chance(45).then(|| *self.dice.pick(&["10.0.3.4", "10.0.1.4", "10.0.1.4"]));
        for net in 0..self.nets.len() {
            for at in 0..self.nets[net].subnets.len() {
                let owner = self.nets[net].name;
                let (subnet, _, role) = self.nets[net].subnets[at].clone();
                if role == Role::Platform || !self.dice.chance(if detour.is_some() && net != 1 { 90 } else { 40 }) {
                    continue;
                }
                let key = format!("{owner}/{subnet}/routeTable");
                if self.dice.chance(8) {
                    self.attached.insert(key, reference("routeTables", "rt-not-exported"));
                    continue;
                }
                let name = format!("rt-{owner}-{subnet}");
                let mut routes = generate_rules::routes(self);
                if let Some(hop) = detour {
                    generate_rules::add_detour(&mut routes, owner, hop);
                }
                let properties = json!({ "disableBgpRoutePropagation": self.dice.chance(25), "routes": routes });
                self.out.push(resource("routeTables", &name, properties));
                self.attached.insert(key, reference("routeTables", &name));
            }
        }
    }

    fn on_premises(&mut self) {
        if !self.dice.chance(60) {
            return;
        }
        let place = json!({ "id": format!("{}/subnets/GatewaySubnet", id("virtualNetworks", "hub")) });
        let conf = json!([{ "name": "g", "properties": { "subnet": place } }]);
        self.out.push(resource(
            "virtualNetworkGateways",
            "vpngw",
            json!({ "gatewayType": "Vpn", "ipConfigurations": conf }),
        ));
        let mut space = vec!["192.168.0.0/16"];
        for more in ["172.31.8.0/21", "10.2.1.0/25", "10.1.1.0/24", "203.0.113.0/24", "0.0.0.0/0", "10.0.0.0/8"] {
            if self.dice.chance(20) {
                space.push(more);
            }
        }
        let properties = json!({ "localNetworkAddressSpace": { "addressPrefixes": space } });
        if !self.dice.chance(6) {
            self.out.push(resource("localNetworkGateways", "office", properties));
        }
        let mut properties = json!({ "virtualNetworkGateway1": reference("virtualNetworkGateways", "vpngw") });
        if !self.dice.chance(6) {
            properties["localNetworkGateway2"] = reference("localNetworkGateways", "office");
        }
        self.out.push(resource("connections", "office", properties));
    }

    fn gateways(&mut self) {
        for (net, subnet, gateway) in [("one", "appgw", "agw"), ("two", "appgw2", "agw2")] {
            let found = self.nets.iter().find(|n| n.name == net).and_then(|n| n.subnets.iter().find(|s| s.0 == subnet));
            let Some((_, prefixes, _)) = found.cloned() else { continue };
            let made = super::generate_gateway::gateway(self.dice, gateway, net, subnet, &prefixes);
            if let Some(nat) = made.nat {
                self.attached.insert(format!("{net}/{subnet}/natGateway"), nat);
            }
            self.out.extend(made.resources);
        }
    }

    fn emit_networks(&mut self) {
        for net in 0..self.nets.len() {
            let name = self.nets[net].name;
            let mut subnets = Vec::new();
            for (subnet, prefixes, _) in self.nets[net].subnets.clone() {
                let mut properties = json!({ "addressPrefixes": prefixes });
                for field in ["networkSecurityGroup", "routeTable", "natGateway"] {
                    if let Some(value) = self.attached.get(&format!("{name}/{subnet}/{field}")) {
                        properties[field] = value.clone();
                    }
                }
                if self.dice.chance(70) {
                    let words = ["Disabled", "Enabled", "NetworkSecurityGroupEnabled", "RouteTableEnabled"];
                    properties["privateEndpointNetworkPolicies"] = json!(self.dice.pick::<&str>(&words));
                }
                if self.dice.chance(6) {
                    properties["serviceEndpoints"] = json!([{ "service": "Microsoft.Storage", "locations": ["*"] }]);
                }
                if self.dice.chance(2) {
                    let to = json!({ "serviceName": "Microsoft.Sql/managedInstances" });
                    properties["delegations"] = json!([{ "name": "d", "properties": to }]);
                }
                let own = format!("{}/subnets/{subnet}", id("virtualNetworks", name));
                subnets.push(json!({ "id": own, "name": subnet, "properties": properties }));
            }
            let own = self.links.iter().filter(|(owner, _)| *owner == net);
            let links: Vec<Value> = own.map(|(_, link)| link.clone()).collect();
            let space = &self.nets[net].space;
            let mut made = resource(
                "virtualNetworks",
                name,
                json!({
                    "addressSpace": { "addressPrefixes": space }, "subnets": subnets, "virtualNetworkPeerings": links,
                }),
            );
            if self.dice.chance(15) {
                made["properties"]["privateEndpointVNetPolicies"] = json!("Basic");
            }
            if name == "two" && self.dice.chance(40) {
                made["location"] = json!("northeurope");
            }
            self.out.push(made);
        }
    }

    fn tags(&mut self) -> Option<Value> {
        if self.dice.chance(30) {
            return None;
        }
        let all = [
            ("Storage", vec!["20.60.0.0/17", "20.60.128.0/17", "52.239.128.0/17", "13.73.8.16/28", "20.60.26.0/23"]),
            ("Storage.WestEurope", vec!["20.60.26.0/23"]),
            ("Sql", vec!["13.69.104.0/26", "40.68.37.158/32", "2603:1020::/47"]),
            ("AzureCloud", vec!["13.64.0.0/11", "20.33.0.0/16", "20.60.0.0/16", "20.60.26.0/23", "20.30.40.48/28"]),
        ];
        let values: Vec<Value> = all
            .into_iter()
            .filter(|_| !self.dice.chance(15))
            .map(|(tag, prefixes)| json!({ "name": tag, "id": tag, "properties": { "addressPrefixes": prefixes } }))
            .collect();
        Some(json!({
            "name": "Public", "id": "Public", "type": "Microsoft.Network/serviceTags", "changeNumber": "1",
            "cloud": "Public", "values": values,
        }))
    }
}
