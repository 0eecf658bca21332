"""Keys that are exported from TLS sessions: as pyOpenSSL 26.4 exported them from the sessions with these secrets."""

import ssl
from pathlib import Path

import pytest

from provision.verify.ntp.tls_exporter import KeyLog, export
from tests.helpers.certificates import Authority
from tests.helpers.tls_pairs import handshake

LABEL = "EXPORTER-network-time-security"
VECTORS = [
    pytest.param(
        "211eea46ac0061a953629a23e30b0a572589c074bcbe6ef92544eb014de8ddac",
        "824299efec67cd3c354e083749acb2ba2c015beef0a9ab245fe5f17cbb29ec56",
        "420390fe253520e28f41c5a0695072875ac08eb724bf51acef9e45c50e91ba78",
        id="TLS_AES_128_GCM_SHA256",
    ),
    pytest.param(
        "d3de042925c756c67e757d562399af19231753f503d05c0bb7757aced2dd3b220d252cac6ba936350f4a2cdc6a6386b7",
        "59bb3ed61e1fce0ebe86c08c76b74b723f9098c061e6c5471cbf4e47208146a2",
        "7b480992e5819a2c01c96866aa922ec2233908485ec83a0016b077eb596195bb",
        id="TLS_AES_256_GCM_SHA384",
    ),
]


@pytest.mark.parametrize(("secret", "to_server", "to_client"), VECTORS)
def test_the_keys_are_those_of_openssl(secret: str, to_server: str, to_client: str) -> None:
    for direction, key in ((b"\0", to_server), (b"\1", to_client)):
        assert export(bytes.fromhex(secret), LABEL, b"\0\0\0\x0f" + direction, 32).hex() == key


def test_a_session_has_a_secret_of_its_own_and_no_file_has_it(tmp_path: Path) -> None:
    secrets = []
    for _ in range(2):
        with KeyLog() as log:
            handshake(tmp_path, Authority.make(), log.attach)
            secrets.append(log.secret())
    assert {len(secret) for secret in secrets} <= {32, 48}
    assert secrets[0] != secrets[1]
    assert {path.name for path in tmp_path.iterdir()} == {"nts.crt", "nts.key"}


def test_without_a_session_there_is_no_secret() -> None:
    with KeyLog() as log:
        log.attach(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        with pytest.raises(ValueError, match="does not tell the secret of its exporter"):
            log.secret()
