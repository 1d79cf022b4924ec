//! How traffic of a subnet leaves to the Internet (semantics.md 5.3).

use super::address::Addr;
use super::world::{End, World};

/// How traffic of a subnet leaves to the Internet.
#[derive(Debug, Clone, Copy)]
pub(super) enum WayOut {
    /// Not at all.
    None,
    /// With an address that is not known.
    Somehow,
    /// With this public address.
    Address(Addr),
}

impl WayOut {
    fn with(address: Option<Addr>) -> WayOut {
        address.map_or(WayOut::Somehow, WayOut::Address)
    }
}

/// A gateway leaves with its public frontend or through a NAT gateway, a NIC with its own address.
pub(super) fn way_out(world: &World, subnet: usize, source_end: Option<&End>) -> WayOut {
    let own = &world.subnets[subnet];
    let nic = source_end.filter(|end| end.nic);
    let mut gateways = world.gateways.iter().filter(|gateway| gateway.is_in(&own.key)).peekable();
    if gateways.peek().is_some() && nic.is_none() {
        let public = gateways.flat_map(|gateway| &gateway.frontends).find_map(|(_, _, public)| public.as_ref());
        let Some(public) = public else {
            let Some(nat) = &own.nat else { return WayOut::None };
            let address = world.nats.get(nat).and_then(|list| list.first()).and_then(|key| world.public_address(key));
            return WayOut::with(address);
        };
        return WayOut::with(world.public_address(public));
    }
    let held = nic.and_then(|nic| world.publics.iter().find(|p| p.configuration.as_ref() == Some(&nic.configuration)));
    let key = held.map(|public| &public.key).or(nic.and_then(|nic| nic.public.as_ref()));
    WayOut::with(key.and_then(|key| world.public_address(key)))
}
