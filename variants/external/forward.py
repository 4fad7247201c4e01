#!/usr/bin/env python3
"""A forwarder for Intel's 82599, to be read: what a driver does, in order.

    bench-runner external --name python -- ./forward.py {port0} {port1}
    ./forward.py 0000:03:00.0 0000:03:00.1 32    # cards that nobody uses

What comes in at one port leaves at the other, both ways, with byte 48 one
higher. SIGTERM or SIGINT ends it with a line of counts. It needs nothing but
Python, root and two huge pages, and is a few hundred times slower than
forward.c, which does the same.

Section numbers are those of the Intel 82599 10 GbE Controller Datasheet;
names of registers and fields are its own. Nothing here says in which order
the processor may perform loads and stores: x86 keeps them as they stand,
other processors do not.
"""

import mmap
import os
import signal
import struct
import sys
import time

# Registers in BAR 0 (8.2.3). Those of queues are those of queue 0.
CTRL, STATUS, CTRL_EXT = 0x00000, 0x00008, 0x00018
EIMC = 0x00888
RDBAL, RDBAH, RDLEN = 0x01000, 0x01004, 0x01008
RDH, RDT, RXDCTL = 0x01010, 0x01018, 0x01028
SRRCTL, DCA_RXCTRL, RDRXCTL, RXCTRL = 0x02100, 0x02200, 0x02F00, 0x03000
RXPBSIZE, HLREG0, AUTOC, LINKS = 0x03C00, 0x04240, 0x042A0, 0x042A4
RTTDCS, DMATXCTL, FCTRL = 0x04900, 0x04A80, 0x05080
TDBAL, TDBAH, TDLEN = 0x06000, 0x06004, 0x06008
TDH, TDT, TXDCTL = 0x06010, 0x06018, 0x06028
DTXMXSZRQ, TXPBSIZE, EEC = 0x08100, 0x0CC00, 0x10010

# Their fields.
CTRL_RESET = 1 << 26 | 1 << 3  # RST, LRST
CTRL_MASTER_DISABLE = 1 << 2
STATUS_MASTER_ENABLED = 1 << 19
CTRL_EXT_NS_DIS = 1 << 16
EEC_AUTO_RD = 1 << 9
RDRXCTL_DMAIDONE, RDRXCTL_CRC_STRIP = 1 << 3, 1 << 1
AUTOC_LMS, AUTOC_LMS_10G_SFI = 7 << 13, 3 << 13
AUTOC_10G_PMA_PMD, AUTOC_RESTART_AN = 3 << 7, 1 << 12
LINKS_UP = 1 << 30
HLREG0_TXPADEN, HLREG0_RXCRCSTRP, HLREG0_TXCRCEN = 1 << 10, 1 << 1, 1 << 0
FCTRL_BAM_UPE_MPE = 7 << 8
SRRCTL_DROP_EN, SRRCTL_ADV_ONE_BUFFER = 1 << 28, 1 << 25
DCA_RXCTRL_CLEAR = 1 << 12
RXCTRL_RXEN = 1 << 0
ENABLE = 1 << 25  # in RXDCTL and TXDCTL
TXDCTL_THRESHOLDS = 4 << 16 | 8 << 8 | 36  # WTHRESH, HTHRESH, PTHRESH
RTTDCS_ARBDIS = 1 << 6
DMATXCTL_TE = 1 << 0

# Descriptors have two words of 64 bits (7.1.6, 7.2.3). As the driver writes
# them: an address, and for transmission the command in the lower half of the
# second word, PAYLEN in its upper half. As the card writes them back:
# received ones have the status in the lower half of the second word and the
# length in bits 47:32; sent ones have the status in its upper half.
RX_DD, RX_EOP = 1 << 0, 1 << 1
TX_DD = 1 << 32
# DEXT, RS, IFCS, EOP, and a data descriptor as DTYP.
TX_CMD = 1 << 29 | 1 << 27 | 1 << 25 | 1 << 24 | 3 << 20
TX_PAYLEN_SHIFT = 32 + 14

RING = 256  # Descriptors: with them, buffers fit into one huge page.
GROUP = 32  # Sent buffers that are given back together.
HUGE_PAGE = 2 << 20
BUFFER = 2048
MOST_AT_A_TIME = 448
TOUCHED_BYTE = 48


