/* Reads a query file in dnsperf's format (a name and a type to a line; all are asked as A) into DNS messages. */

#pragma once

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_SIZE = 512,
    QUERY_SIZE = 280, /* header, a name of 255 octets, type and class */
    HEADER_SIZE = 12,
};

/* Messages one after another; message i is messages[offsets[i]] up to messages[offsets[i + 1]]. */
struct queries {
    unsigned char *messages;
    size_t *offsets;
    size_t count;
};

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "not as expected");
    exit(1);
}

/* Encode one name as a query for A in class IN, recursion desired; returns its length. */
static size_t encode_query(const char *name, unsigned char *message) {
    static const unsigned char header[HEADER_SIZE] = {0, 0, 1, 0, 0, 1}, question[] = {0, 0, 1, 0, 1};
    memcpy(message, header, sizeof header);
    size_t length = sizeof header;
    while (*name) {
        size_t label = strcspn(name, ".");
        if (label == 0 || label > 63 || length + 1 + label + sizeof question > QUERY_SIZE)
            fail(name);
        message[length++] = label;
        memcpy(message + length, name, label);
        length += label;
        name += label + (name[label] == '.');
    }
    memcpy(message + length, question, sizeof question);
    return length + sizeof question;
}

static void *grow(void *memory, size_t size) {
    if (!(memory = realloc(memory, size)))
        fail("memory for the queries");
    return memory;
}

static struct queries read_queries(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file)
        fail(path);
    struct queries queries = {0};
    char line[LINE_SIZE];
    for (size_t used = 0, room = 0, slots = 0; fgets(line, sizeof line, file);) {
        if (used + QUERY_SIZE > room)
            queries.messages = grow(queries.messages, room = room * 2 + QUERY_SIZE);
        if (queries.count + 2 > slots)
            queries.offsets = grow(queries.offsets, (slots = slots * 2 + 2) * sizeof *queries.offsets);
        line[strcspn(line, " \n")] = '\0';
        queries.offsets[queries.count++] = used;
        queries.offsets[queries.count] = used += encode_query(line, queries.messages + used);
    }
    fclose(file);
    if (!queries.count)
        fail(path);
    return queries;
}

static size_t query_length(const struct queries *queries, size_t index) {
    return queries->offsets[index + 1] - queries->offsets[index];
}
