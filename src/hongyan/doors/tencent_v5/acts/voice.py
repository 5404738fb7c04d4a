"""Voice: calls are read and checked, and told that there is none yet."""

import hashlib

from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.acts.context import Asker
from hongyan.doors.tencent_v5.errors import Failure
from hongyan.doors.tencent_v5.schema import Answer, text
from hongyan.doors.tencent_v5.words.voice import SendVoice, StatusVoiceFile
from hongyan.model.phone import parse

FILE_LIMIT = 400 * 1024
NO_VOICE = Failure(errors.NOT_SUPPORTED, "voice calls are not offered here")


async def ring(asked: SendVoice, _who: Asker) -> Answer | Failure:
    phone = None if asked.tel is None else parse(asked.tel.phone())
    if phone is None or not phone.mainland:
        return Failure(errors.NUMBER_WRONG, "voice is for mainland numbers")
    if asked.msg is not None and not text(asked.msg).isdecimal():
        return Failure(errors.CODE_FORMAT)
    return NO_VOICE


async def status(_asked: StatusVoiceFile, _who: Asker) -> Answer | Failure:
    return NO_VOICE


def upload(body: bytes, digest: str) -> Failure:
    """Of a file whose digest was signed."""
    if len(body) > FILE_LIMIT:
        return Failure(errors.BAD_PACKAGE, f"a file may have {FILE_LIMIT // 1024} KB")
    if hashlib.sha1(body, usedforsecurity=False).hexdigest() != digest.lower():
        return Failure(errors.BAD_PACKAGE, "x-content-sha1 is not of this body")
    return NO_VOICE
