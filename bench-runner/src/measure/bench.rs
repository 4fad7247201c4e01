//! The arenas of a process, and the setting up of blocks on them.

use std::fs::File;

use driver::bar::{CostedBar, MappedBar};
use driver::memory::{Carver, Pages};
use driver::nic::Config;
use nic_model::frame::{FrameMaker, Trace};
use nic_model::{
    Account, Arena, Faults, FrameFormat, Model, Parts, Traffic, Unbalanced,
    among,
};
use variants::registry::{self, Variant};
use variants::workload::split::OpenSplit;
use variants::workload::{
    Counts, Forwarder, Frame, MappedSite, Open, PORTS, Queues, Site,
};

use super::card::OnCard;
use super::{Block, Invalid, lockstep, reference, several, threaded};
use crate::clock;
use crate::environment::Root;
use crate::results::{self, Fill, ONE_TYPE, Placement, Setup, Workload};

/// Everything that blocks of one process run on.
pub struct Bench {
    /// None on a real card, which has memory of its own.
    pub(super) arenas: Vec<Arena>,
    card: Option<OnCard>,
    pub(super) setup: Setup,
    pub(super) clock_cost_ticks: u32,
    /// None but in tests.
    pub(super) faults: Faults,
    pub(super) patience: u32,
    /// Whether frames are of the sizes of a mix, up to that of the set-up.
    pub(super) mix: bool,
    /// Ticks per second, for blocks with a schedule.
    pub(super) tick_hz: f64,
}

/// Empty rounds over both ports after which the model has stopped.
const PATIENCE: u32 = 20_000_000;

/// What a block is to be.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// The contender.
    pub variant: Variant,
    /// What it does to the packets.
    pub workload: Workload,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// How rings are filled; looked at in lockstep only.
    pub fill: Fill,
    /// Cores that forward with queues of their own, in threads; `None` where
    /// one forwarder has the ports to itself.
    pub cores: Option<u16>,
    /// Number of the arena.
    pub arena: usize,
    /// Phases.
    pub length: u32,
    /// Number of the first frame at each port.
    pub first_sequence: u64,
    /// Seed of the runs of a random fill.
    pub runs_seed: u64,
}

impl Task {
    /// A variant's own workload on full rings, on the first arena, for no
    /// time.
    pub fn of(variant: Variant, batch: u16) -> Self {
        Self {
            variant,
            workload: variant.workload().into(),
            batch,
            fill: Fill::Full,
            cores: None,
            arena: 0,
            length: 0,
            first_sequence: 0,
            runs_seed: 0,
        }
    }
}

impl Bench {
    /// Allocates the arenas.
    pub fn new(setup: Setup, clock_cost_ticks: u32) -> Result<Self, Invalid> {
        if setup.ports.is_some() {
            return Self::on_card(&Root::default(), setup, clock_cost_ticks);
        }
        let (config, packet_bytes) = needs(&setup);
        let arenas = (0..setup.arenas)
            .map(|i| Arena::allocate(i, PORTS, &config, packet_bytes))
            .collect::<Result<_, _>>()?;
        Ok(Self::on(arenas, setup, clock_cost_ticks))
    }

    /// The same on the real card of the set-up, found below `root`.
    pub(super) fn on_card(
        root: &Root,
        setup: Setup,
        clock_cost_ticks: u32,
    ) -> Result<Self, Invalid> {
        let card = OnCard::new(root, &setup)?;
        let bench = Self::on(Vec::new(), setup, clock_cost_ticks);
        Ok(Self { card: Some(card), ..bench })
    }

    /// The same on a card that is up already.
    #[cfg(test)]
    pub(super) fn with(card: OnCard, setup: Setup) -> Self {
        let bench = Self::on(Vec::new(), setup, 0);
        Self { card: Some(card), patience: PATIENCE / 20, ..bench }
    }

    /// The same with arenas in a file that another process maps as well.
    ///
    /// # Errors
    ///
    /// When the file cannot be mapped or there is no memory for it.
    ///
    /// # Safety
    ///
    /// The other process leaves the arenas alone while this call or a block
    /// lasts, and nobody makes the file shorter.
    pub unsafe fn shared(
        file: &File,
        setup: Setup,
        clock_cost_ticks: u32,
    ) -> Result<Self, Invalid> {
        let (config, packet_bytes) = needs(&setup);
        let arena = |i| {
            // SAFETY: as the caller promises; parts of an arena are in use in
            // blocks only.
            unsafe { Arena::shared(file, i, PORTS, &config, packet_bytes) }
        };
        let arenas = (0..setup.arenas).map(arena).collect::<Result<_, _>>()?;
        Ok(Self::on(arenas, setup, clock_cost_ticks))
    }

