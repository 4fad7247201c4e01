//! Turns for an instrument that counts: lockstep without a clock.

use serde::{Deserialize, Serialize};

use nic_model::{Faults, Model};
use variants::registry::Variant;
use variants::workload::{Forwarder, Quota};

use super::Invalid;
use super::bench::{Bench, BlockSpec, Task};
use super::runs::Runs;
use crate::results::Fill;

/// Turns on full rings: seven laps of 512 descriptors at 448 per turn, so
/// that every descriptor is used as often as every other.
const FULL_TURNS: u32 = 8;

/// Turns on random rings, a run per port each: some two thousand packets per
/// port.
const RANDOM_TURNS: u32 = 128;

/// Turns before the counted ones.
const WARM_UP: u32 = 2;

/// The same on random rings: enough to have transmit rings cleaned.
const RANDOM_WARM_UP: u32 = 16;

/// Seed of the run lengths. One for all, so that every variant meets the same
/// rings and two runs count the same.
const SEED: u64 = 82_599;

/// What is counted in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turns {
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// How many descriptors a batch finds done.
    pub fill: Fill,
}

impl Turns {
    /// Turns of the forwarder in one repeat.
    pub fn per_repeat(&self) -> u32 {
        match self.fill {
            Fill::Full => FULL_TURNS,
            Fill::Random => RANDOM_TURNS,
        }
    }
}

/// How much there was to do.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct Times {
    /// Packets offered, all of which were received.
    pub packets: u64,
    /// Receive calls that it takes to receive them.
    pub batches: u64,
}

/// What looks at the turns of a forwarder.
pub trait Instrument {
    /// Called before the first counted turn and after the last one. Between
    /// the two are the device's turns as well.
    fn lap(&mut self);

    /// A turn of the forwarder begins, counted or not.
    #[inline(always)]
    fn begin(&mut self) {}

    /// It has ended, and received so many packets.
    #[inline(always)]
    fn end(&mut self, _packets: u64) {}
}

impl Bench {
    /// Runs `variant` under `instrument`, `repeats` times as many turns as
    /// it takes to use every descriptor as often as every other.
    pub fn count(
        &mut self,
        variant: &Variant,
        turns: Turns,
        repeats: u32,
        instrument: &mut impl Instrument,
    ) -> Result<Times, Invalid> {
        let task = Task {
            variant: *variant,
            workload: variant.workload().into(),
            batch: turns.batch,
            fill: turns.fill,
            cores: None,
            arena: 0,
            length: 0,
            first_sequence: 0,
            runs_seed: SEED,
        };
        let spec = BlockSpec {
            task: &task,
            setup: &self.setup,
            clock_cost_ticks: 0,
            faults: Faults::default(),
            patience: self.patience,
            mix: self.mix,
            tick_hz: self.tick_hz,
        };
        let (mut model, site) = spec.lay_out(self.arenas[0].split());
        let mut step = |_| model.poll_control();
        let mut forwarder = (spec.open())(site, &mut step)?;
        model.poll_control();

        let ports = model.ports().len() as u32;
        let full = self.setup.packets_per_phase / ports;
        let mut device = Device { ports, full, runs: None, turns };
        if turns.fill == Fill::Random {
            let rng = fastrand::Rng::with_seed(task.runs_seed);
            device.runs = Some((Runs::new(rng, full), 0));
        }
        let warm_up = match turns.fill {
            Fill::Full => WARM_UP,
            Fill::Random => RANDOM_WARM_UP,
        };
        let counted = turns.per_repeat();
        for _ in 0..warm_up {
            device.turn(&mut model, &mut *forwarder, variant, instrument)?;
        }
        instrument.lap();
        let mut times = Times::default();
        for _ in 0..counted * repeats {
            let turn = device.turn(
                &mut model,
                &mut *forwarder,
                variant,
                instrument,
            )?;
            times.packets += turn.packets;
            times.batches += turn.batches;
        }
        instrument.lap();
        model.transmit();
        spec.balance(&model, &*forwarder)?;
        Ok(times)
    }
}

/// The device's side of the turns.
struct Device {
    ports: u32,
    /// Frames per port that fill a ring.
    full: u32,
    /// Of a random fill: the runs of a phase, and which comes next.
    runs: Option<(Runs, usize)>,
    turns: Turns,
}

impl Device {
    /// A turn of the device and one of the forwarder; says how much of what
    /// there was to do. What the forwarder did not receive is an error.
    fn turn(
        &mut self,
        model: &mut Model<'_>,
        forwarder: &mut dyn Forwarder,
        variant: &Variant,
        instrument: &mut impl Instrument,
    ) -> Result<Times, Invalid> {
        let batch = u32::from(self.turns.batch);
        let frames = match &mut self.runs {
            None => self.full,
            Some((runs, next)) => {
                let run = *next % runs.count();
                if run == 0 {
                    runs.draw();
                }
                *next += 1;
                runs.frames(run)
            }
        };
        model.transmit();
        model.receive(frames);
        let ports = u64::from(self.ports);
        let packets = u64::from(frames) * ports;
        let quota = Quota { packets, patience: 1 };
        instrument.begin();
        let received = forwarder.forward(quota);
        instrument.end(packets);
        if variant.forwards && received != packets {
            return Err(Invalid::Stalled { wanted: packets, received });
        }
        let batches = u64::from(frames.div_ceil(batch)) * ports;
        Ok(Times { packets, batches })
    }
}
