from django.apps import AppConfig


class EvalsConfig(AppConfig):
    name = "evals_app"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from llmops.panels import NavEntry, register_nav  # models must be loaded first

        register_nav(
            NavEntry("datasets", "Datasets", "table", "evals:dataset-list", 20),
            NavEntry("metrics", "Metrics", "ruler-2", "evals:evaluator-list", 30),
            NavEntry("runs", "Runs", "player-play", "evals:run-list", 40),
        )
