//! What searches found: a file for programs, a table and charts for people.

use std::path::Path;

use nic_model::arrivals::{BETWEEN_FRAMES, Sizes};
use serde::Serialize;

use super::arguments::name_of;
use super::goal::Goal;
use super::mlrsearch::{End, Found, GoalResult, Shape};
use crate::failure::Failure;
use crate::folder::replace;
use crate::plot::{Bar, Bars};
use crate::results::{Build, Machine};
use crate::table;

/// The file of the results.
pub const FILE: &str = "ndr.json";

/// The version of that file's form.
const FORM: u32 = 1;

/// What stands where there is no number.
const NOTHING: &str = "–";

/// All that a command found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Version of this form.
    form: u32,
    /// What the figures are.
    what: &'static str,
    /// The command line.
    pub command: String,
    /// Start, RFC 3339, UTC.
    pub started: String,
    /// The program that measured.
    pub build: Build,
    /// The machine it ran on.
    pub machine: Machine,
    /// The core that batches were measured on.
    pub core: u32,
    /// The frequency that rates are stated for, in GHz.
    pub ghz: f64,
    /// The core's own frequency when it began, in GHz.
    pub core_ghz: f64,
    /// Seed of traffic and schedules.
    pub seed: u64,
    /// Seconds of a full-length trial.
    pub final_seconds: f64,
    /// Seconds of full-length trials that decide about a load.
    pub sum_seconds: f64,
    /// The share of time that bad trials may take.
    pub exceed_ratio: f64,
    /// How far apart bounds may be, as a share of the upper one.
    pub width: f64,
    /// A row for each variant, frame size and batch size.
    pub rows: Vec<Row>,
}

/// What one search found.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Name in the registry.
    pub variant: String,
    /// Bytes of each frame with its checksum, or `imix`.
    pub frame: String,
    /// Upper limit of packets per receive call.
    pub batch: u16,
    /// Bytes of the wire's time that a frame takes on average.
    wire_bytes: f64,
    /// How the search ended.
    end: &'static str,
    /// Number of trials.
    trials: usize,
    /// Virtual seconds of all of them.
    trial_seconds: f64,
    /// A result for each goal.
    goals: Vec<GoalRow>,
}

/// What was found for a goal. Loads and rates are frames per second over both
/// ports.
#[derive(Clone, Debug, Serialize)]
struct GoalRow {
    name: String,
    loss_ratio: f64,
    /// Whether the bounds can be taken as they are, or why not.
    shape: &'static str,
    lower_bound: Option<f64>,
    upper_bound: Option<f64>,
    conditional_throughput: Option<f64>,
    /// Bits per second on the wire at that throughput.
    bits_per_second: Option<f64>,
}

impl Row {
    /// What a search found for a variant.
    #[must_use]
    pub fn new(
        variant: String,
        frames: Sizes,
        batch: u16,
        found: &Found,
    ) -> Self {
        let wire_bytes = frames.mean() + f64::from(BETWEEN_FRAMES);
        let goal = |result: &GoalResult| {
            let rate = result.conditional_throughput;
            GoalRow {
                name: name(&result.goal),
                loss_ratio: result.goal.loss_ratio,
                shape: words(result.shape),
                lower_bound: result.lower,
                upper_bound: result.upper,
                conditional_throughput: rate,
                bits_per_second: rate.map(|rate| rate * wire_bytes * 8.0),
            }
        };
        Self {
            variant,
            frame: name_of(frames),
            batch,
            wire_bytes,
            end: match found.end {
                End::Complete => "complete",
                End::Stopped => "stopped",
                End::OutOfTime => "out of time",
            },
            trials: found.trials.len(),
            trial_seconds: found.seconds(),
            goals: found.goals.iter().map(goal).collect(),
        }
    }
}

/// What the answer to a goal is called.
fn name(goal: &Goal) -> String {
    match goal.loss_ratio {
        0.0 => "NDR".to_owned(),
        ratio => {
            let percent = (ratio * 1e8).round() / 1e6;
            format!("PDR {percent}%")
        }
    }
}

