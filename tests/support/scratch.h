/* A directory of a test's own. */
#ifndef SUPPORT_SCRATCH_H
#define SUPPORT_SCRATCH_H

/* With all files in it; a directory in it fails the test. */
void scratch_remove(const char *directory);

#endif
