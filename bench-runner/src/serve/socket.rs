//! Sockets that guests connect to: made, taken over, and removed at the end.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A socket's path, which is removed when this is dropped.
#[derive(Debug)]
pub struct SocketPath(PathBuf);

impl Drop for SocketPath {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes the socket. What a server has left that is gone is taken over.
pub fn listen(path: &Path) -> Result<(UnixListener, SocketPath), Failure> {
    let shown = path.display();
    if let Ok(found) = fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(Failure::error(format!(
                "{shown} is there and is no socket: name another path"
            )));
        }
        match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path).map_err(|error| refused(path, &error))?;
                eprintln!("{shown}: left by a server that is gone, taken over");
            }
            _ => {
                return Err(Failure::error(format!(
                    "{shown} is in use by another server: end that one or \
                     name another path"
                )));
            }
        }
    }
    let listener =
        UnixListener::bind(path).map_err(|error| refused(path, &error))?;
    Ok((listener, SocketPath(path.to_owned())))
}

fn refused(path: &Path, error: &io::Error) -> Failure {
    Failure::error(format!(
        "cannot make the socket {}: {error}; name a path of at most 107 bytes \
         in a folder that you may write to",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_made_kept_from_others_taken_over_and_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sock");
        let (listener, guard) = listen(&path).expect("made");
        let error = listen(&path).expect_err("in use").to_string();
        assert!(error.contains("in use"), "{error}");
        drop(listener);
        std::mem::forget(guard);
        let (_listener, guard) = listen(&path).expect("taken over");
        drop(guard);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_socket_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "kept").expect("a file");
        let error = listen(&path).expect_err("a file").to_string();
        assert!(error.contains("no socket"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("there"), "kept");
        let error = listen(&folder.path().join("no/such")).expect_err("none");
        assert!(error.to_string().contains("folder"), "{error}");
    }
}
