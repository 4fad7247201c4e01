//! `explain`: the machine code of variants, from the program that measures.

mod beside;
mod code;
mod compare;
mod honesty;
mod loops;
pub(crate) mod symbols;

use comfy_table::CellAlignment;
use serde_json::{Value, json};
use variants::registry::{self, Because, SAME_CODE, SameCode, Variant};

use crate::cli::ExplainArgs;
use crate::failure::Failure;
use crate::output;
use crate::plan;
use crate::results::Fill;
use crate::sweep::terminal_width;
use crate::table;
pub use beside::{Beside, Pair, Reader};
use code::Body;
pub use code::Counts;
use compare::{Comparison, listing, side_by_side};
use symbols::Image;

/// Shows the machine code of two variants side by side, or looks at that of
/// all.
pub fn command(args: &ExplainArgs) -> Result<(), Failure> {
    let named = args.variants.iter().map(|name| plan::find(name));
    let named = named.collect::<Result<Vec<_>, _>>()?;
    if let Some(batch) = args.batch {
        plan::cells(&[], &[batch], MOST, Fill::Full, None)?;
    }
    if !cfg!(target_arch = "x86_64") {
        return Err(Failure::environment(
            "explain reads x86-64 machine code only, and this program is \
             made for another processor",
        ));
    }
    let image = Image::of_this_program()?;
    match &named[..] {
        [a, b] => {
            let (a, b) = (Explained::of(a, &image)?, Explained::of(b, &image)?);
            pair(&a, &b, args);
            Ok(())
        }
        _ => {
            let all = registry::variants();
            let all = all.iter().map(|variant| Explained::of(variant, &image));
            everything(&all.collect::<Result<Vec<_>, _>>()?, args.json)
        }
    }
}

/// Whether this program has one machine code for two variants, as far as that
/// can be read.
pub fn has_one_code(a: &Variant, b: &Variant) -> bool {
    if !cfg!(target_arch = "x86_64") {
        return false;
    }
    let Ok(image) = Image::of_this_program() else { return false };
    let body = |variant| Explained::of(variant, &image).ok();
    match (body(a), body(b)) {
        (Some(a), Some(b)) => a.body.hash() == b.body.hash(),
        _ => false,
    }
}

/// A digest of the machine code of one of this program's functions, wherever
/// it lies.
pub fn digest_of(entry: *const (), name: &str) -> Result<String, Failure> {
    if !cfg!(target_arch = "x86_64") {
        return Err(Failure::environment("only x86-64 code can be read"));
    }
    let image = Image::of_this_program()?;
    let function = image.running(entry).ok_or_else(|| stripped(name))?;
    Ok(format!("{:016x}", Body::of(&function, &image).hash()))
}

/// This program has no symbols.
fn stripped(name: &str) -> Failure {
    Failure::environment(format!(
        "this program has no symbol for the code of {name}: use the one that \
         cargo builds, not stripped"
    ))
}

/// Whether this program has one machine code for two variants, or how far
/// they differ, in words.
pub fn in_short(a: &Variant, b: &Variant) -> Result<String, Failure> {
    if !cfg!(target_arch = "x86_64") {
        return Err(Failure::environment("only x86-64 code can be read"));
    }
    let image = Image::of_this_program()?;
    let (a, b) = (Explained::of(a, &image)?, Explained::of(b, &image)?);
    Ok(Comparison::of(&a.body, &b.body).verdict())
}

/// Descriptors of the largest ring.
const MOST: u16 = 4096;

/// A variant with its machine code.
struct Explained {
    name: String,
    symbol: String,
    body: Body,
}

impl Explained {
    fn of(variant: &Variant, image: &Image) -> Result<Self, Failure> {
        let name = variant.name();
        let function = image.running(variant.entry());
        let function = function.ok_or_else(|| stripped(&name))?;
        let body = Body::of(&function, image);
        Ok(Self { name, symbol: function.name.to_owned(), body })
    }

    /// Counts of the whole and of what one turn of each of its loops has for
    /// itself, by name.
    fn counts(&self) -> Vec<(String, Counts)> {
        let labels = self.body.labels();
        let turn = |l: &loops::Loop| {
            let depth = self.body.lines[l.head].depth;
            let label = labels.get(&l.head).map_or("", String::as_str);
            let name = format!("{}loop {label}", "  ".repeat(depth));
            (name, self.body.turn(l))
        };
        let whole = (self.name.clone(), self.body.counts());
        let turns = self.body.loops.iter().map(turn);
        std::iter::once(whole).chain(turns).collect()
    }

    fn hash(&self) -> String {
        format!("{:016x}", self.body.hash())
    }

    fn json(&self) -> Value {
        let loops = self.body.loops.iter().map(|l| {
            json!({
                "head": l.head,
                "depth": self.body.lines[l.head].depth,
                "own": self.body.turn(l),
            })
        });
        json!({
            "variant": self.name,
            "symbol": self.symbol,
            "hash": self.hash(),
            "counts": self.body.counts(),
            "loops": loops.collect::<Vec<_>>(),
        })
    }
}

