/* libnss_fake.so.2: a name service that fails as it is told, to see what the daemon makes of that.
 *
 * The file named by FAKE_NAME_SERVICE (/run/fake-name-service without it) is read at each question: a line for each
 * database, such as "passwd unavail" or "group ok". The words:
 *   ok         ghost1 to ghost99 exist (uid 70001 to 70099), and all are members of the group spirits (gid 70000)
 *   moved      the same names, with uids that are a hundred higher
 *   unavail    the directory cannot be reached
 *   tryagain   it cannot be reached just now
 *   hang       no answer, until the file says something else
 * Without a line, and for every other name, the answer is "no such entry".
 */
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Added to every uid. */
static _Thread_local int offset;

enum { FIRST = 70001, LAST = 70099, SPIRITS = 70000 };

static void word_for(const char *database, char word[32])
{
    const char *path = getenv("FAKE_NAME_SERVICE");
    FILE *file = fopen(path ? path : "/run/fake-name-service", "re");
    char name[32];
    char said[32];

    strcpy(word, "notfound");
    while (file && fscanf(file, "%31s %31s", name, said) == 2)
        if (strcmp(name, database) == 0)
            strcpy(word, said);
    if (file)
        fclose(file);
}

/* NSS_STATUS_SUCCESS if the question is to be answered. */
static enum nss_status mood(const char *database, int *err)
{
    char word[32];

    word_for(database, word);
    while (strcmp(word, "hang") == 0) {
        struct timespec moment = { 0, 5 * 1000 * 1000 };
        nanosleep(&moment, NULL);
        word_for(database, word);
    }
    offset = strcmp(word, "moved") == 0 ? 100 : 0;
    if (strcmp(word, "ok") == 0 || offset)
        return NSS_STATUS_SUCCESS;
    if (strcmp(word, "tryagain") == 0) {
        *err = EAGAIN;
        return NSS_STATUS_TRYAGAIN;
    }
    if (strcmp(word, "unavail") == 0) {
        *err = ENOTCONN;
        return NSS_STATUS_UNAVAIL;
    }
    *err = ENOENT;
    return NSS_STATUS_NOTFOUND;
}

static int number_of(const char *name)
{
    int number = 0;
    char rest;

    if (sscanf(name, "ghost%2d%c", &number, &rest) != 1 || number < 1)
        return -1;
    return number;
}

static enum nss_status answer(int number, struct passwd *entry, char *buffer, size_t length, int *err)
{
    if (length < 64) {
        *err = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    snprintf(buffer, 32, "ghost%d", number);
    strcpy(buffer + 32, "/nonexistent");
    *entry = (struct passwd) {
        .pw_name = buffer, .pw_passwd = "x", .pw_uid = (uid_t)(FIRST - 1 + number + offset), .pw_gid = SPIRITS, .pw_gecos = "",
        .pw_dir = buffer + 32, .pw_shell = "/bin/sh",
    };
    return NSS_STATUS_SUCCESS;
}

static enum nss_status absent(int *err)
{
    *err = ENOENT;
    return NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_fake_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t length, int *err)
{
    enum nss_status status = mood("passwd", err);
    int number = number_of(name);

    if (status != NSS_STATUS_SUCCESS)
        return status;
    return number < 0 ? absent(err) : answer(number, entry, buffer, length, err);
}

enum nss_status _nss_fake_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t length, int *err)
{
    enum nss_status status = mood("passwd", err);

    if (status != NSS_STATUS_SUCCESS)
        return status;
    uid -= (uid_t)offset;
    return uid < FIRST || uid > LAST ? absent(err) : answer((int)uid - FIRST + 1, entry, buffer, length, err);
}

static enum nss_status spirits(struct group *entry, char *buffer, size_t length, int *err)
{
    if (length < 32) {
        *err = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    memset(buffer, 0, 16);
    strcpy(buffer + 16, "spirits");
    *entry = (struct group) {
        .gr_name = buffer + 16, .gr_passwd = "x", .gr_gid = SPIRITS, .gr_mem = (char **)(void *)buffer,
    };
    return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_fake_getgrnam_r(const char *name, struct group *entry, char *buffer, size_t length, int *err)
{
    enum nss_status status = mood("group", err);

    if (status != NSS_STATUS_SUCCESS)
        return status;
    return strcmp(name, "spirits") == 0 ? spirits(entry, buffer, length, err) : absent(err);
}

enum nss_status _nss_fake_getgrgid_r(gid_t gid, struct group *entry, char *buffer, size_t length, int *err)
{
    enum nss_status status = mood("group", err);

    if (status != NSS_STATUS_SUCCESS)
        return status;
    return gid == SPIRITS ? spirits(entry, buffer, length, err) : absent(err);
}

enum nss_status _nss_fake_initgroups_dyn(const char *user, gid_t skip, long *start, long *size, gid_t **groups,
                                         long limit, int *err)
{
    enum nss_status status = mood("group", err);

    if (status != NSS_STATUS_SUCCESS)
        return status;
    if (number_of(user) < 0 || skip == SPIRITS || (limit > 0 && *start >= limit))
        return absent(err);
    if (*start >= *size) {
        gid_t *larger = realloc(*groups, (size_t)(*size + 16) * sizeof(gid_t));
        if (!larger) {
            *err = ENOMEM;
            return NSS_STATUS_TRYAGAIN;
        }
        *groups = larger;
        *size += 16;
    }
    (*groups)[(*start)++] = SPIRITS;
    return NSS_STATUS_SUCCESS;
}
