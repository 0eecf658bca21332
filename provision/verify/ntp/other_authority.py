"""A certificate of an authority that nobody has: its private key was thrown away when it was made."""

OTHER_AUTHORITY = """\
-----BEGIN CERTIFICATE-----
MIIBRzCB7qADAgECAgEBMAoGCCqGSM49BAMCMCIxIDAeBgNVBAMMF25vIGF1dGhv
cml0eSBvZiBhbnlib2R5MCAXDTIwMDEwMTAwMDAwMFoYDzk5OTkxMjMxMjM1OTU5
WjAiMSAwHgYDVQQDDBdubyBhdXRob3JpdHkgb2YgYW55Ym9keTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABCIMARNE/cIEfrpjXNkm2dOBJL56wjNo3mN9RSO7dO2S
6RUjbMFOlv83sbOBYJHbNxr0IZ2ioswEZIpgc8WBQ5+jEzARMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAMRWgaM8P6os1UV7vy5qSVPPUX9se6IJ
CZ1GiucHB5NoAiBD2yNqBrg7moZLvIalunGZTXlBTfsYyzD3Bf2Xs6/a9Q==
-----END CERTIFICATE-----
"""
"""PEM. With it alone as an authority, a client has to refuse each server."""
OTHER_NAME = "chrony-provision.invalid"
"""A name that no server has (RFC 6761, 6.4)."""
