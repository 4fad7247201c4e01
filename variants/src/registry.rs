//! The one list of axes and variants. All else follows from it: what is
//! swept, listed, tested and drawn.

pub mod shows;

use core::marker::PhantomData;

use driver::mempool::Mempool;
use driver::policy::{
    BatchStyle, Bounds, Dispatch, Exchange, Meta, Ownership, Pass, Policy,
    Prefetch, RegAccess, Spread, StatusCheck, Walk, WriteBack,
};

use crate::c_compiler::c_compiler;
use crate::workload::split::{self, OpenSplit};
use crate::workload::{Entry, Open, Workload, classify, forward, rx, tx};
use crate::{
    batch, bounds, buffer, dispatch, floor, language, meta, pass, persona,
    pool, prefetch, probe, reg, spread, status, walk, writeback,
};

use batch::{Arena, Slice};
use bounds::Checked;
use buffer::Freelist;
use dispatch::{Match, Unasked};
use language::Language;
use meta::Side;
use pass::Three;
use persona::Persona;
use pool::Single;
use prefetch::Nothing;
use reg::Unboxed;
use spread::Coloured;
use status::Masked;
use walk::Chase;
use writeback::Every;

/// A policy put together from one answer per axis, by default the reference.
#[expect(clippy::type_complexity, reason = "one parameter per axis")]
pub struct Join<
    Reg = Unboxed,
    Batch = Slice,
    Status = Masked,
    Walk = Chase,
    Buffer = Freelist,
    Meta = Side,
    Spread = Coloured,
    Bounds = Checked,
    Pool = Single,
    Dispatch = Unasked,
    Prefetch = Nothing,
    WriteBack = Every,
    Pass = Three,
>(
    PhantomData<(
        (Reg, Batch, Status, Walk, Buffer, Meta, Spread),
        (Bounds, Pool, Dispatch, Prefetch, WriteBack, Pass),
    )>,
);

impl<R, B, S, W, O, M, P, G, E, D, F, K, L> Policy
    for Join<R, B, S, W, O, M, P, G, E, D, F, K, L>
where
    R: RegAccess,
    B: BatchStyle,
    S: StatusCheck,
    W: Walk,
    O: Ownership,
    M: Meta,
    P: Spread,
    G: Bounds,
    E: Exchange,
    D: Dispatch,
    F: Prefetch,
    K: WriteBack,
    L: Pass,
{
    type Reg = R;
    type Batch = B;
    type Status = S;
    type Walk = W;
    type Buffer = O;
    type Meta = M;
    type Spread = P;
    type Bounds = G;
    type Pool = E;
    type Dispatch = D;
    type Prefetch = F;
    type WriteBack = K;
    type Pass = L;
}

/// The reference answer on every axis.
pub type Baseline = Join;

// The reference policy of each axis, with a hole for the axis.
pub(crate) type WithReg<R> = Join<R>;
pub(crate) type WithBatch<B> = Join<Unboxed, B>;
pub(crate) type WithStatus<S> = Join<Unboxed, Slice, S>;
pub(crate) type WithWalk<W> = Join<Unboxed, Arena, Masked, W>;
pub(crate) type WithBuffer<O> = Join<Unboxed, Slice, Masked, Chase, O>;
pub(crate) type WithMeta<M> = Join<Unboxed, Slice, Masked, Chase, Freelist, M>;
pub(crate) type WithSpread<P> =
    Join<Unboxed, Slice, Masked, Chase, Freelist, Side, P>;
pub(crate) type WithBounds<G> =
    Join<Unboxed, Slice, Masked, Chase, Freelist, Side, Coloured, G>;
pub(crate) type WithPool<E> =
    Join<Unboxed, Slice, Masked, Chase, Freelist, Side, Coloured, Checked, E>;
pub(crate) type WithDispatch<D> = Join<
    Unboxed,
    Slice,
    Masked,
    Chase,
    Freelist,
    Side,
    Coloured,
    Checked,
    Single,
    D,
