//! Who takes turns, and how they are measured.

use std::path::PathBuf;
use std::time::Duration;

use nic_model::FrameFormat;
use nic_model::arrivals::Sizes;
use rustix::process::geteuid;

use super::program;
use super::stage::ADDRESSES;
use super::turns::WINDOW;
use crate::affinity;
use crate::cli::ExternalArgs;
use crate::environment::Root;
use crate::failure::Failure;
use crate::load::SizesArg;
use crate::plan;
use crate::results::{Cell, Fill, Placement, Setup, Workload};

/// Longest times that may be asked for, in seconds.
const MOST_SECONDS: f64 = 3600.0;

/// What goes in front of the name of a variant in a thread.
const THREADED: &str = "threaded:";

/// A program, or a variant, that takes turns.
#[derive(Clone, Debug)]
pub enum Kind {
    /// The words of a command.
    Program(Vec<String>),
    /// A variant's name.
    Thread(String),
}

/// All of those, and how they are measured.
pub struct Plan {
    /// They and their names.
    pub contenders: Vec<(String, Kind)>,
    /// Cores that programs may use.
    pub pin: Vec<u32>,
    /// Where programs find huge pages.
    pub huge_pages: Vec<PathBuf>,
    /// What frames look like.
    pub format: FrameFormat,
    /// Seconds before the first window.
    pub warm_up: f64,
    /// How long a program may take to start its queues.
    pub patience: Duration,
    /// Whether what it writes to registers is logged.
    pub log_registers: bool,
    /// Batch size of our own, and by which programs are listed.
    pub batch: u16,
}

impl Plan {
    /// A cell for each.
    pub fn cells(&self) -> Vec<Cell> {
        let cell = |(name, _): &(String, Kind)| Cell {
            variant: name.clone(),
            batch: self.batch,
            fill: Fill::Full,
            workload: Workload::Forward,
            cores: None,
            copy: false,
            other: false,
        };
        self.contenders.iter().map(cell).collect()
    }
}

/// What was asked for, if it can be had here.
///
/// # Errors
///
/// A line that says what cannot be had.
pub fn plan_of(args: &ExternalArgs) -> Result<(Plan, Setup), Failure> {
    let [program, ..] = &args.words[..] else {
        return Err(Failure::error("no program: name one behind --"));
    };
    let found = program::find(program)?;
    for port in ["{port0}", "{port1}"] {
        if !args.words.iter().any(|word| word.contains(port)) {
            return Err(Failure::error(format!(
                "the command does not say where {port} goes: put it where \
                 {program} expects a PCI address such as {}",
                ADDRESSES[0]
            )));
        }
    }
    for (what, value) in [
        ("--warmup", args.warmup),
        ("--seconds", args.seconds),
        ("--patience", args.patience),
    ] {
        if !(0.0..=MOST_SECONDS).contains(&value) {
            return Err(Failure::error(format!(
                "{what} {value}: must be from 0 to {MOST_SECONDS}"
            )));
        }
    }
    privileged()?;
    let mut words = vec![found.display().to_string()];
    words.extend(args.words[1..].iter().map(|word| {
        let word = word.replace("{port0}", ADDRESSES[0]);
        word.replace("{port1}", ADDRESSES[1])
    }));
    let base = || {
        let name = found.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let name = args.name.clone().unwrap_or_else(base);
    let is_known = plan::find(&name).is_ok();
    if name.trim().is_empty() || is_known || name.contains(['/', '\n']) {
        return Err(Failure::error(format!(
            "--name {name:?}: the name of a variant, or no name; choose \
             another one"
        )));
    }
    let mut contenders = vec![(name, Kind::Program(words))];
    for variant in &args.with {
        let name = plan::forwarders(std::slice::from_ref(variant))?[0].name();
        let words = ourselves(&name, args)?;
        contenders.push((name, Kind::Program(words)));
    }
    for variant in &args.with_threaded {
        let name = plan::forwarders(std::slice::from_ref(variant))?[0].name();
        contenders.push((format!("{THREADED}{name}"), Kind::Thread(name)));
    }
    let pin = args.pin.first().copied();
    let mut setup = plan::under_load(
        Placement::External,
        [pin, args.model_core],
        None,
        SizesArg(Sizes::One(args.frame)),
    )?;
    let allowed = affinity::allowed_cores();
    let pin = match &args.pin[..] {
        [] => vec![setup.core],
        all => all.to_vec(),
    };
    for core in &pin {
        if !allowed.contains(core) || *core == setup.model_core {
            return Err(Failure::error(format!(
                "--pin {core}: not a core that programs can have besides the \
                 model's, {}",
                setup.model_core
            )));
        }
    }
    let batch = plan::sendable(&[args.batch], setup.ring_entries)?[0];
    setup.rounds = (args.seconds / WINDOW).ceil().max(1.0) as u32;
    setup.processes = args.repeat;
    setup.arenas = 1;
    let format =
        FrameFormat { wire_bytes: args.frame, ..FrameFormat::default() };
    let plan = Plan {
        contenders,
        pin,
        huge_pages: args.huge_pages.clone(),
        format,
        warm_up: args.warmup,
        patience: Duration::from_secs_f64(args.patience),
        log_registers: args.log_registers,
        batch,
    };
    Ok((plan, setup))
}

/// The command that runs a variant of this program.
fn ourselves(
    variant: &str,
    args: &ExternalArgs,
) -> Result<Vec<String>, Failure> {
    let this = std::env::current_exe().map_err(Failure::environment)?;
    let place = args.huge_pages.first().ok_or_else(|| {
        Failure::error("--huge-pages: no folder for our own variants")
    })?;
    let (batch, [first, second]) = (args.batch.to_string(), ADDRESSES);
    let (this, place) = (this.display(), place.display());
    let words = [
        &*this.to_string(),
        "forward",
        "--variant",
        variant,
        "--batch",
        &batch,
        "--huge-pages",
        &place.to_string(),
        first,
        second,
    ];
    Ok(words.map(str::to_owned).to_vec())
}

/// Whether this user and this machine can do it.
fn privileged() -> Result<(), Failure> {
    if !geteuid().is_root() {
        return Err(Failure::environment(
            "external needs root, for namespaces and for the physical \
             addresses of the program's memory: run it by sudo",
        ));
    }
    match Root::default().huge_pages() {
        Some(pages) if pages.free > 0 => Ok(()),
        Some(_) => Err(Failure::environment(
            "no free huge pages for the program's memory: bench-runner tune \
             --huge-pages 512 sets some aside",
        )),
        None => Err(Failure::environment(
            "this kernel has no huge pages of 2 MiB, which programs take \
             their DMA memory from",
        )),
    }
}
