//! What a run must keep to beyond the types of its fields.

use driver::rss;

use super::{Fill, Placement, Process, Round, Run, Workload};
use std::collections::HashSet;

/// Limits far beyond any run that makes sense, so that a broken file is told
/// from a large one.
const MOST_CELLS: usize = 100_000;
const MOST_ARENAS: u32 = 4_096;
const MOST_PHASES: u32 = 1 << 24;
const MOST_HZ: f64 = 1e12;

/// Says which field of the run contradicts another, if one does.
pub(super) fn check(run: &Run) -> Result<(), String> {
    let setup = &run.setup;
    number("machine.tick_hz", run.machine.tick_hz, MOST_HZ)?;
    within("setup.arenas", setup.arenas, MOST_ARENAS)?;
    within("setup.packets_per_phase", setup.packets_per_phase, MOST_PHASES)?;
    within("setup.frame_bytes", setup.frame_bytes.into(), u16::MAX.into())?;
    if run.cells.len() > MOST_CELLS {
        return Err(format!(
            "cells: {} of them, the limit is {MOST_CELLS}",
            run.cells.len()
        ));
    }
    if (setup.placement == Placement::Card) != setup.ports.is_some() {
        return Err("setup.ports contradicts setup.placement".to_owned());
    }
    check_cores(run)?;
    check_rate(run)?;
    let mut seen = HashSet::new();
    for (index, cell) in run.cells.iter().enumerate() {
        if cell.variant.is_empty() {
            return Err(format!("cells[{index}].variant is empty"));
        }
        if cell.batch == 0 {
            return Err(format!("cells[{index}].batch is 0"));
        }
        if !seen.insert(cell) {
            return Err(format!("cells[{index}]: {cell} is listed twice"));
        }
        if cell.other && run.other_build.is_none() {
            return Err(format!(
                "cells[{index}].other is true, but there is no other_build"
            ));
        }
        if cell.fill == Fill::Full && setup.fill == Fill::Random {
            return Err(format!(
                "cells[{index}].fill is full, but setup.fill is random"
            ));
        }
        if cell.fill == Fill::Random && cell.workload == Workload::Tx {
            return Err(format!(
                "cells[{index}].fill is random, but its workload receives \
                 nothing"
            ));
        }
        if cell.fill == Fill::Random && setup.placement != Placement::Lockstep {
            return Err(format!(
                "cells[{index}].fill is random, but setup.placement is not \
                 lockstep"
            ));
        }
    }
    let measured: HashSet<_> = run.cells.iter().map(|c| &c.variant).collect();
    let mut others = HashSet::new();
    for (index, same) in run.same_code.iter().enumerate() {
        let variant = &same.variant;
        if measured.contains(variant) || !others.insert(variant) {
            return Err(format!(
                "same_code[{index}].variant: {variant} is measured twice"
            ));
        }
        if !measured.contains(&same.as_in) {
            return Err(format!(
                "same_code[{index}].as_in: {} has no cells",
                same.as_in
            ));
        }
    }
    run.processes
        .iter()
        .enumerate()
        .try_for_each(|(index, process)| check_process(run, index, process))
}

