//! One of two measuring processes that take turns, and what their parent and
//! they say to each other: lines of JSON.
//!
//! The two are of different programs, on one core and on the same arenas. Who
//! has measured its blocks of a round hands a token to the other, through a
//! pipe between the two; who has no token waits and touches nothing.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use variants::registry::Variant;

use crate::affinity;
use crate::build_info;
use crate::clock;
use crate::failure::Failure;
use crate::measure::{Bench, Task};
use crate::plan;
use crate::process;
use crate::quality::Watch;
use crate::results::Quality;
use crate::worker::{self, Order};

/// The version of what is said, counted up with each change to it: to the
/// types here and to those of [`Order`].
pub const PROTOCOL: u32 = 2;

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "turns";

/// The parent's first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Greeting {
    /// What the parent speaks.
    pub protocol: u32,
}

/// The parent's second line, to a process that speaks as it does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SharedOrder {
    /// What the process is to measure: its own cells alone.
    pub order: Order,
    /// The file in memory that both processes have their arenas in.
    pub memory: PathBuf,
    /// The end of a pipe that the token comes from.
    pub from: PathBuf,
    /// The end of a pipe that it is handed to.
    pub to: PathBuf,
}

/// All further lines of the parent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// Run every contender once on every arena; the other process waits.
    WarmUp,
    /// Take these turns. Both processes are given the same ones, and the token
    /// is with whose turn is the first.
    Turns(Vec<Turn>),
    /// Say what happened since the first block, and end.
    Finish,
}

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Whether it is this process's turn.
    pub mine: bool,
    /// Number of the cell in the order of whose turn it is.
    pub cell: usize,
    /// Number of the arena.
    pub arena: u32,
    /// Phases of a block before it that nobody looks at; none at 0.
    pub lead: u32,
    /// Phases.
    pub length: u32,
    /// Number of the first frame at each port.
    pub first_sequence: u64,
    /// Seed of the runs of a random fill.
    pub runs_seed: u64,
    /// Whether the reference kernel runs before all that.
    pub reference: bool,
}

/// What a process says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// To the greeting: what it speaks and which build it is.
    Hello {
        /// What it speaks.
        protocol: u32,
        /// Its build, as in `run.json`.
        build: Value,
    },
    /// It has its memory, which consists of this.
    Ready(String),
    /// It has run every contender.
    WarmedUp,
    /// It has measured its blocks, in their order.
    Blocks(Vec<Sample>),
    /// It ends.
    Done {
        /// What befell it.
        quality: Quality,
        /// How long it had the core, in nanoseconds.
        on_core_ns: u64,
    },
    /// It cannot go on.
    Failed(String),
}

/// What a block measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Ticks of the driver's turns, clock cost subtracted.
    pub ticks: u64,
    /// Ticks of the card's turns.
    pub device_ticks: u64,
    /// Core frequency before the block, by a dependent add chain, in GHz.
    pub chain_ghz: f64,
    /// Ticks of the reference kernel, where it was to run.
    pub reference_ticks: Option<u64>,
}

/// The process's side.
///
/// # Errors
///
/// When nobody speaks to it, or what is said cannot be understood.
pub fn command() -> Result<(), Failure> {
    process::die_with_parent().map_err(Failure::error)?;
    // At a terminal, Ctrl-C reaches all processes; the parent ends this one.
    process::interrupted();
    let mut out = io::stdout().lock();
    let mut say = |answer: Answer| {
        let line = serde_json::to_string(&answer).map_err(Failure::error)?;
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .map_err(Failure::error)
    };
    match take_turns(&mut io::stdin().lock(), &mut say) {
        Ok(()) => Ok(()),
        Err(failure) => say(Answer::Failed(failure.to_string())),
    }
}

