//! Options of `external` and of the processes that it starts.

use std::path::PathBuf;

use clap::Args;

use crate::load::{PatternArg, Rate};

/// Options of `external`.
#[derive(Args, Clone, Debug)]
pub struct ExternalArgs {
    /// What to call the program in tables and charts [default: its file name]
    #[arg(long)]
    pub name: Option<String>,
    /// Variants of our own in turn with it, each as a program of its own
    #[arg(long, value_name = "VARIANT,…", value_delimiter = ',')]
    pub with: Vec<String>,
    /// The same in a thread of this program
    #[arg(long, value_name = "VARIANT,…", value_delimiter = ',')]
    pub with_threaded: Vec<String>,
    /// Seconds before the first window
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub warmup: f64,
    /// Seconds measured of each program per repeat, or per rate
    #[arg(long, value_name = "S", default_value_t = 3.0)]
    pub seconds: f64,
    /// How often all programs are started afresh; once with --rate
    #[arg(
        long,
        conflicts_with = "rate",
        value_name = "N",
        default_value_t = 3,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub repeat: u32,
    /// Cores that programs may use, the first of which forwards
    #[arg(long, value_name = "CORE,…", value_delimiter = ',')]
    pub pin: Vec<u32>,
    /// Core that the model of the card polls on
    #[arg(long)]
    pub model_core: Option<u32>,
    /// Frame size on the wire with its checksum, from 64 to 1518
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub frame: u16,
    /// Batch size of our own variants, and that by which the program is
    /// listed
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub batch: u32,
    /// Where programs look for huge pages
    #[arg(
        long,
        value_name = "DIR,…",
        value_delimiter = ',',
        default_value = "/mnt/huge"
    )]
    pub huge_pages: Vec<PathBuf>,
    /// Seconds that a program may take to start its queues
    #[arg(long, value_name = "S", default_value_t = 30.0)]
    pub patience: f64,
    /// Keep a log of what each program writes to registers until its queues
    /// run
    #[arg(long)]
    pub log_registers: bool,
    /// Offer packets per second, both ports together, or shares of what the
    /// program forwards of an unlimited load, and follow every frame: how long
    /// it takes, and what is lost
    #[arg(long, value_name = "RATE,…", value_delimiter = ',')]
    pub rate: Vec<Rate>,
    /// How frames follow each other at a rate: constant, poisson or burst:N
    #[arg(long, value_name = "HOW", default_value = "constant")]
    pub pattern: PatternArg,
    /// Go on with the interrupted run in --out
    #[arg(long, conflicts_with = "rate")]
    pub resume: bool,
    /// Folder of the results; a new one in results/ otherwise
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The program and its arguments, in which {port0} and {port1} stand for
    /// PCI addresses
    #[arg(
        last = true,
        required = true,
        value_name = "PROGRAM {port0} {port1}"
    )]
    pub words: Vec<String>,
}

/// What process 1 of a program's namespace starts.
#[derive(Args, Clone, Debug)]
pub struct FirstArgs {
    /// The program and its arguments
    #[arg(last = true)]
    pub words: Vec<String>,
}
