//! Results as text tables, without colours and no wider than asked for.

mod scaling;

pub use scaling::scaling;

use crate::analysis::{
    self, AaSpread, BASELINE, CellResult, MODEL_BOUND, Reference, SAME, by_axis,
};
use crate::results::{Fill, Placement, Run};
use crate::stats::{CONFIDENCE, Estimate};
use crate::verdict::{Finding, Rule};
use comfy_table::{
    CellAlignment, ContentLineStyle, LineStyle, Table, TableStyle,
};

/// A line under the header and nothing else.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─'))
    .content_lines(ContentLineStyle::none());

/// Empty space after a column.
const GAP: u16 = 2;

/// What stands where there is no number.
const NOTHING: &str = "–";

/// Every cell of a run, one row each, grouped by axis.
///
/// Columns that do not fit into `width` are left out, those that can be
/// computed from others first; without a width, as into a pipe, all are there.
#[must_use]
pub fn cells(
    results: &[CellResult],
    reference: &Reference,
    width: Option<usize>,
) -> String {
    let mut columns = Column::ALL.to_vec();
    columns.retain(|column| {
        let has = |wanted: fn(&CellResult) -> bool| results.iter().any(wanted);
        match column {
            Column::Against => {
                results.iter().any(|r| against(r, reference).is_some())
            }
            Column::Verdict | Column::Detectable => {
                has(|result| result.finding.is_some())
            }
            _ => true,
        }
    });
    let mut text = draw_cells(results, reference, &columns);
    let spare = [Column::Ns, Column::Cycles, Column::Detectable, Column::Mpps];
    for spare in spare {
        if fits(&text, width) {
            break;
        }
        columns.retain(|column| *column != spare);
        text = draw_cells(results, reference, &columns);
    }
    text
}

/// Cost against the reference, a row per variant and a column per batch size.
///
/// Batch sizes that do not fit into `width` go on below.
#[must_use]
pub fn overview(
    results: &[CellResult],
    reference: &Reference,
    width: Option<usize>,
) -> String {
    let batches = batches(results);
    let mut per_part = batches.len().max(1);
    loop {
        let parts: Vec<_> = batches
            .chunks(per_part)
            .map(|part| draw_overview(results, reference, part))
            .collect();
        if per_part == 1 || parts.iter().all(|part| fits(part, width)) {
            return parts.join("\n");
        }
        per_part -= 1;
    }
}

/// What a reader of the tables has to know, one line each.
#[must_use]
pub fn caption(
    run: &Run,
    results: &[CellResult],
    aa: Option<&AaSpread>,
) -> String {
    let mut lines = vec![conditions(run, results)];
    if let Some(path) = &run.build.path {
        lines.push(format!(
            "Variants without the name of a program are those of {}.",
            plain(path)
        ));
    }
    if let Some(aa) = aa {
        lines.push(format!(
            "A/A: a variant differs from its own copy by {:.2} % (median) and \
             {:.2} % (worst) over {}.",
            aa.median * 100.0,
            aa.worst * 100.0,
            match run.core_counts().len() > 1 {
                false => count(aa.cells.len(), "batch size", "batch sizes"),
                true => count(
                    aa.cells.len(),
                    "batch size and number of cores",
                    "pairs of batch size and number of cores",
                ),
            },
        ));
    }
    if let Some(family) =
        results.iter().filter_map(|r| r.finding).map(|f| f.family).max()
    {
        let rule = Rule::default();
        lines.push(format!(
            "Verdicts: slower or faster by more than {:.1} %, equivalent \
             within {:.0} %, in this build.",
            rule.margin * 100.0,
            rule.equivalence * 100.0,
        ));
        lines.push(format!(
            "They hold for {} at once (Holm). MDE: what one is likely to \
             find.",
            count(family, "comparison", "comparisons"),
        ));
    }
    lines.extend(scaling::spread(run));
    if let Some(share) = analysis::device_share(run) {
        lines.push(format!(
            "The card's turns cost ×{:.2} of the driver's (baseline, batch \
             {}) and are not in the figures.",
            share.ratio, share.batch,
        ));
    }
    if results.iter().any(|result| result.fill == Fill::Random) {
        lines.push(
            "Random fill: frames come into sight in runs of random length, \
             and the driver is timed on each by itself; floor=null is what \
             that leaves."
                .to_owned(),
        );
    }
    let is_named = |name: &str| {
        results.iter().any(|result| result.names().contains(&name))
    };
    let same = analysis::same_code(run, is_named);
    lines.extend(same.iter().map(|line| plain(line)));
    if results.iter().any(|result| result.hollow) {
        lines.push(match run.setup.rate {
            None if run.setup.placement == Placement::Card => {
                format!("°: {}.", analysis::short_of_traffic())
            }
            None => format!(
                "°: model-bound, the model was busy for more than {:.0} % of \
                 the time and may be the bottleneck.",
                MODEL_BOUND * 100.0
            ),
            Some(_) => format!("°: {}.", analysis::lateness()),
        });
    }
    lines.join("\n") + "\n"
}