fn words(shape: Shape) -> &'static str {
    match shape {
        Shape::Regular => "regular",
        Shape::NoUpper => "no upper bound",
        Shape::NoLower => "no lower bound",
        Shape::Unfinished => "unfinished",
    }
}

/// Circumstances of a report that is still empty.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The command line.
    pub command: String,
    /// Start, RFC 3339, UTC.
    pub started: String,
    /// The program.
    pub build: Build,
    /// The machine.
    pub machine: Machine,
    /// The core.
    pub core: u32,
    /// The frequency that rates are stated for, in GHz.
    pub ghz: f64,
    /// The core's own frequency when it began, in GHz.
    pub core_ghz: f64,
    /// Seed of traffic and schedules.
    pub seed: u64,
}

impl Report {
    /// A report without rows; goals differ in their loss ratio only.
    #[must_use]
    pub fn new(origin: Origin, goal: &Goal) -> Self {
        let Origin {
            command,
            started,
            build,
            machine,
            core,
            ghz,
            core_ghz,
            seed,
        } = origin;
        Self {
            form: FORM,
            what: "model NDR: loads that a variant forwards in virtual time",
            command,
            started,
            build,
            machine,
            core,
            ghz,
            core_ghz,
            seed,
            final_seconds: goal.final_seconds,
            sum_seconds: goal.sum_seconds,
            exceed_ratio: goal.exceed_ratio,
            width: goal.width,
            rows: Vec::new(),
        }
    }

    /// Writes the file. What was there stays until this is whole.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), Failure> {
        let json = serde_json::to_string_pretty(self);
        let json = json.map_err(Failure::error)?;
        replace(&folder.join(FILE), (json + "\n").as_bytes())
    }

    /// Draws a chart for each frame size and batch size.
    ///
    /// # Errors
    ///
    /// When one cannot be written.
    pub fn draw(&self, folder: &Path) -> Result<(), Failure> {
        for (name, chart) in self.charts() {
            replace(&folder.join(name), chart.draw().as_bytes())?;
        }
        Ok(())
    }

    fn charts(&self) -> Vec<(String, Bars)> {
        let mut charts: Vec<(String, Bars)> = Vec::new();
        for row in &self.rows {
            let file = format!("ndr-{}-{}.svg", row.frame, row.batch);
            let bars = match charts.iter_mut().find(|(f, _)| *f == file) {
                Some((_, bars)) => bars,
                None => {
                    charts.push((file, self.chart(row)));
                    &mut charts.last_mut().expect("just pushed").1
                }
            };
            let mpps = |goal: &GoalRow| goal.lower_bound.map(|r| r / 1e6);
            bars.bars.push(Bar {
                name: row.variant.clone(),
                values: row.goals.iter().map(mpps).collect(),
                notes: row.goals.iter().map(GoalRow::note).collect(),
            });
        }
        charts
    }

    /// A chart without bars for those that share frames and batch size with
    /// `row`.
    fn chart(&self, row: &Row) -> Bars {
        Bars {
            title: format!(
                "Model NDR, frames of {}, batch {}",
                bytes(&row.frame),
                row.batch
            ),
            subtitle: format!("{} {}", self.conditions(), self.source()),
            x_label: "Mpps, lower bound, both directions".to_owned(),
            keys: row.goals.iter().map(|goal| goal.name.clone()).collect(),
            bars: Vec::new(),
        }
    }

    /// A row for each goal of each search, and how to read them.
    #[must_use]
    pub fn text(&self) -> String {
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
        for (row, goal) in
            self.rows.iter().flat_map(|r| r.goals.iter().map(move |g| (r, g)))
        {
            let million = |rate: Option<f64>, unit: f64| match rate {
                Some(rate) => format!("{:.2}", rate / unit),
                None => NOTHING.to_owned(),
            };
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
        format!("{}\n\n{}\n", table.trim_fmt(), self.conditions())
    }

    fn conditions(&self) -> String {
        let Self { ghz, core_ghz, final_seconds, sum_seconds, .. } = self;
        format!(
            "Model NDR: the software 82599 in virtual time, without a wire's \
             limit, both ports, equal gaps; batches cost what they were \
             measured to cost in cycles, at {ghz:.2} GHz (the core ran at \
             {core_ghz:.2} GHz). MLRsearch (RFC 9971): trials \
             of {final_seconds} s, {sum_seconds:.3} s in sum, exceed ratio \
             {} %, relative width {} %.",
            self.exceed_ratio * 100.0,
            self.width * 100.0,
        )
    }

    fn source(&self) -> String {
        let Self { build, machine, started, .. } = self;
        let guest = match &machine.hypervisor {
            Some(hypervisor) => format!(", {hypervisor} guest"),
            None => String::new(),
        };
        let date = started.split('T').next().unwrap_or_default();
        let commit: String = build.commit.chars().take(10).collect();
        let dirty = if build.dirty { " with changes" } else { "" };
        let profile = match build.profile.as_str() {
            "release" => String::new(),
            other => format!(", {other} build"),
        };
        format!(
            "{}{guest}. {date}, ringside {}, commit {commit}{dirty}{profile}, \
             {}.",
            machine.cpu, build.version, build.compiler
        )
    }
}

