//! One process that runs kernels: against the clock, with a line of JSON per
//! round, or under an instrument that counts.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use variants::micro::{Kernel, Memory, Run};

use super::find;
use crate::affinity;
use crate::clock;
use crate::counters::worker::lap;
use crate::failure::Failure;
use crate::process;
use crate::stats;

/// The subcommand that is such a process.
pub const SUBCOMMAND: &str = "kernels";

/// How long a process keeps its rounds to itself: whoever reads them runs on
/// another core, and may disturb this one.
const SILENCE: Duration = Duration::from_millis(500);

/// Timed calls that a call's length is the median of.
const TRIALS: usize = 5;

/// The longest that touching a kernel's memory may take before a block, in
/// seconds: lists that do not fit into any cache are not walked to their end.
const LONGEST_TOUCH: f64 = 1e-3;

/// The most calls of a block.
const MOST_CALLS: f64 = 1e6;

/// What the process is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Order {
    /// Run against the clock.
    Time(TimeOrder),
    /// Run these kernels under an instrument.
    Count(Vec<String>),
}

/// What is to be timed, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TimeOrder {
    /// Number of the process, part of its seed.
    pub index: u32,
    /// Names of the kernels.
    pub names: Vec<String>,
    /// The core to stay on.
    pub core: u32,
    /// Ticks per second.
    pub tick_hz: f64,
    /// Rounds.
    pub rounds: u32,
    /// Length of a block, in seconds.
    pub block: f64,
    /// Seed of the orders.
    pub seed: u64,
}

/// What the process says, a line each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// Units of work in a block of each kernel, all rounds alike.
    Ready(Vec<u64>),
    /// It has measured a round.
    Round(Round),
    /// It was counted: units of work of a call.
    Counted(Vec<u32>),
    /// It cannot go on.
    Failed(String),
}

/// One block of each kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// The core's frequency in GHz, by a chain of additions.
    pub chain_ghz: f64,
    /// Length of each kernel's block, without the clock's own cost.
    pub ticks: Vec<u64>,
}

/// The process's side.
pub fn command() -> Result<(), Failure> {
    process::die_with_parent().map_err(Failure::error)?;
    let order = serde_json::from_reader(io::stdin()).map_err(Failure::error)?;
    let mut out = io::stdout().lock();
    let mut say = |message: &Message| {
        let line = serde_json::to_string(message).map_err(Failure::error)?;
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .map_err(Failure::error)
    };
    let result = match order {
        Order::Time(order) => time(&order, &mut say),
        Order::Count(names) => count(&names, &mut say),
    };
    match result {
        Err(failure) => say(&Message::Failed(failure.to_string())),
        Ok(()) => Ok(()),
    }
}

type Say<'a> = &'a mut dyn FnMut(&Message) -> Result<(), Failure>;

/// A kernel with memory of its own.
struct Contender {
    run: Run,
    elements: u32,
    /// Calls of a block.
    calls: u32,
    /// Calls before it.
    touches: u32,
}

impl Contender {
    /// Lays the kernel out and finds how many calls make a block.
    fn new(kernel: &Kernel, memory: &mut Memory, order: &TimeOrder) -> Self {
        let mut run = kernel.prepare(memory);
        let elements = kernel.elements;
        let mut trial = || {
            let start = clock::stamp();
            run(elements);
            (clock::stamp() - start) as f64
        };
        // The first calls are the first to see the code and the memory.
        for _ in 0..kernel.lap.min(TRIALS as u32) {
            trial();
        }
        let trials: Vec<_> = (0..TRIALS).map(|_| trial()).collect();
        let ticks = stats::median(&trials).unwrap_or(1.0).max(1.0);
        let within = |seconds: f64| {
            let calls = seconds * order.tick_hz / ticks;
            calls.round().clamp(1.0, MOST_CALLS) as u32
        };
        let touches = kernel.lap.min(within(LONGEST_TOUCH));
        Self { run, elements, calls: within(order.block), touches }
    }

    /// Ticks of a block.
    fn block(&mut self) -> u64 {
        for _ in 0..self.touches {
            (self.run)(self.elements);
        }
        let start = clock::stamp();
        for _ in 0..self.calls {
            (self.run)(self.elements);
        }
        clock::stamp() - start
    }
}

