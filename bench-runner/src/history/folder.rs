//! A history in a folder.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::file::{EXTENSION, file_name, parse, text};
use super::{Line, Loaded};
use crate::failure::Failure;

/// No history comes near this size, in bytes.
const MOST_BYTES: u64 = 1 << 30;

/// Adds a line to the file of its machine, of which others wait.
pub(super) fn append(folder: &Path, line: &Line) -> Result<(), Failure> {
    let path = folder.join(file_name(&line.fingerprint));
    let text = text(line)?;
    add(folder, &path, &text).map_err(|why| {
        Failure::error(format!(
            "cannot add to {}: {why}; free some space or choose another \
             folder by --history",
            path.display()
        ))
    })
}

fn add(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut options = File::options();
    let mut file = options.read(true).append(true).create(true).open(path)?;
    file.lock()?;
    let size = file.metadata()?.len();
    let written = (|| {
        let mut whole = String::new();
        if size > 0 {
            let mut last = [0];
            file.seek(SeekFrom::Start(size - 1))?;
            file.read_exact(&mut last)?;
            // What an interruption has torn stays a line of its own.
            if last != *b"\n" {
                whole.push('\n');
            }
        }
        whole += text;
        file.write_all(whole.as_bytes())?;
        file.sync_all()
    })();
    if written.is_err() {
        // Its own half line and nothing else; the first failure is the one
        // to tell.
        let _ = file.set_len(size);
    }
    written?;
    if size == 0 {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Reads all files of a folder, or one file.
pub(super) fn load(path: &Path) -> Result<Loaded, Failure> {
    let mut all = Loaded::default();
    for file in files(path)? {
        let bytes = read(&file)?;
        parse(&file.display().to_string(), &bytes, &mut all)?;
    }
    Ok(all)
}

/// The files of a history at a place, in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = super::files_in(path)?;
    if files.is_empty() {
        return Err(Failure::error(format!(
            "{}: no history in it: name a folder with *.{EXTENSION}, or add \
             a line by bench-runner check --history",
            path.display()
        )));
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let path_named = path.display();
    let unreadable = |why: io::Error| match why.kind() {
        io::ErrorKind::NotFound => Failure::error(format!(
            "{path_named}: no such history: name the folder that \
             bench-runner check --history wrote"
        )),
        _ => Failure::error(format!(
            "{path_named}: cannot be read ({why}): check its permissions and \
             the disk"
        )),
    };
    let about = fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() || about.len() > MOST_BYTES {
        return Err(Failure::error(format!(
            "{path_named}: no file of a history: name a folder with \
             *.{EXTENSION}"
        )));
    }
    fs::read(path).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;
    use std::thread;

    const CELLS: &[(&str, u16, f64)] = &[("reg=boxed", 32, 4.0)];

    #[test]
    fn lines_of_each_machine_are_added_to_its_file() {
        let scratch = tempfile::tempdir().expect("a folder");
        let folder = scratch.path().join("below/history");
        let mut other = example::line(2, CELLS);
        other.fingerprint.cpu = "B CPU".to_owned();
        for line in [example::line(0, CELLS), example::line(1, CELLS), other] {
            append(&folder, &line).expect("added");
        }
        assert_eq!(super::super::files_in(&folder).expect("two").len(), 2);
        let all = load(&folder).expect("read");
        let hours = all.lines.iter().map(|line| line.subject.clone());
        let hours: Vec<_> = hours.flatten().collect();
        assert_eq!(hours, ["Change 0", "Change 1", "Change 2"]);
        assert_eq!(all.notes, Vec::<String>::new());
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let scratch = tempfile::tempdir().expect("a folder");
        thread::scope(|scope| {
            for worker in 0..8 {
                let folder = scratch.path();
                scope.spawn(move || {
                    for number in 0..5 {
                        let line = example::line(worker * 5 + number, CELLS);
                        append(folder, &line).expect("added");
                    }
                });
            }
        });
        let all = load(scratch.path()).expect("read");
        assert_eq!((all.lines.len(), all.notes.len()), (40, 0));
    }

    #[test]
    fn after_a_torn_line_others_are_whole() {
        let scratch = tempfile::tempdir().expect("a folder");
        let line = example::line(0, CELLS);
        let path = scratch.path().join(file_name(&line.fingerprint));
        append(scratch.path(), &line).expect("added");
        let before = fs::read(&path).expect("a line");
        let mut torn = before.clone();
        torn.extend_from_slice(&before[..50]);
        fs::write(&path, &torn).expect("written");
        append(scratch.path(), &line).expect("added");
        let after = fs::read(&path).expect("lines");
        assert!(after.starts_with(&torn), "something was rewritten");
        let all = load(scratch.path()).expect("read");
        assert_eq!((all.lines.len(), all.notes.len()), (2, 1));
        assert!(all.notes[0].contains("line 2: cut off"), "{:?}", all.notes);
    }

    #[test]
    fn what_cannot_be_written_is_told_and_leaves_nothing() {
        let scratch = tempfile::tempdir().expect("a folder");
        let mut line = example::line(0, CELLS);
        line.cells[0].ratio = Some(f64::NAN);
        let why = append(scratch.path(), &line).expect_err("no number");
        assert!(why.to_string().contains("not written"), "{why}");
        assert_eq!(fs::read_dir(scratch.path()).expect("one").count(), 0);
        let file = scratch.path().join("file");
        fs::write(&file, "in the way").expect("written");
        let why = append(&file, &example::line(0, CELLS));
        let why = why.expect_err("no folder").to_string();
        assert!(why.contains("cannot add to") && why.contains("file"), "{why}");
    }
}
