/*
 * `language=c`: the hot path of `driver/src/rx.rs` and `tx.rs`, in C.
 *
 * Functions are called as there and do the same in the same order, with the
 * baseline's answers. Set-up stays in Rust: rings, tables and pool are those
 * that the Rust code would use. Section numbers are those of the Intel 82599
 * 10 GbE Controller Datasheet.
 *
 * What Rust checks and C does not: that an index lies in its ring or table,
 * that a buffer is not used twice, that the free stack does not overflow.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What Rust inlines wherever it stands is inlined here, too. */
#define INLINE static inline __attribute__((always_inline))
#define COLD static __attribute__((cold, noinline))

/* Tails of queue 0 in BAR 0 (8.2.3.8.5, 8.2.3.9.6). */
#define RDT 0x01018
#define TDT 0x06018

/* Receive status (7.1.6.2). */
#define RX_DD (UINT32_C(1) << 0)
#define RX_EOP (UINT32_C(1) << 1)

/* Transmit command: DEXT, RS, IFCS, EOP and the data type (7.2.3.2.4). */
#define TX_PACKET UINT32_C(0x2B300000)
#define TX_PAYLEN_SHIFT 14
/* Transmit status (7.2.3.2.5). */
#define TX_DD (UINT32_C(1) << 0)

/* Packets whose buffers are given back together. */
#define CLEAN_GROUP 32

/* The byte that the workload increments. */
#define TOUCHED_BYTE 48

#define PORTS 2

/* A receive descriptor: read format and, in the same place, write-back. */
union rx_desc {
	struct {
		uint64_t pkt_addr;
		uint64_t hdr_addr;
	} read;
	struct {
		uint32_t pkt_info;
		uint32_t rss_hash;
		uint32_t status_error;
		uint32_t length_vlan;
	} write_back;
};

/* A transmit descriptor: read format and, in the same place, write-back. */
union tx_desc {
	struct {
		uint64_t address;
		uint32_t cmd_type_len;
		uint32_t olinfo_status;
	} read;
	struct {
		uint32_t reserved[3];
		uint32_t status;
	} write_back;
};

/* BAR 0: mapped at `base`, or reached by calls where an access does more. */
struct bar {
	uint8_t *base;
	const void *object;
	void (*write32)(const void *object, uint32_t offset, uint32_t value);
};

struct rx_queue {
	volatile union rx_desc *ring;
	/* The buffer that each descriptor points to. */
	uint32_t *bufs;
	uint64_t received;
	uint64_t multi_descriptor;
	uint16_t entries;
	/* Next descriptor to look at. */
	uint16_t rx_index;
	/* A frame longer than a buffer has begun and not ended. */
	bool in_fragments;
};

struct tx_queue {
	volatile union tx_desc *ring;
	/* The buffer that each descriptor in flight points to. */
	uint32_t *bufs;
	uint64_t sent;
	uint16_t entries;
	/* Next descriptor to write. */
	uint16_t tx_index;
	/* Oldest descriptor whose buffer has not been given back. */
	uint16_t clean_index;
};

struct port {
	struct bar bar;
	struct rx_queue rx;
	struct tx_queue tx;
};

/* What is known about a buffer: a row of the table beside the pool. */
struct pkt_meta {
	/* Where the packet starts, as the device sees it. */
	uint64_t iova;
	/* The same, in bytes from the start of the pool. */
	uint32_t offset;
	/* Bytes of the packet. */
	uint16_t len;
	uint16_t packet_type;
};

struct mempool {
	uint8_t *data;
	struct pkt_meta *meta;
	/* A stack of the free buffers. */
	uint32_t *free;
	size_t available;
	uint32_t longest;
};

/* Two ports and what lies between them; Rust has the same in `c.rs`. */
struct forward {
	struct port ports[PORTS];
	struct mempool pool;
	/* The caller's array: room for `batch_size` buffers. */
	uint32_t *batch;
	uint64_t dropped;
	uint16_t batch_size;
};

