//! Who takes turns: a program against two ports, or a variant in a thread.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use driver::regs::{BAR0_BYTES, RDBAL, RXDCTL, TDBAL, TXDCTL, rxdctl};
use nic_model::dma::DmaMap;
use nic_model::{Faults, FrameFormat, Model, RegisterFile, Traffic};
use rustix::process::{getpriority_process, setpriority_process};

use super::confine::Order;
use super::mapped::Mapped;
use super::memory::{ProcessMemory, Refusal};
use super::program::Program;
use super::registers::Watch;
use crate::failure::Failure;
use crate::folder::replace;
use crate::measure::{Card, Interval, Kept, Lane, Schedule, Window};
use crate::process;

/// Ticks between two looks at a program that sets up: a driver may wait for a
/// reset for no longer than microseconds.
const LOOK: u64 = 20_000;

/// A program with its stage and the registers on it.
#[derive(Debug)]
pub struct Staged {
    /// The program.
    program: Program,
    bars: [Mapped; 2],
}

impl Staged {
    /// Makes a stage.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn new(name: &str, order: &Order, log: &Path) -> Result<Self, Failure> {
        let program = Program::stage(name, order, log)?;
        let map = |n| {
            let bar = Mapped::of(&program.registers(n)?, 0, BAR0_BYTES);
            bar.map_err(|e| Failure::error(format!("{name}: registers: {e}")))
        };
        let bars = [map(0)?, map(1)?];
        Ok(Self { program, bars })
    }
}

/// What drives the ports.
enum Driver<'a> {
    Program { program: &'a mut Program, refusals: Receiver<Refusal> },
    Thread(&'a Lane),
}

/// One of those that take turns.
pub struct Contender<'a> {
    name: String,
    card: Card<'a>,
    driver: Driver<'a>,
    registers: Vec<RegisterFile<'a>>,
}

/// This thread before all others, until it is dropped: a strict driver gives a
/// reset ten microseconds, and a model that waits for its core misses them.
/// Processes are not to be started meanwhile, or they inherit it.
struct Urgent(Option<i32>);

impl Urgent {
    /// Highest of the nice values.
    const FIRST: i32 = -20;

    fn new() -> Self {
        let before = getpriority_process(None).ok();
        // Without the right to it, it is as before.
        let set = setpriority_process(None, Self::FIRST);
        Self(before.filter(|_| set.is_ok()))
    }
}

impl Drop for Urgent {
    fn drop(&mut self) {
        if let Some(before) = self.0 {
            let _ = setpriority_process(None, before);
        }
    }
}

/// How a program is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience<'p> {
    /// For how long.
    pub limit: Duration,
    /// Where its register writes are logged, if anywhere.
    pub log: Option<&'p Path>,
}

