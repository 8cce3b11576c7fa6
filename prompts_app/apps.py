from django.apps import AppConfig


class PromptsConfig(AppConfig):
    name = "prompts_app"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models must be loaded first.
        from llmops.core.access import Action
        from llmops.panels import (
            FirstStep,
            ListPlace,
            NavEntry,
            SearchKind,
            register_first_step,
            register_home_panel,
            register_lists,
            register_nav,
            register_search,
        )
        from prompts_app.selectors import has_prompts, prompts_for_project
        from prompts_app.selectors.finding import prompts_found
        from prompts_app.views.prompts import FILTERS, prompt_list_address

        register_nav(NavEntry("prompts", "Prompts", "message-2", "prompts:prompt-list", 10))
        register_lists(ListPlace("prompts", "prompts", "All prompts", FILTERS, prompt_list_address))
        register_search(SearchKind("Prompts", "message-2", 10, prompts_found))
        register_first_step(
            FirstStep(
                "write-prompt",
                "Write a prompt",
                "Tell the model how to behave and where a person’s question goes in. You can try it at once.",
                "Write a prompt",
                "prompts:prompt-new",
                20,
                has_prompts,
                needs=Action.EDIT_PROMPT,
            )
        )
        register_home_panel(
            "prompts_app/_home_panel.html",
            lambda request: {"prompts": prompts_for_project(request.project)[:5]},
        )
