//! Receive-side scaling: which queue a frame goes to (datasheet 7.1.2.8).

use driver::desc::rx_info::{RSS_IPV4, RSS_UDP_IPV4};
use driver::regs::*;
use driver::rss::{ENTRIES, KEY_BYTES};

use crate::frame::{FrameMaker, FrameTags};
use crate::regfile::RegisterFile;

/// Bytes of the hashed addresses, and of addresses and ports.
const ADDRESSES: usize = 8;
const TUPLE: usize = 12;

/// The Toeplitz hash of `input` (datasheet 7.1.2.8.1): the sum, without
/// carry, of the 32 bits of the key that begin at each bit that is set.
pub fn toeplitz(key: &[u8; KEY_BYTES], input: &[u8]) -> u32 {
    assert!(input.len() + 4 <= KEY_BYTES, "the key is longer than the input");
    let window = |bit: usize| {
        let at = bit / 8;
        let five = [0, 1, 2, 3, 4].map(|i| key[(at + i).min(KEY_BYTES - 1)]);
        let [a, b, c, d, e] = five.map(u64::from);
        let word = a << 32 | b << 24 | c << 16 | d << 8 | e;
        (word >> (8 - bit % 8)) as u32
    };
    let bits = (0..input.len() * 8)
        .filter(|bit| input[bit / 8] & (0x80 >> (bit % 8)) != 0);
    bits.map(window).fold(0, |hash, window| hash ^ window)
}

/// How the frames of a port are spread over its queues, as the driver has
/// programmed it. The hash is linear: that of a frame is the sum of what its
/// flow and its type make of it.
#[derive(Clone, Debug)]
pub(crate) struct Rss {
    /// The registers that say so.
    words: Vec<u32>,
    /// What is hashed, as in a descriptor; 0 for nothing.
    kind: u16,
    /// Whether descriptors report the hash.
    reports: bool,
    /// Queue by the last bits of the hash.
    table: [u8; ENTRIES as usize],
    by_flow: Vec<u32>,
    by_type: Vec<u32>,
    /// Flows of each queue in ascending order, where the queue depends on
    /// nothing else; else none.
    flows: Vec<Vec<u16>>,
}

impl Rss {
    /// What the registers say, for the frames of `maker` and `queues` queues.
    pub fn read(
        regs: &RegisterFile<'_>,
        maker: &FrameMaker,
        queues: usize,
    ) -> Self {
        let mut key = [0; KEY_BYTES];
        for (n, bytes) in (0..).zip(key.as_chunks_mut().0) {
            *bytes = regs.get(&RSSRK, n).to_le_bytes();
        }
        let mut table = [0; ENTRIES as usize];
        for (n, entries) in (0..).zip(table.as_chunks_mut().0) {
            // An entry has the lower 4 bits of its byte (8.2.3.7.15).
            *entries = regs.get(&RETA, n).to_le_bytes().map(|e| e & 0xF);
        }
        let mrqc = regs.get(&MRQC, 0);
        let (kind, bytes) = match mrqc & mrqc::MRQE == mrqc::RSS {
            true if mrqc & mrqc::UDP_IPV4 != 0 => (RSS_UDP_IPV4, TUPLE),
            true if mrqc & mrqc::IPV4 != 0 => (RSS_IPV4, ADDRESSES),
            _ => (0, 0),
        };
        let rxcsum = regs.get(&RXCSUM, 0);
        let hash = |flow, packet_type| {
            let tuple = maker.tuple(FrameTags { flow, packet_type });
            toeplitz(&key, &tuple[..bytes])
        };
        let (flows, types) = (maker.flows(), maker.types());
        let by_type = (0..types).map(|t| hash(0, t) ^ hash(0, 0)).collect();
        let mut rss = Self {
            words: words(regs).collect(),
            kind,
            reports: kind != 0 && rxcsum & rxcsum::PCSD != 0,
            table,
            by_flow: (0..flows).map(|flow| hash(flow, 0)).collect(),
            by_type,
            flows: Vec::new(),
        };
        if rss.by_type.iter().all(|hash| *hash == 0) {
            let mut of_queue = vec![Vec::new(); queues];
            for flow in 0..flows {
                let n = rss.queue_of(FrameTags { flow, packet_type: 0 });
                // What is sent to a queue that is not there is lost.
                if let Some(flows) = of_queue.get_mut(usize::from(n)) {
                    flows.push(flow);
                }
            }
            rss.flows = of_queue;
        }
        rss
    }

    /// Whether the registers still say so.
    pub fn is_current(&self, regs: &RegisterFile<'_>) -> bool {
        words(regs).eq(self.words.iter().copied())
    }

    #[inline(always)]
    fn hash(&self, tags: FrameTags) -> u32 {
        self.by_flow[usize::from(tags.flow)]
            ^ self.by_type[usize::from(tags.packet_type)]
    }

