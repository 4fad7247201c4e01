//! Two programs that take turns on one core and on the same memory.

use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, pipe};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::ProgressBar;
use nic_model::FILE_STEP;
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create};
use tempfile::TempDir;

use super::child::{Child, Heard};
use crate::build_info;
use crate::failure::Failure;
use crate::measure;
use crate::pair::{
    ALONE, Answer, Ask, Greeting, PROTOCOL, SUBCOMMAND, Sample, SharedOrder,
    Turn,
};
use crate::process;
use crate::quality;
use crate::results::{Build, Cell, Process, Round, Run, Setup};
use crate::worker::{Order, turns};

/// How long a program may take for its first word.
const PATIENCE: Duration = Duration::from_secs(20);

/// Turns that the two take without a word to their parent.
const TURNS: usize = 1000;

/// Phases of the block before each block: caches and predictors then hold what
/// the program itself left there, not the other one.
const LEAD: u32 = 4;

/// A program of this suite.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    /// What it is called in a sentence.
    name: String,
    /// What it was built from; its path is that name, and absent for the
    /// running program.
    pub build: Build,
}

impl Program {
    /// The running program.
    ///
    /// # Errors
    ///
    /// When the system does not say where it is.
    pub fn this() -> Result<Self, Failure> {
        let path = std::env::current_exe().map_err(Failure::environment)?;
        let name = "this program".to_owned();
        Ok(Self { path, name, build: build_info::build() })
    }

    /// The program at a path, asked what it is.
    ///
    /// # Errors
    ///
    /// When there is none, it cannot be started, or does not speak as this
    /// one does.
    pub fn find(path: &str) -> Result<Self, Failure> {
        let name = path.trim_start_matches("./").to_owned();
        let full = Path::new(path).canonicalize();
        let full = full.map_err(|error| {
            Failure::error(format!("{name}: no such program: {error}"))
        })?;
        if !full.is_file() {
            let line = format!("{name} is no program, but a folder or device");
            return Err(Failure::error(line));
        }
        Self::named(&full, &name)
    }

    /// The program at a path, called by another name.
    ///
    /// # Errors
    ///
    /// As [`Self::find`].
    pub fn named(path: &Path, name: &str) -> Result<Self, Failure> {
        let (name, path) = (name.to_owned(), path.to_owned());
        let mut program = Self { path, name, build: build_info::build() };
        let (_, build) = program.greet(&mut fastrand::Rng::new())?;
        program.build = Build { path: Some(program.name.clone()), ..build };
        Ok(program)
    }

    /// What it is called in a sentence.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Starts the program and asks what it speaks and what it is.
    fn greet(
        &self,
        rng: &mut fastrand::Rng,
    ) -> Result<(Child, Build), Failure> {
        let name = &self.name;
        let copy = self.copy();
        let mut from = |path| Child::start(path, SUBCOMMAND, rng);
        let child = match &copy {
            // Where nothing may be started from, the program itself is.
            Some((_, path)) => from(path).or_else(|_| from(&self.path)),
            None => from(&self.path),
        };
        let mut child = child.map_err(|error| {
            Failure::error(format!("{name} cannot be started: {error}"))
        })?;
        let greeting = Greeting { protocol: PROTOCOL };
        child.tell(&greeting).map_err(Failure::error)?;
        let foreign = || {
            Failure::error(format!(
                "{name} is no bench-runner: a PROGRAM is a build of this suite"
            ))
        };
        let heard = child.listen(PATIENCE).map_err(|_| foreign())?;
        let line = match heard {
            Heard::Line(line) => line,
            Heard::Stopped => return Err(Failure::interrupted("stopped")),
            Heard::Silence => return Err(foreign()),
            // An older one knows no such subcommand, and says who it is.
            Heard::End => {
                return Err(match child.last_words() {
                    (_, said) if said.starts_with("bench-runner") => {
                        self.stranger()
                    }
                    _ => foreign(),
                });
            }
        };
        match serde_json::from_str(&line).map_err(|_| foreign())? {
            Answer::Hello { protocol: PROTOCOL, build } => {
                let unknown = self.unknown();
                let build = serde_json::from_value(build).unwrap_or(unknown);
                Ok((child, build))
            }
            Answer::Hello { .. } => Err(self.stranger()),
            Answer::Failed(said) => {
                Err(Failure::error(format!("{name}: {said}")))
            }
            _ => Err(foreign()),
        }
    }

