# SPDX-License-Identifier: Apache-2.0
"""Every program that shell, Python and C call comes from a package that lab/packages.txt names, or from an essential one.

Whoever writes a call sees the program on his own machine; a fresh one has what the list names and nothing else. What lint_programs.sh
prints is what this finds: where the program is called, and by which package it comes, if this machine knows one. A C test
also says with kn_test_needs() which programs it calls.

Nothing is executed and nothing is asked of the net: words in the place of a command are looked up in dpkg's lists of files.
"""
import ast
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The shell's own words, and those that take another command behind them.
SHELL = set("""! . : [ [[ ]] alias bg bind break builtin case cd command compgen continue coproc declare disown do done echo elif else esac eval
    exec exit export false fi for function getopts hash if in jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return
    select set shift shopt source suspend test then time times trap true type typeset ulimit umask unalias unset until wait while { }""".split())
BEFORE_A_COMMAND = {"!", "if", "elif", "while", "until", "then", "else", "do", "{", "time", "exec", "eval", "command", "builtin", "coproc"}
# These run their own arguments; the words that are options or values of theirs stand before the command.
WRAPPERS = {"env", "timeout", "nice", "setpriv", "nsenter", "unshare", "xargs", "chroot", "stdbuf", "flock", "setsid", "nohup", "retry.sh"}
# Programs whose package does not hold them under the name that is called, or that come in another way; each with where from.
GIVEN = {"java": "openjdk-17-jre-headless", "awk": "gawk", "g++": "", "go": ""}
PATHS = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/games/", "/usr/lib/postgresql/15/bin/")
# What a guest runs comes with its image (lab/mkguest.sh); the SDKs' judge is no part of the check and looks for its Go itself.
ELSEWHERE = ("lab/guest/", "tests/sdk/")


def listed():
    lines = (ROOT / "lab/packages.txt").read_text().splitlines()
    return {line.split("#")[0].strip() for line in lines} - {""}


def essential():
    """What each Debian has: essential packages, and what they and the package manager cannot be without."""
    out = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Essential} ${Priority}\n"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in out.splitlines() if " yes " in line or line.endswith(" required")} | {"apt"}


def with_dependencies(packages):
    """They and what they depend on directly: postgresql-15 brings psql. Farther away than that nobody promises anything."""
    out = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\t${Pre-Depends}, ${Depends}\n"], capture_output=True, text=True, check=True).stdout
    depends = dict(line.split("\t", 1) for line in out.splitlines())
    return packages | {word for p in packages for word in re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9.+-]+)", depends.get(p, ""))}


def providers():
    """Program -> the installed packages that hold a file of that name where programs lie."""
    table = {}
    for names in pathlib.Path("/var/lib/dpkg/info").glob("*.list"):
        package = names.stem.split(":")[0]
        for line in names.read_text(errors="replace").splitlines():
            directory, _, name = line.rpartition("/")
            if name and directory + "/" in PATHS:
                table.setdefault(name, set()).add(package)
    return table


# --- shell ------------------------------------------------------------------------------------------------------------

def without_foreign_text(text):
    """The script without its here-documents and the expressions behind =~."""
    out, end = [], None
    for line in text.splitlines():
        if end is not None:
            end = None if line.strip() == end else end
            out.append("")
            continue
        found = re.search(r"<<-?\s*\\?['\"]?([A-Za-z_]+)['\"]?", line) if "<<<" not in line else None
        end = found.group(1) if found else None
        out.append(line)
    return re.sub(r"=~ \S+", "=~ X", "\n".join(out))


