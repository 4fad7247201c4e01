//! The command line: what can be asked for, and in which words.

mod external;
mod gate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::card::{Address, Pair, Through};
use crate::failure::Failure;
use crate::load::{self, PaceArg, PatternArg, Rate, SizesArg, Time};
use crate::output;
use crate::report::Format;
use crate::results::{Fill, Placement, Trace, Workload};
use crate::soak::FlapArg;
use crate::tune::{self, Stop};
use crate::{
    bisect, compare, counters, doctor, explain, forward, latency, list, micro,
    ndr, pair, reanalyse, report, reproduce, run, serve, soak, sweep, trend,
    worker,
};

pub use external::{ExternalArgs, FirstArgs};
pub use gate::{
    BaselineAction, BaselineArgs, BisectArgs, CheckArgs, GateArgs,
    ListBaselinesArgs, SaveArgs, ShowArgs, StoreArgs, TrendArgs,
};

/// What does one way of writing a driver's hot path cost against another?
///
/// An Intel 82599 driver in variants of style, measured side by side against
/// a software card that checks every packet.
#[derive(Parser)]
#[command(version, name = "bench-runner", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Axes and variants
    #[command(after_help = "Example: bench-runner list --json")]
    List(ListArgs),
    /// Measure every variant at every batch size
    #[command(after_help = "\
Examples:
  bench-runner sweep                     everything, about six minutes
  bench-runner sweep --quick             the same with fewer samples
  bench-runner sweep --axis batch --batch 1,32
  bench-runner sweep --placement threaded --cores 1,2,3 --batch 32
  bench-runner sweep --placement threaded --rate line
  bench-runner sweep --nic 0000:03:00.0,0000:03:00.1 --batch 1,32
  bench-runner sweep --resume            go on with an interrupted sweep")]
    Sweep(SweepArgs),
    /// Measure one variant at one batch size against its reference
    #[command(
        after_help = "Example: bench-runner run --variant reg=boxed --batch 32"
    )]
    Run(RunArgs),
    /// Whether B is faster or slower than A, how sure that is, and why
    #[command(after_help = "\
Examples:
  bench-runner compare reg=unboxed reg=boxed --batch 32
  bench-runner compare reg=boxed@8 reg=boxed@256     two batch sizes
  bench-runner compare status=branchy status=masked --layouts 8
  bench-runner compare reg=unboxed reg=unboxed       must be equivalent
  bench-runner compare old/bench-runner:reg=boxed reg=boxed
                                                     two programs

Exit code 0 whatever is found, 3 where nothing can be said.")]
    Compare(CompareArgs),
    /// How long a packet takes, to the last percentile
    #[command(after_help = "\
Examples:
  bench-runner latency --virtual --variant buffer=freelist,buffer=deferred
  bench-runner latency --virtual --variant baseline --rate 1M,90% --batch 8
  bench-runner latency --virtual --variant baseline --pattern burst:32 \
--rate 5M --out DIR

Virtual time: what each batch cost on this machine, and nothing else of its
time, against a schedule of arrivals.")]
    Latency(LatencyArgs),
    /// Tables, charts and page of a recorded run, from its samples
    #[command(
        after_help = "Example: bench-runner reanalyse results/2026-11-21-amd-epyc"
    )]
    Reanalyse(ReanalyseArgs),
    /// Published figures, measured here and held against what was published
    #[command(after_help = "\
Examples:
  bench-runner reproduce --list
  bench-runner reproduce S2
  bench-runner reproduce F1 F2 F9 --out DIR
  bench-runner reproduce all             every figure, some minutes
  bench-runner reproduce --resume --out DIR

Absolute values belong to a machine: what is judged is the shape.")]
    Reproduce(ReproduceArgs),
    /// Recorded runs as one page with everything, as Markdown or as CSV
    #[command(after_help = "\
Examples:
  bench-runner report results/2026-11-21-amd-epyc --out report.html
  bench-runner report RUN LATENCY REPRODUCTION       folders, one page
  bench-runner report results                        with their history
  bench-runner report RUN --format md                for a README or CI
  bench-runner report RUN --format csv --out cells.csv
  bench-runner report RUN --gallery plots --into README.md")]
    Report(ReportArgs),
    /// The machine code of two variants side by side
    #[command(after_help = "\
Examples:
  bench-runner explain reg=unboxed reg=boxed
  bench-runner explain walk=chase walk=speculate --batch 32
  bench-runner explain --all             variants that share machine code")]
    Explain(ExplainArgs),
    /// What a packet costs in instructions, branches, accesses, allocations
    #[command(after_help = "\
