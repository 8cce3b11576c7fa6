"""Pages of prompts, under /p/<project>/."""

from django.urls import path

from prompts_app.views import comparing, editor, prompts, trying, versions

urlpatterns = [
    path("prompts/", prompts.prompt_list, name="prompt-list"),
    path("new-prompt/", prompts.prompt_new, name="prompt-new"),
    path("prompts/<str:name>/", editor.prompt_detail, name="prompt-detail"),
    path("prompts/<str:name>/compare/", comparing.prompt_compare, name="prompt-compare"),
    path("prompts/<str:name>/versions/", versions.prompt_versions, name="prompt-versions"),
    path("prompts/<str:name>/restore/", versions.prompt_restore, name="prompt-restore"),
    path("prompts/<str:name>/duplicate/", versions.prompt_duplicate, name="prompt-duplicate"),
    path("prompts/<str:name>/variables/", editor.prompt_variables, name="prompt-variables"),
    path("prompts/<str:name>/try/", trying.prompt_try, name="prompt-try"),
    path("prompts/<str:name>/sent/", trying.prompt_sent, name="prompt-sent"),
    path("prompts/<str:name>/tags/", prompts.prompt_tags, name="prompt-tags"),
    path("prompts/<str:name>/archive/", prompts.prompt_archive, name="prompt-archive"),
    path("prompts/<str:name>/unarchive/", prompts.prompt_unarchive, name="prompt-unarchive"),
]