fn conditions(run: &Run, results: &[CellResult]) -> String {
    let setup = &run.setup;
    let on_card = setup.ports.as_ref().map(|ports| format!("card {ports}"));
    let placement = match setup.placement {
        Placement::Lockstep => "lockstep placement",
        Placement::Threaded => "threaded placement",
        Placement::Card => on_card.as_deref().unwrap_or("card"),
        Placement::External => "external placement",
    };
    let fill = match setup.fill {
        Fill::Full => "",
        Fill::Random => ", random fill",
    };
    let doorbell = match setup.doorbell_cycles {
        0 => String::new(),
        cycles => format!(", modelled doorbell of {cycles} cycles"),
    };
    let offered = match analysis::offered(run) {
        None => String::new(),
        Some(offered) => format!(", {offered}"),
    };
    let used = results.iter().map(|r| r.processes).max().unwrap_or(0);
    let intervals = if results.iter().any(|r| r.ns.interval.is_some()) {
        format!(", {:.0} % intervals", CONFIDENCE * 100.0)
    } else {
        ", too few processes for intervals".to_owned()
    };
    format!(
        "{}, {placement}{fill}, {}-byte frames{offered}{doorbell}, {} × \
         {}{intervals}.",
        run.work_of(results.iter().map(|r| &*r.variant)),
        setup.frame_bytes,
        count(used, "process", "processes"),
        count(setup.rounds as usize, "round", "rounds"),
    )
}

/// What a column shows.
#[derive(Clone, Copy, PartialEq)]
enum Column {
    Variant,
    Batch,
    Mpps,
    Ns,
    Cycles,
    Cost,
    Verdict,
    Detectable,
    Against,
}

impl Column {
    const ALL: [Self; 9] = [
        Self::Variant,
        Self::Batch,
        Self::Mpps,
        Self::Ns,
        Self::Cycles,
        Self::Cost,
        Self::Verdict,
        Self::Detectable,
        Self::Against,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Variant => "variant",
            Self::Batch => "batch",
            Self::Mpps => "Mpps",
            Self::Ns => "ns/pkt",
            Self::Cycles => "cycles/pkt",
            Self::Cost => "cost",
            Self::Verdict => "verdict",
            Self::Detectable => "MDE",
            Self::Against => "against",
        }
    }

    fn text(self, result: &CellResult, reference: &Reference) -> String {
        match self {
            Self::Variant => plain(&result.names().join(SAME)),
            Self::Batch => result.batch.to_string(),
            Self::Mpps => {
                let mark = if result.hollow { "°" } else { "" };
                let mpps = result.mpps.map(|mpps| plus_minus(mpps, 2));
                mpps.map_or(NOTHING.to_owned(), |text| text + mark)
            }
            Self::Ns => plus_minus(result.ns, 2),
            Self::Cycles => plus_minus(result.cycles, 1),
            Self::Cost => result.cost_ratio.map_or(NOTHING.to_owned(), times),
            Self::Verdict => {
                let word = result.finding.map(|f| f.verdict.word());
                word.unwrap_or_default().to_owned()
            }
            Self::Detectable => {
                let percent =
                    |f: Finding| format!("{:.1} %", f.detectable * 100.0);
                result.finding.map_or(String::new(), percent)
            }
            Self::Against => {
                against(result, reference).map_or(String::new(), plain)
            }
        }
    }
}

/// The name of the reference where it is worth a word.
fn against<'a>(
    result: &'a CellResult,
    reference: &Reference<'a>,
) -> Option<&'a str> {
    result.cost_ratio?;
    Some(reference(&result.variant)).filter(|name| *name != BASELINE)
}

