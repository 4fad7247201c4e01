//! What the kernel says about cores and the frequency they run at.

use super::{Root, parse_core_list};

/// Where the kernel describes its cores.
const CORES: &str = "sys/devices/system/cpu";

/// A group of cores that share one frequency, as cpufreq sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its folder below the root.
    pub folder: String,
}

/// A switch for frequencies above the rated one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turbo {
    /// The file below the root.
    pub file: String,
    /// What the file says when there is no turbo.
    pub off: &'static str,
    /// Whether there is turbo now.
    pub on: bool,
}

impl Root {
    /// Cores that are there and switched on.
    #[must_use]
    pub fn online_cores(&self) -> Option<Vec<u32>> {
        parse_core_list(&self.line(&format!("{CORES}/online"))?)
    }

    /// Cores that are there, switched on or not.
    #[must_use]
    pub fn present_cores(&self) -> Option<Vec<u32>> {
        parse_core_list(&self.line(&format!("{CORES}/present"))?)
    }

    /// Cores that the scheduler keeps tasks off unless told otherwise.
    #[must_use]
    pub fn isolated_cores(&self) -> Option<Vec<u32>> {
        let list = self.read(&format!("{CORES}/isolated"))?;
        match list.trim() {
            "" => Some(Vec::new()),
            list => parse_core_list(list),
        }
    }

    /// The groups of cores that have cpufreq and a core that is on.
    #[must_use]
    pub fn policies(&self) -> Vec<Policy> {
        let below = format!("{CORES}/cpufreq");
        let mut folders: Vec<String> = self
            .names(&below)
            .into_iter()
            .filter(|name| name.starts_with("policy"))
            .map(|name| format!("{below}/{name}"))
            .collect();
        if folders.is_empty() {
            // Before Linux 4.3 each core has a folder of its own.
            let cores = self.online_cores().unwrap_or_default();
            folders.extend(
                cores.iter().map(|core| format!("{CORES}/cpu{core}/cpufreq")),
            );
        }
        // A policy whose cores are all off keeps its folder, and answers
        // every question with an error.
        folders
            .into_iter()
            .map(|folder| Policy { folder })
            .filter(|policy| self.policy_line(policy, "scaling_governor"))
            .collect()
    }

    /// The frequency driver of a core, with the mode it works in where it
    /// has several: `intel_pstate (active)`.
    #[must_use]
    pub fn frequency_driver(&self, core: u32) -> Option<String> {
        let driver = self.core_line(core, "cpufreq/scaling_driver")?;
        let family = driver.split('-').next().unwrap_or_default();
        let mode = match family {
            "intel_pstate" | "intel_cpufreq" => "intel_pstate",
            "amd" => "amd_pstate",
            _ => return Some(driver),
        };
        Some(match self.line(&format!("{CORES}/{mode}/status")) {
            Some(mode) => format!("{driver} ({mode})"),
            None => driver,
        })
    }

    /// The lowest and the highest frequency that a core may take, in kHz.
    #[must_use]
    pub fn frequency_limits_khz(&self, core: u32) -> Option<(u64, u64)> {
        let limit = |file: &str| self.core_line(core, file)?.parse().ok();
        Some((
            limit("cpufreq/scaling_min_freq")?,
            limit("cpufreq/scaling_max_freq")?,
        ))
    }

