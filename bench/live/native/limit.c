/* The limit: what the kernel's sends cost. One thread, epoll, frames made before the event and only written by it.
 *
 * Speaks just enough HTTP, RFC 6455 and graphql-transport-ws for the benchmarks' crowd. No GraphQL, no database, no
 * TLS, no heartbeat, no limits, no back-pressure beyond one pending frame per socket.
 *
 *   POST /prepare   make everybody's next frame        POST /wave   write it to everybody, nearest the head first
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 8192, FRAME_BYTES = 320, EVENTS = 1024, MOST_SOCKETS = 1 << 20 };

struct peer {
    int fd;
    int is_socket;      /* the handshake is done */
    int is_watching;
    int is_pending;     /* the frame did not fit: it goes out when the socket is writable */
    int held;           /* bytes of `in` */
    int frame_size;
    int32_t place;
    char *in;
    char frame[FRAME_BYTES];
};

static struct peer *watching[MOST_SOCKETS];
static int most_place = -1;
static int poller;
static long ahead, wave;

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* ---- SHA-1 and base64 of the handshake (RFC 3174, RFC 4648) ---- */

static uint32_t rol(uint32_t value, int by) { return (value << by) | (value >> (32 - by)); }

static void sha1(const unsigned char *text, size_t size, unsigned char out[20]) {
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    unsigned char block[128] = {0};
    size_t total = size + 9 > 64 ? 128 : 64;
    memcpy(block, text, size); /* at most 60 bytes here */
    block[size] = 0x80;
    for (int n = 0; n < 8; n++) block[total - 1 - n] = (unsigned char)((uint64_t)size * 8 >> (8 * n));
    for (size_t start = 0; start < total; start += 64) {
        uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int n = 0; n < 16; n++) {
            const unsigned char *at = block + start + 4 * n;
            w[n] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
        }
        for (int n = 16; n < 80; n++) w[n] = rol(w[n - 3] ^ w[n - 8] ^ w[n - 14] ^ w[n - 16], 1);
        for (int n = 0; n < 80; n++) {
            uint32_t f, k;
            if (n < 20) f = (b & c) | (~b & d), k = 0x5A827999;
            else if (n < 40) f = b ^ c ^ d, k = 0x6ED9EBA1;
            else if (n < 60) f = (b & c) | (b & d) | (c & d), k = 0x8F1BBCDC;
            else f = b ^ c ^ d, k = 0xCA62C1D6;
            uint32_t next = rol(a, 5) + f + e + k + w[n];
            e = d, d = c, c = rol(b, 30), b = a, a = next;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    for (int n = 0; n < 20; n++) out[n] = (unsigned char)(h[n / 4] >> (24 - 8 * (n % 4)));
}

static void base64(const unsigned char in[20], char out[29]) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int n = 0, at = 0; n < 20; n += 3) {
        uint32_t group = (uint32_t)in[n] << 16 | (n + 1 < 20 ? in[n + 1] << 8 : 0) | (n + 2 < 20 ? in[n + 2] : 0);
        for (int shift = 18; shift >= 0; shift -= 6) out[at++] = letters[group >> shift & 63];
    }
    out[27] = '=';
    out[28] = 0;
}

/* ---- frames ---- */

static int framed(char *out, int opcode, const char *text, int size) {
    int head = size < 126 ? 2 : 4;
    out[0] = (char)(0x80 | opcode);
    if (size < 126) out[1] = (char)size;
    else out[1] = 126, out[2] = (char)(size >> 8), out[3] = (char)size;
    memcpy(out + head, text, size);
    return head + size;
}

static void make_frame(struct peer *peer) {
    char text[FRAME_BYTES];
    long position = ahead + peer->place + 1 - wave;
    int size = snprintf(text, sizeof text,
        "{\"id\":\"1\",\"type\":\"next\",\"payload\":{\"data\":{\"sessionChanged\":{\"ticketNumber\":\"A%05ld\","
        "\"status\":\"WAITING\",\"position\":%ld,\"aheadCount\":%ld,\"estimatedWaitSeconds\":null,"
        "\"revision\":%ld}}}}", ahead + peer->place + 1, position, position - 1, wave + 2);
    peer->frame_size = framed(peer->frame, 1, text, size);
}

static void forget(struct peer *peer) {
    if (peer->is_watching && watching[peer->place] == peer) watching[peer->place] = NULL;
    close(peer->fd);
    free(peer->in);
    free(peer);
}

static void write_frame(struct peer *peer) {
    ssize_t sent = send(peer->fd, peer->frame, peer->frame_size, MSG_NOSIGNAL);
    if (sent == peer->frame_size) return;
    if (sent < 0 && errno != EAGAIN) return; /* gone: epoll will say so */
    if (sent > 0) die("a frame was written in part");
    struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT, .data.ptr = peer};
    peer->is_pending = 1;
    epoll_ctl(poller, EPOLL_CTL_MOD, peer->fd, &wanted);
}

