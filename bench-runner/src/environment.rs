//! The machine, as the kernel describes it below a root that tests can set.
//!
//! What a machine does not tell is absent, never zero.

mod cards;
#[cfg(test)]
pub(crate) mod fixture;
mod frequency;
mod kernel;
mod neighbours;
mod warnings;

pub use cards::PcieLink;
pub use frequency::{Policy, Turbo};
pub use kernel::Weakness;
pub use neighbours::{Interrupt, Resource};
pub use warnings::{Circumstances, warnings};

use crate::results::Machine;
use crate::{affinity, clock};
use std::path::{Path, PathBuf};

/// The folder that `/proc` and `/sys` are read below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root(pub PathBuf);

impl Default for Root {
    fn default() -> Self {
        Self(PathBuf::from("/"))
    }
}

/// Huge pages of 2 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HugePages {
    /// Set aside by the administrator.
    pub total: u64,
    /// Not in use.
    pub free: u64,
}

impl Root {
    /// The root as a path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// CPU model as the machine names it.
    #[must_use]
    pub fn cpu_model(&self) -> Option<String> {
        // Arm machines name the core type under sysfs only by numbers; some
        // kernels have a `Processor` or `Hardware` line for it.
        ["model name", "Processor", "Hardware"]
            .iter()
            .find_map(|name| self.cpuinfo(name))
    }

    /// Version of the microcode that runs on the CPU.
    #[must_use]
    pub fn microcode(&self) -> Option<String> {
        self.cpuinfo("microcode")
    }

    /// Extensions of the instruction set, by the kernel's names.
    #[must_use]
    pub fn cpu_extensions(&self) -> Vec<String> {
        let flags = ["flags", "Features"].iter();
        let flags = flags.filter_map(|name| self.cpuinfo(name)).next();
        let flags = flags.unwrap_or_default();
        flags.split_whitespace().map(String::from).collect()
    }

    /// Kernel release.
    #[must_use]
    pub fn kernel(&self) -> Option<String> {
        self.line("proc/sys/kernel/osrelease")
    }

    /// Hypervisor, when there is one: its own signature where the CPU can be
    /// asked, else the maker of the machine, else `unknown`.
    #[must_use]
    pub fn hypervisor(&self) -> Option<String> {
        let flags = self.cpuinfo("flags").unwrap_or_default();
        let kind = self.line("sys/hypervisor/type");
        let flagged = flags.split(' ').any(|flag| flag == "hypervisor");
        if !flagged && kind.is_none() {
            return None;
        }
        kind.or_else(|| self.is_real().then(hypervisor_signature).flatten())
            .or_else(|| self.line("sys/class/dmi/id/sys_vendor"))
            .or_else(|| Some("unknown".to_string()))
    }

    /// Frequency governor of a core, when it has cpufreq.
    #[must_use]
    pub fn governor(&self, core: u32) -> Option<String> {
        self.core_line(core, "cpufreq/scaling_governor")
    }

    /// Huge pages of 2 MiB, when the kernel knows them.
    #[must_use]
    pub fn huge_pages(&self) -> Option<HugePages> {
        let count = |name: &str| {
            let folder = "sys/kernel/mm/hugepages/hugepages-2048kB";
            self.line(&format!("{folder}/{name}"))?.parse().ok()
        };
        Some(HugePages {
            total: count("nr_hugepages")?,
            free: count("free_hugepages")?,
        })
    }

    /// Setting of transparent huge pages: `always`, `madvise` or `never`.
    #[must_use]
    pub fn transparent_huge_pages(&self) -> Option<String> {
        let line = self.line("sys/kernel/mm/transparent_hugepage/enabled")?;
        let (_, chosen) = line.split_once('[')?;
        Some(chosen.split_once(']')?.0.to_string())
    }

    /// The other hardware threads of a core's physical core; empty when it
    /// has none, absent when the machine does not tell.
    #[must_use]
    pub fn smt_siblings(&self, core: u32) -> Option<Vec<u32>> {
        let list = self.core_line(core, "topology/thread_siblings_list")?;
        let mut siblings = parse_core_list(&list)?;
        siblings.retain(|&sibling| sibling != core);
        Some(siblings)
    }

