//! `serve` as a guest's side sees it, without a guest.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A server, and what it has said so far.
struct Server {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

fn serve(folder: &Path, words: &[&str]) -> Server {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bench-runner"))
        .arg("serve")
        .args(words)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stderr = BufReader::new(child.stderr.take().expect("piped"));
    Server { child, stderr }
}

impl Server {
    /// Reads lines until one has these words.
    fn says(&mut self, words: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.stderr.read_line(&mut line).expect("text");
            assert!(read > 0, "nobody said '{words}'");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Exit code and the rest of both outputs.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.stderr.read_to_string(&mut err).expect("text");
        let mut stdout = self.child.stdout.take().expect("piped");
        stdout.read_to_string(&mut out).expect("text");
        let status = self.child.wait().expect("it ends");
        (status.code(), out, err)
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it runs");
    }
}

/// A message with a command and a body.
fn message(command: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, 0];
    bytes.extend(command.to_le_bytes());
    bytes.extend((16 + body.len() as u32).to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(body);
    bytes
}

/// The body of the answer to a message.
fn ask(stream: &mut UnixStream, command: u16, body: &[u8]) -> Vec<u8> {
    stream.write_all(&message(command, body)).expect("sent");
    let mut header = [0; 16];
    stream.read_exact(&mut header).expect("an answer");
    let size = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let mut body = vec![0; size as usize - 16];
    stream.read_exact(&mut body).expect("its body");
    assert_eq!(header[8..], [1, 0, 0, 0, 0, 0, 0, 0], "no error");
    body
}

/// Reads a register of BAR 0.
fn register(stream: &mut UnixStream, offset: u64) -> u32 {
    let mut body = offset.to_le_bytes().to_vec();
    body.extend([0, 0, 0, 0, 4, 0, 0, 0]);
    let answer = ask(stream, 9, &body);
    u32::from_le_bytes(*answer.last_chunk().expect("a register"))
}

#[test]
fn a_guest_reads_registers_and_when_it_has_gone_the_next_one_may_come() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = serve(folder.path(), &["--socket", "a.sock"]);
    server.says("port 0: waits for a guest at a.sock");
    for _ in 0..2 {
        let path = folder.path().join("a.sock");
        let mut guest = UnixStream::connect(path).expect("it listens");
        let answer = ask(&mut guest, 1, b"\0\0\0\0{}\0");
        assert!(String::from_utf8_lossy(&answer).contains("capabilities"));
        server.says("port 0: a guest is there");
        // RAH(0), and EICR, which a read clears.
        assert_eq!(register(&mut guest, 0x5404), 0x8000_0000);
        let mut write = 0x808_u64.to_le_bytes().to_vec();
        write.extend([0, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0]);
        ask(&mut guest, 10, &write);
        assert_eq!(register(&mut guest, 0x800), 5);
        assert_eq!(register(&mut guest, 0x800), 0);
        drop(guest);
        server.says("port 0: the guest has gone");
    }
    server.signal(Signal::INT);
    let (code, out, _) = server.end();
    assert_eq!(code, Some(0));
    assert!(out.contains("trapped 6 reads, 2 writes"), "{out}");
    assert!(!folder.path().join("a.sock").exists());
}

#[test]
fn who_speaks_something_else_is_told_from_a_guest() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = serve(folder.path(), &["--socket", "a.sock"]);
    server.says("waits");
    let path = folder.path().join("a.sock");
    let mut stream = UnixStream::connect(path).expect("it listens");
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
    let line = server.says("does not speak vfio-user");
    assert!(line.contains("QEMU does from 10.1 on"), "{line}");
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_socket_that_a_killed_server_left_is_taken_over_and_others_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut killed = serve(folder.path(), &["--socket", "a.sock"]);
    killed.says("Ctrl-C");
    killed.signal(Signal::KILL);
    killed.end();
    let mut server = serve(folder.path(), &["--socket", "a.sock"]);
    server.says("left by a server that is gone");
    server.says("Ctrl-C");
    let second = serve(folder.path(), &["--socket", "a.sock"]);
    let (code, _, err) = second.end();
    assert_eq!((code, err.lines().count()), (Some(2), 1), "{err}");
    assert!(err.contains("in use by another server"), "{err}");
    server.signal(Signal::INT);
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn what_cannot_be_served_is_refused_in_one_line_and_nothing_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file"), "kept").expect("a file");
    let _other = UnixListener::bind(folder.path().join("other.sock"));
    let three = ["--socket", "a", "--socket", "b", "--socket", "c"];
    let long = "x".repeat(200);
    for (words, said) in [
        (&["--socket", "file"][..], "is no socket"),
        (&["--socket", "a", "--socket", "other.sock"], "in use"),
        (&["--socket", "nowhere/a.sock"], "cannot make the socket"),
        (&["--socket", &long], "107 bytes"),
        (&["--socket", "a", "--wire"], "--socket twice"),
        (&three, "even number"),
        (&["--socket", "a", "--tap", "b", "--tap", "c"], "once for each"),
        (&["--socket", "a", "--frame", "9000"], "1518"),
        (&[], "--socket"),
    ] {
        let (code, _, err) = serve(folder.path(), words).end();
        assert_eq!((code, err.lines().count()), (Some(2), 1), "{err}");
        assert!(err.contains(said), "{err}");
    }
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["file", "other.sock"]);
    let kept = fs::read_to_string(folder.path().join("file"));
    assert_eq!(kept.expect("there"), "kept");
}
