"""Pages of the core, under /p/<project>/."""

from django.urls import path

from llmops.core.views import api_keys, audit, connections, finding, home, members, project, saved_views

urlpatterns = [
    path("", home.home, name="home"),
    path("search/", finding.project_search, name="search"),
    path("save-view/", saved_views.saved_view_new, name="saved-view-new"),
    path("views/<int:pk>/", saved_views.saved_view_edit, name="saved-view-edit"),
    path("views/<int:pk>/remove/", saved_views.saved_view_take_away, name="saved-view-remove"),
    path("views/<int:pk>/put-back/", saved_views.saved_view_back, name="saved-view-put-back"),
    path("models/", connections.connection_list, name="connection-list"),
    path("models/new/", connections.connection_new, name="connection-new"),
    path("models/<str:name>/edit/", connections.connection_edit, name="connection-edit"),
    path("models/<str:name>/test/", connections.connection_test, name="connection-test"),
    path("models/<str:name>/remove/", connections.connection_remove, name="connection-remove"),
    path("settings/", project.settings, name="settings"),
    path("settings/members/", members.member_list, name="member-list"),
    path("settings/members/invite/", members.member_invite, name="member-invite"),
    path("settings/members/<int:pk>/", members.member_edit, name="member-edit"),
    path("settings/members/<int:pk>/remove/", members.member_remove, name="member-remove"),
    path("settings/invitations/<int:pk>/resend/", members.invitation_resend, name="invitation-resend"),
    path("settings/invitations/<int:pk>/withdraw/", members.invitation_withdraw, name="invitation-withdraw"),
    path("settings/api-keys/", api_keys.api_key_list, name="api-key-list"),
    path("settings/api-keys/<int:pk>/revoke/", api_keys.api_key_revoke, name="api-key-revoke"),
    path("settings/audit/", audit.audit_trail, name="audit-trail"),
    path("settings/audit/export/", audit.audit_export, name="audit-export"),
]