    /// The program in a file of its own, which goes when this is dropped: the
    /// pages of a file lie where they lie for as long as the kernel keeps
    /// them, and the same program is up to 2 % slower in one file than in
    /// another. None where it cannot be copied.
    fn copy(&self) -> Option<(TempDir, PathBuf)> {
        let folder = tempfile::tempdir().ok()?;
        let path = folder.path().join("bench-runner");
        fs::copy(&self.path, &path).ok()?;
        Some((folder, path))
    }

    fn stranger(&self) -> Failure {
        Failure::error(format!(
            "{} speaks another protocol; build both from this version on",
            self.name
        ))
    }

    /// A build of which nothing is known but its file.
    fn unknown(&self) -> Build {
        let unknown = || "unknown".to_owned();
        Build {
            path: None,
            version: unknown(),
            commit: unknown(),
            dirty: false,
            program: build_info::digest(&self.path),
            sources: None,
            apparatus: None,
            compiler: unknown(),
            flags: Vec::new(),
            profile: unknown(),
            target: unknown(),
            c_compiler: None,
            c_flags: Vec::new(),
        }
    }
}

/// The two programs of a run: that of `build` and that of `other_build`.
#[derive(Clone, Debug)]
pub struct Pair {
    /// It measures the cells that are not said to be another's.
    pub first: Program,
    /// It measures the others.
    pub other: Program,
}

impl Pair {
    /// Runs process `index` of both programs; its rounds are fewer than asked
    /// for when the user stops it.
    pub(super) fn measure_process(
        &self,
        run: &Run,
        index: u32,
        bar: &ProgressBar,
    ) -> Result<Process, Failure> {
        let setup = &run.setup;
        let shared = Shared::new(setup).map_err(Failure::environment)?;
        let mut rng = fastrand::Rng::with_seed(setup.seed ^ u64::from(index));
        let mut process = Process {
            index,
            pages: String::new(),
            rounds: Vec::new(),
            quality: None,
        };
        // One has its memory before the next is started.
        let mut sides = Vec::new();
        for (program, other) in [(&self.first, false), (&self.other, true)] {
            let mut side =
                Side::start(program, run, other, index, &shared, &mut rng)?;
            let Some(pages) = side.ready()? else { return Ok(process) };
            process.pages = pages;
            sides.push(side);
        }
        // Whoever waits for one that has ended hears of it then.
        drop(shared);
        for side in &mut sides {
            if side.ask(&Ask::WarmUp)?.is_none() {
                return Ok(process);
            }
        }

        let stream = u64::from(index + 1) << 32;
        let mut rng = fastrand::Rng::with_seed(setup.seed ^ stream);
        let mut runs_rng = rng.clone().fork();
        let stop = process::interrupted();
        let at_a_time = (TURNS / run.cells.len().max(1)).max(1);
        let mut numbers = 0..setup.rounds;
        loop {
            let mut sheets = Vec::new();
            let mut planned = Vec::new();
            for number in numbers.by_ref().take(at_a_time) {
                let sheet = sheets.len();
                let (blank, turns) =
                    plan_round(run, number, &mut rng, &mut runs_rng);
                let turns = turns.into_iter();
                planned.extend(turns.map(|(cell, turn)| Planned {
                    sheet,
                    cell,
                    other: run.cells[cell].other,
                    turn,
                }));
                sheets.push(blank);
            }
            if sheets.is_empty() {
                break;
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(process);
            }
            let Some(samples) = take_turns(&mut sides, &planned)? else {
                return Ok(process);
            };
            for (planned, sample) in planned.iter().zip(samples) {
                sheets[planned.sheet].note(planned, sample);
            }
            bar.inc(sheets.len() as u64);
            process.rounds.extend(sheets.into_iter().map(Sheet::round));
        }
        let (mut qualities, mut on_core) = (Vec::new(), 0);
        for side in &mut sides {
            match side.ask(&Ask::Finish)? {
                None => return Ok(process),
                Some(Answer::Done { quality, on_core_ns }) => {
                    qualities.push(quality);
                    on_core += on_core_ns;
                }
                Some(_) => return Err(side.program.stranger()),
            }
        }
        process.quality = match &qualities[..] {
            [first, other] => Some(quality::of_both(first, other, on_core)),
            _ => None,
        };
        Ok(process)
    }
}

/// A turn of one of the two, and where its sample goes.
struct Planned {
    /// Number of the sheet among those that are being measured.
    sheet: usize,
    /// Number of the cell in the run.
    cell: usize,
    /// Whether it is the other program's.
    other: bool,
    turn: Turn,
}

