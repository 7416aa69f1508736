/*
 * An application whose n-th system call fails, or whose n-th allocation, while it logs somebody in: any call, made in
 * whatever way, because a supervisor in another thread is asked by the kernel about each (seccomp's notifications).
 *
 * failing RUN CONFDIR
 *
 * A login is a line of words with tabs between them, SERVICE USER FAULT NUMBER VALUE STEP..., and has a process of its
 * own. What it finds around itself is what surroundings.h says of RUN. The number counts what happens from the first hook to pam_end.
 *   none 0 0      nothing fails
 *   call N E      the N-th system call fails with error E
 *   calls N E     so do all that follow
 *   result N V    the N-th, if it reads, writes, sends or receives, does nothing and says V
 *   memory N 0    the N-th allocation gives NULL
 *   memories N 0  so do all that follow
 * Steps: auth account setcred, and typed=TEXT for each prompt, in order.
 * The answer is a line: NAME=NUMBER for each hook, and then calls, allocations, the number of the system call that
 * failed (or -1), and the signal that ended the login (or 0).
 */
#include "surroundings.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PROMPT_ECHO_OFF = 1, PROMPT_ECHO_ON = 2, CONV_ERR = 19, WORDS = 32, TOO_LONG = 60 };
enum { AUTH, ACCOUNT, SETCRED, HOOKS };

static const char *const hooks[HOOKS] = { "auth", "account", "setcred" };

/* What the login and its supervisor have in common. */
static volatile struct {
	int watching, mode, value, failed, results[HOOKS];
	long number, calls, allocations;
} *shared;

enum { NONE, CALL, CALLS, RESULT, MEMORY, MEMORIES };
static const char *const modes[] = { "none", "call", "calls", "result", "memory", "memories" };

static const char *confdir, *typed[WORDS];
static int typed_count, typed_next;
/* Zero until there is one; an error if there is none. */
static volatile int listener;

/* Allocations: what the module's own allocator calls, and libpam. */
void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static int refuse_memory(void)
{
	if (!shared || !shared->watching)
		return 0;
	long at = ++shared->allocations;
	int fails = (shared->mode == MEMORY && at == shared->number) || (shared->mode == MEMORIES && at >= shared->number);
	if (!fails)
		return 0;
	shared->failed = 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size) { return refuse_memory() ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return refuse_memory() ? NULL : __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return refuse_memory() ? NULL : __libc_realloc(old, size); }
void *aligned_alloc(size_t align, size_t size) { return refuse_memory() ? NULL : __libc_memalign(align, size); }

int posix_memalign(void **place, size_t align, size_t size)
{
	*place = refuse_memory() ? NULL : __libc_memalign(align, size);
	return *place ? 0 : ENOMEM;
}

/* Whether a call says how many bytes it has moved. */
static int moves_bytes(int number)
{
	static const int moving[] = {
		SYS_read, SYS_write, SYS_pread64, SYS_pwrite64, SYS_readv, SYS_writev, SYS_sendto, SYS_recvfrom, SYS_sendmsg,
		SYS_recvmsg,
	};

	for (size_t i = 0; i < sizeof moving / sizeof *moving; i++)
		if (moving[i] == number)
			return 1;
	return 0;
}

/* Decides about one call. */
static void judge(const struct seccomp_data *call, struct seccomp_notif_resp *answer)
{
	answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (!shared->watching)
		return;
	long at = ++shared->calls;
	int fails = (shared->mode == CALL && at == shared->number) || (shared->mode == CALLS && at >= shared->number);
	int lies = shared->mode == RESULT && at == shared->number && moves_bytes(call->nr);
	if (!fails && !lies)
		return;
	if (shared->failed < 0)
		shared->failed = call->nr;
	answer->flags = 0;
	answer->error = fails ? -shared->value : 0;
	answer->val = lies ? shared->value : 0;
}

