"""The rule for names that stand in addresses."""

NAME_CHARS = 120


def name_problem(name: str) -> str:
    """What is wrong with a name for a prompt, dataset, evaluator or connection; empty when nothing is."""
    if not name.strip():
        return "Give it a name."
    if len(name) > NAME_CHARS:
        return f"A name has at most {NAME_CHARS} characters; this one has {len(name)}."
    if "/" in name or "\\" in name:
        return "A name may not contain a slash."
    if name != name.strip():
        return "A name may not begin or end with a space."
    if not name.isprintable():
        return "A name may only contain visible characters."
    if name in {".", ".."}:
        return "Choose a name with letters or digits."
    return ""
