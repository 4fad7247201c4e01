//! Files of the kernel, written and read back.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};

use super::stop::Stop;
use crate::environment::Root;

/// Why a file does not say what it should.
#[derive(Debug)]
pub enum Refusal {
    /// It is not there any more.
    Gone,
    /// It may not be written: rights, or a system that is read-only.
    Denied(io::Error),
    /// The kernel does not take the value.
    Refused(io::Error),
    /// It was written, and says something else now.
    ReadsBack(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gone => f.write_str("gone"),
            Self::Denied(error) | Self::Refused(error) => error.fmt(f),
            Self::ReadsBack(now) => write!(f, "reads back {now:?}"),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        // Rights are missing with EACCES; EPERM is the kernel's own no.
        let no = rustix::io::Errno::PERM.raw_os_error();
        match error.kind() {
            _ if error.raw_os_error() == Some(no) => Self::Refused(error),
            ErrorKind::NotFound => Self::Gone,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Self::Denied(error)
            }
            _ => Self::Refused(error),
        }
    }
}

/// Writes a file in one piece, and looks whether it says so.
pub fn write(
    root: &Root,
    file: &str,
    text: &str,
    met: impl Fn(&str) -> bool,
    stop: &Stop,
) -> Result<(), Refusal> {
    let path = root.path().join(file);
    let mut open = OpenOptions::new();
    let mut kernel = open.write(true).truncate(true).open(path)?;
    kernel.write_all(text.as_bytes())?;
    drop(kernel);
    stop.pass();
    match root.read(file) {
        Some(now) if met(&now) => Ok(()),
        Some(now) => Err(Refusal::ReadsBack(now.trim().to_owned())),
        None => Err(Refusal::ReadsBack(String::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn missing_rights_are_told_from_the_kernels_no() {
        let refusal = |errno: Errno| {
            Refusal::from(io::Error::from_raw_os_error(errno.raw_os_error()))
        };
        assert!(matches!(refusal(Errno::ACCESS), Refusal::Denied(_)));
        assert!(matches!(refusal(Errno::ROFS), Refusal::Denied(_)));
        assert!(matches!(refusal(Errno::PERM), Refusal::Refused(_)));
        assert!(matches!(refusal(Errno::IO), Refusal::Refused(_)));
        assert!(matches!(refusal(Errno::NOENT), Refusal::Gone));
    }
}
