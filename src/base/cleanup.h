/* Ownership of locals: AUTO(profile) *p frees p at the end of its scope, STEAL(p) hands it on.
 *
 * A header that wants AUTO for its struct says DEFINE_AUTO(profile, profile_free) once. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>

#define DEFINE_AUTO(type, free_function)                                                                     \
    static inline void type##_auto(struct type **object)                                                     \
    {                                                                                                        \
        free_function(*object);                                                                              \
    }

#define AUTO(type) __attribute__((cleanup(type##_auto))) struct type

/* AUTO_FREE char *text = ...; for what plain free() releases. */
static inline void auto_free(void *object)
{
    free(*(void **)object);
}
#define AUTO_FREE __attribute__((cleanup(auto_free)))

#define STEAL(pointer)                                                                                       \
    __extension__({                                                                                          \
        __typeof__(pointer) stolen_ = (pointer);                                                             \
        (pointer) = NULL;                                                                                    \
        stolen_;                                                                                             \
    })

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define CONTAINER_OF(pointer, type, member)                                                                  \
    ((type *)(void *)((char *)(pointer) - __builtin_offsetof(type, member)))

#endif
