//! From raw samples to one result per cell.
//!
//! A process yields one number per cell: the mean over its arenas of the
//! median over that arena's rounds. Intervals are drawn over processes, never
//! over rounds, for the rounds of a process share its address space and its
//! luck.

use crate::load::Rate;
use crate::measure::ON_SCHEDULE;
use crate::measure::reference;
use crate::quality::quarantined;
use crate::results::{Cell, Fill, Placement, Process, Round, Run, bare};
use crate::stats::{self, CONFIDENCE, Estimate};
use crate::verdict::{Evidence, Finding, Looks, Rule};
use std::collections::HashMap;

/// Share of busy model time from which on the model may be the bottleneck.
pub const MODEL_BOUND: f64 = 0.8;

/// The variant that forwards without a driver: what the harness itself costs.
pub const FLOOR: &str = "floor=null";

/// The variant that most others are compared with.
pub const BASELINE: &str = "baseline";

/// Maps a variant's name to the name of the variant it is compared with.
pub type Reference<'a> = dyn Fn(&str) -> &str + 'a;

/// What a run says about one cell.
#[derive(Clone, Debug, PartialEq)]
pub struct CellResult {
    /// Name in the registry, with that of the program where it is the second
    /// one's.
    pub variant: String,
    /// Names of variants that have the same machine code and no results of
    /// their own.
    pub namesakes: Vec<String>,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// How rings were filled.
    pub fill: Fill,
    /// Cores that forwarded; absent where one had the ports to itself.
    pub cores: Option<u16>,
    /// Whether this is the second copy, there for the A/A comparison.
    pub copy: bool,
    /// Nanoseconds per packet.
    pub ns: Estimate,
    /// Core cycles per packet, of all cores that forward added up, from the
    /// frequency of the add chain.
    pub cycles: Estimate,
    /// Million packets per second; absent where a packet cost no time.
    pub mpps: Option<Estimate>,
    /// Cost against the reference at the same batch size; absent for the
    /// reference itself, and where either side cost no time.
    pub cost_ratio: Option<Estimate>,
    /// What can be said of it against the reference, together with all other
    /// comparisons of the run with that fill; absent where there is no cost
    /// ratio, or too few processes.
    pub finding: Option<Finding>,
    /// Whether the model may have been the bottleneck; at a rate, whether it
    /// was.
    pub hollow: bool,
    /// Processes that speak for this cell.
    pub processes: usize,
}

/// What stands between the names of one machine code.
pub const SAME: &str = " ≡ ";

impl CellResult {
    /// All names that the result has.
    pub fn names(&self) -> Vec<&str> {
        let others = self.namesakes.iter().map(String::as_str);
        std::iter::once(self.variant.as_str()).chain(others).collect()
    }
}

/// How far a variant is from its own copy.
#[derive(Clone, Debug, PartialEq)]
pub struct AaSpread {
    /// One comparison per variant, batch size and number of cores that ran
    /// twice.
    pub cells: Vec<AaCell>,
    /// The greatest distance of a ratio from 1.
    pub worst: f64,
    /// The median distance of a ratio from 1.
    pub median: f64,
}

/// One variant against its own copy.
#[derive(Clone, Debug, PartialEq)]
pub struct AaCell {
    /// Its name, as in the results.
    pub variant: String,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// Cores that forwarded, where several may.
    pub cores: Option<u16>,
    /// Cost of the copy against the first; 1 in a perfect world.
    pub ratio: Estimate,
}

/// One result per cell, in the order of the run; a cell that no process
/// speaks for has none.
#[must_use]
pub fn analyse(run: &Run, reference: &Reference) -> Vec<CellResult> {
    let index = Index::new(run);
    let mut results: Vec<_> = (0..run.cells.len())
        .filter_map(|cell| analyse_cell(run, &index, cell, reference))
        .collect();
    for fill in run.fills() {
        judge(run, &index, fill, reference, &mut results);
    }
    results
}

