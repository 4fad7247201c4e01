//! Printing for people and pipes.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Prints a text to standard output. A reader that has seen enough, such as
/// `head`, is no failure.
pub fn print(text: impl Display) {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("bench-runner: cannot print the result: {error}");
        }
        _ => {}
    }
}

/// Prints a text and ends the line.
pub fn line(text: impl Display) {
    print(format_args!("{text}\n"));
}
