"""The worst documents anybody has thought of, each as large as it may be to be read at all; all of them are refused.

By what they attack: the lexer, the parser, the measure, validation, or the price. Nothing here measures.
"""

from collections.abc import Mapping

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type

MOST_BYTES = 100_000


def _filled(begin: str, part: str, end: str, size: int) -> str:
    """As many parts as fit."""
    return begin + part * ((size - len(begin) - len(end)) // len(part)) + end


def _many(begin: str, parts: int, part: str, end: str) -> str:
    return begin + " ".join(part.replace("#", str(number)) for number in range(parts)) + end


def documents(schema: GraphQLSchema) -> Mapping[str, str]:
    """By name. Those of a hundred thousand bytes are refused unread; the others just pass what is asked before."""
    whole, readable = MOST_BYTES, 19_990
    long = {
        f"{name}, {size:,} bytes": _filled(begin, part, end, size)
        for size in (whole, readable)
        for name, begin, part, end in (
            ("fields", "{", " a", " }"),
            ("one string", '{ queueBySlug(tenantSlug: "', "x", '", slug: "y") { nope } }'),
            ("escapes in a string", '{ queueBySlug(tenantSlug: "', "\\u0041", '", slug: "y") { nope } }'),
            ("a block string", '{ queueBySlug(tenantSlug: """', "x\n", '""", slug: "y") { nope } }'),
            ("quotes in a block string", '{ queueBySlug(tenantSlug: """', '\\"""', '""", slug: "y") { nope } }'),
            ("a string without an end", '{ a(b: "', "x", ""),
            ("a block string without an end", '{ a(b: """', '"" ', ""),
            ("quotes", "{ a ", '"', ""),
            ("comments", "{ nope ", "#\n", "}"),
            ("one comment", "{ nope #", "x", "\n}"),
            ("blanks", "{ nope ", " ", "}"),
            ("commas", "{ nope ", ",", "}"),
            ("lines", "{ nope ", "\n", "}"),
            ("one name", "{ ", "a", " }"),
            ("one number", "{ a(b: 1", "0", ") }"),
            ("one fraction", "{ a(b: 1.", "0", ") }"),
            ("dots", "{ ", ".", " }"),
            ("zero bytes", "{ ", "\x00", " }"),
            ("marks of order", "{ nope ", "\ufeff", "}"),
            ("surrogates", "{ ", "\U0001f3ab", " }"),
            ("opening braces", "", "{", ""),
            ("opening brackets", "{ a(b: ", "[", ""),
            ("opening objects", "{ a(b: ", "{a:", ""),
            ("dollars", "{ ", "$", " }"),
        )
    }
    typename = "{ __typename }"
    small = {
        "449 tokens of fields nobody knows": _many("{ ", 435, "nope#", " }"),
        "449 tokens of one field": "{" + " viewer" * 435 + "}",
        "449 tokens of aliases": _many("{ ", 105, f"a#: viewer {typename}", " }")[:2_600] + " }",
        "repeated with selections": "{" + f" viewer {typename}" * 110 + "}",
        "repeated with arguments": "{" + ' queueBySlug(tenantSlug: "a", slug: "b") { id }' * 29 + "}",
        "repeated with long arguments": "{" + f' queueBySlug(tenantSlug: "{"x" * 600}", slug: "b") {{ id }}' * 29 + "}",
        "inline fragments of one field": _many("{ ", 70, f"... on Query {{ viewer {typename} }}", " }"),
        "repeated in nested inline fragments": "{ viewer {" + " ... on User { tenant { name name } }" * 40 + " } }",
        "fragments that all meet": _many("{ ", 36, "...F#", " } ")
        + _many("", 36, "fragment F# on Query { viewer { __typename } }", ""),
        "fragments that meet pairwise": _many("{ ", 19, "...F#", " } ")
        + _many("", 19, "fragment F# on Query { viewer { ... on User { id email tenant { id } } } }", ""),
        "fragments doubled": "{ ...F0 } "
        + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(38))
        + " fragment F38 on Query { viewer { __typename } }",
        "fragments doubled below fields": "{ viewer { ...F0 } } "
        + " ".join(f"fragment F{n} on User {{ a: tenant {{ id }} ...F{n + 1} ...F{n + 1} }}" for n in range(26))
        + " fragment F26 on User { nope }",
        "a cycle of fragments": "{ ...F0 } "
        + " ".join(f"fragment F{n} on Query {{ ...F{(n + 1) % 39} ...F{(n + 7) % 39} }}" for n in range(39)),
        "fragments nobody spreads": _many("{ nope } ", 39, "fragment F# on User { id email lastName role }", ""),
        "many fragments": _many("{ nope } ", 60, "fragment F# on User { id }", ""),
        "as many operations as may be": _many("", 20, "query Q#($a: Int) { viewer { ... on User { id email } } }", ""),
        "many operations": _many("", 85, "query Q# { nope }", ""),
        "operations that spread all fragments": _many("", 20, "query Q# { ...F0 } ", "")
        + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(38))
        + " fragment F38 on Query { nope }",
        "variables nobody uses": _many("query Q(", 105, "$v#: Int", ") { viewer { __typename } }"),
        "variables of one name": "query Q(" + "$v: Int " * 105 + ") { viewer { __typename } }",
        "undefined variables": _many("{ queues(first: 1, filter: {", 105, "a#: $v#", "}) { edges { cursor } } }"),
        "directives": "{ viewer" + " @include(if: true)" * 60 + " { __typename } }",
        "unknown directives": _many("{ viewer ", 210, "@d#", " { __typename } }"),
        "a list": "{ queues(first: [" + "1 " * 430 + "]) { edges { cursor } } }",
        "an object": _many("{ queues(first: {", 140, "a#: 1", "}) { edges { cursor } } }"),
        "an object of one name": "{ queues(first: {" + "a: 1 " * 140 + "}) { edges { cursor } } }",
        "arguments nobody knows": _many("{ queues(", 140, "a#: 1", ") { edges { cursor } } }"),
        "arguments of one name": "{ queues(" + "first: 1 " * 140 + ") { edges { cursor } } }",
        "values of a wrong kind": '{ queueBySlug(tenantSlug: ["' + '" "'.join("x" * 240) + '"], slug: 1) { id } }',
        "a depth of a hundred": "{ viewer " + "{ a " * 95 + "}" * 96,
        "inline fragments in each other": "{" + "...{" * 95 + "nope" + "}" * 96,
        "introspection in introspection": "{ __schema { types " + "{ fields { type " * 40 + typename + "}}" * 41,
        "as many values as may be": "{ queues(first: [" + "1 " * 240 + "]) { edges { cursor } } }",
        "as long values as may be": "{ queues(first: [" + f'"{"x" * 75}" ' * 240 + "]) { edges { cursor } } }",
        "names nearly right": _many("{ ", 210, "queueBySlut viewr", " }"),
        "a valid document with one mistake at its end": _many(
            "{ ", 16, "a#: viewer { ... on User { id email firstName lastName role tenant { id name } } }", " nope }"
        ),
        "a valid introspection with one mistake at its end": "{ __schema { types { fields { args { type "
        + "{ name ofType " * 7 + "{ name }" + "}" * 7 + " } } } nope } }",
        "pages in pages": "{ queues(first: 100) { edges { node {"
        " sessions(first: 100) { edges { node { queue { id } } } } } } } }",
        "everything of everything, with one mistake at its end": _everything(schema),
    }  # fmt: skip
    return long | small


def _everything(schema: GraphQLSchema) -> str:
    """All that is known of a queue and of a session, as far as tokens reach: valid, but for its last word."""
    words = ["{"]
    for alias, name in (("a", "queue"), ("b", "session"), ("c", "queue"), ("d", "session")):
        kind = schema.type_map[name.capitalize()]
        assert isinstance(kind, GraphQLObjectType)
        words += [f"{alias}: {name}", "(id:", '"x")', "{", *_leaves(kind)]
        for key, field in kind.fields.items():
            inner = get_named_type(field.type)
            if isinstance(inner, GraphQLObjectType) and not field.args and _leaves(inner):
                words += [key, "{", *_leaves(inner), "}"]
        words = [*words[:405], "}"]
    return " ".join([*words, *["}"] * (words.count("{") - words.count("}") - 1), "nope }"])


def _leaves(kind: GraphQLObjectType) -> list[str]:
    return [name for name, field in kind.fields.items() if is_leaf_type(get_named_type(field.type)) and not field.args]
