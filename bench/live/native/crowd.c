/* A crowd of websocket clients: connects, subscribes, times every frame, keeps each socket's last one. Judges nothing.
 *
 * One thread over epoll, so that an update costs it two or three system calls' time and the server is what is measured.
 * Commands come as lines on stdin; each is answered by one line of JSON on stdout. Sockets are read, and pings answered,
 * whether or not a command runs. `bench/live/crowd.py` knows the commands; `python_crowd.py` is the same in Python.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 18, EVENTS = 512, LINE_BYTES = 1024, PER_ADDRESS = 25000 };
enum state { IDLE, CONNECTING, GREETED, INITIALISED, SUBSCRIBED, OPEN, CLOSED };

struct member {
    int fd;
    enum state state;
    int code;              /* of the close frame; 1006 without one */
    uint64_t updates;
    uint32_t revision;     /* of the last update */
    char *say[2];          /* frames: connection_init, subscribe */
    uint32_t say_size[2];
    char *rest;            /* the beginning of something whose end has not come */
    size_t rest_size;
    char *last;
    uint32_t last_size, last_room;
};

struct arrival {
    uint64_t at;           /* nanoseconds of CLOCK_MONOTONIC */
    uint32_t member, revision;
};

static struct member *members;
static int size, in_progress, opened, closed, poller, port, every = 1;
static struct arrival *arrivals;
static size_t arrived_kept, arrived_room;
static uint64_t arrived;   /* updates since the last `clear`, kept or not */
static char buffer[BUFFER_BYTES + 1], trouble[400];

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static double cpu(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void reply(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    putchar('\n');
    fflush(stdout);
}

#include "probe.h"

static void *room(void *old, size_t bytes) {
    void *found = realloc(old, bytes);
    if (found == NULL) exit(3);
    return found;
}

static void complain(const char *what, const char *text, size_t length) {
    if (trouble[0]) return;
    int at = snprintf(trouble, sizeof trouble, "%s: ", what);
    for (size_t n = 0; n < length && at < (int)sizeof trouble - 2; n++)
        trouble[at++] = text[n] < 32 || text[n] == '"' || text[n] == '\\' ? ' ' : text[n];
    trouble[at] = 0;
}

static void end(struct member *member, int code) {
    if (member->state == CLOSED || member->state == IDLE) return;
    if (member->state != OPEN) in_progress--;
    else opened--;
    close(member->fd);
    member->state = CLOSED;
    member->code = code;
    closed++;
}

static void say(struct member *member, const char *text, size_t length) {
    /* A few hundred bytes into an empty buffer: what does not fit at once means that nobody reads there. */
    if (send(member->fd, text, length, MSG_NOSIGNAL) != (ssize_t)length) end(member, 1006);
}

static void say_masked(struct member *member, int opcode, const char *text, size_t length) {
    char out[140] = {(char)(0x80 | opcode), (char)(0x80 | length)}; /* masked with zeros; control frames are short */
    if (length > 125) return;
    memcpy(out + 6, text, length);
    say(member, out, length + 6);
}

static void update(struct member *member, const char *text, size_t length, uint64_t at) {
    const char *found = memmem(text, length, "\"revision\":", 11);
    member->updates++;
    member->revision = 0;
    if (found != NULL)
        for (found += 11; found < text + length && *found >= '0' && *found <= '9'; found++)
            member->revision = member->revision * 10 + (*found - '0');
    if (length > member->last_room) member->last = room(member->last, member->last_room = length + 64);
    memcpy(member->last, text, length);
    member->last_size = length;
    if (member->state == SUBSCRIBED) {
        member->state = OPEN;
        opened++;
        in_progress--;
    }
    arrived++;
    int number = member - members;
    if (number % every) return;
    if (arrived_kept == arrived_room)
        arrivals = room(arrivals, (arrived_room = arrived_room * 2 + 65536) * sizeof *arrivals);
    arrivals[arrived_kept++] = (struct arrival){at, number, member->revision};
}

static void frame(struct member *member, int opcode, const char *text, size_t length, uint64_t at) {
    if (opcode == 1 && memmem(text, length < 60 ? length : 60, "\"next\"", 6)) {
        update(member, text, length, at);
    } else if (opcode == 1 && memmem(text, length, "\"connection_ack\"", 16)) {
        member->state = SUBSCRIBED;
        say(member, member->say[1], member->say_size[1]);
    } else if (opcode == 1 && memmem(text, length, "\"ping\"", 6)) {
        say_masked(member, 1, "{\"type\":\"pong\"}", 15);
    } else if (opcode == 9) {
        say_masked(member, 10, text, length);
    } else if (opcode == 8) {
        int code = length >= 2 ? (unsigned char)text[0] << 8 | (unsigned char)text[1] : 1005;
        complain("closed", text + (length >= 2 ? 2 : 0), length >= 2 ? length - 2 : 0);
        end(member, code);
    } else if (opcode != 10) {
        complain("unexpected", text, length);
        end(member, 1);
    }
}

/* How many bytes the first frame has with its head; 0 when not enough of it is here. */
static size_t frame_bytes(const unsigned char *at, size_t left, size_t *head) {
    if (left < 2) return 0;
    size_t length = at[1];
    *head = 2;
    if (length == 126) {
        if (left < 4) return 0;
        length = at[2] << 8 | at[3];
        *head = 4;
    } else if (length == 127) {
        if (left < 10) return 0;
        length = 0;
        for (int n = 2; n < 10; n++) length = length << 8 | at[n];
        *head = 10;
    }
    return *head + length <= left ? *head + length : 0;
}

static size_t handshake(struct member *member, const char *text, size_t length) {
    const char *found = memmem(text, length, "\r\n\r\n", 4);
    if (found == NULL) return 0;
    if (strncmp(text, "HTTP/1.1 101", 12)) {
        complain("refused", text, length);
        end(member, 1006);
        return length;
    }
    member->state = INITIALISED;
    say(member, member->say[0], member->say_size[0]);
    return found + 4 - text;
}

static void take(struct member *member) {
    size_t kept = member->rest_size;
    if (kept) memcpy(buffer, member->rest, kept);
    ssize_t got = recv(member->fd, buffer + kept, BUFFER_BYTES - kept, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return end(member, 1006);
    uint64_t at = now();
    size_t left = kept + got, start = 0, head;
    while (left > start && member->state != CLOSED) {
        size_t used;
        if (member->state == GREETED) {
            if (!(used = handshake(member, buffer + start, left - start))) break;
        } else {
            const unsigned char *from = (const unsigned char *)buffer + start;
            if (!(used = frame_bytes(from, left - start, &head))) break;
            frame(member, from[0] & 15, buffer + start + head, used - head, at);
        }
        start += used;
    }
    member->rest_size = member->state == CLOSED ? 0 : left - start;
    if (member->rest_size) {
        member->rest = room(member->rest, member->rest_size);
        memcpy(member->rest, buffer + start, member->rest_size);
    }
}

static void wish(struct member *member, int operation, uint32_t events) {
    struct epoll_event wanted = {.events = events, .data.u32 = member - members};
    epoll_ctl(poller, operation, member->fd, &wanted);
}

static void greet(struct member *member) {
    static const char hello[] =
        "GET /graphql HTTP/1.1\r\nhost: bench\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n"
        "sec-websocket-protocol: graphql-transport-ws\r\n\r\n";
    member->state = GREETED;
    wish(member, EPOLL_CTL_MOD, EPOLLIN);
    say(member, hello, sizeof hello - 1);
}

static void dial(struct member *member) {
    int yes = 1, number = member - members;
    struct sockaddr_in source = {.sin_family = AF_INET}, target = {.sin_family = AF_INET, .sin_port = htons(port)};
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    member->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (member->fd < 0) {
        complain("socket", strerror(errno), strlen(strerror(errno)));
        member->state = CLOSED;
        closed++;
        return;
    }
    in_progress++;
    member->state = CONNECTING;
    setsockopt(member->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (number >= PER_ADDRESS) { /* one address has 28,000 ports */
        source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number / PER_ADDRESS);
        setsockopt(member->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
        bind(member->fd, (struct sockaddr *)&source, sizeof source);
    }
    if (connect(member->fd, (struct sockaddr *)&target, sizeof target) < 0 && errno != EINPROGRESS) {
        complain("connect", strerror(errno), strlen(strerror(errno)));
        end(member, 1006);
        return;
    }
    wish(member, EPOLL_CTL_ADD, EPOLLOUT);
}

/* Serve sockets until one has something, a line stands on stdin, or the time is over; true when it was stdin. */
static int turn(int milliseconds, int with_stdin) {
    struct epoll_event events[EVENTS];
    int asked = 0, ready = epoll_wait(poller, events, EVENTS, milliseconds);
    for (int n = 0; n < ready; n++) {
        if (events[n].data.u32 == UINT32_MAX) {
            asked = 1;
            continue;
        }
        struct member *member = members + events[n].data.u32;
        if (member->state == CLOSED) continue;
        if (member->state == CONNECTING) {
            if (events[n].events & (EPOLLERR | EPOLLHUP)) end(member, 1006);
            else greet(member);
        } else {
            take(member);
        }
    }
    /* Level-triggered stdin would wake a command that waits for sockets again and again. */
    if (asked && !with_stdin) {
        struct timespec pause = {0, 100000};
        nanosleep(&pause, NULL);
    }
    return asked;
}

static int left(uint64_t deadline) {
    uint64_t at = now();
    return at >= deadline ? 0 : (int)((deadline - at) / 1000000) + 1;
}

static void open_all(int to_port, int count, const char *path, int window, int milliseconds) {
    FILE *file = fopen(path, "rb");
    members = calloc(count, sizeof *members);
    if (file == NULL || members == NULL) exit(3);
    port = to_port;
    size = count;
    for (int n = 0; n < count; n++)
        for (int part = 0; part < 2; part++) {
            uint32_t length;
            if (fread(&length, 4, 1, file) != 1) exit(3);
            members[n].say_size[part] = length;
            members[n].say[part] = room(NULL, length);
            if (fread(members[n].say[part], 1, length, file) != length) exit(3);
        }
    fclose(file);
    uint64_t began = now(), deadline = began + (uint64_t)milliseconds * 1000000;
    double used = cpu();
    int next = 0;
    while (opened + closed < size && now() < deadline) {
        while (in_progress < window && next < size) dial(members + next++);
        turn(left(deadline), 0);
    }
    reply("{\"opened\":%d,\"closed\":%d,\"seconds\":%.6f,\"cpu\":%.6f,\"trouble\":\"%s\"}", opened, closed,
          (now() - began) / 1e9, cpu() - used, trouble);
}

static void clear(void) {
    struct epoll_event event;
    uint64_t before = arrived;
    while (epoll_wait(poller, &event, 1, 0) > 0 && event.data.u32 != UINT32_MAX) turn(0, 1);
    reply("{\"unexpected\":%lu}", (unsigned long)(arrived - before));
    arrived = 0;
    arrived_kept = 0;
}

static void collect(uint64_t expected, int milliseconds) {
    uint64_t began = now(), deadline = began + (uint64_t)milliseconds * 1000000;
    double used = cpu();
    /* Nothing is worth waiting for when somebody has been dropped. */
    while (arrived < expected && !closed && now() < deadline) turn(left(deadline), 0);
    reply("{\"arrived\":%lu,\"closed\":%d,\"seconds\":%.6f,\"cpu\":%.6f,\"trouble\":\"%s\"}", (unsigned long)arrived,
          closed, (now() - began) / 1e9, cpu() - used, trouble);
}

/* Wait until every open socket was told of this revision or a newer one. */
static void until(uint32_t revision, int milliseconds) {
    uint64_t deadline = now() + (uint64_t)milliseconds * 1000000;
    int behind;
    for (;;) {
        behind = 0;
        for (int n = 0; n < size; n++) behind += members[n].state == OPEN && members[n].revision < revision;
        if (behind == 0 || now() >= deadline) break;
        turn(left(deadline) < 20 ? left(deadline) : 20, 0);
    }
    reply("{\"behind\":%d,\"opened\":%d,\"closed\":%d}", behind, opened, closed);
}

static void write_arrivals(const char *path) {
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(arrivals, sizeof *arrivals, arrived_kept, file) != arrived_kept) exit(3);
    fclose(file);
    reply("{\"kept\":%lu,\"arrived\":%lu}", (unsigned long)arrived_kept, (unsigned long)arrived);
}

static void write_last(const char *path) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) exit(3);
    for (int n = 0; n < size; n++) {
        struct member *member = members + n;
        uint32_t head[4] = {member->state == OPEN, member->code, (uint32_t)member->updates, member->last_size};
        fwrite(head, sizeof head, 1, file);
        fwrite(member->last, 1, member->last_size, file);
    }
    fclose(file);
    reply("{\"opened\":%d,\"closed\":%d,\"trouble\":\"%s\"}", opened, closed, trouble);
}

