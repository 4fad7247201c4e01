//! Kernels against the clock, in fresh processes.

use std::sync::atomic::Ordering;
use std::time::Duration;
use std::{env, io};

use indicatif::{ProgressBar, ProgressStyle};

use super::worker::{Message, Order, Round, SUBCOMMAND, TimeOrder};
use super::{Effort, find};
use crate::clock;
use crate::failure::Failure;
use crate::measurement::child::{Child, Heard};
use crate::process;
use crate::stats::{self, CONFIDENCE, Estimate};

/// What came of measuring kernels side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Timings {
    /// The kernels, in their own order.
    pub kernels: Vec<Measured>,
    /// The core's frequency in GHz, the median of all rounds.
    pub ghz: f64,
    tick_hz: f64,
    processes: Vec<Process>,
}

/// A kernel's time for each unit of work, with intervals over processes.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// Units of work of a call.
    pub elements: u32,
    /// Nanoseconds per unit of work.
    pub ns: Estimate,
    /// Core cycles per unit of work, from the time and the frequency.
    pub cycles: Estimate,
}

/// What one process said.
#[derive(Clone, Debug, Default, PartialEq)]
struct Process {
    /// Units of work in a block of each kernel.
    elements: Vec<u64>,
    rounds: Vec<Round>,
}

impl Process {
    /// The median over rounds of what `of` makes of a round.
    fn median(&self, of: impl Fn(&Round) -> f64) -> Option<f64> {
        stats::median(&self.rounds.iter().map(of).collect::<Vec<_>>())
    }

    /// Ticks for each of a kernel's units of work, in one round.
    fn ticks(&self, round: &Round, kernel: usize) -> f64 {
        round.ticks[kernel] as f64 / self.elements[kernel] as f64
    }
}