>;
pub(crate) type WithPrefetch<F> = Join<
    Unboxed,
    Slice,
    Masked,
    Chase,
    Freelist,
    Side,
    Coloured,
    Checked,
    Single,
    Unasked,
    F,
>;
pub(crate) type WithWriteBack<K> = Join<
    Unboxed,
    Slice,
    Masked,
    Chase,
    Freelist,
    Side,
    Coloured,
    Checked,
    Single,
    Unasked,
    Nothing,
    K,
>;
pub(crate) type WithPass<L> = Join<
    Unboxed,
    Slice,
    Masked,
    Chase,
    Freelist,
    Side,
    Coloured,
    Checked,
    Single,
    Unasked,
    Nothing,
    Every,
    L,
>;

/// A question of style.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Its name.
    pub name: &'static str,
    /// The question.
    pub question: &'static str,
    /// The variant that the others are compared with: the axis's reference
    /// policy, by the name under which it is measured.
    pub reference: &'static str,
    /// The answers; the first one is the reference's.
    pub answers: &'static [Answer],
}

impl Axis {
    /// The workload that its answers are measured on.
    pub fn workload(&self) -> Workload {
        self.answers[0].cases[0].workload
    }

    /// The answers that are measured under their own names: the first one's
    /// policy is another axis's, or the baseline, unless it has a workload of
    /// its own.
    pub fn measured(&self) -> &'static [Answer] {
        let own = self.workload() != Workload::Forward;
        if own { self.answers } else { &self.answers[1..] }
    }
}

/// An answer to a question of style.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Its name.
    pub name: &'static str,
    /// The answer in half a line.
    pub idea: &'static str,
    /// The workloads that it is compiled for, its own first.
    cases: &'static [Case],
    /// Bytes of DMA memory that a pool of its policy needs.
    pool_bytes: PoolBytes,
}

/// A workload with a policy.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The workload.
    pub workload: Workload,
    /// Sets it up.
    pub open: Open,
    /// Where its machine code begins.
    pub entry: Entry,
    /// Sets it up on two cores, where it can be.
    pub split: Option<OpenSplit>,
}

macro_rules! case {
    // `forward`, whole or in halves.
    (split, $policy:ty) => {
        Case { split: Some(split::open::<$policy>), ..case!(forward, $policy) }
    };
    ($workload:ident, $policy:ty) => {
        Case {
            workload: $workload::WORKLOAD,
            open: $workload::open::<$policy>,
            entry: $workload::entry::<$policy>,
            split: None,
        }
    };
}

macro_rules! cases {
    ([$($workload:ident)+], $policy:ty) => {
        &[$(case!($workload, $policy)),+]
    };
}

/// Bytes of DMA memory for so many buffers of so many bytes.
type PoolBytes = fn(u32, u16) -> usize;

