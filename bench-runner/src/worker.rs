//! One measuring process: reads what to do from its standard input, writes a
//! line of JSON per round to its standard output.

use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use variants::registry::Variant;

use crate::affinity;
use crate::clock;
use crate::failure::Failure;
use crate::measure::{Bench, Invalid, Probe, Task};
use crate::plan;
use crate::process;
use crate::quality::Watch;
use crate::results::{Cell, Fill, Placement, Quality, Round, Setup};

/// How long a worker keeps its rounds to itself: whoever reads them runs on
/// another core, and may disturb this one.
const SILENCE: Duration = Duration::from_millis(500);

/// What a worker is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Number of the process, part of its seed.
    pub index: u32,
    /// What to measure.
    pub setup: Setup,
    /// The cells, in the order in which samples list them.
    pub cells: Vec<Cell>,
    /// Ticks per second.
    pub tick_hz: f64,
    /// Cost of one pair of clock reads.
    pub clock_cost_ticks: u32,
}

/// What a worker says, a line each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Message {
    /// It has its memory, which consists of this.
    Ready(String),
    /// It has measured these rounds since it last said so.
    Rounds(Vec<Round>),
    /// It has measured all of them, and this befell it meanwhile.
    Done(Quality),
    /// It cannot go on.
    Failed(String),
}

/// The worker's side.
pub fn command() -> Result<(), Failure> {
    process::die_with_parent().map_err(Failure::error)?;
    // At a terminal, Ctrl-C reaches all processes; the parent ends this one.
    process::interrupted();
    let order: Order =
        serde_json::from_reader(io::stdin()).map_err(Failure::error)?;
    let mut out = io::stdout().lock();
    let result = measure(&order, &mut |message| say(&mut out, &message));
    match result {
        Err(failure) => say(&mut out, &Message::Failed(failure.to_string())),
        Ok(()) => Ok(()),
    }
}

fn say(out: &mut impl Write, message: &Message) -> Result<(), Failure> {
    let line = serde_json::to_string(message).map_err(Failure::error)?;
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Failure::error)
}

/// Measures all rounds of the process.
fn measure(
    order: &Order,
    say: &mut dyn FnMut(Message) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let setup = &order.setup;
    affinity::pin(setup.core).map_err(Failure::environment)?;
    let contenders = order
        .cells
        .iter()
        .map(|cell| plan::find(&cell.variant))
        .collect::<Result<Vec<_>, _>>()?;
    let bench = Bench::new(setup.clone(), order.clock_cost_ticks)
        .map_err(Failure::environment)?;
    measure_on(bench, order, &contenders, say)
}

/// Measures all rounds on `bench`, which was made for the order.
fn measure_on(
    mut bench: Bench,
    order: &Order,
    contenders: &[Variant],
    say: &mut dyn FnMut(Message) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let setup = &order.setup;
    let probe = Probe::new(setup.model_core);
    say(Message::Ready(bench.pages().to_owned()))?;

    let stream = u64::from(order.index + 1) << 32;
    let mut rng = fastrand::Rng::with_seed(setup.seed ^ stream);
    // Drawn for each block anew, so that no predictor has seen its runs; by
    // a generator of their own, so that they leave all else as it is.
    let mut runs_rng = rng.clone().fork();
    warm_up(order, contenders, &mut bench)?;
    let watch = Watch::begin(setup.core);
    let stop = process::interrupted();
    let (mut rounds, mut said) = (Vec::new(), Instant::now());
    for number in 0..setup.rounds {
        let arena = number % setup.arenas;
        let length = setup.draw_length(&mut rng);
        let line_round_trip_ns = match setup.placement {
            Placement::Lockstep | Placement::Card => None,
            Placement::Threaded | Placement::External => {
                let ticks = probe.round_trip_ticks();
                Some(ticks / order.tick_hz * 1e9)
            }
        };
        let mut round = Round {
            arena,
            length,
            chain_ghz: clock::chain_ghz(order.tick_hz),
            line_round_trip_ns,
            ticks: vec![0; order.cells.len()],
            device_ticks: None,
            forwarded: None,
            model_busy: None,
            in_time: None,
            reference_ticks: None,
        };
        let mut forwarded = vec![0; order.cells.len()];
        let mut device_ticks = vec![0; order.cells.len()];
        let mut busy = vec![0.0; order.cells.len()];
        let mut in_time = setup.rate.map(|_| busy.clone());
        let first_sequence = rng.u32(..).into();
        for cell in turns(&order.cells, &mut rng) {
            if setup.ports.is_some() && stop.load(Ordering::Relaxed) {
                return Err(Failure::interrupted("stopped"));
            }
            let Cell { batch, fill, workload, cores, .. } = order.cells[cell];
            let injected = setup.injected_phases(&order.cells[cell], length);
            let task = Task {
                variant: contenders[cell],
                workload,
                batch,
                fill,
                cores,
                arena: arena as usize,
                length: setup.phases_of(&order.cells[cell], length) + injected,
                first_sequence,
                runs_seed: runs_rng.u64(..),
            };
            let block = bench
                .block(&task)
                .map_err(|e| invalid(&order.cells[cell], &e))?;
            round.ticks[cell] = block.ticks;
            forwarded[cell] = block.forwarded;
            busy[cell] = block.model_busy;
            device_ticks[cell] = block.device_ticks;
            if let (Some(all), Some(share)) = (&mut in_time, block.in_time) {
                all[cell] = share;
            }
        }
        match setup.placement {
            Placement::Lockstep => round.device_ticks = Some(device_ticks),
            Placement::Threaded | Placement::External | Placement::Card => {
                round.forwarded = Some(forwarded);
                round.model_busy = Some(busy);
                round.in_time = in_time;
            }
        }
        rounds.push(round);
        if said.elapsed() >= SILENCE {
            say(Message::Rounds(std::mem::take(&mut rounds)))?;
            if setup.placement != Placement::Lockstep {
                // The parent may have to share the model's core: let it
                // finish.
                std::thread::sleep(Duration::from_millis(2));
            }
            said = Instant::now();
        }
    }
    let quality = watch.end();
    say(Message::Rounds(rounds))?;
    say(Message::Done(quality))
}

