"""What a worker's memory holds of the lessons' answers: nothing that Python can reach."""

import ast
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

from attncourse import exercises

FOLDER = Path(exercises.__path__[0])
LESSONS = exercises.packages()
SHORTEST = 24  # characters of a text that can be nobody else's

Left = dict[str, dict[str, list[str]]]

#: Does what the forkserver does before it forks, then looks at all that can be reached.
WALK = r"""
import functools, gc, hashlib, json, linecache, os, sys, threading, types, weakref
from attncourse.exercises import lessons
from attncourse.grading.sandbox import forkserver, redact

SHORTEST, folder = int(sys.argv[1]), sys.argv[2]
forbidden, turns = json.loads(sys.stdin.read())

def digest(text):
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]

def texts(each):
    '''What of a text could be told from others: all of it, and its lines.'''
    each = each if isinstance(each, str) else bytes(each).decode(errors="replace")
    return [each, *map(str.strip, each.splitlines())]

def parts(each):
    '''What an object leads to; the collector knows nothing of the inside of code.'''
    if isinstance(each, types.CodeType):
        return [each.co_consts, each.co_names, each.co_filename]
    return [each()] if isinstance(each, weakref.ReferenceType) else gc.get_referents(each)

def reached():
    '''Every object that is tracked, on a stack, in a table of Python's, or led to by one.'''
    gc.collect()
    mine = {id(sys._getframe()), id(sys._getframe(1))}
    roots = [*gc.get_objects(), *sys._current_frames().values(), sys.modules, linecache.cache,
             sys.path_importer_cache, threading.enumerate(), vars(sys)]
    ahead = [each for each in roots if id(each) not in mine]
    seen = mine | {id(roots), id(mine), id(ahead)}
    while ahead:
        each = ahead.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            ahead += parts(each)

def nested(code):
    return [code, *(n for c in code.co_consts if isinstance(c, types.CodeType) for n in nested(c))]

def needed(name, asked):
    '''All that asking exercises needs, which stays: code, and texts.'''
    package = sys.modules[name]
    ahead = [each.kind for each in asked.values()] + [getattr(package, n) for n in package.__all__]
    seen, code, known = set(), set(), set()
    while ahead:
        each = ahead.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, str):
            known |= set(map(digest, texts(each)))
        elif isinstance(each, types.FunctionType):
            ahead += [cell.cell_contents for cell in each.__closure__ or ()]
            for inner in nested(each.__code__):
                code.add(inner)
                ahead += [c for c in inner.co_consts if isinstance(c, str)]
                ahead += [each.__globals__[n] for n in inner.co_names if n in each.__globals__]
        elif isinstance(each, type) and each.__module__.startswith("attncourse.exercises."):
            ahead += [*vars(each).values(), *each.__bases__]
        elif type(each).__module__.startswith("attncourse.exercises."):
            ahead += [type(each), *vars(each).values()]
    return code, known

def left(name, plant):
    exec(plant, globals())
    slug = name.rpartition(".")[2]
    _, asked = forkserver._prepare(name, [f"from attncourse.exercises import {slug} as ex"])
    redact.remove_grader()
    code, known = needed(name, asked)
    secret = set(forbidden) - known
    found = set()
    for each in reached():
        if isinstance(each, types.CodeType) and each not in code:
            place = each.co_filename.removeprefix(folder)
            if place != each.co_filename and "/" in place and not place.startswith("core/"):
                found.add(f"code: {place} {each.co_qualname}")
        elif isinstance(each, (str, bytes, bytearray)) and len(each) >= SHORTEST:
            if not secret.isdisjoint(map(digest, texts(each))):
                found.add(f"text: {each[:60]}")
        elif type(each).__name__ in ("Exercise", "Misconception", "Law"):
            found.add(f"exercise: {type(each).__name__}")
    return {"asked": sorted(asked), "found": sorted(found)}

lessons()  # of all that may have been imported along, by whichever way
for turn in turns:
    if not os.fork():
        print(json.dumps(left(*turn)), flush=True)
        os._exit(0)
    os.wait()
"""

FUSE = "sys.modules['attncourse.exercises.sk.fuse']"
DRAWS = "sys.modules['attncourse.exercises.common.draws']"
REWRITTEN = "The fusion that forgets what it was told."
#: What keeps something, by what it is found as.
PLANTS = {
    "fuse.py _fuse_with": f"""
remembered = functools.lru_cache(lambda code: code.co_name)
remembered({FUSE}._fuse_with.__code__)
""",
    "fuse.py _after": f"""
def outer(code):
    return lambda: code
closure = outer({FUSE}._after.__code__)
""",
    "common/draws.py maps": f"""
def shell():
    return None
shell.__code__ = shell.__code__.replace(co_consts=(None, {DRAWS}.maps.__code__))
""",
    "fuse.py _Convolutions.forward": f"functools.kept = {FUSE}._Convolutions",
    "fuse.py _branches": f"""
def waits(function):
    yield
frame = waits({FUSE}._branches)
next(frame)
""",
    "fuse.py _told": f"""
try:
    {FUSE}._told(None)
except AttributeError as error:
    sys.last_value = error
""",
    "exercise: Exercise": f"kept = types.SimpleNamespace(it={FUSE}.Fuse.laws, of={FUSE}.Fuse)",
    "text: The ReLU is missing.": f"""
sentences = [each.sentence for each in {FUSE}.Fuse.misconceptions]
""",
    f"text: {REWRITTEN}": f"linecache.cache['<a cell>'] = (0, None, [{REWRITTEN!r}], '')",
}


@pytest.fixture(scope="module")
def left() -> Left:
    """What is left of the answers when a lesson is graded, and when something is planted."""
    turns = [[f"{exercises.__name__}.{lesson}", ""] for lesson in LESSONS]
    turns.append([f"{exercises.__name__}.se", "\n".join(PLANTS.values())])
    command = [sys.executable, "-c", WALK, str(SHORTEST), f"{FOLDER}/"]
    words = json.dumps([[*secrets(), digest(REWRITTEN)], turns])
    done = subprocess.run(command, input=words, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    lines = map(json.loads, done.stdout.splitlines())
    return dict(zip([*LESSONS, "planted"], lines, strict=True))


def secrets() -> list[str]:
    """Hashes of every long text and every long line that only the exercises' files have."""
    files = [p for p in FOLDER.rglob("*.py") if p.parent != FOLDER and "core" not in p.parts]
    found = {text for path in files for text in constants(compile(path.read_text(), "", "exec"))}
    found |= {line.strip() for path in files for line in path.read_text().splitlines()}
    found -= {"with torch.enable_grad():"}  # torch says it, too
    others = "\n".join(p.read_text() for p in FOLDER.parent.rglob("*.py") if p not in files)
    return [digest(text) for text in found if len(text) >= SHORTEST and text not in others]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def constants(code: CodeType) -> Iterator[str]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from constants(each)
        elif isinstance(each, str):
            yield each


@pytest.mark.parametrize("lesson", LESSONS)
def test_no_answer_of_any_lesson_can_be_reached(left: Left, lesson: str) -> None:
    names = ast.parse((FOLDER / lesson / "__init__.py").read_text())
    assert left[lesson]["found"] == []
    assert left[lesson]["asked"]
    assert set(left[lesson]["asked"]) <= {n.id for n in ast.walk(names) if isinstance(n, ast.Name)}


@pytest.mark.parametrize("name", PLANTS)
def test_what_would_be_left_is_found(left: Left, name: str) -> None:
    """Without these, the test above could pass because it looks nowhere."""
    assert any(name in each for each in left["planted"]["found"])
