"""The networks that carry the mechanisms: `create` builds one by name, `available` lists them."""

from attncourse.models.registry import available, create

__all__ = ["available", "create"]
