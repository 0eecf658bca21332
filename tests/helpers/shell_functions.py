"""Read which variables each function of our POSIX sh scripts assigns, reads and declares.

This is no parser of sh. It relies on the layout of the scripts: a function begins with ``NAME() {`` at the start of a
line and ends with ``}`` at the start of a line or, if it fits on one line, at its end. The comment above a function
declares the variables that it shares: ``# Reads: NAME…`` and ``# Sets: NAME…``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAME = r"[a-z_][a-z0-9_]*"
_FUNCTION = re.compile(
    rf"(?P<comment>(?:^\#.*\n)*)^(?P<name>{_NAME})\(\) \{{(?P<body>.*\}}|[^\n]*\n(?:.*\n)*?\}})$", re.MULTILINE
)
_STARTS_COMMAND = r"(?:^|[;&|({!]|\b(?:then|do|else|if|while|until))\s*"
_ASSIGNED = re.compile(
    rf"{_STARTS_COMMAND}(?P<all>(?:{_NAME}=(?:\$\(\([^)]*\)*|\$\([^()]*\)|\"[^\"]*\"|[^\s;)]*)\s+)*{_NAME}=)",
    re.MULTILINE,
)
_LOCAL_STATUS = re.compile(rf"\blocal ({_NAME})=\$\?")
_ASSIGNED_NAME = re.compile(rf"(?:^|\s)({_NAME})=")
_LOOP = re.compile(rf"{_STARTS_COMMAND}for ({_NAME})(?: in\b|;)", re.MULTILINE)
_READ = re.compile(rf"\bread -r((?: {_NAME})+)")
_LOCAL = re.compile(rf"^ +local((?: {_NAME})+)(?:=\$\?)?$", re.MULTILINE)
_REQUIRED = re.compile(rf'^: "\$\{{({_NAME})\?', re.MULTILINE)
_EXPANDED = re.compile(rf"\$\{{?\#?({_NAME})")
_ARITHMETIC = re.compile(r"\$\(\((.*?)\)\)")
_DECLARED = re.compile(rf"^\# (Reads|Sets):((?: {_NAME})+)\.?$", re.MULTILINE)


@dataclass(frozen=True)
class Function:
    """The variables of one function."""

    name: str
    assigned: frozenset[str]
    read: frozenset[str]
    local: frozenset[str]
    reads_declared: frozenset[str]
    sets_declared: frozenset[str]

    @property
    def unused(self) -> frozenset[str]:
        """Return the variables that are declared for nothing."""
        return (self.reads_declared - self.read) | ((self.sets_declared | self.local) - self.assigned)


def functions(script: str) -> list[Function]:
    """Return the functions of a script."""
    return [_function(match) for match in _FUNCTION.finditer(_without_programs(script))]


def assigned_outside(script: str) -> frozenset[str]:
    """Return the variables that a script assigns outside of its functions."""
    text = _outside(script)
    return _assigned(text) | frozenset(_REQUIRED.findall(text))


def read_outside(script: str) -> frozenset[str]:
    """Return the variables that a script reads outside of its functions."""
    return frozenset(_reads(_outside(script)))


def _outside(script: str) -> str:
    return _without_comments(_FUNCTION.sub("", _without_programs(script)))


def _function(match: re.Match[str]) -> Function:
    body = _without_comments(match["body"])
    declared = {kind: frozenset(names.split()) for kind, names in _DECLARED.findall(match["comment"])}
    return Function(
        name=match["name"],
        assigned=_assigned(body),
        read=frozenset(_reads(body)),
        local=frozenset(name for names in _LOCAL.findall(body) for name in names.split()),
        reads_declared=declared.get("Reads", frozenset()),
        sets_declared=declared.get("Sets", frozenset()),
    )


def _without_programs(script: str) -> str:
    """Empty the single-quoted words of a script: programs of awk and sed have variables of their own."""
    keep_or_empty = r"(^\s*\#.*$|\"(?:\\.|[^\"\\])*\")|'[^']*'"
    return re.sub(keep_or_empty, lambda match: match[1] or "''", script, flags=re.MULTILINE)


def _without_comments(text: str) -> str:
    return re.sub(r"(^|\s)\#.*$", "", text, flags=re.MULTILINE)


def _assigned(text: str) -> frozenset[str]:
    names = {name for match in _ASSIGNED.finditer(text) for name in _ASSIGNED_NAME.findall(f" {match['all']}")}
    names.update(_LOCAL_STATUS.findall(text))
    names.update(_LOOP.findall(text))
    names.update(name for read in _READ.findall(text) for name in read.split())
    return frozenset(names - {"_"})


def _reads(text: str) -> Iterator[str]:
    yield from _EXPANDED.findall(text)
    for expression in _ARITHMETIC.findall(re.sub(r"\$\([^()]*\)", "", text)):
        yield from re.findall(rf"(?<![\w${{]){_NAME}", expression)
