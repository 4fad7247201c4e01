use super::*;
use crate::analysis::analyse;
use crate::load::Rate;
use crate::results::example::{self, reference};
use crate::results::{Placement, Workload};
use proptest::prelude::*;

fn point(x: u16, y: f64) -> Point {
    Point { x, y, low: y * 0.97, high: y * 1.03, hollow: false }
}

fn chart(names: &[&str]) -> Chart {
    let series = names.iter().enumerate().map(|(number, name)| {
        let level = 20.0 + number as f64;
        let points =
            [1, 8, 64].map(|batch| point(batch, level * f64::from(batch)));
        Series {
            name: (*name).to_owned(),
            points: points.to_vec(),
            emphasis: number == 0,
        }
    });
    Chart {
        over: Over::Batches,
        title: "a title".to_owned(),
        subtitle: "a caption".to_owned(),
        y_label: "Mpps".to_owned(),
        series: series.collect(),
        line_rate: Some(LineRate::ten_gbe(64)),
    }
}

/// Walks over the tags and returns the texts, or says what is unbalanced.
fn texts(svg: &str) -> Result<Vec<String>, String> {
    let mut open = Vec::new();
    let mut texts = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let text = rest[..start].trim();
        if !text.is_empty() {
            texts.push(text.to_owned());
        }
        let end = rest.find('>').ok_or("a tag does not end")?;
        let tag = rest.get(start + 1..end).ok_or("> before <")?;
        if tag.contains('<') || tag.matches('"').count() % 2 != 0 {
            return Err(format!("<{tag}>"));
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> closes another tag"));
            }
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = &rest[end + 1..];
    }
    if open.is_empty() && rest.trim().is_empty() {
        Ok(texts)
    } else {
        Err(format!("{open:?} stay open before {rest:?}"))
    }
}

fn has(svg: &str, text: &str) -> bool {
    texts(svg).unwrap().iter().any(|found| found == text)
}

#[test]
fn the_same_data_give_the_same_bytes() {
    let run = example::run(&["baseline", "reg=boxed"], &[1, 8, 64]);
    let once = charts(&run, &analyse(&run, &reference), &reference);
    let again = charts(&run, &analyse(&run, &reference), &reference);
    assert_eq!(once, again);
}

#[test]
fn every_series_title_and_caption_is_named() {
    let svg = draw(&chart(&["baseline", "reg=boxed", "reg=bytes"]));
    for text in
        ["baseline", "reg=boxed", "reg=bytes", "a title", "a caption", "Mpps"]
    {
        assert!(has(&svg, text), "{text} is not in\n{svg}");
    }
}

#[test]
fn names_come_out_as_text() {
    let svg = draw(&chart(&["<script>", "a&b", "\"quoted\"", "bell\x07"]));
    assert!(!svg.contains("<script"));
    assert!(has(&svg, "&lt;script&gt;") && has(&svg, "a&amp;b"));
    assert!(has(&svg, "bell?"));
    let mut odd = chart(&["baseline"]);
    odd.title = "</title><script>".to_owned();
    odd.subtitle = "x < y & z".to_owned();
    let svg = draw(&odd);
    assert!(texts(&svg).is_ok() && !svg.contains("<script"));
}

#[test]
fn the_line_rate_is_drawn_only_where_the_data_reach_it() {
    let label = "10 GbE line rate, 64-byte frames, both directions: 29.76 Mpps";
    let mut chart = chart(&["baseline"]);
    assert!(has(&draw(&chart), label));
    chart.series[0].points = vec![point(1, 3.0), point(2, 20.0)];
    assert!(!has(&draw(&chart), label));
}

#[test]
fn what_was_offered_is_a_thin_grey_line_with_a_name() {
    let mut run = example::run(&["baseline", "reg=boxed"], &[1, 32]);
    run.setup.placement = Placement::Threaded;
    run.setup.rate = Some(Rate::PerSecond(400e6));
    let svg_of = |run: &Run| {
        let results = analyse(run, &reference);
        charts(run, &results, &reference)
    };
    let all = svg_of(&run);
    let throughput =
        |(name, _): &&(String, String)| name.starts_with("throughput");
    assert!(all.iter().filter(throughput).count() > 0);
    for (name, svg) in &all {
        let is_named = has(svg, "offered: 400 Mpps");
        assert_eq!(is_named, name.starts_with("throughput"), "{name}");
        assert!(svg.contains("400 Mpps offered with equal gaps"), "{name}");
    }
    run.setup.rate = Some(Rate::Line);
    let label = "line rate: 29.76 Mpps";
    for (_, svg) in svg_of(&run).iter().filter(throughput) {
        assert!(has(svg, label), "{svg}");
    }
    // Far above all that came through it would press the lines together.
    let mut chart = chart(&["baseline"]);
    let rate = |mpps| {
        let label = "offered".to_owned();
        Some(LineRate { mpps, label, offered: true })
    };
    chart.line_rate = rate(5000.0);
    assert!(has(&draw(&chart), "offered"));
    chart.line_rate = rate(6000.0);
    assert!(!has(&draw(&chart), "offered"));
}