impl<'a> Contender<'a> {
    /// Starts a staged program against a card with these frames.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn program(
        staged: &'a mut Staged,
        format: FrameFormat,
    ) -> Result<Self, Failure> {
        let Staged { program, bars } = staged;
        let name = program.name().to_owned();
        // SAFETY: page-aligned, as long as the registers are, and mapped for
        // as long as the stage is borrowed; nobody makes references into it.
        let registers =
            bars.each_ref().map(|bar| unsafe { RegisterFile::new(bar.base()) });
        let traffic =
            Traffic { format, takes_changes: true, ..Traffic::default() };
        let (tell, refusals) = mpsc::channel();
        // Registers have the values of a reset before the program begins.
        let (nothing, no_faults) = (DmaMap::empty(), Faults::default());
        let mut model = Model::new(&registers, nothing, 1, traffic, no_faults);
        let first = program.begin()?;
        let memory = ProcessMemory::of(first, tell)
            .map_err(|e| Failure::error(format!("{name}: {e}")))?;
        model.memory_mut().set_source(memory);
        Ok(Self {
            name,
            card: Card::new(model),
            driver: Driver::Program { program, refusals },
            registers: registers.to_vec(),
        })
    }

    /// A variant in a thread of its own.
    pub fn thread(name: String, card: Card<'a>, lane: &'a Lane) -> Self {
        let driver = Driver::Thread(lane);
        Self { name, card, driver, registers: Vec::new() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits until both ports run.
    ///
    /// # Errors
    ///
    /// When it ends before, or does not get there in time.
    pub fn await_ports(
        &mut self,
        patience: Patience<'_>,
    ) -> Result<(), Failure> {
        let _urgent = Urgent::new();
        let mut watch = Watch::new(self.registers.clone());
        let begin = Instant::now();
        let mut outcome = Ok(());
        while !self.card.is_running() {
            self.card.attend(LOOK);
            watch.look();
            outcome = self.check();
            if outcome.is_ok() && begin.elapsed() >= patience.limit {
                outcome = Err(self.never_started(&watch, patience.limit));
            }
            if outcome.is_err() {
                break;
            }
        }
        if let Some(path) = patience.log {
            let changes = watch.changes().iter();
            let lines: String =
                changes.map(|change| format!("{change}\n")).collect();
            replace(path, lines.as_bytes())?;
        }
        outcome
    }

    /// Why the ports do not run.
    fn never_started(&self, watch: &Watch<'_>, limit: Duration) -> Failure {
        let name = &self.name;
        let queues =
            [("receive", &RXDCTL, &RDBAL), ("transmit", &TXDCTL, &TDBAL)];
        let mut missing = Vec::new();
        for (port, regs) in self.registers.iter().enumerate() {
            for (what, control, base) in queues {
                // Both enable bits are bit 25.
                let is_on = regs.get(control, 0) & rxdctl::ENABLE != 0;
                if !is_on {
                    missing.push(format!("{what} of port {port}"));
                } else if regs.get(base, 0) == 0 {
                    missing.push(format!(
                        "{what} of port {port}, enabled without a ring"
                    ));
                }
            }
        }
        let said = match &self.driver {
            Driver::Program { program, .. } => program.said(),
            Driver::Thread(_) => String::new(),
        };
        let seconds = limit.as_secs_f64();
        let refused = match self.refusals().first() {
            Some(Refusal { iova, why }) => {
                format!("; DMA address {iova:#x} leads nowhere: {why}")
            }
            None => String::new(),
        };
        let missing = match &missing[..] {
            [] => "its rings cannot be used".to_owned(),
            all => format!("queue 0 is not started: {}", all.join(", ")),
        };
        Failure::error(format!(
            "{name}: after {seconds} s {missing}{refused}; registers that \
             have changed: {} (--log-registers shows when, --patience waits \
             longer){said}",
            watch.touched()
        ))
    }

    /// Whether it still runs, and nobody wants to stop.
    ///
    /// # Errors
    ///
    /// When it has ended, or the user stops it all.
    pub fn check(&mut self) -> Result<(), Failure> {
        if process::interrupted().load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Failure::interrupted("stopped"));
        }
        match &mut self.driver {
            Driver::Program { program, .. } => program.check(),
            Driver::Thread(lane) => lane.check().map_err(|line| {
                Failure::error(format!("{}: {line}", self.name))
            }),
        }
    }

    /// Lets it run.
    pub fn go_on(&mut self) {
        match &mut self.driver {
            Driver::Program { program, .. } => program.go_on(),
            Driver::Thread(lane) => lane.go_on(),
        }
    }

    /// Stops it where it is.
    pub fn stop(&mut self) {
        match &mut self.driver {
            Driver::Program { program, .. } => program.stop(),
            Driver::Thread(lane) => lane.stop(),
        }
    }

    /// Lets it run against as many frames as its rings take, for so many
    /// ticks.
    ///
    /// # Errors
    ///
    /// When it has ended, or the user stops it all.
    pub fn serve(&mut self, ticks: u64) -> Result<(), Failure> {
        self.go_on();
        self.card.serve(ticks);
        self.stop();
        self.check()
    }

    /// A window after it has run for so many ticks.
    ///
    /// # Errors
    ///
    /// When it has ended, or frames came back that nobody sent.
    pub fn window(
        &mut self,
        settle: u64,
        ticks: u64,
    ) -> Result<Window, Failure> {
        self.go_on();
        self.card.serve(settle);
        let window = self.card.window(ticks);
        self.stop();
        self.check()?;
        self.whole()?;
        Ok(window)
    }

    /// Offers it a schedule, and follows every frame.
    ///
    /// # Errors
    ///
    /// When it has ended, or frames came back that nobody sent.
    pub fn offer(
        &mut self,
        schedule: &Schedule,
        entries: u16,
        tick_hz: f64,
    ) -> Result<(Kept, Interval), Failure> {
        self.go_on();
        self.card.drain();
        let offered = self.card.schedule(schedule, entries, tick_hz);
        self.stop();
        self.check()?;
        self.whole()?;
        Ok(offered)
    }

    /// Whether all frames that came back are such as were sent, in order.
    ///
    /// # Errors
    ///
    /// When they are not.
    pub fn whole(&self) -> Result<(), Failure> {
        let model = self.card.model();
        for (n, port) in model.ports().iter().enumerate() {
            let counts = port.sink().counts();
            let tx = port.tx_counts();
            if counts.spoiled() + tx.malformed > 0 {
                return Err(Failure::error(format!(
                    "{}: what it sent through port {n} is not what came: {} \
                     frames were changed beyond addresses and byte 48, {} \
                     have another length, {} came twice or out of order, {} \
                     descriptors are no single-descriptor packets",
                    self.name,
                    counts.corrupt,
                    counts.wrong_length,
                    counts.out_of_order,
                    tx.malformed
                )));
            }
        }
        Ok(())
    }

    /// Addresses that led nowhere.
    pub fn refusals(&self) -> Vec<Refusal> {
        match &self.driver {
            Driver::Program { refusals, .. } => refusals.try_iter().collect(),
            Driver::Thread(_) => Vec::new(),
        }
    }

    /// Lets frames that are on their way come back, and says what became of
    /// all of them, in a line.
    pub fn account(&mut self) -> String {
        self.go_on();
        self.card.drain();
        self.stop();
        let account = self.card.model().account();
        let back = account.forwarded;
        let kept = account
            .offered
            .saturating_sub(back + account.ring_empty + account.dma_faults);
        let mut line = format!(
            "{}: {} frames came in, {back} came back in order and unharmed, \
             {kept} it dropped or kept",
            self.name, account.offered
        );
        if account.dma_faults > 0 {
            line += &format!(
                ", {} were lost at DMA addresses that lead nowhere",
                account.dma_faults
            );
        }
        line
    }
}

/// The ticks of so many seconds.
pub fn ticks(seconds: f64, tick_hz: f64) -> u64 {
    (seconds * tick_hz) as u64
}

/// Removes the log of a program that had nothing to say.
pub fn tidy(log: &Path) {
    if fs::metadata(log).is_ok_and(|known| known.len() == 0) {
        let _ = fs::remove_file(log);
    }
}