/// Judges all comparisons with a fill as one family.
fn judge(
    run: &Run,
    index: &Index,
    fill: Fill,
    reference: &Reference,
    results: &mut [CellResult],
) {
    let ours = |r: &&mut CellResult| r.fill == fill && !r.copy;
    let evidence = |result: &mut CellResult| {
        let CellResult { variant, batch, cores, .. } = result;
        let cell = index.first(variant, *batch, fill, *cores)?;
        let against = index.first(reference(variant), *batch, fill, *cores)?;
        let values = log_ratios(run, cell, against);
        let rounds = run.setup.rounds;
        (cell != against).then(|| Evidence::new(&[values], rounds).ok())?
    };
    let (judged, family): (Vec<_>, Vec<_>) = results
        .iter_mut()
        .filter(ours)
        .filter_map(|result| evidence(result).map(|found| (result, found)))
        .unzip();
    let looks = Looks::once(run.setup.processes as usize);
    let Some(look) = looks.iter().next() else { return };
    let steps = look.judge_family(&Rule::default(), &family);
    for (result, step) in judged.into_iter().zip(steps) {
        result.finding = Some(step.finding());
    }
}

/// The run's own A/A comparison; none without a second copy.
#[must_use]
pub fn aa_spread(run: &Run) -> Option<AaSpread> {
    let index = Index::new(run);
    let cells: Vec<_> = (0..run.cells.len())
        .filter(|&cell| run.cells[cell].copy)
        .filter_map(|cell| {
            let Cell { batch, fill, cores, .. } = &run.cells[cell];
            let variant = run.name_of(&run.cells[cell]);
            let first = index.first(&variant, *batch, *fill, *cores)?;
            let ratio = ratio(run, cell, first)?;
            let (batch, cores) = (*batch, *cores);
            Some(AaCell { variant, batch, cores, ratio })
        })
        .collect();
    let off: Vec<_> =
        cells.iter().map(|c| (c.ratio.value - 1.0).abs()).collect();
    let worst = off.iter().copied().fold(0.0, f64::max);
    Some(AaSpread { worst, median: stats::median(&off)?, cells })
}

/// The core's frequency in GHz, the median of all rounds.
#[must_use]
pub fn core_ghz(run: &Run) -> Option<f64> {
    let rounds = run.processes.iter().flat_map(|process| &process.rounds);
    let ghz: Vec<_> = rounds.map(|round| round.chain_ghz).collect();
    stats::median(&ghz)
}

/// What the card's turns cost in lockstep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeviceShare {
    /// Batch size of the baseline that it is taken from.
    pub batch: u16,
    /// Ticks of the card's turns over ticks of the driver's, the median.
    pub ratio: f64,
}

/// What the card's turns cost against the baseline's, at the batch size
/// nearest to 32; none in threads.
#[must_use]
pub fn device_share(run: &Run) -> Option<DeviceShare> {
    let fill = run.setup.fill;
    let baseline = |(_, c): &(usize, &Cell)| {
        c.variant == BASELINE && c.fill == fill && !c.copy && !c.other
    };
    let cells = run.cells.iter().enumerate().filter(baseline);
    let (cell, Cell { batch, .. }) =
        cells.min_by_key(|(_, c)| c.batch.abs_diff(32))?;
    let ratio = |round: &Round| {
        let device = *round.device_ticks.as_ref()?.get(cell)?;
        let driver = round.ticks[cell];
        (driver > 0).then(|| device as f64 / driver as f64)
    };
    let rounds = run.processes.iter().flat_map(|process| &process.rounds);
    let ratios: Vec<_> = rounds.filter_map(ratio).collect();
    Some(DeviceShare { batch: *batch, ratio: stats::median(&ratios)? })
}

/// The results with one fill; those with another are no siblings of theirs.
#[must_use]
pub fn with_fill(results: &[CellResult], fill: Fill) -> Vec<CellResult> {
    results.iter().filter(|result| result.fill == fill).cloned().collect()
}

/// The results with so many forwarding cores.
#[must_use]
pub fn with_cores(
    results: &[CellResult],
    cores: Option<u16>,
) -> Vec<CellResult> {
    results.iter().filter(|result| result.cores == cores).cloned().collect()
}

/// The axis of a variant: what stands before the `=`, `baseline` for the
/// baseline, and `persona` for a name without an axis.
#[must_use]
pub fn axis(variant: &str) -> &str {
    match bare(variant).split_once('=') {
        Some((axis, _)) => axis,
        None if bare(variant) == BASELINE => BASELINE,
        None => "persona",
    }
}