static void set_reading(int from, int to, int is_reading) {
    for (int n = from; n < to && n < size; n++)
        if (members[n].state == OPEN) wish(members + n, EPOLL_CTL_MOD, is_reading ? EPOLLIN : 0);
    reply("{\"opened\":%d}", opened);
}

static int command(void) {
    static char line[LINE_BYTES];
    char path[400], other[400];
    int a, b, c, d;
    unsigned long long large;
    if (fgets(line, sizeof line, stdin) == NULL) return 0;
    if (sscanf(line, "open %d %d %399s %d %d", &a, &b, path, &c, &d) == 5) open_all(a, b, path, c, d);
    else if (!strncmp(line, "clear", 5)) clear();
    else if (sscanf(line, "collect %llu %d", &large, &a) == 2) collect(large, a);
    else if (sscanf(line, "until %d %d", &a, &b) == 2) until(a, b);
    else if (sscanf(line, "every %d", &a) == 1) every = a, reply("{}");
    else if (sscanf(line, "arrivals %399s", path) == 1) write_arrivals(path);
    else if (sscanf(line, "last %399s", path) == 1) write_last(path);
    else if (sscanf(line, "pause %d %d", &a, &b) == 2) set_reading(a, b, 0);
    else if (sscanf(line, "resume %d %d", &a, &b) == 2) set_reading(a, b, 1);
    else if (sscanf(line, "probe %d %399s %d %d %399s", &a, path, &b, &c, other) == 5) probe(a, path, b, c, other);
    else reply("{\"trouble\":\"unknown command\"}");
    return 1;
}

int main(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdin, NULL, _IONBF, 0); /* a line read ahead would not wake epoll */
    poller = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, 0, &wanted) < 0) exit(3);
    for (;;)
        if (turn(-1, 1) && !command()) return 0;
}
