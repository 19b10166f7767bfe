/* SPDX-License-Identifier: BSD-3-Clause */
/* host.c - what this machine offers: hwloc's and the C library's word as a Wire__HostInfo */
#include "config.h"
#include "plan/host.h"

#include "base/hex.h"
#include "base/mem.h"
#include "base/program.h"
#include "plan/ompi.h"

#include <errno.h>
#include <glob.h>
#include <gnu/libc-version.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <hwloc.h>
#include <openssl/sha.h>

#define HOST_LINE         512
#define HOST_ACCELERATORS 64

/* First line of the file that starts with key, without key, white space and quotes around the
 * value. NULL key: the first line. Returns false when there is none. */
static bool file_value(const char *path, const char *key, char *out, size_t size)
{
    char line[HOST_LINE];
    bool found = false;

    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        size_t skip = key != NULL ? strlen(key) : 0;
        if (skip > 0 && strncmp(line, key, skip) != 0)
            continue;
        const char *value = line + skip + strspn(line + skip, " \t:=\"");
        snprintf(out, size, "%.*s", (int)strcspn(value, "\"\n"), value);
        found = true;
    }
    fclose(file);
    return found && out[0] != '\0';
}

/* machine-id must not leave the machine as it is (machine-id(5)): a hash of it does. */
static char *machine_id(const struct host_options *options)
{
    static const char salt[] = "p2pmpi machine:";
    const char *given = options != NULL ? options->machine_id : NULL;
    char name[HOST_LINE] = "", hex[2 * SHA256_DIGEST_LENGTH + 1];
    uint8_t hash[SHA256_DIGEST_LENGTH];

    if (given == NULL)
        given = getenv("P2PMPI_MACHINE_ID");
    if (given != NULL && given[0] != '\0')
        snprintf(name, sizeof name, "%s", given);
    else if (!file_value("/etc/machine-id", NULL, name, sizeof name))
        gethostname(name, sizeof name - 1);
    char *text = mem_format("%s%s", salt, name);
    SHA256((const unsigned char *)text, strlen(text), hash);
    free(text);
    hex_encode(hash, 16, hex);
    return mem_string(hex);
}

static void describe_system(Wire__HostInfo *host)
{
    struct utsname uts;
    char text[HOST_LINE], version[OMPI_VERSION_SIZE];

    if (uname(&uts) == 0) {
        host->arch = mem_string(uts.machine);
        host->kernel = mem_format("%s %s", uts.sysname, uts.release);
        host->os = file_value("/etc/os-release", "PRETTY_NAME", text, sizeof text)
                       ? mem_string(text)
                       : mem_string(uts.sysname);
    }
    host->glibc = mem_string(gnu_get_libc_version());
    if (ompi_find(version) == 0)
        host->mpi = mem_string(version);
}

/* Highest nominal frequency; virtual machines tell only what /proc/cpuinfo shows. */
static uint32_t cpu_mhz(void)
{
    char text[HOST_LINE];

    if (file_value("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", NULL, text,
                   sizeof text))
        return (uint32_t)(strtoul(text, NULL, 10) / 1000);
    if (file_value("/proc/cpuinfo", "cpu MHz", text, sizeof text))
        return (uint32_t)(strtod(text, NULL) + 0.5);
    return 0;
}

/* The levels of the x86-64 psABI, by the features of each that compilers of ten years can ask for.
 */
static uint32_t cpu_level(void)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("ssse3") ||
        !__builtin_cpu_supports("popcnt"))
        return 1;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2"))
        return 2;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return 3;
    return 4;
#else
    return 0;
#endif
}

static uint32_t count_of(hwloc_topology_t topology, hwloc_obj_type_t type)
{
    int count = hwloc_get_nbobjs_by_type(topology, type);

    return count > 0 ? (uint32_t)count : 0;
}

/* Hardware threads that this process may run on: less than the machine's in a container or under
 * taskset. */
static uint32_t allowed_threads(hwloc_topology_t topology)
{
    hwloc_bitmap_t bound = hwloc_bitmap_alloc();
    uint32_t threads = count_of(topology, HWLOC_OBJ_PU);

    if (bound == NULL)
        return threads;
    if (hwloc_get_cpubind(topology, bound, HWLOC_CPUBIND_PROCESS) == 0) {
        hwloc_bitmap_and(bound, bound, hwloc_topology_get_allowed_cpuset(topology));
        int weight = hwloc_bitmap_weight(bound);
        if (weight > 0)
            threads = (uint32_t)weight;
    }
    hwloc_bitmap_free(bound);
    return threads;
}

