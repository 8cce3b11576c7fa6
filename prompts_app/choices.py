"""Enumerations of prompts."""

from enum import StrEnum


class PromptKind(StrEnum):
    """A chat prompt is a list of messages, a text prompt one text sent as the user's message."""

    CHAT = "chat"
    TEXT = "text"