static void answer(struct peer *peer, const char *text, int size) {
    if (send(peer->fd, text, size, MSG_NOSIGNAL) != size) die("an answer was not written");
}

/* ---- requests ---- */

static void http(struct peer *peer, char *request) {
    static const char ok[] =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    char *key = strcasestr(request, "sec-websocket-key:");
    if (key != NULL) {
        unsigned char digest[20];
        char joined[64], accept[29], head[256];
        key += strlen("sec-websocket-key:");
        while (*key == ' ') key++;
        snprintf(joined, sizeof joined, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
        sha1((unsigned char *)joined, strlen(joined), digest);
        base64(digest, accept);
        int size = snprintf(head, sizeof head,
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            "sec-websocket-accept: %s\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n", accept);
        peer->is_socket = 1;
        answer(peer, head, size);
        return;
    }
    if (!strncmp(request, "POST /prepare", 13)) {
        wave++;
        for (int place = 0; place <= most_place; place++)
            if (watching[place] != NULL) make_frame(watching[place]);
    } else if (!strncmp(request, "POST /wave", 10)) {
        for (int place = 0; place <= most_place; place++)
            if (watching[place] != NULL) write_frame(watching[place]);
    }
    answer(peer, ok, sizeof ok - 1);
}

/* Returns false when the peer has gone. */
static int message(struct peer *peer, int opcode, char *text, int size) {
    static const char ack[] = "{\"type\":\"connection_ack\"}";
    char out[FRAME_BYTES];
    if (opcode == 8) {
        forget(peer);
        return 0;
    }
    if (opcode != 1) return 1;
    text[size] = 0;
    if (strstr(text, "\"connection_init\"")) {
        answer(peer, out, framed(out, 1, ack, sizeof ack - 1));
    } else if (strstr(text, "\"subscribe\"")) {
        char *variables = strstr(text, "\"variables\":{\"id\":\"");
        long place = variables == NULL ? -1 : atol(variables + strlen("\"variables\":{\"id\":\""));
        if (place < 0 || place >= MOST_SOCKETS) die("nobody has this place");
        peer->place = (int32_t)place;
        peer->is_watching = 1;
        watching[place] = peer;
        if (place > most_place) most_place = (int)place;
        make_frame(peer);
        write_frame(peer);
    }
    return 1;
}

static void take(struct peer *peer) {
    ssize_t got = recv(peer->fd, peer->in + peer->held, READ_BYTES - 1 - peer->held, 0);
    if (got <= 0) {
        if (got < 0 && errno == EAGAIN) return;
        forget(peer);
        return;
    }
    peer->held += (int)got;
    peer->in[peer->held] = 0;
    for (;;) {
        int used;
        if (!peer->is_socket) {
            char *end = strstr(peer->in, "\r\n\r\n");
            if (end == NULL) return;
            char *length = strcasestr(peer->in, "content-length:");
            used = (int)(end + 4 - peer->in) + (length != NULL && length < end ? atoi(length + 15) : 0);
            if (used > peer->held) return;
            http(peer, peer->in);
        } else {
            unsigned char *in = (unsigned char *)peer->in;
            if (peer->held < 6) return;
            int size = in[1] & 127, head = 2;
            if (size == 126) size = in[2] << 8 | in[3], head = 4;
            used = head + 4 + size;
            if (used >= READ_BYTES) die("a message is too long");
            if (used > peer->held) return;
            unsigned char *mask = in + head, *text = in + head + 4, kept = in[used];
            for (int n = 0; n < size; n++) text[n] ^= mask[n & 3];
            if (!message(peer, in[0] & 15, (char *)text, size)) return;
            in[used] = kept;
        }
        peer->held -= used;
        memmove(peer->in, peer->in + used, peer->held + 1);
        if (peer->held == 0) return;
    }
}

static void welcome(int listener) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct peer *peer = calloc(1, sizeof *peer);
        if (peer == NULL || (peer->in = malloc(READ_BYTES)) == NULL) die("memory");
        peer->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = peer};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted);
    }
}

int main(int count, char **arguments) {
    int listener = -1;
    for (int n = 1; n < count; n++) {
        if (sscanf(arguments[n], "--fd=%d", &listener) == 1) continue;
        if (sscanf(arguments[n], "--ahead=%ld", &ahead) == 1) continue;
        fprintf(stderr, "unknown: %s\n", arguments[n]);
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    fcntl(listener, F_SETFL, O_NONBLOCK);
    poller = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &wanted) < 0) die("--fd");
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int n = 0; n < ready; n++) {
            struct peer *peer = events[n].data.ptr;
            if (peer == NULL) {
                welcome(listener);
                continue;
            }
            if (events[n].events & EPOLLOUT && peer->is_pending) {
                struct epoll_event only_in = {.events = EPOLLIN, .data.ptr = peer};
                peer->is_pending = 0;
                epoll_ctl(poller, EPOLL_CTL_MOD, peer->fd, &only_in);
                write_frame(peer);
            }
            if (events[n].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) take(peer);
        }
    }
}
