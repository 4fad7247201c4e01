//! A file as callgrind writes it, read for what was counted where.
//!
//! The format is described in Valgrind's manual, "Callgrind Format
//! Specification".

use std::collections::HashMap;
use std::fmt;

/// What one file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Short names of the events, in the order of the numbers.
    events: Vec<String>,
    /// Events that functions caused themselves, by the file of their machine
    /// code.
    objects: HashMap<String, Vec<u64>>,
    /// Who called whom, and how often.
    calls: Vec<Call>,
    /// What the file says that all numbers add up to.
    total: Option<Vec<u64>>,
}

/// Calls of one function by another, from one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The function that calls.
    pub caller: String,
    /// The function that is called.
    pub callee: String,
    /// How often.
    pub times: u64,
}

/// A file that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The number of the line, from 1 on; 0 for the file as a whole.
    line: usize,
    what: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.what),
            line => write!(f, "line {line}: {}", self.what),
        }
    }
}

impl Profile {
    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut reader = Reader::default();
        for (number, line) in (1..).zip(text.lines()) {
            reader
                .line(line)
                .map_err(|what| Unreadable { line: number, what })?;
        }
        let profile = reader.profile;
        profile.adds_up().map_err(|what| Unreadable { line: 0, what })?;
        Ok(profile)
    }

    /// How often an event was caused by the code of the files that `of`
    /// holds for.
    pub fn sum(&self, event: &str, of: impl Fn(&str) -> bool) -> u64 {
        let Some(i) = self.events.iter().position(|name| name == event) else {
            return 0;
        };
        let objects = self.objects.iter().filter(|(object, _)| of(object));
        objects.filter_map(|(_, counts)| counts.get(i)).sum()
    }

    /// Whether there is a number for an event.
    pub fn counts(&self, event: &str) -> bool {
        self.events.iter().any(|name| name == event)
    }

    /// Who called whom.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Whether what was read is all there is.
    fn adds_up(&self) -> Result<(), String> {
        if self.events.is_empty() {
            return Err("there is no line with the names of events".into());
        }
        let Some(total) = &self.total else {
            return Err("there is no line with totals".into());
        };
        for (i, event) in self.events.iter().enumerate() {
            let sum = self.sum(event, |_| true);
            let wanted = total.get(i).copied().unwrap_or(0);
            if sum != wanted {
                return Err(format!("{event} is {wanted}, its parts {sum}"));
            }
        }
        Ok(())
    }
}

/// Names that were given a number.
#[derive(Default)]
struct Names(HashMap<u64, String>);

impl Names {
    /// `(7) name` gives a name a number, `(7)` stands for it, and a name
    /// without a number is just that.
    fn resolve(&mut self, text: &str) -> Result<String, String> {
        let numbered = text.strip_prefix('(').and_then(|t| t.split_once(')'));
        let Some((number, name)) = numbered else {
            return Ok(text.to_owned());
        };
        let Ok(number) = number.parse() else {
            return Ok(text.to_owned());
        };
        match name.trim_start() {
            "" => {
                let known = self.0.get(&number).cloned();
                known.ok_or_else(|| format!("name ({number}) is not known"))
            }
            name => {
                self.0.insert(number, name.to_owned());
                Ok(name.to_owned())
            }
        }
    }
}

/// What a line of numbers means, by the line before it.
#[derive(Default)]
enum Next {
    /// Costs of the function itself.
    #[default]
    Own,
    /// Costs of what it called.
    Inclusive,
    /// No costs, but the place of a jump.
    Jump,
}

#[derive(Default)]
struct Reader {
    profile: Profile,
    /// Numbers before the costs that say where in the source or the code.
    positions: usize,
    objects: Names,
    functions: Names,
    object: String,
    function: String,
    callee: Option<String>,
    next: Next,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        let Some(first) = line.chars().next() else { return Ok(()) };
        if first == '#' {
            return Ok(());
        }
        if first.is_ascii_digit() || matches!(first, '+' | '-' | '*') {
            return self.numbers(line);
        }
        // A header's value and a name may hold both signs.
        let colon = line.find(':').unwrap_or(usize::MAX);
        let equals = line.find('=').unwrap_or(usize::MAX);
        if equals < colon {
            self.name(&line[..equals], &line[equals + 1..])
        } else if colon < equals {
            self.header(&line[..colon], line[colon + 1..].trim())
        } else {
            Err(format!("{line:?} is no line of a profile"))
        }
    }

    fn header(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "positions" => self.positions = value.split_whitespace().count(),
            "events" => {
                let names = value.split_whitespace().map(str::to_owned);
                self.profile.events = names.collect();
            }
            // `summary` says the same at the top of the file.
            "totals" => {
                let numbers = value.split_whitespace().map(number);
                let numbers = numbers.collect::<Result<_, _>>()?;
                self.profile.total = Some(numbers);
            }
            _ => {}
        }
        Ok(())
    }

    fn name(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "ob" => self.object = self.objects.resolve(value)?,
            "fn" => self.function = self.functions.resolve(value)?,
            "cfn" => self.callee = Some(self.functions.resolve(value)?),
            // Where a name is used first it gets its number, wherever that is.
            "cob" => drop(self.objects.resolve(value)?),
            "jfn" => drop(self.functions.resolve(value)?),
            "calls" => {
                let times = value.split_whitespace().next().unwrap_or("");
                let times = number(times)?;
                let callee = self.callee.take();
                let callee = callee.ok_or("a call of no function")?;
                let caller = self.function.clone();
                self.profile.calls.push(Call { caller, callee, times });
                self.next = Next::Inclusive;
            }
            "jump" | "jcnd" => self.next = Next::Jump,
            // Source files, of which there are none without debug info.
            "fl" | "fi" | "fe" | "cfl" | "cfi" | "jfi" => {}
            _ => return Err(format!("{key}= is not known")),
        }
        Ok(())
    }

    fn numbers(&mut self, line: &str) -> Result<(), String> {
        let positions = self.positions.max(1);
        let costs = line.split_whitespace().skip(positions).map(number);
        let costs = costs.collect::<Result<Vec<_>, _>>()?;
        if costs.len() > self.profile.events.len() {
            return Err(format!("{line:?} has more numbers than events"));
        }
        if let Next::Own = std::mem::take(&mut self.next) {
            let object = self.object.clone();
            let sums = self.profile.objects.entry(object).or_default();
            // Zeros at the end are left out.
            sums.resize(self.profile.events.len(), 0);
            for (sum, cost) in sums.iter_mut().zip(costs) {
                *sum += cost;
            }
        }
        Ok(())
    }
}

