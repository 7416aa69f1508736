/*
 * pam_unix's place in a stack, for tests that count calls: asks for a password, leaves it to the modules that follow,
 * and takes the one that is its argument. It makes no system call of its own.
 */
#include <string.h>

int pam_get_authtok(void *, int, const char **, const char *);

int pam_sm_authenticate(void *handle, int flags, int count, const char **words)
{
	const char *typed = NULL;

	(void)flags;
	if (count != 1)
		return 4; /* PAM_SYSTEM_ERR */
	int result = pam_get_authtok(handle, 6 /* PAM_AUTHTOK */, &typed, "Password: ");
	if (result != 0)
		return result;
	return typed && strcmp(typed, words[0]) == 0 ? 0 : 7; /* PAM_AUTH_ERR */
}

int pam_sm_setcred(void *handle, int flags, int count, const char **words)
{
	(void)handle, (void)flags, (void)count, (void)words;
	return 0;
}