/// A round as it is to be: a blank sheet, and its turns by cell.
fn plan_round(
    run: &Run,
    number: u32,
    rng: &mut fastrand::Rng,
    runs_rng: &mut fastrand::Rng,
) -> (Sheet, Vec<(usize, Turn)>) {
    let setup = &run.setup;
    let arena = number % setup.arenas;
    let length = setup.draw_length(rng);
    let first_sequence = rng.u32(..).into();
    let cells = turns(&run.cells, rng);
    // Each program's first turn of the round.
    let firsts = [false, true].map(|other| {
        cells.iter().copied().find(|&cell| run.cells[cell].other == other)
    });
    let turn = |cell: usize| Turn {
        mine: false,
        cell: place(&run.cells, cell),
        arena,
        lead: LEAD,
        length: setup.phases_of(&run.cells[cell], length),
        first_sequence,
        runs_seed: runs_rng.u64(..),
        reference: firsts.contains(&Some(cell)),
    };
    let with_cell = cells.iter().copied().zip(cells.iter().copied().map(turn));
    let sheet = Sheet::new(arena, length, run.cells.len());
    (sheet, with_cell.collect())
}

/// Has both take their turns, and puts their samples in the order of those;
/// none when the user stops it all.
fn take_turns(
    sides: &mut [Side<'_>],
    planned: &[Planned],
) -> Result<Option<Vec<Sample>>, Failure> {
    let begins = planned.first().is_some_and(|planned| planned.other);
    // Who has to wait for the token is told first.
    for other in [!begins, begins] {
        let turn = |p: &Planned| Turn { mine: p.other == other, ..p.turn };
        let turns = planned.iter().map(turn).collect();
        let side = &mut sides[usize::from(other)];
        side.child.tell(&Ask::Turns(turns)).map_err(Failure::error)?;
    }
    let heard: Vec<_> = sides.iter_mut().map(Side::blocks).collect();
    // Where one has ended the other one only says that it is alone.
    let is_alone = |failure: &Failure| failure.to_string().ends_with(ALONE);
    let mut failures: Vec<_> =
        heard.iter().filter_map(|heard| heard.as_ref().err()).collect();
    failures.sort_by_key(|failure| is_alone(failure));
    if let Some(failure) = failures.first() {
        return Err((*failure).clone());
    }
    let mut blocks = Vec::new();
    for heard in heard {
        match heard? {
            None => return Ok(None),
            Some(samples) => blocks.push(samples.into_iter()),
        }
    }
    let mut next = |p: &Planned| blocks[usize::from(p.other)].next();
    let samples: Option<Vec<_>> = planned.iter().map(&mut next).collect();
    match samples {
        None => Err(sides[0].program.stranger()),
        some => Ok(some),
    }
}

/// The number that a cell has among those of its program.
fn place(cells: &[Cell], cell: usize) -> usize {
    let other = cells[cell].other;
    cells[..cell].iter().filter(|c| c.other == other).count()
}

/// A round that is being measured by two processes.
struct Sheet {
    round: Round,
    device_ticks: Vec<u64>,
    chains: Vec<f64>,
    /// Of the first program and of the other one.
    references: [Option<u64>; 2],
}

impl Sheet {
    fn new(arena: u32, length: u32, cells: usize) -> Self {
        let round = Round {
            arena,
            length,
            chain_ghz: 0.0,
            line_round_trip_ns: None,
            ticks: vec![0; cells],
            device_ticks: None,
            forwarded: None,
            model_busy: None,
            in_time: None,
            reference_ticks: None,
        };
        Self {
            round,
            device_ticks: vec![0; cells],
            chains: Vec::new(),
            references: [None; 2],
        }
    }

    fn note(&mut self, planned: &Planned, sample: Sample) {
        self.round.ticks[planned.cell] = sample.ticks;
        self.device_ticks[planned.cell] = sample.device_ticks;
        self.chains.push(sample.chain_ghz);
        if let Some(ticks) = sample.reference_ticks {
            self.references[usize::from(planned.other)] = Some(ticks);
        }
    }

    /// The round as one process would have measured it, its frequency the
    /// mean over blocks.
    fn round(self) -> Round {
        let chains = self.chains.len().max(1) as f64;
        let chain_ghz = self.chains.iter().sum::<f64>() / chains;
        let device_ticks = Some(self.device_ticks);
        let reference_ticks = match self.references {
            [Some(first), Some(other)] => Some([first, other]),
            _ => None,
        };
        Round { chain_ghz, device_ticks, reference_ticks, ..self.round }
    }
}

/// A process of one of the two programs.
struct Side<'a> {
    program: &'a Program,
    child: Child,
}