fn pair(a: &Explained, b: &Explained, args: &ExplainArgs) {
    let comparison = Comparison::of(&a.body, &b.body);
    let declared = declaration(&a.name, &b.name);
    if args.json {
        let side = |one: &Explained| {
            let mut json = one.json();
            json["listing"] = listing(&one.body).into();
            json
        };
        let rows = comparison.rows.iter();
        let rows = rows.map(|r| json!([r.left, r.right, r.equal]));
        let json = json!({
            "same": comparison.same,
            "differing": comparison.differing(),
            "of": comparison.rows.len(),
            "because": declared.map(because),
            "variants": [side(a), side(b)],
            "rows": rows.collect::<Vec<_>>(),
        });
        output::line(format_args!("{json:#}"));
        return;
    }
    let (left, right) = ((&*a.name, &a.body), (&*b.name, &b.body));
    output::line(format_args!(
        "{}",
        side_by_side(&comparison, left, right, terminal_width())
    ));
    output::line(format_args!("{}", counts(&[a, b])));
    if let Some(batch) = args.batch {
        output::line(format_args!(
            "The batch size is not known to the compiler: this is the code \
             at batch {batch} as at any other."
        ));
    }
    let reason = declared.filter(|_| comparison.same && a.name != b.name);
    let reason = reason.map(|pair| format!(": {}", pair.because.reason()));
    output::line(format_args!(
        "{}{}",
        comparison.verdict(),
        reason.unwrap_or_default()
    ));
}

/// What the registry says about two variants.
fn declaration(a: &str, b: &str) -> Option<&'static SameCode> {
    SAME_CODE.iter().find(|pair| {
        let both = [pair.variant, pair.as_in];
        both.contains(&a) && both.contains(&b)
    })
}

fn because(pair: &SameCode) -> Value {
    let kind = match pair.because {
        Because::Erased(_) => "erased",
        Because::Data(_) => "data",
    };
    json!({ "kind": kind, "reason": pair.because.reason() })
}

/// Instructions by kind, of whole functions and of what one turn of each of
/// their loops has for itself.
fn counts(all: &[&Explained]) -> String {
    let titles =
        ["code", "instructions", "branches", "calls", "loads", "stores"];
    let mut table = table::table(titles.into_iter());
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(CellAlignment::Left);
    }
    for (name, counts) in all.iter().flat_map(|one| one.counts()) {
        table.add_row(row(name, counts));
    }
    table.trim_fmt() + "\n"
}

fn row(name: String, counts: Counts) -> Vec<String> {
    let Counts { instructions, branches, calls, loads, stores } = counts;
    let numbers = [instructions, branches, calls, loads, stores];
    let numbers = numbers.into_iter().map(|number| number.to_string());
    std::iter::once(name).chain(numbers).collect()
}

/// Every variant's counts, the groups that share machine code, and an error
/// where the registry does not know about one.
fn everything(all: &[Explained], as_json: bool) -> Result<(), Failure> {
    let bodies: Vec<_> =
        all.iter().map(|one| (one.name.clone(), one.body.hash())).collect();
    let groups = honesty::groups(&bodies);
    let faults = honesty::faults(&bodies, SAME_CODE);
    if as_json {
        let all: Vec<_> = all.iter().map(Explained::json).collect();
        let declared = SAME_CODE.iter().map(|pair| {
            let (variant, as_in) = (pair.variant, pair.as_in);
            json!({
                "variant": variant, "as_in": as_in, "because": because(pair),
            })
        });
        let declared: Vec<_> = declared.collect();
        let json = json!({
            "variants": all,
            "groups": groups,
            "declared": declared,
            "faults": faults,
        });
        output::line(format_args!("{json:#}"));
    } else {
        output::line(format_args!("{}", overview(all)));
        for group in &groups {
            output::line(format_args!(
                "the same machine code: {}",
                group.join(", ")
            ));
            let of = |pair: &&SameCode| {
                group.iter().any(|name| name == pair.variant)
            };
            for pair in SAME_CODE.iter().filter(of) {
                output::line(format_args!(
                    "  {}: {}",
                    pair.variant,
                    pair.because.reason()
                ));
            }
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Failure::error(faults.join("; "))),
    }
}

/// A row for each variant, and the hash of its code.
fn overview(all: &[Explained]) -> String {
    let titles =
        ["variant", "instructions", "branches", "calls", "loads", "stores"];
    let mut table = table::table(titles.into_iter().chain(["code"]));
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(CellAlignment::Left);
    }
    for one in all {
        let mut row = row(one.name.clone(), one.body.counts());
        row.push(one.hash());
        table.add_row(row);
    }
    table.trim_fmt() + "\n"
}