macro_rules! answers {
    ($($trait:ident, $policy:ident, $workloads:tt, [
        $($(#[$available:meta])? $answer:ty),+ $(,)?
    ]),+) => {
        &[$($($(#[$available])? Answer {
            name: <$answer as $trait>::NAME,
            idea: <$answer as $trait>::IDEA,
            cases: cases!($workloads, $policy<$answer>),
            pool_bytes: Mempool::<$policy<$answer>>::dma_bytes,
        }),+),+]
    };
}

/// An answer that is a whole policy.
const fn persona<P: Persona>() -> Answer {
    Answer {
        name: P::NAME,
        idea: P::IDEA,
        cases: const { cases!([forward], P::Policy) },
        pool_bytes: Mempool::<P::Policy>::dma_bytes,
    }
}

/// The baseline, as what personas are compared with.
const NOBODY: Answer = Answer {
    name: BASELINE,
    idea: "the reference answer on every axis",
    cases: cases!([forward rx tx], Baseline),
    pool_bytes: Mempool::<Baseline>::dma_bytes,
};

/// An answer that is a policy as a whole, with the baseline's buffers.
const fn whole<L: Language>() -> Answer {
    Answer {
        name: L::NAME,
        idea: L::IDEA,
        cases: const {
            let workload = Workload::Forward;
            let (open, entry) = (L::open, L::entry);
            &[Case { workload, open, entry, split: None }]
        },
        pool_bytes: Mempool::<Baseline>::dma_bytes,
    }
}

/// The name under which the policy of all references is measured.
pub const BASELINE: &str = "baseline";

/// Every axis with every answer.
pub const AXES: &[Axis] = &[
    Axis {
        name: "reg",
        question: "How does a 32-bit device word travel?",
        reference: BASELINE,
        answers: answers!(
            RegAccess,
            WithReg, [split rx tx],
            [
                reg::Unboxed,
                reg::Boxed,
                reg::Bytes,
                reg::Halves,
                #[cfg(have_cc)]
                reg::Foreign,
                reg::Tagged,
                reg::Typed,
                reg::Wide,
            ]
        ),
    },
    Axis {
        name: "batch",
        question: "What holds a received batch?",
        reference: BASELINE,
        answers: answers!(
            BatchStyle,
            WithBatch, [split rx tx],
            [
                batch::Slice,
                batch::Fresh,
                batch::Reused,
                batch::Deque,
                batch::List,
                batch::Arena,
            ],
            Pass,
            WithPass, [split rx tx],
            [batch::Inline, batch::Iter, batch::Callback]
        ),
    },
    Axis {
        name: "status",
        question: "How are DD and EOP checked?",
        reference: BASELINE,
        answers: answers!(
            StatusCheck,
            WithStatus, [split rx],
            [
                status::Masked,
                status::Branchy,
                status::Branchless,
                status::Bit,
                status::Simd,
            ]
        ),
    },
    Axis {
        name: "walk",
        question: "How is a list batch walked?",
        reference: "batch=arena",
        answers: answers!(
            Walk,
            WithWalk, [split rx tx],
            [walk::Chase, walk::Speculate, walk::Speculate4]
        ),
    },
    Axis {
        name: "buffer",
        question: "Who owns a packet buffer, and when does it go back?",
        reference: BASELINE,
        answers: answers!(
            Ownership,
            WithBuffer, [forward rx tx],
            [
                buffer::Freelist,
                buffer::Counted,
                buffer::Shared,
                buffer::Heap,
                buffer::Deferred,
            ]
        ),
    },
    Axis {
        name: "meta",
        question: "Where is a packet's metadata?",
        reference: BASELINE,
        answers: answers!(Meta, WithMeta, [split rx tx], [meta::Side, meta::Header]),
    },
    Axis {
        name: "spread",
        question: "Where do packet buffers start?",
        reference: BASELINE,
        answers: answers!(
            Spread,
            WithSpread, [split rx tx],
            [spread::Coloured, spread::Stride2k]
        ),
    },
    Axis {
        name: "bounds",
        question: "Are ring and pool indices checked?",
        reference: BASELINE,
        answers: answers!(
            Bounds,
            WithBounds, [split rx tx],
            [bounds::Checked, bounds::Unchecked, bounds::Overflow]
        ),
    },
    Axis {
        name: "pool",
        question: "How do buffers move between pool and rings?",
        reference: BASELINE,
        answers: answers!(Exchange, WithPool, [split rx tx], [pool::Single, pool::Bulk]),
    },
    Axis {
        name: "dispatch",
        question: "How is the packet type turned into an action?",
        reference: "dispatch=match",
        answers: answers!(
            Dispatch,
            WithDispatch,
            [classify],
            [dispatch::Match, dispatch::Hashed, dispatch::Dyn, dispatch::Table,]
        ),
    },
    Axis {
        name: "prefetch",
        question: "Is packet data fetched ahead?",
        reference: BASELINE,
        answers: answers!(
            Prefetch,
            WithPrefetch, [split rx],
            [prefetch::Nothing, prefetch::Next]
        ),
    },
    Axis {
        name: "writeback",
        question: "Which transmit descriptors ask for a write-back?",
        reference: BASELINE,
        answers: answers!(
            WriteBack,
            WithWriteBack, [split tx],
            [writeback::Every, writeback::Every32]
        ),
    },
    Axis {
        name: "pass",
        question: "How often is a batch walked?",
        reference: BASELINE,
        answers: answers!(Pass, WithPass, [split rx tx], [pass::Three, pass::Fused]),
    },
    Axis {
        name: PERSONA,
        question: "How do the choices of a known driver add up?",
        reference: BASELINE,
        answers: &[
            NOBODY,
            persona::<persona::IxyCStyle>(),
            persona::<persona::IxyRsStyle>(),
            persona::<persona::IxyMl2019Style>(),
            persona::<persona::IxyMlListsStyle>(),
            persona::<persona::Fastest>(),
        ],
    },
    Axis {
        name: "language",
        question: "In what language is the hot path written?",
        reference: BASELINE,
        answers: &[
            whole::<language::Rust>(),
            #[cfg(have_cc)]
            whole::<language::C>(),
        ],
    },
];

/// The answers that are written in C, which not every build has.
pub const IN_C: &[&str] = &["reg=foreign", "language=c"];

/// The answers that this build lacks, and why.
pub fn missing() -> Option<(&'static [&'static str], &'static str)> {
    c_compiler().err().map(|why| (IN_C, why))
}

/// A policy that is measured, by its name.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    axis: &'static str,
    answer: &'static str,
    /// The answer in half a line.
    pub idea: &'static str,
    /// The variant it is compared with; itself for a reference.
    pub reference: &'static str,
    /// Whether packets come out again; all but `floor=null` forward.
    pub forwards: bool,
    /// The workloads that it is compiled for, its own first.
    cases: &'static [Case],
}