/// Does what the lines of `asks` say, until one says to end or there are no
/// more.
fn take_turns(
    asks: &mut impl BufRead,
    say: &mut dyn FnMut(Answer) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some(greeting) = next::<Greeting>(asks)? else { return Ok(()) };
    let build = serde_json::to_value(build_info::build());
    let build = build.map_err(Failure::error)?;
    say(Answer::Hello { protocol: PROTOCOL, build })?;
    if greeting.protocol != PROTOCOL {
        return Ok(());
    }
    let Some(shared) = next::<SharedOrder>(asks)? else { return Ok(()) };
    let SharedOrder { order, memory, from, to } = shared;
    let mut token = Token::open(&from, &to)?;
    let core = order.setup.core;
    affinity::pin(core).map_err(Failure::environment)?;
    let contenders = order
        .cells
        .iter()
        .map(|cell| plan::find(&cell.variant))
        .collect::<Result<Vec<_>, _>>()?;
    let file = File::options().read(true).write(true).open(&memory);
    let file = file.map_err(|error| {
        let memory = memory.display();
        Failure::environment(format!("cannot open {memory}: {error}"))
    })?;
    let setup = order.setup.clone();
    // SAFETY: the parent starts the other process when this one has said that
    // it has its memory, has one of them warm up at a time, and makes the file
    // no shorter; there is one token, and without it this process does not
    // reach the arenas.
    let bench = unsafe { Bench::shared(&file, setup, order.clock_cost_ticks) };
    let mut bench = bench.map_err(Failure::environment)?;
    say(Answer::Ready(bench.pages().to_owned()))?;

    let mut watch = None;
    while let Some(ask) = next::<Ask>(asks)? {
        match ask {
            Ask::WarmUp => {
                worker::warm_up(&order, &contenders, &mut bench)?;
                say(Answer::WarmedUp)?;
            }
            Ask::Turns(turns) => {
                watch.get_or_insert_with(|| {
                    (Watch::begin(core), clock::thread_ns())
                });
                let mut samples = Vec::new();
                let mut has_token = turns.first().is_some_and(|t| t.mine);
                for turn in turns {
                    match (turn.mine, has_token) {
                        (true, false) => token.wait()?,
                        (false, true) => token.hand_on()?,
                        _ => (),
                    }
                    has_token = turn.mine;
                    if turn.mine {
                        let sample =
                            block(&mut bench, &order, &contenders, turn)?;
                        samples.push(sample);
                    }
                }
                say(Answer::Blocks(samples))?;
            }
            Ask::Finish => {
                let Some((watch, before)) = watch else { return Ok(()) };
                let on_core_ns = clock::thread_ns() - before;
                let quality = watch.end();
                return say(Answer::Done { quality, on_core_ns });
            }
        }
    }
    Ok(())
}

/// What a process needs to reach the arenas, and the pipes that it travels in.
struct Token {
    from: File,
    to: File,
}

/// What a process says that waits in vain.
pub const ALONE: &str = "the other process is gone";

impl Token {
    fn open(from: &Path, to: &Path) -> Result<Self, Failure> {
        let cannot = |path: &Path, error: io::Error| {
            let path = path.display();
            Failure::environment(format!("cannot open {path}: {error}"))
        };
        let from = File::open(from).map_err(|error| cannot(from, error))?;
        let to = File::options().write(true).open(to);
        let to = to.map_err(|error| cannot(Path::new("a pipe"), error))?;
        Ok(Self { from, to })
    }

    fn wait(&mut self) -> Result<(), Failure> {
        let read = self.from.read_exact(&mut [0]);
        read.map_err(|_| Failure::error(ALONE))
    }

    fn hand_on(&mut self) -> Result<(), Failure> {
        self.to.write_all(&[0]).map_err(|_| Failure::error(ALONE))
    }
}

/// The next line; none when the parent says no more.
fn next<T: DeserializeOwned>(
    asks: &mut impl BufRead,
) -> Result<Option<T>, Failure> {
    let mut line = String::new();
    if asks.read_line(&mut line).map_err(Failure::error)? == 0 {
        return Ok(None);
    }
    serde_json::from_str(&line).map(Some).map_err(|error| {
        Failure::error(format!("what is asked cannot be read: {error}"))
    })
}

