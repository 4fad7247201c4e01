//! DMA memory of other processes: found where they have it, by the physical
//! addresses that they give to the card.
//!
//! The kernel says where a process has which files mapped
//! (`/proc/<pid>/maps`), in which page frames they lie
//! (`/proc/<pid>/pagemap`, Documentation/admin-guide/mm/pagemap.rst) and lets
//! root open what is mapped (`/proc/<pid>/map_files`). Huge pages that are
//! shared mappings are mapped here once more. Private ones cannot be shared;
//! transparent ones are no file.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use driver::memory::{DmaWindow, HUGE_PAGE, Iova};
use driver::physical;
use nic_model::dma::Source;
use rustix::fs::fstatfs;

use super::mapped::Mapped;

/// The kind of a file of huge pages, `HUGETLBFS_MAGIC` (linux/magic.h).
const HUGE_FILE: u64 = 0x9584_58f6;

/// Bytes of a page frame in the pagemap.
const FRAME: u64 = 4096;

/// Shortest time between two looks of which the first found nothing.
const PAUSE: Duration = Duration::from_millis(20);

/// Addresses whose refusal is explained; what is beyond is only counted.
const EXPLAINED: usize = 8;

/// Memory so many bytes above a huge page may have been taken for a part of
/// the same mapping.
const NEAR: u64 = 64 << 20;

/// Mappings that are larger are not looked through for an address.
const MOST_BYTES: u64 = 16 << 30;

/// The huge pages of the processes in a PID namespace.
pub struct ProcessMemory {
    /// The namespace's number.
    namespace: u64,
    mapped: Vec<Mapped>,
    /// Page frames that the device reaches, the first of each huge page.
    known: HashSet<u64>,
    /// Where files lie here that are mapped already, by device, inode, offset
    /// and length.
    files: HashMap<(u64, u64, u64, u64), usize>,
    last: Option<Instant>,
    refused: HashSet<u64>,
    tell: Sender<Refusal>,
}

/// A device address that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The address.
    pub iova: u64,
    /// Why, to follow a colon.
    pub why: String,
}

/// A line of `/proc/<pid>/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Area {
    start: u64,
    end: u64,
    shared: bool,
    writable: bool,
    offset: u64,
    device: u64,
    inode: u64,
    name: String,
}

impl Area {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let rights = words.next()?;
        let offset = words.next()?;
        let (major, minor) = words.next()?.split_once(':')?;
        let inode = words.next()?.parse().ok()?;
        let hex = |text| u64::from_str_radix(text, 16).ok();
        Some(Self {
            start: hex(start)?,
            end: hex(end)?,
            shared: rights.ends_with('s'),
            writable: rights.starts_with("rw"),
            offset: hex(offset)?,
            device: hex(major)? << 32 | hex(minor)?,
            inode,
            name: words.collect::<Vec<_>>().join(" "),
        })
    }

    fn bytes(&self) -> u64 {
        self.end - self.start
    }
}

impl ProcessMemory {
    /// That of the processes in the PID namespace of process `first`. Why an
    /// address is refused is told through `tell`.
    ///
    /// # Errors
    ///
    /// When the process is gone.
    pub fn of(first: u32, tell: Sender<Refusal>) -> io::Result<Self> {
        Ok(Self {
            namespace: namespace(first)?,
            mapped: Vec::new(),
            known: HashSet::new(),
            files: HashMap::new(),
            last: None,
            refused: HashSet::new(),
            tell,
        })
    }

    /// Maps what is new of a process.
    fn take(&mut self, pid: u32, found: &mut Vec<DmaWindow<'static>>) {
        let Ok(pagemap) = File::open(format!("/proc/{pid}/pagemap")) else {
            return;
        };
        for area in areas(pid) {
            if area.shared && area.writable && area.inode != 0 {
                // What has just been unmapped is no concern.
                let _ = self.take_area(pid, &area, &pagemap, found);
            }
        }
    }

    fn take_area(
        &mut self,
        pid: u32,
        area: &Area,
        pagemap: &File,
        found: &mut Vec<DmaWindow<'static>>,
    ) -> io::Result<()> {
        let key = (area.device, area.inode, area.offset, area.bytes());
        let base = match self.files.get(&key) {
            Some(&n) => self.mapped[n].base(),
            None => {
                let Some(mapped) = map(pid, area)? else { return Ok(()) };
                let base = mapped.base();
                self.files.insert(key, self.mapped.len());
                self.mapped.push(mapped);
                base
            }
        };
        let frames = frames(pagemap, area)?;
        let pages = frames.chunks(HUGE_PAGE / FRAME as usize);
        // Runs of huge pages that lie side by side in memory.
        let mut run: Option<(u64, usize, usize)> = None;
        let mut close = |run: Option<(u64, usize, usize)>| {
            let Some((frame, at, bytes)) = run else { return };
            // SAFETY: inside the mapping, which stays until this source is
            // dropped, and which nobody makes references into.
            found.push(unsafe {
                DmaWindow::new(base.add(at), Iova::new(frame * FRAME), bytes)
            });
        };
        for (n, page) in pages.enumerate() {
            let Some(frame) = page.first().copied().flatten() else {
                close(run.take());
                continue;
            };
            if !self.known.insert(frame) {
                close(run.take());
                continue;
            }
            run = match run {
                Some((first, at, bytes))
                    if first + bytes as u64 / FRAME == frame =>
                {
                    Some((first, at, bytes + HUGE_PAGE))
                }
                other => {
                    close(other);
                    Some((frame, n * HUGE_PAGE, HUGE_PAGE))
                }
            };
        }
        close(run.take());
        Ok(())
    }

