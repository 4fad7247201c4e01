//! Options of the commands that watch over performance: `baseline`, `check`,
//! `bisect` and `trend`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ChoiceArgs;
use crate::card::Pair;
use crate::gate::Tier;
use crate::load;

/// Where baselines are kept.
#[derive(Args, Clone, Debug)]
pub struct StoreArgs {
    /// Folder of all baselines [default: ringside/baselines in $XDG_DATA_HOME
    /// or ~/.local/share]
    #[arg(long, value_name = "DIR", env = "RINGSIDE_STORE")]
    pub store: Option<PathBuf>,
}

/// Which cells, and how they are measured.
#[derive(Args, Clone, Debug)]
pub struct GateArgs {
    /// Links of each program, from 3 to 16, whose sections lie in other
    /// orders; or 1, the program as it is, where it cannot be linked again
    #[arg(long, value_name = "K", default_value_t = 4)]
    pub links: u32,
    /// Seconds that may be measured, builds apart
    #[arg(
        long,
        value_name = "S",
        default_value_t = 60,
        value_parser = clap::value_parser!(u32).range(1..=86_400)
    )]
    pub seconds: u32,
    /// Core to measure on
    #[arg(long)]
    pub core: Option<u32>,
    /// Seed of traffic, orders and links; drawn otherwise
    #[arg(long)]
    pub seed: Option<u64>,
}

/// Options of `baseline`.
#[derive(Args, Clone, Debug)]
pub struct BaselineArgs {
    /// What to do
    #[command(subcommand)]
    pub action: BaselineAction,
}

/// What can be done with baselines.
#[derive(Subcommand, Clone, Debug)]
pub enum BaselineAction {
    /// Keep this program, what it counts and measures, and on what machine
    #[command(after_help = "\
Examples:
  bench-runner baseline save --name main
  bench-runner baseline save --name main --force     keeps the old one, too
  bench-runner baseline save --name counts --tier counts")]
    Save(SaveArgs),
    /// What a baseline is, and whether it can be used here
    #[command(after_help = "Example: bench-runner baseline show main --json")]
    Show(ShowArgs),
    /// All baselines
    #[command(after_help = "Example: bench-runner baseline list")]
    List(ListBaselinesArgs),
}

/// Options of `baseline save`.
#[derive(Args, Clone, Debug)]
pub struct SaveArgs {
    /// What to call it
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub name: String,
    /// Take the place of a baseline of that name, which is kept under the
    /// time when it was saved
    #[arg(long)]
    pub force: bool,
    /// What to keep: counts alone, or times as well
    #[arg(
        long,
        value_enum,
        value_name = "TIER,…",
        value_delimiter = ',',
        default_value = "counts,timing"
    )]
    pub tier: Vec<Tier>,
    /// Which variants; twelve that stand for all otherwise
    #[command(flatten)]
    pub choice: ChoiceArgs,
    /// Batch sizes
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "1,8,32,256"
    )]
    pub batch: Vec<u32>,
    /// How
    #[command(flatten)]
    pub gate: GateArgs,
    /// Where to
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Options of `baseline show`.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// Its name
    #[arg(value_name = "NAME", default_value = "main")]
    pub name: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Where it is
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Options of `baseline list`.
#[derive(Args, Clone, Debug)]
pub struct ListBaselinesArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Where they are
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Options of `check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// Not for this command; it says so
    #[arg(long, value_name = "ADDR,ADDR", hide = true)]
    pub nic: Option<Pair>,
    /// The baseline
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub against: String,
    /// What to look at, each also by its number: counts (0), times of both
    /// programs in turn (1), and whether the machine is as it was (2)
    #[arg(
        long,
        value_enum,
        value_name = "TIER,…",
        value_delimiter = ',',
        default_value = "counts,timing,environment"
    )]
    pub tier: Vec<Tier>,
    /// Which of the baseline's variants; all of them otherwise
    #[command(flatten)]
    pub choice: ChoiceArgs,
    /// Which of the baseline's batch sizes; all of them otherwise
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub batch: Vec<u32>,
    /// A cell is fine where a slowdown of this size is ruled out
    #[arg(
        long,
        value_name = "SHARE",
        default_value = "2%",
        value_parser = load::share
    )]
    pub limit: f64,
    /// How
    #[command(flatten)]
    pub gate: GateArgs,
    /// Keep check.json, summary.md, junit.xml and samples in this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Add a line to the history in this folder
    #[arg(long, value_name = "DIR", conflicts_with = "history_branch")]
    pub history: Option<PathBuf>,
    /// Add a line to the history on this branch of the checkout
    #[arg(long, value_name = "BRANCH")]
    pub history_branch: Option<String>,
    /// Annotations of GitHub Actions as well; by themselves where
    /// $GITHUB_ACTIONS is true
    #[arg(long)]
    pub annotations: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "annotations")]
    pub json: bool,
    /// Where baselines are
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Options of `bisect`.
#[derive(Args, Clone, Debug)]
pub struct BisectArgs {
    /// A commit before the slowdown
    #[arg(value_name = "GOOD")]
    pub good: String,
    /// A commit with it
    #[arg(value_name = "BAD")]
    pub bad: String,
    /// What to look at
    #[arg(
        long,
        value_enum,
        value_name = "TIER,…",
        value_delimiter = ',',
        default_value = "counts,timing"
    )]
    pub tier: Vec<Tier>,
    /// Which variants; those that BAD slows down otherwise
    #[command(flatten)]
    pub choice: ChoiceArgs,
    /// Which batch sizes; those that BAD slows down otherwise
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub batch: Vec<u32>,
    /// How
    #[command(flatten)]
    pub gate: GateArgs,
    /// Folder of builds and verdicts, from which an interrupted bisection
    /// goes on [default: bisect below cargo's target folder]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `trend`.
#[derive(Args, Clone, Debug)]
pub struct TrendArgs {
    /// Folder of the history, or one of its files
    #[arg(value_name = "HISTORY", required_unless_present = "history_branch")]
    pub history: Option<PathBuf>,
    /// The history on this branch of the checkout instead
    #[arg(long, value_name = "BRANCH", conflicts_with = "history")]
    pub history_branch: Option<String>,
    /// Which variants; all of them otherwise
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub variants: Vec<String>,
    /// Which batch sizes; all of them otherwise
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub batch: Vec<u32>,
    /// Write page and charts to this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
