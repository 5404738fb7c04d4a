"""Files that are handed in with what is applied for."""

from typing import Annotated

import msgspec
from msgspec import Meta

PICTURE, PDF = 1, 2
"""`file_type`; Huawei's numbers are not documented."""
TYPES = {"application/pdf": PDF}
OF_SIGNATURES = 1
"""`module_type`."""


class FileAsked(msgspec.Struct, frozen=True):
    file_id: str | None = None


class UploadAsked(msgspec.Struct, frozen=True):
    file_desc: Annotated[str | None, Meta(description="For the reviewer.")] = None


class FileMade(msgspec.Struct, frozen=True):
    file_id: str


class File(msgspec.Struct, frozen=True):
    file_id: str
    file_name: str
    file_ref: Annotated[int, Meta(description="1 while something rests on it, else 0.")]
    file_size: int
    file_type: Annotated[int, Meta(description="1 picture, 2 PDF.")]
    module_type: int
    operator: str
    file_desc: str
    update_time: str | None
