//! From what was asked for to a list of cells and a set-up.

use std::collections::BTreeSet;

use driver::rss;
use driver::tx::CLEAN_GROUP;
use nic_model::frame::{FCS_BYTES, MAX_TYPES, SIZES};
use variants::registry::{self, AXES, BASELINE, FLOOR, Variant};
use variants::workload::PORTS;

use crate::affinity::{self, Several};
use crate::analysis::axis;
use crate::cli::{CoresArgs, LoadArgs, MeasureArgs, OfferArgs, PlacementArg};
use crate::failure::Failure;
use crate::load::{SizesArg, Time};
use crate::measure::{self, WARM_UP};
use crate::quality;
use crate::results::{
    Cell, Fill, ONE_TYPE, Placement, Ports, Run, SameCode, Setup, Trace,
    Workload,
};

/// Most phases, rounds and processes.
pub const MOST: u32 = 10_000;

/// Most cycles of a modelled doorbell; far more than any card takes.
const MOST_DOORBELL_CYCLES: u32 = 100_000;

/// Packet types of a run that looks at them and is not told how many.
pub const TYPES: u8 = MAX_TYPES;

/// Fewest phases of a block.
pub const LEAST_PHASES: u32 = 8;

/// Most seconds that the frames of a shortest block may take to come, those
/// before its first stamp among them.
const LONGEST_BLOCK: f64 = 1.0;

/// Arenas per process.
pub const ARENAS: u32 = 4;

/// The row that shows what the harness costs.
pub const NULL: &str = "floor=null";

/// The axis whose answers depend on how full rings are; a sweep measures it
/// with both fills.
const BOTH_FILLS: &str = "status";

/// How often everything is measured, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Fresh processes.
    pub processes: u32,
    /// Rounds per process.
    pub rounds: u32,
    /// Driver time of a block of the baseline, in seconds.
    pub block: f64,
    /// Longest driver time of a block of the dearest contender, in seconds;
    /// as long as it takes where absent.
    pub longest: Option<f64>,
}

/// Driver time of a block in lockstep: some hundred cells are a round.
const LOCKSTEP_BLOCK: f64 = 150e-6;

/// The same where two cells are a round: short, for the blocks of a round are
/// then close together, and what disturbs one disturbs the other.
const PAIR_BLOCK: f64 = 50e-6;

/// What a dear contender may take of it.
const LONGEST_PAIR_BLOCK: f64 = 150e-6;

/// Driver time of a block in threads; long against the hand-over at its ends.
const THREADED_BLOCK: f64 = 500e-6;

/// The same on a real card; long against the switching of its queues.
const CARD_BLOCK: f64 = 5e-3;

impl Effort {
    /// The effort for many cells. Threaded blocks are longer and noisier,
    /// and take more time to set up.
    pub fn of_sweep(placement: Placement, quick: bool) -> Self {
        let rounds = match (placement, quick) {
            (Placement::Lockstep, false) => 120,
            (Placement::Lockstep, true) => 16,
            (_, false) => 24,
            (_, true) => 4,
        };
        let processes = match (placement, quick) {
            (Placement::Lockstep, _) | (_, false) => 8,
            (_, true) => 4,
        };
        let block = match placement {
            Placement::Lockstep => LOCKSTEP_BLOCK,
            Placement::Threaded | Placement::External => THREADED_BLOCK,
            Placement::Card => CARD_BLOCK,
        };
        Self { processes, rounds, block, longest: None }
    }

    /// The effort for two cells, or a few.
    pub fn of_pair(placement: Placement) -> Self {
        let sweep = Self::of_sweep(placement, false);
        match placement {
            Placement::Lockstep => Self {
                rounds: 160,
                block: PAIR_BLOCK,
                longest: Some(LONGEST_PAIR_BLOCK),
                ..sweep
            },
            Placement::Threaded | Placement::External | Placement::Card => {
                sweep
            }
        }
    }
}

/// The set-up of a run under a load, on the forwarder's core and the model's.
///
/// # Errors
///
/// When there is no such core, or no second one for threads.
pub fn under_load(
    placement: Placement,
    [core, model_core]: [Option<u32>; 2],
    seed: Option<u64>,
    frame: SizesArg,
) -> Result<Setup, Failure> {
    let measure = MeasureArgs {
        placement: match placement {
            Placement::Lockstep => PlacementArg::Lockstep,
            Placement::Threaded | Placement::External | Placement::Card => {
                PlacementArg::Threaded
            }
        },
        fill: None,
        seed,
        core,
        model_core,
        processes: None,
        rounds: None,
        ring: 512,
        buffer: 2048,
        frame: frame.largest(),
        workload: None,
        types: None,
        trace: None,
        doorbell_cycles: 0,
    };
    let setup = self::setup(&measure, Effort::of_pair(placement))?;
    Ok(Setup { types: TYPES, placement, ..setup })
}

/// The same for a command that has both kinds of time. On one core there is
/// virtual time alone.
///
/// # Errors
///
/// When there is no such core, or no second one for the wall clock.
pub fn in_time(
    load: &LoadArgs,
    model_core: Option<u32>,
    frame: SizesArg,
) -> Result<Setup, Failure> {
    let time = load.time();
    let placement = match time {
        Time::Virtual => Placement::Lockstep,
        Time::Wall => Placement::Threaded,
    };
    let setup =
        under_load(placement, [load.core, model_core], load.seed, frame);
    let is_alone = affinity::allowed_cores().len() < 2;
    match setup {
        Err(_) if time == Time::Wall && is_alone => Err(Failure::error(
            "one core: the wall clock needs a second one, for the card; \
             --virtual works on one",
        )),
        setup => setup,
    }
}