class Failure(Exception):
    """One line that says what is wrong."""


class Memory:
    """A huge page: it stays where it is, so the card can be told where."""

    def __init__(self):
        folder = self.find_hugetlbfs()
        path = f"{folder}/forward-{os.getpid()}"
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            os.ftruncate(file, HUGE_PAGE)
            self.bytes = mmap.mmap(file, HUGE_PAGE)
            self.bytes[0] = 0xFF  # Now there is a page behind it.
            self.iova = self.physical(self.address(path))
        except OSError as error:
            raise Failure(
                f"a huge page of 2 MiB: {error.strerror}: "
                "sysctl vm.nr_hugepages=64"
            ) from error
        finally:
            # The page is given back when the mapping ends, however it does.
            os.unlink(path)
            os.close(file)
        self.words = memoryview(self.bytes).cast("Q")

    @staticmethod
    def find_hugetlbfs():
        with open("/proc/mounts") as mounts:
            for line in mounts:
                _, folder, kind, options = line.split()[:4]
                if kind == "hugetlbfs" and "pagesize=1" not in options:
                    return folder
        raise Failure("no hugetlbfs: mount -t hugetlbfs none /mnt/huge")

    @staticmethod
    def address(path):
        """Where a file is mapped: Python does not say, the kernel does."""
        with open("/proc/self/maps") as maps:
            for line in maps:
                if line.rstrip().endswith(path):
                    return int(line.split("-")[0], 16)
        raise Failure(f"{path} is not mapped")

    @staticmethod
    def physical(address):
        """The physical address of a page (Linux: pagemap.rst)."""
        with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
            pagemap.seek(address // mmap.PAGESIZE * 8)
            (entry,) = struct.unpack("<Q", pagemap.read(8))
        frame = entry & ((1 << 55) - 1)
        if frame == 0:
            raise Failure("pagemap says no physical address: run as root")
        return frame * mmap.PAGESIZE


class Port:
    """A card's port with one receive queue and one transmit queue."""

    def __init__(self, address):
        self.address = address
        self.folder = f"/sys/bus/pci/devices/{address}"
        self.forwarded = self.dropped = 0
        self.check()
        self.unbind()
        self.enable_bus_master()
        with open(f"{self.folder}/resource0", "r+b", buffering=0) as file:
            self.bar = memoryview(mmap.mmap(file.fileno(), 0)).cast("I")
        if self.bar.nbytes <= EEC:
            raise Failure(f"{address}: resource0: too short for an 82599")

    def check(self):
        """A network card of Intel's (9.3)?"""
        with open(f"{self.folder}/config", "rb") as config:
            head = config.read(12)
        vendor, device = struct.unpack("<HH", head[:4])
        if vendor != 0x8086 or head[0xB] != 2:
            raise Failure(
                f"{self.address}: {vendor:04x}:{device:04x} of class "
                f"{head[0xB]:02x} is no network card of Intel's"
            )

    def unbind(self):
        """Takes the port from the kernel's driver, if it has one."""
        try:
            with open(f"{self.folder}/driver/unbind", "w") as unbind:
                unbind.write(self.address)
        except FileNotFoundError:
            pass

    def enable_bus_master(self):
        """Lets the port read and write memory (9.3.3)."""
        with open(f"{self.folder}/config", "r+b", buffering=0) as config:
            config.seek(4)
            (command,) = struct.unpack("<H", config.read(2))
            config.seek(4)
            config.write(struct.pack("<H", command | 1 << 2))

    # A register is a word of 32 bits, and is read and written as one.

    def read(self, register):
        return self.bar[register // 4]

    def write(self, register, value):
        self.bar[register // 4] = value

    def set(self, register, bits):
        self.write(register, self.read(register) | bits)

    def clear(self, register, bits):
        self.write(register, self.read(register) & ~bits)

    def wait(self, register, bits, wanted, what, seconds=1):
        """Waits until `bits` read as `wanted`."""
        end = time.monotonic() + seconds
        while self.read(register) & bits != wanted:
            if time.monotonic() > end:
                raise Failure(
                    f"{self.address}: {what}: register {register:#07x} "
                    f"reads {self.read(register):#010x}"
                )
            time.sleep(0.001)

    # From a dead card to running rings.

    def reset(self):
        """Reset, EEPROM and DMA ready, link (4.6.3, 4.6.4.2)."""
        self.write(EIMC, 0xFFFFFFFF)
        self.write(CTRL, CTRL_RESET)
        self.wait(CTRL, CTRL_RESET, 0, "reset does not end")
        time.sleep(0.01)
        self.write(EIMC, 0xFFFFFFFF)
        self.wait(EEC, EEC_AUTO_RD, EEC_AUTO_RD, "EEPROM not read")
        done = RDRXCTL_DMAIDONE
        self.wait(RDRXCTL, done, done, "DMA not ready")
        self.clear(AUTOC, AUTOC_LMS | AUTOC_10G_PMA_PMD)
        self.set(AUTOC, AUTOC_LMS_10G_SFI | AUTOC_RESTART_AN)

    def lay_out(self):
        """Rings in front, then buffers.

        A received packet's buffer goes into the other port's transmit ring,
        and back to `free` when it has left. There are more than two rings
        and a batch can hold, so that there is always a fresh one.
        """
        self.memory = Memory()
        self.words = self.memory.words
        ring_bytes = RING * 16
        self.memory.bytes[: 2 * ring_bytes] = b"\xff" * (2 * ring_bytes)
        self.tx_word = ring_bytes // 8  # The transmit ring's first word.
        first = 2 * ring_bytes
        buffers = list(range(first, HUGE_PAGE - BUFFER + 1, BUFFER))
        self.rx_buffers = buffers[:RING]
        self.free = buffers[RING:]
        self.tx_buffers = [None] * RING
        self.rx_next = self.tx_next = self.tx_oldest = 0

    def set_up_receive(self):
        """One receive queue, all packets to it (4.6.7)."""
        self.clear(RXCTRL, RXCTRL_RXEN)
        self.write(RXPBSIZE, 128 << 10)
        for n in range(1, 8):
            self.write(RXPBSIZE + 4 * n, 0)
        self.set(HLREG0, HLREG0_RXCRCSTRP)
        self.set(RDRXCTL, RDRXCTL_CRC_STRIP)
        self.set(FCTRL, FCTRL_BAM_UPE_MPE)
        kib = BUFFER // 1024
        self.write(SRRCTL, SRRCTL_DROP_EN | SRRCTL_ADV_ONE_BUFFER | kib)
        self.write(RDBAL, self.memory.iova & 0xFFFFFFFF)
        self.write(RDBAH, self.memory.iova >> 32)
        self.write(RDLEN, RING * 16)
        self.set(CTRL_EXT, CTRL_EXT_NS_DIS)
        self.clear(DCA_RXCTRL, DCA_RXCTRL_CLEAR)
        self.set(RXCTRL, RXCTRL_RXEN)

    def set_up_transmit(self):
        """One transmit queue (4.6.8)."""
        self.set(HLREG0, HLREG0_TXCRCEN | HLREG0_TXPADEN)
        self.write(TXPBSIZE, 40 << 10)
        for n in range(1, 8):
            self.write(TXPBSIZE + 4 * n, 0)
        self.write(DTXMXSZRQ, 0xFFFF)
        self.clear(RTTDCS, RTTDCS_ARBDIS)
        ring = self.memory.iova + 8 * self.tx_word
        self.write(TDBAL, ring & 0xFFFFFFFF)
        self.write(TDBAH, ring >> 32)
        self.write(TDLEN, RING * 16)
        self.write(TXDCTL, TXDCTL_THRESHOLDS)
        self.write(DMATXCTL, DMATXCTL_TE)

    def start(self):
        """Hands all receive descriptors over (4.6.7.1, 4.6.8.1)."""
        for i, buffer in enumerate(self.rx_buffers):
            self.arm(i, buffer)
        self.set(RXDCTL, ENABLE)
        self.wait(RXDCTL, ENABLE, ENABLE, "receive queue does not start")
        self.write(RDH, 0)
        # One behind, so that head and tail never meet on a full ring.
        self.write(RDT, RING - 1)
        self.write(TDH, 0)
        self.write(TDT, 0)
        self.set(TXDCTL, ENABLE)
        self.wait(TXDCTL, ENABLE, ENABLE, "transmit queue does not start")

    def shut_down(self):
        """The card writes to memory no more (5.2.5.3.2)."""
        self.clear(RXCTRL, RXCTRL_RXEN)
        self.set(CTRL, CTRL_MASTER_DISABLE)
        self.wait(STATUS, STATUS_MASTER_ENABLED, 0, "DMA does not end")

    # From packet to packet.

    def arm(self, i, buffer):
        """Descriptor `i` gets a buffer for a packet; its DD is cleared."""
        self.rx_buffers[i] = buffer
        self.words[2 * i] = self.memory.iova + buffer
        self.words[2 * i + 1] = 0

    def receive(self, most):
        """Takes packets; fresh buffers go into their places."""
        batch = []
        while len(batch) < most and self.free:
            i = self.rx_next
            status = self.words[2 * i + 1]
            if not status & RX_DD:
                break
            if not status & RX_EOP:
                raise Failure(f"{self.address}: a frame beyond a buffer")
            batch.append((self.rx_buffers[i], status >> 32 & 0xFFFF))
            self.arm(i, self.free.pop())
            self.rx_next = (i + 1) % RING
        if batch:
            self.write(RDT, (self.rx_next - 1) % RING)
        return batch

    def clean(self):
        """Gives back the buffers of packets that have left, in groups."""
        while (self.tx_next - self.tx_oldest) % RING >= GROUP:
            last = (self.tx_oldest + GROUP - 1) % RING
            if not self.words[self.tx_word + 2 * last + 1] & TX_DD:
                break
            for _ in range(GROUP):
                owner, buffer = self.tx_buffers[self.tx_oldest]
                owner.free.append(buffer)
                self.tx_oldest = (self.tx_oldest + 1) % RING

    def transmit(self, owner, batch):
        """Sends packets from `owner`'s memory; returns how many."""
        self.clean()
        room = (self.tx_oldest - self.tx_next - 1) % RING
        for buffer, length in batch[:room]:
            word = self.tx_word + 2 * self.tx_next
            self.words[word] = owner.memory.iova + buffer
            self.words[word + 1] = (
                length << TX_PAYLEN_SHIFT | TX_CMD | length
            )
            self.tx_buffers[self.tx_next] = owner, buffer
            self.tx_next = (self.tx_next + 1) % RING
        self.write(TDT, self.tx_next)
        return min(room, len(batch))


def forward(source, target, most):
    batch = source.receive(most)
    if not batch:
        return
    data = source.memory.bytes
    for buffer, _ in batch:
        data[buffer + TOUCHED_BYTE] = data[buffer + TOUCHED_BYTE] + 1 & 0xFF
    sent = target.transmit(source, batch)
    for buffer, _ in batch[sent:]:
        source.free.append(buffer)
    source.forwarded += sent
    source.dropped += len(batch) - sent


def main():
    if len(sys.argv) not in (3, 4):
        raise Failure(f"usage: {sys.argv[0]} PORT PORT [BATCH]")
    most = sys.argv[3] if len(sys.argv) == 4 else "32"
    if not (most.isdigit() and 1 <= int(most) <= MOST_AT_A_TIME):
        raise Failure(
            f"{most} packets at a time: must be from 1 to {MOST_AT_A_TIME}"
        )
    stopped = []
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.append(True))

    ports = [Port(address) for address in sys.argv[1:3]]
    try:
        for port in ports:
            port.reset()
        for port in ports:
            port.lay_out()
            port.set_up_receive()
            port.set_up_transmit()
            port.start()
        for port in ports:
            port.wait(LINKS, LINKS_UP, LINKS_UP, "no link", seconds=10)
        while not stopped:
            forward(ports[0], ports[1], int(most))
            forward(ports[1], ports[0], int(most))
    finally:
        for port in ports:
            port.shut_down()
    print(
        f"forwarded {ports[0].forwarded} and {ports[1].forwarded}, "
        f"dropped {ports[0].dropped} and {ports[1].dropped}"
    )


if __name__ == "__main__":
    try:
        main()
    except (Failure, OSError) as failure:
        sys.exit(f"forward.py: {failure}")