#[test]
fn hollow_points_are_drawn_in_another_way() {
    let full = chart(&["baseline", "reg=boxed"]);
    let mut hollow = full.clone();
    hollow.series[1].points[1].hollow = true;
    assert_ne!(draw(&full), draw(&hollow));
}

#[test]
fn an_empty_chart_says_so() {
    let mut none = chart(&["baseline"]);
    none.series[0].points[0].y = f64::NAN;
    none.series[0].points.truncate(1);
    assert!(has(&draw(&none), "no data"));
    none.series.clear();
    assert!(has(&draw(&none), "no data"));
}

#[test]
fn a_sheet_grows_with_the_number_of_names() {
    let names: Vec<_> = (0..60).map(|n| format!("axis=v{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let svg = draw(&chart(&names));
    assert!(!svg.contains("height=\"600\""));
    assert!(names.iter().all(|name| has(&svg, name)));
}

#[test]
fn every_axis_has_two_charts_and_all_variants_have_two_more() {
    let run = example::run(
        &["baseline", "reg=boxed", "batch=arena", "walk=speculate", FLOOR],
        &[1, 32],
    );
    let charts = charts(&run, &analyse(&run, &reference), &reference);
    let names: Vec<_> = charts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "throughput-reg.svg",
            "cycles-reg.svg",
            "throughput-batch.svg",
            "cycles-batch.svg",
            "throughput-walk.svg",
            "cycles-walk.svg",
            "throughput-all.svg",
            "cycles-all.svg",
        ]
    );
    let walk = &charts[4].1;
    assert!(has(walk, "batch=arena") && has(walk, "walk=speculate"));
    assert!(!has(walk, "baseline"));
    assert!(has(&charts[6].1, "reg=boxed") && !has(&charts[6].1, FLOOR));
}

#[test]
fn two_names_of_one_code_share_a_line_on_their_axis() {
    let names = ["baseline", "batch=arena", "status=bit"];
    let mut run = example::run(&names, &[1, 32]);
    example::add_same_code(&mut run, "reg=typed", "baseline");
    example::add_random(&mut run, &["baseline", "status=bit"]);
    let charts = charts(&run, &analyse(&run, &reference), &reference);
    let chart = |name: &str| {
        let named = charts.iter().find(|(file, _)| file == name);
        &named.unwrap_or_else(|| panic!("no {name}")).1
    };
    let both = "baseline ≡ reg=typed";
    let said = |svg: &str| svg.contains("types end with the compiler");
    for name in ["cycles-reg.svg", "cycles-all.svg"] {
        assert!(has(chart(name), both) && said(chart(name)), "{name}");
        assert!(!has(chart(name), "baseline"), "{name}");
    }
    // One line, and the others need not know.
    assert!(!has(chart("cycles-reg.svg"), "reg=typed"));
    let batch = chart("cycles-batch.svg");
    assert!(has(batch, "baseline") && !has(batch, both) && !said(batch));
    let is_random = |(file, _): &&(String, String)| file.contains("-random");
    assert_eq!(charts.iter().filter(is_random).count(), 2);
}

#[test]
fn what_has_another_fill_as_well_has_charts_of_its_own() {
    let names = ["baseline", "status=bit", "reg=boxed", FLOOR];
    let mut run = example::run(&names, &[1, 32]);
    example::add_random(&mut run, &["baseline", "status=bit", FLOOR]);
    let charts = charts(&run, &analyse(&run, &reference), &reference);
    let names: Vec<_> = charts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "throughput-status.svg",
            "cycles-status.svg",
            "throughput-reg.svg",
            "cycles-reg.svg",
            "throughput-all.svg",
            "cycles-all.svg",
            "throughput-status-random.svg",
            "cycles-status-random.svg",
        ]
    );
    let title = "status, random fill: throughput by batch size";
    assert!(has(&charts[6].1, title) && !has(&charts[0].1, title));
    assert!(charts[6].1.contains("in runs of random length"));
    assert!(!charts[4].1.contains("in runs of random length"));
    assert!(charts[4].1.contains("full rings"));
    // Points of one fill are no points of the other.
    let full = example::run(&["baseline", "status=bit"], &[1, 32]);
    let full = self::charts(&full, &analyse(&full, &reference), &reference);
    let lines = |svg: &str| svg.matches("<polyline").count();
    assert_eq!(lines(&charts[0].1), lines(&full[0].1));
}

