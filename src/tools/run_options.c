/* SPDX-License-Identifier: BSD-3-Clause */
/* run_options.c - what was typed behind p2pmpirun: mpirun's option names, read into one struct
 *
 * getopt_long_only reads both --np and -np. One table holds every option: what p2pmpirun does, what
 * it takes and ignores because scripts give it, and what it refuses with a reason. */
#include "config.h"
#include "tools/run_options.h"

#include "base/mem.h"
#include "tools/run_replicas.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* clang-format off */
enum code {
    IGNORED = 256, /* accepted: changes nothing here */
    LATER,         /* known to mpirun, not yet to us */
    HOSTFILE, TIMEOUT, FETCH, PRELOAD, WDIR, MCA, PMIX_MCA, PRTE_MCA, TAG_OUTPUT, MERGE, OUTPUT, STDIN,
    DISPLAY_MAP, OVERSUBSCRIBE, NO_OVERSUBSCRIBE, MAP_BY, SPREAD, CONCENTRATE, LOCAL,
    SHORT_RANKS = 'n', SHORT_HOST = 'H', SHORT_EXPORT = 'x', SHORT_STRATEGY = 'a', SHORT_WAIT = 'w',
    SHORT_LIST = 'l', SHORT_REPLICAS = 'r', SHORT_QUIET = 'q', SHORT_VERBOSE = 'v', SHORT_VERSION = 'V', SHORT_HELP = 'h',
};
/* clang-format on */

struct known {
    const char *name;
    int argument; /* required_argument also where two follow: the second is taken by take_pair() */
    int code;
};

static const struct known known[] = {
    {"np", required_argument, SHORT_RANKS},
    {"n", required_argument, SHORT_RANKS}, /* "--n" */
    {"host", required_argument, SHORT_HOST},
    {"hostfile", required_argument, HOSTFILE},
    {"machinefile", required_argument, HOSTFILE},
    {"default-hostfile", required_argument, HOSTFILE},
    {"export", required_argument, SHORT_EXPORT},
    {"wdir", required_argument, WDIR},
    {"wd", required_argument, WDIR},
    {"mca", required_argument, MCA},
    {"gmca", required_argument, MCA},
    {"pmixmca", required_argument, PMIX_MCA},
    {"gpmixmca", required_argument, PMIX_MCA},
    {"prtemca", required_argument, PRTE_MCA},
    {"strategy", required_argument, SHORT_STRATEGY},
    {"replicas", required_argument, SHORT_REPLICAS},
    {"preload-files", required_argument, PRELOAD},
    {"fetch", required_argument, FETCH},
    {"timeout", required_argument, TIMEOUT},
    {"tag-output", no_argument, TAG_OUTPUT},
    {"merge-stderr-to-stdout", no_argument, MERGE},
    {"output", required_argument, OUTPUT},
    {"stdin", required_argument, STDIN},
    {"display-map", no_argument, DISPLAY_MAP},
    {"display-devel-map", no_argument, DISPLAY_MAP},
    {"oversubscribe", no_argument, OVERSUBSCRIBE},
    {"nooversubscribe", no_argument, NO_OVERSUBSCRIBE},
    {"map-by", required_argument, MAP_BY},
    {"bynode", no_argument, SPREAD},
    {"byslot", no_argument, CONCENTRATE},
    {"bycore", no_argument, CONCENTRATE},
    {"local", no_argument, LOCAL},
    {"quiet", no_argument, SHORT_QUIET},
    {"verbose", no_argument, SHORT_VERBOSE},
    {"version", no_argument, SHORT_VERSION},
    {"help", no_argument, SHORT_HELP},
    /* The daemons neither bind ranks nor need these. */
    {"bind-to", required_argument, IGNORED},
    {"bind-to-none", no_argument, IGNORED},
    {"bind-to-core", no_argument, IGNORED},
    {"bind-to-socket", no_argument, IGNORED},
    {"rank-by", required_argument, IGNORED},
    {"report-bindings", no_argument, IGNORED},
    {"use-hwthread-cpus", no_argument, IGNORED},
    {"use-hwthreads-as-cpus", no_argument, IGNORED},
    {"allow-run-as-root", no_argument, IGNORED},
    {"preload-binary", no_argument, IGNORED}, /* always done */
    {"prefix", required_argument, IGNORED},   /* every peer uses its own Open MPI */
    {"noprefix", no_argument, IGNORED},
    {"display-allocation", no_argument, IGNORED},
    {"disable-recovery", no_argument, IGNORED},
    {"abort-on-non-zero-status", no_argument, IGNORED},
    {"app", required_argument, LATER},
    {"am", required_argument, LATER},
    {"tune", required_argument, LATER},
    {"continuous", no_argument, LATER},
    {"cpu-list", required_argument, LATER},
    {"cpu-set", required_argument, LATER},
    {"cpus-per-proc", required_argument, LATER},
    {"cpus-per-rank", required_argument, LATER},
    {"debug", no_argument, LATER},
    {"do-not-launch", no_argument, LATER},
    {"dvm", required_argument, LATER},
    {"enable-recovery", no_argument, LATER},
    {"get-stack-traces", no_argument, LATER},
    {"launch-agent", required_argument, LATER},
    {"max-restarts", required_argument, LATER},
    {"nolocal", no_argument, LATER},
    {"npernode", required_argument, LATER},
    {"npersocket", required_argument, LATER},
    {"output-filename", required_argument, LATER},
    {"path", required_argument, LATER},
    {"pernode", no_argument, LATER},
    {"personality", required_argument, LATER},
    {"ppr", required_argument, LATER},
    {"rankfile", required_argument, LATER},
    {"report-pid", required_argument, LATER},
    {"report-uri", required_argument, LATER},
    {"runtime-options", required_argument, LATER},
    {"set-sid", no_argument, LATER},
    {"timestamp-output", no_argument, LATER},
    {"tv", no_argument, LATER},
    {"xml", no_argument, LATER},
    {"xterm", required_argument, LATER},
    {"with-ft", required_argument, LATER},
};
enum { KNOWN = sizeof known / sizeof known[0] };
/* '+': the first word that is no option is the program; ':': a missing argument is told apart. */
static const char short_options[] = "+:n:c:H:x:a:w:l:r:qvVhN:s";