static_assert(sizeof(union rx_desc) == 16, "as in driver::desc");
static_assert(sizeof(union tx_desc) == 16, "as in driver::desc");
static_assert(sizeof(struct pkt_meta) == 16, "as in driver::mempool");
static_assert(offsetof(struct pkt_meta, offset) == 8, "as in c.rs");
static_assert(offsetof(struct pkt_meta, len) == 12, "as in c.rs");
static_assert(offsetof(struct port, rx) == 24, "as in c.rs");
static_assert(offsetof(struct rx_queue, in_fragments) == 36, "as in c.rs");
static_assert(offsetof(struct port, tx) == 64, "as in c.rs");
static_assert(offsetof(struct tx_queue, clean_index) == 28, "as in c.rs");
static_assert(offsetof(struct forward, pool) == 192, "as in c.rs");
static_assert(offsetof(struct mempool, longest) == 32, "as in c.rs");
static_assert(offsetof(struct forward, batch) == 232, "as in c.rs");
static_assert(offsetof(struct forward, batch_size) == 248, "as in c.rs");
static_assert(sizeof(struct forward) == 256, "as in c.rs");

/* The two barriers of `driver/src/barrier.rs`. */

INLINE void after_done(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb oshld" ::: "memory");
#else
	atomic_thread_fence(memory_order_acquire);
#endif
}

INLINE void before_doorbell(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb osh" ::: "memory");
#else
	atomic_thread_fence(memory_order_release);
#endif
}

/*
 * Writes a register. `mapped` is known where this is compiled, and so a
 * mapped register is a store and nothing else.
 */
INLINE void write32(const struct bar *bar, uint32_t offset, uint32_t value,
		    bool mapped)
{
	if (mapped)
		*(volatile uint32_t *)(bar->base + offset) = value;
	else
		bar->write32(bar->object, offset, value);
}

/* The index `steps` after `i`, around a ring. */
INLINE uint16_t wrap(uint16_t entries, uint16_t i, uint16_t steps)
{
	return (uint16_t)((i + steps) & (entries - 1));
}

/* The index before `i`, around a ring. */
INLINE uint16_t before(uint16_t entries, uint16_t i)
{
	return (uint16_t)((i - 1) & (entries - 1));
}

/* The pool, as in `driver/src/mempool.rs`. */

/* Takes a free buffer; the caller knows that there is one. */
INLINE uint32_t alloc(struct mempool *pool)
{
	return pool->free[--pool->available];
}

INLINE void give_back(struct mempool *pool, uint32_t buf)
{
	pool->free[pool->available++] = buf;
}

INLINE void set_len(struct mempool *pool, uint32_t buf, uint32_t len)
{
	if (len > pool->longest)
		len = pool->longest;
	pool->meta[buf].len = (uint16_t)len;
}

/* Receive, as in `driver/src/rx.rs`. */

INLINE void arm(volatile union rx_desc *desc, const struct mempool *pool,
		uint32_t buf)
{
	desc->read.pkt_addr = pool->meta[buf].iova;
	/* Clears DD as well. */
	desc->read.hdr_addr = 0;
}

/*
 * Gives the buffers of frames that span several descriptors back to the
 * device.
 */
COLD void drop_fragments(const struct bar *bar, struct rx_queue *queue,
			 const struct mempool *pool, bool mapped)
{
	uint16_t first = queue->rx_index;
	for (;;) {
		volatile union rx_desc *desc = &queue->ring[queue->rx_index];
		uint32_t status = desc->write_back.status_error;
		bool ends = status & RX_EOP;
		if (!(status & RX_DD) || (ends && !queue->in_fragments))
			break;
		queue->in_fragments = !ends;
		if (ends)
			queue->multi_descriptor++;
		arm(desc, pool, queue->bufs[queue->rx_index]);
		queue->rx_index = wrap(queue->entries, queue->rx_index, 1);
	}
	if (queue->rx_index != first) {
		before_doorbell();
		write32(bar, RDT, before(queue->entries, queue->rx_index),
			mapped);
	}
}

