"""A message as its customer may look it up afterwards."""

import msgspec

from hongyan.model.message import Kind, Status


class Sent(msgspec.Struct, frozen=True):
    """One text to one number, and what is known of it by now."""

    message_id: int
    phone: int
    country_code: int
    kind: Kind
    text: str
    """As the handset shows it."""
    signed: bool
    """It begins with a signature in brackets."""
    at: float
    """Unix seconds at which it was accepted."""
    status: Status | None
    """None until its settlement."""
    code: str
    """The carrier's word, where it gave one."""
    done_at: float | None
    """Unix seconds at which the handset received it or the failure was final."""

    @property
    def parts(self) -> tuple[str, str]:
        """The signature without its brackets, and the text without it."""
        if not (self.signed and self.text.startswith("【")):
            return "", self.text
        sign_name, _, body = self.text[1:].partition("】")
        return sign_name, body