def tokens(text):
    """(line, token) of a script: words without their quotes, operators, and what stands in $(…) as tokens of its own."""
    i, line, word, quoted = 0, 1, None, False
    nesting = []  # ')' for $( and (, '"' for a double quote around it

    def flush():
        nonlocal word, quoted
        result, was = word, quoted
        word, quoted = None, False
        return (line, "\0" + result if was and not result.isidentifier() else result) if result is not None else None

    while i < len(text):
        c = text[i]
        in_quote = bool(nesting) and nesting[-1] == '"'
        if c == "\\" and i + 1 < len(text):
            line += text[i + 1] == "\n"
            if text[i + 1] != "\n":
                word = (word or "") + text[i + 1]
            i += 2
            continue
        if c == '"':
            if in_quote:
                nesting.pop()
            else:
                nesting.append('"')
                word, quoted = word or "", True
            i += 1
            continue
        if text.startswith("$((", i) or (text.startswith("((", i) and not in_quote and word is None):
            depth, start = 0, i
            while i < len(text):
                depth += (text[i] == "(") - (text[i] == ")")
                i += 1
                if depth == 0 and i > start + 2:
                    break
            word = (word or "") + "1"
            continue
        if text.startswith("$(", i) or (text.startswith(("<(", ">("), i) and not in_quote):
            kept = (word, quoted)
            nesting.append(("(", kept))
            word, quoted = None, False
            yield line, "("
            i += 2
            continue
        if c == ")" and nesting and isinstance(nesting[-1], tuple):
            token = flush()
            if token:
                yield token
            yield line, ")"
            word, quoted = nesting.pop()[1]
            word, quoted = (word or "") + "X", True
            i += 1
            continue
        if in_quote:
            line += c == "\n"
            word += c
            i += 1
            continue
        if c == "'":
            end = text.find("'", i + 1)
            end = len(text) if end < 0 else end
            line += text.count("\n", i, end)
            word, quoted = (word or "") + text[i + 1:end], True
            i = end + 1
            continue
        if text.startswith("${", i):
            depth, start = 0, i
            while i < len(text):
                depth += (text[i] == "{") - (text[i] == "}")
                i += 1
                if depth == 0 and i > start + 1:
                    break
            word, quoted = (word or "") + "$X", True
            continue
        if c == "#" and word is None:
            while i < len(text) and text[i] != "\n":
                i += 1
            continue
        if c in " \t\n;|&()<>":
            token = flush()
            if token:
                yield token
            if c == "\n":
                yield line, "\n"
                line += 1
            elif c in ";|&()":
                both = text[i:i + 2]
                if both in ("&&", "||", ";;"):
                    yield line, both
                    i += 2
                    continue
                if c == "&" and (text[i + 1:i + 2] == ">" or text[i - 1] in "<>"):
                    i += 1
                    continue
                yield line, c
            elif c in "<>":
                yield line, "redirect"
            i += 1
            continue
        word = (word or "") + c
        i += 1
    token = flush()
    if token:
        yield token


def shell_commands(text):
    """(line, word) of each word in the place of a command."""
    start, skip, wrapped, case, label, arrays, before, before_option = True, False, False, 0, False, 0, None, ""
    for line, token in tokens(without_foreign_text(text)):
        if skip:
            skip = False
            continue
        if arrays:
            arrays += (token == "(") - (token == ")")
            continue
        if token == "(" and before is not None and before.endswith("="):
            arrays, before = 1, None
            continue
        before = token
        if token == "redirect":
            skip = True
            continue
        if label:
            label = token != ")" and token != "esac"
            if token == "esac":
                case -= 1
            start = True
            continue
        if token in ("\n", ";", "|", "&", "&&", "||", "(", ")"):
            start, wrapped = token != ")", False
            continue
        if token == ";;":
            label, start = case > 0, True
            continue
        if not start and not wrapped:
            if token == "in" and case < 0:
                case, label = -case, True
            continue
        if token.startswith("\0"):
            start = wrapped = False
            continue
        if re.match(r"[A-Za-z_][A-Za-z_0-9]*(\[[^]]*\])?\+?=", token):
            continue
        if token == "case":
            case, start = -(abs(case) + 1), False
            continue
        if token in ("for", "select", "function"):
            start = False
            continue
        if token == "esac":
            case = max(case - 1, 0)
            start = False
            continue
        if token in BEFORE_A_COMMAND:
            continue
        if wrapped and before_option.startswith("--") and "=" not in before_option and token not in WRAPPERS:
            before_option = ""
            continue
        before_option = token
        if wrapped and (token.startswith("-") or not re.fullmatch(r"[a-z][a-z0-9_.+-]*[a-z0-9+]", token)):
            continue
        yield line, token
        start, wrapped = False, token.rpartition("/")[2] in WRAPPERS


def functions(text):
    return set(re.findall(r"(?m)(?:^|[;{&|]|\s)([A-Za-z_][\w-]*)\s*\(\)\s*[{(]?", text))


# --- C and Python ---------------------------------------------------------------------------------------------------------

LITERAL = r'"((?:[^"\\\n]|\\.)*)"'


