/* Options of other servers, and what they are called here. */
#ifndef TINYHTTPD_CLI_OPTION_ALIASES_H
#define TINYHTTPD_CLI_OPTION_ALIASES_H

/* What to type instead of the option with this name or letter, or why there is none: the rest of a sentence that
   begins with the option. NULL for a name that is not known from elsewhere. */
const char *option_aliases_find(const char *name);

#endif
