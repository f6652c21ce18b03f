/* TINYHTTPD_INSTRUMENTED: 1 in a build with sanitizers, which read /proc and trace the process, or with coverage, which
   writes files. The sandbox allows these calls only in such a build. */
#pragma once

#ifdef __has_feature /* clang */
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define TINYHTTPD_INSTRUMENTED 1
#endif
#endif

/* TINYHTTPD_COVERAGE, set by a build with --coverage: the absolute path of the folder of the .gcda files. */
#if defined __SANITIZE_ADDRESS__ || defined TINYHTTPD_COVERAGE
#define TINYHTTPD_INSTRUMENTED 1
#endif

#ifndef TINYHTTPD_INSTRUMENTED
#define TINYHTTPD_INSTRUMENTED 0
#endif
