/* Writes the part of libmagic's compiled database that can give a media type, for the container image:
   `magic_subset DATABASE >SUBSET`.

   The lines of magic(5) are entries of one size, a test and then the tests below it, which have a higher level. With
   MAGIC_MIME_TYPE libmagic stops at the first line that matches and has a media type. So the lines below one with a
   type are never read, and those that lead to no type say only that nothing else matches. */
#define HAVE_STDINT_H /* for file.h, a header of libmagic's package */

#include <file/file.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first entry of a database. The last set has the lines that begin with `name`. */
struct header {
    uint32_t magic, version, counts[MAGIC_SETS];
};

struct line {
    struct magic test;
    struct line *used;  /* of a line `use`: the line `name`, else NULL */
    bool leads_to_type; /* of a line `name`: it or a line below it does */
    bool kept, kept_whole;
};

static struct line *lines;
static size_t count;

static void fail(const char *why)
{
    fprintf(stderr, "magic_subset: %s\n", why);
    exit(1);
}

/* After the last line below this one. */
static struct line *end_of(const struct line *line)
{
    const struct line *end = line + 1;
    while (end < lines + count && end->test.cont_level > line->test.cont_level)
        end++;
    return lines + (end - lines);
}

static bool leads_to_type(const struct line *line)
{
    for (const struct line *at = line; at < end_of(line); at++) {
        if (at->test.mimetype[0] != '\0' || at->test.type == FILE_INDIRECT ||
            (at->used != NULL && at->used->leads_to_type))
            return true;
    }
    return false;
}

/* True if it matters to other lines whether this one matches: to those below it that lead to a type, or to a `default`
   of its level after it. */
static bool is_condition(const struct line *line)
{
    for (const struct line *below = line + 1; below < end_of(line); below++) {
        if (below->test.cont_level == line->test.cont_level + 1 && leads_to_type(below))
            return true;
    }
    const struct line *next = end_of(line);
    for (; next < lines + count && next->test.cont_level >= line->test.cont_level; next = end_of(next)) {
        bool is_default = next->test.type == FILE_DEFAULT || next->test.type == FILE_CLEAR ||
                          next->test.cond == COND_ELIF || next->test.cond == COND_ELSE;
        if (next->test.cont_level > 0 && is_default)
            return true;
    }
    return false;
}

static void keep_whole(struct line *line)
{
    if (line->kept_whole)
        return;
    line->kept_whole = true;
    for (struct line *at = line; at < end_of(line); at++) {
        at->kept = true;
        if (at->used != NULL)
            keep_whole(at->used);
    }
}

static void keep(struct line *line)
{
    if (line->kept)
        return;
    line->kept = true;
    if (line->used != NULL)
        (is_condition(line) ? keep_whole : keep)(line->used);
    if (line->test.mimetype[0] != '\0')
        return;
    for (struct line *below = line + 1; below < end_of(line); below = end_of(below)) {
        if (leads_to_type(below) || is_condition(below))
            keep(below);
    }
}

static void find_used(size_t first_name)
{
    for (size_t i = 0; i < count; i++) {
        if (lines[i].test.type != FILE_USE)
            continue;
        const char *name = lines[i].test.value.s;
        name += *name == '^'; /* with the other byte order */
        for (size_t j = first_name; j < count && lines[i].used == NULL; j++) {
            if (lines[j].test.type == FILE_NAME && strcmp(lines[j].test.value.s, name) == 0)
                lines[i].used = &lines[j];
        }
        if (lines[i].used == NULL)
            fail("a line uses an unknown name");
    }
}

/* Reads the database into `lines`; returns its first entry. */
static struct magic read_database(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct magic first;
    struct header header;
    if (file == NULL || fread(&first, sizeof first, 1, file) != 1)
        fail("can't read the database");
    memcpy(&header, &first, sizeof header);
    if (header.magic != MAGICNO || header.version != VERSIONNO || MAGIC_SETS != 2)
        fail("the database is of another release than file/file.h");
    count = (size_t)header.counts[0] + header.counts[1];
    lines = calloc(count + 1, sizeof *lines);
    for (size_t i = 0; lines != NULL && i < count; i++) {
        if (fread(&lines[i].test, sizeof lines[i].test, 1, file) != 1)
            fail("the database is truncated");
    }
    if (lines == NULL || fgetc(file) != EOF)
        fail("the database has another size than its header says");
    fclose(file);
    find_used(header.counts[0]);
    return first;
}

static void write_subset(struct magic first)
{
    struct header header;
    memcpy(&header, &first, sizeof header);
    size_t first_name = header.counts[0];
    header.counts[0] = header.counts[1] = 0;
    for (size_t i = 0; i < count; i++)
        header.counts[i >= first_name] += lines[i].kept;
    memcpy(&first, &header, sizeof header);
    fwrite(&first, sizeof first, 1, stdout);
    for (size_t i = 0; i < count; i++) {
        if (lines[i].kept)
            fwrite(&lines[i].test, sizeof lines[i].test, 1, stdout);
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        fail("can't write");
}

int main(int argc, char **argv)
{
    if (argc != 2)
        fail("usage: magic_subset DATABASE >SUBSET");
    struct magic first = read_database(argv[1]);
    /* A name may use other names. */
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < count; i++) {
            if (lines[i].test.type == FILE_NAME && !lines[i].leads_to_type && leads_to_type(&lines[i]))
                changed = lines[i].leads_to_type = true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (lines[i].test.cont_level == 0 && lines[i].test.type != FILE_NAME && leads_to_type(&lines[i]))
            keep(&lines[i]);
    }
    write_subset(first);
    return 0;
}
