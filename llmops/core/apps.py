from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "llmops.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from llmops.panels import NavEntry, register_nav  # models must be loaded first

        register_nav(
            NavEntry("home", "Home", "home", "core:home", 0),
            NavEntry("models", "Models", "cpu", "core:connection-list", 80),
            NavEntry("settings", "Settings", "settings", "core:settings", 90),
        )