/* Descriptors from the next one on that are done and hold a whole frame. */
INLINE uint16_t done_run(const struct rx_queue *queue, uint16_t max)
{
	uint16_t i = queue->rx_index;
	uint16_t n = 0;
	for (; n < max; n++) {
		uint32_t status = queue->ring[i].write_back.status_error;
		if ((status & (RX_DD | RX_EOP)) != (RX_DD | RX_EOP))
			break;
		i = wrap(queue->entries, i, 1);
	}
	return n;
}

/*
 * How many packets there are to receive and fresh buffers to replace them, at
 * most `max`.
 */
INLINE uint16_t ready(const struct bar *bar, struct rx_queue *queue,
		      const struct mempool *pool, uint16_t max, bool mapped)
{
	if (queue->in_fragments) {
		drop_fragments(bar, queue, pool, mapped);
		if (queue->in_fragments)
			return 0;
	}
	uint16_t done = done_run(queue, max);
	if (done == 0) {
		volatile union rx_desc *desc = &queue->ring[queue->rx_index];
		uint32_t status = desc->write_back.status_error;
		if ((status & (RX_DD | RX_EOP)) == RX_DD)
			drop_fragments(bar, queue, pool, mapped);
		return 0;
	}
	/* One for all of them: the rest of a descriptor is read after its DD. */
	after_done();
	return done < pool->available ? done : (uint16_t)pool->available;
}

/*
 * Takes the packet of descriptor `i`, which is ready, and leaves a fresh
 * buffer in its place.
 */
INLINE uint32_t receive(struct rx_queue *queue, struct mempool *pool,
			uint16_t i)
{
	volatile union rx_desc *desc = &queue->ring[i];
	uint32_t length_vlan = desc->write_back.length_vlan;
	uint32_t fresh = alloc(pool);
	arm(desc, pool, fresh);
	uint32_t buf = queue->bufs[i];
	queue->bufs[i] = fresh;
	set_len(pool, buf, length_vlan & 0xFFFF);
	return buf;
}

/* Receives up to `max` packets into `batch`; returns how many. */
INLINE uint16_t rx_batch(const struct bar *bar, struct rx_queue *queue,
			 struct mempool *pool, uint32_t *batch, uint16_t max,
			 bool mapped)
{
	uint16_t n = ready(bar, queue, pool, max, mapped);
	if (n == 0)
		return 0;
	uint16_t rx_index = queue->rx_index;
	for (uint16_t k = 0; k < n; k++) {
		batch[k] = receive(queue, pool, rx_index);
		rx_index = wrap(queue->entries, rx_index, 1);
	}
	queue->rx_index = rx_index;
	queue->received += n;
	/* One behind, so that head never meets tail on a full ring. */
	before_doorbell();
	write32(bar, RDT, before(queue->entries, rx_index), mapped);
	return n;
}

/* Transmit, as in `driver/src/tx.rs`. */

/* Descriptors whose buffers have not been given back. */
INLINE uint16_t outstanding(const struct tx_queue *queue)
{
	return (uint16_t)((queue->tx_index - queue->clean_index) &
			  (queue->entries - 1));
}

/* Descriptors that can be written; one slot stays empty. */
INLINE uint16_t room(const struct tx_queue *queue)
{
	return (uint16_t)(queue->entries - 1 - outstanding(queue));
}

