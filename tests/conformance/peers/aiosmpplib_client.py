"""Other people's SMPP client number two: aiosmpplib 0.7.4, asynchronous. Runs in the peers' own environment.

Takes and prints the same JSON as smpplib_client.py. Everything is read from the PDUs by the library's own parser, as its correlation
of segments hides all but the last one's answer.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from aiosmpplib import ESME, NPI, TON, AbstractHook, BindMode, DeliverSm, PhoneNumber, SmppCommand, SmppMessage, SubmitSm
from aiosmpplib.protocol import MESSAGE_TYPE_MAP

UDHI = 0x40
RECEIPTED_MESSAGE_ID, MESSAGE_STATE = 0x001E, 0x0427
SINGLE = {True: 160, False: 70}
PATIENCE_S = 10
BINDS = (SmppCommand.BIND_RECEIVER_RESP, SmppCommand.BIND_TRANSMITTER_RESP, SmppCommand.BIND_TRANSCEIVER_RESP)


class Ear(AbstractHook):
    """Notes what the carrier says."""

    def __init__(self) -> None:
        self.bound: tuple[int, str] | None = None
        self.answers: list[dict[str, Any]] = []
        self.deliveries: list[dict[str, Any]] = []
        self.heard = asyncio.Event()

    async def sending(self, smpp_message: SmppMessage, pdu: bytes, client_id: str) -> None:
        """Nothing to note: the test knows what it asked for."""

    async def send_error(self, smpp_message: SmppMessage, error: Exception, client_id: str) -> None:  # noqa: ARG002 - the library's signature
        raise error

    async def received(self, smpp_message: SmppMessage | None, pdu: bytes, client_id: str) -> None:  # noqa: ARG002 - as above
        header = SmppMessage.parse_header(pdu[:16])
        message = MESSAGE_TYPE_MAP[header.smpp_command].from_pdu(pdu, header, "gsm0338", None)
        if header.smpp_command in BINDS:
            self.bound = (int(header.command_status), message.system_id)
        elif header.smpp_command is SmppCommand.SUBMIT_SM_RESP:
            self.answers.append({"status": int(header.command_status), "id": message.message_id or ""})
        elif header.smpp_command is SmppCommand.DELIVER_SM:
            self.deliveries.append(told(message))
        self.heard.set()

    async def until(self, enough: Callable[[], object]) -> None:
        while not enough():
            self.heard.clear()
            await self.heard.wait()


def told(message: DeliverSm) -> dict[str, Any]:
    tlvs = {param.tag: param.value for param in message.optional_params}
    return {
        "esm_class": message.esm_class,
        "from": message.source.number,
        "to": message.destination.number,
        "text": message.short_message.encode("ascii").hex(),
        "id": tlvs.get(RECEIPTED_MESSAGE_ID, ""),
        "state": tlvs.get(MESSAGE_STATE),
    }


def submit(task: dict[str, str]) -> SubmitSm:
    long = len(task["text"]) > SINGLE[task["text"].isascii()]
    return SubmitSm(
        short_message=task["text"],
        source=PhoneNumber("10690001"),
        destination=PhoneNumber(task["to"], TON.INTERNATIONAL, NPI.ISDN),
        esm_class=UDHI if long else 0,
        registered_delivery=1,
        auto_message_payload=not long,
    )


async def main(task: dict[str, Any]) -> dict[str, Any]:
    ear = Ear()
    mode = BindMode[task["kind"].upper()]
    esme = ESME("127.0.0.1", task["port"], "peer", task["password"], bind_mode=mode, hook=ear, log_level="CRITICAL")
    running = asyncio.create_task(esme.start())
    expected = sum(1 if len(each["text"]) <= SINGLE[each["text"].isascii()] else -(-len(each["text"]) // 66) for each in task["submits"])
    try:
        async with asyncio.timeout(PATIENCE_S):
            await ear.until(lambda: ear.bound)
            if ear.bound[0]:
                return {"bound": ear.bound[0]}
            for each in task["submits"]:
                await esme.broker.enqueue(submit(each))
            await ear.until(lambda: len(ear.answers) >= expected and len(ear.deliveries) >= task["deliveries"])
    except TimeoutError:
        sys.stderr.write("the carrier did not say everything\n")
    finally:
        running.cancel()
        await asyncio.wait([running], timeout=PATIENCE_S)
    return {"bound": ear.bound[0], "system_id": ear.bound[1], "answers": ear.answers, "deliveries": ear.deliveries}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))
