"""`python -m release.startup DIRECTORY PYTHON`: make what SAM has built start fast.

Lambda starts a function from a read-only directory, so Python compiles every module again at each cold start: 300 ms of
processor time for those that the handlers import. They are compiled here instead, by the PYTHON that Lambda runs,
without a check of the source when they are loaded, as files do not change there. Another Python version ignores the
compiled files. To stay within the limits of a release, parts of packages that nothing imports are left out.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from release import ROOT

HANDLERS = ("forwarder.handler", "subscriber.handler")
# All modules of these are compiled, since those imported only when an event needs them are just as urgent.
OWN = ("forwarder", "subscriber", "trace_proto")
# Many parts of these packages are for other kinds of functions.
DIVISIBLE = ("aws_lambda_powertools", "aws_lambda_powertools/utilities")

_LOADED = """
import importlib, json, sys
from pathlib import Path
for name in sys.argv[1:]:
    importlib.import_module(name)
names = [(name, module.__spec__) for name, module in sys.modules.items() if getattr(module, "__spec__", None)]
files = [name.replace(".", "/") + ("/__init__.py" if spec.submodule_search_locations is not None else ".py")
         for name, spec in names if str(spec.origin).endswith(".py")]
print(json.dumps(files))
"""
_COMPILE = """
import json, py_compile, sys
for name in json.load(sys.stdin):
    py_compile.compile(name, dfile=name, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
"""


def loaded() -> list[str]:
    """Return the Python files that importing the handlers loads, as names below the directory that holds a package."""
    command = [sys.executable, "-c", _LOADED, *HANDLERS]
    done = subprocess.run(command, cwd=ROOT / "src", check=True, capture_output=True, text=True)
    return [str(name) for name in json.loads(done.stdout)]


def prepare(tree: Path, wanted: list[str], python: str) -> None:
    """Leave out what nothing imports, and compile what is wanted."""
    for stale in list(tree.rglob("__pycache__")):
        shutil.rmtree(stale)
    for parent in DIVISIBLE:
        for part in sorted((tree / parent).iterdir()):
            name = part.relative_to(tree).as_posix()
            if part.is_dir() and not any(file.startswith(f"{name}/") for file in wanted):
                shutil.rmtree(part)
    own = {path.relative_to(tree).as_posix() for name in OWN for path in (tree / name).rglob("*.py")}
    files = sorted(own | {name for name in wanted if (tree / name).is_file()})
    subprocess.run([python, "-c", _COMPILE], cwd=tree, check=True, input=json.dumps(files), text=True)


def main(directory: str, python: str) -> None:
    """Prepare the directory of each function below the build directory of SAM."""
    wanted = loaded()
    for handler in sorted(Path(directory).glob("*/forwarder/handler.py")):
        prepare(handler.parents[1], wanted, python)


if __name__ == "__main__":
    main(*sys.argv[1:])
