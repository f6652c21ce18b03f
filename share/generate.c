/* Makes what describes the command line from its table: `generate man|bash|zsh|fish` prints it. */
#include "cli/table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* ---- the man page, mdoc(7) ---- */

enum { LINE_MAX = 70 }; /* mandoc(1) asks for 80, and a hyphen takes two */

/* Text whose lines begin with each sentence, as mdoc wants it, and with none of roff's own characters. */
static void print_mdoc(const char *text)
{
    bool start = true;
    size_t column = 0;
    for (; *text != '\0'; text++, column++) {
        if (*text == ' ' && column + 1 + strcspn(text + 1, " ") > LINE_MAX) {
            putchar('\n');
            column = 0;
            start = true;
            continue;
        }
        if (start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        start = false;
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        if (*text == '.' && text[1] == ' ') {
            putchar('\n');
            start = true;
            column = 0;
            text++;
        }
    }
    putchar('\n');
}

static void print_capital(const char *text)
{
    char line[256];
    snprintf(line, sizeof line, "%s.", text);
    if (*line >= 'a' && *line <= 'z')
        line[0] = (char)(line[0] - 'a' + 'A');
    print_mdoc(line);
}

static void print_item(const struct option_row *row)
{
    const char *value = row->value;
    char bare[32];
    if (value != NULL && *value == '\'') { /* quoted for a shell */
        snprintf(bare, sizeof bare, "%.*s", (int)strlen(value) - 2, value + 1);
        value = bare;
    }
    printf(".It ");
    if (table_has_letter(row)) {
        printf("Fl %c", row->key);
        if (row->takes == VALUE_NEEDED)
            printf(" Ar \"%s\"", value);
        printf(" , ");
    }
    printf("Fl Fl %s", row->name);
    if (row->takes == VALUE_NEEDED)
        printf(" Ar \"%s\"", value);
    else if (row->takes == VALUE_OPTIONAL)
        printf(" Ns Op = Ns Ar %s", value);
    putchar('\n');
    print_capital(row->help);
    if (row->manual != NULL)
        print_mdoc(row->manual);
    if (row->separator != 0)
        printf("It may be given several times.\n");
}

static void print_options(void)
{
    for (enum option_group group = 0; group < GROUPS; group++) {
        printf(".Ss %s\n.Bl -tag -width Ds\n", table_heading(group));
        for (size_t i = 0; i < table_count; i++) {
            if (table_rows[i].group == group)
                print_item(&table_rows[i]);
        }
        printf(".El\n");
    }
}

static void print_head(void)
{
    printf(".\\\" Made from src/cli/table.c by share/generate.c; `make share` makes it anew.\n"
           ".Dd November 20, 2026\n.Dt TINYHTTPD 1\n.Os \"tinyhttpd " TINYHTTPD_VERSION "\"\n"
           ".Sh NAME\n.Nm tinyhttpd\n.Nd serve static files over HTTP/1.1\n"
           ".Sh SYNOPSIS\n.Nm\n.Op Ar option ...\n.Op Ar DIR | FILE\n"
           ".Sh DESCRIPTION\n.Nm\n"
           "serves the files of a directory, by default the current one,\n"
           "or one file, which is then the answer at the root and at its own name.\n"
           "Without options, only this machine reaches it, at\n.Lk http://localhost:8080/ .\n"
           "A change on disk is visible to the next request.\n"
           "The banner and errors go to standard error, a line for each request to\nstandard output.\n"
           ".Pp\n.Pa /.well-known/tinyhttpd/health\n"
           "is answered with 200 while the server takes requests, and with 503 once it was\n"
           "told to stop; it is not logged.\n"
           ".Pp\nThe options are these.\n"
           "A value in brackets may be left out, and goes with the long form alone:\n"
           ".Fl Fl spa Ns = Ns Pa app.html .\n");
}

static void print_environment(void)
{
    printf(".Sh ENVIRONMENT\n"
           "Each option but those that do something else than serve can stand in the\nenvironment as\n"
           ".Ev TINYHTTPD_\\&<NAME> ,\nthe name in capitals and with underscores:\n"
           ".Ev TINYHTTPD_PORT=9000 ,\n.Ev TINYHTTPD_NO_LIST=1 .\n"
           "An option without a value, or whose value is left out, is given by 1, true,\n"
           "yes or on; 0, false, no and off are as if it were not there.\n"
           "An empty variable is refused, as nonsense is.\n"
           "What may be given several times is separated by line ends or commas,\nfields of\n"
           ".Fl Fl header\nby line ends alone.\n"
           "The command line overrides the environment.\n"
           ".Bl -tag -width Ds\n"
           ".It Ev PORT\nThe port, where neither the command line nor\n.Ev TINYHTTPD_PORT\nnames one.\n"
           ".It Ev NO_COLOR\nIf set and not empty, no colours are written; nor where\n.Ev TERM\nis dumb.\n"
           ".It Ev LISTEN_FDS , LISTEN_PID\n"
           "Sockets that are handed over, as systemd does; they take the place of\n"
           ".Fl Fl port\nand\n.Fl Fl bind .\n"
           ".It Ev NOTIFY_SOCKET\nWhere to tell that the server is ready, reloads or stops.\n"
           ".El\n");
}

static void print_files(void)
{
    printf(".Sh FILES\n"
           "In the root:\n"
           ".Bl -tag -width Ds\n"
           ".It Pa 404.html\nThe page of every 404.\n"
           ".It Pa NAME.html\nAnswers for\n.Pa NAME\nas well, where nothing else does.\n"
           ".It Pa FILE.br , FILE.zst , FILE.gz\n"
           "Sent in place of\n.Pa FILE\nto those who accept them, unless they are older.\n"
           ".El\n");
}

static void print_signals(void)
{
    printf(".Sh SIGNALS\n"
           ".Bl -tag -width Ds\n"
           ".It Dv SIGTERM , SIGINT\n"
           "Ends it after the answers in flight, for which it waits 8 seconds at most; a\nsecond one ends it "
           "at once.\n"
           ".It Dv SIGHUP\n"
           "Starts the program anew from its file, with the same options, environment and\nsockets; no "
           "connection is lost.\n"
           "If that fails, all stays as it was.\n"
           "Where the terminal that it was started from has gone, it stops instead.\n"
           ".El\n");
}

static void print_statuses(void)
{
    printf(".Sh EXIT STATUS\n"
           ".Bl -tag -width Ds -compact\n"
           ".It 0\nIt was told to stop, or\n.Fl Fl check\nfound a server that is well.\n"
           ".It 1\n.Fl Fl check\nfound none.\n"
           ".It 64\nThe command line or the environment is wrong, or the user is unknown or one\n"
           "that only root can become.\n"
           ".It 66\nThe root is missing, is no directory, or can't be read by the workers' user.\n"
           ".It 68\nThe name given to\n.Fl Fl bind\nis unknown.\n"
           ".It 69\nThe port is in use, or the address is not of this machine.\n"
           ".It 71\nThe system lacks a resource.\n"
           ".It 74\nStandard output can't be written to.\n"
           ".It 77\nThe port needs a privilege, or root may not become the user.\n"
           ".El\n");
}

static void print_end(void)
{
    printf(".Sh EXAMPLES\n"
           "Serve a folder, and open a browser:\n.Pp\n.Dl tinyhttpd \\-o dist\n.Pp\n"
           "Show it to a phone in the same network:\n.Pp\n.Dl tinyhttpd \\-\\-lan dist\n.Pp\n"
           "In a container, with its health check:\n.Pp\n"
           ".Dl tinyhttpd \\-b \\(aq*\\(aq \\-c auto /www\n.Dl tinyhttpd \\-\\-check\n"
           ".Sh SEE ALSO\n.Xr curl 1 ,\n.Xr xdg-open 1 ,\n.Xr systemd.socket 5\n"
           ".Sh STANDARDS\nRFC 9110 (HTTP semantics) and RFC 9112 (HTTP/1.1).\n");
}

static void print_man(void)
{
    print_head();
    print_options();
    print_environment();
    print_files();
    print_signals();
    print_statuses();
    print_end();
}

/* ---- completions ---- */

/* Text inside single quotes of a shell. */
static void print_quoted(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    }
}

