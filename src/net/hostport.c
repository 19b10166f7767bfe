/* SPDX-License-Identifier: BSD-3-Clause */
/* hostport.c - "host", "host:port", "[::1]:port" as people write them */
#include "config.h"
#include "net/hostport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int port_parse(const char *text, uint16_t *port_out)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || port == 0 || port > 65535)
        return -1;
    *port_out = (uint16_t)port;
    return 0;
}

int hostport_parse(const char *text, uint16_t default_port, struct hostport *out, struct err *err)
{
    struct hostport result = {"", default_port};
    const char *host = text, *end = text + strlen(text), *port = NULL;
    const char *colon = strchr(text, ':');

    if (text[0] == '[') {
        host = text + 1;
        end = strchr(host, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            goto error;
        if (end[1] == ':')
            port = end + 2;
    } else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        end = colon;
        port = colon + 1;
    }
    size_t length = (size_t)(end - host);
    if (length == 0 || length > HOST_MAX || strcspn(host, " \t/") < length)
        goto error;
    if (port != NULL && port_parse(port, &result.port) < 0)
        goto error;
    memcpy(result.host, host, length);
    *out = result;
    return 0;
error:
    errno = EINVAL;
    return err_set(err, "\"%s\" is not an address of the form HOST, HOST:PORT or [IPV6]:PORT",
                   text);
}
