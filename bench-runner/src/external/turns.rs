//! Window after window, in the order of the cells and in reverse.

use std::thread;

use indicatif::ProgressBar;

use super::contender::{Contender, ticks};
use super::memory::Refusal;
use crate::affinity;
use crate::clock;
use crate::failure::{Exit, Failure};
use crate::measure::Probe;
use crate::quality::Watch;
use crate::results::{Process, Round, Run, Setup};

/// Seconds of a window.
pub const WINDOW: f64 = 0.15;

/// Seconds between the start of a contender's turn and its window.
pub const SETTLE: f64 = 0.04;

/// What one start of all programs measured.
pub struct Measured {
    /// Its rounds.
    pub process: Process,
    /// Where frames went, a line each.
    pub accounts: Vec<String>,
}

impl Measured {
    fn new(index: u32, rounds: Vec<Round>, accounts: Vec<String>) -> Self {
        let pages = "the programs' own".to_owned();
        let process = Process { index, pages, rounds, quality: None };
        Self { process, accounts }
    }
}

/// Measures all rounds of a process, or those before the user stops it.
///
/// # Errors
///
/// When one of the contenders ends, or sends what nobody sent it.
pub fn measure(
    contenders: &mut [Contender<'_>],
    run: &Run,
    index: u32,
    bar: &ProgressBar,
) -> Result<Measured, Failure> {
    let Setup { rounds, core, model_core, .. } = run.setup;
    let hz = run.machine.tick_hz;
    let (settle, length) = (ticks(SETTLE, hz), ticks(WINDOW, hz));
    let watch = Watch::begin(model_core);
    let probe = Probe::new(model_core);
    let mut all = Vec::new();
    for number in 0..rounds {
        // What the forwarders' core does while none of them runs.
        let idle = || {
            affinity::pin(core).map_err(Failure::environment)?;
            let trip = probe.round_trip_ticks() / hz * 1e9;
            Ok::<_, Failure>((trip, clock::chain_ghz(hz)))
        };
        let (trip, chain_ghz) = thread::scope(|scope| scope.spawn(idle).join())
            .expect("a probe does not panic")?;
        let mut round = Round {
            arena: 0,
            length: 1,
            chain_ghz,
            line_round_trip_ns: Some(trip),
            ticks: vec![0; contenders.len()],
            device_ticks: None,
            forwarded: Some(vec![0; contenders.len()]),
            model_busy: Some(vec![0.0; contenders.len()]),
            in_time: None,
            reference_ticks: None,
        };
        let mut order: Vec<_> = (0..contenders.len()).collect();
        if !number.is_multiple_of(2) {
            order.reverse();
        }
        for cell in order {
            let window = match contenders[cell].window(settle, length) {
                Err(failure) if failure.exit == Exit::Interrupted => {
                    return Ok(Measured::new(index, all, Vec::new()));
                }
                other => other?,
            };
            round.ticks[cell] = window.ticks;
            if let Some(forwarded) = &mut round.forwarded {
                forwarded[cell] = window.forwarded;
            }
            if let Some(busy) = &mut round.model_busy {
                busy[cell] = window.model_busy;
            }
        }
        all.push(round);
        bar.inc(1);
    }
    let quality = watch.end();
    let mut accounts = Vec::new();
    for (cell, one) in contenders.iter_mut().enumerate() {
        let mut lines = vec![one.account()];
        for Refusal { iova, why } in one.refusals() {
            let name = one.name();
            lines.push(format!("{name}: DMA to {iova:#x} refused: {why}"));
        }
        one.whole()?;
        let forwarded = |round: &Round| {
            round.forwarded.as_ref().map_or(0, |each| each[cell])
        };
        if all.iter().all(|round| forwarded(round) == 0) {
            return Err(Failure::error(format!(
                "no frame came back in any window: {}",
                lines.join("; ")
            )));
        }
        accounts.extend(lines);
    }
    let mut measured = Measured::new(index, all, accounts);
    measured.process.quality = Some(quality);
    Ok(measured)
}
