from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "llmops.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models must be loaded first.
        from llmops.core.access import Action
        from llmops.core.selectors.audit import Fits
        from llmops.core.selectors.connections import has_connections
        from llmops.core.selectors.figures import core_figures
        from llmops.core.selectors.finding import connections_found
        from llmops.core.views.audit import audit_address
        from llmops.metrics import register_metrics
        from llmops.panels import (
            FirstStep,
            ListPlace,
            NavEntry,
            SearchKind,
            navigation_hits,
            register_first_step,
            register_lists,
            register_nav,
            register_search,
        )

        register_metrics(core_figures)
        register_nav(
            NavEntry("home", "Home", "home", "core:home", 0),
            NavEntry("models", "Models", "cpu", "core:connection-list", 80),
            NavEntry("settings", "Settings", "settings", "core:settings", 90),
        )
        register_lists(
            ListPlace("audit", "settings", "All entries", Fits._fields, audit_address, needs=Action.READ_AUDIT)
        )
        register_search(
            SearchKind("Models", "cpu", 80, connections_found), SearchKind("Pages", "arrow-right", 90, navigation_hits)
        )
        register_first_step(
            FirstStep(
                "connect-model",
                "Connect a model",
                "With a key of OpenAI, Anthropic or Cohere, a server of your own, or Practice, which is free.",
                "Connect a model",
                "core:connection-new",
                10,
                has_connections,
                needs=Action.EDIT_CONNECTION,
            )
        )
