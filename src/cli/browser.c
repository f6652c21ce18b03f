#include "cli/browser.h"

#include "base/descriptors.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/text.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* CANT_RUN is the status that shells give a command that is not found. */
enum { WORDS_MAX = 16, COMMAND_MAX = 4096, CHOSEN_MAX = 2048, CANT_RUN = 127 };

/* ---- in the command's process ---- */

static void set_home(const struct passwd *user)
{
    char folder[32];
    snprintf(folder, sizeof folder, "/run/user/%u", (unsigned)user->pw_uid);
    setenv("HOME", user->pw_dir, 1);
    setenv("USER", user->pw_name, 1);
    setenv("LOGNAME", user->pw_name, 1);
    setenv("XDG_RUNTIME_DIR", folder, 1); /* leads to the session bus and to Wayland; sudo(8) removes it */
}

/* Under sudo, the browser belongs to the user that typed the command. False if it would run as root. */
static bool become_sudo_user(void)
{
    const char *typed = getenv("SUDO_UID");
    uint64_t number;
    if (geteuid() != 0 || typed == NULL)
        return true;
    if (!span_to_number(span_of(typed), &number))
        return false;
    /* cppcheck-suppress getpwuidCalled ; the process has one thread */
    const struct passwd *user = getpwuid((uid_t)number);
    if (user == NULL)
        return false;
    set_home(user);
    return initgroups(user->pw_name, user->pw_gid) == 0 && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0;
}

/* Starts a session, so that Ctrl-C ends the server but not the browser. */
static void detach(void)
{
    sigset_t none;
    setsid();
    for (int stream = STDOUT_FILENO; stream <= STDERR_FILENO; stream++)
        dup2(STDIN_FILENO, stream); /* /dev/null */
    signals_give_back();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The words of a command are separated by blanks. The URL takes the place of "%s", else it is the last argument. No
   shell reads it. */
static _Noreturn void execute(char *command, const char *url)
{
    char whole[COMMAND_MAX], *rest, *words[WORDS_MAX + 2];
    unsigned count = 0;
    bool is_placed = false;
    for (char *word = strtok_r(command, " ", &rest); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest)) {
        const char *place = is_placed ? NULL : strstr(word, "%s");
        if (place != NULL)
            snprintf(whole, sizeof whole, "%.*s%s%s", (int)(place - word), word, url, place + 2);
        words[count++] = place != NULL ? whole : word;
        is_placed |= place != NULL;
    }
    if (!is_placed)
        words[count++] = (char *)(uintptr_t)url; /* exec(3) does not change it */
    words[count] = NULL;
    detach();
    if (become_sudo_user())
        execvp(words[0], words);
    _exit(CANT_RUN);
}

/* ---- in the process that tries the commands ---- */

/* Returns the command's exit status, or 128 and its signal as shells do; 0 if it runs on, as a browser may. */
static int try_command(char *command, const char *url, const sigset_t *child)
{
    static const struct timespec time = {LIMIT_BROWSER_MS / 1000, 0};
    int wait_status;
    pid_t pid = fork();
    if (pid == 0)
        execute(command, url);
    if (pid < 0)
        return CANT_RUN;
    sigtimedwait(child, NULL, &time);
    if (waitpid(pid, &wait_status, WNOHANG) != pid)
        return 0;
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

static bool is_in_container(void)
{
    return getppid() == 1 || access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
}

/* Returns $BROWSER, "" without it. */
static const char *chosen_commands(void)
{
    const char *chosen = getenv("BROWSER");
    if (chosen == NULL)
        return "";
    if (strlen(chosen) <= CHOSEN_MAX)
        return chosen;
    log_error("--open: ignoring $BROWSER, which has more than %d bytes", CHOSEN_MAX);
    return "";
}

/* `failed`: NULL if no command could be run. */
static void tell_failure(const char *failed, int status, const char *chosen, const char *url)
{
    if (failed != NULL)
        log_error("--open: '%s' failed with status %d; open %s yourself", failed, status, url);
    else if (*chosen != '\0')
        log_error("--open: can't run '%s' of $BROWSER; open %s yourself", chosen, url);
    else if (is_in_container())
        log_error("--open: this container has no browser; publish the port and open %s on its host", url);
    else
        log_error("--open: can't run 'xdg-open'; open %s yourself, or set BROWSER to a browser's command", url);
}

/* Tries $BROWSER, a list of commands separated by colons, then what desktops and WSL have. */
static void try_all(const char *url)
{
    char commands[COMMAND_MAX], command[COMMAND_MAX], failed[COMMAND_MAX], *rest;
    const char *chosen = chosen_commands();
    int status = CANT_RUN, failure = CANT_RUN;
    const sigset_t child = SIGNALS(SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    signal(SIGCHLD, SIG_DFL); /* else a parent process that ignores it would hide the status */
    snprintf(commands, sizeof commands, "%s:xdg-open:wslview", chosen);
    for (char *at = strtok_r(commands, ":", &rest); at != NULL && status != 0; at = strtok_r(NULL, ":", &rest)) {
        snprintf(command, sizeof command, "%s", at);
        status = try_command(command, url, &child);
        if (status == CANT_RUN || failure != CANT_RUN)
            continue;
        failure = status;
        snprintf(failed, sizeof failed, "%s", at);
    }
    if (status != 0)
        tell_failure(failure != CANT_RUN ? failed : NULL, failure, chosen, url);
}

void browser_open(const char *url)
{
    pid_t pid = fork();
    if (pid < 0)
        log_error("--open: can't start a process: %s; open %s yourself", strerror(errno), url);
    if (pid != 0)
        return;
    prctl(PR_SET_NAME, "tinyhttpd-open");
    log_enter_worker(NULL);
    descriptors_close_others(NULL, 0); /* else the port would stay in use */
    try_all(url);
    _exit(0);
}
