//! Whether the instrument counts: three times the same, and one instruction
//! more per packet as exactly that.

use variants::registry::{self, Variant};

use super::callgrind::Callgrind;
use super::{CHECKED_BATCH, Count};
use crate::failure::Failure;
use crate::measure::Turns;
use crate::output;
use crate::results::Fill;

/// How often each is counted.
const RUNS: usize = 3;

/// Counts the probes of the registry.
pub fn command() -> Result<(), Failure> {
    let turns = [Fill::Full, Fill::Random]
        .map(|fill| Turns { batch: CHECKED_BATCH, fill });
    let source = Callgrind::find()?;
    let count = |variant: &Variant| -> Result<Vec<Count>, Failure> {
        let first = source.count(variant, &turns)?;
        for _ in 1..RUNS {
            let again = source.count(variant, &turns)?;
            same(&first, &again).map_err(Failure::error)?;
        }
        Ok(first)
    };
    let [one, two] = registry::probes();
    let (one, two) = (count(&one)?, count(&two)?);
    for (one, two) in one.iter().zip(&two) {
        let more = one_more(one, two).map_err(Failure::error)?;
        output::line(format_args!(
            "batch {}, {} rings: one instruction more per packet reads as \
             {more:+.4}, {RUNS} runs alike",
            one.turns.batch, one.turns.fill
        ));
    }
    Ok(())
}

/// Whether two runs counted the same. What is modelled depends on addresses
/// and is not looked at.
fn same(first: &[Count], again: &[Count]) -> Result<(), String> {
    let counted = |c: &Count| (c.turns, c.times, c.own, c.library);
    let counted = |c: &Count| (counted(c), c.allocations);
    if first.iter().map(counted).eq(again.iter().map(counted)) {
        return Ok(());
    }
    let name = first.first().map_or("a variant", |count| &count.variant);
    Err(format!(
        "two runs of {name} counted differently: no count of this machine \
         can be trusted"
    ))
}

/// Instructions per packet of `two` beyond those of `one`, which have to be
/// one, and nothing else.
fn one_more(one: &Count, two: &Count) -> Result<f64, String> {
    let wanted = one.own.instructions + one.times.packets;
    let more = two.own.instructions as f64 - one.own.instructions as f64;
    let more = more / one.times.packets.max(1) as f64;
    let rest = |c: &Count| {
        (c.times, c.own.branches, c.own.loads, c.own.stores, c.library)
    };
    if two.own.instructions != wanted {
        return Err(format!(
            "one instruction more per packet reads as {more:+.4}, at batch {} \
             on {} rings",
            one.turns.batch, one.turns.fill
        ));
    }
    if rest(one) != rest(two) {
        return Err("an instruction without an effect has changed branches, \
                    loads or stores"
            .to_owned());
    }
    Ok(more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::{ByCode, Events};
    use crate::measure::Times;

    fn count(instructions: u64) -> Count {
        Count {
            variant: "probe=nop1".to_owned(),
            turns: Turns { batch: 32, fill: Fill::Full },
            times: Times { packets: 1000, batches: 10 },
            own: Events { instructions, ..Events::default() },
            library: Events::default(),
            allocations: 0,
            model: ByCode::default(),
        }
    }

    #[test]
    fn one_more_is_one_more_to_the_last_instruction() {
        assert_eq!(one_more(&count(5000), &count(6000)), Ok(1.0));
        for wrong in [5000, 5999, 6001, 4000] {
            let said = one_more(&count(5000), &count(wrong)).unwrap_err();
            assert!(said.contains("reads as"), "{said}");
        }
        let mut branchy = count(6000);
        branchy.own.branches = 1;
        assert!(one_more(&count(5000), &branchy).is_err());
    }

    #[test]
    fn runs_that_differ_by_one_differ() {
        assert_eq!(same(&[count(5000)], &[count(5000)]), Ok(()));
        assert!(same(&[count(5000)], &[count(5001)]).is_err());
        assert!(same(&[count(5000)], &[]).is_err());
    }
}
