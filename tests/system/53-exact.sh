#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   the topology of tests/exact/run, which this is for 20 s
#
# Agents are killed with -9, stopped and replaced under load: every frame and byte sent is in the books once.
cd "$(dirname "$0")/../.." || exit 1
PAUSE_MAX=3 SEED=${SEED:-71} exec tests/exact/run 20
