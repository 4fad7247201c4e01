/*
 * A forwarder for Intel's 82599 in one file: a driver that lives in user space
 * and needs nothing but libc, root and a few huge pages.
 *
 *     cc -O2 -o forward forward.c
 *     bench-runner external --name c -- ./forward {port0} {port1}
 *     ./forward 0000:03:00.0 0000:03:00.1 32        # cards that nobody uses
 *
 * What comes in at one port leaves at the other, both ways, with byte 48 one
 * higher. SIGTERM or SIGINT ends it with a line of counts. The last argument
 * is the most packets taken at a time, 32 without it.
 *
 * Section numbers are those of the Intel 82599 10 GbE Controller Datasheet;
 * names of registers and fields are its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Registers in BAR 0 (8.2.3). Those of queues are those of queue 0. */
enum {
	CTRL = 0x00000, STATUS = 0x00008, CTRL_EXT = 0x00018,
	EIMC = 0x00888, EEC = 0x10010, LINKS = 0x042A4,
	RDBAL = 0x01000, RDBAH = 0x01004, RDLEN = 0x01008,
	RDH = 0x01010, RDT = 0x01018, RXDCTL = 0x01028,
	SRRCTL = 0x02100, DCA_RXCTRL = 0x02200, RDRXCTL = 0x02F00,
	RXCTRL = 0x03000, RXPBSIZE = 0x03C00, HLREG0 = 0x04240,
	AUTOC = 0x042A0, RTTDCS = 0x04900,
	DMATXCTL = 0x04A80, FCTRL = 0x05080,
	TDBAL = 0x06000, TDBAH = 0x06004, TDLEN = 0x06008,
	TDH = 0x06010, TDT = 0x06018, TXDCTL = 0x06028,
	DTXMXSZRQ = 0x08100, TXPBSIZE = 0x0CC00,
};
/* The least that BAR 0 has to have for them. */
#define BAR_BYTES 0x10014

/* Their fields; those of CTRL to be reset are RST and LRST. */
#define BIT(n) (1u << (n))
enum {
	CTRL_RESET = BIT(26) | BIT(3), CTRL_MASTER_DISABLE = BIT(2),
	STATUS_MASTER_ENABLED = BIT(19), CTRL_EXT_NS_DIS = BIT(16),
	EEC_AUTO_RD = BIT(9), RDRXCTL_DMAIDONE = BIT(3),
	RDRXCTL_CRC_STRIP = BIT(1), LINKS_UP = BIT(30),
	AUTOC_LMS = 7 << 13, AUTOC_LMS_10G_SFI = 3 << 13,
	AUTOC_10G_PMA_PMD = 3 << 7, AUTOC_RESTART_AN = BIT(12),
	HLREG0_TXPADEN = BIT(10), HLREG0_RXCRCSTRP = BIT(1),
	HLREG0_TXCRCEN = BIT(0), FCTRL_BAM_UPE_MPE = 7 << 8,
	SRRCTL_DROP_EN = BIT(28), SRRCTL_ADV_ONE_BUFFER = BIT(25),
	DCA_RXCTRL_CLEAR = BIT(12), RXCTRL_RXEN = BIT(0),
	RXDCTL_ENABLE = BIT(25), TXDCTL_ENABLE = BIT(25),
	/* WTHRESH, HTHRESH, PTHRESH */
	TXDCTL_THRESHOLDS = 4 << 16 | 8 << 8 | 36,
	RTTDCS_ARBDIS = BIT(6), DMATXCTL_TE = BIT(0),
};

/* Descriptors as they are read and as they are written back (7.1.6, 7.2.3). */
union rx_desc {
	struct { uint64_t pkt_addr, hdr_addr; } read;
	struct { uint32_t info, rss, status, length_vlan; } write_back;
};
#define RX_DD BIT(0)
#define RX_EOP BIT(1)

union tx_desc {
	struct { uint64_t address; uint32_t cmd, olinfo; } read;
	struct { uint32_t reserved[3], status; } write_back;
};
/* DEXT, RS, IFCS, EOP, and a data descriptor as DTYP. */
#define TX_CMD (BIT(29) | BIT(27) | BIT(25) | BIT(24) | 3u << 20)
#define TX_PAYLEN_SHIFT 14
#define TX_DD BIT(0)

