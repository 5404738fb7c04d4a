"""Parameters and fields that many operations share."""

from typing import Annotated, TypeAlias

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

MOST_ID = 2**63 - 1

Id: TypeAlias = Annotated[int, Field(ge=1, le=MOST_ID)]
PathId: TypeAlias = Annotated[int, Path(ge=1, le=MOST_ID)]
OneAccount: TypeAlias = Annotated[int | None, Query(ge=1, le=MOST_ID, description="Only of this account; the operator's question.")]
OneApp: TypeAlias = Annotated[int | None, Query(ge=1, le=MOST_ID, description="Only of this application.")]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=100)]
Note: TypeAlias = Annotated[str, Field(max_length=200)]
Address: TypeAlias = Annotated[str, Field(min_length=3, max_length=254)]
Url: TypeAlias = Annotated[str, Field(max_length=1_000)]
Number: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=40, description="+<country code><number>; a mainland number may be 11 digits.")
]
UnixTime: TypeAlias = Annotated[float, Field(ge=0, le=253_402_300_799, description="Unix seconds.")]


class Body(BaseModel):
    """What is sent: a field that nobody knows is refused, so that a slip of the pen is no setting."""

    model_config = ConfigDict(extra="forbid")
