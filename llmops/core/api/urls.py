from django.urls import path

from llmops.core.api import views

urlpatterns = [
    path("connections/", views.ConnectionList.as_view(), name="connection-list"),
    path("connections/<str:name>/", views.ConnectionDetail.as_view(), name="connection-detail"),
    path("connections/<str:name>/test/", views.ConnectionTest.as_view(), name="connection-test"),
]
