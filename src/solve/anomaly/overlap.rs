//! Prefixes of a list that lie in others of it. No finding of its own.

use ipnet::IpNet;

/// Pairs `(inner, outer)` of positions: every prefix that lies in another one, with the widest that holds it. Of two
/// equal prefixes the later one is the inner.
pub(super) fn nested(prefixes: &[IpNet]) -> Vec<(usize, usize)> {
    let mut order: Vec<(usize, &IpNet)> = prefixes.iter().enumerate().collect();
    // Prefixes are nested or disjoint: in the order of their first addresses, wider ones first, whatever overlaps a
    // prefix at all follows it directly.
    order.sort_by_key(|(at, net)| (net.network(), net.prefix_len(), *at));
    let mut out = Vec::new();
    let mut outer: Option<(usize, &IpNet)> = None;
    for (at, net) in order {
        match outer {
            Some((widest, holder)) if holder.contains(net) => out.push((at, widest)),
            _ => outer = Some((at, net)),
        }
    }
    out.sort_unstable();
    out
}

#[cfg(test)]
mod tests {
    use super::nested;

    #[test]
    fn the_widest_holder_is_named() {
        let nets: Vec<_> = ["10.0.1.0/24", "10.0.0.0/16", "10.1.0.0/16", "10.0.1.4/32", "fd00::/8", "10.1.0.0/16"]
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        assert_eq!(nested(&nets), [(0, 1), (3, 1), (5, 2)]);
        assert_eq!(nested(&[]), []);
    }
}
