/* Loaded into a daemon under test (LD_PRELOAD): other surroundings than this machine's, for it alone.
 *
 *   FAKE_CLOCK         a file of eight bytes, read at each look at the clock: the time, in seconds since 1970, at which
 *                      it stands still; zero for the true time
 *   FAKE_LOG           the socket that is /dev/log
 *   FAKE_NAME_SERVICE  if set, accounts and groups come from the files and then from libnss_fake.so.2
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <nss.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int __nss_configure_lookup(const char *database, const char *line);

static const volatile int64_t *stands_at;

__attribute__((constructor)) static void begin(void)
{
    const char *clock = getenv("FAKE_CLOCK");

    if (getenv("FAKE_NAME_SERVICE")) {
        __nss_configure_lookup("passwd", "files fake");
        __nss_configure_lookup("group", "files fake");
        __nss_configure_lookup("initgroups", "files fake");
    }
    if (clock) {
        int file = open(clock, O_RDONLY | O_CLOEXEC);
        void *page = mmap(NULL, sizeof *stands_at, PROT_READ, MAP_SHARED, file, 0);
        if (page == MAP_FAILED)
            abort();
        stands_at = page;
        close(file);
    }
}

int clock_gettime(clockid_t which, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, which, now);

    int64_t stands = stands_at ? *stands_at : 0;

    if (result == 0 && which == CLOCK_REALTIME && stands != 0)
        *now = (struct timespec) { .tv_sec = stands };
    return result;
}

int connect(int socket, const struct sockaddr *address, socklen_t length)
{
    const struct sockaddr_un *unix_address = (const struct sockaddr_un *)address;
    const char *log = getenv("FAKE_LOG");

    if (log && address->sa_family == AF_UNIX && length > offsetof(struct sockaddr_un, sun_path) + 8
        && strncmp(unix_address->sun_path, "/dev/log", 9) == 0) {
        struct sockaddr_un other = { .sun_family = AF_UNIX };
        strncpy(other.sun_path, log, sizeof other.sun_path - 1);
        return (int)syscall(SYS_connect, socket, &other, sizeof other);
    }
    return (int)syscall(SYS_connect, socket, address, length);
}
