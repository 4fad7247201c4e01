//! The running program as a file: its functions, and what its addresses are
//! called.

use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Entry};
use std::fs;

use object::{
    File, Object, ObjectSection, ObjectSegment, ObjectSymbol,
    ObjectSymbolTable, RelocationTarget, SectionKind,
};
use rustc_demangle::demangle;

use crate::failure::Failure;

/// The program, whatever has become of its file since it started.
const PROGRAM: &str = "/proc/self/exe";

/// Where the program lies in memory.
const MAPS: &str = "/proc/self/maps";

/// Functions, constants and names of the running program. Addresses are those
/// of the file, which do not change from run to run.
#[derive(Default)]
pub struct Image {
    sections: Vec<Section>,
    functions: BTreeMap<u64, Symbol>,
    /// Slots of functions of other libraries, by name.
    imports: HashMap<u64, String>,
    /// Slots of functions of this program, by address.
    slots: HashMap<u64, u64>,
    segments: Vec<Segment>,
    maps: Vec<Mapping>,
}

struct Section {
    start: u64,
    bytes: Vec<u8>,
    constant: bool,
}

struct Symbol {
    name: String,
    bytes: u64,
    /// All that the program's file calls it.
    mangled: Vec<String>,
}

/// A piece of the file and the address it is meant for.
struct Segment {
    offset: u64,
    bytes: u64,
    start: u64,
}

/// A piece of the file and the address that it got.
struct Mapping {
    start: u64,
    end: u64,
    offset: u64,
}

/// A function of the program.
#[derive(Clone, Copy)]
pub struct Function<'a> {
    /// Its address in the file.
    pub address: u64,
    /// Its name without hashes.
    pub name: &'a str,
    /// Its machine code.
    pub bytes: &'a [u8],
}

impl Image {
    /// Reads the program that is running.
    pub fn of_this_program() -> Result<Self, Failure> {
        let unreadable = |what: &str, why: &dyn std::fmt::Display| {
            Failure::environment(format!("cannot read {what}: {why}"))
        };
        let file =
            fs::read(PROGRAM).map_err(|why| unreadable(PROGRAM, &why))?;
        let file = File::parse(file.as_slice())
            .map_err(|why| unreadable(PROGRAM, &why))?;
        let maps =
            fs::read_to_string(MAPS).map_err(|why| unreadable(MAPS, &why))?;
        let functions = functions(&file);
        if functions.is_empty() {
            return Err(Failure::environment(
                "this program has no symbols, so its functions cannot be \
                 told apart: use the one that cargo builds, not stripped",
            ));
        }
        let (imports, slots) = slots(&file);
        Ok(Self {
            sections: sections(&file),
            functions,
            imports,
            slots,
            segments: segments(&file),
            maps: maps.lines().filter_map(mapping).collect(),
        })
    }

    /// The function that begins at an address of the running program.
    pub fn running(&self, entry: *const ()) -> Option<Function<'_>> {
        self.function(self.address(entry)?)
    }

    /// Every name, as the file spells it, of the function that begins at an
    /// address of the running program. There are several where the compiler
    /// made one function of two.
    pub fn mangled(&self, entry: *const ()) -> &[String] {
        let symbol = self.address(entry).and_then(|a| self.functions.get(&a));
        symbol.map_or(&[], |symbol| &symbol.mangled)
    }

    /// Where the file has what lies at an address of the running program.
    fn address(&self, running: *const ()) -> Option<u64> {
        let at = running as u64;
        let map = self.maps.iter().find(|m| m.start <= at && at < m.end)?;
        let offset = at - map.start + map.offset;
        let holds =
            |s: &&Segment| (s.offset..s.offset + s.bytes).contains(&offset);
        let segment = self.segments.iter().find(holds)?;
        Some(offset - segment.offset + segment.start)
    }

    /// The function that begins at an address of the file.
    pub fn function(&self, address: u64) -> Option<Function<'_>> {
        let Symbol { name, bytes, .. } = self.functions.get(&address)?;
        let (_, bytes) = self.bytes(address, usize::try_from(*bytes).ok()?)?;
        Some(Function { address, name, bytes })
    }

    /// The name of the function that begins at an address of the file.
    pub fn name(&self, address: u64) -> Option<&str> {
        self.functions.get(&address).map(|symbol| &*symbol.name)
    }

    /// The name of the other library's function whose address the loader
    /// writes to a place.
    pub fn import(&self, place: u64) -> Option<&str> {
        self.imports.get(&place).map(String::as_str)
    }

    /// The address in the file that the loader writes to a place.
    pub fn slot(&self, place: u64) -> Option<u64> {
        self.slots.get(&place).copied()
    }

    /// What lies at an address that is never written to.
    pub fn constant(&self, address: u64, bytes: usize) -> Option<&[u8]> {
        let (section, bytes) = self.bytes(address, bytes)?;
        section.constant.then_some(bytes)
    }

    fn bytes(&self, address: u64, bytes: usize) -> Option<(&Section, &[u8])> {
        self.sections.iter().find_map(|section| {
            let from = usize::try_from(address.checked_sub(section.start)?);
            let from = from.ok()?;
            let found = section.bytes.get(from..from.checked_add(bytes)?)?;
            Some((section, found))
        })
    }
}