/// The axes and their variants in the order of the results, the baseline
/// first.
#[must_use]
pub fn by_axis(results: &[CellResult]) -> Vec<(&str, Vec<&str>)> {
    let mut axes: Vec<(&str, Vec<&str>)> = Vec::new();
    for result in results {
        let name = axis(&result.variant);
        let place = axes.iter().position(|(axis, _)| *axis == name);
        let place = place.unwrap_or_else(|| {
            axes.push((name, Vec::new()));
            axes.len() - 1
        });
        if !axes[place].1.contains(&result.variant.as_str()) {
            axes[place].1.push(&result.variant);
        }
    }
    axes.sort_by_key(|(axis, _)| *axis != BASELINE);
    axes
}

/// What is to be said about a second name of a result, a sentence for each of
/// those that are `shown`.
#[must_use]
pub fn same_code(run: &Run, shown: impl Fn(&str) -> bool) -> Vec<String> {
    let all = run.same_code.iter().filter(|same| shown(&same.variant));
    all.map(|same| {
        format!(
            "≡: one machine code, measured once; {} has that of {}, for {}.",
            same.variant, same.as_in, same.because
        )
    })
    .collect()
}

/// Where in the run's lists the first copy of a cell stands.
struct Index(HashMap<(String, u16, Fill, Option<u16>), usize>);

impl Index {
    fn new(run: &Run) -> Self {
        let firsts = run.cells.iter().enumerate().filter(|(_, c)| !c.copy);
        let key = |c| (run.name_of(c), c.batch, c.fill, c.cores);
        Self(firsts.map(|(cell, c)| (key(c), cell)).collect())
    }

    fn first(
        &self,
        variant: &str,
        batch: u16,
        fill: Fill,
        cores: Option<u16>,
    ) -> Option<usize> {
        self.0.get(&(variant.to_owned(), batch, fill, cores)).copied()
    }
}

fn analyse_cell(
    run: &Run,
    index: &Index,
    cell: usize,
    reference: &Reference,
) -> Option<CellResult> {
    let Cell { batch, fill, cores, copy, .. } = &run.cells[cell];
    let variant = run.name_of(&run.cells[cell]);
    let ns_per_tick = 1e9 / run.machine.tick_hz;
    let ns = |round: &Round| Some(ticks(run, round, cell)? * ns_per_tick);
    let each = f64::from(cores.unwrap_or(1));
    let cycles = |round: &Round| Some(ns(round)? * round.chain_ghz * each);
    let per_process = per_process(run, ns);
    let ns = Estimate::yuen(&per_process, CONFIDENCE)?;
    let against = index
        .first(reference(&variant), *batch, *fill, *cores)
        .filter(|&against| against != cell);
    Some(CellResult {
        namesakes: run.namesakes(&variant),
        batch: *batch,
        fill: *fill,
        cores: *cores,
        copy: *copy,
        ns,
        cycles: Estimate::yuen(&self::per_process(run, cycles), CONFIDENCE)?,
        mpps: if bare(&variant) == FLOOR { None } else { rate(ns) },
        cost_ratio: against.and_then(|against| ratio(run, cell, against)),
        finding: None,
        hollow: model_bound(run, cell),
        processes: per_process.len(),
        variant,
    })
}

/// Packets per second from time per packet.
fn rate(ns: Estimate) -> Option<Estimate> {
    let positive = ns.interval.filter(|(low, _)| *low > 0.0);
    Estimate { interval: positive, ..ns }
        .map(|ns| if ns > 0.0 { 1e3 / ns } else { f64::NAN })
}

/// Cost of a cell against another: by process, the logarithm of the ratio
/// within each round, reduced to one number. Empty where either is the floor.
#[must_use]
pub fn log_ratios(run: &Run, cell: usize, against: usize) -> Vec<f64> {
    let all = ratios_by_process(run, cell, against).into_iter();
    all.map(|(_, value)| value).collect()
}