/// Every variant that a sweep of everything measures.
pub fn everything() -> Vec<Variant> {
    registry::variants()
}

/// The variants of some axes or those of some names; without either all of
/// them.
pub fn chosen(
    axes: &[String],
    names: &[String],
) -> Result<Vec<Variant>, Failure> {
    match (axes, names) {
        ([], []) => Ok(everything()),
        (axes, []) => of_axes(axes),
        ([], names) => named(names),
        _ => Err(Failure::error(
            "--axis and --variants: choose by one of the two",
        )),
    }
}

/// Which variants of some axes, or of all when there are none, this program
/// lacks, and how it would have them.
pub fn missing(axes: &[String]) -> Option<String> {
    let (names, why) = registry::missing()?;
    let wanted = |name: &&str| {
        let axis = name.split('=').next().unwrap_or_default();
        axes.is_empty() || axes.iter().any(|wanted| wanted == axis)
    };
    let names: Vec<_> = names.iter().copied().filter(wanted).collect();
    (!names.is_empty()).then(|| lacks(&names.join(" and "), why))
}

fn lacks(names: &str, why: &str) -> String {
    format!(
        "without {names} ({why}): install a C compiler such as gcc or clang, \
         or name one in CC, and build again"
    )
}

/// The variants of some axes, by name.
pub fn of_axes(names: &[String]) -> Result<Vec<Variant>, Failure> {
    let mut chosen = Vec::new();
    for name in names {
        let known = AXES.iter().map(|axis| axis.name).chain([FLOOR]);
        if !known.clone().any(|axis| axis == name) {
            let near = nearest(name, known);
            return Err(Failure::error(format!(
                "unknown axis {name:?}; nearest is {near}; `bench-runner \
                 list` shows all"
            )));
        }
        let all = registry::variants().into_iter();
        chosen.extend(all.filter(|variant| variant.axis() == name));
    }
    Ok(with_references(&chosen))
}

/// Variants by name.
pub fn named(names: &[String]) -> Result<Vec<Variant>, Failure> {
    let chosen = names.iter().map(|name| find(name));
    Ok(with_references(&chosen.collect::<Result<Vec<_>, _>>()?))
}

/// Variants by name, each once, of which each forwards packets.
pub fn forwarders(names: &[String]) -> Result<Vec<Variant>, Failure> {
    let mut chosen: Vec<Variant> = Vec::new();
    for name in names {
        let variant = find(name)?;
        if !variant.forwards {
            return Err(Failure::error(format!(
                "{name} forwards nothing: choose another variant"
            )));
        }
        if chosen.iter().all(|known| known.name() != variant.name()) {
            chosen.push(variant);
        }
    }
    Ok(chosen)
}

/// The variant that goes by a name, `reg=unboxed` being the baseline.
pub fn find(name: &str) -> Result<Variant, Failure> {
    let all = registry::variants();
    let canonical = registry::canonical(name);
    let is = |v: &&Variant| canonical.as_ref() == Some(&v.name());
    all.iter().find(is).copied().ok_or_else(|| {
        if let Some((names, why)) = registry::missing()
            && names.contains(&name)
        {
            let line = lacks(name, why);
            return Failure::environment(format!("this program is {line}"));
        }
        let answers = AXES.iter().flat_map(|axis| {
            let join =
                |a: &registry::Answer| format!("{}={}", axis.name, a.name);
            axis.answers.iter().map(join)
        });
        let names: Vec<_> =
            answers.chain(all.iter().map(Variant::name)).collect();
        let near = nearest(name, names.iter().map(String::as_str));
        Failure::error(format!(
            "unknown variant {name:?}; nearest is {near}; `bench-runner \
             list` shows all"
        ))
    })
}

/// Adds what the chosen ones are compared with, and the floor of the harness;
/// in the registry's order, each once.
fn with_references(chosen: &[Variant]) -> Vec<Variant> {
    let wanted = |candidate: &Variant| {
        let name = candidate.name();
        let is_chosen = chosen.iter().any(|v| v.name() == name);
        let is_reference = chosen.iter().any(|v| v.reference == name);
        is_chosen || is_reference || name == BASELINE || name == NULL
    };
    registry::variants().into_iter().filter(wanted).collect()
}

/// What is measured of some variants: each machine code once.
#[derive(Debug)]
pub struct Contenders {
    /// Those with cells.
    pub variants: Vec<Variant>,
    /// Those that are measured under the name of one of them.
    pub same_code: Vec<SameCode>,
    /// What a reader has to know of those that were to be.
    pub warnings: Vec<String>,
}

