/* SPDX-License-Identifier: BSD-3-Clause */
/* cli_text.h - numbers as people read them, and the width of their terminal */
#ifndef P2PMPI_CLI_CLI_TEXT_H
#define P2PMPI_CLI_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_SIZE 32

/* "512 B", "1.5 MiB" */
void text_bytes(uint64_t bytes, char out[TEXT_SIZE]);
/* "0.24 ms", "1.2 s"; "-" for 0 */
void text_rtt(uint32_t us, char out[TEXT_SIZE]);
/* "5 s", "3 min", "2 h", "4 d" */
void text_age(uint64_t seconds, char out[TEXT_SIZE]);

/* Columns of the terminal behind fd; without one COLUMNS, else 80. */
unsigned text_width(int fd);

/* Copies text with every byte that could steer a terminal replaced by '?': names come from
 * strangers. */
void text_safe(const char *text, char *out, size_t size);

#endif