/* Gives back the buffers of sent packets, in groups. */
INLINE void clean(struct tx_queue *queue, struct mempool *pool)
{
	while (outstanding(queue) >= CLEAN_GROUP) {
		uint16_t first = queue->clean_index;
		uint16_t last = wrap(queue->entries, first, CLEAN_GROUP - 1);
		if (!(queue->ring[last].write_back.status & TX_DD))
			break;
		for (uint16_t step = 0; step < CLEAN_GROUP; step++) {
			uint16_t i = wrap(queue->entries, first, step);
			give_back(pool, queue->bufs[i]);
		}
		queue->clean_index = wrap(queue->entries, first, CLEAN_GROUP);
	}
}

/* Puts a packet into descriptor `i`, which is free. */
INLINE void send(struct tx_queue *queue, const struct mempool *pool,
		 uint16_t i, uint32_t buf)
{
	volatile union tx_desc *desc = &queue->ring[i];
	uint32_t len = pool->meta[buf].len;
	desc->read.address = pool->meta[buf].iova;
	desc->read.cmd_type_len = TX_PACKET | len;
	/* Clears DD as well. */
	desc->read.olinfo_status = len << TX_PAYLEN_SHIFT;
	queue->bufs[i] = buf;
}

/*
 * Sends packets from the front of the `n` in `batch` until the ring is full;
 * returns how many.
 */
INLINE uint16_t tx_batch(const struct bar *bar, struct tx_queue *queue,
			 struct mempool *pool, const uint32_t *batch,
			 uint16_t n, bool mapped)
{
	clean(queue, pool);
	uint16_t free = room(queue);
	uint16_t sent = n < free ? n : free;
	uint16_t tx_index = queue->tx_index;
	for (uint16_t k = 0; k < sent; k++) {
		send(queue, pool, tx_index, batch[k]);
		tx_index = wrap(queue->entries, tx_index, 1);
	}
	queue->tx_index = tx_index;
	queue->sent += sent;
	before_doorbell();
	write32(bar, TDT, tx_index, mapped);
	return sent;
}

/* The workload, as in `variants/src/workload/forward.rs`. */

/* One batch from a port to the other. */
INLINE uint16_t pass(struct forward *forward, struct port *from,
		     struct port *to, bool mapped)
{
	struct mempool *pool = &forward->pool;
	uint32_t *batch = forward->batch;
	uint16_t n = rx_batch(&from->bar, &from->rx, pool, batch,
			      forward->batch_size, mapped);
	for (uint16_t k = 0; k < n; k++) {
		const struct pkt_meta *meta = &pool->meta[batch[k]];
		if (meta->len > TOUCHED_BYTE)
			pool->data[meta->offset + TOUCHED_BYTE]++;
	}
	uint16_t sent = tx_batch(&to->bar, &to->tx, pool, batch, n, mapped);
	for (uint16_t k = sent; k < n; k++)
		give_back(pool, batch[k]);
	forward->dropped += (uint64_t)(n - sent);
	return n;
}

/*
 * Forwards at least `packets` packets, or until `patience` rounds in a row
 * were empty; returns how many it received.
 */
INLINE uint64_t run(struct forward *forward, uint64_t packets,
		    uint32_t patience, bool mapped)
{
	struct port *ports = forward->ports;
	uint64_t received = 0;
	uint32_t left = patience;
	while (received < packets && left > 0) {
		uint32_t n = 0;
		for (int from = 0; from < PORTS; from++)
			n += pass(forward, &ports[from], &ports[1 - from],
				  mapped);
		received += n;
		left = n == 0 ? left - 1 : patience;
	}
	return received;
}

uint64_t ringside_forward(struct forward *, uint64_t, uint32_t);
uint64_t ringside_forward_by_calls(struct forward *, uint64_t, uint32_t);

/* With mapped registers: what is measured. */
uint64_t ringside_forward(struct forward *forward, uint64_t packets,
			  uint32_t patience)
{
	return run(forward, packets, patience, true);
}

/* With registers behind calls. */
uint64_t ringside_forward_by_calls(struct forward *forward, uint64_t packets,
				   uint32_t patience)
{
	return run(forward, packets, patience, false);
}
