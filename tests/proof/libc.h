/* The C library for the proof: what the code may pass to these functions (C17 7.24), and what it may rely on. A pointer
   may not be null, even with a length of 0 (7.24.1). */
#pragma once

#include <arpa/inet.h>
#include <stddef.h>

/* What Frama-C's headers lack. */
#define IN_LOOPBACKNET 127
#define _Alignas(bytes)

#define __FC_STRING_H_ /* no contracts of Frama-C's own */

/*@ predicate may_read(char *at, integer length) = at != \null && \valid_read(at + (0 .. length - 1));
    predicate may_write(char *at, integer length) = at != \null && \valid(at + (0 .. length - 1)); */

/*@ requires may_read((char *)a, length) && may_read((char *)b, length);
    assigns \result \from ((char *)a)[0 .. length - 1], ((char *)b)[0 .. length - 1]; */
int memcmp(const void *a, const void *b, size_t length);

/*@ requires may_read((char *)at, length);
    assigns \result \from at, byte, ((char *)at)[0 .. length - 1];
    ensures \result == \null || \exists size_t i; i < length && \result == (char *)at + i &&
            ((char *)at)[i] == (char)byte; */
void *memchr(const void *at, int byte, size_t length);

/*@ requires may_write((char *)to, length) && may_read((char *)from, length);
    requires \separated((char *)to + (0 .. length - 1), (char *)from + (0 .. length - 1));
    assigns ((char *)to)[0 .. length - 1], \result \from to, ((char *)from)[0 .. length - 1];
    ensures \forall integer i; 0 <= i < length ==> ((char *)to)[i] == \old(((char *)from)[i]); */
void *memcpy(void *to, const void *from, size_t length);

/*@ requires may_write((char *)to, length) && may_read((char *)from, length);
    assigns ((char *)to)[0 .. length - 1], \result \from to, ((char *)from)[0 .. length - 1];
    ensures \forall integer i; 0 <= i < length ==> ((char *)to)[i] == \old(((char *)from)[i]); */
void *memmove(void *to, const void *from, size_t length);

/*@ axiomatic string {
      predicate is_string(char *at) reads at[0 ..];
      logic size_t length_of(char *at) reads at[0 ..];
      axiom string: \forall char *at; is_string(at) ==> may_read(at, length_of(at) + 1);
      axiom ended: \forall char *at, integer n; may_read(at, n + 1) && n >= 0 && at[n] == 0 ==> is_string(at);
    } */

/*@ requires is_string(at);
    assigns \result \from at[0 ..];
    ensures \result == length_of(at) && may_read(at, \result + 1); */
size_t strlen(const char *at);

/*@ requires is_string(at);
    assigns \result \from at[0 ..]; */
char *strchr(const char *at, int byte);

/* Frama-C's own contract lets it write without an end. */
#define inet_pton read_address
/*@ requires is_string(text) && \valid((unsigned char *)to + (0 .. (family == AF_INET ? 3 : 15)));
    assigns \result, ((unsigned char *)to)[0 .. (family == AF_INET ? 3 : 15)] \from family, text[0 ..]; */
int inet_pton(int family, const char *text, void *to);