    /// Time that the host kept from a core since the boot, in ticks of 10 ms.
    #[must_use]
    pub fn stolen_ticks(&self, core: u32) -> Option<u64> {
        let name = format!("cpu{core}");
        let stat = self.read("proc/stat")?;
        stat.lines()
            .map(str::split_whitespace)
            .find_map(|mut words| {
                // user nice system idle iowait irq softirq steal
                (words.next()? == name).then(|| words.nth(7)).flatten()
            })?
            .parse()
            .ok()
    }

    /// The machine as results record it, with the clock calibrated now, which
    /// takes a tenth of a second. Call it before a thread is pinned: then it
    /// may use but one core.
    #[must_use]
    pub fn machine(&self, core: u32) -> Machine {
        let unknown = || "unknown".to_string();
        let cores = affinity::allowed_cores().len();
        Machine {
            cpu: self.cpu_model().unwrap_or_else(unknown),
            cores: u32::try_from(cores).unwrap_or(u32::MAX),
            kernel: self.kernel().unwrap_or_else(unknown),
            hypervisor: self.hypervisor(),
            tick_hz: clock::tick_hz(),
            clock_cost_ticks: clock::clock_cost_ticks(),
            governor: self.governor(core),
            // A kernel without pages of 2 MiB has none set aside.
            huge_pages: self.huge_pages().map_or(0, |pages| pages.total),
            transparent_huge_pages: self.transparent_huge_pages(),
        }
    }

    /// Whether this is the machine itself.
    #[must_use]
    pub fn is_real(&self) -> bool {
        self.path() == Path::new("/")
    }

    /// The whole of a file below the root.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.path().join(path)).ok()
    }

    /// What is in a folder, sorted; nothing where there is no folder.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path().join(folder));
        let mut names: Vec<String> = entries
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort_unstable();
        names
    }

    /// A file of one line; absent when it is empty.
    fn line(&self, path: &str) -> Option<String> {
        let text = self.read(path)?;
        let line = text.lines().next()?.trim();
        (!line.is_empty()).then(|| line.to_string())
    }

    fn core_line(&self, core: u32, file: &str) -> Option<String> {
        self.line(&format!("sys/devices/system/cpu/cpu{core}/{file}"))
    }

    /// The first value of that name.
    fn cpuinfo(&self, name: &str) -> Option<String> {
        let text = self.read("proc/cpuinfo")?;
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().to_string())
            .filter(|value| !value.is_empty())
    }
}

/// A machine's part of a results folder's name, from its CPU model and never
/// its host name: lower-case letters, digits and single hyphens.
#[must_use]
pub fn machine_slug(machine: &Machine) -> String {
    cpu_slug(&machine.cpu)
}

/// The same from the CPU model alone.
#[must_use]
pub fn cpu_slug(model: &str) -> String {
    const NOISE: [&str; 5] = ["r", "tm", "cpu", "processor", "core"];
    let model = model.to_lowercase();
    // "Xeon(R) CPU E5-2620 v3 @ 2.40GHz": the rated frequency says nothing.
    let model = model.split('@').next().unwrap_or_default();
    let words: Vec<&str> = model
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && !NOISE.contains(word))
        .collect();
    if words.is_empty() {
        return "unknown".to_string();
    }
    words.join("-")
}

/// A kernel's list of cores, such as `0,4-6`.
pub(crate) fn parse_core_list(list: &str) -> Option<Vec<u32>> {
    let mut cores = Vec::new();
    for span in list.trim().split(',') {
        let (first, last) = span.split_once('-').unwrap_or((span, span));
        let first: u32 = first.parse().ok()?;
        let last: u32 = last.parse().ok()?;
        cores.extend(first..=last);
    }
    Some(cores)
}

/// The twelve letters of CPUID leaf 0x40000000, in plain words where known.
#[cfg(target_arch = "x86_64")]
fn hypervisor_signature() -> Option<String> {
    use std::arch::x86_64::__cpuid;
    let leaf = __cpuid(0x4000_0000);
    let bytes: Vec<u8> =
        [leaf.ebx, leaf.ecx, leaf.edx].map(u32::to_le_bytes).concat();
    let letters = String::from_utf8(bytes).ok()?;
    let name = match letters.trim_matches(['\0', ' ']) {
        "" => return None,
        "KVMKVMKVM" => "KVM",
        "Linux KVM Hv" => "KVM with Hyper-V interface",
        "Microsoft Hv" => "Hyper-V",
        "VMwareVMware" => "VMware",
        "XenVMMXenVMM" => "Xen",
        "TCGTCGTCGTCG" => "QEMU without KVM",
        "bhyve bhyve" => "bhyve",
        other => other,
    };
    Some(name.to_string())
}

