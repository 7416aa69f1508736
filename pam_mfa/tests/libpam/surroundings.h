/*
 * What the C programs of these tests have in common: libpam, whose headers are not needed, and surroundings in which what
 * the module finds at its fixed places is the test's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct pam_handle pam_handle_t;
struct pam_message { int style; const char *text; };
struct pam_response { char *text; int code; };
struct pam_conv {
	int (*converse)(int, const struct pam_message **, struct pam_response **, void *);
	void *appdata;
};
int pam_start_confdir(const char *, const char *, const struct pam_conv *, const char *, pam_handle_t **);
int pam_end(pam_handle_t *, int);
int pam_authenticate(pam_handle_t *, int);
int pam_acct_mgmt(pam_handle_t *, int);
int pam_setcred(pam_handle_t *, int);
int pam_chauthtok(pam_handle_t *, int);
int pam_open_session(pam_handle_t *, int);
int pam_set_item(pam_handle_t *, int, const void *);
int pam_putenv(pam_handle_t *, const char *);

static void need(int good, const char *what)
{
	if (!good) {
		printf("broken: %s: %s\n", what, strerror(errno));
		fflush(stdout);
		_exit(99);
	}
}

/*
 * In a mount namespace of this process's own RUN/mfa becomes /run/mfa and RUN/log becomes /dev/log; RUN/etc, if it is
 * there, becomes /etc.
 */
static void move_in(const char *run)
{
	char path[4096];

	need(unshare(CLONE_NEWNS) == 0, "unshare (the tests of the real module need root)");
	need(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
	need(mount("tmpfs", "/run", "tmpfs", 0, NULL) == 0 && mkdir("/run/mfa", 0755) == 0, "/run");
	snprintf(path, sizeof path, "%s/mfa", run);
	need(mount(path, "/run/mfa", NULL, MS_BIND, NULL) == 0, "/run/mfa");
	need(mount("tmpfs", "/dev", "tmpfs", 0, "mode=755") == 0, "/dev");
	snprintf(path, sizeof path, "%s/log", run);
	need(symlink(path, "/dev/log") == 0, "/dev/log");
	snprintf(path, sizeof path, "%s/etc", run);
	if (access(path, F_OK) == 0)
		need(mount(path, "/etc", NULL, MS_BIND, NULL) == 0, "/etc");
}
