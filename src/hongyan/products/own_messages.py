"""Messages of the platform's own, such as alarms: sent like everybody's."""

from hongyan.control.own_app import OwnApps
from hongyan.model.message import Caller, Dialect, Refused, SendCommand
from hongyan.model.phone import is_mainland
from hongyan.model.reject import Refusal
from hongyan.model.snapshot import Scope
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.refusals import Sends


class OwnMessages:
    """Sends by the templates of the platform's own application."""

    def __init__(self, own: OwnApps, directory: Directory, send: Sends) -> None:
        self._own = own
        self._directory = directory
        self._send = send

    async def send(self, phone: int, template: str, values: tuple[str, ...]) -> str | None:
        """None when it was accepted, else why not."""
        own = await self._own.ensure()
        scope = Scope.MAINLAND if is_mainland(phone) else Scope.INTERNATIONAL
        if own.templates[template, scope] not in self._directory.snapshot.templates:
            await self._directory.refresh()
        command = SendCommand(
            app_id=own.app_id,
            template_id=own.templates[template, scope],
            phones=(f"+{phone}",),
            dialect=Dialect.NATIVE,
            sign_name=own.sign_name if scope is Scope.MAINLAND else "",
            params=values,
        )
        outcomes = await self._send.accept(Caller(own.account_id, ""), command)
        refused = outcomes if isinstance(outcomes, Refusal) else next((o for o in outcomes if isinstance(o, Refused)), None)
        return None if refused is None else f"the message was refused: {refused.reason.value}"
