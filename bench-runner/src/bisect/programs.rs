//! Commits as programs: built once, put aside, and checked by themselves
//! against the good one's baseline.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use clap::ValueEnum;
use sha2::{Digest, Sha256};

use super::child;
use super::git::Tree;
use super::look::{Cell, Look, Refusal};
use super::search::Judge;
use crate::cli::BisectArgs;
use crate::failure::{Exit, Failure};
use crate::fingerprint::hex;
use crate::folder::Folder;
use crate::gate::Tier;
use crate::gate::record::{self, Conclusion};

/// What the good one is saved as.
const NAME: &str = "good";

/// The program's file.
const PROGRAM: &str = "bench-runner";

/// Programs of a bisection, and what is known of them.
pub struct Programs<'a> {
    folder: &'a Folder,
    tree: &'a Tree<'a>,
    args: &'a BisectArgs,
    good: String,
    /// Folder of this bisection inside the other, by what was asked for.
    own: String,
}

impl<'a> Programs<'a> {
    /// Those of the commits from `good` to `bad`.
    pub fn new(
        folder: &'a Folder,
        tree: &'a Tree<'a>,
        args: &'a BisectArgs,
        good: &str,
        bad: &str,
    ) -> Self {
        let mut words = vec![good.to_owned(), bad.to_owned()];
        words.extend(tiers(args));
        words.extend(gate(args));
        words.extend(chosen(args, None));
        let digest = hex(&Sha256::digest(words.join("\0")));
        let own = format!("verdicts/{}", &digest[..12]);
        Self { folder, tree, args, good: good.to_owned(), own }
    }

    /// Saves the good one's baseline, unless that has been done.
    ///
    /// # Errors
    ///
    /// Where it cannot be built, or knows no baselines.
    pub fn save(&self) -> Result<(), Failure> {
        let done = self.path("saved");
        if done.exists() {
            return Ok(());
        }
        let failed = |why: &str| Failure::error(format!("GOOD: {why}"));
        let program = self.build(&self.good)?.map_err(|why| failed(&why))?;
        self.makes_sure(&program, "baseline")?.map_err(|why| failed(&why))?;
        let store = self.path("store");
        // Of an attempt that was interrupted.
        let _ = fs::remove_dir_all(&store);
        self.tell(&self.good, "saving its baseline");
        let mut command = self.program(&program);
        command.args(["baseline", "save", "--name", NAME, "--store"]);
        command.arg(&store);
        command.args(tiers(self.args)).args(gate(self.args));
        command.args(chosen(self.args, None));
        let log = self.log(&self.good, "save")?;
        let status = child::run(&mut command, &log)?;
        match status.code() {
            Some(0) => self.put("saved", self.good.as_bytes()),
            _ => Err(ended("GOOD", status, &log)),
        }
    }

    /// The program of a commit, or why there is none.
    fn build(&self, commit: &str) -> Result<Result<PathBuf, String>, Failure> {
        let name = format!("builds/{commit}/{PROGRAM}");
        let aside = self.folder.path().join(&name);
        self.tree.check_out(commit)?;
        if aside.exists() {
            return Ok(Ok(aside));
        }
        self.tell(commit, "building");
        let mut cargo = child::command("cargo");
        cargo.args(["build", "--release", "--bin", PROGRAM]);
        self.at_home(&mut cargo);
        let log = self.log(commit, "build")?;
        let status = child::run(&mut cargo, &log)?;
        if !status.success() {
            let why = line_of(&log, |line| line.starts_with("error"));
            return Ok(Err(format!("it cannot be built: {why}")));
        }
        let built = self.target().join("release").join(PROGRAM);
        let folder = aside.parent().unwrap_or(&aside);
        let partial = folder.join(".partial");
        fs::create_dir_all(folder)
            .and_then(|()| fs::copy(&built, &partial))
            .and_then(|_| fs::rename(&partial, &aside))
            .map_err(|error| {
                let aside = aside.display();
                Failure::error(format!("cannot write {aside}: {error}"))
            })?;
        Ok(Ok(aside))
    }

