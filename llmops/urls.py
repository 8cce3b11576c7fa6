"""All addresses: pages under the project's slug, machine routes under /api/."""

from django.conf import settings
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from llmops.core.views.account import account, account_password, sign_in_remove, sign_in_remove_others
from llmops.core.views.forgotten import password_forgotten, password_reset
from llmops.core.views.gallery import gallery
from llmops.core.views.health import livez, readyz
from llmops.core.views.joining import invitation
from llmops.core.views.metrics import metrics
from llmops.core.views.project import project_new
from llmops.core.views.sign_in import sign_in, sign_out
from llmops.core.views.start import start
from llmops.core.views.unknown import unknown_api_address

urlpatterns = [
    path("", start, name="start"),
    path("sign-in/", sign_in, name="login"),
    path("sign-out/", sign_out, name="logout"),
    path("forgotten-password/", password_forgotten, name="password-forgotten"),
    path("new-password/<str:token>/", password_reset, name="password-reset"),
    path("account/", account, name="account"),
    path("account/password/", account_password, name="account-password"),
    path("account/sign-ins/others/end/", sign_in_remove_others, name="sign-in-remove-others"),
    path("account/sign-ins/<str:mark>/end/", sign_in_remove, name="sign-in-remove"),
    path("new-project/", project_new, name="project-new"),
    path("invitations/<str:token>/", invitation, name="invitation"),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/", include(("llmops.core.api.urls", "core-api"))),
    path("api/v1/", include(("prompts_app.api.urls", "prompts-api"))),
    path("api/v1/", include(("evals_app.api.urls", "evals-api"))),
    path("api/<path:rest>", unknown_api_address, name="api-unknown"),
    path("p/<slug:project>/", include(("llmops.core.urls", "core"))),
    path("p/<slug:project>/", include(("prompts_app.urls", "prompts"))),
    path("p/<slug:project>/", include(("evals_app.urls", "evals"))),
]
handler400 = "llmops.core.views.refusals.not_understood"
handler404 = "llmops.core.views.refusals.page_not_found"
handler403 = "llmops.core.views.refusals.permission_denied"
if settings.DEBUG:
    urlpatterns.append(path("gallery/", gallery, name="gallery"))