/// The same with the number of each process.
#[must_use]
pub fn ratios_by_process(
    run: &Run,
    cell: usize,
    against: usize,
) -> Vec<(u32, f64)> {
    let empty =
        [cell, against].iter().any(|&cell| run.cells[cell].variant == FLOOR);
    if empty {
        return Vec::new();
    }
    by_process(run, |round| {
        let (a, b) = (ticks(run, round, against)?, ticks(run, round, cell)?);
        (a > 0.0 && b > 0.0).then(|| (b / a).ln())
    })
}

/// By process, the logarithm of a cell's time per packet over that of a step
/// of the reference kernel in its own program.
#[must_use]
pub fn over_reference(run: &Run, cell: usize, other: bool) -> Vec<f64> {
    per_process(run, |round| {
        let [first, second] = round.reference_ticks?;
        let step = if other { second } else { first };
        let step = step as f64 / reference::STEPS as f64;
        let packet = ticks(run, round, cell)?;
        (step > 0.0 && packet > 0.0).then(|| (packet / step).ln())
    })
}

/// Nanoseconds per packet of a cell, the median over processes.
#[must_use]
pub fn ns_per_packet(run: &Run, cell: usize) -> Option<f64> {
    let values = per_process(run, |round| ticks(run, round, cell));
    Some(stats::median(&values)? / run.machine.tick_hz * 1e9)
}

/// Cost of a cell against another.
fn ratio(run: &Run, cell: usize, against: usize) -> Option<Estimate> {
    let logarithms = log_ratios(run, cell, against);
    Estimate::yuen(&logarithms, CONFIDENCE)?.map(f64::exp)
}

/// Ticks per packet of a cell in a round; none where no packet came back.
fn ticks(run: &Run, round: &Round, cell: usize) -> Option<f64> {
    let packets = match &round.forwarded {
        Some(forwarded) => *forwarded.get(cell)?,
        None => {
            let cell = run.cells.get(cell)?;
            let phases = run.setup.phases_of(cell, round.length);
            u64::from(phases) * u64::from(run.setup.packets_per_phase)
        }
    };
    let ticks = *round.ticks.get(cell)?;
    (packets > 0).then(|| ticks as f64 / packets as f64)
}

/// The value of each process that has one and was not set apart.
fn per_process(run: &Run, value: impl Fn(&Round) -> Option<f64>) -> Vec<f64> {
    by_process(run, value).into_iter().map(|(_, value)| value).collect()
}

/// The same with the number of each.
fn by_process(
    run: &Run,
    value: impl Fn(&Round) -> Option<f64>,
) -> Vec<(u32, f64)> {
    let apart = quarantined(run);
    let kept = run.processes.iter();
    let kept = kept.filter(|process| !apart.contains(&process.index));
    kept.filter_map(|process| {
        Some((process.index, process_value(run, process, &value)?))
    })
    .collect()
}

/// Mean over arenas of the median over rounds. A process cut short before it
/// reached every arena has none: what is left would favour some memory.
fn process_value(
    run: &Run,
    process: &Process,
    value: impl Fn(&Round) -> Option<f64>,
) -> Option<f64> {
    if process.rounds.is_empty() {
        return None;
    }
    let mut arenas: Vec<Vec<f64>> = vec![Vec::new(); arena_count(run)];
    for round in &process.rounds {
        let place = arenas.get_mut(round.arena as usize)?;
        place.extend(value(round).filter(|value| value.is_finite()));
    }
    let medians: Vec<_> =
        arenas.iter().filter_map(|values| stats::median(values)).collect();
    let reachable = arena_count(run).min(run.setup.rounds as usize);
    if medians.len() < reachable {
        return None;
    }
    stats::mean(&medians)
}

fn arena_count(run: &Run) -> usize {
    run.setup.arenas as usize
}

/// Whether the model's mean busy share leaves room for doubt; at a rate,
/// whether it kept to its schedule.
fn model_bound(run: &Run, cell: usize) -> bool {
    if run.setup.placement == Placement::Lockstep {
        return false;
    }
    if run.setup.rate.is_some() {
        return in_time(run, cell).is_some_and(|share| share < ON_SCHEDULE);
    }
    let busy = |round: &Round| round.model_busy.as_ref()?.get(cell).copied();
    let rounds = run.processes.iter().flat_map(|process| &process.rounds);
    let shares: Vec<_> = rounds.filter_map(busy).collect();
    stats::mean(&shares).is_some_and(|share| share > MODEL_BOUND)
}