impl Variant {
    /// Its name, such as `reg=boxed`.
    pub fn name(&self) -> String {
        match self.axis {
            "" => self.answer.to_owned(),
            axis => format!("{axis}={}", self.answer),
        }
    }

    /// Its axis, empty for the baseline.
    pub fn axis(&self) -> &'static str {
        self.axis
    }

    /// The workload that it is measured on where none is asked for.
    pub fn workload(&self) -> Workload {
        self.cases[0].workload
    }

    /// The variant on `workload`, if that asks its question.
    pub fn on(&self, workload: Workload) -> Option<&'static Case> {
        self.cases.iter().find(|case| case.workload == workload)
    }

    /// Sets its own workload up.
    pub fn open(&self) -> Open {
        self.cases[0].open
    }

    /// Where the machine code between the stamps begins, on its own workload.
    pub fn entry(&self) -> *const () {
        (self.cases[0].entry)()
    }
}

/// Two variants with one body of machine code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SameCode {
    /// The variant.
    pub variant: &'static str,
    /// The one whose machine code it has.
    pub as_in: &'static str,
    /// How that comes.
    pub because: Because,
}

/// Why two variants have the same machine code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The compiler made one code of two sources: there is one measurement,
    /// under two names, and it is made of the other.
    Erased(&'static str),
    /// The difference is in the data that the code finds: two measurements.
    Data(&'static str),
}

impl Because {
    /// The reason, to follow a colon.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Erased(reason) | Self::Data(reason) => reason,
        }
    }
}

/// Every pair of variants whose machine code is known to be the same in the
/// measured build. `bench-runner explain --all` finds the others, and those
/// of which it is no longer true.
pub const SAME_CODE: &[SameCode] = &[
    SameCode {
        variant: "spread=stride2k",
        as_in: "reg=typed",
        because: Because::Data(
            "types end with the compiler, which leaves the baseline's code but \
             for the choice of registers; buffers start elsewhere, and the \
             code reads where from the pool",
        ),
    },
    SameCode {
        variant: "persona=ixy-ml-lists-style",
        as_in: "batch=arena",
        because: Because::Data(
            "buffers start elsewhere, and the code reads where from the pool",
        ),
    },
];