/// Measures all rounds of the process.
fn time(order: &TimeOrder, say: Say<'_>) -> Result<(), Failure> {
    // At a terminal, Ctrl-C reaches all processes; the parent ends this one.
    process::interrupted();
    affinity::pin(order.core).map_err(Failure::environment)?;
    let clock_cost_ticks = u64::from(clock::clock_cost_ticks());
    let kernels = find(&order.names)?;
    let stream = u64::from(order.index + 1) << 32;
    let mut rng = fastrand::Rng::with_seed(order.seed ^ stream);
    // In another order each time, for none shall always have the same place.
    let mut turns: Vec<_> = (0..kernels.len()).collect();
    rng.shuffle(&mut turns);
    let mut memory = Memory::default();
    let mut contenders = Vec::new();
    for turn in &turns {
        let kernel = &kernels[*turn];
        let contender = Contender::new(kernel, &mut memory, order);
        contenders.push((*turn, contender));
    }
    contenders.sort_by_key(|(turn, _)| *turn);
    let elements = contenders.iter().map(|(_, contender)| {
        u64::from(contender.calls) * u64::from(contender.elements)
    });
    say(&Message::Ready(elements.collect()))?;

    let (mut rounds, mut said) = (Vec::new(), Instant::now());
    for _ in 0..order.rounds {
        let chain_ghz = clock::chain_ghz(order.tick_hz);
        let mut ticks = vec![0; kernels.len()];
        rng.shuffle(&mut turns);
        for turn in &turns {
            let block = contenders[*turn].1.block();
            ticks[*turn] = block.saturating_sub(clock_cost_ticks);
        }
        rounds.push(Message::Round(Round { chain_ghz, ticks }));
        if said.elapsed() >= SILENCE {
            rounds.drain(..).try_for_each(|round| say(&round))?;
            said = Instant::now();
        }
    }
    rounds.iter().try_for_each(say)
}

/// Sheets of the instrument for each kernel.
pub const SHEETS: usize = 4;

/// Of these, the ones that count, from 1 on: a call, and one that does twice
/// as much.
pub const COUNTED_SHEETS: [usize; 2] = [2, 4];

/// Runs each kernel for one call's units and for twice as many, between laps
/// and each time from the same start. A call before makes the predictors and
/// the allocator familiar with it.
fn count(names: &[String], say: Say<'_>) -> Result<(), Failure> {
    let kernels = find(names)?;
    for kernel in &kernels {
        let mut memory = Memory::default();
        for n in [kernel.elements, 2 * kernel.elements] {
            let mut run = kernel.prepare(&mut memory);
            run(kernel.elements);
            lap();
            run(n);
            lap();
        }
    }
    let elements = kernels.iter().map(|kernel| kernel.elements);
    say(&Message::Counted(elements.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_says_what_it_measures_and_then_each_round() {
        let core = affinity::allowed_cores()[0];
        let names = ["walks/in-order/chase/16KiB", "int32/set-get/word"];
        let order = TimeOrder {
            index: 0,
            names: names.map(str::to_owned).to_vec(),
            core,
            tick_hz: clock::tick_hz(),
            rounds: 3,
            block: 20e-6,
            seed: 1,
        };
        let mut said = Vec::new();
        // In a thread of its own, which takes its pinning with it.
        std::thread::scope(|scope| {
            let mut say = |message: &Message| {
                said.push(message.clone());
                Ok(())
            };
            let time = scope.spawn(move || time(&order, &mut say));
            time.join().expect("no panic").expect("measured");
        });
        let [Message::Ready(elements), rounds @ ..] = &said[..] else {
            panic!("{said:?}");
        };
        assert!(elements.iter().all(|n| n.is_multiple_of(1024) && *n > 0));
        assert_eq!(rounds.len(), 3);
        for message in rounds {
            let Message::Round(round) = message else { panic!("{message:?}") };
            assert!(round.chain_ghz > 0.0);
            assert_eq!(round.ticks.len(), names.len());
            assert!(round.ticks.iter().all(|ticks| *ticks > 0));
        }
    }
}
