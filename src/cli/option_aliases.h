/* Option names of other servers, mapped to ours. */
#pragma once

/* Returns the option to use instead of this name or letter, or why there is none, as the rest of a sentence that begins
   with the name. NULL for an unknown name. */
const char *option_aliases_find(const char *name);
