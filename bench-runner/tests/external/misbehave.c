/*
 * What the tests of `external` run besides well-behaved drivers:
 *
 *     cc -O2 -o misbehave misbehave.c
 *     misbehave HOW PORT PORT
 *
 * The driver is that of variants/external/forward.c.
 */
#define main forward_main
#include "../../../variants/external/forward.c"
#undef main

#include <sys/prctl.h>
#include <sys/wait.h>

static void start(char **addresses)
{
	for (int p = 0; p < 2; p++) {
		ports[p].address = addresses[p];
		map_registers(&ports[p]);
		reset(&ports[p]);
	}
	lay_out();
}

static void start_all(void)
{
	for (int p = 0; p < 2; p++) {
		set_up_receive(&ports[p]);
		set_up_transmit(&ports[p]);
		start_queues(&ports[p]);
	}
}

/* Lives for ever; ps shows it under this name. */
__attribute__((noreturn))
static void linger(void)
{
	prctl(PR_SET_NAME, "lingers");
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (;;)
		pause();
}

/* Moves the buffers that the card does not have to other huge pages. */
static void move_buffers(uint8_t *page)
{
	uint64_t iova = physical(page);
	for (uint32_t k = 0; k < available; k++) {
		if (k && k % PER_PAGE == 0)
			iova = physical(page += HUGE_PAGE);
		free_packets[k]->data = page + k % PER_PAGE * STRIDE;
		free_packets[k]->iova = iova + k % PER_PAGE * STRIDE;
	}
}

/* Forwards both ways until stopped, or until so many came in at port 0. */
static void drive(uint64_t most)
{
	static struct packet *batch[32];
	while (!stopped && ports[0].forwarded < most) {
		forward(&ports[0], &ports[1], batch, 32);
		forward(&ports[1], &ports[0], batch, 32);
	}
}

int main(int count, char **arguments)
{
	if (count != 4)
		fail("usage: %s HOW PORT PORT", arguments[0]);
	const char *how = arguments[1];
	char **addresses = arguments + 2;
	if (!strcmp(how, "exit")) {
		fprintf(stderr, "no card of mine\n");
		return 3;
	} else if (!strcmp(how, "hang")) {
		/* Deaf, too, and not a register touched. */
		linger();
	} else if (!strcmp(how, "no-queue")) {
		start(addresses);
		linger();
	} else if (!strcmp(how, "leave")) {
		/* Ends, and leaves children, one in a session of its own. */
		if (fork() == 0)
			linger();
		if (fork() == 0) {
			setsid();
			if (fork() == 0)
				linger();
			_exit(0);
		}
		return 0;
	} else if (!strcmp(how, "family")) {
		/* A good driver, but for a family that does not end with it. */
		if (fork() == 0)
			linger();
		if (fork() == 0) {
			setsid();
			if (fork() == 0)
				linger();
			_exit(0);
		}
		start(addresses);
		start_all();
		drive(UINT64_MAX);
	} else if (!strcmp(how, "wild")) {
		/* Every 64th buffer is where nobody has memory. */
		start(addresses);
		for (size_t b = 0; b < BUFFERS; b += 64)
			packets[b].iova |= UINT64_C(1) << 46;
		start_all();
		drive(UINT64_MAX);
	} else if (!strcmp(how, "private")) {
		/* Buffers in huge pages that are not shared. */
		start(addresses);
		uint8_t *base = mmap(NULL, POOL_PAGES * HUGE_PAGE,
				     PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
				     MAP_POPULATE, -1, 0);
		if (base == MAP_FAILED)
			fail("huge pages: %s", strerror(errno));
		move_buffers(base);
		start_all();
		drive(UINT64_MAX);
	} else if (!strcmp(how, "late")) {
		/* Buffers in memory that appears when frames flow. */
		start(addresses);
		start_all();
		drive(100000);
		move_buffers(huge_pages(POOL_PAGES));
		drive(UINT64_MAX);
	} else if (!strcmp(how, "crash")) {
		/* In the midst of it. */
		start(addresses);
		start_all();
		drive(100000);
		raise(SIGSEGV);
	} else if (!strcmp(how, "wrong")) {
		/* Another byte of every thousandth frame is not as it was. */
		start(addresses);
		start_all();
		static struct packet *batch[1];
		for (uint32_t n = 0; !stopped; n++) {
			if (receive(&ports[0], batch, 1) == 0)
				continue;
			batch[0]->data[TOUCHED_BYTE]++;
			if (n % 1000 == 999)
				batch[0]->data[20] ^= 0xFF;
			transmit(&ports[1], batch, 1);
		}
	} else {
		fail("misbehave how: %s?", how);
	}
	return 0;
}