/* The words of a case in bash: every spelling of the options that offer this. */
static void print_spellings(enum option_offer offer, const char *words)
{
    const char *gap = "";
    for (size_t i = 0; i < table_count; i++) {
        const struct option_row *row = &table_rows[i];
        if (row->offer != offer || row->takes != VALUE_NEEDED || (words != NULL && row->words != words))
            continue;
        if (table_has_letter(row))
            printf("%s-%c | ", gap, row->key), gap = "";
        printf("%s--%s", gap, row->name);
        gap = " | ";
    }
}

static void print_bash(void)
{
    printf("# Completion of tinyhttpd for bash. Made from src/cli/table.c by share/generate.c.\n"
           "_tinyhttpd() {\n    local word=$2 before=$3\n    COMPREPLY=()\n"
           "    if [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
           "    if [[ $word == = ]]; then word=; before=${COMP_WORDS[COMP_CWORD-1]}; fi\n"
           "    case $before in\n    ");
    print_spellings(OFFER_DIRECTORIES, NULL);
    printf(") mapfile -t COMPREPLY < <(compgen -d -- \"$word\") && return ;;\n    ");
    print_spellings(OFFER_USERS, NULL);
    printf(") mapfile -t COMPREPLY < <(compgen -u -- \"$word\") && return ;;\n");
    for (size_t i = 0; i < table_count; i++) {
        if (table_rows[i].offer != OFFER_WORDS)
            continue;
        printf("    ");
        print_spellings(OFFER_WORDS, table_rows[i].words);
        printf(") mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$word\") && return ;;\n",
               table_rows[i].words);
    }
    printf("    ");
    print_spellings(OFFER_NOTHING, NULL);
    printf(") return ;;\n    esac\n    if [[ $word == -* ]]; then\n"
           "        mapfile -t COMPREPLY < <(compgen -W '");
    for (size_t i = 0; i < table_count; i++)
        printf("%s--%s", i > 0 ? " " : "", table_rows[i].name);
    printf("' -- \"$word\")\n    else\n        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n    fi\n}\n"
           "complete -o filenames -F _tinyhttpd tinyhttpd\n");
}

