//! `serve`: the model as a vfio-user server, for guests of QEMU.
//!
//! A thread per port answers its guest; the command's own thread lets all
//! ports work and moves frames behind them.

mod config_space;
mod function;
mod irqs;
mod memory;
mod protocol;
mod socket;
mod tap;
mod wires;

use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::cli::ServeArgs;
use crate::failure::Failure;
use crate::output;
use crate::process;
use function::Function;
use protocol::{Client, Device, Region, Sender};
use wires::Wires;

/// Turns without a frame after which the model begins to sleep between them.
const PATIENCE: u32 = 1000;

/// How long it sleeps then.
const NAP: Duration = Duration::from_micros(50);

/// Turns between two looks at the control registers of hot pages.
const CONTROL_INTERVAL: u32 = 16;

/// A function that a guest and the model take turns on.
#[derive(Clone)]
struct Shared {
    function: Arc<Mutex<Function>>,
    /// Guests that wait for their turn: the model, which always wants the
    /// next one, lets them go first.
    waiting: Arc<AtomicU32>,
}

impl Shared {
    fn new(function: Function) -> Self {
        Self {
            function: Arc::new(Mutex::new(function)),
            waiting: Arc::default(),
        }
    }

    /// The function, for the guest.
    fn for_guest(&self) -> MutexGuard<'_, Function> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let function =
            self.function.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        function
    }

    /// The function, for the model, once no guest waits.
    fn for_model(&self) -> MutexGuard<'_, Function> {
        while self.waiting.load(Ordering::Relaxed) > 0 {
            thread::yield_now();
        }
        self.function.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device for Shared {
    fn regions(&self) -> Vec<Region> {
        self.for_guest().regions()
    }

    fn interrupts(&self) -> Vec<(u32, u32)> {
        irqs::info()
    }

    fn with_file(&self, with: &mut dyn FnMut(BorrowedFd<'_>)) {
        with(self.for_guest().file());
    }

    fn read(
        &mut self,
        region: u32,
        offset: u64,
        data: &mut [u8],
    ) -> io::Result<()> {
        self.for_guest().read(region, offset, data)
    }

    fn write(
        &mut self,
        region: u32,
        offset: u64,
        data: &[u8],
    ) -> io::Result<()> {
        self.for_guest().write(region, offset, data)
    }

    fn map(
        &mut self,
        file: Option<&File>,
        offset: u64,
        iova: u64,
        len: u64,
    ) -> io::Result<()> {
        self.for_guest().map_memory(file, offset, iova, len)
    }

    fn unmap(&mut self, iova: u64, len: u64) {
        self.for_guest().unmap_memory(iova, len);
    }

    fn set_interrupts(
        &mut self,
        kind: u32,
        flags: u32,
        start: u32,
        count: u32,
        files: Vec<File>,
    ) -> io::Result<()> {
        self.for_guest().set_irqs(kind, flags, start, count, files)
    }

    fn reset(&mut self) {
        self.for_guest().reset();
    }
}

/// Answers one guest after the other.
fn answer(mut shared: Shared, number: usize, listener: &UnixListener) {
    loop {
        let (client, sender) = match accept(listener) {
            Ok(client) => client,
            Err(error) => {
                eprintln!("port {number}: no more guests: {error}");
                return;
            }
        };
        let port = shared.clone();
        let greeted = || {
            eprintln!("port {number}: a guest is there");
            port.for_guest().attach(sender.clone());
        };
        let end = client.serve(&mut shared, greeted);
        let mut function = shared.for_guest();
        let was_there = function.is_attached();
        function.detach();
        match end {
            _ if !was_there => eprintln!(
                "port {number}: who has called does not speak vfio-user; QEMU \
                 does from 10.1 on, by -device vfio-user-pci"
            ),
            Ok(()) => eprintln!("port {number}: the guest has gone"),
            Err(error) => {
                eprintln!("port {number}: the guest has gone: {error}");
            }
        }
    }
}

fn accept(listener: &UnixListener) -> io::Result<(Client, Sender)> {
    let (stream, _) = listener.accept()?;
    let client = Client::new(stream)?;
    let sender = client.sender();
    Ok((client, sender))
}

/// Runs `serve`.
pub fn command(args: &ServeArgs) -> Result<(), Failure> {
    let stop = process::interrupted();
    let mut wires = Wires::new(args)?;
    let mut ports = Vec::new();
    let mut listeners = Vec::new();
    for (number, path) in args.socket.iter().enumerate() {
        let (listener, guard) = socket::listen(path)?;
        let function = wires.function(number).map_err(|error| {
            Failure::environment(format!(
                "cannot make the registers of port {number}: {error}"
            ))
        })?;
        ports.push(Shared::new(function));
        listeners.push((listener, guard));
    }
    let mut guards = Vec::new();
    for (number, (listener, guard)) in listeners.into_iter().enumerate() {
        let shared = ports[number].clone();
        guards.push(guard);
        let path = args.socket[number].display();
        eprintln!("port {number}: waits for a guest at {path}");
        thread::Builder::new()
            .name(format!("guest of port {number}"))
            .spawn(move || answer(shared, number, &listener))
            .map_err(|error| {
                Failure::environment(format!("cannot start a thread: {error}"))
            })?;
    }
    eprintln!("{}; Ctrl-C ends it", wires.describe());
    let (mut idle, mut turns, mut was_there) = (0, 0_u32, false);
    while !stop.load(Ordering::Relaxed) {
        let mut locked: Vec<_> = ports.iter().map(Shared::for_model).collect();
        let mut functions: Vec<_> =
            locked.iter_mut().map(DerefMut::deref_mut).collect();
        let moved = wires.turn(&mut functions);
        turns = turns.wrapping_add(1);
        idle = if moved > 0 { 0 } else { idle + 1 };
        let looks = idle > PATIENCE || turns.is_multiple_of(CONTROL_INTERVAL);
        for function in &mut functions {
            if looks {
                function.poll_control();
            }
            function.raise();
            function.tell_missed();
        }
        let is_there = functions.iter().any(|one| one.is_attached());
        was_there |= is_there;
        drop(locked);
        if args.once && was_there && !is_there {
            break;
        }
        if idle > PATIENCE {
            thread::sleep(NAP);
            idle = PATIENCE;
        }
    }
    drop(guards);
    for (number, shared) in ports.iter().enumerate() {
        let function = shared.for_model();
        output::print(format_args!(
            "{}\n",
            wires.summary(number, function.deref())
        ));
    }
    wires.verdict(&ports.iter().map(Shared::for_model).collect::<Vec<_>>())
}
