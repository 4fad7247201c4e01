//! A card whose `resource0` is a file that a thread polls.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use driver::bar::Bar0;
use driver::memory::{DmaWindow, HUGE_PAGE};
use driver::regs::{BAR0_BYTES, CTRL};
use driver::wait::Wait;
use nic_model::dma::DmaMap;
use nic_model::{Account, Faults, FrameFormat, Model, RegisterFile, Traffic};
use variants::workload::{Quota, Workload};

use super::*;
use crate::environment::fixture::Tree;
use crate::plan;

const ADDRESSES: [&str; PORTS] = ["0000:03:00.0", "0000:03:00.1"];

fn device(address: &str, file: &str) -> String {
    format!("sys/bus/pci/devices/{address}/{file}")
}

/// Two ports of an 82599 with files for registers.
fn tree() -> Tree {
    let tree = Tree::new();
    for address in ADDRESSES {
        let mut config = [0; 64];
        config[..4].copy_from_slice(&[0x86, 0x80, 0xFB, 0x10]);
        config[0x0B] = 0x02;
        tree.file(&device(address, "config"), "");
        let path = |file| tree.path().join(device(address, file));
        std::fs::write(path("config"), config).expect("a file");
        let registers = File::create(path("resource0")).expect("a file");
        registers.set_len(BAR0_BYTES as u64).expect("a size");
    }
    tree
}

fn request<'a>(root: &'a Root, addresses: [&'a str; PORTS]) -> Request<'a> {
    Request {
        root,
        addresses,
        through: None,
        huge_pages: None,
        force: false,
        wrong_iova: false,
        config: Config::default(),
        regions: 1,
    }
}

/// Huge pages at device addresses that go backwards.
fn backwards(config: &Config, number: usize) -> DmaRegion {
    let bytes = registry::pool_bytes(config.buffers, config.buffer_bytes)
        + PORTS * config.ring_bytes();
    let region = DmaRegion::allocate(bytes, Iova::default()).expect("memory");
    let pages = region.bytes() / HUGE_PAGE;
    let at = |n: usize| {
        Iova::new(((7 + number as u64) << 32) + (3 * n * HUGE_PAGE) as u64)
    };
    region.scattered((0..pages).rev().map(at).collect())
}

/// The command register of a port's configuration space.
fn command(tree: &Tree, address: &str) -> u8 {
    let path = tree.path().join(device(address, "config"));
    std::fs::read(path).expect("a file")[4]
}

/// A card of files with so many regions of scattered memory.
pub(crate) fn files(regions: usize) -> (Tree, Card) {
    let tree = tree();
    let devices = tree.path().join("sys/bus/pci/devices");
    let find = |address| PciDevice::find(&devices, address).expect("a card");
    let config = Config::default();
    let [first, second] = ADDRESSES.map(|a| Port::sysfs(find(a)));
    let region = |n: usize| Region {
        tables: tables(&config).expect("memory"),
        dma: backwards(&config, n),
    };
    let card = Card {
        ports: [first.expect("a port"), second.expect("a port")],
        _container: None,
        config,
        regions: (0..regions).map(region).collect(),
    };
    (tree, card)
}

/// What a device reaches of a card's memory, which has to outlive it.
pub(crate) fn memory(card: &mut Card) -> DmaMap<'static> {
    let mut memory = DmaMap::empty();
    for region in &mut card.regions {
        for piece in region.dma.carve().window().pieces() {
            let (base, iova) = (piece.base(), piece.iova());
            // SAFETY: tests end the model before the card, or give it
            // nothing to do.
            memory.add(unsafe { DmaWindow::new(base, iova, piece.bytes()) });
        }
    }
    memory
}

/// Has a model play the card of files while `run` runs, with frames for as
/// many descriptors as there are.
pub(crate) fn play<T>(
    tree: &Tree,
    memory: DmaMap<'_>,
    run: impl FnOnce(Box<dyn Wait>) -> T,
) -> (T, Account) {
    let views = views(tree);
    let registers = views.each_ref().map(|view| {
        let base = view.bar().mapped(CTRL.offset()).expect("memory").cast();
        // SAFETY: all of the file is mapped, at a page, until the model ends.
        unsafe { RegisterFile::new(base) }
    });
    let format = FrameFormat { wire_bytes: 64, ..FrameFormat::default() };
    let traffic = Traffic { format, touches: 1, ..Traffic::default() };
    let faults = Faults::default();
    let mut model = Model::new(&registers, memory, 1, traffic, faults);
    let stop = &AtomicBool::new(false);
    let turns = Arc::new(AtomicU64::new(0));
    let made = Arc::clone(&turns);
    let turn = move |_| {
        // One that has begun may have looked already.
        let seen = turns.load(Ordering::Acquire) + 2;
        let begin = Instant::now();
        while turns.load(Ordering::Acquire) < seen
            && begin.elapsed() < Duration::from_secs(10)
        {
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        let model = scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                model.poll_control();
                model.transmit();
                model.receive_ready(32);
                made.fetch_add(1, Ordering::Release);
                thread::yield_now();
            }
            model.account()
        });
        let result = run(Box::new(turn));
        stop.store(true, Ordering::Relaxed);
        (result, model.join().expect("no panic"))
    })
}