impl<'a> Side<'a> {
    fn start(
        program: &'a Program,
        run: &Run,
        other: bool,
        index: u32,
        shared: &Shared,
        rng: &mut fastrand::Rng,
    ) -> Result<Self, Failure> {
        let (mut child, build) = program.greet(rng)?;
        if build.program != program.build.program {
            return Err(Failure::error(format!(
                "{} is not what it was when it was first asked: compare \
                 programs that nobody builds anew meanwhile",
                program.name
            )));
        }
        let cells = run.cells.iter().filter(|cell| cell.other == other);
        let cells = cells.map(|c| Cell { other: false, ..c.clone() });
        let order = Order {
            index,
            setup: run.setup.clone(),
            cells: cells.collect(),
            tick_hz: run.machine.tick_hz,
            clock_cost_ticks: run.machine.clock_cost_ticks,
        };
        let (from, to) = shared.pipes_of(other);
        let memory = path_of(&shared.memory);
        let order = SharedOrder { order, memory, from, to };
        child.tell(&order).map_err(Failure::error)?;
        Ok(Self { program, child })
    }

    /// What its memory consists of, when it has it.
    fn ready(&mut self) -> Result<Option<String>, Failure> {
        match self.listen()? {
            None => Ok(None),
            Some(Answer::Ready(pages)) => Ok(Some(pages)),
            Some(_) => Err(self.program.stranger()),
        }
    }

    /// The samples of its turns; none when the user stops it all.
    fn blocks(&mut self) -> Result<Option<Vec<Sample>>, Failure> {
        match self.listen()? {
            None => Ok(None),
            Some(Answer::Blocks(samples)) => Ok(Some(samples)),
            Some(_) => Err(self.program.stranger()),
        }
    }

    /// Says a line and waits until it is answered; none when the user stops
    /// it all.
    fn ask(&mut self, ask: &Ask) -> Result<Option<Answer>, Failure> {
        self.child.tell(ask).map_err(Failure::error)?;
        self.listen()
    }

    fn listen(&mut self) -> Result<Option<Answer>, Failure> {
        let name = &self.program.name;
        let line = match self.child.listen(Duration::MAX) {
            Ok(Heard::Line(line)) => line,
            Ok(Heard::Stopped) => return Ok(None),
            // At a terminal, Ctrl-C may end it before this program hears.
            Ok(Heard::End | Heard::Silence)
                if process::interrupted().load(Ordering::Relaxed) =>
            {
                return Ok(None);
            }
            Ok(Heard::End | Heard::Silence) => {
                let (status, said) = self.child.last_words();
                return Err(Failure::error(format!(
                    "{name} ended early, {status}: {said}"
                )));
            }
            Err(_) => return Err(self.program.stranger()),
        };
        match serde_json::from_str(&line) {
            Ok(Answer::Failed(said)) => {
                Err(Failure::error(format!("{name}: {said}")))
            }
            Ok(answer) => Ok(Some(answer)),
            Err(_) => Err(self.program.stranger()),
        }
    }
}

/// What two processes share, open here until both have opened it too: their
/// arenas, a file in memory, and a pipe for each that the token comes from.
struct Shared {
    memory: File,
    pipes: [(PipeReader, PipeWriter); 2],
}

impl Shared {
    fn new(setup: &Setup) -> io::Result<Self> {
        Ok(Self { memory: memory(setup)?, pipes: [pipe()?, pipe()?] })
    }

    /// Where a process finds the end of the pipe that the token comes from,
    /// and that of the pipe that it goes to.
    fn pipes_of(&self, other: bool) -> (PathBuf, PathBuf) {
        let [first, second] = &self.pipes;
        let (own, others) = match other {
            false => (first, second),
            true => (second, first),
        };
        (path_of(&own.0), path_of(&others.1))
    }
}

/// Where a child finds what is open here, for as long as it is.
fn path_of(open: &impl AsRawFd) -> PathBuf {
    let (process, number) = (std::process::id(), open.as_raw_fd());
    PathBuf::from(format!("/proc/{process}/fd/{number}"))
}

/// Huge pages where as many are set aside as this program needs, else whatever
/// the kernel gives.
fn memory(setup: &Setup) -> io::Result<File> {
    match huge_memory(setup) {
        Ok(file) => Ok(file),
        Err(_) => memfd(MemfdFlags::empty()),
    }
}