void run_options_help(FILE *out)
{
    fputs("usage: p2pmpirun [OPTION]... PROGRAM [ARGUMENT]...\n"
          "Runs an MPI program on the peers of the grid, or on this machine when no p2pmpid runs "
          "here.\n"
          "\n"
          "  -n, -np, -c N          start N ranks\n"
          "  -H, --host A,B:2       only on these hosts (with so many slots)\n"
          "  --hostfile FILE        only on the hosts of FILE, lines \"name slots=N\"\n"
          "  -a spread|concentrate  one rank per host over the nearest hosts (default), or fill "
          "the nearest\n"
          "  -r R, --replicas R     R replicas of each rank, on different machines: hosts may die; "
          "0:3,*:2 gives rank 0\n"
          "                         three and all others two\n"
          "  -w SECONDS             search that long for enough hosts\n"
          "  --oversubscribe        more ranks than slots are fine\n"
          "  --local                on this machine alone, although a p2pmpid runs here\n"
          "\n"
          "  -x NAME[=VALUE]        give this environment variable to the ranks; NAME* gives all "
          "that begin so\n"
          "  --mca NAME VALUE       set an MCA parameter of Open MPI\n"
          "  --wdir DIR             run the ranks in DIR\n"
          "  --preload-files A,B    bring these input files to every host\n"
          "  -l FILE                bring the input files listed in FILE, one a line\n"
          "  --fetch PATTERN        bring files home that ranks made; may be given several times\n"
          "  --stdin none           rank 0 reads nothing\n"
          "\n"
          "  --timeout SECONDS      end the job after this time, exit code 110\n"
          "  --tag-output           put [job,rank]<stream>: before every line\n"
          "  --merge-stderr-to-stdout\n"
          "  --display-map          show which rank runs where\n"
          "  -q, --quiet            no warnings, no progress\n"
          "  -v, --verbose          tell every step\n"
          "  -V, --version          tell the version\n"
          "  -h, --help             tell this\n"
          "\n"
          "Long options may begin with one dash, as mpirun's. See p2pmpirun(1).\n",
          out);
}

/* Of MAP_BY and --output: the words between commas and colons. */
static int each_word(const char *text, const char *between, struct run_options *options,
                     struct err *err, int (*word)(struct run_options *, const char *, struct err *))
{
    char *copy = mem_string(text), *rest = copy;
    int result = 0;

    for (char *part = strsep(&rest, between); part != NULL && result == 0;
         part = strsep(&rest, between))
        if (part[0] != '\0')
            result = word(options, part, err);
    free(copy);
    return result;
}

static int map_word(struct run_options *options, const char *word, struct err *err)
{
    if (strcasecmp(word, "node") == 0)
        options->strategy = RUN_SPREAD;
    else if (strcasecmp(word, "slot") == 0 || strcasecmp(word, "core") == 0 ||
             strcasecmp(word, "hwthread") == 0 || strcasecmp(word, "socket") == 0 ||
             strcasecmp(word, "package") == 0 || strcasecmp(word, "numa") == 0)
        options->strategy = RUN_CONCENTRATE;
    else if (strcasecmp(word, "oversubscribe") == 0)
        options->oversubscribe = true;
    else if (strcasecmp(word, "nooversubscribe") == 0)
        options->oversubscribe = false;
    else
        return err_set(err, "--map-by %s comes in a later version; slot and node are known", word);
    return 0;
}

