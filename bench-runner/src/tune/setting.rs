//! One file of the kernel that `tune` would change, and why.

use super::{frequency, huge_pages, interrupts};
use crate::environment::Root;

/// What a setting is about. In this order settings are made; they are put
/// back in the opposite one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Huge pages of 2 MiB.
    HugePages,
    /// Cores that take an interrupt.
    Interrupts,
    /// Frequencies above the rated one.
    Turbo,
    /// The processor's own preference between speed and energy.
    Preference,
    /// Who picks the frequency.
    Governor,
    /// The lowest and the highest frequency.
    Limits,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::HugePages,
        Self::Interrupts,
        Self::Turbo,
        Self::Preference,
        Self::Governor,
        Self::Limits,
    ];

    /// Its name in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HugePages => "huge pages",
            Self::Interrupts => "interrupts",
            Self::Turbo => "turbo",
            Self::Preference => "energy preference",
            Self::Governor => "governor",
            Self::Limits => "frequency limits",
        }
    }

    /// Why it is set.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Self::HugePages => "a run's memory then needs few page entries",
            Self::Interrupts => "they come to other cores than the measuring",
            Self::Turbo => "turbo comes and goes with heat and neighbours",
            Self::Preference => "the processor does not save energy",
            Self::Governor => "the frequency does not follow the load",
            Self::Limits => "lowest = highest = rated: one frequency",
        }
    }

    /// What a machine says that has nothing of this kind.
    #[must_use]
    pub fn absent(self) -> &'static str {
        match self {
            Self::HugePages => "the kernel has no pages of 2 MiB",
            Self::Interrupts => "none can be read, or no core is left for them",
            Self::Turbo => "no switch that this machine shows",
            Self::Preference => "the frequency driver has none",
            Self::Governor | Self::Limits => {
                "no cpufreq: the frequency cannot be set, so every round \
                 measures it by a chain of additions"
            }
        }
    }

    /// Whether a file is of this kind. What is put back is only ever one of
    /// these, whatever a state file says.
    fn owns(self, file: &str) -> bool {
        const CPU: &str = "sys/devices/system/cpu/";
        let cpu = file.strip_prefix(CPU).unwrap_or_default();
        let of_policy = |name: &str| {
            let Some((folder, file)) = cpu.rsplit_once('/') else {
                return false;
            };
            let numbered = |prefix: &str, suffix: &str| {
                folder
                    .strip_prefix(prefix)
                    .and_then(|rest| rest.strip_suffix(suffix))
                    .is_some_and(is_number)
            };
            file == name
                && (numbered("cpufreq/policy", "")
                    || numbered("cpu", "/cpufreq"))
        };
        match self {
            Self::HugePages => file == huge_pages::FILE,
            Self::Interrupts => file
                .strip_prefix("proc/irq/")
                .and_then(|rest| rest.strip_suffix("/smp_affinity_list"))
                .is_some_and(is_number),
            Self::Turbo => {
                ["intel_pstate/no_turbo", "cpufreq/boost"].contains(&cpu)
                    || of_policy("boost")
            }
            Self::Preference => of_policy(frequency::PREFERENCE),
            Self::Governor => of_policy(frequency::GOVERNOR),
            Self::Limits => {
                of_policy(frequency::LOWEST) || of_policy(frequency::HIGHEST)
            }
        }
    }
}

/// Whether `tune` would ever touch a file.
#[must_use]
pub fn is_ours(file: &str) -> bool {
    Kind::ALL.iter().any(|kind| kind.owns(file))
}

/// One file and what it should say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What it is about.
    pub kind: Kind,
    /// The file, below the root.
    pub file: String,
    /// All that the file says now.
    pub now: String,
    /// What it should say, without the end of the line.
    pub wanted: String,
}

impl Setting {
    /// A file that can be read; none is touched that cannot.
    #[must_use]
    pub fn new(
        root: &Root,
        kind: Kind,
        file: String,
        wanted: impl Into<String>,
    ) -> Option<Self> {
        let now = root.read(&file).filter(|now| !now.trim().is_empty())?;
        Some(Self { kind, file, now, wanted: wanted.into() })
    }