impl Contenders {
    /// Leaves out those of which it is declared that the compiler erased
    /// their difference from another, in whose place they are measured. `is_so`
    /// says whether it did in this program: if not, both are measured.
    pub fn of(
        chosen: &[Variant],
        declared: &[registry::SameCode],
        is_so: impl Fn(&Variant, &Variant) -> bool,
    ) -> Result<Self, Failure> {
        let (mut kept, mut same_code) = (Vec::new(), Vec::new());
        let mut warnings = Vec::new();
        for variant in chosen {
            let name = variant.name();
            let Some(pair) = registry::erased(declared, &name) else {
                kept.push(*variant);
                continue;
            };
            let other = find(pair.as_in)?;
            if is_so(variant, &other) {
                kept.push(other);
                same_code.push(SameCode {
                    variant: name,
                    as_in: other.name(),
                    because: pair.because.reason().to_owned(),
                });
            } else {
                kept.push(*variant);
                warnings.push(format!(
                    "{name} is measured by itself: this program is not known \
                     to have one machine code for it and {}, as the release \
                     build on x86-64 has",
                    pair.as_in
                ));
            }
        }
        let variants = with_references(&kept);
        Ok(Self { variants, same_code, warnings })
    }

    /// What is to be said to somebody who asked for `names`, a line each.
    pub fn answers(&self, names: &[String]) -> Vec<String> {
        let asked =
            self.same_code.iter().filter(|s| names.contains(&s.variant));
        asked
            .map(|SameCode { variant, as_in, because }| {
                format!(
                    "{variant} has the machine code of {as_in}, for \
                     {because}: {as_in} is measured for both"
                )
            })
            .collect()
    }
}

/// The name most like another.
pub(crate) fn nearest<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> String {
    let distance = |known: &str| {
        let answer = known.split_once('=').map_or(known, |(_, a)| a);
        strsim::damerau_levenshtein(name, known)
            .min(strsim::damerau_levenshtein(name, answer))
    };
    known.min_by_key(|known| distance(known)).unwrap_or_default().to_owned()
}

/// Batch sizes that fit a ring, sorted, each once.
pub fn batches(batches: &[u32], ring: u16) -> Result<Vec<u16>, Failure> {
    let sized = |&batch: &u32| match u16::try_from(batch) {
        Ok(batch) if (1..=ring).contains(&batch) => Ok(batch),
        _ => Err(Failure::error(format!(
            "batch size {batch}: must be from 1 to the {ring} descriptors of \
             a ring"
        ))),
    };
    let mut sorted =
        batches.iter().map(sized).collect::<Result<Vec<u16>, _>>()?;
    sorted.sort_unstable();
    sorted.dedup();
    Ok(sorted)
}

/// Batch sizes that the ports' rings always have room for, likewise.
pub fn sendable(sizes: &[u32], ring: u16) -> Result<Vec<u16>, Failure> {
    let most = packets_per_phase(ring) / PORTS as u32;
    if let Some(batch) = sizes.iter().find(|b| !(1..=most).contains(*b)) {
        return Err(Failure::error(format!(
            "batch size {batch}: must be from 1 to {most}, for which a \
             transmit ring of {ring} always has room"
        )));
    }
    batches(sizes, ring)
}

/// Those of the chosen variants that are compiled for `workload`, and a line
/// about the others; all of them where none is asked for.
pub fn able(
    chosen: Vec<Variant>,
    workload: Option<Workload>,
) -> Result<(Vec<Variant>, Option<String>), Failure> {
    let Some(workload) = workload else {
        return Ok((chosen, None));
    };
    let (able, others): (Vec<_>, Vec<_>) =
        chosen.into_iter().partition(|v| v.on(workload.into()).is_some());
    if others.is_empty() {
        return Ok((able, None));
    }
    let names: Vec<_> = others.iter().map(Variant::name).collect();
    let names = names.join(", ");
    let accompanies = |v: &Variant| [BASELINE, NULL].contains(&&*v.name());
    if able.iter().all(accompanies) {
        return Err(Failure::error(format!(
            "--workload {workload}: {names} cannot run it; choose others, or \
             leave out --workload"
        )));
    }
    let line =
        format!("workload {workload}: without {names}, which cannot run it");
    Ok((able, Some(line)))
}

/// Notes the packet types of a run with `cells`, which only one workload
/// looks at.
pub fn classify(
    setup: &mut Setup,
    cells: &[Cell],
    args: &MeasureArgs,
) -> Result<(), Failure> {
    if cells.iter().any(|cell| cell.workload == Workload::Classify) {
        setup.types = args.types.unwrap_or(TYPES);
        setup.trace = args.trace.unwrap_or_default();
        if !(2..=MAX_TYPES).contains(&setup.types) {
            return Err(Failure::error(format!(
                "--types {}: must be from 2 to {MAX_TYPES}",
                setup.types
            )));
        }
        return Ok(());
    }
    let types = args.types.map(|_| "--types");
    match types.or(args.trace.map(|_| "--trace")) {
        None => Ok(()),
        Some(option) => Err(Failure::error(format!(
            "{option}: none of the chosen variants looks at packet types; add \
             --axis dispatch or --workload classify"
        ))),
    }
}

/// A cell for every variant and batch size, and the baseline a second time;
/// each on `workload`, or else on its own.
pub fn cells(
    variants: &[Variant],
    batches: &[u32],
    ring: u16,
    fill: Fill,
    asked: Option<Workload>,
) -> Result<Vec<Cell>, Failure> {
    let sorted = self::batches(batches, ring)?;
    let mut cells = Vec::new();
    for variant in variants {
        for &batch in &sorted {
            let own = || variant.workload().into();
            let workload = asked.unwrap_or_else(own);
            let variant = variant.name();
            cells.push(Cell {
                variant,
                batch,
                fill,
                workload,
                cores: None,
                copy: false,
                other: false,
            });
        }
    }
    for &batch in &sorted {
        let variant = BASELINE.to_owned();
        let workload = asked.unwrap_or_default();
        cells.push(Cell {
            variant,
            batch,
            fill,
            workload,
            cores: None,
            copy: true,
            other: false,
        });
    }
    Ok(cells)
}

