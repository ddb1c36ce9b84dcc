"""Turns a widget into what a browser has of it: messages go in, answers come back as JSON."""

import json


class Browser:
    """Stands at the other end of the comm: sends messages as the frontend does, keeps what the widget answers."""

    def __init__(self, widget):
        self.widget, self.answers = widget, []
        widget.send = lambda content: self.answers.append(json.loads(json.dumps(content)))

    def ask(self, **message):
        """Send a command, and return its answer."""
        self.widget._handle_custom_msg({"id": len(self.answers) + 1, **message}, [])
        return self.answers[-1]

    def key(self, words):
        """Return the key of the first row that has these words."""
        return next(row["key"] for row in self.widget.page["rows"] if words in json.dumps(row))
