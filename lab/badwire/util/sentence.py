"""A sentence as a template and its values, so that a saved run can be shown in another language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from badwire.util.numbers import plain, text


@dataclass(frozen=True)
class Sentence:
    """A template for ``str.format``, and its values: ``Sentence.of("port {port} is open", port=7001)``.

    ``str()`` returns the English sentence, with each value formatted by ``badwire.util.numbers.text``. A sentence whose
    template is empty is false.

    Raises:
        KeyError, IndexError: the template has a field without a value.
    """

    template: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, template: "str | Sentence", **values: object) -> "Sentence":
        """Make a sentence from a template and its values; a ``Sentence`` is returned unchanged."""
        if isinstance(template, Sentence):
            return template
        return cls(template, values)

    def __post_init__(self) -> None:
        str(self)  # fails here, where the sentence is made, if a value is missing

    def __str__(self) -> str:
        if not self.values:
            return self.template
        texts = {name: text(value) for name, value in self.values.items()}
        return self.template.format(**texts)

    def __bool__(self) -> bool:
        return bool(self.template)

    def to_json(self) -> dict[str, Any]:
        """The English sentence, its template and its values: ``{"text": …, "template": …, "values": {…}}``."""
        values = {name: plain(value) for name, value in self.values.items()}
        return {
            "text": str(self),
            "template": self.template,
            "values": values,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Make a sentence from the result of ``to_json``.

        Raises:
            KeyError, TypeError, ValueError: ``data`` is not such a result.
        """
        template = data["template"]
        values = data["values"]
        if not isinstance(template, str) or not isinstance(values, Mapping):
            raise TypeError("a sentence has a template and values")
        return cls(template, dict(values))
