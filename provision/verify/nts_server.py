"""How a server with NTS is asked, by clients on its own host and from this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from provision.verify.ntp.other_authority import OTHER_AUTHORITY, OTHER_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class NtsServer:
    """How a server with NTS is asked; from its certificates and its chrony.conf."""

    name: str
    """By its certificate."""
    port: int
    """Of the key exchange (TCP)."""
    authority: str
    """PEM: what a client has to trust."""
    end: datetime
    """When clients begin to refuse the certificates."""
    address: str = ""
    """At which the host asks itself; empty if it cannot, with the reason in ``unasked``."""
    unasked: str = ""

    @property
    def script_values(self) -> Mapping[str, str]:
        """Return the values of print_evidence.sh."""
        if not self.address:
            return NOT_ASKED
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
        return (self.address, self.name, self.authority, OTHER_NAME, OTHER_AUTHORITY)


NOT_ASKED = {
    "nts_name": "",
    "nts_address": "",
    "nts_port": "",
    "nts_authority": "",
    "other_name": "",
    "other_authority": "",
}