fn number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("{text:?} is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two functions of a program and one of a library, names by number.
    const COMPRESSED: &str = "\
# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 7
cmd:  /a/program counted
part: 2

desc: Trigger: --dump-before=lap

positions: line
events: Ir Dr Bc
summary: 1116 16 8

ob=(1) /a/program
fl=(1) ???
fn=(1) forward
0 90 6 3
cfn=(2) helper
calls=4 0
0 1020 9 5
+3 6
cob=(2) /lib/libc.so.6
cfi=(2) malloc.c
cfn=(3) malloc
calls=2 120
* 100 1

fn=(2)
-3 20 1 3
cob=(2)
cfi=(2)
cfn=(3)
calls=8 120
0 800 8 2

ob=(2)
fl=(2)
fn=(3)
120 900 9
+1 100 0 2

totals: 1116 16 8
";

    #[test]
    fn names_by_number_are_understood() {
        let profile = Profile::parse(COMPRESSED).expect("a profile");
        let own = |object: &str| object == "/a/program";
        assert_eq!(profile.sum("Ir", own), 116);
        assert_eq!(profile.sum("Dr", own), 7);
        assert_eq!(profile.sum("Bc", own), 6);
        assert_eq!(profile.sum("Ir", |o| o == "/lib/libc.so.6"), 1000);
        assert_eq!(profile.sum("Bc", |_| true), 8);
        assert!(profile.counts("Bc") && !profile.counts("Dw"));
        assert_eq!(profile.sum("Dw", |_| true), 0);
        let calls = profile.calls().iter();
        let calls: Vec<_> =
            calls.map(|c| (&*c.caller, &*c.callee, c.times)).collect();
        assert_eq!(
            calls,
            [
                ("forward", "helper", 4),
                ("forward", "malloc", 2),
                ("helper", "malloc", 8),
            ]
        );
    }

    /// What `--dump-instr=yes --collect-jumps=yes --compress-strings=no`
    /// adds: a second position in hexadecimal, jumps, whole names.
    const JUMPS: &str = "\
positions: instr line
events: Ir Bc

ob=/a/program
fl=???
fn=forward
0x1000 0 5
0x1003 0 5 5
jcnd=3/5 0x1020 0
0x1003 0
+5 * 2
jump=2 0x1000 0
* *
jfn=elsewhere
jump=1 0x2000 0
* *
+2 * 1

totals: 13 5
";

    #[test]
    fn jumps_cost_nothing_beyond_their_instruction() {
        let profile = Profile::parse(JUMPS).expect("a profile");
        assert_eq!(profile.sum("Ir", |_| true), 13);
        assert_eq!(profile.sum("Bc", |_| true), 5);
        assert!(profile.calls().is_empty());
    }

    #[test]
    fn a_number_stands_for_a_file_or_a_function_not_for_either() {
        let text = "events: Ir\nob=(1) /a\nfl=(1) a.c\nfn=(1) f\n1 2\n\
                    ob=(1)\nfn=(1)\n2 3\ntotals: 5\n";
        let profile = Profile::parse(text).expect("a profile");
        assert_eq!(profile.sum("Ir", |object| object == "/a"), 5);
    }

    #[test]
    fn a_name_with_signs_of_other_lines_is_a_name() {
        let text = "events: Ir\nfn=(1) <a as b::C>::d:e=f\n1 2\ncfn=(1)\n\
                    calls=9 1\n1 100\ntotals: 2\n";
        let profile = Profile::parse(text).expect("a profile");
        assert_eq!(profile.calls()[0].callee, "<a as b::C>::d:e=f");
    }

    #[test]
    fn a_damaged_file_is_not_read_as_a_smaller_one() {
        let line = |text: &str| Profile::parse(text).unwrap_err().to_string();
        let cut = COMPRESSED.replace("+1 100 0 2\n", "");
        assert_eq!(line(&cut), "Ir is 1116, its parts 1016");
        let (cut, _) = COMPRESSED.split_once("totals").expect("totals");
        assert!(line(cut).contains("totals"));
        let strange = COMPRESSED.replace("fn=(2)\n-3", "fn=(9)\n-3");
        assert!(line(&strange).contains("(9)"), "{}", line(&strange));
        let strange = COMPRESSED.replace("90 6 3", "90 6 3 1");
        assert!(line(&strange).starts_with("line 17"), "{}", line(&strange));
        let strange = COMPRESSED.replace("90 6 3", "90 x");
        assert!(line(&strange).contains("\"x\""), "{}", line(&strange));
        assert!(line("").contains("events"));
    }
}