Examples:
  bench-runner counters --axis status    on full and on random rings
  bench-runner counters --variants reg=boxed,batch=list --batch 1,32,256
  bench-runner counters --batch 32,8     as in the published table
  bench-runner counters --check          held against the registry
  bench-runner counters --self-test      whether the counting counts

Counts of valgrind's callgrind are exact: the same each time. Beside them are
the processor's own counters, or why there are none.")]
    Counters(CountersArgs),
    /// The highest load that a variant forwards without loss, on the model
    #[command(after_help = "\
Examples:
  bench-runner ndr --variant baseline,reg=boxed --virtual
  bench-runner ndr --variant baseline --frame 64,imix --batch 1,32 --virtual
  bench-runner ndr --variant baseline,buffer=deferred --virtual \
--frame 64,128,256,512,1024,1280,1518 --out DIR
  bench-runner ndr --variant buffer=deferred --virtual --loss 0,0.1%,1%
  bench-runner ndr --variant baseline    on the wall clock, on two cores

In virtual time batches cost what they were measured to cost on this machine;
a wire's line rate is no limit in either time.")]
    Ndr(NdrArgs),
    /// One rate for as long as asked: loss and drift over time
    #[command(after_help = "\
Examples:
  bench-runner soak --rate 5M --seconds 120
  bench-runner soak --variant buffer=arc --rate 10M --seconds 3600 --out DIR
  bench-runner soak --resume --out DIR   goes on after an interruption
  bench-runner soak --rate 1M --flap 10:0.5")]
    Soak(SoakArgs),
    /// One variant as a driver by itself, between two ports of a card
    #[command(after_help = "\
Examples:
  bench-runner forward 0000:03:00.0 0000:03:00.1
  bench-runner forward 0000:03:00.0 0000:03:00.1 --interrupts
  bench-runner forward 0000:03:00.0 0000:03:00.1 --variant reg=boxed \
--batch 8 --seconds 10")]
    Forward(ForwardArgs),
    /// Programs to check against: kept with counts, times and machine
    #[command(after_help = "\
Examples:
  bench-runner baseline save --name main
  bench-runner baseline show main
  bench-runner baseline list")]
    Baseline(BaselineArgs),
    /// Whether this program is slower than a baseline
    #[command(after_help = "\
Examples:
  bench-runner check --against main
  bench-runner check --against main --tier 0         counts alone, anywhere
  bench-runner check --against main --out DIR --history DIR
  bench-runner check --against main --variants reg=boxed --batch 32

Exit code 0: no cell is slower. 1: some are. 3: it cannot be said. 4: machine
or apparatus are not what they were, and nothing is said of the code.")]
    Check(CheckArgs),
    /// Which commit made it slower
    #[command(after_help = "\
Examples:
  bench-runner bisect v0.3 main
  bench-runner bisect HEAD~10 HEAD --variants reg=boxed --batch 32
  bench-runner bisect HEAD~10 HEAD --tier counts")]
    Bisect(BisectArgs),
    /// Each cell over commits, and where it changed
    #[command(after_help = "\
Examples:
  bench-runner trend HISTORY
  bench-runner trend HISTORY --variants reg=boxed --batch 32
  bench-runner trend --history-branch perf-history --out DIR")]
    Trend(TrendArgs),
    /// Give the model to guests of QEMU, as a card (vfio-user)
    #[command(after_help = "\
Examples:
  bench-runner serve --socket 0.sock --socket 1.sock
  bench-runner serve --socket 0.sock --socket 1.sock --wire
  bench-runner serve --socket 0.sock --tap ringside0

A guest has a port by

  -device '{\"driver\":\"vfio-user-pci\",\"socket\":{\"path\":\"0.sock\",\"type\":\"unix\"}}'

with shared memory; QEMU knows that from 10.1 on. GUEST.md shows all of it.")]
    Serve(ServeArgs),
    /// What of this machine moves a number, graded, with the fix
    #[command(after_help = "\
Examples:
  bench-runner doctor
  bench-runner doctor --core 3 --model-core 2
  bench-runner doctor --nic 0000:03:00.0,0000:03:00.1
  bench-runner doctor --json")]
    Doctor(DoctorArgs),
    /// Set the machine up for measuring: one frequency, quiet cores
    #[command(after_help = "\
Examples:
  bench-runner tune --dry-run            what would be set
  sudo bench-runner tune --core 3
  sudo bench-runner restore              everything as it was")]
    Tune(TuneArgs),
    /// Somebody else's driver, unmodified, on our card
    #[command(after_help = "\