#define RING 512u		/* descriptors, a power of two */
#define GROUP 32u		/* sent buffers that are given back together */
#define HUGE_PAGE (UINT64_C(2) << 20)
#define BUFFER_KIB 2u
/* A cache line apart, so that buffers begin in all sets of a cache. */
#define STRIDE (BUFFER_KIB * 1024 + 64)
#define PER_PAGE (HUGE_PAGE / STRIDE)
#define POOL_PAGES 4
#define BUFFERS (POOL_PAGES * PER_PAGE)
#define TOUCHED_BYTE 48
#define MOST_AT_A_TIME 448

/* A packet buffer, and what is in it. */
struct packet {
	uint64_t iova;		/* where the card finds it */
	uint8_t *data;		/* where the processor finds it */
	uint32_t len;		/* bytes without CRC */
};

struct port {
	const char *address;
	volatile uint8_t *bar;
	volatile union rx_desc *rx;
	volatile union tx_desc *tx;
	uint64_t rx_iova, tx_iova;
	uint32_t rx_next;	/* to be looked at next */
	uint32_t tx_next;	/* to be written next */
	uint32_t tx_oldest;	/* its buffer has not been given back */
	uint64_t forwarded, dropped;
	struct packet *rx_packets[RING], *tx_packets[RING];
};

static struct port ports[2];

/* All buffers, and a stack of those that are free. */
static struct packet packets[BUFFERS];
static struct packet *free_packets[BUFFERS];
static uint32_t available;

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/*
 * DD is read before the rest of a descriptor, and descriptors are written
 * before the tail that hands them over.
 */
static inline void in_order(void)
{
#if defined(__x86_64__)
	/* The processor keeps loads in order, and stores. */
	__asm__ volatile("" ::: "memory");
#else
	__sync_synchronize();
#endif
}

static inline uint32_t read32(const struct port *port, uint32_t reg)
{
	return *(volatile uint32_t *)(port->bar + reg);
}

static inline void write32(const struct port *port, uint32_t reg,
			   uint32_t value)
{
	*(volatile uint32_t *)(port->bar + reg) = value;
}

static void set(const struct port *port, uint32_t reg, uint32_t bits)
{
	write32(port, reg, read32(port, reg) | bits);
}

static void clear(const struct port *port, uint32_t reg, uint32_t bits)
{
	write32(port, reg, read32(port, reg) & ~bits);
}

/* The cards write to memory no more (5.2.5.3.2). */
static void shut_down(void)
{
	for (struct port *port = ports; port < ports + 2 && port->bar; port++) {
		clear(port, RXCTRL, RXCTRL_RXEN);
		set(port, CTRL, CTRL_MASTER_DISABLE);
		for (int ms = 0; ms < 100 &&
		     read32(port, STATUS) & STATUS_MASTER_ENABLED; ms++)
			usleep(1000);
	}
}

/* One line and the end. */
__attribute__((noreturn, format(printf, 1, 2)))
static void fail(const char *format, ...)
{
	va_list words;
	va_start(words, format);
	fputs("forward: ", stderr);
	vfprintf(stderr, format, words);
	fputc('\n', stderr);
	shut_down();
	exit(1);
}

/* Waits until `bits` read as `wanted`, at most so long. */
static void await(const struct port *port, uint32_t reg, uint32_t bits,
		  uint32_t wanted, int ms, const char *what)
{
	for (; (read32(port, reg) & bits) != wanted; ms--) {
		if (stopped)
			return; /* to shut down */
		if (ms == 0)
			fail("%s: %s: register 0x%05" PRIX32 " reads 0x%08"
			     PRIX32, port->address, what, reg,
			     read32(port, reg));
		usleep(1000);
	}
}

/* Opens a file of the port's folder in sysfs. */
static int open_file(const struct port *port, const char *name, int flags)
{
	char path[128];
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/%s",
		 port->address, name);
	int fd = open(path, flags | O_CLOEXEC);
	if (fd < 0 && !(errno == ENOENT && strstr(name, "unbind")))
		fail("%s: %s", path, strerror(errno));
	return fd;
}

/*
 * Takes the port from the kernel's driver if it has one, lets it read and
 * write memory (9.3.3), and maps its registers.
 */