fn block(
    bench: &mut Bench,
    order: &Order,
    contenders: &[Variant],
    turn: Turn,
) -> Result<Sample, Failure> {
    let Turn { cell, arena, lead, length, first_sequence, runs_seed, .. } =
        turn;
    let (Some(what), Some(variant)) =
        (order.cells.get(cell), contenders.get(cell))
    else {
        return Err(Failure::error(format!("there is no cell {cell}")));
    };
    if arena >= order.setup.arenas {
        return Err(Failure::error(format!("there is no arena {arena}")));
    }
    let chain_ghz = clock::chain_ghz(order.tick_hz);
    let reference_ticks = match turn.reference {
        true => bench.reference(arena as usize),
        false => None,
    };
    let task = Task {
        variant: *variant,
        workload: what.workload,
        batch: what.batch,
        fill: what.fill,
        cores: None,
        arena: arena as usize,
        length,
        first_sequence,
        runs_seed,
    };
    let mut run = |task: &Task| {
        bench.block(task).map_err(|error| worker::invalid(what, &error))
    };
    if lead > 0 {
        run(&Task { length: lead, ..task })?;
    }
    let block = run(&task)?;
    let (ticks, device_ticks) = (block.ticks, block.device_ticks);
    Ok(Sample { ticks, device_ticks, chain_ghz, reference_ticks })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    /// What a process answers to these lines, and how it ends.
    fn answers(asks: &str) -> (Vec<Answer>, Result<(), Failure>) {
        let mut said = Vec::new();
        let mut say = |answer| {
            said.push(answer);
            Ok(())
        };
        let end = take_turns(&mut asks.as_bytes(), &mut say);
        (said, end)
    }

    #[test]
    fn a_token_is_handed_on_and_who_is_alone_does_not_wait() {
        let (from_read, from_write) = io::pipe().expect("a pipe");
        let (to_read, to_write) = io::pipe().expect("a pipe");
        let path = |open: &dyn AsRawFd| {
            PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()))
        };
        let ours = Token::open(&path(&from_read), &path(&to_write));
        let theirs = Token::open(&path(&to_read), &path(&from_write));
        let (mut ours, mut theirs) =
            (ours.expect("found"), theirs.expect("found"));
        drop((from_read, from_write, to_read, to_write));
        theirs.hand_on().expect("somebody waits");
        ours.wait().expect("it is there");
        drop(theirs);
        let failure = ours.wait().expect_err("nobody is left");
        assert_eq!(failure.to_string(), ALONE);
    }

    #[test]
    fn a_process_says_what_it_speaks_and_what_it_is() {
        let line = serde_json::to_string(&Greeting { protocol: PROTOCOL });
        let (said, end) = answers(&line.expect("JSON"));
        let [Answer::Hello { protocol, build }] = &said[..] else {
            panic!("{said:?}")
        };
        assert_eq!((*protocol, end), (PROTOCOL, Ok(())));
        assert_eq!(build["commit"], build_info::build().commit);
    }

    #[test]
    fn a_process_that_is_asked_for_another_protocol_says_its_own_and_ends() {
        let more = "{\"protocol\": 999, \"news\": []}\nwhat it does not know\n";
        let (said, end) = answers(more);
        let [Answer::Hello { protocol: PROTOCOL, .. }] = &said[..] else {
            panic!("{said:?}")
        };
        assert_eq!(end, Ok(()));
    }

    #[test]
    fn an_order_that_cannot_be_read_is_one_line() {
        let greeting = format!("{{\"protocol\": {PROTOCOL}}}\n");
        let (_, end) = answers(&(greeting + "{\"order\": 1}\n"));
        let line = end.expect_err("an order").to_string();
        assert!(line.starts_with("what is asked cannot be read"), "{line}");
        assert_eq!(answers("").0.len(), 0);
    }
}