static void describe_caches(hwloc_topology_t topology, Wire__HostInfo *host)
{
    static const hwloc_obj_type_t levels[] = {HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L2CACHE,
                                              HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L4CACHE,
                                              HWLOC_OBJ_L5CACHE};

    host->caches = mem_array(5, sizeof *host->caches);
    for (uint32_t level = 1; level <= 5; level++) {
        hwloc_obj_t object = hwloc_get_obj_by_type(topology, levels[level - 1], 0);
        if (object == NULL)
            continue;
        Wire__Cache *cache = mem_alloc(sizeof *cache);
        wire__cache__init(cache);
        cache->level = level;
        cache->bytes = object->attr->cache.size;
        cache->count = count_of(topology, levels[level - 1]);
        host->caches[host->n_caches++] = cache;
    }
}

static void add_accelerator(Wire__HostInfo *host, const char *vendor, const char *model,
                            const char *fallback)
{
    if (host->n_accelerators == HOST_ACCELERATORS)
        return;
    if (host->accelerators == NULL)
        host->accelerators = mem_array(HOST_ACCELERATORS, sizeof *host->accelerators);
    host->accelerators[host->n_accelerators++] = model == NULL ? mem_string(fallback)
                                                 : vendor == NULL
                                                     ? mem_string(model)
                                                     : mem_format("%s %s", vendor, model);
}

static const char *info_of(hwloc_obj_t object, const char *name)
{
    return object != NULL ? hwloc_obj_get_info_by_name(object, name) : NULL;
}

static hwloc_obj_t pci_above(hwloc_obj_t object)
{
    while (object != NULL && object->type != HWLOC_OBJ_PCI_DEVICE)
        object = object->parent;
    return object;
}

/* One line per device: a card shows up as several OS devices (cuda0, nvml0, card0) below one PCI
 * device. */
static void describe_accelerators(hwloc_topology_t topology, Wire__HostInfo *host)
{
    hwloc_obj_t seen[HOST_ACCELERATORS];
    size_t count = 0;

    for (hwloc_obj_t os = NULL; (os = hwloc_get_next_osdev(topology, os)) != NULL;) {
        if (os->attr->osdev.type != HWLOC_OBJ_OSDEV_GPU &&
            os->attr->osdev.type != HWLOC_OBJ_OSDEV_COPROC)
            continue;
        hwloc_obj_t pci = pci_above(os);
        bool again = false;
        for (size_t i = 0; i < count && pci != NULL; i++)
            again = again || seen[i] == pci;
        if (again || count == HOST_ACCELERATORS)
            continue;
        seen[count++] = pci;
        const char *model = info_of(os, "GPUModel");
        if (model == NULL)
            model = info_of(pci, "PCIDevice");
        const char *vendor = info_of(os, "GPUVendor");
        if (vendor == NULL)
            vendor = info_of(pci, "PCIVendor");
        add_accelerator(host, vendor, model, os->name != NULL ? os->name : "accelerator");
    }
    if (count > 0)
        return;
    for (hwloc_obj_t pci = NULL; (pci = hwloc_get_next_pcidev(topology, pci)) != NULL;) {
        char text[64];
        if (pci->attr->pcidev.class_id >> 8 != 0x03 && pci->attr->pcidev.class_id >> 8 != 0x12)
            continue; /* display controllers and processing accelerators */
        snprintf(text, sizeof text, "PCI %04x:%04x", pci->attr->pcidev.vendor_id,
                 pci->attr->pcidev.device_id);
        add_accelerator(host, info_of(pci, "PCIVendor"), info_of(pci, "PCIDevice"), text);
    }
}

/* A look at /sys before hwloc goes through all devices, which takes long and loads plug-ins that
 * leak: graphics cards, and PCI devices that are display controllers (03) or processing
 * accelerators (12). */