/// The declaration that a variant has the machine code of another because the
/// compiler erased the difference.
pub fn erased<'d>(
    declared: &'d [SameCode],
    name: &str,
) -> Option<&'d SameCode> {
    let is_erased = |pair: &&SameCode| {
        pair.variant == name && matches!(pair.because, Because::Erased(_))
    };
    declared.iter().find(is_erased)
}

/// The axis of whole policies in the style of known drivers.
pub const PERSONA: &str = "persona";

/// The axis of the rows that every style stands on.
pub const FLOOR: &str = "floor";

/// What [`probes`] have in place of an axis.
const PROBE: &str = "probe";

/// Every policy that is measured, each under one name: the baseline, the
/// answers that differ from it, and the floors.
pub fn variants() -> Vec<Variant> {
    let baseline = Variant {
        axis: "",
        answer: BASELINE,
        idea: "the reference answer on every axis",
        reference: BASELINE,
        forwards: true,
        cases: &[
            case!(split, Baseline),
            case!(rx, Baseline),
            case!(tx, Baseline),
            case!(classify, WithDispatch<Match>),
        ],
    };
    let floor = |answer, idea, forwards, cases| Variant {
        axis: FLOOR,
        answer,
        idea,
        reference: BASELINE,
        forwards,
        cases,
    };
    const NULL: [Case; 4] = null_on(Workload::ALL);
    const LEAN: [Case; 1] = [Case {
        workload: Workload::Forward,
        open: floor::open_lean,
        entry: floor::entry_lean,
        split: None,
    }];
    let null = floor("null", "nothing at all", false, &NULL);
    let lean = floor(
        "lean",
        "the leanest loop with the baseline's memory work",
        true,
        &LEAN,
    );
    let answers = AXES.iter().flat_map(|axis| {
        axis.measured().iter().map(|answer| Variant {
            axis: axis.name,
            answer: answer.name,
            idea: answer.idea,
            reference: axis.reference,
            forwards: true,
            cases: answer.cases,
        })
    });
    [baseline].into_iter().chain(answers).chain([null, lean]).collect()
}

/// The baseline with one instruction more per packet, and with two: what an
/// instrument that counts is tried on. They are none of [`variants`].
pub fn probes() -> [Variant; 2] {
    let probe = |answer, cases| Variant {
        axis: PROBE,
        answer,
        idea: "the baseline and instructions without an effect",
        reference: BASELINE,
        forwards: true,
        cases,
    };
    [
        probe("nop1", &[case!(forward, WithPrefetch<probe::Nops<1>>)]),
        probe("nop2", &[case!(forward, WithPrefetch<probe::Nops<2>>)]),
    ]
}

/// Nothing is the same on every workload.
const fn null_on(workloads: [Workload; 4]) -> [Case; 4] {
    let [a, b, c, d] = workloads;
    let (open, entry): (Open, Entry) = (floor::open_null, floor::entry_null);
    let split = None;
    [
        Case { workload: a, open, entry, split },
        Case { workload: b, open, entry, split },
        Case { workload: c, open, entry, split },
        Case { workload: d, open, entry, split },
    ]
}

/// Bytes of DMA memory that suffice for a pool of any policy.
pub fn pool_bytes(buffers: u32, buffer_bytes: u16) -> usize {
    let answers = AXES.iter().flat_map(|axis| axis.answers);
    let bytes = answers.map(|a| (a.pool_bytes)(buffers, buffer_bytes));
    bytes.max().unwrap_or(0)
}

/// The name under which `axis=answer` is measured: a reference answer is its
/// axis's reference policy.
pub fn canonical(name: &str) -> Option<String> {
    let known = variants().into_iter().map(|variant| variant.name());
    let reference = || {
        let (axis, answer) = name.split_once('=')?;
        let axis = AXES.iter().find(|a| a.name == axis)?;
        let first = axis.answers[0].name == answer;
        first.then(|| axis.reference.to_owned())
    };
    known.into_iter().find(|known| known == name).or_else(reference)
}
