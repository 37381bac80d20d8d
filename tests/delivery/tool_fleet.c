/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tool_fleet - a thousand gateways and one broker, on a simulated clock: the uplink's own choice of when to connect
 * (servers.h, backoff.h) against the fair share.
 *
 * Fair share: each gateway once in the ceiling of the wait that it is in when the broker comes back. The peak is that of
 * CONNECTs in any window of a tenth of the mean ceiling, so 100 gateways at fair share. Promise: at most twice that.
 * Speaks TAP.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "mqtt/servers.h"

#define GATEWAYS	1000
#define SEEDS		20
#define ATTEMPTS_MAX	(GATEWAYS * 2000)

static uint64_t state;
static double at_s[ATTEMPTS_MAX];
static unsigned int count, number, failed;

static uint32_t random_u32(void)	/* SplitMix64: the same everywhere */
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ z >> 31) >> 32);
}

static void gateway(struct servers *s, unsigned int brokers)
{
	const uint32_t phase = random_u32();

	*s = (struct servers){ .count = brokers };
	for (unsigned int i = 0; i < brokers; i++)
		s->server[i] = (struct server){ .backoff = { .min_ms = 1000, .max_ms = 60000, .phase = phase },
			.version = { .protocol = 5, .proven = true } };
}

static uint64_t ended(struct servers *s, enum broker_end how, uint64_t up_ns, uint64_t now_ns)
{
	return servers_ended(s, how, up_ns, now_ns, (uint32_t[]){ random_u32(), random_u32() });
}

static void connects_at(uint64_t ns)
{
	if (count < ATTEMPTS_MAX)
		at_s[count++] = (double)ns / NS_PER_S;
}

static int by_time(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

/* Most of them in any window, as a rate a second. */
static double peak(double window_s)
{
	unsigned int first = 0, most = 0;

	qsort(at_s, count, sizeof(*at_s), by_time);
	for (unsigned int i = 0; i < count; i++) {
		while (at_s[first] < at_s[i] - window_s)
			first++;
		most = MAX(most, i - first + 1);
	}
	return most / window_s;
}

static void ok(double ratio, const char *what, double of)
{
	bool good = ratio <= 2.0;

	failed += !good;
	printf("%sok %u - %s", good ? "" : "not ", ++number, what);
	if (of > 0)
		printf(" %g s", of);
	printf(": peak %.2f times the fair share, at most 2\n", ratio);
}

/* The worst of SEEDS fleets that lost a broker at 0, which answers again from @outage_s on. */
static double comes_back(double outage_s)
{
	double worst = 0;

	for (state = 1; state <= SEEDS; state++) {
		uint64_t kept = state;
		double fair = 0;

		state *= 1000003;
		count = 0;
		for (int g = 0; g < GATEWAYS; g++) {
			const uint64_t back_ns = (uint64_t)(outage_s * NS_PER_S);
			struct servers s;
			uint64_t ceiling_ms, next_ns;

			gateway(&s, 1);
			ceiling_ms = backoff_ceiling_ms(&s.server[0].backoff);
			next_ns = ended(&s, BROKER_LOST, 3600 * NS_PER_S, 0);
			while (next_ns < back_ns) {
				ceiling_ms = backoff_ceiling_ms(&s.server[0].backoff);
				next_ns = ended(&s, BROKER_FAILED, 0, next_ns);
			}
			fair += 1000.0 / (double)ceiling_ms;
			connects_at(next_ns);
		}
		worst = MAX(worst, peak(GATEWAYS / fair / 10) / fair);
		state = kept;
	}
	return worst;
}

/* Refused for ever (a wrong password, a ban): every attempt of an hour, from the tenth minute on. */
static double refused(void)
{
	count = 0;
	state = 7;
	for (int g = 0; g < GATEWAYS; g++) {
		struct servers s;
		uint64_t now_ns = 0;

		gateway(&s, 1);
		while (now_ns < 3600 * NS_PER_S) {
			if (now_ns > 600 * NS_PER_S)
				connects_at(now_ns);
			now_ns = ended(&s, BROKER_REFUSED, 0, now_ns);
		}
	}
	return peak(6) / (GATEWAYS / 60.0);
}

/* The first of two brokers goes away for good. */
static double change_over(void)
{
	count = 0;
	state = 3;
	for (int g = 0; g < GATEWAYS; g++) {
		struct servers s;
		uint64_t next_ns;

		gateway(&s, 2);
		next_ns = ended(&s, BROKER_LOST, 3600 * NS_PER_S, 0);
		while (!s.at)
			next_ns = ended(&s, BROKER_FAILED, 0, next_ns);
		connects_at(next_ns);
	}
	return peak(0.1) / GATEWAYS;
}

int main(void)
{
	static const double outages_s[] = { 0.05, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 300, 3600 };

	printf("1..%zu\n", ARRAY_SIZE(outages_s) + 2);
	for (unsigned int i = 0; i < ARRAY_SIZE(outages_s); i++)
		ok(comes_back(outages_s[i]), "1,000 gateways, 20 fleets, broker away for", outages_s[i]);
	ok(refused() / 1.0, "1,000 gateways that are refused for an hour: each once a minute is the share", 0);
	ok(change_over(), "1,000 gateways change over to the second broker: each once a second is the share", 0);
	return failed ? 1 : 0;
}
