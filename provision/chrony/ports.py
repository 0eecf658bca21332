"""The default ports of chronyd."""

NTP_PORT = 123
"""UDP (RFC 5905, section 16)."""
COMMAND_PORT = 323
"""UDP, for chronyc (chrony.conf(5), cmdport)."""
NTS_KE_PORT = 4460
"""TCP, for the key exchange of NTS (RFC 8915, section 7.1)."""
