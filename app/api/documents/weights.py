"""What is dear in the schema: the one file that says so. Points; how they add up is `cost.py`'s.

A point is some tenth of a millisecond of a processor: an object that is loaded, made and shown.
"""

OBJECT = 1
MUTATION = 10
SUBSCRIPTION = 10
INTROSPECTION = 500
"""All of `__schema` or `__type`, whatever is selected of it."""

MOST_ELEMENTS = 100
"""The largest page there is."""
ELEMENTS = 10
"""How many a list that is no page is taken to have, where `LISTS` does not say."""

LISTS = {
    "Query.permissionMatrix": 5,
    "QueueSnapshot.waiting": 100,
    "Session.notes": 5,
}

# What does more than load objects: hash a password, fold a log, make codes, answer with a whole line.
WEIGHTS = {
    "Mutation.tenantCreate": 300,
    "Mutation.userCreate": 300,
    "Mutation.userLogin": 300,
    "Mutation.userUpdate": 300,
    "Mutation.accessCodeCreate": 100,
    "Mutation.accessEntryAdd": 100,
    "Query.queueAsOf": 300,
}
