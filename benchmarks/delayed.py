"""A network with a round trip of 100 ms, for SSH: ``python -m benchmarks.delayed ADDRESS…`` until it is killed.

The port 2222 of 127.18.0.1 leads to sshd of the first address, that of 127.18.0.2 to the second's, and so on. Every
byte is handed on 50 ms late, both ways, and a connection stands one round trip late. It prints a line when it is ready.
"""

import asyncio
import sys
from contextlib import suppress

ONE_WAY = 0.05
"""Seconds."""
PORT = 2222


def near(number: int) -> str:
    """Return the address behind which the host of this number lies, from 0 on."""
    return f"127.18.{(number + 1) // 256}.{(number + 1) % 256}"


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    with suppress(ConnectionResetError):
        while data := await reader.read(2**16):
            loop.call_later(ONE_WAY, writer.write, data)
    loop.call_later(ONE_WAY, writer.close)


async def _serve(number: int, address: str) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The host hears of it with the third packet; what it then says is on its way for the fourth time.
        await asyncio.sleep(3 * ONE_WAY)
        there, to_host = await asyncio.open_connection(address, 22)
        await asyncio.gather(_carry(reader, to_host), _carry(there, writer))

    await asyncio.start_server(connected, near(number), PORT)


async def _main(addresses: list[str]) -> None:
    for number, address in enumerate(addresses):
        await _serve(number, address)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