    /// The switches for turbo that there are: one for all cores, or one for
    /// each group.
    #[must_use]
    pub fn turbo(&self) -> Vec<Turbo> {
        let switch = |file: String, off: &'static str| {
            let now = self.line(&file)?;
            let on = match now.as_str() {
                "0" | "1" => now != off,
                _ => return None,
            };
            Some(Turbo { file, off, on })
        };
        let global = [("intel_pstate/no_turbo", "1"), ("cpufreq/boost", "0")];
        let global: Vec<Turbo> = global
            .into_iter()
            .filter_map(|(file, off)| switch(format!("{CORES}/{file}"), off))
            .collect();
        if !global.is_empty() {
            return global;
        }
        let policies = self.policies();
        policies
            .iter()
            .filter_map(|p| switch(format!("{}/boost", p.folder), "0"))
            .collect()
    }

    /// The frequency in kHz that a group of cores can hold without turbo:
    /// its rated one, or the nearest step below where there are steps.
    #[must_use]
    pub fn rated_khz(&self, policy: &Policy) -> Option<u64> {
        let number = |file: &str| -> Option<u64> {
            self.line(&format!("{}/{file}", policy.folder))?.parse().ok()
        };
        let lowest = number("cpuinfo_min_freq")?;
        let highest = number("cpuinfo_max_freq")?;
        let rated = number("base_frequency")
            .or_else(|| self.nominal_khz(policy))
            .or_else(|| self.rated_by_name_khz())
            .unwrap_or(highest)
            .clamp(lowest, highest);
        let steps = format!("{}/scaling_available_frequencies", policy.folder);
        let step = self.line(&steps).and_then(|steps| {
            let steps = steps.split_whitespace();
            steps.filter_map(|s| s.parse().ok()).filter(|&s| s <= rated).max()
        });
        Some(step.unwrap_or(rated))
    }

    fn policy_line(&self, policy: &Policy, file: &str) -> bool {
        self.line(&format!("{}/{file}", policy.folder)).is_some()
    }

    /// The frequency without turbo by the firmware's tables, which have MHz.
    fn nominal_khz(&self, policy: &Policy) -> Option<u64> {
        let cores = self.line(&format!("{}/affected_cpus", policy.folder))?;
        let core = cores.split_whitespace().next()?;
        let file = format!("{CORES}/cpu{core}/acpi_cppc/nominal_freq");
        let mhz: u64 = self.line(&file)?.parse().ok()?;
        (mhz > 0).then(|| mhz.saturating_mul(1000))
    }

    /// The frequency in the processor's name: `… @ 2.40GHz`.
    fn rated_by_name_khz(&self) -> Option<u64> {
        let model = self.cpu_model()?;
        let (_, rated) = model.split_once('@')?;
        let ghz: f64 = rated.trim().strip_suffix("GHz")?.trim().parse().ok()?;
        (ghz > 0.1 && ghz < 20.0).then(|| (ghz * 1e6).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use crate::environment::fixture::Tree;

    #[test]
    fn every_kind_of_machine_is_told_from_the_others() {
        let seen = |tree: &Tree| {
            let root = tree.root();
            let turbo = root.turbo();
            (
                root.policies().len(),
                root.frequency_driver(0),
                turbo.iter().map(|t| t.on).collect::<Vec<_>>(),
                root.policies().first().and_then(|p| root.rated_khz(p)),
            )
        };
        let driver = |name: &str| Some(name.to_owned());
        assert_eq!(seen(&Tree::no_cpufreq()), (0, None, vec![], None));
        assert_eq!(
            seen(&Tree::intel_pstate()),
            (4, driver("intel_pstate (active)"), vec![true], Some(2_400_000))
        );
        assert_eq!(
            seen(&Tree::acpi_cpufreq()),
            (4, driver("acpi-cpufreq"), vec![true], Some(2_300_000))
        );
        assert_eq!(
            seen(&Tree::amd_pstate()),
            (
                4,
                driver("amd-pstate-epp (active)"),
                vec![true; 4],
                Some(3_200_000)
            )
        );
        // Cores that are off keep a policy that cannot be read.
        assert_eq!(seen(&Tree::half_offline()).0, 2);
    }

    #[test]
    fn cores_are_present_online_and_isolated() {
        let root = Tree::half_offline();
        let root = root.root();
        assert_eq!(root.present_cores(), Some(vec![0, 1, 2, 3]));
        assert_eq!(root.online_cores(), Some(vec![0, 1]));
        assert_eq!(root.isolated_cores(), Some(vec![]));
        let tree = Tree::intel_pstate();
        tree.file("sys/devices/system/cpu/isolated", "2-3\n");
        assert_eq!(tree.root().isolated_cores(), Some(vec![2, 3]));
        assert_eq!(Tree::new().root().isolated_cores(), None);
    }

    #[test]
    fn a_frequency_is_rated_by_the_best_source_there_is() {
        let tree = Tree::acpi_cpufreq();
        let root = tree.root();
        let policy = &root.policies()[0];
        let steps = format!("{}/scaling_available_frequencies", policy.folder);
        tree.remove(&steps);
        // Neither the kernel nor the firmware says it; the name does not
        // either, and the highest is what is left.
        assert_eq!(root.rated_khz(policy), Some(2_300_000));
        tree.file("proc/cpuinfo", "model name : X @ 2.10GHz\n");
        assert_eq!(root.rated_khz(policy), Some(2_100_000));
        tree.file("proc/cpuinfo", "model name : X @ 9.90GHz\n");
        assert_eq!(root.rated_khz(policy), Some(2_300_000));
    }
}