    /// The queue of a frame; what is not hashed goes to queue 0.
    #[inline(always)]
    pub fn queue_of(&self, tags: FrameTags) -> u16 {
        match self.kind {
            0 => 0,
            _ => self.table[(self.hash(tags) % u32::from(ENTRIES)) as usize]
                .into(),
        }
    }

    /// What a descriptor says of it, in its lower half (7.1.6.2).
    #[inline(always)]
    pub fn mark(&self, tags: FrameTags) -> u64 {
        match self.reports {
            false => 0,
            true => u64::from(self.kind) | u64::from(self.hash(tags)) << 32,
        }
    }

    /// The frames of a queue by their place among them; `None` where the
    /// queue of a frame depends on more than its flow.
    pub fn frames_of(&self, queue: usize) -> Option<Share<'_>> {
        let period = self.by_flow.len() as u64;
        self.flows.get(queue).map(|flows| Share { flows, period })
    }
}

/// All registers that say how frames are spread.
fn words<'r>(regs: &'r RegisterFile<'_>) -> impl Iterator<Item = u32> + 'r {
    let rows = [&MRQC, &RXCSUM, &RSSRK, &RETA].into_iter();
    let all = rows.flat_map(|row| (0..row.count()).map(move |n| (row, n)));
    all.map(|(row, n)| regs.get(row, n))
}

/// The frames of a queue, of which each flow has every `period`th number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share<'a> {
    flows: &'a [u16],
    period: u64,
}

impl<'a> Share<'a> {
    /// Whether no frame goes there.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// Frames of the queue among those below number `sequence`.
    pub fn below(&self, sequence: u64) -> u64 {
        let (turn, flow) = (sequence / self.period, sequence % self.period);
        let part = self.flows.partition_point(|f| u64::from(*f) < flow);
        turn * self.flows.len() as u64 + part as u64
    }

    /// Numbers of the queue's frames from `sequence` on, of which it has some.
    pub fn from(self, sequence: u64) -> Numbers<'a> {
        let place = self.below(sequence);
        let flows = self.flows.len() as u64;
        Numbers {
            share: self,
            base: place / flows * self.period,
            next: (place % flows) as usize,
        }
    }
}

/// Numbers of frames in ascending order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers<'a> {
    share: Share<'a>,
    /// Number of the first frame of the present turn over all flows.
    base: u64,
    /// Place of the next flow.
    next: usize,
}

