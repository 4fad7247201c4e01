//! Kernels counted by callgrind, exactly.

use std::fs;

use serde::Serialize;
use variants::micro::Kernel;

use super::find;
use super::worker::{COUNTED_SHEETS, Message, Order, SHEETS, SUBCOMMAND};
use crate::counters::callgrind::{self, Callgrind};
use crate::counters::profile::Profile;
use crate::failure::Failure;

/// What a kernel does for each unit of work: the difference between a call
/// and one of twice its length, so that what a call costs by itself is not in
/// it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Counted {
    /// Its name.
    pub name: String,
    /// Units of work that the difference is of.
    pub elements: u32,
    /// Instructions.
    pub instructions: f64,
    /// Those among them that are not this program's: the allocator's.
    pub library_instructions: f64,
    /// Conditional branches, taken or not.
    pub branches: f64,
    /// Indirect jumps and calls, returns apart.
    pub jumps: f64,
    /// Branches and jumps that callgrind's model of a predictor, a simple
    /// one, gets wrong in the longer call. What it gets wrong where a call
    /// begins and ends is in it.
    pub modelled_mispredicts: f64,
}

/// What callgrind calls instructions, conditional branches, indirect jumps,
/// and those of both that are modelled as mispredicted.
const EVENTS: [&str; 5] = ["Ir", "Bc", "Bi", "Bcm", "Bim"];

/// Counts kernels, by the names that [`find`] knows, in one start of valgrind.
///
/// # Errors
///
/// When there is no kernel of a name, and when there is no valgrind or it
/// fails.
pub fn count(names: &[String]) -> Result<Vec<Counted>, Failure> {
    let kernels = find(names)?;
    let source = Callgrind::find()?;
    let fault =
        |what: &str| Failure::error(format!("counting kernels failed: {what}"));
    let folder = tempfile::Builder::new()
        .prefix("ringside-")
        .tempdir()
        .map_err(Failure::environment)?;
    let entries: Vec<_> =
        kernels.iter().map(|kernel| (kernel.entry, kernel.id())).collect();
    let file = folder.path().join("sheet");
    let mut command = source.command(&entries, &file, SUBCOMMAND)?;
    let order = Order::Count(kernels.iter().map(Kernel::id).collect());
    let line = callgrind::answer(&mut command, &order)?;
    let elements = match serde_json::from_slice(&line) {
        Ok(Message::Counted(elements)) => elements,
        Ok(Message::Failed(why)) => return Err(fault(&why)),
        _ => return Err(fault(&String::from_utf8_lossy(&line))),
    };
    let sheet = |number: usize| folder.path().join(format!("sheet.{number}"));
    // As many laps as there should be, and no function that goes by the name
    // of theirs.
    let one_too_many = sheet(SHEETS * kernels.len() + 1).exists();
    if elements.len() != kernels.len() || one_too_many {
        return Err(fault("its calls do not match its laps"));
    }
    let events = |number: usize| {
        let text = fs::read_to_string(sheet(number));
        let text = text.map_err(|error| fault(&error.to_string()))?;
        let profile = Profile::parse(&text)
            .map_err(|error| fault(&format!("its profile: {error}")))?;
        Events::of(&profile, &source)
            .ok_or_else(|| fault("its profile lacks an event"))
    };
    let counted = |(i, (kernel, elements)): (usize, (&Kernel, u32))| {
        let [once, twice] =
            COUNTED_SHEETS.map(|number| events(SHEETS * i + number));
        Counted::new(kernel.id(), elements, &once?, &twice?).ok_or_else(|| {
            fault(&format!("twice the work of {} is not more", kernel.id()))
        })
    };
    kernels.iter().zip(elements).enumerate().map(counted).collect()
}

/// What was counted in a call, in the order of [`EVENTS`].
struct Events {
    all: [u64; 5],
    library_instructions: u64,
}

impl Events {
    fn of(profile: &Profile, source: &Callgrind) -> Option<Self> {
        if !EVENTS.iter().all(|event| profile.counts(event)) {
            return None;
        }
        let library = |object: &str| !source.is_own(object);
        Some(Self {
            all: EVENTS.map(|event| profile.sum(event, |_| true)),
            library_instructions: profile.sum("Ir", library),
        })
    }
}

impl Counted {
    /// From a call and one that did so many units more; nothing where that
    /// took no instruction more.
    fn new(
        name: String,
        elements: u32,
        once: &Events,
        twice: &Events,
    ) -> Option<Self> {
        let each = |once: u64, twice: u64| {
            (twice as f64 - once as f64) / f64::from(elements)
        };
        let mut all = [0.0; 5];
        for ((all, once), twice) in all.iter_mut().zip(once.all).zip(twice.all)
        {
            *all = each(once, twice);
        }
        let [instructions, branches, jumps, ..] = all;
        let [.., wrong_branches, wrong_jumps] = twice.all;
        let wrong = (wrong_branches + wrong_jumps) as f64;
        (instructions > 0.0).then_some(Self {
            name,
            elements,
            instructions,
            library_instructions: each(
                once.library_instructions,
                twice.library_instructions,
            ),
            branches,
            jumps,
            modelled_mispredicts: wrong / (2.0 * f64::from(elements)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_costs_by_itself_is_not_in_a_unit_of_work() {
        let call = |n: u64| Events {
            all: [70 + 9 * n, 3 + 2 * n, 1, n / 4, 0],
            library_instructions: 40 + n,
        };
        let name = || "a".to_owned();
        let counted = Counted::new(name(), 100, &call(100), &call(200));
        let counted = counted.expect("more");
        assert_eq!(counted.instructions, 9.0);
        assert_eq!(counted.library_instructions, 1.0);
        assert_eq!(counted.branches, 2.0);
        assert_eq!(counted.jumps, 0.0);
        assert_eq!(counted.modelled_mispredicts, 0.25);
        assert_eq!(Counted::new(name(), 100, &call(100), &call(100)), None);
    }
}
