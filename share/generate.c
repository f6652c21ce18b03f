/* Prints the man page or a shell's completions from the tables of options and of signals:
   `generate man|bash|zsh|fish`. */
#include "base/signals.h"
#include "cli/table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* ---- the man page, mdoc(7) ---- */

enum { LINE_MAX = 70 }; /* mandoc(1) warns above 80, and each hyphen becomes two characters */

/* Starts a line for each sentence, as mdoc(7) asks, and escapes roff's special characters. */
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

static void print_capitalized(const char *text)
{
    char line[256];
    snprintf(line, sizeof line, "%s.", text);
    if (*line >= 'a' && *line <= 'z')
        line[0] = (char)(line[0] - 'a' + 'A');
    print_mdoc(line);
}

/* A quote is the apostrophe that a shell knows. */
static void print_value(const char *value)
{
    printf(" Ar \"");
    for (; *value != '\0'; value++)
        *value == '\'' ? fputs("\\(aq", stdout) : putchar(*value);
    putchar('"');
}

static void print_item(const struct option_row *row)
{
    printf(".It ");
    if (table_has_letter(row)) {
        printf("Fl %c", row->key);
        if (row->takes == VALUE_NEEDED)
            print_value(row->value);
        printf(" , ");
    }
    printf("Fl Fl %s", row->name);
    if (row->takes == VALUE_NEEDED)
        print_value(row->value);
    else if (row->takes == VALUE_OPTIONAL)
        printf(" Ns Op = Ns Ar %s", row->value);
    putchar('\n');
    print_capitalized(row->help);
    if (row->manual != NULL)
        print_mdoc(row->manual);
    if (row->separator != 0)
        printf("Repeatable.\n");
}

static void print_options(void)
{
    for (size_t i = 0; i < table_count; i++) {
        if (table_rows[i].heading != NULL)
            printf("%s.Ss %s\n.Bl -tag -width Ds\n", i > 0 ? ".El\n" : "", table_rows[i].heading);
        print_item(&table_rows[i]);
    }
    printf(".El\n");
}

static void print_head(void)
{
    printf(".\\\" Made from src/cli/table.c and src/base/signals.c by share/generate.c; update it with "
           "`make share`.\n"
           ".Dd November 20, 2026\n.Dt TINYHTTPD 1\n.Os \"tinyhttpd " TINYHTTPD_VERSION "\"\n"
           ".Sh NAME\n.Nm tinyhttpd\n.Nd serve static files over HTTP/1.1\n"
           ".Sh SYNOPSIS\n.Nm\n.Op Ar option ...\n.Op Ar DIR | FILE\n.Op \\-\\- Ar COMMAND Op Ar ARG ...\n"
           ".Sh DESCRIPTION\n.Nm\n"
           "serves the files of a directory, by default the current one,\n"
           "or one file with its encoded forms, at the root and at its own name.\n"
           "Without options, only this machine can reach it, at\n.Lk http://localhost:8080/ .\n"
           "The next request sees a change on disk.\n"
           ".Pp\nWith\n.Ar COMMAND ,\nit serves while that runs, on any free port unless one is given, and "
           "exits with its\n"
           "status.\n.Ev TINYHTTPD_URL\nis the address, without a slash at its end.\nStandard output is the "
           "command's;\n"
           "the server writes to standard error.\nSignals go to the command; one that goes on 8 seconds "
           "after SIGTERM or SIGHUP is killed.\n.Pp\n"
           "The banner and errors go to standard error, and the access log to\nstandard output.\n"
           ".Pp\n.Pa /.well-known/tinyhttpd/health\n"
           "is the health path: 200 while the server accepts requests, and 503 while it stops.\n"
           "It is not logged.\n"
           ".Pp\nAn optional value needs the long form:\n"
           ".Fl Fl spa Ns = Ns Pa app.html .\nIn\n.Ql \\-s dir ,\n.Ar dir\nis the root.\n");
}

static void print_environment(void)
{
    printf(".Sh ENVIRONMENT\n"
           "Every option except\n.Fl Fl check , Fl Fl help\nand\n.Fl Fl version\ncan be set as\n"
           ".Ev TINYHTTPD_\\&<NAME> ,\nwith the name in capitals and with underscores:\n"
           ".Ev TINYHTTPD_PORT=9000 ,\n.Ev TINYHTTPD_NO_LIST=1 .\n"
           "For an option without a value, or with its optional value left out, 1, true, yes\n"
           "and on set it; 0, false, no and off do not.\n"
           "Empty or invalid variables are errors.\n"
           "A name that looks like a misspelt option prints a warning.\n"
           "Repeatable options take a list separated by commas or newlines\n"
           ".Pq Fl Fl header : No newlines only .\n"
           "The command line overrides the environment.\n"
           ".Bl -tag -width Ds\n"
           ".It Ev PORT\nThe port, if neither the command line nor\n.Ev TINYHTTPD_PORT\nsets it.\n"
           ".It Ev BROWSER\nThe commands of\n.Fl Fl open ,\nseparated by colons.\nThe URL takes the place of "
           "%%s, "
           "else it is the last argument.\n"
           ".It Ev NO_COLOR\nIf set and not empty, output has no colours; the same if\n.Ev TERM\nis dumb.\n"
           ".It Ev LISTEN_FDS , LISTEN_PID\n"
           "Sockets passed by systemd or another supervisor; they replace\n"
           ".Fl Fl port\nand\n.Fl Fl bind .\n"
           ".It Ev NOTIFY_SOCKET\nThe socket for notifications: ready, reloading, stopping.\n"
           ".El\n");
}

