//! Why a command ends early: one line for the user and an exit code.

use std::fmt;

/// What the exit code of the program says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A program is slower than what it was checked against.
    Regression = 1,
    /// A usage or input error, or a result that cannot be.
    Error = 2,
    /// Measured, and no answer came of it.
    Inconclusive = 3,
    /// The machine cannot do what was asked for.
    Environment = 4,
    /// Stopped by the user, as shells report it.
    Interrupted = 130,
}

/// One line that says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How the program ends.
    pub exit: Exit,
    line: String,
}

impl Failure {
    /// A mistake in what was asked for or found.
    pub fn error(line: impl fmt::Display) -> Self {
        Self { exit: Exit::Error, line: one_line(&line.to_string()) }
    }

    /// What a check came to.
    pub fn of(exit: Exit, line: impl fmt::Display) -> Self {
        Self { exit, line: one_line(&line.to_string()) }
    }

    /// A measurement that decides nothing.
    pub fn inconclusive(line: impl fmt::Display) -> Self {
        Self { exit: Exit::Inconclusive, line: one_line(&line.to_string()) }
    }

    /// Something that this machine lacks.
    pub fn environment(line: impl fmt::Display) -> Self {
        Self { exit: Exit::Environment, line: one_line(&line.to_string()) }
    }

    /// Tells the user, and says how the program ends.
    pub fn report(&self) -> u8 {
        eprintln!("bench-runner: {self}");
        self.exit as u8
    }

    /// Stopped by the user.
    pub fn interrupted(line: impl fmt::Display) -> Self {
        Self { exit: Exit::Interrupted, line: one_line(&line.to_string()) }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_whatever_it_quotes() {
        let failure = Failure::error("no such\nthing\r\n  here");
        assert_eq!(failure.to_string(), "no such thing here");
    }
}
