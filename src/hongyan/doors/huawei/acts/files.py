"""Files through the management API."""

from hongyan.control.documents import Documents
from hongyan.doors.huawei import manage_errors as errors
from hongyan.doors.huawei.acts.context import Asker
from hongyan.doors.huawei.words import files as words
from hongyan.doors.huawei.words.common import needed, the_id, told_at
from hongyan.doors.huawei.words.files import File, FileAsked, FileMade, UploadAsked
from hongyan.model import long_id


class FileActs:
    """Handing one in, and asking for what is known of it."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def upload(self, asked: UploadAsked, who: Asker, name: str, content: bytes) -> FileMade:
        row = await self._documents.add(who.actor, who.account_id, name, content, asked.file_desc or "")
        return FileMade(long_id.written(row.id))

    async def get(self, asked: FileAsked, who: Asker) -> File:
        document_id = the_id(needed(asked.file_id, "file_id"), errors.NO_FILE, "file")
        row = await self._documents.get(who.actor, document_id)
        return File(
            file_id=long_id.written(row.id),
            file_name=row.name,
            file_ref=int(await self._documents.in_use(who.actor, document_id)),
            file_size=row.size,
            file_type=words.TYPES.get(row.media_type, words.PICTURE),
            module_type=words.OF_SIGNATURES,
            operator=who.account_name,
            file_desc=row.about,
            update_time=told_at(row.created_at),
        )
