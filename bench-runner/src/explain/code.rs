//! A function's machine code without what depends on its place.

use std::collections::{BTreeSet, HashMap};

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Formatter, Instruction,
    InstructionInfoFactory, Mnemonic, NasmFormatter, OpAccess, SymbolResolver,
    SymbolResult,
};

use super::loops::{Loop, loops};
use super::symbols::{Function, Image};

/// How many callees deep the code of policies is looked at.
const DEPTH: u32 = 4;

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its text; a jump's without the target.
    pub text: String,
    /// Where it jumps to, as the number of an instruction.
    pub target: Option<usize>,
    /// What it adds to the counts.
    pub counts: Counts,
    /// How many loops it is in.
    pub depth: usize,
}

/// Numbers of instructions of some kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// All of them.
    pub instructions: usize,
    /// Conditional jumps.
    pub branches: usize,
    /// Calls.
    pub calls: usize,
    /// Reads of memory, the stack included.
    pub loads: usize,
    /// Writes to memory, the stack included.
    pub stores: usize,
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            instructions: a.instructions + b.instructions,
            branches: a.branches + b.branches,
            calls: a.calls + b.calls,
            loads: a.loads + b.loads,
            stores: a.stores + b.stores,
        })
    }
}

/// A function's instructions without padding and addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The instructions.
    pub lines: Vec<Line>,
    /// The loops among them.
    pub loops: Vec<Loop>,
    /// The functions that they call and that were compiled for a policy.
    callees: Vec<u64>,
}

impl Body {
    /// The body of a function, and below it those that it calls and that were
    /// compiled for the same policy. What is inlined into one variant may be
    /// called by another; it has to be seen and counted in both.
    pub fn of(function: &Function<'_>, image: &Image) -> Self {
        let mut whole = Self::down(function, image, DEPTH);
        let mut at = 0;
        while let Some(&callee) = whole.callees.get(at) {
            if let Some(callee) = image.function(callee) {
                let body = Self::down(&callee, image, DEPTH);
                whole.append(&short(callee.name), body);
            }
            at += 1;
        }
        whole
    }

    /// Puts another function below, under its name.
    fn append(&mut self, name: &str, other: Self) {
        self.lines.push(Line {
            text: format!("{name}:"),
            target: None,
            counts: Counts::default(),
            depth: 0,
        });
        let first = self.lines.len();
        self.lines.extend(other.lines.into_iter().map(|line| Line {
            target: line.target.map(|at| at + first),
            ..line
        }));
        self.loops.extend(other.loops.into_iter().map(|l| Loop {
            head: l.head + first,
            body: l.body.into_iter().map(|at| at + first).collect(),
        }));
        for callee in other.callees {
            if !self.callees.contains(&callee) {
                self.callees.push(callee);
            }
        }
    }

    /// A body of no functions but its own, for tests.
    #[cfg(test)]
    pub fn new(lines: Vec<Line>) -> Self {
        Self { lines, loops: Vec::new(), callees: Vec::new() }
    }

    fn down(function: &Function<'_>, image: &Image, depth: u32) -> Self {
        let decoder = Decoder::with_ip(
            64,
            function.bytes,
            function.address,
            DecoderOptions::NONE,
        );
        let code: Vec<Instruction> =
            decoder.into_iter().filter(|i| !is_padding(i)).collect();
        let end = function.address + function.bytes.len() as u64;
        let inside = function.address..end;
        let target = |i: &Instruction| {
            let to = jump(i).filter(|to| inside.contains(to))?;
            Some(code.partition_point(|other| other.ip() < to))
        };
        let targets: Vec<_> = code.iter().map(target).collect();
        let mut callees = Vec::new();
        for (instruction, target) in code.iter().zip(&targets) {
            let callee = refers_to(instruction, *target, image);
            let callee = callee.filter(|at| is_of_policy(*at, image));
            if let Some(callee) = callee
                && callee != function.address
                && !callees.contains(&callee)
            {
                callees.push(callee);
            }
        }
        let names = Names::of(&code, &targets, image, depth);
        let next = flow(&code, &targets, &names);
        let loops = loops(&next);
        let mut info = InstructionInfoFactory::new();
        let mut formatter =
            NasmFormatter::with_options(Some(Box::new(names)), None);
        let options = formatter.options_mut();
        options.set_first_operand_char_index(6);
        options.set_space_after_operand_separator(true);
        options.set_hex_prefix("0x");
        options.set_hex_suffix("");
        options.set_show_branch_size(false);
        let lines = code.iter().zip(targets).enumerate().map(
            |(number, (instruction, target))| {
                let mut text = String::new();
                match target {
                    Some(_) => {
                        formatter.format_mnemonic(instruction, &mut text)
                    }
                    None => formatter.format(instruction, &mut text),
                }
                let counts = counts(instruction, target, &mut info);
                let depth = loops.iter().filter(|l| l.holds(number)).count();
                Line { text, target, counts, depth }
            },
        );
        Self { lines: lines.collect(), loops, callees }
    }

