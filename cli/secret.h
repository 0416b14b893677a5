/* A secret typed without being shown, or the first line of standard input. */
#ifndef CLI_SECRET_H
#define CLI_SECRET_H

#define SECRET_MAX 1024

/* At a terminal it is asked for, twice. NULL: none was given, or they differ (said why). */
char *secret_read(const char *prompt);
/* Wipes it. NULL is fine. */
void secret_free(char *secret);

#endif