    /// Whether a program knows a command, or that it does not.
    fn makes_sure(
        &self,
        program: &Path,
        word: &str,
    ) -> Result<Result<(), String>, Failure> {
        let mut command = self.program(program);
        let said = self.path("help.txt");
        self.put("help.txt", b"")?;
        let status = child::run(command.args([word, "--help"]), &said)?;
        Ok(match status.success() {
            true => Ok(()),
            false => Err(format!("its program has no '{word}', it is older")),
        })
    }

    fn check(
        &self,
        commit: &str,
        only: Option<&[Cell]>,
    ) -> Result<Look, Failure> {
        let program = match self.build(commit)? {
            Ok(program) => program,
            Err(why) => return Ok(Look::Unbuilt(why)),
        };
        if let Err(why) = self.makes_sure(&program, "check")? {
            return Ok(Look::Unbuilt(why));
        }
        let out = self.path(&format!("checks/{commit}"));
        // Of an attempt that decided nothing.
        let _ = fs::remove_dir_all(&out);
        self.tell(commit, "checking");
        let mut command = self.program(&program);
        command.args(["check", "--json", "--against", NAME]);
        command.arg("--store").arg(self.path("store"));
        command.arg("--out").arg(&out);
        command.args(tiers(self.args)).args(gate(self.args));
        command.args(chosen(self.args, only));
        let log = self.log(commit, "check")?;
        let status = child::run(&mut command, &log)?;
        let refused = match status.code() {
            Some(0) => Conclusion::Fine,
            Some(1) => Conclusion::Regression,
            Some(3) => Conclusion::Inconclusive,
            Some(4) => Conclusion::Environment,
            _ => return Err(ended(short(commit), status, &log)),
        };
        let checked = fs::read(out.join(record::FILE)).ok();
        match checked.map(|bytes| serde_json::from_slice(&bytes)) {
            Some(Ok(checked)) => Ok(Look::Checked(checked)),
            Some(Err(error)) => Err(Failure::error(format!(
                "{}: {} is damaged: {error}",
                short(commit),
                out.join(record::FILE).display()
            ))),
            None if refused.exit().is_some_and(|e| e != Exit::Regression) => {
                let line = line_of(&log, |line| line.starts_with(PROGRAM));
                Ok(Look::Undecided(Refusal { verdict: refused, line }))
            }
            None => Err(Failure::error(format!(
                "{}: its check left no {}",
                short(commit),
                record::FILE
            ))),
        }
    }

    /// A command of a program, where its sources are.
    fn program(&self, program: &Path) -> Command {
        let mut command = child::command(program);
        self.at_home(&mut command);
        command
    }

    /// In the work tree, with what was built there before.
    fn at_home(&self, command: &mut Command) {
        command.current_dir(self.tree.path());
        command.env("CARGO_TARGET_DIR", self.target());
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("target")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(&self.own).join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.folder.put(&format!("{}/{name}", self.own), bytes)
    }

    /// Where what a command says is kept.
    fn log(&self, commit: &str, what: &str) -> Result<PathBuf, Failure> {
        let name = format!("said/{commit}-{what}.txt");
        self.put(&name, b"")?;
        Ok(self.path(&name))
    }

    fn tell(&self, commit: &str, what: &str) {
        eprintln!("{}: {what}", short(commit));
    }
}

impl Judge for Programs<'_> {
    fn look(
        &mut self,
        commit: &str,
        only: Option<&[Cell]>,
    ) -> Result<Look, Failure> {
        let name = format!("{commit}.json");
        let kept = fs::read(self.path(&name)).ok();
        let kept = kept.and_then(|kept| serde_json::from_slice(&kept).ok());
        let look = match kept.filter(Look::lasts) {
            Some(look) => look,
            None => {
                let look = self.check(commit, only)?;
                let mut json =
                    serde_json::to_vec_pretty(&look).map_err(Failure::error)?;
                json.push(b'\n');
                self.put(&name, &json)?;
                look
            }
        };
        self.tell(commit, look.line());
        Ok(look)
    }
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

fn tiers(args: &BisectArgs) -> Vec<String> {
    let name = |tier: &Tier| {
        tier.to_possible_value().map(|value| value.get_name().to_owned())
    };
    let names: Vec<_> = args.tier.iter().filter_map(name).collect();
    vec!["--tier".to_owned(), names.join(",")]
}

