//! Made-up runs for tests: known costs, a little noise, no machine.

use super::{
    Build, Cell, Fill, Machine, ONE_TYPE, Placement, Process, Round, Run,
    SCHEMA, SameCode, Setup, Trace, Workload,
};

/// The variants of [`fourteen`], `baseline` among them.
pub(crate) const FOURTEEN: [&str; 14] = [
    "baseline",
    "reg=boxed",
    "reg=bytes",
    "reg=halves",
    "batch=vec",
    "batch=reused",
    "batch=deque",
    "batch=list",
    "batch=arena",
    "status=branchy",
    "status=branchless",
    "walk=speculate",
    "walk=speculate4",
    "spread=stride2k",
];

/// The batch sizes of [`fourteen`].
pub(crate) const BATCHES: [u16; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// The reference variant of each variant in these examples.
pub(crate) fn reference(variant: &str) -> &str {
    if variant.starts_with("walk=") { "batch=arena" } else { "baseline" }
}

/// A whole sweep: fourteen variants at nine batch sizes.
pub(crate) fn fourteen() -> Run {
    run(&FOURTEEN, &BATCHES)
}

/// Ticks per packet of a variant at a batch size, before noise.
pub(crate) fn cost(variant: &str, batch: u16) -> f64 {
    let call = 1.0 / f64::from(batch);
    let crowding = if batch >= 64 { f64::from(batch) / 400.0 } else { 0.0 };
    let base = 14.0 + 48.0 * call + crowding;
    match variant {
        "reg=boxed" => base + 11.0 + 60.0 * call,
        "reg=bytes" => base + 2.1 + 3.0 * call,
        "reg=halves" => base + 0.8 + call,
        "batch=vec" => base + 0.4 + 55.0 * call,
        "batch=reused" => base + 0.2 + 2.0 * call,
        "batch=deque" => base + 1.9 + 4.0 * call,
        "batch=list" => base + 21.0 + 2.0 * crowding,
        "batch=arena" => base + 3.4,
        "status=branchy" => base + 0.15,
        "status=branchless" => base - 0.6 + 9.0 * call,
        "walk=speculate" => base + 2.0,
        "walk=speculate4" => base + 1.3 + 5.0 * call,
        "spread=stride2k" => base + 1.0 + 4.0 * crowding,
        "floor=null" => 0.0,
        _ => base,
    }
}

/// Eight processes of sixteen rounds over four arenas; the baseline has a
/// second copy at each batch size.
pub(crate) fn run(variants: &[&str], batches: &[u16]) -> Run {
    let mut cells = Vec::new();
    for &variant in variants {
        for copy in [false, true] {
            if copy && variant != "baseline" {
                continue;
            }
            cells.extend(batches.iter().map(|&batch| Cell {
                variant: variant.to_owned(),
                batch,
                fill: Fill::Full,
                workload: Workload::Forward,
                cores: None,
                copy,
                other: false,
            }));
        }
    }
    let mut noise = fastrand::Rng::with_seed(7);
    let processes = (0..8)
        .map(|index| Process {
            index,
            pages: "2 MiB".to_owned(),
            rounds: (0..16)
                .map(|number| round(&cells, index, number, &mut noise))
                .collect(),
            quality: None,
        })
        .collect();
    Run {
        schema: SCHEMA,
        command: "test".to_owned(),
        started: "2026-11-21T08:00:00Z".to_owned(),
        build: build(),
        other_build: None,
        machine: machine(),
        setup: setup(),
        cells,
        same_code: Vec::new(),
        processes,
        examination: None,
        warnings: Vec::new(),
    }
}

/// The same run in threads on 1 to `most` cores, of which each forwards a
/// tenth less than one that there was before: 1, 1.9, 2.71, and so on times as
/// much together.
pub(crate) fn over_cores(variants: &[&str], batches: &[u16], most: u16) -> Run {
    let mut run = run(variants, batches);
    run.setup.placement = Placement::Threaded;
    run.setup.cores = (1..=most.into()).collect();
    run.setup.model_core = 0;
    let cells = std::mem::take(&mut run.cells);
    let mut rounds: Vec<_> =
        run.processes.iter_mut().flat_map(|p| &mut p.rounds).collect();
    let singles: Vec<_> =
        rounds.iter_mut().map(|r| std::mem::take(&mut r.ticks)).collect();
    let mut speed = 0.0;
    for cores in 1..=most {
        speed += 0.9_f64.powi(i32::from(cores) - 1);
        let on = |cell: &Cell| Cell { cores: Some(cores), ..cell.clone() };
        run.cells.extend(cells.iter().map(on));
        for (round, single) in rounds.iter_mut().zip(&singles) {
            let (length, busy) = (u64::from(round.length) * 896, 0.2);
            let packets = (length as f64 * speed).round() as u64;
            let count = single.len();
            round.ticks.extend(single);
            let forwarded = round.forwarded.get_or_insert_default();
            forwarded.extend(std::iter::repeat_n(packets, count));
            let model_busy = round.model_busy.get_or_insert_default();
            let busy = busy * f64::from(cores);
            model_busy.extend(std::iter::repeat_n(busy.min(1.0), count));
        }
    }
    run
}

/// Says that a variant is measured under another's name.
pub(crate) fn add_same_code(run: &mut Run, variant: &str, as_in: &str) {
    let because = "types end with the compiler".to_owned();
    let (variant, as_in) = (variant.to_owned(), as_in.to_owned());
    run.same_code.push(SameCode { variant, as_in, because });
}

/// Measures some variants with random fill as well, for half the phases and
/// in the same time.
pub(crate) fn add_random(run: &mut Run, variants: &[&str]) {
    let known = |cell: &&Cell| {
        !cell.copy && variants.iter().any(|name| *name == cell.variant)
    };
    let cells = run.cells.iter().enumerate().filter(|(_, c)| known(c));
    let (places, mut again): (Vec<_>, Vec<_>) =
        cells.map(|(place, cell)| (place, cell.clone())).unzip();
    again.iter_mut().for_each(|cell| cell.fill = Fill::Random);
    run.cells.extend(again);
    for round in run.processes.iter_mut().flat_map(|p| &mut p.rounds) {
        let ticks: Vec<_> = places.iter().map(|i| round.ticks[*i]).collect();
        round.ticks.extend(ticks);
    }
}

/// One block of every cell: a place that suits all cells more or less, and
/// noise that each has for itself.
fn round(
    cells: &[Cell],
    process: u32,
    number: u32,
    noise: &mut fastrand::Rng,
) -> Round {
    let arena = number % 4;
    let length = 8 + number % 2;
    let place = 1.0 + 0.01 * f64::from((process + 3 * arena) % 5);
    let ticks = cells
        .iter()
        .map(|cell| {
            let own = 1.0 + 0.004 * (noise.f64() - 0.5);
            let packets = f64::from(length) * 896.0;
            (cost(&cell.variant, cell.batch) * place * own * packets) as u64
        })
        .collect();
    Round {
        device_ticks: None,
        arena,
        length,
        chain_ghz: 4.0,
        line_round_trip_ns: None,
        ticks,
        forwarded: None,
        model_busy: None,
        in_time: None,
        reference_ticks: None,
    }
}

fn build() -> Build {
    Build {
        path: None,
        version: "0.1.0".to_owned(),
        commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        dirty: false,
        program: "0123456789abcdef".to_string(),
        sources: None,
        apparatus: None,
        compiler: "rustc 1.95.0".to_owned(),
        flags: vec!["-Ctarget-cpu=x86-64-v2".to_owned()],
        profile: "release".to_owned(),
        target: "x86_64-unknown-linux-gnu".to_owned(),
        c_compiler: Some("cc 12.2.0".to_owned()),
        c_flags: vec!["-O3".to_owned()],
    }
}

fn machine() -> Machine {
    Machine {
        cpu: "Example CPU 9000 16-Core Processor".to_owned(),
        cores: 2,
        kernel: "6.1.0".to_owned(),
        hypervisor: Some("KVM".to_owned()),
        tick_hz: 2.5e9,
        clock_cost_ticks: 52,
        governor: None,
        huge_pages: 0,
        transparent_huge_pages: Some("madvise".to_owned()),
    }
}

fn setup() -> Setup {
    Setup {
        seed: 1,
        workload: Workload::Forward,
        types: ONE_TYPE,
        trace: Trace::Generated,
        placement: Placement::Lockstep,
        frame_bytes: 64,
        ring_entries: 512,
        buffer_bytes: 2048,
        fill: Fill::Full,
        doorbell_cycles: 0,
        packets_per_phase: 896,
        injected_every: None,
        phases: 8,
        rounds: 16,
        processes: 8,
        arenas: 4,
        core: 1,
        cores: Vec::new(),
        queues: None,
        split: false,
        rate: None,
        ports: None,
        model_core: 1,
    }
}
