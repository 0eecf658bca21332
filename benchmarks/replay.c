/* The login shell of the hosts of benchmarks/scale.py: "replay -c LINE" prints what a booted host has answered to LINE.

   A shell and its tools would take longer than this tool does for the host, on the same cores.

   An answer lies in a file that is named by the length of its line in bytes. A line differs from run to run in nothing
   but a random mark, which has a fixed length and a fixed place. The file begins with a line that has this place. In the
   rest, the byte 1 stands for the time, the byte 2 for the addresses of the connection, and the byte 3 for the mark. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef FOLDER
#define FOLDER "/srv/replay"
#endif
#define MARK 16

int main(int argc, char **argv)
{
    const char *line = argc == 3 ? argv[2] : "";
    const char *connection = getenv("SSH_CONNECTION");
    size_t place, length = strlen(line);
    char name[4096];
    FILE *answer;
    int byte;

    snprintf(name, sizeof name, FOLDER "/answers/%zu", length);
    answer = fopen(name, "r");
    if (answer == NULL || fscanf(answer, "%zu", &place) != 1 || fgetc(answer) != '\n' || place + MARK > length) {
        fprintf(stderr, "no answer was recorded to a line of %zu bytes\n", length);
        return 1;
    }
    while ((byte = getc_unlocked(answer)) != EOF) {
        switch (byte) {
        case 1:
            printf("%lld", (long long)time(NULL));
            break;
        case 2:
            fputs(connection == NULL ? "" : connection, stdout);
            break;
        case 3:
            fwrite(line + place, 1, MARK, stdout);
            break;
        default:
            putchar_unlocked(byte);
        }
    }
    return 0;
}
