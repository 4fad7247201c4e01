//! Two programs that take turns on one core and on the same memory.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::ProgressBar;
use nic_model::FILE_STEP;
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create};

use super::child::{Child, Heard};
use crate::build_info;
use crate::failure::Failure;
use crate::measure;
use crate::pair::{
    Answer, Ask, Greeting, PROTOCOL, SUBCOMMAND, Sample, SharedOrder, Turn,
};
use crate::process;
use crate::quality;
use crate::results::{Build, Cell, Process, Round, Run, Setup};
use crate::worker::{Order, turns};

/// How long a program may take for its first word.
const PATIENCE: Duration = Duration::from_secs(20);

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
        let mut program = Self { path: full, name, build: build_info::build() };
        let mut rng = fastrand::Rng::new();
        let (_, build) = program.greet(&mut rng)?;
        let path = Some(program.name.clone());
        program.build = Build { path, ..build };
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
        let child = Child::start(&self.path, SUBCOMMAND, rng);
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
        let memory = Memory::new(setup).map_err(Failure::environment)?;
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
                Side::start(program, run, other, index, &memory, &mut rng)?;
            let Some(pages) = side.ready()? else { return Ok(process) };
            process.pages = pages;
            sides.push(side);
        }
        for side in &mut sides {
            if side.ask(&Ask::WarmUp)?.is_none() {
                return Ok(process);
            }
        }

        let stream = u64::from(index + 1) << 32;
        let mut rng = fastrand::Rng::with_seed(setup.seed ^ stream);
        let mut runs_rng = rng.clone().fork();
        let stop = process::interrupted();
        for number in 0..setup.rounds {
            if stop.load(Ordering::Relaxed) {
                return Ok(process);
            }
            let arena = number % setup.arenas;
            let (low, high) = (setup.phases * 9 / 10, setup.phases * 11 / 10);
            let length = setup.divisible(rng.u32(low.max(1)..=high.max(1)));
            let first_sequence = rng.u32(..).into();
            let mut sheet = Sheet::new(arena, length, run.cells.len());
            for cell in turns(&run.cells, &mut rng) {
                let what = &run.cells[cell];
                let turn = Turn {
                    cell: place(&run.cells, cell),
                    arena,
                    lead: LEAD,
                    length: setup.phases_of(what, length),
                    first_sequence,
                    runs_seed: runs_rng.u64(..),
                };
                let side = &mut sides[usize::from(what.other)];
                match side.ask(&Ask::Block(turn))? {
                    None => return Ok(process),
                    Some(Answer::Block(sample)) => sheet.note(cell, sample),
                    Some(_) => return Err(side.program.stranger()),
                }
            }
            process.rounds.push(sheet.round());
            bar.inc(1);
        }
        let mut qualities = Vec::new();
        for side in &mut sides {
            match side.ask(&Ask::Finish)? {
                None => return Ok(process),
                Some(Answer::Done(quality)) => qualities.push(quality),
                Some(_) => return Err(side.program.stranger()),
            }
        }
        process.quality = match &qualities[..] {
            [first, other] => Some(quality::of_both(first, other)),
            _ => None,
        };
        Ok(process)
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
        };
        Self { round, device_ticks: vec![0; cells], chains: Vec::new() }
    }

    fn note(&mut self, cell: usize, sample: Sample) {
        self.round.ticks[cell] = sample.ticks;
        self.device_ticks[cell] = sample.device_ticks;
        self.chains.push(sample.chain_ghz);
    }

    /// The round as one process would have measured it, its frequency the
    /// mean over blocks.
    fn round(self) -> Round {
        let chains = self.chains.len().max(1) as f64;
        let chain_ghz = self.chains.iter().sum::<f64>() / chains;
        let device_ticks = Some(self.device_ticks);
        Round { chain_ghz, device_ticks, ..self.round }
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
        memory: &Memory,
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
        let order = SharedOrder { order, memory: memory.path.clone() };
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

    /// Gives it the turn and waits until it has answered; none when the user
    /// stops it all.
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

/// The arenas of two processes: a file in memory, which goes with the last
/// one that has it.
struct Memory {
    /// Where a child finds the file, for as long as it is open here.
    path: PathBuf,
    _file: File,
}

impl Memory {
    /// Huge pages where as many are set aside as this program needs, else
    /// whatever the kernel gives.
    fn new(setup: &Setup) -> io::Result<Self> {
        let file = match Self::huge(setup) {
            Ok(file) => file,
            Err(_) => memfd(MemfdFlags::empty())?,
        };
        let (process, number) = (std::process::id(), file.as_raw_fd());
        let path = PathBuf::from(format!("/proc/{process}/fd/{number}"));
        Ok(Self { path, _file: file })
    }

    fn huge(setup: &Setup) -> io::Result<File> {
        let file = memfd(MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB)?;
        let page = driver::memory::HUGE_PAGE;
        let bytes = measure::arena_bytes(setup).next_multiple_of(page) as u64;
        for arena in 0..u64::from(setup.arenas) {
            let none = FallocateFlags::empty();
            fallocate(&file, none, arena * FILE_STEP, bytes)?;
        }
        Ok(file)
    }
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
            let device_ticks = ticks + 1;
            sheet.note(cell, Sample { ticks, device_ticks, chain_ghz });
        }
        let round = sheet.round();
        assert_eq!((round.arena, round.length), (2, 9));
        assert_eq!(round.ticks, [10, 20, 30]);
        assert_eq!(round.device_ticks, Some(vec![11, 21, 31]));
        assert_eq!(round.chain_ghz, 3.0);
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
        let memory = Memory::new(&setup).expect("memory");
        let mut file = File::open(&memory.path).expect("found by its path");
        // SAFETY: blocks of the two follow one another, in one thread.
        let bench = |setup: &Setup| unsafe {
            Bench::shared(&memory._file, setup.clone(), 0).expect("memory")
        };
        let mut benches = [bench(&setup), bench(&small)];
        for name in ["baseline", "persona=fastest", "batch=list"] {
            for (bench, arena) in [(0, 0), (1, 0), (0, 0), (0, 1), (1, 1)] {
                let task = Task {
                    variant: plan::find(name).expect("known"),
                    workload: setup.workload,
                    batch: 32,
                    fill: setup.fill,
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
