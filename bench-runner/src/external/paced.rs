//! What programs forward of a load that does not wait, and how long a packet
//! takes.

use super::start::Start;
use super::{Plan, contender};
use crate::cli::ExternalArgs;
use crate::environment::Root;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::latency::{self, Offer, OfferedSchedule};
use crate::load::{Length, SizesArg};
use crate::measure::{Probe, Schedule};
use crate::results::Setup;
use crate::sweep::now;
use nic_model::arrivals::Sizes;

/// Frames that are followed one by one, for latency over time.
const TRACED: usize = 200_000;

/// Offers every rate to every program.
///
/// # Errors
///
/// A line for what cannot be measured or written.
pub fn measure(
    args: &ExternalArgs,
    plan: &Plan,
    setup: &Setup,
) -> Result<(), Failure> {
    let sizes = SizesArg(Sizes::One(args.frame));
    let offer = Offer {
        batch: plan.batch,
        sizes,
        pattern: args.pattern,
        length: Some(Length::Seconds(args.seconds)),
    };
    let folder = match &args.out {
        Some(path) => Folder::without(latency::FILE, path)?,
        None => {
            let machine = Root::default().machine(setup.core);
            Folder::of_kind("latency", latency::FILE, &now(), &machine)?
        }
    };
    let mut rates = Vec::new();
    for rate in &args.rate {
        if !rates.contains(rate) {
            rates.push(*rate);
        }
    }
    latency::of_programs(setup, &rates, &offer, &folder, |hz, tell| {
        let start = Start { plan, setup, tick_hz: hz, folder: folder.path() };
        start.with(|all| {
            let probe = Probe::new(setup.core);
            for one in all {
                let full = one.window(
                    contender::ticks(super::turns::SETTLE, hz),
                    contender::ticks(super::turns::WINDOW, hz),
                )?;
                let highest = full.forwarded as f64 * hz / full.ticks as f64;
                for rate in &rates {
                    let per_second = rate.per_second(sizes.0, highest);
                    let schedule = Schedule {
                        rate: per_second,
                        pattern: offer.pattern.0,
                        sizes: sizes.0,
                        on_a_wire: rate.on_a_wire(sizes.0),
                        seconds: args.seconds,
                        interval: args.seconds,
                        traced: TRACED,
                        seed: setup.seed,
                        flap: None,
                    };
                    let trip = || probe.round_trip_ticks() * 1e9 / hz;
                    let before = trip();
                    let (kept, whole) =
                        one.offer(&schedule, setup.ring_entries, hz)?;
                    tell(OfferedSchedule {
                        variant: one.name().to_owned(),
                        rate: *rate,
                        highest: rate.is_share().then_some(highest),
                        schedule,
                        batch: plan.batch,
                        round_trip_ns: [before, trip()],
                        kept,
                        whole,
                    })?;
                }
            }
            Ok(())
        })
    })
}