Examples:
  bench-runner external --name mine -- ./my-forwarder {port0} {port1}
  bench-runner external --name mine --with baseline -- \
./my-forwarder {port0} {port1}

The program finds two ports of an 82599 under /sys/bus/pci/devices and huge
pages in /mnt/huge. It runs as root, in mount and PID namespaces of its own,
which is no security border.")]
    External(ExternalArgs),
    /// Put back what `tune` set, also after it was interrupted or killed
    #[command(after_help = "Example: sudo bench-runner restore")]
    Restore(StateArgs),
    /// One process of `counters`, run under an instrument
    #[command(hide = true)]
    Counted,
    /// One measuring process of a sweep; started by it
    #[command(hide = true)]
    Worker,
    /// A program in namespaces of its own; started by `external`
    #[command(hide = true)]
    Confine,
    /// The first process in there; started by `confine`
    #[command(hide = true)]
    ConfineFirst(FirstArgs),
    /// One of two measuring processes that take turns; started by `compare`
    #[command(hide = true, name = pair::SUBCOMMAND)]
    Turns,
    /// Loops without a driver, timed or counted, as JSON
    #[command(hide = true)]
    Micro(MicroArgs),
    /// One process of `micro` and of `reproduce`
    #[command(hide = true, name = micro::worker::SUBCOMMAND)]
    Kernels,
}

/// Options of `micro`.
#[derive(Args, Clone, Debug)]
pub struct MicroArgs {
    /// Kernels or groups of them, such as walks/in-order/chase/16KiB
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Count instructions and branches instead of taking the time
    #[arg(long)]
    pub count: bool,
    /// Fresh processes
    #[arg(
        long,
        value_name = "N",
        default_value_t = micro::Effort::default().processes,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub processes: u32,
    /// Rounds per process
    #[arg(
        long,
        value_name = "N",
        default_value_t = micro::Effort::default().rounds,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub rounds: u32,
    /// The core to measure on
    #[arg(long, value_name = "CORE")]
    pub core: Option<u32>,
}

/// Options of `list`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Where and how variants are measured.
#[derive(Args, Clone, Debug)]
pub struct MeasureArgs {
    /// Where the model of the card runs
    #[arg(long, value_enum, default_value = "lockstep")]
    pub placement: PlacementArg,
    /// How the card leaves the receive rings; a sweep that is not told
    /// measures the axis status with both
    #[arg(long, value_enum)]
    pub fill: Option<FillArg>,
    /// Seed of traffic, order and block lengths; drawn otherwise
    #[arg(long)]
    pub seed: Option<u64>,
    /// Core that forwards
    #[arg(long)]
    pub core: Option<u32>,
    /// Core that the model polls on (threaded)
    #[arg(long)]
    pub model_core: Option<u32>,
    /// Fresh processes
    #[arg(long, value_name = "N")]
    pub processes: Option<u32>,
    /// Rounds per process
    #[arg(long, value_name = "N")]
    pub rounds: Option<u32>,
    /// Descriptors per ring, a power of two from 64 to 4096
    #[arg(long, value_name = "N", default_value_t = 512)]
    pub ring: u16,
    /// Bytes per packet buffer, a power of two from 64 to 4096
    #[arg(long, value_name = "BYTES", default_value_t = 2048)]
    pub buffer: u16,
    /// Frame size on the wire with its checksum, from 64 to 1518
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub frame: u16,
    /// What is done to the packets; each variant's own workload otherwise
    #[arg(long, value_enum)]
    pub workload: Option<Workload>,
    /// Packet types that the card tells apart, from 2 to 32 (classify)
    /// [default: 32]
    #[arg(long, value_name = "N")]
    pub types: Option<u8>,
    /// How packet types follow each other (classify) [default: generated]
    #[arg(long, value_enum)]
    pub trace: Option<Trace>,
    /// Modelled cost of each register access in cycles
    #[arg(long, value_name = "CYCLES", default_value_t = 0)]
    pub doorbell_cycles: u32,
}

/// Several cores that forward.
#[derive(Args, Clone, Debug)]
pub struct CoresArgs {
    /// Cores that forward, each with queues of its own, over which the card
    /// spreads flows; a sweep measures the first one, the first two and so on
    /// (threaded)
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        conflicts_with = "core"
    )]
    pub cores: Vec<u32>,
    /// Queues per port and direction, at least as many as cores
    /// [default: as many]
    #[arg(long, value_name = "N", requires = "cores")]
    pub queues: Option<u16>,
    /// One core receives and works on packets and another one sends them;
    /// --cores may name the two (threaded)
    #[arg(long, conflicts_with_all = ["queues", "core"])]
    pub split: bool,
}