static void supervise(void)
{
	for (;;) {
		struct seccomp_notif call;
		struct seccomp_notif_resp answer;

		memset(&call, 0, sizeof call);
		memset(&answer, 0, sizeof answer);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
			continue; /* whoever asked is gone */
		answer.id = call.id;
		judge(&call.data, &answer);
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out, void *data)
{
	struct pam_response *array = __libc_calloc(count, sizeof *array);

	(void)data;
	for (int i = 0; i < count; i++) {
		if (messages[i]->style != PROMPT_ECHO_OFF && messages[i]->style != PROMPT_ECHO_ON)
			continue;
		if (typed_next == typed_count) {
			free(array);
			return CONV_ERR;
		}
		const char *reply = typed[typed_next++];
		array[i].text = __libc_malloc(strlen(reply) + 1);
		strcpy(array[i].text, reply);
	}
	*out = array;
	return 0;
}

static int call_hook(pam_handle_t *handle, int hook)
{
	switch (hook) {
	case AUTH: return pam_authenticate(handle, 0);
	case ACCOUNT: return pam_acct_mgmt(handle, 0);
	default: return pam_setcred(handle, 2);
	}
}

/* One login, watched from its first hook to its end. */
static void log_in(const char *service, const char *user, char **steps, int count)
{
	static const struct pam_conv conversation = { converse, NULL };
	pam_handle_t *handle;
	int order[WORDS], hook_count = 0, last = 0;

	alarm(TOO_LONG);
	for (int i = 0; i < count; i++) {
		char *equals = strchr(steps[i], '=');

		if (equals)
			typed[typed_count++] = equals + 1;
		for (int hook = 0; hook < HOOKS; hook++)
			if (strcmp(steps[i], hooks[hook]) == 0)
				order[hook_count++] = hook;
	}
	need(pam_start_confdir(service, user, &conversation, confdir, &handle) == 0, "pam_start_confdir");
	shared->watching = 1;
	for (int i = 0; i < hook_count; i++)
		shared->results[order[i]] = last = call_hook(handle, order[i]);
	pam_end(handle, last);
	shared->watching = 0;
	_exit(0);
}

static void answer(int ended)
{
	for (int hook = 0; hook < HOOKS; hook++)
		if (shared->results[hook] >= 0)
			printf("%s=%d ", hooks[hook], shared->results[hook]);
	printf("calls=%ld allocations=%ld failed=%d ended=%d\n", shared->calls, shared->allocations, shared->failed,
	       WIFSIGNALED(ended) ? WTERMSIG(ended) : WEXITSTATUS(ended));
	fflush(stdout);
}

static void serve(char *line)
{
	char *words[WORDS], *rest = line;
	int count = 0, ended;

	while (count < WORDS && (words[count] = strtok_r(NULL, "\t\n", &rest)) != NULL)
		count++;
	need(count > 5, "a login is SERVICE USER FAULT NUMBER VALUE STEP...");
	shared->watching = shared->mode = 0;
	for (int mode = NONE; mode <= MEMORIES; mode++)
		if (strcmp(words[2], modes[mode]) == 0)
			shared->mode = mode;
	shared->number = atol(words[3]);
	shared->value = atoi(words[4]);
	shared->calls = shared->allocations = 0;
	shared->failed = -1;
	for (int hook = 0; hook < HOOKS; hook++)
		shared->results[hook] = -1;
	pid_t login = fork();
	if (login == 0)
		log_in(words[0], words[1], words + 5, count - 5);
	need(login > 0 && waitpid(login, &ended, 0) == login, "fork");
	shared->watching = 0;
	answer(ended);
}

/* The thread whose calls the supervisor is asked about, and those of its children. */
static void *work(void *nothing)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		/* These cannot fail, says POSIX. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 8, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 7, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 6, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getuid, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_geteuid, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getgid, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getegid, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
	char line[4096];

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	int made = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	listener = made < 0 ? -errno : made;
	while (fgets(line, sizeof line, stdin))
		serve(line);
	_exit(0);
	return nothing;
}

int main(int count, char **words)
{
	pthread_t worker;

	need(count == 3, "usage: failing RUN CONFDIR");
	move_in(words[1]);
	confdir = words[2];
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(shared != MAP_FAILED, "memory");
	need(pthread_create(&worker, NULL, work, NULL) == 0, "a thread");
	while (listener == 0)
		sched_yield();
	errno = -listener;
	need(listener > 0, "seccomp");
	supervise();
}
