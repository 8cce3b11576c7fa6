from django.apps import AppConfig


class EvalsConfig(AppConfig):
    name = "evals_app"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models must be loaded first.
        from evals_app.selectors.figures import run_figures
        from evals_app.selectors.finding import datasets_found, metrics_found, runs_found
        from evals_app.views.case_list import FILTER, case_list_address
        from evals_app.views.home import register
        from evals_app.views.run_list import FILTERS, run_list_address
        from llmops.metrics import register_metrics
        from llmops.panels import ListPlace, NavEntry, SearchKind, register_lists, register_nav, register_search

        register_nav(
            NavEntry("datasets", "Datasets", "table", "evals:dataset-list", 20),
            NavEntry("metrics", "Metrics", "ruler-2", "evals:evaluator-list", 30),
            NavEntry("runs", "Runs", "player-play", "evals:run-list", 40),
        )
        register_search(
            SearchKind("Datasets", "table", 20, datasets_found),
            SearchKind("Metrics", "ruler-2", 30, metrics_found),
            SearchKind("Runs", "player-play", 40, runs_found),
        )
        register_lists(
            ListPlace("runs", "runs", "All runs", FILTERS, run_list_address),
            ListPlace("cases", "datasets", "All cases", FILTER, case_list_address),
        )
        register()
        register_metrics(run_figures)