fn draw_cells(
    results: &[CellResult],
    reference: &Reference,
    columns: &[Column],
) -> String {
    let mut table = table(columns.iter().map(|column| column.title()));
    for (place, column) in columns.iter().enumerate() {
        if matches!(column, Column::Variant | Column::Verdict | Column::Against)
            && let Some(column) = table.column_mut(place)
        {
            column.set_cell_alignment(CellAlignment::Left);
        }
    }
    for (group, (_, variants)) in by_axis(results).into_iter().enumerate() {
        if group > 0 {
            table.add_row(vec![String::new(); columns.len()]);
        }
        for variant in variants {
            for batch in batches(results) {
                if let Some(result) = find(results, variant, batch) {
                    let row = columns.iter().map(|c| c.text(result, reference));
                    table.add_row(row.collect::<Vec<_>>());
                }
            }
        }
    }
    table.trim_fmt() + "\n"
}

fn draw_overview(
    results: &[CellResult],
    reference: &Reference,
    batches: &[u16],
) -> String {
    let titles = batches.iter().map(ToString::to_string);
    let title = "cost by batch size".to_owned();
    let mut table = table(std::iter::once(title).chain(titles));
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(CellAlignment::Left);
    }
    for (_, variants) in by_axis(results) {
        for variant in variants {
            let row: Vec<_> = batches
                .iter()
                .map(|&batch| find(results, variant, batch))
                .collect();
            let other =
                row.iter().flatten().find_map(|r| against(r, reference));
            let names = row.iter().flatten().next();
            let names = names.map_or(String::new(), |r| r.names().join(SAME));
            let name = match other {
                Some(other) => {
                    format!("{} / {}", plain(&names), plain(other))
                }
                None => plain(&names),
            };
            let ratios = row.iter().map(|result| {
                if reference(variant) == variant && result.is_some() {
                    return "1".to_owned();
                }
                let ratio = result.and_then(|r| r.cost_ratio);
                ratio.map_or(NOTHING.to_owned(), |r| format!("{:.3}", r.value))
            });
            table.add_row(std::iter::once(name).chain(ratios));
        }
    }
    table.trim_fmt() + "\n"
}

/// An empty table, its columns aligned to the right.
pub fn table<T: Into<comfy_table::Cell>>(
    titles: impl Iterator<Item = T>,
) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(titles.collect::<Vec<_>>());
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
        column.set_cell_alignment(CellAlignment::Right);
    }
    let last = table.column_count().saturating_sub(1);
    if let Some(column) = table.column_mut(last) {
        column.set_padding((0, 0));
    }
    table
}

/// The first copy of a variant at a batch size.
fn find<'a>(
    results: &'a [CellResult],
    variant: &str,
    batch: u16,
) -> Option<&'a CellResult> {
    results.iter().find(|r| !r.copy && r.variant == variant && r.batch == batch)
}

