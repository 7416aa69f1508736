/*
 * Listens at a socket as another user, where the daemon ought to: stranger SOCKET UID
 * Says "ready", and stays until its input ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int main(int count, char **words)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	if (count != 3)
		return 2;
	strncpy(address.sun_path, words[1], sizeof address.sun_path - 1);
	/* The kernel remembers who called listen. */
	if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || chmod(words[1], 0666) != 0 ||
	    setuid(atoi(words[2])) != 0 || listen(listener, 8) != 0) {
		perror("stranger");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
