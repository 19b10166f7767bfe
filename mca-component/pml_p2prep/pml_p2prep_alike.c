/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_alike.c - with replicas: do those of a rank run in the same surroundings?
 *
 * What results may depend on (base/alike.h), and parameters of Open MPI that steer how messages are
 * sent and summed, go through the modex as lines "name value". Each host's first process compares
 * its own with those of its rank's next replica. Nothing is refused: whether it matters only the
 * messages say (pml_p2prep_verify). */
#include "mca-component/pml_p2prep/pml_p2prep_alike.h"

#include "base/alike.h"
#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "mca-component/pml_p2prep/pml_p2prep_daemon.h"
#include "mca-component/pml_p2prep/pml_p2prep_watch.h"

#include <opal/mca/base/mca_base_var.h>

#define KEY (char *)"pml.p2prep.alike"

enum { TEXT_MAX = 4096, VALUE_MAX = 160 };

static void add(char *text, const char *name, const char *value)
{
    size_t used = strlen(text);
    int n = snprintf(text + used, TEXT_MAX - used, "%s %.*s\n", name, VALUE_MAX, value);
    if (n < 0 || (size_t)n >= TEXT_MAX - used)
        text[used] = '\0'; /* only whole lines */
}

/* Parameters that all processes must share, if one of them is set at all. */
static bool is_shared(const char *name)
{
    static const char *const prefixes[] = {"coll",
                                           "topo",
                                           "pml_p2prep_eager",
                                           "pml_p2prep_map",
                                           "pml_p2prep_order",
                                           "pml_p2prep_replicas",
                                           "pml_p2prep_verify"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static bool value_of(const mca_base_var_t *var, char *value, size_t size)
{
    const mca_base_var_storage_t *storage = NULL;
    if (mca_base_var_get_value(var->mbv_index, &storage, NULL, NULL) != OPAL_SUCCESS || !storage)
        return false;
    switch (var->mbv_type) {
    case MCA_BASE_VAR_TYPE_INT:
    case MCA_BASE_VAR_TYPE_UNSIGNED_INT:
        snprintf(value, size, "%d", storage->intval);
        return true;
    case MCA_BASE_VAR_TYPE_BOOL:
        snprintf(value, size, "%d", storage->boolval);
        return true;
    case MCA_BASE_VAR_TYPE_STRING:
        snprintf(value, size, "%s", storage->stringval ? storage->stringval : "");
        return true;
    default:
        return false;
    }
}

static void parameters_add(char *text)
{
    char value[VALUE_MAX + 1];
    const mca_base_var_t *var;
    for (int i = 0; i < mca_base_var_get_count(); i++)
        if (mca_base_var_get(i, &var) == OPAL_SUCCESS && is_shared(var->mbv_full_name) &&
            var->mbv_source != MCA_BASE_VAR_SOURCE_DEFAULT && value_of(var, value, sizeof value))
            add(text, var->mbv_full_name, value);
}

static void text_make(char text[TEXT_MAX])
{
    const struct alike *alike;
    alike_host(text, TEXT_MAX);
    for (size_t i = 0; (alike = alike_at(i)) != NULL; i++)
        if (getenv(alike->name))
            add(text, alike->name, getenv(alike->name));
    parameters_add(text);
}

int p2prep_alike_publish(void)
{
    char text[TEXT_MAX];
    int rc;
    text_make(text);
    OPAL_MODEX_SEND_STRING(rc, P2PREP_MODEX_GLOBAL, KEY, text, strlen(text) + 1);
    return rc;
}

/* The value of the name at the beginning of a line, in another text; NULL: not there. */
static const char *value_find(const char *line, const char *text)
{
    size_t len = strcspn(line, " \n") + 1;
    for (; text && *text; text = strchr(text, '\n'), text += text != NULL)
        if (strncmp(text, line, len) == 0)
            return text + len;
    return NULL;
}

/* Lines of `these` that are not so in `those`; with_values: of both, else those that only `these`
 * have. */
static void differences_add(char *list, const char *these, const char *those, bool with_values)
{
    for (const char *line = these; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *value = line + strcspn(line, " \n"), *other = value_find(line, those);
        size_t used = strlen(list);
        value += *value == ' ';
        int len = (int)strcspn(value, "\n"), name = (int)strcspn(line, " \n");
        if (other && ((size_t)len != strcspn(other, "\n") || strncmp(value, other, (size_t)len)) &&
            with_values)
            snprintf(list + used, TEXT_MAX - used, "  %.*s: %.*s here, %.*s there\n", name, line,
                     len, value, (int)strcspn(other, "\n"), other);
        else if (!other)
            snprintf(list + used, TEXT_MAX - used, "  %.*s: %.*s %s\n", name, line, len, value,
                     with_values ? "here, not set there" : "there, not set here");
    }
}

/* The next replica of this process's rank; -1: there is none. */
static int next_replica(const struct world *world, uint32_t me)
{
    for (int i = 1; i < world->replicas; i++) {
        int process = world_process(world, world->rank[me], (world->set[me] + i) % world->replicas);
        if (process >= 0)
            return process;
    }
    return -1;
}

void p2prep_alike_compare(void)
{
    uint32_t me = OMPI_PROC_MY_NAME->vpid;
    int other = next_replica(mca_pml_p2prep.world, me);
    char mine[TEXT_MAX], list[TEXT_MAX] = "";
    size_t size = 0;
    if (ompi_process_info.my_local_rank != 0 || other < 0)
        return;
    char *its = p2prep_daemon_card((uint32_t)other, KEY, &size);
    if (!its || size == 0 || its[size - 1] != '\0') {
        free(its);
        return;
    }
    text_make(mine);
    differences_add(list, mine, its, true);
    differences_add(list, its, mine, false);
    free(its);
    if (list[0])
        p2prep_say("unlike", mca_pml_p2prep.world->rank[me], ompi_process_info.nodename, me,
                   p2prep_watch_host(other), other, list);
}