fn gate(args: &BisectArgs) -> Vec<String> {
    let gate = &args.gate;
    let all = [
        ("--links", Some(u64::from(gate.links))),
        ("--seconds", Some(u64::from(gate.seconds))),
        ("--core", gate.core.map(u64::from)),
        ("--seed", gate.seed),
    ];
    let given = all.into_iter().filter_map(|(name, value)| {
        value.map(|value| [name.to_owned(), value.to_string()])
    });
    given.flatten().collect()
}

/// The variants and batch sizes that were named, or else those of the cells.
fn chosen(args: &BisectArgs, only: Option<&[Cell]>) -> Vec<String> {
    let cells = only.unwrap_or_default();
    let named = args.choice.axis.is_empty() && args.choice.variants.is_empty();
    let variants = match named {
        false => args.choice.variants.clone(),
        true => once(cells.iter().map(|cell| cell.variant.clone())),
    };
    let batches = match args.batch[..] {
        [] => once(cells.iter().map(|cell| cell.batch.to_string())),
        _ => args.batch.iter().map(ToString::to_string).collect(),
    };
    let all = [
        ("--axis", args.choice.axis.clone()),
        ("--variants", variants),
        ("--batch", batches),
    ];
    let given = all.into_iter().filter(|(_, values)| !values.is_empty());
    given
        .flat_map(|(name, values)| [name.to_owned(), values.join(",")])
        .collect()
}

fn once(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

/// Why a command ended that should not have.
fn ended(whose: &str, status: ExitStatus, log: &Path) -> Failure {
    let line = line_of(log, |line| line.starts_with(PROGRAM));
    let line = format!("{whose}: {line}");
    match status.code() {
        Some(3) => Failure::inconclusive(line),
        Some(4) => Failure::environment(line),
        Some(130) => child::interrupted(),
        Some(_) => Failure::error(line),
        None => Failure::error(format!("{whose}: {status}, {line}")),
    }
}

/// The first line of what was said that is such, or the last one.
fn line_of(log: &Path, wanted: impl Fn(&str) -> bool) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().find(|line| wanted(line));
    let line = line.or_else(|| text.trim_end().lines().next_back());
    let line = line.unwrap_or("no reason given");
    line.strip_prefix("bench-runner: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{ChoiceArgs, GateArgs};

    fn args() -> BisectArgs {
        BisectArgs {
            good: "a".to_owned(),
            bad: "b".to_owned(),
            tier: vec![Tier::Counts, Tier::Timing],
            choice: ChoiceArgs { axis: vec![], variants: vec![] },
            batch: vec![],
            gate: GateArgs { links: 4, seconds: 60, core: None, seed: None },
            out: None,
            json: false,
        }
    }

    fn cells() -> Vec<Cell> {
        [("reg=boxed", 1), ("reg=boxed", 32), ("batch=vec", 32)]
            .map(|(variant, batch)| Cell { variant: variant.to_owned(), batch })
            .to_vec()
    }

    #[test]
    fn on_the_way_only_the_cells_in_question_are_measured() {
        assert_eq!(chosen(&args(), None), [""; 0]);
        assert_eq!(
            chosen(&args(), Some(&cells())),
            ["--variants", "reg=boxed,batch=vec", "--batch", "1,32"]
        );
    }

    #[test]
    fn what_was_named_is_measured_all_the_way() {
        let mut args = args();
        args.choice.axis = vec!["reg".to_owned()];
        args.batch = vec![8];
        for only in [None, Some(&cells()[..])] {
            assert_eq!(chosen(&args, only), ["--axis", "reg", "--batch", "8"]);
        }
    }

    #[test]
    fn options_are_handed_on_in_words() {
        assert_eq!(tiers(&args()), ["--tier", "counts,timing"]);
        let mut args = args();
        args.gate.seed = Some(7);
        assert_eq!(
            gate(&args),
            ["--links", "4", "--seconds", "60", "--seed", "7"]
        );
    }

    #[test]
    fn the_line_of_a_program_is_found_among_others() {
        let place = tempfile::tempdir().unwrap();
        let log = place.path().join("said");
        let program = |line: &str| line.starts_with(PROGRAM);
        assert_eq!(line_of(&log, program), "no reason given");
        fs::write(&log, "note: x\nbench-runner: no such\nmore\n").unwrap();
        assert_eq!(line_of(&log, program), "no such");
        assert_eq!(line_of(&log, |line| line == "gone"), "more");
    }
}