static int output_word(struct run_options *options, const char *word, struct err *err)
{
    if (strcasecmp(word, "tag") == 0)
        options->tag_output = true;
    else if (strcasecmp(word, "merge") == 0 || strcasecmp(word, "merge-stderr-to-stdout") == 0)
        options->merge_stderr = true;
    else
        return err_set(err, "--output %s comes in a later version; tag and merge are known", word);
    return 0;
}

static int set_strategy(struct run_options *options, const char *word, struct err *err)
{
    if (strcmp(word, "spread") == 0)
        options->strategy = RUN_SPREAD;
    else if (strcmp(word, "concentrate") == 0)
        options->strategy = RUN_CONCENTRATE;
    else
        return err_set(err, "-a is spread or concentrate, not \"%s\"", word);
    return 0;
}

static int set_stdin(struct run_options *options, const char *word, struct err *err)
{
    if (strcmp(word, "none") == 0)
        options->no_stdin = true;
    else if (strcmp(word, "0") != 0)
        return err_set(err, "--stdin %s comes in a later version; 0 and none are known", word);
    return 0;
}

static int set_seconds(const char *option, const char *text, uint32_t *ms_out, struct err *err)
{
    uint32_t seconds;

    if (run_number(text, 1, 4000000, &seconds) < 0)
        return err_set(err, "%s needs a whole number of seconds from 1 to 4000000, not \"%s\"",
                       option, text);
    *ms_out = seconds * 1000;
    return 0;
}

/* The pairs hold each variable once; more values of one parameter are joined with commas. */
static int add_parameter(struct run_strings *mca, const char *prefix, const char *name,
                         const char *value)
{
    char *variable = mem_format("%s%s", prefix, name);

    for (size_t i = 0; i < mca->count; i += 2)
        if (strcmp(mca->items[i], variable) == 0) {
            char *joined = mem_format("%s,%s", mca->items[i + 1], value);
            free(mca->items[i + 1]);
            mca->items[i + 1] = joined;
            free(variable);
            return 0;
        }
    run_strings_add(mca, variable);
    run_strings_add(mca, value);
    free(variable);
    return 0;
}

/* "--mca NAME VALUE": getopt gave NAME, VALUE is the next word. */
static int take_pair(struct run_options *options, const char *prefix, int argc, char **argv,
                     struct err *err)
{
    const char *name = optarg;

    if (optind >= argc)
        return err_set(err, "--mca %s needs a value behind it", name);
    const char *value = argv[optind++];
    if (name[0] == '\0' || strchr(name, '=') != NULL)
        return err_set(err, "\"%s\" is not the name of an MCA parameter; write --mca NAME VALUE",
                       name);
    if (prefix == NULL) /* of PRRTE's launcher, which is not here */
        return 0;
    return add_parameter(&options->mca, prefix, name, value);
}

static int set_ranks(struct run_options *options, const char *text, struct err *err)
{
    if (run_number(text, 1, 65536, &options->ranks) < 0)
        return err_set(err, "-n needs a number of ranks from 1 to 65536, not \"%s\"", text);
    return 0;
}