/// What a sweep of full rings measures with random fill as well: those of its
/// variants to which that makes a difference, if any, and what they are
/// compared with.
pub fn also_at_random(contenders: &Contenders, cells: &[Cell]) -> Vec<Cell> {
    let Contenders { variants, same_code, .. } = contenders;
    let in_its_place = |v: &Variant| {
        let theirs = same_code.iter().filter(|same| same.as_in == v.name());
        theirs.map(|same| axis(&same.variant)).any(|axis| axis == BOTH_FILLS)
    };
    let is_concerned = |v: &&Variant| v.axis() == BOTH_FILLS || in_its_place(v);
    let concerned = variants.iter().filter(is_concerned);
    let concerned: Vec<_> = concerned.copied().collect();
    if concerned.is_empty() {
        return Vec::new();
    }
    let wanted = with_references(&concerned);
    let is_wanted = |cell: &&Cell| {
        !cell.copy && wanted.iter().any(|v| v.name() == cell.variant)
    };
    let again = cells.iter().filter(is_wanted).cloned();
    again.map(|cell| Cell { fill: Fill::Random, ..cell }).collect()
}

/// Everything about a run but its block length, which is measured.
pub fn setup(args: &MeasureArgs, effort: Effort) -> Result<Setup, Failure> {
    let placement = Placement::from(args.placement);
    let fill = args.fill.map(Fill::from).unwrap_or_default();
    if placement == Placement::Threaded && fill == Fill::Random {
        return Err(Failure::error(
            "--fill random: only in lockstep, for in threads the card decides \
             how full rings are; leave out --placement threaded or --fill",
        ));
    }
    let workload = args.workload.unwrap_or_default();
    if workload == Workload::Tx && fill == Fill::Random {
        return Err(Failure::error(
            "--fill random: the workload tx receives nothing; leave out \
             --fill or choose another --workload",
        ));
    }
    if !SIZES.contains(&args.frame) {
        return Err(Failure::error(format!(
            "frame size {}: must be from {} to {} bytes",
            args.frame,
            SIZES.start(),
            SIZES.end()
        )));
    }
    if args.frame - FCS_BYTES > args.buffer {
        return Err(Failure::error(format!(
            "frames of {} bytes do not fit into buffers of {} bytes: choose \
             a larger --buffer",
            args.frame, args.buffer
        )));
    }
    let processes = args.processes.unwrap_or(effort.processes);
    let rounds = args.rounds.unwrap_or(effort.rounds);
    for (what, n) in [("--processes", processes), ("--rounds", rounds)] {
        if !(1..=MOST).contains(&n) {
            return Err(Failure::error(format!(
                "{what} {n}: must be from 1 to {MOST}"
            )));
        }
    }
    if args.doorbell_cycles > MOST_DOORBELL_CYCLES {
        return Err(Failure::error(format!(
            "--doorbell-cycles {}: must be from 0 to {MOST_DOORBELL_CYCLES}",
            args.doorbell_cycles
        )));
    }
    let (core, model_core) =
        affinity::choose(placement, args.core, args.model_core).map_err(
            |error| match error {
                affinity::Error::OneCore { .. } => Failure::environment(error),
                error => Failure::error(error),
            },
        )?;
    let setup = Setup {
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..) >> 11),
        workload,
        types: ONE_TYPE,
        trace: Trace::Generated,
        placement,
        frame_bytes: args.frame,
        ring_entries: args.ring,
        buffer_bytes: args.buffer,
        fill,
        doorbell_cycles: args.doorbell_cycles,
        packets_per_phase: packets_per_phase(args.ring),
        injected_every: None,
        phases: 1,
        rounds,
        processes,
        arenas: ARENAS,
        core,
        cores: Vec::new(),
        queues: None,
        split: false,
        rate: None,
        ports: None,
        model_core,
    };
    measure::config(&setup).check().map_err(Failure::error)?;
    Ok(setup)
}

/// Takes the rate at which frames come.
///
/// # Errors
///
/// When nothing could come at a rate, or a block would take too long.
pub fn take_rate(setup: &mut Setup, args: &OfferArgs) -> Result<(), Failure> {
    let Some(rate) = args.rate.and_then(|pace| pace.0) else { return Ok(()) };
    if setup.placement == Placement::Lockstep {
        return Err(Failure::error(
            "--rate: only in threads, for in lockstep the card waits for the \
             driver; add --placement threaded or leave out --rate",
        ));
    }
    if setup.workload == Workload::Tx {
        return Err(Failure::error(
            "--rate: the workload tx receives nothing; leave out --rate or \
             choose another --workload",
        ));
    }
    setup.rate = Some(rate);
    let phases = LEAST_PHASES + WARM_UP as u32;
    let seconds = seconds(setup, phases).unwrap_or(0.0);
    if seconds > LONGEST_BLOCK {
        let packets = f64::from(phases * setup.packets_per_phase);
        let least = packets * shares(setup) / LONGEST_BLOCK;
        return Err(Failure::error(format!(
            "--rate {rate}: a block would take {seconds:.1} s, at most \
             {LONGEST_BLOCK} s are possible: take {} packets/s or more",
            least.ceil()
        )));
    }
    Ok(())
}

