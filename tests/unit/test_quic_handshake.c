/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_quic_handshake - handshakes step by step: which halves come out, and where nobody could know them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "enrich/quic_handshake.h"

#define I QUIC_STEP_INITIAL
#define A QUIC_STEP_ANSWER
#define F (QUIC_STEP_ANSWER | QUIC_STEP_FLIGHT)
#define R QUIC_STEP_REPLY
#define BEGIN_NS (77 * NS_PER_S)

struct step {
	uint32_t at_us;
	uint8_t steps, connection;
	uint32_t us;	/* that come out */
};

static void halves(void **state)
{
	static const struct {
		const char *name;
		struct step step[6];	/* until one without steps */
		bool answered, done;
	} rows[] = {
		{ "plain", { { 1, I, 1, 0 }, { 20001, F, 1, 20000 }, { 20301, R, 1, 300 } }, true, true },
		{ "nothing is no time", { { 1, I, 1, 0 }, { 1, F, 1, 1 }, { 1, R, 1, 1 } }, true, true },
		{ "hello of two datagrams", { { 1, I, 1, 0 }, { 301, I, 1, 0 }, { 20001, F, 1, 20000 }, { 20301, R, 1, 300 } }, true, true },
		{ "as late as one flight can be", { { 1, I, 1, 0 }, { 50001, I, 1, 0 }, { 60001, F, 1, 60000 } }, true, false },
		{ "hello again", { { 1, I, 1, 0 }, { 50002, I, 1, 0 }, { 60001, F, 1, 0 }, { 60301, R, 1, 300 } }, true, true },
		{ "flight of three", { { 1, I, 1, 0 }, { 9, F, 1, 8 }, { 10, F, 1, 0 }, { 50009, F, 1, 0 }, { 50010, R, 1, 50001 } }, true, true },
		{ "flight again", { { 1, I, 1, 0 }, { 9, F, 1, 8 }, { 50010, F, 1, 0 }, { 50110, R, 1, 0 } }, true, true },
		{ "flight again behind the reply", { { 1, I, 1, 0 }, { 9, F, 1, 8 }, { 19, R, 1, 10 }, { 60009, F, 1, 0 }, { 60010, R, 1, 0 } }, true, true },
		{ "acknowledged at once, flight later", { { 1, I, 1, 0 }, { 5001, A, 1, 5000 }, { 90001, F, 1, 0 }, { 90401, R, 1, 400 } }, true, true },
		{ "a reply to the acknowledgement", { { 1, I, 1, 0 }, { 5001, A, 1, 5000 }, { 5301, R, 1, 0 }, { 9001, F, 1, 0 }, { 9301, R, 1, 0 } }, true, true },
		{ "the answer was not seen", { { 1, I, 1, 0 }, { 9001, R, 1, 0 } }, false, true },
		{ "begun unseen", { { 9001, F, 0, 0 }, { 9301, R, 0, 300 } }, true, true },
		{ "an old hello behind the answer", { { 1, I, 1, 0 }, { 9, F, 1, 8 }, { 70000, I, 1, 0 }, { 70001, R, 1, 69992 } }, true, true },
		{ "another connection before the answer", { { 1, I, 1, 0 }, { 101, I, 2, 0 }, { 201, F, 1, 0 }, { 301, F, 2, 200 }, { 302, R, 2, 1 } }, true, true },
		{ "another connection behind it", { { 1, I, 1, 0 }, { 11, F, 1, 10 }, { 21, I, 2, 0 }, { 31, F, 2, 0 }, { 41, R, 1, 30 } }, true, true },
		{ "a datagram of none", { { 1, I, 1, 0 }, { 11, F, 3, 0 } }, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct quic_handshake h = { 0 };

		for (const struct step *s = rows[i].step; s < rows[i].step + ARRAY_SIZE(rows[i].step) && s->steps; s++) {
			const uint32_t us = quic_handshake_step(&h, s->steps, s->connection, BEGIN_NS + s->at_us * 1000ull);

			if (us != s->us)
				print_error("%s: step %zu\n", rows[i].name, (size_t)(s - rows[i].step));
			assert_int_equal(us, s->us);
		}
		if (quic_handshake_answered(&h) != rows[i].answered || quic_handshake_done(&h) != rows[i].done)
			print_error("%s\n", rows[i].name);
		assert_int_equal(quic_handshake_answered(&h), rows[i].answered);
		assert_int_equal(quic_handshake_done(&h), rows[i].done);
		assert_int_equal(quic_handshake_step(&h, 0, h.connection, BEGIN_NS), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(halves) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