static void map_registers(struct port *port)
{
	struct { uint16_t vendor, device, command; } head;
	uint8_t class;
	int config = open_file(port, "config", O_RDWR);
	if (pread(config, &head, sizeof head, 0) != sizeof head ||
	    pread(config, &class, 1, 0xB) != 1)
		fail("%s: config: too short", port->address);
	if (head.vendor != 0x8086 || class != 2)
		fail("%s: %04x:%04x of class %02x is no network card of "
		     "Intel's", port->address, head.vendor, head.device,
		     class);
	int unbind = open_file(port, "driver/unbind", O_WRONLY);
	if (unbind >= 0) {
		if (write(unbind, port->address, strlen(port->address)) < 0)
			fail("%s: unbind: %s", port->address, strerror(errno));
		close(unbind);
	}
	head.command |= 1u << 2; /* bus master */
	if (pwrite(config, &head.command, 2, 4) != 2)
		fail("%s: config: %s", port->address, strerror(errno));
	close(config);

	int file = open_file(port, "resource0", O_RDWR);
	struct stat about;
	if (fstat(file, &about) < 0 || about.st_size < BAR_BYTES)
		fail("%s: resource0: too short for an 82599", port->address);
	void *bar = mmap(NULL, (size_t)about.st_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, file, 0);
	if (bar == MAP_FAILED)
		fail("%s: resource0: %s", port->address, strerror(errno));
	close(file);
	port->bar = bar;
}

/* The physical address of a page that is locked (Linux: pagemap.rst). */
static uint64_t physical(const void *page)
{
	uint64_t entry = 0;
	uint64_t bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	off_t at = (off_t)((uintptr_t)page / bytes * sizeof entry);
	ssize_t got = pread(pagemap, &entry, sizeof entry, at);
	uint64_t frame = entry & ((UINT64_C(1) << 55) - 1);
	if (got != sizeof entry || frame == 0)
		fail("/proc/self/pagemap says no physical address: run as root");
	close(pagemap);
	return frame * bytes;
}

/* Huge pages that stay where they are: the card is given their addresses. */
static uint8_t *huge_pages(size_t pages)
{
	static const char *const folders[] = { "/mnt/huge", "/dev/hugepages" };
	char path[64];
	struct statfs about;
	size_t k = 0;
	/* f_type of hugetlbfs (linux/magic.h). */
	while (statfs(folders[k], &about) < 0 || about.f_type != 0x958458F6)
		if (++k == sizeof folders / sizeof *folders)
			fail("no hugetlbfs: mount -t hugetlbfs none /mnt/huge");
	snprintf(path, sizeof path, "%s/forward-%d", folders[k], getpid());
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	/* The pages are given back when the mapping ends, however it does. */
	unlink(path);
	uint8_t *base = MAP_FAILED;
	if (ftruncate(fd, (off_t)(pages * HUGE_PAGE)) == 0)
		base = mmap(NULL, pages * HUGE_PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_LOCKED | MAP_POPULATE, fd, 0);
	if (base == MAP_FAILED)
		fail("%zu huge pages of 2 MiB: %s: sysctl vm.nr_hugepages=64",
		     pages, strerror(errno));
	close(fd);
	return base;
}

/* Rings in the first page, buffers in the others, none across two pages. */
static void lay_out(void)
{
	uint8_t *page = huge_pages(1 + POOL_PAGES);
	uint64_t iova = physical(page);
	size_t ring = RING * sizeof(union rx_desc), at = 0;
	memset(page, 0xFF, 4 * ring);
	for (int p = 0; p < 2; p++) {
		ports[p].rx = (void *)(page + at);
		ports[p].rx_iova = iova + at;
		at += ring;
		ports[p].tx = (void *)(page + at);
		ports[p].tx_iova = iova + at;
		at += ring;
	}
	for (size_t b = 0; b < BUFFERS; b++) {
		if (b % PER_PAGE == 0) {
			page += HUGE_PAGE;
			iova = physical(page);
		}
		packets[b].data = page + b % PER_PAGE * STRIDE;
		packets[b].iova = iova + b % PER_PAGE * STRIDE;
		free_packets[BUFFERS - 1 - b] = &packets[b];
	}
	available = BUFFERS;
}

