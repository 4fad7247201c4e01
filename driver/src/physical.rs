//! Huge pages that a card without an IOMMU reaches by physical addresses.

use core::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;

use crate::memory::{DmaRegion, HUGE_PAGE, Iova, OutOfMemory, Pages};

/// Bytes of a page that `/proc/self/pagemap` has an entry for.
const PAGE: usize = 4096;

/// Of an entry: the page is in memory.
const PRESENT: u64 = 1 << 63;

/// Of an entry: the number of the page frame; 0 for whoever may not know it.
const FRAME: u64 = (1 << 55) - 1;

/// No memory with physical addresses.
#[derive(Debug)]
pub enum PhysicalError {
    /// There are not as many huge pages.
    Memory(OutOfMemory),
    /// A file cannot be used.
    File(PathBuf, io::Error),
    /// The folder for files of huge pages is none.
    NotHuge(PathBuf),
    /// The kernel keeps physical addresses to itself.
    Hidden,
}

impl fmt::Display for PhysicalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(error) => {
                let pages = error.bytes.div_ceil(HUGE_PAGE);
                write!(
                    f,
                    "{error}; {pages} huge pages of 2 MiB are needed, set \
                     aside more by writing to /proc/sys/vm/nr_hugepages"
                )
            }
            Self::File(path, error) => {
                write!(f, "{}: {error}", path.display())?;
                if error.kind() == ErrorKind::PermissionDenied {
                    f.write_str("; run as root")?;
                }
                Ok(())
            }
            Self::NotHuge(path) => write!(
                f,
                "{}: no folder of huge pages of 2 MiB; mount -t hugetlbfs \
                 -o pagesize=2M none {0} makes one",
                path.display()
            ),
            Self::Hidden => f.write_str(
                "/proc/self/pagemap does not tell physical addresses; run as \
                 root with CAP_SYS_ADMIN",
            ),
        }
    }
}

impl std::error::Error for PhysicalError {}

/// The first folder in `mounts`, the text of `/proc/mounts`, that has files
/// of huge pages of 2 MiB.
pub fn mounted(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (folder, kind, options) =
            (words.next()?, words.next()?, words.next()?);
        let fits = options.split(',').all(|option| {
            let size = option.strip_prefix("pagesize=");
            size.is_none_or(|size| size == "2M")
        });
        (kind == "hugetlbfs" && fits).then(|| PathBuf::from(folder))
    })
}

/// Locked huge pages of at least `len` bytes, mapped shared: a file in
/// `folder`, which has no name by the time this returns, or anonymous ones
/// where there is no folder. The device finds each page at its physical
/// address.
///
/// # Errors
///
/// When there are not enough huge pages, or the caller may not know where
/// they are.
pub fn allocate(
    folder: Option<&Path>,
    len: usize,
) -> Result<DmaRegion, PhysicalError> {
    let anywhere = Iova::default();
    let region = match folder {
        None => DmaRegion::huge(len, anywhere),
        Some(folder) => {
            let file = nameless(folder)?;
            // SAFETY: nobody else can open the file.
            unsafe { DmaRegion::shared(&file, 0, len, anywhere) }
        }
    }
    .map_err(PhysicalError::Memory)?;
    if let Some(folder) = folder
        && region.pages() != Pages::Huge
    {
        return Err(PhysicalError::NotHuge(folder.to_owned()));
    }
    region.lock().map_err(PhysicalError::Memory)?;
    let frames = frames(&region)?;
    Ok(region.scattered(frames))
}

/// A file that is gone with this process, however that ends.
fn nameless(folder: &Path) -> Result<File, PhysicalError> {
    let path = folder.join(format!("ringside-{}", process::id()));
    let fail = |error| PhysicalError::File(path.clone(), error);
    // An earlier process of the same number was killed between two calls.
    let _ = fs::remove_file(&path);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(fail)?;
    fs::remove_file(&path).map_err(fail)?;
    Ok(file)
}

/// Physical address of each huge page of a region.
fn frames(region: &DmaRegion) -> Result<Vec<Iova>, PhysicalError> {
    let path = PathBuf::from("/proc/self/pagemap");
    let fail = |error| PhysicalError::File(path.clone(), error);
    let map = File::open(&path).map_err(fail)?;
    let first = region.base().addr().get();
    (0..region.bytes() / HUGE_PAGE)
        .map(|page| {
            let at = (first + page * HUGE_PAGE) / PAGE * size_of::<u64>();
            let mut entry = [0; size_of::<u64>()];
            map.read_exact_at(&mut entry, at as u64).map_err(fail)?;
            address(u64::from_ne_bytes(entry)).ok_or(PhysicalError::Hidden)
        })
        .collect()
}

/// What an entry of the pagemap says of a page: where it is, if it is in
/// memory and the reader may know it (Documentation/admin-guide/mm/pagemap.rst).
pub fn address(entry: u64) -> Option<Iova> {
    let frame = entry & FRAME;
    let known = entry & PRESENT != 0 && frame != 0;
    known.then(|| Iova::new(frame * PAGE as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folder_of_pages_of_the_right_size_is_taken() {
        let other = "none /mnt/1g hugetlbfs rw,pagesize=1024M 0 0\n";
        let mounts = "proc /proc proc rw 0 0\n".to_owned() + other;
        assert_eq!(mounted(&mounts), None);
        for options in ["rw,pagesize=2M", "rw", "rw,mode=0700,pagesize=2M"] {
            let right = format!("none /mnt/huge hugetlbfs {options} 0 0\n");
            let next = "none /mnt/next hugetlbfs rw 0 0\n";
            let mounts = mounts.clone() + &right + next;
            assert_eq!(mounted(&mounts), Some(PathBuf::from("/mnt/huge")));
        }
    }

    #[test]
    fn an_entry_tells_the_address_to_those_who_may_know() {
        let present = 1 << 63 | 1 << 61;
        assert_eq!(
            address(present | 0x12_3400),
            Some(Iova::new(0x1_2340_0000))
        );
        assert_eq!(address(present), None);
        assert_eq!(address(0x12_3400), None);
    }

    #[test]
    #[cfg(not(miri))]
    fn a_folder_of_ordinary_files_is_refused_and_left_empty() {
        let folder = std::env::temp_dir()
            .join(format!("ringside-physical-{}", process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let refused = allocate(Some(&folder), 1).expect_err("ordinary files");
        let line = refused.to_string();
        assert!(line.contains("mount -t hugetlbfs"), "{line}");
        let left = fs::read_dir(&folder).expect("a folder").count();
        fs::remove_dir(&folder).expect("an empty folder");
        assert_eq!(left, 0);
    }
}
