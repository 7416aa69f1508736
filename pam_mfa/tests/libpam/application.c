/*
 * A PAM application that does what the test says, right or wrong, and tells what it saw.
 *
 * It is C, because the programs that load the module are: no Rust runtime, SIGPIPE deadly, replies from malloc.
 *
 * application RUN CONFDIR SERVICE USER STEP...
 *
 * What it finds around itself is what surroundings.h says of RUN. Steps, in order:
 *   uid=N  item=KIND=VALUE  env=NAME=VALUE  reply=TEXT  reply=@WHAT  change-user=NAME  silent
 *   fail=CALL:ERRNO: from now on that system call fails, or, with "kill", kills the process
 *   tell-inherited: at each conversation, what a program that is started then would have open of it
 *   auth  account  setcred  password  session  state  copies=TEXT, or
 *   repeat=N: whole logins, after which no handle is left; then only state and repeat make sense.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "surroundings.h"

enum { PROMPT_ECHO_OFF = 1, PROMPT_ECHO_ON = 2, CONV_ERR = 19, SILENT = 0x8000, MOST = 64 };

static const char *service, *user, *confdir, *new_user, *replies[MOST];
static int reply_count, reply_next, flags, quiet, tell_inherited, inherited_before;
static pam_handle_t *handle;

static void tell(const char *kind, int number, const char *text)
{
	if (quiet)
		return;
	printf("%s %d ", kind, number);
	for (; *text; text++)
		if (*text == '\n')
			printf("\\n");
		else
			putchar(*text);
	putchar('\n');
}

/* One reply; returns whether the whole conversation is to fail. */
static int reply_to(struct pam_response *response)
{
	const char *reply = reply_next < reply_count ? replies[reply_next++] : "@fail";

	if (strcmp(reply, "@fail") == 0)
		return 1;
	if (strcmp(reply, "@null") == 0)
		return 0;
	if (strcmp(reply, "@8KiB") == 0) {
		response->text = malloc(8193);
		memset(response->text, '7', 8192);
		response->text[8192] = 0;
	} else if (strcmp(reply, "@garbled") == 0) {
		response->text = strdup("\xff\xfe");
	} else {
		response->text = strdup(reply);
	}
	return 0;
}

static int entries(const char *path)
{
	DIR *folder = opendir(path);
	int count = 0;

	need(folder != NULL, path);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count - 2;
}

/* Descriptors that a program which is started now would have, beside the first three. */
static int inherited(void)
{
	int count = 0;

	for (int fd = 3; fd < 1024; fd++) {
		int about = fcntl(fd, F_GETFD);

		count += about >= 0 && !(about & FD_CLOEXEC);
	}
	return count;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out, void *data)
{
	struct pam_response *array = calloc(count, sizeof *array);
	int failed = 0;

	(void)data;
	if (!quiet)
		printf("conversation %d\n", count);
	if (tell_inherited)
		printf("inherited %d of %d\n", inherited() - inherited_before, entries("/proc/self/fd"));
	for (int i = 0; i < count && !failed; i++) {
		int style = messages[i]->style;

		tell("message", style, messages[i]->text);
		if (style != PROMPT_ECHO_OFF && style != PROMPT_ECHO_ON)
			continue;
		if (new_user)
			need(pam_set_item(handle, 2, new_user) == 0, "change-user");
		if (reply_next < reply_count && strcmp(replies[reply_next], "@noarray") == 0) {
			free(array);
			return 0;
		}
		failed = reply_to(&array[i]);
	}
	if (failed) {
		free(array);
		return CONV_ERR;
	}
	*out = array;
	return 0;
}

static int loaded(const char *library)
{
	char line[1024];
	int found = 0;
	FILE *file = fopen("/proc/self/maps", "r");

	need(file != NULL, "maps");
	while (fgets(line, sizeof line, file))
		found |= strstr(line, library) != NULL;
	fclose(file);
	return found;
}

static void state(void)
{
	printf("threads %d\ndescriptors %d\nheap %zu\nlibgcc_s %d\nmodule %d\n", entries("/proc/self/task"),
	       entries("/proc/self/fd"), mallinfo2().uordblks, loaded("libgcc_s"), loaded("pam_mfa.so"));
}

/* How often a text stands in memory that can be written, the stack with its arguments aside. */
static int copies_of(const char *text)
{
	char line[1024], mode[8];
	char *from, *to;
	int count = 0;
	FILE *file = fopen("/proc/self/maps", "r");

	need(file != NULL, "maps");
	while (fgets(line, sizeof line, file)) {
		need(sscanf(line, "%p-%p %7s", (void **)&from, (void **)&to, mode) == 3, line);
		if (mode[0] != 'r' || mode[1] != 'w' || strstr(line, "[stack]"))
			continue;
		while ((from = memmem(from, to - from, text, strlen(text))) != NULL) {
			from++;
			count++;
		}
	}
	fclose(file);
	return count;
}

static void start(void)
{
	static const struct pam_conv conversation = { converse, NULL };
	int result = pam_start_confdir(service, user, &conversation, confdir, &handle);

	need(result == 0, "pam_start_confdir");
}

static void end(void)
{
	need(pam_end(handle, 0) == 0, "pam_end");
	handle = NULL;
}

