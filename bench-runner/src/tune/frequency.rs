//! Governor, preference, limits and turbo.

use super::setting::{Kind, Setting};
use crate::environment::{Policy, Root};

/// Who picks the frequency.
pub const GOVERNOR: &str = "scaling_governor";

/// What the processor prefers where it picks itself.
pub const PREFERENCE: &str = "energy_performance_preference";

/// The lowest frequency that may be picked, in kHz.
pub const LOWEST: &str = "scaling_min_freq";

/// The highest one.
pub const HIGHEST: &str = "scaling_max_freq";

/// The governor and the preference that keep the frequency up.
const PERFORMANCE: &str = "performance";

/// What there is to set, turbo first: without it the highest frequency means
/// something else.
pub fn settings(root: &Root) -> Vec<Setting> {
    let policies = root.policies();
    let mut settings: Vec<Setting> = root
        .turbo()
        .into_iter()
        .filter_map(|turbo| {
            Setting::new(root, Kind::Turbo, turbo.file, turbo.off)
        })
        .collect();
    // Once the governor is `performance`, the kernel refuses any other
    // preference; so this comes before it, and is put back after it.
    settings.extend(policies.iter().filter_map(|policy| {
        let file = format!("{}/{PREFERENCE}", policy.folder);
        Setting::new(root, Kind::Preference, file, PERFORMANCE)
    }));
    settings.extend(policies.iter().filter_map(|p| governor(root, p)));
    settings.extend(policies.iter().flat_map(|p| limits(root, p)));
    settings
}

fn governor(root: &Root, policy: &Policy) -> Option<Setting> {
    let offered = format!("{}/scaling_available_governors", policy.folder);
    if let Some(offered) = root.read(&offered)
        && !offered.split_whitespace().any(|name| name == PERFORMANCE)
    {
        return None;
    }
    let file = format!("{}/{GOVERNOR}", policy.folder);
    Setting::new(root, Kind::Governor, file, PERFORMANCE)
}

/// What holds every core at a frequency, in kHz.
pub fn held(root: &Root, khz: u64) -> Vec<Setting> {
    let policies = root.policies();
    let governors = policies.iter().filter_map(|p| governor(root, p));
    let limits = policies.iter().flat_map(|p| both(root, p, khz));
    governors.chain(limits).collect()
}

/// Both limits at the rated frequency.
fn limits(root: &Root, policy: &Policy) -> Vec<Setting> {
    let rated = root.rated_khz(policy);
    rated.map_or(Vec::new(), |khz| both(root, policy, khz))
}

/// Both limits in the order in which the lowest never passes the highest.
fn both(root: &Root, policy: &Policy, khz: u64) -> Vec<Setting> {
    let limit = |name: &str| {
        let file = format!("{}/{name}", policy.folder);
        Setting::new(root, Kind::Limits, file, khz.to_string())
    };
    let (lowest, highest) = (limit(LOWEST), limit(HIGHEST));
    let lowest_khz: Option<u64> =
        lowest.as_ref().and_then(|limit| limit.now.trim().parse().ok());
    let pair = match lowest_khz {
        Some(lowest_khz) if lowest_khz > khz => [lowest, highest],
        _ => [highest, lowest],
    };
    pair.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fixture::Tree;
    use proptest::prelude::*;

    const POLICY: &str = "sys/devices/system/cpu/cpufreq/policy0";

    proptest! {
        #[test]
        fn the_lowest_never_passes_the_highest(
            mut limits in [8_u64..40, 8..40],
            rated in 8_u64..40,
        ) {
            limits.sort_unstable();
            let tree = Tree::new();
            let file = |name: &str, khz: u64| {
                let text = format!("{}\n", khz * 100_000);
                tree.file(&format!("{POLICY}/{name}"), &text);
            };
            file("cpuinfo_min_freq", 8);
            file("cpuinfo_max_freq", 40);
            file("base_frequency", rated);
            file(LOWEST, limits[0]);
            file(HIGHEST, limits[1]);
            tree.file(&format!("{POLICY}/{GOVERNOR}"), "powersave\n");
            let root = tree.root();
            let policy = Policy { folder: POLICY.to_owned() };
            let value = |name: &str| -> u64 {
                let text = root.read(&format!("{POLICY}/{name}"));
                text.unwrap().trim().parse().unwrap()
            };
            let settings = super::limits(&root, &policy);
            prop_assert_eq!(settings.len(), 2);
            for setting in &settings {
                tree.file(&setting.file, &setting.wanted);
                prop_assert!(value(LOWEST) <= value(HIGHEST));
            }
            prop_assert_eq!(value(LOWEST), rated * 100_000);
            for setting in settings.iter().rev() {
                tree.file(&setting.file, &setting.now);
                prop_assert!(value(LOWEST) <= value(HIGHEST));
            }
        }
    }

    #[test]
    fn a_governor_that_is_not_offered_is_not_asked_for() {
        let tree = Tree::acpi_cpufreq();
        let offered = format!("{POLICY}/scaling_available_governors");
        tree.file(&offered, "schedutil\n");
        let root = tree.root();
        let governors = settings(&root);
        let governors = governors.iter().filter(|s| s.kind == Kind::Governor);
        assert_eq!(governors.count(), 3);
    }
}
