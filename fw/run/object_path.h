/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * object_path - where the BPF object is when nobody says: beside the program (a build tree), else where `make install`
 * puts it.
 */
#pragma once

#define OBJECT_PATH_MAX 4096

void object_path(char ret_path[OBJECT_PATH_MAX]);

/* @file in the folder of @object; "": in that of object_path(). */
void object_beside(const char *object, const char *file, char ret_path[OBJECT_PATH_MAX]);