/// Times kernels, by the names that [`find`] knows, on one core.
///
/// When the user stops it, what is complete counts.
///
/// # Errors
///
/// When there is no kernel of a name, when a process fails, and when the user
/// stops it before one was complete.
pub fn measure(
    names: &[String],
    effort: &Effort,
    core: u32,
) -> Result<Timings, Failure> {
    let kernels = find(names)?;
    let names: Vec<_> = kernels.iter().map(|kernel| kernel.id()).collect();
    let tick_hz = clock::tick_hz();
    let stop = process::interrupted();
    let bar = progress(effort);
    let mut processes = Vec::new();
    for index in 0..effort.processes {
        let order = TimeOrder {
            index,
            names: names.clone(),
            core,
            tick_hz,
            rounds: effort.rounds,
            block: effort.block,
            seed: effort.seed,
        };
        processes.extend(measure_process(order, &bar)?);
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    bar.finish_and_clear();
    if processes.is_empty() && stop.load(Ordering::Relaxed) {
        return Err(Failure::interrupted("stopped"));
    }
    let calls = kernels.iter().map(|kernel| kernel.elements);
    let calls = names.into_iter().zip(calls).collect();
    Timings::new(calls, tick_hz, processes)
        .ok_or_else(|| Failure::error("nothing was measured"))
}

fn progress(effort: &Effort) -> ProgressBar {
    let style = "{bar:40} {pos}/{len} rounds of kernels, {eta} left";
    let style = ProgressStyle::with_template(style)
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let rounds = u64::from(effort.processes) * u64::from(effort.rounds);
    ProgressBar::new(rounds).with_style(style)
}

/// Runs a process; nothing when the user stops it.
fn measure_process(
    order: TimeOrder,
    bar: &ProgressBar,
) -> Result<Option<Process>, Failure> {
    let cannot = |error: io::Error| {
        Failure::error(format!("cannot start a measuring process: {error}"))
    };
    let program = env::current_exe().map_err(Failure::environment)?;
    let seed = order.seed ^ u64::from(order.index);
    let mut rng = fastrand::Rng::with_seed(seed);
    let (kernels, rounds) = (order.names.len(), order.rounds as usize);
    let mut child =
        Child::start(&program, SUBCOMMAND, &mut rng).map_err(cannot)?;
    child.tell(&Order::Time(order)).map_err(cannot)?;
    child.hang_up();
    let mut process = Process::default();
    loop {
        match child.listen(Duration::MAX).map_err(Failure::error)? {
            Heard::Stopped => return Ok(None),
            Heard::End | Heard::Silence => break,
            Heard::Line(line) => match understood(&line, kernels)? {
                Message::Ready(elements) => process.elements = elements,
                Message::Round(round) => {
                    bar.inc(1);
                    process.rounds.push(round);
                }
                Message::Failed(why) => return Err(Failure::error(why)),
                Message::Counted(_) => return Err(foreign(&line)),
            },
        }
    }
    if process.rounds.len() < rounds || process.elements.len() != kernels {
        let (status, said) = child.last_words();
        return Err(Failure::error(format!(
            "a process that measures kernels ended early, {status}: {said}"
        )));
    }
    Ok(Some(process))
}

/// A line that fits so many kernels.
fn understood(line: &str, kernels: usize) -> Result<Message, Failure> {
    let message = serde_json::from_str(line).map_err(|_| foreign(line))?;
    let numbers = match &message {
        Message::Ready(elements) => elements.len(),
        Message::Round(round) => round.ticks.len(),
        _ => kernels,
    };
    if numbers != kernels {
        return Err(foreign(line));
    }
    Ok(message)
}

fn foreign(line: &str) -> Failure {
    Failure::error(format!("a process that measures kernels said {line}"))
}

impl Timings {
    /// Names with units of work per call; nothing where nothing was measured.
    fn new(
        kernels: Vec<(String, u32)>,
        tick_hz: f64,
        processes: Vec<Process>,
    ) -> Option<Self> {
        let ns_per_tick = 1e9 / tick_hz;
        let estimate = |of: &dyn Fn(&Process, &Round) -> f64| {
            let values = processes.iter().map(|process| {
                process.median(|round| of(process, round) * ns_per_tick)
            });
            Estimate::yuen(&values.collect::<Option<Vec<_>>>()?, CONFIDENCE)
        };
        let kernels = kernels.into_iter().enumerate();
        let kernels = kernels.map(|(i, (name, elements))| {
            let ns = estimate(&|process, round| process.ticks(round, i))?;
            let cycles = estimate(&|process, round| {
                process.ticks(round, i) * round.chain_ghz
            })?;
            Some(Measured { name, elements, ns, cycles })
        });
        let kernels = kernels.collect::<Option<Vec<_>>>()?;
        let rounds = processes.iter().flat_map(|process| &process.rounds);
        let ghz: Vec<_> = rounds.map(|round| round.chain_ghz).collect();
        let ghz = stats::median(&ghz)?;
        Some(Self { kernels, ghz, tick_hz, processes })
    }

    /// A kernel by its name.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&Measured> {
        self.kernels.iter().find(|kernel| kernel.name == name)
    }

    /// Processes that are complete.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.processes.len()
    }

    /// How many times as long `kernel` takes for a unit of work as `other`,
    /// from pairs of the same round.
    #[must_use]
    pub fn ratio(&self, kernel: &str, other: &str) -> Option<Estimate> {
        self.paired(kernel, other, |a, b| (a / b).ln())?.map(f64::exp)
    }

    /// How many nanoseconds longer `kernel` takes for a unit of work than
    /// `other`, from pairs of the same round.
    #[must_use]
    pub fn difference(&self, kernel: &str, other: &str) -> Option<Estimate> {
        let ns_per_tick = 1e9 / self.tick_hz;
        self.paired(kernel, other, |a, b| (a - b) * ns_per_tick)
    }

    /// What `of` makes of the ticks of both in each round.
    fn paired(
        &self,
        kernel: &str,
        other: &str,
        of: impl Fn(f64, f64) -> f64,
    ) -> Option<Estimate> {
        let place =
            |name| self.kernels.iter().position(|kernel| kernel.name == name);
        let (a, b) = (place(kernel)?, place(other)?);
        let values = self.processes.iter().map(|process| {
            process.median(|round| {
                of(process.ticks(round, a), process.ticks(round, b))
            })
        });
        Estimate::yuen(&values.collect::<Option<Vec<_>>>()?, CONFIDENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two kernels, the second of which takes twice as long for a unit, on a
    /// core whose frequency changes from process to process.
    fn timings(processes: u64) -> Timings {
        let process = |p: u64| Process {
            elements: vec![1000, 500],
            rounds: (0..9)
                .map(|r| Round {
                    chain_ghz: 4.0 / (p + 1) as f64,
                    // One round of nine was disturbed.
                    ticks: vec![(p + 1) * (2000 + 5000 * (r / 8)); 2],
                })
                .collect(),
        };
        let kernels = vec![("a".to_owned(), 100), ("b".to_owned(), 50)];
        let processes = (0..processes).map(process).collect();
        Timings::new(kernels, 2e9, processes).expect("measured")
    }

    #[test]
    fn times_are_for_a_unit_of_work() {
        let one = timings(1);
        let a = one.of("a").expect("there");
        assert_eq!((a.ns.value, a.cycles.value), (1.0, 4.0));
        assert_eq!(a.ns.interval, None);
        let b = one.of("b").expect("there");
        assert_eq!((b.ns.value, b.cycles.value), (2.0, 8.0));
        assert_eq!(one.ghz, 4.0);
    }

    #[test]
    fn a_ratio_is_of_blocks_of_one_round() {
        let three = timings(3);
        // Times differ between the processes; ratios and cycles do not.
        let (low, high) = three.kernels[0].ns.interval.expect("three");
        assert!(high - low > 1.0);
        let (low, high) = three.kernels[0].cycles.interval.expect("three");
        assert!(high - low < 1e-9);
        let ratio = three.ratio("b", "a").expect("both are there");
        assert!((ratio.value - 2.0).abs() < 1e-9);
        let (low, high) = ratio.interval.expect("three");
        assert!(high - low < 1e-9);
        assert_eq!(three.ratio("b", "c"), None);
        // Ticks of half a nanosecond: 1, 2 and 3 more.
        let more = three.difference("b", "a").expect("both are there");
        assert_eq!(more.value, 2.0);
        let less = three.difference("a", "b").expect("both are there");
        assert_eq!(less.value, -2.0);
    }

    #[test]
    fn a_line_of_another_number_of_kernels_is_refused() {
        assert!(understood(r#"{"Ready":[1,2]}"#, 2).is_ok());
        assert!(understood(r#"{"Ready":[1,2]}"#, 3).is_err());
        let round = r#"{"Round":{"chain_ghz":4.0,"ticks":[1]}}"#;
        assert!(understood(round, 1).is_ok());
        assert!(understood(round, 2).is_err());
        assert!(understood("{}", 1).is_err());
    }
}
