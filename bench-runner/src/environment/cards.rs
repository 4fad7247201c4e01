//! PCI devices and what the kernel does with them.

use super::Root;

/// The folder of all PCI devices.
pub const DEVICES: &str = "sys/bus/pci/devices";

/// Flag of a route that is in use, `RTF_UP` of `linux/route.h`.
const ROUTE_UP: u32 = 1;

/// Scope of an address that is good on one link only, of `/proc/net/if_inet6`.
const LINK_LOCAL: &str = "20";

/// The PCI Express link of a device, now or at best.
#[derive(Clone, Debug, PartialEq)]
pub struct PcieLink {
    /// Giga-transfers per second and lane.
    pub speed: f64,
    /// Lanes.
    pub width: u32,
}

impl Root {
    /// The driver that a device is bound to.
    #[must_use]
    pub fn driver_of(&self, address: &str) -> Option<String> {
        self.target(&format!("{DEVICES}/{address}/driver"))
    }

    /// The IOMMU group of a device.
    #[must_use]
    pub fn iommu_group(&self, address: &str) -> Option<u32> {
        let group = self.target(&format!("{DEVICES}/{address}/iommu_group"));
        group?.parse().ok()
    }

    /// What the IOMMU does to the addresses of a group: `DMA` or `DMA-FQ`
    /// where it translates, `identity` where it does not.
    #[must_use]
    pub fn iommu_domain(&self, group: u32) -> Option<String> {
        self.line(&format!("sys/kernel/iommu_groups/{group}/type"))
    }

    /// The other devices of an IOMMU group.
    #[must_use]
    pub fn group_members(&self, group: u32) -> Vec<String> {
        self.names(&format!("sys/kernel/iommu_groups/{group}/devices"))
    }

    /// Whether there is a driver of this name for PCI devices.
    #[must_use]
    pub fn has_driver(&self, name: &str) -> bool {
        self.path().join("sys/bus/pci/drivers").join(name).is_dir()
    }

    /// The memory node that a device is next to, where there are several.
    #[must_use]
    pub fn node_of(&self, address: &str) -> Option<u32> {
        // -1 where there is but one.
        self.line(&format!("{DEVICES}/{address}/numa_node"))?.parse().ok()
    }

    /// The memory node of a core, where there are several.
    #[must_use]
    pub fn node_of_core(&self, core: u32) -> Option<u32> {
        let names = self.names(&format!("sys/devices/system/cpu/cpu{core}"));
        let node = |name: &String| name.strip_prefix("node")?.parse().ok();
        names.iter().find_map(node)
    }

    /// The PCI Express link of a device as it is, and as it could be.
    #[must_use]
    pub fn pcie_link(&self, address: &str) -> Option<(PcieLink, PcieLink)> {
        let link = |which: &str| {
            let folder = format!("{DEVICES}/{address}/{which}_link");
            // "8.0 GT/s PCIe", without the last word on older kernels.
            let speed = self.line(&format!("{folder}_speed"))?;
            let speed = speed.split(' ').next()?.parse().ok()?;
            let width = self.line(&format!("{folder}_width"))?.parse().ok()?;
            Some(PcieLink { speed, width })
        };
        Some((link("current")?, link("max")?))
    }

    /// The network interfaces of a device.
    #[must_use]
    pub fn interfaces_of(&self, address: &str) -> Vec<String> {
        self.names(&format!("{DEVICES}/{address}/net"))
    }

