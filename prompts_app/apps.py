from django.apps import AppConfig


class PromptsConfig(AppConfig):
    name = "prompts_app"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from llmops.panels import NavEntry, register_nav  # models must be loaded first

        register_nav(NavEntry("prompts", "Prompts", "message-2", "prompts:prompt-list", 10))
