//! What is settled before a card is touched: that nobody needs it, and how it
//! is reached.

use std::fmt;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::binding::VFIO;
use crate::environment::Root;
use crate::failure::Failure;

/// How a card's registers and memory are reached.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Through {
    /// The card's file in /sys, and memory by physical addresses
    Resource0,
    /// VFIO, and memory by addresses that an IOMMU translates
    Vfio,
}

impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resource0 => "resource0",
            Self::Vfio => "VFIO",
        })
    }
}

/// Refuses a card whose interface this machine is reached by.
///
/// # Errors
///
/// When it has one.
pub fn spare(root: &Root, address: &str) -> Result<(), Failure> {
    for name in root.interfaces_of(address) {
        if let Some(what) = root.use_of_interface(&name) {
            return Err(Failure::environment(format!(
                "{address} is {name}, which {what}: name another card, or \
                 add --force to take it all the same"
            )));
        }
    }
    Ok(())
}

/// How a card is reached: as asked for, else through VFIO if it is in an
/// IOMMU group.
///
/// # Errors
///
/// When it cannot be reached that way.
pub fn way(
    root: &Root,
    address: &str,
    asked: Option<Through>,
) -> Result<Through, Failure> {
    let group = root.iommu_group(address);
    let refused = |line: String| Err(Failure::environment(line));
    match (asked, group) {
        (Some(Through::Vfio), None) => refused(format!(
            "{address} is in no IOMMU group: switch the IOMMU on \
             (intel_iommu=on on the kernel's command line), or leave out \
             --through"
        )),
        (Some(Through::Resource0), Some(group)) => {
            match root.iommu_domain(group) {
                Some(kind) if kind.starts_with("DMA") => refused(format!(
                    "the IOMMU translates what {address} asks for (group \
                     {group}, {kind}): leave out --through, or boot with \
                     iommu=pt"
                )),
                _ => Ok(Through::Resource0),
            }
        }
        (_, None) => Ok(Through::Resource0),
        (_, Some(group)) if !root.has_driver(VFIO) => refused(format!(
            "{address} is in IOMMU group {group} and there is no {VFIO}: \
             modprobe {VFIO}, or boot with iommu=pt and add --through \
             resource0"
        )),
        (_, Some(_)) => Ok(Through::Vfio),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fixture::Tree;

    const ADDRESS: &str = "0000:03:00.0";

    fn device(file: &str) -> String {
        format!("sys/bus/pci/devices/{ADDRESS}/{file}")
    }

    #[test]
    fn a_card_with_the_default_route_is_refused_with_its_name() {
        let tree = Tree::new();
        tree.file(&device("net/eth7/mtu"), "1500\n");
        assert_eq!(spare(&tree.root(), ADDRESS), Ok(()));
        tree.file(
            "proc/net/route",
            "Iface\n\
             eth7 00000000 0100A8C0 0003 0 0 0 00000000 0 0 0\n",
        );
        let line = spare(&tree.root(), ADDRESS).expect_err("in use");
        let line = line.to_string();
        assert!(line.contains("is eth7, which carries the"), "{line}");
        assert!(line.contains("--force"), "{line}");
    }

    #[test]
    fn an_iommu_group_decides_unless_it_is_overruled() {
        let tree = Tree::new();
        let asked = |asked| {
            way(&tree.root(), ADDRESS, asked).map_err(|f| f.to_string())
        };
        let hint = |asked: Result<Through, String>| asked.expect_err("refused");
        assert_eq!(asked(None), Ok(Through::Resource0));
        assert_eq!(asked(Some(Through::Resource0)), Ok(Through::Resource0));
        assert!(hint(asked(Some(Through::Vfio))).contains("intel_iommu=on"));
        tree.link(&device("iommu_group"), "../../iommu_groups/7");
        assert!(hint(asked(None)).contains("modprobe vfio-pci"));
        tree.file("sys/bus/pci/drivers/vfio-pci/bind", "");
        assert_eq!(asked(None), Ok(Through::Vfio));
        assert_eq!(asked(Some(Through::Vfio)), Ok(Through::Vfio));
        tree.file("sys/kernel/iommu_groups/7/type", "DMA-FQ\n");
        assert!(hint(asked(Some(Through::Resource0))).contains("iommu=pt"));
        tree.file("sys/kernel/iommu_groups/7/type", "identity\n");
        assert_eq!(asked(Some(Through::Resource0)), Ok(Through::Resource0));
    }
}