/// The share of a cell's frames that came in time, the median over rounds;
/// none where they do not come at a rate, or nobody takes them.
fn in_time(run: &Run, cell: usize) -> Option<f64> {
    if run.cells[cell].variant == FLOOR {
        return None;
    }
    let share = |round: &Round| round.in_time.as_ref()?.get(cell).copied();
    let rounds = run.processes.iter().flat_map(|process| &process.rounds);
    let shares: Vec<_> = rounds.filter_map(share).collect();
    stats::median(&shares)
}

/// Cells whose frames came late.
#[derive(Clone, Debug, PartialEq)]
pub struct Late {
    /// How many they are.
    pub cells: usize,
    /// The one with the smallest share in time.
    pub worst: Cell,
    /// That share.
    pub share: f64,
}

/// The cells in which the tester was the bottleneck, if there are any.
#[must_use]
pub fn late(run: &Run) -> Option<Late> {
    let late: Vec<_> = (0..run.cells.len())
        .filter_map(|cell| Some((cell, in_time(run, cell)?)))
        .filter(|(_, share)| *share < ON_SCHEDULE)
        .collect();
    let (worst, share) = *late.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Late { cells: late.len(), worst: run.cells[worst].clone(), share })
}

/// What it means when frames come late, to follow a colon.
#[must_use]
pub fn lateness() -> String {
    format!(
        "less than {} % of the packets came in time, the tester was the \
         bottleneck",
        ON_SCHEDULE * 100.0
    )
}

/// What it means when a real card's rings are empty, to follow a colon.
#[must_use]
pub fn short_of_traffic() -> String {
    format!(
        "more than {:.0} % of the receive descriptors had no frame when a \
         block ended, whoever sends is the bottleneck",
        MODEL_BOUND * 100.0
    )
}

