/* A paced load that accounts for every query: load ADDRESS PORT QUERIES RATE SECONDS
 *
 * The queries are sent in turn, RATE a second, from SOCKETS sockets. Each carries its own number in the id, so every
 * answer is matched to its query. Written to standard output: one `struct record` for each query, in sending order. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "queries.h"

enum {
    SOCKETS = 16,            /* a socket's ids come round after 65,536 queries: 1,048,576 in all, 20 s at 50,000/s */
    MESSAGE_SIZE = 4096,
    RECEIVE_BUFFER = 8 << 20,
    GRACE_SECONDS = 2,       /* an answer that comes later is lost */
    BURST = 32,              /* sent at once at most, when sending fell behind */
};

static const int64_t SECOND = 1000000000;

struct record {
    int64_t sent;     /* CLOCK_MONOTONIC, nanoseconds */
    int64_t latency;  /* nanoseconds, or -1 when no answer came */
    uint32_t query;   /* index of the query in the file */
    uint32_t tail;    /* last four bytes of the answer, in network order: the address when it ends in an A record */
};

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static int connect_socket(const char *address, const char *port) {
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    if (inet_pton(AF_INET, address, &server.sin_addr) != 1)
        fail(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = RECEIVE_BUFFER;
    if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
        fail("socket");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return fd;
}

static void send_query(const struct queries *queries, int fd, uint64_t number, struct record *record) {
    record->query = number % queries->count;
    unsigned char *message = queries->messages + queries->offsets[record->query];
    uint16_t id = htons((number / SOCKETS) & 0xffff);
    memcpy(message, &id, sizeof id);
    record->sent = now();
    record->latency = -1;
    /* A refused send (nobody listens now) is a query lost, as it is to a client; it stays -1. */
    (void)!send(fd, message, query_length(queries, record->query), 0);
}

/* Match the answers that wait on one socket to the newest query with their id. */
static size_t receive_answers(int fd, uint64_t socket_index, uint64_t sent, struct record *records) {
    unsigned char message[MESSAGE_SIZE];
    size_t answered = 0;
    for (ssize_t length; (length = recv(fd, message, sizeof message, 0)) >= HEADER_SIZE;) {
        int64_t arrived = now();
        uint64_t newest = sent > socket_index ? (sent - 1 - socket_index) / SOCKETS : 0;
        uint16_t id;
        memcpy(&id, message, sizeof id);
        uint64_t turn = newest - ((newest - ntohs(id)) & 0xffff);
        uint64_t number = turn * SOCKETS + socket_index;
        if (number >= sent || records[number].latency >= 0)
            continue;
        uint32_t tail;
        memcpy(&tail, message + length - sizeof tail, sizeof tail);
        records[number].latency = arrived - records[number].sent;
        records[number].tail = ntohl(tail);
        answered++;
    }
    return answered;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: load ADDRESS PORT QUERIES RATE SECONDS\n");
        return 2;
    }
    struct queries queries = read_queries(argv[3]);
    uint64_t rate = strtoull(argv[4], NULL, 10), total = rate * atof(argv[5]), sent = 0, answered = 0;
    struct record *records = calloc(total, sizeof *records);
    struct pollfd sockets[SOCKETS];
    if (!total || !records)
        fail("rate and seconds");
    for (int i = 0; i < SOCKETS; i++)
        sockets[i] = (struct pollfd){.fd = connect_socket(argv[1], argv[2]), .events = POLLIN};
    prctl(PR_SET_TIMERSLACK, 1);

    int64_t start = now(), last = start + (int64_t)((double)total / rate * SECOND) + GRACE_SECONDS * SECOND;
    for (int64_t time = start; time < last && answered < total; time = now()) {
        uint64_t due = (double)(time - start) * rate / SECOND;
        for (int i = 0; i < BURST && sent < due && sent < total; i++, sent++)
            send_query(&queries, sockets[sent % SOCKETS].fd, sent, &records[sent]);
        /* Sleep until the next query is due or an answer comes, so that others on this core get their turn. */
        int64_t wait = sent < total ? start + (int64_t)((double)(sent + 1) * SECOND / rate) - now() : SECOND / 100;
        struct timespec timeout = {.tv_nsec = wait > 0 ? wait : 0};
        if (ppoll(sockets, SOCKETS, &timeout, NULL) <= 0)
            continue;
        for (uint64_t i = 0; i < SOCKETS; i++)
            if (sockets[i].revents)
                answered += receive_answers(sockets[i].fd, i, sent, records);
    }
    return fwrite(records, sizeof *records, sent, stdout) == sent ? 0 : 1;
}