/// The set-up of a run on a real card. A generator of ours has a core of its
/// own.
///
/// # Errors
///
/// When there is no such core, or no second one for a generator.
pub fn on_card(
    args: &MeasureArgs,
    effort: Effort,
    ports: Ports,
) -> Result<Setup, Failure> {
    let placement = match ports.generator {
        None => PlacementArg::Lockstep,
        Some(_) => PlacementArg::Threaded,
    };
    let setup =
        self::setup(&MeasureArgs { placement, ..args.clone() }, effort)?;
    Ok(Setup { placement: Placement::Card, ports: Some(ports), ..setup })
}

/// Cores over which what is offered is spread: a block ends when the first
/// has had its packets.
fn shares(setup: &Setup) -> f64 {
    match (setup.split, setup.cores.len()) {
        (true, _) | (false, 0) => 1.0,
        (false, cores) => cores as f64,
    }
}

/// Seconds until a forwarder has had so many phases' packets at the set-up's
/// rate; none where there is no rate.
fn seconds(setup: &Setup, phases: u32) -> Option<f64> {
    let packets = f64::from(phases) * f64::from(setup.packets_per_phase);
    Some(packets * shares(setup) / setup.offered()?)
}

/// Phases of a block that lasts `block` seconds, where as many frames as the
/// rings take need `phases` for that: fewer, where fewer frames are offered.
pub fn phases_offered(setup: &Setup, phases: u32, block: f64) -> u32 {
    match seconds(setup, 1) {
        None => phases,
        Some(one) => {
            let offered = (block / one).round() as u32;
            phases.min(offered.max(LEAST_PHASES))
        }
    }
}

/// Takes the cores of several forwarders; says why there are fewer than were
/// asked for, and what cannot run on them.
pub fn take_cores(
    setup: &mut Setup,
    args: &CoresArgs,
    model_core: Option<u32>,
) -> Result<Option<String>, Failure> {
    let most = usize::from(rss::QUEUES);
    let asked = &args.cores;
    if !args.are_several() {
        return Ok(None);
    }
    let option = if args.split { "--split" } else { "--cores" };
    if setup.placement == Placement::Lockstep {
        return Err(Failure::error(format!(
            "{option}: only in threads, for in lockstep card and driver take \
             turns on one core; add --placement threaded or leave out {option}"
        )));
    }
    if setup.workload != Workload::Forward {
        return Err(Failure::error(format!(
            "{option}: only the workload forward is spread over cores; leave \
             out --workload {} or {option}",
            setup.workload
        )));
    }
    if args.split {
        split(setup, asked, model_core)?;
        return Ok(None);
    }
    if asked.len() > most {
        return Err(Failure::error(format!(
            "--cores: {} of them, the card spreads flows over at most {most} \
             queues",
            asked.len()
        )));
    }
    if let Some(queues) = args.queues
        && !(asked.len()..=most).contains(&queues.into())
    {
        return Err(Failure::error(format!(
            "--queues {queues}: must be from {}, as many as --cores, to {most}",
            asked.len()
        )));
    }
    let Several { cores, model_core, note } = affinity::choose_several(
        asked, model_core,
    )
    .map_err(|error| match error {
        affinity::Error::OneCore { .. } => Failure::environment(error),
        error => Failure::error(error),
    })?;
    setup.core = cores[0];
    setup.cores = cores;
    setup.model_core = model_core;
    setup.queues = args.queues;
    Ok(note)
}

/// Takes a core that receives and one that sends.
fn split(
    setup: &mut Setup,
    asked: &[u32],
    model_core: Option<u32>,
) -> Result<(), Failure> {
    let allowed = affinity::allowed_cores();
    if allowed.len() < 3 {
        return Err(Failure::environment(format!(
            "--split needs three cores, one each for the card, to receive and \
             to send, and this process may use {}: leave out --split",
            affinity::core_list(&allowed)
        )));
    }
    let mut any = allowed.iter().rev().copied();
    let asked: Vec<u32> = match asked {
        [] => any.by_ref().filter(|c| Some(*c) != model_core).take(2).collect(),
        [_, _] => asked.to_vec(),
        other => {
            return Err(Failure::error(format!(
                "--split: --cores names {} of them; it takes two, one that \
                 receives and one that sends",
                other.len()
            )));
        }
    };
    let Several { cores, model_core, .. } =
        affinity::choose_several(&asked, model_core).map_err(Failure::error)?;
    setup.core = cores[0];
    setup.cores = cores;
    setup.model_core = model_core;
    setup.split = true;
    Ok(())
}

/// Those of the variants whose packets one core can hand to another, and a
/// line about the others; all of them unless `split` is asked for.
pub fn splittable(
    variants: Vec<Variant>,
    split: bool,
) -> Result<(Vec<Variant>, Option<String>), Failure> {
    let is_able = |v: &Variant| {
        let forward = v.on(Workload::Forward.into());
        v.name() == NULL || forward.is_some_and(|case| case.split.is_some())
    };
    let (able, others): (Vec<_>, Vec<_>) =
        variants.into_iter().partition(|v| !split || is_able(v));
    if others.is_empty() {
        return Ok((able, None));
    }
    let names: Vec<_> = others.iter().map(Variant::name).collect();
    let names = names.join(", ");
    let accompanies = |v: &Variant| [BASELINE, NULL].contains(&&*v.name());
    if able.iter().all(accompanies) {
        return Err(Failure::error(format!(
            "--split: {names} cannot be split, for it takes packets that are \
             numbers on a free list; choose others or leave out --split"
        )));
    }
    Ok((able, Some(format!("--split: without {names}, not to be split"))))
}