/* clang-format off: one line an option */
static int apply(struct run_options *o, int code, int argc, char **argv, struct err *err)
{
    switch (code) {
    case 'c':
    case SHORT_RANKS:
        return set_ranks(o, optarg, err);
    case SHORT_HOST:
        return run_hosts_add(&o->hosts, optarg, err);
    case HOSTFILE:
        return run_hosts_read(&o->hosts, optarg, err);
    case SHORT_EXPORT:
        run_strings_add(&o->exports, optarg);
        return 0;
    case SHORT_STRATEGY:
        return set_strategy(o, optarg, err);
    case SHORT_REPLICAS:
        o->replicas = optarg;
        return 0;
    case SHORT_WAIT:
        return set_seconds("-w", optarg, &o->wait_ms, err);
    case SHORT_LIST:
        run_strings_add(&o->lists, optarg);
        return 0;
    case TIMEOUT:
        return set_seconds("--timeout", optarg, &o->timeout_ms, err);
    case FETCH:
        run_strings_add(&o->fetch, optarg);
        return 0;
    case PRELOAD:
        run_strings_add(&o->preload, optarg);
        return 0;
    case WDIR:
        o->wdir = optarg;
        return 0;
    case MCA:
        return take_pair(o, "OMPI_MCA_", argc, argv, err);
    case PMIX_MCA:
        return take_pair(o, "PMIX_MCA_", argc, argv, err);
    case PRTE_MCA:
        return take_pair(o, NULL, argc, argv, err);
    case TAG_OUTPUT:
        o->tag_output = true;
        return 0;
    case MERGE:
        o->merge_stderr = true;
        return 0;
    case OUTPUT:
        return each_word(optarg, ",", o, err, output_word);
    case STDIN:
        return set_stdin(o, optarg, err);
    case DISPLAY_MAP:
        o->display_map = true;
        return 0;
    case OVERSUBSCRIBE:
        o->oversubscribe = true;
        return 0;
    case NO_OVERSUBSCRIBE:
        o->oversubscribe = false;
        return 0;
    case MAP_BY:
        return each_word(optarg, ":,", o, err, map_word);
    case SPREAD:
        o->strategy = RUN_SPREAD;
        return 0;
    case CONCENTRATE:
        o->strategy = RUN_CONCENTRATE;
        return 0;
    case LOCAL:
        o->local = true;
        return 0;
    case SHORT_QUIET:
        o->quiet = true;
        return 0;
    case SHORT_VERBOSE:
        o->verbose = true;
        return 0;
    case SHORT_VERSION:
        o->version = true;
        return 0;
    case SHORT_HELP:
        o->help = true;
        return 0;
    default:
        return 0; /* IGNORED, 's' (--preload-binary) */
    }
}
/* clang-format on */

/* What getopt could not use, as it was typed. */
static int refuse(int code, const char *typed, struct err *err)
{
    if (code == ':')
        return err_set(err, "the option \"%s\" needs an argument", typed);
    if (code == LATER || code == 'N')
        return err_set(err, "the option \"%s\" of mpirun comes in a later version of p2pmpirun",
                       typed);
    return err_set(err, "unknown option \"%s\"\nType 'p2pmpirun --help' for usage.", typed);
}

static int read_words(struct run_options *options, int argc, char **argv, struct err *err)
{
    struct option longs[KNOWN + 1] = {{0}};
    int code;

    for (int i = 0; i < KNOWN; i++)
        longs[i] = (struct option){known[i].name, known[i].argument, NULL, known[i].code};
    optind = 0; /* glibc: begin anew, although another command line was read before */
    opterr = 0;
    for (;;) {
        int before = optind > 0 ? optind : 1;
        code = getopt_long_only(argc, argv, short_options, longs, NULL);
        if (code == -1)
            break;
        if (code == '?' || code == ':' || code == LATER || code == 'N')
            return refuse(code, argv[before], err);
        if (apply(options, code, argc, argv, err) < 0)
            return -1;
        if (options->help || options->version)
            return 0;
    }
    options->argv = argv + optind;
    options->argc = argc - optind;
    return 0;
}

/* Replicas need the PML p2prep, and their number. */
static int check_replicas(const struct run_options *options, struct err *err)
{
    if (options->replicas == NULL)
        return 0;
    if (run_replicas_read(options->replicas, options->ranks, NULL, err) < 0)
        return -1;
    if (options->ranks == 0)
        return err_set(err, "-r needs the number of ranks: give -n");
    for (size_t i = 0; i < options->mca.count; i += 2)
        if (strcmp(options->mca.items[i], "OMPI_MCA_pml") == 0 &&
            strcmp(options->mca.items[i + 1], "p2prep") != 0)
            return err_set(err, "-r runs with the PML p2prep only: leave out --mca pml %s",
                           options->mca.items[i + 1]);
    return 0;
}

int run_options_read(struct run_options *options, int argc, char **argv, struct err *err)
{
    const char *timeout = getenv("MPIEXEC_TIMEOUT");

    *options = (struct run_options){.strategy = RUN_SPREAD};
    if (read_words(options, argc, argv, err) < 0)
        return -1;
    if (options->help || options->version)
        return 0;
    if (options->argc == 0 || options->argv[0][0] == '\0')
        return err_set(err, "no program is named\nType 'p2pmpirun --help' for usage.");
    for (int i = 0; i < options->argc; i++)
        if (strcmp(options->argv[i], ":") == 0)
            return err_set(err, "several programs in one job (\":\") come in a later version");
    if (options->timeout_ms == 0 && timeout != NULL &&
        set_seconds("MPIEXEC_TIMEOUT", timeout, &options->timeout_ms, err) < 0)
        return -1;
    return check_replicas(options, err);
}

void run_options_clear(struct run_options *options)
{
    run_hosts_clear(&options->hosts);
    run_strings_clear(&options->exports);
    run_strings_clear(&options->mca);
    run_strings_clear(&options->preload);
    run_strings_clear(&options->lists);
    run_strings_clear(&options->fetch);
}
