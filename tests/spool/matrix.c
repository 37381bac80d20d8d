/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * matrix [quick]                          the crash matrix; a line a kind, and the counts
 * matrix KIND SEED CUT VARIANT            one case, as a failure names it (KIND: its number)
 */
#include <time.h>

#include "tests/spool/matrix.h"

int main(int argc, char **argv)
{
	const bool is_quick = argc == 2 && !strcmp(argv[1], "quick");
	struct matrix_counts all = { 0 };
	const clock_t start = clock();

	if (argc == 5) {
		struct matrix_counts n = { 0 };

		matrix_seed(&n, &matrix_kinds[atoi(argv[1]) % (int)MATRIX_KINDS], strtoull(argv[2], NULL, 10), 1, 1, strtoull(argv[3], NULL, 10),
			    strtoull(argv[4], NULL, 10));
		printf("%s\n", n.failures ? n.first : "in order");
		return n.failures != 0;
	}
	for (size_t i = 0; i < MATRIX_KINDS; i++) {
		struct matrix_counts n = { 0 };

		matrix_kind_run(&n, &matrix_kinds[i], is_quick);
		printf("%2zu %-60s %7llu cases, %llu failed\n", i, matrix_kinds[i].name, (unsigned long long)n.cases,
		       (unsigned long long)n.failures);
		if (n.failures)
			printf("   %s\n", n.first);
		fflush(stdout);
		all.cases += n.cases;
		all.cuts += n.cuts;
		all.double_cuts += n.double_cuts;
		all.faults += n.faults;
		all.items += n.items;
		all.losses += n.losses;
		all.failures += n.failures;
	}
	printf("matrix: %llu cases, %llu cuts, %llu of them cut twice, %llu messages, %llu declared losses, %llu failed, %.1f s of CPU\n",
	       (unsigned long long)all.cases, (unsigned long long)all.cuts, (unsigned long long)all.double_cuts,
	       (unsigned long long)all.items, (unsigned long long)all.losses, (unsigned long long)all.failures,
	       (double)(clock() - start) / CLOCKS_PER_SEC);
	return all.failures != 0;
}
