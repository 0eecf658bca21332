"""Keys and servers that the tests of several formats export."""

from hypothesis import strategies as st

from provision.keys import HASHES, Key

AES = Key(7, "AES128", bytes(range(0xF0, 0x100)))
AES_DIGITS = "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF"
AES256 = Key(8, "AES256", bytes(range(32)))
PASSWORD = Key(9, "SHA1", b"ten-chars!")
SERVERS = ("ntp2.example.com", "10.30.0.1")
"""Not in the order of their names."""

ANY = st.one_of(
    st.builds(Key, st.integers(1, 2**32 - 1), st.just("AES128"), st.binary(min_size=16, max_size=16)),
    st.builds(Key, st.integers(1, 70000), st.just("AES256"), st.binary(min_size=32, max_size=32)),
    st.builds(Key, st.integers(1, 70000), st.sampled_from(HASHES), st.binary(min_size=10, max_size=34)),
    st.builds(
        Key, st.integers(1, 70000), st.sampled_from(HASHES), st.text("aF#0 ", min_size=10, max_size=20).map(str.encode)
    ),
)