/// Runs every contender once on every arena, so that code and memory have
/// been touched before the first sample.
pub(crate) fn warm_up(
    order: &Order,
    contenders: &[Variant],
    bench: &mut Bench,
) -> Result<(), Failure> {
    let mut done: Vec<(&str, Fill, Option<u16>)> = Vec::new();
    for (cell, variant) in order.cells.iter().zip(contenders) {
        let kind = (&*cell.variant, cell.fill, cell.cores);
        if done.contains(&kind) {
            continue;
        }
        done.push(kind);
        for arena in 0..order.setup.arenas as usize {
            let task = Task {
                variant: *variant,
                workload: cell.workload,
                batch: cell.batch,
                fill: cell.fill,
                cores: cell.cores,
                arena,
                length: 2,
                first_sequence: 0,
                runs_seed: order.setup.seed,
            };
            bench.block(&task).map_err(|e| invalid(cell, &e))?;
        }
    }
    Ok(())
}

pub(crate) fn invalid(cell: &Cell, what: &Invalid) -> Failure {
    Failure::error(format!("{cell}: {what}"))
}

/// The order of a round: batch sizes shuffled, with each number of cores by
/// itself, and contenders shuffled within each.
pub(crate) fn turns(cells: &[Cell], rng: &mut fastrand::Rng) -> Vec<usize> {
    let kind = |cell: &Cell| (cell.batch, cell.cores);
    let mut kinds: Vec<_> = cells.iter().map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    rng.shuffle(&mut kinds);
    let mut turns = Vec::with_capacity(cells.len());
    for wanted in kinds {
        let start = turns.len();
        turns.extend((0..cells.len()).filter(|i| kind(&cells[*i]) == wanted));
        rng.shuffle(&mut turns[start..]);
    }
    turns
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::failure::Exit;
    use crate::results::{Trace, Workload};
    use nic_model::Faults;

    pub(crate) fn setup(placement: Placement) -> Setup {
        let core = affinity::allowed_cores()[0];
        Setup {
            seed: 1,
            workload: Workload::Forward,
            types: plan::TYPES,
            trace: Trace::Generated,
            placement,
            fill: Fill::Full,
            frame_bytes: 64,
            ring_entries: 128,
            buffer_bytes: 2048,
            doorbell_cycles: 0,
            packets_per_phase: 128,
            injected_every: None,
            phases: 4,
            rounds: 2,
            processes: 1,
            arenas: 1,
            core,
            cores: Vec::new(),
            queues: None,
            split: false,
            rate: None,
            ports: None,
            model_core: core,
        }
    }

    /// How a process ends whose card has `faults`.
    fn end(
        setup: Setup,
        variants: &[Variant],
        faults: Faults,
    ) -> (Result<(), Failure>, u32) {
        let cells =
            plan::cells(variants, &[32], 128, Fill::Full, None).expect("fine");
        let contenders: Vec<Variant> = cells
            .iter()
            .map(|cell| plan::find(&cell.variant).expect("known"))
            .collect();
        let bench = Bench::new(setup.clone(), 0).expect("memory");
        let bench = bench.with_faults(faults);
        let (index, tick_hz, clock_cost_ticks) = (0, 1e9, 0);
        let order = Order { index, setup, cells, tick_hz, clock_cost_ticks };
        let mut rounds = 0;
        let mut say = |message| {
            if let Message::Rounds(more) = message {
                rounds += more.len() as u32;
            }
            Ok(())
        };
        let end = measure_on(bench, &order, &contenders, &mut say);
        (end, rounds)
    }

    /// The line that a failed process ends with.
    fn line(placement: Placement, name: &str, faults: Faults) -> String {
        line_with(setup(placement), name, faults)
    }

    fn line_with(setup: Setup, name: &str, faults: Faults) -> String {
        let variant = plan::find(name).expect("known");
        let (end, rounds) = end(setup, &[variant], faults);
        let failure = end.expect_err("a failure");
        assert_eq!((failure.exit, rounds), (Exit::Error, 0));
        failure.to_string()
    }

    #[test]
    fn a_card_without_faults_is_measured() {
        let baseline = [plan::find("baseline").expect("known")];
        let (end, rounds) =
            end(setup(Placement::Lockstep), &baseline, Faults::default());
        assert_eq!((end, rounds), (Ok(()), 2));
    }

    #[test]
    fn a_card_that_stops_ends_every_variant_with_one_line() {
        let faults = Faults { stops_within: 200, ..Faults::default() };
        for variant in plan::everything().iter().filter(|v| v.forwards) {
            let line = line(Placement::Lockstep, &variant.name(), faults);
            let wanted = format!("{} at batch size 32,", variant.name());
            assert!(line.starts_with(&wanted), "{line}");
            assert!(line.contains(": card or"), "{line}");
            assert!(line.contains("stopped after"), "{line}");
        }
    }

    #[test]
    fn a_card_that_stops_in_threads_ends_with_one_line() {
        let faults = Faults { stops_within: 200, ..Faults::default() };
        let line = line(Placement::Threaded, "baseline", faults);
        assert!(line.contains("card or forwarder stopped after"), "{line}");
    }

    #[test]
    fn a_model_that_finds_no_core_says_so_at_once() {
        let setup = Setup { model_core: 1000, ..setup(Placement::Threaded) };
        let line = line_with(setup, "baseline", Faults::default());
        assert!(line.contains("core 1000"), "{line}");
    }

    #[test]
    fn a_reset_without_end_is_one_line_in_both_placements() {
        let faults = Faults { endless_reset: true, ..Faults::default() };
        for placement in [Placement::Lockstep, Placement::Threaded] {
            let line = line(placement, "baseline", faults);
            assert!(line.contains("CTRL reads 0x04000008"), "{line}");
        }
    }

    #[test]
    fn a_round_has_every_cell_once_and_batch_sizes_together() {
        let variants = plan::everything();
        let cells = plan::cells(&variants, &[1, 8, 64], 512, Fill::Full, None)
            .expect("fine");
        let mut rng = fastrand::Rng::with_seed(1);
        let first = turns(&cells, &mut rng);
        let second = turns(&cells, &mut rng);
        assert_ne!(first, second);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..cells.len()).collect::<Vec<_>>());
        let batches: Vec<_> = first.iter().map(|i| cells[*i].batch).collect();
        let changes = batches.windows(2).filter(|w| w[0] != w[1]).count();
        assert_eq!(changes, 2);
    }

    #[test]
    fn cells_on_as_many_cores_have_their_turns_together() {
        let variants = plan::everything();
        let one = plan::cells(&variants, &[1, 8], 512, Fill::Full, None);
        let (cells, _) = plan::on_cores(one.expect("fine"), 1..=3);
        let turns = turns(&cells, &mut fastrand::Rng::with_seed(1));
        let kinds: Vec<_> =
            turns.iter().map(|i| (cells[*i].batch, cells[*i].cores)).collect();
        let changes = kinds.windows(2).filter(|w| w[0] != w[1]).count();
        assert_eq!(changes, 2 * 3 - 1);
    }

    #[test]
    fn the_same_seed_gives_the_same_order() {
        let variants = plan::everything();
        let cells = plan::cells(&variants, &[1, 8], 512, Fill::Full, None)
            .expect("fine");
        let order = |seed| turns(&cells, &mut fastrand::Rng::with_seed(seed));
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
    }
}
