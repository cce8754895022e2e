/* A closed loop that is faster than any server here: flood ADDRESS PORT QUERIES SECONDS PASSES
 *
 * WINDOW queries are outstanding on each of SOCKETS sockets at any time, sent and received in batches. The file is
 * gone through PASSES times at most (0: no limit).
 * Prints: sent, answered, answered with an rcode other than NOERROR and NXDOMAIN, nanoseconds. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "queries.h"

enum {
    SOCKETS = 8,
    WINDOW = 24,          /* per socket; all of them fit a server's default receive buffer (about 270 packets) */
    MESSAGE_SIZE = 1500,
    TIMEOUT_MS = 1000,    /* a socket without an answer for so long has lost its window */
    NXDOMAIN = 3,
};

static const int64_t SECOND = 1000000000;

struct lane {
    int fd, outstanding;
    int64_t heard; /* when the last answer came */
};

static unsigned char answers[WINDOW][MESSAGE_SIZE];
static struct iovec sending[WINDOW], receiving[WINDOW];
static struct mmsghdr out[WINDOW], in[WINDOW];

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static int connect_socket(const char *address, const char *port) {
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (inet_pton(AF_INET, address, &server.sin_addr) != 1 || fd < 0)
        fail(address);
    if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
        fail("connect");
    return fd;
}

/* The queries, and how often they may still be gone through. */
struct source {
    struct queries queries;
    size_t next;
    long passes;
};

/* Point `vector` at the next query; 0 at the end of the last pass. */
static int next_query(struct source *source, struct iovec *vector) {
    if (source->next == source->queries.count) {
        if (source->passes == 1)
            return 0;
        source->passes -= source->passes > 0;
        source->next = 0;
    }
    vector->iov_base = source->queries.messages + source->queries.offsets[source->next];
    vector->iov_len = query_length(&source->queries, source->next++);
    return 1;
}

static int refill(struct lane *lane, struct source *source) {
    int wanted = 0;
    while (wanted < WINDOW - lane->outstanding && next_query(source, &sending[wanted]))
        wanted++;
    int sent = 0;
    while (sent < wanted) {
        int accepted = sendmmsg(lane->fd, out + sent, wanted - sent, 0);
        sent += accepted > 0 ? accepted : 1; /* a refused send is a query lost */
    }
    lane->outstanding += sent;
    return sent;
}

static int drain(struct lane *lane, int64_t *failed) {
    int received = recvmmsg(lane->fd, in, WINDOW, MSG_DONTWAIT, NULL);
    if (received <= 0)
        return 0;
    for (int i = 0; i < received; i++) {
        int rcode = answers[i][3] & 0x0f;
        *failed += rcode != 0 && rcode != NXDOMAIN;
    }
    lane->outstanding -= received < lane->outstanding ? received : lane->outstanding;
    lane->heard = now();
    return received;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: flood ADDRESS PORT QUERIES SECONDS PASSES\n");
        return 2;
    }
    struct source source = {.queries = read_queries(argv[3]), .passes = atol(argv[5])};
    struct lane lanes[SOCKETS];
    struct pollfd readable[SOCKETS];
    int64_t start = now(), end = start + (int64_t)(atof(argv[4]) * SECOND), last = start;
    for (int i = 0; i < SOCKETS; i++) {
        lanes[i] = (struct lane){.fd = connect_socket(argv[1], argv[2]), .heard = start};
        readable[i] = (struct pollfd){.fd = lanes[i].fd, .events = POLLIN};
    }
    for (int i = 0; i < WINDOW; i++) {
        receiving[i] = (struct iovec){.iov_base = answers[i], .iov_len = MESSAGE_SIZE};
        out[i].msg_hdr = (struct msghdr){.msg_iov = &sending[i], .msg_iovlen = 1};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &receiving[i], .msg_iovlen = 1};
    }
    int64_t sent = 0, answered = 0, failed = 0;
    for (int outstanding = 1; outstanding > 0;) {
        int64_t time = now();
        outstanding = 0;
        for (int i = 0; i < SOCKETS; i++) {
            if (time - lanes[i].heard > TIMEOUT_MS * (SECOND / 1000)) {
                lanes[i].outstanding = 0;
                lanes[i].heard = time;
            }
            int received = drain(&lanes[i], &failed);
            answered += received;
            if (received)
                last = lanes[i].heard;
            if (time < end)
                sent += refill(&lanes[i], &source);
            outstanding += lanes[i].outstanding;
        }
        if (poll(readable, SOCKETS, 10) < 0)
            fail("poll");
    }
    printf("%lld %lld %lld %lld\n", (long long)sent, (long long)answered, (long long)failed, (long long)(last - start));
    return 0;
}
