//! From what is typed to the ports of a run.

use super::{Claim, Pair, Request};
use crate::cli::{CardArgs, SweepArgs};
use crate::environment::Root;
use crate::failure::Failure;
use crate::load::PaceArg;
use crate::results::{Ports, Workload};
use driver::nic::Config;

/// The ports that a sweep takes, and the cards as they are held meanwhile;
/// nothing where it takes none.
///
/// # Errors
///
/// When they cannot be had, or something was asked for that only a model
/// does.
pub fn of_sweep(
    args: &SweepArgs,
) -> Result<Option<(Ports, Vec<Claim>)>, Failure> {
    let CardArgs { nic, generator, through, huge_pages, force } = &args.card;
    let Some(nic) = nic else { return Ok(None) };
    if let Some(option) = for_models(args) {
        return Err(Failure::error(format!(
            "--nic: {option} is for the model; leave it out"
        )));
    }
    if let Some(other) = generator
        && let Some(twice) = other.0.iter().find(|a| nic.0.contains(a))
    {
        return Err(Failure::error(format!(
            "{twice} is in --nic and in --generator: name four ports"
        )));
    }
    let claim = |pair: &Pair| claim(pair, *through, huge_pages, *force);
    let mut claims = vec![claim(nic)?];
    if let Some(generator) = generator {
        claims.push(claim(generator)?);
    }
    let ports = Ports {
        nic: nic.clone(),
        through: claims[0].through(),
        generator: generator.clone(),
        generator_through: claims.get(1).map(Claim::through),
        huge_pages: huge_pages.clone(),
    };
    Ok(Some((ports, claims)))
}

/// The same cards once more, for a run that goes on.
///
/// # Errors
///
/// When they cannot be had.
pub fn of_run(ports: &Ports, force: bool) -> Result<Vec<Claim>, Failure> {
    let Ports { nic, through, huge_pages, .. } = ports;
    let first = claim(nic, Some(*through), huge_pages, force)?;
    let mut claims = vec![first];
    if let Some(pair) = &ports.generator {
        let through = ports.generator_through;
        claims.push(claim(pair, through, huge_pages, force)?);
    }
    Ok(claims)
}

/// A line for a command that has no use for real cards.
///
/// # Errors
///
/// When one was named.
pub fn none(nic: Option<&Pair>, command: &str) -> Result<(), Failure> {
    match nic {
        None => Ok(()),
        Some(_) => Err(Failure::error(format!(
            "--nic: {command} knows the model alone; sweep --nic and forward \
             take real cards"
        ))),
    }
}

fn claim(
    pair: &Pair,
    through: Option<super::Through>,
    huge_pages: &Option<std::path::PathBuf>,
    force: bool,
) -> Result<Claim, Failure> {
    Claim::new(&Request {
        root: &Root::default(),
        addresses: pair.as_strs(),
        through,
        huge_pages: huge_pages.as_deref(),
        force,
        wrong_iova: false,
        config: Config::default(),
        regions: 0,
    })
}

/// An option that a real card has no use for.
fn for_models(args: &SweepArgs) -> Option<&'static str> {
    let SweepArgs { measure, offer, several, .. } = args;
    let other = measure.workload.is_some_and(|w| w != Workload::Forward);
    let rate = matches!(offer.rate, Some(PaceArg(Some(_))));
    let threaded = measure.placement != crate::cli::PlacementArg::Lockstep;
    let options = [
        (threaded, "--placement"),
        (measure.fill.is_some(), "--fill"),
        (measure.doorbell_cycles > 0, "--doorbell-cycles"),
        (measure.types.is_some(), "--types"),
        (measure.trace.is_some(), "--trace"),
        (other, "another --workload than forward"),
        (rate, "--rate"),
        (several.are_several(), "--cores or --split"),
    ];
    options.into_iter().find(|(given, _)| *given).map(|(_, name)| name)
}