impl CoresArgs {
    /// Whether more than one core is to forward, or could.
    pub fn are_several(&self) -> bool {
        self.split || !self.cores.is_empty()
    }
}

/// How frames come.
#[derive(Args, Clone, Copy, Debug)]
pub struct OfferArgs {
    /// Packets per second, both ports together, with equal gaps and whether or
    /// not there are descriptors: line for two 10 Gbit/s wires, a number such
    /// as 20M, or none for as many as the rings take (threaded)
    /// [default: none]
    #[arg(long, value_name = "RATE")]
    pub rate: Option<PaceArg>,
}

/// A real card in place of the model.
#[derive(Args, Clone, Debug)]
pub struct CardArgs {
    /// Two ports of a real card, such as 0000:03:00.0,0000:03:00.1; what is
    /// forwarded of the traffic that comes is counted
    #[arg(long, value_name = "ADDR,ADDR")]
    pub nic: Option<Pair>,
    /// Two more ports, cabled to those, that send; an outside generator does
    /// otherwise
    #[arg(long, value_name = "ADDR,ADDR", requires = "nic")]
    pub generator: Option<Pair>,
    /// How ports are reached [default: vfio in an IOMMU group]
    #[arg(long, value_enum, requires = "nic")]
    pub through: Option<Through>,
    /// Folder for files of huge pages
    /// [default: the first hugetlbfs that is mounted]
    #[arg(long, value_name = "DIR", requires = "nic")]
    pub huge_pages: Option<PathBuf>,
    /// Take cards that this machine is reached by, too
    #[arg(long)]
    pub force: bool,
}

/// Options of `sweep`.
#[derive(Args, Clone, Debug)]
pub struct SweepArgs {
    /// Fewer rounds
    #[arg(long)]
    pub quick: bool,
    /// Which variants
    #[command(flatten)]
    pub choice: ChoiceArgs,
    /// Batch sizes
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "1,2,4,8,16,32,64,128,256"
    )]
    pub batch: Vec<u32>,
    /// Folder of the results; a new one in results/ otherwise
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on with the interrupted sweep in --out, or the newest, as it was begun
    #[arg(long)]
    pub resume: bool,
    /// Several cores that forward
    #[command(flatten)]
    pub several: CoresArgs,
    /// How frames come
    #[command(flatten)]
    pub offer: OfferArgs,
    /// A real card
    #[command(flatten)]
    pub card: CardArgs,
    /// Where and how
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Options of `run`.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Variant, such as reg=boxed
    #[arg(long, value_name = "NAME")]
    pub variant: String,
    /// How many at once
    #[command(flatten)]
    pub batch: BatchArgs,
    /// Keep samples, charts and page in this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Several cores that forward
    #[command(flatten)]
    pub several: CoresArgs,
    /// How frames come
    #[command(flatten)]
    pub offer: OfferArgs,
    /// Where and how
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Options of `compare`.
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// What is compared with, `[PROGRAM:]NAME[@BATCH]`, such as reg=unboxed,
    /// reg=unboxed@32 or old/bench-runner:reg=unboxed; PROGRAM is another
    /// bench-runner than this one
    #[arg(value_name = "A")]
    pub a: String,
    /// What is compared, likewise, such as reg=boxed or reg=boxed@256
    #[arg(value_name = "B")]
    pub b: String,
    /// Batch sizes, for names without one
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "32"
    )]
    pub batch: Vec<u32>,
    /// Links of the program besides the measured one, from 2, each with its
    /// sections in another order; a verdict then speaks for more than a build
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub layouts: u32,
    /// Only the verdicts, not where a difference comes from
    #[arg(long)]
    pub brief: bool,
    /// Slow B, a copy of A, down by one phase in so many, for tests
    #[arg(
        long,
        value_name = "N",
        hide = true,
        value_parser = clap::value_parser!(u32).range(1..=100)
    )]
    pub inject_every: Option<u32>,
    /// Where to
    #[command(flatten)]
    pub output: OutputArgs,
    /// Where and how
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Options of commands that offer a load to variants.
#[derive(Args, Clone, Debug)]
pub struct LoadArgs {
    /// Variants, such as buffer=freelist,buffer=deferred
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', required = true)]
    pub variant: Vec<String>,
    /// In virtual time, without the machine's own pauses
    #[arg(long = "virtual")]
    pub in_virtual_time: bool,
    /// Seed of traffic and schedules; drawn otherwise
    #[arg(long)]
    pub seed: Option<u64>,
    /// Core that forwards
    #[arg(long)]
    pub core: Option<u32>,
    /// Where to
    #[command(flatten)]
    pub output: OutputArgs,
}

