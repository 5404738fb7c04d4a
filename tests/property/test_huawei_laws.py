"""Laws of Huawei's words: ids, and requests in which something signed was changed."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from hongyan.doors.huawei.ids import message_id, sms_msg_id
from hongyan.model import long_id

IDS = st.integers(0, 2**63 - 1)


@given(IDS)
def test_a_messages_id_is_a_uuid_and_a_number_and_leads_back(number: int) -> None:
    written = sms_msg_id(number)
    assert len(written) <= 50
    assert uuid.UUID(written.partition("_")[0]).version == 8
    assert message_id(written) == number


@given(st.text(max_size=60))
def test_what_is_no_id_of_ours_leads_nowhere(written: str) -> None:
    found = message_id(written)
    assert found is None or sms_msg_id(found) == written


@given(IDS)
def test_a_templates_id_in_32_digits_leads_back(number: int) -> None:
    assert len(long_id.written(number)) == long_id.LENGTH
    assert long_id.read(long_id.written(number)) == number
    assert long_id.read(str(number)) == number