impl Numbers<'_> {
    /// The next number.
    #[inline(always)]
    pub fn take(&mut self) -> u64 {
        let number = self.base + u64::from(self.share.flows[self.next]);
        self.next += 1;
        if self.next == self.share.flows.len() {
            self.next = 0;
            self.base += self.share.period;
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FLOWS, FrameFormat};
    use driver::bar::{Bar0, MappedBar};
    use driver::memory::{DmaRegion, Iova};
    use driver::rss;
    use proptest::prelude::*;

    /// Source and destination with their ports, the hash of the addresses,
    /// and that of addresses and ports: the verification suite of the RSS
    /// specification, IPv4.
    type Vector = ([u8; 4], u16, [u8; 4], u16, u32, u32);

    const SUITE: [Vector; 5] = [
        (
            [66, 9, 149, 187],
            2794,
            [161, 142, 100, 80],
            1766,
            0x323E_8FC2,
            0x51CC_C178,
        ),
        (
            [199, 92, 111, 2],
            14230,
            [65, 69, 140, 83],
            4739,
            0xD718_262A,
            0xC626_B0EA,
        ),
        (
            [24, 19, 198, 95],
            12898,
            [12, 22, 207, 184],
            38024,
            0xD2D0_A5DE,
            0x5C2B_394A,
        ),
        (
            [38, 27, 205, 30],
            48228,
            [209, 142, 163, 6],
            2217,
            0x8298_9176,
            0xAFC7_327F,
        ),
        (
            [153, 39, 163, 191],
            44251,
            [202, 188, 127, 2],
            1303,
            0x5D18_09C5,
            0x10E8_28A2,
        ),
    ];

    #[test]
    fn hashes_are_those_of_the_verification_suite() {
        for (source, from, target, to, addresses, ports) in SUITE {
            let mut input = [source, target].concat();
            assert_eq!(toeplitz(&rss::KEY, &input), addresses);
            input.extend(from.to_be_bytes());
            input.extend(to.to_be_bytes());
            assert_eq!(toeplitz(&rss::KEY, &input), ports);
        }
    }

    /// What a port is after `program` has had its registers.
    fn with(
        format: FrameFormat,
        queues: usize,
        program: impl FnOnce(&MappedBar<'_>),
    ) -> Rss {
        let region =
            DmaRegion::allocate(BAR0_BYTES, Iova::new(0)).expect("memory");
        // SAFETY: the region is aligned to 2 MiB and outlives both.
        let (bar, regs) = unsafe {
            (MappedBar::new(region.base()), RegisterFile::new(region.base()))
        };
        program(&bar);
        Rss::read(&regs, &FrameMaker::new(0, format), queues)
    }

    fn programmed(format: FrameFormat, queues: u16) -> Rss {
        with(format, queues.into(), |bar| rss::program(bar, queues))
    }

    #[test]
    fn the_flows_of_a_port_are_as_even_as_the_table() {
        let all = if cfg!(miri) { 3..=3 } else { 1..=rss::QUEUES };
        for queues in all {
            let rss = programmed(FrameFormat::default(), queues);
            let least = ENTRIES / queues * (FLOWS as u16 / ENTRIES);
            let most = ENTRIES.div_ceil(queues) * (FLOWS as u16 / ENTRIES);
            for flows in &rss.flows {
                let flows = flows.len() as u16;
                assert!((least..=most).contains(&flows), "{queues}: {flows}");
            }
        }
    }

    #[test]
    fn without_its_enable_bit_everything_goes_to_queue_0() {
        for mode in [0, 0b0100, 0b1000] {
            let rss = with(FrameFormat::default(), 4, |bar| {
                rss::program(bar, 4);
                let fields = mrqc::IPV4 | mrqc::UDP_IPV4;
                bar.write32(MRQC.offset(), mode | fields);
            });
            let flows: Vec<_> = rss.flows.iter().map(Vec::len).collect();
            assert_eq!(flows, [FLOWS as usize, 0, 0, 0]);
            assert_eq!(rss.mark(FrameTags { flow: 7, packet_type: 0 }), 0);
        }
    }

    #[test]
    fn a_hash_is_over_ports_only_where_they_are_enabled() {
        let format = FrameFormat { types: 32, ..FrameFormat::default() };
        let tags = |packet_type| FrameTags { flow: 5, packet_type };
        let rss = programmed(format, 4);
        assert!(rss.frames_of(0).is_none());
        assert_ne!(rss.mark(tags(0)), rss.mark(tags(1)));
        assert_eq!(rss.mark(tags(0)) & 0xF, 7);
        let rss = with(format, 4, |bar| {
            rss::program(bar, 4);
            bar.write32(MRQC.offset(), mrqc::RSS | mrqc::IPV4);
        });
        assert!(rss.frames_of(0).is_some());
        assert_eq!(rss.mark(tags(0)), rss.mark(tags(1)));
        assert_eq!(rss.mark(tags(0)) & 0xF, 2);
    }

    #[test]
    fn the_table_is_the_drivers() {
        let rss = with(FrameFormat::default(), 2, |bar| {
            rss::program(bar, 2);
            // Entries 4 to 7, of which one names a queue that is not there.
            bar.write32(RETA.at(1), 0x0F01_0101);
        });
        assert_eq!(rss.table[..9], [0, 1, 0, 1, 1, 1, 1, 15, 0]);
        let flows: usize = rss.flows.iter().map(Vec::len).sum();
        assert_eq!(flows, 1024 - 8);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(
            if cfg!(miri) { 2 } else { 64 }
        ))]

        #[test]
        fn a_hash_is_that_of_the_bytes_of_the_frame(
            types in 1..=32_u8, one_flow: bool, sequence: u64,
        ) {
            let format =
                FrameFormat { types, one_flow, ..FrameFormat::default() };
            let maker = FrameMaker::new(0, format);
            let frame = maker.frame(sequence);
            let hash = toeplitz(&rss::KEY, &frame[26..38]);
            let rss = programmed(format, 3);
            let tags = maker.tags(sequence);
            prop_assert_eq!(rss.mark(tags), u64::from(hash) << 32 | 7);
            let entry = (hash & 0x7F) % 3;
            prop_assert_eq!(u32::from(rss.queue_of(tags)), entry);
        }

        #[test]
        fn every_number_is_one_queues_in_order(
            queues in 1..=16_u16, first in 0..1_u64 << 40, frames in 0..3000_u64,
        ) {
            let rss = programmed(FrameFormat::default(), queues);
            let maker = FrameMaker::new(0, FrameFormat::default());
            let mut seen = Vec::new();
            for n in 0..queues {
                let share = rss.frames_of(n.into()).expect("by flow");
                let count = share.below(first + frames) - share.below(first);
                let mut numbers = share.from(first);
                let own: Vec<_> = (0..count).map(|_| numbers.take()).collect();
                prop_assert!(own.is_sorted_by(|a, b| a < b));
                let is_own = |s: &u64| rss.queue_of(maker.tags(*s)) == n;
                prop_assert!(own.iter().all(is_own));
                seen.extend(own);
            }
            seen.sort_unstable();
            prop_assert!(seen.into_iter().eq(first..first + frames));
        }
    }
}