/* Reset, EEPROM and DMA ready, link (4.6.3, 4.6.4.2). */
static void reset(const struct port *port)
{
	write32(port, EIMC, UINT32_MAX);
	write32(port, CTRL, CTRL_RESET);
	await(port, CTRL, CTRL_RESET, 0, 1000, "reset does not end");
	usleep(10000);
	write32(port, EIMC, UINT32_MAX);
	await(port, EEC, EEC_AUTO_RD, EEC_AUTO_RD, 1000, "EEPROM not read");
	await(port, RDRXCTL, RDRXCTL_DMAIDONE, RDRXCTL_DMAIDONE, 1000,
	      "DMA not ready");
	clear(port, AUTOC, AUTOC_LMS | AUTOC_10G_PMA_PMD);
	set(port, AUTOC, AUTOC_LMS_10G_SFI | AUTOC_RESTART_AN);
}

/* One receive queue, all packets to it (4.6.7). */
static void set_up_receive(const struct port *port)
{
	clear(port, RXCTRL, RXCTRL_RXEN);
	write32(port, RXPBSIZE, 128 << 10);
	write32(port, TXPBSIZE, 40 << 10);
	for (uint32_t i = 1; i < 8; i++) {
		write32(port, RXPBSIZE + 4 * i, 0);
		write32(port, TXPBSIZE + 4 * i, 0);
	}
	set(port, HLREG0, HLREG0_TXPADEN | HLREG0_RXCRCSTRP |
	    HLREG0_TXCRCEN);
	set(port, RDRXCTL, RDRXCTL_CRC_STRIP);
	set(port, FCTRL, FCTRL_BAM_UPE_MPE);
	write32(port, SRRCTL, SRRCTL_DROP_EN | SRRCTL_ADV_ONE_BUFFER |
		BUFFER_KIB);
	write32(port, RDBAL, (uint32_t)port->rx_iova);
	write32(port, RDBAH, (uint32_t)(port->rx_iova >> 32));
	write32(port, RDLEN, RING * sizeof(union rx_desc));
	set(port, CTRL_EXT, CTRL_EXT_NS_DIS);
	clear(port, DCA_RXCTRL, DCA_RXCTRL_CLEAR);
	set(port, RXCTRL, RXCTRL_RXEN);
}

/* One transmit queue (4.6.8). */
static void set_up_transmit(const struct port *port)
{
	write32(port, DTXMXSZRQ, 0xFFFF);
	clear(port, RTTDCS, RTTDCS_ARBDIS);
	write32(port, TDBAL, (uint32_t)port->tx_iova);
	write32(port, TDBAH, (uint32_t)(port->tx_iova >> 32));
	write32(port, TDLEN, RING * sizeof(union tx_desc));
	write32(port, TXDCTL, TXDCTL_THRESHOLDS);
	write32(port, DMATXCTL, DMATXCTL_TE);
}

/* Hands a descriptor and a buffer for its packet to the card. */
static inline void arm(struct port *port, uint32_t i, struct packet *packet)
{
	port->rx_packets[i] = packet;
	port->rx[i].read.pkt_addr = packet->iova;
	port->rx[i].read.hdr_addr = 0; /* clears DD as well */
}

/* Fills the receive ring and starts both queues (4.6.7.1, 4.6.8.1). */
static void start_queues(struct port *port)
{
	for (uint32_t i = 0; i < RING; i++)
		arm(port, i, free_packets[--available]);
	set(port, RXDCTL, RXDCTL_ENABLE);
	await(port, RXDCTL, RXDCTL_ENABLE, RXDCTL_ENABLE, 1000,
	      "receive queue does not start");
	write32(port, RDH, 0);
	in_order();
	/* One behind, so that head and tail never meet on a full ring. */
	write32(port, RDT, RING - 1);
	write32(port, TDH, 0);
	write32(port, TDT, 0);
	set(port, TXDCTL, TXDCTL_ENABLE);
	await(port, TXDCTL, TXDCTL_ENABLE, TXDCTL_ENABLE, 1000,
	      "transmit queue does not start");
}

