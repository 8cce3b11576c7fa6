from prompts_app.models.prompt import Prompt, PromptVersion

__all__ = ["Prompt", "PromptVersion"]
