//! `serve`: the model as a vfio-user server, for guests of QEMU.
//!
//! A thread per port answers its guest; the command's own thread lets all
//! ports work and moves frames behind them.

mod config_space;
mod function;
mod irqs;
mod memory;
mod socket;
mod tap;
mod wires;

use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::unix::net::UnixListener;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use vfio_user::{DmaMapFlags, DmaUnmapFlags, Server, ServerBackend};

use crate::cli::ServeArgs;
use crate::failure::Failure;
use crate::output;
use crate::process;
use function::Function;
use wires::Wires;

/// Turns without a frame after which the model begins to sleep between them.
const PATIENCE: u32 = 1000;

/// How long it sleeps then.
const NAP: Duration = Duration::from_micros(50);

/// Turns between two looks at the control registers of hot pages.
const CONTROL_INTERVAL: u32 = 16;

/// Name of the threads that answer guests.
const GUEST_THREAD: &str = "guest";

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

/// A guest's side of a function.
struct Guest {
    shared: Shared,
    number: usize,
}

impl Guest {
    fn function(&self) -> MutexGuard<'_, Function> {
        let mut function = self.shared.for_guest();
        if !function.is_attached {
            function.is_attached = true;
            eprintln!("port {}: a guest is there", self.number);
        }
        function
    }
}

impl ServerBackend for Guest {
    fn region_read(
        &mut self,
        region: u32,
        offset: u64,
        data: &mut [u8],
    ) -> io::Result<()> {
        self.function().read(region, offset, data)
    }

    fn region_write(
        &mut self,
        region: u32,
        offset: u64,
        data: &[u8],
    ) -> io::Result<()> {
        self.function().write(region, offset, data)
    }

    fn dma_map(
        &mut self,
        _: DmaMapFlags,
        offset: u64,
        address: u64,
        size: u64,
        file: Option<File>,
    ) -> io::Result<()> {
        self.function().map_memory(file.as_ref(), offset, address, size)
    }

    fn dma_unmap(
        &mut self,
        flags: DmaUnmapFlags,
        address: u64,
        size: u64,
    ) -> io::Result<()> {
        let all = flags.contains(DmaUnmapFlags::UNMAP_ALL);
        let (address, size) = if all { (0, u64::MAX) } else { (address, size) };
        self.function().unmap_memory(address, size);
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        self.function().reset();
        Ok(())
    }

    fn set_irqs(
        &mut self,
        index: u32,
        flags: u32,
        start: u32,
        count: u32,
        files: Vec<File>,
    ) -> io::Result<()> {
        self.function().set_irqs(index, flags, start, count, files)
    }
}

/// Answers one guest after the other.
fn answer(shared: Shared, number: usize, listener: UnixListener) {
    let regions = shared.for_guest().regions();
    let server =
        Server::from_owned_fd(listener.into(), true, irqs::info(), regions);
    let mut guest = Guest { shared: shared.clone(), number };
    loop {
        let run = || server.run(&mut guest);
        let end = panic::catch_unwind(AssertUnwindSafe(run));
        let mut function = shared.for_guest();
        let was_there = function.is_attached;
        function.detach();
        drop(function);
        match end {
            Ok(Err(vfio_user::Error::SocketAccept(error))) => {
                eprintln!("port {number}: no more guests: {error}");
                return;
            }
            _ if was_there => eprintln!("port {number}: the guest has gone"),
            _ => eprintln!(
                "port {number}: who has called did not speak vfio-user; QEMU \
                 from 10.1 on does, by -device vfio-user-pci"
            ),
        }
    }
}

/// Whoever does not speak the protocol may bring a guest's thread down: that
/// is told in a line of its own.
fn silence_guest_threads() {
    let others = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().name() != Some(GUEST_THREAD) {
            others(info);
        }
    }));
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
    silence_guest_threads();
    let mut guards = Vec::new();
    for (number, (listener, guard)) in listeners.into_iter().enumerate() {
        let shared = ports[number].clone();
        guards.push(guard);
        let path = args.socket[number].display();
        eprintln!("port {number}: waits for a guest at {path}");
        thread::Builder::new()
            .name(GUEST_THREAD.to_owned())
            .spawn(move || answer(shared, number, listener))
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
        }
        let is_there = functions.iter().any(|one| one.is_attached);
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