fn sections(file: &File<'_>) -> Vec<Section> {
    let with_bytes = |section: object::Section<'_, '_>| {
        let kind = section.kind();
        let constant = matches!(
            kind,
            SectionKind::ReadOnlyData | SectionKind::ReadOnlyString
        );
        (constant || kind == SectionKind::Text).then_some(())?;
        let bytes = section.data().ok()?.to_vec();
        Some(Section { start: section.address(), bytes, constant })
    };
    file.sections().filter_map(with_bytes).collect()
}

fn segments(file: &File<'_>) -> Vec<Segment> {
    let segment = |s: object::Segment<'_, '_>| {
        let (offset, bytes) = s.file_range();
        Segment { offset, bytes, start: s.address() }
    };
    file.segments().map(segment).collect()
}

/// Functions by address; of several names, the first of the alphabet.
fn functions(file: &File<'_>) -> BTreeMap<u64, Symbol> {
    let mut functions = BTreeMap::<u64, Symbol>::new();
    for symbol in file.symbols() {
        if !symbol.is_definition() || symbol.kind() != object::SymbolKind::Text
        {
            continue;
        }
        let mangled = symbol.name().unwrap_or_default();
        let name = plain(mangled);
        let (bytes, mangled) = (symbol.size(), mangled.to_owned());
        match functions.entry(symbol.address()) {
            Entry::Vacant(entry) => {
                entry.insert(Symbol { name, bytes, mangled: vec![mangled] });
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.mangled.push(mangled);
                if name < known.name {
                    (known.name, known.bytes) = (name, bytes);
                }
            }
        }
    }
    functions
}

/// Slots that the loader fills with an address, of imports and of this
/// program.
fn slots(file: &File<'_>) -> (HashMap<u64, String>, HashMap<u64, u64>) {
    let (mut imports, mut slots) = (HashMap::new(), HashMap::new());
    let imported = file.dynamic_symbol_table();
    let name = |index| {
        let symbol = imported.as_ref()?.symbol_by_index(index).ok()?;
        symbol.name().ok().map(plain)
    };
    for (slot, relocation) in file.dynamic_relocations().into_iter().flatten() {
        match relocation.target() {
            RelocationTarget::Symbol(index) => {
                imports.extend(name(index).map(|name| (slot, name)));
            }
            _ => {
                let address = u64::try_from(relocation.addend());
                slots.extend(address.ok().map(|address| (slot, address)));
            }
        }
    }
    (imports, slots)
}

fn plain(symbol: &str) -> String {
    format!("{:#}", demangle(symbol))
}

/// `55d0-55e0 r-xp 00001000 08:01 1234 /path`
fn mapping(line: &str) -> Option<Mapping> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let offset = words.nth(1)?;
    let executable = line.split_whitespace().nth(1)?.contains('x');
    let hex = |text| u64::from_str_radix(text, 16).ok();
    executable.then_some(Mapping {
        start: hex(start)?,
        end: hex(end)?,
        offset: hex(offset)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_maps_is_understood() {
        let line = "55d0-55e0 r-xp 00001000 08:01 1234   /a/path with spaces";
        let map = mapping(line).expect("a mapping");
        assert_eq!((map.start, map.end, map.offset), (0x55D0, 0x55E0, 0x1000));
        assert!(mapping("55d0-55e0 rw-p 00001000 08:01 1234 /a").is_none());
        assert!(mapping("").is_none());
    }

    #[test]
    fn a_function_is_found_by_the_address_it_runs_at() {
        let image = Image::of_this_program().expect("symbols");
        let entry = Image::of_this_program as *const ();
        let function = image.running(entry).expect("this function");
        assert!(function.name.contains("of_this_program"), "{}", function.name);
        assert!(!function.bytes.is_empty());
        let mangled = image.mangled(entry);
        assert!(mangled.iter().any(|n| plain(n) == function.name));
        assert!(image.mangled(std::ptr::null()).is_empty());
        assert!(image.running(std::ptr::null()).is_none());
    }
}
