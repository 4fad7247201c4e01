//! What the kernel's counters are reached through, and why one cannot be had.

use std::fs;
use std::io;
use std::path::Path;

use perf_event::events::{Hardware, Raw, Software};
use perf_event::{Builder, Counter, Group as PerfGroup, ReadFormat};
use rustix::io::Errno;

use super::events::{Ask, Event};
use super::reading::Quantity;

/// The system calls around counters of the calling thread; tests have one of
/// their own.
pub trait Kernel {
    /// Opens a group that stands still. Each event is there or not by itself.
    fn open(&self, events: &[Event]) -> io::Result<Opened>;
}

/// A group as the kernel made it.
pub struct Opened {
    /// The group, of the events that are there.
    pub group: Box<dyn Group>,
    /// Of each event that was asked for, whether it is there.
    pub events: Vec<io::Result<()>>,
}

/// Counters that run and stop together.
pub trait Group {
    /// Lets them run.
    fn enable(&mut self) -> io::Result<()>;
    /// Stops them.
    fn disable(&mut self) -> io::Result<()>;
    /// What they say since they were opened.
    fn read(&mut self) -> io::Result<Sample>;
}

/// What a group says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Time that it was to run, in nanoseconds.
    pub enabled_ns: u64,
    /// Time that it did run, in nanoseconds.
    pub running_ns: u64,
    /// Events, of those that are there, in their order.
    pub counts: Vec<u64>,
}

/// Linux.
pub struct Linux;

impl Kernel for Linux {
    fn open(&self, events: &[Event]) -> io::Result<Opened> {
        let mut group = PerfGroup::new()?;
        let mut counters = Vec::new();
        let add = |event: &Event| {
            counters.push(group.add(&builder(event))?);
            Ok(())
        };
        let events = events.iter().map(add).collect();
        Ok(Opened { group: Box::new(LinuxGroup { group, counters }), events })
    }
}

struct LinuxGroup {
    group: PerfGroup,
    counters: Vec<Counter>,
}

impl Group for LinuxGroup {
    fn enable(&mut self) -> io::Result<()> {
        self.group.enable()
    }

    fn disable(&mut self) -> io::Result<()> {
        self.group.disable()
    }

    fn read(&mut self) -> io::Result<Sample> {
        let data = self.group.read()?;
        let ns = |time: Option<std::time::Duration>| {
            time.map_or(0, |time| time.as_nanos() as u64)
        };
        let missing = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let counts = self.counters.iter().map(|counter| {
            data.get(counter).map(|entry| entry.value()).ok_or_else(missing)
        });
        Ok(Sample {
            enabled_ns: ns(data.time_enabled()),
            running_ns: ns(data.time_running()),
            counts: counts.collect::<Result<_, _>>()?,
        })
    }
}

/// User space only, but for what happens in the kernel alone.
fn builder(event: &Event) -> Builder<'static> {
    use Quantity::*;
    let mut builder = match event.ask {
        Ask::Raw(config) => Builder::new(Raw::new(config)),
        Ask::Named(quantity) => match quantity {
            Cycles => Builder::new(Hardware::CPU_CYCLES),
            Instructions => Builder::new(Hardware::INSTRUCTIONS),
            Branches => Builder::new(Hardware::BRANCH_INSTRUCTIONS),
            BranchMispredicts => Builder::new(Hardware::BRANCH_MISSES),
            TaskClockNs => Builder::new(Software::TASK_CLOCK),
            PageFaults => Builder::new(Software::PAGE_FAULTS),
            ContextSwitches => Builder::new(Software::CONTEXT_SWITCHES),
            Migrations => Builder::new(Software::CPU_MIGRATIONS),
            StoreUops | LoadUops | LoadL1Hits | LoadL1Misses | LoadL2Hits
            | LoadL2Misses | LoadL3Hits | LoadL3Misses => {
                unreachable!("{} has no name in the kernel", quantity.name())
            }
        },
    };
    if matches!(event.quantity, ContextSwitches | Migrations) {
        builder.include_kernel();
    }
    builder.read_format(
        ReadFormat::TOTAL_TIME_ENABLED
            | ReadFormat::TOTAL_TIME_RUNNING
            | ReadFormat::ID,
    );
    builder
}

/// Why the kernel gives no counter, and what to do where something helps.
pub fn reason(error: &io::Error, root: &Path) -> String {
    let Some(errno) = Errno::from_io_error(error) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the kernel took the counter away while it ran".to_owned()
            }
            _ => error.to_string(),
        };
    };
    match errno {
        Errno::NOENT => "ENOENT: no such counter, as where a hypervisor gives \
                         its guest no PMU"
            .to_owned(),
        Errno::OPNOTSUPP => "EOPNOTSUPP: the PMU cannot count this".to_owned(),
        Errno::NODEV => "ENODEV: the kernel has no PMU for this".to_owned(),
        Errno::INVAL => {
            "EINVAL: the PMU refuses this event, or these together".to_owned()
        }
        Errno::NOSYS => {
            "ENOSYS: the kernel was built without counters".to_owned()
        }
        Errno::ACCESS | Errno::PERM => {
            let name = match errno {
                Errno::ACCESS => "EACCES",
                _ => "EPERM",
            };
            let path = root.join("proc/sys/kernel/perf_event_paranoid");
            let level = fs::read_to_string(path).unwrap_or_default();
            let level = match level.trim() {
                "" => "is not known".to_owned(),
                level => format!("is {level}"),
            };
            format!(
                "{name}: not allowed; kernel.perf_event_paranoid {level} and \
                 has to be 1 at most"
            )
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fixture::Tree;

    #[test]
    fn each_refusal_has_a_reason_of_its_own() {
        let tree = Tree::new();
        tree.file("proc/sys/kernel/perf_event_paranoid", "3\n");
        let of = |errno: Errno| reason(&errno.into(), tree.path());
        assert!(of(Errno::NOENT).contains("no PMU"));
        assert!(of(Errno::OPNOTSUPP).starts_with("EOPNOTSUPP"));
        assert!(of(Errno::NODEV).starts_with("ENODEV"));
        assert!(of(Errno::INVAL).starts_with("EINVAL"));
        assert!(of(Errno::NOSYS).starts_with("ENOSYS"));
        for (errno, name) in [(Errno::ACCESS, "EACCES"), (Errno::PERM, "EPERM")]
        {
            let said = of(errno);
            assert!(said.starts_with(name), "{said}");
            assert!(said.contains("perf_event_paranoid is 3"), "{said}");
        }
        let said = reason(&Errno::PERM.into(), Tree::new().path());
        assert!(said.contains("paranoid is not known"), "{said}");
        let lost = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert!(reason(&lost, tree.path()).contains("took the counter"));
        assert!(of(Errno::MFILE).contains("24"), "{}", of(Errno::MFILE));
    }
}
