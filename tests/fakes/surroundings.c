/* Loaded into a daemon under test (LD_PRELOAD): other surroundings than this machine's, for it alone.
 *
 *   FAKE_CLOCK         a file of eight bytes, read at each look at the clock: the time, in seconds since 1970, at which
 *                      it stands still; zero for the true time
 *   FAKE_LOG           the socket that is /dev/log
 *   FAKE_NAME_SERVICE  if set, accounts and groups come from the files and then from libnss_fake.so.2
 *   FAKE_STEPS         a file with a struct steps in it: at which step the daemon dies, or the system fails it. A step is
 *                      a call that changes a file, or takes from or gives to a socket
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <nss.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int __nss_configure_lookup(const char *database, const char *line);

static const volatile int64_t *stands_at;

/* Shared with the test, which sets it between two steps. */
static struct steps {
    int64_t left;   /* until the strike, which is the step that makes it 0; nothing happens at 0 and below */
    int64_t manner; /* of the strike */
    int64_t passed; /* steps since the test looked last */
} *steps;

/* The first three count files and sockets, the others files alone. */
enum { DIES_BEFORE = 1, DIES_HALFWAY, DIES_AFTER, FAILS, IS_FULL, FAILS_THOUGH_DONE };

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
    if (getenv("FAKE_STEPS")) {
        int file = open(getenv("FAKE_STEPS"), O_RDWR | O_CLOEXEC);
        void *page = mmap(NULL, sizeof *steps, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (page == MAP_FAILED)
            abort();
        steps = page;
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

/* What strikes at this step; mostly nothing. */
static int64_t strike(int file)
{
    struct stat of;

    if (!steps || syscall(SYS_fstat, file, &of) != 0)
        return 0;
    if (!S_ISREG(of.st_mode) && (!S_ISSOCK(of.st_mode) || steps->manner >= FAILS))
        return 0;
    __atomic_add_fetch(&steps->passed, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&steps->left, __ATOMIC_ACQUIRE) <= 0)
        return 0;
    return __atomic_sub_fetch(&steps->left, 1, __ATOMIC_ACQ_REL) == 0 ? steps->manner : 0;
}

static void die(void)
{
    for (;;)
        syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

/* One step: all of it, half of it, or nothing. */
#define STEP(file, all, half)                                  \
    __extension__({                                            \
        int64_t how = strike(file);                            \
        long result = -1;                                      \
        if (how == DIES_BEFORE)                                \
            die();                                             \
        if (how == DIES_HALFWAY) {                             \
            (void)(half);                                      \
            die();                                             \
        }                                                      \
        if (how != FAILS && how != IS_FULL)                    \
            result = (all);                                    \
        if (how == DIES_AFTER)                                 \
            die();                                             \
        if (how >= FAILS) {                                    \
            errno = how == IS_FULL ? ENOSPC : EIO;             \
            result = -1;                                       \
        }                                                      \
        result;                                                \
    })

ssize_t write(int file, const void *bytes, size_t count)
{
    return STEP(file, syscall(SYS_write, file, bytes, count), syscall(SYS_write, file, bytes, count / 2));
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at)
{
    return STEP(file, syscall(SYS_pwrite64, file, bytes, count, at), syscall(SYS_pwrite64, file, bytes, count / 2, at));
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at)
{
    return pwrite64(file, bytes, count, at);
}

int fsync(int file)
{
    return (int)STEP(file, syscall(SYS_fsync, file), 0);
}

int fdatasync(int file)
{
    return (int)STEP(file, syscall(SYS_fdatasync, file), 0);
}

int ftruncate64(int file, off64_t length)
{
    return (int)STEP(file, syscall(SYS_ftruncate, file, length), 0);
}

int ftruncate(int file, off_t length)
{
    return ftruncate64(file, length);
}

ssize_t read(int file, void *bytes, size_t count)
{
    struct stat of;

    if (steps && syscall(SYS_fstat, file, &of) == 0 && S_ISSOCK(of.st_mode))
        return STEP(file, syscall(SYS_read, file, bytes, count), 0);
    return syscall(SYS_read, file, bytes, count);
}

ssize_t sendto(int socket, const void *bytes, size_t count, int flags, const struct sockaddr *to, socklen_t length)
{
    return STEP(socket, syscall(SYS_sendto, socket, bytes, count, flags, to, length),
                syscall(SYS_sendto, socket, bytes, count / 2, flags, to, length));
}

ssize_t send(int socket, const void *bytes, size_t count, int flags)
{
    return sendto(socket, bytes, count, flags, NULL, 0);
}

ssize_t recvfrom(int socket, void *bytes, size_t count, int flags, struct sockaddr *from, socklen_t *length)
{
    return STEP(socket, syscall(SYS_recvfrom, socket, bytes, count, flags, from, length), 0);
}

ssize_t recv(int socket, void *bytes, size_t count, int flags)
{
    return recvfrom(socket, bytes, count, flags, NULL, NULL);
}