impl LoadArgs {
    /// What time the load is offered in.
    pub fn time(&self) -> Time {
        match self.in_virtual_time {
            true => Time::Virtual,
            false => Time::Wall,
        }
    }
}

/// Where numbers go.
#[derive(Args, Clone, Debug)]
pub struct OutputArgs {
    /// Keep numbers and charts in this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A batch size.
#[derive(Args, Clone, Copy, Debug)]
pub struct BatchArgs {
    /// Upper limit of packets per receive call
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub batch: u32,
}

/// Batch sizes.
#[derive(Args, Clone, Debug)]
pub struct BatchesArgs {
    /// Upper limits of packets per receive call
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "32"
    )]
    pub batch: Vec<u32>,
}

/// How large frames are and how they follow each other.
#[derive(Args, Clone, Copy, Debug)]
pub struct TrafficArgs {
    /// Frame size on the wire with its checksum, from 64 to 1518, or imix
    #[arg(long, value_name = "BYTES", default_value = "64")]
    pub frame: SizesArg,
    /// How frames follow each other: constant, poisson or burst:N
    #[arg(long, value_name = "HOW", default_value = "constant")]
    pub pattern: PatternArg,
}

/// Which variants, all of them where nothing is said.
#[derive(Args, Clone, Debug)]
pub struct ChoiceArgs {
    /// Only the variants of these axes and their references
    #[arg(long, value_name = "AXIS,…", value_delimiter = ',')]
    pub axis: Vec<String>,
    /// Only these variants and their references
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub variants: Vec<String>,
}

/// Options of `latency`.
#[derive(Args, Clone, Debug)]
pub struct LatencyArgs {
    /// Not for this command; it says so
    #[arg(long, value_name = "ADDR,ADDR", hide = true)]
    pub nic: Option<Pair>,
    /// To whom, and where to
    #[command(flatten)]
    pub load: LoadArgs,
    /// Packets per second, both ports together, line for what two wires carry,
    /// or shares of the variant's own highest rate
    #[arg(
        long,
        value_name = "RATE,…",
        value_delimiter = ',',
        default_value = "1M,10M,20M,10%,50%,90%,100%"
    )]
    pub rate: Vec<Rate>,
    /// How many at once
    #[command(flatten)]
    pub batch: BatchArgs,
    /// What comes
    #[command(flatten)]
    pub traffic: TrafficArgs,
    /// Core that the model of the card polls on, on the wall clock
    #[arg(long, conflicts_with = "in_virtual_time")]
    pub model_core: Option<u32>,
    /// Packets per series [default: 1000000, or on the wall clock those of a
    /// second if they are more]
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "seconds",
        value_parser = clap::value_parser!(u64).range(100..=10_000_000)
    )]
    pub packets: Option<u64>,
    /// Seconds per series instead
    #[arg(long, value_name = "S")]
    pub seconds: Option<f64>,
}

