"""Certificates on a host as certbot leaves them: links in ``live`` to numbered files in ``archive``, for root alone."""

from dataclasses import dataclass, field
from shlex import quote

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import login
from tests.helpers.certificates import Issued

FOLDER = "/etc/letsencrypt"


@dataclass(slots=True)
class Certbot:
    """Renew the certificate of one name on a host."""

    host: Sandbox
    name: str
    pairs: list[Issued] = field(default_factory=list)

    @property
    def pair(self) -> Issued:
        """The present certificate."""
        return self.pairs[-1]

    @property
    def files(self) -> list[str]:
        """The paths of the private keys, in order."""
        return [f"{FOLDER}/archive/{self.name}/privkey{number + 1}.pem" for number, _ in enumerate(self.pairs)]

    def renew(self, pair: Issued) -> None:
        """Write new files and change the links, one after the other. On the host, for systemd there to see it."""
        self.pairs.append(pair)
        number = len(self.pairs)
        archive, live = f"{FOLDER}/archive/{self.name}", f"{FOLDER}/live/{self.name}"
        lines = ["set -e", "umask 077", f"mkdir -p {archive} {live}"]
        for file, text in (("privkey", pair.key), ("fullchain", pair.certificate)):
            lines += [
                f"printf %s {quote(text)} >{archive}/{file}{number}.pem",
                f"rm -f {live}/{file}.pem",
                f"ln -s ../../archive/{self.name}/{file}{number}.pem {live}/{file}.pem",
            ]
        login(self.host, "\n".join(lines))
