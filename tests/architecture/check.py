#!/usr/bin/env python3
"""Checks the structure of the tree: layout, include directions, library homes, sizes, READMEs, headers that compile alone.

usage: check.py RULE [--root DIR]     RULE: layout | includes | libraries | sizes | readmes | headers
Prints one line a violation and exits 1 if there is any. Only files that git knows count.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shlex
import subprocess
import sys

import rules

SOURCE = (".h", ".cc")
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.M)


def tracked(root):
    out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], check=True, capture_output=True,
                         text=True)
    return [line for line in out.stdout.splitlines() if (pathlib.Path(root) / line).is_file()]


def sources(root):
    return [f for f in tracked(root) if f.endswith(SOURCE)]


def folder(path):
    parts = path.split("/")
    return "/".join(parts[:2]) if len(parts) > 2 else parts[0]


def rank(name):
    """Position of a level-2 folder in the order of its top-level folder, or None if the rules do not know it."""
    top, _, second = name.partition("/")
    order = rules.ORDER.get(top, [])
    return order.index(second) if second in order else None


def check_layout(root):
    for path in tracked(root):
        top = path.split("/")[0]
        if top not in rules.TOP_LEVEL and not top.startswith("."):
            yield f"{path}: '{top}' is not part of the top level"
        parts = path.split("/")
        if parts[0] in rules.ORDER and len(parts) > 2 and rank(folder(path)) is None:
            yield f"{path}: folder {folder(path)} is not in tests/architecture/rules.py"


def check_includes(root):
    for path in sources(root):
        own = folder(path)
        top = own.split("/")[0]
        if top not in rules.ORDER:
            continue
        for included in INCLUDE.findall((pathlib.Path(root) / path).read_text(errors="replace")):
            target = folder(included)
            target_top = target.split("/")[0]
            if target_top not in rules.ORDER or target == own:
                continue
            if own in rules.ONLY_BASE and target != "dataplane/base":
                yield f"{path}: includes {included}, but {own} may include dataplane/base only"
            elif target_top != top:
                if target not in rules.SHARED:
                    yield f"{path}: includes {included}, but {target} is private to {target_top}"
            elif rank(target) is None or rank(own) is None or rank(target) > rank(own):
                yield f"{path}: includes {included}, but {target} is right of {own}"


def check_libraries(root):
    for path in sources(root):
        for included in INCLUDE.findall((pathlib.Path(root) / path).read_text(errors="replace")):
            for pattern, homes in rules.LIBRARIES.items():
                if re.match(pattern, included) and not any(path == home or path.startswith(home + "/") for home in homes):
                    yield f"{path}: includes <{included}>, which belongs in {', '.join(homes)}"


def check_sizes(root):
    for path in tracked(root):
        if path.endswith(SOURCE + (".py", ".sh", ".js")):
            lines = len((pathlib.Path(root) / path).read_text(errors="replace").splitlines())
            if lines > rules.MAX_FILE_LINES:
                yield f"{path}: {lines} lines, at most {rules.MAX_FILE_LINES}: are there two nouns in it?"


def check_readmes(root):
    files = set(tracked(root))
    for name in sorted({folder(f) for f in files if f.split("/")[0] in rules.ORDER and len(f.split("/")) > 2}):
        if f"{name}/README.md" not in files:
            yield f"{name}: has no README.md"
        else:
            lines = len((pathlib.Path(root) / name / "README.md").read_text().splitlines())
            if lines > rules.MAX_README_LINES:
                yield f"{name}/README.md: {lines} lines, at most {rules.MAX_README_LINES}"


def package_flags(names):
    out = subprocess.run(["pkg-config", "--cflags", *names], capture_output=True, text=True, check=True)
    return [flag.replace("-I", "-isystem", 1) for flag in shlex.split(out.stdout) if not flag.startswith("-march")]


def compile_header(root, header, compiler, flags):
    run = subprocess.run([*compiler, *flags, "-fsyntax-only", "-x", "c++", "-include", str(pathlib.Path(root) / header),
                          "/dev/null"], capture_output=True, text=True, cwd=root)
    if run.returncode:
        first = next((line for line in run.stderr.splitlines() if "error" in line), run.stderr[:200])
        return f"{header}: does not compile alone: {first}"
    return None


def check_headers(root):
    """Each header compiles by itself. ARCHITECTURE_CXX names the compiler (default g++)."""
    compiler = shlex.split(os.environ.get("ARCHITECTURE_CXX", "g++"))
    flags = ["-std=c++20", "-Wall", "-Wextra", "-msse4.2", "-I", str(root), "-DISTHMUS_TEST_DATA=\"\"", "-DISTHMUS_VERSION=\"0\"",
             *package_flags(["libdpdk", "sofia-sip-ua", "libsrtp2", "purple", "gstreamer-1.0"])]
    headers = [f for f in sources(root) if f.endswith(".h")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for problem in pool.map(lambda h: compile_header(root, h, compiler, flags), headers):
            if problem:
                yield problem


RULES = {"layout": check_layout, "includes": check_includes, "libraries": check_libraries, "sizes": check_sizes,
         "readmes": check_readmes, "headers": check_headers}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rule", choices=RULES)
    parser.add_argument("--root", default=str(pathlib.Path(__file__).resolve().parents[2]))
    arguments = parser.parse_args()
    violations = list(RULES[arguments.rule](arguments.root))
    for violation in violations:
        print(violation)
    print(f"{arguments.rule}: {len(violations)} violation(s)")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