/// The workload that is asked for, by name or by cores.
pub fn asked(measure: &MeasureArgs, cores: &CoresArgs) -> Option<Workload> {
    let forward = cores.are_several().then_some(Workload::Forward);
    measure.workload.or(forward)
}

/// The cells on each of these numbers of cores, without the floors: they know
/// one queue. A line about those that were asked for.
pub fn on_cores(
    cells: Vec<Cell>,
    counts: impl Iterator<Item = u16>,
) -> (Vec<Cell>, Option<String>) {
    let is_floor = |cell: &&Cell| axis(&cell.variant) == FLOOR;
    let named = |cell: &&Cell| is_floor(cell) && cell.variant != NULL;
    let left_out: BTreeSet<_> =
        cells.iter().filter(named).map(|c| c.variant.clone()).collect();
    let line = (!left_out.is_empty()).then(|| {
        let names: Vec<_> = left_out.into_iter().collect();
        format!("--cores: without {}, for one queue", names.join(", "))
    });
    let cells: Vec<_> = cells.iter().filter(|c| !is_floor(c)).collect();
    let on = |cores| {
        let with = |cell: &&Cell| Cell { cores, ..(*cell).clone() };
        cells.iter().map(with).collect::<Vec<_>>()
    };
    (counts.flat_map(|n| on(Some(n))).collect(), line)
}

/// Whether a run that was read from a file is one that could have been
/// planned; else what is wrong with it.
pub fn check(run: &Run) -> Result<(), String> {
    let setup = &run.setup;
    measure::config(setup).check().map_err(|e| e.to_string())?;
    let counts = [
        ("phases", setup.phases),
        ("rounds", setup.rounds),
        ("processes", setup.processes),
    ];
    for (name, n) in counts {
        if !(1..=MOST).contains(&n) {
            return Err(format!("setup.{name} is {n}, not 1 to {MOST}"));
        }
    }
    let frame = setup.frame_bytes;
    if !SIZES.contains(&frame) || frame - FCS_BYTES > setup.buffer_bytes {
        return Err(format!("setup.frame_bytes is {frame}"));
    }
    let packets = packets_per_phase(setup.ring_entries);
    let fixed = [
        ("packets_per_phase", setup.packets_per_phase, packets),
        ("arenas", setup.arenas, ARENAS),
    ];
    for (name, n, wanted) in fixed {
        if n != wanted {
            return Err(format!("setup.{name} is {n}, not {wanted}"));
        }
    }
    if !(1..=MAX_TYPES).contains(&setup.types) {
        return Err(format!(
            "setup.types is {}, not 1 to {MAX_TYPES}",
            setup.types
        ));
    }
    if setup.doorbell_cycles > MOST_DOORBELL_CYCLES {
        return Err("setup.doorbell_cycles is out of bounds".to_owned());
    }
    if run.cells.is_empty() {
        return Err("there are no cells".to_owned());
    }
    for cell in &run.cells {
        let variant = find(&cell.variant).map_err(|e| e.to_string())?;
        if variant.on(cell.workload.into()).is_none() {
            return Err(format!("{cell}: it cannot run that workload"));
        }
        if !(1..=setup.ring_entries).contains(&cell.batch) {
            return Err(format!("a cell has batch size {}", cell.batch));
        }
    }
    for same in &run.same_code {
        find(&same.variant).map_err(|e| e.to_string())?;
    }
    let processes = setup.processes as usize;
    let replacements = processes / quality::MOST;
    let mut seen = vec![false; processes + replacements];
    for process in &run.processes {
        match seen.get_mut(process.index as usize) {
            Some(seen) if !*seen => *seen = true,
            _ => {
                return Err(format!(
                    "process {} is one too many",
                    process.index
                ));
            }
        }
    }
    Ok(())
}

/// Packets per phase, of all ports.
pub fn packets_per_phase(ring: u16) -> u32 {
    PORTS as u32 * packets_per_port(ring)
}

