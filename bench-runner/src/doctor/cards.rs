//! Two ports of a card: their slot, their place in the machine, who has them.

use driver::pci::PciDevice;

use super::condition::{Condition, Grade, Spoils};
use crate::card::{Pair, VFIO};
use crate::environment::{PcieLink, Root};

/// What an 82599 with two ports needs for minimum-size frames at line rate on
/// both: eight lanes at 5 GT/s (datasheet 1.3, PCI Express 2.0 x8).
const NEEDED: PcieLink = PcieLink { speed: 5.0, width: 8 };

/// Every condition of two ports that are driven from `core`.
#[must_use]
pub fn examine(root: &Root, core: u32, ports: &Pair) -> Vec<Condition> {
    let of = |address| of(root, core, address, ports);
    ports.as_strs().into_iter().flat_map(of).collect()
}

/// What to plug into what.
#[must_use]
pub fn cables(ports: &Pair) -> [String; 2] {
    let [first, second] = ports.as_strs();
    [
        format!(
            "cable: one port of the generator to {first}, the other one to \
             {second}; what enters at one leaves at the other"
        ),
        format!(
            "cable with --generator A,B: A to {first}, B to {second}, no \
             switch in between"
        ),
    ]
}

fn of(root: &Root, core: u32, address: &str, ports: &Pair) -> Vec<Condition> {
    let devices = root.path().join("sys/bus/pci/devices");
    let name = "card";
    let (why, spoils) = ("without a card nothing is driven", Spoils::Nothing);
    match PciDevice::find(&devices, address) {
        Err(error) => {
            let (seen, grade) = (error.to_string(), Grade::Poor);
            let fix = Some("name a port that `lspci -D` shows".to_owned());
            vec![Condition { name, seen, grade, spoils, why, fix }]
        }
        Ok(card) => {
            let seen = format!("{address}: {}", card.name());
            let (grade, fix) = (Grade::Good, None);
            vec![
                Condition { name, seen, grade, spoils, why, fix },
                slot(root, address),
                node(root, core, address),
                iommu(root, address, ports),
                holder(root, address),
            ]
        }
    }
}

fn slot(root: &Root, address: &str) -> Condition {
    const NAME: &str = "card slot";
    const WHY: &str = "a narrow slot carries fewer packets than the wires";
    let Some((now, most)) = root.pcie_link(address) else {
        let reason = format!("{address}: the kernel does not tell");
        return Condition::unknown(NAME, Spoils::Absolute, WHY, &reason);
    };
    let text = |link: &PcieLink| {
        format!("{} lanes at {} GT/s", link.width, link.speed)
    };
    let covers = |wanted: &PcieLink| {
        now.speed >= wanted.speed && now.width >= wanted.width
    };
    let grade = match (covers(&most), covers(&NEEDED)) {
        (true, true) => Grade::Good,
        (_, true) => Grade::Fair,
        _ => Grade::Poor,
    };
    Condition {
        name: NAME,
        seen: format!("{address}: {} of {}", text(&now), text(&most)),
        grade,
        spoils: Spoils::Absolute,
        why: WHY,
        fix: None,
    }
    .fix(format!("a slot with {}, or another riser", text(&NEEDED)))
}

fn node(root: &Root, core: u32, address: &str) -> Condition {
    let (card, pinned) = (root.node_of(address), root.node_of_core(core));
    let (seen, grade) = match (card, pinned) {
        (Some(card), Some(core_node)) => (
            format!("{address}: node {card}, core {core} on {core_node}"),
            if card == core_node { Grade::Good } else { Grade::Poor },
        ),
        (None, _) => (format!("{address}: next to all memory"), Grade::Good),
        (Some(card), None) => (
            format!("{address}: node {card}, that of core {core} not known"),
            Grade::Unknown,
        ),
    };
    Condition {
        name: "card memory node",
        seen,
        grade,
        spoils: Spoils::Absolute,
        why: "descriptors and packets cross the link between two sockets",
        fix: None,
    }
    .fix(format!(
        "--core with one of /sys/bus/pci/devices/{address}/local_cpulist"
    ))
}

fn iommu(root: &Root, address: &str, ports: &Pair) -> Condition {
    let mut fix = String::new();
    let (seen, grade) = match root.iommu_group(address) {
        None => (
            format!("{address}: no IOMMU, resource0 and huge pages"),
            Grade::Good,
        ),
        Some(group) => {
            let domain = root.iommu_domain(group);
            let domain = domain.as_deref().unwrap_or("unknown");
            let seen = format!("{address}: group {group}, {domain}");
            let others = root.group_members(group).into_iter().find(|other| {
                let driver = root.driver_of(other);
                !ports.as_strs().contains(&other.as_str())
                    && driver.is_some_and(|d| d != VFIO && d != "pcieport")
            });
            if let Some(other) = others {
                fix = format!("unbind {other}, or another slot");
                (format!("{seen}, together with {other}"), Grade::Poor)
            } else if root.has_driver(VFIO) {
                (format!("{seen}, {VFIO} is there"), Grade::Good)
            } else {
                fix = format!("modprobe {VFIO}");
                (format!("{seen}, no {VFIO}"), Grade::Poor)
            }
        }
    };
    Condition {
        name: "card IOMMU",
        seen,
        grade,
        spoils: Spoils::Nothing,
        why: "behind an IOMMU a card is reached through VFIO",
        fix: None,
    }
    .fix(fix)
}

