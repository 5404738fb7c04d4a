"""A mail server for tests: takes every letter and remembers it."""

import asyncio
import base64
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self, cast


class SmtpSink:
    """Listens on a free port of the loopback while its block lasts; with a user, letters need the password."""

    def __init__(self, user: str = "", password: str = "") -> None:
        self.letters: list[EmailMessage] = []
        self.refusing = ""
        """An answer instead of taking a letter."""
        self.port = 0
        self._login = base64.b64encode(f"\0{user}\0{password}".encode()).decode() if user else ""
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, _type: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        may = not self._login
        while line := (await reader.readline()).decode().strip():
            word = line.split(" ")[0].upper()
            answer = "250 OK"
            if word == "EHLO":
                answer = "250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN"
            elif word == "AUTH":
                may = line.split(" ")[-1] == self._login
                answer = "235 OK" if may else "535 no"
            elif word == "MAIL" and not may:
                answer = "530 log in first"
            elif word == "DATA":
                writer.write(b"354 go on\r\n")
                text = await reader.readuntil(b"\r\n.\r\n")
                answer = self.refusing or answer
                if not self.refusing:
                    letter = message_from_bytes(text[:-3].replace(b"\r\n..", b"\r\n."), policy=policy.default)
                    self.letters.append(cast("EmailMessage", letter))
            elif word == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            writer.write(f"{answer}\r\n".encode())
        writer.close()