    /// What all instructions add up to.
    pub fn counts(&self) -> Counts {
        self.lines.iter().map(|line| line.counts).sum()
    }

    /// What the instructions of a loop add up to that are in no loop in it.
    pub fn turn(&self, which: &Loop) -> Counts {
        let of_inner = |at: usize| {
            let inner = |l: &&Loop| l.head != which.head && which.holds(l.head);
            self.loops.iter().filter(inner).any(|l| l.holds(at))
        };
        let own = which.body.iter().filter(|&&at| !of_inner(at));
        own.map(|&at| self.lines[at].counts).sum()
    }

    /// The labels of instructions that are jumped to, numbered from 1.
    pub fn labels(&self) -> HashMap<usize, String> {
        let targets: BTreeSet<_> =
            self.lines.iter().filter_map(|line| line.target).collect();
        let label = |(number, at)| (at, format!(".{}", number));
        (1..).zip(targets).map(label).collect()
    }

    /// The same for the same code and different for all other (FNV-1a).
    pub fn hash(&self) -> u64 {
        let mut hash = 0xCBF2_9CE4_8422_2325;
        let mut add = |bytes: &[u8]| {
            for byte in bytes {
                hash ^= u64::from(*byte);
                hash = u64::wrapping_mul(hash, 0x100_0000_01B3);
            }
        };
        for line in &self.lines {
            add(line.text.as_bytes());
            add(&line.target.map_or(-1, |at| at as i64).to_le_bytes());
        }
        hash
    }
}

/// Nothing happens here: room up to the next aligned address.
fn is_padding(instruction: &Instruction) -> bool {
    matches!(instruction.mnemonic(), Mnemonic::Nop | Mnemonic::Int3)
}

/// Where a jump leads; calls are none.
fn jump(instruction: &Instruction) -> Option<u64> {
    let jumps = matches!(
        instruction.flow_control(),
        FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
    );
    jumps.then(|| instruction.near_branch_target())
}

fn counts(
    instruction: &Instruction,
    target: Option<usize>,
    info: &mut InstructionInfoFactory,
) -> Counts {
    let flow = instruction.flow_control();
    let leaves = flow == FlowControl::UnconditionalBranch && target.is_none();
    let calls = matches!(flow, FlowControl::Call | FlowControl::IndirectCall);
    let memory = info.info(instruction).used_memory();
    let of = |kinds: &[OpAccess]| {
        memory.iter().filter(|m| kinds.contains(&m.access())).count()
    };
    use OpAccess::{
        CondRead, CondWrite, Read, ReadCondWrite, ReadWrite, Write,
    };
    Counts {
        instructions: 1,
        branches: usize::from(flow == FlowControl::ConditionalBranch),
        // A jump out of the function is a call whose return is the callee's.
        calls: usize::from(calls || leaves),
        loads: of(&[Read, CondRead, ReadWrite, ReadCondWrite]),
        stores: of(&[Write, CondWrite, ReadWrite, ReadCondWrite]),
    }
}

/// Where each instruction can lead.
fn flow(
    code: &[Instruction],
    targets: &[Option<usize>],
    names: &Names,
) -> Vec<Vec<usize>> {
    let mut next: Vec<Vec<usize>> = Vec::with_capacity(code.len());
    for (at, (instruction, target)) in code.iter().zip(targets).enumerate() {
        let goes_on = match instruction.flow_control() {
            FlowControl::Next
            | FlowControl::ConditionalBranch
            | FlowControl::XbeginXabortXend => true,
            FlowControl::Call | FlowControl::IndirectCall => {
                !names.diverges(instruction)
            }
            _ => false,
        };
        let after = (goes_on && at + 1 < code.len()).then_some(at + 1);
        let target = target.filter(|&to| to < code.len());
        next.push(after.into_iter().chain(target).collect());
    }
    // A jump through a table leads to what nothing else leads to.
    let reached: BTreeSet<_> = next.iter().flatten().copied().collect();
    let orphans: Vec<_> =
        (1..code.len()).filter(|at| !reached.contains(at)).collect();
    for (at, instruction) in code.iter().enumerate() {
        if instruction.flow_control() == FlowControl::IndirectBranch {
            next[at].extend(&orphans);
        }
    }
    next
}