static bool has_accelerators(void)
{
    static const char *const places[] = {"/sys/class/drm/card[0-9]*",
                                         "/sys/bus/pci/devices/*/class"};
    char text[HOST_LINE];
    bool found = false;
    glob_t files;

    if (glob(places[0], 0, NULL, &files) == 0) {
        found = files.gl_pathc > 0;
        globfree(&files);
    }
    if (found || glob(places[1], 0, NULL, &files) != 0)
        return found;
    for (size_t i = 0; i < files.gl_pathc && !found; i++)
        if (file_value(files.gl_pathv[i], "0x", text, sizeof text))
            found = strncmp(text, "03", 2) == 0 || strncmp(text, "12", 2) == 0;
    globfree(&files);
    return found;
}

/* Components that would talk to a driver or an X server are left out: they take up to seconds, and
 * a daemon must not open a display. What the kernel shows below /sys is enough to name a card. */
static hwloc_topology_t load_topology(bool with_devices, struct err *err)
{
    static const char *const slow[] = {"gl", "opencl", "cuda", "nvml", "rsmi", "levelzero"};
    bool hides = !with_devices && getenv("HWLOC_PLUGINS_PATH") == NULL;
    hwloc_topology_t topology;

    if (hides) /* its plug-ins are all about devices, and cost half of the time */
        setenv("HWLOC_PLUGINS_PATH", "/nonexistent", 1);
    int done = hwloc_topology_init(&topology);
    if (hides)
        unsetenv("HWLOC_PLUGINS_PATH");
    if (done < 0) {
        err_sys(err, "hwloc cannot be started");
        return NULL;
    }
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++)
        hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, slow[i]);
    if (with_devices)
        hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    hwloc_topology_set_icache_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
    if (hwloc_topology_load(topology) < 0) {
        err_sys(err, "hwloc cannot read this machine's topology");
        hwloc_topology_destroy(topology);
        return NULL;
    }
    return topology;
}

static void describe_cpu(hwloc_topology_t topology, Wire__HostInfo *host)
{
    char text[HOST_LINE];
    const char *model = info_of(hwloc_get_obj_by_type(topology, HWLOC_OBJ_PACKAGE, 0), "CPUModel");

    if (model == NULL && file_value("/proc/cpuinfo", "model name", text, sizeof text))
        model = text;
    host->cpu_model = model != NULL ? mem_string(model) : mem_string("unknown");
    host->cpu_mhz = cpu_mhz();
    host->cpu_level = cpu_level();
    host->packages = count_of(topology, HWLOC_OBJ_PACKAGE);
    host->cores = count_of(topology, HWLOC_OBJ_CORE);
    host->threads = allowed_threads(topology);
    if (host->packages == 0)
        host->packages = 1;
    if (host->cores == 0)
        host->cores = host->threads;
}

/* hwloc adds up the NUMA nodes; a machine whose memory grew while it ran can have more than they
 * tell. */
static uint64_t memory_of(hwloc_topology_t topology)
{
    uint64_t nodes = hwloc_get_root_obj(topology)->total_memory;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t kernel = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;

    return nodes > kernel ? nodes : kernel;
}

static bool has_component(void)
{
    char *dir = program_component();

    free(dir);
    return dir != NULL;
}

Wire__HostInfo *host_describe(const struct host_options *options, struct err *err)
{
    bool with_devices = (options == NULL || !options->quick) && has_accelerators();

    hwloc_topology_t topology = load_topology(with_devices, err);
    if (topology == NULL)
        return NULL;
    Wire__HostInfo *host = mem_alloc(sizeof *host);
    wire__host_info__init(host);
    host->machine_id = machine_id(options);
    host->p2prep = has_component();
    describe_system(host);
    describe_cpu(topology, host);
    describe_caches(topology, host);
    host->memory = memory_of(topology);
    if (with_devices)
        describe_accelerators(topology, host);
    hwloc_topology_destroy(topology);
    return host;
}

void host_load(Wire__LoadInfo *load)
{
    double averages[1];
    char text[HOST_LINE];

    load->load_milli = getloadavg(averages, 1) == 1 ? (uint32_t)(averages[0] * 1000 + 0.5) : 0;
    load->memory_free = 0;
    if (file_value("/proc/meminfo", "MemAvailable", text, sizeof text))
        load->memory_free = (uint64_t)strtoull(text, NULL, 10) << 10;
}