/// The registers of both ports, mapped once more.
fn views(tree: &Tree) -> [Bar0Mapping; PORTS] {
    ADDRESSES.map(|address| {
        let path = tree.path().join(device(address, "resource0"));
        let file = File::options().read(true).write(true).open(&path);
        let len = BAR0_BYTES as u64;
        let view = Bar0Mapping::new(&file.expect("a file"), &path, 0, len);
        view.expect("mapped")
    })
}

#[test]
fn frames_pass_through_scattered_memory_and_the_card_is_silenced() {
    let (tree, mut card) = files(1);
    for address in ADDRESSES {
        assert_eq!(command(&tree, address), 0x04, "bus master");
    }
    let memory = memory(&mut card);
    let run = |mut wait: Box<dyn Wait>| {
        let variant = plan::find("baseline").expect("known");
        let case = variant.on(Workload::Forward).expect("its workload");
        let site = card.place(0, 32, Queues::All, Frame::default()).site;
        let mut forwarder = (case.open)(site, &mut *wait).expect("up");
        let quota = Quota { packets: 20_000, patience: 1_000_000 };
        let received = forwarder.forward(quota);
        assert!(received >= quota.packets, "{received}");
        (forwarder.counts(), forwarder.port_counts())
    };
    let ((counts, ports), account) = play(&tree, memory, run);
    assert!(account.forwarded > 0 && account.forwarded <= counts.sent);
    assert_eq!((account.spoiled, account.dma_faults), (0, 0));
    let [one, other] = ports.expect("both ports");
    assert_eq!(one.received + other.received, counts.received);
    assert_eq!(one.sent + other.sent, counts.sent);
    assert!(one.received > 0 && other.received > 0);
    drop(card);
    for (address, view) in ADDRESSES.iter().zip(views(&tree)) {
        assert_eq!(command(&tree, address), 0, "no bus master");
        assert_eq!(view.bar().read32(CTRL.offset()), 0x0400_0008);
    }
}

/// The line that two cards are refused with.
fn refusal(tree: &Tree, addresses: [&str; PORTS]) -> String {
    let root = tree.root();
    let claim = Claim::new(&request(&root, addresses));
    claim.map(drop).expect_err("refused").to_string()
}

#[test]
fn what_is_no_pair_of_cards_is_refused_in_a_line() {
    let tree = tree();
    let [first, second] = ADDRESSES;
    let line = refusal(&tree, [first, first]);
    assert!(line.contains("named twice"), "{line}");
    let line = refusal(&tree, [first, "0000:09:00.0"]);
    assert!(line.contains("no such PCI device"), "{line}");
    let config = tree.path().join(device(second, "config"));
    let mut bytes = std::fs::read(&config).expect("a file");
    bytes[2..4].copy_from_slice(&[0x63, 0x15]);
    std::fs::write(&config, &bytes).expect("a file");
    let line = refusal(&tree, [first, second]);
    assert!(line.contains("SFP+ and 0000:03:00.1 an X550T"), "{line}");
    bytes[2..4].copy_from_slice(&[0x21, 0x15]);
    std::fs::write(&config, &bytes).expect("a file");
    let line = refusal(&tree, [first, second]);
    assert!(line.contains("8086:1521 is no card"), "{line}");
}

#[test]
fn a_card_in_use_is_refused_before_anything_is_touched() {
    let tree = tree();
    let [first, second] = ADDRESSES;
    tree.file(&device(second, "net/eth1/mtu"), "1500\n");
    let route = "eth1 00000000 0100A8C0 0003 0 0 0 00000000 0 0 0\n";
    tree.file("proc/net/route", &format!("Iface\n{route}"));
    let line = refusal(&tree, [first, second]);
    assert!(line.contains("0000:03:00.1 is eth1"), "{line}");
    assert_eq!([first, second].map(|a| command(&tree, a)), [0, 0]);
    assert!(!tree.path().join("run").exists());
}

#[test]
fn one_port_in_an_iommu_group_is_refused() {
    let tree = tree();
    let [first, second] = ADDRESSES;
    tree.file("sys/bus/pci/drivers/vfio-pci/bind", "");
    tree.link(&device(first, "iommu_group"), "../../iommu_groups/7");
    let line = refusal(&tree, [first, second]);
    assert!(line.contains("only one of"), "{line}");
}
