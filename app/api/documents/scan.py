"""A first look at a text, at the speed of a regular expression: is it worth parsing? Judges nothing else.

The parser counts tokens as well, but it takes ten milliseconds to find out what this finds out in one.
"""

import re

# Of each kind as many as there are: nothing is tried twice, whatever the text. Strings first, for what looks like
# tokens within them; what is no token at all ends the count, and is the parser's to complain of.
_NEXT = re.compile(
    r"(?P<ignored>(?:[\s,\ufeff]++|\#[^\n\r]*+)++)"
    r'|"""(?>[^"\\]++|\\"""|\\|"(?!""))*+"""'
    r'|"(?>[^"\\\n\r]++|\\.)*+"'
    r"|[A-Za-z_][0-9A-Za-z_]*+|-?[0-9][0-9.eE+-]*+|\.\.\.|[!$&():=@\[\]{|}]"
    r"|(?P<unknown>.)",
    re.DOTALL,
)


def has_more_tokens(text: str, most: int) -> bool:
    """Whether a text surely has more tokens than that."""
    count = 0
    for found in _NEXT.finditer(text):
        if found.lastgroup is None:
            count += 1
            if count > most:
                return True
        elif found.lastgroup == "unknown":
            return False
    return False