static void print_files(void)
{
    printf(".Sh FILES\n"
           "In the root:\n"
           ".Bl -tag -width Ds\n"
           ".It Pa 404.html\nThe body of every 404.\n"
           ".It Pa NAME.html\nAlso served for\n.Pa NAME ,\nif no other file is.\n"
           ".It Pa FILE.br , FILE.zst , FILE.gz\n"
           "Sent instead of\n.Pa FILE\nto clients that accept them, unless they are older.\n"
           ".El\n");
}

static void print_signals(void)
{
    printf(".Sh SIGNALS\n"
           "Signal the master, the process that was started; its children are the workers and the processes "
           "that write the logs (tinyhttpd-log).\n"
           ".Bl -column \"SIGRTMIN to SIGRTMAX\" \"reopens logs\" \"hands over\"\n"
           ".It Sy signal Ta Sy master Ta Sy worker\n");
    for (size_t i = 0; i < signal_row_count; i++)
        printf(".It Dv %s Ta %s Ta %s\n", signal_rows[i].name,
               signal_effect_name(signal_rows[i].effects[SIGNAL_MASTER]),
               signal_effect_name(signal_rows[i].effects[SIGNAL_WORKER]));
    printf(".El\n"
           ".Bl -tag -width \"reopens logs\"\n"
           ".It drains\n"
           "After the\n.Fl Fl shutdown\\-delay ,\nfinishes the responses in flight, for at most 8 seconds or "
           "the time of\n.Fl Fl drain ,\nthen ends.\n"
           "A second signal ends the server at once.\n"
           "The master replaces a worker that drains alone.\n"
           ".It reloads\n"
           "Starts the program again from its file, with the same options, environment and\nsockets.\n"
           "No connection is lost.\n"
           "If that fails, the running server stays.\n"
           "If the terminal in which the server was started is gone, the server drains instead.\n"
           ".It reopens logs\n"
           "Opens the files of\n.Fl Fl access\\-log\nand\n.Fl Fl error\\-log\nanew, as\n.Xr logrotate 8\n"
           "needs it.\n"
           ".It hands over\n"
           "Finishes the responses in flight, for at most an hour, and ends.\n"
           "Other workers take its connections over.\n"
           ".It stops all\n"
           "Stops all processes of the server until SIGCONT, as Ctrl\\-Z does until\n.Ic fg .\n"
           ".It goes on\n"
           "After a stop.\nThe time limits of its connections begin anew.\n"
           ".It ends\n"
           "At once.\nThe workers end with the master; the master replaces a worker.\n"
           ".El\n"
           ".Pp\nUnder\n.Xr nohup 1 ,\nSIGHUP is ignored.\n");
}

static void print_statuses(void)
{
    printf(".Sh EXIT STATUS\n"
           ".Bl -tag -width Ds -compact\n"
           ".It 0\nThe server stopped on a signal, or\n.Fl Fl check\nfound it healthy.\n"
           ".It 1\n.Fl Fl check\nfound it unhealthy, or with\n.Fl Fl strict\na page missed a resource or had "
           "an error.\n"
           ".It 64\nThe command line or the environment is invalid, the user is unknown, or only root\n"
           "can change to that user.\n"
           ".It 66\nThe root does not exist, is not a directory, or the workers' user can't read it.\n"
           "Where a service manager started the server\n.Pf ( Ev LISTEN_FDS ,\n.Ev NOTIFY_SOCKET ) ,\n"
           "it starts and waits for the root, with status 503 for each request.\n"
           ".It 68\nThe name given to\n.Fl Fl bind\nis unknown.\n"
           ".It 69\nThe port is in use, or this machine does not have the address.\n"
           ".It 71\nThe system lacks a resource.\n"
           ".It 73\nThe file of\n.Fl Fl access\\-log\nor\n.Fl Fl error\\-log\ncan't be opened.\n"
           ".It 74\nWriting to standard output failed.\n"
           ".It 77\nThe port needs a privilege, or the user can't be changed.\n"
           ".El\n"
           "With\n.Ar COMMAND ,\nits own status, or 1 in place of 0 if\n.Fl Fl strict\nfound something; 128 and the "
           "signal's number "
           "if a signal ended it; 126 if it "
           "can't be executed,\n"
           "127 if it is not found.\n");
}

static void print_end(void)
{
    printf(".Sh EXAMPLES\n"
           "Serve a folder, and open a browser:\n.Pp\n.Dl tinyhttpd \\-o dist\n.Pp\n"
           "Serve it while tests run:\n.Pp\n.Dl tinyhttpd dist \\-\\- npx playwright test\n.Pp\n"
           "Show it on a phone in the same network:\n.Pp\n.Dl tinyhttpd \\-\\-lan dist\n.Pp\n"
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

/* Prints a case pattern of bash: all spellings of the options with this kind of value. */
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
        if (table_rows[i].offer != OFFER_WORDS || table_rows[i].takes != VALUE_NEEDED)
            continue; /* the word after an option with an optional value is no value */
        printf("    ");
        print_spellings(OFFER_WORDS, table_rows[i].words);
        printf(") mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$word\") && return ;;\n", table_rows[i].words);
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

/* Prints "[text]" for a word in single quotes. zsh ends the description at an unescaped "]". */
static void print_zsh_description(const char *text)
{
    putchar('[');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            printf("%s%c", *text == ']' || *text == '\\' ? "\\" : "", *text);
    }
    putchar(']');
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
    print_zsh_description(row->help);
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
            printf("%s -a '%s'", row->takes == VALUE_NEEDED ? " -x" : "", row->words);
        else if (row->takes == VALUE_NEEDED)
            printf("%s", offers[row->offer]);
        printf(" -d '");
        for (const char *at = row->help; *at != '\0'; at++)
            printf("%s%c", *at == '\'' || *at == '\\' ? "\\" : "", *at);
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
