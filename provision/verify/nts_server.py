"""How clients query a server with NTS: those on its own host, and this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from provision.keys.nts_keys import ServerKeys
from provision.verify.ntp.other_authority import OTHER_AUTHORITY, OTHER_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class NtsServer:
    """How clients query a server with NTS, by its certificates and its chrony.conf."""

    name: str
    """A name or an address that its certificate has."""
    port: int
    """The TCP port of the key exchange."""
    authority: str
    """The certificates that a client has to trust, in PEM."""
    end: datetime
    """When clients begin to refuse the certificates."""
    lifetime: timedelta
    """The time from begin to end of the certificate that ends first."""
    address: str = ""
    """The address at which the host queries itself; empty if it does not, with the reason in ``unqueried_reason``."""
    unqueried_reason: str = ""
    shared_keys: ServerKeys | None = None
    """The keys of its cookies that it shares with other servers; None if it makes its own."""
    host_judges_dates: bool = True
    """Whether the rehearsal compares the dates of the certificates with the clock of the host: not with one that is
    certainly wrong. This machine has compared them with its own, and the proof does so with the clock that was set."""

    @property
    def script_values(self) -> Mapping[str, str]:
        """Return the values of print_evidence.sh."""
        if not self.address:
            return NOT_QUERIED
        return {
            "nts_name": self.name,
            "nts_address": self.address,
            "nts_port": str(self.port),
            "nts_authority": self.authority,
            "other_name": OTHER_NAME,
            "other_authority": OTHER_AUTHORITY,
        }

    @property
    def hosts_line(self) -> str:
        """Return the line of /etc/hosts by which its clients on the host find it."""
        return f"{self.address} {self.name} {OTHER_NAME}"

    @property
    def rehearsal_words(self) -> tuple[str, ...]:
        """Return the arguments of rehearse.sh."""
        if not self.address:
            return ()
        words = (self.address, self.name, self.authority, OTHER_NAME, OTHER_AUTHORITY)
        return words if self.host_judges_dates else (*words, "any-dates")


NOT_QUERIED = {
    "nts_name": "",
    "nts_address": "",
    "nts_port": "",
    "nts_authority": "",
    "other_name": "",
    "other_authority": "",
}
"""The values of print_evidence.sh for a host that does not query itself with NTS."""
