"""A host without a machine: a transport that answers the scripts it was told of, and refuses every other.

It keeps its state in attributes: what was uploaded, staged, switched and confirmed. A look is answered from that state,
in the words of a real host; a script that changes a host changes it. A script without an answer is an AssertionError.
"""

from dataclasses import dataclass, replace

from provision.host.transport import LOOK, Limit, Output, Watch
from tests.helpers.script_calls import SURVEY, Call, call_of, script_of
from tests.helpers.scripted_answers import ASKED
from tests.helpers.scripted_changes import CHANGED
from tests.helpers.scripted_state import WORKSPACE, Answer, ScriptedState

MOST_BYTES = 128 * 1024
"""A command is one argument of the login shell, with less than this (MAX_ARG_STRLEN, execve(2))."""


class Guard:
    """The script on the host that keeps a run's workspace."""

    def read_line(self, seconds: float = LOOK.seconds) -> str:  # noqa: ARG002 -- as of a real one
        """Return the folder, and the number of the account that builds."""
        return f"{WORKSPACE} 65533"

    def send(self, data: bytes) -> None:
        """Take a sign of life."""

    def close(self) -> Output:
        """End."""
        return Output(0, "")


@dataclass(slots=True)
class ScriptedHost(ScriptedState):
    """A Debian 12 with systemd, on which nothing was deployed; ``built``: the build of the recipe is there."""

    def execute(
        self,
        line: str,
        *,
        password: str | None = None,  # noqa: ARG002 -- a fake has the signature of what it stands for
        watch: Watch | None = None,  # noqa: ARG002
        limit: Limit = LOOK,  # noqa: ARG002
    ) -> Output:
        """Answer a line."""
        assert len(line.encode()) < MOST_BYTES, len(line)
        script = script_of(line)
        said, rest = "", script
        while (look := SURVEY.match(rest)) is not None:
            answer = self._answer(look[1])
            said += f"{answer.stdout}\n{look[2]} {answer.status}\n"
            rest = rest[look.end() :]
        if not rest.strip("\n"):
            return Output(0, said)
        answer = self._answer(rest.lstrip("\n"))
        return replace(answer, stdout=said + answer.stdout)

    def hold(self, line: str) -> Guard:
        """Keep a workspace."""
        assert call_of(script_of(line)).name == "workspace"
        self.told.append("workspace")
        return Guard()

    def upload(self, data: bytes, path: str) -> None:
        """Keep what was uploaded."""
        self.uploads[path] = data

    def download(self, path: str) -> bytes:
        """Return what a test says is there."""
        return self.downloads[path.rpartition("/")[2]]

    def close(self) -> None:
        """End."""
        self.closed = True

    def _answer(self, script: str) -> Output:
        call = call_of(script)
        asks, changes = ASKED.get(call.name), CHANGED.get(call.name)
        if changes is not None:
            self.told.append(call.name)
        else:
            self.asked.append(call.name)
        if call.name in self.answers:
            said = _said(self.answers[call.name], call)
            if changes is not None and said.status == 0:
                changes(self, call)
            return said
        if changes is not None:
            return Output(0, changes(self, call))
        if asks is None:
            raise AssertionError(f"no answer prepared for: {call}")
        return Output(0, asks(self, call))


def _said(answer: Answer, call: Call) -> Output:
    said = answer(call) if callable(answer) else answer
    return said if isinstance(said, Output) else Output(0, said)