    /// What a network interface is in use for, by this machine's tables.
    #[must_use]
    pub fn use_of_interface(&self, name: &str) -> Option<&'static str> {
        let table = self.read("proc/net/route").unwrap_or_default();
        let routes = table.lines().skip(1).filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let flags = u32::from_str_radix(words.get(3)?, 16).ok()?;
            let mine = words[0] == name && flags & ROUTE_UP != 0;
            mine.then(|| {
                words[1] == "00000000" && words.get(7) == Some(&"00000000")
            })
        });
        let table = self.read("proc/net/ipv6_route").unwrap_or_default();
        let routes6 = table.lines().filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let whole = words.get(1) == Some(&"00");
            (words.last() == Some(&name) && whole).then_some(true)
        });
        let routes: Vec<bool> = routes.chain(routes6).collect();
        let table = self.read("proc/net/if_inet6").unwrap_or_default();
        let addressed = table.lines().any(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            words.get(5) == Some(&name) && words[3] != LINK_LOCAL
        });
        let member = self.target(&format!("sys/class/net/{name}/master"));
        match () {
            () if routes.contains(&true) => Some("carries the default route"),
            () if !routes.is_empty() || addressed => {
                Some("is up with an address")
            }
            () if member.is_some() => Some("is part of a bridge or bond"),
            () => None,
        }
    }

    /// The last part of what a link points to.
    fn target(&self, link: &str) -> Option<String> {
        let target = std::fs::read_link(self.path().join(link)).ok()?;
        Some(target.file_name()?.to_str()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use crate::environment::fixture::Tree;

    const ROUTES: &str = "\
Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU
eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0
eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0
eth1\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0
eth2\t0000000B\t00000000\t0000\t0\t0\t0\t000000FF\t0
";

    const ADDRESSES: &str = "\
00000000000000000000000000000001 01 80 10 80 lo
fe80000000000000020000fffe000001 02 40 20 80 eth3
20010db8000000000000000000000001 03 40 00 80 eth4
";

    const ROUTES6: &str = "\
00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth5
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 \
00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth3
";

    #[test]
    fn an_interface_is_in_use_by_its_routes_addresses_and_masters() {
        let tree = Tree::new();
        tree.file("proc/net/route", ROUTES);
        tree.file("proc/net/if_inet6", ADDRESSES);
        tree.file("proc/net/ipv6_route", ROUTES6);
        tree.link("sys/class/net/eth6/master", "../br0");
        let root = tree.root();
        let (default, up) =
            (Some("carries the default route"), Some("is up with an address"));
        let part = Some("is part of a bridge or bond");
        let wanted = [default, up, None, None, up, default, part, None];
        for (n, wanted) in wanted.into_iter().enumerate() {
            let name = format!("eth{n}");
            assert_eq!(root.use_of_interface(&name), wanted, "{name}");
        }
        assert_eq!(Tree::new().root().use_of_interface("eth0"), None);
    }

    #[test]
    fn a_card_is_read_in_full_and_nothing_is_made_up() {
        let tree = Tree::new();
        let card = "sys/bus/pci/devices/0000:03:00.0";
        tree.file(&format!("{card}/current_link_speed"), "5.0 GT/s PCIe\n");
        tree.file(&format!("{card}/current_link_width"), "4\n");
        tree.file(&format!("{card}/max_link_speed"), "5.0 GT/s\n");
        tree.file(&format!("{card}/max_link_width"), "8\n");
        tree.file(&format!("{card}/numa_node"), "1\n");
        tree.file(&format!("{card}/net/eth7/mtu"), "1500\n");
        tree.link(&format!("{card}/driver"), "../../drivers/ixgbe");
        tree.link(&format!("{card}/iommu_group"), "../../iommu_groups/9");
        tree.file("sys/kernel/iommu_groups/9/type", "DMA-FQ\n");
        tree.file("sys/devices/system/cpu/cpu3/node1/x", "");
        let root = tree.root();
        let address = "0000:03:00.0";
        let (now, most) = root.pcie_link(address).expect("a link");
        assert_eq!((now.speed, now.width), (5.0, 4));
        assert_eq!((most.speed, most.width), (5.0, 8));
        assert_eq!(root.node_of(address), Some(1));
        assert_eq!(root.node_of_core(3), Some(1));
        assert_eq!(root.interfaces_of(address), ["eth7"]);
        assert_eq!(root.driver_of(address).as_deref(), Some("ixgbe"));
        assert_eq!(root.iommu_group(address), Some(9));
        assert_eq!(root.iommu_domain(9).as_deref(), Some("DMA-FQ"));
        let other = "0000:04:00.0";
        assert_eq!(root.pcie_link(other), None);
        assert_eq!(root.node_of(other), None);
        assert_eq!(root.node_of_core(4), None);
        assert_eq!(root.driver_of(other), None);
        assert_eq!(root.iommu_group(other), None);
    }
}
