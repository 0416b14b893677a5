/* Intrusive doubly linked list: the head and each member embed a struct list. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_append(struct list *head, struct list *item)
{
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}

static inline void list_prepend(struct list *head, struct list *item)
{
    list_append(head->next, item);
}

/* Safe on an item that is in no list, if it was list_init()ed. */
static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}

#define LIST_ITEM(link, type, member) CONTAINER_OF(link, type, member)
/* The body may remove `link` itself, no other. */
/* NOLINTBEGIN(bugprone-macro-parentheses): `link` and `following` are names it declares */
#define LIST_FOREACH(link, following, head)                                                                  \
    for (struct list *link = (head)->next, *following = link->next; link != (head);                          \
         link = following, following = link->next)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
