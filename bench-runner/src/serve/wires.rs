//! What is behind the ports: checked traffic, a cable, or the host.

use std::io;
use std::mem;
use std::sync::MutexGuard;

use nic_model::FrameFormat;
use nic_model::wire::{Sink, Source};

use super::function::Function;
use super::tap::Tap;
use crate::cli::ServeArgs;
use crate::failure::Failure;

/// Frames that are moved at once.
const BURST: u32 = 32;

/// Queues of a port whose frames are not the model's own.
const QUEUES: u16 = 64;

/// What is behind all ports.
pub struct Wires {
    kind: Kind,
    format: FrameFormat,
    /// Frames that the wire still has for each port.
    left: Vec<u64>,
}

enum Kind {
    /// Each port's frames are expected back at its neighbour.
    Traffic,
    /// What one port sends comes to the other, and the reverse.
    Cable,
    /// Each port has an interface of the host.
    Taps(Vec<Tap>),
}

impl Wires {
    /// As the command line says.
    pub fn new(args: &ServeArgs) -> Result<Self, Failure> {
        let ports = args.socket.len();
        let kind = if args.wire {
            if ports != 2 {
                return Err(Failure::error(format!(
                    "a cable has two ends: --wire needs --socket twice, \
                     not {ports} times"
                )));
            }
            Kind::Cable
        } else if !args.tap.is_empty() {
            if ports != args.tap.len() {
                return Err(Failure::error(format!(
                    "{} interfaces for {ports} ports: --tap is given once \
                     for each --socket",
                    args.tap.len()
                )));
            }
            let open = |name: &String| Tap::open(name).map_err(no_tap(name));
            Kind::Taps(args.tap.iter().map(open).collect::<Result<_, _>>()?)
        } else {
            if ports > 1 && !ports.is_multiple_of(2) {
                return Err(Failure::error(format!(
                    "{ports} ports: traffic comes back at a port's \
                     neighbour, so --socket is given once or an even number \
                     of times"
                )));
            }
            Kind::Traffic
        };
        let format =
            FrameFormat { wire_bytes: args.frame, ..FrameFormat::default() };
        let left = vec![args.frames.unwrap_or(u64::MAX); ports];
        Ok(Self { kind, format, left })
    }

    /// Port `number`.
    pub fn function(&self, number: usize) -> io::Result<Function> {
        let alone = self.left.len() == 1;
        let peer = if alone { number } else { number ^ 1 };
        let queues = match self.kind {
            Kind::Traffic => 1,
            Kind::Cable | Kind::Taps(_) => QUEUES,
        };
        let (number, peer) = (number as u8, peer as u8);
        let source = Source::new(number, self.format, 0);
        let sink = Sink::new(peer, self.format, 0, queues, 0);
        Function::new(number, queues, source, sink.with_changes(true))
    }

    /// In a line.
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Traffic => format!(
                "frames of {} bytes for every port, each checked when it comes \
                 back",
                self.format.wire_bytes
            ),
            Kind::Cable => "a cable from port 0 to port 1".to_owned(),
            Kind::Taps(_) => {
                "every port at an interface of the host".to_owned()
            }
        }
    }

    /// Moves frames; returns how many.
    pub fn turn(&mut self, functions: &mut [&mut Function]) -> u32 {
        let mut moved = 0;
        match &mut self.kind {
            Kind::Traffic => {
                for (function, left) in functions.iter_mut().zip(&mut self.left)
                {
                    let before = function.port().next_sequence();
                    let most = (*left).min(BURST.into()) as u32;
                    moved += function.exchange(most);
                    *left -= function.port().next_sequence() - before;
                }
            }
            Kind::Cable => {
                let [a, b] = functions else {
                    unreachable!("a cable has two ends")
                };
                for _ in 0..2 {
                    moved += a.take(BURST, |frame| b.give(frame));
                    mem::swap(a, b);
                }
            }
            Kind::Taps(taps) => {
                for (function, tap) in functions.iter_mut().zip(taps) {
                    moved += function.take(BURST, |frame| tap.send(frame));
                    for _ in 0..BURST {
                        let Some(frame) = tap.receive() else { break };
                        function.give(frame);
                        moved += 1;
                    }
                }
            }
        }
        moved
    }

    /// What a port did, in a line.
    pub fn summary(&self, number: usize, function: &Function) -> String {
        let port = function.port();
        let (rx, tx, sink) =
            (port.rx_counts(), port.tx_counts(), port.sink().counts());
        let traps = function.traps;
        let wire = match self.kind {
            Kind::Traffic => format!(
                "came back {} good {} bad",
                sink.good,
                sink.spoiled() + sink.damaged()
            ),
            Kind::Cable | Kind::Taps(_) => format!(
                "{} for others, {} lost",
                function.arrived.filtered, function.arrived.lost
            ),
        };
        format!(
            "port {number}: received {}, sent {}, {wire}; refused {} at \
             unmapped addresses, {} that are no packets; {} interrupts; \
             trapped {} reads, {} writes",
            rx.delivered,
            tx.sent,
            rx.dma_faults + tx.dma_faults,
            tx.malformed,
            function.interrupts_sent(),
            traps.reads,
            traps.writes,
        )
    }

    /// An error where a frame came back that should not have.
    pub fn verdict(
        &self,
        functions: &[MutexGuard<'_, Function>],
    ) -> Result<(), Failure> {
        let bad = functions.iter().map(|function| {
            let counts = function.port().sink().counts();
            counts.spoiled() + counts.damaged()
        });
        match (&self.kind, bad.sum::<u64>()) {
            (Kind::Traffic, bad @ 1..) => Err(Failure::error(format!(
                "{bad} frames came back damaged or out of order: the driver \
                 in the guest is at fault"
            ))),
            _ => Ok(()),
        }
    }
}

fn no_tap(name: &str) -> impl Fn(io::Error) -> Failure {
    move |error| {
        Failure::environment(format!(
            "cannot use the interface {name}: {error}; as root, or after \
             'ip tuntap add {name} mode tap user $USER', with /dev/net/tun \
             there and a name of at most 15 bytes"
        ))
    }
}