#[cfg(not(target_arch = "x86_64"))]
fn hypervisor_signature() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::fixture::{Tree, machine};
    use super::*;

    #[test]
    fn an_empty_tree_tells_nothing_and_nothing_is_made_up() {
        let tree = Tree::new();
        let root = tree.root();
        assert_eq!(root.cpu_model(), None);
        assert_eq!(root.kernel(), None);
        assert_eq!(root.hypervisor(), None);
        assert_eq!(root.governor(0), None);
        assert_eq!(root.huge_pages(), None);
        assert_eq!(root.transparent_huge_pages(), None);
        assert_eq!(root.smt_siblings(0), None);
        assert_eq!(root.stolen_ticks(0), None);
        let machine = root.machine(0);
        assert_eq!(machine.cpu, "unknown");
        assert_eq!(machine.kernel, "unknown");
        assert!(machine.tick_hz > 1e6);
    }

    #[test]
    fn a_lab_machine_is_read_in_full() {
        let tree = Tree::lab_machine();
        let root = tree.root();
        let machine = root.machine(3);
        assert_eq!(machine.cpu, "Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz");
        assert_eq!(machine.kernel, "6.1.0-18-amd64");
        assert_eq!(machine.hypervisor, None);
        assert_eq!(machine.governor.as_deref(), Some("performance"));
        assert_eq!(machine.huge_pages, 512);
        assert_eq!(machine.transparent_huge_pages.as_deref(), Some("madvise"));
        assert_eq!(
            root.huge_pages(),
            Some(HugePages { total: 512, free: 500 })
        );
        assert_eq!(root.smt_siblings(3), Some(vec![11]));
        assert_eq!(root.stolen_ticks(3), Some(7));
        assert_eq!(root.stolen_ticks(4), None);
    }

    #[test]
    fn a_hypervisor_goes_by_its_own_name_its_maker_or_unknown() {
        let tree = Tree::new();
        let root = tree.root();
        tree.file("proc/cpuinfo", "flags : fpu hypervisor sse2\n");
        assert_eq!(root.hypervisor().as_deref(), Some("unknown"));
        tree.file("sys/class/dmi/id/sys_vendor", "QEMU\n");
        assert_eq!(root.hypervisor().as_deref(), Some("QEMU"));
        tree.file("sys/hypervisor/type", "xen\n");
        assert_eq!(root.hypervisor().as_deref(), Some("xen"));
    }

    #[test]
    fn broken_files_count_as_absent() {
        let tree = Tree::new();
        let root = tree.root();
        let pages = "sys/kernel/mm/hugepages/hugepages-2048kB";
        tree.file(&format!("{pages}/nr_hugepages"), "many\n");
        tree.file(&format!("{pages}/free_hugepages"), "\n");
        tree.file("sys/kernel/mm/transparent_hugepage/enabled", "always\n");
        tree.file("proc/stat", "cpu0 1 2 3\n");
        let topology = "sys/devices/system/cpu/cpu0/topology";
        tree.file(&format!("{topology}/thread_siblings_list"), "0-x\n");
        assert_eq!(root.huge_pages(), None);
        assert_eq!(root.transparent_huge_pages(), None);
        assert_eq!(root.stolen_ticks(0), None);
        assert_eq!(root.smt_siblings(0), None);
    }

    #[test]
    fn this_machine_is_read_without_a_panic() {
        let machine = Root::default().machine(0);
        assert!(!machine.cpu.is_empty());
        assert!(machine.cores >= 1);
    }

    #[test]
    fn slugs_are_made_of_letters_digits_and_hyphens() {
        let slug = |cpu: &str| {
            machine_slug(&Machine { cpu: cpu.to_string(), ..machine() })
        };
        assert_eq!(slug("AMD EPYC"), "amd-epyc");
        assert_eq!(
            slug("Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz"),
            "intel-xeon-e5-2620-v3"
        );
        assert_eq!(
            slug("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz"),
            "intel-i7-8550u"
        );
        assert_eq!(
            slug("AMD Ryzen 9 7950X 16-Core Processor"),
            "amd-ryzen-9-7950x-16"
        );
        assert_eq!(slug("Прозессор"), "unknown");
        assert_eq!(slug(""), "unknown");
    }
}
