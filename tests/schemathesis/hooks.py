"""
What schemathesis takes for malformed and is not: it quotes a path's values (`H:m2k` becomes `H%3Am2k`) before it
holds them against their pattern, so each good id with one of `:@+` in it is malformed to it, and is rightly taken.
"""

import re
from urllib.parse import unquote

import schemathesis

ID = re.compile(r"[A-Za-z0-9_.~@+:-]{1,128}")


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Whether a case is kept: not if it was to be malformed, and no value of its path is but by its quotes."""
    if case.meta is None or not case.meta.generation.mode.is_negative:
        return True
    values = [str(value) for value in (case.path_parameters or {}).values()]
    return not any("%" in value and ID.fullmatch(unquote(value)) for value in values)
