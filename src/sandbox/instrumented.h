/* Whether this build observes itself: sanitizers read /proc and trace the process when it ends, coverage writes files.
   What they need is added to the sandbox of such a build, and of no other. */
#ifndef TINYHTTPD_SANDBOX_INSTRUMENTED_H
#define TINYHTTPD_SANDBOX_INSTRUMENTED_H

#ifdef __has_feature /* clang */
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define TINYHTTPD_INSTRUMENTED 1
#endif
#endif

/* TINYHTTPD_COVERAGE, given by the build with --coverage: the absolute path of the folder of the .gcda files. */
#if defined __SANITIZE_ADDRESS__ || defined TINYHTTPD_COVERAGE
#define TINYHTTPD_INSTRUMENTED 1
#endif

#ifndef TINYHTTPD_INSTRUMENTED
#define TINYHTTPD_INSTRUMENTED 0
#endif

#endif
