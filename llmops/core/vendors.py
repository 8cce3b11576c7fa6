"""What people are told about each vendor, and which models are proposed while they type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmops.providers.base import LOCAL_MODEL, PRACTICE_MODELS, Vendor


@dataclass(frozen=True, slots=True)
class VendorCard:
    """A vendor in plain words. `key_from` says where its keys are made; `models` are proposals, no limit."""

    title: str
    summary: str
    icon: str
    key_from: str = ""
    key_example: str = ""
    models: tuple[str, ...] = ()


VENDORS: Mapping[Vendor, VendorCard] = {
    Vendor.OPENAI: VendorCard(
        title="OpenAI",
        summary="GPT models. You need a key from an OpenAI account; each answer is billed there.",
        icon="sparkles",
        key_from="Made at platform.openai.com, under API keys.",
        key_example="sk-…",
        models=(
            "gpt-4o-mini",
            "gpt-4o",
            "gpt-4.1",
            "gpt-4.1-mini",
            "gpt-5.4-nano",
            "gpt-5.4-mini",
            "gpt-5.5",
            "gpt-6-luna",
            "gpt-6.1-sol",
        ),
    ),
    Vendor.ANTHROPIC: VendorCard(
        title="Anthropic",
        summary="Claude models. You need a key from an Anthropic account; each answer is billed there.",
        icon="sparkles",
        key_from="Made at console.anthropic.com, under API keys.",
        key_example="sk-ant-…",
        models=("claude-haiku-4-5", "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"),
    ),
    Vendor.COHERE: VendorCard(
        title="Cohere",
        summary="Command models. You need a key from a Cohere account; trial keys are free.",
        icon="sparkles",
        key_from="Made at dashboard.cohere.com, under API keys.",
        models=("command-r7b-12-2024", "command-r-08-2024", "command-r-plus-08-2024", "command-a-03-2025"),
    ),
    Vendor.OPENAI_COMPATIBLE: VendorCard(
        title="Another server",
        summary="Any OpenAI-compatible server: vLLM, Ollama, llama.cpp, or a gateway of your company.",
        icon="world",
    ),
    Vendor.LOCAL: VendorCard(
        title="Tiny local model",
        summary="A very small model that runs on this machine. For trying things out: its answers are weak.",
        icon="cpu",
        models=(LOCAL_MODEL,),
    ),
    Vendor.PRACTICE: VendorCard(
        title="Practice",
        summary="Answers without a model: repeats the question, says what you set, or, as banker, plays the bank of "
        "the demo. Free and instant.",
        icon="flask",
        models=PRACTICE_MODELS,
    ),
}
