/* SPDX-License-Identifier: BSD-3-Clause */
/* err.h - one sentence for the person who will read why something failed */
#ifndef P2PMPI_BASE_ERR_H
#define P2PMPI_BASE_ERR_H

#define ERR_TEXT_MAX 512

struct err {
    char text[ERR_TEXT_MAX];
};

/* Writes the sentence; longer ones are cut. err may be NULL. Keeps errno. Always returns -1, so that
 * "return err_set(err, ...)" reads well. */
int err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, with ": " and strerror(errno) behind it. */
int err_sys(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " before the sentence already there. Returns -1. */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes a text that others may have written harmless on a terminal: control characters but line feed
 * and tab become '?'. */
void err_plain(char *text);

#endif