/// Packets per port and phase: seven eighths of a ring. A ring keeps a slot
/// free and up to 31 packets uncleaned, which small rings have to allow for.
fn packets_per_port(ring: u16) -> u32 {
    u32::from(ring.saturating_sub((ring / 8).max(CLEAN_GROUP)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Rate;
    use variants::registry::SAME_CODE;

    fn names(variants: &[Variant]) -> Vec<String> {
        variants.iter().map(Variant::name).collect()
    }

    /// 896 packets in a phase.
    fn in_threads() -> Setup {
        let packets_per_phase = packets_per_phase(512);
        let setup = crate::worker::tests::setup(Placement::Threaded);
        Setup { packets_per_phase, ..setup }
    }

    fn rate(text: &str) -> OfferArgs {
        OfferArgs { rate: Some(text.parse().expect("a rate")) }
    }

    #[test]
    fn a_rate_is_taken_in_threads_where_blocks_end() {
        let taken = |mut setup: Setup, text| {
            take_rate(&mut setup, &rate(text)).map(|()| setup.rate)
        };
        assert_eq!(taken(in_threads(), "none"), Ok(None));
        assert_eq!(taken(in_threads(), "line"), Ok(Some(Rate::Line)));
        let refused = |setup, text, hint: &str| {
            let said = taken(setup, text).expect_err(text).to_string();
            assert!(said.contains(hint), "{said}");
        };
        // Twelve phases are 10,752 packets.
        assert!(taken(in_threads(), "10752").is_ok());
        refused(in_threads(), "10751", "10752 packets/s or more");
        refused(in_threads(), "1", "10752.0 s");
        let two = Setup { cores: vec![0, 1], ..in_threads() };
        refused(two.clone(), "10752", "21504 packets/s or more");
        assert!(taken(Setup { split: true, ..two }, "10752").is_ok());
        let lockstep = crate::worker::tests::setup(Placement::Lockstep);
        assert_eq!(taken(lockstep.clone(), "none"), Ok(None));
        refused(lockstep, "line", "--placement threaded");
        let tx = Setup { workload: Workload::Tx, ..in_threads() };
        refused(tx, "line", "receives nothing");
    }

    #[test]
    fn blocks_have_fewer_phases_where_fewer_frames_come() {
        let at = |text, phases| {
            let mut setup = in_threads();
            take_rate(&mut setup, &rate(text)).expect("a rate");
            phases_offered(&setup, phases, 500e-6)
        };
        assert_eq!(at("none", 28), 28);
        // 29.76 Mpps for 500 us are 14,881 packets, 16.6 phases.
        assert_eq!(at("line", 28), 17);
        assert_eq!(at("line", 10), 10);
        assert_eq!(at("1M", 28), LEAST_PHASES);
    }

    #[test]
    fn an_axis_comes_with_its_reference_the_baseline_and_the_floor() {
        let chosen = of_axes(&["walk".to_owned()]).expect("known");
        assert_eq!(
            names(&chosen),
            [
                "baseline",
                "batch=arena",
                "walk=speculate",
                "walk=speculate4",
                "floor=null"
            ]
        );
    }

    #[test]
    fn a_reference_answer_is_the_baseline() {
        let chosen = named(&["reg=unboxed".to_owned()]).expect("known");
        assert_eq!(names(&chosen), ["baseline", "floor=null"]);
    }

    #[test]
    fn a_variant_in_c_is_there_or_says_how_to_get_it() {
        assert_eq!(missing(&[]).is_some(), registry::missing().is_some());
        assert_eq!(missing(&["walk".to_owned()]), None);
        let has_c = registry::missing().is_none();
        for name in registry::IN_C {
            match find(name) {
                Ok(variant) => assert!(has_c && variant.name() == *name),
                Err(failure) => {
                    let line = failure.to_string();
                    assert!(!has_c && line.contains(name), "{line}");
                    assert!(line.contains("install"), "{line}");
                }
            }
        }
        let line = lacks("language=c", "no cc");
        assert!(line.contains("language=c (no cc)"), "{line}");
    }

    #[test]
    fn a_misspelt_name_gets_the_nearest_one() {
        let line = |result: Result<_, Failure>| {
            result.map(|_| ()).expect_err("unknown").to_string()
        };
        assert!(line(find("reg=boxd")).contains("reg=boxed"));
        assert!(line(find("boxed")).contains("reg=boxed"));
        let axis = of_axes(&["rgs".to_owned()]);
        assert!(
            line(axis.map(|_| find("").unwrap())).contains("nearest is reg")
        );
    }

    #[test]
    fn each_variant_is_on_its_own_workload_unless_one_is_asked_for() {
        let axes = ["dispatch".to_owned(), "writeback".to_owned()];
        let variants = of_axes(&axes).expect("known");
        let on = |asked| {
            let (able, line) = able(variants.clone(), asked).expect("some");
            let cells = cells(&able, &[8], 512, Fill::Full, asked);
            let cells = cells.expect("fine").into_iter();
            let cells = cells.filter(|c| !c.copy && c.variant != NULL);
            (cells.map(|c| (c.variant, c.workload)).collect::<Vec<_>>(), line)
        };
        let (own, line) = on(None);
        assert_eq!(line, None);
        for (variant, workload) in &own {
            let classifies = variant.starts_with("dispatch=");
            let wanted = Workload::Classify;
            assert_eq!(*workload == wanted, classifies, "{variant}");
        }
        assert_eq!(own.len(), 6, "{own:?}");
        let (tx, line) = on(Some(Workload::Tx));
        let names: Vec<_> = tx.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["baseline", "writeback=every32"]);
        assert!(tx.iter().all(|(_, workload)| *workload == Workload::Tx));
        let line = line.expect("a line");
        assert!(line.contains("dispatch=match, dispatch=hashed"), "{line}");
    }

    #[test]
    fn variants_that_cannot_run_a_workload_get_one_line() {
        let dispatch = of_axes(&["dispatch".to_owned()]).expect("known");
        let failure = able(dispatch, Some(Workload::Rx)).expect_err("none");
        let line = failure.to_string();
        assert!(
            line.contains("dispatch=dyn") && !line.contains('\n'),
            "{line}"
        );
    }

    #[test]
    fn a_phase_fits_into_the_rings() {
        let sizes = [64, 128, 256, 512, 4096];
        let packets = sizes.map(packets_per_port);
        assert_eq!(packets, [32, 96, 224, 448, 3584]);
    }

    #[test]
    fn batch_sizes_are_sorted_and_bounded_by_the_ring() {
        let all = everything();
        assert!(cells(&all, &[0], 512, Fill::Full, None).is_err());
        assert!(cells(&all, &[513], 512, Fill::Full, None).is_err());
        let cells = cells(&all[..1], &[32, 1, 32], 512, Fill::Full, None)
            .expect("fine");
        let batches: Vec<_> = cells.iter().map(|c| (c.batch, c.copy)).collect();
        assert_eq!(batches, [(1, false), (32, false), (1, true), (32, true)]);
    }

    #[test]
    fn floors_are_measured_on_no_number_of_cores() {
        let names = ["reg=boxed".to_owned(), "floor=lean".to_owned()];
        let variants = named(&names).expect("known");
        let cells = |variants: &[Variant]| {
            cells(variants, &[8], 512, Fill::Full, None).expect("fine")
        };
        let (on, line) = on_cores(cells(&variants), 1..=2);
        let got: Vec<_> =
            on.iter().map(|c| (&*c.variant, c.copy, c.cores)).collect();
        let wanted = [1, 2].map(|n| {
            let one = |variant, copy| (variant, copy, Some(n));
            [("baseline", false), ("reg=boxed", false), ("baseline", true)]
                .map(|(variant, copy)| one(variant, copy))
        });
        assert_eq!(got, wanted.concat());
        let line = line.expect("a line");
        assert_eq!(line, "--cores: without floor=lean, for one queue");
        let (_, line) = on_cores(cells(&named(&names[..1]).unwrap()), 1..=2);
        assert_eq!(line, None);
    }

    #[test]
    fn who_does_not_pass_numbers_on_is_not_split() {
        let variants = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|n| (*n).to_owned()).collect();
            named(&names).expect("known")
        };
        let both = || variants(&["reg=boxed", "buffer=arc"]);
        let (able, line) = splittable(both(), true).expect("one");
        assert_eq!(names(&able), ["baseline", "reg=boxed", "floor=null"]);
        let line = line.expect("a line");
        assert_eq!(line, "--split: without buffer=arc, not to be split");
        let (all, line) = splittable(both(), false).expect("all");
        assert_eq!((names(&all), line), (names(&both()), None));
        let none = splittable(variants(&["buffer=arc"]), true);
        let line = none.expect_err("none").to_string();
        assert!(line.starts_with("--split: buffer=arc cannot be split"));
    }

    /// As if the compiler had erased this difference.
    const ERASED: &[registry::SameCode] = &[registry::SameCode {
        variant: "reg=typed",
        as_in: BASELINE,
        because: registry::Because::Erased("types end with the compiler"),
    }];

    #[test]
    fn what_the_compiler_erased_is_measured_under_the_other_name() {
        let typed = ["reg=typed".to_owned()];
        let chosen = named(&typed).expect("known");
        assert_eq!(names(&chosen), ["baseline", "reg=typed", "floor=null"]);
        let one = Contenders::of(&chosen, ERASED, |_, _| true).expect("fine");
        assert_eq!(names(&one.variants), ["baseline", "floor=null"]);
        let [same] = &one.same_code[..] else { panic!("{one:?}") };
        assert_eq!((&*same.variant, &*same.as_in), ("reg=typed", "baseline"));
        let [answer] = &one.answers(&typed)[..] else { panic!("{one:?}") };
        assert!(answer.contains("baseline is measured"), "{answer}");
        assert!(one.warnings.is_empty());
        // Nobody asked for it by name.
        assert!(one.answers(&[]).is_empty());

        // A program in which it is not so measures both and says so.
        let both = Contenders::of(&chosen, ERASED, |_, _| false).expect("fine");
        assert_eq!(names(&both.variants), names(&chosen));
        assert!(both.same_code.is_empty() && both.answers(&typed).is_empty());
        assert!(
            both.warnings[0].starts_with("reg=typed is measured by itself")
        );
    }

    #[test]
    fn equal_code_on_other_data_is_two_measurements() {
        let chosen = named(&["spread=stride2k".to_owned()]).expect("known");
        let contenders =
            Contenders::of(&chosen, SAME_CODE, |_, _| true).expect("fine");
        assert_eq!(names(&contenders.variants), names(&chosen));
        assert!(contenders.same_code.is_empty());
    }

    #[test]
    fn random_fill_comes_with_the_axis_status_and_its_reference() {
        let random = |variants: &[Variant]| {
            let contenders = Contenders::of(variants, SAME_CODE, |_, _| true);
            let contenders = contenders.expect("fine");
            let cells =
                cells(&contenders.variants, &[8], 512, Fill::Full, None)
                    .expect("fine");
            let random = also_at_random(&contenders, &cells);
            assert!(random.iter().all(|cell| cell.fill == Fill::Random));
            assert!(random.iter().all(|cell| !cell.copy && cell.batch == 8));
            random.into_iter().map(|cell| cell.variant).collect::<Vec<_>>()
        };
        let status = AXES.iter().find(|axis| axis.name == BOTH_FILLS);
        let answers = status.expect("an axis").answers[1..].iter();
        let mut wanted = vec![BASELINE.to_owned()];
        wanted.extend(answers.map(|answer| format!("status={}", answer.name)));
        wanted.push(NULL.to_owned());
        assert_eq!(random(&everything()), wanted);
        let one = named(&["status=bit".to_owned()]).expect("known");
        assert_eq!(random(&one), [BASELINE, "status=bit", NULL]);
        let other = of_axes(&["reg".to_owned()]).expect("known");
        assert_eq!(random(&other), [""; 0]);
    }
}
