//! What else wants the machine's cores: interrupts and other tasks.

use super::{Root, parse_core_list};

/// An interrupt and the cores that may take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// The file with its cores, below the root.
    pub file: String,
    /// The cores.
    pub cores: Vec<u32>,
}

/// What tasks waited for, by the kernel's pressure files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A core.
    Cpu,
    /// Memory.
    Memory,
}

impl Root {
    /// The interrupts whose cores can be read, by number.
    #[must_use]
    pub fn interrupts(&self) -> Vec<Interrupt> {
        let mut numbers: Vec<u32> = self
            .names("proc/irq")
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers
            .into_iter()
            .filter_map(|number| {
                let file = format!("proc/irq/{number}/smp_affinity_list");
                let cores = parse_core_list(&self.line(&file)?)?;
                Some(Interrupt { file, cores })
            })
            .collect()
    }

    /// The share of the last ten seconds, in per cent, in which some task
    /// waited for the resource.
    #[must_use]
    pub fn pressure_percent(&self, resource: Resource) -> Option<f64> {
        let name = match resource {
            Resource::Cpu => "cpu",
            Resource::Memory => "memory",
        };
        // A kernel with psi=0 has the files and refuses to read them.
        let text = self.read(&format!("proc/pressure/{name}"))?;
        let some = text.lines().find_map(|l| l.strip_prefix("some "))?;
        let mut words = some.split_whitespace();
        words.find_map(|word| word.strip_prefix("avg10="))?.parse().ok()
    }

    /// How long the calling thread was ready to run and did not, since it
    /// began, in nanoseconds.
    #[must_use]
    pub fn run_delay_ns(&self) -> Option<u64> {
        let line = self.line("proc/thread-self/schedstat")?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// How often the kernel took the core from the calling thread.
    #[must_use]
    pub fn involuntary_switches(&self) -> Option<u64> {
        let status = self.read("proc/thread-self/status")?;
        let value = |line: &str| {
            let value = line.strip_prefix("nonvoluntary_ctxt_switches:")?;
            value.trim().parse().ok()
        };
        status.lines().find_map(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fixture::Tree;

    #[test]
    fn interrupts_come_by_number_and_unreadable_ones_are_left_out() {
        let tree = Tree::new();
        tree.file("proc/irq/10/smp_affinity_list", "0-3\n");
        tree.file("proc/irq/9/smp_affinity_list", "2\n");
        tree.file("proc/irq/8/smp_affinity_list", "\n");
        tree.file("proc/irq/default_smp_affinity", "f\n");
        let interrupt = |number: u32, cores: &[u32]| Interrupt {
            file: format!("proc/irq/{number}/smp_affinity_list"),
            cores: cores.to_vec(),
        };
        assert_eq!(
            tree.root().interrupts(),
            [interrupt(9, &[2]), interrupt(10, &[0, 1, 2, 3])]
        );
        assert_eq!(Tree::new().root().interrupts(), []);
    }

    #[test]
    fn pressure_and_delay_are_absent_rather_than_zero() {
        let tree = Tree::new();
        let root = tree.root();
        assert_eq!(root.pressure_percent(Resource::Cpu), None);
        assert_eq!(root.run_delay_ns(), None);
        tree.file(
            "proc/pressure/cpu",
            "some avg10=39.20 avg60=10.98 avg300=8.25 total=5551624318\n\
             full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        );
        tree.file("proc/thread-self/schedstat", "7 3142716 1\n");
        assert_eq!(root.pressure_percent(Resource::Cpu), Some(39.2));
        assert_eq!(root.pressure_percent(Resource::Memory), None);
        assert_eq!(root.run_delay_ns(), Some(3_142_716));
        assert_eq!(root.involuntary_switches(), None);
        tree.file(
            "proc/thread-self/status",
            "Name:\tworker\nvoluntary_ctxt_switches:\t5\n\
             nonvoluntary_ctxt_switches:\t17\n",
        );
        assert_eq!(root.involuntary_switches(), Some(17));
    }
}