/// What instructions refer to, by their address: callees by name, constants by
/// value, all else without its address.
struct Names(HashMap<u64, String>);

impl Names {
    fn of(
        code: &[Instruction],
        targets: &[Option<usize>],
        image: &Image,
        depth: u32,
    ) -> Self {
        let named = code.iter().zip(targets).filter_map(|(i, target)| {
            let name = if i.is_ip_rel_memory_operand() {
                memory(i, image, depth)
            } else if is_near(i) && target.is_none() {
                callee(i.near_branch_target(), image, depth)
            } else {
                return None;
            };
            Some((i.ip(), name))
        });
        Self(named.collect())
    }

    /// Whether a call never returns.
    fn diverges(&self, call: &Instruction) -> bool {
        let names = ["panic", "_fail", "handle_error", "handle_alloc_error"];
        let name = self.0.get(&call.ip());
        name.is_some_and(|name| names.iter().any(|part| name.contains(part)))
    }
}

impl SymbolResolver for Names {
    fn symbol(
        &mut self,
        instruction: &Instruction,
        operand: u32,
        _instruction_operand: Option<u32>,
        address: u64,
        _address_size: u32,
    ) -> Option<SymbolResult<'_>> {
        use iced_x86::OpKind;
        let refers = match instruction.op_kind(operand) {
            OpKind::Memory => instruction.is_ip_rel_memory_operand(),
            OpKind::NearBranch64 => true,
            _ => false,
        };
        let name = self.0.get(&instruction.ip()).filter(|_| refers)?;
        Some(SymbolResult::with_str(address, name))
    }
}

/// The function that an instruction calls or reads the address of.
fn refers_to(
    instruction: &Instruction,
    target: Option<usize>,
    image: &Image,
) -> Option<u64> {
    if instruction.is_ip_rel_memory_operand() {
        let place = instruction.ip_rel_memory_address();
        return Some(image.slot(place).unwrap_or(place));
    }
    let calls = is_near(instruction) && target.is_none();
    calls.then(|| instruction.near_branch_target())
}

/// Whether a function may have been compiled for a policy: its name has a
/// type of this project's variants in it, or it is one of those in C.
fn is_of_policy(address: u64, image: &Image) -> bool {
    image.name(address).is_some_and(|name| {
        name.contains("variants::") || name.starts_with("ringside_")
    })
}

fn is_near(instruction: &Instruction) -> bool {
    jump(instruction).is_some()
        || instruction.flow_control() == FlowControl::Call
}

/// Memory at a fixed place.
fn memory(instruction: &Instruction, image: &Image, depth: u32) -> String {
    let address = instruction.ip_rel_memory_address();
    if let Some(name) = image.import(address) {
        return short(name);
    }
    let function = image.slot(address).unwrap_or(address);
    if image.name(function).is_some() {
        return callee(function, image, depth);
    }
    // `lea` reads nothing and has no size.
    let bytes = match instruction.mnemonic() {
        Mnemonic::Lea => 0,
        _ => instruction.memory_size().size(),
    };
    match image.constant(address, bytes) {
        Some(value) if !value.is_empty() => {
            let digits = value.iter().rev().map(|byte| format!("{byte:02x}"));
            format!("constant 0x{}", digits.collect::<String>())
        }
        Some(_) => "constant".to_owned(),
        None => "static".to_owned(),
    }
}

/// A function by its name, and by its code where it may have been compiled
/// for a policy: two policies share no name, but may share the code.
fn callee(address: u64, image: &Image, depth: u32) -> String {
    let Some(name) = image.name(address) else {
        return "unknown".to_owned();
    };
    let function = image.function(address).filter(|_| depth > 0);
    let is_of_policy = is_of_policy(address, image);
    match function.filter(|_| is_of_policy) {
        None if is_of_policy => name.to_owned(),
        None => short(name),
        Some(function) => {
            let hash = Body::down(&function, image, depth - 1).hash();
            format!("{}#{:08x}", short(name), hash as u32)
        }
    }
}

/// A path without what is between angle brackets.
fn short(name: &str) -> String {
    let mut depth = 0;
    let mut text = String::new();
    // `<T as Trait>::f` begins with one that says what it is about.
    let lead = name.starts_with('<');
    for (at, letter) in name.char_indices() {
        match letter {
            '<' => depth += i32::from(!(lead && at == 0)),
            '>' if depth > 0 => depth -= 1,
            '>' => {}
            _ if depth == 0 => text.push(letter),
            _ => {}
        }
    }
    text.replace("::::", "::").trim_end_matches(':').to_owned()
}

#[cfg(test)]
mod tests;