/// The batch sizes in ascending order.
fn batches(results: &[CellResult]) -> Vec<u16> {
    let mut batches: Vec<_> = results.iter().map(|r| r.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    batches
}

/// A value with its half-width, which is rounded up: an interval never looks
/// narrower than it is.
fn plus_minus(estimate: Estimate, decimals: usize) -> String {
    let value = estimate.value;
    match estimate.half_width() {
        None => format!("{value:.decimals$}"),
        Some(half) => {
            let unit = 10f64.powi(decimals as i32);
            // Less than a millionth of a step is rounding, not width.
            let half = (half * unit - 1e-6).ceil().max(0.0) / unit;
            format!("{value:.decimals$} ±{half:.decimals$}")
        }
    }
}

/// A ratio with its interval.
fn times(ratio: Estimate) -> String {
    match ratio.interval {
        None => format!("×{:.3}", ratio.value),
        Some((low, high)) => {
            format!("×{:.3} ({low:.3}..{high:.3})", ratio.value)
        }
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A name from a file, without what a terminal would obey.
fn plain(name: &str) -> String {
    name.replace(char::is_control, "?")
}

fn fits(text: &str, width: Option<usize>) -> bool {
    let widest = text.lines().map(|line| line.chars().count()).max();
    width.is_none_or(|width| widest.unwrap_or(0) <= width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{AaCell, aa_spread, analyse};
    use crate::results::example::{self, reference};

    fn estimate(value: f64, half: f64) -> Estimate {
        Estimate { value, interval: Some((value - half, value + half)) }
    }

    fn row(
        variant: &str,
        batch: u16,
        ns: f64,
        cost: Option<f64>,
    ) -> CellResult {
        CellResult {
            variant: variant.to_owned(),
            namesakes: Vec::new(),
            batch,
            fill: Fill::Full,
            cores: None,
            copy: false,
            ns: estimate(ns, 0.021),
            cycles: estimate(ns * 4.0, 0.1),
            mpps: Some(estimate(1e3 / ns, 0.3)),
            cost_ratio: cost.map(|cost| estimate(cost, 0.004)),
            finding: None,
            hollow: false,
            processes: 8,
        }
    }

    fn rows() -> Vec<CellResult> {
        let mut rows = vec![
            row("reg=boxed", 1, 50.0, Some(2.0)),
            row("reg=boxed", 32, 10.0, Some(1.25)),
            row("baseline", 32, 8.0, None),
            row("baseline", 1, 25.0, None),
            row("batch=arena", 32, 9.0, Some(1.125)),
            row("walk=speculate", 32, 8.1, Some(0.9)),
            row("floor=null", 32, 0.0, None),
        ];
        rows[6].mpps = None;
        rows[1].hollow = true;
        let copy = CellResult { copy: true, ..row("baseline", 1, 9.0, None) };
        rows.push(copy);
        rows
    }

    fn assert_text(got: &str, want: &str) {
        assert!(got == want, "got\n{got}\nwant\n{want}");
    }

    #[test]
    fn cells_are_grouped_by_axis_with_the_baseline_first() {
        assert_text(&cells(&rows(), &reference, None), CELLS);
    }

    const CELLS: &str = "\
variant         batch           Mpps       ns/pkt  cycles/pkt                   cost  against
─────────────────────────────────────────────────────────────────────────────────────────────────
baseline            1    40.00 ±0.30  25.00 ±0.03  100.0 ±0.1                      –
baseline           32   125.00 ±0.30   8.00 ±0.03   32.0 ±0.1                      –

reg=boxed           1    20.00 ±0.30  50.00 ±0.03  200.0 ±0.1  ×2.000 (1.996..2.004)
reg=boxed          32  100.00 ±0.30°  10.00 ±0.03   40.0 ±0.1  ×1.250 (1.246..1.254)

batch=arena        32   111.11 ±0.30   9.00 ±0.03   36.0 ±0.1  ×1.125 (1.121..1.129)

walk=speculate     32   123.46 ±0.30   8.10 ±0.03   32.4 ±0.1  ×0.900 (0.896..0.904)  batch=arena

floor=null         32              –   0.00 ±0.03    0.0 ±0.1                      –
";

    #[test]
    fn the_reference_is_named_only_where_it_is_not_the_baseline() {
        let two = &rows()[..4];
        assert!(!cells(two, &reference, None).contains("against"));
    }

    #[test]
    fn the_overview_has_a_row_per_variant() {
        assert_text(&overview(&rows(), &reference, None), OVERVIEW);
    }

    const OVERVIEW: &str = "\
cost by batch size                1     32
──────────────────────────────────────────
baseline                          1      1
reg=boxed                     2.000  1.250
batch=arena                       –  1.125
walk=speculate / batch=arena      –  0.900
floor=null                        –      –
";

    #[test]
    fn the_caption_says_how_the_numbers_came_about() {
        let run = example::run(&["baseline"], &[1, 32]);
        let cell = AaCell {
            cores: None,
            variant: "baseline".to_owned(),
            batch: 1,
            ratio: estimate(1.0, 0.0),
        };
        let aa = AaSpread {
            cells: vec![cell.clone(), cell],
            worst: 0.0012,
            median: 0.0004,
        };
        assert_text(
            &caption(&run, &rows(), Some(&aa)),
            "forward, lockstep placement, 64-byte frames, 8 processes × 16 \
             rounds, 99 % intervals.\n\
             A/A: a variant differs from its own copy by 0.04 % (median) and \
             0.12 % (worst) over 2 batch sizes.\n\
             °: model-bound, the model was busy for more than 80 % of the \
             time and may be the bottleneck.\n",
        );
    }

    #[test]
    fn a_modelled_doorbell_is_always_labelled() {
        let mut run = example::run(&["baseline"], &[1]);
        run.setup.doorbell_cycles = 280;
        assert_text(
            &caption(&run, &[], None),
            "forward, lockstep placement, 64-byte frames, modelled doorbell \
             of 280 cycles, 0 processes × 16 rounds, too few processes for \
             intervals.\n",
        );
    }

    #[test]
    fn a_sweep_fits_into_a_hundred_and_twenty_columns() {
        let run = example::fourteen();
        let results = analyse(&run, &reference);
        let aa = aa_spread(&run);
        for text in [
            cells(&results, &reference, None),
            overview(&results, &reference, None),
            caption(&run, &results, aa.as_ref()),
        ] {
            assert!(fits(&text, Some(120)), "{text}");
        }
    }

    #[test]
    fn what_can_be_said_stands_beside_the_cost() {
        let run = example::run(&["baseline", "reg=boxed", "reg=fine"], &[32]);
        let results = analyse(&run, &reference);
        let text = cells(&results, &reference, None);
        let row = |name: &str| {
            let mut rows = text.lines();
            rows.find(|row| row.starts_with(name)).expect("a row").to_owned()
        };
        assert!(text.contains("verdict") && text.contains("MDE"), "{text}");
        assert!(row("reg=boxed").contains("slower"), "{text}");
        assert!(row("reg=fine").contains("equivalent"), "{text}");
        assert!(row("reg=fine").ends_with('%'), "{text}");
        assert!(!row("baseline").contains('%'), "{text}");
        let said = caption(&run, &results, None);
        assert!(said.contains("2 comparisons at once"), "{said}");
    }

    #[test]
    fn narrow_tables_drop_columns_and_break_batch_sizes() {
        let narrow = cells(&rows(), &reference, Some(70));
        assert!(fits(&narrow, Some(70)), "{narrow}");
        assert!(!narrow.contains("ns/pkt"));
        assert!(narrow.contains("cost"));
        let narrow = overview(&rows(), &reference, Some(38));
        assert!(fits(&narrow, Some(38)), "{narrow}");
        assert_eq!(narrow.matches("reg=boxed").count(), 2);
    }

    #[test]
    fn two_names_of_one_code_share_a_row_and_a_reason() {
        let mut run = example::run(&["baseline", "reg=boxed"], &[1, 32]);
        example::add_same_code(&mut run, "reg=typed", "baseline");
        let results = analyse(&run, &reference);
        let both = "baseline ≡ reg=typed";
        for (text, rows) in [
            (cells(&results, &reference, None), 2),
            (overview(&results, &reference, None), 1),
        ] {
            assert_eq!(text.matches(both).count(), rows, "{text}");
            assert_eq!(text.matches("baseline").count(), rows, "{text}");
        }
        let text = caption(&run, &results, None);
        let line = "≡: one machine code, measured once; reg=typed has that \
                    of baseline, for types end with the compiler.\n";
        assert!(text.contains(line), "{text}");
        run.same_code.clear();
        let results = analyse(&run, &reference);
        assert!(!cells(&results, &reference, None).contains('≡'));
        assert!(!caption(&run, &results, None).contains('≡'));
    }

    #[test]
    fn nothing_is_cut_without_a_width() {
        let name = "axis=".to_owned() + &"long".repeat(60);
        let text = cells(&[row(&name, 1, 1.0, None)], &reference, None);
        assert!(text.contains(&name));
    }

    #[test]
    fn names_cannot_steer_the_terminal() {
        let text = cells(&[row("a\x1b[31m", 1, 1.0, None)], &reference, None);
        assert!(text.contains("a?[31m") && !text.contains('\x1b'));
    }

    #[test]
    fn half_widths_are_rounded_up() {
        assert_eq!(plus_minus(estimate(10.0, 0.0301), 2), "10.00 ±0.04");
        assert_eq!(plus_minus(estimate(10.0, 0.0), 2), "10.00 ±0.00");
        let bare = Estimate { value: 10.0, interval: None };
        assert_eq!(plus_minus(bare, 2), "10.00");
        assert_eq!(times(bare), "×10.000");
    }

    #[test]
    fn no_results_make_an_empty_table() {
        assert_eq!(cells(&[], &reference, None).lines().count(), 2);
        assert_eq!(overview(&[], &reference, None).lines().count(), 0);
    }
}
