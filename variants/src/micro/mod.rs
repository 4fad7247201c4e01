//! Experiments without a driver: the loops that older figures are about.
//!
//! Each module is an experiment, and its head says what it shows. A
//! [`Kernel`] is one loop of it, prepared once and then called for so many
//! units of work at a time. Whoever calls keeps the time.

pub mod allocation;
pub mod int32;
pub mod matching;
mod memory;
mod random;
pub mod walks;

pub use memory::Memory;
pub use random::Random;

/// A prepared kernel: a call does so many units of work, and checks them.
///
/// # Panics
///
/// A call panics when the work had another result than it must have.
pub type Run = Box<dyn FnMut(u32)>;

/// A loop that is measured.
pub struct Kernel {
    /// What it is measured beside, such as `walks/in-order`.
    pub group: &'static str,
    /// Its name in the group, such as `chase/16KiB`.
    pub name: String,
    /// Units of work that a call is for; it may ask for half of them, or for
    /// twice as many.
    pub elements: u32,
    /// Calls after which all of its memory has been touched.
    pub lap: u32,
    /// Where the machine code between the stamps begins. Kernels that differ
    /// in their data alone share it.
    pub entry: *const (),
    prepare: Prepare,
}

/// Lays the memory of a kernel out.
type Prepare = Box<dyn Fn(&mut Memory) -> Run>;

impl Kernel {
    /// Group and name, as `cargo bench` filters by them.
    pub fn id(&self) -> String {
        format!("{}/{}", self.group, self.name)
    }

    /// Lays the kernel's memory out; what several kernels share comes from
    /// `memory`.
    pub fn prepare(&self, memory: &mut Memory) -> Run {
        (self.prepare)(memory)
    }
}

/// Every kernel, groups together.
pub fn kernels() -> Vec<Kernel> {
    let all = [
        walks::kernels(),
        int32::kernels(),
        allocation::kernels(),
        matching::kernels(),
    ];
    all.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_kernels_go_by_one_name_and_groups_are_together() {
        let all = kernels();
        let ids: HashSet<_> = all.iter().map(Kernel::id).collect();
        assert_eq!(ids.len(), all.len());
        let mut groups: Vec<_> = all.iter().map(|k| k.group).collect();
        groups.dedup();
        let distinct: HashSet<_> = groups.iter().collect();
        assert_eq!(distinct.len(), groups.len());
    }

    /// Each call checks its own work.
    #[test]
    fn every_kernel_does_half_of_its_work_all_of_it_and_twice_as_much() {
        let mut memory = Memory::default();
        for kernel in kernels() {
            // Longer lists take too long to lay out.
            let most = if cfg!(miri) { 1024 } else { 1 << 20 };
            if kernel.elements * kernel.lap > most {
                continue;
            }
            assert!(kernel.elements.is_multiple_of(2), "{}", kernel.id());
            let mut run = kernel.prepare(&mut memory);
            for n in [kernel.elements, kernel.elements / 2] {
                run(n);
            }
            run(2 * kernel.elements);
        }
    }
}
