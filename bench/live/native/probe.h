/* The clock of requests, a part of crowd.c: uses its `now` and `reply`. Judges no answer but by its status. */
/* Ask one thing over HTTP again and again at a steady pace; how long each answer took, in nanoseconds, into a file. */
static void probe(int to_port, const char *request_path, int microseconds, int count, const char *path) {
    char request[16384], answer[16384];
    FILE *file = fopen(request_path, "rb"), *out = fopen(path, "wb");
    if (file == NULL || out == NULL) exit(3);
    size_t length = fread(request, 1, sizeof request, file);
    fclose(file);
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(to_port)};
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(fd, (struct sockaddr *)&target, sizeof target) < 0) exit(3);
    int failed = 0;
    uint64_t due = now();
    for (int n = 0; n < count; n++, due += (uint64_t)microseconds * 1000) {
        uint64_t at = now();
        if (at < due) {
            struct timespec pause = {(due - at) / 1000000000, (due - at) % 1000000000};
            nanosleep(&pause, NULL);
        }
        /* From when it was due: a late answer delays the next question, and that one's wait counts too. */
        uint64_t began = now() < due ? now() : due;
        if (send(fd, request, length, MSG_NOSIGNAL) < 0) exit(3);
        size_t held = 0;
        for (;;) {
            ssize_t got = recv(fd, answer + held, sizeof answer - 1 - held, 0);
            if (got <= 0) exit(3);
            answer[held += got] = 0;
            char *end = strstr(answer, "\r\n\r\n"), *said = strcasestr(answer, "content-length:");
            if (end != NULL && said != NULL && held >= (size_t)(end + 4 - answer) + atoi(said + 15)) break;
        }
        uint64_t took = now() - began;
        failed += strncmp(answer, "HTTP/1.1 200", 12) != 0 || strstr(answer, "\"errors\"") != NULL;
        fwrite(&took, sizeof took, 1, out);
    }
    fclose(out);
    close(fd);
    reply("{\"failed\":%d}", failed);
}