    fn on(arenas: Vec<Arena>, setup: Setup, clock_cost_ticks: u32) -> Self {
        let tick_hz = setup.rate.map_or(1.0, |_| clock::tick_hz());
        Self {
            arenas,
            card: None,
            setup,
            clock_cost_ticks,
            faults: Faults::default(),
            patience: PATIENCE,
            mix: false,
            tick_hz,
        }
    }

    /// The same with frames of the sizes of a mix, of which that of the
    /// set-up is the largest.
    #[must_use]
    pub fn with_mix(self) -> Self {
        Self { mix: true, ..self }
    }

    /// The same on a card with faults, which are noticed after fewer rounds.
    #[cfg(test)]
    pub(crate) fn with_faults(self, faults: Faults) -> Self {
        Self { faults, patience: PATIENCE / 100, ..self }
    }

    /// Cost of one pair of clock reads.
    #[must_use]
    pub fn clock_cost_ticks(&self) -> u32 {
        self.clock_cost_ticks
    }

    /// Number of arenas.
    #[must_use]
    pub fn arenas(&self) -> usize {
        self.arenas.len()
    }

    /// What the arenas' memory consists of, the poorest of them.
    pub fn pages(&self) -> &'static str {
        if let Some(card) = &self.card {
            return card.pages();
        }
        let pages = self.arenas.iter().map(Arena::pages);
        pages.max().map_or("none", Pages::name)
    }

    /// Ticks of the reference kernel on an arena, the clock's cost subtracted;
    /// none where the arena is too small.
    pub fn reference(&mut self, arena: usize) -> Option<u64> {
        let ticks = reference::ticks(&mut self.arenas[arena])?;
        Some(ticks.saturating_sub(self.clock_cost_ticks.into()))
    }

    /// A block, and the parts of its arena.
    pub(super) fn begin<'b>(
        &'b mut self,
        task: &'b Task,
    ) -> (BlockSpec<'b>, Parts<'b>) {
        let spec = BlockSpec {
            task,
            setup: &self.setup,
            clock_cost_ticks: self.clock_cost_ticks,
            faults: self.faults,
            patience: self.patience,
            mix: self.mix,
            tick_hz: self.tick_hz,
        };
        (spec, self.arenas[task.arena].split())
    }

    /// Runs one block.
    pub fn block(&mut self, task: &Task) -> Result<Block, Invalid> {
        let placement = self.setup.placement;
        if let Some(card) = &mut self.card {
            let spec = BlockSpec {
                task,
                setup: &self.setup,
                clock_cost_ticks: self.clock_cost_ticks,
                faults: self.faults,
                patience: self.patience,
                mix: self.mix,
                tick_hz: self.tick_hz,
            };
            return card.block(&spec);
        }
        let (spec, parts) = self.begin(task);
        match (placement, task.cores) {
            (Placement::Lockstep, _) => lockstep::block(&spec, parts),
            (Placement::Card, _) => unreachable!("a card has no arenas"),
            (_, None) => threaded::block(&spec, parts),
            (_, Some(cores)) => several::block(&spec, parts, cores),
        }
    }
}

/// One block and all that it depends on.
pub(super) struct BlockSpec<'a> {
    pub task: &'a Task,
    pub setup: &'a Setup,
    pub clock_cost_ticks: u32,
    pub faults: Faults,
    /// Empty rounds over both ports after which the model has stopped, in
    /// threads.
    pub patience: u32,
    /// Whether frames are of the sizes of a mix.
    pub mix: bool,
    /// Ticks per second; looked at where there is a schedule.
    pub tick_hz: f64,
}