    /// Why an address leads nowhere.
    fn why(&self, iova: u64) -> String {
        let wanted = iova / FRAME;
        for pid in members(self.namespace) {
            let Ok(pagemap) = File::open(format!("/proc/{pid}/pagemap")) else {
                continue;
            };
            for area in areas(pid) {
                // What is only reserved has no frames, and may be huge.
                let is_small = area.bytes() <= MOST_BYTES;
                if !area.writable || !is_small {
                    continue;
                }
                let Ok(frames) = frames(&pagemap, &area) else { continue };
                let Some(page) = frames.iter().position(|f| *f == Some(wanted))
                else {
                    continue;
                };
                let at = area.start + page as u64 * FRAME;
                let kind = match (area.shared, area.inode) {
                    (false, _) => "a private mapping",
                    (true, 0) => "memory without a file",
                    (true, _) => "no huge page",
                };
                return format!(
                    "process {pid} has it at {at:#x} in {kind} {}; use shared \
                     mappings of huge pages",
                    area.name
                );
            }
        }
        self.none_there(wanted)
    }

    /// What is near a page frame that no process has.
    fn none_there(&self, wanted: u64) -> String {
        let none = "no memory of the program is there".to_owned();
        let below = self.known.iter().filter(|frame| **frame < wanted).max();
        let bytes = below.map_or(u64::MAX, |below| (wanted - below) * FRAME);
        if bytes > NEAR {
            return none;
        }
        let pages = bytes / HUGE_PAGE as u64;
        format!(
            "{none}; it has a huge page {pages} pages below: pages that \
             follow each other in a mapping need not do so in memory"
        )
    }
}

// SAFETY: mappings are unmapped when the source is dropped, not before.
unsafe impl Source for ProcessMemory {
    fn look(&mut self, missed: Iova) -> Vec<DmaWindow<'static>> {
        let page = missed.value() / HUGE_PAGE as u64;
        let is_early = self.last.is_some_and(|last| last.elapsed() < PAUSE);
        if is_early && self.refused.contains(&page) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for pid in members(self.namespace) {
            self.take(pid, &mut found);
        }
        let holds = |window: &DmaWindow<'_>| {
            let at = missed.value().checked_sub(window.iova().value());
            at.is_some_and(|at| at < window.bytes() as u64)
        };
        if !found.iter().any(holds) {
            if self.refused.insert(page) && self.refused.len() <= EXPLAINED {
                let iova = missed.value();
                let why = self.why(iova);
                // Nobody may listen any more.
                let _ = self.tell.send(Refusal { iova, why });
            }
            self.last = Some(Instant::now());
        }
        found
    }
}

/// The number of a process's PID namespace.
pub fn namespace(pid: u32) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata(format!("/proc/{pid}/ns/pid"))?.ino())
}

/// The processes in a PID namespace, by their numbers here.
pub fn members(namespace: u64) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let all = entries.flatten().filter_map(number);
    all.filter(|pid| self::namespace(*pid).is_ok_and(|ns| ns == namespace))
        .collect()
}

fn areas(pid: u32) -> Vec<Area> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"));
    maps.unwrap_or_default().lines().filter_map(Area::parse).collect()
}

/// Maps what a process has mapped there; nothing where it is no huge page.
fn map(pid: u32, area: &Area) -> io::Result<Option<Mapped>> {
    let Area { start, end, offset, .. } = *area;
    let path = format!("/proc/{pid}/map_files/{start:x}-{end:x}");
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    if fstatfs(&file)?.f_type as u64 != HUGE_FILE {
        return Ok(None);
    }
    Mapped::of(&file, offset, area.bytes() as usize).map(Some)
}

/// The page frames of a piece of a process's memory, those that are there.
fn frames(pagemap: &File, area: &Area) -> io::Result<Vec<Option<u64>>> {
    let pages = area.bytes() / FRAME;
    let mut bytes = vec![0; pages as usize * 8];
    pagemap.read_exact_at(&mut bytes, area.start / FRAME * 8)?;
    let words = bytes.as_chunks().0.iter().map(|b| u64::from_ne_bytes(*b));
    let frame = |word| Some(physical::address(word)?.value() / FRAME);
    Ok(words.map(frame).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_maps_are_read() {
        let line = "7f0a40000000-7f0a44000000 rw-s 00200000 00:2f 1234  \
                    /mnt/huge/a file (deleted)";
        let area = Area::parse(line).expect("a line");
        let wanted = Area {
            start: 0x7f0a_4000_0000,
            end: 0x7f0a_4400_0000,
            shared: true,
            writable: true,
            offset: 0x20_0000,
            device: 0x2f,
            inode: 1234,
            name: "/mnt/huge/a file (deleted)".to_owned(),
        };
        assert_eq!(area, wanted);
        let line = "7ffd7a9c8000-7ffd7a9e9000 rw-p 00000000 00:00 0 [stack]";
        let area = Area::parse(line).expect("a line");
        assert!(!area.shared && area.name == "[stack]");
        assert_eq!(Area::parse("nothing"), None);
    }

    #[test]
    fn this_process_is_in_its_own_namespace() {
        let me = std::process::id();
        let own = namespace(me).expect("proc");
        assert!(members(own).contains(&me));
    }
}
