//! An end at a chosen moment, for tests of what such an end leaves behind.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Signal, getpid, kill_process};
use signal_hook::consts::SIGINT;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Interrupt,
    Panic,
    Kill,
}

/// A moment and a way to end; by default never.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    at: Option<(u32, How)>,
    passed: Arc<AtomicU32>,
}

impl Stop {
    /// Called wherever something has just been written.
    pub fn pass(&self) {
        let passed = self.passed.fetch_add(1, Ordering::Relaxed) + 1;
        match self.at {
            Some((at, how)) if at == passed => how.strike(),
            _ => {}
        }
    }
}

impl How {
    fn strike(self) {
        match self {
            Self::Interrupt => {
                // It cannot fail for a signal of that name.
                let _ = signal_hook::low_level::raise(SIGINT);
            }
            Self::Panic => panic!("stopped on purpose"),
            Self::Kill => {
                let _ = kill_process(getpid(), Signal::KILL);
            }
        }
    }
}

impl FromStr for Stop {
    type Err = String;

    /// `3:kill`: killed when the third write is done.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once(':').and_then(|(at, how)| {
            let how = match how {
                "interrupt" => How::Interrupt,
                "panic" => How::Panic,
                "kill" => How::Kill,
                _ => return None,
            };
            Some((at.parse().ok()?, how))
        });
        match parsed {
            Some(at) => Ok(Self { at: Some(at), ..Self::default() }),
            None => {
                Err("not of the form 3:kill, 3:panic or 3:interrupt".to_owned())
            }
        }
    }
}