static void print_zsh_action(const struct option_row *row)
{
    switch (row->offer) {
    case OFFER_DIRECTORIES:
        printf("_directories");
        break;
    case OFFER_FILES:
        printf("_files");
        break;
    case OFFER_USERS:
        printf("_users");
        break;
    case OFFER_WORDS:
        printf("(%s)", row->words);
        break;
    case OFFER_NOTHING:
        printf(" ");
        break;
    }
}

static void print_zsh_line(const struct option_row *row, bool letter)
{
    static const char *const ends[] = {"", "=", "=-"};
    printf("    '%s", row->separator != 0 ? "*" : "");
    if (letter)
        printf("-%c%s", row->key, row->takes == VALUE_NEEDED ? "+" : "");
    else
        printf("--%s%s", row->name, ends[row->takes]);
    printf("[");
    print_quoted(row->help);
    printf("]");
    if (row->takes == VALUE_NEEDED || (row->takes == VALUE_OPTIONAL && !letter)) {
        printf("%s", row->takes == VALUE_OPTIONAL ? "::" : ":");
        printf("%.*s:", (int)strcspn(row->name, ":"), row->name);
        print_zsh_action(row);
    }
    printf("' \\\n");
}

static void print_zsh(void)
{
    printf("#compdef tinyhttpd\n# Completion of tinyhttpd for zsh. Made from src/cli/table.c by "
           "share/generate.c.\n"
           "_arguments -s -S \\\n");
    for (size_t i = 0; i < table_count; i++) {
        if (table_has_letter(&table_rows[i]))
            print_zsh_line(&table_rows[i], true);
        print_zsh_line(&table_rows[i], false);
    }
    printf("    '::root:_files'\n");
}

static void print_fish(void)
{
    static const char *const offers[] = {" -x", " -x -a '(__fish_complete_directories)'", " -r -F",
                                         " -x -a '(__fish_complete_users)'"};
    printf("# Completion of tinyhttpd for fish. Made from src/cli/table.c by share/generate.c.\n");
    for (size_t i = 0; i < table_count; i++) {
        const struct option_row *row = &table_rows[i];
        printf("complete -c tinyhttpd");
        if (table_has_letter(row))
            printf(" -s %c", row->key);
        printf(" -l %s", row->name);
        if (row->offer == OFFER_WORDS)
            printf(" -x -a '%s'", row->words);
        else if (row->takes == VALUE_NEEDED)
            printf("%s", offers[row->offer]);
        printf(" -d '");
        for (const char *at = row->help; *at != '\0'; at++)
            printf("%s%c", *at == '\'' ? "\\" : "", *at);
        printf("'\n");
    }
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } kinds[] = {{"man", print_man}, {"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (count == 2 && strcmp(arguments[1], kinds[i].name) == 0) {
            kinds[i].print();
            return fflush(stdout) == 0 ? 0 : 1;
        }
    }
    fprintf(stderr, "usage: generate man|bash|zsh|fish\n");
    return 1;
}
