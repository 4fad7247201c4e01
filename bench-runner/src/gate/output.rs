//! What a check leaves in a folder.

use super::junit::junit;
use super::record::{self, Record};
use super::summary::summary;
use crate::failure::Failure;
use crate::folder::Folder;

/// Name of the Markdown summary in a folder.
pub const SUMMARY: &str = "summary.md";

/// Name of the JUnit XML in a folder.
pub const JUNIT: &str = "junit.xml";

/// Writes a record and what is made of it, `check.json` last: where it is, all
/// of it is.
///
/// # Errors
///
/// When the disk refuses.
pub fn write(folder: &Folder, record: &Record) -> Result<(), Failure> {
    let mut json = serde_json::to_vec_pretty(record).map_err(Failure::error)?;
    json.push(b'\n');
    folder.put(SUMMARY, summary(record).as_bytes())?;
    folder.put(JUNIT, junit(record).as_bytes())?;
    folder.put(record::FILE, &json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::record::example;

    #[test]
    fn a_folder_has_the_record_and_two_views_of_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        for record in [example::record(), example::fine()] {
            write(&folder, &record).unwrap();
            let read = |name| {
                std::fs::read_to_string(place.path().join(name)).unwrap()
            };
            let json = read(record::FILE);
            assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
            assert!(read(SUMMARY).starts_with("**"));
            assert!(read(JUNIT).starts_with("<?xml"));
        }
    }

    #[test]
    fn a_folder_that_refuses_is_one_line() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        std::fs::create_dir(place.path().join(SUMMARY)).unwrap();
        let failure = write(&folder, &example::record()).unwrap_err();
        assert!(failure.to_string().contains(SUMMARY), "{failure}");
    }
}
