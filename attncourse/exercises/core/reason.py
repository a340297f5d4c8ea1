"""Why something is as it is, as data: a key and the values that belong to it.

Logic compares and stores reasons; `messages` makes the sentence, at the edge.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

Plain: TypeAlias = "bool | int | float | str | list[Plain] | Reason | None"

#: The key of a text that stands elsewhere; text and place are among its values.
DECLARED = "declared"


@dataclass(frozen=True)
class Reason:
    """A key with values, which may be reasons again.

    Attributes:
        key: which message of `messages.MESSAGES` it is.
        values: plain data for it; tuples become lists, as they do on a journey.
    """

    key: str
    values: Mapping[str, Plain] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", {k: _plain(v) for k, v in self.values.items()})

    def to_plain(self) -> dict[str, Any]:
        """Dictionaries and lists alone, for JSON."""
        return {"key": self.key, "values": {k: _packed(v) for k, v in self.values.items()}}

    @classmethod
    def from_plain(cls, data: Any) -> Self:
        """Read what `to_plain` made.

        Raises:
            ValueError: it did not make this.
        """
        try:
            return cls(str(data["key"]), {str(k): _unpacked(v) for k, v in data["values"].items()})
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a reason: {error}") from error


def reason(key: str, **values: Any) -> Reason:
    """A reason, its values by name."""
    return Reason(key, values)


def declared(place: str, text: str, **values: Any) -> Reason:
    """A text that stands where it belongs, such as in an exercise, known to a catalogue by a place.

    Args:
        place: such as ``lesson/exercise/name``.
        text: the English text, a format string if there are values.
        values: what stands in it.
    """
    return Reason(DECLARED, {**values, "place": place, "text": text})


def _plain(value: Any) -> Plain:
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, Reason | bool | int | float | str):
        return value
    raise TypeError(f"{value!r} is no plain value")


def _packed(value: Plain) -> Any:
    if isinstance(value, Reason):
        return {"reason": value.to_plain()}
    return [_packed(each) for each in value] if isinstance(value, list) else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        return Reason.from_plain(value["reason"])
    return [_unpacked(each) for each in value] if isinstance(value, list) else value