#[test]
fn a_run_at_random_alone_has_all_its_charts_so() {
    let mut run = example::run(&["baseline", "reg=boxed"], &[1, 32]);
    run.setup.fill = Fill::Random;
    run.cells.iter_mut().for_each(|cell| cell.fill = Fill::Random);
    let charts = charts(&run, &analyse(&run, &reference), &reference);
    let names: Vec<_> = charts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "throughput-reg-random.svg",
            "cycles-reg-random.svg",
            "throughput-all-random.svg",
            "cycles-all-random.svg",
        ]
    );
}

#[test]
fn throughput_over_cores_has_a_chart_for_each_batch_size() {
    let names = ["baseline", "reg=boxed"];
    let run = example::over_cores(&names, &[1, 32], 3);
    let results = analyse(&run, &reference);
    let charts = charts(&run, &results, &reference);
    let of = |name: &str| {
        let chart = charts.iter().find(|(file, _)| file == name);
        chart.unwrap_or_else(|| panic!("no {name}")).1.clone()
    };
    let one = of("scaling-batch-32.svg");
    let texts = texts(&one).expect("well-formed");
    for text in ["cores that forward", "baseline", "reg=boxed", "3"] {
        assert!(texts.iter().any(|t| t == text), "{text} in {texts:?}");
    }
    assert!(texts.iter().any(|t| t.contains("Thin lines")), "{texts:?}");
    assert_ne!(one, of("scaling-batch-1.svg"));
    // The usual charts, for each number of cores.
    assert!(of("cycles-reg-cores-3.svg").contains("on 3 cores"));
    assert!(of("throughput-all-cores-1.svg").contains("on 1 core"));
    let single = example::over_cores(&names, &[1, 32], 1);
    let results = analyse(&single, &reference);
    let charts = super::charts(&single, &results, &reference);
    assert!(!charts.iter().any(|(name, _)| name.contains("scaling")));
}

#[test]
fn an_ideal_line_has_as_much_for_each_core_as_for_the_first() {
    let mut chart = chart(&["baseline"]);
    chart.over = Over::Cores;
    chart.line_rate = None;
    let point = |x, y| Point { x, y, low: y, high: y, hollow: false };
    chart.series[0].points = vec![point(1, 10.0), point(4, 20.0)];
    // The axis reaches to 40, which no point does.
    let texts = texts(&draw(&chart)).expect("well-formed");
    assert!(texts.iter().any(|text| text == "40"), "{texts:?}");
    chart.over = Over::Batches;
    let texts = super::tests::texts(&draw(&chart)).expect("well-formed");
    assert!(!texts.iter().any(|text| text == "40"), "{texts:?}");
}

#[test]
fn a_caption_names_the_workloads_of_its_own_variants() {
    let mut run = example::run(&["baseline", "reg=boxed", "batch=vec"], &[1]);
    let classifying = run.cells.iter_mut().filter(|c| c.variant == "batch=vec");
    classifying.for_each(|cell| cell.workload = Workload::Classify);
    let charts = charts(&run, &analyse(&run, &reference), &reference);
    let caption = |name: &str| {
        let chart = charts.iter().find(|(file, _)| file == name);
        chart.expect("a chart").1.contains("classify")
    };
    assert!(!caption("throughput-reg.svg"));
    assert!(caption("throughput-batch.svg"));
    assert!(caption("throughput-all.svg"));
}

#[test]
fn file_names_stay_in_their_folder_and_apart() {
    let run = example::run(&["../x=a", "./.x=b", "all=c"], &[1]);
    let charts = charts(&run, &analyse(&run, &reference), &reference);
    let names: HashSet<_> = charts.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), charts.len());
    assert!(names.iter().all(|name| !name.contains('/')));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn whatever_the_data_the_text_is_well_formed(
        points in prop::collection::vec(
            (any::<u16>(), any::<f64>(), any::<f64>(), any::<bool>()), 0..12),
        name in any::<String>(),
    ) {
        let mut wild = chart(&["baseline", "other"]);
        wild.series[0].name = name;
        wild.series[0].points = points
            .into_iter()
            .map(|(x, y, high, hollow)| Point { x, y, low: y, high, hollow })
            .collect();
        let svg = draw(&wild);
        prop_assert!(texts(&svg).is_ok(), "{:?}", texts(&svg));
    }
}