/* Takes packets, at most `most`, and leaves fresh buffers in their places. */
static uint32_t receive(struct port *port, struct packet **batch,
			uint32_t most)
{
	uint32_t first = port->rx_next, n = 0;
	if (most > available)
		most = available;
	for (; n < most; n++) {
		uint32_t i = (first + n) % RING;
		uint32_t status = port->rx[i].write_back.status;
		if (!(status & RX_DD))
			break;
		if (!(status & RX_EOP))
			fail("%s: a frame larger than a buffer",
			     port->address);
	}
	if (n == 0)
		return 0;
	in_order();
	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = (first + k) % RING;
		batch[k] = port->rx_packets[i];
		batch[k]->len = port->rx[i].write_back.length_vlan & 0xFFFF;
		arm(port, i, free_packets[--available]);
	}
	port->rx_next = (first + n) % RING;
	in_order();
	write32(port, RDT, (first + n - 1) % RING);
	return n;
}

/* Gives back the buffers of packets that have left, group by group. */
static inline void clean(struct port *port)
{
	while ((port->tx_next - port->tx_oldest) % RING >= GROUP) {
		uint32_t last = (port->tx_oldest + GROUP - 1) % RING;
		if (!(port->tx[last].write_back.status & TX_DD))
			break;
		for (uint32_t k = 0; k < GROUP; k++) {
			uint32_t i = (port->tx_oldest + k) % RING;
			free_packets[available++] = port->tx_packets[i];
		}
		port->tx_oldest = (port->tx_oldest + GROUP) % RING;
	}
}

/* Sends packets until the ring is full; one slot stays empty. */
static uint32_t transmit(struct port *port, struct packet **batch, uint32_t n)
{
	clean(port);
	uint32_t next = port->tx_next;
	uint32_t room = (port->tx_oldest - next - 1) % RING;
	if (n > room)
		n = room;
	for (uint32_t k = 0; k < n; k++) {
		volatile union tx_desc *desc = &port->tx[next];
		desc->read.address = batch[k]->iova;
		desc->read.cmd = TX_CMD | batch[k]->len;
		desc->read.olinfo = batch[k]->len << TX_PAYLEN_SHIFT;
		port->tx_packets[next] = batch[k];
		next = (next + 1) % RING;
	}
	port->tx_next = next;
	in_order();
	write32(port, TDT, next);
	return n;
}

static void forward(struct port *from, struct port *to,
		    struct packet **batch, uint32_t most)
{
	uint32_t n = receive(from, batch, most);
	if (n == 0)
		return;
	for (uint32_t k = 0; k < n; k++)
		batch[k]->data[TOUCHED_BYTE]++;
	uint32_t sent = transmit(to, batch, n);
	for (uint32_t k = sent; k < n; k++)
		free_packets[available++] = batch[k];
	from->forwarded += sent;
	from->dropped += n - sent;
}

int main(int count, char **arguments)
{
	static struct packet *batch[MOST_AT_A_TIME];
	if (count < 3 || count > 4)
		fail("usage: %s PORT PORT [BATCH]", arguments[0]);
	int most = count == 4 ? atoi(arguments[3]) : 32;
	if (most < 1 || most > MOST_AT_A_TIME)
		fail("%s packets at a time: must be from 1 to %d",
		     arguments[3], MOST_AT_A_TIME);
	struct sigaction action = { .sa_handler = stop };
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);

	for (int p = 0; p < 2; p++) {
		ports[p].address = arguments[1 + p];
		map_registers(&ports[p]);
		reset(&ports[p]);
	}
	/* Not before both were reset: nothing writes to old addresses now. */
	lay_out();
	for (int p = 0; p < 2; p++) {
		set_up_receive(&ports[p]);
		set_up_transmit(&ports[p]);
		start_queues(&ports[p]);
	}
	for (int p = 0; p < 2; p++)
		await(&ports[p], LINKS, LINKS_UP, LINKS_UP, 10000, "no link");

	while (!stopped) {
		forward(&ports[0], &ports[1], batch, (uint32_t)most);
		forward(&ports[1], &ports[0], batch, (uint32_t)most);
	}
	shut_down();
	printf("forwarded %" PRIu64 " and %" PRIu64 ", dropped %" PRIu64
	       " and %" PRIu64 "\n", ports[0].forwarded, ports[1].forwarded,
	       ports[0].dropped, ports[1].dropped);
	return 0;
}
