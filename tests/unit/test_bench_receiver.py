from pathlib import Path

import httpx2

from hongyan.cli.load.answers import TencentAnswers
from hongyan.cli.load.measure import Heard
from hongyan.cli.load.numbers import Numbers
from hongyan.cli.load.promises import Promises
from hongyan.cli.load.receiver import receiver


async def test_a_receiver_notes_every_number_it_is_told_of(tmp_path: Path) -> None:
    promises = Promises(Numbers(5), 3, TencentAnswers())
    promises.begin(0.0)
    promises.answer(0, 200, b'"Code":"Ok"' * 3, 0.1)
    first, second, third = (promises.numbers.national(index) for index in range(3))
    heard = Heard(tmp_path / "heard")
    async with receiver(tmp_path / "heard") as running, httpx2.AsyncClient() as client:
        answer = await client.post(running.url, json=[{"mobile": str(first)}, {"mobile": str(second)}])
        assert answer.json() == {"result": 0, "errmsg": "OK"}
        assert (await client.get(running.url, params={"phone": f"+86{third}"})).status_code == 200
    assert heard.count() == 3
    tellings = heard.tellings(promises)
    assert (len(tellings.at), tellings.untold(), tellings.repeated) == (3, 0, 0)
