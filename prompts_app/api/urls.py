from django.urls import path

from prompts_app.api import views

urlpatterns = [
    path("prompts/", views.PromptList.as_view(), name="prompt-list"),
    path("prompts/<str:name>/", views.PromptDetail.as_view(), name="prompt-detail"),
    path("prompts/<str:name>/versions/", views.VersionList.as_view(), name="prompt-version-list"),
]
