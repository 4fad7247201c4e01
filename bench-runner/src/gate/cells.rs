//! Which cells a gate watches.

use variants::registry::Variant;

use crate::cli::ChoiceArgs;
use crate::failure::Failure;
use crate::plan;
use crate::results::{Cell, Fill};

/// Descriptors per ring.
const RING_ENTRIES: u16 = 512;

/// Variants that stand for all: each axis has one that goes another way
/// through the driver than the baseline does.
const WATCHED: [&str; 12] = [
    "baseline",
    "reg=boxed",
    "batch=vec",
    "batch=arena",
    "status=branchless",
    "walk=speculate4",
    "buffer=refcount",
    "buffer=heap",
    "meta=header",
    "bounds=overflow",
    "dispatch=dyn",
    "pass=fused",
];

/// The variants that were chosen, or else those that stand for all.
pub fn variants(choice: &ChoiceArgs) -> Result<Vec<Variant>, Failure> {
    match (&choice.axis[..], &choice.variants[..]) {
        ([], []) => WATCHED.iter().map(|name| plan::find(name)).collect(),
        ([], names) => plan::forwarders(names),
        (axes, []) => {
            let mut all = plan::of_axes(axes)?;
            all.retain(|variant| variant.forwards);
            Ok(all)
        }
        _ => plan::chosen(&choice.axis, &choice.variants),
    }
}

/// A cell of each variant at each batch size, on full rings and with the
/// variant's own workload.
pub fn of(variants: &[Variant], batches: &[u32]) -> Result<Vec<Cell>, Failure> {
    let mut cells =
        plan::cells(variants, batches, RING_ENTRIES, Fill::Full, None)?;
    cells.retain(|cell| !cell.copy);
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing_chosen() -> ChoiceArgs {
        ChoiceArgs { axis: Vec::new(), variants: Vec::new() }
    }

    #[test]
    fn twelve_variants_stand_for_all_each_by_its_own_name() {
        let variants = variants(&nothing_chosen()).expect("known");
        let names: Vec<_> = variants.iter().map(Variant::name).collect();
        assert_eq!(names, WATCHED);
        assert!(variants.iter().all(|variant| variant.forwards));
        let cells = of(&variants, &[1, 8, 32, 256]).expect("fine");
        assert_eq!(cells.len(), 48);
    }

    #[test]
    fn what_is_named_is_watched_alone() {
        let names = vec!["reg=boxed".to_owned()];
        let choice = ChoiceArgs { variants: names, ..nothing_chosen() };
        let variants = variants(&choice).expect("known");
        assert_eq!(variants.len(), 1);
    }
}