impl BlockSpec<'_> {
    /// What is on the wire.
    fn traffic(&self) -> Traffic {
        let setup = self.setup;
        let from_driver = self.task.workload == Workload::Tx;
        let types = match self.task.workload {
            Workload::Classify => setup.types,
            Workload::Forward | Workload::Rx | Workload::Tx => ONE_TYPE,
        };
        let trace = match setup.trace {
            results::Trace::Generated => Trace::Generated,
            results::Trace::Replayed => Trace::Replayed,
        };
        let wire_bytes = setup.frame_bytes;
        Traffic {
            format: FrameFormat {
                wire_bytes,
                types,
                trace,
                one_flow: from_driver,
                mix: self.mix,
            },
            first_sequence: self.task.first_sequence,
            touches: u8::from(!from_driver),
            digest: false,
            from_driver,
            takes_changes: false,
        }
    }

    /// What sets the workload up.
    ///
    /// # Panics
    ///
    /// When the variant is not compiled for it; plans see to that.
    pub fn open(&self) -> Open {
        let Task { variant, workload, .. } = self.task;
        let case = variant.on((*workload).into());
        case.expect("a workload of the variant").open
    }

    /// What sets its halves up.
    ///
    /// # Panics
    ///
    /// When the variant cannot be split; plans see to that.
    pub fn open_split(&self) -> OpenSplit {
        let Task { variant, workload, .. } = self.task;
        let case = variant.on((*workload).into());
        let split = case.expect("a workload of the variant").split;
        split.expect("a variant that can be split")
    }

    /// The frames of `account` that came to the end of the workload.
    pub fn done(&self, account: &Account) -> u64 {
        match self.task.workload {
            Workload::Rx => account.consumed,
            Workload::Forward | Workload::Tx | Workload::Classify => {
                account.forwarded
            }
        }
    }

    /// Frames towards each port in a turn of the card, of `frames` that the
    /// driver is to have afterwards.
    pub fn offered(&self, frames: u32) -> u32 {
        match self.task.workload {
            Workload::Tx => 0,
            Workload::Forward | Workload::Rx | Workload::Classify => frames,
        }
    }

    /// A card and a place for its driver on the parts of an arena.
    pub fn lay_out<'a>(&self, parts: Parts<'a>) -> (Model<'a>, MappedSite<'a>) {
        let Parts { bars, registers, tables, dma, memory } = parts;
        let (traffic, faults) = (self.traffic(), self.faults);
        let model = Model::new(&registers, memory, 1, traffic, faults);
        (model, self.site(&bars, Queues::All, tables, dma))
    }

    /// A card of so many queues, and a place for the driver of each.
    pub fn lay_out_among<'a>(
        &self,
        parts: Parts<'a>,
        queues: u16,
    ) -> (Model<'a>, Vec<MappedSite<'a>>) {
        let Parts { bars, registers, tables, dma, memory } = parts;
        let (traffic, faults) = (self.traffic(), self.faults);
        let model = Model::new(&registers, memory, queues, traffic, faults);
        let pieces = Parts::divide(tables, dma, queues);
        let sites = (0..).zip(pieces).map(|(n, (tables, dma))| {
            self.site(&bars, Queues::One(n), tables, dma)
        });
        (model, sites.collect())
    }

    /// A place for a driver.
    fn site<'a>(
        &self,
        bars: &[MappedBar<'a>],
        queues: Queues,
        tables: Carver<'a>,
        dma: Carver<'a>,
    ) -> MappedSite<'a> {
        let config = config(self.setup);
        let traffic = self.traffic();
        let mut frame = Frame::default();
        if traffic.from_driver {
            frame.bytes = FrameMaker::new(0, traffic.format).frame(0);
            frame.first_sequence = traffic.first_sequence;
        }
        let batch = self.task.batch;
        match self.setup.doorbell_cycles {
            0 => {
                let bars = [bars[0], bars[1]];
                MappedSite::Plain(Site {
                    bars,
                    queues,
                    config,
                    batch,
                    tables,
                    dma,
                    frame,
                })
            }
            cycles => {
                let bars =
                    [bars[0], bars[1]].map(|bar| CostedBar::new(bar, cycles));
                MappedSite::Costed(Site {
                    bars,
                    queues,
                    config,
                    batch,
                    tables,
                    dma,
                    frame,
                })
            }
        }
    }

    /// Balances the packets of a block, device and forwarder together.
    pub fn balance(
        &self,
        model: &Model<'_>,
        forwarder: &dyn Forwarder,
    ) -> Result<Account, Unbalanced> {
        balance(model.account(), forwarder.counts(), forwarder.pending())
    }
}

/// The books of a device and of drivers that did this and have so many frames
/// to receive.
pub(super) fn balance(
    device: Account,
    counts: Counts,
    pending: u64,
) -> Result<Account, Unbalanced> {
    let mut account = device;
    account.multi_descriptor = counts.multi_descriptor;
    account.forwarder = counts.dropped;
    account.generated = counts.generated;
    account.consumed = counts.consumed;
    account.inside += pending;
    account.check().map(|()| account)
}

/// What arenas are made for: the driver's set-up, and bytes of packet buffers.
fn needs(setup: &Setup) -> (Config, usize) {
    let config = config(setup);
    let bytes = registry::pool_bytes(config.buffers, config.buffer_bytes);
    match setup.cores[..] {
        [] => (config, bytes),
        _ => among(setup.most_queues(), &config, bytes),
    }
}

/// Bytes of each of this program's arenas.
pub fn arena_bytes(setup: &Setup) -> usize {
    let (config, packet_bytes) = needs(setup);
    Arena::bytes(PORTS, &config, packet_bytes)
}

/// What a driver is set up with.
pub fn config(setup: &Setup) -> Config {
    Config {
        ring_entries: setup.ring_entries,
        buffer_bytes: setup.buffer_bytes,
        // Full receive rings, full transmit rings and a batch in hand.
        buffers: (8 * u32::from(setup.ring_entries)).max(1024),
        ..Config::default()
    }
}