    /// Whether a file's content is what is wanted.
    #[must_use]
    pub fn is_met_by(&self, content: &str) -> bool {
        let content = content.trim();
        match self.kind {
            // The kernel may write a list of cores in other words.
            Kind::Interrupts => interrupts::same(content, &self.wanted),
            _ => content == self.wanted,
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.is_met_by(&self.now)
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a machine should be set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The cores that measure.
    pub cores: Vec<u32>,
    /// Huge pages of 2 MiB, at least.
    pub huge_pages: u64,
}

/// Every setting of this machine, in the order in which they are made.
#[must_use]
pub fn settings(root: &Root, wish: &Wish) -> Vec<Setting> {
    let mut settings = Vec::new();
    settings.extend(huge_pages::settings(root, wish.huge_pages));
    settings.extend(interrupts::settings(root, &wish.cores));
    settings.extend(frequency::settings(root));
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fixture::Tree;

    fn wish() -> Wish {
        Wish { cores: vec![3], huge_pages: 64 }
    }

    #[test]
    fn every_setting_of_every_machine_is_one_that_may_be_put_back() {
        for tree in [
            Tree::no_cpufreq(),
            Tree::intel_pstate(),
            Tree::acpi_cpufreq(),
            Tree::amd_pstate(),
            Tree::half_offline(),
        ] {
            let settings = settings(&tree.root(), &wish());
            assert!(!settings.is_empty());
            for setting in &settings {
                assert!(is_ours(&setting.file), "{setting:?}");
                assert!(setting.kind.owns(&setting.file), "{setting:?}");
            }
            assert!(settings.is_sorted_by_key(|setting| setting.kind));
        }
        assert_eq!(settings(&Tree::new().root(), &wish()), []);
    }

    #[test]
    fn no_other_file_is_ever_put_back() {
        for file in [
            "etc/passwd",
            "proc/sys/kernel/sysrq",
            "proc/irq/../../etc/passwd",
            "proc/irq/x/smp_affinity_list",
            "proc/irq//smp_affinity_list",
            "proc/irq/1/../smp_affinity_list",
            "sys/devices/system/cpu/cpu1/online",
            "sys/devices/system/cpu/cpufreq/policy0/../boost",
            "sys/devices/system/cpu/cpufreq/policy/scaling_governor",
            "sys/devices/system/cpu/cpux/cpufreq/scaling_governor",
            "/sys/devices/system/cpu/cpufreq/boost",
            "",
        ] {
            assert!(!is_ours(file), "{file}");
        }
    }

    #[test]
    fn an_intel_machine_is_held_at_its_rated_frequency() {
        let tree = Tree::intel_pstate();
        let settings = settings(&tree.root(), &wish());
        let wanted = |end: &str| -> Vec<&str> {
            let of = settings.iter().filter(|s| s.file.ends_with(end));
            of.map(|setting| setting.wanted.as_str()).collect()
        };
        assert_eq!(wanted("no_turbo"), ["1"]);
        assert_eq!(wanted(frequency::GOVERNOR), ["performance"; 4]);
        assert_eq!(wanted(frequency::PREFERENCE), ["performance"; 4]);
        assert_eq!(wanted(frequency::LOWEST), ["2400000"; 4]);
        assert_eq!(wanted(frequency::HIGHEST), ["2400000"; 4]);
        assert_eq!(wanted("nr_hugepages"), ["64"]);
        // Of 0-3 and 2-3 the rest, and where nothing is left all others.
        assert_eq!(wanted("smp_affinity_list"), ["0-2", "2", "0-2"]);
    }

    #[test]
    fn cores_that_are_off_are_left_alone() {
        let tree = Tree::half_offline();
        let wish = Wish { cores: vec![1], huge_pages: 0 };
        for setting in settings(&tree.root(), &wish) {
            for core in [2, 3] {
                let policy = format!("policy{core}");
                assert!(!setting.file.contains(&policy), "{setting:?}");
            }
            if setting.kind == Kind::Interrupts {
                assert_eq!(setting.wanted, "0", "{setting:?}");
            }
        }
    }
}
