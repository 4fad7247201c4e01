//! The arenas of a process, and the setting up of blocks on them.

use driver::bar::CostedBar;
use driver::memory::Pages;
use driver::nic::Config;
use nic_model::{
    Account, Arena, Faults, FrameFormat, Model, Parts, Traffic, Unbalanced,
};
use variants::registry::{self, Variant};
use variants::workload::{Forwarder, MappedSite, PORTS, Site};

use super::{Block, Invalid, lockstep, threaded};
use crate::results::{Placement, Setup};

/// Everything that blocks of one process run on.
pub struct Bench {
    pub(super) arenas: Vec<Arena>,
    pub(super) setup: Setup,
    pub(super) clock_cost_ticks: u32,
}

impl Bench {
    /// Allocates the arenas.
    pub fn new(setup: Setup, clock_cost_ticks: u32) -> Result<Self, Invalid> {
        let config = config(&setup);
        let packet_bytes =
            registry::pool_bytes(config.buffers, config.buffer_bytes);
        let arenas = (0..setup.arenas)
            .map(|i| Arena::allocate(i, PORTS, &config, packet_bytes))
            .collect::<Result<_, _>>()?;
        Ok(Self { arenas, setup, clock_cost_ticks })
    }

    /// What the arenas' memory consists of, the poorest of them.
    pub fn pages(&self) -> &'static str {
        let pages = self.arenas.iter().map(Arena::pages);
        pages.max().map_or("none", Pages::name)
    }

    /// Runs one block of `length` phases of `variant` on arena `arena`, with
    /// traffic numbered from `first_sequence` on.
    pub fn block(
        &mut self,
        variant: &Variant,
        batch: u16,
        arena: usize,
        length: u32,
        first_sequence: u64,
    ) -> Result<Block, Invalid> {
        let format = FrameFormat {
            wire_bytes: self.setup.frame_bytes,
            ..FrameFormat::default()
        };
        let traffic =
            Traffic { format, first_sequence, touches: 1, digest: false };
        let cell = BlockSpec {
            variant: *variant,
            batch,
            length,
            traffic,
            setup: &self.setup,
            clock_cost_ticks: self.clock_cost_ticks,
        };
        let parts = self.arenas[arena].split();
        match self.setup.placement {
            Placement::Lockstep => lockstep::block(&cell, parts),
            Placement::Threaded => threaded::block(&cell, parts),
        }
    }
}

/// One block and all that it depends on.
pub(super) struct BlockSpec<'a> {
    pub variant: Variant,
    pub batch: u16,
    pub length: u32,
    pub traffic: Traffic,
    pub setup: &'a Setup,
    pub clock_cost_ticks: u32,
}

impl BlockSpec<'_> {
    /// A card and a place for its driver on the parts of an arena.
    pub fn lay_out<'a>(&self, parts: Parts<'a>) -> (Model<'a>, MappedSite<'a>) {
        let Parts { bars, registers, tables, dma, memory } = parts;
        let config = config(self.setup);
        let faults = Faults::default();
        let model = Model::new(&registers, memory, 1, self.traffic, faults);
        let batch = self.batch;
        let site = match self.setup.doorbell_cycles {
            0 => {
                let bars = [bars[0], bars[1]];
                MappedSite::Plain(Site { bars, config, batch, tables, dma })
            }
            cycles => {
                let bars =
                    [bars[0], bars[1]].map(|bar| CostedBar::new(bar, cycles));
                MappedSite::Costed(Site { bars, config, batch, tables, dma })
            }
        };
        (model, site)
    }

    /// Balances the packets of a block, device and forwarder together.
    pub fn balance(
        &self,
        model: &Model<'_>,
        forwarder: &dyn Forwarder,
    ) -> Result<Account, Unbalanced> {
        let counts = forwarder.counts();
        let mut account = model.account();
        account.multi_descriptor = counts.multi_descriptor;
        account.forwarder = counts.dropped;
        account.inside += forwarder.pending();
        account.check().map(|()| account)
    }
}

/// What the driver is set up with.
pub fn config(setup: &Setup) -> Config {
    Config {
        ring_entries: setup.ring_entries,
        buffer_bytes: setup.buffer_bytes,
        // Full receive rings, full transmit rings and a batch in hand.
        buffers: (8 * u32::from(setup.ring_entries)).max(1024),
        ..Config::default()
    }
}