/// Options of `soak`.
#[derive(Args, Clone, Debug)]
pub struct SoakArgs {
    /// Variant, such as buffer=arc
    #[arg(long, value_name = "NAME", default_value = "baseline")]
    pub variant: String,
    /// Packets per second, both ports together, or line for what two wires
    /// carry
    #[arg(long, value_name = "RATE", required_unless_present = "resume")]
    pub rate: Option<Rate>,
    /// For how long
    #[arg(long, value_name = "S", default_value_t = 60.0)]
    pub seconds: f64,
    /// Seconds of an interval; 1, or more where there were more than 600
    #[arg(long, value_name = "S")]
    pub interval: Option<f64>,
    /// How many at once
    #[command(flatten)]
    pub batch: BatchArgs,
    /// What comes
    #[command(flatten)]
    pub traffic: TrafficArgs,
    /// Both links go down every so many seconds, for so many seconds
    #[arg(long, value_name = "EVERY:DOWN")]
    pub flap: Option<FlapArg>,
    /// Seed of traffic and schedule; drawn otherwise
    #[arg(long)]
    pub seed: Option<u64>,
    /// Core that forwards
    #[arg(long)]
    pub core: Option<u32>,
    /// Core that the model of the card polls on
    #[arg(long)]
    pub model_core: Option<u32>,
    /// Go on with the interrupted soak in --out, as it was begun
    #[arg(long)]
    pub resume: bool,
    /// Where to
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Options of `forward`.
#[derive(Args, Clone, Debug)]
pub struct ForwardArgs {
    /// PCI addresses of two ports, such as 0000:03:00.0
    #[arg(value_name = "ADDR", num_args = 2, required = true)]
    pub ports: Vec<Address>,
    /// Variant, such as reg=boxed
    #[arg(long, value_name = "NAME", default_value = "baseline")]
    pub variant: String,
    /// Most packets per receive call
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub batch: u16,
    /// For how long; until it is stopped otherwise
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub seconds: Option<f64>,
    /// Core that forwards; wherever the system lets it otherwise
    #[arg(long)]
    pub core: Option<u32>,
    /// How the ports are reached [default: vfio in an IOMMU group]
    #[arg(long, value_enum)]
    pub through: Option<Through>,
    /// Wait for interrupts while nothing comes (VFIO)
    #[arg(long)]
    pub interrupts: bool,
    /// Folder for files of huge pages
    /// [default: the first hugetlbfs that is mounted]
    #[arg(long, value_name = "DIR")]
    pub huge_pages: Option<PathBuf>,
    /// Take cards that this machine is reached by, too
    #[arg(long)]
    pub force: bool,
    /// Use device addresses that the IOMMU does not know, for tests (VFIO)
    #[arg(long, hide = true)]
    pub wrong_iova: bool,
    /// Folder that /proc and /sys are below, for tests
    #[arg(long, value_name = "DIR", hide = true)]
    pub root: Option<PathBuf>,
}

/// Options of `reanalyse`.
#[derive(Args, Clone, Debug)]
pub struct ReanalyseArgs {
    /// Folder of the run, or its run.json
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
}

/// Options of `reproduce`.
#[derive(Args, Clone, Debug)]
pub struct ReproduceArgs {
    /// Figures by name, such as F1 or S2, or all
    #[arg(
        value_name = "FIGURE",
        required_unless_present_any = ["list", "resume"]
    )]
    pub figures: Vec<String>,
    /// What there is
    #[arg(long, conflicts_with_all = ["figures", "resume"])]
    pub list: bool,
    /// Fewer rounds
    #[arg(long)]
    pub quick: bool,
    /// Folder of pages, charts and samples; a new one in results/ otherwise
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on with the interrupted reproduction in --out, as it was begun; one
    /// that is complete is drawn anew
    #[arg(long, conflicts_with = "figures")]
    pub resume: bool,
    /// Seed of traffic, order and schedules; drawn otherwise
    #[arg(long)]
    pub seed: Option<u64>,
    /// Core that forwards
    #[arg(long)]
    pub core: Option<u32>,
    /// Core of the card, in threads
    #[arg(long)]
    pub model_core: Option<u32>,
}

/// Options of `report`.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// Folders of results, folders of such folders, or single files; the
    /// newest folder in results/ where nothing is named
    #[arg(value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// How it is written [default: html]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// File to write; report.html in the first folder, or the terminal for
    /// the other formats
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Page, such as README.md, in which the run stands between two lines,
    /// <!-- recorded-run:begin --> and <!-- recorded-run:end -->
    #[arg(long, value_name = "PAGE", conflicts_with = "out")]
    pub into: Option<PathBuf>,
    /// Folder for the run's charts and an index page of them
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    pub gallery: Option<PathBuf>,
}

/// Options of `explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// Two variants, such as reg=unboxed reg=boxed
    #[arg(value_name = "NAME", num_args = 2, required_unless_present = "all")]
    pub variants: Vec<String>,
    /// Every variant: its counts, which share their machine code, and
    /// whether the registry says so
    #[arg(long, conflicts_with_all = ["variants", "batch"])]
    pub all: bool,
    /// Batch size to explain; the code is the same at each
    #[arg(long, value_name = "N")]
    pub batch: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `counters`.