/// Whether the cores of several forwarders are some.
fn check_cores(run: &Run) -> Result<(), String> {
    let setup = &run.setup;
    let cores = &setup.cores;
    let most = cores.len() as u16;
    if let Some(first) = cores.first() {
        let distinct: HashSet<_> = cores.iter().collect();
        let sound = *first == setup.core
            && distinct.len() == cores.len()
            && !cores.contains(&setup.model_core);
        if setup.placement == Placement::Lockstep || !sound {
            return Err("setup.cores contradicts core, model_core or \
                        placement"
                .to_owned());
        }
    }
    if setup.split && (most != 2 || setup.queues.is_some()) {
        return Err("setup.split is true, but it takes two cores and one \
                    queue"
            .to_owned());
    }
    if let Some(queues) = setup.queues
        && !(most.max(1)..=rss::QUEUES).contains(&queues)
    {
        return Err(format!(
            "setup.queues is {queues}, not {} to {}",
            most.max(1),
            rss::QUEUES
        ));
    }
    if most > rss::QUEUES {
        return Err(format!("setup.cores: more than {}", rss::QUEUES));
    }
    for (index, cell) in run.cells.iter().enumerate() {
        match cell.cores {
            None => {}
            Some(_) if cell.workload != Workload::Forward => {
                return Err(format!(
                    "cells[{index}].cores is set, but its workload is {}",
                    cell.workload
                ));
            }
            Some(cores) if setup.split && cores != 2 => {
                return Err(format!(
                    "cells[{index}].cores is {cores}, but setup.split is true"
                ));
            }
            Some(cores) if (1..=most).contains(&cores) => {}
            Some(cores) => {
                return Err(format!(
                    "cells[{index}].cores is {cores}, but setup.cores has \
                     {most}"
                ));
            }
        }
    }
    Ok(())
}

/// Whether the rate is one that can be offered.
fn check_rate(run: &Run) -> Result<(), String> {
    let setup = &run.setup;
    let Some(rate) = setup.rate else { return Ok(()) };
    if setup.placement == Placement::Lockstep {
        return Err("setup.rate is set, but setup.placement is lockstep".into());
    }
    if rate.is_share() {
        return Err(format!("setup.rate is {rate}, which is no load"));
    }
    if run.cells.iter().any(|cell| cell.workload == Workload::Tx) {
        return Err("setup.rate is set, but a workload receives nothing".into());
    }
    Ok(())
}

fn check_process(
    run: &Run,
    index: usize,
    process: &Process,
) -> Result<(), String> {
    process.rounds.iter().enumerate().try_for_each(|(number, round)| {
        check_round(run, round).map_err(|field| {
            format!("processes[{index}].rounds[{number}].{field}")
        })
    })
}

fn check_round(run: &Run, round: &Round) -> Result<(), String> {
    let cells = run.cells.len();
    if round.arena >= run.setup.arenas {
        return Err(format!(
            "arena is {}, but setup.arenas is {}",
            round.arena, run.setup.arenas
        ));
    }
    within("length", round.length, MOST_PHASES)?;
    number("chain_ghz", round.chain_ghz, 1e3)?;
    if let Some(ns) = round.line_round_trip_ns {
        number("line_round_trip_ns", ns, 1e9)?;
    }
    entries("ticks", round.ticks.len(), cells)?;
    if let Some(ticks) = &round.device_ticks {
        entries("device_ticks", ticks.len(), cells)?;
    }
    if let Some(forwarded) = &round.forwarded {
        entries("forwarded", forwarded.len(), cells)?;
    }
    if let Some(busy) = &round.model_busy {
        entries("model_busy", busy.len(), cells)?;
        if let Some(share) = busy.iter().find(|b| !(0.0..=1.0).contains(*b)) {
            return Err(format!("model_busy holds {share}, not 0 to 1"));
        }
    }
    if let Some(shares) = &round.in_time {
        entries("in_time", shares.len(), cells)?;
        if let Some(share) = shares.iter().find(|s| !(0.0..=1.0).contains(*s)) {
            return Err(format!("in_time holds {share}, not 0 to 1"));
        }
    }
    Ok(())
}

fn entries(field: &str, count: usize, cells: usize) -> Result<(), String> {
    if count == cells {
        return Ok(());
    }
    Err(format!("{field} has {count} entries for {cells} cells"))
}

fn within(field: &str, value: u32, most: u32) -> Result<(), String> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{field} is {value}, not 1 to {most}"))
}

fn number(field: &str, value: f64, most: f64) -> Result<(), String> {
    if value > 0.0 && value <= most {
        return Ok(());
    }
    Err(format!("{field} is {value}, not a number above 0 up to {most}"))
}