fn holder(root: &Root, address: &str) -> Condition {
    let driver = root.driver_of(address);
    let driver = driver.as_deref().unwrap_or("no driver");
    let used = root
        .interfaces_of(address)
        .into_iter()
        .find_map(|name| Some((root.use_of_interface(&name)?, name)));
    let (seen, grade) = match used {
        Some((what, name)) => {
            (format!("{address}: {driver}, {name} {what}"), Grade::Poor)
        }
        None => (format!("{address}: {driver}, not in use"), Grade::Good),
    };
    Condition {
        name: "card driver",
        seen,
        grade,
        spoils: Spoils::Nothing,
        why: "a card that this machine is reached by is not taken",
        fix: None,
    }
    .fix("another card, or --force where it is measured")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fixture::Tree;

    const ADDRESSES: [&str; 2] = ["0000:03:00.0", "0000:03:00.1"];

    fn device(address: &str, file: &str) -> String {
        format!("sys/bus/pci/devices/{address}/{file}")
    }

    /// A machine with two sockets and a card in a good slot.
    fn lab() -> Tree {
        let tree = Tree::new();
        for address in ADDRESSES {
            let file = |name: &str, text: &str| {
                tree.file(&device(address, name), text);
            };
            let mut config = [0; 64];
            config[..4].copy_from_slice(&[0x86, 0x80, 0xFB, 0x10]);
            config[0x0B] = 0x02;
            file("config", "");
            let path = tree.path().join(device(address, "config"));
            std::fs::write(path, config).expect("a file");
            for which in ["current", "max"] {
                file(&format!("{which}_link_speed"), "5.0 GT/s PCIe\n");
                file(&format!("{which}_link_width"), "8\n");
            }
            file("numa_node", "1\n");
            tree.link(&device(address, "driver"), "../../drivers/ixgbe");
        }
        tree.file("sys/devices/system/cpu/cpu0/node0/x", "");
        tree.file("sys/devices/system/cpu/cpu9/node1/x", "");
        tree
    }

    fn grades(tree: &Tree, core: u32) -> Vec<Grade> {
        let pair = ADDRESSES.join(",").parse().expect("a pair");
        let conditions = examine(&tree.root(), core, &pair);
        for condition in &conditions {
            let helped = matches!(condition.grade, Grade::Fair | Grade::Poor);
            assert_eq!(condition.fix.is_some(), helped, "{condition:?}");
        }
        conditions.iter().take(5).map(|c| c.grade).collect()
    }

    use Grade::{Fair, Good, Poor, Unknown};

    #[test]
    fn a_card_in_a_good_slot_next_to_its_core_has_nothing_to_complain_of() {
        assert_eq!(grades(&lab(), 9), [Good; 5]);
    }

    #[test]
    fn slot_and_node_are_held_against_what_they_should_be() {
        let tree = lab();
        assert_eq!(grades(&tree, 0), [Good, Good, Poor, Good, Good]);
        let width = device(ADDRESSES[0], "current_link_width");
        tree.file(&width, "4\n");
        assert_eq!(grades(&tree, 9)[1], Poor);
        tree.file(&width, "8\n");
        // A card of the next generation in a slot of this one.
        tree.file(&device(ADDRESSES[0], "max_link_speed"), "8.0 GT/s PCIe\n");
        assert_eq!(grades(&tree, 9)[1], Fair);
        tree.remove(&width);
        assert_eq!(grades(&tree, 9)[1], Unknown);
        tree.file(&device(ADDRESSES[0], "numa_node"), "-1\n");
        assert_eq!(grades(&tree, 0)[2], Good);
    }

    #[test]
    fn an_iommu_wants_vfio_and_a_group_without_strangers() {
        let tree = lab();
        tree.link(&device(ADDRESSES[0], "iommu_group"), "../../groups/7");
        assert_eq!(grades(&tree, 9)[3], Poor);
        tree.file("sys/bus/pci/drivers/vfio-pci/bind", "");
        assert_eq!(grades(&tree, 9)[3], Good);
        let stranger = "0000:03:01.0";
        let member = format!("sys/kernel/iommu_groups/7/devices/{stranger}");
        tree.link(&member, "../../../../devices");
        tree.link(&device(stranger, "driver"), "../../drivers/ahci");
        assert_eq!(grades(&tree, 9)[3], Poor);
    }

    #[test]
    fn a_card_in_use_is_told() {
        let tree = lab();
        tree.file(&device(ADDRESSES[0], "net/eth3/mtu"), "1500\n");
        assert_eq!(grades(&tree, 9)[4], Good);
        let route = "eth3 0000A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n";
        tree.file("proc/net/route", &format!("Iface\n{route}"));
        assert_eq!(grades(&tree, 9)[4], Poor);
    }

    #[test]
    fn where_there_is_no_card_that_is_all() {
        let tree = Tree::new();
        tree.file(&device(ADDRESSES[1], "config"), "");
        let pair = ADDRESSES.join(",").parse().expect("a pair");
        let conditions = examine(&tree.root(), 0, &pair);
        let names: Vec<_> = conditions.iter().map(|c| c.name).collect();
        assert_eq!(names, ["card", "card"]);
        assert!(conditions[0].seen.contains("no such PCI device"));
    }
}