def c_commands(text):
    """Command lines and programs in string literals: system() and its like, what a test's actor is asked, the first of an argv, #define PROGRAM."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    for call in re.finditer(r"\b(?:system|popen|kn_actor_ask|expect_dropped|await_works|kn_asprintf|execlp?|execvpe?)\s*\(([^;]*);", text):
        for literal in re.finditer(LITERAL, call.group(1)):
            yield text.count("\n", 0, call.start(1) + literal.start()) + 1, literal.group(1), False
    for first in re.finditer(r"\bargv\w*\[\w*\]\s*=\s*\{\s*(?:\(char\[\]\)\{\s*)?" + LITERAL, text):
        yield text.count("\n", 0, first.start()) + 1, first.group(1), True
    for named in re.finditer(r"#define\s+\w+\s+" + LITERAL, text):
        yield text.count("\n", 0, named.start()) + 1, named.group(1), False


def python_commands(text):
    """The first of each list that is an argument."""
    for node in ast.walk(ast.parse(text)):
        for argument in getattr(node, "args", []) if isinstance(node, ast.Call) else []:
            first = argument.elts[0] if isinstance(argument, ast.List) and argument.elts else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.lineno, first.value


# --- the verdict ------------------------------------------------------------------------------------------------------------

class Judge:
    def __init__(self):
        self.allowed = with_dependencies(listed()) | essential()
        self.providers = providers()
        self.own = set()
        self.complaints = set()

    def comes_from(self, program):
        given = GIVEN.get(program)
        return set() if given is None else {given} if given else {"bash"}

    def judge(self, where, program, must_exist=True):
        """Complains of a program that no listed package holds; must_exist: also of one that no installed package holds."""
        name = program
        if "/" in program:
            directory, _, name = program.rpartition("/")
            if directory + "/" not in PATHS:
                return
        if name in SHELL or name in self.own or not re.fullmatch(r"[A-Za-z][\w.+-]*", name):
            return
        packages = self.comes_from(name) | self.providers.get(name, set())
        if packages & self.allowed or (not packages and not must_exist):
            return
        by = " or ".join(sorted(packages)) if packages else "no package on this machine"
        self.complaints.add(f"{where}: calls {name}, which comes by {by}: name its package in lab/packages.txt, with the reason")


def files(*patterns):
    """The project's own files of these names, as tests/lint/files.sh lists them."""
    found = {path.relative_to(ROOT) for pattern in patterns for path in ROOT.rglob(pattern)}
    return sorted(str(f) for f in found if f.parts[0] not in ("build", ".git") and not str(f).startswith(ELSEWHERE))


def judge_scripts(judge):
    texts = {name: (ROOT / name).read_text() for name in files("*.sh", "run")}
    for text in texts.values():
        judge.own |= functions(text)
    for name, text in texts.items():
        for line, word in shell_commands(text):
            judge.judge(f"{name}:{line}", word)


def judge_python(judge):
    for name in files("*.py"):
        for line, word in python_commands((ROOT / name).read_text()):
            judge.judge(f"{name}:{line}", word, must_exist=False)


def needs_of(text):
    said = re.search(r"kn_test_needs\(([^;]*)\);", text)
    return set(re.findall(LITERAL, said.group(1))) if said else set()


def judge_c(judge):
    essentials = essential()
    for name in files("*.c"):
        text = (ROOT / name).read_text()
        needs = needs_of(text)
        for program in needs:
            judge.judge(name, program)
        for line, literal, is_argv in c_commands(text):
            where = f"{name}:{line}"
            if is_argv:
                judge.judge(where, literal.partition(" ")[0], must_exist="/" not in literal)
                continue
            if not name.startswith("tests/") or " " not in literal:
                continue
            for _, word in shell_commands(re.sub(r'\\"', "'", literal.replace("\\n", "\n"))):
                program = word.rpartition("/")[2]
                judge.judge(where, word, must_exist=False)
                packages = judge.providers.get(program, set())
                called = packages and not packages & essentials and re.search(r"(^|[;|&(] *|^#define \w+ )" + re.escape(word) + r" [-a-z%/]", literal)
                if called and name.startswith("tests/it/") and program not in needs | SHELL:
                    judge.complaints.add(f"{where}: calls {program}: say so in kn_test_needs()")


def main():
    judge = Judge()
    judge_scripts(judge)
    judge_python(judge)
    judge_c(judge)
    print("\n".join(sorted(judge.complaints)), end="\n" if judge.complaints else "")
    return 1 if judge.complaints else 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
