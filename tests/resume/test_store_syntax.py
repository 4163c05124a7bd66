"""The text that digests are made of: layout does not show in it, the program does."""

import ast
import hashlib

import pytest

from langevin_sgd.sweep.syntax import canonical

SAMPLE = r'''
"""A module with much that versions of Python cut up in different ways."""

@decorated(1, *more, key=None, **rest)
async def f(a, /, b: int = 0x_FF, *args: int, c=1e999, **kwargs) -> tuple[int, ...]:
    """A docstring."""
    async with one as two, three:
        return await g(-1, 1.50, 2j, b"\x00\xff", "\ud800 é \u202e", None, True, ...)

class A(B, metaclass=M):
    x: float = 1_000_000.0
    y: "text"
    def g(self):
        global z
        nonlocal_ = lambda *, k=3: (yield)
        del self.x[1:2, ::3], self.y
        return {**self.a, 1: 2}, {1, 2}, [i async for i in self if i for j in i], not -+~i

def strings(x, w, d):
    one = f"", f"a", f"{x}", f"a{x}b" "c" f"d{w}e", "a" f"{x!r:>{w}.{d}}" f"" "z", f"{x = }{{}}"
    two = f"{x:}{x!s:%Y-%m-%d}", f"{'nested'}{{{x}}}\n\N{BULLET}", rf"\d{x}\w", (b"a" b"b")
    three = f"""{
        x
    } and {w:{d}}"""
    return one, two, three

try:
    pass
except* (A, B) as error:
    raise C from error
else:
    x: int
finally:
    while (n := 3) > 2 > 1 and not a or b:
        continue

match value:
    case {"a": [1, *_], **others} | A(x=None) | "s" | -1 if others: pass
    case _: assert x, "words"
if TYPE_CHECKING:
    from a import b
a, *b = c = d if e else f @ g // h ** i << j
print(u"text", 0o17, 0b1, 10**400, 123456789012345678901234567890)
'''
EXPECTED = "eb0d5fc8861d1c65a8b5"


def text(source):
    return canonical(ast.parse(source).body, lambda node: ",".join(a.name for a in node.names))


def test_the_text_is_the_same_on_every_python():
    """Pinned on one version; the suite runs on all of them."""
    assert hashlib.sha256(text(SAMPLE).encode()).hexdigest()[:20] == EXPECTED


ALIKE = [
    ("x = f(a, b)", "x = f(\n    a,\n    b,\n)  # a remark"),
    ("x = a + b", "x = (\n    a\n    + b\n)"),
    ("x = 'it'", 'x = "it"'),
    ("x = 'one two'", "x = (\n    'one '\n    'two'\n)"),
    ("x = f'one {a}'", "x = (\n    'one '\n    f'{a}'\n)"),
    ("x = 1000.0", "x = 1_000.00"),
    ("x = 255", "x = 0xFF"),
    ("def f():\n    return 1", "def f():\n    'Words.'\n\n    return 1"),
    ("x: int = 1", "x: int = 1\n'Words on x.'"),
    ("x = 1", "if TYPE_CHECKING:\n    import y\nx = 1"),
    ("x = 1", "if typing.TYPE_CHECKING:\n    import y\nx = 1"),
]
DIFFERENT = [
    ("x = 1", "x = 1.0"),
    ("x = 1", "x = True"),
    ("x = ''", "x = None"),
    ("x = 'a'", "x = b'a'"),
    ("x = 'None'", "x = None"),
    ("x = ...", "x = None"),
    ("x = f'{a}'", "x = 'a'"),
    ("x = f'{a!r}'", "x = f'{a}'"),
    ("x = f'{a:.2f}'", "x = f'{a:.3f}'"),
    ("x = f'a{b}c'", "x = f'ab{c}'"),
    ("x = a - (b - c)", "x = a - b - c"),
    ("x = (a, b)", "x = [a, b]"),
    ("x = (a,)", "x = a"),
    ("x = {**a}", "x = {a: a}"),
    ("x = 0.1", "x = 0.10000000000000002"),
    ("x = 1e-300", "x = 0.0"),
    ("def f(a, /): pass", "def f(a): pass"),
    ("def f(a=1): pass", "def f(*, a=1): pass"),
    ("a()\nb()", "b()\na()"),
    ("if a:\n    b()\nc()", "if a:\n    b()\n    c()"),
    ("if TYPE_CHECKING:\n    x = 1\nelse:\n    x = 2", "if TYPE_CHECKING:\n    x = 1"),
    ("from a import b", "from a import c"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_layout_does_not_show(one, other):
    assert text(one) == text(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_the_program_shows(one, other):
    assert text(one) != text(other)
