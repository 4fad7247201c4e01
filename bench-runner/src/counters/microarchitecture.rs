//! Which microarchitecture this is, by vendor, family and model.

use std::fmt;
use std::fs;
use std::path::Path;

/// One whose events are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Microarchitecture {
    /// Intel Ivy Bridge and Ivy Bridge-EP.
    IvyBridge,
    /// Intel Skylake to Comet Lake, Cascade Lake among them.
    Skylake,
    /// Intel Ice Lake to Emerald Rapids, Tiger Lake and Rocket Lake among
    /// them; none with two kinds of cores.
    IceLake,
    /// AMD Zen 2.
    Zen2,
    /// AMD Zen 3.
    Zen3,
    /// AMD Zen 4.
    Zen4,
    /// AMD Zen 5.
    Zen5,
}

impl fmt::Display for Microarchitecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IvyBridge => "Ivy Bridge",
            Self::Skylake => "Skylake",
            Self::IceLake => "Ice Lake or Sapphire Rapids",
            Self::Zen2 => "Zen 2",
            Self::Zen3 => "Zen 3",
            Self::Zen4 => "Zen 4",
            Self::Zen5 => "Zen 5",
        })
    }
}

impl Microarchitecture {
    /// That of the CPU that `proc/cpuinfo` below `root` describes, or why it
    /// is not known.
    pub fn of(root: &Path) -> Result<Self, String> {
        let cpuinfo = fs::read_to_string(root.join("proc/cpuinfo"));
        let cpuinfo = cpuinfo.unwrap_or_default();
        let field = |name: &str| {
            let fields = cpuinfo.lines().filter_map(|l| l.split_once(':'));
            let mut values = fields.filter(|(key, _)| key.trim() == name);
            values.next().map(|(_, value)| value.trim())
        };
        let number = |name| field(name)?.parse::<u32>().ok();
        let vendor = field("vendor_id").unwrap_or("");
        match (number("cpu family"), number("model")) {
            (Some(family), Some(model)) => {
                Self::by_cpuid(vendor, family, model).ok_or_else(|| {
                    format!(
                        "the events of {vendor} family {family:#x} model \
                         {model:#x} are not in this program's table"
                    )
                })
            }
            _ => Err("/proc/cpuinfo does not tell family and model".into()),
        }
    }

    /// By what CPUID says. Models are those that Linux knows the events of
    /// (`tools/perf/pmu-events/arch/x86/mapfile.csv`). It takes whole families
    /// of AMD's there: of these, the models that it tells apart the same way
    /// in `arch/x86/kernel/cpu/amd.c`, which takes 0x30 to 0x3F of family 0x19
    /// for Zen 3 and not Zen 4.
    pub fn by_cpuid(vendor: &str, family: u32, model: u32) -> Option<Self> {
        match (vendor, family, model) {
            ("GenuineIntel", 6, 0x3A | 0x3E) => Some(Self::IvyBridge),
            (
                "GenuineIntel",
                6,
                0x4E | 0x5E | 0x55 | 0x8E | 0x9E | 0xA5 | 0xA6,
            ) => Some(Self::Skylake),
            (
                "GenuineIntel",
                6,
                0x6A | 0x6C | 0x7D | 0x7E | 0x8C | 0x8D | 0xA7 | 0x8F | 0xCF,
            ) => Some(Self::IceLake),
            (
                "AuthenticAMD",
                0x17,
                0x30..=0x4F | 0x60..=0x7F | 0x90..=0x91 | 0xA0..=0xAF,
            ) => Some(Self::Zen2),
            ("AuthenticAMD", 0x19, 0x00..=0x0F | 0x20..=0x2F | 0x40..=0x5F) => {
                Some(Self::Zen3)
            }
            ("AuthenticAMD", 0x19, 0x10..=0x1F | 0x60..=0xAF) => {
                Some(Self::Zen4)
            }
            ("AuthenticAMD", 0x1A, 0x00..=0x2F | 0x40..=0x4F | 0x60..=0x7F) => {
                Some(Self::Zen5)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fixture::Tree;

    #[test]
    fn known_cpus_have_a_table_and_others_a_reason() {
        use Microarchitecture as M;
        let of = |vendor, family: u32, model: u32| {
            let tree = Tree::new();
            let text = format!(
                "processor\t: 0\nvendor_id\t: {vendor}\n\
                 cpu family\t: {family}\nmodel\t\t: {model}\n\
                 model name\t: 99\n"
            );
            tree.file("proc/cpuinfo", &text);
            M::of(tree.path())
        };
        // A Xeon E3-1230 v2, on which the published numbers were made.
        assert_eq!(of("GenuineIntel", 6, 58), Ok(M::IvyBridge));
        assert_eq!(of("GenuineIntel", 6, 85), Ok(M::Skylake));
        assert_eq!(of("GenuineIntel", 6, 143), Ok(M::IceLake));
        assert_eq!(of("AuthenticAMD", 23, 49), Ok(M::Zen2));
        assert_eq!(of("AuthenticAMD", 25, 1), Ok(M::Zen3));
        assert_eq!(of("AuthenticAMD", 25, 17), Ok(M::Zen4));
        assert_eq!(of("AuthenticAMD", 26, 2), Ok(M::Zen5));
        assert!(of("AuthenticAMD", 25, 48).is_err());
        let unknown = of("AuthenticAMD", 23, 1).unwrap_err();
        assert!(unknown.contains("family 0x17 model 0x1"), "{unknown}");
        // A model of one vendor is none of the other's.
        assert!(of("AuthenticAMD", 6, 58).is_err());
        let nothing = M::of(Tree::new().path()).unwrap_err();
        assert!(nothing.contains("cpuinfo"), "{nothing}");
    }
}