#[derive(Args, Clone, Debug)]
pub struct CountersArgs {
    /// Which variants
    #[command(flatten)]
    pub choice: ChoiceArgs,
    /// At which batch sizes
    #[command(flatten)]
    pub batch: BatchesArgs,
    /// Descriptors that a batch finds done; both kinds otherwise
    #[arg(long, value_enum)]
    pub fill: Option<FillArg>,
    /// Fail where a variant does not show what the registry says; at batch
    /// size 32, on both kinds of rings
    #[arg(long, conflicts_with_all = ["batch", "fill"])]
    pub check: bool,
    /// Fail where valgrind does not count one instruction more per packet as
    /// exactly that, each time
    #[arg(
        long,
        conflicts_with_all = [
            "axis", "variants", "batch", "fill", "check", "json", "out"
        ]
    )]
    pub self_test: bool,
    /// Folder to keep the counts in, beside a run or by themselves
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    pub out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `ndr`.
#[derive(Args, Clone, Debug)]
pub struct NdrArgs {
    /// Not for this command; it says so
    #[arg(long, value_name = "ADDR,ADDR", hide = true)]
    pub nic: Option<Pair>,
    /// To whom, and where to
    #[command(flatten)]
    pub load: LoadArgs,
    /// Frame sizes on the wire with their checksum, from 64 to 1518, or imix
    #[arg(
        long,
        value_name = "BYTES,…",
        value_delimiter = ',',
        default_value = "64"
    )]
    pub frame: Vec<SizesArg>,
    /// How many at once
    #[command(flatten)]
    pub batch: BatchesArgs,
    /// Shares of lost frames that are tolerated, a goal each
    #[arg(
        long,
        value_name = "SHARE,…",
        value_delimiter = ',',
        default_value = "0,0.5%",
        value_parser = load::share
    )]
    pub loss: Vec<f64>,
    /// How far apart the bounds may be, as a share of the upper one
    #[arg(
        long,
        value_name = "SHARE",
        default_value = "0.5%",
        value_parser = load::share
    )]
    pub width: f64,
    /// Seconds of a trial, from 0.01 to 1; 21 times as many decide
    /// [default: 0.1 in virtual time, 0.05 on the wall clock]
    #[arg(long, value_name = "S")]
    pub seconds: Option<f64>,
    /// Core that the model of the card polls on, on the wall clock
    #[arg(long, conflicts_with = "in_virtual_time")]
    pub model_core: Option<u32>,
}

/// Options of `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Core that forwards
    #[arg(long)]
    pub core: Option<u32>,
    /// Core that the model polls on
    #[arg(long)]
    pub model_core: Option<u32>,
    /// Two ports of a card to look at, such as 0000:03:00.0,0000:03:00.1
    #[arg(long, value_name = "ADDR,ADDR")]
    pub nic: Option<Pair>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Folder that /proc and /sys are read below, for tests
    #[arg(long, value_name = "DIR", hide = true)]
    pub root: Option<PathBuf>,
}

/// Options of `serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Where a guest finds a port; once for each
    #[arg(long, value_name = "PATH", required = true)]
    pub socket: Vec<PathBuf>,
    /// Frames for every port, each checked when its neighbour sends it: what
    /// is behind the ports if nothing else is said
    #[arg(long, conflicts_with_all = ["wire", "tap"])]
    pub traffic: bool,
    /// A cable from the first port to the second
    #[arg(long, conflicts_with = "tap")]
    pub wire: bool,
    /// An interface of this machine, made if it is not there; once for each
    /// port
    #[arg(long, value_name = "NAME")]
    pub tap: Vec<String>,
    /// Bytes of the frames on the wire, with their checksum
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(64..=1518),
        conflicts_with_all = ["wire", "tap"]
    )]
    pub frame: u16,
    /// Frames for each port, and no more
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..),
        conflicts_with_all = ["wire", "tap"]
    )]
    pub frames: Option<u64>,
    /// End when the guest has gone
    #[arg(long)]
    pub once: bool,
}

/// Options of `tune`.
#[derive(Args, Clone, Debug)]
pub struct TuneArgs {
    /// Say what would be set, and set nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Core that forwards; interrupts leave it
    #[arg(long)]
    pub core: Option<u32>,
    /// Core that the model polls on; interrupts leave it too
    #[arg(long)]
    pub model_core: Option<u32>,
    /// Huge pages of 2 MiB to set aside, at least
    #[arg(
        long,
        value_name = "N",
        default_value_t = 64,
        value_parser = clap::value_parser!(u64).range(..=1_048_576)
    )]
    pub huge_pages: u64,
    /// Where and how
    #[command(flatten)]
    pub state: StateArgs,
}

/// Options of `restore`, and of `tune` as well.
#[derive(Args, Clone, Debug)]
pub struct StateArgs {
    /// File that keeps what was there before
    /// [default: ringside/settings.json in /run or $XDG_RUNTIME_DIR]
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Folder that /proc and /sys are below, for tests
    #[arg(long, value_name = "DIR", hide = true)]
    pub root: Option<PathBuf>,
    /// End when so many writes are done, for tests: 3:kill
    #[arg(long, value_name = "N:HOW", hide = true, requires = "root")]
    pub stop: Option<Stop>,
}

/// [`Placement`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlacementArg {
    /// Model and driver take turns on one core
    Lockstep,
    /// The model polls on a core of its own
    Threaded,
}

