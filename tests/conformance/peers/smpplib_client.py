"""Other people's SMPP client number one: smpplib 2.2.4, synchronous. Runs in the peers' own environment.

Takes one JSON object (port, kind, password, submits, deliveries) and prints one: what every answer and every deliver_sm said.
"""

import json
import sys
from typing import Any

import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm


def main(task: dict[str, Any]) -> dict[str, Any]:
    client = smpplib.client.Client("127.0.0.1", task["port"], timeout=10, allow_unknown_opt_params=True)
    answers: list[dict[str, Any]] = []
    deliveries: list[dict[str, Any]] = []
    client.set_message_sent_handler(lambda pdu: answers.append({"status": pdu.status, "id": (pdu.message_id or b"").decode()}))
    client.set_message_received_handler(lambda pdu: deliveries.append(told(pdu)))
    client.set_error_pdu_handler(lambda pdu: pdu)  # the library goes on and reports the answer as sent
    client.connect()
    try:
        try:
            bound = getattr(client, "bind_" + task["kind"])(system_id="peer", password=task["password"])
        except smpplib.exceptions.PDUError as error:
            return {"bound": error.args[1]}
        expected = 0
        for submit in task["submits"]:
            parts, coding, esm_class = smpplib.gsm.make_parts(submit["text"])
            for part in parts:
                expected += 1
                client.send_message(
                    source_addr_ton=smpplib.consts.SMPP_TON_UNK,
                    source_addr="10690001",
                    dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
                    dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
                    destination_addr=submit["to"],
                    short_message=part,
                    data_coding=coding,
                    esm_class=esm_class,
                    registered_delivery=True,
                )
        while len(answers) < expected or len(deliveries) < task["deliveries"]:
            try:
                client.read_once(auto_send_enquire_link=False)
            except TimeoutError:
                break
        return {"bound": bound.status, "system_id": bound.system_id.decode(), "answers": answers, "deliveries": deliveries}
    finally:
        if client.state in (smpplib.consts.SMPP_CLIENT_STATE_BOUND_TRX, smpplib.consts.SMPP_CLIENT_STATE_BOUND_TX):
            client.unbind()
        client.disconnect()


def told(pdu: Any) -> dict[str, Any]:
    return {
        "esm_class": pdu.esm_class,
        "from": pdu.source_addr.decode(),
        "to": pdu.destination_addr.decode(),
        "text": pdu.short_message.hex(),
        "id": (pdu.receipted_message_id or b"").decode(),
        "state": pdu.message_state,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))))