impl GoalRow {
    /// What marks a result that is none; nothing for one that is.
    fn note(&self) -> String {
        match self.shape {
            "regular" => String::new(),
            shape => format!(" ({shape})"),
        }
    }
}

fn bytes(frame: &str) -> String {
    match frame {
        "imix" => "imix".to_owned(),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::example;

    fn result(goal: Goal, shape: Shape, rate: Option<f64>) -> GoalResult {
        GoalResult {
            goal,
            shape,
            lower: rate,
            upper: rate.map(|rate| rate * 1.004),
            conditional_throughput: rate,
        }
    }

    fn report(shape: Shape) -> Report {
        let run = example::run(&["reg=boxed"], &[32]);
        let origin = Origin {
            command: "bench-runner ndr".to_owned(),
            started: run.started,
            build: run.build,
            machine: run.machine,
            core: 1,
            ghz: 2.5,
            core_ghz: 4.0,
            seed: 7,
        };
        let mut report = Report::new(origin, &Goal::NDR);
        for (variant, frames, rate) in [
            ("baseline", Sizes::One(64), 200e6),
            ("reg=boxed", Sizes::One(64), 20e6),
            ("baseline", Sizes::Imix, 180e6),
        ] {
            let goals = vec![
                result(Goal::NDR, shape, Some(rate)),
                result(Goal::PDR, Shape::NoLower, None),
            ];
            let (end, trials) = (End::Complete, Vec::new());
            let found = Found { goals, end, trials };
            let row = Row::new(variant.to_owned(), frames, 32, &found);
            report.rows.push(row);
        }
        report
    }

    #[test]
    fn the_table_says_model_and_marks_what_is_irregular() {
        let text = report(Shape::Regular).text();
        let row = text.lines().find(|l| l.contains("reg=boxed")).unwrap();
        // 84 bytes of the wire's time are 672 bits.
        let words: Vec<_> = row.split_whitespace().collect();
        let wanted =
            ["reg=boxed", "64", "32", "NDR", "20.00", "20.00", "13.44", "0"];
        assert_eq!(words, wanted);
        assert!(text.contains("Model NDR"), "{text}");
        assert!(text.contains("PDR 0.5%"), "{text}");
        assert!(text.contains("– (no lower bound)"), "{text}");
        let text = report(Shape::Unfinished).text();
        assert!(text.contains("20.00 (unfinished)"), "{text}");
    }

    #[test]
    fn a_chart_for_each_frame_size_and_batch_size() {
        let charts = report(Shape::NoUpper).charts();
        let names: Vec<_> = charts.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["ndr-64-32.svg", "ndr-imix-32.svg"]);
        let svg = charts[0].1.draw();
        for text in ["Model NDR", "reg=boxed", "no upper bound", "PDR 0.5%"] {
            assert!(svg.contains(text), "{text}");
        }
        assert_eq!(svg, report(Shape::NoUpper).charts()[0].1.draw());
    }

    #[test]
    fn the_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let report = report(Shape::Regular);
        report.save(folder.path()).unwrap();
        report.save(folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["rows"][1]["goals"][0]["lower_bound"], 20e6);
        assert_eq!(json["rows"][0]["goals"][1]["shape"], "no lower bound");
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 1);
    }
}
