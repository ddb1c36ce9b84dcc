"""Turns a session into a Jupyter widget: messages in, traits out; nothing is decided here, and nothing remembered."""

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from collectors.inventory import Inventory
from recommender.notebook.session import Reply, Session
from recommender.uncollected import uncollected

_STATIC = Path(__file__).parent / "static"
_FIRST, _THEN = ("page", "summary"), ("detail", "picture")
"""The row that was decided, and what exporting would do, come before the answer; the rest may take longer."""


class ReviewWidget(anywidget.AnyWidget):
    """A review folder to decide in; make it with `review_widget`.

    Its traits are what a view shows. A view that sets one changes nothing but its own picture: decisions come as
    messages, and each one is answered.
    """

    _esm = _STATIC / "review.js"
    _css = _STATIC / "review.css"
    summary = traitlets.Dict().tag(sync=True)
    page = traitlets.Dict().tag(sync=True)
    detail = traitlets.Dict().tag(sync=True)
    picture = traitlets.Dict().tag(sync=True)

    def __init__(self, folder: Path, by: str = "", inventory: Inventory | None = None) -> None:
        self._session = Session(folder, by, inventory)
        super().__init__(**{name: getattr(self._session, name)() for name in (*_FIRST, *_THEN)})
        self.on_msg(self._answer)

    def __repr__(self) -> str:
        """Return the line that says what exporting now would do, for wherever no widget can be shown."""
        return f"review of {self.summary['folder']}: {self.summary['line']}"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the widget, and the same line as HTML for exports of the notebook."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/html"] = f"<p>{escape(repr(self))}</p>"
        return bundle

    def _answer(self, _: object, message: object, __: object) -> None:
        asked = message if isinstance(message, dict) else {}
        try:
            with uncollected():  # a search for cycles in 10,000 suggestions would be half of the wait
                reply = self._session.handle(message)
                self._show(_FIRST)
        except Exception as fault:
            self._reply(asked, Reply(ok=False, say=f"podfence failed here ({type(fault).__name__}); see Jupyter's log"))
            raise
        self._reply(asked, reply)
        self._show(_THEN)

    def _show(self, parts: Iterable[str]) -> None:
        for name in parts:
            setattr(self, name, getattr(self._session, name)())

    def _reply(self, asked: dict[Any, Any], reply: Reply) -> None:
        number = asked.get("id")
        self.send({
            "id": number if isinstance(number, int) else 0, "do": str(asked.get("do", ""))[:40], "ok": reply.ok,
            "say": reply.say, "changed_on_disk": reply.changed_on_disk, **reply.more,
        })  # fmt: skip
