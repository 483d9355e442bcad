"""A sentence with values in it, kept apart, so that a saved run can be shown in another language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from badwire.util.numbers import plain, text


@dataclass(frozen=True)
class Message:
    """A template in the words of ``str.format`` and the values that fill it: ``Message("port {port}", port=7001)``.

    ``str()`` gives the sentence in English. Values are shown as people write them, by ``badwire.util.numbers.text``.
    """

    template: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, template: "str | Message", **values: object) -> "Message":
        """A template with its values; what is a Message already stays as it is."""
        if isinstance(template, Message):
            return template
        return cls(template, values)

    def __post_init__(self) -> None:
        str(self)  # a value that is missing is found where the message is made, and not where it is read

    def __str__(self) -> str:
        if not self.values:
            return self.template
        return self.template.format(**{name: text(value) for name, value in self.values.items()})

    def __bool__(self) -> bool:
        return bool(self.template)

    def to_json(self) -> dict[str, Any]:
        """The sentence, and what it was made from: ``{"text": …, "template": …, "values": {…}}``."""
        values = {name: plain(value) for name, value in self.values.items()}
        return {"text": str(self), "template": self.template, "values": values}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The message that ``to_json`` gave. Raises KeyError, TypeError, ValueError if it is none."""
        template, values = data["template"], data["values"]
        if not isinstance(template, str) or not isinstance(values, Mapping):
            raise TypeError("a message has a template and values")
        return cls(template, dict(values))