fn huge_memory(setup: &Setup) -> io::Result<File> {
    let file = memfd(MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB)?;
    let page = driver::memory::HUGE_PAGE;
    let bytes = measure::arena_bytes(setup).next_multiple_of(page) as u64;
    for arena in 0..u64::from(setup.arenas) {
        let none = FallocateFlags::empty();
        fallocate(&file, none, arena * FILE_STEP, bytes)?;
    }
    Ok(file)
}

fn memfd(flags: MemfdFlags) -> io::Result<File> {
    let file = memfd_create("ringside", flags | MemfdFlags::CLOEXEC)?;
    Ok(File::from(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Bench, Task};
    use crate::plan;
    use crate::results::example;
    use std::io::Read;

    fn cell(variant: &str, batch: u16, other: bool) -> Cell {
        let [cell, ..] = &example::run(&["baseline"], &[batch]).cells[..]
        else {
            panic!("a cell")
        };
        Cell { variant: variant.to_owned(), other, ..cell.clone() }
    }

    #[test]
    fn each_program_counts_its_own_cells() {
        let cells = [
            cell("baseline", 1, false),
            cell("baseline", 1, true),
            cell("baseline", 32, true),
            cell("baseline", 32, false),
        ];
        let places: Vec<_> = (0..4).map(|i| place(&cells, i)).collect();
        assert_eq!(places, [0, 0, 1, 1]);
    }

    #[test]
    fn samples_of_both_become_one_round_in_the_order_of_cells() {
        let mut sheet = Sheet::new(2, 9, 3);
        for (cell, ticks, chain_ghz) in
            [(2, 30, 4.0), (0, 10, 3.0), (1, 20, 2.0)]
        {
            let turn = Turn {
                mine: true,
                cell,
                arena: 2,
                lead: 0,
                length: 9,
                first_sequence: 0,
                runs_seed: 0,
                reference: cell > 0,
            };
            let planned = Planned { sheet: 0, cell, other: cell == 1, turn };
            let sample = Sample {
                ticks,
                device_ticks: ticks + 1,
                chain_ghz,
                reference_ticks: turn.reference.then_some(ticks * 100),
            };
            sheet.note(&planned, sample);
        }
        let round = sheet.round();
        assert_eq!((round.arena, round.length), (2, 9));
        assert_eq!(round.ticks, [10, 20, 30]);
        assert_eq!(round.device_ticks, Some(vec![11, 21, 31]));
        assert_eq!(round.chain_ghz, 3.0);
        assert_eq!(round.reference_ticks, Some([3000, 2000]));
        assert_eq!(round.forwarded, None);
    }

    #[test]
    fn what_is_no_such_program_gets_one_line() {
        let line = |path| Program::find(path).unwrap_err().to_string();
        assert!(line("no/such/file").starts_with("no/such/file: no such"));
        assert!(line("/").contains("folder"));
        assert!(line("/bin/true").contains("/bin/true is no bench-runner"));
        assert!(line("/proc/self/stat").contains("cannot be started"));
    }

    #[test]
    #[cfg(not(miri))]
    fn blocks_do_not_depend_on_what_another_left_in_the_file() {
        let run = example::run(&["baseline"], &[32]);
        let arenas = 2;
        let setup = Setup { arenas, ..run.setup };
        let small = Setup {
            ring_entries: 128,
            packets_per_phase: plan::packets_per_phase(128),
            ..setup.clone()
        };
        let memory = memory(&setup).expect("memory");
        let mut file = File::open(path_of(&memory)).expect("found by its path");
        // SAFETY: blocks of the two follow one another, in one thread.
        let bench = |setup: &Setup| unsafe {
            Bench::shared(&memory, setup.clone(), 0).expect("memory")
        };
        let mut benches = [bench(&setup), bench(&small)];
        for name in ["baseline", "persona=fastest", "batch=list"] {
            for (bench, arena) in [(0, 0), (1, 0), (0, 0), (0, 1), (1, 1)] {
                let task = Task {
                    variant: plan::find(name).expect("known"),
                    workload: setup.workload,
                    batch: 32,
                    fill: setup.fill,
                    cores: None,
                    arena,
                    length: 2,
                    first_sequence: 7,
                    runs_seed: 1,
                };
                let block = benches[bench].block(&task).expect("books balance");
                assert!(block.forwarded > 0 && block.ticks > 0);
            }
        }
        let mut head = [0; 4096];
        file.read_exact(&mut head).expect("the first arena");
        assert_ne!(head, [0; 4096], "arenas are in the file");
    }
}