impl From<PlacementArg> for Placement {
    fn from(arg: PlacementArg) -> Self {
        match arg {
            PlacementArg::Lockstep => Self::Lockstep,
            PlacementArg::Threaded => Self::Threaded,
        }
    }
}

/// [`Fill`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FillArg {
    /// Every batch is as full as it can be
    Full,
    /// Frames come in runs of random length, 16 on average (lockstep)
    Random,
}

impl From<FillArg> for Fill {
    fn from(arg: FillArg) -> Self {
        match arg {
            FillArg::Full => Self::Full,
            FillArg::Random => Self::Random,
        }
    }
}

/// Parses the command line, does what it says and reports how that ended.
pub fn main() -> ExitCode {
    let result = match Cli::try_parse() {
        Ok(cli) => dispatch(cli.command),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                output::print(format_args!("{error}"));
                Ok(())
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                Err(Failure::error(format!(
                    "no command: name one of {}; see bench-runner --help",
                    commands().join(", ")
                )))
            }
            _ => Err(Failure::error(usage(&error.to_string()))),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.report()),
    }
}

/// The names of the commands that people type.
fn commands() -> Vec<String> {
    let cli = Cli::command();
    let shown = cli.get_subcommands().filter(|c| !c.is_hide_set());
    shown.map(|c| c.get_name().to_owned()).collect()
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list::command(&args),
        Command::Sweep(args) => sweep::command(&args),
        Command::Run(args) => run::command(&args),
        Command::Compare(args) => compare::command(&args),
        Command::Latency(args) => latency::command(&args),
        Command::Reanalyse(args) => reanalyse::command(&args),
        Command::Reproduce(args) => reproduce::command(&args),
        Command::Report(args) => report::command(&args),
        Command::Explain(args) => explain::command(&args),
        Command::Counters(args) => counters::command(&args),
        Command::Ndr(args) => ndr::command(&args),
        Command::Soak(args) => soak::command(&args),
        Command::Forward(args) => forward::command(&args),
        Command::Baseline(args) => crate::gate::baseline::command(&args),
        Command::Check(args) => crate::gate::check::command(&args),
        Command::Bisect(args) => bisect::command(&args),
        Command::Trend(args) => trend::command(&args),
        Command::Serve(args) => serve::command(&args),
        Command::Doctor(args) => doctor::command(&args),
        Command::Tune(args) => tune::command(&args),
        Command::Restore(args) => tune::restore(&args),
        Command::Counted => counters::worker::command(),
        Command::External(args) => crate::external::command(&args),
        Command::Confine => crate::external::confine::command(),
        Command::ConfineFirst(args) => crate::external::confine::first(&args),
        Command::Worker => worker::command(),
        Command::Turns => pair::command(),
        Command::Micro(args) => micro::command(&args),
        Command::Kernels => micro::worker::command(),
    }
}

/// A number of seconds, up to a year.
fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|s| (0.0..=3.2e7).contains(s));
    number.ok_or_else(|| "not a number of seconds from 0 to 3.2e7".to_owned())
}

/// What is wrong and the hint, without the usage that clap adds.
fn usage(error: &str) -> String {
    let said = error.split("Usage:").next().unwrap_or(error);
    let said = said.split("For more information").next().unwrap_or(said);
    let said = said.trim().trim_start_matches("error: ");
    match said.contains("tip:") || said.contains("possible values") {
        true => said.to_owned(),
        false => format!("{said}; see bench-runner --help"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(arguments: &[&str]) -> String {
        let error = Cli::try_parse_from(arguments).err().expect("refused");
        Failure::error(usage(&error.to_string())).to_string()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_that_people_type_shows_an_example() {
        let cli = Cli::command();
        for command in cli.get_subcommands().filter(|c| !c.is_hide_set()) {
            let help = command.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            let name = command.get_name();
            let is_it = help.starts_with("Example")
                && help.contains(&format!("bench-runner {name}"));
            assert!(is_it, "{name}: {help}");
        }
    }

    #[test]
    fn a_typo_gets_one_line_with_the_near_match() {
        let line = complaint(&["bench-runner", "sweep", "--quik"]);
        assert!(line.contains("--quick"), "{line}");
        let line = complaint(&["bench-runner", "sweeep"]);
        assert!(line.contains("sweep"), "{line}");
        let line =
            complaint(&["bench-runner", "sweep", "--placement", "sideways"]);
        assert!(line.contains("lockstep, threaded"), "{line}");
    }

    #[test]
    fn nothing_at_all_gets_one_line() {
        let line = complaint(&["bench-runner"]);
        assert!(!line.is_empty() && !line.contains('\n'), "{line}");
    }
}
