//! `forward`: a variant between two ports of a card, by itself.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use driver::memory::Pages;
use driver::nic::Config;
use variants::workload::{Counts, Forwarder, Frame, Queues, Quota, Workload};

use crate::affinity;
use crate::card::{Address, Card, Claim, Interrupts, Place, Request, Through};
use crate::cli::ForwardArgs;
use crate::environment::Root;
use crate::failure::Failure;
use crate::output;
use crate::plan;
use crate::process;

/// What is done between two looks at the clock.
const TURN: Quota = Quota { packets: 1 << 16, patience: 10_000 };

/// Empty rounds over both ports after which an interrupt is waited for: some
/// tens of microseconds, as long as it takes to be woken.
const PATIENCE: u32 = 1_000;

/// How long an interrupt is waited for before rings are looked at anyway.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Forwards until the time is over or the user stops it.
pub fn command(args: &ForwardArgs) -> Result<(), Failure> {
    let variant = plan::find(&args.variant)?;
    let case = variant.on(Workload::Forward).filter(|_| variant.forwards);
    let Some(case) = case else {
        return Err(Failure::error(format!(
            "{} does not forward: choose another variant",
            args.variant
        )));
    };
    let config = Config::default();
    if !(1..=config.ring_entries).contains(&args.batch) {
        return Err(Failure::error(format!(
            "batch size {} is not from 1 to {}",
            args.batch, config.ring_entries
        )));
    }
    if let Some(core) = args.core {
        affinity::pin(core).map_err(Failure::environment)?;
    }
    let [first, second] = &args.ports[..] else {
        return Err(Failure::error("forward takes two PCI addresses"));
    };
    let stop = process::interrupted();
    let stopped = || stop.load(Ordering::Relaxed);
    let root = args.root.clone().map_or_else(Root::default, Root);
    let mut request = Request {
        root: &root,
        addresses: [first.as_str(), second.as_str()],
        through: args.through,
        huge_pages: args.huge_pages.as_deref(),
        force: args.force,
        wrong_iova: args.wrong_iova,
        config,
        regions: 1,
    };
    let claim = Claim::new(&request)?;
    let through = claim.through();
    if args.interrupts && through != Through::Vfio {
        return Err(Failure::error(format!(
            "--interrupts come through VFIO, and the cards are reached \
             through {through}: switch the IOMMU on, or leave it out"
        )));
    }
    request.through = Some(through);
    let mut card = Card::take(&request)?;
    if card.pages() != Pages::Huge {
        eprintln!(
            "note: DMA memory consists of {}: set aside huge pages by writing \
             to /proc/sys/vm/nr_hugepages",
            card.pages().name()
        );
    }
    let Place { site, bars, devices } =
        card.place(0, args.batch, Queues::All, Frame::default());
    // After a signal the polls of the set-up end without a wait.
    let mut wait = |time| {
        if !stopped() {
            thread::sleep(time);
        }
    };
    let opened = (case.open)(site, &mut wait);
    if stopped() {
        return Err(Failure::interrupted("stopped before the ports were up"));
    }
    let mut forwarder = opened.map_err(Failure::environment)?;
    let wanted = devices.filter(|_| args.interrupts);
    let interrupts = wanted.map(|ports| Interrupts::new(bars, ports));
    let interrupts = interrupts.transpose()?;
    let start = Instant::now();
    let limit = args.seconds.map(Duration::from_secs_f64);
    let mut waits = 0;
    while !stopped() && limit.is_none_or(|limit| start.elapsed() < limit) {
        match &interrupts {
            None => {
                forwarder.forward(TURN);
            }
            Some(interrupts) => waits += turn(&mut *forwarder, interrupts),
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let mut line = summary(&*forwarder, [first, second], seconds);
    line += &format!("; through {through}");
    if interrupts.is_some() {
        line += &format!(", waited for an interrupt {waits} times");
    }
    output::line(line);
    Ok(())
}

/// Polls for as long as packets come, then waits for an interrupt; returns
/// how often.
fn turn(forwarder: &mut dyn Forwarder, interrupts: &Interrupts<'_>) -> u64 {
    let Quota { packets, .. } = TURN;
    if forwarder.forward(Quota { packets, patience: PATIENCE }) == packets {
        return 0;
    }
    interrupts.arm();
    // What came before the interrupt was armed need not cause one.
    let quiet = forwarder.forward(Quota { packets, patience: 1 }) == 0;
    if quiet {
        interrupts.wait(LONGEST_WAIT);
    }
    interrupts.disarm();
    quiet.into()
}

/// What came in and went out, in a line.
fn summary(
    forwarder: &dyn Forwarder,
    ports: [&Address; 2],
    seconds: f64,
) -> String {
    let Counts { received, sent, dropped, multi_descriptor, .. } =
        forwarder.counts();
    let mut line = format!("forwarded {sent} of {received} packets");
    line += &format!(" in {seconds:.3} s");
    for (port, counts) in
        ports.iter().zip(forwarder.port_counts().iter().flatten())
    {
        let Counts { received, sent, .. } = counts;
        line += &format!(", {port} received {received} sent {sent}");
    }
    line + &format!(
        "; dropped {dropped} for want of room and {multi_descriptor} that \
         span descriptors"
    )
}