/* Whole logins, one after another, each loading and unloading the module. */
static void repeat(int times)
{
	quiet = 1;
	if (handle)
		end();
	for (int i = 0; i < times; i++) {
		start();
		reply_next = 0;
		need(pam_authenticate(handle, flags) == 0, "a login of many");
		need(pam_acct_mgmt(handle, flags) == 0, "an account of many");
		end();
	}
	quiet = 0;
}

static void item(const char *assignment)
{
	static const struct { const char *name; int number; } kinds[] = {
		{ "service=", 1 }, { "user=", 2 }, { "tty=", 3 }, { "rhost=", 4 }, { "ruser=", 8 }, { "conv=", 5 },
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t length = strlen(kinds[i].name);

		if (strncmp(assignment, kinds[i].name, length) == 0) {
			static const struct pam_conv none = { NULL, NULL };
			const void *value = kinds[i].number == 5 ? (const void *)&none : assignment + length;

			need(pam_set_item(handle, kinds[i].number, value) == 0, assignment);
			return;
		}
	}
	errno = EINVAL;
	need(0, assignment);
}

/* Calls whose failure is tried: by number, and where that is not enough by a bit of an argument's lower half. */
static const struct { const char *name; int number, argument; unsigned bit; } calls[] = {
	{ "openat", SYS_openat, 0, 0 },
	{ "openat-folder", SYS_openat, 2, O_DIRECTORY },
	{ "openat-writing", SYS_openat, 2, O_RDWR },
	{ "fstat", SYS_fstat, 0, 0 },
	{ "newfstatat", SYS_newfstatat, 0, 0 },
	{ "statx", SYS_statx, 0, 0 },
	{ "pread64", SYS_pread64, 0, 0 },
	{ "flock", SYS_flock, 0, 0 },
	{ "pwrite64", SYS_pwrite64, 0, 0 },
	{ "fdatasync", SYS_fdatasync, 0, 0 },
};

/* In the kernel, so that it holds for every way of making the call. */
static void fail(const char *what)
{
	const char *end = strchr(what, ':');
	unsigned result = SECCOMP_RET_KILL_PROCESS;
	size_t at = 0;

	need(end != NULL, what);
	while (at < sizeof calls / sizeof *calls
	       && (strlen(calls[at].name) != (size_t)(end - what) || strncmp(calls[at].name, what, end - what) != 0))
		at++;
	need(at < sizeof calls / sizeof *calls, what);
	if (strcmp(end, ":kill") != 0)
		result = SECCOMP_RET_ERRNO | atoi(end + 1);
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[at].number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * calls[at].argument),
		BPF_JUMP(BPF_JMP | (calls[at].bit ? BPF_JSET : BPF_JGE) | BPF_K, calls[at].bit, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, result),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	need(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "seccomp");
}

static int step(const char *step)
{
	if (strncmp(step, "item=", 5) == 0)
		item(step + 5);
	else if (strncmp(step, "env=", 4) == 0)
		need(pam_putenv(handle, step + 4) == 0, step);
	else if (strncmp(step, "reply=", 6) == 0 && reply_count < MOST)
		replies[reply_count++] = step + 6;
	else if (strncmp(step, "change-user=", 12) == 0)
		new_user = step + 12;
	else if (strncmp(step, "fail=", 5) == 0)
		fail(step + 5);
	else if (strncmp(step, "repeat=", 7) == 0)
		repeat(atoi(step + 7));
	else if (strncmp(step, "copies=", 7) == 0)
		printf("copies %d\n", copies_of(step + 7));
	else if (strcmp(step, "tell-inherited") == 0)
		tell_inherited = 1, inherited_before = inherited();
	else if (strcmp(step, "silent") == 0)
		flags = SILENT;
	else if (strcmp(step, "state") == 0)
		state();
	else if (strcmp(step, "auth") == 0)
		printf("auth %d\n", pam_authenticate(handle, flags));
	else if (strcmp(step, "account") == 0)
		printf("account %d\n", pam_acct_mgmt(handle, flags));
	else if (strcmp(step, "setcred") == 0)
		printf("setcred %d\n", pam_setcred(handle, 2 | flags));
	else if (strcmp(step, "password") == 0)
		printf("password %d\n", pam_chauthtok(handle, flags));
	else if (strcmp(step, "session") == 0)
		printf("session %d\n", pam_open_session(handle, flags));
	else
		return 0;
	return 1;
}

int main(int count, char **words)
{
	need(count > 4, "usage: application RUN CONFDIR SERVICE USER STEP...");
	setvbuf(stdout, NULL, _IONBF, 0);
	alarm(300); /* a test that hangs has failed */
	move_in(words[1]);
	confdir = words[2];
	service = words[3];
	user = strcmp(words[4], "@none") == 0 ? NULL : words[4];
	int first = 5;
	if (count > first && strncmp(words[first], "uid=", 4) == 0) {
		int uid = atoi(words[first++] + 4);
		need(setgid(uid) == 0 && setuid(uid) == 0, "uid");
	}
	start();
	for (int i = first; i < count; i++)
		need(step(words[i]), words[i]);
	if (handle)
		end();
	return 0;
}