/// What is offered at a rate, in words; nothing where it is as much as the
/// rings take.
#[must_use]
pub fn offered(run: &Run) -> Option<String> {
    let (rate, offered) = (run.setup.rate?, run.setup.offered()?);
    let mpps = offered / 1e6;
    Some(match rate {
        Rate::Line => format!("line rate offered, {mpps:.2} Mpps"),
        _ => format!("{mpps} Mpps offered"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::example::{self, reference};
    use proptest::prelude::*;

    fn of<'a>(
        results: &'a [CellResult],
        variant: &str,
        batch: u16,
    ) -> &'a CellResult {
        results
            .iter()
            .find(|r| r.variant == variant && r.batch == batch && !r.copy)
            .unwrap()
    }

    fn inside(estimate: Estimate, value: f64) -> bool {
        let (low, high) = estimate.interval.unwrap();
        low <= value && value <= high
    }

    #[test]
    fn results_are_what_the_run_was_made_of() {
        let run = example::run(&["baseline", "reg=boxed"], &[1, 32]);
        let results = analyse(&run, &reference);
        assert_eq!(results.len(), run.cells.len());
        let boxed = of(&results, "reg=boxed", 32);
        let base = example::cost("baseline", 32);
        let ratio = example::cost("reg=boxed", 32) / base;
        assert!(inside(boxed.cost_ratio.unwrap(), ratio), "{boxed:?}");
        // Places cost 2 % on average, a tick is 0.4 ns or 1.6 cycles.
        let ns = example::cost("reg=boxed", 32) * 1.02 * 0.4;
        assert!((boxed.ns.value / ns - 1.0).abs() < 0.005, "{boxed:?}");
        assert!((boxed.cycles.value / ns / 4.0 - 1.0).abs() < 0.005);
        assert_eq!(boxed.processes, 8);
        assert!(!boxed.hollow);
    }

    #[test]
    fn rate_and_time_are_each_others_inverse() {
        let run = example::run(&["baseline"], &[8]);
        let result = &analyse(&run, &reference)[0];
        let (mpps, ns) = (result.mpps.unwrap(), result.ns);
        let (low, high) = ns.interval.unwrap();
        assert_eq!(mpps.value, 1e3 / ns.value);
        assert_eq!(mpps.interval, Some((1e3 / high, 1e3 / low)));
    }

    #[test]
    fn a_rate_has_no_interval_where_the_time_may_be_none() {
        let ns = Estimate { value: 2.0, interval: Some((-1.0, 5.0)) };
        assert_eq!(rate(ns), Some(Estimate { value: 500.0, interval: None }));
        assert_eq!(rate(Estimate { value: 0.0, interval: None }), None);
    }

    #[test]
    fn each_axis_is_compared_with_its_own_reference() {
        let run =
            example::run(&["baseline", "batch=arena", "walk=speculate"], &[16]);
        let results = analyse(&run, &reference);
        let want = example::cost("walk=speculate", 16)
            / example::cost("batch=arena", 16);
        let got = of(&results, "walk=speculate", 16).cost_ratio.unwrap();
        assert!(inside(got, want), "{got:?} misses {want}");
        assert_eq!(of(&results, "baseline", 16).cost_ratio, None);
        let copy = results.iter().find(|r| r.copy).unwrap();
        assert!((copy.cost_ratio.unwrap().value - 1.0).abs() < 0.01);
    }

    #[test]
    fn each_fill_is_compared_with_its_own() {
        let mut run = example::run(&["baseline", "status=branchy"], &[16]);
        example::add_random(&mut run, &["baseline", "status=branchy"]);
        let results = analyse(&run, &reference);
        let (full, random) = (
            with_fill(&results, Fill::Full),
            with_fill(&results, Fill::Random),
        );
        assert_eq!((full.len(), random.len()), (3, 2));
        for variant in ["baseline", "status=branchy"] {
            let (a, b) = (of(&full, variant, 16), of(&random, variant, 16));
            // As many ticks, for half the phases or one less.
            let ratio = b.ns.value / a.ns.value;
            assert!((2.0..2.26).contains(&ratio), "{ratio}");
            assert_eq!(a.cost_ratio.is_some(), b.cost_ratio.is_some());
            if let (Some(a), Some(b)) = (a.cost_ratio, b.cost_ratio) {
                assert!((a.value / b.value - 1.0).abs() < 1e-9);
            }
        }
        let spread = aa_spread(&run).unwrap();
        assert_eq!(spread.cells.len(), 1);
        assert!(spread.worst < 0.01, "{spread:?}");
    }

    #[test]
    fn each_number_of_cores_is_compared_with_its_own() {
        let run = example::over_cores(&["baseline", "reg=boxed"], &[16], 3);
        let results = analyse(&run, &reference);
        let on = |cores| with_cores(&results, Some(cores));
        let (one, three) = (on(1), on(3));
        assert_eq!((one.len(), three.len()), (3, 3));
        for variant in ["baseline", "reg=boxed"] {
            let (a, b) = (of(&one, variant, 16), of(&three, variant, 16));
            let speed = b.mpps.unwrap().value / a.mpps.unwrap().value;
            assert!((speed / 2.71 - 1.0).abs() < 1e-3, "{speed}");
            // Three cores work on a packet for a third of the time each.
            let cycles = b.cycles.value / a.cycles.value;
            assert!((cycles * 2.71 / 3.0 - 1.0).abs() < 1e-3, "{cycles}");
            if let (Some(a), Some(b)) = (a.cost_ratio, b.cost_ratio) {
                assert!((a.value / b.value - 1.0).abs() < 1e-9);
            }
        }
        assert_eq!(aa_spread(&run).unwrap().cells.len(), 3);
    }

    #[test]
    fn a_missing_reference_leaves_no_ratio() {
        let run = example::run(&["walk=speculate"], &[16]);
        assert_eq!(analyse(&run, &reference)[0].cost_ratio, None);
    }

    #[test]
    fn the_empty_forwarder_has_neither_rate_nor_ratio() {
        let run = example::run(&["baseline", FLOOR], &[4]);
        let results = analyse(&run, &reference);
        let floor = of(&results, FLOOR, 4);
        assert_eq!((floor.mpps, floor.cost_ratio), (None, None));
        assert_eq!(floor.ns.value, 0.0);
        let against_floor = analyse(&run, &|_| FLOOR);
        assert_eq!(of(&against_floor, "baseline", 4).cost_ratio, None);
    }

    #[test]
    fn a_process_cut_short_counts_only_when_it_saw_every_arena() {
        let mut run = example::run(&["baseline", "reg=boxed"], &[4]);
        run.processes[0].rounds.truncate(3);
        run.processes[1].rounds.truncate(4);
        run.processes[2].rounds.clear();
        assert_eq!(analyse(&run, &reference)[0].processes, 6);
    }

    #[test]
    fn a_run_with_fewer_rounds_than_arenas_still_counts() {
        let mut run = example::run(&["baseline"], &[4]);
        run.setup.rounds = 2;
        for process in &mut run.processes {
            process.rounds.truncate(2);
        }
        assert_eq!(analyse(&run, &reference)[0].processes, 8);
    }

    #[test]
    fn a_run_without_processes_has_no_results() {
        let mut run = example::run(&["baseline"], &[4]);
        run.processes.clear();
        assert_eq!(analyse(&run, &reference), []);
        assert_eq!(aa_spread(&run), None);
    }

    #[test]
    fn threaded_cells_count_what_came_back_and_show_a_busy_model() {
        let mut run = example::run(&["baseline", "reg=boxed"], &[4]);
        run.setup.placement = Placement::Threaded;
        for round in run.processes.iter_mut().flat_map(|p| &mut p.rounds) {
            round.ticks = vec![1000, 1000, 1000];
            round.forwarded = Some(vec![100, 100, 50]);
            round.model_busy = Some(vec![0.9, 0.8, 0.1]);
        }
        let results = analyse(&run, &reference);
        assert_eq!(of(&results, "baseline", 4).ns.value, 4.0);
        let ratio = of(&results, "reg=boxed", 4).cost_ratio.unwrap().value;
        assert!((ratio - 2.0).abs() < 1e-12);
        let hollow: Vec<_> = results.iter().map(|r| r.hollow).collect();
        assert_eq!(hollow, [true, false, false]);
    }

    #[test]
    fn frames_that_come_late_make_points_hollow_at_a_rate() {
        let mut run = example::run(&["baseline", "reg=boxed"], &[4]);
        run.setup.placement = Placement::Threaded;
        run.setup.rate = Some(Rate::Line);
        let rounds = run.processes.iter_mut().flat_map(|p| &mut p.rounds);
        for (round, n) in rounds.zip(0..) {
            round.forwarded = Some(vec![1000; 3]);
            round.model_busy = Some(vec![1.0; 3]);
            // One late block among many is no bottleneck.
            let first = if n % 8 == 0 { 0.5 } else { 1.0 };
            round.in_time = Some(vec![first, 0.9989, 0.2]);
        }
        let results = analyse(&run, &reference);
        let hollow: Vec<_> = results.iter().map(|r| r.hollow).collect();
        assert_eq!(hollow, [false, true, true]);
        let late = super::late(&run).expect("late cells");
        assert_eq!((late.cells, late.share), (2, 0.2));
        assert_eq!(late.worst, run.cells[2]);
        let words = offered(&run).expect("a rate");
        assert_eq!(words, "line rate offered, 29.76 Mpps");
        run.cells[2].variant = FLOOR.to_owned();
        assert_eq!(super::late(&run).map(|late| late.cells), Some(1));
        run.setup.rate = Some(Rate::PerSecond(2e7));
        assert_eq!(offered(&run).as_deref(), Some("20 Mpps offered"));
        run.setup.rate = None;
        assert_eq!(offered(&run), None);
    }

    #[test]
    fn rounds_without_a_packet_are_left_out() {
        let mut run = example::run(&["baseline"], &[4]);
        for round in run.processes.iter_mut().flat_map(|p| &mut p.rounds) {
            round.ticks = vec![1000, 1000];
            round.forwarded = Some(vec![100, 0]);
        }
        assert_eq!(analyse(&run, &reference).len(), 1);
        assert_eq!(aa_spread(&run), None);
    }

    #[test]
    fn a_copy_is_close_to_its_original() {
        let run = example::fourteen();
        let spread = aa_spread(&run).unwrap();
        assert_eq!(spread.cells.len(), example::BATCHES.len());
        assert!(spread.median <= spread.worst && spread.worst < 0.005);
        assert!(spread.cells.iter().all(|c| c.variant == BASELINE));
    }

    #[test]
    fn axes_come_in_order_with_the_baseline_first() {
        let run = example::run(
            &["reg=boxed", "fastest", "baseline", "batch=vec", "reg=bytes"],
            &[1, 2],
        );
        let results = analyse(&run, &reference);
        assert_eq!(
            by_axis(&results),
            [
                ("baseline", vec!["baseline"]),
                ("reg", vec!["reg=boxed", "reg=bytes"]),
                ("persona", vec!["fastest"]),
                ("batch", vec!["batch=vec"]),
            ]
        );
    }

    /// A run in which every tick is as given.
    fn synthetic(ticks: &[Vec<u64>]) -> Run {
        let mut run = example::run(&["baseline", "reg=boxed"], &[8]);
        let rounds = run.processes.iter_mut().flat_map(|p| &mut p.rounds);
        for (round, ticks) in rounds.zip(ticks.iter().cycle()) {
            round.ticks.clone_from(ticks);
        }
        run
    }

    fn ticks_of_cells() -> impl Strategy<Value = Vec<Vec<u64>>> {
        let round = prop::collection::vec(0..1_000_000u64, 3);
        prop::collection::vec(round, 1..140)
    }

    fn finite(estimate: Option<Estimate>) -> bool {
        estimate.is_none_or(|e| {
            e.value.is_finite()
                && e.interval.is_none_or(|(low, high)| {
                    low.is_finite() && high.is_finite() && low <= high
                })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_number_is_finite(ticks in ticks_of_cells()) {
            let run = synthetic(&ticks);
            for r in analyse(&run, &reference) {
                prop_assert!(finite(Some(r.ns)) && finite(Some(r.cycles)));
                prop_assert!(finite(r.mpps) && finite(r.cost_ratio));
            }
            if let Some(spread) = aa_spread(&run) {
                prop_assert!(spread.median <= spread.worst);
                prop_assert!(spread.worst.is_finite());
            }
        }

        #[test]
        fn the_order_of_rounds_and_processes_does_not_matter(
            seed in any::<u64>(),
        ) {
            let run = example::run(&["baseline", "reg=boxed"], &[8]);
            let mut shuffled = run.clone();
            let mut order = fastrand::Rng::with_seed(seed);
            order.shuffle(&mut shuffled.processes);
            for process in &mut shuffled.processes {
                order.shuffle(&mut process.rounds);
            }
            prop_assert_eq!(
                analyse(&run, &reference),
                analyse(&shuffled, &reference)
            );
        }

        #[test]
        fn a_slower_clock_scales_times_and_leaves_ratios(
            factor in 2..9u64,
        ) {
            let run = example::run(&["baseline", "reg=boxed"], &[8]);
            let mut slower = run.clone();
            let rounds =
                slower.processes.iter_mut().flat_map(|p| &mut p.rounds);
            for ticks in rounds.flat_map(|r| &mut r.ticks) {
                *ticks *= factor;
            }
            let results = analyse(&run, &reference);
            let scaled = analyse(&slower, &reference);
            for (a, b) in results.iter().zip(&scaled) {
                let ratio = b.ns.value / a.ns.value / factor as f64;
                prop_assert!((ratio - 1.0).abs() < 1e-9);
                if let (Some(a), Some(b)) = (a.cost_ratio, b.cost_ratio) {
                    prop_assert!((a.value / b.value - 1.0).abs() < 1e-9);
                }
            }
        }

        #[test]
        fn a_ratio_is_the_inverse_of_its_counterpart(
            ticks in prop::collection::vec(
                prop::collection::vec(1_000..1_000_000u64, 3), 1..140),
        ) {
            let run = synthetic(&ticks);
            let forth = ratio(&run, 2, 0).unwrap();
            let back = ratio(&run, 0, 2).unwrap();
            prop_assert!((forth.value * back.value - 1.0).abs() < 1e-9);
        }
    }
}
