//! What was found, as text.

use super::record::Record;
use crate::load::Time;
use crate::table;

/// What stands where there is no number.
const NOTHING: &str = "–";

/// A row for each goal of each search, and how to read them.
pub fn table(record: &Record) -> String {
    let titles = [
        "variant",
        "frame",
        "batch",
        "goal",
        "model Mpps",
        "forwarded",
        "Gbit/s",
        "trials",
    ];
    let mut table = table::table(titles.into_iter());
    let million = |rate: Option<f64>, unit: f64| match rate {
        Some(rate) => format!("{:.2}", rate / unit),
        None => NOTHING.to_owned(),
    };
    for row in &record.rows {
        for goal in &row.goals {
            let note = goal.note();
            table.add_row([
                row.variant.clone(),
                row.frame.clone(),
                row.batch.to_string(),
                goal.name.clone(),
                format!("{}{note}", million(goal.lower_bound, 1e6)),
                million(goal.conditional_throughput, 1e6),
                million(goal.bits_per_second, 1e9),
                row.trials.to_string(),
            ]);
        }
    }
    format!("{}\n\n{}\n", table.trim_fmt(), conditions(record))
}

/// How the numbers were made.
pub fn conditions(record: &Record) -> String {
    let search = &record.search;
    let device = match (search.time, search.ghz) {
        (Time::Virtual, Some(ghz)) => format!(
            "in virtual time, without a wire's limit, both ports, equal gaps; \
             batches cost what they were measured to cost in cycles, at \
             {ghz:.2} GHz (the core ran at {:.2} GHz)",
            search.chain_ghz
        ),
        (Time::Virtual, None) => "in virtual time".to_owned(),
        (Time::Wall, _) => format!(
            "on the wall clock, on a core of its own, without a wire's limit, \
             both ports, equal gaps; at {:.2} GHz",
            search.chain_ghz
        ),
    };
    format!(
        "Model NDR: the software 82599 {device}. MLRsearch (RFC 9971): trials of {} s, {:.3} s in sum, exceed \
         ratio {} %, relative width {} %.",
        search.final_seconds,
        search.sum_seconds,
        search.exceed_ratio * 100.0,
        search.width * 100.0,
    )
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::super::mlrsearch::Shape;

    #[test]
    fn the_table_says_model_and_marks_what_is_irregular() {
        let text = super::table(&example::record(Shape::Regular));
        let row = text.lines().find(|l| l.contains("reg=boxed")).unwrap();
        // 84 bytes of the wire's time are 672 bits.
        let words: Vec<_> = row.split_whitespace().collect();
        let wanted =
            ["reg=boxed", "64", "32", "NDR", "20.00", "20.00", "13.44", "0"];
        assert_eq!(words, wanted);
        assert!(text.contains("Model NDR"), "{text}");
        assert!(text.contains("PDR 0.5%"), "{text}");
        assert!(text.contains("– (no lower bound)"), "{text}");
        assert!(text.contains("in virtual time"), "{text}");
        let text = super::table(&example::on_the_wall_clock(Shape::Regular));
        assert!(text.contains("Model NDR"), "{text}");
        assert!(text.contains("on the wall clock"), "{text}");
        assert!(!text.contains("virtual"), "{text}");
        let text = super::table(&example::record(Shape::Unfinished));
        assert!(text.contains("20.00 (unfinished)"), "{text}");
    }
}
